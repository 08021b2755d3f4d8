/* sys/spawn.h - starting, reaping and signalling processes.
 *
 * A child is made as by vfork(2): it shares the memory of its parent, whose thread stands still
 * until the child has begun its program, so that the cost does not depend on the parent's size. In
 * between it makes system calls only, on a stack of its own, with all signals blocked; what it says
 * of a failure is in the parent's memory. Any thread; blocks the caller for some hundred
 * microseconds, and for as long as reading the program takes.
 */
#ifndef WEIR_SYS_SPAWN_H
#define WEIR_SYS_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the child does, in this order. */
enum weir__spawn_step {
    SPAWN_STEP_NONE,
    SPAWN_STEP_CLONE, /* making the process itself */
    SPAWN_STEP_SIGNALS,
    SPAWN_STEP_SESSION,
    SPAWN_STEP_GROUP,
    SPAWN_STEP_TERMINAL,
    SPAWN_STEP_CGROUP,
    SPAWN_STEP_DESCRIPTORS,
    SPAWN_STEP_LIMITS,
    SPAWN_STEP_USER,
    SPAWN_STEP_DIRECTORY,
    SPAWN_STEP_EXEC
};

struct weir__spawn_limit {
    uint64_t soft, hard; /* as rlimit64: UINT64_MAX is none */
    int what;            /* RLIMIT_* */
};

/* All of it is borrowed for the call. */
struct weir__spawn_plan {
    const char *paths; /* where the program may be: texts one behind the other, an empty one last */
    char *const *argv;
    char *const *envp;
    const char *directory; /* NULL: the parent's */
    int *fds;              /* what becomes descriptor 0, 1, ...; -1: stays as it is. Changed */
    int fd_count;          /* at least 3 */
    bool close_others;
    bool new_session;
    bool sets_group;
    bool sets_user, sets_gid, sets_groups, sets_umask;
    bool drops_groups; /* if it may */
    int group;         /* 0: its own */
    uint32_t user, gid, umask;
    const uint32_t *groups;
    size_t group_count;
    const struct weir__spawn_limit *limits;
    size_t limit_count;
    int terminal;     /* a descriptor that becomes the controlling terminal, or -1 */
    int cgroup;       /* a descriptor of cgroup.procs, or -1 */
    uint64_t blocked; /* signals, bit n - 1 for signal n */
};

struct weir__spawned {
    int pid;
    int pidfd;                  /* close-on-exec, the caller's */
    enum weir__spawn_step step; /* which has failed */
};

/* 0 and *out; or -errno, and out->step. No process is left behind then. */
int weir__spawn(struct weir__spawn_plan *plan, struct weir__spawned *out);

/* How a process has ended. */
struct weir__spawn_end {
    int code;   /* of its exit, or -1 */
    int signal; /* that has ended it, or 0 */
    bool core;
    bool known;
    int64_t user_ns, system_ns;
    uint64_t memory_max; /* bytes resident */
};

/* Takes the end of a child: 1 and *out; 0 if it has not ended; -ECHILD if it is no child of this
 * process, or somebody else has taken it. With `wait` it waits. No fault: it ends something. */
int weir__spawn_reap(int pidfd, bool wait, struct weir__spawn_end *out);

/* A descriptor of any process; close-on-exec. -ESRCH. */
int weir__spawn_open(int pid);
/* pidfd_send_signal(2). No fault: it ends something. */
int weir__spawn_signal(int pidfd, int number);
/* Sends to a whole process group. -ESRCH: there is none (any more). Likewise. */
int weir__spawn_signal_group(int group, int number);

/* The calling thread's mask, as `blocked` above. */
uint64_t weir__spawn_blocked(void);
void weir__spawn_set_blocked(uint64_t blocked);
/* Takes signals off it. */
void weir__spawn_unblock(uint64_t signals);

#endif
