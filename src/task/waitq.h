/* task/waitq.h - those who wait for something of an object, in the order in which they came.
 *
 * For the objects of coordination: locks, semaphores, channels. An object has one small lock
 * (sys/lock.h), which guards its state and its queues. Who has to wait puts a waiter into a queue
 * under the lock, releases the lock and waits; who has something to give takes the first waiter out
 * under the lock, hands over what it has, and wakes it after the lock is released.
 *
 * A waiter is a task, a thread that is not one, or one case of a select. It is granted exactly
 * once, or takes itself out: a task that is cancelled or meets its deadline at the same moment has
 * got what it was granted, and the next call fails. A select is granted by one of its cases only:
 * the others are passed over.
 *
 * States of a waiter: QUEUED, GRANTED. Memory: the task's struct, the thread's stack, or the
 * select's array. After GRANTED is set it may be gone: what is needed to wake it is copied before.
 */
#ifndef WEIR_TASK_WAITQ_H
#define WEIR_TASK_WAITQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"

struct weir__runtime;
struct weir__task;
struct weir__select;

enum weir__waiter_state {
    WAITER_QUEUED = 0,
    WAITER_GRANTED = 1
};

struct weir__waiter {
    struct weir__list link;
    struct weir__task *task;     /* NULL: a thread, which parks on `state` */
    struct weir__select *select; /* NULL: a plain wait */
    void *data;                  /* the object's: where a value goes, or comes from */
    uint32_t count;              /* the object's: permits, a mode */
    uint32_t state;              /* enum weir__waiter_state; partner: weir__waiter_wait */
    int32_t result;              /* what the wait returns when it is granted */
};

struct weir__waitq {
    struct weir__list list; /* zeroed memory is an empty queue */
};

/* Whom to wake after the lock is released, which must be done. */
struct weir__wakee {
    struct weir__task *task;
    uint32_t *word;
    struct weir__runtime *visited; /* not the caller's own: it does not end before the wake */
};

/* What each call of an object begins with: 0, or why the calling task may not wait now. Spends
 * of the task's budget, so it may let others run: nothing is held yet. 0 for a thread that is no
 * task. */
int weir__leaf(void);
/* The same for who has looked the calling task up: NULL for a thread. */
int weir__leaf_of(struct weir__task *task);

/* The waiter of the caller, with its defaults: a task's own, or `own` for a thread. `what` is what
 * it waits for, a word for dumps, that stays. */
struct weir__waiter *weir__waiter_begin(struct weir__waiter *own, const char *what);

/* Under the object's lock. */
void weir__waitq_push(struct weir__waitq *queue, struct weir__waiter *waiter);
/* Before all others: for one that has waited already. */
void weir__waitq_push_front(struct weir__waitq *queue, struct weir__waiter *waiter);
/* The first waiter that can still be granted, which stays in the queue; NULL if there is none.
 * Cases of selects that were granted elsewhere are taken out on the way. */
struct weir__waiter *weir__waitq_first(struct weir__waitq *queue);
/* Grants a waiter that weir__waitq_first has just given: takes it out. False if its select was
 * granted by another object meanwhile: it is out of the queue, and the caller takes the next. After
 * true the caller fills in what it gives, then calls weir__waiter_grant. */
bool weir__waiter_claim(struct weir__waitq *queue, struct weir__waiter *waiter);
/* Sets the result and lets the waiter go: whom to wake. */
struct weir__wakee weir__waiter_grant(struct weir__waiter *waiter, int result);
/* Takes a waiter out, if it is in. */
void weir__waitq_remove(struct weir__waitq *queue, struct weir__waiter *waiter);
bool weir__waitq_empty(const struct weir__waitq *queue);
/* As weir__waitq_first, from the other end. */
struct weir__waiter *weir__waitq_last(struct weir__waitq *queue);
/* Whether somebody can still be granted, the cases of one select left out. */
bool weir__waitq_has_others(const struct weir__waitq *queue, const struct weir__select *than);

/* Without the lock. */
void weir__wake(struct weir__wakee wakee);

/* Waits, after the lock was released, until the waiter is granted: its result; or why the task was
 * stopped, when the waiter is out of the queue and has got nothing. `lock` is the object's. */
int weir__waiter_wait(struct weir__waiter *waiter, struct weir__waitq *queue, uint32_t *lock);
/* The same with an end at a moment (UINT64_MAX: never), and without taking the waiter out: 0 if it
 * was granted or the moment has come, else why the task was stopped, which nobody was told yet. */
int weir__waiter_wait_until(struct weir__waiter *waiter, uint64_t until_ns);
/* As weir__waiter_wait, when who grants touches the memory at `also` too, besides that of the
 * waiter's data. */
int weir__waiter_wait_also(struct weir__waiter *waiter, struct weir__waitq *queue, uint32_t *lock,
                           const void *also);

#endif
