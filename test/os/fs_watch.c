/* test/os/fs_watch.c - watching by events of the kernel. */
#include "test.h"

#include <stdarg.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/run.h"

none_on_sim("there are no events of the kernel")

    struct seen {
    char text[4096];
    size_t len;
};

static void note(struct seen *seen, const struct weir_fs_event *event)
{
    int n =
        snprintf(seen->text + seen->len, sizeof seen->text - seen->len, "%s%s%s%s%s%s %s;",
                 event->is_dir ? "dir " : "", event->moved ? "moved " : "",
                 event->replaced ? "replaced " : "", weir_fs_event_name(event->kind),
                 event->old_path ? " " : "", event->old_path ? event->old_path : "", event->path);

    seen->len += n > 0 && seen->len + (size_t)n < sizeof seen->text ? (size_t)n : 0;
}

/* Makes a file, and takes everything up to its event. */
static struct seen look(weir_fs_watch watch, const struct folder *folder, const char *mark)
{
    static int number;
    struct weir_fs_event event;
    struct seen seen = {.len = 0};
    char name[64];
    int rc;

    snprintf(name, sizeof name, "%s.mark%d", mark, ++number);
    close(openat(weir_dir_descriptor(folder->dir), name, O_RDONLY | O_CREAT, 0600));
    while ((rc = weir_fs_watch_next(watch, &event)) == 1
           && (event.kind != WEIR_FS_CREATED || strcmp(event.path, name) != 0)) {
        if (!strstr(event.path, ".mark"))
            note(&seen, &event);
    }
    CHECK(rc == 1);
    return seen;
}

static void compare(const struct seen *seen, const char *expected, const char *place)
{
    if (strcmp(seen->text, expected) == 0)
        return;
    fprintf(stderr, "%s\n  seen     %s\n  expected %s\n", place, seen->text, expected);
    check_note(place);
}
#define CHECK_SEEN(seen, expected)                                                                 \
    compare(&(seen), expected, "line " CHECK_TEXT(__LINE__) ": other events")

static int at(const struct folder *folder)
{
    return weir_dir_descriptor(folder->dir);
}

static void put(const struct folder *folder, const char *name, const char *text, int flags)
{
    int fd = openat(at(folder), name, O_WRONLY | flags, 0600);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void move(const struct folder *folder, const char *from, const char *to)
{
    CHECK(renameat(at(folder), from, at(folder), to) == 0);
}

static void make(const struct folder *folder, const char *name)
{
    CHECK(mkdirat(at(folder), name, 0700) == 0);
}

static void drop(const struct folder *folder, const char *name, int flags)
{
    CHECK(unlinkat(at(folder), name, flags) == 0);
}

static weir_fs_watch begin(const struct folder *folder, const char *path, uint8_t recursive)
{
    struct weir_fs_watch_options options = {.recursive = recursive};
    weir_fs_watch watch = {0};

    CHECK(weir_fs_watch_open(&watch, folder->dir, path, &options) == 0);
    return watch;
}

/* A folder, a task with it, and its end. */
static void try_in_folder(weir_task_fn *fn)
{
    struct folder folder;

    folder_make_quick(&folder);
    assert_int_equal(run_with(fn, &folder, 2), 0);
    folder_clean(&folder);
}

/* ---- one directory ---- */

static int tell_names(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch = begin(folder, ".", 0);
    struct seen seen;

    put(folder, "a", "1", O_CREAT);
    put(folder, "a", "2", 0);
    CHECK(fchmodat(at(folder), "a", 0640, 0) == 0);
    move(folder, "a", "b");
    drop(folder, "b", 0);
    seen = look(watch, folder, "");
    CHECK_SEEN(seen, "created a;modified a;written a;modified a;written a;attributes a;"
                     "renamed a b;removed b;");
    make(folder, "d");
    put(folder, "d/below", "1", O_CREAT);
    CHECK(symlinkat("d", at(folder), "l") == 0);
    drop(folder, "d/below", 0);
    drop(folder, "d", AT_REMOVEDIR);
    seen = look(watch, folder, "");
    CHECK_SEEN(seen, "dir created d;created l;dir removed d;");
    weir_fs_watch_close(watch);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(what_happens_to_names_is_told_in_its_order)
{
    try_in_folder(tell_names);
}
