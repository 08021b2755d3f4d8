/* task/metrics.h - the counters of a worker. See <weir/metrics.h>.
 *
 * They are written by the thread that steps the worker, with relaxed stores, and read by anybody.
 * One in WEIR__SAMPLE_EVERY runs and readies is timed: the clock costs more than what is measured.
 */
#ifndef WEIR_TASK_METRICS_H
#define WEIR_TASK_METRICS_H

#include <stdint.h>
#include <weir/metrics.h>

#include "base/atomic.h"

#define WEIR__SAMPLE_EVERY 64u

struct weir__counts {
    uint64_t began_ns;
    uint64_t idle_ns;
    uint64_t parks;
    uint64_t inline_count;
    uint64_t runs;
    uint64_t spawned;
    uint64_t ended;
    uint64_t steals_tried;
    uint64_t steals_done;
    uint64_t overflows;
    uint64_t packs;
    uint64_t unpacks;
    uint64_t packed_bytes; /* of the images; unpacking elsewhere counts down there: a sum counts */
    uint64_t run_ns[WEIR_METRICS_BUCKETS];
    uint64_t latency_ns[WEIR_METRICS_BUCKETS];
};

/* Adds a duration to a histogram. */
static inline void weir__count_time(uint64_t *histogram, uint64_t ns)
{
    uint32_t bucket = ns < 1024 ? 0 : 64 - (uint32_t)__builtin_clzll(ns) - 10;

    if (bucket >= WEIR_METRICS_BUCKETS)
        bucket = WEIR_METRICS_BUCKETS - 1;
    WEIR_ATOMIC_COUNT(&histogram[bucket], 1);
}

#endif
