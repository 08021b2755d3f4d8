/* weir/local.h - values that belong to a task, as thread-local ones belong to a thread.
 *
 * A key names one value in every task, NULL until it is set; it is made once, by whoever needs it,
 * and stays. A task that sets nothing pays nothing; the first value costs one block of memory.
 * Children can inherit a value when they are spawned: weir_spawn and its kin, weir_runtime_spawn
 * and weir_strand_spawn ask the task that calls them. Posted functions of a strand run in a task of
 * the strand, and handlers of weir_serve in tasks of their own: neither inherits.
 */
#ifndef WEIR_LOCAL_H
#define WEIR_LOCAL_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_LOCAL_KEYS_MAX 16 /* of a process */

typedef struct weir_local_key {
    uint32_t id; /* 0: none */
} weir_local_key;

/* Zero means default everywhere. */
struct weir_local_options {
    /* Is called with what a task leaves behind, at its end, on its stack, where it may suspend and
     * may set values: these are ended too, up to four times over; what is set then still is lost.
     * Default: nothing. */
    void (*destroy)(void *value);
    /* Is called at a spawn with the spawner's value, unless that is NULL, and gives the child's, to
     * be ended with `destroy`: weir_local_same, or what has taken a reference or made a copy. NULL:
     * the child has none. It may not suspend. If the task cannot be started the value is ended
     * where that is found out, where `destroy` may not suspend. Default: nothing is inherited. */
    void *(*inherit)(void *value);
};

/* Makes a key. Does not suspend. WEIR_ELIMIT (there are WEIR_LOCAL_KEYS_MAX), WEIR_EOPTION. Any
 * thread. Options are borrowed for the call. */
WEIR_PUBLIC int weir_local_key_create_n(weir_local_key *out,
                                        const struct weir_local_options *options,
                                        size_t options_size);
static inline int weir_local_key_create(weir_local_key *out)
{
    return weir_local_key_create_n(out, NULL, 0);
}
static inline int weir_local_key_create_with(weir_local_key *out,
                                             const struct weir_local_options *options)
{
    return weir_local_key_create_n(out, options, sizeof *options);
}

/* The calling task's value; NULL if it has none, outside of tasks, and for what is no key. Does not
 * suspend. */
WEIR_PUBLIC void *weir_local_get(weir_local_key key);

/* Sets the calling task's value; what was there before is the caller's. Does not suspend.
 * WEIR_ENOTASK, WEIR_ENOMEM (only the first value of a task needs memory), WEIR_EINVAL (no key). */
WEIR_PUBLIC int weir_local_set(weir_local_key key, void *value);

/* For `inherit`: the value itself, which then has to outlive the child. */
WEIR_PUBLIC void *weir_local_same(void *value);

#ifdef __cplusplus
}
#endif
#endif
