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

/* The marks are in the directory that is watched. */
static int tell_moves(void *arg)
{
    const struct folder *folder = arg;
    struct folder in = *folder;
    weir_fs_watch watch;
    struct seen seen;

    make(folder, "in");
    make(folder, "out");
    put(folder, "in/f", "1", O_CREAT);
    put(folder, "out/f", "1", O_CREAT);
    CHECK(weir_dir_open(&in.dir, folder->dir, "in", 0) == 0);
    watch = begin(folder, "in", 0);
    move(folder, "in/f", "out/g");
    move(folder, "out/f", "in/h");
    put(folder, "in/i", "", O_CREAT);
    move(folder, "in/i", "in/h");
    CHECK(linkat(at(folder), "out/g", at(folder), "in/j", 0) == 0);
    seen = look(watch, &in, "");
    weir_fs_watch_close(watch);
    weir_dir_close(in.dir);
    CHECK_SEEN(seen, "moved removed f;moved replaced created h;created i;written i;renamed i h;"
                     "created j;");
    return 0;
}

TEST(what_leaves_is_removed_and_what_arrives_is_created)
{
    try_in_folder(tell_moves);
}

enum {
    LONG = 200, /* of a name: the buffer ends between the halves of a rename */
    RENAMES = 300
};

static int rename_long_names(void *arg)
{
    const struct folder *folder = arg;
    char from[LONG + 1], to[LONG + 1];
    struct weir_fs_watch_options options = {.rename_wait_ns = 1}; /* over before it is asked */
    struct weir_fs_event event;
    weir_fs_watch watch;
    int i;

    memset(from, 'x', sizeof from);
    memset(to, 'y', sizeof to);
    from[LONG] = to[LONG] = '\0';
    for (i = 0; i < RENAMES; i++) {
        from[snprintf(from, sizeof from, "%03d", i)] = 'x';
        put(folder, from, "", O_CREAT);
    }
    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &options) == 0);
    for (i = 0; i < RENAMES; i++) {
        from[snprintf(from, sizeof from, "%03d", i)] = 'x';
        to[snprintf(to, sizeof to, "%03d", i)] = 'y';
        move(folder, from, to);
    }
    for (i = 0; i < RENAMES; i++) {
        CHECK(weir_fs_watch_next(watch, &event) == 1 && event.kind == WEIR_FS_RENAMED);
        CHECK(atoi(event.path) == i && event.old_path && atoi(event.old_path) == i);
    }
    weir_fs_watch_close(watch);
    return 0;
}

TEST(renames_are_one_event_wherever_a_read_ends)
{
    try_in_folder(rename_long_names);
}

/* ---- everything below ---- */

static int tell_below(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch;
    struct seen seen;

    make(folder, "old");
    make(folder, "old/er");
    CHECK(symlinkat("/tmp", at(folder), "old/link") == 0);
    watch = begin(folder, ".", WEIR_ON);
    put(folder, "old/er/f", "1", O_CREAT);
    make(folder, "a");
    make(folder, "a/b");
    make(folder, "a/b/c");
    put(folder, "a/b/c/f", "1", O_CREAT);
    seen = look(watch, folder, "");
    CHECK_SEEN(seen, "created old/er/f;modified old/er/f;written old/er/f;dir created a;"
                     "dir created a/b;dir created a/b/c;created a/b/c/f;");
    put(folder, "a/b/c/f", "1", 0);
    move(folder, "a/b", "a/x");
    put(folder, "a/x/c/f", "1", 0);
    make(folder, "a/x/d");
    seen = look(watch, folder, "a/x/d/");
    CHECK_SEEN(seen, "modified a/b/c/f;written a/b/c/f;dir renamed a/b a/x;modified a/x/c/f;"
                     "written a/x/c/f;dir created a/x/d;");
    move(folder, "old/er", "a/x/er");
    put(folder, "a/x/er/f", "1", 0);
    drop(folder, "a/x/c/f", 0);
    drop(folder, "a/x/c", AT_REMOVEDIR);
    make(folder, "a/x/c");
    seen = look(watch, folder, "a/x/c/");
    CHECK_SEEN(seen, "dir renamed old/er a/x/er;modified a/x/er/f;written a/x/er/f;"
                     "removed a/x/c/f;dir removed a/x/c;dir created a/x/c;");
    weir_fs_watch_close(watch);
    return 0;
}

