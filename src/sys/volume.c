/* sys/volume.c - see volume.h. */
#include "sys/volume.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

const struct weir__volume *weir__volume;

int weir__volume_cwd(void)
{
    int rc = weir__volume ? weir__volume->cwd() : -1;

    return rc < 0 ? AT_FDCWD : rc;
}

int weir__volume_pread(int fd, void *base, size_t len, off_t offset, int flags)
{
    struct iovec part = {base, len};

    return weir__volume->read(fd, &part, 1, offset, flags);
}

int weir__volume_pwrite(int fd, const void *base, size_t len, off_t offset)
{
    struct iovec part = {(void *)(uintptr_t)base, len};

    return weir__volume->write(fd, &part, 1, offset);
}

static struct timespec time_of(const struct statx_timestamp *at)
{
    return (struct timespec){.tv_sec = at->tv_sec, .tv_nsec = at->tv_nsec};
}

int weir__volume_stat(int dir, const char *path, int flags, struct stat *out)
{
    struct statx about;
    int rc = weir__volume->statx(dir, path, flags, &about);

    if (rc < 0)
        return rc;
    memset(out, 0, sizeof *out);
    out->st_dev = makedev(about.stx_dev_major, about.stx_dev_minor);
    out->st_ino = about.stx_ino;
    out->st_mode = about.stx_mode;
    out->st_nlink = about.stx_nlink;
    out->st_uid = about.stx_uid;
    out->st_gid = about.stx_gid;
    out->st_size = (off_t)about.stx_size;
    out->st_blksize = about.stx_blksize;
    out->st_blocks = (blkcnt_t)about.stx_blocks;
    out->st_atim = time_of(&about.stx_atime);
    out->st_mtim = time_of(&about.stx_mtime);
    out->st_ctim = time_of(&about.stx_ctime);
    return 0;
}
