/* os/ready.c - see <weir/ready.h>.
 *
 * A loop of the epoll backend watches a number once: a second task on the same worker goes on with
 * a copy of it.
 */
#include <weir/ready.h>

#include <poll.h>
#include <stdbool.h>

#include "core/loop.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/task.h"
#include "task/worker.h"

#define READY_ALL (WEIR_READY_READ | WEIR_READY_WRITE | WEIR_READY_PRIORITY)

static const struct {
    uint32_t ready;
    short poll;
} bits[] = {
    {WEIR_READY_READ, POLLIN},   {WEIR_READY_WRITE, POLLOUT},  {WEIR_READY_PRIORITY, POLLPRI},
    {WEIR_READY_ERROR, POLLERR}, {WEIR_READY_HANGUP, POLLHUP},
};

static short to_poll(uint32_t ready)
{
    int events = 0;
    size_t i;

    for (i = 0; i < sizeof bits / sizeof *bits; i++)
        events |= ready & bits[i].ready ? bits[i].poll : 0;
    return (short)events;
}

/* The bits of what poll has told, or its error. */
static int from_poll(int events)
{
    uint32_t ready = 0;
    size_t i;

    if (events < 0)
        return events;
    if (events & POLLNVAL)
        return WEIR_EBADF;
    for (i = 0; i < sizeof bits / sizeof *bits; i++)
        ready |= events & bits[i].poll ? bits[i].ready : 0;
    return (int)ready;
}

/* One wait, by a number of our own from the second try on. */
static int wait_once(struct weir__task *task, weir_fd *fd, int descriptor, uint32_t events)
{
    int rc;

    weir_op_poll(&task->op, fd, (uint32_t)to_poll(events));
    rc = weir__task_await(task, &task->op);
    weir_loop_forget(task->worker->loop, fd);
    if (rc != WEIR_EEXIST || fd->number != descriptor)
        return rc;
    rc = weir__sys_dup(descriptor);
    if (rc < 0)
        return rc;
    weir_fd_init(fd, rc);
    return WEIR_EAGAIN;
}

int weir_ready_wait(int descriptor, uint32_t events)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    weir_fd fd;
    int rc;

    if (!task)
        return WEIR_ENOTASK;
    if (events & ~(uint32_t)READY_ALL)
        return WEIR_EINVAL;
    weir_fd_init(&fd, descriptor);
    task->pins++; /* the loop's thread may have an event for `fd`, on this stack, in hand */
    do {
        rc = wait_once(task, &fd, descriptor, events);
    } while (rc == WEIR_EAGAIN);
    task->pins--;
    if (fd.number != descriptor)
        weir__sys_close(fd.number);
    return from_poll(rc);
}

int weir_ready_now(int descriptor, uint32_t events)
{
    struct pollfd poll_fd = {.fd = descriptor, .events = to_poll(events)};
    int rc;

    if (events & ~(uint32_t)READY_ALL)
        return WEIR_EINVAL;
    rc = weir__sys_poll(&poll_fd, 1, 0);
    return rc < 0 ? rc : from_poll(poll_fd.revents);
}

/* ---- a case of a select: `len` is the descriptor's number, `id` what is waited for ---- */

static int number_of(const struct weir__case *c)
{
    return (int)(uint32_t)c->len;
}

static int enter_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    weir__case_poll_init(c, number_of(c));
    return c->id & ~(uint64_t)READY_ALL ? WEIR_EINVAL : 0;
}

static bool attempt_case(struct weir__case *c, struct weir__task *task)
{
    int rc = weir__case_poll_error(c, number_of(c));

    (void)task;
    c->result = rc < 0 ? rc : weir_ready_now(number_of(c), (uint32_t)c->id);
    return c->result != 0;
}

static enum weir__case_step enlist_case(struct weir__case *c, struct weir__select *select)
{
    (void)select;
    weir__case_poll(c, (uint32_t)to_poll((uint32_t)c->id));
    return CASE_WAITS;
}

static void leave_case(struct weir__case *c, struct weir__task *task)
{
    weir__case_poll_fini(c, task, number_of(c));
}

static const struct weir__case_calls case_calls = {.enter = enter_case,
                                                   .attempt = attempt_case,
                                                   .enlist = enlist_case,
                                                   .check = weir__case_poll_over,
                                                   .withdraw = weir__case_poll_withdraw,
                                                   .leave = leave_case,
                                                   .pins = true};

void weir_case_ready(weir_case *out, int descriptor, uint32_t events)
{
    weir__case_fill(out, &case_calls, events, NULL, (uint32_t)descriptor);
}
