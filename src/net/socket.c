/* net/socket.c - life and waits of sockets that carry messages. See socket.h. */
#include "net/socket.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/container.h"
#include "core/handle.h"
#include "core/loop.h"
#include "net/sockfile.h"
#include "sys/call.h"
#include "sys/lock.h"
#include "sys/sockopt.h"
#include "task/sync.h"
#include "task/task.h"
#include "task/worker.h"

/* Where the kernel says that a socket is ready and it is not, the task comes again later and later:
 * a UNIX datagram socket is always writable, whether or not the receiver has room. */
#define VAIN_MAX   2
#define NAP_NS     1000000
#define NAP_SHIFTS 4

static const uint32_t events_of[2] = {POLLIN, POLLOUT};

/* ---- life ---- */

static void close_left(void *object, void *arg)
{
    (void)arg;
    (void)weir_socket_close((weir_socket){((struct weir__socket *)object)->id});
}

/* What is open when the runtime ends is closed. */
static void end_sockets(struct weir__worker *worker)
{
    weir__slab_each(&worker->sockets, close_left, NULL);
}

static struct weir__socket *take_object(struct weir__worker *worker)
{
    if (!worker->sockets.object_size) {
        weir__slab_init(&worker->sockets, sizeof(struct weir__socket));
        worker->end_sockets = end_sockets;
    }
    return weir__slab_take(&worker->sockets);
}

int weir__socket_make(struct weir__worker *worker, int fd, struct weir__socket **out)
{
    const size_t behind_fd = offsetof(struct weir__socket, fd) + sizeof(weir_fd);
    struct weir__socket *socket = take_object(worker);
    int rc, family = weir__sockopt_family(fd), type = weir__sockopt_type(fd);

    if (!socket)
        return WEIR_ENOMEM;
    weir_fd_init(&socket->fd, fd);
    memset((char *)socket + behind_fd, 0, sizeof *socket - behind_fd);
    socket->family = family;
    socket->type = type;
    socket->home = worker->loop->index;
    rc = family < 0 ? family : type < 0 ? type : 0;
    if (rc == 0)
        rc = weir__handle_make(WEIR__KIND_SOCKET, socket, &socket->id);
    if (rc < 0) {
        socket->id = 0;
        weir__slab_give(&worker->sockets, socket);
        return rc;
    }
    *out = socket;
    return 0;
}

static void release_at_home(struct weir__socket *socket, weir_loop *loop)
{
    struct weir__worker *worker = loop->worker;

    if (socket->file)
        weir__sockfile_unlink(socket->file);
    weir__free(socket->file);
    weir_loop_close(loop, &socket->fd);
    weir__handle_free(socket->id);
    weir__slab_give(&worker->sockets, socket);
}

static void deliver_release(weir_post *post, weir_loop *loop)
{
    release_at_home(WEIR_CONTAINER_OF(post, struct weir__socket, sides[0].note), loop);
}

static void release(struct weir__socket *socket)
{
    weir_loop *home = weir__loop_by_index(socket->home);

    if (weir__current_loop() == home) {
        release_at_home(socket, home);
        return;
    }
    socket->sides[0].note.deliver = deliver_release;
    weir_loop_post(home, &socket->sides[0].note);
}

/* Whether nothing is left of it. Under the lock; who gets true releases. */
static bool is_gone(const struct weir__socket *socket)
{
    const struct weir__socket_side *sides = socket->sides;

    return socket->ending && !sides[0].armed_at && !sides[1].armed_at && !sides[0].noted
           && !sides[1].noted;
}

static void unlock(struct weir__socket *socket)
{
    bool gone = is_gone(socket);

    weir__unlock(&socket->lock);
    if (gone)
        release(socket);
}

struct weir__socket *weir__socket_enter(weir_socket handle, int *error)
{
    return weir__handle_enter(handle.id, WEIR__KIND_SOCKET, 0, error);
}

struct weir__socket *weir__socket_begin(weir_socket handle, struct weir__task **task, int *error)
{
    *task = weir__task_current();
    *error = *task ? weir__leaf_of(*task) : WEIR_ENOTASK;
    return *error < 0 ? NULL : weir__socket_enter(handle, error);
}

void weir__socket_leave(struct weir__socket *socket)
{
    if (!weir__handle_leave(socket->id, 0))
        return;
    weir__lock(&socket->lock);
    socket->ending = true;
    unlock(socket);
}

/* ---- polling ---- */

static void polled(weir_op *op)
{
    struct weir__socket *socket = op->context;
    struct weir__socket_side *side = WEIR_CONTAINER_OF(op, struct weir__socket_side, poll);
    struct weir__wakee wakee = {0};
    struct weir__waiter *waiter;

    weir__lock(&socket->lock);
    side->armed_at = 0;
    waiter = weir__claim_first(&side->queue);
    if (waiter)
        wakee = weir__waiter_grant(waiter, op->result);
    unlock(socket);
    weir__wake(wakee);
}

