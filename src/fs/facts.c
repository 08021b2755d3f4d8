/* fs/facts.c - what is known of files and directories: stat, statfs. See <weir/file.h>.
 *
 * A name that is in memory is looked up there (an O_PATH descriptor, which opens nothing), and then
 * described by a plain call: the kernel has no stat that says that it would have to wait, and its
 * rings give every one to a thread.
 */
#include <string.h>

#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"

#define MASK (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID | STATX_DIOALIGN)
#ifndef STATX_DIOALIGN /* Linux 6.1 */
#define STATX_DIOALIGN 0x2000u
#endif

static uint32_t kind_of(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return WEIR_FILE_REGULAR;
    case S_IFDIR:
        return WEIR_FILE_DIRECTORY;
    case S_IFLNK:
        return WEIR_FILE_LINK;
    default:
        return WEIR_FILE_OTHER;
    }
}

static int64_t ns_of(const struct statx_timestamp *at)
{
    return at->tv_sec * INT64_C(1000000000) + at->tv_nsec;
}

static void convert(const struct statx *from, struct weir_stat *out)
{
    *out = (struct weir_stat){
        .size = from->stx_size,
        .allocated = from->stx_blocks * 512,
        .inode = from->stx_ino,
        .device = (uint64_t)from->stx_dev_major << 32 | from->stx_dev_minor,
        .modified_ns = ns_of(&from->stx_mtime),
        .changed_ns = ns_of(&from->stx_ctime),
        .accessed_ns = ns_of(&from->stx_atime),
        .born_ns = from->stx_mask & STATX_BTIME ? ns_of(&from->stx_btime) : INT64_MIN,
        .kind = kind_of(from->stx_mode),
        .mode = from->stx_mode & 07777,
        .links = from->stx_nlink,
        .user = from->stx_uid,
        .group = from->stx_gid,
        .block_size = from->stx_blksize,
    };
    if (from->stx_mask & STATX_MNT_ID)
        out->mount = from->stx_mnt_id;
    if (from->stx_mask & STATX_DIOALIGN) {
        out->direct_memory_align = from->stx_dio_mem_align;
        out->direct_offset_align = from->stx_dio_offset_align;
    }
}

static void give(void *out, size_t out_size, const void *own, size_t own_size)
{
    memset(out, 0, out_size);
    memcpy(out, own, own_size < out_size ? own_size : out_size);
}

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
    rc = weir__sys_statx(file->fd, "", AT_EMPTY_PATH, MASK, &about); /* it is in memory */
    weir__file_leave(file);
    if (rc < 0)
        return rc;
    convert(&about, &own);
    give(out, out_size, &own, sizeof own);
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
    rc = weir__sys_statx(fd, "", AT_EMPTY_PATH, MASK, about);
    weir__sys_close(fd);
    return rc;
}

int weir__file_statx(int dir, const char *path, int flags, struct statx *about)
{
    struct weir__call call;
    int rc = weir__file_begin();

    if (rc == WEIR_EAGAIN && path[0])
        rc = stat_from_memory(dir, path, flags, about);
    else if (rc == WEIR_EAGAIN)
        return weir__sys_statx(dir, "", AT_EMPTY_PATH, MASK, about);
    if (rc != WEIR_EAGAIN && rc != WEIR_ENOSYS)
        return rc;
    weir__file_op_statx(&call, dir, path, (uint32_t)flags, MASK, about);
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
    convert(&about, &own);
    give(out, out_size, &own, sizeof own);
    return 0;
}

static int run_statfs(struct weir__call *call)
{
    return weir__sys_fstatfs(call->fd, call->data);
}

int weir_file_system_n(weir_file handle, struct weir_file_system *out, size_t out_size)
{
    WEIR__CALL;
    struct weir_file_system own;
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
    own = (struct weir_file_system){
        .size = about.f_blocks * (uint64_t)about.f_frsize,
        .free = about.f_bfree * (uint64_t)about.f_frsize,
        .available = about.f_bavail * (uint64_t)about.f_frsize,
        .files = about.f_files,
        .files_free = about.f_ffree,
        .magic = (uint64_t)about.f_type,
        .block_size = (uint32_t)about.f_bsize,
        .name_max = (uint32_t)about.f_namelen,
    };
    give(out, out_size, &own, sizeof own);
    return 0;
}
