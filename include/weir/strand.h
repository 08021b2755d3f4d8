/* weir/strand.h - serial executors: what runs in a strand never runs at once.
 *
 * For state that many use and that no lock should guard for long: each use is a piece of code that
 * the strand runs, one after another, on any worker, with no lock held. Three things run in it:
 *
 *   functions that are posted, in the order of their posts, each when the one before has returned;
 *   calls by weir_strand_run, which stand in the same queue, and run on the caller's own stack;
 *   tasks that were spawned in it, which are in it while they run, and give it away each time they
 *   suspend: others may have changed what they looked at when they go on.
 *
 * A posted function and a call have the strand until they return, also while they suspend: what
 * waits long belongs into a task. Both sorts, functions and tasks, have their turns. A strand
 * belongs to a scope, and has one task of its own there, which runs the posted functions and waits
 * between them: its stack is what a strand costs.
 */
#ifndef WEIR_STRAND_H
#define WEIR_STRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/scope.h>
#include <weir/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_strand {
    uint64_t id;
} weir_strand;

typedef void weir_strand_fn(void *arg);

/* Zero means default everywhere. */
struct weir_strand_options {
    const char *name;   /* of its task, for messages; borrowed likewise; default "strand" */
    size_t stack_size;  /* of its task; default as of weir_spawn */
    uint32_t posts_max; /* functions that wait; default 65536 */
};

/* Opens a strand in a scope that the caller's task, or one of the scope's tasks, holds open. *out
 * gives it, released with weir_strand_close, or with the join of the scope, which waits until
 * nothing is in the strand. Does not suspend. WEIR_ENOTASK, WEIR_ENOMEM, WEIR_ELIMIT (stacks,
 * handles), WEIR_ECANCELED (the scope is cancelled), WEIR_EOPTION. */
WEIR_PUBLIC int weir_strand_open_n(weir_scope *scope, weir_strand *out,
                                   const struct weir_strand_options *options, size_t options_size);
static inline int weir_strand_open(weir_scope *scope, weir_strand *out)
{
    return weir_strand_open_n(scope, out, NULL, 0);
}
static inline int weir_strand_open_with(weir_scope *scope, weir_strand *out,
                                        const struct weir_strand_options *options)
{
    return weir_strand_open_n(scope, out, options, sizeof *options);
}

/* Lets no more in: what is in already, or waits, runs still. Does not suspend, may be repeated. Any
 * thread. */
WEIR_PUBLIC void weir_strand_close(weir_strand strand);

/* Has fn(arg) run in the strand, after what was posted before, once and in any case: also when its
 * scope is cancelled, where only suspending calls fail. It runs later, also when the caller is in
 * the strand. `arg` is borrowed until it has returned. Does not suspend. 0, WEIR_EBADHANDLE,
 * WEIR_ELIMIT (posts_max), WEIR_ENOMEM. Any thread. */
WEIR_PUBLIC int weir_strand_post(weir_strand strand, weir_strand_fn *fn, void *arg);

/* Runs fn(arg) in the strand, in the caller's task: its result. Waits for its turn, which suspends;
 * a caller that has the strand already (weir_strand_inside) calls it at once. A task of another
 * strand is not in that one meanwhile. Two functions that call into each other's strands wait for
 * ever, as with two locks. A thread that runs no task blocks, and runs it itself. Errors of its
 * own, with nothing run: WEIR_EBADHANDLE, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_strand_run(weir_strand strand, weir_task_fn *fn, void *arg);

/* Starts a task in the strand, and in its scope. By whom, and results, as of weir_spawn;
 * WEIR_EBADHANDLE,
 * WEIR_EINVAL (the strand is another runtime's). */
WEIR_PUBLIC int weir_strand_spawn_n(weir_strand strand, weir_task_fn *fn, void *arg,
                                    const struct weir_spawn_options *options, size_t options_size);
static inline int weir_strand_spawn(weir_strand strand, weir_task_fn *fn, void *arg)
{
    return weir_strand_spawn_n(strand, fn, arg, NULL, 0);
}
static inline int weir_strand_spawn_with(weir_strand strand, weir_task_fn *fn, void *arg,
                                         const struct weir_spawn_options *options)
{
    return weir_strand_spawn_n(strand, fn, arg, options, sizeof *options);
}

/* The innermost strand that the calling task is in; id 0: none. Does not suspend. */
WEIR_PUBLIC weir_strand weir_strand_current(void);

/* Whether the caller has this strand: it is in it, or in a call of it further out. False for one
 * that is closed. Does not suspend. */
WEIR_PUBLIC bool weir_strand_inside(weir_strand strand);

#ifdef __cplusplus
}
#endif
#endif
