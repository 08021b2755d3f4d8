/* sys/call.h - system calls: static inline wrappers that return -errno.
 *
 * Each is weir__sys_<call> with the arguments of its man page, returns what the call returns when
 * it is >= 0 and -errno when it fails, and leaves errno to whoever wants it. In fault builds each
 * may fail without being made (weir__fault_hit), with an error that the call can have. Counts of
 * bytes fit an int, because the kernel moves at most 0x7ffff000 bytes a call. Any thread.
 *
 * EINTR: what moved nothing when it was interrupted is made again here (recv, send, read, write,
 * accept, open, ...). What waits returns WEIR_EINTR, so that the caller looks at its clock:
 * epoll_wait, poll, io_uring_enter. connect returns -EINPROGRESS, since it goes on in the kernel.
 * close counts as done.
 *
 * The build defines _GNU_SOURCE.
 */
#ifndef WEIR_SYS_CALL_H
#define WEIR_SYS_CALL_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "sys/network.h"
#include "sys/volume.h"

struct epoll_event;
struct io_uring_params;
struct signalfd_siginfo;

/* ---- helpers ---- */

/* The result of a call, or -errno. */
static inline int weir__sys_result(long rc)
{
    return rc < 0 ? -errno : (int)rc;
}

#define WEIR__SYS_FAULT(code) (weir__fault_hit(WEIR__FAULT_CALL) ? -(code) : 0)

/* ---- sockets ---- */

/* Always close-on-exec. */
static inline int weir__sys_socket(int family, int type, int protocol)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    if (__builtin_expect(weir__network_on, 0) && !fault)
        return weir__network->socket(family, type, protocol);
    return fault ? fault : weir__sys_result(socket(family, type | SOCK_CLOEXEC, protocol));
}

/* Always close-on-exec. */
static inline int weir__sys_socketpair(int family, int type, int protocol, int fds[2])
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(socketpair(family, type | SOCK_CLOEXEC, protocol, fds));
}

static inline int weir__sys_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    int fault = WEIR__SYS_FAULT(EADDRINUSE);

    if (weir__network_has(fd) && !fault)
        return weir__network->bind(fd, address, len);
    return fault ? fault : weir__sys_result(bind(fd, address, len));
}

static inline int weir__sys_listen(int fd, int backlog)
{
    int fault = WEIR__SYS_FAULT(EADDRINUSE);

    if (weir__network_has(fd) && !fault)
        return weir__network->listen(fd, backlog);
    return fault ? fault : weir__sys_result(listen(fd, backlog));
}

static inline int weir__sys_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    int rc = WEIR__SYS_FAULT(EMFILE);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network->accept(fd, address, len);
    do {
        rc = weir__sys_result(accept4(fd, address, len, flags));
    } while (rc == -EINTR);
    return rc;
}

/* -EINPROGRESS also when a signal interrupted it: the result is in SO_ERROR once it is writable. */
static inline int weir__sys_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int rc = WEIR__SYS_FAULT(ECONNREFUSED);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network->connect(fd, address, len);
    rc = weir__sys_result(connect(fd, address, len));
    return rc == -EINTR ? -EINPROGRESS : rc;
}

static inline int weir__sys_shutdown(int fd, int how)
{
    int fault = WEIR__SYS_FAULT(ENOTCONN);

    if (weir__network_has(fd) && !fault)
        return weir__network->shutdown(fd, how);
    return fault ? fault : weir__sys_result(shutdown(fd, how));
}

