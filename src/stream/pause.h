/* stream/pause.h - a task waits in an object's queue until it is granted, or until a moment. */
#ifndef WEIR_STREAM_PAUSE_H
#define WEIR_STREAM_PAUSE_H

#include <stdint.h>

#include "task/waitq.h"

#define WEIR__PAUSE_ANY UINT64_MAX /* no moment */

/* Called under the object's lock, which is released. 0 when it is time to look again: the task was
 * granted, or the moment of weir__now_ns has come; or why it was stopped. `what` is for dumps, and
 * stays. Suspends. By a task. */
int weir__pause_in(uint32_t *lock, struct weir__waitq *queue, uint64_t until_ns, const char *what);

#endif
