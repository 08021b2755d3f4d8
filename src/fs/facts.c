/* fs/facts.c - what is known of files and directories: stat, statfs. See <weir/file.h>.
 *
 * A name that is in memory is looked up there (an O_PATH descriptor, which opens nothing), and then
 * described by a plain call: the kernel has no stat that says that it would have to wait, and its
 * rings give every one to a thread.
 */
#include "base/options.h"
#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"

int weir_file_stat_n(weir_file handle, struct weir_stat *out, size_t out_size)
{
    WEIR__CALL;
    struct weir__file *file;
    struct weir_stat own;
    struct statx about;
    int error = 0, rc = weir__file_begin();

    if (rc != WEIR_EAGAIN && rc != WEIR_ENOSYS)
        return rc;
    file = weir__file_enter(handle, &error);
    if (!file)
        return error;
    rc = weir__sys_statx(file->fd, "", AT_EMPTY_PATH, WEIR__STATX_MASK,
                         &about); /* it is in memory */
    weir__file_leave(file);
    if (rc < 0)
        return rc;
    weir__stat_convert(&about, &own);
    weir__options_give(out, out_size, &own, sizeof own);
    return 0;
}

/* WEIR_EAGAIN: not without waiting, or nobody knows. */
static int stat_from_memory(int dir, const char *path, int flags, struct statx *about)
{
    int rc,
        fd = weir__sys_openat2(dir, path, O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0),
                               0, WEIR__RESOLVE_CACHED);

    if (fd < 0)
        return fd == WEIR_ENOENT || fd == WEIR_ENOTDIR || fd == WEIR_EACCES ? fd : WEIR_EAGAIN;
    rc = weir__sys_statx(fd, "", AT_EMPTY_PATH, WEIR__STATX_MASK, about);
    weir__sys_close(fd);
    return rc;
}

int weir__file_statx(int dir, const char *path, int flags, struct statx *about)
{
    struct weir__call call;
    int rc = weir__file_begin();

    if (rc == WEIR_EAGAIN && !path[0])
        return weir__sys_statx(dir, "", AT_EMPTY_PATH, WEIR__STATX_MASK, about);
    if (rc == WEIR_EAGAIN && !weir__file_batches())
        rc = stat_from_memory(dir, path, flags, about);
    if (rc != WEIR_EAGAIN && rc != WEIR_ENOSYS)
        return rc;
    weir__file_op_statx(&call, dir, path, (uint32_t)flags, WEIR__STATX_MASK, about);
    return weir__file_await(&call);
}

int weir_dir_stat_n(weir_dir dir, const char *path, uint32_t flags, struct weir_stat *out,
                    size_t out_size)
{
    WEIR__CALL;
    struct weir__place place;
    struct weir_stat own;
    struct statx about;
    int as = (flags & WEIR_FILE_NO_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0) | AT_EMPTY_PATH;
    int rc = flags & ~(uint32_t)WEIR_FILE_NO_FOLLOW ? WEIR_EINVAL : weir__place_enter(&place, dir);

    if (rc < 0)
        return rc;
    rc = weir__file_statx(place.fd, path, as, &about);
    weir__place_leave(&place);
    if (rc < 0)
        return rc;
    weir__stat_convert(&about, &own);
    weir__options_give(out, out_size, &own, sizeof own);
    return 0;
}

static int run_statfs(struct weir__call *call)
{
    return weir__sys_fstatfs(call->fd, call->data);
}

int weir_file_statfs_n(weir_file handle, struct weir_statfs *out, size_t out_size)
{
    WEIR__CALL;
    struct weir_statfs own;
    struct weir__call call;
    struct statfs about;
    int error = 0, rc;
    struct weir__file *file = weir__file_enter(handle, &error);

    if (!file)
        return error;
    weir__file_op_other(&call, run_statfs);
    call.fd = file->fd;
    call.data = &about;
    rc = weir__file_await(&call);
    weir__file_leave(file);
    if (rc < 0)
        return rc;
    own = (struct weir_statfs){
        .size = about.f_blocks * (uint64_t)about.f_frsize,
        .free = about.f_bfree * (uint64_t)about.f_frsize,
        .available = about.f_bavail * (uint64_t)about.f_frsize,
        .files = about.f_files,
        .files_free = about.f_ffree,
        .magic = (uint64_t)about.f_type,
        .block_size = (uint32_t)about.f_bsize,
        .name_max = (uint32_t)about.f_namelen,
    };
    weir__options_give(out, out_size, &own, sizeof own);
    return 0;
}
