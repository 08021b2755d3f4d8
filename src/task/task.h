/* task/task.h - a task: what stands outside its stack.
 *
 * A task belongs to the worker that runs it. Its waits go through the one operation in the struct,
 * so that no operation stands on a stack. `wait` names the wait under way (task/wait.h), and
 * `waiting` the operation that the task waits for, NULL in a pause: both set by the task before it
 * suspends, cleared by the operation's completion on the same loop.
 *
 * Deadlines: `deadline_ns` is the effective one, fixed by the innermost block. The one timer is
 * lazy: it stays armed from wait to wait, and looks at `deadline_ns` when it fires.
 */
#ifndef WEIR_TASK_TASK_H
#define WEIR_TASK_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/loop.h>
#include <weir/task.h>
#include <weir/time.h>

#include "base/list.h"
#include "base/queue.h"
#include "core/loop.h"
#include "task/context.h"
#include "task/stack.h"
#include "task/wait.h"

struct weir__worker;
struct weir__scope;

struct weir__task {
    struct weir__queue_node ready;
    uint32_t state; /* enum weir__task_state */
    bool cancelled;
    bool yielding;
    uint8_t shields;  /* open blocks that cancellation does not reach */
    uint8_t refusals; /* calls that failed at once since the task last ran */
    uint8_t inlined;  /* operations that completed at once, likewise */
    struct weir__worker *worker;
    uint64_t wait;
    weir_op *waiting;
    int stop_reason; /* why the wait was ended */
    int result;
    struct weir__context context;
    weir_op op;
    struct weir__loop_timer timer;
    uint64_t deadline_ns;
    weir_block *block; /* innermost, NULL: only what was inherited */
    struct weir__scope *scope;
    struct weir__list member; /* of the scope, on this worker */
    struct weir__list scopes; /* that the task has open */
    struct weir__stack stack;
    weir_task_fn *fn;
    void *arg;
    const char *name;
    uint64_t id;
    weir_post post; /* a wake from another thread, on its way */
};

/* The calling task, or NULL. Read anew after every suspension. */
struct weir__task *weir__task_current(void);

/* Suspends the calling task until a wake. Wakes may be spurious. */
void weir__task_suspend(struct weir__task *task);
/* Makes a waiting task runnable. Any thread; the task must not have ended. */
void weir__task_wake(struct weir__task *task);

/* 0, or why the task may not wait now: WEIR_ECANCELED, WEIR_EDEADLINE. May let others run first. */
int weir__task_check(struct weir__task *task);

/* Counts one thing that was done without a suspension; lets others run if there were many. */
void weir__task_spend(struct weir__task *task);

/* Submits a filled operation to the loop of the task's worker and suspends until it has completed.
 * Its result, or the reason for which it was stopped without having done anything. `slot`, if it is
 * not NULL, names the wait for others. */
int weir__task_await_in(struct weir__task *task, weir_op *op, struct weir__wait_slot *slot);
static inline int weir__task_await(struct weir__task *task, weir_op *op)
{
    return weir__task_await_in(task, op, NULL);
}

/* Suspends until a wake (weir__task_wake), which may be spurious: 0, or why the task was stopped.
 * */
int weir__task_pause_in(struct weir__task *task, struct weir__wait_slot *slot);
static inline int weir__task_pause(struct weir__task *task)
{
    return weir__task_pause_in(task, NULL);
}

/* Latches cancellation and delivers it to what the task waits for. On the task's own worker. */
void weir__task_cancel(struct weir__task *task);

/* Starts a task on the calling worker. Adds it to the scope. */
int weir__task_start(struct weir__worker *worker, struct weir__scope *scope, weir_task_fn *fn,
                     void *arg, const struct weir_spawn_options *options);

#endif
