/* task/deadlock.h - who holds a lock, and whether those who wait for each other can ever go on.
 *
 * A holder is a number: the address of a task, or of a thread's own struct with a flag. It is only
 * compared, never followed. Every lock notes its holder, so that a caller that would wait for
 * itself is refused at no cost. Only while watching is on does a waiter list itself, under one lock
 * of the process, with what it wants, and only then do readers note that they read. The lists lie
 * on the waiters' stacks, but for the readers'.
 *
 * One that waits is stuck if one of those is stuck whom it waits for: the holder of a lock, any of
 * a lock's readers, a writer that waits before it, any task of a scope that it joins (all of them,
 * if one may end the others), a task that it joins. A select is stuck if all of its cases are. All
 * others may go on, and so may who waits for what anybody could give: permits, signals, values,
 * time. Such waits are not listed. Of those who are stuck the one that closes a ring reports it.
 *
 * A waiter that was granted what it waited for stays listed until it runs, and is not stuck.
 */
#ifndef WEIR_TASK_DEADLOCK_H
#define WEIR_TASK_DEADLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"

struct weir__scope;
struct weir__select;
struct weir__task;
struct weir__waiter;

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

enum weir__want_kind {
    WANT_NOTHING,  /* a case that is never ready */
    WANT_ANYTHING, /* what anybody may give */
    WANT_MUTEX,
    WANT_ONCE,
    WANT_READ,
    WANT_WRITE,
    WANT_SCOPE, /* its end */
    WANT_TASK   /* likewise */
};

/* What a waiter waits for, or one of several things. */
struct weir__want {
    enum weir__want_kind kind;
    const void *object;
    const uintptr_t *holder; /* of a lock, in the object; its flag is not looked at */
};

/* One that waits; in the frame of its call. */
struct weir__blocked {
    struct weir__list link;            /* its neighbours write it, too */
    bool listed;                       /* the waiter's own */
    bool stuck, inside;                /* of the look under way */
    bool shielded;                     /* a cancel of its scope does not end the wait */
    const struct weir__waiter *waiter; /* tells whether it was granted; or NULL */
    const struct weir__select *select; /* likewise */
    const struct weir__scope *scope;   /* of which the task is, or NULL */
    struct weir__want one;             /* unless there are several */
    void (*want)(const void *from, uint32_t at, struct weir__want *out); /* NULL: it is `one` */
    const void *from;
    uint32_t count;
    uintptr_t self;
    const char *name; /* of the task; "thread" */
    uint64_t id;      /* of the task; 0 */
};

/* Lists the caller as waiting, and reports the ring that this closes; nothing unless watching is
 * on. Without the guard. The waiter may be NULL. Followed by weir__deadlock_leave. */
void weir__deadlock_enter(struct weir__blocked *blocked, const struct weir__want *want,
                          const struct weir__waiter *waiter, const struct weir__task *task);
/* The same for a select, with so many things, each of which may end the wait. */
void weir__deadlock_enter_any(struct weir__blocked *blocked, const struct weir__select *select,
                              void (*want)(const void *from, uint32_t at, struct weir__want *out),
                              const void *from, uint32_t count, const struct weir__task *task);
void weir__deadlock_leave(struct weir__blocked *blocked);

/* The caller reads an object from now on, and does not any more: while watching is on. Without
 * memory for that its readers are unknown. */
void weir__deadlock_reads(const void *object, uintptr_t self);
void weir__deadlock_reads_no_more(const void *object, uintptr_t self);

#endif
