/* task/monitor.h - one thread a runtime that notices workers which do not come back.
 *
 * It looks at each worker's count of runs. A worker that has run the same task for longer than a
 * slice is lent (task/loan.h), and its owner is poked while it is, so that what the kernel has
 * deferred to that thread gets done. One that has not come back for much longer is reported once.
 * While all workers sleep it looks ever more rarely. It never touches a worker's own state.
 */
#ifndef WEIR_TASK_MONITOR_H
#define WEIR_TASK_MONITOR_H

#include <stdint.h>

#include "sys/thread.h"

struct weir__runtime;

struct weir__monitor {
    struct weir__thread thread;
    uint32_t running; /* whether there is a thread */
    uint32_t stopping;
    uint32_t word; /* parked on */
};

/* 0 or an error; a runtime without it works, with nobody to notice. */
int weir__monitor_start(struct weir__runtime *runtime);
void weir__monitor_stop(struct weir__runtime *runtime);

#endif
