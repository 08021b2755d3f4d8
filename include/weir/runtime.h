/* weir/runtime.h - workers that run tasks.
 *
 * A runtime has workers, each a thread with a loop. weir_run makes one for a program whose main
 * function is a task; weir_runtime_create makes one beside a program's own threads. Several may
 * exist. A task belongs to one runtime, and so do streams and listeners that it makes.
 */
#ifndef WEIR_RUNTIME_H
#define WEIR_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/loop.h>
#include <weir/options.h>
#include <weir/task.h>
#include <weir/token.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION      0x000100u /* 0.1.0: major, minor, patch, a byte each */
#define WEIR_VERSION_TEXT "0.1.0"

/* The library's own version, in the form of WEIR_VERSION, to compare with the header's. Does not
 * suspend, cannot fail. Any thread. */
WEIR_PUBLIC uint32_t weir_version(void);

#define WEIR_WORKERS_MAX 256

/* How workers are bound to processors. */
enum weir_pin_policy {
    WEIR_PIN_NONE = 0,
    WEIR_PIN_CORES = 1, /* each to one of the processors that the process may use, in turn */
    WEIR_PIN_NODES = 2, /* each to the processors of one NUMA node, in turn */
};

/* Which clocks a runtime has. */
enum weir_clock {
    WEIR_CLOCK_REAL = 0,
    /* For tests: time stands still while anything runs, and jumps to the next timer when nothing
     * does: all workers sleep and no blocking job is waited for. Sleeps, deadlines and all other
     * limits work, and take no time. Both clocks of <weir/time.h> are virtual, for all threads;
     * what other threads, processes or the disk do is not waited for. There may be no other loop
     * or runtime in the process; lending and reports are off. */
    WEIR_CLOCK_VIRTUAL = 1,
};

/* What is called by the runtime's own threads: see weir_runtime_options.hooks. None may suspend. */
struct weir_runtime_hooks {
    void *arg;                                        /* passed to each */
    void (*worker_start)(uint32_t worker, void *arg); /* on its thread, before anything else */
    void (*worker_stop)(uint32_t worker, void *arg);
    void (*worker_park)(uint32_t worker, void *arg); /* it has nothing to do, and sleeps */
    void (*worker_unpark)(uint32_t worker, void *arg);
    /* On the worker where it happens; `user` is the place for a pointer in the task. */
    void (*task_spawn)(uint64_t id, const char *name, void **user, void *arg);
    void (*task_begin)(uint64_t id, const char *name, void **user,
                       void *arg); /* each time it runs */
    void (*task_pause)(uint64_t id, const char *name, void **user,
                       void *arg); /* and stops running */
    void (*task_end)(uint64_t id, const char *name, void **user, void *arg);
};

/* Zero means default everywhere. */
struct weir_runtime_options {
    uint32_t workers;     /* default: the CPUs that the process may use */
    uint32_t backend;     /* enum weir_backend */
    uint32_t buffers_max; /* a worker; see struct weir_loop_options */
    int64_t spin_ns;      /* longest look for work before a worker sleeps; default 200 us, at most
                             1 s; negative: none */
    size_t stack_size;    /* of a task's slot, with its guard of 16 KiB: a multiple of the page,
                             32 KiB..8 MiB; default 64 KiB */
    uint8_t no_overflow_report; /* WEIR_ON: leave SIGSEGV alone */
    uint8_t lend;               /* let a standby thread step a worker whose task computes for longer
                             than slice_ns; default: on when there is more than one worker */
    uint8_t pin;                /* enum weir_pin_policy */
    int32_t lend_signal;        /* the signal that lending needs; default SIGRTMIN + 8 */
    int64_t slice_ns;           /* 100 us..1 s; default 1 ms */
    int64_t report_ns;          /* a run that is longer is counted and reported; negative: none is;
                                   default 1 s, with one worker none: a thread beside it would make
                                   each of its system calls dearer */
    const struct weir_runtime_hooks *hooks; /* borrowed until the runtime has ended; default none */
    const char *name;                       /* of the runtime, for messages; borrowed likewise */
    uint8_t clock;                          /* enum weir_clock */
    int64_t pack_after_ns; /* a packable task (<weir/task.h>) that waits for longer is packed;
                              default 10 s; with a virtual clock, on sim, and if
                              negative none is */
    int32_t dump_signal;   /* when the process gets it, weir_dump_text's lines go to the log
                            (<weir/log.h>), as warnings, by a thread of its own; default: none */
    uint64_t seed;         /* of the backend sim; default: one of the system's */
};

