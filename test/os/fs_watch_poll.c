/* test/os/fs_watch_poll.c - watching by looking, in virtual time. */
#include "test.h"

#include <unistd.h>

#include "support/folder.h"
#include "support/run.h"

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

/* Takes the events of one look, which a file of its own among them announces; says whether they are
 * these, in any order. */
static bool look(weir_fs_watch watch, const struct folder *folder, const char *expected)
{
    static int number;
    char mark[32], text[96], seen[1024] = ";";
    struct weir_fs_event events[64];
    bool marked = false, same = true;
    int i, rc;

    snprintf(mark, sizeof mark, "mark%d", ++number);
    put(folder, mark, "", O_CREAT);
    while (!marked && (rc = weir_fs_watch_next_some(watch, events, 64)) > 0) {
        for (i = 0; i < rc; i++) {
            if (strncmp(events[i].path, "mark", 4) == 0) {
                marked |= strcmp(events[i].path, mark) == 0;
                continue;
            }
            snprintf(text, sizeof text, "%s%s%s %s;", events[i].is_dir ? "dir " : "",
                     events[i].replaced ? "replaced " : "", weir_fs_event_name(events[i].kind),
                     events[i].path);
            strncat(seen, text, sizeof seen - strlen(seen) - 1);
            snprintf(text, sizeof text, ";%s%s%s %s;", events[i].is_dir ? "dir " : "",
                     events[i].replaced ? "replaced " : "", weir_fs_event_name(events[i].kind),
                     events[i].path);
            same &= strstr(expected, text) != NULL;
        }
    }
    if (!same || strlen(seen) != strlen(expected)) {
        fprintf(stderr, "  seen     %s\n  expected %s\n", seen, expected);
        return false;
    }
    return marked;
}

static weir_fs_watch begin(const struct folder *folder, const char *path, uint8_t recursive)
{
    struct weir_fs_watch_options options = {.poll = WEIR_ON, .recursive = recursive};
    weir_fs_watch watch = {0};

    CHECK(weir_fs_watch_open(&watch, folder->dir, path, &options) == 0);
    return watch;
}

static void try_in_folder(weir_task_fn *fn)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};
    struct folder folder;

    folder_make_quick(&folder);
    assert_int_equal(weir_run(fn, &folder, &options), 0);
    assert_checks();
    folder_clean(&folder);
}

static int look_at_one(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch;

    put(folder, "f", "1", O_CREAT);
    put(folder, "g", "1", O_CREAT);
    CHECK(mkdirat(at(folder), "d", 0700) == 0);
    watch = begin(folder, ".", 0);
    put(folder, "f", "22", 0);
    CHECK(fchmodat(at(folder), "g", 0640, 0) == 0);
    put(folder, "h", "1", O_CREAT);
    put(folder, "d/below", "1", O_CREAT);
    CHECK(look(watch, folder, ";modified f;attributes g;created h;"));
    CHECK(renameat(at(folder), "h", at(folder), "f") == 0);
    CHECK(unlinkat(at(folder), "g", 0) == 0);
    CHECK(look(watch, folder, ";replaced created f;removed h;removed g;"));
    CHECK(unlinkat(at(folder), "d/below", 0) == 0);
    CHECK(unlinkat(at(folder), "d", AT_REMOVEDIR) == 0);
    put(folder, "d", "1", O_CREAT);
    CHECK(look(watch, folder, ";dir removed d;created d;"));
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_look_finds_what_has_changed_in_a_directory)
{
    try_in_folder(look_at_one);
}

static int look_below(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch;

    CHECK(mkdirat(at(folder), "d", 0700) == 0);
    put(folder, "d/f", "1", O_CREAT);
    watch = begin(folder, ".", WEIR_ON);
    CHECK(mkdirat(at(folder), "d/e", 0700) == 0);
    put(folder, "d/e/g", "1", O_CREAT);
    put(folder, "d/f", "22", 0);
    CHECK(look(watch, folder, ";dir created d/e;created d/e/g;modified d/f;"));
    CHECK(renameat(at(folder), "d", at(folder), "x") == 0);
    CHECK(look(watch, folder,
               ";dir removed d;removed d/f;dir removed d/e;removed d/e/g;dir created x;"
               "created x/f;dir created x/e;created x/e/g;"));
    if (geteuid() != 0) {
        CHECK(fchmodat(at(folder), "x", 0, 0) == 0);
        CHECK(look(watch, folder, ";dir attributes x;dir error x;"));
        CHECK(fchmodat(at(folder), "x", 0700, 0) == 0);
        CHECK(look(watch, folder, ";dir attributes x;"));
    }
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_look_goes_through_everything_below)
{
    try_in_folder(look_below);
}

