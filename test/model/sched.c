/* test/model/sched.c - workers that sleep and search, and tasks that become runnable meanwhile. */
#include "check/rig.h"

#include <string.h>

#include "base/container.h"
#include "task/runtime.h"
#include "task/sched.h"
#include "task/state.h"

static struct weir__sched sched;
static struct weir__monitor monitor;
static struct weir__task tasks[2];
static int got[MODEL_THREADS_MAX];
static uint32_t workers, ended, total;

uint32_t weir__runtime_workers(const struct weir__runtime *runtime)
{
    (void)runtime;
    return workers;
}

struct weir__worker *weir__runtime_worker(struct weir__runtime *runtime, uint32_t index)
{
    (void)runtime;
    return &rigs[index - 1].worker;
}

struct weir__sched *weir__runtime_sched(struct weir__runtime *runtime)
{
    (void)runtime;
    return &sched;
}

struct weir__monitor *weir__runtime_monitor(struct weir__runtime *runtime)
{
    (void)runtime;
    return &monitor;
}

/* The task runs, and ends at once. */
void weir__context_switch(struct weir__context *from, struct weir__context *to)
{
    struct weir__task *task = WEIR_CONTAINER_OF(to, struct weir__task, context);

    (void)from;
    task->user = task; /* plain: a race if two run it */
    got[model_thread()]++;
    WEIR_ATOMIC_STORE(&task->state, TASK_ENDED, RELAXED);
}

void weir__context_switch_final(struct weir__context *from, struct weir__context *to)
{
    (void)from;
    (void)to;
}

void weir__task_bury(struct weir__task *task)
{
    uint32_t i;

    (void)task;
    if (WEIR_ATOMIC_ADD(&ended, 1, SEQ_CST) + 1 == total) { /* as weir__runtime_stop */
        for (i = 0; i < workers; i++)
            weir__loop_rouse(&rigs[i].loop);
    }
}

static void begin_with(uint32_t count)
{
    uint32_t i;

    rig_begin();
    memset(&sched, 0, sizeof sched);
    memset(&monitor, 0, sizeof monitor);
    memset(tasks, 0, sizeof tasks);
    memset(got, 0, sizeof got);
    ended = 0;
    total = 1;
    workers = count;
    for (i = 0; i < count; i++) {
        rigs[i].worker.sched = &sched;
        rigs[i].worker.current = NULL;
        weir__run_init(&rigs[i].worker.run, i + 1);
        rigs[i].worker.counts.runs = 1; /* none of these is timed */
    }
    for (i = 0; i < 2; i++) {
        tasks[i].class = CLASS_NORMAL;
        tasks[i].worker = tasks[i].home = &rigs[0].worker;
        weir__list_init(&tasks[i].scopes);
    }
}

static void begin_one(void)
{
    begin_with(1);
}

static void begin_one_with_two(void)
{
    begin_with(1);
    total = 2;
}

static void begin_two(void)
{
    begin_with(2);
}

static void ready(struct weir__task *task)
{
    weir__sched_ready(task, true);
}

/* A thread that is no worker's: a job has ended, say. */
static void ready_from_outside(void)
{
    ready(&tasks[0]);
}

static void ready_second_from_outside(void)
{
    ready(&tasks[1]);
}

static void step_until(uint32_t count)
{
    rig_enter();
    while (WEIR_ATOMIC_LOAD(&ended, SEQ_CST) < count)
        (void)weir__worker_step(&rig_here()->worker);
}

static void step_until_one(void)
{
    step_until(1);
}

static void step_until_two(void)
{
    step_until(2);
}

/* A worker whose task makes another one runnable and then computes for ever. */
static void ready_and_compute(void)
{
    rig_enter();
    ready(&tasks[0]);
}

/* One that goes on, and sleeps when there is nothing left. */
static void ready_and_step(void)
{
    rig_enter();
    ready(&tasks[0]);
    step_until(1);
}

/* The same with the slot for the newest task, which thieves may empty in their last pass. */
static void ready_newest_and_step(void)
{
    rig_enter();
    weir__sched_ready(&tasks[0], false);
    step_until(1);
}

static void search(void)
{
    struct weir__task *task;

    rig_enter();
    task = weir__sched_search(&rig_here()->worker);
    if (!task)
        return;
    weir__context_switch(NULL, &task->context);
    weir__task_bury(task);
}

/* ---- the age of the newest task, by a clock that goes on whenever the thief looks at it ---- */

#define AGE_NS 1

static uint64_t clock_ns, pushed_ns[2];

static uint64_t moving_now(void)
{
    return WEIR_ATOMIC_ADD(&clock_ns, 1, SEQ_CST) + 1;
}

static const struct weir__sys moving_clock = {.now_ns = moving_now};
static const struct weir__sys *sys_before;

