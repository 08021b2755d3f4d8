/* task/task.h - a task: what stands outside its stack.
 *
 * Its memory, its stack and its place in the scope's list belong to the worker that started it
 * (home); it runs on any worker of the runtime (`worker` is the one that runs or ran it), unless it
 * is pinned. Its waits go through the one operation in the struct, so that no operation stands on a
 * stack: `wait` names the wait under way (task/wait.h), and `waiting` is the operation, NULL in a
 * pause. A task that waits for an operation is touched only by the thread of that loop, and a
 * runnable one by whoever has it in hand.
 *
 * Deadlines: `deadline_ns` is the effective one, fixed by the innermost block. The alarm is a timer
 * of the loop where the task waits. It is lazy: it stays armed from wait to wait, and compares with
 * `wait_deadline_ns` when it fires. A task that waits on another loop gets another alarm there.
 */
#ifndef WEIR_TASK_TASK_H
#define WEIR_TASK_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/loop.h>
#include <weir/task.h>
#include <weir/time.h>

#include "base/list.h"
#include "base/queue.h"
#include "core/loop.h"
#include "task/context.h"
#include "task/inspect.h"
#include "task/sched.h"
#include "task/stack.h"
#include "task/wait.h"
#include "task/waitq.h"

struct weir__worker;
struct weir__scope;
struct weir__cold_image;
struct weir__record;
struct weir__locals;
struct weir__strand;

/* A timer of one loop for one task; from a slab of that loop's worker. */
struct weir__alarm {
    struct weir__loop_timer timer;
    struct weir__task *task; /* NULL: given up; partner: weir__task_drop_alarm */
    struct weir__worker *worker;
    weir_post post; /* on its way home */
};

struct weir__task {
    struct weir__queue_node ready;
    uint32_t state; /* enum weir__task_state */
    bool cancelled; /* partners: weir__task_cancel, weir__task_parked */
    bool yielding;
    uint8_t class;       /* enum weir__class */
    uint8_t pins;        /* reasons to stay on its worker */
    uint8_t shields;     /* open blocks that cancellation does not reach */
    uint8_t refusals;    /* calls that failed at once since the task last ran */
    uint8_t inlined;     /* operations that completed at once, likewise */
    bool packable;       /* the spawner's promise: nobody else touches its stack while it waits */
    bool rests;          /* this wait leaves nothing of the stack to others; task/cold.h */
    uint8_t cold_shift;  /* how much longer it must wait before it is packed again */
    uint8_t look_at;     /* with so many of them the clock is looked at */
    uint8_t unbudgeted;  /* reasons not to count them */
    uint8_t scopes_lock; /* guards `scopes` between the task and who cancels it */
    struct weir__worker *worker;
    struct weir__strand *strand; /* in which it runs, or NULL; see strand.h */
    struct weir__runtime *runtime;
    struct weir__worker *going_to; /* where weir__task_go_to sends it */
    uint64_t wait;
    uint64_t since_ns; /* when the wait under way began, by its loop's clock */
    uint64_t began_ns; /* its run, at the latest; 0: not known yet */
    uint64_t ready_ns; /* of a wait for a run that is timed; else 0 */
    weir_op *waiting;
    int stop_reason; /* why the operation was cancelled */
    int result;
    struct weir__context context;
    struct weir__cold_image *image;      /* of the stack while it is packed, or NULL */
    struct weir__inspection *inspection; /* by who holds the task; partner: weir__task_suspend */
    weir_op op;
    struct weir__waiter waiter; /* in the queue of an object */
    const char *waits_for;      /* the pause under way, or the last one: a word that stays */
    struct weir__alarm *alarm;
    uint64_t deadline_ns;
    uint64_t wait_deadline_ns; /* of the wait under way; partner: the alarm */
    int wait_code;             /* what it ends with then */
    bool stop_out;             /* stop_post is on its way; home only */
    bool uncounted;            /* its result does not count for the scope */
    bool ended;                /* the task has ended and waits for it; home only */
    weir_block *block;         /* innermost, NULL: only what was inherited */
    struct weir__scope *scope;
    struct weir__worker *home;
    struct weir__list member; /* of the scope, touched by the home worker */
    struct weir__list scopes; /* that the task has open */
    struct weir__stack stack;
    weir_task_fn *fn;
    void *arg;
    const char *name;
    void *user;                  /* the hooks' */
    struct weir__record *record; /* or NULL; see record.h */
    struct weir__locals *locals; /* or NULL; see local.h */
    struct weir__strand *inside; /* the innermost that it is in, or NULL; by the task */
    uint64_t id;
    uint64_t born_ns;    /* by its home's clock */
    weir_post post;      /* a wake of a pinned task, or the ended task, on its way */
    weir_post stop_post; /* a cancel on its way to the loop where the task waits, and back */
    uint64_t stop_word;  /* the wait that it means, or meant last */
    uint32_t life;       /* of its simulated host; else 0 */
};

