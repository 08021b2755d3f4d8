/* fs/disk.c - size, disk and offset of a file; see <weir/file.h>. */
#include "sys/disk.h"
#include "fs/file.h"
#include "sys/current.h"

int weir_file_truncate(weir_file file, uint64_t size)
{
    WEIR__CALL;
    struct weir__call call;

    if (size > INT64_MAX)
        return WEIR_EINVAL;
    weir__file_op_truncate(&call, -1, size);
    return weir__file_await_on(file, &call);
}

static bool range_valid(uint64_t offset, uint64_t len)
{
    return offset <= INT64_MAX && len <= INT64_MAX - offset;
}

int weir_file_allocate(weir_file file, enum weir_file_allocate how, uint64_t offset, uint64_t len)
{
    WEIR__CALL;
    static const uint32_t modes[] = {
        [WEIR_FILE_ALLOCATE_KEEP_SIZE] = FALLOC_FL_KEEP_SIZE,
        [WEIR_FILE_PUNCH] = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        [WEIR_FILE_ZERO] = FALLOC_FL_ZERO_RANGE,
    };
    struct weir__call call;

    if ((unsigned)how > WEIR_FILE_ZERO || len == 0 || !range_valid(offset, len))
        return WEIR_EINVAL;
    weir__file_op_allocate(&call, -1, modes[how], offset, len);
    return weir__file_await_on(file, &call);
}

static int sync_it(weir_file file, bool data_alone)
{
    struct weir__call call;

    weir__file_op_sync(&call, -1, data_alone);
    return weir__file_await_on(file, &call);
}

int weir_file_sync(weir_file file)
{
    WEIR__CALL;

    return sync_it(file, false);
}

int weir_file_data_sync(weir_file file)
{
    WEIR__CALL;

    return sync_it(file, true);
}

int weir_file_sync_range(weir_file file, uint64_t offset, uint64_t len, bool wait)
{
    WEIR__CALL;
    const uint32_t waits = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
    struct weir__call call;

    if (!range_valid(offset, len))
        return WEIR_EINVAL;
    weir__file_op_sync_range(&call, -1, offset, len, SYNC_FILE_RANGE_WRITE | (wait ? waits : 0));
    return weir__file_await_on(file, &call);
}

int weir_file_advise(weir_file file, enum weir_file_advice advice, uint64_t offset, uint64_t len)
{
    WEIR__CALL;
    static const uint32_t table[] = {
        [WEIR_FILE_NORMAL] = POSIX_FADV_NORMAL,         [WEIR_FILE_RANDOM] = POSIX_FADV_RANDOM,
        [WEIR_FILE_SEQUENTIAL] = POSIX_FADV_SEQUENTIAL, [WEIR_FILE_WILL_NEED] = POSIX_FADV_WILLNEED,
        [WEIR_FILE_DONT_NEED] = POSIX_FADV_DONTNEED,
    };
    struct weir__call call;

    if ((unsigned)advice > WEIR_FILE_DONT_NEED || !range_valid(offset, len))
        return WEIR_EINVAL;
    weir__file_op_advise(&call, -1, offset, len, table[advice]);
    return weir__file_await_on(file, &call);
}

int weir_file_advise_memory(void *at, size_t len, enum weir_file_advice advice)
{
    WEIR__CALL;
    static const uint32_t table[] = {
        [WEIR_FILE_NORMAL] = MADV_NORMAL,         [WEIR_FILE_RANDOM] = MADV_RANDOM,
        [WEIR_FILE_SEQUENTIAL] = MADV_SEQUENTIAL, [WEIR_FILE_WILL_NEED] = MADV_WILLNEED,
        [WEIR_FILE_DONT_NEED] = MADV_DONTNEED,
    };
    struct weir__call call;

    if ((unsigned)advice > WEIR_FILE_DONT_NEED)
        return WEIR_EINVAL;
    weir__file_op_madvise(&call, at, len, table[advice]);
    return weir__file_await(&call);
}

int64_t weir_file_seek(weir_file handle, int64_t offset, enum weir_file_whence whence)
{
    WEIR__CALL;
    static const int table[] = {
        [WEIR_FILE_FROM_START] = SEEK_SET, [WEIR_FILE_FROM_HERE] = SEEK_CUR,
        [WEIR_FILE_FROM_END] = SEEK_END,   [WEIR_FILE_NEXT_DATA] = SEEK_DATA,
        [WEIR_FILE_NEXT_HOLE] = SEEK_HOLE,
    };
    struct weir__file *file;
    int error = 0;
    int64_t at;

    if ((unsigned)whence > WEIR_FILE_NEXT_HOLE)
        return WEIR_EINVAL;
    file = weir__file_enter(handle, &error);
    if (!file)
        return error;
    at = weir__sys_lseek(file->fd, offset, table[whence]);
    weir__file_leave(file);
    return at;
}