/* Reads options from text: "workers=4,pin=cores,backend=epoll,spin=100us". Keys: workers, backend
 * (auto, uring, epoll, sim), buffers, spin, stack, lend (on, off), pin (none, cores, nodes),
 * signal, slice, report, no_overflow_report (on, off), clock (real, virtual), pack_after, dump (a
 * signal's number), seed. Times take ns, us, ms, s; sizes take k, m. Sets only what is named.
 * WEIR_EOPTION, *options untouched; then *where, unless it is NULL, points at the part that is
 * wrong. Any thread. */
WEIR_PUBLIC int weir_runtime_options_parse_n(struct weir_runtime_options *options, const char *text,
                                             const char **where, size_t options_size);
static inline int weir_runtime_options_parse(struct weir_runtime_options *options, const char *text,
                                             const char **where)
{
    return weir_runtime_options_parse_n(options, text, where, sizeof *options);
}

/* One option as it is: see weir_runtime_options_each. */
struct weir_runtime_option {
    const char *key;      /* in text, or the member's name */
    const char *variable; /* in the environment; NULL: it is given in the struct alone */
    const char *value;    /* in effect, as text; borrowed until the call returns; "none", "set" and
                             "random" tell of hooks, the name and the seed */
    const char *meaning;
    uint8_t from_environment; /* enum weir_switch */
    uint8_t wrong;            /* likewise: the variable's value does not parse */
};
typedef void weir_runtime_option_fn(const struct weir_runtime_option *option, void *arg);

/* Tells of every option the value that a runtime would use: *options (borrowed; NULL: none is
 * set), then the environment, then the defaults. WEIR_EOPTION if a variable does not parse,
 * after all were told. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_runtime_options_each_n(const struct weir_runtime_options *options,
                                            weir_runtime_option_fn *tell, void *arg,
                                            size_t options_size);
static inline int weir_runtime_options_each(const struct weir_runtime_options *options,
                                            weir_runtime_option_fn *tell, void *arg)
{
    return weir_runtime_options_each_n(options, tell, arg, sizeof *options);
}

/* Where an option is zero the environment decides: WEIR_WORKERS, WEIR_BACKEND, WEIR_SPIN,
 * WEIR_STACK, WEIR_LEND, WEIR_PIN, WEIR_SLICE, WEIR_REPORT, WEIR_BUFFERS, WEIR_SIGNAL, WEIR_CLOCK,
 * WEIR_NO_OVERFLOW_REPORT, WEIR_PACK_AFTER, WEIR_DUMP, WEIR_SEED, with the values above; a value
 * that does not parse is WEIR_EOPTION. */

/* Runs `fn` as a task on a new runtime and returns its result when it and everything it started
 * has ended. The calling thread is the first worker. Errors of its own: WEIR_EBUSY (called from a
 * task, or a virtual clock does not allow it), WEIR_EVERSION, WEIR_EOPTION, WEIR_ENOMEM,
 * WEIR_EMFILE, WEIR_ENFILE, WEIR_ELIMIT, WEIR_EAGAIN (threads), WEIR_ENOSYS and WEIR_EPERM (the
 * backend that was asked for). */
WEIR_PUBLIC int weir_run_n(weir_task_fn *fn, void *arg, const struct weir_runtime_options *options,
                           size_t options_size, uint32_t header_version);
