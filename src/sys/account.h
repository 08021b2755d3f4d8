/* sys/account.h - entries of users and groups, by libc. They block, on whatever the system asks.
 * Any thread.
 */
#ifndef WEIR_SYS_ACCOUNT_H
#define WEIR_SYS_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

struct group;
struct passwd;

/* The entry of a name, or of a number if `name` is NULL; its texts go to `room`. 0, WEIR_ENOENT,
 * WEIR_ERANGE (more room), or what has gone wrong. */
int weir__account_user(const char *name, uint32_t number, struct passwd *out, char *room,
                       size_t size);
int weir__account_group(const char *name, uint32_t number, struct group *out, char *room,
                        size_t size);

uint32_t weir__account_own_user(void);
uint32_t weir__account_own_group(void);

#endif
