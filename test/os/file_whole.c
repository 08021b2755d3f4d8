/* test/os/file_whole.c - whole files, copies, and buffers for direct I/O. */
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

static int count_names(weir_dir dir)
{
    struct weir_dir_batch batch = {0};
    struct weir_dir_entry entry;
    uint64_t memory[256];
    int count = 0;

    CHECK(weir_dir_rewind(dir) == 0);
    while (weir_dir_read(dir, &batch, memory, sizeof memory) > 0) {
        while (weir_dir_next(&batch, &entry))
            count++;
    }
    return count;
}

static int replace(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_replace_options once = {.once = WEIR_ON}, mode = {.mode = 0751};
    struct weir_file_replace_options wrong = {.sync = 3};
    struct weir_stat about;
    void *bytes = NULL;

    CHECK(weir_file_replace(folder->dir, "whole", "first", 5, &mode) == 0);
    CHECK(weir_file_read_whole(folder->dir, "whole", 100, &bytes) == 5);
    CHECK(strcmp(bytes, "first") == 0);
    weir_release(bytes);
    CHECK(weir_file_replace(folder->dir, "./whole", "", 0, NULL) == 0);
    CHECK(weir_file_read_whole(folder->dir, "whole", 0, &bytes) == 0 && *(char *)bytes == 0);
    weir_release(bytes);
    CHECK(weir_dir_stat(folder->dir, "whole", 0, &about) == 0 && about.mode == 0751);
    CHECK(weir_file_replace(folder->dir, "whole", "x", 1, &once) == WEIR_EEXIST);
    CHECK(weir_file_replace(folder->dir, "whole", "x", 1, &wrong) == WEIR_EOPTION);
    CHECK(weir_file_replace(folder->dir, "none/whole", "x", 1, NULL) == WEIR_ENOENT);
    CHECK(weir_file_replace(folder->dir, "whole/", "x", 1, NULL) == WEIR_EISDIR);
    CHECK(weir_file_replace(folder->dir, ".", "x", 1, NULL) < 0);
    CHECK(count_names(folder->dir) == 1); /* no temporary file is left */
    CHECK(weir_dir_unlink(folder->dir, "whole") == 0);
    return 0;
}

TEST(a_file_is_replaced_whole)
{
    run_both(replace);
}

static int read_limited(void *arg)
{
    const struct folder *folder = arg;
    static char big[70000];
    void *bytes = NULL;
    ptrdiff_t n;

    memset(big, 'b', sizeof big);
    CHECK(weir_file_replace(folder->dir, "big", big, sizeof big, NULL) == 0);
    CHECK(weir_file_read_whole(folder->dir, "big", sizeof big - 1, &bytes) == WEIR_EFBIG);
    CHECK(weir_file_read_whole(folder->dir, ".", 100, &bytes) == WEIR_EISDIR);
    CHECK(weir_file_read_whole(folder->dir, "none", 100, &bytes) == WEIR_ENOENT);
    CHECK(bytes == NULL);
    CHECK(weir_file_read_whole(folder->dir, "big", sizeof big, &bytes) == sizeof big);
    CHECK(bytes && memcmp(bytes, big, sizeof big) == 0);
    weir_release(bytes);
    n = weir_file_read_whole(weir_cwd(), "/proc/self/status", 1 << 20, &bytes); /* has no size */
    CHECK(n > 100 && strlen(bytes) == (size_t)n);
    weir_release(bytes);
    bytes = NULL;
    CHECK(weir_file_read_whole(weir_cwd(), "/proc/self/status", 50, &bytes) == WEIR_EFBIG);
    return 0;
}

TEST(a_file_is_read_whole_up_to_a_limit)
{
    run_both(read_limited);
}

/* ---- copies ---- */

static void note(uint64_t copied, void *arg)
{
    *(uint64_t *)arg = copied;
}

static int copy(void *arg)
{
    const struct folder *folder = arg;
    static char big[300000];
    uint64_t seen = 0;
    struct weir_file_copy_options options = {.progress = note, .arg = &seen};
    struct weir_file_copy_options part = {.from_offset = 10, .to_offset = 3, .len = 5};
    struct weir_file_copy_options no_share = {.share = WEIR_OFF}, wrong = {.share = 3};
    weir_file from, to, proc;
    void *bytes = NULL;
    size_t i;

    for (i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 256);
    CHECK(weir_file_replace(folder->dir, "from", big, sizeof big, NULL) == 0);
    CHECK(weir_file_open(&from, folder->dir, "from", 0, 0) == 0);
    CHECK(weir_file_open(&to, folder->dir, "to",
                         WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_TRUNCATE, 0)
          == 0);
    CHECK(weir_file_copy(from, to, &options) == sizeof big && seen == sizeof big);
    CHECK(weir_file_copy(from, to, &no_share) == sizeof big);
    CHECK(weir_file_copy(from, to, &wrong) == WEIR_EOPTION);
    CHECK(weir_file_copy(from, to, &part) == 5);
    CHECK(weir_file_read_whole(folder->dir, "to", sizeof big, &bytes) == sizeof big);
    CHECK(bytes && memcmp((char *)bytes + 3, big + 10, 5) == 0);
    CHECK(bytes && memcmp((char *)bytes + 8, big + 8, sizeof big - 8) == 0);
    weir_release(bytes);
    CHECK(weir_file_copy(to, from, NULL) == WEIR_EBADF);
    CHECK(weir_file_open(&proc, weir_cwd(), "/proc/self/status", 0, 0) == 0);
    CHECK(weir_file_truncate(to, 0) == 0);
    CHECK(weir_file_copy(proc, to, NULL) > 100); /* by bytes: the kernel finds nothing there */
    weir_file_close(proc);
    weir_file_close(from);
    CHECK(weir_file_copy(from, to, NULL) == WEIR_EBADHANDLE);
    CHECK(weir_file_copy(to, from, NULL) == WEIR_EBADHANDLE);
    weir_file_close(to);
    return 0;
}