static inline int weir_run(weir_task_fn *fn, void *arg, const struct weir_runtime_options *options)
{
    return weir_run_n(fn, arg, options, sizeof *options, WEIR_VERSION);
}

/* ---- a runtime beside the program's own threads ---- */

typedef struct weir__runtime weir_runtime;

/* Makes a runtime whose workers are threads of its own: *out gives it, released with
 * weir_runtime_destroy. Errors as of weir_run. Any thread. */
WEIR_PUBLIC int weir_runtime_create_n(weir_runtime **out,
                                      const struct weir_runtime_options *options,
                                      size_t options_size, uint32_t header_version);
static inline int weir_runtime_create(weir_runtime **out,
                                      const struct weir_runtime_options *options)
{
    return weir_runtime_create_n(out, options, sizeof *options, WEIR_VERSION);
}

/* Starts a task that belongs to the runtime itself (NULL: the current one, see below), not to a
 * scope: it is cancelled when the runtime shuts down. `arg` is borrowed until the task has ended.
 * WEIR_ENOMEM, WEIR_EOPTION, WEIR_ELIMIT, WEIR_ESHUTDOWN (also: its last task has ended),
 * WEIR_ENOTASK (NULL, and none is current). A task that cannot be started for want of a stack ends
 * at once. Any thread; does not suspend. */
WEIR_PUBLIC int weir_runtime_spawn_n(weir_runtime *runtime, weir_task_fn *fn, void *arg,
                                     const struct weir_spawn_options *options, size_t options_size);
static inline int weir_runtime_spawn(weir_runtime *runtime, weir_task_fn *fn, void *arg)
{
    return weir_runtime_spawn_n(runtime, fn, arg, NULL, 0);
}

/* Runs `fn` as a task of the runtime (NULL: of the current one) and blocks the calling thread until
 * it has ended: its result. `arg` is borrowed until then. WEIR_EBUSY from a task (of any runtime),
 * and errors as of weir_runtime_spawn. Any thread that is no worker's. */
WEIR_PUBLIC int weir_runtime_block_on(weir_runtime *runtime, weir_task_fn *fn, void *arg);

/* The current runtime, borrowed: that of the calling task, which lives as long as the task does;
 * on a thread that is no worker the one that it has entered last. NULL if there is none. Does not
 * suspend, cannot fail. Any thread. */
WEIR_PUBLIC weir_runtime *weir_runtime_current(void);

/* One entry of a thread into a runtime: the caller's memory, which must stay where it is until it
 * is left. Needs no initialisation. */
typedef struct weir_runtime_entry {
    weir_runtime *weir__runtime;
    struct weir_runtime_entry *weir__outer;
} weir_runtime_entry;

/* Makes a runtime, which the caller knows to exist, the current one of the calling thread, one that
 * runs no tasks: a thread of the program, or of the pool (<weir/blocking.h>). Then calls that take
 * a runtime take NULL for it; weir_spawn and weir_strand_spawn start tasks from this thread, in
 * scopes and strands of the runtime that a task holds open meanwhile; and weir_worker_count,
 * weir_backend_name, the metrics and the dump are about it. Calls that suspend are still for tasks
 * alone: WEIR_ENOTASK; those that block a thread need no runtime. Entries nest, in any number and
 * order of runtimes. Until it is left the runtime stays: weir_runtime_destroy fails with
 * WEIR_EBUSY, and weir_run and weir_sim_run, whose tasks have ended, block until all have left;
 * starting tasks fails with WEIR_ESHUTDOWN by then. Borrows the entry until it is left. 0,
 * WEIR_EINVAL (no runtime), WEIR_EBUSY (from a task; or this entry is one of the thread's
 * already). Does not suspend. */
WEIR_PUBLIC int weir_runtime_enter(weir_runtime_entry *entry, weir_runtime *runtime);
/* Leaves the runtime that was entered last: what was current before is so again. 0, or WEIR_EINVAL,
 * and nothing is changed: this is not the calling thread's last entry, because it was left already,
 * another one was entered after it, another thread has entered it, or the caller is a task. A
 * thread leaves all entries before it ends. Does not suspend. */
