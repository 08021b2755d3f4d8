/* task/advance.c - see advance.h. */
#include "task/advance.h"

#include <weir/time.h>

#include "core/sim.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/virtual_clock.h"
#include "task/drive.h"
#include "task/runtime.h"
#include "task/worker.h"

static struct weir__advance *advance_of(const struct weir__worker *worker)
{
    return weir__runtime_advance(worker->runtime);
}

/* Whether any loop has something to take in that its worker, which sits, has not seen yet. */
static bool anybody_called(struct weir__runtime *runtime)
{
    struct pollfd polls[WEIR_WORKERS_MAX];
    uint32_t i, count = 0;
    int rc;

    for (i = 1; i <= weir__runtime_workers(runtime); i++) {
        struct weir__worker *worker = weir__runtime_worker(runtime, i);

        if (!worker->seat.taken)
            continue;
        if (weir__loop_called(worker->loop))
            return true;
        polls[count].fd = worker->loop->backend->descriptor(worker->loop);
        polls[count++].events = POLLIN;
    }
    do
        rc = weir__sys_poll(polls, count, 0);
    while (rc == WEIR_EINTR);
    return rc > 0;
}

static uint64_t earliest(struct weir__runtime *runtime)
{
    uint64_t due_ns = UINT64_MAX;
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(runtime); i++) {
        const struct weir__seat *seat = &weir__runtime_worker(runtime, i)->seat;

        if (seat->taken && seat->due_ns < due_ns)
            due_ns = seat->due_ns;
    }
    return due_ns;
}

/* Under the lock: wakes the seated workers whose timers are due, but for `self`. */
static void wake_due(struct weir__runtime *runtime, const struct weir__worker *self)
{
    uint64_t now_ns = weir__now_ns();
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(runtime); i++) {
        struct weir__worker *worker = weir__runtime_worker(runtime, i);

        if (worker != self && worker->seat.taken && worker->seat.due_ns <= now_ns)
            weir__loop_rouse(worker->loop);
    }
}

/* Under the lock: moves the clock, if it is time for that. */
static void move(struct weir__runtime *runtime, const struct weir__worker *self)
{
    struct weir__advance *advance = weir__runtime_advance(runtime);
    uint64_t due_ns;

    if (advance->seated != advance->workers || WEIR_ATOMIC_LOAD(&advance->holds, SEQ_CST))
        return;
    due_ns = earliest(runtime);
    if (due_ns == UINT64_MAX || anybody_called(runtime))
        return;
    weir__virtual_clock_set(due_ns);
    wake_due(runtime, self);
}

/* True if the worker's own timer is due then. */
static bool sit(struct weir__worker *worker)
{
    struct weir__advance *advance = advance_of(worker);
    bool due;

    weir__lock(&advance->lock);
    worker->seat.taken = true;
    worker->seat.due_ns = weir__wheel_next(&worker->loop->wheel);
    advance->seated++;
    move(worker->runtime, worker);
    due = worker->seat.due_ns <= weir__now_ns();
    weir__unlock(&advance->lock);
    return due;
}

static void get_up(struct weir__worker *worker)
{
    struct weir__advance *advance = advance_of(worker);

    weir__lock(&advance->lock);
    worker->seat.taken = false;
    advance->seated--;
    weir__unlock(&advance->lock);
}

void weir__advance_sleep(struct weir__worker *worker)
{
    weir_loop *loop = worker->loop;
    struct pollfd self = {.events = POLLIN};

    (void)loop->backend->wait(loop, 0); /* what was prepared goes out before it sits down */
    self.fd = loop->backend->descriptor(loop);
    if (weir__loop_pending(loop) || loop->unfinished || !weir__loop_fall_asleep(loop))
        return;
    if (!sit(worker))
        (void)weir__sys_poll(&self, 1, -1);
    get_up(worker);
    weir__loop_awake(loop);
}

void weir__advance_leave(struct weir__worker *worker)
{
    struct weir__advance *advance = advance_of(worker);

    weir__lock(&advance->lock);
    advance->workers--;
    move(worker->runtime, worker);
    weir__unlock(&advance->lock);
}

void weir__advance_hold(struct weir__runtime *runtime)
{
    (void)WEIR_ATOMIC_ADD(&weir__runtime_advance(runtime)->holds, 1, SEQ_CST);
}

/* The worker that is woken sits down again, and moves the clock then. */
void weir__advance_release(struct weir__runtime *runtime)
{
    if (WEIR_ATOMIC_SUB(&weir__runtime_advance(runtime)->holds, 1, SEQ_CST) == 1)
        weir__loop_rouse(weir__runtime_worker(runtime, 1)->loop);
}

int weir_clock_advance(int64_t by_ns)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    struct weir__advance *advance;
    int rc = WEIR_ENOTSUP;

    if (!task)
        return WEIR_ENOTASK;
    advance = weir__runtime_advance(task->runtime);
    if (by_ns < 0) {
        rc = WEIR_EINVAL;
    } else if (weir__runtime_drive(task->runtime)
               && weir__runtime_drive(task->runtime)->free_steps) {
        weir__sim_move(weir__now_ns() + (uint64_t)by_ns);
        rc = 0;
    } else if (advance->on) {
        weir__lock(&advance->lock);
        weir__virtual_clock_set(weir__now_ns() + (uint64_t)by_ns);
        wake_due(task->runtime, NULL);
        weir__unlock(&advance->lock);
        rc = 0;
    }
    return rc;
}
