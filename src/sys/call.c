/* sys/call.c - the wrappers whose headers would drag much along, and those with a memory. See
 * call.h.
 *
 * The one fact that is remembered: whether this kernel has epoll_pwait2. Found by trying, kept
 * for the process; a race between two first callers costs one more try.
 */
#include "sys/call.h"

#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <weir/error.h>

#include "base/atomic.h"

int weir__sys_epoll_create1(int flags)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(epoll_create1(flags | EPOLL_CLOEXEC));
}

int weir__sys_epoll_ctl(int epoll, int how, int fd, struct epoll_event *event)
{
    int fault = WEIR__SYS_FAULT(ENOMEM);

    return fault ? fault : weir__sys_result(epoll_ctl(epoll, how, fd, event));
}

static uint32_t no_pwait2; /* partner: itself */

static int epoll_wait_ms(int epoll, struct epoll_event *events, int max, int64_t timeout_ns)
{
    int64_t ms = timeout_ns < 0 ? -1 : timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);

    return weir__sys_result(epoll_wait(epoll, events, max, ms > INT_MAX ? INT_MAX : (int)ms));
}

int weir__sys_epoll_wait(int epoll, struct epoll_event *events, int max, int64_t timeout_ns)
{
    /* A fault is an interruption: the one way in which a sound wait ends without a result. */
    int rc = WEIR__SYS_FAULT(EINTR);

    if (rc)
        return rc;
#if defined(SYS_epoll_pwait2)
    if (timeout_ns > 0 && timeout_ns % 1000000 != 0 && !WEIR_ATOMIC_LOAD(&no_pwait2, RELAXED)) {
        /* The kernel's own struct: 64 bits in both fields on every machine. */
        struct {
            int64_t seconds, nanoseconds;
        } when = {timeout_ns / 1000000000, timeout_ns % 1000000000};

        rc =
            weir__sys_result(syscall(SYS_epoll_pwait2, epoll, events, max, &when, NULL, (size_t)8));
        if (rc != -ENOSYS && rc != -EPERM) /* EPERM: a seccomp filter */
            return rc;
        WEIR_ATOMIC_STORE(&no_pwait2, 1, RELAXED);
    }
#endif
    return epoll_wait_ms(epoll, events, max, timeout_ns);
}

int weir__sys_eventfd(unsigned initial, int flags)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(eventfd(initial, flags | EFD_CLOEXEC));
}

int weir__sys_timerfd_create(int clock)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK));
}

int weir__sys_timerfd_settime_flags(int fd, int flags, const struct itimerspec *when)
{
    int fault = WEIR__SYS_FAULT(EINVAL);

    return fault ? fault : weir__sys_result(timerfd_settime(fd, flags, when, NULL));
}

int weir__sys_timerfd_settime(int fd, const struct itimerspec *when)
{
    return weir__sys_timerfd_settime_flags(fd, 0, when);
}

int weir__sys_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    int fault = action ? WEIR__SYS_FAULT(EINVAL) : 0;

    return fault ? fault : weir__sys_result(sigaction(number, action, old));
}

void weir__sys_sigaction_restore(int number, const struct sigaction *action)
{
    sigaction(number, action, NULL);
}

int weir__sys_errno(void)
{
    return errno;
}

void weir__sys_errno_restore(int value)
{
    errno = value;
}

int weir__sys_sigmask(int how, const void *set, void *old)
{
    return -pthread_sigmask(how, set, old);
}

int weir__sys_sigaltstack(const void *stack, void *old)
{
    const stack_t *wanted = stack;
    int fault = wanted && !(wanted->ss_flags & SS_DISABLE) ? WEIR__SYS_FAULT(ENOMEM) : 0;

    return fault ? fault : weir__sys_result(sigaltstack(wanted, old));
}

int weir__sys_signalfd(int fd, const void *set)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(signalfd(fd, set, SFD_CLOEXEC | SFD_NONBLOCK));
}
