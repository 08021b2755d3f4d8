/* sys/current.c - see current.h. The empty asm keeps link-time optimisation from merging two reads.
 */
#include "sys/current.h"

#include <stddef.h>

#if defined(__clang__)
#define OPAQUE __attribute__((noinline, optnone))
#else
#define OPAQUE __attribute__((noinline, noipa))
#endif

static __thread struct weir_loop *current_loop;
static __thread struct weir__worker *current_worker;

OPAQUE struct weir_loop *weir__current_loop(void)
{
    __asm__ volatile("" ::: "memory");
    return current_loop;
}

OPAQUE void weir__current_set_loop(struct weir_loop *loop)
{
    __asm__ volatile("" ::: "memory");
    current_loop = loop;
}

OPAQUE struct weir__worker *weir__current_worker(void)
{
    __asm__ volatile("" ::: "memory");
    return current_worker;
}

OPAQUE void weir__current_set_worker(struct weir__worker *worker)
{
    __asm__ volatile("" ::: "memory");
    current_worker = worker;
}
