/* task/metrics.c - reading the counters, as structs and as text. */
#include "task/metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/handle.h"
#include "core/loop.h"
#include "core/offload.h"
#include "sys/clock.h"
#include "sys/current.h"
#include "task/runtime.h"
#include "task/task.h"
#include "task/worker.h"

_Static_assert((int)WEIR_METRICS_FS_WATCH == (int)WEIR__KIND_FS_WATCH
                   && WEIR_METRICS_HANDLES == WEIR__HANDLE_KINDS,
               "the same numbers");
_Static_assert(WEIR_METRICS_CLASSES == WEIR_BLOCKING_NAMES + 2,
               "the built-in ones, and the others");

#define READ(at) WEIR_ATOMIC_LOAD(&(at), RELAXED)

/* ---- reading ---- */

static void read_worker(const struct weir__worker *worker, struct weir_worker_metrics *out)
{
    const struct weir__counts *counts = &worker->counts;
    const struct weir_loop *loop = worker->loop;
    uint64_t age_ns = weir__now_ns() - counts->began_ns;
    int i;

    out->idle_ns = READ(counts->idle_ns);
    out->busy_ns = age_ns > out->idle_ns ? age_ns - out->idle_ns : 0;
    out->parks = READ(counts->parks);
    out->wakes = READ(loop->wake_count);
    out->polls = READ(loop->wait_count);
    out->completions = READ(loop->completed_count);
    out->inline_count = READ(counts->inline_count);
    out->posts = READ(loop->post_count);
    out->runs = READ(counts->runs);
    out->spawned = READ(counts->spawned);
    out->ended = READ(counts->ended);
    out->steals_tried = READ(counts->steals_tried);
    out->steals_done = READ(counts->steals_done);
    out->overflows = READ(counts->overflows);
    out->packs = READ(counts->packs);
    out->unpacks = READ(counts->unpacks);
    out->loans = READ(worker->loan_count);
    out->reports = READ(worker->watched.report_count);
    out->queued = weir__sched_queued(&worker->run);
    out->timers = READ(loop->wheel.count);
    for (i = 0; i < WEIR_METRICS_KINDS; i++)
        out->pending[i] = READ(loop->pending[i]);
    for (i = 0; i < WEIR_METRICS_BUCKETS; i++) {
        out->run_ns[i] = READ(counts->run_ns[i]);
        out->latency_ns[i] = READ(counts->latency_ns[i]);
    }
}

static void add_worker(struct weir_metrics *sum, const struct weir__worker *worker,
                       const struct weir_worker_metrics *one)
{
    int i;

    /* two totals of different moments: the difference may be below zero for one */
    sum->tasks += one->spawned - one->ended;
    sum->runnable += one->queued;
    sum->running += READ(worker->current) != NULL;
    sum->stacks += READ(worker->stacks.taken);
    sum->packed += one->packs - one->unpacks;
    sum->packed_bytes += READ(worker->counts.packed_bytes);
    for (i = 0; i < WEIR_METRICS_KINDS; i++)
        sum->pending[i] += one->pending[i];
}

/* A sum of what one worker adds and another takes off, read meanwhile. */
static void not_negative(uint64_t *sum)
{
    if (*sum > INT64_MAX)
        *sum = 0;
}

static void add_class(struct weir_metrics_class *sum, const struct weir_blocking_counts *one)
{
    sum->threads += one->threads;
    sum->idle += one->idle;
    sum->queued += one->queued;
    sum->running += one->running;
    sum->left += one->left;
}

static void finish(struct weir_metrics *sum)
{
    uint64_t busy = sum->runnable + sum->running;
    struct weir_blocking_counts counts;
    uint32_t i;

    not_negative(&sum->tasks);
    not_negative(&sum->packed);
    not_negative(&sum->packed_bytes);
    sum->waiting = sum->tasks > busy ? sum->tasks - busy : 0;
    sum->handles = weir__handle_live();
    for (i = 0; i < WEIR_METRICS_HANDLES; i++)
        sum->handles_by_kind[i] = weir__handle_live_of(i);
    for (i = 0; weir_blocking_count(i, &counts) == 0; i++)
        add_class(&sum->blocking[i < WEIR_METRICS_CLASSES ? i : WEIR_METRICS_CLASSES - 1], &counts);
}