static inline int weir__sys_recv(int fd, void *base, size_t len, int flags)
{
    int rc = WEIR__SYS_FAULT(ECONNRESET);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network->recv(fd, base, len, flags);
    do {
        rc = weir__sys_result(recv(fd, base, len, flags));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_send(int fd, const void *base, size_t len, int flags)
{
    int rc = WEIR__SYS_FAULT(ECONNRESET);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network->send(fd, base, len);
    do {
        rc = weir__sys_result(send(fd, base, len, flags));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_recvmsg(int fd, struct msghdr *message, int flags)
{
    int rc = WEIR__SYS_FAULT(ECONNRESET);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network_recvmsg(fd, message, flags);
    do {
        rc = weir__sys_result(recvmsg(fd, message, flags));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
    int rc = WEIR__SYS_FAULT(ECONNRESET);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network_sendmsg(fd, message);
    do {
        rc = weir__sys_result(sendmsg(fd, message, flags));
    } while (rc == -EINTR);
    return rc;
}

/* Several messages: how many, at least one. An error that comes behind the first is that of the
 * next call. */
static inline int weir__sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int rc = WEIR__SYS_FAULT(ECONNRESET);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network_recvmmsg(fd, messages, count, flags);
    do {
        rc = weir__sys_result(recvmmsg(fd, messages, count, flags, NULL));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    int rc = WEIR__SYS_FAULT(ECONNRESET);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__network_sendmmsg(fd, messages, count);
    do {
        rc = weir__sys_result(sendmmsg(fd, messages, count, flags));
    } while (rc == -EINTR);
    return rc;
}

/* From `from` at *offset (moved on) to the socket or file `to`. The call knows no MSG_NOSIGNAL:
 * the thread's SIGPIPE is blocked round it, and taken if it came, which may be behind the bytes of
 * a short count. Cheap calls beside a copy of many pages; threads that block it already pay one. */
static inline int weir__sys_sendfile(int to, int from, off_t *offset, size_t len)
{
    static const struct timespec none;
    int rc = WEIR__SYS_FAULT(EIO);
    sigset_t pipe, before;

    if (rc)
        return rc;
    if (weir__network_has(to))
        return weir__network_sendfile(to, from, offset, len);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    do {
        rc = weir__sys_result(sendfile(to, from, offset, len));
    } while (rc == -EINTR);
    if (!sigismember(&before, SIGPIPE)) {
        if (rc != (int)len)
            (void)sigtimedwait(&pipe, NULL, &none);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return rc;
}

static inline int weir__sys_getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
    int fault = WEIR__SYS_FAULT(ENOBUFS);

    if (weir__network_has(fd) && !fault)
        return weir__network->local(fd, address, len);
    return fault ? fault : weir__sys_result(getsockname(fd, address, len));
}

static inline int weir__sys_getpeername(int fd, struct sockaddr *address, socklen_t *len)
{
    int fault = WEIR__SYS_FAULT(ENOTCONN);

    if (weir__network_has(fd) && !fault)
        return weir__network->peer(fd, address, len);
    return fault ? fault : weir__sys_result(getpeername(fd, address, len));
}

static inline int weir__sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    int fault = WEIR__SYS_FAULT(ENOBUFS);

    if (weir__network_has(fd) && !fault)
        return weir__network->get_option(fd, level, name, value, len);
    return fault ? fault : weir__sys_result(getsockopt(fd, level, name, value, len));
}

static inline int weir__sys_setsockopt(int fd, int level, int name, const void *value,
                                       socklen_t len)
{
    int fault = WEIR__SYS_FAULT(ENOMEM);

    if (weir__network_has(fd) && !fault)
        return weir__network->set_option(fd, level, name, value, len);
    return fault ? fault : weir__sys_result(setsockopt(fd, level, name, value, len));
}

/* ---- descriptors ---- */

/* Never fails but for WEIR_EBADF, which is a bug of the caller: EINTR and EIO have closed it too.
 * Has no fault: what ends something cannot fail. */
static inline int weir__sys_close(int fd)
{
    int rc;

    if (weir__network_has(fd))
        return weir__volume_has(fd) ? weir__volume->close(fd) : weir__network->close(fd);
    rc = weir__sys_result(close(fd));
    return rc == -EBADF ? rc : 0;
}

static inline int weir__sys_read(int fd, void *base, size_t len)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__volume_has(fd) ? weir__volume_pread(fd, base, len, -1, 0)
                                    : weir__network->recv(fd, base, len, 0);
    do {
        rc = weir__sys_result(read(fd, base, len));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_write(int fd, const void *base, size_t len)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    if (weir__network_has(fd))
        return weir__volume_has(fd) ? weir__volume_pwrite(fd, base, len, -1)
                                    : weir__network->send(fd, base, len);
    do {
        rc = weir__sys_result(write(fd, base, len));
    } while (rc == -EINTR);
    return rc;
}

/* Makes an event descriptor readable. Has no fault: adding one to its count cannot fail, and who
 * sleeps on it relies on that. */
static inline void weir__sys_event_signal(int fd)
{
    uint64_t one = 1;
    ssize_t rc;

    do
        rc = write(fd, &one, sizeof one);
    while (rc < 0 && errno == EINTR);
}

static inline int weir__sys_pread(int fd, void *base, size_t len, off_t offset)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    if (weir__volume_has(fd))
        return weir__volume_pread(fd, base, len, offset, 0);
    do {
        rc = weir__sys_result(pread(fd, base, len, offset));
    } while (rc == -EINTR);
    return rc;
}

/* The same from memory alone: -EAGAIN if it would have to wait, -EOPNOTSUPP or -ENOSYS where the
 * file or the kernel cannot say. */
static inline int weir__sys_pread_nowait(int fd, void *base, size_t len, off_t offset)
{
#if defined(RWF_NOWAIT)
    struct iovec part = {base, len};
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    if (weir__volume_has(fd))
        return weir__volume->read(fd, &part, 1, offset, RWF_NOWAIT);
    do {
        rc = weir__sys_result(preadv2(fd, &part, 1, offset, RWF_NOWAIT));
    } while (rc == -EINTR);
    return rc;
#else
    (void)fd;
    (void)base;
    (void)len;
    (void)offset;
    return -ENOSYS;
#endif
}

static inline int weir__sys_pwrite(int fd, const void *base, size_t len, off_t offset)
{
    int rc = WEIR__SYS_FAULT(ENOSPC);

    if (rc)
        return rc;
    if (weir__volume_has(fd))
        return weir__volume_pwrite(fd, base, len, offset);
    do {
        rc = weir__sys_result(pwrite(fd, base, len, offset));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_readv(int fd, const struct iovec *parts, int count)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    do {
        rc = weir__sys_result(readv(fd, parts, count));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_writev(int fd, const struct iovec *parts, int count)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    do {
        rc = weir__sys_result(writev(fd, parts, count));
    } while (rc == -EINTR);
    return rc;
}

/* One of the ends is a pipe. NULL offsets are the descriptors' own. Raises SIGPIPE like write. */
static inline int weir__sys_splice(int from, off_t *from_offset, int to, off_t *to_offset,
                                   size_t len, unsigned flags)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    do {
        rc = weir__sys_result(splice(from, from_offset, to, to_offset, len, flags));
    } while (rc == -EINTR);
    return rc;
}

/* Sets or clears O_NONBLOCK on the open file, which others may share. */
static inline int weir__sys_set_nonblock(int fd, bool on)
{
    int rc = WEIR__SYS_FAULT(EBADF);
    int flags;

    if (rc || weir__network_has(fd)) /* no simulated call blocks */
        return rc;
    flags = rc = weir__sys_result(fcntl(fd, F_GETFL));
    if (rc < 0)
        return rc;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return flags == rc ? 0 : weir__sys_result(fcntl(fd, F_SETFL, flags));
}

static inline int weir__sys_set_cloexec(int fd, bool on)
{
    int fault = WEIR__SYS_FAULT(EBADF);

    if (fault || weir__network_has(fd))
        return fault;
    return weir__sys_result(fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0));
}

/* A copy of the descriptor, close-on-exec. */
static inline int weir__sys_dup(int fd)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    if (weir__network_has(fd) && !fault)
        return weir__volume_has(fd) ? weir__volume->dup(fd) : weir__network->dup(fd);
    return fault ? fault : weir__sys_result(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/* Puts a file in the place of another's descriptor, at one moment; close-on-exec. Has no fault:
 * what ends something cannot fail. */
static inline int weir__sys_dup_over(int fd, int over)
{
    int rc;

    do {
        rc = weir__sys_result(dup3(fd, over, O_CLOEXEC));
    } while (rc == -EINTR || rc == -EBUSY);
    return rc;
}

/* How the open file may be used: O_ACCMODE and O_NONBLOCK among others. */
static inline int weir__sys_get_mode(int fd)
{
    int fault = WEIR__SYS_FAULT(EBADF);

    return fault ? fault : weir__sys_result(fcntl(fd, F_GETFL));
}

/* Always close-on-exec. */
static inline int weir__sys_pipe2(int fds[2], int flags)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(pipe2(fds, flags | O_CLOEXEC));
}

/* ---- files ---- */

/* How openat2 resolves a path, by the kernel's numbers (its header may be older than the
 * kernel). */
enum {
    WEIR__RESOLVE_NO_XDEV = 0x01,
    WEIR__RESOLVE_NO_MAGICLINKS = 0x02,
    WEIR__RESOLVE_NO_SYMLINKS = 0x04,
    WEIR__RESOLVE_BENEATH = 0x08,
    WEIR__RESOLVE_IN_ROOT = 0x10,
    WEIR__RESOLVE_CACHED = 0x20,
};

/* Opens a path with WEIR__RESOLVE_* bits; always close-on-exec. -ENOSYS before Linux 5.6 and -EPERM
 * under some filters: the caller then walks the path itself, one weir__sys_openat with O_NOFOLLOW a
 * component, and refuses "..". -EAGAIN when a rename raced: try again, a bounded number of times.
 * -EXDEV when the path leaves the tree. */
static inline int weir__sys_openat2(int dir, const char *path, int flags, unsigned mode,
                                    uint64_t resolve)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {(uint64_t)(unsigned)flags | O_CLOEXEC, mode, resolve};
    int rc = WEIR__SYS_FAULT(EMFILE);

    if (rc)
        return rc;
    if (weir__volume_has(dir))
        return weir__volume->open(dir, path, flags, mode, resolve);
#if defined(SYS_openat2)
    do {
        rc = weir__sys_result(syscall(SYS_openat2, dir, path, &how, sizeof how));
    } while (rc == -EINTR);
    return rc;
#else
    (void)how;
    (void)dir;
    (void)path;
    return -ENOSYS;
#endif
}

/* Always close-on-exec. */
static inline int weir__sys_openat(int dir, const char *path, int flags, unsigned mode)
{
    int rc = WEIR__SYS_FAULT(EMFILE);

    if (rc)
        return rc;
    if (weir__volume_has(dir))
        return weir__volume->open(dir, path, flags, mode, 0);
    do {
        rc = weir__sys_result(openat(dir, path, flags | O_CLOEXEC, mode));
    } while (rc == -EINTR);
    return rc;
}

static inline int weir__sys_fstat(int fd, struct stat *out)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(fd) && !fault)
        return weir__volume_stat(fd, "", AT_EMPTY_PATH, out);
    return fault ? fault : weir__sys_result(fstat(fd, out));
}

