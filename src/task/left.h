/* task/left.h - the jobs of the blocking pool that a runtime's tasks have left behind.
 *
 * A runtime ends after them, and a shutdown that waits for too long tells which they are: the
 * function that runs, the class, and the task that has left it. A node belongs to its job from
 * weir__left_add to weir__left_remove; the list, under its lock, only knows it. Any thread.
 */
#ifndef WEIR_TASK_LEFT_H
#define WEIR_TASK_LEFT_H

#include <stdint.h>
#include <weir/runtime.h>

#include "base/list.h"

struct weir__task;

struct weir__left {
    struct weir__list link;
    uint64_t serial; /* in the order in which they were left */
    weir_task_fn *fn;
    uint64_t task_id;
    uint32_t group;
    char task_name[32]; /* a copy: the task may be gone */
};

/* Zeroed memory is an empty one. */
struct weir__left_list {
    uint32_t lock;
    uint32_t count; /* parked on by who waits for its end; partner: weir__left_wait */
    uint64_t serial;
    struct weir__list nodes;
};

/* The job that runs fn in the class `group` is left by the task, which is ending its call. */
void weir__left_add(struct weir__left_list *list, struct weir__left *node,
                    const struct weir__task *task, uint32_t group, weir_task_fn *fn);
/* It has ended. The list may be gone when this returns: see weir__runtime_visit. */
void weir__left_remove(struct weir__left_list *list, struct weir__left *node);
/* How many there are. */
uint32_t weir__left_count(const struct weir__left_list *list);
/* Parks for at most timeout_ns (-1: for ever) while there are `seen`: 0 or WEIR_ETIMEDOUT. */
int weir__left_wait(struct weir__left_list *list, uint32_t seen, int64_t timeout_ns);
/* Tells of each: how many. */
int weir__left_tell(struct weir__left_list *list, weir_remaining_fn *tell, void *arg);

#endif
