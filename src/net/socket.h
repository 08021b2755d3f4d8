/* net/socket.h - the object behind a weir_socket.
 *
 * Lives in a slab of the worker that made it (home) and goes back there; its memory stays readable,
 * so a late event of a loop finds at worst another socket's hint.
 *
 * A call tries first. If it would block, its task joins the queue of that side (reading or writing)
 * and pauses. While a queue is not empty, one poll operation is in flight on some worker's loop, or
 * one waiter has been woken by it and leads: it tries, and on its way out has the next one waited
 * for. So a message wakes one task, an idle socket holds no buffer, and a task that waits has
 * nothing in the kernel's hands; a poll that nobody waits for any more stays until it completes.
 *
 * `lock` guards the queues and the flags of the sides. Whoever is inside has a reference of the
 * handle. The object is released when the last reference has gone after the close, and no poll and
 * no note is out: whichever of these ends last does it.
 */
#ifndef WEIR_NET_SOCKET_H
#define WEIR_NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/loop.h>
#include <weir/socket.h>

#include "task/case.h"
#include "task/waitq.h"

struct weir__sockfile;
struct weir__task;
struct weir__worker;

enum weir__side {
    SIDE_READ = 0,
    SIDE_WRITE = 1
};

struct weir__socket_side {
    weir_op poll;
    struct weir__waitq queue;
    weir_post note;    /* a close on its way to the loop of the poll */
    uint16_t armed_at; /* index of the loop where `poll` is in flight, or 0 */
    bool noted;        /* the note is out */
};

struct weir__socket {
    uint64_t id;
    weir_fd fd;
    uint32_t lock;
    int32_t family;
    int32_t type;
    uint16_t home;               /* index of its loop */
    bool ending;                 /* the last reference has gone */
    struct weir__sockfile *file; /* of a bound UNIX socket, removed at the end; or NULL */
    struct weir__socket_side sides[2];
};

/* Makes a socket of a non-blocking descriptor, which it takes on success. On a worker. */
int weir__socket_make(struct weir__worker *worker, int fd, struct weir__socket **out);

/* The socket, pinned, or NULL with *error. Any thread. */
struct weir__socket *weir__socket_enter(weir_socket socket, int *error);
/* The same for a call that suspends: *task gives the calling task. */
struct weir__socket *weir__socket_begin(weir_socket socket, struct weir__task **task, int *error);
void weir__socket_leave(struct weir__socket *socket);

/* Tries something on the socket: a result, or WEIR_EAGAIN if it would block. */
typedef int weir__socket_try(struct weir__socket *socket, void *arg);

/* Does it, waiting for the side as often as it would block. Suspends. By the task inside. */
int weir__socket_do(struct weir__socket *socket, struct weir__task *task, enum weir__side side,
                    weir__socket_try *attempt, void *arg);

/* The same as a case of a select (task/case.h) that is `timed` and `looks`: it stands in the queue
 * as any other call, and tries when it is granted, so that nobody tries for one that has lost.
 * Between them the case's `id` is the moment when it comes again by itself, or UINT64_MAX. */

/* For `attempt`: the result, or WEIR_EAGAIN. */
int weir__socket_case_try(struct weir__socket *socket, enum weir__side side, struct weir__case *c,
                          weir__socket_try *attempt, void *arg);
enum weir__case_step weir__socket_case_enlist(struct weir__socket *socket, enum weir__side side,
                                              struct weir__case *c, struct weir__select *select);
void weir__socket_case_withdraw(struct weir__case *c);

#endif
