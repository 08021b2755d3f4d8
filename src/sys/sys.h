/* sys/sys.h - the table of what a simulator replaces: clocks, random numbers, threads.
 *
 * Nothing above sys and backend reaches for these in another way. The table is set before the first
 * loop and never changes afterwards.
 */
#ifndef WEIR_SYS_SYS_H
#define WEIR_SYS_SYS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct weir__thread {
    pthread_t handle;
    void (*run)(void *arg);
    void *arg;
};

struct weir__sys {
    uint64_t (*now_ns)(void);  /* CLOCK_MONOTONIC */
    uint64_t (*wall_ns)(void); /* CLOCK_REALTIME */
    int (*random)(void *out, size_t len);
    /* The thread blocks all signals but the synchronous ones. 0 or a negative error. */
    int (*thread_start)(struct weir__thread *thread, void (*run)(void *), void *arg);
    void (*thread_join)(struct weir__thread *thread);
};

extern const struct weir__sys *weir__sys;

static inline uint64_t weir__now_ns(void)
{
    return weir__sys->now_ns();
}

/* A hint to the core that the caller looks at memory in a loop. */
static inline void weir__sys_cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
