/* sys/trace.h - the calling thread's stack as addresses, and addresses as text.
 *
 * By the C library's unwinder, which needs no lock and no memory once it has been loaded: so it may
 * be used in a signal handler after weir__trace_prepare. Elsewhere traces are empty.
 */
#ifndef WEIR_SYS_TRACE_H
#define WEIR_SYS_TRACE_H

#include "base/line.h"

/* Loads what a first trace needs. */
void weir__trace_prepare(void);
/* The addresses of at most `room` frames, the caller's first; how many. Async-signal-safe. */
int weir__trace(void **frames, int room);
/* The same, without the frames in front of `first`, an address that a function on the stack returns
 * to; all of them if there is no such frame. */
int weir__trace_from(void **frames, int room, const void *first);
/* Adds "name+0x12" or "file+0x1234", as far as the dynamic linker knows it. */
void weir__trace_describe(struct weir__line *line, void *frame);

#endif