/* The index of a task's home worker, by its number. */
static inline uint32_t weir__task_home_of(uint64_t id)
{
    return (uint32_t)(id >> 48);
}

/* The calling task, or NULL. Read anew after every suspension. */
struct weir__task *weir__task_current(void);

/* The switch alone. Whatever runs then, and goes on with the task later, comes back here. */
void weir__task_switch_away(struct weir__task *task);
/* Suspends the calling task: until its operation has completed if it waits for one, else until a
 * wake, which may be spurious. Inline, because one return more after a switch, which no processor
 * predicts, would take 5 ns. */
static inline void weir__task_suspend(struct weir__task *task)
{
    weir__task_switch_away(task);
    while (__builtin_expect(task->inspection != NULL, 0))
        weir__inspect_answer(task);
}
/* Makes a pausing task runnable. Any thread. A wake may be late, as long as the runtime lives: then
 * it is spurious, or does nothing. */
void weir__task_wake(struct weir__task *task);
/* Lets the others run first. */
static inline void weir__task_yield(struct weir__task *task)
{
    task->yielding = true;
    weir__task_suspend(task);
}

/* 0, or the reason for which a wait would fail now. By the task. */
int weir__task_refusal(struct weir__task *task);

/* Moves the calling task to a worker. Suspends, unless it is there. */
void weir__task_go_to(struct weir__task *task, struct weir__worker *worker);

/* Latches cancellation and has it delivered to what the task waits for. On its home worker. */
void weir__task_cancel(struct weir__task *task);
/* Ends the wait that a task has just been parked in, if it is cancelled. By the worker that did. */
void weir__task_parked(struct weir__task *task, uint64_t word);
/* Lists a scope that the task opens, or takes it off the list. By the task. */
void weir__task_open_scope(struct weir__task *task, struct weir__scope *scope);
void weir__task_close_scope(struct weir__task *task, struct weir__scope *scope);

/* What is made for a task before it is there. Zeroed: nothing. A strand counts the task already. */
struct weir__outfit {
    struct weir__record *record;
    struct weir__locals *locals;
    struct weir__strand *strand;
    /* Of a spawn to another worker: told there, with the task's argument, that it could not be
     * started after all. */
    void (*refused)(void *arg, int rc);
};
/* Releases what is in it: the task is not started. */
void weir__outfit_drop(const struct weir__outfit *outfit);

/* What all spawns do: makes what the options ask for and starts the task, on any worker of the
 * runtime, in a strand, which counts it already, unless that is NULL. The options are right, the
 * scope is open; `here` is the calling worker, or NULL. */
int weir__task_spawn(struct weir__worker *here, struct weir__worker *worker,
                     struct weir__scope *scope, weir_task_fn *fn, void *arg,
                     const struct weir_spawn_options *options, struct weir__strand *strand);
/* 0 or WEIR_EOPTION. */
int weir__spawn_options_check(const struct weir_spawn_options *options, uint32_t workers);

/* Starts a task on the calling worker. Adds it to the scope. The outfit is taken if that
 * succeeds. */
int weir__task_start_with(struct weir__worker *worker, struct weir__scope *scope, weir_task_fn *fn,
                          void *arg, const struct weir_spawn_options *options,
                          const struct weir__outfit *outfit);
/* The same without one. */
int weir__task_start(struct weir__worker *worker, struct weir__scope *scope, weir_task_fn *fn,
                     void *arg, const struct weir_spawn_options *options);
/* Ends a task that has returned. By the worker that ran it, off its stack. */
void weir__task_bury(struct weir__task *task);
/* The last part of that, on the home worker. */
void weir__task_release(struct weir__task *task);

/* A moment: now + limit, or never. */
uint64_t weir__time_later(uint64_t now_ns, int64_t limit_ns);

#endif
