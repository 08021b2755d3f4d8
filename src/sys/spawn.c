/* sys/spawn.c - see spawn.h. */
#include "sys/spawn.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "sys/call.h"

/* Newer than the headers may be. */
#if !defined(CLONE_PIDFD)
#define CLONE_PIDFD 0x00001000 /* Linux 5.2 */
#endif
#if !defined(SYS_pidfd_send_signal)
#define SYS_pidfd_send_signal 424 /* Linux 5.1 */
#endif
#if !defined(SYS_pidfd_open)
#define SYS_pidfd_open 434 /* Linux 5.3 */
#endif
#if !defined(SYS_close_range)
#define SYS_close_range 436 /* Linux 5.9 */
#endif
#define WAIT_PIDFD 3 /* P_PIDFD, Linux 5.4 */

#define CHILD_STACK     32768
#define SIGNALS         64
#define SIGNAL_SET_SIZE 8     /* bytes, as the kernel has it */
#define CLOSE_MAX       65536 /* closed one by one where close_range is missing */

/* ThreadSanitizer takes clone for a fork, and spoils the memory that is shared. */
#if defined(__SANITIZE_THREAD__)
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
#define MAKE_PROCESS __clone
#else
#define MAKE_PROCESS clone
#endif

/* ---- the child: system calls only ---- */

#define ALONE __attribute__((no_sanitize("address", "thread", "undefined")))

struct birth {
    struct weir__spawn_plan *plan;
    volatile int error; /* positive */
    volatile enum weir__spawn_step step;
};

/* Since the memory is shared no handler of the parent may run here: every signal has its default
 * effect before any is unblocked. A zeroed action is that, in the form of every processor. */
ALONE static long reset_signals(void)
{
    unsigned char action[64];
    int number;
    size_t i;

    for (i = 0; i < sizeof action; i++)
        ((volatile unsigned char *)action)[i] = 0;
    for (number = 1; number <= SIGNALS; number++) {
        if (number != SIGKILL && number != SIGSTOP)
            syscall(SYS_rt_sigaction, number, action, NULL, SIGNAL_SET_SIZE);
    }
    return 0;
}

/* Puts what is in the way of others out of the way, then each where it belongs. */
ALONE static long move_descriptors(struct weir__spawn_plan *plan)
{
    long rc = 0;
    int i;

    for (i = 0; i < plan->fd_count && rc >= 0; i++) {
        if (plan->fds[i] >= 0 && plan->fds[i] < plan->fd_count && plan->fds[i] != i) {
            rc = syscall(SYS_fcntl, plan->fds[i], F_DUPFD_CLOEXEC, plan->fd_count);
            plan->fds[i] = (int)rc;
        }
    }
    for (i = 0; i < plan->fd_count && rc >= 0; i++) {
        if (plan->fds[i] == i)
            rc = syscall(SYS_fcntl, i, F_SETFD, 0);
        else if (plan->fds[i] >= 0)
            rc = syscall(SYS_dup3, plan->fds[i], i, 0);
    }
    return rc;
}

ALONE static void close_others(const struct weir__spawn_plan *plan)
{
    int i;

    if (syscall(SYS_close_range, plan->fd_count, ~0u, 0) == 0)
        return;
    for (i = plan->fd_count; i < CLOSE_MAX; i++)
        syscall(SYS_close, i);
}

ALONE static long set_limits(const struct weir__spawn_plan *plan)
{
    long rc = 0;
    size_t i;

    for (i = 0; i < plan->limit_count && rc == 0; i++)
        rc = syscall(SYS_prlimit64, 0, plan->limits[i].what, &plan->limits[i].soft, NULL);
    return rc;
}

/* Not the C library's functions: those change all threads of the parent. */
ALONE static long set_user(const struct weir__spawn_plan *plan)
{
    long rc = 0;

    if (plan->sets_groups)
        rc = syscall(SYS_setgroups, plan->group_count, plan->groups);
    if (plan->drops_groups)
        (void)syscall(SYS_setgroups, 0, NULL);
    if (rc == 0 && plan->sets_gid)
        rc = syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid);
    if (rc == 0 && plan->sets_user)
        rc = syscall(SYS_setresuid, plan->user, plan->user, plan->user);
    return rc;
}

/* Tries one place after the other, as a shell does: EACCES is told if nothing else is found. */
ALONE static long run_program(const struct weir__spawn_plan *plan)
{
    const char *path = plan->paths;
    bool refused = false;

    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &plan->blocked, NULL, SIGNAL_SET_SIZE);
    while (*path) {
        syscall(SYS_execve, path, plan->argv, plan->envp);
        if (errno == EACCES)
            refused = true;
        else if (errno != ENOENT && errno != ENOTDIR)
            return -1;
        while (*path++) {
        }
    }
    if (refused)
        errno = EACCES;
    return -1;
}

