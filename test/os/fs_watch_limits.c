/* test/os/fs_watch_limits.c - the kernel's own limits, in a user namespace that has small ones. */
#include "test.h"

#include <sched.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/run.h"

none_on_sim("there are no events of the kernel")

    enum {
    WATCHES = 4,
    INSTANCES = 2
};

static bool limited;

static bool write_limit(const char *name, int value)
{
    char path[64], text[16];
    int fd, len = snprintf(text, sizeof text, "%d", value);
    bool done;

    snprintf(path, sizeof path, "/proc/sys/user/%s", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    done = fd >= 0 && write(fd, text, (size_t)len) == len;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Before there is a thread. From then on the program may not do what root may, either. */
static void __attribute__((constructor)) enter(void)
{
    limited = unshare(CLONE_NEWUSER) == 0 && write_limit("max_inotify_watches", WATCHES)
              && write_limit("max_inotify_instances", INSTANCES);
}

static void try_in_folder(weir_task_fn *fn)
{
    struct folder folder;

    if (!limited)
        skip("no user namespace with limits of its own here");
    folder_make_quick(&folder);
    assert_int_equal(run_with(fn, &folder, 2), 0);
    folder_clean(&folder);
}

static void make(const struct folder *folder, const char *name, mode_t mode)
{
    CHECK(mkdirat(weir_dir_descriptor(folder->dir), name, mode) == 0);
}

static struct weir_fs_event next(weir_fs_watch watch)
{
    struct weir_fs_event event = {0};

    CHECK(weir_fs_watch_next(watch, &event) == 1);
    return event;
}

/* The kernel counts what was closed for a moment still: watches and whole watchers. */
static weir_fs_watch open_after_close(const struct folder *folder)
{
    weir_fs_watch watch = {0};
    int rc;

    do {
        rc = weir_fs_watch_open(&watch, folder->dir, ".", NULL);
        CHECK(weir_yield() == 0);
    } while (rc == WEIR_ENOSPC || rc == WEIR_EMFILE);
    CHECK(rc == 0);
    return watch;
}

static int use_up_watches(void *arg)
{
    const struct folder *folder = arg;
    struct weir_fs_watch_options options = {.recursive = WEIR_ON};
    weir_fs_watch watch, other = {0};
    struct weir_fs_event event;
    char name[] = "a";

    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &options) == 0);
    for (; name[0] < 'a' + WATCHES - 1; name[0]++) {
        make(folder, name, 0700);
        CHECK(next(watch).kind == WEIR_FS_CREATED);
    }
    make(folder, "none", 0700);
    event = next(watch);
    CHECK(event.kind == WEIR_FS_CREATED && strcmp(event.path, "none") == 0);
    event = next(watch);
    CHECK(event.kind == WEIR_FS_ERROR && strcmp(event.path, "none") == 0);
    CHECK(event.error == WEIR_ENOSPC && event.is_dir);
    CHECK(weir_fs_watch_open(&other, folder->dir, ".", NULL) == WEIR_ENOSPC && other.id == 0);
    make(folder, "a/b", 0700);
    CHECK(next(watch).kind == WEIR_FS_CREATED); /* the others go on */
    CHECK(next(watch).kind == WEIR_FS_ERROR);
    weir_fs_watch_close(watch);
    weir_fs_watch_close(open_after_close(folder));
    return 0;
}

TEST(a_directory_for_which_the_kernel_has_no_watch_is_told)
{
    try_in_folder(use_up_watches);
}

static int use_up_instances(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watches[INSTANCES], other = {0};
    int i;

    for (i = 0; i < INSTANCES; i++)
        CHECK(weir_fs_watch_open(&watches[i], folder->dir, ".", NULL) == 0);
    CHECK(weir_fs_watch_open(&other, folder->dir, ".", NULL) == WEIR_EMFILE && other.id == 0);
    for (i = 0; i < INSTANCES; i++)
        weir_fs_watch_close(watches[i]);
    weir_fs_watch_close(open_after_close(folder));
    return 0;
}

TEST(watchers_beyond_the_limit_of_the_kernel_are_refused)
{
    try_in_folder(use_up_instances);
}

static int watch_closed_doors(void *arg)
{
    const struct folder *folder = arg;
    int at = weir_dir_descriptor(folder->dir);
    struct weir_fs_watch_options options = {.recursive = WEIR_ON};
    struct weir_fs_event event;
    weir_fs_watch watch = {0};

    make(folder, "shut", 0);
    CHECK(weir_fs_watch_open(&watch, folder->dir, "shut", NULL) == WEIR_EACCES && watch.id == 0);
    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &options) == 0);
    event = next(watch);
    CHECK(event.kind == WEIR_FS_ERROR && strcmp(event.path, "shut") == 0);
    CHECK(event.error == WEIR_EACCES && event.is_dir);
    CHECK(renameat(at, "shut", at, "moved") == 0);
    event = next(watch);
    CHECK(event.kind == WEIR_FS_RENAMED && strcmp(event.path, "moved") == 0);
    CHECK(next(watch).kind == WEIR_FS_ERROR);
    CHECK(unlinkat(at, "moved", AT_REMOVEDIR) == 0);
    CHECK(next(watch).kind == WEIR_FS_REMOVED);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_directory_that_may_not_be_read_is_told)
{
    try_in_folder(watch_closed_doors);
}

static int look_behind_closed_doors(void *arg)
{
    const struct folder *folder = arg;
    int at = weir_dir_descriptor(folder->dir);
    struct weir_fs_watch_options options = {
        .recursive = WEIR_ON, .poll = WEIR_ON, .interval_ns = WEIR_MILLISECONDS(1)};
    struct weir_fs_event event;
    weir_fs_watch watch = {0};

    make(folder, "d", 0700);
    make(folder, "d/below", 0700);
    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &options) == 0);
    CHECK(fchmodat(at, "d", 0, 0) == 0);
    CHECK(next(watch).kind == WEIR_FS_ATTRIBUTES);
    event = next(watch);
    CHECK(event.kind == WEIR_FS_ERROR && event.error == WEIR_EACCES);
    CHECK(strcmp(event.path, "d") == 0);
    CHECK(fchmodat(at, "d", 0700, 0) == 0);
    CHECK(next(watch).kind == WEIR_FS_ATTRIBUTES);
    CHECK(unlinkat(at, "d/below", AT_REMOVEDIR) == 0); /* it was never told as removed */
    event = next(watch);
    CHECK(event.kind == WEIR_FS_REMOVED && strcmp(event.path, "d/below") == 0);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(what_a_look_cannot_see_is_not_told_as_removed)
{
    try_in_folder(look_behind_closed_doors);
}
