/* task/scope.h - what owns tasks; inside of the public struct weir_scope.
 *
 * `count` is one for the owner, one for each living task and one for each message of the scope on
 * its way. Whoever brings it to zero touches the scope no more, and wakes the owner, who alone may
 * then release it. The members' lists, one a worker, are each touched only by their worker: the
 * home worker's is in the scope, the others' are made when a task is first placed elsewhere.
 */
#ifndef WEIR_TASK_SCOPE_H
#define WEIR_TASK_SCOPE_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/scope.h>

#include "base/list.h"
#include "task/task.h"

struct weir__scope;
struct weir__ledger;
struct weir__outfit;
struct weir__token;

/* What the results of the tasks have come to. A step is made by one task only, which writes its
 * result then; the scope's count, which it gives back afterwards, shows that to the join. */
enum weir__scope_decision {
    SCOPE_OPEN,   /* nothing counts yet */
    SCOPE_FAILED, /* a race: nothing counts yet, and a failure is noted */
    SCOPE_DECIDED /* the first result that counts is there */
};

struct weir__scope_part {
    struct weir__list members;
    weir_post post; /* a cancel on its way, or among the worker's */
    struct weir__scope *scope;
};

struct weir__scope {
    struct weir__worker *home;
    struct weir__task *owner;       /* NULL: the runtime's root */
    struct weir__list open;         /* in the owner's list of open scopes */
    struct weir__scope_part *parts; /* one a worker, or NULL; set once by compare-and-swap */
    uint64_t count;
    uint64_t deadline_ns;
    uint32_t cancelled; /* partner: weir__scope_cancelled */
    int32_t result;     /* the first that counts; by who has decided, read by the join */
    int32_t failure;    /* FIRST_SUCCESS: the first failure; by who has moved OPEN to FAILED */
    uint8_t policy;
    bool shielded;    /* opened inside a shield of the owner */
    bool selected;    /* a case of the owner's select joins it */
    bool collected;   /* the results of its tasks are kept for weir_scope_next */
    uint32_t decided; /* enum weir__scope_decision; partner: weir__scope_leave */
    uint32_t life;    /* of the owner's simulated host; else 0 */
    struct weir__scope_part local;
    struct weir__ledger *ledger; /* or NULL; set once by compare-and-swap; see record.h */
    struct weir__token *token;   /* that cancels it, or NULL; see token.h */
    struct weir__list bound;     /* in the token's list, by its lock */
};

static inline struct weir__scope *weir__scope_of(weir_scope *scope)
{
    return (struct weir__scope *)(void *)scope;
}

static inline bool weir__scope_cancelled(const struct weir__scope *scope)
{
    return WEIR_ATOMIC_LOAD(&scope->cancelled, SEQ_CST);
}

void weir__scope_init(struct weir__scope *scope, struct weir__worker *home,
                      struct weir__task *owner);
/* Releases what the scope has, when all of its tasks have ended; not the root's count. */
void weir__scope_fini(struct weir__scope *scope);
/* Lists a task that starts on `worker`, which calls. */
void weir__scope_enter(struct weir__scope *scope, struct weir__worker *worker,
                       struct weir__task *task);
/* A task has ended with a result that counts, or with one that does not, or a message has arrived
 * (weir__scope_release). Any worker. */
void weir__scope_leave(struct weir__scope *scope, int result);
void weir__scope_hold(struct weir__scope *scope);
/* The same, unless the count is zero: false. Of the root, which nobody waits for. */
bool weir__scope_hold_living(struct weir__scope *scope);
void weir__scope_release(struct weir__scope *scope);
void weir__scope_cancel(struct weir__scope *scope);
/* Lets the scope have members on every worker. 0 or WEIR_ENOMEM. */
int weir__scope_make_parts(struct weir__scope *scope);
/* Sends a start to another worker. The outfit (or NULL) is taken if that succeeds. */
int weir__scope_spawn_on(struct weir__scope *scope, struct weir__worker *worker, weir_task_fn *fn,
                         void *arg, const struct weir_spawn_options *options,
                         const struct weir__outfit *outfit);

#endif
