/* task/monitor.c - see monitor.h. */
#include "task/monitor.h"

#include "sys/sys.h"
#include "task/loan.h"
#include "task/runtime.h"
#include "task/worker.h"

#define IDLE_MAX_NS 50000000 /* between two looks while all workers sleep */

static bool asleep(const struct weir__worker *worker)
{
    return WEIR_ATOMIC_LOAD(&worker->loop->sleeping, RELAXED) == LOOP_ASLEEP;
}

/* A worker whose run goes on. */
static void watch_run(struct weir__runtime *runtime, struct weir__worker *worker, uint64_t now_ns)
{
    const struct weir__watch *watch = weir__runtime_watch(runtime);
    int64_t took_ns = (int64_t)(now_ns - worker->watched_since_ns);

    if (watch->lends && WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) != LOAN_HOME) {
        weir__sys->thread_signal(WEIR_ATOMIC_LOAD(&worker->thread_number, RELAXED),
                                 watch->signal); /* a poke */
    } else if (watch->lends && took_ns >= watch->slice_ns && weir__loan_prepare(runtime)) {
        WEIR_ATOMIC_STORE(&worker->stuck_runs, worker->watched_runs, RELAXED);
        weir__sys->thread_signal(WEIR_ATOMIC_LOAD(&worker->thread_number, RELAXED), watch->signal);
    }
    if (took_ns >= watch->report_ns && !worker->watched_reported) {
        worker->watched_reported = true;
        WEIR_ATOMIC_STORE(&worker->stuck_count, worker->stuck_count + 1, RELAXED);
    }
}

/* False if the worker has slept all the time. */
static bool watch(struct weir__runtime *runtime, struct weir__worker *worker, uint64_t now_ns)
{
    uint32_t runs = WEIR_ATOMIC_LOAD(&worker->run.runs, RELAXED);
    bool lent = WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) != LOAN_HOME;
    bool moved = runs != worker->watched_runs;

    if (!lent && (moved || asleep(worker))) {
        worker->watched_runs = runs;
        worker->watched_since_ns = now_ns;
        worker->watched_reported = false;
        return moved || !asleep(worker);
    }
    watch_run(runtime, worker, now_ns);
    return true;
}

static void monitor(void *arg)
{
    struct weir__runtime *runtime = arg;
    struct weir__monitor *monitor = weir__runtime_monitor(runtime);
    int64_t interval_ns = weir__runtime_watch(runtime)->slice_ns, sleep_ns = interval_ns;
    uint32_t i;

    while (!WEIR_ATOMIC_LOAD(&monitor->stopping, SEQ_CST)) {
        uint64_t now_ns = weir__now_ns();
        bool busy = false;

        for (i = 1; i <= weir__runtime_workers(runtime); i++)
            busy |= watch(runtime, weir__runtime_worker(runtime, i), now_ns);
        sleep_ns = busy ? interval_ns : 2 * sleep_ns < IDLE_MAX_NS ? 2 * sleep_ns : IDLE_MAX_NS;
        (void)weir__sys->park(&monitor->word, 0, sleep_ns);
    }
}

int weir__monitor_start(struct weir__runtime *runtime)
{
    struct weir__monitor *m = weir__runtime_monitor(runtime);
    int rc = weir__sys->thread_start(&m->thread, monitor, runtime, "weir-monitor");

    m->running = rc == 0;
    return rc;
}

void weir__monitor_stop(struct weir__runtime *runtime)
{
    struct weir__monitor *m = weir__runtime_monitor(runtime);

    if (!m->running)
        return;
    WEIR_ATOMIC_STORE(&m->stopping, 1, SEQ_CST);
    WEIR_ATOMIC_STORE(&m->word, 1, SEQ_CST);
    weir__sys->unpark(&m->word, 1);
    weir__sys->thread_join(&m->thread);
    m->running = false;
}
