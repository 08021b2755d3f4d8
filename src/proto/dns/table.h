/* proto/dns/table.h - things found by a name and a type: answers that are kept, open questions.
 *
 * The nodes are intrusive and the owner's. Nodes are in one list besides, the most recently used
 * last. Not thread safe.
 */
#ifndef WEIR_PROTO_DNS_TABLE_H
#define WEIR_PROTO_DNS_TABLE_H

#include <stdint.h>

#include "base/list.h"

struct weir__dns_node {
    struct weir__list chain, lru;
    uint64_t hash;
    const char *name; /* the owner's, as long as the node is in a table */
    uint16_t type;
};

struct weir__dns_table {
    struct weir__list *buckets;
    struct weir__list lru;
    uint32_t mask, count;
    uint64_t seed; /* names come from outside: they must not choose their bucket */
};

/* For about `capacity` nodes, any number fits. 0, or WEIR_ENOMEM. */
int weir__dns_table_init(struct weir__dns_table *table, uint32_t capacity, uint64_t seed);
/* Releases the buckets of an empty table, or of a zeroed one. */
void weir__dns_table_fini(struct weir__dns_table *table);

/* The node, made the most recently used, or NULL. */
struct weir__dns_node *weir__dns_table_find(struct weir__dns_table *table, const char *name,
                                            uint16_t type);
/* Adds a node whose name and type are filled in and are not in the table. */
void weir__dns_table_add(struct weir__dns_table *table, struct weir__dns_node *node);
void weir__dns_table_remove(struct weir__dns_table *table, struct weir__dns_node *node);
/* The least recently used node; NULL: the table is empty. */
struct weir__dns_node *weir__dns_table_oldest(const struct weir__dns_table *table);

#endif
