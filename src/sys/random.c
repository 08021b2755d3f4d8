/* sys/random.c - see random.h. The call is made by number, because <sys/random.h> would find our
 * own header. */
#include "sys/random.h"

#include "sys/call.h"

#define NONBLOCK 1u /* GRND_NONBLOCK */

int weir__random_fill(void *bytes, size_t size)
{
    unsigned char *at = bytes;
    int rc = WEIR__SYS_FAULT(ENOSYS);

    while (rc >= 0 && size > 0) {
        rc = weir__sys_result(syscall(SYS_getrandom, at, size, 0));
        if (rc == -EINTR)
            rc = 0;
        if (rc > 0) {
            at += rc;
            size -= (size_t)rc;
        }
    }
    return rc < 0 ? rc : 0;
}

int weir__random_try(void *bytes, size_t size)
{
    int rc = WEIR__SYS_FAULT(EAGAIN);

    if (rc)
        return rc;
    do {
        rc = weir__sys_result(syscall(SYS_getrandom, bytes, size, NONBLOCK));
    } while (rc == -EINTR);
    return rc;
}
