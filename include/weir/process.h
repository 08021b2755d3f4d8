/* weir/process.h - starting other programs, talking to them, and their end.
 *
 * A process is named by a value. Whatever becomes of the value the process leaves no zombie behind:
 * its end is taken as soon as it comes, also after the handle was closed, and after the runtime has
 * ended. What a child gets of its parent is said by the options and by nothing else: the
 * descriptors 0, 1 and 2, those in `extra`, default dispositions of all signals, and the signal
 * mask of the thread that has made the runtime.
 *
 * A process that asks for it is guarded by a task in a scope: the scope ends after the process, and
 * a cancel of the scope stops the process first politely and then by SIGKILL.
 */
#ifndef WEIR_PROCESS_H
#define WEIR_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/options.h>
#include <weir/scope.h>
#include <weir/select.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_process {
    uint64_t id;
} weir_process;

/* What becomes a descriptor of the child. */
enum weir_stdio_kind {
    WEIR_STDIO_INHERIT = 0,    /* the parent's of the same number, if it has one; of input, output
                                  and error only if it is not close-on-exec */
    WEIR_STDIO_NULL = 1,       /* /dev/null */
    WEIR_STDIO_PIPE = 2,       /* a pipe: *pipe gives the parent's end */
    WEIR_STDIO_DESCRIPTOR = 3, /* a copy of `descriptor`, which is borrowed for the call */
    WEIR_STDIO_FILE = 4,       /* the file at `path` */
    WEIR_STDIO_TERMINAL = 5,   /* the lower end of a new pseudo-terminal, see `terminal` */
    WEIR_STDIO_STREAM = 6,     /* bytes are carried from or to `stream`, which stays the caller's
                                  and open until the scope is joined; needs a `scope` */
    WEIR_STDIO_SAME = 7,       /* as the child's descriptor of the lower number `descriptor` */
};

struct weir_stdio {
    uint8_t kind;   /* enum weir_stdio_kind */
    uint8_t append; /* FILE, for writing: WEIR_ON: behind what is there; default: in its place */
    uint8_t input;  /* `extra`, of a pipe or a file: WEIR_ON: the child reads; default: writes */
    int descriptor;
    const char *path;
    weir_stream *pipe;
    weir_stream stream;
};

struct weir_process_limit {
    int resource; /* RLIMIT_* of setrlimit(2) */
    uint64_t soft, hard;
};

#define WEIR_PROCESS_EXTRA_MAX 64

/* Zero means default. All pointers are borrowed for the call. */
struct weir_process_options {
    const char *const *arguments; /* ends with NULL; the first is the program's own name */
    const char *program; /* default: the first argument. Without a '/' it is looked for in the PATH
                            of the child's environment; a relative path begins at `directory` */
    const char *const *environment; /* "NAME=value" each, ends with NULL; default: the parent's,
                                       which nobody may change meanwhile */
    const char *directory;          /* default: the parent's */
    struct weir_stdio input, output, error;
    const struct weir_stdio *extra; /* descriptors 3, 4, ... */
    size_t extra_count;             /* at most WEIR_PROCESS_EXTRA_MAX */
    uint8_t keep_descriptors; /* WEIR_ON: others that are not close-on-exec go to the child; default
                                 off */
    uint8_t new_session;      /* WEIR_ON: setsid(2); implied by a terminal */
    uint8_t new_group;        /* WEIR_ON: a process group of its own */
    uint8_t sets_user, sets_group, sets_groups, sets_umask; /* WEIR_ON: the values below hold */
    uint8_t sweep; /* WEIR_ON: when it has ended the rest of its group, if it has its own, is ended
                      by SIGKILL; default off */
    uint8_t kill_on_close; /* WEIR_ON: SIGKILL when the handle is closed, or the runtime ends; to
                              the group, if it has its own */
    uint32_t user, group, umask;
    const uint32_t *groups; /* supplementary; default: none if the user or the group is set and the
                               parent may, else the parent's; sets_groups WEIR_OFF: the parent's */
    size_t groups_count;
    const struct weir_process_limit *limits;
    size_t limits_count;
    const char *cgroup;     /* a folder of cgroup v2 where the child begins */
    weir_stream *terminal;  /* gives the upper end of the pseudo-terminal */
    uint16_t rows, columns; /* of it; default 24 and 80 */
    weir_scope *scope;      /* where a task guards it; default: nobody does */
    int stop_signal;        /* by which the guard asks it to end; default SIGTERM */
    int64_t grace_ns;       /* then SIGKILL; default 5 s; WEIR_FOREVER: never */
    weir_process *process;  /* where the handle goes; default, with a scope only: it has none */
    uint8_t *failed_step;   /* enum weir_process_step; written when the start fails */
};