/* Whether the caller is to submit the poll. Under the lock. */
static bool must_arm(struct weir__socket_side *side, const weir_loop *loop)
{
    if (side->armed_at)
        return false;
    WEIR_ATOMIC_STORE(&side->armed_at, loop->index, RELAXED); /* partner: deliver_note */
    return true;
}

static void arm(struct weir__socket *socket, enum weir__side which, weir_loop *loop)
{
    struct weir__socket_side *side = &socket->sides[which];

    weir_op_poll(&side->poll, &socket->fd, events_of[which]);
    side->poll.done = polled;
    side->poll.context = socket;
    weir_loop_submit(loop, &side->poll);
}

/* Has the next waiter waited for, if there is one. */
static void pass_on(struct weir__socket *socket, struct weir__task *task, enum weir__side which)
{
    struct weir__socket_side *side = &socket->sides[which];
    bool mine;

    weir__lock(&socket->lock);
    mine = !weir__waitq_empty(&side->queue) && must_arm(side, task->worker->loop);
    weir__unlock(&socket->lock);
    if (mine)
        arm(socket, which, task->worker->loop);
}

/* Waits until the side may be ready: the events of poll, or an error. One that has waited before
 * stays at the head. */
static int wait_ready(struct weir__socket *socket, struct weir__task *task, enum weir__side which,
                      bool again)
{
    struct weir__socket_side *side = &socket->sides[which];
    struct weir__waiter *waiter = weir__waiter_begin(NULL, which == SIDE_READ ? "receive" : "send");
    bool mine;

    weir__lock(&socket->lock);
    if (weir__handle_closed(socket->id)) { /* partner: wake_all, which comes after the close */
        weir__unlock(&socket->lock);
        return WEIR_ECLOSED;
    }
    if (again)
        weir__waitq_push_front(&side->queue, waiter);
    else
        weir__waitq_push(&side->queue, waiter);
    mine = must_arm(side, task->worker->loop);
    weir__unlock(&socket->lock);
    if (mine)
        arm(socket, which, task->worker->loop);
    return weir__waiter_wait(waiter, &side->queue, &socket->lock);
}

/* Others go first, for some milliseconds. */
static int nap(struct weir__socket *socket, struct weir__task *task, enum weir__side which,
               uint32_t vain)
{
    uint32_t shift = vain - VAIN_MAX < NAP_SHIFTS ? vain - VAIN_MAX : NAP_SHIFTS;
    uint64_t until_ns = weir__now_ns() + ((uint64_t)NAP_NS << shift);
    int rc;

    pass_on(socket, task, which);
    do {
        rc = weir__task_pause_until(task, until_ns);
    } while (rc == 0 && weir__now_ns() < until_ns);
    return rc == 0 || rc == WEIR_ETIMEDOUT ? 0 : weir__task_stopped(task, rc);
}

/* Whether what poll tells of is the error queue alone. A pending error, which looks the same, goes
 * with the next try. */
static bool has_only_errors(struct weir__socket *socket)
{
    struct pollfd poll_fd = {.fd = socket->fd.number, .events = POLLIN};

    return weir__sys_poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLERR)
           && !(poll_fd.revents & POLLIN);
}

/* One try after poll has told of `events`. */
static int try_ready(struct weir__socket *socket, enum weir__side which, int events,
                     weir__socket_try *attempt, void *arg)
{
    int rc = attempt(socket, arg);

    if (rc != WEIR_EAGAIN || which != SIDE_READ || !(events & POLLERR) || !has_only_errors(socket))
        return rc;
    rc = attempt(socket, arg);
    return rc == WEIR_EAGAIN ? WEIR_EERRQUEUE : rc;
}

static int wait_and_try(struct weir__socket *socket, struct weir__task *task, enum weir__side which,
                        weir__socket_try *attempt, void *arg)
{
    uint32_t vain = 0;
    int rc;

    do {
        rc = wait_ready(socket, task, which, vain > 0);
        if (rc >= 0)
            rc = try_ready(socket, which, rc, attempt, arg);
        if (rc == WEIR_EAGAIN && ++vain >= VAIN_MAX) {
            int stopped = nap(socket, task, which, vain);

            rc = stopped < 0 ? stopped : rc;
        }
    } while (rc == WEIR_EAGAIN);
    pass_on(socket, task, which);
    return rc;
}

int weir__socket_do(struct weir__socket *socket, struct weir__task *task, enum weir__side side,
                    weir__socket_try *attempt, void *arg)
{
    int rc = attempt(socket, arg);

    if (rc == WEIR_EAGAIN)
        rc = wait_and_try(socket, task, side, attempt, arg);
    return rc < 0 && weir__handle_closed(socket->id) ? WEIR_ECLOSED : rc;
}

