/* weir/signal.h - waiting for signals. */
#ifndef WEIR_SIGNAL_H
#define WEIR_SIGNAL_H

#include <stddef.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Waits until one of `count` signals (1..63; borrowed) arrives at the process: its number, the
 * lowest if there are several. From the first wait for a signal on it is weir's until the process
 * ends: it no longer has its default effect, a handler that was there before is not called, and one
 * that arrives while nobody waits is kept for the next wait (once, however often it came).
 * Suspends. One task of the process waits at a time. WEIR_EINVAL (not a signal that can be caught,
 * or none), WEIR_EBUSY (another task waits, for whichever signals), WEIR_EMFILE, WEIR_ENFILE,
 * WEIR_ENOMEM, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_signal_wait(const int *signals, size_t count);

#ifdef __cplusplus
}
#endif
#endif
