/* task/strand.h - strands, for the scheduler and for scopes; see <weir/strand.h>. */
#ifndef WEIR_TASK_STRAND_H
#define WEIR_TASK_STRAND_H

#include <stdbool.h>
#include <stdint.h>

struct weir__ledger;
struct weir__strand;
struct weir__strand_post;
struct weir__task;

#define WEIR__STRAND_POSTS_CACHED 256u

/* A worker's free posts. */
struct weir__strand_cache {
    struct weir__strand_post *first;
    uint32_t count;
};

/* Gives what is in it to the process. Accepts zeroed memory. */
void weir__strand_cache_fini(struct weir__strand_cache *cache);

/* Lets a task of a strand in when it has become runnable: true if the strand is free, else it waits
 * there for its turn. Any thread. */
bool weir__strand_admit(struct weir__task *task);
/* A task of a strand has left its stack: gives the strand to the next. */
void weir__strand_leave(struct weir__task *task);
/* One task of the strand less. */
void weir__strand_forget(struct weir__strand *strand);

/* Closes all strands of a scope; their tasks then count in it until they have ended. By the join,
 * when all else has ended. */
void weir__strand_close_all(struct weir__ledger *ledger);

#endif
