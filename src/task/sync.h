/* task/sync.h - what the objects of <weir/sync.h> share.
 *
 * Each has a word, which changes by one compare-and-swap as long as nobody waits, and a flag in it
 * that says that somebody does. While the flag is set everything happens under the guard. The flag
 * may stay when the last one that waited has given up; whoever finds it without a waiter takes it
 * off, releases the guard and begins anew: so what makes an object free is always the last access
 * to it. A granted waiter, for its part, returns only when who granted has released the guard.
 * Together that lets the last user of an object release its memory at once.
 *
 * Ranks: a guard is never taken inside another one, nor inside the lock of task/deadlock.c.
 */
#ifndef WEIR_TASK_SYNC_H
#define WEIR_TASK_SYNC_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/sync.h>

#include "sys/current.h"
#include "sys/lock.h"
#include "task/grant.h"
#include "task/task.h"
#include "task/waitq.h"

_Static_assert(sizeof(struct weir__waitq) <= sizeof(((weir_mutex *)0)->weir__queue), "it fits");

static inline struct weir__waitq *weir__queue_of(void **memory)
{
    return (struct weir__waitq *)(void *)memory;
}

/* Grants all that wait at this moment. Begins under the guard and ends without it, which it has
 * released now and then. */
void weir__grant_all(struct weir__waitq *queue, uint32_t *guard, int result);

/* As weir__waiter_wait; when it returns, who granted does not touch the object any more. */
int weir__sync_wait(struct weir__waiter *waiter, struct weir__waitq *queue, uint32_t *guard);

/* The parts of a mutex that a condition needs; both inside the library. Locking again cannot fail
 * and cannot be stopped. */
void weir__mutex_unlock(weir_mutex *mutex);
void weir__mutex_lock_again(weir_mutex *mutex);

#endif
