/* task/case.h - one case of a select: what every kind of operation does for it.
 *
 * A case lies in the public struct weir_case, which is filled by its kind (weir_case_recv, ...) and
 * can be used again. The select (select.c) calls, always on the task:
 *
 *   enter      once, first: takes hold of the object. An error is the case's result.
 *   attempt    does the operation if that needs no waiting. Before anything waits, or when the
 *              select is committed to this case.
 *   enlist     begins to wait, or finds that there is no need to.
 *   check      after each wake: whether `attempt` would now succeed, for what no waiter is granted.
 *   withdraw   ends the wait, when the waiter is out of its queue; may suspend, is not cancelled.
 *   leave      once, last, if enter returned 0.
 *
 * What is granted by others puts the case's waiter into a queue of the object, with `lock` set. A
 * granter has then done everything when it sets the waiter's state; the waiter's result is the
 * case's. For that kind only attempt and enlist are needed, and weir__case_queue does most of the
 * second. What is granted the right to look again `looks`. What waits for a moment has it in `id`
 * when it is enlisted.
 */
#ifndef WEIR_TASK_CASE_H
#define WEIR_TASK_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/loop.h>
#include <weir/select.h>

#include "base/container.h"
#include "task/select.h"
#include "task/waitq.h"

struct weir__task;
struct weir__wait_slot;
struct weir__want;
struct weir__case;

enum weir__case_step {
    CASE_WAITS, /* it waits */
    CASE_DONE,  /* the select was committed to this case, and it is done */
    CASE_LOST,  /* the select was granted by another case meanwhile */
    CASE_AGAIN  /* it was committed to this case, which then could not: all over again */
};

struct weir__case_calls {
    int (*enter)(struct weir__case *c, struct weir__task *task);    /* NULL: nothing to hold */
    bool (*attempt)(struct weir__case *c, struct weir__task *task); /* true: done, with `result` */
    enum weir__case_step (*enlist)(struct weir__case *c, struct weir__select *select);
    bool (*check)(struct weir__case *c); /* NULL: is granted */
    void (*withdraw)(struct weir__case *c,
                     struct weir__task *task); /* NULL: takes the waiter out */
    void (*leave)(struct weir__case *c, struct weir__task *task);
    struct weir__wait_slot *(*slot)(struct weir__case *c); /* names the wait; NULL: nothing does */
    void (*want)(const struct weir__case *c, struct weir__want *out); /* NULL: anybody may end it */
    bool pins;  /* what it waits for is in the loop of the worker: the task stays there */
    bool timed; /* `id` is a moment: of those of a select the earliest ends the wait */
    bool looks; /* a grant does nothing but commit: then comes `attempt` */
};

struct weir__case {
    ptrdiff_t result;                     /* of the operation; first, as in the public struct */
    const struct weir__case_calls *calls; /* NULL: never ready */
    uint64_t id;                          /* a handle, or a moment */
    void *object;                         /* the kind's: what `enter` has got, ... */
    void *data;                           /* where a value goes, or comes from */
    size_t len;
    void *where[2]; /* the kind's */
    uint32_t *lock; /* of the object in whose queue the waiter is; NULL: in none */
    struct weir__waiter waiter;
    bool entered;
    bool enlisted;
    bool polls;    /* `op` is in flight */
    uint32_t vain; /* the kind's: how often it was told to look, for nothing */
    weir_op op;
    weir_fd fd;
};

_Static_assert(sizeof(struct weir__case) <= sizeof(struct weir_case), "the public struct holds it");

static inline struct weir__case *weir__case_of(weir_case *c)
{
    return (struct weir__case *)(void *)c;
}

/* Fills a case. */
void weir__case_fill(weir_case *c, const struct weir__case_calls *calls, uint64_t id, void *data,
                     size_t len);

/* Commits to this case, which can be done at once; true unless another one was granted. */
static inline bool weir__case_claim(struct weir__case *c, struct weir__select *select)
{
    return weir__select_claim(select, &c->waiter);
}

/* Puts the case's waiter into a queue. Under the object's lock. */
void weir__case_queue(struct weir__case *c, struct weir__select *select, struct weir__waitq *queue,
                      uint32_t *lock);

/* Has the case wait for an operation of its own, which was filled, on the worker's loop; takes it
 * back, which suspends until it has come. While it is in flight `polls` is set. */
void weir__case_submit(struct weir__case *c, struct weir__task *task);
void weir__case_take_back(struct weir__case *c, struct weir__task *task);

/* Waiting until a descriptor is ready, for a case that `pins`: its `fd` has the number, or a copy
 * if the loop watches that one already for somebody else. Called by enter, enlist, attempt, check,
 * withdraw and leave. */
void weir__case_poll_init(struct weir__case *c, int number);
void weir__case_poll(struct weir__case *c, uint32_t events);
/* The loop watches `number` for somebody else: goes on with a copy. 0, or an error: WEIR_EEXIST if
 * it is one already. */
int weir__case_poll_copy(struct weir__case *c, int number);
/* Whether the wait has failed: the error, which ends the case, or 0. */
int weir__case_poll_error(struct weir__case *c, int number);
bool weir__case_poll_over(struct weir__case *c);
void weir__case_poll_withdraw(struct weir__case *c, struct weir__task *task);
void weir__case_poll_fini(struct weir__case *c, struct weir__task *task, int number);

/* Commits to a case whose object is gone. */
enum weir__case_step weir__case_gone(struct weir__case *c, struct weir__select *select, int error);

#endif
