/* core/jobq.h - the jobs of a class that wait for a thread: a queue in shards.
 *
 * A shard is a list with a lock of its own. Who submits names one, the same for all that comes from
 * one loop, so that submitters of different loops do not meet at a lock. Who takes begins where it
 * found its last job, and looks at all others before it finds nothing.
 *
 * Order: within a shard, first come, first served. A taker takes WEIR__JOBQ_TURN jobs in a row from
 * a shard, then it is the next one's turn that has any. So a job with k others before it has begun
 * when any one taker has taken k + WEIR__JOBQ_TURN * (shards - 1) * (k / WEIR__JOBQ_TURN + 1) more
 * jobs: none starves, however many come elsewhere.
 *
 * Counting: `queued` is that of all shards, and changes under the lock of the shard that it is
 * about. A shard's own says where to look: it goes up before the sum, and down after it. So who has
 * seen the sum sees where its jobs are: a shard that is being filled is waited for at its lock, a
 * taker that finds nothing was overtaken by others, and who sees the shard empty sees so in the
 * sum. What the shards count besides has a meaning only as the sum of all: a job may begin in one
 * shard and end in another.
 *
 * Zeroed memory is an empty queue. Any thread.
 */
#ifndef WEIR_CORE_JOBQ_H
#define WEIR_CORE_JOBQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct weir__job;
struct weir_blocking_counts;

#ifndef WEIR__JOBQ_SHARDS
#define WEIR__JOBQ_SHARDS 8u /* a power of two */
#endif
#define WEIR__JOBQ_TURN 4u

struct weir__jobq_shard {
    uint32_t lock;          /* guards all of it, and the state of the jobs in it */
    uint32_t queued;        /* partner: has_jobs */
    struct weir__list jobs; /* zeroed: nothing was ever in it */
    uint32_t running;
    uint64_t done;
    uint64_t withdrawn;
    uint64_t refused;
} __attribute__((aligned(64)));

struct weir__jobq {
    uint32_t queued; /* partner: weir__jobq_len */
    struct weir__jobq_shard shards[WEIR__JOBQ_SHARDS];
};

/* Where one thread that takes jobs stands. */
struct weir__jobq_taker {
    uint32_t shard;
    uint32_t taken; /* from it, in a row */
};

/* Adds a job to the shard `near` (any number), unless `queued_max` wait already: false. */
bool weir__jobq_push(struct weir__jobq *queue, uint32_t near, struct weir__job *job,
                     uint32_t queued_max);
/* Ends the account of the taker's job before, if it has run one, and takes the next one, which has
 * begun then; NULL: there is none. */
struct weir__job *weir__jobq_take(struct weir__jobq *queue, struct weir__jobq_taker *taker,
                                  bool has_run);
/* Ends the account of a job. */
void weir__jobq_end(struct weir__jobq *queue, const struct weir__jobq_taker *taker);
/* Takes one of all that wait, which of them says `pick`. */
struct weir__job *weir__jobq_pick(struct weir__jobq *queue, uint32_t pick);
/* Takes a job out that has not begun: false if it has. */
bool weir__jobq_withdraw(struct weir__jobq *queue, struct weir__job *job);
/* Moves all that wait to `refused`, as begun and counted as refused. */
void weir__jobq_refuse(struct weir__jobq *queue, struct weir__list *refused);

/* How many wait. Sequentially consistent: who pushes and then looks whether a thread will come, and
 * who announces that it will not and then asks here, do not both miss the other. */
uint32_t weir__jobq_len(const struct weir__jobq *queue);
/* Adds queued, running, done, withdrawn and refused, all of one moment. */
void weir__jobq_count(struct weir__jobq *queue, struct weir_blocking_counts *counts);

#endif
