/* task/select.h - the part of a select that its cases' waiters know.
 *
 * A select waits with one waiter in the queue of each of its objects. The first that claims it
 * commits; the word says which one. See <weir/select.h>.
 */
#ifndef WEIR_TASK_SELECT_H
#define WEIR_TASK_SELECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"
#include "task/waitq.h"

struct weir__select {
    struct weir__waiter *winner; /* NULL until one is granted */
};

/* Whether no case has been granted yet. Any thread. */
static inline bool weir__select_open(const struct weir__select *select)
{
    return !WEIR_ATOMIC_LOAD(&select->winner, ACQUIRE);
}

/* Commits the select to the case of this waiter: false if another one has won. Any thread. */
static inline bool weir__select_claim(struct weir__select *select, struct weir__waiter *waiter)
{
    struct weir__waiter *none = NULL;

    return WEIR_ATOMIC_CAS(&select->winner, &none, waiter, SEQ_CST);
}

#endif
