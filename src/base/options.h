/* base/options.h - reading an options struct that a caller of another version may have filled.
 *
 * The caller passes sizeof of its own struct; the library copies what both know and refuses set
 * bytes that it does not know, so that a new option is never ignored by an old library.
 */
#ifndef WEIR_BASE_OPTIONS_H
#define WEIR_BASE_OPTIONS_H

#include <stddef.h>

/* Copies min(theirs_size, own_size) bytes into `own`, which the caller has zeroed. `theirs` may be
 * NULL: all defaults. WEIR_EOPTION if a byte beyond own_size is set. Does not suspend. */
int weir__options_copy(void *own, size_t own_size, const void *theirs, size_t theirs_size);

/* The other way round, for a struct that is given out: what the caller's has beyond ours becomes
 * zero. Does nothing if `theirs` is NULL. */
void weir__options_give(void *theirs, size_t theirs_size, const void *own, size_t own_size);

#endif
