/* test/os/dir_walk.c - walks through trees, and their removal. */
#include "test.h"

#include <fcntl.h>

#include "support/check.h"
#include "support/folder.h"
#include "support/run.h"

enum {
    DEEP = 60, /* more than are kept open */
    WIDE = 300
};

/* Makes a tree by plain calls: a chain of directories, each with a file and a link beside it, and
 * many files at the end. */
static void grow(const struct folder *folder, const char *name)
{
    int at = dup(weir_dir_descriptor(folder->dir)), next, i;
    char file[16];

    CHECK(mkdirat(at, name, 0700) == 0);
    next = openat(at, name, O_RDONLY | O_DIRECTORY);
    close(at);
    at = next;
    for (i = 0; i < DEEP; i++) {
        CHECK(mkdirat(at, ".deeper", 0700) == 0 && symlinkat("/", at, "a link out") == 0);
        close(openat(at, "z", O_WRONLY | O_CREAT, 0600));
        next = openat(at, ".deeper", O_RDONLY | O_DIRECTORY);
        close(at);
        at = next;
    }
    for (i = 0; i < WIDE; i++) {
        snprintf(file, sizeof file, "%d", i);
        next = openat(at, file, O_WRONLY | O_CREAT, 0600);
        CHECK(write(next, "12345678", 8) == 8);
        close(next);
    }
    close(at);
}

static int walk(void *arg)
{
    const struct folder *folder = arg;
    struct weir_walk_options options = {.after = WEIR_ON, .stat = WEIR_ON};
    int before = 0, after = 0, links = 0, files = 0;
    struct weir_walk_entry entry;
    uint64_t bytes = 0;
    weir_walk *walk;
    int rc;

    CHECK(weir_walk_open(&walk, folder->dir, "tree", &options) == 0);
    while ((rc = weir_walk_next(walk, &entry)) == 1) {
        CHECK(entry.error == 0 && (entry.stat || entry.after));
        before += entry.kind == WEIR_FILE_DIRECTORY && !entry.after;
        after += entry.after;
        links += entry.kind == WEIR_FILE_LINK;
        files += entry.kind == WEIR_FILE_REGULAR;
        if (entry.kind == WEIR_FILE_REGULAR && entry.stat)
            bytes += entry.stat->size;
        CHECK(strcmp(entry.path + strlen(entry.path) - strlen(entry.name), entry.name) == 0);
    }
    CHECK(rc == 0 && weir_walk_next(walk, &entry) == 0);
    weir_walk_close(walk);
    CHECK(before == DEEP && after == DEEP && links == DEEP && files == DEEP + WIDE);
    CHECK(bytes == 8 * WIDE);
    return 0;
}

