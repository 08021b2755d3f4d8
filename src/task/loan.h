/* task/loan.h - lending a worker whose thread computes.
 *
 * A task that computes for long holds up all that waits on its worker: what is runnable can be
 * stolen, but what waits in the loop stays there. So the monitor, when a worker has run one task
 * for longer than a slice, sends its thread a signal. If that finds the thread in the program's
 * code, not in the library, the worker is lent: a standby thread steps it from then on, with its
 * loop, its queues and its timers, and the computing thread goes on. When it next calls the library
 * it takes its worker back, before the call does anything, and waits for the end of the standby's
 * batch. So a thread never loses its task, and a task never its thread. Tasks that are pinned to
 * the worker wait for its own thread.
 *
 * The word of a loan: HOME, OUT (offered), STEPPED (a standby has it), WANTED (the owner waits).
 * Partners: the handler, the standby, weir__loan_end. A worker's loop must be shared for this: its
 * ring may be entered by any thread, and what the kernel has deferred to the owner's thread comes
 * when that thread next enters the kernel, or is poked.
 */
#ifndef WEIR_TASK_LOAN_H
#define WEIR_TASK_LOAN_H

#include <stdbool.h>
#include <stdint.h>

struct weir__here;
struct weir__runtime;
struct weir__task;
struct weir__worker;

enum weir__loan {
    LOAN_HOME = 0,
    LOAN_OUT = 1,
    LOAN_STEPPED = 2,
    LOAN_WANTED = 3
};

#define WEIR__STANDBY_MAX 256

/* Threads that step lent workers; a runtime's. */
struct weir__standby {
    uint32_t word; /* moves with each offer; parked on */
    uint32_t lock; /* guards `count` */
    uint32_t count;
    uint32_t idle; /* partner: weir__loan_prepare */
    uint32_t stopping;
    struct weir__thread *threads;
};

/* What the thread runs, lent or not; NULL if no task. Async-signal-safe, on that thread. */
struct weir__task *weir__loan_task(const struct weir__here *here);

/* Makes lending possible in this process, by the signal `number`, and traces for reports;
 * counted. 0 or an error. */
int weir__loan_install(int number);
void weir__loan_uninstall(void);

/* Sees to it that a standby thread is there: false if there is none to be had. Any thread. */
bool weir__loan_prepare(struct weir__runtime *runtime);
/* Lends the calling thread's worker, by the thread itself: before it runs the program's code. */
void weir__loan_begin(struct weir__worker *worker);

/* Ends the standby threads, when no worker is lent any more. */
void weir__loan_fini(struct weir__runtime *runtime);

#endif
