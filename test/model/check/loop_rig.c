/* test/model/check/loop_rig.c - see rig.h: the loops. */
#include <string.h>

#include "rig.h"

#include "base/container.h"
#include "task/state.h"

struct rig rigs[MODEL_THREADS_MAX];

static int rig_wait(struct weir_loop *loop, int64_t timeout_ns)
{
    struct rig *rig = WEIR_CONTAINER_OF(loop, struct rig, loop);

    if (timeout_ns && weir__loop_fall_asleep(loop)) {
        while (WEIR_ATOMIC_LOAD(&rig->wakes, ACQUIRE) == 0)
            (void)model_park(&rig->wakes, 0);
        weir__loop_awake(loop);
    }
    (void)WEIR_ATOMIC_EXCHANGE(&rig->wakes, 0, ACQ_REL);
    return 0;
}

static void rig_wake(struct weir_loop *loop)
{
    struct rig *rig = WEIR_CONTAINER_OF(loop, struct rig, loop);

    (void)WEIR_ATOMIC_EXCHANGE(&rig->wakes, 1, ACQ_REL);
    model_unpark(&rig->wakes, 1);
}

static const struct weir__backend backend = {.name = "rig", .wait = rig_wait, .wake = rig_wake};

struct rig *rig_here(void)
{
    return &rigs[model_thread()];
}

static void make(struct rig *rig, uint16_t index)
{
    weir__inbox_init(&rig->loop.inbox);
    rig->loop.backend = &backend;
    rig->loop.index = index;
    rig->loop.alarm_ns = UINT64_MAX;
    weir__wheel_init(&rig->loop.wheel, 1);
    rig->loop.worker = &rig->worker;
    rig->loop.now_ns = 1;
    rig->worker.loop = &rig->loop;
    rig->worker.index = index;
    rig->worker.current = &rig->task;
    rig->worker.back = &rig->worker.context;
    rig->task.worker = rig->task.home = &rig->worker;
    rig->task.deadline_ns = UINT64_MAX;
    rig->task.look_at = WEIR__INLINE_MAX; /* no clock is read for its budget */
    rig->task.state = TASK_RUNNING;
    weir__list_init(&rig->task.scopes);
}

/* Made once, then copied: there are many runs. */
void rig_begin(void)
{
    static struct rig made[MODEL_THREADS_MAX];
    uint16_t i;

    if (made[0].loop.index == 0) {
        for (i = 0; i < MODEL_THREADS_MAX; i++)
            make(&rigs[i], i + 1);
        memcpy(made, rigs, sizeof rigs);
    }
    memcpy(rigs, made, sizeof rigs);
}

struct weir_loop *weir__loop_by_index(uint16_t index)
{
    return index >= 1 && index <= MODEL_THREADS_MAX && model_thread() >= 0 ? &rigs[index - 1].loop
                                                                           : NULL;
}

void rig_enter(void)
{
    weir__current_set_worker(&rig_here()->worker);
    weir__current_set_loop(&rig_here()->loop);
}