TEST(everything_below_is_watched_under_its_present_name)
{
    try_in_folder(tell_below);
}

static int tell_in_and_out(void *arg)
{
    const struct folder *folder = arg;
    struct folder in = *folder;
    weir_fs_watch watch;
    struct seen seen;

    make(folder, "in");
    make(folder, "in/a");
    make(folder, "in/a/b");
    make(folder, "out");
    make(folder, "out/c");
    put(folder, "out/c/f", "1", O_CREAT);
    CHECK(weir_dir_open(&in.dir, folder->dir, "in", 0) == 0);
    watch = begin(folder, "in", WEIR_ON);
    move(folder, "in/a", "out/a");
    seen = look(watch, &in, "");
    CHECK_SEEN(seen, "dir moved removed a;");
    put(folder, "out/a/b/f", "1", O_CREAT);
    move(folder, "out/c", "in/a");
    seen = look(watch, &in, "");
    CHECK_SEEN(seen, "dir moved replaced created a;created a/f;");
    put(folder, "in/a/f", "1", 0);
    put(folder, "out/a/b/f", "1", 0);
    move(folder, "in/a", "out/c");
    make(folder, "in/a");
    seen = look(watch, &in, "a/");
    CHECK_SEEN(seen, "modified a/f;written a/f;dir moved removed a;dir created a;");
    weir_fs_watch_close(watch);
    weir_dir_close(in.dir);
    return 0;
}

TEST(directories_move_in_with_what_they_have_and_out)
{
    try_in_folder(tell_in_and_out);
}

enum {
    ROUNDS = 20,
    LEVELS = 3,
    FILES = 200
};

/* While the watcher looks. */
static int grow(void *arg)
{
    const struct folder *folder = arg;
    char name[128];
    int i, j, k, len;

    for (i = 0; i < ROUNDS; i++) {
        len = snprintf(name, sizeof name, "r%d", i);
        for (j = 0; j < LEVELS; j++) {
            make(folder, name);
            for (k = 0; k < FILES; k++) {
                snprintf(name + len, sizeof name - (size_t)len, "/f%d", k);
                close(openat(at(folder), name, O_RDONLY | O_CREAT, 0600));
            }
            len += snprintf(name + len, sizeof name - (size_t)len, "/d");
        }
    }
    return 0;
}

static int count_growth(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch = begin(folder, ".", WEIR_ON);
    const int all = ROUNDS * LEVELS * (FILES + 1);
    struct weir_fs_event events[7];
    int count = 0, rc, i;
    weir_scope scope;
    weir_block block;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, grow, arg) == 0);
    while (count < all && (rc = weir_fs_watch_next_some(watch, events, 7)) > 0) {
        for (i = 0; i < rc; i++)
            CHECK(events[i].kind == WEIR_FS_CREATED);
        count += rc;
    }
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_fs_watch_next(watch, events) == WEIR_EDEADLINE); /* nothing is told twice */
    CHECK(weir_block_end(&block));
    CHECK(count == all);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(directories_that_are_filled_as_they_come_are_told_once_and_whole)
{
    try_in_folder(count_growth);
}

/* ---- limits ---- */

static int overflow(void *arg)
{
    const struct folder *folder = arg;
    struct weir_fs_event event;
    weir_fs_watch watch;
    struct seen seen;
    char name[32];
    int i, rc;

    make(folder, "here");
    make(folder, "gone");
    watch = begin(folder, ".", WEIR_ON);
    for (i = 0; i < 9000; i++) {
        snprintf(name, sizeof name, "here/%d", i);
        close(openat(at(folder), name, O_RDONLY | O_CREAT, 0600));
        drop(folder, name, 0);
    }
    move(folder, "here", "there"); /* nobody hears of these */
    make(folder, "new");
    drop(folder, "gone", AT_REMOVEDIR);
    while ((rc = weir_fs_watch_next(watch, &event)) == 1 && event.kind != WEIR_FS_RESCAN)
        ;
    CHECK(rc == 1 && event.path[0] == '\0');
    (void)look(watch, folder, "");
    put(folder, "there/f", "1", O_CREAT);
    put(folder, "new/f", "1", O_CREAT);
    make(folder, "gone");
    put(folder, "gone/f", "", O_CREAT);
    seen = look(watch, folder, "there/");
    CHECK_SEEN(seen, "created there/f;modified there/f;written there/f;created new/f;"
                     "modified new/f;written new/f;dir created gone;created gone/f;");
    weir_fs_watch_close(watch);
    return 0;
}

