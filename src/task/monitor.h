/* task/monitor.h - one thread a runtime that notices workers which do not come back.
 *
 * It looks at each worker's count of runs, every few slices while workers are busy and every slice
 * while one of them runs the same task. A worker that has run a task for longer than a slice is
 * lent (task/loan.h), and its owner is poked while it is, so that what the kernel has deferred to
 * that thread gets done. One that has not come back for much longer is reported once, with the
 * stack that a signal has read. While all workers sleep it rests, and the first of them to wake
 * rouses it. It never touches a worker's own state.
 */
#ifndef WEIR_TASK_MONITOR_H
#define WEIR_TASK_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "sys/thread.h"

struct weir__runtime;
struct weir__task;
struct weir__worker;

enum weir__monitor_word {
    MONITOR_LOOKS = 0,
    MONITOR_RESTS = 1, /* partners: weir__monitor_rouse, weir__monitor_stop */
    MONITOR_STOPS = 2
};

struct weir__monitor {
    struct weir__thread thread;
    bool running;  /* whether there is a thread */
    uint32_t word; /* enum weir__monitor_word; parked on */
};

#define WEIR__WATCH_FRAMES 24

/* What the monitor knows of a worker; its own but for what is said to have a partner. */
struct weir__watched {
    uint32_t runs;
    bool reported;
    uint16_t asked; /* looks since a stack was asked for */
    uint64_t since_ns;
    uint32_t stuck_runs;   /* the run that a signal is for; partner: the handler */
    uint32_t report;       /* enum weir__watched_report; partner: the handler */
    uint64_t report_count; /* partner: weir__worker's readers */
    int frame_count;
    uint64_t task_id;
    char task_name[32];
    void *frames[WEIR__WATCH_FRAMES];
};

enum weir__watched_report {
    REPORT_NONE = 0,
    REPORT_ASKED = 1,
    REPORT_READ = 2 /* by the handler: the fields behind it are valid */
};

/* 0 or an error; a runtime without it works, with nobody to notice. */
int weir__monitor_start(struct weir__runtime *runtime);
void weir__monitor_stop(struct weir__runtime *runtime);
void weir__monitor_wake(struct weir__monitor *monitor);

/* By a worker that has slept. */
static inline void weir__monitor_rouse(struct weir__monitor *monitor)
{
    if (WEIR_ATOMIC_LOAD(&monitor->word, RELAXED) == MONITOR_RESTS)
        weir__monitor_wake(monitor);
}

/* In the handler, on the thread of the task: answers a monitor that has asked for its stack. */
void weir__monitor_answer(struct weir__watched *watched, const struct weir__task *task);

#endif
