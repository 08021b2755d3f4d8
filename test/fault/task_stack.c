/* test/fault/task_stack.c - stacks and alternate stacks, with the n-th allocation or call failing.
 *
 * For each n until the work is done without a fault: a failure is an error that the call can
 * have, the output is untouched, and everything can be released.
 */
#include "test.h"

#include <stdbool.h>
#include <string.h>
#include <weir/error.h>

#include "base/fault.h"
#include "task/overflow.h"
#include "task/stack.h"

enum {
    TRIES_MAX = 2000
};

static struct weir__stack_pool pool;

static bool expected(int rc)
{
    return rc == WEIR_ENOMEM || rc == WEIR_ELIMIT || rc == WEIR_EAGAIN;
}

static int take_some(void)
{
    static const size_t sizes[] = {0, 0, 1024 * 1024, 0, 200 * 1024, 1024 * 1024};
    struct weir__stack stacks[6];
    int i, rc = 0, taken = 0;

    memset(stacks, 0, sizeof stacks);
    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    for (i = 0; i < 6 && rc == 0; i++) {
        rc = weir__stack_take(&pool, sizes[i], &stacks[i]);
        taken += rc == 0;
        if (rc == 0)
            *(volatile char *)stacks[i].low = 1;
        else
            assert_null(stacks[i].low);
    }
    for (i = 0; i < taken; i++)
        weir__stack_give(&pool, &stacks[i]);
    weir__stack_pool_trim(&pool);
    weir__stack_pool_fini(&pool);
    return rc;
}

static void sweep(enum weir__fault_kind kind, int (*work)(void))
{
    uint64_t n, sites = 0;
    int rc;

    for (n = 1; n < TRIES_MAX; n++) {
        weir__fault_arm(kind, n);
        rc = work();
        sites = weir__fault_count(kind);
        weir__fault_arm(kind, 0);
        if (rc != 0)
            assert_true(expected(rc));
        if (sites < n)
            break;
    }
    assert_true(n < TRIES_MAX && n > 1);
    assert_int_equal(work(), 0);
}

TEST(stacks_survive_each_failed_allocation)
{
    sweep(WEIR__FAULT_ALLOC, take_some);
}

TEST(stacks_survive_each_failed_call)
{
    sweep(WEIR__FAULT_CALL, take_some);
}

static int alternate(void)
{
    struct weir__overflow_stack stack;
    int rc = weir__overflow_stack_init(&stack);

    if (rc < 0)
        assert_null(stack.base);
    weir__overflow_stack_fini(&stack);
    if (rc == 0) {
        rc = weir__overflow_install();
        if (rc == WEIR_EINVAL) /* the fault of sigaction */
            return WEIR_EAGAIN;
        weir__overflow_uninstall();
    }
    return rc;
}

TEST(alternate_stacks_survive_each_failed_call)
{
    sweep(WEIR__FAULT_CALL, alternate);
}
