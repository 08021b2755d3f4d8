/* bench/load/usage.h - processor time of some processes, of this one, and of each processor.
 *
 * The clock of a process counts all its threads, those that have ended and the kernel's io_uring
 * workers among them, in nanoseconds.
 */
#ifndef WEIR_BENCH_LOAD_USAGE_H
#define WEIR_BENCH_LOAD_USAGE_H

#include <stdint.h>

enum {
    USAGE_PIDS_MAX = 16,
    USAGE_CPUS_MAX = 8
};

struct usage {
    uint64_t at_ns; /* monotonic clock */
    uint64_t servers_ns, own_ns;
    uint64_t syscalls;                     /* of the watched processes, see syscalls.h */
    uint64_t busy_ticks[USAGE_CPUS_MAX];   /* by processor, hundredths of a second */
    uint64_t stolen_ticks[USAGE_CPUS_MAX]; /* the same: what the host gave to others */
    int cpus;
};

/* The monotonic clock in nanoseconds. */
uint64_t usage_now(void);

/* Reads everything; a process that is gone counts 0. */
void usage_read(struct usage *u, const int *pids, int pid_count);

/* u = later - earlier. */
void usage_between(struct usage *u, const struct usage *earlier, const struct usage *later);

#endif
