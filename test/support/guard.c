/* test/support/guard.c - memory that ends at an unreadable page. The contract is in guard.h. */
#include "support/guard.h"

#include <string.h>
#include <sys/mman.h>

#include "test.h"

enum {
    PAGE = 4096
};

void guard_init(struct guard *guard, size_t len_max)
{
    guard->len = (len_max + PAGE - 1) / PAGE * PAGE;
    guard->pages =
        mmap(NULL, guard->len + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(guard->pages != MAP_FAILED);
    assert_int_equal(mprotect(guard->pages + guard->len, PAGE, PROT_NONE), 0);
}

char *guard_place(struct guard *guard, const void *bytes, size_t len)
{
    char *at = guard->pages + guard->len - len;

    assert_true(len <= guard->len);
    if (bytes)
        memcpy(at, bytes, len);
    return at;
}

void guard_fini(struct guard *guard)
{
    munmap(guard->pages, guard->len + PAGE);
}
