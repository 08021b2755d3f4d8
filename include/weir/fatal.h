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

/* Called with one line of text without a newline, which is borrowed until it returns. By the thread
 * that has found it, perhaps by several at once; perhaps from a signal handler, on a small stack:
 * it may use async-signal-safe calls only, and none of weir. When it returns the process is
 * aborted. */
typedef void weir_fatal(const char *line);

/* Sets the hook of the process, for ever or until the next call; NULL sets the default. Does not
 * suspend, cannot fail. Any thread, at any time; a line that is on its way may still go to the old
 * hook. */
WEIR_PUBLIC void weir_set_fatal(weir_fatal *hook);

#ifdef __cplusplus
}
#endif
#endif
