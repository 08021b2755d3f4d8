/* sys/sys.h - the table of what weir asks of its surroundings besides descriptors: clocks, random
 * bytes, threads and parking.
 *
 * One table a process, `weir__sys`. The simulator replaces it before the first loop and puts the
 * real one back after the last; nothing else writes it, so readers need no order. Everything above
 * sys and backend goes through it, and through nothing else, for these facts.
 */
#ifndef WEIR_SYS_SYS_H
#define WEIR_SYS_SYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "sys/thread.h"

struct weir__sys {
    /* CLOCK_MONOTONIC in ns; never goes back. */
    uint64_t (*now_ns)(void);
    /* CLOCK_REALTIME in ns since 1970; may jump. */
    uint64_t (*wall_ns)(void);
    /* Fills `size` bytes from the kernel's generator. 0 or -errno; borrows. */
    int (*random)(void *bytes, size_t size);
    /* See weir__thread_start and weir__thread_join in sys/thread.h. */
    int (*thread_start)(struct weir__thread *thread, void (*fn)(void *), void *arg,
                        const char *name);
    void (*thread_join)(struct weir__thread *thread);
    int (*thread_signal)(int thread, int number);
    /* See weir__park and weir__unpark in sys/park.h. */
    int (*park)(uint32_t *word, uint32_t expected, int64_t timeout_ns);
    void (*unpark)(uint32_t *word, uint32_t count);
};

extern const struct weir__sys *weir__sys;
/* The table of the real system: what `weir__sys` is at first. */
extern const struct weir__sys weir__sys_real;

/* The table in force. A thread of the program may be in a call while a simulation begins or ends;
 * the tables themselves do not change. Partner: whoever replaces it. */
static inline const struct weir__sys *weir__sys_table(void)
{
    return WEIR_ATOMIC_LOAD(&weir__sys, RELAXED);
}

static inline uint64_t weir__now_ns(void)
{
    return weir__sys_table()->now_ns();
}

static inline uint64_t weir__wall_ns(void)
{
    return weir__sys_table()->wall_ns();
}

static inline int weir__random_bytes(void *bytes, size_t size)
{
    return weir__sys->random(bytes, size);
}

/* A hint to the core that the caller looks at memory in a loop. */
static inline void weir__sys_cpu_relax(void)
{
#if defined(WEIR__MODEL)
    weir__model_relax();
#elif defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* yield is a nop on most cores */
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
