/* test/model/check/rig.h - loops and tasks for models.
 *
 * Each thread of a model has a worker with a loop and one task, as which it calls the library. The
 * loop is core/loop.c's on a backend that has nothing but a sleep and a wake. Where the real worker
 * would take the task off its stack and step, the thread goes through the same transitions
 * (task/worker.c's `settle`) and waits until the task is runnable: a model has no scheduler unless
 * it has the real one.
 */
#ifndef WEIR_TEST_MODEL_RIG_H
#define WEIR_TEST_MODEL_RIG_H

#include "check/check.h"
#include "task/worker.h"

struct rig {
    struct weir__worker worker;
    struct weir_loop loop;
    struct weir__task task;
    uint32_t wakes;    /* of the loop, as an event descriptor counts them */
    uint32_t runnable; /* the task stands in a queue */
    uint32_t settled;  /* off its stack at least once */
};
extern struct rig rigs[MODEL_THREADS_MAX];

/* Makes all anew, with tasks that run. In `begin`. */
void rig_begin(void);
/* First in each thread that calls as its task, or as the worker of it. */
void rig_enter(void);
struct rig *rig_here(void);

#endif
