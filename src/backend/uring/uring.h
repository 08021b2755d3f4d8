/* backend/uring/uring.h - what the files of the io_uring backend share.
 *
 * `user_data` is the address of the operation with its wait number in the top 16 bits, so that a
 * cancel names one wait and no other; the lowest bit marks the answer to a cancel, and small
 * numbers are the loop's own. An operation is busy until it and every cancel for it have come back.
 */
#ifndef WEIR_BACKEND_URING_URING_H
#define WEIR_BACKEND_URING_URING_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/uring/ring.h"
#include "core/loop.h"

#define URING_WAIT_SHIFT      48
#define URING_DATA_IGNORE     0u
#define URING_DATA_WAKE       2u
#define URING_DATA_ALARM      4u /* with the alarm's number in the bits above 8 */
#define URING_DATA_OWN_MAX    0xffffu
#define URING_DATA_CANCEL_BIT 1u

/* Flags of an operation that is in the ring. The answer to a cancel may come before the completion
 * that it missed, so the wish is kept: nothing is submitted again after it. */
#define WEIR__URING_STOP     0x10u /* it was cancelled */
#define WEIR__URING_RENEW    0x40u /* it is asked back, to be submitted anew */
#define WEIR__URING_DOUBTFUL 0x20u /* it stands in the list of the doubtful */

/* A further bit of weir_op.weir__zero_copy. */
#define URING_ZERO_COPY_NOTICE 0x100u

struct weir__uring {
    struct weir__ring ring;
    struct io_uring_buf_ring *group; /* NULL: the kernel has none */
    uint32_t group_entries;
    uint16_t group_tail;
    uint32_t in_ring;         /* buffers in the kernel's hands */
    struct weir_op *doubtful; /* oldest first; by weir__next and u.received.before */
    struct weir_op *doubtful_last;
    struct weir__loop_timer doubt;
    int wake;
    int event; /* for embedding; -1 until it is asked for */
    uint64_t wake_value;
    struct __kernel_timespec alarm;
    uint8_t alarm_number;
    bool wake_armed;
    bool no_multishot; /* the kernel refused a receive that goes on */
    bool no_zero_copy; /* it refused a send without a copy */
    uint64_t opcodes;  /* that the kernel knows: a bit each; none: not asked yet */
};

static inline uint64_t weir__uring_data(const struct weir_op *op)
{
    return (uint64_t)(uintptr_t)op | (uint64_t)op->weir__wait << URING_WAIT_SHIFT;
}

static inline struct weir_op *weir__uring_op(uint64_t data)
{
    return (struct weir_op *)(uintptr_t)(data & ((1ull << URING_WAIT_SHIFT) - 1) & ~(uint64_t)1);
}

/* ---- uring.c ---- */

struct io_uring_sqe *weir__uring_prepare(struct weir__uring *state, struct weir_op *op, int opcode);
void weir__uring_prepare_poll(struct weir__uring *state, struct weir_op *op, uint32_t events);
/* Puts an operation into the ring, or tries it by a plain call. */
void weir__uring_submit(struct weir_loop *loop, struct weir_op *op);
/* Asks the kernel to let go of an operation. */
void weir__uring_ask_back(struct weir__uring *state, struct weir_op *op);
/* The kernel has let go of an operation, and op->result is set. */
void weir__uring_done(struct weir_loop *loop, struct weir_op *op);

/* ---- call.c ---- */

/* Has the kernel do a call, or the pool, if the kernel does not know it. */
void weir__uring_submit_call(struct weir_loop *loop, struct weir_op *op);
/* Whether the kernel knows an opcode. */
bool weir__uring_knows(struct weir__uring *state, unsigned opcode);

/* ---- send.c ---- */

/* Puts a send into the ring that is to be made without a copy; or false: it is for a plain one. */
bool weir__uring_send_zero_copy(struct weir_loop *loop, struct weir_op *op);
/* One of its two completions. */
void weir__uring_reap_zero_copy(struct weir_loop *loop, struct weir_op *op,
                                const struct io_uring_cqe *cqe);
/* The bytes have gone, and the kernel holds the memory still. */
static inline bool weir__uring_awaits_notice(const struct weir_op *op)
{
    return op->kind == WEIR_OP_SEND && (op->weir__zero_copy & URING_ZERO_COPY_NOTICE);
}

/* ---- receive.c ---- */

void weir__uring_init_group(struct weir_loop *loop);
void weir__uring_fini_group(struct weir_loop *loop);
void weir__uring_give(struct weir_loop *loop, uint32_t id);
void weir__uring_prepare_recv(struct weir_loop *loop, struct weir_op *op);
/* A completion of a receive into lent buffers. */
void weir__uring_reap_lent(struct weir_loop *loop, struct weir_op *op,
                           const struct io_uring_cqe *cqe);
/* Readiness came for a multishot receive of a ring without buffers. */
void weir__uring_reap_readable(struct weir_loop *loop, struct weir_op *op);
/* The kernel has let go of a receive that was to be renewed. */
void weir__uring_renew(struct weir_loop *loop, struct weir_op *op);

#endif
