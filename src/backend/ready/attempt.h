/* backend/ready/attempt.h - one non-blocking try of an operation.
 *
 * Shared by the readiness backends, and by uring where a plain system call is cheaper. Every try is
 * non-blocking by its own flags (MSG_DONTWAIT), never by the state of the descriptor, except for
 * accept, connect and sendfile, which have no such flag and need O_NONBLOCK on the socket.
 */
#ifndef WEIR_BACKEND_READY_ATTEMPT_H
#define WEIR_BACKEND_READY_ATTEMPT_H

#include <stdbool.h>

struct weir_loop;
struct weir_op;

/* True: the operation is finished and op->result set. False: it would block (after moving part of a
 * WHOLE send, it may be tried again and goes on). */
bool weir__ready_attempt(struct weir_loop *loop, struct weir_op *op);

/* What is to be done for a multishot receive after it was tried. */
enum weir__ready_next {
    READY_WAIT,   /* the socket is empty: arm */
    READY_LATER,  /* a bound is reached: try again in the next turn */
    READY_STARVE, /* there is no buffer */
    READY_END,    /* op->result is set */
};
enum weir__ready_next weir__ready_receive(struct weir_loop *loop, struct weir_op *op);

/* One accept: the descriptor, or a negative error. */
int weir__ready_accept(struct weir_op *op);

/* True if the operation waits for the descriptor to become writable. */
bool weir__ready_writes(const struct weir_op *op);

#endif
