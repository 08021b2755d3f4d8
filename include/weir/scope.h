/* weir/scope.h - structured concurrency: a scope owns tasks and outlives none of them.
 *
 * A scope is opened by a task, in the task's own memory, and joined by the same task: the join
 * returns when every task that was spawned into the scope has ended. Its deadline and its
 * cancellation are inherited by everything inside. Tasks are never killed: a cancelled task gets
 * WEIR_ECANCELED from its next suspending call, and from every later one, until it returns.
 */
#ifndef WEIR_SCOPE_H
#define WEIR_SCOPE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/task.h>
#include <weir/time.h>
#include <weir/token.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_scope_policy {
    WEIR_SCOPE_FIRST_ERROR = 0,   /* the first task that fails cancels the others: the default */
    WEIR_SCOPE_ALL = 1,           /* failures are noted only */
    WEIR_SCOPE_FIRST_SUCCESS = 2, /* the first task that returns >= 0 cancels the others */
    WEIR_SCOPE_FIRST_DONE = 3,    /* the first task that ends, however, cancels the others */
};

/* Zero means default. */
struct weir_scope_options {
    uint32_t policy;   /* enum weir_scope_policy */
    int64_t limit_ns;  /* from now; default and WEIR_FOREVER: the opener's deadline only */
    uint8_t collected; /* WEIR_ON: results are kept for weir_scope_next */
    weir_token token;  /* when it is cancelled the scope is; default: none. Until the join, also
                          after the token was destroyed: then its parents can cancel still */
};

/* The caller's memory, from weir_scope_open until weir_scope_join has returned. It may not move. */
struct weir_scope {
    void *weir__private[20];
};

/* Opens a scope for the calling task, which joins it before it returns from its function. The
 * scope's deadline is fixed here: the effective one of the task, or the limit if that is earlier.
 * Tasks that are spawned into it have this deadline, and not that of a block which their spawner
 * opens later. A scope that a cancelled task opens is cancelled. Options are borrowed for the call.
 * Does not suspend. WEIR_ENOTASK, WEIR_EOPTION (an unknown policy, a negative limit),
 * WEIR_EBADHANDLE (the token). */
WEIR_PUBLIC int weir_scope_open_n(weir_scope *scope, const struct weir_scope_options *options,
                                  size_t options_size);
static inline int weir_scope_open(weir_scope *scope)
{
    return weir_scope_open_n(scope, NULL, 0);
}
static inline int weir_scope_open_with(weir_scope *scope, const struct weir_scope_options *options)
{
    return weir_scope_open_n(scope, options, sizeof *options);
}

/* Cancels every task of the scope, now and later: further spawns into it fail. The scope stays open
 * until it is joined, and its owner is not cancelled. Does not suspend, cannot fail. Any task of
 * the runtime, while it knows that the scope is open. */
WEIR_PUBLIC void weir_scope_cancel(weir_scope *scope);

/* Waits until every task of the scope has ended, and closes it. Suspends, whatever happens: when
 * the caller itself is cancelled, its scope's tasks are, and the join goes on. Returns the first
 * failure (FIRST_ERROR, ALL), or the first success's result (FIRST_SUCCESS; the first failure if
 * there was none), or the result of the first that ended (FIRST_DONE), or 0. Ends the handles of
 * its tasks and strands. WEIR_ENOTASK. By the task that opened the scope only: everything else is a
 * fatal error. */
WEIR_PUBLIC int weir_scope_join(weir_scope *scope);

/* One task that has ended. */
struct weir_ended {
    uint64_t id;      /* of weir_task_id; 0: the task could not be started */
    const char *name; /* the spawner's, borrowed */
    weir_task task;   /* its handle, unless it has none or it was forgotten: then zero */
    int result;
};

/* Of a scope that was opened with `collected`: gives the next of its tasks that has ended, in the
 * order in which they end, or in that in which they were spawned. Each task is given once. Suspends
 * until there is one. 1; 0, with *out untouched, when no task is left: all that were spawned so far
 * have been given. What is not collected by the join is dropped there; a task that was not
 * collected yet costs a record of some 200 bytes. Policies hold as ever. By the task that has
 * opened the scope. WEIR_EINVAL (another one, or the scope is not `collected`), WEIR_ENOTASK,
 * WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM: nothing was taken. For a select see weir_case_next
 * in <weir/select.h>. */
WEIR_PUBLIC int weir_scope_next(weir_scope *scope, struct weir_ended *out);
WEIR_PUBLIC int weir_scope_next_in_order(weir_scope *scope, struct weir_ended *out);

#ifdef __cplusplus
}
#endif
#endif
