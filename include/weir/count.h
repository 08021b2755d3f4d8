/* weir/count.h - streams of counts: eventfd and timerfd.
 *
 * Each read gives 8 bytes, a count in the machine's own form, and empties what was counted; it
 * waits while that is 0. They are streams (<weir/stream.h>): weir_close ends them, and
 * weir_read_exactly reads one count; the calls here are the same with the type that it has. Other
 * programs and libraries may have the other copies of the descriptor.
 */
#ifndef WEIR_COUNT_H
#define WEIR_COUNT_H

#include <stdint.h>

#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_count_flag {
    WEIR_COUNT_ONE_BY_ONE = 1 /* each read takes 1 of what was counted: a semaphore */
};

/* Makes a stream of an event descriptor with a first count. Gives *out. By a task; does not
 * suspend. WEIR_EINVAL (flags), WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ENOTASK.
 * eventfd(2) */
WEIR_PUBLIC int weir_count_open(weir_stream *out, uint32_t first, uint32_t flags);

/* Makes a stream that counts the periods that have passed; the first ends after `first_ns` (at
 * least 1), the others after `period_ns` each (0: there are no others). CLOCK_MONOTONIC, real also
 * where a runtime's clock is virtual. Else as above; WEIR_EINVAL: the times. timerfd_create(2) */
WEIR_PUBLIC int weir_count_periods(weir_stream *out, int64_t first_ns, int64_t period_ns);

/* Makes a stream of a descriptor of one of these two kinds: takes it on success, makes it
 * close-on-exec and leaves its mode alone. WEIR_ENOTSUP (another kind), WEIR_EBADF, and errors as
 * above. */
WEIR_PUBLIC int weir_count_adopt(weir_stream *out, int descriptor);

/* Waits until something was counted: 0, and *out is how much (1 if it is taken one by one).
 * Suspends. Errors as of weir_read. */
WEIR_PUBLIC int weir_count_take(weir_stream stream, uint64_t *out);

/* Adds to an event descriptor's count; waits while it would be over 2^64 - 2. Suspends. WEIR_EINVAL
 * (2^64 - 1, or a timer), and errors as of weir_write. */
WEIR_PUBLIC int weir_count_add(weir_stream stream, uint64_t count);

#ifdef __cplusplus
}
#endif
#endif
