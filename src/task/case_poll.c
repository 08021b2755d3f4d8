/* task/case_poll.c - cases of a select that wait until a descriptor is ready; see case.h.
 *
 * A loop of the epoll backend watches a number once. A case that finds it watched goes on with a
 * copy, which is its own until the select ends.
 */
#include "sys/call.h"
#include "task/case.h"
#include "task/task.h"
#include "task/worker.h"

void weir__case_poll_init(struct weir__case *c, int number)
{
    weir_fd_init(&c->fd, number);
}

void weir__case_poll(struct weir__case *c, uint32_t events)
{
    weir_op_poll(&c->op, &c->fd, events);
    c->enlisted = true;
    weir__case_submit(c, c->waiter.task);
}

int weir__case_poll_copy(struct weir__case *c, int number)
{
    int copy;

    if (c->fd.number != number)
        return WEIR_EEXIST;
    copy = weir__sys_dup(number);
    if (copy >= 0)
        weir_fd_init(&c->fd, copy);
    return copy < 0 ? copy : 0;
}

int weir__case_poll_error(struct weir__case *c, int number)
{
    int rc = c->enlisted && !c->polls && c->op.result < 0 ? c->op.result : 0;

    if (rc == WEIR_EEXIST)
        rc = weir__case_poll_copy(c, number);
    return rc == WEIR_ECANCELED ? 0 : rc;
}

bool weir__case_poll_over(struct weir__case *c)
{
    return c->enlisted && !c->polls;
}

void weir__case_poll_withdraw(struct weir__case *c, struct weir__task *task)
{
    weir__case_take_back(c, task);
    c->enlisted = false;
}

void weir__case_poll_fini(struct weir__case *c, struct weir__task *task, int number)
{
    weir_loop_forget(task->worker->loop, &c->fd);
    if (c->fd.number != number)
        weir__sys_close(c->fd.number);
}
