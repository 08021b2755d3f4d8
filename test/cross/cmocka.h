/* test/cross/cmocka.h - the part of cmocka that weir's tests use, for other processors.
 *
 * Debian has no cmocka for a cross compiler, so builds for qemu-user take this header and cmocka.c
 * in its place. Names, results and output are cmocka's; what is not here is not used by any test.
 * An assertion leaves the test by longjmp, on the thread that runs the tests.
 */
#ifndef WEIR_TEST_CROSS_CMOCKA_H
#define WEIR_TEST_CROSS_CMOCKA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
    int (*setup_func)(void **state);
    int (*teardown_func)(void **state);
    void *initial_state;
};

int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
                            int (*setup)(void **), int (*teardown)(void **));
void _skip(const char *file, int line);
void cross_fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
/* Fails unless a and b are equal (want_equal != 0) or differ (0). */
void cross_compare(int want_equal, uintmax_t a, uintmax_t b, const char *file, int line);
/* Fails unless value lies in low to high, both included (want_in != 0), or outside (0). */
void cross_range(int want_in, uintmax_t value, uintmax_t low, uintmax_t high, const char *file,
                 int line);
void print_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CROSS_NUMBER(value_)      ((uintmax_t)(intmax_t)(value_))
#define CROSS_TEST(holds_, text_) ((holds_) ? (void)0 : cross_fail(__FILE__, __LINE__, "%s", text_))
#define CROSS_COMPARE(want_, a_, b_)                                                               \
    cross_compare(want_, CROSS_NUMBER(a_), CROSS_NUMBER(b_), __FILE__, __LINE__)
#define CROSS_RANGE(want_, v_, low_, high_)                                                        \
    cross_range(want_, CROSS_NUMBER(v_), CROSS_NUMBER(low_), CROSS_NUMBER(high_), __FILE__,        \
                __LINE__)

#define fail()              cross_fail(__FILE__, __LINE__, "failed")
#define fail_msg(...)       cross_fail(__FILE__, __LINE__, __VA_ARGS__)
#define skip()              _skip(__FILE__, __LINE__)
#define assert_true(c_)     CROSS_TEST((c_), #c_)
#define assert_false(c_)    CROSS_TEST(!(c_), "not " #c_)
#define assert_null(p_)     CROSS_TEST((p_) == NULL, #p_ " is NULL")
#define assert_non_null(p_) CROSS_TEST((p_) != NULL, #p_ " is not NULL")
#define assert_ptr_equal(a_, b_)                                                                   \
    CROSS_TEST((const void *)(a_) == (const void *)(b_), #a_ " == " #b_)
#define assert_ptr_not_equal(a_, b_)                                                               \
    CROSS_TEST((const void *)(a_) != (const void *)(b_), #a_ " != " #b_)
#define assert_int_equal(a_, b_)             CROSS_COMPARE(1, a_, b_)
#define assert_int_not_equal(a_, b_)         CROSS_COMPARE(0, a_, b_)
#define assert_return_code(rc_, error_)      CROSS_TEST((rc_) >= 0, #rc_ " >= 0")
#define assert_in_range(v_, low_, high_)     CROSS_RANGE(1, v_, low_, high_)
#define assert_not_in_range(v_, low_, high_) CROSS_RANGE(0, v_, low_, high_)
#define assert_string_equal(a_, b_)          CROSS_TEST(strcmp((a_), (b_)) == 0, #a_ " reads " #b_)
#define assert_string_not_equal(a_, b_)      CROSS_TEST(strcmp((a_), (b_)) != 0, #a_ " is not " #b_)
#define assert_memory_equal(a_, b_, len_)                                                          \
    CROSS_TEST(memcmp((a_), (b_), (len_)) == 0, #a_ " holds " #b_)
#define assert_memory_not_equal(a_, b_, len_)                                                      \
    CROSS_TEST(memcmp((a_), (b_), (len_)) != 0, #a_ " does not hold " #b_)

#endif
