/* core/offload.h - threads for calls that block: one pool a process.
 *
 * A class has a queue, threads, limits and locks of its own, so that nothing that happens in one
 * class delays another. Its threads are made as jobs come and none is idle, up to its limit, and
 * end when they have been idle for its keep-alive. At most one thread at a time is on its way to
 * the queue (woken, being made, or looking for a moment before it sleeps): it wakes the next if it
 * leaves jobs behind, so a burst of short jobs does not wake a thread for each. A job that finds no
 * thread waits in the queue, whose order jobq.h tells.
 *
 * States of a job: QUEUED, BEGUN. It is the submitter's memory until `finish` is called or it was
 * withdrawn; the pool does not touch it after that. `finish` is called exactly once for a job that
 * was taken and not withdrawn: after `run`, or with `error` set if no thread could be made.
 *
 * The threads live while somebody holds the pool: the last to release it joins them.
 */
#ifndef WEIR_CORE_OFFLOAD_H
#define WEIR_CORE_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/blocking.h>

#include "base/list.h"

enum weir__job_state {
    JOB_QUEUED,
    JOB_BEGUN
};

struct weir__job {
    struct weir__list link;                /* guarded by its shard's lock, as the next */
    uint8_t state;                         /* enum weir__job_state */
    uint8_t shard;                         /* of the queue; see jobq.h */
    uint8_t group;                         /* its class */
    int cpu;                               /* from which it was submitted */
    int error;                             /* why it was not run, or 0 */
    void (*run)(struct weir__job *job);    /* on a thread of the pool; may block */
    void (*finish)(struct weir__job *job); /* the last that is heard of it; may not block */
};

/* Between these two the pool may be used. The last release joins all threads, so no job may be left
 * then, and blocks the caller. Any thread. */
void weir__offload_hold(void);
void weir__offload_release(void);

/* Takes a job whose functions are filled in: 0, or 1 if a thread looks for jobs just now, which it
 * does while they are short and come at once. `near` is the submitter's, any number: jobs with the
 * same one are begun in the order in which they came. WEIR_EINVAL (no such class, or one of
 * the functions is missing), WEIR_ELIMIT (its queue is full). Does not block, but may make a
 * thread. Any thread. */
int weir__offload_submit(uint32_t group, uint32_t near, struct weir__job *job);
/* In a simulation: has one job of the class run later by weir__offload_run_one, in place of a
 * thread; 0, or an error. NULL: there are threads. Written while no loop runs. */
extern int (*weir__offload_hire)(uint32_t group);
/* Runs one of the jobs that wait, of which `pick` chooses one, on the calling thread. */
void weir__offload_run_one(uint32_t group, uint32_t pick);
/* Takes a job back that has not begun: true, and it is the submitter's. Any thread. */
bool weir__offload_withdraw(struct weir__job *job);
/* The name of a class's threads, for as long as the process lives; NULL: there is no such class. */
const char *weir__offload_name(uint32_t group);
/* Counts a job that its submitter does not wait for any more, or no such job (-1). Any thread. */
void weir__offload_note_left(uint32_t group, int change);

#endif
