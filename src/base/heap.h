/* base/heap.h - intrusive pairing heap: the least node first.
 *
 * Insert and meld are O(1), taking a node out is O(log n) amortised; nothing allocates and nothing
 * recurses. Zeroed memory is an empty heap, and a zeroed node is in none. `less` decides the order;
 * what it compares must not change while a node is in. Not thread safe.
 */
#ifndef WEIR_BASE_HEAP_H
#define WEIR_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct weir__heap_node {
    struct weir__heap_node *child; /* the first; its siblings follow */
    struct weir__heap_node *next;
    struct weir__heap_node **link; /* what points here; NULL: in no heap */
};

struct weir__heap {
    struct weir__heap_node *root;
};

typedef bool weir__heap_less(const struct weir__heap_node *a, const struct weir__heap_node *b);

static inline bool weir__heap_linked(const struct weir__heap_node *node)
{
    return node->link != NULL;
}

/* Joins two trees without siblings, of which one may be NULL. */
static inline struct weir__heap_node *
weir__heap_meld(struct weir__heap_node *a, struct weir__heap_node *b, weir__heap_less *less)
{
    if (!a || !b)
        return a ? a : b;
    if (less(b, a)) {
        struct weir__heap_node *swapped = a;

        a = b;
        b = swapped;
    }
    b->next = a->child;
    if (b->next)
        b->next->link = &b->next;
    b->link = &a->child;
    a->child = b;
    return a;
}

/* Joins a list of siblings: by pairs from the left, then all from the right. */
static inline struct weir__heap_node *weir__heap_combine(struct weir__heap_node *first,
                                                         weir__heap_less *less)
{
    struct weir__heap_node *pairs = NULL, *root = NULL;

    while (first) {
        struct weir__heap_node *second = first->next, *rest = second ? second->next : NULL;

        first->next = NULL;
        if (second)
            second->next = NULL;
        first = weir__heap_meld(first, second, less);
        first->next = pairs;
        pairs = first;
        first = rest;
    }
    while (pairs) {
        struct weir__heap_node *rest = pairs->next;

        pairs->next = NULL;
        root = weir__heap_meld(root, pairs, less);
        pairs = rest;
    }
    return root;
}

static inline void weir__heap_set_root(struct weir__heap *heap, struct weir__heap_node *root)
{
    heap->root = root;
    if (root)
        root->link = &heap->root;
}

static inline void weir__heap_insert(struct weir__heap *heap, struct weir__heap_node *node,
                                     weir__heap_less *less)
{
    node->child = node->next = NULL;
    weir__heap_set_root(heap, weir__heap_meld(heap->root, node, less));
}

/* Takes a node out that is in. */
static inline void weir__heap_remove(struct weir__heap *heap, struct weir__heap_node *node,
                                     weir__heap_less *less)
{
    struct weir__heap_node *below = weir__heap_combine(node->child, less);

    if (node != heap->root) {
        *node->link = node->next;
        if (node->next)
            node->next->link = node->link;
        below = weir__heap_meld(heap->root, below, less);
    }
    weir__heap_set_root(heap, below);
    node->child = node->next = NULL;
    node->link = NULL;
}

#endif
