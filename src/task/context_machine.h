/* task/context_machine.h - the part of a context that depends on the machine.
 *
 * Implemented by context_<machine>.S with context.c, or by context_ucontext.c. Used by context.c
 * only, and by weir__context_switch where it is inline.
 */
#ifndef WEIR_TASK_CONTEXT_MACHINE_H
#define WEIR_TASK_CONTEXT_MACHINE_H

#include "task/context.h"

/* As weir__context_make and weir__context_switch, without annotations. */
void weir__context_machine_make(struct weir__context *context, void *stack_low, size_t stack_size,
                                void (*entry)(void *), void *arg);

#endif
