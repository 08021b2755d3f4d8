/* task/overflow.h - the handler that tells a stack overflow from other faults.
 *
 * Process-wide, installed only if asked and counted: the last uninstall puts the previous handler
 * back. Each thread that runs tasks needs an alternate stack, since the fault happens on a stack
 * that is used up. A fault inside a guard of weir's stacks becomes one line through the fatal
 * hook of <weir/fatal.h> and an abort; every other fault goes to the handler that was there
 * before.
 */
#ifndef WEIR_TASK_OVERFLOW_H
#define WEIR_TASK_OVERFLOW_H

#include <stddef.h>
#include <stdint.h>

/* Gives the name and, in *id, the number of the task that runs on the calling thread; NULL if
 * there is none. Set by the task layer before the first install; async-signal-safe. */
extern const char *(*weir__overflow_describe)(uint64_t *id);

/* 0 or -errno. Any thread; every successful install has one uninstall. */
int weir__overflow_install(void);
void weir__overflow_uninstall(void);

/* The alternate stack of one thread; lives until its fini. */
struct weir__overflow_stack {
    void *base;
    size_t size;
};

/* Gives the calling thread an alternate stack, unless it has one (then `stack` stays empty). 0 or
 * -errno. */
int weir__overflow_stack_init(struct weir__overflow_stack *stack);
/* By the same thread, when it runs no more tasks. Accepts zeroed memory. */
void weir__overflow_stack_fini(struct weir__overflow_stack *stack);

#endif
