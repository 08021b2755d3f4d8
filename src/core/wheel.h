/* core/wheel.h - hierarchical timer wheel.
 *
 * Start and stop are O(1). Level l has 64 slots of 64^l ticks of 1 ms; a timer stands in the level
 * where its distance fits, in the slot after its deadline, so that it is never early, and moves
 * down as its slot comes up, so that it is late by less than one tick. Deadlines beyond the top
 * level wait in its last slot and are placed again. Belongs to one loop; not thread safe.
 */
#ifndef WEIR_CORE_WHEEL_H
#define WEIR_CORE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define WEIR__WHEEL_LEVELS  7
#define WEIR__WHEEL_SLOTS   64
#define WEIR__WHEEL_TICK_NS 1000000u

struct weir__timer {
    struct weir__list link;
    uint64_t deadline_ns; /* absolute, CLOCK_MONOTONIC */
};

struct weir__wheel {
    uint64_t tick;     /* all ticks up to this one have been looked at */
    uint64_t now_tick; /* of the latest expire; not before `tick` */
    uint64_t count;
    struct weir__list due;  /* taken from a slot, not yet handed out */
    struct weir__list late; /* started when past: due as soon as the clock moves a tick */
    uint64_t occupied[WEIR__WHEEL_LEVELS];
    struct weir__list slots[WEIR__WHEEL_LEVELS][WEIR__WHEEL_SLOTS];
};

void weir__wheel_init(struct weir__wheel *wheel, uint64_t now_ns);

static inline bool weir__timer_armed(const struct weir__timer *timer)
{
    return weir__list_linked(&timer->link);
}

/* Arms a timer; one that is armed already is moved. A deadline in the past fires at the next tick.
 * */
void weir__wheel_start(struct weir__wheel *wheel, struct weir__timer *timer, uint64_t deadline_ns);
/* Disarms; false if it was not armed. */
bool weir__wheel_stop(struct weir__wheel *wheel, struct weir__timer *timer);
/* One timer that is due, disarmed; NULL when there is none left. Any timer may be started or
 * stopped between calls; one started meanwhile does not fire before the clock has moved a tick. */
struct weir__timer *weir__wheel_expire(struct weir__wheel *wheel, uint64_t now_ns);
/* The moment when expire is to be called next, not after the earliest deadline's tick; UINT64_MAX
 * when nothing is armed. */
uint64_t weir__wheel_next(const struct weir__wheel *wheel);

#endif
