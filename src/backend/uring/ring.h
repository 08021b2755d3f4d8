/* backend/uring/ring.h - one io_uring: its mapped rings and its three system calls.
 *
 * Knows entries and counters, not operations. Belongs to the thread that enabled it. The kernel is
 * the partner of every acquire and release here: it reads sq_tail and writes sq_head, writes
 * cq_tail and reads cq_head.
 */
#ifndef WEIR_BACKEND_URING_RING_H
#define WEIR_BACKEND_URING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/uring/abi.h"
#include "base/atomic.h"

struct weir__ring {
    int fd;
    int enter_fd;         /* fd, or the registered index */
    unsigned enter_flags; /* IORING_ENTER_REGISTERED_RING when registered */
    unsigned setup_flags;
    unsigned sq_entries;
    unsigned sq_mask;
    unsigned cq_mask;
    unsigned sq_local_tail; /* prepared; published by weir__ring_enter */
    unsigned sq_published;
    unsigned *sq_head;
    unsigned *sq_tail;
    unsigned *sq_flags;
    unsigned *cq_head;
    unsigned *cq_tail;
    unsigned *cq_overflow;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    void *rings;
    size_t rings_size;
    size_t sqes_size;
    bool enabled;
    bool shared;
};

/* Makes a disabled ring with the best set of flags that the kernel takes; shared: for one thread
 * after another. */
int weir__ring_init(struct weir__ring *ring, unsigned entries, unsigned cq_entries, bool shared);
void weir__ring_fini(struct weir__ring *ring);
/* Gives the thread's registration of the ring back, which would keep it alive: by the thread that
 * enabled it, before it leaves it for good. Enters go on to work. */
void weir__ring_disable(struct weir__ring *ring);

/* Lets the calling thread be the ring's issuer. Once, before the first enter. */
int weir__ring_enable(struct weir__ring *ring);

/* Submits what is prepared; with `want` waits for that many completions, at most timeout_ns (-1:
 * for ever). 0, or a negative error; WEIR_ETIMEDOUT (ETIME) and EINTR count as 0. */
int weir__ring_enter(struct weir__ring *ring, unsigned want, int64_t timeout_ns);

static inline unsigned weir__ring_prepared(const struct weir__ring *ring)
{
    return ring->sq_local_tail - WEIR_ATOMIC_LOAD(ring->sq_head, ACQUIRE);
}

/* Entries prepared since the last enter, without asking the kernel's side. */
static inline unsigned weir__ring_unsent(const struct weir__ring *ring)
{
    return ring->sq_local_tail - ring->sq_published;
}

/* A zeroed submission entry; submits first when the queue is full. Never NULL. */
struct io_uring_sqe *weir__ring_sqe(struct weir__ring *ring);

static inline unsigned weir__ring_cq_count(const struct weir__ring *ring)
{
    return WEIR_ATOMIC_LOAD(ring->cq_tail, ACQUIRE) - *ring->cq_head;
}

/* True when an enter would find something: a completion, or work that the kernel has deferred. */
static inline bool weir__ring_stirs(const struct weir__ring *ring)
{
    return weir__ring_cq_count(ring)
           || (WEIR_ATOMIC_LOAD(ring->sq_flags, RELAXED)
               & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

#endif
