/* weir/metrics.h - what a runtime has done and is doing, in numbers. Always on.
 *
 * Numbers that only grow are called totals. They are read while the workers go on, so that two of
 * them may be from different moments, a turn apart. Durations in the histograms are samples: one
 * run of a task in 64, and one wait for a run in 64. The bounds of their buckets are fixed, and so
 * is what an index means: numbers of two versions can be compared, and added over workers.
 */
#ifndef WEIR_METRICS_H
#define WEIR_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <weir/blocking.h>
#include <weir/error.h>
#include <weir/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bucket i counts what took less than 2^(10 + i) nanoseconds and is in no bucket before; the last
 * one takes all that is longer than 8.6 s. */
#define WEIR_METRICS_BUCKETS 24

/* Operations that are counted by kind: enum weir_op_kind is the index. */
#define WEIR_METRICS_KINDS 16

/* Kinds of handles, which never get another number. */
enum weir_metrics_handle {
    WEIR_METRICS_STREAM = 1,
    WEIR_METRICS_LISTENER = 2,
    WEIR_METRICS_CHAN = 3,
    WEIR_METRICS_ONESHOT = 4,
    WEIR_METRICS_BROADCAST = 5,
    WEIR_METRICS_WATCH = 6,
    WEIR_METRICS_TASK = 7,
    WEIR_METRICS_TOKEN = 8,
    WEIR_METRICS_STRAND = 9,
    WEIR_METRICS_SOCKET = 10,
    WEIR_METRICS_FILE = 11,
    WEIR_METRICS_DIR = 12,
    WEIR_METRICS_PROCESS = 13,
    WEIR_METRICS_SIGNALS = 14,
    WEIR_METRICS_NETIF_WATCH = 15,
    WEIR_METRICS_FS_WATCH = 16,
};
#define WEIR_METRICS_HANDLES 32

/* Classes of blocking work: enum weir_blocking_group is the index, and the last are all others
 * together. */
#define WEIR_METRICS_CLASSES 4

struct weir_metrics_class {
    uint32_t threads; /* that exist */
    uint32_t idle;    /* of those */
    uint32_t queued;  /* jobs that wait for a thread */
    uint32_t running; /* jobs that have begun */
    uint32_t left;    /* of those, the ones that nobody waits for */
};

struct weir_worker_metrics {
    uint64_t busy_ns;                      /* total: since the worker began, without idle_ns */
    uint64_t idle_ns;                      /* total: asleep, or looking for work before a sleep */
    uint64_t parks;                        /* total: sleeps */
    uint64_t wakes;                        /* total: sleeps that another thread has ended */
    uint64_t polls;                        /* total: looks at the kernel */
    uint64_t completions;                  /* total: operations that came back through the loop */
    uint64_t inline_count;                 /* total: operations that completed at once */
    uint64_t posts;                        /* total: messages from other threads */
    uint64_t runs;                         /* total: of tasks */
    uint64_t spawned;                      /* total: tasks that were started here */
    uint64_t ended;                        /* total: of those */
    uint64_t steals_tried;                 /* total: searches */
    uint64_t steals_done;                  /* total: searches that found something */
    uint64_t overflows;                    /* total: times that a queue was full */
    uint64_t loans;                        /* total: times that the worker was lent */
    uint64_t reports;                      /* total: runs that were too long */
    uint64_t queued;                       /* tasks in its queues now */
    uint64_t timers;                       /* armed now, those of waits included */
    uint64_t pending[WEIR_METRICS_KINDS];  /* operations in flight now, by kind */
    uint64_t run_ns[WEIR_METRICS_BUCKETS]; /* samples of how long a task ran */
    uint64_t latency_ns[WEIR_METRICS_BUCKETS]; /* samples of how long a runnable task waited */
    uint64_t packs;                            /* total: stacks of cold tasks given back */
    uint64_t unpacks;                          /* total: and restored, perhaps by another worker */
};

struct weir_metrics {
    uint32_t workers;
    uint32_t running;  /* tasks now */
    uint64_t tasks;    /* that are alive now */
    uint64_t runnable; /* of those, in queues */
    uint64_t waiting;  /* of those, for anything else */
    uint64_t handles;  /* open now, of the process: streams, listeners, ... */
    uint64_t stacks;   /* in use now */
    uint64_t handles_by_kind[WEIR_METRICS_HANDLES]; /* of those: enum weir_metrics_handle */
    uint64_t pending[WEIR_METRICS_KINDS];           /* operations in flight now, by kind */
    struct weir_metrics_class blocking[WEIR_METRICS_CLASSES]; /* of the process, now */
    uint64_t packed;       /* tasks now whose stack is given back */
    uint64_t packed_bytes; /* what is kept of their stacks now */
};

/* Fills *out and the first workers_max of `workers` (which may be NULL with 0), all the caller's,
 * borrowed for the call; what stands behind the last worker is left as it is. A `runtime` that is
 * NULL is the current one. How many workers there are, which may be more than workers_max;
 * WEIR_ENOTASK (NULL, and none is current), WEIR_EOPTION (sizes of a later version). Does not
 * suspend, needs no memory. Any thread, while the runtime exists. */
WEIR_PUBLIC int weir_metrics_read_n(weir_runtime *runtime, struct weir_metrics *out,
                                    size_t out_size, struct weir_worker_metrics *workers,
                                    uint32_t workers_max, size_t worker_size);
static inline int weir_metrics_read(weir_runtime *runtime, struct weir_metrics *out,
                                    struct weir_worker_metrics *workers, uint32_t workers_max)
{
    return weir_metrics_read_n(runtime, out, sizeof *out, workers, workers_max, sizeof *workers);
}

/* Called with a piece of text of `len` bytes, not ended by NUL, borrowed until it returns. */
typedef void weir_metrics_text_fn(const char *text, size_t len, void *arg);

/* The same as text, line by line, in the exposition format of Prometheus (version 0.0.4). `put` is
 * called on the calling thread, with `arg`. 0, or WEIR_ENOTASK as above. Does not suspend; `put`
 * may not either. Any thread, while the runtime exists. */
WEIR_PUBLIC int weir_metrics_text(weir_runtime *runtime, weir_metrics_text_fn *put, void *arg);

#ifdef __cplusplus
}
#endif
#endif