/* In which step a start has failed. */
enum weir_process_step {
    WEIR_STEP_PREPARE = 0, /* in the parent, before there was a child */
    WEIR_STEP_CLONE = 1,
    WEIR_STEP_SIGNALS = 2,
    WEIR_STEP_SESSION = 3,
    WEIR_STEP_GROUP = 4,
    WEIR_STEP_TERMINAL = 5,
    WEIR_STEP_CGROUP = 6,
    WEIR_STEP_DESCRIPTORS = 7,
    WEIR_STEP_LIMITS = 8,
    WEIR_STEP_USER = 9,
    WEIR_STEP_DIRECTORY = 10,
    WEIR_STEP_EXEC = 11,
};

/* Starts a program: 0 when it has begun. Its cost does not grow with the parent's memory. Gives the
 * handle, for weir_process_close, and the streams of pipes and terminal. By a task; suspends, while
 * a thread of the pool (class FILES) reads the program. Every error, also that of the child before
 * it has begun its program, leaves nothing behind: what the system says in the step that
 * *failed_step names, for example WEIR_ENOENT in WEIR_STEP_EXEC (no such program); WEIR_EOPTION
 * (unknown kinds, no arguments, neither scope nor handle, ...), WEIR_ENOTASK, WEIR_ENOTSUP (on the
 * simulator), WEIR_ENOMEM, WEIR_ELIMIT, WEIR_EMFILE, WEIR_ECANCELED, WEIR_EDEADLINE. */
WEIR_PUBLIC int weir_process_start_n(const struct weir_process_options *options,
                                     size_t options_size);
static inline int weir_process_start(const struct weir_process_options *options)
{
    return weir_process_start_n(options, sizeof *options);
}

/* How a process has ended. */
struct weir_exit {
    int32_t code;      /* of its exit, or -1 */
    int32_t signal;    /* that has ended it, or 0 */
    uint8_t core;      /* 1: memory was dumped */
    uint8_t known;     /* 0: not a child, or somebody else has taken its end; all else is 0 then */
    int64_t user_ns;   /* processor time, of it and the children that it has waited for */
    int64_t system_ns; /* likewise, in the kernel */
    uint64_t memory_max; /* bytes that were resident at most */
};

/* Waits until the process has ended; *out, unless it is NULL, says how. Any number may wait, any
 * number of times. Suspends; a thread that runs no task blocks. 0, WEIR_EBADHANDLE, WEIR_ECLOSED
 * (the handle was closed meanwhile), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_process_wait_n(weir_process process, struct weir_exit *out, size_t out_size);
static inline int weir_process_wait(weir_process process, struct weir_exit *out)
{
    return weir_process_wait_n(process, out, sizeof *out);
}

/* Fills a case of a select (<weir/select.h>) with the same; `end` may be NULL, and is borrowed by
 * each select that uses the case. Does not suspend, cannot fail. */
WEIR_PUBLIC void weir_case_process_n(weir_case *out, weir_process process, struct weir_exit *end,
                                     size_t end_size);
static inline void weir_case_process(weir_case *out, weir_process process, struct weir_exit *end)
{
    weir_case_process_n(out, process, end, sizeof *end);
}

