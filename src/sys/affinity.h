/* sys/affinity.h - binding threads to the processors that the process may use. */
#ifndef WEIR_SYS_AFFINITY_H
#define WEIR_SYS_AFFINITY_H

#include <stdbool.h>
#include <stdint.h>

/* Binds the calling thread to the index-th usable processor, in turn; with `node` to the usable
 * processors of the index-th NUMA node. 0 or -errno. */
int weir__affinity_bind(uint32_t index, bool node);

/* How many processors the process may use; 0: not known. */
uint32_t weir__affinity_count(void);

/* The processor that the calling thread runs on just now, or negative. */
int weir__affinity_here(void);

/* The processor that weir__affinity_bind(index, false) means, or -errno. */
int weir__affinity_cpu(uint32_t index);

/* The NUMA node to which weir__affinity_bind(index, node) binds, or -errno. */
int weir__affinity_node(uint32_t index, bool node);

#endif
