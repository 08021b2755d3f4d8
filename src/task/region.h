/* task/region.h - where weir's stacks lie: a process-wide list that the handler of a fault reads.
 *
 * An entry is added when a slab is mapped and removed before it is unmapped. Entries stand in pages
 * that are never given back, so that a reader needs no lock and can run in a signal handler. An
 * entry that changes under a reader gives a wrong answer at worst, never a fault; the entry of a
 * stack that the reader runs on does not change.
 */
#ifndef WEIR_TASK_REGION_H
#define WEIR_TASK_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__region {
    uintptr_t base; /* 0: free, 1: being filled; published last */
    size_t size;
    size_t slot_size;
};

/* Gives *out: release with weir__region_remove. WEIR_ENOMEM. Any thread. */
int weir__region_add(void *base, size_t size, size_t slot_size, struct weir__region **out);
/* Accepts NULL. Any thread. */
void weir__region_remove(struct weir__region *region);
/* True, and fills *out with a copy, if an entry covers the address. Async-signal-safe. */
bool weir__region_find(const void *address, struct weir__region *out);

#endif
