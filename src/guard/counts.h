/* guard/counts.h - what the objects of <weir/guard.h> count, given out. */
#ifndef WEIR_GUARD_COUNTS_H
#define WEIR_GUARD_COUNTS_H

#include <stddef.h>
#include <string.h>
#include <weir/guard.h>

/* Fills a struct of a caller of another version: what both know. */
static inline void weir__guard_counts_give(struct weir_guard_counts *out, size_t out_size,
                                           const struct weir_guard_counts *counts)
{
    memset(out, 0, out_size);
    memcpy(out, counts, out_size < sizeof *counts ? out_size : sizeof *counts);
}

#endif
