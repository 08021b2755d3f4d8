/* test/os/fs_watch_random.c - a tree changes by chance, and who only hears of it knows it.
 *
 * A mirror of the tree is kept from what is told. After a number of changes, which are made while
 * the watcher looks, both are the same, and so they are after more changes: nothing is lost, no
 * directory is left unwatched, and no path is out of date. Where the watcher says that it has lost
 * something, which is rare, the mirror is made anew.
 */
#include "test.h"

#include <unistd.h>

#include "support/folder.h"
#include "support/run.h"

none_on_sim("there are no events of the kernel")

    enum {
    NAMES = 4, /* of each directory */
    DEPTH = 4,
    STEPS = 150,
    ROUNDS = 12,
    PATHS_MAX = 8192
};

/* ---- the mirror ---- */

struct mirror {
    char *paths[PATHS_MAX];
    int count;
    bool lost;
};

static bool is_under(const char *path, const char *above)
{
    size_t len = strlen(above);

    return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool has(const struct mirror *mirror, const char *path)
{
    int i;

    for (i = 0; i < mirror->count && strcmp(mirror->paths[i], path) != 0; i++)
        ;
    return i < mirror->count;
}

static void add(struct mirror *mirror, const char *path)
{
    if (has(mirror, path) || mirror->count == PATHS_MAX)
        return;
    mirror->paths[mirror->count++] = strdup(path);
}

static void take_out(struct mirror *mirror, const char *path)
{
    int i = 0;

    while (i < mirror->count) {
        if (!is_under(mirror->paths[i], path)) {
            i++;
            continue;
        }
        free(mirror->paths[i]);
        mirror->paths[i] = mirror->paths[--mirror->count];
    }
}

static void rename_in(struct mirror *mirror, const char *from, const char *to)
{
    char path[256];
    int i;

    take_out(mirror, to);
    for (i = 0; i < mirror->count; i++) {
        if (!is_under(mirror->paths[i], from))
            continue;
        snprintf(path, sizeof path, "%s%s", to, mirror->paths[i] + strlen(from));
        free(mirror->paths[i]);
        mirror->paths[i] = strdup(path);
    }
    add(mirror, to);
}

static void apply(struct mirror *mirror, const struct weir_fs_event *event)
{
    if (event->kind > WEIR_FS_RESCAN)
        fprintf(stderr, "%s %s %s\n", weir_fs_event_name(event->kind), event->path,
                weir_error_name(event->error));
    CHECK(event->kind <= WEIR_FS_RESCAN);
    mirror->lost |= event->kind == WEIR_FS_RESCAN;
    if (event->kind == WEIR_FS_CREATED)
        add(mirror, event->path);
    else if (event->kind == WEIR_FS_REMOVED)
        take_out(mirror, event->path);
    else if (event->kind == WEIR_FS_RENAMED)
        rename_in(mirror, event->old_path, event->path);
}

static void make_anew(struct mirror *mirror, const struct folder *folder)
{
    struct weir_walk_entry entry;
    weir_walk *walk;

    while (mirror->count)
        free(mirror->paths[--mirror->count]);
    CHECK(weir_walk_open(&walk, folder->dir, "in", NULL) == 0);
    while (weir_walk_next(walk, &entry) == 1)
        add(mirror, entry.path);
    weir_walk_close(walk);
    mirror->lost = false;
}

/* Every name of the tree is in the mirror, and nothing else. */
static bool compare(const struct mirror *mirror, const struct folder *folder)
{
    struct weir_walk_entry entry;
    weir_walk *walk;
    int count = 0;
    bool same = true;

    CHECK(weir_walk_open(&walk, folder->dir, "in", NULL) == 0);
    while (weir_walk_next(walk, &entry) == 1) {
        count++;
        if (has(mirror, entry.path))
            continue;
        fprintf(stderr, "%s was not told\n", entry.path);
        same = false;
    }
    weir_walk_close(walk);
    if (same && count != mirror->count)
        fprintf(stderr, "%d are told, %d there\n", mirror->count, count);
    return same && count == mirror->count;
}

/* ---- changing ---- */

static uint32_t pick(uint64_t *state, uint32_t count)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % count;
}