int weir_metrics_read_n(weir_runtime *runtime, struct weir_metrics *out, size_t out_size,
                        struct weir_worker_metrics *workers, uint32_t workers_max,
                        size_t worker_size)
{
    WEIR__CALL;
    struct weir_metrics sum = {0};
    uint32_t i;

    if (!runtime)
        runtime = weir__runtime_here();
    if (!runtime)
        return WEIR_ENOTASK;
    if (out_size > sizeof sum || worker_size > sizeof *workers)
        return WEIR_EOPTION;
    sum.workers = weir__runtime_workers(runtime);
    for (i = 1; i <= sum.workers; i++) {
        struct weir_worker_metrics one = {0};

        read_worker(weir__runtime_worker(runtime, i), &one);
        add_worker(&sum, weir__runtime_worker(runtime, i), &one);
        if (i <= workers_max)
            memcpy((char *)workers + (i - 1) * worker_size, &one, worker_size);
    }
    finish(&sum);
    memcpy(out, &sum, out_size);
    return (int)sum.workers;
}

/* ---- as text ---- */

enum text_kind {
    TEXT_TOTAL,   /* a count */
    TEXT_SECONDS, /* a total in nanoseconds, told in seconds */
    TEXT_NOW
};

static const struct row {
    const char *name;
    const char *help;
    enum text_kind kind;
    size_t offset; /* of the worker's number */
} rows[] = {
#define ROW(name, member, kind, help)                                                              \
    {                                                                                              \
        name, help, kind, offsetof(struct weir_worker_metrics, member)                             \
    }
    ROW("weir_worker_busy_seconds_total", busy_ns, TEXT_SECONDS, "Time awake"),
    ROW("weir_worker_idle_seconds_total", idle_ns, TEXT_SECONDS, "Time asleep"),
    ROW("weir_worker_parks_total", parks, TEXT_TOTAL, "Sleeps"),
    ROW("weir_worker_wakes_total", wakes, TEXT_TOTAL, "Sleeps ended by another thread"),
    ROW("weir_worker_polls_total", polls, TEXT_TOTAL, "Looks at the kernel"),
    ROW("weir_worker_completions_total", completions, TEXT_TOTAL, "Operations completed"),
    ROW("weir_worker_inline_total", inline_count, TEXT_TOTAL, "Operations completed at once"),
    ROW("weir_worker_posts_total", posts, TEXT_TOTAL, "Messages from other threads"),
    ROW("weir_worker_runs_total", runs, TEXT_TOTAL, "Runs of tasks"),
    ROW("weir_worker_spawned_total", spawned, TEXT_TOTAL, "Tasks started"),
    ROW("weir_worker_ended_total", ended, TEXT_TOTAL, "Tasks ended"),
    ROW("weir_worker_steals_tried_total", steals_tried, TEXT_TOTAL, "Searches"),
    ROW("weir_worker_steals_done_total", steals_done, TEXT_TOTAL, "Searches that found a task"),
    ROW("weir_worker_overflows_total", overflows, TEXT_TOTAL, "Times a queue was full"),
    ROW("weir_worker_loans_total", loans, TEXT_TOTAL, "Times the worker was lent"),
    ROW("weir_worker_reports_total", reports, TEXT_TOTAL, "Runs that were too long"),
    ROW("weir_worker_packs_total", packs, TEXT_TOTAL, "Stacks given back"),
    ROW("weir_worker_unpacks_total", unpacks, TEXT_TOTAL, "Stacks restored"),
    ROW("weir_worker_queued", queued, TEXT_NOW, "Runnable tasks"),
    ROW("weir_worker_timers", timers, TEXT_NOW, "Armed timers"),
#undef ROW
};

static const char *const kinds[] = {"nop",  "timer",   "accept", "connect",  "recv", "recv_lent",
                                    "send", "sendmsg", "poll",   "sendfile", "call"};

