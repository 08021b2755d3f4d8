/* task/monitor.c - see monitor.h. */
#include "task/monitor.h"

#include <string.h>

#include "base/line.h"
#include "sys/log.h"
#include "sys/sys.h"
#include "sys/trace.h"
#include "task/loan.h"
#include "task/runtime.h"
#include "task/task.h"
#include "task/worker.h"

#define BUSY_SLICES   4          /* between two looks while the runs move */
#define ASKED_MAX     1000       /* looks that a stack is waited for: the thread has to run first */
#define HANDLER_DEPTH 2          /* frames of a trace that are the handler's */
#define REST_NS       1000000000 /* a look once in a while, though nobody rouses */

enum look {
    LOOK_ASLEEP, /* all the time */
    LOOK_MOVES,
    LOOK_STUCK /* the same run as before */
};

static bool asleep(const struct weir__worker *worker)
{
    return WEIR_ATOMIC_LOAD(&worker->loop->sleeping, SEQ_CST) == LOOP_ASLEEP;
}

static void send_signal(const struct weir__worker *worker, const struct weir__watch *watch)
{
    weir__sys_table()->thread_signal(WEIR_ATOMIC_LOAD(&worker->thread_number, RELAXED),
                                     watch->signal);
}

/* ---- reports ---- */

void weir__monitor_answer(struct weir__watched *watched, const struct weir__task *task)
{
    if (WEIR_ATOMIC_LOAD(&watched->report, ACQUIRE) != REPORT_ASKED || !task)
        return;
    watched->task_id = task->id;
    strncpy(watched->task_name, task->name ? task->name : "", sizeof watched->task_name - 1);
    watched->frame_count = weir__trace(watched->frames, WEIR__WATCH_FRAMES);
    WEIR_ATOMIC_STORE(&watched->report, REPORT_READ, RELEASE);
}

static void log_report(struct weir__worker *worker, int64_t took_ns, bool read)
{
    struct weir__watched *w = &worker->watched;
    struct weir__line line;
    int i;

    weir__line_init(&line);
    if (read) {
        weir__line_add(&line, "task ");
        weir__line_add_number(&line, w->task_id);
        if (w->task_name[0]) {
            weir__line_add(&line, " (");
            weir__line_add(&line, w->task_name);
            weir__line_add(&line, ")");
        }
    } else {
        weir__line_add(&line, "a task");
    }
    weir__line_add(&line, " has run for ");
    weir__line_add_number(&line, (uint64_t)took_ns / 1000000);
    weir__line_add(&line, " ms on worker ");
    weir__line_add_number(&line, worker->index);
    weir__line_add(&line, " without a wait: see weir_yield, weir_block_in_place");
    weir__log(WEIR_LOG_WARNING, line.text);
    for (i = HANDLER_DEPTH; read && i < w->frame_count; i++) {
        weir__line_init(&line);
        weir__line_add(&line, "  at ");
        weir__trace_describe(&line, w->frames[i]);
        weir__log(WEIR_LOG_WARNING, line.text);
    }
}

/* Of a run that has lasted too long: asks for its stack first, and waits a few looks for it. */
static void report(struct weir__worker *worker, const struct weir__watch *watch, int64_t took_ns)
{
    struct weir__watched *w = &worker->watched;
    uint32_t state = WEIR_ATOMIC_LOAD(&w->report, ACQUIRE);

    if (state == REPORT_NONE) {
        w->asked = 0;
        WEIR_ATOMIC_STORE(&w->stuck_runs, w->runs, RELAXED);
        WEIR_ATOMIC_STORE(&w->report, REPORT_ASKED, RELEASE);
    }
    if (state != REPORT_READ && ++w->asked < ASKED_MAX) {
        if (watch->signal)
            send_signal(worker, watch);
    } else if (state == REPORT_ASKED && !WEIR_ATOMIC_LOAD(&worker->current, RELAXED)) {
        w->since_ns = weir__now_ns(); /* no run at all: the thread was not let run */
    } else {
        w->reported = true;
        WEIR_ATOMIC_STORE(&w->report_count, w->report_count + 1, RELAXED);
        log_report(worker, took_ns, state == REPORT_READ);
    }
}

/* ---- looking ---- */