static inline int weir__sys_fstatat(int dir, const char *path, struct stat *out, int flags)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(dir) && !fault)
        return weir__volume_stat(dir, path, flags, out);
    return fault ? fault : weir__sys_result(fstatat(dir, path, out, flags));
}

static inline int weir__sys_chmod(const char *path, unsigned mode)
{
    int fault = WEIR__SYS_FAULT(EPERM);

    return fault ? fault : weir__sys_result(chmod(path, mode));
}

/* The length, which is `cap` for a text that may be cut; no terminator. */
static inline int weir__sys_readlink(const char *path, char *out, size_t cap)
{
    int fault = WEIR__SYS_FAULT(ENOENT);

    return fault ? fault : weir__sys_result(readlink(path, out, cap));
}

static inline int weir__sys_unlinkat(int dir, const char *path, int flags)
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (weir__volume_has(dir) && !fault)
        return weir__volume->unlink(dir, path, flags);
    return fault ? fault : weir__sys_result(unlinkat(dir, path, flags));
}

/* ---- memory ---- */

/* Gives *out; 0 or -errno. */
static inline int weir__sys_mmap(void *hint, size_t size, int protection, int flags, int fd,
                                 off_t offset, void **out)
{
    int fault = WEIR__SYS_FAULT(ENOMEM);
    void *at;

    if (fault)
        return fault;
    at = mmap(hint, size, protection, flags, fd, offset);
    if (at == MAP_FAILED)
        return -errno;
    *out = at;
    return 0;
}

