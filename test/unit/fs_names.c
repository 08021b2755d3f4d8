/* test/unit/fs_names.c - the table of names. */
#include "fs/names.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

enum {
    MANY = 5000
};

static size_t name_of(char out[32], int i)
{
    return (size_t)snprintf(out, 32, "name%d%s", i, i % 3 ? "!" : " with more");
}

static int odd_stays(void *value, const char *name, void *arg)
{
    (void)name;
    ++*(int *)arg;
    return (int)(uintptr_t)value % 2;
}

TEST(names_are_found_under_their_number_alone)
{
    struct weir__names names = {.cap = 0};
    char name[32];
    size_t len;
    int i;

    assert_null(weir__names_get(&names, 1, "x", 1));
    assert_null(weir__names_remove(&names, 1, "x", 1));
    for (i = 1; i <= MANY; i++) {
        len = name_of(name, i);
        assert_int_equal(weir__names_put(&names, (uint64_t)i % 7, name, len, (void *)(uintptr_t)i),
                         0);
    }
    assert_int_equal(names.count, MANY);
    for (i = 1; i <= MANY; i++) {
        len = name_of(name, i);
        assert_ptr_equal(weir__names_get(&names, (uint64_t)i % 7, name, len), (void *)(uintptr_t)i);
        assert_null(weir__names_get(&names, (uint64_t)i % 7 + 1, name, len));
        assert_null(weir__names_get(&names, (uint64_t)i % 7, name, len - 1));
    }
    weir__names_clear(&names);
    assert_int_equal(names.count, 0);
    assert_null(weir__names_get(&names, 1, "name1!", 6));
}

TEST(names_are_replaced_removed_and_sifted)
{
    struct weir__names names = {.cap = 0};
    char name[32];
    size_t len;
    int i, seen = 0;

    for (i = 1; i <= MANY; i++) {
        len = name_of(name, i);
        assert_int_equal(weir__names_put(&names, 0, name, len, (void *)(uintptr_t)(i + 7)), 0);
        assert_int_equal(weir__names_put(&names, 0, name, len, (void *)(uintptr_t)i), 0);
    }
    weir__names_sift(&names, odd_stays, &seen);
    assert_int_equal(seen, MANY);
    assert_int_equal(names.count, MANY / 2);
    for (i = 1; i <= MANY; i++) {
        len = name_of(name, i);
        assert_ptr_equal(weir__names_remove(&names, 0, name, len),
                         i % 2 ? (void *)(uintptr_t)i : NULL);
    }
    assert_int_equal(names.count, 0);
    weir__names_clear(&names);
}
