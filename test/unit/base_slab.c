/* test/unit/base_slab.c - objects of one size. */
#include "base/slab.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

enum {
    MANY = 3000
};

TEST(objects_are_aligned_zeroed_and_apart)
{
    static const char zero[40];
    char **objects = calloc(MANY, sizeof *objects);
    struct weir__slab slab;

    weir__slab_init(&slab, 40);
    for (int i = 0; i < MANY; i++) {
        objects[i] = weir__slab_take(&slab);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 8, 0);
        assert_memory_equal(objects[i], zero, 40);
        memset(objects[i], i & 0xff, 40);
    }
    assert_int_equal(slab.live, MANY);
    for (int i = 0; i < MANY; i++) {
        for (int at = 0; at < 40; at++)
            assert_int_equal((unsigned char)objects[i][at], i & 0xff);
        weir__slab_give(&slab, objects[i]);
    }
    assert_int_equal(slab.live, 0);
    weir__slab_fini(&slab);
    free(objects);
}

TEST(the_last_given_is_the_first_taken)
{
    struct weir__slab slab;
    void *first, *second;

    weir__slab_init(&slab, 16);
    first = weir__slab_take(&slab);
    second = weir__slab_take(&slab);
    weir__slab_give(&slab, first);
    weir__slab_give(&slab, second);
    assert_ptr_equal(weir__slab_take(&slab), second);
    assert_ptr_equal(weir__slab_take(&slab), first);
    weir__slab_fini(&slab);
}

TEST(the_first_words_survive_until_the_next_take)
{
    struct weir__slab slab;
    uint64_t *object;

    weir__slab_init(&slab, 32);
    object = weir__slab_take(&slab);
    object[0] = 77;
    weir__slab_give(&slab, object);
    assert_int_equal(object[0], 77);
    assert_ptr_equal(weir__slab_take(&slab), object);
    assert_int_equal(object[0], 77);
    weir__slab_fini(&slab);
}

static void count_marked(void *object, void *arg)
{
    if (*(uint64_t *)object == 5)
        ++*(int *)arg;
}

TEST(each_visits_all_objects)
{
    struct weir__slab slab;
    int marked = 0;

    weir__slab_init(&slab, 1000);
    for (int i = 0; i < 200; i++) {
        uint64_t *object = weir__slab_take(&slab);

        assert_non_null(object);
        *object = 5;
    }
    weir__slab_each(&slab, count_marked, &marked);
    assert_int_equal(marked, 200);
    weir__slab_fini(&slab);
}
