/* test/unit/base_alloc.c - the program's own allocator. The order of the tests matters: the first
 * allocation fixes the allocator. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <weir/memory.h>

#include "test.h"

static long live, calls;

static void *counted_allocate(size_t size, void *user)
{
    ++*(long *)user;
    calls++;
    return malloc(size);
}

static void *counted_reallocate(void *memory, size_t size, void *user)
{
    *(long *)user += memory == NULL;
    calls++;
    return realloc(memory, size);
}

static void counted_release(void *memory, void *user)
{
    --*(long *)user;
    free(memory);
}

static const struct weir_allocator counted = {counted_allocate, counted_reallocate, counted_release,
                                              &live};

TEST(an_allocator_without_a_function_is_refused)
{
    struct weir_allocator partial = counted;

    assert_int_equal(weir_set_allocator(NULL), WEIR_EINVAL);
    partial.reallocate = NULL;
    assert_int_equal(weir_set_allocator(&partial), WEIR_EINVAL);
}

TEST(the_given_allocator_is_used_and_then_fixed)
{
    char *memory;

    assert_int_equal(weir_set_allocator(&counted), 0);
    memory = weir__alloc(10);
    assert_non_null(memory);
    assert_int_equal(live, 1);
    assert_int_equal(weir_set_allocator(&counted), WEIR_EBUSY);
    memory = weir__realloc(memory, 1000);
    assert_int_equal(calls, 2);
    weir__free(memory);
    weir__free(NULL);
    assert_int_equal(live, 0);
}

TEST(others_get_memory_from_the_same_allocator)
{
    long before = calls;
    char *memory = weir_allocate(100);

    assert_non_null(memory);
    memset(memory, 1, 100);
    assert_int_equal(calls, before + 1);
    assert_int_equal(live, 1);
    weir_release(memory);
    weir_release(NULL);
    assert_int_equal(live, 0);
}

TEST(calloc_zeroes_and_refuses_an_overflow)
{
    static const char zero[64];
    char *memory = weir__calloc(8, 8);

    assert_non_null(memory);
    assert_memory_equal(memory, zero, sizeof zero);
    weir__free(memory);
    assert_null(weir__calloc(SIZE_MAX / 2, 3));
    assert_int_equal(live, 0);
}
