/* proto/dns/table.c - the contract is in table.h. */
#include "proto/dns/table.h"

#include <stddef.h>
#include <string.h>
#include <weir/error.h>
#include <weir/memory.h>

#include "base/container.h"

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

/* Eight bytes a step; keyed by the seed at every one. */
static uint64_t hash_of(uint64_t seed, const char *name, uint16_t type)
{
    uint64_t hash = seed ^ type, part;
    size_t len = strlen(name);

    for (; len >= sizeof part; name += sizeof part, len -= sizeof part) {
        memcpy(&part, name, sizeof part);
        hash = mix(hash ^ part) + seed;
    }
    part = len;
    memcpy(&part, name, len);
    return mix(hash ^ part ^ (uint64_t)len << 56);
}

int weir__dns_table_init(struct weir__dns_table *table, uint32_t capacity, uint64_t seed)
{
    uint32_t size = 16, i;

    while (size < capacity)
        size *= 2;
    *table = (struct weir__dns_table){.mask = size - 1, .seed = seed};
    weir__list_init(&table->lru);
    table->buckets = weir_allocate(size * sizeof *table->buckets);
    if (!table->buckets)
        return WEIR_ENOMEM;
    for (i = 0; i < size; i++)
        weir__list_init(&table->buckets[i]);
    return 0;
}

void weir__dns_table_fini(struct weir__dns_table *table)
{
    weir_release(table->buckets);
    table->buckets = NULL;
}

struct weir__dns_node *weir__dns_table_find(struct weir__dns_table *table, const char *name,
                                            uint16_t type)
{
    uint64_t hash = hash_of(table->seed, name, type);
    struct weir__list *bucket = &table->buckets[hash & table->mask], *link;

    for (link = bucket->next; link != bucket; link = link->next) {
        struct weir__dns_node *node = WEIR_CONTAINER_OF(link, struct weir__dns_node, chain);

        if (node->hash != hash || node->type != type || strcmp(node->name, name) != 0)
            continue;
        weir__list_remove(&node->lru);
        weir__list_push_back(&table->lru, &node->lru);
        return node;
    }
    return NULL;
}

void weir__dns_table_add(struct weir__dns_table *table, struct weir__dns_node *node)
{
    node->hash = hash_of(table->seed, node->name, node->type);
    weir__list_push_back(&table->buckets[node->hash & table->mask], &node->chain);
    weir__list_push_back(&table->lru, &node->lru);
    table->count++;
}

void weir__dns_table_remove(struct weir__dns_table *table, struct weir__dns_node *node)
{
    weir__list_remove(&node->chain);
    weir__list_remove(&node->lru);
    table->count--;
}

struct weir__dns_node *weir__dns_table_oldest(const struct weir__dns_table *table)
{
    struct weir__list *first = table->lru.next;

    return first == &table->lru ? NULL : WEIR_CONTAINER_OF(first, struct weir__dns_node, lru);
}
