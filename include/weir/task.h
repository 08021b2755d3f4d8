/* weir/task.h - tasks: functions that run on stacks of their own and suspend where they wait.
 *
 * A task runs on a worker of a runtime (<weir/runtime.h>) and ends by returning from its function.
 * Every task belongs to a scope (<weir/scope.h>), which ends only when all of its tasks have ended.
 * Calls that suspend may be made by tasks only; elsewhere they return WEIR_ENOTASK. While a task
 * waits other tasks run on its thread, so what belongs to a thread does not survive a suspension:
 * errno, a held pthread lock, an enclosing C++ catch.
 *
 * A stack has a size (stack_size below) and under it a guard of 16 KiB, which finds an overflow. A
 * frame larger than the guard would jump over it, so code that runs in tasks is compiled with
 * -fstack-clash-protection, which touches each page in turn: the pkg-config file and the CMake
 * package of weir say so to gcc and clang on x86-64 and aarch64. Large arrays belong elsewhere all
 * the same.
 */
#ifndef WEIR_TASK_H
#define WEIR_TASK_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_scope weir_scope;

/* A task's function. A negative result is an error of the task and is the scope's to handle. */
typedef int weir_task_fn(void *arg);

/* Which runnable tasks run first. A waiting one of a lower class has its turn after some of a
 * higher class, so that nobody waits for ever. */
enum weir_priority {
    WEIR_PRIORITY_NORMAL = 0,
    WEIR_PRIORITY_HIGH = 1,
    WEIR_PRIORITY_LOW = 2,
};

/* The handle of a task; see below. */
typedef struct weir_task {
    uint64_t id;
} weir_task;

/* Zero means default everywhere. */
struct weir_spawn_options {
    const char *name;   /* for messages; borrowed until the scope is joined; default "task" */
    size_t stack_size;  /* usable bytes; default 48 KiB less a little, at most 8 MiB */
    uint32_t worker;    /* 1..N: start on that worker; default: the spawner's */
    uint32_t copy_size; /* set by weir_spawn_copy */
    uint8_t priority;   /* enum weir_priority */
    uint8_t pinned;     /* WEIR_ON: never leaves the worker that it starts on */
    uint8_t packable;   /* WEIR_ON: may be packed, see below */
    uint8_t unbudgeted; /* WEIR_ON: as between weir_unbudgeted_begin and _end, all the time */
    weir_task *task;    /* where the task's handle goes (see below); default: it has none */
};

/* A packable task that has waited for long (pack_after_ns of <weir/runtime.h>) has the live part of
 * its stack put aside, some hundred bytes mostly, and the memory of the stack given back; when it
 * is woken everything is as before, at the same addresses, some microseconds later. It is the
 * spawner's promise that nobody but the task touches its stack while it waits: pointers into it may
 * be kept by the task only. A task stays as it is while it has a scope open, waits in a select, for
 * a job or a connection, or receives into its own stack; and where memory is locked (mlockall). */

#define WEIR_SPAWN_COPY_MAX 256 /* bytes that weir_spawn_copy takes */

/* Starts a task in a scope that the caller's task, or one of the scope's tasks, holds open; from a
 * thread that is no task in one of the runtime that it has entered (weir_runtime_enter). Does not
 * suspend: the task first runs when the caller suspends, or before that on another worker.
 * `arg` is borrowed until the scope is joined, options for the call. Errors, with nothing started:
 * WEIR_ENOTASK, WEIR_ENOMEM, WEIR_ELIMIT (stacks), WEIR_ECANCELED (the scope is cancelled),
 * WEIR_EOPTION (there is no such worker, priority or switch), WEIR_EINVAL (a thread's; the scope is
 * another runtime's). On another worker, or from a thread, the task is made
 * there: if it has no memory or stack for it, that error is the task's result, for the scope, and
 * `fn` is not called. */
WEIR_PUBLIC int weir_spawn_n(weir_scope *scope, weir_task_fn *fn, void *arg,
                             const struct weir_spawn_options *options, size_t options_size);
static inline int weir_spawn(weir_scope *scope, weir_task_fn *fn, void *arg)
{
    return weir_spawn_n(scope, fn, arg, NULL, 0);
}
static inline int weir_spawn_with(weir_scope *scope, weir_task_fn *fn, void *arg,
                                  const struct weir_spawn_options *options)
{
    return weir_spawn_n(scope, fn, arg, options, sizeof *options);
}

