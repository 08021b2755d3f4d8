/* weir/time.h - durations, clocks, intervals, and deadlines for a block of code.
 *
 * All times are nanoseconds. Deadlines are ambient: a task has an effective deadline, the earliest
 * of the blocks that are open round it, inherited by what it calls, by the scopes that it opens and
 * so by the tasks in them. Calls take no timeout.
 */
#ifndef WEIR_TIME_H
#define WEIR_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds in an int64_t, which holds 292 years. */
#define WEIR_MICROSECONDS(n) ((int64_t)(n)*1000)
#define WEIR_MILLISECONDS(n) ((int64_t)(n)*1000000)
#define WEIR_SECONDS(n)      ((int64_t)(n)*1000000000)
#define WEIR_MINUTES(n)      WEIR_SECONDS((int64_t)(n)*60)
#define WEIR_FOREVER         INT64_MAX /* "no limit", wherever a limit is asked for */

/* CLOCK_MONOTONIC in nanoseconds. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC uint64_t weir_now_ns(void);

/* CLOCK_REALTIME: nanoseconds since 1970. It may jump. Does not suspend, cannot fail. Any
 * thread. */
WEIR_PUBLIC int64_t weir_wall_ns(void);

/* Waits until a moment of weir_now_ns, never shorter; not at all if it has passed. Suspends. 0,
 * WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE. */
WEIR_PUBLIC int weir_sleep_until(uint64_t moment_ns);

/* What an interval does about ticks that were missed, because the task did not come for them. A
 * tick counts as missed when it is late by 5 ms, or by a whole period. */
enum weir_missed {
    WEIR_MISSED_BURST = 0, /* they are made up for at once, one call after another */
    WEIR_MISSED_DELAY = 1, /* the next one is a whole period after the late one */
    WEIR_MISSED_SKIP = 2,  /* they are left out, and the rhythm is kept */
};

/* Moments at a regular distance. The caller's memory, used by one task at a time; nothing has to be
 * released. */
typedef struct weir_interval {
    uint64_t weir__next_ns;
    int64_t weir__period_ns;
    uint8_t weir__missed;
} weir_interval;

/* Begins an interval whose first tick is a period from now, or at a moment of weir_now_ns. Does not
 * suspend. WEIR_EINVAL: the period is not positive, or there is no such policy. */
WEIR_PUBLIC int weir_interval_init(weir_interval *interval, int64_t period_ns,
                                   enum weir_missed missed);
WEIR_PUBLIC int weir_interval_init_at(weir_interval *interval, uint64_t first_ns, int64_t period_ns,
                                      enum weir_missed missed);

/* Waits for the next tick; *due_ns, unless it is NULL, is the moment at which it was due.
 * Suspends, unless it is due already. 0, WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE: the tick
 * comes still. */
WEIR_PUBLIC int weir_interval_tick(weir_interval *interval, uint64_t *due_ns);

/* Lets the next tick be a period from now. Does not suspend. */
WEIR_PUBLIC void weir_interval_reset(weir_interval *interval);

/* Moves the virtual clock of the calling task's runtime (<weir/runtime.h>) forward; what is due
 * then happens when the task suspends. Does not suspend. WEIR_ENOTASK, WEIR_ENOTSUP (the clock is
 * real), WEIR_EINVAL (negative). */
WEIR_PUBLIC int weir_clock_advance(int64_t by_ns);

/* A block with a deadline, or one shielded from outer ones. The caller's memory, from its beginning
 * to its end. The task that has begun a block ends it; ending another one than its innermost is a
 * fatal error. */
typedef struct weir_block {
    struct weir_block *weir__outer;
    uint64_t weir__own_ns;
    uint64_t weir__effective_ns;
    uint8_t weir__kind;
    uint8_t weir__fired;
} weir_block;

/* Opens a block in which calls that suspend fail with WEIR_EDEADLINE once `limit_ns` have passed
 * from now (WEIR_FOREVER: never) and the worker has looked at the clock, which it does between
 * tasks and in weir_check. If an outer deadline or a cancel comes first they fail with
 * WEIR_ECANCELED. The deadline is fixed. Does not suspend. WEIR_ENOTASK, WEIR_EINVAL for a negative
 * limit; then no block is open. */
WEIR_PUBLIC int weir_deadline_begin(weir_block *block, int64_t limit_ns);

/* Opens a block for cleaning up: cancellation and outer deadlines do not reach it, nor the scopes
 * that are opened in it, for at most `limit_ns`; then calls fail with WEIR_EDEADLINE. Does not
 * suspend. WEIR_ENOTASK, WEIR_EINVAL for a negative limit, WEIR_ELIMIT (255 shields in each
 * other). */
WEIR_PUBLIC int weir_shield_begin(weir_block *block, int64_t limit_ns);

/* Closes the block; true if its own deadline stopped a call in it. Does not suspend, cannot
 * fail. */
WEIR_PUBLIC bool weir_block_end(weir_block *block);

#ifdef __cplusplus
}
#endif
#endif
