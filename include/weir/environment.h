/* weir/environment.h - the environment of the process, by many threads.
 *
 * The calls of one process exclude each other by a lock. Those of C (getenv, setenv) do not know
 * it: a library that calls setenv while others read is as dangerous as ever, so a program that
 * changes variables while it runs does so, and reads, by these calls alone. A process that is
 * started meanwhile (<weir/process.h>) gets the environment of one moment. Texts are given as
 * copies. None suspends; any thread.
 */
#ifndef WEIR_ENVIRONMENT_H
#define WEIR_ENVIRONMENT_H

#include <stddef.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A variable's value: its length, and the text with a terminator. WEIR_ENOENT (there is none),
 * WEIR_ENOBUFS (it does not fit; with `cap` 0 `out` may be NULL), WEIR_EINVAL (a name that is empty
 * or has a '='). Borrows `name`. */
WEIR_PUBLIC int weir_environment_get(const char *name, char *out, size_t cap);

/* Sets a variable; takes it away, which succeeds also if there is none. Copies both texts.
 * WEIR_EINVAL as above, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_environment_set(const char *name, const char *value);
WEIR_PUBLIC int weir_environment_unset(const char *name);

/* All variables at one moment: *out is a list of "NAME=value", NULL-terminated, in one piece of
 * memory that is the caller's: weir_environment_free. It fits `environment` of <weir/process.h>.
 * Returns how many there are, or WEIR_ENOMEM. */
WEIR_PUBLIC int weir_environment_list(char ***out);
WEIR_PUBLIC void weir_environment_free(char **list);

#ifdef __cplusplus
}
#endif
#endif
