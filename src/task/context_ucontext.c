/* task/context_ucontext.c - the switch by ucontext(3), where there is no hand-written one or the
 * build asks with WEIR_CONTEXT_UCONTEXT. See context.h.
 *
 * Slow (each switch sets the signal mask by a system call) and without unwind information of its
 * own; it also carries the floating-point control words with the flow.
 */
#include "task/context.h"

#if defined(WEIR_CONTEXT_UCONTEXT)
#include <stdint.h>

#include "task/context_machine.h"

/* makecontext passes ints only: the pointer comes in two halves. */
static void start(unsigned high, unsigned low)
{
    struct weir__context *context = (void *)(uintptr_t)((uint64_t)high << 32 | low);

    context->start(context->start_arg);
    __builtin_trap();
}

void weir__context_machine_make(struct weir__context *context, void *stack_low, size_t stack_size,
                                void (*entry)(void *), void *arg)
{
    uint64_t self = (uintptr_t)context;

    context->sp = stack_low;
    context->start = entry;
    context->start_arg = arg;
    getcontext(&context->machine); /* cannot fail with a valid pointer */
    context->machine.uc_stack.ss_sp = stack_low;
    context->machine.uc_stack.ss_size = stack_size;
    context->machine.uc_link = NULL;
    makecontext(&context->machine, (void (*)(void))start, 2, (unsigned)(self >> 32),
                (unsigned)self);
}

void weir__context_jump(struct weir__context *from, struct weir__context *to)
{
    swapcontext(&from->machine, &to->machine);
}
#else
typedef int weir__context_ucontext_unused; /* a file may not be empty */
#endif
