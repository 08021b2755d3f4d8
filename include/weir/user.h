/* weir/user.h - users and groups of the system, by name and by number.
 *
 * The answers come from wherever the system keeps them (/etc/passwd, a directory on the network),
 * and may take long: a thread of the pool, class NAMES, asks. A caller that is cancelled, or meets
 * its deadline, leaves at once.
 */
#ifndef WEIR_USER_H
#define WEIR_USER_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One user. The texts are in `memory`. */
struct weir_user {
    const char *name;
    const char *about; /* the full name, usually */
    const char *home;
    const char *shell;
    uint32_t number;
    uint32_t group; /* the first one */
    void *memory;
};

/* Looks a user up. *out is the caller's: weir_user_free. WEIR_ENOENT (there is none), WEIR_EINVAL
 * (an empty name), WEIR_ELIMIT (an entry of more than a MiB), WEIR_ENOMEM, WEIR_EIO, WEIR_EMFILE,
 * WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK, and errors of weir_blocking. Suspends. Borrows
 * `name`. getpwnam_r(3) */
WEIR_PUBLIC int weir_user_by_name(const char *name, struct weir_user *out);
WEIR_PUBLIC int weir_user_by_number(uint32_t number, struct weir_user *out);
/* Gives the memory back, once. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC void weir_user_free(struct weir_user *user);

/* The numbers of the process's own user and group, effective. Do not suspend, cannot fail. Any
 * thread. */
WEIR_PUBLIC uint32_t weir_user_own(void);
WEIR_PUBLIC uint32_t weir_group_own(void);

/* One group. The texts are in `memory`. */
struct weir_group {
    const char *name;
    const char *const *members; /* names of users, NULL-terminated; those whose first group it is
                                   are not there */
    uint32_t number;
    void *memory;
};

/* The same for groups. getgrnam_r(3) */
WEIR_PUBLIC int weir_group_by_name(const char *name, struct weir_group *out);
WEIR_PUBLIC int weir_group_by_number(uint32_t number, struct weir_group *out);
WEIR_PUBLIC void weir_group_free(struct weir_group *group);

#ifdef __cplusplus
}
#endif
#endif
