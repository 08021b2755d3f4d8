/* core/buffers.h - the group of buffers that a loop lends to receives.
 *
 * Buffers of one size stand in page-aligned chunks that are mapped when they are first needed, up
 * to a stated maximum. The group belongs to a loop; only `weir__buffers_return` may be called by
 * another thread, which sends the buffer home through the loop's inbox. Who holds a buffer gives it
 * back once. When the group is at its maximum and nearly all lent, a receive is lent a copy that is
 * cut to length, so that slow holders cannot starve the rest.
 */
#ifndef WEIR_CORE_BUFFERS_H
#define WEIR_CORE_BUFFERS_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/loop.h>

/* A little more than 16 KiB: a message of 16 KiB leaves room, so it is known to be all there is. */
#define WEIR__BUFFER_SIZE (16384u + 64u)
/* Neighbours start in different cache sets: 64 buffers a page multiple apart share one. */
#define WEIR__BUFFER_STRIDE (WEIR__BUFFER_SIZE + 128u)
#define WEIR__BUFFERS_CHUNK 64u /* buffers mapped at once: about 1 MiB */
#ifdef WEIR__HOSTILE
#define WEIR__BUFFERS_DEFAULT_MAX 64u
#else
#define WEIR__BUFFERS_DEFAULT_MAX 1024u /* 16 MiB a loop */
#endif
#define WEIR__BUFFERS_LIMIT 16384u
/* The id of a copy: this bit, and how far `bytes` has moved from its beginning. */
#define WEIR__BUFFER_COPY 0x80000000u

/* A lent buffer in the queue of a multishot receive. Stands behind the buffer, or before a copy. */
struct weir__received {
    struct weir__received *next;
    weir_lent lent;
};

struct weir__buffers {
    struct weir_loop *loop;
    unsigned char **chunks;
    uint32_t *free_ids; /* a stack; used by backends that pick buffers themselves */
    uint32_t free_count;
    uint32_t count; /* mapped */
    uint32_t max;
    uint32_t lent; /* in the hands of callers */
    uint64_t exhausted_count;
    uint64_t copied_count;
};

int weir__buffers_init(struct weir__buffers *group, struct weir_loop *loop, uint32_t max);
void weir__buffers_fini(struct weir__buffers *group);

static inline unsigned char *weir__buffers_at(const struct weir__buffers *group, uint32_t id)
{
    return group->chunks[id / WEIR__BUFFERS_CHUNK]
           + (size_t)(id % WEIR__BUFFERS_CHUNK) * WEIR__BUFFER_STRIDE;
}

/* Maps one more chunk; its first id, or a negative error (WEIR_ELIMIT, WEIR_ENOMEM). */
int64_t weir__buffers_grow(struct weir__buffers *group);

/* Takes a free buffer (grows if it may): its id, or WEIR_ENOBUFS. */
int64_t weir__buffers_take(struct weir__buffers *group);
void weir__buffers_put(struct weir__buffers *group, uint32_t id);

/* Fills `lent` for `len` bytes received into buffer `id`, or for a copy of them: where buffers are
 * short, or if the caller thinks that they will be held for long. */
void weir__buffers_lend(struct weir__buffers *group, uint32_t id, uint32_t len, bool copy,
                        weir_lent *lent);

/* Lends a buffer of `len` bytes that is none of the group's. 0 or WEIR_ENOMEM. */
int weir__buffers_make_copy(struct weir__buffers *group, uint32_t len, weir_lent *lent);

/* Drops the first `n` bytes of what is lent; n < lent->len. */
static inline void weir__lent_advance(weir_lent *lent, uint32_t n)
{
    lent->bytes += n;
    lent->len -= n;
    if (lent->weir__id & WEIR__BUFFER_COPY)
        lent->weir__id += n;
}

/* Puts what is lent at the end of a multishot receive's queue. */
void weir__received_push(weir_op *op, const weir_lent *lent);

/* Gives a lent buffer home. Any thread. */
void weir__buffers_return(weir_lent *lent);

#endif
