/* task/context.c - the first frame of a context, and what sanitizers are told. See context.h.
 *
 * AddressSanitizer wants to know each stack that is run on and keeps a fake stack for each flow; a
 * switch says where it goes before, and what it came back to after. ThreadSanitizer keeps a fiber
 * for each flow, and is told right before the switch. Both make a switch an out-of-line function
 * here; without them this file has only weir__context_make and trivial others. The ucontext
 * fallback has its switch in context_ucontext.c, behind the same machine_ functions.
 */
#include "task/context.h"

#include <stdint.h>

#include "base/atomic.h"
#include "task/context_machine.h"

#if WEIR__CONTEXT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include "sys/thread.h"
#endif
#if WEIR__CONTEXT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if WEIR__CONTEXT_ANNOTATED
/* The annotations themselves must not be instrumented: they run between two stacks. They are
 * inlined since clang's ThreadSanitizer counts calls in any case, and leave() begins and ends on
 * two fibers.
 */
#if defined(__clang__)
#define BETWEEN __attribute__((no_sanitize("address", "thread")))
#else
#define BETWEEN __attribute__((no_sanitize_address, no_sanitize_thread))
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE BETWEEN void leave(struct weir__context *from, struct weir__context *to, int final)
{
#if WEIR__CONTEXT_ASAN
    __sanitizer_start_switch_fiber(final ? NULL : &from->fake_stack, to->stack_low, to->stack_size);
#endif
#if WEIR__CONTEXT_TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    (void)from;
    (void)to;
    (void) final;
}

INLINE BETWEEN void arrive(struct weir__context *context)
{
#if WEIR__CONTEXT_ASAN
    __sanitizer_finish_switch_fiber(context->fake_stack, NULL, NULL);
#endif
    (void)context;
}

BETWEEN static void first_arrival(void *arg)
{
    struct weir__context *context = arg;

    arrive(context);
    context->entry(context->arg);
}

BETWEEN void weir__context_switch(struct weir__context *from, struct weir__context *to)
{
    leave(from, to, 0);
    weir__context_jump(from, to);
    arrive(from);
}

BETWEEN void weir__context_switch_final(struct weir__context *from, struct weir__context *to)
{
    leave(from, to, 1);
    weir__context_jump(from, to);
    __builtin_unreachable();
}
#endif

void weir__context_make(struct weir__context *context, void *stack_low, size_t stack_size,
                        void (*entry)(void *), void *arg)
{
#if WEIR__CONTEXT_ANNOTATED
    context->entry = entry;
    context->arg = arg;
    entry = first_arrival;
    arg = context;
#endif
#if WEIR__CONTEXT_ASAN
    context->fake_stack = NULL;
    context->stack_low = stack_low;
    context->stack_size = stack_size;
    __asan_unpoison_memory_region(stack_low, stack_size); /* frames of the one before */
#endif
#if WEIR__CONTEXT_TSAN
    context->fiber = __tsan_create_fiber(0);
    context->owns_fiber = 1;
#endif
    weir__context_machine_make(context, stack_low, stack_size, entry, arg);
}

void weir__context_init_thread(struct weir__context *context)
{
    WEIR_ATOMIC_STORE(&context->sp, NULL, RELAXED);
#if WEIR__CONTEXT_ASAN
    {
        void *low = NULL;

        context->fake_stack = NULL;
        context->stack_size = 0;
        (void)weir__thread_stack(&low, &context->stack_size);
        context->stack_low = low;
    }
#endif
#if WEIR__CONTEXT_TSAN
    context->fiber = __tsan_get_current_fiber();
    context->owns_fiber = 0;
#endif
}

void weir__context_fini(struct weir__context *context)
{
#if WEIR__CONTEXT_TSAN
    if (context->owns_fiber)
        __tsan_destroy_fiber(context->fiber);
    context->owns_fiber = 0;
    context->fiber = NULL;
#endif
    (void)context;
}

#if !defined(WEIR_CONTEXT_UCONTEXT)
/* In context_<machine>.S. */
void weir__context_start(void);

void weir__context_machine_make(struct weir__context *context, void *stack_low, size_t stack_size,
                                void (*entry)(void *), void *arg)
{
    uintptr_t top = ((uintptr_t)stack_low + stack_size) & ~(uintptr_t)15;
#if defined(__x86_64__)
    /* The start stub runs with rsp at frame + 7, a multiple of 16. */
    uintptr_t *frame = (uintptr_t *)top - 9;

    frame[0] = 0;                /* r15 */
    frame[1] = 0;                /* r14 */
    frame[2] = (uintptr_t)entry; /* r13 */
    frame[3] = (uintptr_t)arg;   /* r12 */
    frame[4] = 0;                /* rbx */
    frame[5] = 0;                /* rbp: ends a chain of frame pointers */
    frame[6] = (uintptr_t)weir__context_start;
    frame[7] = 0;
    frame[8] = 0;
#elif defined(__aarch64__)
    uintptr_t *frame = (uintptr_t *)top - 22;
    int i;

    for (i = 0; i < 22; i++)
        frame[i] = 0;
    frame[0] = (uintptr_t)arg;                  /* x19 */
    frame[1] = (uintptr_t)entry;                /* x20 */
    frame[11] = (uintptr_t)weir__context_start; /* x30; x29 is 0: ends a chain of frame pointers */
#endif
    WEIR_ATOMIC_STORE(&context->sp, frame, RELAXED); /* partner: weir__sched_fetch */
}
#endif
