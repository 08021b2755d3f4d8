/* sys/disk.h - system calls on files and directories, as those of sys/call.h.
 *
 * Each is weir__sys_<call> with the arguments of its man page and returns -errno when it fails; a
 * fault build may fail each. What was interrupted before it did something is made again, but for
 * locks that wait. Any thread.
 */
#ifndef WEIR_SYS_DISK_H
#define WEIR_SYS_DISK_H

#include <dirent.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "sys/call.h"

#define WEIR__SYS_AGAIN(rc, call)                                                                  \
    do                                                                                             \
        (rc) = weir__sys_result(call);                                                             \
    while ((rc) == -EINTR)

/* offset -1: the descriptor's own. RWF_* flags: -EOPNOTSUPP or -ENOSYS where the file or the kernel
 * does not know one. */
static inline int weir__sys_preadv2(int fd, const struct iovec *parts, int count, off_t offset,
                                    int flags)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0 && weir__volume_has(fd))
        return weir__volume->read(fd, parts, count, offset, flags);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, preadv2(fd, parts, count, offset, flags));
    return rc;
}

static inline int weir__sys_pwritev2(int fd, const struct iovec *parts, int count, off_t offset,
                                     int flags)
{
    int rc = WEIR__SYS_FAULT(ENOSPC);

    if (rc == 0 && weir__volume_has(fd))
        return weir__volume->write(fd, parts, count, offset);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, pwritev2(fd, parts, count, offset, flags));
    return rc;
}

/* Closes, and says what the file system has to say about it: the descriptor is gone in any case.
 * WEIR_EINTR counts as done. */
static inline int weir__sys_close_told(int fd)
{
    int rc = weir__volume_has(fd) ? weir__volume->close(fd) : weir__sys_result(close(fd));

    return rc == -EINTR ? 0 : rc;
}

static inline int64_t weir__sys_lseek(int fd, off_t offset, int whence)
{
    int fault = WEIR__SYS_FAULT(EINVAL);
    off_t at;

    if (fault)
        return fault;
    if (weir__volume_has(fd))
        return weir__volume->seek(fd, offset, whence);
    at = lseek(fd, offset, whence);
    return at < 0 ? -errno : at;
}

/* Both are pipes. Does not wait: -EAGAIN if nothing is there and somebody may write. */
static inline int weir__sys_tee_now(int from, int to, size_t len)
{
    int rc = WEIR__SYS_FAULT(ENOMEM);

    if (rc == 0)
        WEIR__SYS_AGAIN(rc, tee(from, to, len, SPLICE_F_NONBLOCK));
    return rc;
}

static inline int weir__sys_fsync(int fd, bool data_alone)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0 && weir__volume_has(fd))
        return weir__volume->sync(fd);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, data_alone ? fdatasync(fd) : fsync(fd));
    return rc;
}

static inline int weir__sys_sync_file_range(int fd, off_t offset, off_t len, unsigned flags)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0 && weir__volume_has(fd))
        return weir__volume->sync_range(fd, offset, len);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, sync_file_range(fd, offset, len, flags));
    return rc;
}

static inline int weir__sys_fallocate(int fd, int mode, off_t offset, off_t len)
{
    int rc = WEIR__SYS_FAULT(ENOSPC);

    if (rc == 0 && weir__volume_has(fd))
        return weir__volume->allocate(fd, mode, offset, len);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, fallocate(fd, mode, offset, len));
    return rc;
}

static inline int weir__sys_ftruncate(int fd, off_t len)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0 && weir__volume_has(fd))
        return weir__volume->truncate(fd, len);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, ftruncate(fd, len));
    return rc;
}

static inline int weir__sys_fadvise(int fd, off_t offset, off_t len, int advice)
{
    int fault = WEIR__SYS_FAULT(EINVAL);

    if (weir__volume_has(fd) && !fault)
        return weir__volume->advise(fd, advice);
    return fault ? fault : -posix_fadvise(fd, offset, len, advice);
}

/* `out` is a struct statx. */
static inline int weir__sys_statx(int dir, const char *path, int flags, unsigned mask, void *out)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0 && weir__volume_has(dir))
        return weir__volume->statx(dir, path, flags, out);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, statx(dir, path, flags, mask, out));
    return rc;
}

static inline int weir__sys_fstatfs(int fd, struct statfs *out)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0 && weir__volume_has(fd))
        return weir__volume->statfs(fd, out);
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, fstatfs(fd, out));
    return rc;
}

static inline int weir__sys_renameat2(int from_dir, const char *from, int to_dir, const char *to,
                                      unsigned flags)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(from_dir) && !fault)
        return weir__volume->rename(from_dir, from, to_dir, to, flags);
    return fault ? fault : weir__sys_result(renameat2(from_dir, from, to_dir, to, flags));
}

static inline int weir__sys_mkdirat(int dir, const char *path, unsigned mode)
{
    int fault = WEIR__SYS_FAULT(ENOSPC);

    if (weir__volume_has(dir) && !fault)
        return weir__volume->make(dir, path, mode);
    return fault ? fault : weir__sys_result(mkdirat(dir, path, mode));
}

static inline int weir__sys_symlinkat(const char *target, int dir, const char *path)
{
    int fault = WEIR__SYS_FAULT(ENOSPC);

    if (weir__volume_has(dir) && !fault)
        return weir__volume->symlink(target, dir, path);
    return fault ? fault : weir__sys_result(symlinkat(target, dir, path));
}

static inline int weir__sys_linkat(int from_dir, const char *from, int to_dir, const char *to,
                                   int flags)
{
    int fault = WEIR__SYS_FAULT(ENOSPC);

    if (weir__volume_has(from_dir) && !fault)
        return weir__volume->link(from_dir, from, to_dir, to, flags);
    return fault ? fault : weir__sys_result(linkat(from_dir, from, to_dir, to, flags));
}

