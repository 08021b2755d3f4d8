/* test/unit/task_stack.c - slots: where they lie, reuse, guards, what is given back. */
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/error.h>

#include "sys/page.h"
#include "task/stack.h"

enum {
    MANY = 300
};

static struct weir__stack_pool pool;

static void touch(char *at, size_t size)
{
    volatile char *bytes = at;
    size_t i;

    for (i = 0; i < size; i += 4096)
        bytes[i] = 1;
    bytes[size - 1] = 1;
}

TEST(default_slot_has_48_KiB_less_its_colour)
{
    struct weir__stack stack;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
    assert_true(stack.high - stack.low <= 48 * 1024);
    assert_true(stack.high - stack.low >= 48 * 1024 - 15 * 64);
    assert_int_equal((uintptr_t)stack.high % 16, 0);
    touch(stack.low, (size_t)(stack.high - stack.low));
    weir__stack_give(&pool, &stack);
    assert_null(stack.low);
    weir__stack_pool_fini(&pool);
}

TEST(bad_slot_sizes_are_refused)
{
    assert_int_equal(weir__stack_pool_init(&pool, 12345), WEIR_EINVAL);
    assert_int_equal(weir__stack_pool_init(&pool, 16 * 1024), WEIR_EINVAL);
    assert_int_equal(weir__stack_pool_init(&pool, 32u * 1024 * 1024), WEIR_EINVAL);
    memset(&pool, 0, sizeof pool);
    weir__stack_pool_fini(&pool);
}

TEST(stacks_do_not_overlap_and_tops_are_coloured)
{
    struct weir__stack *stacks = calloc(MANY, sizeof *stacks);
    unsigned colours = 0;
    int i, j;

    assert_non_null(stacks);
    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(weir__stack_take(&pool, 0, &stacks[i]), 0);
        colours |= 1u << ((uintptr_t)stacks[i].high % 1024 / 64);
        for (j = 0; j < i; j++)
            assert_true(stacks[i].high <= stacks[j].low || stacks[j].high <= stacks[i].low);
    }
    assert_int_equal(colours, 0xffff);
    assert_int_equal(pool.taken, MANY);
    for (i = 0; i < MANY; i++)
        weir__stack_give(&pool, &stacks[i]);
    assert_int_equal(pool.taken, 0);
    weir__stack_pool_fini(&pool);
    free(stacks);
}

TEST(last_given_is_first_taken)
{
    struct weir__stack a, b, c;
    char *low;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    assert_int_equal(weir__stack_take(&pool, 0, &a), 0);
    assert_int_equal(weir__stack_take(&pool, 0, &b), 0);
    low = a.low;
    weir__stack_give(&pool, &b);
    weir__stack_give(&pool, &a);
    assert_int_equal(weir__stack_take(&pool, 0, &c), 0);
    assert_ptr_equal(c.low, low);
    weir__stack_give(&pool, &c);
    weir__stack_pool_fini(&pool);
}

TEST(deep_slot_gives_the_rest_back)
{
    struct weir__stack stack;
    char *end;
    int i;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    for (i = 0; i < 5; i++) {
        assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
        assert_true(weir__stack_touched(&stack) <= 16 * 1024);
        end = (char *)weir__page_round((uintptr_t)stack.high);
        touch(end - 40 * 1024, 40 * 1024 - 1024);
        assert_int_equal(weir__stack_touched(&stack), 40 * 1024);
        weir__stack_give(&pool, &stack);
        assert_int_equal(pool.high_water, 40 * 1024);
    }
    weir__stack_pool_fini(&pool);
}

TEST(shallow_slot_keeps_its_pages)
{
    struct weir__stack stack;
    char *low;
    int i;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    for (i = 0; i < 200; i++) {
        assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
        if (i)
            assert_int_equal(*(volatile char *)(stack.high - 8000), 7);
        low = stack.high - 8000;
        *(volatile char *)low = 7;
        weir__stack_give(&pool, &stack);
    }
    assert_true(pool.high_water >= 8 * 1024 && pool.high_water <= 16 * 1024);
    weir__stack_pool_fini(&pool);
}

TEST(deep_use_that_was_missed_is_found_by_trim)
{
    struct weir__stack stack;
    int i;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    for (i = 0; i < 10; i++) { /* shallow: the next looks are far apart */
        assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
        weir__stack_give(&pool, &stack);
    }
    assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
    touch(stack.low, 4096);
    weir__stack_give(&pool, &stack);
    weir__stack_pool_trim(&pool);
    assert_int_equal(pool.high_water, 48 * 1024);
    assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
    assert_true(weir__stack_touched(&stack) <= 16 * 1024);
    weir__stack_give(&pool, &stack);
    weir__stack_pool_fini(&pool);
}

