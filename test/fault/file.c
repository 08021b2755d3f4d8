/* test/fault/file.c - files and directories in which the n-th allocation or system call fails.
 *
 * What is opened is closed, what is made half is removed or told, and no name of a temporary file
 * is left.
 */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/check.h"
#include "support/faults.h"
#include "support/folder.h"

static struct folder folder;

static int write_and_read(weir_file file)
{
    char bytes[8];
    int rc = weir_file_write_all(file, "12345678", 8, 0);

    if (rc == 0)
        rc = weir_file_data_sync(file);
    if (rc == 0)
        rc = weir_file_read_exactly(file, bytes, 8, 0);
    if (rc == 0 && memcmp(bytes, "12345678", 8) != 0)
        rc = 1;
    return rc;
}

static int use_file(void)
{
    struct weir_stat about;
    weir_file file;
    int closed, rc = weir_file_open(&file, folder.dir, "f",
                                    WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_BENEATH, 0);

    if (rc < 0)
        return rc;
    rc = write_and_read(file);
    if (rc == 0)
        rc = weir_file_stat(file, &about);
    if (rc == 0)
        rc = weir_dir_stat(folder.dir, "f", 0, &about);
    if (rc == 0 && about.size != 8)
        rc = 1;
    if (rc == 0)
        rc = weir_file_try_lock(file, WEIR_FILE_SHARED, 0, 0);
    closed = weir_file_close_wait(file);
    return rc ? rc : closed;
}

static int use_whole(void)
{
    void *bytes = NULL;
    ptrdiff_t n;
    int rc = weir_file_replace(folder.dir, "w", "whole", 5, NULL);

    if (rc < 0)
        return rc;
    n = weir_file_read_whole(folder.dir, "w", 10, &bytes);
    if (n >= 0 && (n != 5 || memcmp(bytes, "whole", 6) != 0))
        n = 1;
    weir_release(bytes);
    return n == 5 ? 0 : (int)n;
}

static int use_tree(void)
{
    struct weir_walk_entry entry;
    weir_walk *walk;
    int rc = weir_dir_make(folder.dir, "tree", 0);

    if (rc == WEIR_EEXIST)
        rc = 0;
    if (rc == 0)
        rc = weir_dir_make(folder.dir, "tree/below", 0);
    if (rc == WEIR_EEXIST)
        rc = 0;
    if (rc < 0)
        return rc;
    rc = weir_walk_open(&walk, folder.dir, "tree", NULL);
    if (rc == 0) {
        while ((rc = weir_walk_next(walk, &entry)) == 1)
            ;
        weir_walk_close(walk);
    }
    return rc < 0 ? rc : weir_dir_remove_tree(folder.dir, "tree", NULL);
}

static int copy_file(void)
{
    weir_file from, to;
    int64_t n;
    int rc = weir_file_open(&from, folder.dir, "from", 0, 0);

    if (rc < 0)
        return rc;
    rc = weir_file_open(&to, folder.dir, "to", WEIR_FILE_WRITE | WEIR_FILE_CREATE, 0);
    if (rc == 0) {
        n = weir_file_copy(from, to, NULL);
        rc = n < 0 ? (int)n : n == 5 ? 0 : 1;
        weir_file_close(to);
    }
    weir_file_close(from);
    return rc;
}

static int do_all(void *arg)
{
    int rc = use_file();

    (void)arg;
    if (rc == 0)
        rc = use_whole();
    if (rc == 0)
        rc = use_tree();
    return rc ? rc : copy_file();
}

static int run_once(void)
{
    struct weir_runtime_options options = {.workers = 1};

    return weir_run(do_all, NULL, &options);
}

static bool leftovers(void)
{
    struct weir_dir_batch batch = {0};
    struct weir_dir_entry entry;
    uint64_t memory[128];
    bool left = false;

    assert_int_equal(weir_dir_rewind(folder.dir), 0);
    while (weir_dir_read(folder.dir, &batch, memory, sizeof memory) > 0) {
        while (weir_dir_next(&batch, &entry))
            left |= strncmp(entry.name, ".weir", 5) == 0;
    }
    return left;
}

static void each(enum weir__fault_kind kind)
{
    folder_make(&folder);
    folder_put(&folder, "from", "bytes");
    fail_each(run_once, kind);
    if (kind == WEIR__FAULT_ALLOC)
        assert_false(leftovers());
    assert_int_equal(weir_dir_remove_tree(folder.dir, "w", NULL), 0);
    folder_clean(&folder);
    weir_file_buffer_trim();
}

TEST(files_end_when_memory_is_out)
{
    each(WEIR__FAULT_ALLOC);
}

TEST(files_end_when_calls_fail)
{
    each(WEIR__FAULT_CALL);
}
