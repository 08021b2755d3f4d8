/* task/state.h - the life of a task as one atomic word.
 *
 * Each transition is a function that says what its caller must do next. The worker that runs a task
 * makes run, park and end; wake may come from any thread, before or after the task has left its
 * stack, because park happens on the worker's own stack.
 */
#ifndef WEIR_TASK_STATE_H
#define WEIR_TASK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

enum weir__task_state {
    TASK_RUNNABLE = 0,      /* in a queue, or on the way to one */
    TASK_RUNNING = 1,       /* on its stack, or leaving it */
    TASK_RUNNING_WOKEN = 2, /* the same, and a wake has come meanwhile */
    TASK_WAITING = 3,       /* off its stack until a wake */
    TASK_ENDED = 4,
};

/* RUNNABLE -> RUNNING. The worker that took it from its queue. */
static inline void weir__task_state_run(uint32_t *state)
{
    WEIR_ATOMIC_STORE(state, TASK_RUNNING, RELAXED);
}

/* RUNNING -> WAITING: true. RUNNING_WOKEN -> RUNNABLE: false, the caller puts it back in a queue.
 * Partner: weir__task_state_wake. */
static inline bool weir__task_state_park(uint32_t *state)
{
    uint32_t seen = TASK_RUNNING;

    if (WEIR_ATOMIC_CAS(state, &seen, TASK_WAITING, SEQ_CST))
        return true;
    WEIR_ATOMIC_STORE(state, TASK_RUNNABLE, RELAXED);
    return false;
}

/* WAITING -> RUNNABLE: true, the caller, who alone has got this answer, puts the task in a queue.
 * RUNNING -> RUNNING_WOKEN, and all else unchanged: false, nothing to do. Partner: park. */
static inline bool weir__task_state_wake(uint32_t *state)
{
    uint32_t seen = TASK_WAITING;

    for (;;) {
        if (seen == TASK_WAITING) {
            if (WEIR_ATOMIC_CAS(state, &seen, TASK_RUNNABLE, SEQ_CST))
                return true;
        } else if (seen == TASK_RUNNING) {
            if (WEIR_ATOMIC_CAS(state, &seen, TASK_RUNNING_WOKEN, SEQ_CST))
                return false;
        } else {
            return false;
        }
    }
}

#endif
