/* test/fault/fs_watch.c - watching while the n-th allocation or system call fails.
 *
 * What is lost is told: a change is either told itself, or by a rescan, an error or the end.
 */
#include "test.h"

#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"
#include "support/faults.h"
#include "support/folder.h"

static struct folder folder;

static int make_changes(void)
{
    int at = weir_dir_descriptor(folder.dir);

    (void)unlinkat(at, "in/new/f", 0);
    (void)unlinkat(at, "in/moved/f", 0);
    (void)unlinkat(at, "in/new", AT_REMOVEDIR);
    (void)unlinkat(at, "in/moved", AT_REMOVEDIR);
    if (mkdirat(at, "in/new", 0700) < 0)
        return 1;
    close(openat(at, "in/new/f", O_RDONLY | O_CREAT, 0600));
    if (renameat(at, "in/new", at, "in/moved") < 0)
        return 1;
    close(openat(at, "in/moved/f", O_WRONLY | O_CREAT, 0600));
    return 0;
}

static bool is_told(const struct weir_fs_event *event)
{
    return event->kind == WEIR_FS_RESCAN || event->kind == WEIR_FS_ERROR
           || event->kind == WEIR_FS_GONE || strcmp(event->path, "in/moved/f") == 0;
}

static int watch_changes(const struct weir_fs_watch_options *options)
{
    struct weir_fs_event event = {0};
    weir_fs_watch watch;
    weir_block block;
    int rc = weir_fs_watch_open(&watch, folder.dir, ".", options);

    if (rc < 0)
        return rc;
    rc = make_changes();
    if (rc == 0)
        rc = weir_deadline_begin(&block, WEIR_SECONDS(20));
    if (rc == 0) {
        do
            rc = weir_fs_watch_next(watch, &event);
        while (rc == 1 && !is_told(&event));
        if (weir_block_end(&block))
            rc = 1; /* nothing was told */
        else
            rc = rc == 1 ? 0 : rc;
    }
    weir_fs_watch_close(watch);
    return rc;
}

static int watch_file(void)
{
    struct weir_fs_event event;
    weir_fs_watch watch;
    int rc = weir_fs_watch_open(&watch, folder.dir, "file", NULL);

    if (rc < 0)
        return rc;
    folder_put(&folder, "file", "again");
    rc = weir_fs_watch_next(watch, &event);
    weir_fs_watch_close(watch);
    return rc == 1 ? 0 : rc;
}

static int do_all(void *arg)
{
    struct weir_fs_watch_options events = {.recursive = WEIR_ON};
    struct weir_fs_watch_options window = {.recursive = WEIR_ON, .coalesce_ns = 1000};
    struct weir_fs_watch_options poll = {
        .recursive = WEIR_ON, .poll = WEIR_ON, .interval_ns = WEIR_MILLISECONDS(1)};
    int rc = watch_changes(&events);

    (void)arg;
    if (rc == 0)
        rc = watch_changes(&window);
    if (rc == 0)
        rc = watch_changes(&poll);
    return rc ? rc : watch_file();
}

static int run_once(void)
{
    struct weir_runtime_options options = {.workers = 1};

    return weir_run(do_all, NULL, &options);
}

static void each(enum weir__fault_kind kind)
{
    folder_make_quick(&folder);
    assert_int_equal(mkdirat(weir_dir_descriptor(folder.dir), "in", 0700), 0);
    folder_put(&folder, "file", "bytes");
    fail_each(run_once, kind);
    folder_clean(&folder);
}

TEST(watchers_tell_what_they_lose_when_memory_is_out)
{
    each(WEIR__FAULT_ALLOC);
}

TEST(watchers_tell_what_they_lose_when_calls_fail)
{
    each(WEIR__FAULT_CALL);
}
