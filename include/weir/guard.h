/* weir/guard.h - limits that protect a service: how much at once, and how often.
 *
 * The structs are the caller's memory, initialised by a call; nothing is allocated and nothing has
 * to be released. An object must not be moved while it is used, and its memory may be released when
 * every call on it has returned. Tasks on any worker use one object together. Who waits is served
 * in the order of arrival, and nobody who comes later overtakes. A call that is stopped
 * (WEIR_ECANCELED, WEIR_EDEADLINE, and WEIR_ENOMEM when there is none for a timer) has taken
 * nothing and costs the others nothing; if it was served at the same moment it succeeds, and the
 * next call fails.
 */
#ifndef WEIR_GUARD_H
#define WEIR_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an object does, and has done since it was initialised. */
struct weir_guard_counts {
    uint32_t running;  /* of a limiter: who is inside */
    uint32_t waiting;  /* who waits */
    uint64_t admitted; /* calls that succeeded, at once or after a wait */
    uint64_t refused;  /* calls that were told that they would have to wait, or wait for longer */
    uint64_t left;     /* calls that were stopped while they waited */
};

/* ---- limiter: so many at once ---- */

/* A door that so many may have passed at once, with a queue of a stated length before it. */
typedef struct weir_limiter {
    void *weir__queue[2];
    uint32_t weir__guard;
    uint32_t weir__running_max;
    uint32_t weir__waiting_max;
    uint8_t weir__closed;
    struct weir_guard_counts weir__counts;
} weir_limiter;

/* Initialises a limiter for 1..2^31-1 inside and as many that wait (0: nobody waits). WEIR_EINVAL.
 * Does not suspend. */
WEIR_PUBLIC int weir_limiter_init(weir_limiter *limiter, uint32_t running_max,
                                  uint32_t waiting_max);
/* Goes in. Suspends while the limiter is full and the caller has a place in the queue; a thread
 * that is no task is blocked. 0, and the caller leaves with weir_limiter_leave; WEIR_EBUSY: the
 * queue is full, too; WEIR_ECLOSED; WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_limiter_enter(weir_limiter *limiter);
/* The same without waiting: WEIR_EBUSY if the limiter is full, or others wait. Does not suspend.
 * Any thread. */
WEIR_PUBLIC int weir_limiter_try_enter(weir_limiter *limiter);
/* Leaves, once for each time the limiter was entered, by whoever it may be; the first that waits
 * goes in. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC void weir_limiter_leave(weir_limiter *limiter);
/* Gives the limiter other limits: if there is room now, those who wait go in; who is inside, or
 * waits, beyond a lower limit stays. As weir_limiter_init. Any thread. */
WEIR_PUBLIC int weir_limiter_set(weir_limiter *limiter, uint32_t running_max, uint32_t waiting_max);
/* From now on entering fails with WEIR_ECLOSED, for who waits already too; who is inside leaves as
 * ever. Does not suspend, cannot fail, may be repeated. Any thread. */
WEIR_PUBLIC void weir_limiter_close(weir_limiter *limiter);
/* Fills *counts, which are true together at one moment. Does not suspend, cannot fail. Any
 * thread. */
WEIR_PUBLIC void weir_limiter_count_n(weir_limiter *limiter, struct weir_guard_counts *counts,
                                      size_t counts_size);
static inline void weir_limiter_count(weir_limiter *limiter, struct weir_guard_counts *counts)
{
    weir_limiter_count_n(limiter, counts, sizeof *counts);
}

/* ---- rate: so many in a time ---- */

#define WEIR_RATE_PERIOD_MAX WEIR_MINUTES(60 * 24 * 366) /* nanoseconds */

/* A bucket of tokens, which fills at a steady rate: in any span of time no more tokens are taken
 * than the bucket holds and than come in during the span. Nothing is rounded, so that the rate is
 * exact for ever. It is full at first. */
typedef struct weir_rate {
    void *weir__queue[2];
    uint32_t weir__guard;
    uint32_t weir__tokens;
    uint64_t weir__period_ns;
    uint32_t weir__burst;
    uint32_t weir__part;
    uint64_t weir__moment_ns;
    uint64_t weir__wanted;
    uint8_t weir__handed;
    struct weir_guard_counts weir__counts;
} weir_rate;

/* Initialises a rate: `tokens` come in each `period_ns` nanoseconds (1..WEIR_RATE_PERIOD_MAX),
 * evenly, into a bucket that holds `burst`. Both are 1..2^31-1, and it takes less than 10 years to
 * fill the bucket; else WEIR_EINVAL. Does not suspend. */
WEIR_PUBLIC int weir_rate_init(weir_rate *rate, uint32_t tokens, int64_t period_ns, uint32_t burst);
/* Takes so many tokens at once, at most `burst`. Suspends (a thread that runs no task is blocked)
 * until they are there and it is the caller's turn: one that wants many is not overtaken by others
 * that want few. Timers come up to a millisecond late; a bucket that holds what comes in in that
 * time makes up for it. 0, WEIR_EINVAL (none, or more than the burst), WEIR_ECANCELED,
 * WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_rate_acquire(weir_rate *rate, uint32_t count);
/* The same without waiting: 0, or the time in nanoseconds after which it would succeed, if nobody
 * else comes first; those who wait already are counted in; INT64_MAX for centuries. WEIR_EINVAL.
 * Does not suspend. Any thread. */
WEIR_PUBLIC int64_t weir_rate_try(weir_rate *rate, uint32_t count);
/* Gives the rate other numbers, from now on. The bucket is full at the moment at which it would
 * have been, or as soon as an empty one of the new kind is, if that is earlier. Who waits for more
 * than the new burst gets WEIR_EINVAL. As weir_rate_init. Any thread. */
WEIR_PUBLIC int weir_rate_set(weir_rate *rate, uint32_t tokens, int64_t period_ns, uint32_t burst);
/* As weir_limiter_count. */
WEIR_PUBLIC void weir_rate_count_n(weir_rate *rate, struct weir_guard_counts *counts,
                                   size_t counts_size);
static inline void weir_rate_count(weir_rate *rate, struct weir_guard_counts *counts)
{
    weir_rate_count_n(rate, counts, sizeof *counts);
}

#ifdef __cplusplus
}
#endif
#endif