static const char *const handles[WEIR_METRICS_HANDLES] = {
    [WEIR_METRICS_STREAM] = "stream",       [WEIR_METRICS_LISTENER] = "listener",
    [WEIR_METRICS_CHAN] = "chan",           [WEIR_METRICS_ONESHOT] = "oneshot",
    [WEIR_METRICS_BROADCAST] = "broadcast", [WEIR_METRICS_WATCH] = "watch",
    [WEIR_METRICS_TASK] = "task",           [WEIR_METRICS_TOKEN] = "token",
    [WEIR_METRICS_STRAND] = "strand",       [WEIR_METRICS_SOCKET] = "socket",
    [WEIR_METRICS_FILE] = "file",           [WEIR_METRICS_DIR] = "dir",
    [WEIR_METRICS_PROCESS] = "process",     [WEIR_METRICS_SIGNALS] = "signals",
    [WEIR_METRICS_NETIF_WATCH] = "netif_watch",
    [WEIR_METRICS_FS_WATCH] = "fs_watch",
};

struct writer {
    weir_metrics_text_fn *put;
    void *arg;
};

__attribute__((format(printf, 2, 3))) static void put_line(const struct writer *writer,
                                                           const char *format, ...)
{
    char line[192];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len > 0)
        writer->put(line, (size_t)len, writer->arg);
}

static void put_head(const struct writer *writer, const char *name, const char *type,
                     const char *help)
{
    put_line(writer, "# HELP %s %s.\n# TYPE %s %s\n", name, help, name, type);
}

static void put_row(const struct writer *writer, const struct row *row, uint32_t worker,
                    const struct weir_worker_metrics *from)
{
    uint64_t value = *(const uint64_t *)(const void *)((const char *)from + row->offset);

    if (row->kind == TEXT_SECONDS)
        put_line(writer, "%s{worker=\"%u\"} %llu.%09llu\n", row->name, worker,
                 (unsigned long long)(value / 1000000000),
                 (unsigned long long)(value % 1000000000));
    else
        put_line(writer, "%s{worker=\"%u\"} %llu\n", row->name, worker, (unsigned long long)value);
}

/* The sum of samples is not kept: a bucket's samples count with its middle. */
static void put_histogram(const struct writer *writer, const char *name, uint32_t worker,
                          const uint64_t *buckets)
{
    uint64_t count = 0, sum_us = 0;
    int i;

    for (i = 0; i < WEIR_METRICS_BUCKETS; i++) {
        count += buckets[i];
        sum_us += buckets[i] * (768ull << i) / 1000;
        if (i < WEIR_METRICS_BUCKETS - 1)
            put_line(writer, "%s_bucket{worker=\"%u\",le=\"%.9f\"} %llu\n", name, worker,
                     (double)(1024ull << i) / 1e9, (unsigned long long)count);
    }
    put_line(writer, "%s_bucket{worker=\"%u\",le=\"+Inf\"} %llu\n", name, worker,
             (unsigned long long)count);
    put_line(writer, "%s_sum{worker=\"%u\"} %.6f\n%s_count{worker=\"%u\"} %llu\n", name, worker,
             (double)sum_us / 1e6, name, worker, (unsigned long long)count);
}

/* The labels of a class of blocking work. What a label may not hold of its name is left out. */
static void format_class(char *out, size_t cap, uint32_t class)
{
    const char *from;
    char name[32];
    size_t len = 0;

    for (from = weir__offload_name(class); *from && len < sizeof name - 1; from++)
        if (*from >= ' ' && *from != '"' && *from != '\\')
            name[len++] = *from;
    name[len] = 0;
    snprintf(out, cap, "class=\"%u\",name=\"%s\"", class, name);
}

static void put_jobs(const struct writer *writer, const char *labels,
                     const struct weir_blocking_counts *counts)
{
    /* the two are of one moment, but a job ends in one before it ends in the other */
    uint32_t awaited = counts->running > counts->left ? counts->running - counts->left : 0;

    put_line(writer, "weir_blocking_jobs{%s,state=\"queued\"} %u\n", labels, counts->queued);
    put_line(writer, "weir_blocking_jobs{%s,state=\"running\"} %u\n", labels, awaited);
    put_line(writer, "weir_blocking_jobs{%s,state=\"left\"} %u\n", labels, counts->left);
}

