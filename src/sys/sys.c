/* sys/sys.c - the table for a real machine. */
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/random.h>
#include <time.h>
#include <weir/error.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

static int random_bytes(void *out, size_t len)
{
    char *at = out;

    while (len) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static void *thread_main(void *arg)
{
    struct weir__thread *thread = arg;

    thread->run(thread->arg);
    return NULL;
}

static int thread_start(struct weir__thread *thread, void (*run)(void *), void *arg)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked, before;
    size_t i;
    int rc;

    thread->run = run;
    thread->arg = arg;
    sigfillset(&blocked);
    for (i = 0; i < sizeof synchronous / sizeof *synchronous; i++)
        sigdelset(&blocked, synchronous[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    rc = pthread_create(&thread->handle, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

static void thread_join(struct weir__thread *thread)
{
    pthread_join(thread->handle, NULL);
}

static const struct weir__sys real = {
    .now_ns = now_ns,
    .wall_ns = wall_ns,
    .random = random_bytes,
    .thread_start = thread_start,
    .thread_join = thread_join,
};

const struct weir__sys *weir__sys = &real;