static int next_of(weir_fs_watch watch)
{
    struct weir_fs_event event;
    int rc = weir_fs_watch_next(watch, &event);

    return rc == 1 ? (int)event.kind : rc;
}

static int look_at_file(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch;
    weir_block block;

    put(folder, "f", "1", O_CREAT);
    put(folder, "g", "22", O_CREAT);
    watch = begin(folder, "f", 0);
    put(folder, "f", "2", O_APPEND);
    CHECK(next_of(watch) == WEIR_FS_MODIFIED);
    put(folder, "g", "33", O_APPEND);
    CHECK(renameat(at(folder), "g", at(folder), "f") == 0);
    CHECK(next_of(watch) == WEIR_FS_CREATED);
    CHECK(unlinkat(at(folder), "f", 0) == 0);
    CHECK(next_of(watch) == WEIR_FS_REMOVED);
    put(folder, "f", "1", O_CREAT);
    CHECK(next_of(watch) == WEIR_FS_CREATED);
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(10)) == 0);
    CHECK(next_of(watch) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_file_is_looked_at_by_its_name)
{
    try_in_folder(look_at_file);
}

static int look_for_root(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch;

    CHECK(mkdirat(at(folder), "root", 0700) == 0);
    watch = begin(folder, "root", WEIR_ON);
    CHECK(renameat(at(folder), "root", at(folder), "away") == 0);
    CHECK(next_of(watch) == WEIR_FS_GONE);
    CHECK(next_of(watch) == 0);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_root_that_is_not_found_is_gone)
{
    try_in_folder(look_for_root);
}

enum {
    MANY = 1000
};

static int look_at_many(void *arg)
{
    const struct folder *folder = arg;
    struct weir_fs_watch_options options = {
        .poll = WEIR_ON, .recursive = WEIR_ON, .names_max = MANY, .events_max = 100};
    int created = 0, removed = 0, errors = 0, i;
    struct weir_fs_event event;
    weir_fs_watch watch;
    char name[16];

    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &options) == 0);
    for (i = 0; i <= MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        put(folder, name, "", O_CREAT);
    }
    while (created + errors <= MANY && weir_fs_watch_next(watch, &event) == 1) {
        created += event.kind == WEIR_FS_CREATED;
        errors += event.kind == WEIR_FS_ERROR && event.error == WEIR_ELIMIT;
    }
    CHECK(created == MANY && errors == 1);
    for (i = 0; i <= MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        CHECK(unlinkat(at(folder), name, 0) == 0);
    }
    while (removed < MANY && weir_fs_watch_next(watch, &event) == 1)
        removed += event.kind == WEIR_FS_REMOVED;
    CHECK(removed == MANY);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_look_pauses_while_nobody_takes_what_it_has_found)
{
    try_in_folder(look_at_many);
}

static int ask_the_simulator(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch = {0};
    int rc = weir_fs_watch_open(&watch, folder->dir, ".", NULL);

    CHECK(rc == (test_simulated() ? WEIR_ENOTSUP : 0) && (rc == 0) == (watch.id != 0));
    weir_fs_watch_close(watch);
    return 0;
}

TEST(the_simulator_has_no_events_of_the_kernel)
{
    try_in_folder(ask_the_simulator);
}

static int wait_for_close(void *arg)
{
    return next_of(*(weir_fs_watch *)arg);
}

static int close_while_waiting(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch = begin(folder, ".", 0);
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_for_close, &watch) == 0);
    CHECK(weir_sleep_until(weir_now_ns() + (uint64_t)WEIR_MILLISECONDS(2500)) == 0);
    weir_fs_watch_close(watch);
    CHECK(weir_scope_join(&scope) == WEIR_ECLOSED);
    watch = begin(folder, ".", 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_for_close, &watch) == 0);
    CHECK(weir_sleep_until(weir_now_ns() + (uint64_t)WEIR_MILLISECONDS(2500)) == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_wait_for_the_next_look_is_stopped)
{
    try_in_folder(close_while_waiting);
}
