/* weir/loop.h - the bare loop: operations with a callback, without tasks.
 *
 * A loop turns operations into completions. An operation is a struct that belongs to the caller: it
 * is filled by one of the weir_op_* functions, submitted, and completed exactly once by a call of
 * its `done` (a multishot operation completes many times, and then once finally, without
 * WEIR_OP_MORE). `done` runs on the thread that runs the loop, from within weir_loop_run, never
 * from within a submit. From submit to completion the memory of the operation, of its descriptor
 * and of its buffers must stay as it is.
 *
 * A loop belongs to the thread that first runs it. Except for weir_loop_post, weir_loop_give_back
 * and weir_loop_backend every call about a loop must be made by that thread, or before the first
 * run; filling an operation is its owner's business, on any thread. Nothing here suspends a task;
 * tasks use <weir/task.h>.
 *
 * What an operation reports is its `result`: a code of the system, for example WEIR_ECONNRESET or
 * WEIR_EBADF, WEIR_ECANCELED after a cancel, or WEIR_ENOMEM.
 */
#ifndef WEIR_LOOP_H
#define WEIR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

struct msghdr;
struct sockaddr;
typedef struct weir_loop weir_loop;
typedef struct weir_op weir_op;

/* Called when an operation has completed; `op->result` and `op->flags` say how. It may submit the
 * operation again (unless WEIR_OP_MORE is set), free it, or do anything else but run the loop. */
typedef void weir_op_done(weir_op *op);

/* A descriptor that operations use: a stream socket, or for a poll whatever poll(2) takes. It may
 * be in blocking or non-blocking mode, and weir may change the mode. The number is the caller's;
 * weir_loop_close releases it. The struct may not move while an operation uses it or while the loop
 * still watches it, that is until weir_loop_close or weir_loop_forget. */
typedef struct weir_fd {
    int number;
    uint8_t weir__read_hint;  /* more may be there: try at once */
    uint8_t weir__write_hint; /* the last write was taken whole */
    uint8_t weir__facts;      /* the library's WEIR__FD_* bits */
    uint8_t weir__nonblock;   /* O_NONBLOCK is set */
    uint64_t weir__reader;    /* the epoll backend's interest: loop and operation */
    uint64_t weir__writer;
} weir_fd;

/* A buffer of the loop's group that holds `len` received bytes, 16 KiB and a little more at most.
 * Whoever has it gives it back, once and while the loop exists, with weir_loop_give_back (bare
 * loop) or weir_give_back (tasks). The bytes may be changed. */
typedef struct weir_lent {
    unsigned char *bytes;
    uint32_t len;
    uint32_t weir__id;
    struct weir__buffers *weir__group;
} weir_lent;

enum weir_op_kind {
    WEIR_OP_NOP = 0,
    WEIR_OP_TIMER = 1,     /* completes with 0 at a moment, or with WEIR_ECANCELED */
    WEIR_OP_ACCEPT = 2,    /* result: a new descriptor, close-on-exec, the receiver's to close */
    WEIR_OP_CONNECT = 3,   /* result: 0 */
    WEIR_OP_RECV = 4,      /* result: bytes, 0 at end of stream */
    WEIR_OP_RECV_LENT = 5, /* the same into lent buffers, given with a positive result only */
    WEIR_OP_SEND = 6,      /* result: bytes taken */
    WEIR_OP_SENDMSG = 7,   /* result: bytes taken */
    WEIR_OP_POLL = 8,      /* result: the POLLIN, POLLOUT, ... bits that are true; one-shot */
    WEIR_OP_SENDFILE = 9,  /* result: bytes moved from a file to the socket, 0 at its end */
    WEIR_OP_CALL = 10,     /* of tasks alone: a system call that may wait for a disk */
};

enum weir_op_flag {
    WEIR_OP_MORE = 1,      /* out: a multishot operation that will complete again */
    WEIR_OP_MULTISHOT = 2, /* in: accept or receive until cancelled */
    WEIR_OP_WHOLE = 4,     /* in: send goes on until all bytes are taken or an error stops it; one
                              that is stopped after a part has that count as its result */
    WEIR_OP_SILENT = 8,    /* in: does not keep weir_loop_run from returning; set in `flags` after
                              filling */
};

/* One operation. The caller sets `done` and `context`, may add WEIR_OP_SILENT to `flags`, and reads
 * `result`, `flags` and the outputs (`u.lent` of a receive into a lent buffer); the rest is filled
 * by the weir_op_* functions and belongs to the loop. It may be submitted again as it is. */
