/* sys/account.c - see account.h. */
#include "sys/account.h"

#include <grp.h>
#include <pwd.h>
#include <weir/error.h>

#include "sys/call.h"

/* What the calls of libc say, which is no errno, of an entry: some say ESRCH and the like for one
 * that there is not. */
static int result(int code, const void *found)
{
    if (found)
        return 0;
    return code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM
               ? WEIR_ENOENT
               : -code;
}

int weir__account_user(const char *name, uint32_t number, struct passwd *out, char *room,
                       size_t size)
{
    struct passwd *found = NULL;
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    do {
        rc = name ? getpwnam_r(name, out, room, size, &found)
                  : getpwuid_r(number, out, room, size, &found);
    } while (rc == EINTR);
    return result(rc, found);
}

int weir__account_group(const char *name, uint32_t number, struct group *out, char *room,
                        size_t size)
{
    struct group *found = NULL;
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc)
        return rc;
    do {
        rc = name ? getgrnam_r(name, out, room, size, &found)
                  : getgrgid_r(number, out, room, size, &found);
    } while (rc == EINTR);
    return result(rc, found);
}

uint32_t weir__account_own_user(void)
{
    return geteuid();
}

uint32_t weir__account_own_group(void)
{
    return getegid();
}