TEST(a_file_is_copied)
{
    run_both(copy);
}

/* What would be read is what was just written. */
static int copy_within(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_copy_options over = {.to_offset = 100, .len = 1u << 20};
    struct weir_file_copy_options behind = {.to_offset = 100};
    struct weir_file_copy_options beside = {.from_offset = 5, .to_offset = 100000, .len = 1000};
    struct weir_file_copy_options past = {.from_offset = 500000, .to_offset = 7};
    static char big[20000];
    struct weir_stat about;
    weir_file file;

    CHECK(weir_file_replace(folder->dir, "self", big, sizeof big, NULL) == 0);
    CHECK(weir_file_open(&file, folder->dir, "self", WEIR_FILE_READ_WRITE, 0) == 0);
    CHECK(weir_file_copy(file, file, &over) == WEIR_EINVAL);
    CHECK(weir_file_copy(file, file, &behind) == WEIR_EINVAL);
    CHECK(weir_file_copy(file, file, NULL) == WEIR_EINVAL);
    CHECK(weir_file_copy(file, file, &past) == 0);
    CHECK(weir_file_copy(file, file, &beside) == 1000);
    CHECK(weir_file_stat(file, &about) == 0 && about.size == 101000);
    weir_file_close(file);
    return 0;
}

TEST(a_file_is_not_copied_over_itself)
{
    run_both(copy_within);
}

/* ---- direct ---- */

static int read_direct(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_buffer buffer = {0};
    weir_file file;
    int rc;

    CHECK(weir_file_buffer_take(&buffer, 5000) == 0);
    CHECK(buffer.size == 8192 && (uintptr_t)buffer.bytes % 4096 == 0);
    memset(buffer.bytes, 'd', buffer.size);
    CHECK(weir_file_replace(folder->dir, "direct", buffer.bytes, buffer.size, NULL) == 0);
    rc = weir_file_open(&file, folder->dir, "direct", WEIR_FILE_READ_WRITE | WEIR_FILE_DIRECT, 0);
    if (rc == 0) { /* some file systems cannot */
        memset(buffer.bytes, 0, buffer.size);
        CHECK(weir_file_read_at(file, buffer.bytes, 4096, 4096) == 4096);
        CHECK(((char *)buffer.bytes)[4095] == 'd' && ((char *)buffer.bytes)[4096] == 0);
        CHECK(weir_file_write_at(file, buffer.bytes, 4096, 0) == 4096);
        weir_file_close(file);
    } else {
        CHECK(rc == WEIR_EINVAL);
    }
    weir_file_buffer_give(&buffer);
    weir_file_buffer_give(&buffer);
    CHECK(buffer.bytes == NULL);
    CHECK(weir_file_buffer_take(&buffer, 0) == WEIR_EINVAL);
    CHECK(weir_file_buffer_take(&buffer, WEIR_FILE_BUFFER_MAX + 1) == WEIR_EINVAL);
    return 0;
}

TEST(direct_reads_go_into_buffers_of_the_pool)
{
    run_both(read_direct);
}

TEST(buffers_are_bounded)
{
    enum {
        COUNT = WEIR_FILE_BUFFERS_BYTES_MAX / WEIR_FILE_BUFFER_MAX
    };
    struct weir_file_buffer buffers[COUNT + 1];
    int i;

    for (i = 0; i < COUNT; i++)
        assert_int_equal(weir_file_buffer_take(&buffers[i], WEIR_FILE_BUFFER_MAX), 0);
    assert_int_equal(weir_file_buffer_take(&buffers[COUNT], 1), WEIR_ELIMIT);
    for (i = 0; i < COUNT; i++)
        weir_file_buffer_give(&buffers[i]);
    assert_int_equal(weir_file_buffer_take(&buffers[0], 1), 0);
    weir_file_buffer_give(&buffers[0]);
    weir_file_buffer_trim();
}
