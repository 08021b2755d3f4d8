/* task/record.h - what is known of a task apart from the task: for its handle, and for its scope.
 *
 * A record is made when a task is spawned with a handle, or into a scope that keeps results. It is
 * held by the task, until that has ended, and by the scope's ledger, until nobody can ask for it
 * any more: its handle was forgotten and its result collected, or the scope was joined. So what is
 * kept of a task that has ended is its record alone.
 *
 * A ledger is made by the first record, or strand, of a scope, and ends with the join. Ledgers and
 * records lie in pools, so one that is out of date may be locked and looked at. `ledger` of a
 * record says where it is listed: it is changed under that ledger's lock, and never set twice.
 *
 * Ranks: the lock of a ledger before that of a record.
 */
#ifndef WEIR_TASK_RECORD_H
#define WEIR_TASK_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/loop.h>

#include "base/list.h"
#include "task/waitq.h"

struct weir__task;
struct weir__scope;

struct weir__ledger {
    uint32_t lock;
    struct weir__list kept;       /* records to be collected, in the order of the spawns */
    struct weir__list ended;      /* those of them that have ended, in the order of the ends */
    struct weir__list named;      /* that only a handle can ask for */
    struct weir__list strands;    /* of the scope; see strand.c */
    struct weir__list closing;    /* those that the join has closed */
    struct weir__waitq collector; /* the owner of the scope */
    void *spare;                  /* the pool's while it is free */
};

struct weir__record {
    uint32_t lock;
    uint32_t users; /* the task and the ledger, and who is at it */
    bool ended;
    bool aborted;
    bool kept; /* to be collected; by the ledger's lock */
    int32_t result;
    uint64_t handle;             /* 0: none, or forgotten */
    uint64_t id;                 /* 0: the task has not begun */
    const char *name;            /* the spawner's */
    struct weir__task *task;     /* NULL: not there yet, or ended */
    struct weir__scope *scope;   /* not after the end */
    struct weir__ledger *ledger; /* NULL: not listed */
    struct weir__list listed;    /* in `kept` or `named` */
    struct weir__list end;       /* in `ended` */
    struct weir__waitq waiters;  /* data: where the result goes */
    weir_post post;              /* an abort on its way */
    void *spare;                 /* the pool's while it is free */
};

/* The scope's ledger, made if there is none; NULL when out of memory. By who knows that the scope
 * is open. */
struct weir__ledger *weir__ledger_of(struct weir__scope *scope);
/* Ends a ledger, and all handles in it: every task of the scope has ended. */
void weir__ledger_close(struct weir__ledger *ledger);

/* Makes a record of a task that is to be spawned; `named`: with a handle. 0, WEIR_ENOMEM or
 * WEIR_ELIMIT. Followed by weir__record_begin or weir__record_drop. */
int weir__record_make(struct weir__scope *scope, const char *name, bool named,
                      struct weir__record **out);
/* The task is not spawned after all. */
void weir__record_drop(struct weir__record *record);
/* The task is there: true if it is to be cancelled. */
bool weir__record_begin(struct weir__record *record, struct weir__task *task);
/* The task has ended, or could not be started, while it is in its scope still. True if the result
 * does not count: an aborted task was cancelled. */
bool weir__record_end(struct weir__record *record, int result);

#endif
