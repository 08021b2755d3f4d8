/* weir/blocking.h - work that blocks a thread, done by threads that are there for it.
 *
 * A call that blocks (the disk, a library that knows nothing of tasks, a long computation) would
 * hold up every task of its worker. These calls have it done by a thread of a pool, of which a
 * process has one, and suspend the task meanwhile. The pool has classes: each has its threads, its
 * queue and its limits, and a class whose threads are all blocked delays no other.
 */
#ifndef WEIR_BLOCKING_H
#define WEIR_BLOCKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The classes that are always there. Others are made by weir_blocking_class. */
enum weir_blocking_group {
    WEIR_BLOCKING_USER = 0,  /* what the program sends by weir_blocking */
    WEIR_BLOCKING_FILES = 1, /* files, by weir itself or by the program */
    WEIR_BLOCKING_NAMES = 2, /* resolving names, likewise */
};

#define WEIR_BLOCKING_CLASSES_MAX 64    /* in a process, these three counted */
#define WEIR_BLOCKING_THREADS_MAX 32768 /* of a class */

/* Runs fn(arg) on a thread of class USER and returns its result. Tasks only. Suspends until fn has
 * returned: fn and arg may be the caller's own memory. A caller that is cancelled, or meets its
 * deadline, takes a job back that has not begun (WEIR_ECANCELED, WEIR_EDEADLINE, and fn is not
 * called); one that has begun is waited for, and its result returned. `fn` is no task: it may not
 * suspend, and may not wait for a task that waits for it. Errors of its own, fn not called:
 * WEIR_EINVAL (there is no fn), WEIR_ENOTASK, WEIR_ELIMIT (the queue is full), WEIR_EAGAIN and
 * WEIR_ENOMEM (no thread). Jobs of one worker begin in the order in which they came; those of
 * different workers take turns. */
WEIR_PUBLIC int weir_blocking(weir_task_fn *fn, void *arg);

/* The same in another class: enum weir_blocking_group, or a number of weir_blocking_class.
 * WEIR_EINVAL: there is none of this number. */
WEIR_PUBLIC int weir_blocking_in(uint32_t group, weir_task_fn *fn, void *arg);

/* The same for what may hang, with memory that the job can own: `arg` holds all that fn reads and
 * writes. A caller that is cancelled, or meets its deadline, leaves at once, even if fn runs: then
 * *left is true, the job has taken `arg`, and it calls destroy(arg) on the pool's thread when fn
 * has returned. Otherwise *left is false and `arg` is the caller's, as before the call; `left` may
 * be NULL, then destroy(arg) is called in any case, on the caller's thread unless the job does it.
 * A job that was left keeps its thread, is counted, and its runtime ends after it, and tells of it
 * by the name of fn and of the task (weir_runtime_shutdown). WEIR_EINVAL: there is no `destroy`, no
 * fn, or no such class. */
WEIR_PUBLIC int weir_blocking_owned(uint32_t group, weir_task_fn *fn, void *arg,
                                    void (*destroy)(void *arg), bool *left);

/* The limits of a class. Zero means default; for weir_blocking_limit: as it is. */
struct weir_blocking_options {
    const char *name;      /* of its threads, in messages; copied, cut at 15 bytes */
    uint32_t threads_max;  /* at most WEIR_BLOCKING_THREADS_MAX; default 256, FILES 64, NAMES 32 */
    uint32_t queue_max;    /* jobs that wait for a thread; default 65536 */
    int64_t keep_alive_ns; /* for which an idle thread stays; default 10 s; WEIR_FOREVER */
    size_t stack_size;     /* of a thread, from 16 KiB; default: the system's */
};

/* Makes a class: its number, from 3 on, for as long as the process lives. Options are borrowed for
 * the call. WEIR_ELIMIT (WEIR_BLOCKING_CLASSES_MAX), WEIR_EOPTION. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_blocking_class_n(const struct weir_blocking_options *options,
                                      size_t options_size);
static inline int weir_blocking_class(const struct weir_blocking_options *options)
{
    return weir_blocking_class_n(options, sizeof *options);
}

/* Changes the limits of a class, for jobs and threads to come; what is over a lower limit ends by
 * itself. WEIR_EINVAL (no such class), WEIR_EOPTION. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_blocking_limit_n(uint32_t group, const struct weir_blocking_options *options,
                                      size_t options_size);
static inline int weir_blocking_limit(uint32_t group, const struct weir_blocking_options *options)
{
    return weir_blocking_limit_n(group, options, sizeof *options);
}

/* What a class does, and has done since the process began. */
struct weir_blocking_counts {
    uint32_t threads;   /* that exist, or are being made */
    uint32_t idle;      /* of those, the ones that wait for a job */
    uint32_t queued;    /* jobs that wait for a thread */
    uint32_t running;   /* jobs that have begun */
    uint32_t left;      /* of those, the ones that nobody waits for */
    uint64_t done;      /* jobs that were run */
    uint64_t withdrawn; /* jobs that were taken back before they began */
    uint64_t refused;   /* jobs that found the queue full, or no thread */
    uint64_t started;   /* threads made */
};

/* Fills *counts, which is the caller's; true together at one moment. 0, or WEIR_EINVAL (no such
 * class). Does not suspend. Any thread. */
WEIR_PUBLIC int weir_blocking_count_n(uint32_t group, struct weir_blocking_counts *counts,
                                      size_t counts_size);
static inline int weir_blocking_count(uint32_t group, struct weir_blocking_counts *counts)
{
    return weir_blocking_count_n(group, counts, sizeof *counts);
}

#ifdef __cplusplus
}
#endif
#endif
