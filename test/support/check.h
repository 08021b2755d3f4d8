/* test/support/check.h - checks inside of tasks and threads, where cmocka's cannot be used.
 *
 * CHECK(condition) notes the first place that failed, from any thread, and goes on. The test ends
 * with assert_checks(), on its main thread, which fails with that place and begins anew.
 */
#ifndef WEIR_TEST_SUPPORT_CHECK_H
#define WEIR_TEST_SUPPORT_CHECK_H

#include <stddef.h>

static const char *check_failed; /* by compare-and-swap */

static inline void check_note(const char *text)
{
    const char *none = NULL;

    (void)__atomic_compare_exchange_n(&check_failed, &none, text, 0, __ATOMIC_SEQ_CST,
                                      __ATOMIC_SEQ_CST);
}

#define CHECK_TEXT_(line) #line
#define CHECK_TEXT(line)  CHECK_TEXT_(line)
#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_note("line " CHECK_TEXT(__LINE__) ": " #condition))

#define assert_checks()                                                                            \
    do {                                                                                           \
        const char *place_ = __atomic_exchange_n(&check_failed, NULL, __ATOMIC_SEQ_CST);           \
                                                                                                   \
        if (place_)                                                                                \
            fail_msg("%s", place_);                                                                \
    } while (0)

#endif
