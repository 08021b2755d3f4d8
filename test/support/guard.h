/* test/support/guard.h - memory that ends at an unreadable page.
 *
 * A read or write of one byte too many ends the test program at once, with or without a sanitizer.
 * One guard is one test's; nothing here is shared.
 */
#ifndef WEIR_TEST_SUPPORT_GUARD_H
#define WEIR_TEST_SUPPORT_GUARD_H

#include <stddef.h>

struct guard {
    char *pages;
    size_t len; /* of the readable part */
};

/* Maps room for `len_max` bytes before the unreadable page. Fails the test if it cannot. */
void guard_init(struct guard *guard, size_t len_max);

/* The last `len` bytes before the unreadable page, filled from `bytes` unless it is NULL. They
 * stay valid until the next call or guard_fini. */
char *guard_place(struct guard *guard, const void *bytes, size_t len);

/* Unmaps. */
void guard_fini(struct guard *guard);

#endif