struct weir_op {
    struct weir_op *weir__next;
    weir_op_done *done;
    void *context;
    weir_fd *fd;
    int32_t result;
    uint8_t kind;
    uint8_t flags;
    uint8_t weir__state;
    uint8_t weir__cancels;
    uint16_t weir__wait;
    uint16_t weir__loop;
    uint32_t weir__zero_copy; /* of a send: the library's bits */
    union {
        struct {
            void *base;
            size_t len;
            size_t done;
        } buffer;
        weir_lent lent;
        struct {
            struct weir__received *head, *tail; /* buffers that nobody has taken yet */
            struct weir_op *next, *before;
            uint32_t count;
        } received;
        struct msghdr *message;
        struct {
            const struct sockaddr *address;
            uint32_t len;
            bool started;
        } connect;
        struct {
            uint64_t offset;
            size_t len;
            int file;
        } file;
        struct weir__call *call;
        uint32_t events;
        struct {
            void *links[2];
            uint64_t deadline_ns;
            void (*fire)(void *timer, weir_loop *loop);
        } timer;
    } u;
};

enum weir_loop_mode {
    WEIR_LOOP_DEFAULT = 0, /* until no operation is left, or weir_loop_stop */
    WEIR_LOOP_ONCE = 1,    /* one turn, which may sleep */
    WEIR_LOOP_NOWAIT = 2,  /* one turn, which does not sleep */
};

enum weir_backend {
    WEIR_BACKEND_AUTO = 0, /* uring where it works, else epoll; WEIR_BACKEND overrides */
    WEIR_BACKEND_URING = 1,
    WEIR_BACKEND_EPOLL = 2,
    WEIR_BACKEND_SIM = 3, /* simulated: see <weir/sim.h>; only when it is asked for */
};

/* Zero means default everywhere. */
struct weir_loop_options {
    uint32_t backend;     /* enum weir_backend */
    uint32_t buffers_max; /* lent buffers of 16 KiB each, mapped when needed; default 1024, at most
                             16384; rounded up to a multiple of 64 */
    int64_t spin_ns;      /* longest look for work before the loop sleeps; default 0: none */
    uint8_t shared; /* WEIR_ON: one thread after another may run it, with operations in flight */
};

/* Makes a loop; *out gives it, released with weir_loop_destroy. Options are borrowed and may be
 * NULL. Errors: WEIR_ENOMEM, WEIR_EMFILE, WEIR_ENFILE, WEIR_EOPTION (also for a WEIR_BACKEND in the
 * environment that is none), WEIR_ELIMIT (4095 loops in the process), WEIR_ENOSYS and WEIR_EPERM
 * (the backend that was asked for does not work here). Any thread. */
WEIR_PUBLIC int weir_loop_create_n(weir_loop **out, const struct weir_loop_options *options,
                                   size_t options_size);
static inline int weir_loop_create(weir_loop **out, const struct weir_loop_options *options)
{
    return weir_loop_create_n(out, options, sizeof *options);
}

/* Releases the loop. WEIR_EBUSY, and nothing done, while an operation is in flight, or from within
 * a callback. Messages that are not delivered yet never are, and nobody may post any more. By the
 * loop's thread, or by another when that one is done with the loop. */
WEIR_PUBLIC int weir_loop_destroy(weir_loop *loop);

/* Runs the loop, and makes it the calling thread's. Returns 1 if operations are left that are not
 * silent, 0 if none, or a negative error of the kernel's wait call. WEIR_EBUSY when called from
 * within a callback. */
WEIR_PUBLIC int weir_loop_run(weir_loop *loop, enum weir_loop_mode mode);

/* Makes weir_loop_run return after the turn under way; outside of a run, the next one after a turn
 * without sleep. */
WEIR_PUBLIC void weir_loop_stop(weir_loop *loop);

/* "uring", "epoll" or "sim". Static text. Any thread. */
WEIR_PUBLIC const char *weir_loop_backend(const weir_loop *loop);

/* When the present turn's wait has ended (before the first turn: when the loop was made),
 * CLOCK_MONOTONIC in nanoseconds. weir_now_ns asks the clock. */
WEIR_PUBLIC uint64_t weir_loop_now_ns(const weir_loop *loop);

/* A message to a loop. `deliver` may post it again, free it, submit operations, or do anything else
 * but run the loop. */
typedef struct weir_post {
    struct weir_post *weir__next;
    void (*deliver)(struct weir_post *post, weir_loop *loop);
} weir_post;

/* Has post->deliver called on the loop's thread, from within weir_loop_run. Any thread; never
 * fails, never allocates. Takes the node until it is delivered. Messages of one thread are
 * delivered in their order. A message does not keep a loop from returning. */
WEIR_PUBLIC void weir_loop_post(weir_loop *loop, weir_post *post);

/* For embedding in a foreign loop: a descriptor that is readable when weir_loop_run(NOWAIT) has
 * work (completions, timers and posts), and nanoseconds until the next timer, 0 if a run has work
 * now, or -1. The descriptor is the loop's and always the same. What is submitted within a run has
 * reached the kernel when that returns; after a submit outside call weir_loop_run once before
 * polling. Errors: WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_loop_descriptor(weir_loop *loop);
WEIR_PUBLIC int64_t weir_loop_timeout_ns(const weir_loop *loop);

/* Fill an operation that is not in flight. `op->done` and `op->context` are the caller's to set;
 * everything else is set anew. Descriptors, buffers and addresses are borrowed until completion.
 * Lengths are 1..INT32_MAX bytes; a greater one is taken for INT32_MAX. They cannot fail. */
