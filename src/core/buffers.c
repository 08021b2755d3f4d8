/* core/buffers.c - see buffers.h.
 *
 * A buffer that another thread gives back carries its own inbox node: the buffer's first bytes,
 * which nobody reads any more, are the node.
 */
#include "core/buffers.h"

#include <string.h>

#include "base/alloc.h"
#include "base/container.h"
#include "core/loop.h"
#include "sys/current.h"
#include "sys/page.h"

_Static_assert(WEIR__BUFFER_SIZE + sizeof(struct weir__received) <= WEIR__BUFFER_STRIDE,
               "the queue's node stands behind the buffer");

/* Lies at the start of a buffer on its way home. */
struct homecoming {
    struct weir__inbox_node node;
    uint32_t id;
};

int weir__buffers_init(struct weir__buffers *group, struct weir_loop *loop, uint32_t max)
{
    uint32_t chunks = (max + WEIR__BUFFERS_CHUNK - 1) / WEIR__BUFFERS_CHUNK;

    memset(group, 0, sizeof *group);
    group->loop = loop;
    group->max = chunks * WEIR__BUFFERS_CHUNK;
    group->chunks = weir__calloc(chunks, sizeof *group->chunks);
    group->free_ids = weir__alloc(group->max * sizeof *group->free_ids);
    if (group->chunks && group->free_ids)
        return 0;
    weir__buffers_fini(group);
    return WEIR_ENOMEM;
}

void weir__buffers_fini(struct weir__buffers *group)
{
    uint32_t i;

    for (i = 0; i < group->count / WEIR__BUFFERS_CHUNK; i++)
        weir__page_unmap(group->chunks[i], (size_t)WEIR__BUFFERS_CHUNK * WEIR__BUFFER_STRIDE);
    weir__free(group->chunks);
    weir__free(group->free_ids);
    memset(group, 0, sizeof *group);
}

int64_t weir__buffers_grow(struct weir__buffers *group)
{
    size_t size = (size_t)WEIR__BUFFERS_CHUNK * WEIR__BUFFER_STRIDE;
    uint32_t first = group->count;
    void *chunk;
    int rc;

    if (first == group->max)
        return WEIR_ELIMIT;
    rc = weir__page_map(size, &chunk);
    if (rc < 0)
        return rc;
    group->chunks[first / WEIR__BUFFERS_CHUNK] = chunk;
    group->count += WEIR__BUFFERS_CHUNK;
    return first;
}

int64_t weir__buffers_take(struct weir__buffers *group)
{
    if (!group->free_count) {
        int64_t first = weir__buffers_grow(group);
        uint32_t i;

        if (first < 0)
            return WEIR_ENOBUFS;
        for (i = WEIR__BUFFERS_CHUNK; i > 0; i--)
            group->free_ids[group->free_count++] = (uint32_t)first + i - 1;
    }
    return group->free_ids[--group->free_count];
}

void weir__buffers_put(struct weir__buffers *group, uint32_t id)
{
    group->free_ids[group->free_count++] = id;
}

static bool nearly_all_lent(const struct weir__buffers *group)
{
    return group->count == group->max && group->lent > group->max / 4 * 3;
}

int weir__buffers_make_copy(struct weir__buffers *group, uint32_t len, weir_lent *lent)
{
    struct weir__received *copy = weir__alloc(sizeof *copy + len);

    if (!copy)
        return WEIR_ENOMEM;
    lent->bytes = (unsigned char *)(copy + 1);
    lent->len = len;
    lent->weir__id = WEIR__BUFFER_COPY;
    lent->weir__group = group;
    return 0;
}

static bool lend_copy(struct weir__buffers *group, uint32_t id, uint32_t len, weir_lent *lent)
{
    if (weir__buffers_make_copy(group, len, lent) < 0)
        return false;
    memcpy(lent->bytes, weir__buffers_at(group, id), len);
    group->copied_count++;
    group->loop->backend->give(group->loop, id);
    return true;
}

void weir__buffers_lend(struct weir__buffers *group, uint32_t id, uint32_t len, bool copy,
                        weir_lent *lent)
{
    lent->len = len;
    lent->weir__group = group;
    if ((copy || nearly_all_lent(group)) && lend_copy(group, id, len, lent))
        return;
    lent->bytes = weir__buffers_at(group, id);
    lent->weir__id = id;
    group->lent++;
}

static struct weir__received *node_of(const weir_lent *lent)
{
    if (lent->weir__id & WEIR__BUFFER_COPY)
        return (struct weir__received *)(void *)(lent->bytes
                                                 - (lent->weir__id & ~WEIR__BUFFER_COPY))
               - 1;
    return (struct weir__received *)(void *)(weir__buffers_at(lent->weir__group, lent->weir__id)
                                             + WEIR__BUFFER_SIZE);
}

void weir__received_push(weir_op *op, const weir_lent *lent)
{
    struct weir__received *node = node_of(lent);

    node->next = NULL;
    node->lent = *lent;
    if (op->u.received.tail)
        op->u.received.tail->next = node;
    else
        op->u.received.head = node;
    op->u.received.tail = node;
    op->u.received.count++;
}

uint32_t weir_op_received(weir_op *op, weir_lent *lent)
{
    WEIR__CALL;
    struct weir__received *node = op->u.received.head;

    if (!node)
        return 0;
    op->u.received.head = node->next;
    if (!node->next)
        op->u.received.tail = NULL;
    op->u.received.count--;
    *lent = node->lent;
    return lent->len;
}

static void come_home(struct weir__buffers *group, uint32_t id)
{
    group->lent--;
    group->loop->backend->give(group->loop, id);
    if (group->loop->starved_head)
        weir__loop_feed(group->loop);
}

static void deliver_home(struct weir__inbox_node *node, weir_loop *loop)
{
    struct homecoming *home = WEIR_CONTAINER_OF(node, struct homecoming, node);

    come_home(&loop->buffers, home->id);
}

void weir__buffers_return(weir_lent *lent)
{
    struct weir__buffers *group = lent->weir__group;

    if (!group)
        return;
    if (lent->weir__id & WEIR__BUFFER_COPY) {
        weir__free(node_of(lent));
    } else if (weir__current_loop() == group->loop) {
        come_home(group, lent->weir__id);
    } else {
        struct homecoming *home =
            (struct homecoming *)(void *)weir__buffers_at(group, lent->weir__id);

        home->id = lent->weir__id;
        home->node.deliver = deliver_home;
        weir__loop_post(group->loop, &home->node);
    }
    lent->bytes = NULL;
    lent->len = 0;
    lent->weir__group = NULL;
}
