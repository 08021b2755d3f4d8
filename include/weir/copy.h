/* weir/copy.h - moves what one stream reads to another, one way or both.
 *
 * Any two streams will do. The bytes pass through buffers that the worker lends; between sockets
 * and pipes, where much comes at once, they stay in the kernel instead (splice(2)). A connection
 * over which nothing comes holds no buffer and no pipe either way.
 */
#ifndef WEIR_COPY_H
#define WEIR_COPY_H

#include <weir/stream.h>
#include <weir/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called in the copying task after each part, with the bytes moved so far: 0, or a negative code,
 * with which the copy ends. It may suspend. */
typedef int weir_copy_progress_fn(void *arg, uint64_t moved);

/* Zero means default. */
struct weir_copy_options {
    uint64_t limit; /* so many bytes are read at most; default: all */
    weir_copy_progress_fn *progress;
    void *arg;      /* progress's, borrowed */
    uint8_t splice; /* through the kernel, where both streams can; default: while much comes at
                       once; WEIR_ON: from the start; WEIR_OFF: never */
};

/* Copies until `from` ends, or the limit is reached, and shuts nothing down: 0, or an error of
 * reading, of writing, or of `progress`. If an error of writing or a stop loses what was read last,
 * the writing direction of `to` is broken (WEIR_EBROKEN). *moved, unless it is NULL, is the number
 * of bytes that were written, in any case but WEIR_EOPTION. Suspends. Options are borrowed and may
 * be NULL. WEIR_EOPTION, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_copy_n(weir_stream from, weir_stream to, uint64_t *moved,
                            const struct weir_copy_options *options, size_t options_size);
static inline int weir_copy(weir_stream from, weir_stream to, uint64_t *moved)
{
    return weir_copy_n(from, to, moved, NULL, 0);
}
static inline int weir_copy_with(weir_stream from, weir_stream to, uint64_t *moved,
                                 const struct weir_copy_options *options)
{
    return weir_copy_n(from, to, moved, options, sizeof *options);
}

/* Zero means default. */
struct weir_copy_both_options {
    int64_t idle_limit_ns; /* when nothing has moved for so long, either way, it ends with
                              WEIR_EIDLE; default and WEIR_FOREVER: no limit */
    uint8_t splice;        /* as of struct weir_copy_options, for both ways */
};

/* Bytes that were written, to the second stream and to the first. */
struct weir_copied {
    uint64_t there;
    uint64_t back;
    uint64_t spliced; /* of both, how many stayed in the kernel */
};

/* Copies both ways at once, each way in a task of its own. When one stream ends, the writing
 * direction of the other is shut down, and the other way goes on: 0 when both have ended. The first
 * error, of either way, ends both. Closes nothing. *copied, unless it is NULL, is given in any case
 * but WEIR_EOPTION and WEIR_ENOTASK. Suspends. Options are borrowed and may be NULL. Errors of
 * reading, writing and weir_spawn. */
WEIR_PUBLIC int weir_copy_both_n(weir_stream a, weir_stream b, struct weir_copied *copied,
                                 const struct weir_copy_both_options *options, size_t options_size);
static inline int weir_copy_both(weir_stream a, weir_stream b, struct weir_copied *copied)
{
    return weir_copy_both_n(a, b, copied, NULL, 0);
}
static inline int weir_copy_both_with(weir_stream a, weir_stream b, struct weir_copied *copied,
                                      const struct weir_copy_both_options *options)
{
    return weir_copy_both_n(a, b, copied, options, sizeof *options);
}

#ifdef __cplusplus
}
#endif
#endif
