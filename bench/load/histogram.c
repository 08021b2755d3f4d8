/* bench/load/histogram.c - counts of durations in logarithmic buckets; see histogram.h. */
#include "histogram.h"

enum {
    SUB_BITS = 6
};

static unsigned bucket_of(uint64_t ns)
{
    unsigned shift, bucket;

    if (ns < HISTOGRAM_SUB)
        return (unsigned)ns;
    shift = 63U - (unsigned)__builtin_clzll(ns) - SUB_BITS;
    bucket = (shift + 1) * HISTOGRAM_SUB + (unsigned)((ns >> shift) - HISTOGRAM_SUB);
    return bucket < HISTOGRAM_POWERS * HISTOGRAM_SUB ? bucket
                                                     : HISTOGRAM_POWERS * HISTOGRAM_SUB - 1;
}

/* The largest duration that falls into the bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    unsigned shift;

    if (bucket < HISTOGRAM_SUB)
        return bucket;
    shift = bucket / HISTOGRAM_SUB - 1;
    return ((uint64_t)(bucket % HISTOGRAM_SUB + HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
    h->counts[bucket_of(ns)]++;
    h->total++;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
    uint64_t wanted = (uint64_t)(q * (double)h->total + 0.5), seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_POWERS * HISTOGRAM_SUB; i++) {
        seen += h->counts[i];
        if (h->counts[i] && seen >= wanted)
            return bucket_end(i) < h->max_ns ? bucket_end(i) : h->max_ns;
    }
    return h->max_ns;
}
