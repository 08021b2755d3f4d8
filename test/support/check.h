/* test/support/check.h - checks inside of tasks and threads, where cmocka's cannot be used.
 *
 * CHECK(condition) notes the first place that failed, from any thread, and goes on. The test ends
 * with assert_checks(), on its main thread, which fails with that place and begins anew. It also
 * checks that the calls in the condition have left the library (sys/current.h); CHECK_INSIDE is for
 * what the library calls while it is in the middle of something.
 */
#ifndef WEIR_TEST_SUPPORT_CHECK_H
#define WEIR_TEST_SUPPORT_CHECK_H

#include <stddef.h>

#include "sys/current.h"

static const char *check_failed; /* by compare-and-swap */

static inline void check_note(const char *text)
{
    const char *none = NULL;

    (void)__atomic_compare_exchange_n(&check_failed, &none, text, 0, __ATOMIC_SEQ_CST,
                                      __ATOMIC_SEQ_CST);
}

#define CHECK_TEXT_(line) #line
#define CHECK_TEXT(line)  CHECK_TEXT_(line)
#define CHECK_INSIDE(condition)                                                                    \
    ((condition) ? (void)0 : check_note("line " CHECK_TEXT(__LINE__) ": " #condition))
#define CHECK(condition)                                                                           \
    (CHECK_INSIDE(condition),                                                                      \
     weir__here()->inside ? check_note("line " CHECK_TEXT(__LINE__) ": inside after " #condition)  \
                          : (void)0)

#define assert_checks()                                                                            \
    do {                                                                                           \
        const char *place_ = __atomic_exchange_n(&check_failed, NULL, __ATOMIC_SEQ_CST);           \
                                                                                                   \
        if (place_)                                                                                \
            fail_msg("%s", place_);                                                                \
    } while (0)

#endif
