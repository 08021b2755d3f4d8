/* task/deadlock.h - who holds a lock, and whether those who wait for each other form a ring.
 *
 * A holder is a number: the address of a task, or of a thread's own struct with a flag. It is only
 * compared, never followed. Every lock notes its holder, so that a caller that would wait for
 * itself is refused at no cost. Only while watching is on does a waiter list itself, under one lock
 * of the process, and follow the holders: the one that closes a ring reports it. The list lies on
 * the waiters' stacks.
 *
 * A waiter that was granted what it waited for stays listed until it runs; then the object's holder
 * is the waiter itself, and the trail ends there.
 */
#ifndef WEIR_TASK_DEADLOCK_H
#define WEIR_TASK_DEADLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"

struct weir__task;

/* The lowest bits of a holder are the objects' own; see HOLDER_FLAGS. */
#define WEIR__HOLDER_FLAG   ((uintptr_t)1)
#define WEIR__HOLDER_THREAD ((uintptr_t)2)
/* Somebody, who did not look up who it is. */
#define WEIR__HOLDER_UNKNOWN ((uintptr_t)4)

extern uint32_t weir__deadlock_watched; /* partner: weir_deadlock_watch */

extern uint32_t weir__deadlock_was_watched; /* ever; likewise */

/* Whether any waiter may be listed: who has seen that watching is on sees this, too. */
static inline bool weir__deadlock_ever(void)
{
    return WEIR_ATOMIC_LOAD(&weir__deadlock_was_watched, RELAXED);
}

static inline bool weir__deadlock_watching(void)
{
    return WEIR_ATOMIC_LOAD(&weir__deadlock_watched, ACQUIRE);
}

/* The caller as a holder: a task, or the calling thread if it is NULL. */
uintptr_t weir__holder(const struct weir__task *task);

/* One that waits; in the frame of its call. */
struct weir__blocked {
    struct weir__list link; /* its neighbours write it, too */
    bool listed;            /* the waiter's own */
    const char *kind;       /* "mutex": static */
    const void *object;
    const uintptr_t *holder; /* in the object; its flag is not looked at */
    uintptr_t self;
    const char *name; /* of the task; "thread" */
    uint64_t id;      /* of the task; 0 */
};

/* Lists the caller as waiting, and reports the ring that this closes; nothing unless watching is
 * on. Without the guard. Followed by weir__deadlock_leave. */
void weir__deadlock_enter(struct weir__blocked *blocked, const char *kind, const void *object,
                          const uintptr_t *holder, const struct weir__task *task);
void weir__deadlock_leave(struct weir__blocked *blocked);

#endif
