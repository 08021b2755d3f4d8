/* test/interop/gdb_backtrace.c - for gdb_backtrace.sh: a nest of calls on a task's stack, and the
 * same seen by the unwinder of the C library. Exits with 0 if that reaches the entry function and
 * ends. */
#include <execinfo.h>
#include <stdlib.h>

#include "task/context.h"

enum {
    STACK_SIZE = 64 * 1024,
    FRAMES_MAX = 64
};

static struct weir__context home, flow;
static int verdict = 1;

void task_entry(void *arg);
int middle(int n);
int innermost(int n);

static int frame_is(void *frame, void (*function)(void))
{
    size_t distance = (size_t)((char *)frame - (char *)function);

    return distance > 0 && distance < 256;
}

__attribute__((noinline)) int innermost(int n)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);

    /* innermost, middle x 4, task_entry, the start stub */
    if (count == 7 && frame_is(frames[5], (void (*)(void))task_entry))
        verdict = 0;
    __asm__ volatile("" ::: "memory");
    return n + count;
}

__attribute__((noinline)) int middle(int n)
{
    int result = n ? middle(n - 1) : innermost(n);

    __asm__ volatile("" ::: "memory");
    return result + 1;
}

__attribute__((noinline)) void task_entry(void *arg)
{
    weir__context_switch(&flow, &home); /* be on a stack that was left and come back to */
    *(int *)arg = middle(3);
    weir__context_switch_final(&flow, &home);
}

int main(void)
{
    void *stack = aligned_alloc(4096, STACK_SIZE);
    int result = 0;

    if (!stack)
        return 2;
    weir__context_init_thread(&home);
    weir__context_make(&flow, stack, STACK_SIZE, task_entry, &result);
    weir__context_switch(&home, &flow);
    weir__context_switch(&home, &flow);
    free(stack);
    return verdict;
}
