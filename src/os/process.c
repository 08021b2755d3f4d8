/* os/process.c - the life of a process: watching, waiting, signalling. See process.h. */
#include "os/process.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/assert.h"
#include "base/container.h"
#include "base/options.h"
#include "core/pool.h"
#include "core/sim.h"
#include "os/orphan.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/worker.h"

#define LOOK_AGAIN_NS 20000000 /* where waiting has failed */

static struct weir__pool processes = WEIR__POOL(struct weir__process);

static void watch(struct weir__process *process);

/* ---- making and releasing ---- */

int weir__process_make(struct weir__process **out)
{
    struct weir__process *process = weir__pool_take(&processes);
    int rc;

    if (!process)
        return WEIR_ENOMEM;
    /* nobody has the id: who comes late looks no further than the lock */
    memset((char *)process + sizeof process->lock, 0, sizeof *process - sizeof process->lock);
    process->refs = 1;
    process->pidfd = process->cgroup_kill = -1;
    rc = weir__handle_make(WEIR__KIND_PROCESS, process, &process->id);
    if (rc < 0)
        weir__pool_give(&processes, process);
    else
        *out = process;
    return rc;
}

/* Gives one hold back, and unlocks. */
static void drop_locked(struct weir__process *process)
{
    bool last = --process->refs == 0;
    int cgroup_kill = process->cgroup_kill;

    weir__unlock(&process->lock);
    if (!last)
        return;
    if (cgroup_kill >= 0)
        weir__sys_close(cgroup_kill);
    weir__pool_give(&processes, process);
}

void weir__process_hold(struct weir__process *process)
{
    weir__lock(&process->lock);
    process->refs++;
    weir__unlock(&process->lock);
}

void weir__process_drop(struct weir__process *process)
{
    weir__lock(&process->lock);
    drop_locked(process);
}

/* ---- waiting ---- */

static void give_exit(struct weir__waiter *waiter, const void *from)
{
    if (waiter->data)
        memcpy(waiter->data, from, waiter->count);
}

/* Tells all who wait, and unlocks. The caller holds the process. */
static void tell(struct weir__process *process, weir__crowd_give *give, int result)
{
    struct weir__crowd crowd = {0};
    struct weir_exit end = process->exit;

    weir__crowd_take(&crowd, &process->waiters);
    weir__crowd_grant(&crowd, &process->lock, give, &end, result);
}

/* Waits for the end of a locked process, and unlocks. */
static int await_locked(struct weir__process *process, struct weir_exit *out)
{
    struct weir__waiter own, *waiter;
    int rc = process->failure;

    if (process->state == PROCESS_ENDED) {
        *out = process->exit;
        weir__unlock(&process->lock);
        return rc;
    }
    waiter = weir__waiter_begin(&own, "process");
    waiter->data = out;
    waiter->count = sizeof *out;
    weir__waitq_push(&process->waiters, waiter);
    weir__unlock(&process->lock);
    return weir__waiter_wait(waiter, &process->waiters, &process->lock);
}

int weir__process_await(struct weir__process *process, struct weir_exit *out)
{
    int rc;

    do {
        rc = weir__leaf();
        if (rc < 0)
            return rc;
        weir__lock(&process->lock);
        rc = await_locked(process, out);
    } while (rc == WEIR_ECLOSED);
    return rc;
}

int weir_process_wait_n(weir_process handle, struct weir_exit *out, size_t out_size)
{
    WEIR__CALL;
    struct weir__process *process;
    struct weir_exit end;
    int rc = weir__leaf();

    if (rc < 0)
        return rc;
    process = weir__named_lock(handle.id, WEIR__KIND_PROCESS);
    if (!process)
        return WEIR_EBADHANDLE;
    rc = await_locked(process, &end);
    if (rc == 0)
        weir__options_give(out, out_size, &end, sizeof end);
    return rc;
}

/* ---- a select ---- */

/* Under the lock. */
static void give_case(struct weir__case *c, const struct weir__process *process)
{
    c->result = process->failure;
    if (c->data && c->result == 0)
        memcpy(c->data, &process->exit, c->len);
}

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    struct weir__process *process = weir__named_lock(c->id, WEIR__KIND_PROCESS);
    bool ended = !process || process->state == PROCESS_ENDED;

    (void)task;
    if (!process) {
        c->result = WEIR_EBADHANDLE;
        return true;
    }
    if (ended)
        give_case(c, process);
    weir__unlock(&process->lock);
    return ended;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    struct weir__process *process = weir__named_lock(c->id, WEIR__KIND_PROCESS);
    enum weir__case_step step = CASE_WAITS;

    if (!process)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (process->state != PROCESS_ENDED) {
        c->waiter.count = (uint32_t)c->len;
        weir__case_queue(c, select, &process->waiters, &process->lock);
    } else {
        step = weir__case_claim(c, select) ? CASE_DONE : CASE_LOST;
        if (step == CASE_DONE)
            give_case(c, process);
    }
    weir__unlock(&process->lock);
    return step;
}