TEST(after_an_overflow_everything_is_watched_again)
{
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    int most = 0, n = file ? fscanf(file, "%d", &most) : 0;

    if (file)
        fclose(file);
    if (n != 1 || most > 17000)
        skip("the kernel's queue is longer here");
    try_in_folder(overflow);
}

static int too_many(void *arg)
{
    const struct folder *folder = arg;
    struct weir_fs_watch_options options = {.recursive = WEIR_ON, .names_max = 2};
    struct weir_fs_event event;
    weir_fs_watch watch;

    make(folder, "a");
    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &options) == 0);
    make(folder, "b");
    CHECK(weir_fs_watch_next(watch, &event) == 1 && event.kind == WEIR_FS_CREATED);
    CHECK(weir_fs_watch_next(watch, &event) == 1 && event.kind == WEIR_FS_ERROR);
    CHECK(event.error == WEIR_ELIMIT && strcmp(event.path, "b") == 0);
    drop(folder, "a", AT_REMOVEDIR);
    CHECK(weir_fs_watch_next(watch, &event) == 1 && event.kind == WEIR_FS_REMOVED);
    make(folder, "c");
    put(folder, "c/f", "", O_CREAT);
    CHECK(weir_fs_watch_next(watch, &event) == 1 && event.kind == WEIR_FS_CREATED);
    CHECK(weir_fs_watch_next(watch, &event) == 1 && event.kind == WEIR_FS_CREATED);
    CHECK(strcmp(event.path, "c/f") == 0);
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_directory_beyond_the_limit_is_told_as_an_error)
{
    try_in_folder(too_many);
}

/* ---- the end of the root ---- */

static int end_of_root(void *arg)
{
    const struct folder *folder = arg;
    struct weir_fs_event event;
    weir_fs_watch watch;
    int i;

    for (i = 0; i < 4; i++) {
        make(folder, "root");
        watch = begin(folder, "root", i & 1 ? WEIR_ON : 0);
        if (i & 2)
            drop(folder, "root", AT_REMOVEDIR);
        else
            move(folder, "root", "elsewhere");
        CHECK(weir_fs_watch_next(watch, &event) == 1 && event.kind == WEIR_FS_GONE);
        CHECK(event.moved == !(i & 2) && event.path[0] == '\0');
        CHECK(weir_fs_watch_next(watch, &event) == 0);
        CHECK(weir_fs_watch_next(watch, &event) == 0);
        weir_fs_watch_close(watch);
        if (!(i & 2))
            drop(folder, "elsewhere", AT_REMOVEDIR);
    }
    return 0;
}

TEST(the_end_of_the_root_is_told_and_is_the_end)
{
    try_in_folder(end_of_root);
}

/* ---- one file ---- */

static struct seen save(weir_fs_watch watch, uint32_t last)
{
    struct weir_fs_event event = {0};
    struct seen seen = {.len = 0};

    while (event.kind != last && weir_fs_watch_next(watch, &event) == 1) {
        CHECK(event.path[0] == '\0');
        note(&seen, &event);
    }
    return seen;
}

static int save_file(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch watch;
    struct seen seen;
    int i;

    put(folder, "f", "1", O_CREAT);
    watch = begin(folder, "f", 0);
    put(folder, "other", "1", O_CREAT);
    for (i = 0; i < 3; i++) {
        put(folder, "f", "1", O_TRUNC); /* truncated and written */
        seen = save(watch, WEIR_FS_WRITTEN);
        CHECK_SEEN(seen, "modified ;written ;");
        put(folder, "new", "1", O_CREAT); /* written beside it and renamed */
        move(folder, "new", "f");
        seen = save(watch, WEIR_FS_CREATED);
        CHECK_SEEN(seen, "moved replaced created ;");
        move(folder, "f", "f~"); /* kept under another name, and written anew */
        put(folder, "f", "1", O_CREAT | O_EXCL);
        drop(folder, "f~", 0);
        seen = save(watch, WEIR_FS_WRITTEN);
        CHECK_SEEN(seen, "moved removed ;created ;modified ;written ;");
        drop(folder, "f", 0); /* removed and written anew */
        put(folder, "f", "1", O_CREAT | O_EXCL);
        seen = save(watch, WEIR_FS_WRITTEN);
        CHECK_SEEN(seen, "removed ;created ;modified ;written ;");
    }
    weir_fs_watch_close(watch);
    return 0;
}