/* A path in "in", rarely beside it; its directories need not be there. */
static void pick_path(uint64_t *state, char out[64])
{
    uint32_t depth = 1 + pick(state, DEPTH);

    out += sprintf(out, "%s", pick(state, 8) ? "in" : "out");
    while (depth--)
        out += sprintf(out, "/%u", pick(state, NAMES));
}

static void change(const struct folder *folder, uint64_t *state)
{
    int fd, at = weir_dir_descriptor(folder->dir);
    char path[64], to[64];

    pick_path(state, path);
    pick_path(state, to);
    switch (pick(state, 8)) {
    case 0:
    case 1:
    case 2:
        (void)mkdirat(at, path, 0700);
        break;
    case 3:
    case 4:
        fd = openat(at, path, O_WRONLY | O_CREAT, 0600);
        if (fd >= 0)
            close(fd);
        break;
    case 5:
    case 6:
        (void)renameat(at, path, at, to);
        break;
    default:
        if (unlinkat(at, path, 0) < 0)
            (void)unlinkat(at, path, AT_REMOVEDIR);
    }
}

struct run {
    const struct folder *folder;
    uint64_t state;
    int round;
};

static int change_much(void *arg)
{
    struct run *run = arg;
    char mark[32];
    int i;

    for (i = 0; i < STEPS; i++) {
        change(run->folder, &run->state);
        if (pick(&run->state, 16) == 0)
            CHECK(weir_yield() == 0);
    }
    snprintf(mark, sizeof mark, "in/mark%d", run->round);
    close(openat(weir_dir_descriptor(run->folder->dir), mark, O_RDONLY | O_CREAT, 0600));
    return 0;
}

static int mirror_changes(const struct folder *folder, uint64_t seed, int64_t coalesce_ns)
{
    struct weir_fs_watch_options options = {.recursive = WEIR_ON, .coalesce_ns = coalesce_ns};
    struct run run = {folder, seed, 0};
    static struct mirror mirror;
    weir_fs_watch watch;
    weir_scope scope;
    char mark[32];
    int rescans = 0;
    bool same = true;

    CHECK(weir_fs_watch_open(&watch, folder->dir, "in", &options) == 0);
    for (; run.round < ROUNDS && same; run.round++) {
        struct weir_fs_event events[16];
        bool marked = false;
        int i, rc = 0;

        snprintf(mark, sizeof mark, "mark%d", run.round);
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, change_much, &run) == 0);
        while (!marked && (rc = weir_fs_watch_next_some(watch, events, 16)) > 0) {
            for (i = 0; i < rc; i++) {
                apply(&mirror, &events[i]);
                marked |= strcmp(events[i].path, mark) == 0;
            }
        }
        if (!marked)
            fprintf(stderr, "%s instead of an event\n", weir_error_name(rc));
        CHECK(weir_scope_join(&scope) == 0);
        rescans += mirror.lost;
        if (mirror.lost)
            make_anew(&mirror, folder);
        same = marked && compare(&mirror, folder);
    }
    weir_fs_watch_close(watch);
    while (mirror.count)
        free(mirror.paths[--mirror.count]);
    if (!same)
        fprintf(stderr, "seed %d, round %d\n", (int)seed, run.round);
    CHECK(same && rescans < ROUNDS / 2);
    return 0;
}

static int try_seeds(void *arg)
{
    const struct folder *folder = arg;
    /* those above 8 have found something */
    static const uint64_t seeds[] = {1,   2,   3,   4,   5,   6,   7,   8,
                                     164, 186, 188, 202, 210, 217, 218, 835};
    int at = weir_dir_descriptor(folder->dir);
    size_t i;

    for (i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        CHECK(mkdirat(at, "in", 0700) == 0 && mkdirat(at, "out", 0700) == 0);
        (void)mirror_changes(folder, seeds[i], seeds[i] % 4 ? 0 : WEIR_MILLISECONDS(1));
        CHECK(weir_dir_remove_tree(folder->dir, "in", NULL) == 0);
        CHECK(weir_dir_remove_tree(folder->dir, "out", NULL) == 0);
    }
    return 0;
}

TEST(a_mirror_of_what_is_told_is_the_tree)
{
    struct folder folder;

    folder_make_quick(&folder);
    assert_int_equal(run_with(try_seeds, &folder, 2), 0);
    folder_clean(&folder);
}
