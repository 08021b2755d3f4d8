/* test/os/file_disk.c - size, disk, facts and attributes of files. */
#include "test.h"

#include <sys/mman.h>
#include <sys/mount.h>

#include "support/check.h"
#include "support/folder.h"
#include "support/run.h"

static void open_new(const struct folder *folder, const char *name, weir_file *file)
{
    CHECK(weir_file_open(file, folder->dir, name,
                         WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_TRUNCATE, 0)
          == 0);
}

static uint64_t size_of(weir_file file)
{
    struct weir_stat about = {0};

    CHECK(weir_file_stat(file, &about) == 0);
    return about.size;
}

/* Runs a task's function as a thread and in a task. */
static void run_both(weir_task_fn *fn)
{
    struct folder folder;

    folder_make(&folder);
    assert_int_equal(fn(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(fn, &folder, 2), 0);
    folder_clean(&folder);
}

static int change_size(void *arg)
{
    struct weir_stat about;
    weir_file file;
    char bytes[8];

    open_new(arg, "size", &file);
    CHECK(weir_file_write_all(file, "eight by", 8, 0) == 0);
    CHECK(weir_file_truncate(file, 5) == 0 && size_of(file) == 5);
    CHECK(weir_file_truncate(file, 100000) == 0 && size_of(file) == 100000);
    CHECK(weir_file_read_exactly(file, bytes, 8, 0) == 0 && memcmp(bytes, "eight\0\0\0", 8) == 0);
    CHECK(weir_file_truncate(file, UINT64_MAX) == WEIR_EINVAL);
    CHECK(weir_file_allocate(file, WEIR_FILE_ALLOCATE, 0, 200000) == 0);
    CHECK(size_of(file) == 200000);
    CHECK(weir_file_allocate(file, WEIR_FILE_ALLOCATE_KEEP_SIZE, 200000, 100000) == 0);
    CHECK(size_of(file) == 200000);
    CHECK(weir_file_stat(file, &about) == 0 && about.allocated >= 300000);
    CHECK(weir_file_write_all(file, "eight by", 8, 0) == 0);
    CHECK(weir_file_allocate(file, WEIR_FILE_PUNCH, 0, 5) == 0);
    CHECK(weir_file_read_exactly(file, bytes, 8, 0) == 0 && memcmp(bytes, "\0\0\0\0\0 by", 8) == 0);
    CHECK(weir_file_allocate(file, (enum weir_file_allocate)9, 0, 5) == WEIR_EINVAL);
    CHECK(weir_file_allocate(file, WEIR_FILE_ALLOCATE, 0, 0) == WEIR_EINVAL);
    CHECK(weir_file_allocate(file, WEIR_FILE_ALLOCATE, INT64_MAX, 2) == WEIR_EINVAL);
    weir_file_close(file);
    CHECK(weir_file_truncate(file, 1) == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_file_grows_and_shrinks)
{
    run_both(change_size);
}

static int sync_and_advise(void *arg)
{
    const struct folder *folder = arg;
    weir_file file;

    open_new(folder, "sync", &file);
    CHECK(weir_file_write_all(file, "12345678", 8, 0) == 0);
    CHECK(weir_file_sync(file) == 0);
    CHECK(weir_file_data_sync(file) == 0);
    CHECK(weir_file_sync_range(file, 0, 8, true) == 0);
    CHECK(weir_file_sync_range(file, 0, 0, false) == 0);
    CHECK(weir_file_sync_range(file, UINT64_MAX, 8, false) == WEIR_EINVAL);
    CHECK(weir_file_advise(file, WEIR_FILE_WILL_NEED, 0, 0) == 0);
    CHECK(weir_file_advise(file, WEIR_FILE_DONT_NEED, 0, 0) == 0);
    CHECK(weir_file_advise(file, (enum weir_file_advice)7, 0, 0) == WEIR_EINVAL);
    CHECK(weir_dir_sync(folder->dir) == 0);
    CHECK(weir_dir_sync(weir_cwd()) == WEIR_EBADHANDLE);
    CHECK(weir_file_seek(file, 0, WEIR_FILE_NEXT_DATA) == 0);
    CHECK(weir_file_seek(file, 0, WEIR_FILE_NEXT_HOLE) == 8);
    CHECK(weir_file_seek(file, 8, WEIR_FILE_NEXT_DATA) == WEIR_ENXIO);
    weir_file_close(file);
    return 0;
}

TEST(what_was_written_is_synced)
{
    run_both(sync_and_advise);
}

static int advise_mapped(void *arg)
{
    const struct folder *folder = arg;
    weir_file file;
    char *at;

    open_new(folder, "mapped", &file);
    CHECK(weir_file_truncate(file, 65536) == 0);
    CHECK(weir_file_write_all(file, "mapped", 6, 0) == 0);
    at = mmap(NULL, 65536, PROT_READ, MAP_SHARED, weir_file_descriptor(file), 0);
    weir_file_close(file);
    CHECK(at != MAP_FAILED);
    CHECK(weir_file_advise_memory(at, 65536, WEIR_FILE_SEQUENTIAL) == 0);
    CHECK(weir_file_advise_memory(at, 65536, WEIR_FILE_WILL_NEED) == 0);
    CHECK(memcmp(at, "mapped", 6) == 0);
    CHECK(weir_file_advise_memory(at, 65536, WEIR_FILE_DONT_NEED) == 0);
    CHECK(memcmp(at, "mapped", 6) == 0); /* read again from the file */
    CHECK(weir_file_advise_memory(at + 1, 100, WEIR_FILE_RANDOM) == WEIR_EINVAL);
    CHECK(weir_file_advise_memory(at, 100, (enum weir_file_advice)5) == WEIR_EINVAL);
    CHECK(munmap(at, 65536) == 0);
    return 0;
}

TEST(advice_is_given_for_mapped_files)
{
    run_both(advise_mapped);
}

static int describe(void *arg)
{
    const struct folder *folder = arg;
    struct weir_statfs system = {0};
    struct weir_stat about = {0};
    weir_file file;
    char value[16];

    open_new(folder, "facts", &file);
    CHECK(weir_file_statfs(file, &system) == 0);
    CHECK(system.size >= system.free && system.block_size && system.name_max >= 100);
    CHECK(weir_file_set_mode(file, 0604) == 0);
    CHECK(weir_file_set_mode(file, 010000) == WEIR_EINVAL);
    CHECK(weir_file_set_times(file, WEIR_TIME_KEEP, -1500000000) == 0);
    CHECK(weir_file_stat(file, &about) == 0 && about.mode == 0604);
    CHECK(about.modified_ns == -1500000000 || about.modified_ns == -2000000000);
    CHECK(weir_file_set_times(file, 5, WEIR_TIME_NOW) == 0);
    CHECK(weir_file_set_owner(file, about.user, UINT32_MAX) == 0);
    CHECK(weir_dir_set_mode(folder->dir, "facts", 0600) == 0);
    CHECK(weir_dir_set_mode(folder->dir, "not here", 0600) == WEIR_ENOENT);
    CHECK(weir_dir_set_times(folder->dir, "facts", 7000000000, 7000000000, 0) == 0);
    CHECK(weir_dir_set_owner(folder->dir, "facts", UINT32_MAX, about.group, 0) == 0);
    CHECK(weir_dir_set_owner(folder->dir, "facts", 0, 0, WEIR_FILE_DIRECT) == WEIR_EINVAL);
    CHECK(weir_dir_stat(folder->dir, "facts", WEIR_FILE_NO_FOLLOW, &about) == 0);
    CHECK(about.mode == 0600 && about.modified_ns == 7000000000);
    if (weir_file_set_xattr(file, "user.weir", "value", 5, 0) != WEIR_ENOTSUP) {
        CHECK(weir_file_set_xattr(file, "user.weir", "v", 1, WEIR_XATTR_CREATE) == WEIR_EEXIST);
        CHECK(weir_file_get_xattr(file, "user.weir", value, sizeof value) == 5);
        CHECK(memcmp(value, "value", 5) == 0);
        CHECK(weir_file_get_xattr(file, "user.weir", value, 2) == WEIR_ERANGE);
        CHECK(weir_file_get_xattr(file, "user.weir", NULL, 0) == 5);
        CHECK(weir_file_list_xattr(file, value, sizeof value) == 10);
        CHECK(strcmp(value, "user.weir") == 0);
        CHECK(weir_file_remove_xattr(file, "user.weir") == 0);
        CHECK(weir_file_get_xattr(file, "user.weir", value, 5) == WEIR_ENODATA);
    }
    weir_file_close(file);
    return 0;
}

TEST(a_file_is_described_and_changed)
{
    run_both(describe);
}

static int name_the_nameless(void *arg)
{
    const struct folder *folder = arg;
    char path[] = "temporary-XXXXXX", wrong[] = "temporary";
    struct weir_stat about;
    weir_file file;
    int rc = weir_file_open(&file, folder->dir, ".", WEIR_FILE_NAMELESS | WEIR_FILE_WRITE, 0);

    if (rc == 0) {
        CHECK(weir_file_write_all(file, "1234", 4, 0) == 0);
        CHECK(weir_file_give_name(file, folder->dir, "named") == 0);
        CHECK(weir_file_give_name(file, folder->dir, "named") == WEIR_EEXIST);
        weir_file_close(file);
        CHECK(weir_dir_stat(folder->dir, "named", 0, &about) == 0 && about.size == 4);
        CHECK(weir_dir_unlink(folder->dir, "named") == 0);
    } else {
        CHECK(rc == WEIR_ENOTSUP);
    }
    CHECK(weir_file_make_temporary(&file, folder->dir, wrong, 0) == WEIR_EINVAL);
    CHECK(weir_file_make_temporary(&file, folder->dir, path, 0) == 0);
    CHECK(strcmp(path, "temporary-XXXXXX") != 0);
    CHECK(weir_file_write_at(file, "1", 1, 0) == 1);
    weir_file_close(file);
    CHECK(weir_dir_stat(folder->dir, path, 0, &about) == 0 && about.mode == 0600);
    CHECK(weir_dir_unlink(folder->dir, path) == 0);
    return 0;
}

TEST(a_temporary_file_has_a_name_of_its_own_or_none)
{
    run_both(name_the_nameless);
}

/* ---- a disk that is full ---- */

static int fill(void *arg)
{
    const struct folder *folder = arg;
    char bytes[4096] = {1};
    uint64_t offset = 0;
    ptrdiff_t n;
    weir_file file;

    open_new(folder, "full", &file);
    while ((n = weir_file_write_at(file, bytes, sizeof bytes, offset)) > 0)
        offset += (uint64_t)n;
    CHECK(n == WEIR_ENOSPC && offset >= 4096);
    CHECK(weir_file_write_all(file, bytes, sizeof bytes, offset) == WEIR_ENOSPC);
    CHECK(weir_file_allocate(file, WEIR_FILE_ALLOCATE, 0, 1 << 24) == WEIR_ENOSPC);
    CHECK(weir_file_replace(folder->dir, "other", bytes, sizeof bytes, NULL) == WEIR_ENOSPC);
    weir_file_close(file);
    CHECK(weir_dir_unlink(folder->dir, "full") == 0);
    CHECK(weir_dir_remove(folder->dir, "other") == WEIR_ENOENT);
    return 0;
}

TEST(a_full_disk_is_told)
{
    struct folder folder, mounted;

    folder_make(&folder);
    if (mount("weir", folder.path, "tmpfs", 0, "size=64k") != 0) {
        folder_clean(&folder);
        skip("no file system can be mounted");
    }
    mounted = folder;
    if (weir_dir_open(&mounted.dir, weir_cwd(), folder.path, 0) == 0) {
        CHECK(fill(&mounted) == 0);
        CHECK(run_with(fill, &mounted, 1) == 0);
        weir_dir_close(mounted.dir);
    }
    CHECK(umount(folder.path) == 0);
    folder_clean(&folder);
    assert_checks();
}