WEIR_PUBLIC void weir_fd_init(weir_fd *fd, int number);
WEIR_PUBLIC void weir_op_nop(weir_op *op);
/* Completes at a moment, in nanoseconds of CLOCK_MONOTONIC as weir_now_ns tells it: in the next
 * turn if it has passed, never if it is UINT64_MAX. Never early, and late by a millisecond or two
 * and the turn. */
WEIR_PUBLIC void weir_op_timer(weir_op *op, uint64_t deadline_ns);
/* Accepts from a listening socket: one connection, or with WEIR_OP_MULTISHOT in `flags` one after
 * the other until cancelled. accept(2) */
WEIR_PUBLIC void weir_op_accept(weir_op *op, weir_fd *listener, uint8_t flags);
/* Connects a socket. Through io_uring a UNIX listener with a full backlog is waited for; the epoll
 * backend completes with WEIR_EAGAIN. connect(2) */
WEIR_PUBLIC void weir_op_connect(weir_op *op, weir_fd *fd, const struct sockaddr *address,
                                 uint32_t len);
/* Receives up to `len` bytes, as soon as there are some. recv(2) */
WEIR_PUBLIC void weir_op_recv(weir_op *op, weir_fd *fd, void *base, size_t len);
/* A receive into lent buffers. With WEIR_OP_MULTISHOT it goes on by itself: `done` is called with
 * WEIR_OP_MORE when buffers have come, which weir_op_received takes; the last call, without, has 0
 * (end of stream), an error, or WEIR_ECANCELED in `result`. One whose buffers nobody takes, after
 * WEIR_RECEIVED_MAX of them, ends with WEIR_ECANCELED by itself: the peer has to wait then. */
WEIR_PUBLIC void weir_op_recv_lent(weir_op *op, weir_fd *fd, uint8_t flags);
/* Sends as much as the kernel takes at once, or with WEIR_OP_WHOLE in `flags` everything. Raises no
 * SIGPIPE. send(2) */
WEIR_PUBLIC void weir_op_send(weir_op *op, weir_fd *fd, const void *base, size_t len,
                              uint8_t flags);
/* Sends as much of a message as the kernel takes at once. The message, its parts, their bytes and
 * its control data are borrowed until completion and not changed. sendmsg(2) */
WEIR_PUBLIC void weir_op_sendmsg(weir_op *op, weir_fd *fd, struct msghdr *message);
/* Waits, once, until one of the `events` of poll(2) is true; POLLERR and POLLHUP are always told.
 * Counts as a writing operation if it asks for POLLOUT alone, else as a reading one. */
WEIR_PUBLIC void weir_op_poll(weir_op *op, weir_fd *fd, uint32_t events);
/* Moves as much of a file to the socket as the kernel takes at once. `file` is a regular file,
 * whose own offset is not used; it stays the caller's and open until completion. sendfile(2) */
WEIR_PUBLIC void weir_op_sendfile(weir_op *op, weir_fd *fd, int file, uint64_t offset, size_t len);

/* Submits a filled operation; exactly one final completion follows. Never fails: what goes wrong is
 * the operation's result. At most one reading and one writing operation a weir_fd at a time. */
WEIR_PUBLIC void weir_loop_submit(weir_loop *loop, weir_op *op);

/* Asks for an end of the operation: it completes soon, from within weir_loop_run, with what it did
 * or with WEIR_ECANCELED. Does nothing to an operation that is not in flight. By the loop's thread:
 * others post a message that does it. */
WEIR_PUBLIC void weir_loop_cancel(weir_loop *loop, weir_op *op);

/* Takes the oldest buffer that a multishot receive has got: its length, and gives *lent; 0 if there
 * is none. Buffers may be taken after the last completion, too, before the operation is filled
 * again. */
#define WEIR_RECEIVED_MAX 2
WEIR_PUBLIC uint32_t weir_op_received(weir_op *op, weir_lent *lent);

/* Returns a lent buffer to its loop, and empties *lent; does nothing to one that is empty. Any
 * thread, while the loop exists. */
WEIR_PUBLIC void weir_loop_give_back(weir_lent *lent);

/* Closes a descriptor that no operation uses, at the latest within the next weir_loop_run or
 * weir_loop_destroy, and sets its number to -1; does nothing to one that is closed.
 * weir_loop_forget only stops watching it. They cannot fail. */
WEIR_PUBLIC void weir_loop_close(weir_loop *loop, weir_fd *fd);
WEIR_PUBLIC void weir_loop_forget(weir_loop *loop, weir_fd *fd);

#ifdef __cplusplus
}
#endif
#endif
