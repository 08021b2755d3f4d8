/* sys/park.c - see park.h. The futex is private to the process.
 *
 * Has no fault: a park that ends early looks like any other early end, and an unpark cannot fail.
 */
#include "sys/park.h"

#include <limits.h>
#include <linux/futex.h>

#include "sys/call.h"

int weir__park(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    struct timespec when;
    int rc;

    if (timeout_ns >= 0) {
        when.tv_sec = (time_t)(timeout_ns / 1000000000);
        when.tv_nsec = (long)(timeout_ns % 1000000000);
    }
    rc = weir__sys_result(syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
                                  timeout_ns >= 0 ? &when : NULL, NULL, 0));
    return rc == -ETIMEDOUT ? rc : 0; /* EAGAIN: another value; EINTR: an early end */
}

void weir__unpark(uint32_t *word, uint32_t count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : (int)count, NULL, NULL,
            0);
}
