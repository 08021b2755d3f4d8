/* backend/uring/ring.c - see ring.h.
 *
 * Flags are tried from the best set down: deferred task running needs 6.1, cooperative 5.19, the
 * index-less submission queue 6.6. A kernel or a filter that refuses even the plain ring answers
 * ENOSYS or EPERM, and the loop takes another backend.
 */
#include "backend/uring/ring.h"

#include <string.h>
#include <sys/mman.h>
#include <weir/error.h>

#include "base/assert.h"
#include "sys/call.h"

static const unsigned setups[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG
        | IORING_SETUP_NO_SQARRAY,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_NO_SQARRAY,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
};
#define FIRST_SHARED 3 /* from here on any thread may enter the ring */

static int setup(struct weir__ring *ring, unsigned entries, unsigned cq_entries,
                 struct io_uring_params *params)
{
    int rc = WEIR_ENOSYS;
    size_t i;

    for (i = ring->shared ? FIRST_SHARED : 0; i < sizeof setups / sizeof *setups; i++) {
        memset(params, 0, sizeof *params);
        params->flags = setups[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE
                        | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
        params->cq_entries = cq_entries;
        rc = weir__sys_io_uring_setup(entries, params);
        if (rc != WEIR_EINVAL)
            break;
    }
    ring->setup_flags = params->flags;
    return rc;
}

static void *map(int fd, size_t size, uint64_t offset)
{
    void *at = NULL;

    return weir__sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                          (off_t)offset, &at)
                   < 0
               ? NULL
               : at;
}

static void point(struct weir__ring *ring, const struct io_uring_params *params)
{
    char *base = ring->rings;
    unsigned i, *array;

    ring->sq_head = (unsigned *)(void *)(base + params->sq_off.head);
    ring->sq_tail = (unsigned *)(void *)(base + params->sq_off.tail);
    ring->sq_flags = (unsigned *)(void *)(base + params->sq_off.flags);
    ring->sq_mask = *(unsigned *)(void *)(base + params->sq_off.ring_mask);
    ring->cq_head = (unsigned *)(void *)(base + params->cq_off.head);
    ring->cq_tail = (unsigned *)(void *)(base + params->cq_off.tail);
    ring->cq_overflow = (unsigned *)(void *)(base + params->cq_off.overflow);
    ring->cq_mask = *(unsigned *)(void *)(base + params->cq_off.ring_mask);
    ring->cqes = (struct io_uring_cqe *)(void *)(base + params->cq_off.cqes);
    if (params->flags & IORING_SETUP_NO_SQARRAY)
        return;
    array = (unsigned *)(void *)(base + params->sq_off.array);
    for (i = 0; i < params->sq_entries; i++)
        array[i] = i;
}

int weir__ring_init(struct weir__ring *ring, unsigned entries, unsigned cq_entries, bool shared)
{
    struct io_uring_params params;
    size_t sq_size, cq_size;
    int rc;

    memset(ring, 0, sizeof *ring);
    ring->shared = shared;
    ring->fd = rc = setup(ring, entries, cq_entries, &params);
    if (rc < 0)
        return rc;
    rc = WEIR_ENOSYS;
    if (!(params.features & IORING_FEAT_SINGLE_MMAP) || !(params.features & IORING_FEAT_NODROP)
        || !(params.features & IORING_FEAT_EXT_ARG))
        goto fail;
    sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    ring->rings_size = sq_size > cq_size ? sq_size : cq_size;
    ring->sqes_size = params.sq_entries * sizeof(struct io_uring_sqe);
    ring->sq_entries = params.sq_entries;
    rc = WEIR_ENOMEM;
    ring->rings = map(ring->fd, ring->rings_size, IORING_OFF_SQ_RING);
    ring->sqes = map(ring->fd, ring->sqes_size, IORING_OFF_SQES);
    if (!ring->rings || !ring->sqes)
        goto fail;
    point(ring, &params);
    ring->enter_fd = ring->fd;
    return 0;
fail:
    weir__ring_fini(ring);
    return rc;
}

void weir__ring_disable(struct weir__ring *ring)
{
    struct io_uring_rsrc_update update = {.offset = (unsigned)ring->enter_fd};

    if (!ring->enter_flags)
        return;
    (void)weir__sys_io_uring_register(ring->fd, IORING_UNREGISTER_RING_FDS, &update, 1);
    ring->enter_flags = 0;
    ring->enter_fd = ring->fd;
}

void weir__ring_fini(struct weir__ring *ring)
{
    weir__ring_disable(ring);
    if (ring->sqes)
        weir__sys_munmap(ring->sqes, ring->sqes_size);
    if (ring->rings)
        weir__sys_munmap(ring->rings, ring->rings_size);
    if (ring->fd >= 0)
        weir__sys_close(ring->fd);
    memset(ring, 0, sizeof *ring);
    ring->fd = -1;
}

int weir__ring_enable(struct weir__ring *ring)
{
    struct io_uring_rsrc_update update = {.offset = UINT32_MAX, .data = (uint64_t)ring->fd};
    int rc = weir__sys_io_uring_register(ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

    if (rc < 0)
        return rc;
    ring->enabled = true;
    if (ring->shared) /* the registration would be the thread's own */
        return 0;
    if (weir__sys_io_uring_register(ring->fd, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
        ring->enter_fd = (int)update.offset;
        ring->enter_flags = IORING_ENTER_REGISTERED_RING;
    }
    return 0;
}

int weir__ring_enter(struct weir__ring *ring, unsigned want, int64_t timeout_ns)
{
    unsigned flags = IORING_ENTER_GETEVENTS | ring->enter_flags;
    struct __kernel_timespec when;
    struct io_uring_getevents_arg arg = {0};
    void *extra = NULL;
    size_t size = 0;
    int rc;

    WEIR_ATOMIC_STORE(ring->sq_tail, ring->sq_local_tail, RELEASE);
    ring->sq_published = ring->sq_local_tail;
    if (want && timeout_ns >= 0) {
        when.tv_sec = timeout_ns / 1000000000;
        when.tv_nsec = timeout_ns % 1000000000;
        arg.ts = (uint64_t)(uintptr_t)&when;
        extra = &arg;
        size = sizeof arg;
        flags |= IORING_ENTER_EXT_ARG;
    }
    rc = weir__sys_io_uring_enter(ring->enter_fd, weir__ring_prepared(ring), want, flags, extra,
                                  size);
    return rc == -ETIME || rc == WEIR_EINTR || rc == WEIR_EBUSY || rc == WEIR_EAGAIN || rc >= 0
               ? 0
               : rc;
}

struct io_uring_sqe *weir__ring_sqe(struct weir__ring *ring)
{
    struct io_uring_sqe *sqe;

    while (weir__ring_prepared(ring) >= ring->sq_entries) {
        int rc = weir__ring_enter(ring, 0, 0);

        WEIR_ASSERT(rc == 0);
    }
    sqe = &ring->sqes[ring->sq_local_tail++ & ring->sq_mask];
    memset(sqe, 0, sizeof *sqe);
    return sqe;
}
