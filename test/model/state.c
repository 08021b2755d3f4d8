/* test/model/state.c - the word of a task's life: one worker, and wakers that race with it. */
#include "check/check.h"

#include "task/state.h"

enum {
    WAKERS = 2
};

static uint32_t state, queue; /* how often the task stands in a queue */
static uint32_t told[WAKERS];
static int runs, handled;
static uint32_t pauses;

static void begin(void)
{
    state = TASK_RUNNABLE;
    queue = 1;
    told[0] = told[1] = 0;
    runs = handled = 0;
    pauses = 0;
}

static void make_ready(void)
{
    MODEL_CHECK(WEIR_ATOMIC_ADD(&queue, 1, ACQ_REL) == 0); /* in one queue, once */
    model_unpark(&queue, 1);
}

static void take_from_queue(void)
{
    while (WEIR_ATOMIC_LOAD(&queue, ACQUIRE) == 0)
        (void)model_park(&queue, 0);
    MODEL_CHECK(WEIR_ATOMIC_SUB(&queue, 1, ACQ_REL) == 1);
}

/* The task: waits until both wakers have told it something. */
static bool all_told(void)
{
    return WEIR_ATOMIC_LOAD(&told[0], RELAXED) && WEIR_ATOMIC_LOAD(&told[1], RELAXED);
}

static void run_until_told(void)
{
    for (;;) {
        take_from_queue();
        weir__task_state_run(&state);
        runs++;
        if (all_told())
            return;
        if (!weir__task_state_pause(&state))
            make_ready();
    }
}

static void tell(void)
{
    WEIR_ATOMIC_STORE(&told[model_thread() - 1], 1, RELAXED);
    if (weir__task_state_wake(&state))
        make_ready();
}

static void end(void)
{
    MODEL_CHECK(runs >= 1 && runs <= 1 + 2 * WAKERS);
}

static const struct model wakes = {
    .name = "state, wakes", .begin = begin, .threads = {run_until_told, tell, tell}, .end = end};

TEST(a_wake_is_never_lost_and_a_task_never_queued_twice)
{
    model_holds(&wakes);
}

TEST(a_run_that_is_no_read_modify_write_loses_a_wake)
{
    model_fails(&wakes, &(struct model_mutation){.function = "weir__task_state_run"});
}

TEST(a_relaxed_wake_is_lost)
{
    model_fails(&wakes, &(struct model_mutation){.function = "weir__task_state_wake"});
}

/* ---- somebody who looks at the task while it pauses ---- */

static int inside; /* the task's own, or the inspector's */

static void run_plainly(void)
{
    for (;;) {
        take_from_queue();
        weir__task_state_run(&state);
        inside++;
        if (WEIR_ATOMIC_LOAD(&told[0], RELAXED))
            return;
        if (!weir__task_state_pause(&state))
            make_ready();
    }
}

static void tell_first(void)
{
    WEIR_ATOMIC_STORE(&told[0], 1, RELAXED);
    if (weir__task_state_wake(&state))
        make_ready();
}

static void inspect(void)
{
    if (!weir__task_state_inspect(&state))
        return;
    inside--;
    if (!weir__task_state_let_go(&state))
        make_ready();
}

static const struct model inspected = {
    .name = "state, inspected", .begin = begin, .threads = {run_plainly, tell_first, inspect}};

TEST(a_task_that_is_inspected_stays_and_keeps_its_wake)
{
    model_holds(&inspected);
}

TEST(an_inspection_that_orders_nothing_is_a_race)
{
    model_fails(&inspected, &(struct model_mutation){.function = "weir__task_state_inspect"});
    model_fails(&inspected, &(struct model_mutation){.function = "weir__task_state_let_go"});
}

/* ---- a wait for an operation, after a pause that a late wake belongs to ---- */

static uint32_t completed, submitted;

static void begin_waits(void)
{
    begin();
    completed = submitted = 0;
}

/* The loop of the operation is the worker's own thread: it completes what has been waited for. */
static void pause_then_wait(void)
{
    take_from_queue();
    weir__task_state_run(&state);
    while (!WEIR_ATOMIC_LOAD(&told[0], RELAXED)) {
        if (!weir__task_state_pause(&state))
            make_ready();
        take_from_queue();
        weir__task_state_run(&state);
    }
    weir__task_state_wait(&state);
    MODEL_CHECK(WEIR_ATOMIC_LOAD(&queue, ACQUIRE) == 0); /* no wake reaches it */
    weir__task_state_completed(&state);
    make_ready();
    take_from_queue();
    weir__task_state_run(&state);
    if (!weir__task_state_pause(&state)) {
        make_ready(); /* a late wake is spurious, and makes no second entry */
        take_from_queue();
    }
}

static void wake_for_nothing(void)
{
    if (weir__task_state_wake(&state))
        make_ready();
}

static const struct model waits = {.name = "state, waits",
                                   .begin = begin_waits,
                                   .threads = {pause_then_wait, tell_first, wake_for_nothing}};

TEST(a_wait_for_an_operation_is_ended_by_it_alone)
{
    model_holds(&waits);
}
