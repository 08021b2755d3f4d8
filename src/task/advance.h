/* task/advance.h - who moves the virtual clock, and when.
 *
 * With a virtual clock no worker sleeps for a time. One that has nothing to do sits down: it is
 * idle, and says when its next timer is due. When all of them sit, no job of the pool is waited
 * for, and no loop has anything to take in, the one that sat down last moves the clock to the
 * earliest of these moments, and wakes those whose moment it is. A worker that is woken gets up
 * before it takes anything in; so the clock never moves past what a task of the runtime has already
 * sent to another one.
 */
#ifndef WEIR_TASK_ADVANCE_H
#define WEIR_TASK_ADVANCE_H

#include <stdbool.h>
#include <stdint.h>

struct weir__runtime;
struct weir__worker;

/* A runtime's share. */
struct weir__advance {
    bool on;
    uint32_t lock;    /* guards all of this but `holds`, and the seats */
    uint32_t workers; /* whose threads have not ended */
    uint32_t seated;
    uint32_t holds; /* jobs that are waited for; partner: weir__advance_release */
};

/* A worker's. */
struct weir__seat {
    bool taken;
    uint64_t due_ns; /* the next timer */
};

/* Sleeps in place of the calling worker's loop, which has nothing to run: until something has come,
 * or the clock has been moved for it. */
void weir__advance_sleep(struct weir__worker *worker);
/* The calling worker's thread ends. */
void weir__advance_leave(struct weir__worker *worker);

/* Between these two the clock stands still. The runtime does not end meanwhile. Any thread. */
void weir__advance_hold(struct weir__runtime *runtime);
void weir__advance_release(struct weir__runtime *runtime);

#endif
