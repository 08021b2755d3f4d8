/* weir/ready.h - waiting for a foreign descriptor, to drive other libraries by.
 *
 * A library that has sockets of its own (a database client, a message bus, a name resolver) gives
 * out a descriptor and says what it waits for; a task waits with this call and then calls the
 * library. The same as an operation of the bare loop is WEIR_OP_POLL (<weir/loop.h>).
 */
#ifndef WEIR_READY_H
#define WEIR_READY_H

#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is waited for, or is so; bits. ERROR and HANGUP are always told. */
enum weir_ready {
    WEIR_READY_READ = 1,
    WEIR_READY_WRITE = 2,
    WEIR_READY_PRIORITY = 4, /* out-of-band data, and what else poll(2) calls so */
    WEIR_READY_ERROR = 8,    /* an error, or a message in a socket's error queue */
    WEIR_READY_HANGUP = 16,  /* the other end has gone */
};

/* Waits until one of `events` (READ, WRITE, PRIORITY; 0: for an error or a hang-up alone) is true
 * of a descriptor: the bits that are. Level: it returns at once as long as they are. One-shot:
 * nothing is watched between two calls. Any number of tasks may wait for one descriptor, each but
 * the first on a worker of the epoll backend may need a descriptor more. The descriptor is
 * borrowed: it stays open and its mode as it is until the call returns, also after WEIR_ECANCELED
 * or WEIR_EDEADLINE. Suspends. WEIR_EINVAL (unknown bits), WEIR_EBADF, WEIR_EMFILE, WEIR_ENFILE,
 * WEIR_ENOMEM, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_ready_wait(int descriptor, uint32_t events);

/* The same without waiting, which may be none: 0. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_ready_now(int descriptor, uint32_t events);

#ifdef __cplusplus
}
#endif
#endif
