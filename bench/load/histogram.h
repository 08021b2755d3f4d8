/* bench/load/histogram.h - counts of durations in logarithmic buckets.
 *
 * A bucket is at most 1/64 of its value wide, so a quantile is right within 1.6 %; durations from 0
 * to 2^43 ns (two hours) fit, longer ones are counted in the last bucket. The largest value is kept
 * exactly. The struct is plain memory, zeroed before use, and belongs to one thread.
 */
#ifndef WEIR_BENCH_LOAD_HISTOGRAM_H
#define WEIR_BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB = 64,
    HISTOGRAM_POWERS = 38
};

struct histogram {
    uint64_t counts[HISTOGRAM_POWERS * HISTOGRAM_SUB];
    uint64_t total;
    uint64_t max_ns;
};

/* Counts one duration. */
void histogram_add(struct histogram *h, uint64_t ns);

/* The duration that the share `q` (0 to 1) of all does not exceed; 0 when nothing was counted. */
uint64_t histogram_quantile(const struct histogram *h, double q);

#endif
