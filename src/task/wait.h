/* task/wait.h - the waits of tasks: for an operation, or for a wake.
 *
 * Each wait has a word: the index of the loop where it waits in the top 16 bits, two flags, and
 * below them a number of that loop; no two waits of the process have the same. The task's own word
 * is the current wait, or 0. It is set before the task suspends. The word of a wait for an
 * operation is changed by the thread of that loop only; that of a pause by whoever ends it, by
 * compare-and-swap, and by the task itself. So who wants to end a wait names it, and a request that
 * is out of date does nothing.
 *
 * An object that tasks wait for keeps a slot for each. What stands there may be out of date and is
 * only compared: a task's memory stays readable as long as its runtime.
 */
#ifndef WEIR_TASK_WAIT_H
#define WEIR_TASK_WAIT_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/loop.h>

struct weir__task;

/* The budget of a run: so many things done without a suspension, or a slice of time, before it is
 * the others' turn. The clock is looked at with the 4th of them, the 8th, the 16th, ...: so a slice
 * is overdrawn by as much again at most, or by what eight of them take. */
#ifdef WEIR__HOSTILE
#define WEIR__INLINE_MAX 1
#define WEIR__LOOK_FIRST 1
#else
#define WEIR__INLINE_MAX 64
#define WEIR__LOOK_FIRST 4
#endif

#define WEIR__WAIT_LOOP_SHIFT 48
#define WEIR__WAIT_SHIELDED   (1ull << 47) /* a cancel does not reach it */
#define WEIR__WAIT_PAUSE      (1ull << 46)
#define WEIR__WAIT_NUMBERS    (WEIR__WAIT_PAUSE - 1)
/* No loop: a pause that was ended, for the error in the lower bits, negated. */
#define WEIR__WAIT_STOPPED (0xffffull << WEIR__WAIT_LOOP_SHIFT)

struct weir__wait_slot {
    struct weir__task *task; /* partner: weir__wait_end */
    uint64_t word;
};

static inline uint16_t weir__wait_word_loop(uint64_t word)
{
    return (uint16_t)(word >> WEIR__WAIT_LOOP_SHIFT);
}

/* 0, or why the task may not wait now: WEIR_ECANCELED, WEIR_EDEADLINE. May let others run first. */
int weir__task_check(struct weir__task *task);
/* Whether the budget of this run has something left. */
bool weir__task_has_budget(struct weir__task *task);
/* Counts one thing that is done without a suspension: true; or lets others run, if nothing is left:
 * false, and the task may be on another worker. */
bool weir__task_spend(struct weir__task *task);

/* Submits a filled operation to the loop of the task's worker and suspends until it has completed.
 * Its result, or the reason for which it was stopped without having done anything. `slot`, if it is
 * not NULL, names the wait for others. WEIR_ENOMEM if there is a deadline and no memory for its
 * alarm. */
int weir__task_await_in(struct weir__task *task, weir_op *op, struct weir__wait_slot *slot);
static inline int weir__task_await(struct weir__task *task, weir_op *op)
{
    return weir__task_await_in(task, op, NULL);
}

/* The same for a wait at rest: of the task's stack nothing is in other hands meanwhile but what
 * `memory` points to, if that is on the stack. Such a task may be packed (task/cold.h). */
int weir__task_await_at_rest(struct weir__task *task, weir_op *op, struct weir__wait_slot *slot,
                             const void *memory);

/* Of an operation that has done a part: 0, or why it was stopped then. Nobody tells it again. */
int weir__task_cut_short(const struct weir__task *task);

/* Notes that a call returns `code` because it was stopped, for the block whose deadline did it. */
int weir__task_stopped(struct weir__task *task, int code);

/* Suspends until a wake (weir__task_wake), which may be spurious: 0, or why the task was stopped,
 * which is for the caller to hand to weir__task_stopped if it becomes the call's result. As above
 * otherwise. */
int weir__task_pause_in(struct weir__task *task, struct weir__wait_slot *slot);
/* The same, at rest as above. */
int weir__task_pause_at_rest(struct weir__task *task, struct weir__wait_slot *slot,
                             const void *memory);
/* The same with any number of slots. */
int weir__task_pause_in_all(struct weir__task *task, struct weir__wait_slot *const *slots,
                            uint32_t count);
static inline int weir__task_pause(struct weir__task *task)
{
    return weir__task_stopped(task, weir__task_pause_in(task, NULL));
}

/* The same, with an end at `until_ns`: WEIR_ETIMEDOUT then, and nothing is to be handed on. */
int weir__task_pause_until(struct weir__task *task, uint64_t until_ns);

/* Says what the pauses that follow are for: a word for dumps, that stays. By the task. */
void weir__task_waits_for(struct weir__task *task, const char *what);

/* Ends the wait that `word` names for a reason, if it is current. Any thread for a pause; that of
 * the word's loop for an operation. */
void weir__task_stop(struct weir__task *task, uint64_t word, int reason);

/* The loop on which the slot's wait is, or was; 0: there was none. Any thread. */
uint16_t weir__wait_loop(const struct weir__wait_slot *slot);
/* Ends the slot's wait for a reason, if it is current and on this loop, whose thread calls. */
void weir__wait_end(struct weir__wait_slot *slot, struct weir_loop *loop, int reason);
/* Wakes the slot's task, if its wait is current. Any thread. */
void weir__wait_wake(struct weir__wait_slot *slot);

/* Gives the task's alarm up. On the worker that runs the task. */
void weir__task_drop_alarm(struct weir__task *task);

#endif