TEST(a_file_is_watched_through_every_way_of_saving_it)
{
    try_in_folder(save_file);
}

/* ---- editors ---- */

static const char *const editors[][2] = {
    {"vim", "vim -u NONE -es -c 's/$/x/' -c wq f"},
    {"vim", "vim -u NONE -es -c 'set backup backupcopy=no' -c 's/$/x/' -c wq f"},
    {"vim", "vim -u NONE -es -c 'set backup backupcopy=yes' -c 's/$/x/' -c wq f"},
    {"vim", "vim -u NONE -es -c 'set nowritebackup' -c 's/$/x/' -c wq f"},
    {"ed", "printf '1s/$/x/\\nw\\nq\\n' | ed -s f"},
    {"sed", "sed -i s/$/x/ f"},
    {"sed", "sed -i.bak s/$/x/ f"},
    {"sh", "echo more >> f"},
    {"sh", "echo all > f"},
    {"cp", "cp f g && cp g f"},
    {"mv", "cp f g && mv g f"},
    {"install", "cp f g && install -m 600 g f"},
};

static void run_editor(const struct folder *folder, const char *line)
{
    char command[256];

    snprintf(command, sizeof command, "cd %s && { %s; } >/dev/null 2>&1", folder->path, line);
    CHECK(system(command) == 0);
}

static bool is_here(const char *program)
{
    char command[64];

    snprintf(command, sizeof command, "command -v %s >/dev/null", program);
    return system(command) == 0;
}

/* The last that is told of the file is that it has new contents. */
static bool tells_contents(const struct seen *seen)
{
    char *part, *rest, text[sizeof seen->text];
    bool has = false;

    memcpy(text, seen->text, sizeof text);
    for (part = strtok_r(text, ";", &rest); part; part = strtok_r(NULL, ";", &rest)) {
        size_t len = strlen(part);

        if (len >= 2 && strcmp(part + len - 2, " f") == 0 && !strstr(part, "attributes"))
            has = !strstr(part, "removed");
    }
    return has;
}

static int edit(void *arg)
{
    const struct folder *folder = arg;
    weir_fs_watch all, one;
    struct weir_fs_event event;
    struct seen seen;
    size_t i;
    int round;

    put(folder, "f", "line\n", O_CREAT);
    all = begin(folder, ".", 0);
    one = begin(folder, "f", 0);
    for (i = 0; i < sizeof editors / sizeof *editors; i++) {
        if (!is_here(editors[i][0]))
            continue;
        for (round = 0; round < 2; round++) {
            run_editor(folder, editors[i][1]);
            seen = look(all, folder, "");
            if (!tells_contents(&seen)) {
                fprintf(stderr, "%s: %s\n", editors[i][1], seen.text);
                CHECK(!"a save is told");
            }
            /* the last of a save is never that the file is gone */
            do
                CHECK(weir_fs_watch_next(one, &event) == 1);
            while (event.kind != WEIR_FS_WRITTEN
                   && !(event.kind == WEIR_FS_CREATED && event.replaced));
        }
    }
    weir_fs_watch_close(one);
    weir_fs_watch_close(all);
    return 0;
}

TEST(saves_of_real_editors_are_told)
{
    try_in_folder(edit);
}

/* ---- becoming one ---- */