TEST(a_walk_tells_everything_once)
{
    struct folder folder;

    folder_make_quick(&folder);
    grow(&folder, "tree");
    assert_int_equal(walk(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(walk, &folder, 2), 0);
    folder_clean(&folder);
}

static int skip_some(void *arg)
{
    const struct folder *folder = arg;
    struct weir_walk_options shallow = {.depth_max = 2}, wrong = {.stat = 3};
    struct weir_walk_entry entry;
    int count = 0, rc;
    weir_walk *walk;

    CHECK(weir_walk_open(&walk, folder->dir, "tree", NULL) == 0);
    while ((rc = weir_walk_next(walk, &entry)) == 1) {
        count++;
        if (entry.kind == WEIR_FILE_DIRECTORY && entry.depth == 3)
            weir_walk_skip(walk);
        CHECK(entry.depth <= 3);
    }
    CHECK(rc == 0 && count == 9);
    weir_walk_close(walk);
    CHECK(weir_walk_open(&walk, folder->dir, "tree", &shallow) == 0);
    for (count = 0; (rc = weir_walk_next(walk, &entry)) == 1; count++)
        CHECK(entry.depth <= 2);
    CHECK(rc == 0 && count == 6);
    weir_walk_close(walk);
    CHECK(weir_walk_open(&walk, folder->dir, "tree", &wrong) == WEIR_EOPTION);
    CHECK(weir_walk_open(&walk, folder->dir, "none", NULL) == WEIR_ENOENT);
    CHECK(weir_walk_open(&walk, folder->dir, "tree/z", NULL) == WEIR_ENOTDIR);
    weir_walk_close(NULL);
    return 0;
}

TEST(a_walk_leaves_out_what_it_is_told_to)
{
    struct folder folder;

    folder_make_quick(&folder);
    grow(&folder, "tree");
    assert_int_equal(run_with(skip_some, &folder, 1), 0);
    folder_clean(&folder);
}

static int remove_all(void *arg)
{
    const struct folder *folder = arg;
    struct weir_stat about;
    uint64_t removed = 0;

    CHECK(weir_dir_remove_tree(folder->dir, "tree", &removed) == 0);
    CHECK(removed == 3 * DEEP + WIDE + 1);
    CHECK(weir_dir_remove_tree(folder->dir, "tree", &removed) == WEIR_ENOENT && removed == 0);
    CHECK(weir_dir_symlink(folder->dir, "link", "kept") == 0);
    CHECK(weir_dir_remove_tree(folder->dir, "link", &removed) == 0 && removed == 1);
    CHECK(weir_dir_stat(folder->dir, "kept/file", 0, &about) == 0);
    CHECK(weir_dir_remove_tree(folder->dir, "kept/file", NULL) == 0);
    return 0;
}

TEST(a_tree_is_removed_and_nothing_beside_it)
{
    struct folder folder;
    char path[96];

    folder_make_quick(&folder);
    snprintf(path, sizeof path, "%s/kept", folder.path);
    assert_int_equal(mkdir(path, 0700), 0);
    folder_put(&folder, "kept/file", "x");
    grow(&folder, "tree");
    assert_int_equal(run_with(remove_all, &folder, 2), 0);
    folder_clean(&folder);
}

static int walk_until_cancelled(void *arg)
{
    const struct folder *folder = arg;
    struct weir_walk_entry entry;
    weir_walk *walk;
    int rc;

    do {
        rc = weir_walk_open(&walk, folder->dir, "tree", NULL);
        while (rc >= 0 && (rc = weir_walk_next(walk, &entry)) == 1)
            ;
        if (rc == WEIR_ECANCELED)
            CHECK(weir_dir_remove_tree(folder->dir, "tree", NULL) == WEIR_ECANCELED);
        weir_walk_close(walk);
        walk = NULL;
    } while (rc == 0);
    CHECK(rc == WEIR_ECANCELED);
    return 0;
}

static int cancel_walk(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, walk_until_cancelled, arg) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(a_walk_is_cancelled)
{
    struct folder folder;

    folder_make_quick(&folder);
    grow(&folder, "tree");
    assert_int_equal(run_with(cancel_walk, &folder, 1), 0);
    folder_clean(&folder);
}

/* A slash behind the name would have the kernel follow it. */
static int remove_slashed(void *arg)
{
    const struct folder *folder = arg;
    uint64_t removed = 7;

    CHECK(weir_dir_make(folder->dir, "kept", 0) == 0 && weir_dir_make(folder->dir, "own", 0) == 0);
    CHECK(weir_dir_make(folder->dir, "kept/in", 0) == 0);
    CHECK(weir_dir_make(folder->dir, "own/in", 0) == 0);
    CHECK(weir_dir_symlink(folder->dir, "link", "kept") == 0);
    CHECK(weir_dir_remove_tree(folder->dir, "link/", &removed) == WEIR_ENOTDIR && removed == 0);
    CHECK(weir_dir_remove_tree(folder->dir, "link//", NULL) == WEIR_ENOTDIR);
    CHECK(weir_dir_remove(folder->dir, "kept/in") == 0); /* it is there still */
    CHECK(weir_dir_remove_tree(folder->dir, "own//", &removed) == 0 && removed == 2);
    CHECK(weir_dir_remove_tree(folder->dir, "link", &removed) == 0 && removed == 1);
    CHECK(weir_dir_remove(folder->dir, "kept") == 0);
    CHECK(weir_dir_remove_tree(folder->dir, "", NULL) == WEIR_ENOENT);
    CHECK(weir_dir_make(folder->dir, "kept", 0) == 0);
    CHECK(weir_dir_remove_tree(folder->dir, "kept/..", NULL) == WEIR_EINVAL);
    CHECK(weir_dir_remove_tree(folder->dir, "kept/./", NULL) == WEIR_EINVAL);
    CHECK(weir_dir_remove(folder->dir, "kept") == 0);
    return 0;
}

TEST(a_slash_behind_a_link_does_not_lead_through_it)
{
    struct folder folder;

    folder_make(&folder);
    assert_int_equal(remove_slashed(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(remove_slashed, &folder, 1), 0);
    folder_clean(&folder);
}
