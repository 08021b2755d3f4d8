/* sys/current.c - see current.h. The empty asm keeps link-time optimisation from merging two reads.
 */
#include "sys/current.h"

#include <stddef.h>

#include "base/atomic.h"

#if defined(__clang__)
#define OPAQUE __attribute__((noinline, optnone))
#else
#define OPAQUE __attribute__((noinline, noipa))
#endif

static __thread struct weir__here here;

void (*weir__current_take_back)(struct weir__here *here);

/* Between these stores and loads and a signal on the same thread the compiler is the only danger:
 * relaxed atomics are not moved over each other by it, and nothing else is between them. */
static inline struct weir__here *enter(void)
{
    __asm__ volatile("" ::: "memory");
    WEIR_ATOMIC_STORE(&here.inside, 1, RELAXED);
    __asm__ volatile("" ::: "memory");
    if (__builtin_expect(WEIR_ATOMIC_LOAD(&here.lent, RELAXED), 0))
        weir__current_take_back(&here);
    return &here;
}

OPAQUE struct weir_loop *weir__current_loop(void)
{
    return enter()->loop;
}

OPAQUE void weir__current_set_loop(struct weir_loop *loop)
{
    enter()->loop = loop;
}

OPAQUE struct weir__worker *weir__current_worker(void)
{
    return enter()->worker;
}

OPAQUE void weir__current_set_worker(struct weir__worker *worker)
{
    enter()->worker = worker;
}

OPAQUE uint32_t weir__current_call(void)
{
    uint32_t was = WEIR_ATOMIC_LOAD(&here.inside, RELAXED);

    (void)enter();
    return was;
}

OPAQUE void weir__current_return(const uint32_t *was)
{
    __asm__ volatile("" ::: "memory");
    WEIR_ATOMIC_STORE(&here.inside, *was, RELAXED);
    __asm__ volatile("" ::: "memory");
}

OPAQUE void weir__current_enter(void)
{
    (void)enter();
}

OPAQUE void weir__current_leave(void)
{
    __asm__ volatile("" ::: "memory");
    WEIR_ATOMIC_STORE(&here.inside, 0, RELAXED);
    __asm__ volatile("" ::: "memory");
}

OPAQUE struct weir__here *weir__here(void)
{
    __asm__ volatile("" ::: "memory");
    return &here;
}