static int merge(void *arg)
{
    const struct folder *folder = arg;
    struct weir_fs_watch_options options = {.coalesce_ns = WEIR_SECONDS(5)};
    weir_fs_watch watch;
    struct seen seen;
    int i;

    put(folder, "f", "1", O_CREAT);
    put(folder, "h", "1", O_CREAT);
    put(folder, "i", "1", O_CREAT);
    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &options) == 0);
    for (i = 0; i < 5; i++)
        put(folder, "f", "1", 0);
    put(folder, "made", "1", O_CREAT);
    put(folder, "short", "1", O_CREAT);
    drop(folder, "short", 0);
    put(folder, "h", "1", 0);
    drop(folder, "h", 0);
    drop(folder, "i", 0);
    put(folder, "i", "1", O_CREAT);
    put(folder, "tmp", "1", O_CREAT);
    move(folder, "tmp", "f");
    make(folder, "d");
    drop(folder, "d", AT_REMOVEDIR);
    seen = look(watch, folder, "");
    CHECK_SEEN(seen, "written f;created made;removed h;replaced created i;replaced created f;"
                     "dir created d;dir removed d;");
    weir_fs_watch_close(watch);
    return 0;
}

TEST(events_within_the_window_become_one)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};
    struct folder folder;

    folder_make_quick(&folder);
    assert_int_equal(weir_run(merge, &folder, &options), 0);
    assert_checks();
    folder_clean(&folder);
}

/* ---- calls ---- */

static int busy, closed; /* how many calls have ended so */

static int wait_for_close(void *arg)
{
    struct weir_fs_event event;
    int rc = weir_fs_watch_next(*(weir_fs_watch *)arg, &event);

    CHECK(rc == WEIR_EBUSY || rc == WEIR_ECLOSED);
    ADD(*(rc == WEIR_EBUSY ? &busy : &closed), 1);
    return 0;
}

static int use_wrongly(void *arg)
{
    const struct folder *folder = arg;
    struct weir_fs_watch_options wrong = {.recursive = 3}, deep = {.recursive = WEIR_ON};
    weir_fs_watch watch = {0}, none = {0};
    struct weir_fs_event event;
    char path[5000];
    weir_scope scope;
    weir_block block;

    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    put(folder, "f", "", O_CREAT);
    CHECK(symlinkat("loop", at(folder), "loop") == 0);
    CHECK(weir_fs_watch_open(&watch, folder->dir, "none", NULL) == WEIR_ENOENT);
    CHECK(weir_fs_watch_open(&watch, folder->dir, "f/below", NULL) == WEIR_ENOTDIR);
    CHECK(weir_fs_watch_open(&watch, folder->dir, "f", &deep) == WEIR_ENOTDIR);
    CHECK(weir_fs_watch_open(&watch, folder->dir, "loop", NULL) == WEIR_ELOOP);
    CHECK(weir_fs_watch_open(&watch, folder->dir, path, NULL) == WEIR_ENAMETOOLONG);
    CHECK(weir_fs_watch_open(&watch, folder->dir, ".", &wrong) == WEIR_EOPTION);
    CHECK(weir_fs_watch_open(&watch, (weir_dir){77}, ".", NULL) == WEIR_EBADHANDLE);
    CHECK(watch.id == 0);
    CHECK(weir_fs_watch_next(none, &event) == WEIR_EBADHANDLE);
    weir_fs_watch_close(none);
    watch = begin(folder, ".", 0);
    CHECK(weir_fs_watch_next_some(watch, &event, 0) == WEIR_EINVAL);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(2)) == 0);
    CHECK(weir_fs_watch_next(watch, &event) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_scope_open(&scope) == 0);
    busy = closed = 0;
    CHECK(weir_spawn(&scope, wait_for_close, &watch) == 0);
    CHECK(weir_spawn(&scope, wait_for_close, &watch) == 0);
    YIELD_UNTIL(SEE(busy) == 1); /* so the other one is inside */
    weir_fs_watch_close(watch);
    CHECK(weir_scope_join(&scope) == 0 && closed == 1);
    CHECK(weir_fs_watch_next(watch, &event) == WEIR_EBADHANDLE);
    return 0;
}

TEST(wrong_use_is_refused)
{
    weir_fs_watch watch = {0};
    struct weir_fs_event event;

    assert_int_equal(weir_fs_watch_open(&watch, weir_cwd(), ".", NULL), WEIR_ENOTASK);
    assert_int_equal(weir_fs_watch_next(watch, &event), WEIR_ENOTASK);
    try_in_folder(use_wrongly);
}