/* A worker whose run goes on. */
static void watch_run(struct weir__runtime *runtime, struct weir__worker *worker, uint64_t now_ns)
{
    const struct weir__watch *watch = weir__runtime_watch(runtime);
    struct weir__watched *w = &worker->watched;
    int64_t took_ns = (int64_t)(now_ns - w->since_ns);

    if (watch->lends && WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) != LOAN_HOME) {
        send_signal(worker, watch); /* a poke */
    } else if (watch->lends && took_ns >= watch->slice_ns && weir__loan_prepare(runtime)) {
        WEIR_ATOMIC_STORE(&w->stuck_runs, w->runs, RELAXED);
        send_signal(worker, watch);
    }
    if (took_ns >= watch->report_ns && !w->reported)
        report(worker, watch, took_ns);
}

static enum look watch(struct weir__runtime *runtime, struct weir__worker *worker, uint64_t now_ns)
{
    struct weir__watched *w = &worker->watched;
    uint32_t runs = WEIR_ATOMIC_LOAD(&worker->run.runs, RELAXED);
    bool lent = WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) != LOAN_HOME;
    bool moved = runs != w->runs;

    if (lent || !(moved || asleep(worker))) {
        watch_run(runtime, worker, now_ns);
        return LOOK_STUCK;
    }
    if (moved || w->reported) {
        w->runs = runs;
        w->reported = false;
        WEIR_ATOMIC_STORE(&w->report, REPORT_NONE, RELEASE);
    }
    w->since_ns = now_ns;
    return moved || !asleep(worker) ? LOOK_MOVES : LOOK_ASLEEP;
}

/* The busiest of all. */
static enum look watch_all(struct weir__runtime *runtime)
{
    enum look all = LOOK_ASLEEP;
    uint64_t now_ns = weir__now_ns();
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(runtime); i++) {
        enum look one = watch(runtime, weir__runtime_worker(runtime, i), now_ns);

        if (one > all)
            all = one;
    }
    return all;
}

/* What happened before is not counted. */
static void begin_watch(struct weir__runtime *runtime)
{
    uint64_t now_ns = weir__now_ns();
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(runtime); i++)
        weir__runtime_worker(runtime, i)->watched.since_ns = now_ns;
}

/* Until a worker wakes. Between the word and the park everybody is looked at once more. */
static void rest(struct weir__runtime *runtime, struct weir__monitor *monitor)
{
    uint32_t looks = MONITOR_LOOKS, i;

    if (!WEIR_ATOMIC_CAS(&monitor->word, &looks, MONITOR_RESTS, SEQ_CST))
        return;
    for (i = 1; i <= weir__runtime_workers(runtime); i++)
        if (!asleep(weir__runtime_worker(runtime, i)))
            break;
    if (i > weir__runtime_workers(runtime))
        (void)weir__sys_table()->park(&monitor->word, MONITOR_RESTS, REST_NS);
    looks = MONITOR_RESTS;
    (void)WEIR_ATOMIC_CAS(&monitor->word, &looks, MONITOR_LOOKS, SEQ_CST);
    begin_watch(runtime);
}

static void monitor(void *arg)
{
    struct weir__runtime *runtime = arg;
    struct weir__monitor *monitor = weir__runtime_monitor(runtime);
    int64_t slice_ns = weir__runtime_watch(runtime)->slice_ns;

    begin_watch(runtime);
    while (WEIR_ATOMIC_LOAD(&monitor->word, SEQ_CST) != MONITOR_STOPS) {
        enum look look = watch_all(runtime);

        if (look == LOOK_ASLEEP)
            rest(runtime, monitor);
        else
            (void)weir__sys_table()->park(&monitor->word, MONITOR_LOOKS,
                                          look == LOOK_STUCK ? slice_ns : BUSY_SLICES * slice_ns);
    }
}

void weir__monitor_wake(struct weir__monitor *m)
{
    uint32_t rests = MONITOR_RESTS;

    if (WEIR_ATOMIC_CAS(&m->word, &rests, MONITOR_LOOKS, SEQ_CST))
        weir__sys_table()->unpark(&m->word, 1);
}

int weir__monitor_start(struct weir__runtime *runtime)
{
    struct weir__monitor *m = weir__runtime_monitor(runtime);
    int rc = weir__sys_table()->thread_start(&m->thread, monitor, runtime, "weir-monitor");

    m->running = rc == 0;
    return rc;
}

void weir__monitor_stop(struct weir__runtime *runtime)
{
    struct weir__monitor *m = weir__runtime_monitor(runtime);

    if (!m->running)
        return;
    WEIR_ATOMIC_STORE(&m->word, MONITOR_STOPS, SEQ_CST);
    weir__sys_table()->unpark(&m->word, 1);
    weir__sys_table()->thread_join(&m->thread);
    m->running = false;
}
