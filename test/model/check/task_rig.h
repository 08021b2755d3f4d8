/* test/model/check/task_rig.h - the part of a rig (rig.h) that stands for the worker of a task.
 *
 * Defines, so one file a program includes it. A suspension is the worker's own `settle`; then the
 * thread waits until the task stands in a queue. There is no runtime, and no scope.
 */
#ifndef WEIR_TEST_MODEL_TASK_RIG_H
#define WEIR_TEST_MODEL_TASK_RIG_H

#include "check/rig.h"

#include "task/worker.c"

static struct rig *rig_of(struct weir__task *task)
{
    return WEIR_CONTAINER_OF(task, struct rig, task);
}

/* A task is in one queue at most, and never while it runs. */
void weir__sched_ready(struct weir__task *task, bool yields)
{
    (void)yields;
    MODEL_CHECK(WEIR_ATOMIC_EXCHANGE(&rig_of(task)->runnable, 1, ACQ_REL) == 0);
    model_unpark(&rig_of(task)->runnable, 1);
}

/* Both ways at once: off the task's stack, and back on it when it is run again. */
void weir__context_switch(struct weir__context *from, struct weir__context *to)
{
    struct weir__task *task = WEIR_CONTAINER_OF(from, struct weir__task, context);
    struct rig *rig = rig_of(task);

    (void)to;
    settle(task);
    while (WEIR_ATOMIC_LOAD(&rig->runnable, ACQUIRE) == 0)
        (void)model_park(&rig->runnable, 0);
    MODEL_CHECK(WEIR_ATOMIC_EXCHANGE(&rig->runnable, 0, ACQ_REL) == 1);
    weir__task_state_run(&task->state);
    task->inlined = task->refusals = 0;
}

void weir__context_switch_final(struct weir__context *from, struct weir__context *to)
{
    (void)from;
    (void)to;
    MODEL_CHECK(!"no task of a rig ends");
}

void weir__runtime_visit(struct weir__runtime *runtime)
{
    (void)runtime;
}

void weir__runtime_leave(struct weir__runtime *runtime)
{
    (void)runtime;
}

void weir__scope_cancel(struct weir__scope *scope)
{
    (void)scope;
}

void weir__scope_leave(struct weir__scope *scope, int result)
{
    (void)scope;
    (void)result;
}

#endif
