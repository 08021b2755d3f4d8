/* test/os/waitq.c - what every object of coordination relies on: grants, and who may give them. */
#include "test.h"

#include <pthread.h>
#include <weir.h>

#include "support/run.h"
#include "sys/lock.h"
#include "task/waitq.h"

struct queue {
    uint32_t lock;
    struct weir__waitq waiters;
    uint32_t queued, returned;
};

static struct weir__waiter *enter(struct queue *queue, struct weir__waiter *own)
{
    struct weir__waiter *waiter = weir__waiter_begin(own, "test");

    weir__lock(&queue->lock);
    weir__waitq_push(&queue->waiters, waiter);
    weir__unlock(&queue->lock);
    SAY(queue->queued, 1);
    return waiter;
}

/* Sees its grant without having been woken. */
static int look_for_grant(void *arg)
{
    WEIR__CALL;
    struct weir__waiter *waiter = enter(arg, NULL);

    while (WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) != WAITER_GRANTED)
        CHECK_INSIDE(weir_yield() == 0);
    return waiter->result;
}

static void *grant_and_wake_late(void *arg)
{
    struct queue *queue = arg;
    struct weir__waiter *waiter;
    struct weir__wakee wakee;
    int i;

    SPIN_UNTIL(SEE(queue->queued));
    weir__lock(&queue->lock);
    waiter = weir__waitq_first(&queue->waiters);
    CHECK_INSIDE(weir__waiter_claim(&queue->waiters, waiter));
    wakee = weir__waiter_grant(waiter, 7);
    weir__unlock(&queue->lock);
    for (i = 0; i < 2000; i++) /* the task ends meanwhile, and would take the runtime with it */
        sched_yield();
    CHECK_INSIDE(!SEE(queue->returned));
    weir__wake(wakee);
    return NULL;
}

TEST(runtime_outlives_a_wake_by_a_thread)
{
    struct queue queue = {.queued = 0};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, grant_and_wake_late, &queue), 0);
    assert_int_equal(run_with(look_for_grant, &queue, 1), 7);
    SAY(queue.returned, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_checks();
}
