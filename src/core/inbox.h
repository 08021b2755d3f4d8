/* core/inbox.h - messages from any thread to one loop.
 *
 * Many push, one takes. A push is one compare-and-swap on the head; the owner takes everything by
 * one exchange and turns it round, so that messages of one sender keep their order. Nothing
 * allocates and nothing fails: the nodes belong to the senders until they are delivered.
 */
#ifndef WEIR_CORE_INBOX_H
#define WEIR_CORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/loop.h>

#include "base/atomic.h"

#define weir__inbox_node weir_post

struct weir__inbox {
    struct weir__inbox_node *head; /* newest first; partners: push and take_all */
};

static inline void weir__inbox_init(struct weir__inbox *inbox)
{
    inbox->head = NULL;
}

static inline bool weir__inbox_empty(const struct weir__inbox *inbox)
{
    return !WEIR_ATOMIC_LOAD(&inbox->head, SEQ_CST);
}

static inline void weir__inbox_push(struct weir__inbox *inbox, struct weir__inbox_node *node)
{
    struct weir__inbox_node *head = WEIR_ATOMIC_LOAD(&inbox->head, RELAXED);

    do {
        node->weir__next = head;
    } while (!WEIR_ATOMIC_CAS(&inbox->head, &head, node, SEQ_CST));
}

/* Everything pushed so far, oldest first; NULL when there is nothing. */
static inline struct weir__inbox_node *weir__inbox_take_all(struct weir__inbox *inbox)
{
    struct weir__inbox_node *node = WEIR_ATOMIC_EXCHANGE(&inbox->head, NULL, SEQ_CST);
    struct weir__inbox_node *turned = NULL;

    while (node) {
        struct weir__inbox_node *next = node->weir__next;

        node->weir__next = turned;
        turned = node;
        node = next;
    }
    return turned;
}

#endif
