/* task/runtime.h - workers together: what the parts of a runtime know of it.
 *
 * Every task belongs to a scope, and every scope that no task has opened is the root. The root's
 * count is one for the runtime's owner (the main task, or who holds the handle) and one for each of
 * its tasks; whoever brings it to zero ends the workers.
 */
#ifndef WEIR_TASK_RUNTIME_H
#define WEIR_TASK_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/runtime.h>

struct weir__runtime;
struct weir__worker;
struct weir__sched;
struct weir__standby;
struct weir__monitor;
struct weir__advance;
struct weir__dumper;
struct weir__scope;
struct weir__drive;
struct weir__left_list;

uint32_t weir__runtime_workers(const struct weir__runtime *runtime);
/* Worker 1..N. */
struct weir__worker *weir__runtime_worker(struct weir__runtime *runtime, uint32_t index);
struct weir__sched *weir__runtime_sched(struct weir__runtime *runtime);
struct weir__standby *weir__runtime_standby(struct weir__runtime *runtime);
struct weir__monitor *weir__runtime_monitor(struct weir__runtime *runtime);
struct weir__dumper *weir__runtime_dumper(struct weir__runtime *runtime);
struct weir__advance *weir__runtime_advance(struct weir__runtime *runtime);
/* For messages; NULL: it has none. */
const char *weir__runtime_name(const struct weir__runtime *runtime);
/* The signal mask of the thread that has made it: bit n - 1 for signal n. */
uint64_t weir__runtime_blocked(const struct weir__runtime *runtime);
/* NULL if there are none. */
const struct weir_runtime_hooks *weir__runtime_hooks(const struct weir__runtime *runtime);

/* What the monitor is to do. */
struct weir__watch {
    bool lends;
    int signal;        /* 0: none may be used */
    int64_t slice_ns;  /* a run longer than this has its worker lent; the interval of looks */
    int64_t report_ns; /* a run longer than this is reported */
};
const struct weir__watch *weir__runtime_watch(const struct weir__runtime *runtime);

/* The NUMA node that a worker is bound to; negative: it is not. */
int weir__runtime_node(const struct weir__runtime *runtime, uint32_t worker);
/* Whether each worker is bound to one processor (weir__affinity_cpu of its index less 1). */
bool weir__runtime_on_cores(const struct weir__runtime *runtime);

/* The scope of the tasks that no scope owns. */
struct weir__scope *weir__runtime_root(struct weir__runtime *runtime);
/* NULL: it is not simulated. */
struct weir__drive *weir__runtime_drive(struct weir__runtime *runtime);

/* The parts of a worker's thread, for who steps several: begin and end by the thread, a step, and
 * whether there is more to do after the runtime was told to stop. */
void weir__runtime_begin_thread(struct weir__worker *worker);
void weir__runtime_end_thread(struct weir__worker *worker);
void weir__runtime_step(struct weir__worker *worker);
bool weir__runtime_has_rest(const struct weir__worker *worker);
bool weir__runtime_stopping(const struct weir__runtime *runtime);
/* Called when a runtime ends, behind its last task; NULL: nothing. Set by the os layer. */
extern void (*weir__runtime_at_end)(struct weir__runtime *runtime);

/* Ends the workers' loops; by whoever ended the last task. */
void weir__runtime_stop(struct weir__runtime *runtime);

/* Fills what is zero from the environment, then from the defaults, and checks. 0 or
 * WEIR_EOPTION. */
int weir__runtime_options_fill(struct weir_runtime_options *options);

/* The runtime of the calling worker, or the one that the thread has entered; NULL. */
struct weir__runtime *weir__runtime_here(void);
/* How many entries there are (weir_runtime_enter). */
uint32_t *weir__runtime_entries(struct weir__runtime *runtime);
/* The worker that starts the next task that comes from outside. */
struct weir__worker *weir__runtime_next_worker(struct weir__runtime *runtime);

/* Between these two a thread that is none of the runtime's may touch it: its end waits. Begun while
 * a task of the runtime is known to live. Any thread. */
void weir__runtime_visit(struct weir__runtime *runtime);
void weir__runtime_leave(struct weir__runtime *runtime);
/* The same, unless the caller is in the runtime already: what to leave, or NULL. */
struct weir__runtime *weir__runtime_visit_other(struct weir__runtime *runtime);
void weir__runtime_leave_other(struct weir__runtime *visited);

/* The jobs in the pool that its tasks do not wait for any more. The runtime ends after them. */
struct weir__left_list *weir__runtime_left(struct weir__runtime *runtime);

#endif