/* ---- cases of a select ---- */

int weir__socket_case_try(struct weir__socket *socket, enum weir__side side, struct weir__case *c,
                          weir__socket_try *attempt, void *arg)
{
    bool leads = c->enlisted && c->waiter.state == WAITER_GRANTED;
    int rc = leads ? c->waiter.result : 0;

    if (rc >= 0)
        rc = try_ready(socket, side, rc, attempt, arg);
    if (leads)
        pass_on(socket, c->waiter.task, side);
    if (rc < 0 && weir__handle_closed(socket->id))
        return WEIR_ECLOSED;
    if (rc == WEIR_EAGAIN && c->enlisted)
        c->vain++;
    return rc;
}

/* Until when a case naps: it does so every second time, or it would not hear of what comes. */
static uint64_t nap_until(const struct weir__case *c)
{
    uint32_t over = c->vain - VAIN_MAX;

    if (c->vain < VAIN_MAX || over % 2)
        return UINT64_MAX;
    return weir__now_ns() + ((uint64_t)NAP_NS << (over / 2 < NAP_SHIFTS ? over / 2 : NAP_SHIFTS));
}

enum weir__case_step weir__socket_case_enlist(struct weir__socket *socket, enum weir__side which,
                                              struct weir__case *c, struct weir__select *select)
{
    struct weir__socket_side *side = &socket->sides[which];
    weir_loop *loop = c->waiter.task->worker->loop;
    bool mine;

    c->enlisted = true;
    c->waiter.state = WAITER_QUEUED;
    c->id = nap_until(c);
    if (c->id != UINT64_MAX)
        return CASE_WAITS;
    weir__lock(&socket->lock);
    if (weir__handle_closed(socket->id)) { /* partner: end_waits, which comes after the close */
        weir__unlock(&socket->lock);
        return weir__case_gone(c, select, WEIR_ECLOSED);
    }
    weir__case_queue(c, select, &side->queue, &socket->lock);
    mine = must_arm(side, loop);
    weir__unlock(&socket->lock);
    if (mine)
        arm(socket, which, loop);
    return CASE_WAITS;
}

void weir__socket_case_withdraw(struct weir__case *c)
{
    c->enlisted = false;
    c->id = UINT64_MAX;
}

/* ---- closing ---- */

/* On the loop where the poll was when the socket was closed. */
static void deliver_note(weir_post *post, weir_loop *loop)
{
    struct weir__socket_side *side = WEIR_CONTAINER_OF(post, struct weir__socket_side, note);
    struct weir__socket *socket = side->poll.context;

    if (WEIR_ATOMIC_LOAD(&side->armed_at, RELAXED) == loop->index)
        weir_loop_cancel(loop, &side->poll);
    weir__lock(&socket->lock);
    side->noted = false;
    unlock(socket);
}

/* Asks for the end of the poll. Posted under the lock: as long as the poll has not been told of,
 * its loop runs, and takes the note in before it ends. */
static void end_poll(struct weir__socket_side *side)
{
    if (!side->armed_at)
        return;
    side->noted = true;
    side->note.deliver = deliver_note;
    weir_loop_post(weir__loop_by_index(side->armed_at), &side->note);
}

/* Ends the waits on a socket that has been closed. By one who is inside. */
static void end_waits(struct weir__socket *socket)
{
    int i;

    for (i = 0; i < 2; i++) {
        weir__lock(&socket->lock);
        end_poll(&socket->sides[i]);
        weir__grant_all(&socket->sides[i].queue, &socket->lock, WEIR_ECLOSED);
    }
}

int weir_socket_close(weir_socket handle)
{
    WEIR__CALL;
    struct weir__socket *socket;
    uint32_t in_use;
    void *object;
    int error;

    socket = weir__socket_enter(handle, &error);
    if (!socket)
        return 0;
    if (weir__handle_close(handle.id, WEIR__KIND_SOCKET, &in_use, &object) == 1)
        end_waits(socket);
    weir__socket_leave(socket);
    return 0;
}

int weir_socket_release(weir_socket handle, int *descriptor)
{
    WEIR__CALL;
    struct weir__socket *socket;
    int rc, number;

    socket = weir__socket_enter(handle, &rc);
    if (!socket)
        return rc;
    number = rc = weir__sys_dup(socket->fd.number);
    if (rc >= 0 && !weir__handle_close_alone(handle.id)) {
        weir__sys_close(number);
        rc = WEIR_EBUSY;
    }
    if (rc >= 0) {
        weir__free(socket->file); /* it is the new owner's */
        socket->file = NULL;
        end_waits(socket);
        *descriptor = number;
    }
    weir__socket_leave(socket);
    return rc < 0 ? rc : 0;
}
