/* sys/nowait.c - see nowait.h. */
#include "sys/nowait.h"

#include <signal.h>

#include "sys/call.h"

#if !defined(RWF_NOWAIT)
#define RWF_NOWAIT 0x00000008 /* Linux 4.14 */
#endif

int weir__sys_read_now(int fd, void *base, size_t len, bool nowait)
{
    struct iovec part = {base, len};
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    do {
        rc = weir__sys_result(nowait ? preadv2(fd, &part, 1, -1, RWF_NOWAIT) : read(fd, base, len));
    } while (rc == -EINTR);
    return rc;
}

/* The thread's SIGPIPE is blocked round the call, and taken if it came. */
int weir__sys_write_now(int fd, const void *base, size_t len, bool nowait)
{
    static const struct timespec none;
    struct iovec part = {(void *)(uintptr_t)base, len};
    int rc = WEIR__SYS_FAULT(EPIPE);
    sigset_t pipe, before;

    if (rc)
        return rc;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    do {
        rc = weir__sys_result(nowait ? pwritev2(fd, &part, 1, -1, RWF_NOWAIT)
                                     : write(fd, base, len));
    } while (rc == -EINTR);
    if (!sigismember(&before, SIGPIPE)) {
        if (rc == -EPIPE)
            (void)sigtimedwait(&pipe, NULL, &none);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return rc;
}

/* The same. It may have come behind the bytes of a short count. */
int weir__sys_splice_now(int from, int to, size_t len)
{
    static const struct timespec none;
    sigset_t pipe, before;
    int rc;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    rc = weir__sys_splice(from, NULL, to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (!sigismember(&before, SIGPIPE)) {
        if (rc != (int)len)
            (void)sigtimedwait(&pipe, NULL, &none);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return rc;
}