ALONE static long take_step(struct weir__spawn_plan *plan, enum weir__spawn_step step)
{
    switch (step) {
    case SPAWN_STEP_SIGNALS:
        return reset_signals();
    case SPAWN_STEP_SESSION:
        return plan->new_session ? syscall(SYS_setsid) : 0;
    case SPAWN_STEP_GROUP:
        return plan->sets_group ? syscall(SYS_setpgid, 0, plan->group) : 0;
    case SPAWN_STEP_TERMINAL:
        return plan->terminal >= 0 ? syscall(SYS_ioctl, plan->terminal, TIOCSCTTY, 0) : 0;
    case SPAWN_STEP_CGROUP:
        return plan->cgroup >= 0 ? syscall(SYS_write, plan->cgroup, "0", 1) : 0;
    case SPAWN_STEP_DESCRIPTORS:
        return move_descriptors(plan);
    case SPAWN_STEP_LIMITS:
        if (plan->sets_umask)
            syscall(SYS_umask, plan->umask);
        if (plan->close_others)
            close_others(plan);
        return set_limits(plan);
    case SPAWN_STEP_USER:
        return set_user(plan);
    case SPAWN_STEP_DIRECTORY:
        return plan->directory ? syscall(SYS_chdir, plan->directory) : 0;
    case SPAWN_STEP_EXEC:
        return run_program(plan);
    case SPAWN_STEP_NONE:
    case SPAWN_STEP_CLONE:
        break;
    }
    return 0;
}

ALONE static int child(void *arg)
{
    struct birth *birth = arg;
    int step;

    for (step = SPAWN_STEP_SIGNALS; step <= SPAWN_STEP_EXEC; step++) {
        if (take_step(birth->plan, (enum weir__spawn_step)step) < 0) {
            birth->error = errno;
            birth->step = (enum weir__spawn_step)step;
            break;
        }
    }
    syscall(SYS_exit_group, 127);
    return 127;
}

/* ---- the parent ---- */

static int make_child(struct birth *birth, unsigned char *stack, struct weir__spawned *out)
{
    const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    uint64_t all = ~UINT64_C(0), before;
    int rc = WEIR__SYS_FAULT(EAGAIN);

    if (rc)
        return rc;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGNAL_SET_SIZE);
    rc = weir__sys_result(MAKE_PROCESS(child, stack + CHILD_STACK, flags, birth, &out->pidfd));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SET_SIZE);
    return rc;
}

int weir__spawn(struct weir__spawn_plan *plan, struct weir__spawned *out)
{
    struct birth birth = {.plan = plan, .step = SPAWN_STEP_CLONE};
    unsigned char *stack = weir__alloc(CHILD_STACK);
    struct weir__spawn_end end;
    int rc = stack ? make_child(&birth, stack, out) : -ENOMEM;

    weir__free(stack);
    out->step = birth.step;
    if (rc < 0)
        return rc;
    out->pid = rc;
    if (!birth.error) {
        out->step = SPAWN_STEP_NONE;
        return 0;
    }
    (void)weir__spawn_reap(out->pidfd, true, &end);
    weir__sys_close(out->pidfd);
    return -birth.error;
}

static int64_t ns_of(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

int weir__spawn_reap(int pidfd, bool wait, struct weir__spawn_end *out)
{
    siginfo_t info;
    struct rusage usage;
    int rc;

    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    do {
        rc = weir__sys_result(
            syscall(SYS_waitid, WAIT_PIDFD, pidfd, &info, WEXITED | (wait ? 0 : WNOHANG), &usage));
    } while (rc == -EINTR);
    if (rc < 0 || info.si_pid == 0)
        return rc;
    *out = (struct weir__spawn_end){
        .code = info.si_code == CLD_EXITED ? info.si_status : -1,
        .signal = info.si_code == CLD_EXITED ? 0 : info.si_status,
        .core = info.si_code == CLD_DUMPED,
        .known = true,
        .user_ns = ns_of(usage.ru_utime),
        .system_ns = ns_of(usage.ru_stime),
        .memory_max = (uint64_t)usage.ru_maxrss * 1024,
    };
    return 1;
}

int weir__spawn_open(int pid)
{
    int fault = WEIR__SYS_FAULT(EMFILE);

    return fault ? fault : weir__sys_result(syscall(SYS_pidfd_open, pid, 0));
}

int weir__spawn_signal(int pidfd, int number)
{
    return weir__sys_result(syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0));
}

int weir__spawn_signal_group(int group, int number)
{
    return weir__sys_result(kill(-group, number));
}

uint64_t weir__spawn_blocked(void)
{
    uint64_t blocked = 0;

    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, SIGNAL_SET_SIZE);
    return blocked;
}

void weir__spawn_set_blocked(uint64_t blocked)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, SIGNAL_SET_SIZE);
}

void weir__spawn_unblock(uint64_t signals)
{
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &signals, NULL, SIGNAL_SET_SIZE);
}
