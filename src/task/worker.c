/* task/worker.c - see worker.h. */
#include "task/worker.h"

#include <string.h>

#include "base/assert.h"
#include "base/container.h"
#include "task/scope.h"
#include "task/state.h"

int weir__worker_init(struct weir__worker *worker, struct weir__runtime *runtime, uint32_t index,
                      const struct weir_loop_options *options, size_t stack_size)
{
    int rc;

    memset(worker, 0, sizeof *worker);
    worker->runtime = runtime;
    worker->index = index;
    weir__queue_init(&worker->ready);
    weir__slab_init(&worker->tasks, sizeof(struct weir__task));
    rc = weir__stack_pool_init(&worker->stacks, stack_size);
    if (rc == 0)
        rc = weir_loop_create(&worker->loop, options);
    if (rc < 0) {
        weir__worker_fini(worker);
        return rc;
    }
    worker->loop->worker = worker;
    return 0;
}

void weir__worker_fini(struct weir__worker *worker)
{
    if (worker->loop)
        WEIR_ASSERT(weir_loop_destroy(worker->loop) == 0);
    weir__stack_pool_fini(&worker->stacks);
    weir__slab_fini(&worker->tasks);
    if (worker->streams.object_size)
        weir__slab_fini(&worker->streams);
    memset(worker, 0, sizeof *worker);
}

/* What is left to do for a task that has returned: by the worker, off the task's stack. */
static void bury(struct weir__worker *worker, struct weir__task *task)
{
    struct weir__scope *scope = task->scope;
    int result = task->result;

    WEIR_ASSERT(weir__list_empty(&task->scopes));
    weir__loop_timer_stop(worker->loop, &task->timer);
    weir__context_fini(&task->context);
    weir__stack_give(&worker->stacks, &task->stack);
    weir__list_remove(&task->member);
    weir__slab_give(&worker->tasks, task);
    weir__scope_leave(scope, result);
}

static void run_task(struct weir__worker *worker, struct weir__task *task)
{
    weir__task_state_run(&task->state);
    task->refusals = 0;
    task->inlined = 0;
    worker->current = task;
    weir__context_switch(&worker->context, &task->context);
    worker->current = NULL;
    if (WEIR_ATOMIC_LOAD(&task->state, RELAXED) == TASK_ENDED) {
        bury(worker, task);
    } else if (task->yielding) {
        task->yielding = false;
        WEIR_ATOMIC_STORE(&task->state, TASK_RUNNABLE, RELAXED);
        weir__worker_enqueue(worker, task);
    } else if (!weir__task_state_park(&task->state)) {
        weir__worker_enqueue(worker, task);
    }
}

/* Runs what was runnable at the beginning; what becomes runnable meanwhile waits for the next step,
 * so that the kernel is asked at least once a round. */
static void run_ready(struct weir__worker *worker)
{
    uint32_t count = worker->ready_count;

    while (count--) {
        struct weir__queue_node *node = weir__queue_pop(&worker->ready);

        WEIR_ASSERT(node);
        worker->ready_count--;
        worker->loop->runnable = count != 0;
        run_task(worker, WEIR_CONTAINER_OF(node, struct weir__task, ready));
    }
    worker->loop->runnable = false;
}

int weir__worker_step(struct weir__worker *worker)
{
    weir_loop *loop = worker->loop;
    int rc;

    weir__loop_enter(loop);
    rc = weir__loop_poll(loop, worker->ready_count ? 0 : -1);
    weir__loop_drain(loop);
    weir__loop_leave(loop);
    run_ready(worker);
    return rc;
}