static const struct weir__case_calls calls = {.attempt = attempt, .enlist = enlist};

void weir_case_process_n(weir_case *out, weir_process process, struct weir_exit *end,
                         size_t end_size)
{
    /* what is beyond ours is never written again */
    if (end && end_size > sizeof *end)
        memset(end + 1, 0, end_size - sizeof *end);
    weir__case_fill(out, &calls, process.id, end, end_size < sizeof *end ? end_size : sizeof *end);
}

/* ---- signals ---- */

static bool has_tree(const struct weir__process *process)
{
    return process->has_group || process->cgroup_kill >= 0;
}

/* Under the lock. */
static int send_tree(struct weir__process *process, int signal)
{
    int rc;

    if (process->state != PROCESS_RUNNING)
        return WEIR_ESRCH;
    if (process->cgroup_kill >= 0 && signal == SIGKILL) {
        rc = weir__sys_write(process->cgroup_kill, "1", 1);
        if (rc >= 0 || !process->has_group)
            return rc < 0 ? rc : 0;
    }
    return process->has_group ? weir__spawn_signal_group(process->pid, signal) : WEIR_ENOTSUP;
}

static int send_one(struct weir__process *process, int signal)
{
    return process->state == PROCESS_RUNNING ? weir__spawn_signal(process->pidfd, signal)
                                             : WEIR_ESRCH;
}

/* To the tree, if it has one. */
static int send_most(struct weir__process *process, int signal)
{
    int rc = has_tree(process) ? send_tree(process, signal) : WEIR_ENOTSUP;

    return rc == WEIR_ENOTSUP ? send_one(process, signal) : rc;
}

/* The same to one that has to end: as soon as it has begun, if it is being started. */
static void ask_to_end(struct weir__process *process, int signal)
{
    if (process->state == PROCESS_STARTING)
        process->asked = signal;
    else
        (void)send_most(process, signal);
}

static int with_process(weir_process handle, int signal,
                        int (*act)(struct weir__process *process, int signal))
{
    struct weir__process *process = weir__named_lock(handle.id, WEIR__KIND_PROCESS);
    int rc;

    if (!process)
        return WEIR_EBADHANDLE;
    rc = act(process, signal);
    weir__unlock(&process->lock);
    return rc;
}

int weir_process_kill(weir_process handle, int signal)
{
    WEIR__CALL;

    return with_process(handle, signal, send_one);
}

int weir_process_kill_tree(weir_process handle, int signal)
{
    WEIR__CALL;

    return with_process(handle, signal, send_tree);
}

static int tell_pid(struct weir__process *process, int unused)
{
    (void)unused;
    return process->pid;
}

int weir_process_pid(weir_process handle)
{
    WEIR__CALL;

    return with_process(handle, 0, tell_pid);
}

int weir__process_end(struct weir__process *process, int signal, int64_t grace_ns,
                      struct weir_exit *out)
{
    weir_block block;
    int rc;

    weir__lock(&process->lock);
    process->sweep = process->sweep || process->has_group;
    ask_to_end(process, signal);
    weir__unlock(&process->lock);
    if (grace_ns == WEIR_FOREVER)
        return weir__process_await(process, out);
    rc = weir_deadline_begin(&block, grace_ns);
    if (rc < 0)
        return rc;
    rc = weir__process_await(process, out);
    if (!weir_block_end(&block))
        return rc;
    weir__lock(&process->lock);
    ask_to_end(process, SIGKILL);
    weir__unlock(&process->lock);
    return weir__process_await(process, out);
}

int weir_process_stop_n(weir_process handle, int signal, int64_t grace_ns, struct weir_exit *out,
                        size_t out_size)
{
    WEIR__CALL;
    struct weir__process *process;
    struct weir_exit end;
    int rc;

    if (grace_ns < 0 || signal < 1 || signal > 64)
        return WEIR_EINVAL;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    process = weir__named_lock(handle.id, WEIR__KIND_PROCESS);
    if (!process)
        return WEIR_EBADHANDLE;
    process->refs++;
    weir__unlock(&process->lock);
    rc = weir__process_end(process, signal, grace_ns, &end);
    weir__process_drop(process);
    if (rc == 0)
        weir__options_give(out, out_size, &end, sizeof end);
    return rc;
}

/* ---- the watch ---- */

static void note_end(struct weir__process *process, const struct weir__spawn_end *end)
{
    process->state = PROCESS_ENDED;
    process->pidfd = -1;
    if (!end)
        return;
    process->exit = (struct weir_exit){
        .code = end->code,
        .signal = end->signal,
        .core = end->core,
        .known = end->known,
        .user_ns = end->user_ns,
        .system_ns = end->system_ns,
        .memory_max = end->memory_max,
    };
}

static bool has_ended(const struct weir__process *process)
{
    struct pollfd poll_fd = {.fd = process->pidfd, .events = POLLIN};

    return weir__sys_poll(&poll_fd, 1, 0) > 0;
}

/* Takes the end, under the lock, so that no signal goes to a number that is free: as
 * weir__spawn_reap. What is left of its group goes first; it may have been looked at too early. */
