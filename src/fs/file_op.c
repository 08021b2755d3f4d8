/* fs/file_op.c - see file_op.h. */
#include "fs/file_op.h"

#include "sys/disk.h"

static struct weir__call *fill(struct weir__call *call, enum weir__call_code code, int fd)
{
    call->code = (uint8_t)code;
    call->may_hang = false;
    call->fd = fd;
    call->flags = 0;
    call->path = NULL;
    call->data = NULL;
    call->len = 0;
    call->offset = 0;
    call->run = weir__file_run;
    return call;
}

static void fill_transfer(struct weir__call *call, enum weir__call_code code, int fd,
                          const void *data, size_t len, uint64_t offset)
{
    fill(call, code, fd);
    call->data = (void *)(uintptr_t)data;
    call->len = len;
    call->offset = offset;
}

void weir__file_op_read(struct weir__call *call, int fd, void *out, size_t len, uint64_t offset)
{
    fill_transfer(call, WEIR__CALL_READ, fd, out, len, offset);
}

void weir__file_op_write(struct weir__call *call, int fd, const void *bytes, size_t len,
                         uint64_t offset)
{
    fill_transfer(call, WEIR__CALL_WRITE, fd, bytes, len, offset);
}

void weir__file_op_readv(struct weir__call *call, int fd, const struct iovec *parts, size_t count,
                         uint64_t offset)
{
    fill_transfer(call, WEIR__CALL_READV, fd, parts, count, offset);
}

void weir__file_op_writev(struct weir__call *call, int fd, const struct iovec *parts, size_t count,
                          uint64_t offset)
{
    fill_transfer(call, WEIR__CALL_WRITEV, fd, parts, count, offset);
}

void weir__file_op_sync(struct weir__call *call, int fd, bool data_alone)
{
    fill(call, WEIR__CALL_SYNC, fd)->flags = data_alone;
}

void weir__file_op_sync_range(struct weir__call *call, int fd, uint64_t offset, uint64_t len,
                              uint32_t flags)
{
    fill_transfer(call, WEIR__CALL_SYNC_RANGE, fd, NULL, len, offset);
    call->flags = flags;
}

void weir__file_op_allocate(struct weir__call *call, int fd, uint32_t mode, uint64_t offset,
                            uint64_t len)
{
    fill_transfer(call, WEIR__CALL_ALLOCATE, fd, NULL, len, offset);
    call->flags = mode;
}

void weir__file_op_truncate(struct weir__call *call, int fd, uint64_t len)
{
    fill(call, WEIR__CALL_TRUNCATE, fd)->len = len;
}

void weir__file_op_advise(struct weir__call *call, int fd, uint64_t offset, uint64_t len,
                          uint32_t advice)
{
    fill_transfer(call, WEIR__CALL_ADVISE, fd, NULL, len, offset);
    call->flags = advice;
}

void weir__file_op_madvise(struct weir__call *call, void *at, size_t len, uint32_t advice)
{
    fill_transfer(call, WEIR__CALL_MADVISE, -1, at, len, 0);
    call->flags = advice;
}

void weir__file_op_open(struct weir__call *call, int dir, const char *path,
                        struct weir__open_how *how)
{
    how->flags |= O_CLOEXEC;
    fill(call, WEIR__CALL_OPEN, dir)->path = path;
    call->data = how;
}

void weir__file_op_close(struct weir__call *call, int fd)
{
    fill(call, WEIR__CALL_CLOSE, fd);
}

void weir__file_op_statx(struct weir__call *call, int dir, const char *path, uint32_t flags,
                         uint32_t mask, struct statx *out)
{
    fill(call, WEIR__CALL_STATX, dir)->path = path;
    call->flags = flags;
    call->mode = mask;
    call->data = out;
}

static void fill_names(struct weir__call *call, enum weir__call_code code, int from_dir,
                       const char *from, int to_dir, const char *to, uint32_t flags)
{
    fill(call, code, from_dir)->path = from;
    call->to_fd = to_dir;
    call->to = to;
    call->flags = flags;
}

void weir__file_op_rename(struct weir__call *call, int from_dir, const char *from, int to_dir,
                          const char *to, uint32_t flags)
{
    fill_names(call, WEIR__CALL_RENAME, from_dir, from, to_dir, to, flags);
}

void weir__file_op_link(struct weir__call *call, int from_dir, const char *from, int to_dir,
                        const char *to, uint32_t flags)
{
    fill_names(call, WEIR__CALL_LINK, from_dir, from, to_dir, to, flags);
}

void weir__file_op_unlink(struct weir__call *call, int dir, const char *path, uint32_t flags)
{
    fill(call, WEIR__CALL_UNLINK, dir)->path = path;
    call->flags = flags;
}

void weir__file_op_mkdir(struct weir__call *call, int dir, const char *path, uint32_t mode)
{
    fill(call, WEIR__CALL_MKDIR, dir)->path = path;
    call->mode = mode;
}

void weir__file_op_symlink(struct weir__call *call, const char *target, int dir, const char *path)
{
    fill(call, WEIR__CALL_SYMLINK, dir)->path = target;
    call->to = path;
}

static void fill_xattr(struct weir__call *call, enum weir__call_code code, int fd, const char *name,
                       const void *value, size_t len, uint32_t flags)
{
    fill_transfer(call, code, fd, value, len, 0);
    call->path = name;
    call->flags = flags;
}

