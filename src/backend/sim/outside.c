/* backend/sim/outside.c - the real world of a simulation: descriptors of the kernel's, and wakes by
 * other threads.
 *
 * An operation on a real descriptor that would block waits in a list of all loops, which is looked
 * at now and then, and before time moves: so a simulation that has any is not replayed exactly.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "backend/ready/attempt.h"
#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "core/loop.h"
#include "sys/call.h"

#define LOOKED_AT_MAX 64 /* at once; the others have their turn in the next look */

static int wake_fd = -1;
static struct weir_op *waiting; /* by weir__next */

int weir__sim_outside_init(void)
{
    wake_fd = weir__sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    waiting = NULL;
    return wake_fd < 0 ? wake_fd : 0;
}

void weir__sim_outside_fini(void)
{
    weir__sys_close(wake_fd);
    wake_fd = -1;
}

void weir__sim_outside_add(struct weir_op *op)
{
    struct weir_op **at = &waiting;

    while (*at)
        at = &(*at)->weir__next;
    op->weir__next = NULL;
    *at = op;
}

bool weir__sim_outside_take(struct weir_op *op)
{
    struct weir_op **at = &waiting;

    while (*at && *at != op)
        at = &(*at)->weir__next;
    if (!*at)
        return false;
    *at = op->weir__next;
    return true;
}

bool weir__sim_waits_outside(void)
{
    return waiting;
}

void weir__sim_wake(void)
{
    weir__sys_event_signal(wake_fd);
}

static short events_of(const struct weir_op *op)
{
    if (op->kind == WEIR_OP_POLL)
        return (short)op->u.events;
    return weir__ready_writes(op) ? POLLOUT : POLLIN;
}

/* Takes those whose turn has come out of the list; those that were only looked at go behind the
 * others. */
static bool take_ready(const struct pollfd *fds, uint32_t count)
{
    WEIR__SIM_CALL;
    bool any = false;
    uint32_t i;

    for (i = 1; i < count; i++) {
        struct weir_op *op = waiting;

        waiting = op->weir__next;
        any |= fds[i].revents != 0;
        if (fds[i].revents)
            weir__sim_ready(op);
        else
            weir__sim_outside_add(op);
    }
    return any;
}

bool weir__sim_look(bool sleep)
{
    struct pollfd fds[1 + LOOKED_AT_MAX] = {{.fd = wake_fd, .events = POLLIN}};
    struct weir_op *op;
    uint32_t count = 1;
    uint64_t wakes;
    int rc;

    if (!waiting && !sleep)
        return false;
    for (op = waiting; op && count <= LOOKED_AT_MAX; op = op->weir__next) {
        fds[count].fd = op->fd->number;
        fds[count++].events = events_of(op);
    }
    do
        rc = weir__sys_poll(fds, count, sleep ? (op ? 1 : -1) : 0);
    while (rc == WEIR_EINTR);
    if (rc <= 0)
        memset(fds, 0, sizeof fds);
    if (fds[0].revents)
        (void)weir__sys_read(wake_fd, &wakes, sizeof wakes);
    return take_ready(fds, count) || fds[0].revents;
}
