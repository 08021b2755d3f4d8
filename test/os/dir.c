/* test/os/dir.c - directories, and what is done to names. */
#include "test.h"

#include "support/check.h"
#include "support/folder.h"
#include "support/run.h"

static void run_both(weir_task_fn *fn)
{
    struct folder folder;

    folder_make(&folder);
    assert_int_equal(fn(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(fn, &folder, 2), 0);
    folder_clean(&folder);
}

static void put(weir_dir dir, const char *name, const char *text)
{
    CHECK(weir_file_replace(dir, name, text, strlen(text), NULL) == 0);
}

static char first_of(weir_dir dir, const char *name)
{
    void *bytes = NULL;
    char first;

    CHECK(weir_file_read_whole(dir, name, 100, &bytes) >= 0);
    first = bytes ? *(char *)bytes : 0;
    weir_release(bytes);
    return first;
}

static int rename_them(void *arg)
{
    const struct folder *folder = arg;
    weir_dir dir = folder->dir, below;

    put(dir, "a", "A");
    put(dir, "b", "B");
    CHECK(weir_dir_rename(dir, "a", dir, "b", WEIR_DIR_NO_REPLACE) == WEIR_EEXIST);
    CHECK(weir_dir_rename(dir, "a", dir, "b", WEIR_DIR_EXCHANGE) == 0);
    CHECK(first_of(dir, "a") == 'B' && first_of(dir, "b") == 'A');
    CHECK(weir_dir_make(dir, "below", 0) == 0);
    CHECK(weir_dir_make(dir, "below", 0) == WEIR_EEXIST);
    CHECK(weir_dir_make(dir, "x", 010000) == WEIR_EINVAL);
    CHECK(weir_dir_open(&below, dir, "below", 0) == 0);
    CHECK(weir_dir_rename(dir, "a", below, "c", WEIR_DIR_REPLACE) == 0);
    CHECK(first_of(below, "c") == 'B');
    CHECK(weir_dir_rename(dir, "a", below, "c", WEIR_DIR_REPLACE) == WEIR_ENOENT);
    CHECK(weir_dir_rename(dir, "b", (weir_dir){0}, "c", WEIR_DIR_REPLACE) == WEIR_EBADHANDLE);
    CHECK(weir_dir_rename(dir, "b", dir, "c", (enum weir_dir_rename)3) == WEIR_EINVAL);
    CHECK(weir_dir_link(dir, "b", below, "d") == 0);
    CHECK(weir_dir_remove(dir, "below") == WEIR_ENOTEMPTY);
    CHECK(weir_dir_unlink(dir, "below") == WEIR_EISDIR);
    CHECK(weir_dir_remove(dir, "b") == WEIR_ENOTDIR);
    CHECK(weir_dir_unlink(below, "c") == 0 && weir_dir_unlink(below, "d") == 0);
    CHECK(weir_dir_remove(dir, "below") == 0);
    CHECK(weir_dir_make(below, "in what is gone", 0) == WEIR_ENOENT);
    CHECK(weir_dir_unlink(dir, "b") == 0);
    weir_dir_close(below);
    CHECK(weir_dir_unlink(below, "b") == WEIR_EBADHANDLE);
    CHECK(weir_dir_open(&below, dir, "nothing", 0) == WEIR_ENOENT);
    CHECK(weir_dir_open(&below, dir, ".", WEIR_FILE_WRITE) == WEIR_EINVAL);
    return 0;
}

TEST(names_are_made_moved_and_removed)
{
    run_both(rename_them);
}

static int follow(void *arg)
{
    const struct folder *folder = arg;
    weir_dir dir = folder->dir;
    struct weir_stat about;
    char text[128], wanted[128];

    put(dir, "a", "A");
    CHECK(weir_dir_symlink(dir, "link", "a") == 0);
    CHECK(weir_dir_symlink(dir, "link", "a") == WEIR_EEXIST);
    CHECK(weir_dir_read_link(dir, "link", text, sizeof text) == 1 && strcmp(text, "a") == 0);
    CHECK(weir_dir_read_link(dir, "link", text, 1) == WEIR_ENAMETOOLONG);
    CHECK(weir_dir_read_link(dir, "link", text, 0) == WEIR_EINVAL);
    CHECK(weir_dir_read_link(dir, "a", text, sizeof text) == WEIR_EINVAL);
    CHECK(weir_dir_stat(dir, "link", 0, &about) == 0 && about.kind == WEIR_FILE_REGULAR);
    CHECK(weir_dir_stat(dir, "link", WEIR_FILE_NO_FOLLOW, &about) == 0);
    CHECK(about.kind == WEIR_FILE_LINK);
    snprintf(wanted, sizeof wanted, "%s/a", folder->path);
    CHECK(weir_dir_real_path(dir, "./link", text, sizeof text) == (int)strlen(wanted));
    CHECK(strcmp(text, wanted) == 0);
    CHECK(weir_dir_real_path(dir, "link", text, 3) == WEIR_ENAMETOOLONG);
    CHECK(weir_dir_real_path(dir, "none", text, sizeof text) == WEIR_ENOENT);
    CHECK(weir_dir_unlink(dir, "link") == 0 && weir_dir_unlink(dir, "a") == 0);
    return 0;
}

TEST(links_are_read_and_followed)
{
    run_both(follow);
}

enum {
    MANY = 500
};

static int read_many(void *arg)
{
    const struct folder *folder = arg;
    char path[] = "many-XXXXXX", name[300];
    struct weir_dir_batch batch = {0};
    struct weir_dir_entry entry;
    uint64_t memory[64 + 1];
    weir_dir dir;
    bool seen[MANY] = {false};
    int i, count = 0, rc;

    CHECK(weir_dir_make_temporary(folder->dir, path) == 0);
    CHECK(weir_dir_open(&dir, folder->dir, path, WEIR_FILE_BENEATH) == 0);
    for (i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        CHECK(weir_dir_make(dir, name, 0700) == 0);
    }
    CHECK(!weir_dir_next(&batch, &entry));
    while ((rc = weir_dir_read(dir, &batch, memory, 512)) > 0) {
        while (weir_dir_next(&batch, &entry)) {
            CHECK(entry.kind == WEIR_FILE_DIRECTORY || entry.kind == 0);
            CHECK(strlen(entry.name) == entry.name_len);
            i = atoi(entry.name);
            CHECK(!seen[i]);
            seen[i] = true;
            count++;
        }
    }
    CHECK(rc == 0 && count == MANY);
    CHECK(weir_dir_rewind(dir) == 0 && weir_dir_read(dir, &batch, memory, 512) == 1);
    CHECK(weir_dir_read(dir, &batch, memory, 511) == WEIR_EINVAL);
    CHECK(weir_dir_read(dir, &batch, (char *)memory + 1, 512) == WEIR_EINVAL);
    CHECK(weir_dir_read(weir_cwd(), &batch, memory, 512) == WEIR_EBADHANDLE);
    CHECK(weir_dir_remove_tree(folder->dir, path, NULL) == 0);
    CHECK(weir_dir_rewind(dir) == 0);
    CHECK(weir_dir_read(dir, &batch, memory, 512) == WEIR_ENOENT); /* it has vanished */
    weir_dir_close(dir);
    return 0;
}

TEST(a_directory_is_read_in_batches)
{
    run_both(read_many);
}
