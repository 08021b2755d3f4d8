/* weir/system.h - facts of the machine and of the process: processors, memory, load, names, title,
 * random bytes.
 *
 * They are read anew at each call, from files of the kernel's: some ten microseconds each. So they
 * are for once in a while. Unless it is said, a call does not suspend and any thread may make it.
 * On the simulator they are those of the real machine, but for random bytes.
 */
#ifndef WEIR_SYSTEM_H
#define WEIR_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_UNLIMITED INT64_MAX /* "no limit" */

struct weir_processors {
    uint32_t usable;     /* 1..: of the mask, as far as the quota goes, rounded up (1.5 processors
                            of time are 2); the default number of a runtime's workers */
    uint32_t mask;       /* that the process may run on, sched_getaffinity(2) */
    uint32_t online;     /* of the machine */
    uint32_t configured; /* those that are off included */
    int64_t quota_milli; /* thousandths of a processor's time: the least of the process's cgroup and
                            all above it; WEIR_UNLIMITED */
};

/* The processors. 0: cannot fail. */
WEIR_PUBLIC int weir_system_processors_n(struct weir_processors *out, size_t size);
static inline int weir_system_processors(struct weir_processors *out)
{
    return weir_system_processors_n(out, sizeof *out);
}

/* Bytes. What a cgroup limits is the least of the process's own and all above it, by version 2 or
 * else version 1. */
struct weir_memory_facts {
    int64_t total;     /* of the machine */
    int64_t available; /* of the machine, for whoever asks first (MemAvailable); pages of files that
                          can be given back are counted in */
    int64_t limit;     /* of the cgroup: beyond it processes are killed; WEIR_UNLIMITED */
    int64_t high;      /* of the cgroup: beyond it processes are slowed down; WEIR_UNLIMITED */
    int64_t used;      /* by the process's own cgroup, pages of files included; -1: unknown */
    int64_t usable;    /* in all: the machine's, or the limit if that is less */
    int64_t left;      /* that may still be used: the least of what is available and what each
                          limited cgroup has left, idle pages of files not counted as used */
    int64_t resident;  /* of the process, in memory */
};

/* The memory. 0, or what the system says if the machine's own cannot be read: WEIR_ENOENT, ... */
WEIR_PUBLIC int weir_system_memory_n(struct weir_memory_facts *out, size_t size);
static inline int weir_system_memory(struct weir_memory_facts *out)
{
    return weir_system_memory_n(out, sizeof *out);
}

/* The load of the last 1, 5 and 15 minutes: processes that run or wait for a disk. Of the machine,
 * also in a container. getloadavg(3) */
WEIR_PUBLIC int weir_system_load(double out[3]);

/* Nanoseconds since the machine began, sleep included; -errno. CLOCK_BOOTTIME */
WEIR_PUBLIC int64_t weir_system_uptime_ns(void);

/* What the process has used. getrusage(2) */
struct weir_usage {
    int64_t user_ns;   /* processor time */
    int64_t system_ns; /* in the kernel */
    int64_t resident_max;
    uint64_t faults;       /* pages that came without a disk */
    uint64_t disk_faults;  /* from one */
    uint64_t switches;     /* because it waited */
    uint64_t preemptions;  /* because another one's turn came */
    uint64_t blocks_read;  /* of 512 bytes */
    uint64_t blocks_wrote; /* likewise */
};
WEIR_PUBLIC int weir_system_usage_n(struct weir_usage *out, size_t size);
static inline int weir_system_usage(struct weir_usage *out)
{
    return weir_system_usage_n(out, sizeof *out);
}

/* ---- names ---- */

/* uname(2): "Linux", "6.1.0-18-amd64", a text about the build, "x86_64". */
struct weir_names {
    char system[65];
    char release[65];
    char version[65];
    char machine[65];
    char host[65];
};
WEIR_PUBLIC int weir_system_names_n(struct weir_names *out, size_t size);
static inline int weir_system_names(struct weir_names *out)
{
    return weir_system_names_n(out, sizeof *out);
}

/* The name of the host: its length, and the text with a terminator. WEIR_ENOBUFS (65 bytes always
 * suffice). */
WEIR_PUBLIC int weir_system_host(char *out, size_t cap);

/* The path of the program that runs, absolute, links resolved: its length, and the text with a
 * terminator. If its file has been removed or replaced meanwhile it is the path that it had, and
 * *removed (may be NULL) is 1, else 0. WEIR_ENOBUFS, WEIR_ENOENT (no /proc), WEIR_EACCES,
 * WEIR_ENOMEM. */
WEIR_PUBLIC int weir_system_executable(char *out, size_t cap, int *removed);

/* ---- the title of the process ---- */

/* Moves the arguments and the environment to memory of their own, so that the place where the
 * system's tools (ps, top) look can be written over: the arguments from now on, NULL-terminated,
 * or NULL if there is no memory (then nothing has changed). They stay for as long as the process
 * lives. Once, at the beginning of main, while there is one thread; a second call returns `argv`.
 */
WEIR_PUBLIC char **weir_system_keep_arguments(int argc, char **argv);

/* Sets the title: all that the tools show of the process, and its first 15 bytes the name of its
 * first thread. A title that is longer than the place (arguments and environment as they were at
 * the beginning, some hundred bytes at least) is cut. 0, or its error WEIR_ENOTSUP:
 * weir_system_keep_arguments has not been called. Borrows `title`. */
WEIR_PUBLIC int weir_system_set_title(const char *title);

/* The title that was set: its length, and the text with a terminator. WEIR_ENOTSUP as above,
 * WEIR_ENODATA (none was set), WEIR_ENOBUFS. */
WEIR_PUBLIC int weir_system_title(char *out, size_t cap);

/* ---- random bytes ---- */

/* Fills all `len` bytes (0..) with random ones that are fit for keys. Early at boot, when the
 * kernel has not gathered enough yet, a task waits by a thread of the pool (class FILES) and can be
 * stopped (WEIR_ECANCELED, WEIR_EDEADLINE), and another thread waits itself; else it suspends only
 * to let others run, after much. On the simulator they come from the seed. After an error the bytes
 * are worth nothing. WEIR_ENOSYS, and errors of weir_blocking. Tasks and threads. getrandom(2) */
WEIR_PUBLIC int weir_random(void *out, size_t len);

#ifdef __cplusplus
}
#endif
#endif
