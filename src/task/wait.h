/* task/wait.h - naming one wait of one task, so that somebody else can end it and no other.
 *
 * A word names the wait: the index of the loop where it waits in the top 16 bits, below it a number
 * of that loop; no two waits of the process have the same. The task's own word is the current wait,
 * or 0. It is set before the task suspends, and changed only by the thread of that loop or, after
 * the wait, by the task. So on that loop's thread a word that is current stays so.
 *
 * An object that tasks wait for keeps a slot for each. What stands there may be out of date and is
 * only compared: a task's memory stays readable as long as its runtime.
 */
#ifndef WEIR_TASK_WAIT_H
#define WEIR_TASK_WAIT_H

#include <stdint.h>

struct weir_loop;
struct weir__task;

struct weir__wait_slot {
    struct weir__task *task; /* partner: weir__wait_end */
    uint64_t word;
};

/* The loop on which the slot's wait is, or was; 0: there was none. Any thread. */
uint16_t weir__wait_loop(const struct weir__wait_slot *slot);

/* Ends the slot's wait for a reason, if it is current and waits on the calling thread's loop. */
void weir__wait_end(struct weir__wait_slot *slot, struct weir_loop *loop, int reason);

/* Wakes the slot's task, if its wait is current and on the calling thread's loop. */
void weir__wait_wake(struct weir__wait_slot *slot, struct weir_loop *loop);

#endif