/* Makes a handle of a process that something else has started. One that is a child of this process
 * has its end taken by weir; of another's only the moment of its end is known. By a task; does not
 * suspend. WEIR_ESRCH, WEIR_EINVAL (not a process), WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM,
 * WEIR_ELIMIT, WEIR_EPERM, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_process_adopt(weir_process *out, int pid);

/* The number of the process, which is its own until weir_process_wait returns. WEIR_EBADHANDLE.
 * Does not suspend. Any thread. */
WEIR_PUBLIC int weir_process_pid(weir_process process);

/* Sends a signal (0: none, only looks) to the process, never to another one that has got its
 * number. WEIR_ESRCH (it has ended), WEIR_EPERM, WEIR_EINVAL, WEIR_EBADHANDLE. Does not suspend.
 * Any thread. */
WEIR_PUBLIC int weir_process_kill(weir_process process, int signal);

/* The same to its descendants too: to all in its cgroup by cgroup.kill, if it was started in one
 * (SIGKILL only), else to all in its process group, if it was started with one or in a session of
 * its own; else WEIR_ENOTSUP. Works while a member of the group lives that weir has not seen end:
 * WEIR_ESRCH once the process itself has ended, since its number may be another's then. */
WEIR_PUBLIC int weir_process_kill_tree(weir_process process, int signal);

/* Asks the process to end by a signal, to its tree if it has one, and by SIGKILL after `grace_ns`
 * (WEIR_FOREVER: never); waits for its end. Suspends. Errors as of weir_process_wait, and it goes
 * on living then. */
WEIR_PUBLIC int weir_process_stop_n(weir_process process, int signal, int64_t grace_ns,
                                    struct weir_exit *out, size_t out_size);
static inline int weir_process_stop(weir_process process, int signal, int64_t grace_ns,
                                    struct weir_exit *out)
{
    return weir_process_stop_n(process, signal, grace_ns, out, sizeof *out);
}

/* Ends the handle. The process goes on, unless kill_on_close was asked for; who waits gets
 * WEIR_ECLOSED. 0, also if it was closed already. Does not suspend, cannot fail. Any thread, while
 * the runtime exists. */
WEIR_PUBLIC int weir_process_close(weir_process process);

/* ---- running a command ---- */

/* Zero means default. */
struct weir_command_options {
    const void *input; /* what it reads; borrowed */
    size_t input_len;
    size_t output_max; /* bytes that are kept of its output, and of its error output: default 1 MiB;
                          what is over is read and thrown away */
    uint8_t stop_at_limit; /* WEIR_ON: what is over output_max ends the command */
    uint8_t joined;        /* WEIR_ON: its error output goes where its output goes */
    int64_t drain_ns; /* how long output is waited for after the command has ended, since others may
                         hold its pipes: default 1 s; WEIR_FOREVER */
};

struct weir_command_result {
    struct weir_exit exit;
    unsigned char *output; /* with a terminator behind; NULL: nothing came */
    size_t output_len;
    unsigned char *error;
    size_t error_len;
    uint8_t cut; /* 1: there was more than output_max */
};

/* Runs a program to its end, gives it its input and keeps its output: 0 when it has ended, however.
 * `process` says what to run; its three streams, handle and scope are this call's to set. A caller
 * that is stopped (a deadline, a cancel) ends it with its whole group, which is its own: SIGTERM,
 * then SIGKILL after grace_ns. *out gives the result in any case but WEIR_EOPTION; release it with
 * weir_command_free. Suspends. Errors as of weir_process_start, and WEIR_ELIMIT: more came than
 * output_max, with stop_at_limit. */
WEIR_PUBLIC int weir_command_n(const struct weir_process_options *process, size_t process_size,
                               const struct weir_command_options *options, size_t options_size,
                               struct weir_command_result *out, size_t out_size);
static inline int weir_command(const struct weir_process_options *process,
                               const struct weir_command_options *options,
                               struct weir_command_result *out)
{
    return weir_command_n(process, sizeof *process, options, sizeof *options, out, sizeof *out);
}

/* Releases what is in a result and zeroes it. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC void weir_command_free(struct weir_command_result *result);

#ifdef __cplusplus
}
#endif
#endif
