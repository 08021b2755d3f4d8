/* weir/signal.h - waiting for signals. */
#ifndef WEIR_SIGNAL_H
#define WEIR_SIGNAL_H

#include <stddef.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Waits until one of the signals arrives at the process: its number. From the first wait for a
 * signal on, the signal no longer has its default effect; one that arrives while nobody waits is
 * kept for the next wait. Suspends. WEIR_EINVAL (not a signal that can be caught, or no signal),
 * WEIR_EBUSY (another task waits for one of them), WEIR_EMFILE, WEIR_ECANCELED, WEIR_EDEADLINE. */
WEIR_PUBLIC int weir_signal_wait(const int *signals, size_t count);

#ifdef __cplusplus
}
#endif
#endif
