/* task/state.h - the life of a task as one atomic word.
 *
 * Each transition is a function that says what its caller must do next. The worker that runs a task
 * makes run, park and end; wake may come from any thread, before or after the task has left its
 * stack, because park happens on the worker's own stack.
 *
 * A task that waits for an operation is made runnable by the operation's completion alone, so that
 * it never moves with something of it in a loop; wakes do not reach it. A task that pauses is made
 * runnable by any wake, and looks whether what it waits for is so.
 *
 * Who wants to look at a pausing task's stack, or to move it, inspects the task: it stays where it
 * is until the inspector lets it go, and a wake that comes meanwhile is kept for it.
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
    TASK_PAUSED = 3,        /* off its stack until a wake */
    TASK_WAITING = 4,       /* off its stack until its operation has completed */
    TASK_ENDED = 5,
    TASK_INSPECTED = 6,       /* paused, in the hands of one inspector */
    TASK_INSPECTED_WOKEN = 7, /* the same, and a wake has come meanwhile */
};

/* RUNNABLE -> RUNNING. The worker that took it from its queue. A read-modify-write: what the task
 * then looks at may not be read before a waker can see that the task runs. */
static inline void weir__task_state_run(uint32_t *state)
{
    (void)WEIR_ATOMIC_EXCHANGE(state, TASK_RUNNING, SEQ_CST); /* partner: weir__task_state_wake */
}

/* RUNNING -> PAUSED: true. RUNNING_WOKEN -> RUNNABLE: false, the caller puts it back in a queue.
 * Partner: weir__task_state_wake. */
static inline bool weir__task_state_pause(uint32_t *state)
{
    uint32_t seen = TASK_RUNNING;

    if (WEIR_ATOMIC_CAS(state, &seen, TASK_PAUSED, SEQ_CST))
        return true;
    (void)WEIR_ATOMIC_EXCHANGE(state, TASK_RUNNABLE, SEQ_CST); /* after all wakes so far */
    return false;
}

/* RUNNING or RUNNING_WOKEN -> WAITING. A wake that came was for a pause that is over. */
static inline void weir__task_state_wait(uint32_t *state)
{
    (void)WEIR_ATOMIC_EXCHANGE(state, TASK_WAITING, SEQ_CST); /* partner: weir__task_cancel */
}

/* WAITING -> RUNNABLE. The loop of the operation, whose caller puts the task in a queue. */
static inline void weir__task_state_completed(uint32_t *state)
{
    WEIR_ATOMIC_STORE(state, TASK_RUNNABLE, RELAXED);
}

/* PAUSED -> RUNNABLE: true, the caller, who alone has got this answer, puts the task in a queue.
 * RUNNING -> RUNNING_WOKEN, INSPECTED -> INSPECTED_WOKEN, and all else unchanged: false, nothing to
 * do. A task that is to run anyway is written too, by what it is: so what was done before the wake
 * is seen by that run. Partners: run, pause, let_go. */
static inline bool weir__task_state_wake(uint32_t *state)
{
    uint32_t seen = TASK_PAUSED;

    for (;;) {
        if (seen == TASK_PAUSED) {
            if (WEIR_ATOMIC_CAS(state, &seen, TASK_RUNNABLE, SEQ_CST))
                return true;
        } else if (seen == TASK_RUNNING) {
            if (WEIR_ATOMIC_CAS(state, &seen, TASK_RUNNING_WOKEN, SEQ_CST))
                return false;
        } else if (seen == TASK_INSPECTED) {
            if (WEIR_ATOMIC_CAS(state, &seen, TASK_INSPECTED_WOKEN, SEQ_CST))
                return false;
        } else if (seen == TASK_RUNNABLE || seen == TASK_RUNNING_WOKEN
                   || seen == TASK_INSPECTED_WOKEN) {
            if (WEIR_ATOMIC_CAS(state, &seen, seen, SEQ_CST))
                return false;
        } else {
            return false;
        }
    }
}

/* PAUSED -> INSPECTED: true, and the caller may touch what belongs to the task, until it lets the
 * task go. Any thread, while the task's memory is known to be there. Partner: wake. */
static inline bool weir__task_state_inspect(uint32_t *state)
{
    uint32_t seen = TASK_PAUSED;

    return WEIR_ATOMIC_CAS(state, &seen, TASK_INSPECTED, SEQ_CST);
}

/* INSPECTED -> PAUSED: true. INSPECTED_WOKEN -> RUNNABLE: false, the caller puts it in a queue. By
 * the inspector. Partner: wake. */
static inline bool weir__task_state_let_go(uint32_t *state)
{
    uint32_t seen = TASK_INSPECTED;

    if (WEIR_ATOMIC_CAS(state, &seen, TASK_PAUSED, SEQ_CST))
        return true;
    (void)WEIR_ATOMIC_EXCHANGE(state, TASK_RUNNABLE, SEQ_CST); /* after all wakes so far */
    return false;
}

/* Changes nothing, and is ordered against pause and wait: either the worker that then parks the
 * task sees what the caller has done before, or the caller sees afterwards what the task waits for.
 * Any thread; partner: weir__task_parked. */
static inline void weir__task_state_meet(uint32_t *state)
{
    (void)WEIR_ATOMIC_ADD(state, 0, SEQ_CST);
}

#endif