/* The same with an argument struct that is copied onto the new task's stack: 1 to
 * WEIR_SPAWN_COPY_MAX bytes, else WEIR_EINVAL. The task gets a pointer to its copy. Borrows `arg`
 * for the call. */
WEIR_PUBLIC int weir_spawn_copy(weir_scope *scope, weir_task_fn *fn, const void *arg, size_t size);

/* ---- handles ----
 *
 * A task that was spawned with a handle can be waited for and cancelled by itself. The handle is a
 * value; it ends with weir_task_forget, or with the join of the task's scope (the end of the
 * runtime, if the runtime itself has started it). Until then a task that has ended costs its
 * result, in a record of some 200 bytes. The calls here may be made by any task and any thread,
 * also of other runtimes; WEIR_EBADHANDLE: the handle has ended. */

/* As weir_spawn; *out gives the handle, which is valid at once, wherever the task starts. Errors as
 * of weir_spawn. */
WEIR_PUBLIC int weir_spawn_task(weir_scope *scope, weir_task *out, weir_task_fn *fn, void *arg);

/* Waits until the task has ended; *result, unless `result` is NULL, is what its function has
 * returned, or why it could not be started. Any number may wait, any number of times. Suspends; a
 * thread that runs no task blocks. 0, WEIR_EBADHANDLE, WEIR_ECLOSED (it was forgotten meanwhile),
 * WEIR_EDEADLK (the caller's own), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_task_join(weir_task task, int *result);

/* Cancels this one task, as the cancel of its scope would, and the scopes that it has open. One
 * that has not begun is begun, and fails in its first suspending call. If the task then returns
 * WEIR_ECANCELED its scope takes no notice: that is no failure, and no end for FIRST_DONE. Does not
 * suspend, may be repeated, and does nothing to a task that has ended. 0, WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_task_abort(weir_task task);

/* Whether the task has ended: 1 or 0. Does not suspend. WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_task_done(weir_task task);

/* Ends the handle, not the task; who waits gets WEIR_ECLOSED. Does not suspend. 0,
 * WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_task_forget(weir_task task);

/* ---- the calling task ---- */

/* A movable task may continue on another worker, and so on another thread, after every suspension.
 * Between these two the calling task stays on its worker; they nest. While a pinned task runs, no
 * other task of its worker does (its worker is not lent, see <weir/runtime.h>): so data of a worker
 * (weir_worker_index) belongs to the task from weir_pin until it suspends. Do not suspend.
 * WEIR_ENOTASK, WEIR_ELIMIT (255 pins), WEIR_EINVAL (not pinned). */
WEIR_PUBLIC int weir_pin(void);
WEIR_PUBLIC int weir_unpin(void);

/* A task whose calls complete at once lets the others run after 64 of them, or after a slice of
 * time (slice_ns, <weir/runtime.h>): that is its budget, which each call that may suspend spends
 * of. Between these two nothing is spent; they nest. Whoever has nothing to wait for then keeps the
 * worker, its loop and the tasks of its queue waiting until the end: others may be stolen, but what
 * comes from the kernel is late, and with one worker everything is. For short runs of calls that
 * belong together. Do not suspend. WEIR_ENOTASK, WEIR_ELIMIT (255), WEIR_EINVAL (not begun). */
WEIR_PUBLIC int weir_unbudgeted_begin(void);
WEIR_PUBLIC int weir_unbudgeted_end(void);

/* Lets other runnable tasks run first. Suspends. WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE. */
WEIR_PUBLIC int weir_yield(void);

/* Waits for a time in nanoseconds, never shorter; WEIR_FOREVER: until it is stopped. Suspends. 0,
 * WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL (negative). */
WEIR_PUBLIC int weir_sleep(int64_t duration_ns);

/* 0, or the reason for which the next suspending call would fail: WEIR_ECANCELED, WEIR_EDEADLINE.
 * For loops that compute. Does not suspend. WEIR_ENOTASK. */
WEIR_PUBLIC int weir_check(void);

/* The name and the number of the calling task; NULL and 0 outside of tasks. A number is never used
 * again in its runtime. Do not suspend. */
WEIR_PUBLIC const char *weir_task_name(void);
WEIR_PUBLIC uint64_t weir_task_id(void);
/* The place for a pointer of the program's in the calling task, NULL at first; the hooks of
 * <weir/runtime.h> see it too. Valid while the task runs. NULL outside of tasks. Does not
 * suspend. */
WEIR_PUBLIC void **weir_task_user(void);

#ifdef __cplusplus
}
#endif
#endif