WEIR_PUBLIC int weir_runtime_leave(weir_runtime_entry *entry);

/* The token of a runtime (NULL: the current one): cancelled when the runtime begins to shut
 * down, before its tasks are. The program may cancel it itself, to have those that wait for it end
 * in their own time; that stops nothing else. It is borrowed: it ends with the runtime, when a
 * thread that waits for it gets WEIR_ECLOSED. Does not suspend. WEIR_ENOTASK (NULL, and none is
 * current), WEIR_ENOMEM, WEIR_ELIMIT. Any thread. */
WEIR_PUBLIC int weir_runtime_token(weir_runtime *runtime, weir_token *out);

/* One thing that a shutdown waits for. */
struct weir_remaining {
    const char *name;  /* of the task; or text: of a job that was left, as below */
    uint64_t id;       /* of the task, or of the one that has left the job */
    const char *state; /* "running", "runnable", "waiting" */
};
/* A job is told of as "FUNCTION (a blocking job of CLASS that was left by TASK)", where the
 * function is a name, or a file and an offset, as far as the dynamic linker knows it. */
typedef void weir_remaining_fn(const struct weir_remaining *what, void *arg);

/* Cancels the runtime's token, then its tasks, and waits until they, and the jobs that they have
 * left (<weir/blocking.h>), have ended, for limit_ns nanoseconds at most (0: only looks;
 * WEIR_FOREVER: as long as it takes; not negative). 0: all have ended; else how many are left, each
 * of which was told to `tell` (NULL: nobody) on the calling thread, which borrows what it is told
 * for the call. No task can be started from then on (WEIR_ESHUTDOWN). Blocks the calling thread and
 * does not suspend. May be called again, by one thread at a time, which is none of the runtime's
 * tasks: WEIR_EBUSY. */
WEIR_PUBLIC int weir_runtime_shutdown(weir_runtime *runtime, int64_t limit_ns,
                                      weir_remaining_fn *tell, void *arg);

/* Shuts down without a limit, joins the workers and releases the runtime: 0. Blocks the calling
 * thread until all tasks have ended, so a task that never returns holds it for ever; use
 * weir_runtime_shutdown to learn which. Any thread, once, when no other uses the runtime; from one
 * of its tasks, and while any thread has entered it, it is WEIR_EBUSY, and nothing is done. */
WEIR_PUBLIC int weir_runtime_destroy(weir_runtime *runtime);

/* ---- about the current runtime ---- */

/* How many workers (1..WEIR_WORKERS_MAX), and which backend: "uring", "epoll" or "sim", static
 * text. 0 and "" if no runtime is current. Do not suspend, cannot fail. Any thread. */
WEIR_PUBLIC uint32_t weir_worker_count(void);
WEIR_PUBLIC const char *weir_backend_name(void);
/* The calling task's worker, 1..N; 0 outside of tasks. While a worker is lent (see `lend`) tasks
 * run on two threads that give the same number: what a program keeps for each worker needs a lock,
 * or tasks that are pinned while they use it. Does not suspend, cannot fail. Any thread; the number
 * of a task that is not pinned may be another after each suspension. */
WEIR_PUBLIC uint32_t weir_worker_index(void);

/* Runs fn(arg) on the calling thread, for code that computes or blocks and cannot be moved: the
 * worker goes on elsewhere meanwhile where that is possible (more than one worker, lending not
 * off). Its result, after the worker is the thread's again, for which it may wait for as long as
 * another task of it runs. `fn` may not suspend, and `arg` is the caller's own memory. The calling
 * task does not suspend: no cancel or deadline ends the call, and what belongs to the thread stays.
 * Error of its own: WEIR_EINVAL (there is no fn). Any thread: outside of tasks it is a plain
 * call. */
WEIR_PUBLIC int weir_block_in_place(weir_task_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