/* Has no fault, as close. */
static inline int weir__sys_munmap(void *at, size_t size)
{
    return weir__sys_result(munmap(at, size));
}

static inline int weir__sys_madvise(void *at, size_t size, int advice)
{
    int fault = WEIR__SYS_FAULT(EAGAIN);

    return fault ? fault : weir__sys_result(madvise(at, size, advice));
}

/* Advice for ranges of the own process in one call. -ENOSYS, -EBADF or -EINVAL where the kernel
 * cannot (PIDFD_SELF is of Linux 6.14): the caller then advises each by itself. */
static inline int weir__sys_madvise_many(const struct iovec *ranges, size_t count, int advice)
{
#if defined(SYS_process_madvise)
    const int self = -10001; /* PIDFD_SELF_THREAD_GROUP */
    int fault = WEIR__SYS_FAULT(EAGAIN);

    return fault ? fault
                 : weir__sys_result(syscall(SYS_process_madvise, self, ranges, count, advice, 0));
#else
    (void)ranges;
    (void)count;
    (void)advice;
    return -ENOSYS;
#endif
}

/* NUMA: of the first 64 nodes. Raw, since libc does not have it. */
static inline int weir__sys_mbind(void *at, size_t size, int mode, uint64_t nodes)
{
    int fault = WEIR__SYS_FAULT(EPERM);

    return fault ? fault : weir__sys_result(syscall(SYS_mbind, at, size, mode, &nodes, 65ul, 0u));
}

