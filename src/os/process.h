/* os/process.h - the object behind a weir_process.
 *
 * Lives in a pool of the process. It is held by its handle, by the task that guards it, and by the
 * watch: a silent operation on one loop that waits for the end, takes it, and tells who waits. The
 * watch begins when the child has begun its program and does not ask whether the handle is open. A
 * watch that its runtime's end stops hands the child over to orphan.c.
 *
 * States: STARTING, RUNNING, ENDED (also: it could not be started). Everything is guarded by the
 * lock, but `fd`, `op` and `link`, which are the watch's. While it is RUNNING the end is not taken,
 * so its number is its own.
 */
#ifndef WEIR_OS_PROCESS_H
#define WEIR_OS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/process.h>

#include "base/list.h"
#include "sys/spawn.h"
#include "task/waitq.h"

struct weir__worker;

enum weir__process_state {
    PROCESS_STARTING,
    PROCESS_RUNNING,
    PROCESS_ENDED
};

struct weir__process {
    uint32_t lock;
    uint32_t refs;
    uint32_t state;
    int pid;
    int pidfd;       /* while it is RUNNING */
    int cgroup_kill; /* a descriptor, or -1 */
    int asked;       /* a signal that came while it was STARTING, or 0 */
    bool has_group;  /* of which it is the leader */
    bool sweep;
    bool kill_on_close;
    bool leaving; /* the watch is to end, because its runtime does; the watch's */
    int32_t failure;
    uint64_t id; /* 0: the handle is closed */
    struct weir_exit exit;
    struct weir__waitq waiters;
    weir_fd fd;
    weir_op op;
    struct weir__worker *worker;
    struct weir__list link;
    struct weir__process *next; /* the pool's */
};

/* Makes one with a handle, STARTING: held by the handle. */
int weir__process_make(struct weir__process **out);
void weir__process_hold(struct weir__process *process);
void weir__process_drop(struct weir__process *process);

/* It has begun: takes the descriptor, and begins the watch on the calling worker. */
void weir__process_began(struct weir__process *process, struct weir__worker *worker, int pid,
                         int pidfd);
/* It has not: who waits is told, and the handle ends. */
void weir__process_failed(struct weir__process *process, int reason);

/* As weir_process_wait and weir_process_stop, by who holds it: also after the handle was closed. */
int weir__process_await(struct weir__process *process, struct weir_exit *out);
int weir__process_end(struct weir__process *process, int signal, int64_t grace_ns,
                      struct weir_exit *out);

/* What a task that guards a process has to do besides: carrying bytes. `child` is the parent's end
 * of a pipe of the child's, and the carrier's. */
struct weir__carried {
    weir_stream child;
    weir_stream other;
    bool input;
    weir_task task; /* once it has begun */
};
struct weir__guard {
    struct weir__process *process;
    int signal;
    int64_t grace_ns;
    uint32_t count;
    struct weir__carried carried[3];
};
/* Takes the guard, which is of weir__alloc, and a hold of its process, on success. */
int weir__guard_spawn(weir_scope *scope, struct weir__guard *guard);

/* Carries bytes from one stream to the other until the end of the first: 0 or an error. */
int weir__carry(weir_stream from, weir_stream to);

#endif
