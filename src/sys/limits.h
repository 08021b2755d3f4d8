/* sys/limits.h - facts of the machine that defaults and `weir doctor` are made of.
 *
 * Plain getters that read the kernel anew at each call (microseconds to a millisecond: not for hot
 * paths). Each returns a value >= 0, or -errno when the kernel does not tell: WEIR_ENOENT for a
 * file that does not exist here. Any thread.
 */
#ifndef WEIR_SYS_LIMITS_H
#define WEIR_SYS_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* "No limit", for the getters that can say so. */
#define WEIR__LIMITS_NONE INT64_MAX

/* Stands before every path of /proc and /sys that is read here: a test's own tree. */
extern const char *weir__limits_root;

/* Processors that this process may use: the affinity mask, cut by the cgroup's quota (v2 cpu.max or
 * v1 cpu.cfs_quota_us, of the process's group and those above it), rounded up, at least 1. */
int weir__limits_cpus(void);
/* The two parts of it: processors in the mask, and the quota in thousandths of a processor. */
int weir__limits_cpus_affinity(void);
int64_t weir__limits_cpu_quota_milli(void);

/* Descriptors: soft and hard limit of the process. */
int64_t weir__limits_descriptors(void);
int64_t weir__limits_descriptors_hard(void);
/* Raises the soft limit to the hard one. The new limit or -errno. */
int64_t weir__limits_descriptors_raise(void);
/* Bytes that may be locked (io_uring's rings on old kernels count). */
int64_t weir__limits_memlock(void);

int64_t weir__limits_somaxconn(void);
int64_t weir__limits_tcp_max_syn_backlog(void);
/* First and last port that connect picks from. 0 or -errno. */
int weir__limits_port_range(uint16_t *first, uint16_t *last);
int64_t weir__limits_max_map_count(void);
/* kernel.io_uring_disabled: 0 allowed, 1 only for a group, 2 forbidden; WEIR_ENOENT before 6.6. */
int64_t weir__limits_io_uring_disabled(void);
/* vm.overcommit_memory: 0 heuristic, 1 always, 2 never beyond the limit. */
int64_t weir__limits_overcommit(void);
/* Bytes of memory of the machine, and the cgroup's limit if that is lower. */
int64_t weir__limits_memory(void);
/* Of the cgroup and those above it, the tightest: memory.max, memory.high (v1: the soft limit), and
 * how much more may be used before memory.max is met, when idle pages of files are given back;
 * WEIR__LIMITS_NONE without a limit. */
int64_t weir__limits_memory_max(void);
int64_t weir__limits_memory_high(void);
int64_t weir__limits_memory_left(void);
/* Bytes that the process's own group uses, pages of files included. */
int64_t weir__limits_memory_used(void);
/* Bytes of the machine that a program could get, by the kernel's guess. */
int64_t weir__limits_memory_available(void);

/* The kernel's release, as uname -r. 0, or WEIR_ENOBUFS if `size` is too small. */
int weir__limits_kernel(char *release, size_t size);

#endif