/* The length, which is `cap` for a text that may be cut; no terminator. */
static inline int weir__sys_readlinkat(int dir, const char *path, char *out, size_t cap)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(dir) && !fault)
        return weir__volume->read_link(dir, path, out, cap);
    return fault ? fault : weir__sys_result(readlinkat(dir, path, out, cap));
}

static inline int weir__sys_fchmodat(int dir, const char *path, unsigned mode)
{
    int fault = WEIR__SYS_FAULT(EPERM);

    if (weir__volume_has(dir) && !fault)
        return weir__volume->set_mode(dir, path, mode);
    return fault ? fault : weir__sys_result(fchmodat(dir, path, mode, 0));
}

static inline int weir__sys_fchmod(int fd, unsigned mode)
{
    int fault = WEIR__SYS_FAULT(EPERM);

    if (weir__volume_has(fd) && !fault)
        return weir__volume->set_mode(fd, NULL, mode);
    return fault ? fault : weir__sys_result(fchmod(fd, mode));
}

static inline int weir__sys_fchownat(int dir, const char *path, uid_t user, gid_t group, int flags)
{
    int fault = WEIR__SYS_FAULT(EPERM);

    if (weir__volume_has(dir) && !fault)
        return weir__volume->set_owner(dir, path, user, group, flags);
    return fault ? fault : weir__sys_result(fchownat(dir, path, user, group, flags));
}

/* path NULL: the descriptor itself. */
static inline int weir__sys_utimensat(int dir, const char *path, const struct timespec times[2],
                                      int flags)
{
    int fault = WEIR__SYS_FAULT(EPERM);

    if (weir__volume_has(dir) && !fault)
        return weir__volume->set_times(dir, path, times, flags);
    return fault
               ? fault
               : weir__sys_result(path ? utimensat(dir, path, times, flags) : futimens(dir, times));
}

static inline int weir__sys_fgetxattr(int fd, const char *name, void *out, size_t cap)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(fd) && !fault)
        return -EOPNOTSUPP;
    return fault ? fault : weir__sys_result(fgetxattr(fd, name, out, cap));
}

static inline int weir__sys_fsetxattr(int fd, const char *name, const void *value, size_t len,
                                      int flags)
{
    int fault = WEIR__SYS_FAULT(ENOSPC);

    if (weir__volume_has(fd) && !fault)
        return -EOPNOTSUPP;
    return fault ? fault : weir__sys_result(fsetxattr(fd, name, value, len, flags));
}

static inline int weir__sys_flistxattr(int fd, char *out, size_t cap)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(fd) && !fault)
        return -EOPNOTSUPP;
    return fault ? fault : weir__sys_result(flistxattr(fd, out, cap));
}

static inline int weir__sys_fremovexattr(int fd, const char *name)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(fd) && !fault)
        return -EOPNOTSUPP;
    return fault ? fault : weir__sys_result(fremovexattr(fd, name));
}

/* Shares all blocks of a file with another one. */
static inline int weir__sys_ficlone(int to, int from)
{
    int fault = WEIR__SYS_FAULT(EOPNOTSUPP);

    if (weir__volume_has(to) && !fault)
        return -EOPNOTSUPP;
    return fault ? fault : weir__sys_result(ioctl(to, FICLONE, from));
}

/* NULL offsets are the descriptors' own. */
static inline int weir__sys_copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset,
                                            size_t len)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0 && (weir__volume_has(from) || weir__volume_has(to)))
        return -EXDEV;
    if (rc == 0)
        WEIR__SYS_AGAIN(rc, copy_file_range(from, from_offset, to, to_offset, len, 0));
    return rc;
}

/* Raw entries as of getdents64(2): bytes of them, or 0 at the end. */
static inline int weir__sys_getdents(int fd, void *out, size_t cap)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(fd) && !fault)
        return weir__volume->entries(fd, out, cap);
    return fault ? fault : weir__sys_result(syscall(SYS_getdents64, fd, out, cap));
}

/* Has no fault when it unlocks. -EINTR if a signal ended a wait. */
static inline int weir__sys_flock(int fd, int how)
{
    int fault = how == LOCK_UN ? 0 : WEIR__SYS_FAULT(ENOLCK);

    if (weir__volume_has(fd) && !fault)
        return -EOPNOTSUPP;
    return fault ? fault : weir__sys_result(flock(fd, how));
}

/* F_OFD_SETLK, F_OFD_SETLKW or F_OFD_GETLK. Has no fault when it unlocks. */
static inline int weir__sys_ofd_lock(int fd, int how, struct flock *lock)
{
    int fault = lock->l_type == F_UNLCK ? 0 : WEIR__SYS_FAULT(ENOLCK);

    if (weir__volume_has(fd) && !fault)
        return -EOPNOTSUPP;
    return fault ? fault : weir__sys_result(fcntl(fd, how, lock));
}

/* ---- watching ---- */

/* Always close-on-exec and non-blocking. */
static inline int weir__sys_inotify_init(void)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

static inline int weir__sys_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    int fault = WEIR__SYS_FAULT(ENOSPC);

    return fault ? fault : weir__sys_result(inotify_add_watch(fd, path, mask));
}

/* Has no fault: what ends something cannot fail. */
static inline int weir__sys_inotify_rm_watch(int fd, int watch)
{
    return weir__sys_result(inotify_rm_watch(fd, watch));
}

/* How many bytes a read would give. */
static inline int weir__sys_unread(int fd)
{
    int count = 0, fault = WEIR__SYS_FAULT(EINVAL);
    int rc = fault ? fault : weir__sys_result(ioctl(fd, FIONREAD, &count));

    return rc < 0 ? rc : count;
}

#endif