static inline int weir__sys_mprotect(void *at, size_t size, int protection)
{
    int fault = WEIR__SYS_FAULT(ENOMEM);

    return fault ? fault : weir__sys_result(mprotect(at, size, protection));
}

static inline int weir__sys_mincore(void *at, size_t size, unsigned char *resident)
{
    int fault = WEIR__SYS_FAULT(EAGAIN);

    return fault ? fault : weir__sys_result(mincore(at, size, resident));
}

/* ---- waiting ---- */

int weir__sys_epoll_create1(int flags);
int weir__sys_epoll_ctl(int epoll, int how, int fd, struct epoll_event *event);
/* timeout_ns: -1 for ever, 0 not at all. epoll_pwait2 where the kernel has it (5.11), else
 * epoll_wait with the timeout rounded up to a millisecond: never early. WEIR_EINTR after a
 * signal. */
int weir__sys_epoll_wait(int epoll, struct epoll_event *events, int max, int64_t timeout_ns);

/* Always close-on-exec. */
int weir__sys_eventfd(unsigned initial, int flags);
/* Always close-on-exec and non-blocking. */
int weir__sys_timerfd_create(int clock);
/* Relative; a zero it_value disarms. */
int weir__sys_timerfd_settime(int fd, const struct itimerspec *when);
int weir__sys_timerfd_settime_flags(int fd, int flags, const struct itimerspec *when);

/* With a timeout of 0 a signal that is pending makes it -EINTR where nothing is ready: 0 here. */
static inline int weir__sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    int rc = WEIR__SYS_FAULT(ENOMEM);

    if (count == 1 && weir__network_has(fds->fd) && !rc)
        return weir__network_poll(fds);
    if (rc)
        return rc;
    rc = weir__sys_result(poll(fds, count, timeout_ms));
    return rc == -EINTR && timeout_ms == 0 ? 0 : rc;
}

/* ---- io_uring, by number: distributions ship old headers ---- */

#if defined(SYS_io_uring_setup)
#define WEIR__SYS_URING_SETUP    SYS_io_uring_setup
#define WEIR__SYS_URING_ENTER    SYS_io_uring_enter
#define WEIR__SYS_URING_REGISTER SYS_io_uring_register
#else
#define WEIR__SYS_URING_SETUP    425
#define WEIR__SYS_URING_ENTER    426
#define WEIR__SYS_URING_REGISTER 427
#endif

static inline int weir__sys_io_uring_setup(unsigned entries, struct io_uring_params *params)
{
    int fault = WEIR__SYS_FAULT(ENOMEM);

    return fault ? fault : weir__sys_result(syscall(WEIR__SYS_URING_SETUP, entries, params));
}

/* The fault is EAGAIN: nothing was submitted and the caller comes again. WEIR_EINTR after a
 * signal. */
static inline int weir__sys_io_uring_enter(int ring, unsigned submit, unsigned want, unsigned flags,
                                           const void *extra, size_t extra_size)
{
    int fault = WEIR__SYS_FAULT(EAGAIN);

    return fault ? fault
                 : weir__sys_result(
                     syscall(WEIR__SYS_URING_ENTER, ring, submit, want, flags, extra, extra_size));
}

static inline int weir__sys_io_uring_register(int ring, unsigned opcode, const void *arg,
                                              unsigned count)
{
    int fault = WEIR__SYS_FAULT(ENOMEM);

    return fault ? fault
                 : weir__sys_result(syscall(WEIR__SYS_URING_REGISTER, ring, opcode, arg, count));
}

/* ---- signals: in call.c ---- */

struct sigaction;

/* No fault when `action` is NULL. */
int weir__sys_sigaction(int number, const struct sigaction *action, struct sigaction *old);
/* Puts a handler back: no fault, since what ends something cannot fail. Async-signal-safe. */
void weir__sys_sigaction_restore(int number, const struct sigaction *action);
/* A signal handler of weir's leaves errno as it found it. */
int weir__sys_errno(void);
void weir__sys_errno_restore(int value);
/* The calling thread's mask: `how` as SIG_BLOCK. The sets are sigset_t. */
int weir__sys_sigmask(int how, const void *set, void *old);
/* The calling thread's alternate stack; both are stack_t and may be NULL. Taking it away
 * (SS_DISABLE) has no fault. */
int weir__sys_sigaltstack(const void *stack, void *old);
/* Always close-on-exec and non-blocking. fd -1 makes a new one. `set` is a sigset_t. */
int weir__sys_signalfd(int fd, const void *set);

#endif
