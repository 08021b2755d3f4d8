/* sys/thread.c - see thread.h. */
#include "sys/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sys/call.h"

static void *run(void *arg)
{
    struct weir__thread *thread = arg;

#if defined(__linux__)
    pthread_setname_np(pthread_self(), thread->name);
#endif
    thread->fn(thread->arg);
    return NULL;
}

static void all_but_synchronous(sigset_t *set)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    size_t i;

    sigfillset(set);
    for (i = 0; i < sizeof synchronous / sizeof *synchronous; i++)
        sigdelset(set, synchronous[i]);
}

/* Makes the thread, with a stack of the size that was asked for. */
static int create(struct weir__thread *thread)
{
    pthread_attr_t attributes;
    int rc = -pthread_attr_init(&attributes);

    if (rc < 0)
        return rc;
    if (thread->stack_size)
        rc = -pthread_attr_setstacksize(&attributes, thread->stack_size);
    if (rc == 0)
        rc = -pthread_create(&thread->id, &attributes, run, thread);
    pthread_attr_destroy(&attributes);
    return rc;
}

int weir__thread_start(struct weir__thread *thread, void (*fn)(void *), void *arg, const char *name)
{
    int rc = WEIR__SYS_FAULT(EAGAIN);
    sigset_t blocked, before;

    if (rc)
        return rc;
    thread->fn = fn;
    thread->arg = arg;
    memset(thread->name, 0, sizeof thread->name);
    memcpy(thread->name, name, strnlen(name, sizeof thread->name - 1));
    /* The new thread inherits the mask, so that no signal finds it unblocked. */
    all_but_synchronous(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    rc = create(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

void weir__thread_join(struct weir__thread *thread)
{
    pthread_join(thread->id, NULL);
}

void weir__thread_detach(void)
{
    pthread_detach(pthread_self());
}

int weir__thread_stack(void **low, size_t *size)
{
    pthread_attr_t attributes;
    void *base;
    size_t bytes;
    int rc = -pthread_getattr_np(pthread_self(), &attributes);

    if (rc < 0)
        return rc;
    rc = -pthread_attr_getstack(&attributes, &base, &bytes);
    pthread_attr_destroy(&attributes);
    if (rc < 0)
        return rc;
    *low = base;
    *size = bytes;
    return 0;
}

int weir__thread_bind(int cpu)
{
    cpu_set_t set;

    if (cpu < 0 || cpu >= CPU_SETSIZE)
        return -EINVAL;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return weir__sys_result(sched_setaffinity(0, sizeof set, &set));
}

int weir__thread_number(void)
{
    return (int)syscall(SYS_gettid);
}

int weir__thread_signal(int thread, int number)
{
    return weir__sys_result(syscall(SYS_tgkill, getpid(), thread, number));
}

void weir__thread_unblock(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
