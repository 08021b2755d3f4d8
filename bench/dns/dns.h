/* bench/dns/dns.h - what the programs of bench/dns have in common: the work and its figures.
 *
 * The names are N.many.test; every one is asked for once.
 */
#ifndef WEIR_BENCH_DNS_DNS_H
#define WEIR_BENCH_DNS_DNS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../load/histogram.h"

static inline uint64_t dns_now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static inline void dns_name(char out[32], unsigned number)
{
    snprintf(out, 32, "%u.many.test", number);
}

static inline void dns_report(const struct histogram *h, uint64_t taken_ns, unsigned failed)
{
    struct timespec cpu;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    printf("{\"per_second\": %.0f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"max_us\": %.0f, "
           "\"cpu_us\": %.1f, \"failed\": %u}\n",
           (double)h->total * 1e9 / (double)taken_ns, (double)histogram_quantile(h, 0.5) / 1e3,
           (double)histogram_quantile(h, 0.99) / 1e3, (double)h->max_ns / 1e3,
           ((double)cpu.tv_sec * 1e6 + (double)cpu.tv_nsec / 1e3) / (double)h->total, failed);
}

#endif