static int reap(struct weir__process *process)
{
    struct weir__spawn_end end;
    int rc;

    if (process->sweep && process->has_group) {
        if (!has_ended(process))
            return 0;
        (void)weir__spawn_signal_group(process->pid, SIGKILL);
    }
    rc = weir__spawn_reap(process->pidfd, false, &end);
    if (rc != 0)
        note_end(process, rc > 0 ? &end : NULL);
    return rc;
}

static void end_watch(struct weir__process *process)
{
    weir__list_remove(&process->link);
    weir_loop_close(process->worker->loop, &process->fd);
    weir__process_drop(process);
}

/* The runtime ends before the process does. */
static void leave(struct weir__process *process)
{
    bool owned = process->id != 0;
    int pidfd = process->fd.number;

    if (owned)
        weir__handle_free(process->id);
    process->id = 0;
    if (process->kill_on_close && owned)
        (void)send_most(process, SIGKILL);
    note_end(process, NULL);
    weir_loop_forget(process->worker->loop, &process->fd);
    process->fd.number = -1;
    process->refs -= owned;
    tell(process, NULL, WEIR_ECLOSED);
    weir__orphan_keep(pidfd);
    end_watch(process);
}

/* The descriptor may be readable, or waiting for it has failed: then it is looked at from time to
 * time. */
static void watched(weir_op *op)
{
    struct weir__process *process = op->context;
    bool failed = op->kind == WEIR_OP_TIMER || op->result < 0;
    int rc;

    weir__lock(&process->lock);
    rc = failed && op->kind != WEIR_OP_TIMER ? 0 : reap(process);
    if (rc != 0) {
        tell(process, give_exit, 0);
        end_watch(process);
    } else if (process->leaving) {
        leave(process);
    } else {
        weir__unlock(&process->lock);
        if (op->kind == WEIR_OP_TIMER) {
            watch(process);
        } else {
            weir_op_timer(op, weir__now_ns() + LOOK_AGAIN_NS);
            op->flags |= WEIR_OP_SILENT;
            weir_loop_submit(process->worker->loop, op);
        }
    }
}

static void watch(struct weir__process *process)
{
    weir_op_poll(&process->op, &process->fd, POLLIN);
    process->op.done = watched;
    process->op.context = process;
    process->op.flags |= WEIR_OP_SILENT;
    weir_loop_submit(process->worker->loop, &process->op);
}

/* The runtime ends: the watches do. On the worker, behind its last task. */
static void end_processes(struct weir__worker *worker)
{
    weir_loop *loop = worker->loop;
    struct weir__list *link;

    for (link = worker->processes.next; link != &worker->processes; link = link->next) {
        struct weir__process *process = WEIR_CONTAINER_OF(link, struct weir__process, link);

        process->leaving = true;
        process->op.flags &= (uint8_t)~WEIR_OP_SILENT; /* it is waited for from here on */
        loop->silent--;
        weir_loop_cancel(loop, &process->op);
    }
}

void weir__process_began(struct weir__process *process, struct weir__worker *worker, int pid,
                         int pidfd)
{
    if (!worker->end_processes) {
        weir__list_init(&worker->processes);
        worker->end_processes = end_processes;
    }
    weir_fd_init(&process->fd, pidfd);
    process->worker = worker;
    weir__list_push_back(&worker->processes, &process->link);
    weir__lock(&process->lock);
    process->pid = pid;
    process->pidfd = pidfd;
    process->state = PROCESS_RUNNING;
    process->refs++;
    if (process->asked)
        (void)send_most(process, process->asked);
    weir__unlock(&process->lock);
    watch(process);
}

void weir__process_failed(struct weir__process *process, int reason)
{
    weir__lock(&process->lock);
    weir__handle_free(process->id);
    process->id = 0;
    process->state = PROCESS_ENDED;
    process->failure = reason;
    tell(process, NULL, reason);
    weir__process_drop(process);
}

/* ---- handles ---- */

int weir_process_adopt(weir_process *out, int pid)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();
    struct weir__process *process;
    int rc, pidfd;

    if (!worker)
        return WEIR_ENOTASK;
    if (weir__sim_on())
        return WEIR_ENOTSUP;
    pidfd = weir__spawn_open(pid);
    if (pidfd < 0)
        return pidfd;
    rc = weir__process_make(&process);
    if (rc < 0) {
        weir__sys_close(pidfd);
        return rc;
    }
    out->id = process->id;
    weir__process_began(process, worker, pid, pidfd);
    return 0;
}

int weir_process_close(weir_process handle)
{
    WEIR__CALL;
    struct weir__process *process = weir__named_lock(handle.id, WEIR__KIND_PROCESS);

    if (!process)
        return 0;
    weir__handle_free(process->id);
    process->id = 0;
    if (process->kill_on_close)
        (void)send_most(process, SIGKILL);
    tell(process, NULL, WEIR_ECLOSED);
    weir__process_drop(process);
    return 0;
}
