/* net/accept_case.c - accepting as a case of a select; see task/case.h.
 *
 * It waits until the listener has a connection, and accepts when it is chosen: the accept is taken
 * back at once, so that it does not wait if somebody else was quicker.
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
    weir__case_poll_init(c, listener->fd);
    return 0;
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
        rc = weir__case_poll_copy(c, listener->fd) == 0 ? WEIR_EAGAIN : WEIR_EMFILE;
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
    weir__case_poll(c, POLLIN);
    return CASE_WAITS;
}

static void leave(struct weir__case *c, struct weir__task *task)
{
    struct weir__listener *listener = c->object;

    weir__case_poll_fini(c, task, listener->fd);
    weir__listener_leave(listener);
}

static const struct weir__case_calls calls = {.enter = enter,
                                              .attempt = attempt,
                                              .enlist = enlist,
                                              .check = weir__case_poll_over,
                                              .withdraw = weir__case_poll_withdraw,
                                              .leave = leave,
                                              .pins = true};

void weir_case_accept(weir_case *out, weir_listener listener, weir_stream *stream)
{
    weir__case_fill(out, &calls, listener.id, stream, 0);
}
