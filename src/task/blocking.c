/* task/blocking.c - tasks that wait for a job of the pool; see <weir/blocking.h>.
 *
 * The job of a call that borrows stands on the caller's stack, which it keeps until the job is done
 * or withdrawn. One that owns stands in memory of its own, and its `state` decides between the
 * thread that has run it and the caller that leaves: WAITED becomes FINISHED or LEFT, once.
 */
#include <weir/blocking.h>

#include "base/alloc.h"
#include "base/container.h"
#include "core/offload.h"
#include "sys/current.h"
#include "task/left.h"
#include "task/runtime.h"
#include "task/sched.h"
#include "task/worker.h"

#define LOOKS 40 /* at whether the job is done: 2 us where a pause takes 50 ns; measured */

enum call_state {
    CALL_WAITED,
    CALL_FINISHED,
    CALL_LEFT
};

struct call {
    struct weir__job job;
    struct weir__waiter *waiter; /* the task's own: not touched after the call was left */
    struct weir__runtime *runtime;
    weir_task_fn *fn;
    void *arg;
    void (*destroy)(void *arg); /* of a call that owns */
    int result;
    uint32_t state; /* enum call_state; partners: finish_owned, leave */
    struct weir__left left;
};

/* The runtime, if its clock stands still while a job is waited for. */
static struct weir__runtime *held_by(struct weir__runtime *runtime)
{
    return weir__runtime_advance(runtime)->on ? runtime : NULL;
}

static void run(struct weir__job *job)
{
    struct call *call = WEIR_CONTAINER_OF(job, struct call, job);

    call->result = call->fn(call->arg);
}

static void finish(struct weir__job *job)
{
    struct call *call = WEIR_CONTAINER_OF(job, struct call, job);
    struct weir__runtime *held = held_by(call->runtime);
    int result = job->error ? job->error : call->result;

    if (held) /* for after the wake */
        weir__runtime_visit(held);
    weir__wake(weir__waiter_grant(call->waiter, result));
    if (held) {
        weir__advance_release(held);
        weir__runtime_leave(held);
    }
}

/* The runtime may end then. */
static void end_left(struct call *call)
{
    struct weir__runtime *runtime = call->runtime;

    weir__runtime_visit(runtime);
    weir__left_remove(weir__runtime_left(runtime), &call->left);
    weir__runtime_leave(runtime);
}

static void finish_owned(struct weir__job *job)
{
    struct call *call = WEIR_CONTAINER_OF(job, struct call, job);
    uint32_t seen = CALL_WAITED, group = job->group;

    if (WEIR_ATOMIC_CAS(&call->state, &seen, CALL_FINISHED, ACQ_REL)) {
        finish(job);
        return;
    }
    call->destroy(call->arg);
    weir__offload_note_left(group, -1);
    end_left(call);
    weir__free(call);
}

/* Leaves a job that runs: false if it has finished. */
static bool leave(const struct weir__task *task, struct call *call)
{
    uint32_t seen = CALL_WAITED, group = call->job.group;

    weir__left_add(weir__runtime_left(task->runtime), &call->left, task, group, call->fn);
    weir__offload_note_left(group, 1);
    if (WEIR_ATOMIC_CAS(&call->state, &seen, CALL_LEFT, ACQ_REL))
        return true;
    weir__offload_note_left(group, -1);
    end_left(call);
    return false;
}

static bool granted(const struct weir__waiter *waiter)
{
    return WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) == WAITER_GRANTED;
}

/* Waits for as long as a short job takes, unless others wait for this worker: then nobody has to be
 * put to sleep or woken. */
static void linger(const struct weir__task *task, const struct weir__waiter *waiter)
{
    int looks = LOOKS;

    while (!granted(waiter) && !weir__sched_has_work(task->worker) && looks--)
        weir__sys_cpu_relax();
}

/* Suspends until the job is done, was withdrawn or, if it owns, was left (*left): its result, or
 * why the task was stopped. */
static int await(struct weir__task *task, struct call *call, bool *left)
{
    struct weir__waiter *waiter = call->waiter;
    struct weir__runtime *held = held_by(task->runtime);
    int rc = 0;

    while (!granted(waiter) && rc == 0)
        rc = weir__task_pause_in(task, NULL);
    if (!granted(waiter)) {
        *left = false;
        if (weir__offload_withdraw(&call->job) || (*left = call->destroy && leave(task, call))) {
            if (held)
                weir__advance_release(held);
            return weir__task_stopped(task, rc);
        }
    }
    while (!granted(waiter))
        weir__task_suspend(task);
    return waiter->result;
}

/* The calling task, when it may begin a call; else NULL, and *rc says why. */
static struct weir__task *begin(int *rc)
{
    struct weir__task *task = weir__task_current();

    *rc = task ? weir__leaf() : WEIR_ENOTASK;
    return *rc == 0 ? task : NULL;
}

static int do_call(struct weir__task *task, uint32_t group, struct call *call, bool *left)
{
    struct weir__runtime *held = held_by(task->runtime);
    int rc;

    call->job.run = run;
    call->runtime = task->runtime;
    call->waiter = weir__waiter_begin(NULL, "blocking job");
    if (held)
        weir__advance_hold(held);
    rc = weir__offload_submit(group, task->worker->loop->index, &call->job);
    if (rc > 0)
        linger(task, call->waiter);
    if (rc >= 0)
        return await(task, call, left);
    if (held)
        weir__advance_release(held);
    return rc;
}

int weir_blocking_in(uint32_t group, weir_task_fn *fn, void *arg)
{
    WEIR__CALL;
    struct call call = {.job = {.finish = finish}, .fn = fn, .arg = arg};
    struct weir__task *task;
    bool left;
    int rc;

    if (!fn)
        return WEIR_EINVAL;
    task = begin(&rc);
    if (!task)
        return rc;
    return do_call(task, group, &call, &left);
}

int weir_blocking(weir_task_fn *fn, void *arg)
{
    return weir_blocking_in(WEIR_BLOCKING_USER, fn, arg);
}

static int call_owned(uint32_t group, weir_task_fn *fn, void *arg, void (*destroy)(void *arg),
                      bool *left)
{
    struct weir__task *task;
    struct call *call;
    int rc;

    if (!fn)
        return WEIR_EINVAL;
    task = begin(&rc);
    if (!task)
        return rc;
    call = weir__calloc(1, sizeof *call);
    if (call) {
        *call = (struct call){
            .job = {.finish = finish_owned}, .fn = fn, .arg = arg, .destroy = destroy};
        rc = do_call(task, group, call, left);
        if (!*left)
            weir__free(call);
    } else {
        rc = WEIR_ENOMEM;
    }
    return rc;
}

int weir_blocking_owned(uint32_t group, weir_task_fn *fn, void *arg, void (*destroy)(void *arg),
                        bool *left)
{
    WEIR__CALL;
    bool has_left = false;
    int rc;

    if (!destroy)
        return WEIR_EINVAL;
    rc = call_owned(group, fn, arg, destroy, &has_left);
    if (left)
        *left = has_left;
    else if (!has_left)
        destroy(arg);
    return rc;
}