TEST(trim_empties_slots_that_are_not_hot)
{
    struct weir__stack *stacks = calloc(MANY, sizeof *stacks);
    int i, empty = 0;

    assert_non_null(stacks);
    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(weir__stack_take(&pool, 0, &stacks[i]), 0);
        touch(stacks[i].high - 4096, 4096);
    }
    for (i = 0; i < MANY; i++)
        weir__stack_give(&pool, &stacks[i]);
    weir__stack_pool_trim(&pool);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(weir__stack_take(&pool, 0, &stacks[i]), 0);
        empty += weir__stack_touched(&stacks[i]) == 0;
    }
    assert_int_equal(empty, MANY - 64);
    for (i = 0; i < MANY; i++)
        weir__stack_give(&pool, &stacks[i]);
    weir__stack_pool_fini(&pool);
    free(stacks);
}

TEST(large_stacks_are_mapped_alone_and_cached)
{
    struct weir__stack stacks[8], again;
    char *low;
    int i;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    for (i = 0; i < 8; i++) {
        assert_int_equal(weir__stack_take(&pool, 1024 * 1024, &stacks[i]), 0);
        assert_true(stacks[i].high - stacks[i].low >= 1024 * 1024);
        touch(stacks[i].low, (size_t)(stacks[i].high - stacks[i].low));
    }
    low = stacks[7].low;
    for (i = 0; i < 8; i++)
        weir__stack_give(&pool, &stacks[i]);
    assert_int_equal(pool.large_count, WEIR__STACK_LARGE_CACHED);
    assert_int_equal(pool.high_water % (1024 * 1024) > 0, 1);
    (void)low;
    assert_int_equal(weir__stack_take(&pool, 900 * 1024, &again), 0);
    assert_int_equal(pool.large_count, WEIR__STACK_LARGE_CACHED - 1);
    assert_true(weir__stack_touched(&again) <= 16 * 1024);
    weir__stack_give(&pool, &again);
    assert_int_equal(weir__stack_take(&pool, WEIR__STACK_MAX, &again), 0);
    weir__stack_give(&pool, &again);
    assert_int_equal(weir__stack_take(&pool, WEIR__STACK_MAX + 1, &again), WEIR_ELIMIT);
    weir__stack_pool_trim(&pool);
    assert_int_equal(pool.large_count, 0);
    weir__stack_pool_fini(&pool);
}

TEST(find_tells_guard_from_stack)
{
    struct weir__stack stack;
    struct weir__stack_info info;
    int local;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
    assert_true(weir__stack_find(stack.low - 1, &info));
    assert_true(info.in_guard);
    assert_ptr_equal(info.low, stack.low);
    assert_int_equal(info.low - info.guard, 16 * 1024);
    assert_true(weir__stack_find(stack.low, &info));
    assert_false(info.in_guard);
    assert_true(weir__stack_find(stack.high - 1, &info));
    assert_true(info.high >= stack.high);
    assert_false(weir__stack_find(&local, &info));
    local = 0;
    weir__stack_give(&pool, &stack);
    weir__stack_pool_fini(&pool);
    assert_false(weir__stack_find(stack.low, &info));
}

static int death_of_touch(char *at)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)at = 1;
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(guard_faults_from_end_to_end)
{
    struct weir__stack stack;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
    assert_int_equal(death_of_touch(stack.low), 0);
    assert_int_equal(death_of_touch(stack.low - 1), SIGSEGV);
    assert_int_equal(death_of_touch(stack.low - 16 * 1024), SIGSEGV);
    weir__stack_give(&pool, &stack);
    weir__stack_pool_fini(&pool);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(lack_of_address_space_is_an_error)
{
    struct weir__stack stack = {0};
    struct rlimit before, little;
    void *any = NULL;
    int rc, large, enforced;

    assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    getrlimit(RLIMIT_AS, &before);
    little = before;
    little.rlim_cur = 1024 * 1024;
    setrlimit(RLIMIT_AS, &little);
    enforced = weir__page_map(4096, &any) < 0;
    rc = weir__stack_take(&pool, 0, &stack);
    large = weir__stack_take(&pool, 4 * 1024 * 1024, &stack);
    setrlimit(RLIMIT_AS, &before);
    if (!enforced)
        skip("RLIMIT_AS is not enforced here");
    assert_int_equal(rc, WEIR_ENOMEM);
    assert_int_equal(large, WEIR_ENOMEM);
    assert_null(stack.low);
    assert_int_equal(weir__stack_take(&pool, 0, &stack), 0);
    weir__stack_give(&pool, &stack);
    weir__stack_pool_fini(&pool);
}
#endif