static void begin_age(void)
{
    begin_with(2);
    total = 9; /* nobody is roused */
    sched.newest_age_ns = AGE_NS;
    clock_ns = 1;
    memset(pushed_ns, 0, sizeof pushed_ns);
    sys_before = weir__sys;
    weir__sys = &moving_clock;
}

static void begin_without_age(void)
{
    begin_age();
    sched.newest_age_ns = 0;
}

static void push_newest(uint32_t at)
{
    uint64_t now_ns = WEIR_ATOMIC_LOAD(&clock_ns, SEQ_CST);

    WEIR_ATOMIC_STORE(&pushed_ns[at], now_ns, SEQ_CST);
    weir__sched_ready(&tasks[at], false);
}

/* The owner's slot has one task, and later another one, which is young again. */
static void push_run_and_push(void)
{
    rig_enter();
    push_newest(0);
    if (weir__sched_next(&rig_here()->worker)) /* else it was stolen */
        push_newest(1);
}

static void search_newest(void)
{
    uint64_t now_ns, since_ns;
    struct weir__task *task;

    rig_enter();
    task = weir__sched_search(&rig_here()->worker);
    if (!task)
        return;
    now_ns = WEIR_ATOMIC_LOAD(&clock_ns, SEQ_CST);
    since_ns = WEIR_ATOMIC_LOAD(&pushed_ns[task - tasks], SEQ_CST);
    MODEL_CHECK(now_ns - since_ns >= AGE_NS);
}

static void end_age(void)
{
    weir__sys = sys_before;
}

static void end_one(void)
{
    MODEL_CHECK(got[0] + got[1] + got[2] == 1);
    MODEL_CHECK(!sched.spill_count);
}

static void end_two(void)
{
    MODEL_CHECK(got[0] + got[1] + got[2] == 2);
}

static const struct model outside = {.name = "sched, a task from outside",
                                     .begin = begin_one,
                                     .threads = {step_until_one, ready_from_outside},
                                     .end = end_one};
static const struct model two_outside = {
    .name = "sched, two tasks from outside",
    .begin = begin_one_with_two,
    .threads = {step_until_two, ready_from_outside, ready_second_from_outside},
    .end = end_two,
    .runs_max = 20000};
static const struct model thief = {.name = "sched, a worker that computes",
                                   .begin = begin_two,
                                   .threads = {ready_and_compute, step_until_one},
                                   .end = end_one,
                                   .runs_max = 50000};

TEST(a_task_from_outside_wakes_its_worker)
{
    model_holds(&outside);
}

TEST(two_tasks_from_outside_are_both_run)
{
    model_holds(&two_outside);
}

TEST(a_sleeper_is_woken_for_a_task_that_would_wait)
{
    model_holds(&thief);
}

TEST(a_task_is_popped_or_stolen)
{
    struct model both = thief;

    both.threads[0] = ready_and_step;
    model_holds(&both);
}

TEST(the_newest_task_is_popped_or_stolen)
{
    struct model newest = thief;

    newest.name = "sched, the newest task";
    newest.threads[0] = ready_newest_and_step;
    newest.threads[1] = search;
    model_holds(&newest);
    model_fails(&newest, &(struct model_mutation){.function = "steal_newest",
                                                  .kind = WEIR__MODEL_CAS + 1,
                                                  .blind = true,
                                                  .value = true});
}

static const struct model age = {.name = "sched, the age of the newest task",
                                 .begin = begin_age,
                                 .threads = {push_run_and_push, search_newest},
                                 .end = end_age,
                                 .runs_max = 50000};

TEST(the_newest_task_is_not_stolen_before_its_time)
{
    struct model young = age;

    model_holds(&age);
    young.begin = begin_without_age;
    model_fails(&young, NULL);
}

TEST(a_remote_stack_that_releases_nothing_is_a_race)
{
    model_fails(&outside, &(struct model_mutation){.function = "push_remote"});
}

TEST(a_rouse_that_leaves_no_mark_is_missed)
{
    model_fails(&outside, &(struct model_mutation){.function = "weir__loop_rouse", .blind = true});
}

TEST(a_sleeper_that_does_not_look_at_everything_again_is_found)
{
    model_fails(&thief, &(struct model_mutation){.function = "weir__runq_len",
                                                 .pointer = "&queue->tail",
                                                 .blind = true});
}

TEST(a_sleep_that_is_announced_loosely_is_missed)
{
    model_fails(&thief, &(struct model_mutation){.function = "weir__sched_sleep",
                                                 .pointer = "&sched->idle"});
    model_fails(&thief, &(struct model_mutation){.function = "wake_one",
                                                 .pointer = "&sched->idle",
                                                 .kind = WEIR__MODEL_ADD + 1});
}
