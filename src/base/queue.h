/* base/queue.h - intrusive first-in first-out queue. Not thread safe. */
#ifndef WEIR_BASE_QUEUE_H
#define WEIR_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct weir__queue_node {
    struct weir__queue_node *next;
};

struct weir__queue {
    struct weir__queue_node *head;
    struct weir__queue_node *tail;
};

static inline void weir__queue_init(struct weir__queue *queue)
{
    queue->head = queue->tail = NULL;
}

static inline bool weir__queue_empty(const struct weir__queue *queue)
{
    return !queue->head;
}

static inline void weir__queue_push(struct weir__queue *queue, struct weir__queue_node *node)
{
    node->next = NULL;
    if (queue->tail)
        queue->tail->next = node;
    else
        queue->head = node;
    queue->tail = node;
}

static inline struct weir__queue_node *weir__queue_pop(struct weir__queue *queue)
{
    struct weir__queue_node *node = queue->head;

    if (!node)
        return NULL;
    queue->head = node->next;
    if (!queue->head)
        queue->tail = NULL;
    return node;
}

#endif
