/* task/runtime.h - workers together. The main task's worker is the thread that called weir_run. */
#ifndef WEIR_TASK_RUNTIME_H
#define WEIR_TASK_RUNTIME_H

#include <stdint.h>
#include <weir/runtime.h>

struct weir__runtime;
struct weir__worker;

uint32_t weir__runtime_workers(const struct weir__runtime *runtime);
/* Worker 1..N. */
struct weir__worker *weir__runtime_worker(struct weir__runtime *runtime, uint32_t index);
struct weir__sched *weir__runtime_sched(struct weir__runtime *runtime);
/* Ends the workers' loops; by whoever ended the last task. */
void weir__runtime_stop(struct weir__runtime *runtime);

#endif
