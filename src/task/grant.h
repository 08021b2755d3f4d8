/* task/grant.h - granting to several waiters, and objects of coordination that handles name.
 *
 * Whoever changes an object under its lock notes whom that frees, and wakes them after the lock is
 * released: a bounded number at a time. A crowd is all who wait at one moment. It is taken off the
 * object's queues at once, so that who comes later is not in it; its members may leave under the
 * object's lock as long as they have not been granted.
 *
 * An object with a handle begins with its lock and lives in a pool (core/pool.h), so both may be
 * looked at when they are out of date.
 */
#ifndef WEIR_TASK_GRANT_H
#define WEIR_TASK_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/handle.h"
#include "sys/lock.h"
#include "task/waitq.h"

#define WEIR__WAKES_MAX 16 /* granted under one hold of a lock */

/* Whom to wake when the lock has been released. Begins with a count of 0; the rest is not touched.
 */
struct weir__wakes {
    uint32_t count;
    struct weir__wakee list[WEIR__WAKES_MAX];
};

/* The caller has looked that there is room. */
static inline void weir__wakes_add(struct weir__wakes *wakes, struct weir__wakee wakee)
{
    wakes->list[wakes->count++] = wakee;
}
static inline bool weir__wakes_full(const struct weir__wakes *wakes)
{
    return wakes->count == WEIR__WAKES_MAX;
}
/* Grants a claimed waiter. Under the lock. */
void weir__wakes_grant(struct weir__wakes *wakes, struct weir__waiter *waiter, int result);
/* Wakes all, and is empty then. Without the lock. */
void weir__wakes_send(struct weir__wakes *wakes);
/* Releases the lock, then wakes all. */
void weir__wakes_release(struct weir__wakes *wakes, uint32_t *lock);

/* The first waiter of a queue, claimed; NULL if there is none. Under the object's lock. */
struct weir__waiter *weir__claim_first(struct weir__waitq *queue);

struct weir__crowd {
    struct weir__waitq members;
};

/* Puts a value where a waiter wants it. */
typedef void weir__crowd_give(struct weir__waiter *waiter, const void *from);

/* Moves all of a queue to the crowd, which is zeroed at first. Under the object's lock. */
void weir__crowd_take(struct weir__crowd *crowd, struct weir__waitq *queue);
/* Grants all of them, each after `give` (NULL: nothing is given). Called under the object's lock,
 * which is released: the object is not touched afterwards. */
void weir__crowd_grant(struct weir__crowd *crowd, uint32_t *lock, weir__crowd_give *give,
                       const void *from, int result);

/* The object that the handle names, locked; NULL if there is none. */
static inline void *weir__named_lock(uint64_t id, enum weir__handle_kind kind)
{
    uint32_t *lock = weir__handle_peek(id, kind); /* the object begins with it */

    if (!lock)
        return NULL;
    weir__lock(lock);
    if (weir__handle_open(id))
        return lock;
    weir__unlock(lock);
    return NULL;
}

/* Copies a value. Most are a word or two, for which a call costs more than the copy. */
static inline void weir__value_copy(void *to, const void *from, uint32_t size)
{
    switch (size) {
    case 1:
        __builtin_memcpy(to, from, 1);
        break;
    case 4:
        __builtin_memcpy(to, from, 4);
        break;
    case 8:
        __builtin_memcpy(to, from, 8);
        break;
    case 16:
        __builtin_memcpy(to, from, 16);
        break;
    default:
        __builtin_memcpy(to, from, size);
    }
}

#endif
