/* test/model/waitq.c - a waiter in an object's queue: granted, or stopped, and what it has then. */
#include "check/task_rig.h"

#include "sys/lock.h"
#include "task/grant.h"

static uint32_t lock;
static struct weir__waitq queue;
static int value; /* what is handed over, guarded by nothing but the grant */
static int results[MODEL_THREADS_MAX];
static bool given[MODEL_THREADS_MAX];

static void begin(void)
{
    rig_begin();
    lock = 0;
    queue = (struct weir__waitq){0};
    value = 0;
    memset(results, 0, sizeof results);
    memset(given, 0, sizeof given);
}

/* Takes a thing, which somebody gives. */
static void wait_for_it(void)
{
    struct weir__waiter own, *waiter;

    rig_enter();
    weir__lock(&lock);
    if (value) {
        results[model_thread()] = value;
        value = 0;
        weir__unlock(&lock);
        return;
    }
    waiter = weir__waiter_begin(&own, "a thing");
    waiter->data = &results[model_thread()];
    weir__waitq_push(&queue, waiter);
    weir__unlock(&lock);
    if (weir__waiter_wait(waiter, &queue, &lock) == WEIR_ECANCELED)
        results[model_thread()] = WEIR_ECANCELED;
}

static void give(int what)
{
    struct weir__waiter *waiter;
    struct weir__wakee wakee = {0};

    weir__lock(&lock);
    waiter = weir__claim_first(&queue);
    if (waiter) {
        *(int *)waiter->data = what;
        wakee = weir__waiter_grant(waiter, 0);
    } else {
        value = what;
    }
    weir__unlock(&lock);
    weir__wake(wakee);
}

static void give_seven(void)
{
    rig_enter();
    give(7);
}

static void cancel_first(void)
{
    rig_enter();
    rigs[0].task.home = &rigs[model_thread()].worker;
    weir__task_cancel(&rigs[0].task);
}

static void end_granted(void)
{
    MODEL_CHECK(results[0] == 7);
}

/* What was given is with the waiter or still there, and nowhere else. */
static void end_granted_or_not(void)
{
    MODEL_CHECK((results[0] == 7 && value == 0) || (results[0] == WEIR_ECANCELED && value == 7));
    MODEL_CHECK(weir__waitq_empty(&queue));
}

static const struct model grant = {.name = "waitq, grant",
                                   .begin = begin,
                                   .threads = {wait_for_it, give_seven},
                                   .end = end_granted};
static const struct model cancel = {.name = "waitq, grant against cancel",
                                    .begin = begin,
                                    .threads = {wait_for_it, give_seven, cancel_first},
                                    .end = end_granted_or_not};

TEST(a_grant_wakes_the_waiter)
{
    model_holds(&grant);
}

TEST(a_waiter_is_granted_or_stopped_and_not_both)
{
    model_holds(&cancel);
}

TEST(a_grant_that_is_not_looked_for_after_a_stop_is_lost)
{
    model_fails(&cancel, &(struct model_mutation){.function = "granted", .blind = true});
}

TEST(a_cancel_that_the_worker_does_not_look_for_is_lost)
{
    struct model alone = cancel;

    alone.threads[1] = cancel_first;
    alone.threads[2] = NULL;
    alone.end = NULL;
    model_holds(&alone);
    model_fails(&alone, &(struct model_mutation){.function = "weir__task_parked",
                                                 .pointer = "&task->cancelled",
                                                 .blind = true});
}