static void put_blocking(const struct writer *writer)
{
    struct weir_blocking_counts counts;
    char labels[64];
    uint32_t i;

    put_head(writer, "weir_blocking_jobs", "gauge", "Blocking work of the process, by class");
    for (i = 0; weir_blocking_count(i, &counts) == 0; i++) {
        format_class(labels, sizeof labels, i);
        put_jobs(writer, labels, &counts);
    }
    put_head(writer, "weir_blocking_threads", "gauge", "Threads for it");
    for (i = 0; weir_blocking_count(i, &counts) == 0; i++) {
        format_class(labels, sizeof labels, i);
        put_line(writer, "weir_blocking_threads{%s} %u\n", labels, counts.threads);
    }
}

static void put_runtime(const struct writer *writer, const struct weir_metrics *sum)
{
    int i;

    put_head(writer, "weir_tasks", "gauge", "Tasks alive, by state");
    put_line(writer, "weir_tasks{state=\"running\"} %u\n", sum->running);
    put_line(writer, "weir_tasks{state=\"runnable\"} %llu\n", (unsigned long long)sum->runnable);
    put_line(writer, "weir_tasks{state=\"waiting\"} %llu\n", (unsigned long long)sum->waiting);
    put_head(writer, "weir_handles", "gauge", "Open handles of the process");
    for (i = 0; i < WEIR_METRICS_HANDLES; i++)
        if (handles[i])
            put_line(writer, "weir_handles{kind=\"%s\"} %llu\n", handles[i],
                     (unsigned long long)sum->handles_by_kind[i]);
    put_head(writer, "weir_stacks", "gauge", "Stacks in use");
    put_line(writer, "weir_stacks %llu\n", (unsigned long long)sum->stacks);
    put_head(writer, "weir_packed", "gauge", "Tasks whose stack is packed");
    put_line(writer, "weir_packed %llu\n", (unsigned long long)sum->packed);
    put_head(writer, "weir_packed_bytes", "gauge", "What is kept of those stacks");
    put_line(writer, "weir_packed_bytes %llu\n", (unsigned long long)sum->packed_bytes);
}

static void put_workers(const struct writer *writer, weir_runtime *runtime, uint32_t workers)
{
    struct weir_worker_metrics one;
    size_t row, kind;
    uint32_t i;

    for (row = 0; row < sizeof rows / sizeof *rows; row++) {
        put_head(writer, rows[row].name, rows[row].kind == TEXT_NOW ? "gauge" : "counter",
                 rows[row].help);
        for (i = 1; i <= workers; i++) {
            read_worker(weir__runtime_worker(runtime, i), &one);
            put_row(writer, &rows[row], i, &one);
        }
    }
    put_head(writer, "weir_worker_pending", "gauge", "Operations in flight, by kind");
    for (i = 1; i <= workers; i++) {
        read_worker(weir__runtime_worker(runtime, i), &one);
        for (kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
            put_line(writer, "weir_worker_pending{worker=\"%u\",kind=\"%s\"} %llu\n", i,
                     kinds[kind], (unsigned long long)one.pending[kind]);
    }
    put_head(writer, "weir_run_seconds", "histogram", "Samples of how long tasks ran");
    for (i = 1; i <= workers; i++) {
        read_worker(weir__runtime_worker(runtime, i), &one);
        put_histogram(writer, "weir_run_seconds", i, one.run_ns);
    }
    put_head(writer, "weir_latency_seconds", "histogram",
             "Samples of how long runnable tasks waited");
    for (i = 1; i <= workers; i++) {
        read_worker(weir__runtime_worker(runtime, i), &one);
        put_histogram(writer, "weir_latency_seconds", i, one.latency_ns);
    }
}

int weir_metrics_text(weir_runtime *runtime, weir_metrics_text_fn *put, void *arg)
{
    WEIR__CALL;
    struct writer writer = {put, arg};
    struct weir_metrics sum;
    int workers;

    if (!runtime)
        runtime = weir__runtime_here();
    workers = weir_metrics_read(runtime, &sum, NULL, 0);
    if (workers < 0)
        return workers;
    put_runtime(&writer, &sum);
    put_blocking(&writer);
    put_workers(&writer, runtime, (uint32_t)workers);
    return 0;
}
