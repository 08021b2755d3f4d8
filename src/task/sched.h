/* task/sched.h - which worker runs a task, and when.
 *
 * A task that becomes runnable on a worker's thread goes to that worker: into its slot for the
 * newest one, from which it runs next, or into the queue of its class. Other threads push it to the
 * `remote` stack of the worker that ran it last. A worker without work searches: it takes half of
 * another's queue, or another's remote stack, and in its last pass the newest task of a worker that
 * has not moved since the first. That one it may take only if it has been in its slot for a time,
 * WEIR__NEWEST_AGE_NS: its worker would run it next, with all that it needs still in the caches.
 * The owner notes no time for that. The thief knows the age from its own two looks: what was there
 * at both, on a worker that has run nothing in between, is at least as old as what the thief's
 * clock says has passed. A queue that is full spills its older half into one list of the runtime.
 *
 * Waking a sleeper costs tens of microseconds. So one is woken only for work that would wait about
 * as long, and never while another worker searches: at most half of the workers do. A worker that
 * ends its search as the last one, with work, wakes the next if there is more; one that finds
 * nothing looks once more, after it has announced its sleep, at everything.
 *
 * Classes: high before normal before low, but after 8 of a higher class one of the next that waits
 * has its turn, and after 64 one of the lowest.
 */
#ifndef WEIR_TASK_SCHED_H
#define WEIR_TASK_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "task/runq.h"

struct weir__runtime;
struct weir__worker;
struct weir__task;

enum weir__class {
    CLASS_HIGH,
    CLASS_NORMAL,
    CLASS_LOW,
    CLASSES
};

#define WEIR__SLEEPER_WORDS 4 /* 64 workers each: WEIR_WORKERS_MAX */

/* So long the newest task is better left to its worker: about what a wake costs, and more than the
 * cache misses of a move. A thief looks at the queues meanwhile. */
#define WEIR__NEWEST_AGE_NS 20000

/* A runtime's share. */
struct weir__sched {
    uint64_t idle; /* searching workers in the high half, sleeping ones in the low */
    uint64_t sleepers[WEIR__SLEEPER_WORDS]; /* a bit a worker: who may be woken */
    uint64_t newest_age_ns;                 /* WEIR__NEWEST_AGE_NS; 0 where time stands still */
    uint32_t spill_lock;
    uint32_t spill_count; /* partner: weir__sched_next */
    struct weir__queue spill[CLASSES];
};

/* A worker's share. The owner writes everything but `remote`. */
struct weir__run {
    struct weir__runq ready[CLASSES];
    struct weir__task *newest; /* thieves may take it; partners: sched.c */
    uint32_t newest_runs;      /* in a row */
    uint32_t runs;             /* tasks run so far; a thief sees that the worker moves */
    uint32_t since[CLASSES];   /* runs since one of this class had its turn */
    uint32_t readies;
    uint32_t tick;
    uint32_t random;
    uint32_t batch_max; /* runs between two looks at the kernel */
    int64_t run_ns;     /* average length of a run */
    bool notified;      /* has woken somebody in this turn */
    bool searching;
    bool lent; /* stepped by a standby: pinned tasks wait for the worker's own thread */
    struct weir__queue pinned[CLASSES];
    uint32_t pinned_count;
    __attribute__((aligned(64))) struct weir__queue_node *remote; /* partner: take_remote */
    uint32_t remote_readies; /* beside `remote`, which its writers touch anyway */
};

void weir__run_init(struct weir__run *run, uint32_t index);

/* Puts a runnable task where it will be run, or, if it belongs to a strand that is not free, into
 * the strand's queue. `yields`: behind the others. Any thread. */
void weir__sched_ready(struct weir__task *task, bool yields);

/* The same for a task that is in its strand, or has none. */
void weir__sched_place(struct weir__task *task, bool yields);

/* Takes in what other threads and full queues have left for the calling worker: once a turn. */
void weir__sched_gather(struct weir__worker *worker);
/* The next task of the calling worker, or NULL. */
struct weir__task *weir__sched_next(struct weir__worker *worker);
/* Has memory of the tasks that are next fetched while another one runs: of many that wait each is
 * cold when its turn comes. */
void weir__sched_fetch(const struct weir__worker *worker);
/* Whether the calling worker has anything to run at once. */
bool weir__sched_has_work(const struct weir__worker *worker);

/* Looks for a task at the other workers: one, or NULL. */
struct weir__task *weir__sched_search(struct weir__worker *worker);

/* The calling worker has work: if it searches, it does not any more. */
void weir__sched_found(struct weir__worker *worker);

/* How many tasks are in the worker's queues, about. Any thread. */
uint32_t weir__sched_queued(const struct weir__run *run);

/* Announces that the calling worker sleeps; false if there is something to run after all. Followed
 * by weir__sched_awake, when it has been awake again. */
bool weir__sched_sleep(struct weir__worker *worker);
void weir__sched_awake(struct weir__worker *worker);

/* How many tasks the calling worker may run before it looks at the kernel again. */
uint32_t weir__sched_batch(const struct weir__worker *worker);
/* A batch of `count` runs took so long: learns from it. */
void weir__sched_note_batch(struct weir__worker *worker, uint32_t count, int64_t took_ns);

#endif
