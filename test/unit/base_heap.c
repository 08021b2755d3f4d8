/* test/unit/base_heap.c - the least comes first, whatever was taken out before. */
#include "test.h"

#include <string.h>

#include "base/container.h"
#include "base/heap.h"

enum {
    NODES = 400,
    STEPS = 20000
};

struct item {
    struct weir__heap_node node;
    uint32_t key;
};

static bool less(const struct weir__heap_node *a, const struct weir__heap_node *b)
{
    return WEIR_CONTAINER_OF(a, const struct item, node)->key
           < WEIR_CONTAINER_OF(b, const struct item, node)->key;
}

static uint32_t seed = 12345;

static uint32_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static uint32_t first_key(const struct weir__heap *heap)
{
    return WEIR_CONTAINER_OF(heap->root, struct item, node)->key;
}

TEST(nodes_come_out_in_order)
{
    struct item items[NODES] = {0};
    struct weir__heap heap = {0};
    uint32_t last = 0;
    int i;

    for (i = 0; i < NODES; i++) {
        items[i].key = next_random() % 1000;
        weir__heap_insert(&heap, &items[i].node, less);
    }
    for (i = 0; i < NODES; i++) {
        assert_true(first_key(&heap) >= last);
        last = first_key(&heap);
        weir__heap_remove(&heap, heap.root, less);
    }
    assert_null(heap.root);
}

static uint32_t least_of(const struct item *items)
{
    uint32_t least = UINT32_MAX;
    int i;

    for (i = 0; i < NODES; i++) {
        if (weir__heap_linked(&items[i].node) && items[i].key < least)
            least = items[i].key;
    }
    return least;
}

TEST(any_node_is_taken_out)
{
    static struct item items[NODES];
    struct weir__heap heap = {0};
    int step;

    memset(items, 0, sizeof items);
    for (step = 0; step < STEPS; step++) {
        struct item *item = &items[next_random() % NODES];

        if (weir__heap_linked(&item->node)) {
            weir__heap_remove(&heap, &item->node, less);
            assert_false(weir__heap_linked(&item->node));
        } else {
            item->key = next_random() % 100000;
            weir__heap_insert(&heap, &item->node, less);
        }
        if (heap.root)
            assert_int_equal(first_key(&heap), least_of(items));
        else
            assert_int_equal(least_of(items), UINT32_MAX);
    }
}
