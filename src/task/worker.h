/* task/worker.h - a worker: a loop, queues of runnable tasks and one step.
 *
 * A worker is driven by calling weir__worker_step again and again; a thread is only what does that.
 * Which task it runs next is the scheduler's business (task/sched.h).
 */
#ifndef WEIR_TASK_WORKER_H
#define WEIR_TASK_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slab.h"
#include "sys/current.h"
#include "sys/sys.h"
#include "task/advance.h"
#include "task/cold.h"
#include "task/metrics.h"
#include "task/monitor.h"
#include "task/oneshot.h"
#include "task/overflow.h"
#include "task/strand.h"
#include "task/task.h"
#include "task/traced.h"

#define WEIR__SPARE_PIPES 4

struct weir__runtime;

struct weir__worker {
    struct weir__runtime *runtime;
    const struct weir_runtime_hooks *hooks; /* NULL if there are none */
    struct weir__sched *sched;              /* the runtime's */
    bool alone;                             /* the only worker */
    weir_loop *loop;
    uint32_t index;        /* 1.. */
    uint32_t failed_steps; /* in a row */
    uint64_t began_ns;     /* the first run of the batch; 0 during the others */
    uint64_t task_count;   /* started so far: numbers them, with the worker's index */
    struct weir__task *current;
    struct weir__context *back;   /* of the thread that steps: where its tasks switch back to */
    struct weir__context context; /* of the worker's own thread */
    uint32_t loan;                /* enum weir__loan */
    struct weir__task *lent_task; /* what its own thread runs meanwhile */
    uint64_t loan_count;
    uint32_t select_random; /* where the selects of its tasks begin */
    int thread_number;
    struct weir__watched watched;
    struct weir__traced traced;
    struct weir__counts counts;
    struct weir__slab_source near;          /* of its slabs, and the node of its stacks */
    const struct weir__slab_source *source; /* `near`; NULL: the worker is not bound to a node */
    struct weir__stack_pool stacks;
    struct weir__slab tasks;
    struct weir__slab alarms;
    struct weir__slab streams;                        /* the stream layer's objects */
    void (*end_streams)(struct weir__worker *worker); /* NULL: there are none */
    struct weir__slab sockets;                        /* likewise, of sockets with messages */
    void (*end_sockets)(struct weir__worker *worker);
    int spare_pipes[WEIR__SPARE_PIPES][2]; /* the stream layer's, empty */
    uint32_t spare_pipe_count;
    void (*end_pipes)(struct weir__worker *worker);     /* NULL: there were none */
    struct weir__list processes;                        /* the os layer's: children that live */
    void (*end_processes)(struct weir__worker *worker); /* NULL: there were none */
    struct weir__oneshot_cache oneshots;
    struct weir__strand_cache strand_posts;
    weir_post stop_post;
    weir_post *cancels; /* of parts of scopes, to be done before the first of them returns */
    bool cancelling;
    struct weir__thread thread;
    struct weir__overflow_stack signal_stack;
    struct weir__cold cold;
    struct weir__seat seat; /* with a virtual clock */
    bool virtual_clock;
    struct weir__drive *drive; /* who steps it in a simulation; else NULL */
    struct weir__run run;
};

int weir__worker_init(struct weir__worker *worker, struct weir__runtime *runtime, uint32_t index,
                      const struct weir_loop_options *options, size_t stack_size,
                      int64_t pack_after_ns);
void weir__worker_fini(struct weir__worker *worker);

/* Waits for work unless there is some, completes operations, runs a batch of runnable tasks. */
int weir__worker_step(struct weir__worker *worker);

#endif
