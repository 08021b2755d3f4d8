/* weir/pipeline.h - a stage between two channels, which works on several values at once.
 *
 * A stage is one call, usually the only one of a task: it takes values from a channel until that
 * has ended, calls a function for each in tasks of its own, and sends the results to another one.
 * Stages in one scope make a pipeline. A stage that is fast waits for one that is slow, because the
 * channels between them are bounded; a failure anywhere ends all of them, because it closes the
 * channels on both sides.
 */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/chan.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means default everywhere. */
struct weir_map_options {
    uint32_t concurrency; /* values that are worked on at once, each in a task: 1..65536; default:
                             as many as the runtime has workers */
    uint8_t ordered;      /* WEIR_ON: results come in the order of the values; a slow value then
                             holds up those behind it, as many as are worked on at once. Default:
                             as they are done */
    uint8_t keep_open;    /* WEIR_ON: the channels are not closed */
    size_t stack_size;    /* of each task; see struct weir_spawn_options */
};

#define WEIR_MAP_SKIP 1 /* what a function returns that has no result for a value */

/* Makes a result of a value; may suspend. 0, WEIR_MAP_SKIP, or a failure (negative), which ends the
 * stage. The pointers are borrowed until it returns, and aligned to 16 bytes. */
typedef int weir_map_fn(const void *value, void *result, void *arg);
typedef int weir_each_fn(void *value, void *arg);

/* Maps the values of `in` to results in `out`, until `in` is closed: 0 if its reason is
 * WEIR_ECLOSED or WEIR_EEOF. The first failure cancels the other tasks and is returned: of a
 * function, the reason of the close of `out`, another reason of `in` (after what was under way is
 * done), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM; what was taken from `in` and not sent is lost
 * then. Closes `out` at the end, with the reason of `in` or with the failure; after a failure `in`
 * as well, so that nobody sends into it for nothing. Takes memory once, for as many values and
 * results as are worked on at once. Suspends until all is done. Errors, with nothing done and
 * nothing closed: WEIR_ENOTASK, WEIR_EOPTION, WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_map_n(weir_chan in, weir_chan out, weir_map_fn *fn, void *arg,
                           const struct weir_map_options *options, size_t options_size);
static inline int weir_map(weir_chan in, weir_chan out, weir_map_fn *fn, void *arg,
                           const struct weir_map_options *options)
{
    return weir_map_n(in, out, fn, arg, options, sizeof *options);
}

/* The same without results: WEIR_MAP_SKIP is as good as 0. What `ordered` is for does not apply:
 * WEIR_EOPTION. */
WEIR_PUBLIC int weir_for_each_n(weir_chan in, weir_each_fn *fn, void *arg,
                                const struct weir_map_options *options, size_t options_size);
static inline int weir_for_each(weir_chan in, weir_each_fn *fn, void *arg,
                                const struct weir_map_options *options)
{
    return weir_for_each_n(in, fn, arg, options, sizeof *options);
}

#ifdef __cplusplus
}
#endif
#endif
