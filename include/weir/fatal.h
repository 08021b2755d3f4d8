/* weir/fatal.h - what happens when weir must end the process.
 *
 * Three things may: a task that overflows its stack, a broken invariant of weir, and a broken rule
 * in a debug build. The default writes one line to stderr and aborts.
 */
#ifndef WEIR_FATAL_H
#define WEIR_FATAL_H

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called with one line of text without a newline; it may be called from a signal handler, on a
 * small stack, and may use async-signal-safe calls only. When it returns the process is aborted. */
typedef void weir_fatal(const char *line);

/* Sets the hook; NULL sets the default. Any thread. */
WEIR_PUBLIC void weir_set_fatal(weir_fatal *hook);

#ifdef __cplusplus
}
#endif
#endif
