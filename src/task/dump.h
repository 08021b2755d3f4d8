/* task/dump.h - dumps of a runtime's tasks. See <weir/dump.h>.
 *
 * Who dumps asks each worker in turn, by a post, for a piece: the worker looks at the next of its
 * slab's tasks, between two turns of its loop, so that none of them can be released meanwhile. It
 * fills in what it can: a task that pauses it inspects; of one that waits on another worker's loop
 * it notes the wait, and that worker is asked then. Who runs is asked by a signal (task/traced.h).
 * Then the piece is told, by the asker, and the next one asked for.
 *
 * A piece is the asker's but while an ask is TAKEN. States of an ask: ASKED, TAKEN (the worker is
 * at it, and grants the asker's waiter at its end), ABANDONED (the asker has gone; the worker frees
 * it when it comes to it).
 */
#ifndef WEIR_TASK_DUMP_H
#define WEIR_TASK_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/dump.h>

#include "sys/thread.h"

/* A runtime's. */
struct weir__dumper {
    uint32_t busy; /* a dump is under way; by exchange */
    /* the thread that waits for the signal of the option dump_signal */
    struct weir__thread thread;
    bool running;
    int signal;
    uint32_t told;     /* signals before it began */
    uint32_t stopping; /* partners: the thread, and its waits for workers */
};

/* As the public calls. */
int weir__dump(struct weir__runtime *runtime, weir_dump_fn *fn, void *arg);

/* Lets a signal have a dump written to the log: starts the thread that does it. 0 or an error, with
 * nothing started. */
int weir__dump_watch(struct weir__runtime *runtime, int signal);
/* Ends it. Accepts one that is not watching. */
void weir__dump_unwatch(struct weir__runtime *runtime);

#endif
