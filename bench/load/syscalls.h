/* bench/load/syscalls.h - how many system calls some processes make.
 *
 * Counted by the kernel's tracepoint, which needs tracefs and root, and costs the server a little
 * at each call: throughput and latency of a run that counts are not comparable with others.
 */
#ifndef WEIR_BENCH_LOAD_SYSCALLS_H
#define WEIR_BENCH_LOAD_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

/* Starts counting for all threads of the process. False when this machine does not allow it. */
bool syscalls_watch(int pid);

/* Calls made by all watched threads since they are watched. */
uint64_t syscalls_read(void);

#endif
