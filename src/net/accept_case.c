/* net/accept_case.c - accepting as a case of a select; see task/case.h.
 *
 * It waits until the listener has a connection, and accepts when it is chosen: the accept is taken
 * back at once, so that it does not wait if somebody else was quicker. The case watches a
 * descriptor of its own, which may be a copy: a loop watches the listener's number once only.
 */
#include <poll.h>

#include "core/handle.h"
#include "net/listener.h"
#include "sys/call.h"
#include "task/case.h"
#include "task/task.h"
#include "task/worker.h"

static int enter(struct weir__case *c, struct weir__task *task)
{
    struct weir__listener *listener;
    int error;

    (void)task;
    listener = weir__listener_enter((weir_listener){c->id}, &error);
    if (!listener)
        return error;
    c->object = listener;
    weir_fd_init(&c->fd, listener->fd);
    return 0;
}

static void unwatch(struct weir__case *c, struct weir__task *task)
{
    const struct weir__listener *listener = c->object;

    weir_loop_forget(task->worker->loop, &c->fd);
    if (c->fd.number != listener->fd)
        weir__sys_close(c->fd.number);
}

/* The loop watches the number for somebody else: goes on with a copy. 0 or an error. */
static int copy_number(struct weir__case *c)
{
    const struct weir__listener *listener = c->object;
    int number;

    if (c->fd.number != listener->fd)
        return WEIR_EEXIST;
    number = weir__sys_dup(listener->fd);
    if (number >= 0)
        weir_fd_init(&c->fd, number);
    return number < 0 ? number : 0;
}

static int accept_now(struct weir__case *c, struct weir__task *task)
{
    weir_op_accept(&c->op, &c->fd, 0);
    weir__case_submit(c, task);
    weir__case_take_back(c, task);
    return c->op.result;
}

/* Whether it is worth trying. */
static bool has_connection(const struct weir__case *c)
{
    struct pollfd poll_fd = {.fd = c->fd.number, .events = POLLIN};

    return weir__sys_poll(&poll_fd, 1, 0) != 0;
}

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    struct weir__listener *listener = c->object;
    int rc = c->enlisted && c->op.result < 0 ? c->op.result : WEIR_EAGAIN;

    if (rc == WEIR_EAGAIN && has_connection(c))
        rc = accept_now(c, task);
    if (rc == WEIR_EEXIST)
        rc = copy_number(c) == 0 ? WEIR_EAGAIN : WEIR_EMFILE;
    if (rc == WEIR_EAGAIN || rc == WEIR_ECANCELED || rc == WEIR_ECONNABORTED)
        return false;
    if (rc >= 0)
        rc = weir__listener_take(listener, task->worker, rc, c->data);
    else if (weir__handle_closed(listener->id))
        rc = WEIR_ECLOSED;
    c->result = rc;
    return true;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    (void)select;
    weir_op_poll(&c->op, &c->fd, POLLIN);
    c->enlisted = true;
    weir__case_submit(c, c->waiter.task);
    return CASE_WAITS;
}

static bool check(struct weir__case *c)
{
    return !c->polls;
}

static void withdraw(struct weir__case *c, struct weir__task *task)
{
    weir__case_take_back(c, task);
    c->enlisted = false;
}

static void leave(struct weir__case *c, struct weir__task *task)
{
    unwatch(c, task);
    weir__listener_leave(c->object);
}

static const struct weir__case_calls calls = {.enter = enter,
                                              .attempt = attempt,
                                              .enlist = enlist,
                                              .check = check,
                                              .withdraw = withdraw,
                                              .leave = leave,
                                              .pins = true};

void weir_case_accept(weir_case *out, weir_listener listener, weir_stream *stream)
{
    weir__case_fill(out, &calls, listener.id, stream, 0);
}