void weir__file_op_getxattr(struct weir__call *call, int fd, const char *name, void *out,
                            size_t cap)
{
    fill_xattr(call, WEIR__CALL_GETXATTR, fd, name, out, cap, 0);
}

void weir__file_op_setxattr(struct weir__call *call, int fd, const char *name, const void *value,
                            size_t len, uint32_t flags)
{
    fill_xattr(call, WEIR__CALL_SETXATTR, fd, name, value, len, flags);
}

void weir__file_op_other(struct weir__call *call, int (*run)(struct weir__call *call))
{
    fill(call, WEIR__CALL_OTHER, -1)->run = run;
}

/* ---- making them ---- */

static int read_or_write(const struct weir__call *call)
{
    bool own = call->offset == WEIR__OFFSET_OWN;
    off_t offset = own ? -1 : (off_t)call->offset;
    int count = (int)call->len;

    switch (call->code) {
    case WEIR__CALL_READ:
        return own ? weir__sys_read(call->fd, call->data, call->len)
                   : weir__sys_pread(call->fd, call->data, call->len, offset);
    case WEIR__CALL_WRITE:
        return own ? weir__sys_write(call->fd, call->data, call->len)
                   : weir__sys_pwrite(call->fd, call->data, call->len, offset);
    case WEIR__CALL_READV:
        return weir__sys_preadv2(call->fd, call->data, count, offset, 0);
    default:
        return weir__sys_pwritev2(call->fd, call->data, count, offset, 0);
    }
}

int weir__file_run(struct weir__call *call)
{
    const struct weir__open_how *how = call->data;
    off_t offset = (off_t)call->offset, len = (off_t)call->len;
    int fd = call->fd;

    switch ((enum weir__call_code)call->code) {
    case WEIR__CALL_READ:
    case WEIR__CALL_WRITE:
    case WEIR__CALL_READV:
    case WEIR__CALL_WRITEV:
        return read_or_write(call);
    case WEIR__CALL_SYNC:
        return weir__sys_fsync(fd, call->flags);
    case WEIR__CALL_SYNC_RANGE:
        return weir__sys_sync_file_range(fd, offset, len, call->flags);
    case WEIR__CALL_ALLOCATE:
        return weir__sys_fallocate(fd, (int)call->flags, offset, len);
    case WEIR__CALL_TRUNCATE:
        return weir__sys_ftruncate(fd, len);
    case WEIR__CALL_ADVISE:
        return weir__sys_fadvise(fd, offset, len, (int)call->flags);
    case WEIR__CALL_MADVISE:
        return weir__sys_madvise(call->data, call->len, (int)call->flags);
    case WEIR__CALL_OPEN:
        return weir__sys_openat2(fd, call->path, (int)how->flags, (unsigned)how->mode,
                                 how->resolve);
    case WEIR__CALL_CLOSE:
        return weir__sys_close_told(fd);
    case WEIR__CALL_STATX:
        return weir__sys_statx(fd, call->path, (int)call->flags, call->mode, call->data);
    case WEIR__CALL_RENAME:
        return weir__sys_renameat2(fd, call->path, call->to_fd, call->to, call->flags);
    case WEIR__CALL_UNLINK:
        return weir__sys_unlinkat(fd, call->path, (int)call->flags);
    case WEIR__CALL_MKDIR:
        return weir__sys_mkdirat(fd, call->path, call->mode);
    case WEIR__CALL_SYMLINK:
        return weir__sys_symlinkat(call->path, fd, call->to);
    case WEIR__CALL_LINK:
        return weir__sys_linkat(fd, call->path, call->to_fd, call->to, (int)call->flags);
    case WEIR__CALL_GETXATTR:
        return weir__sys_fgetxattr(fd, call->path, call->data, call->len);
    case WEIR__CALL_SETXATTR:
        return weir__sys_fsetxattr(fd, call->path, call->data, call->len, (int)call->flags);
    case WEIR__CALL_OTHER:
    case WEIR__CALL_CODES:
        break;
    }
    return WEIR_EINVAL;
}

/* ---- what is known of them ---- */

#ifndef STATX_DIOALIGN /* Linux 6.1 */
#define STATX_DIOALIGN 0x2000u
#endif

uint32_t weir__kind_of_mode(uint32_t mode)
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

#define NS_A_SECOND INT64_C(1000000000)

/* A time beyond the range is at its end, short of what WEIR_TIME_NOW and WEIR_TIME_KEEP are. */
static int64_t ns_of(const struct statx_timestamp *at)
{
    if (at->tv_sec >= INT64_MAX / NS_A_SECOND)
        return INT64_MAX - 1;
    if (at->tv_sec <= INT64_MIN / NS_A_SECOND)
        return INT64_MIN + 1;
    return at->tv_sec * NS_A_SECOND + at->tv_nsec;
}

void weir__stat_convert(const struct statx *from, struct weir_stat *out)
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
        .kind = weir__kind_of_mode(from->stx_mode),
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

uint32_t weir__kind_of_type(unsigned char type)
{
    switch (type) {
    case DT_UNKNOWN:
        return 0;
    case DT_REG:
        return WEIR_FILE_REGULAR;
    case DT_DIR:
        return WEIR_FILE_DIRECTORY;
    case DT_LNK:
        return WEIR_FILE_LINK;
    default:
        return WEIR_FILE_OTHER;
    }
}
