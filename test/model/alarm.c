/* test/model/alarm.c - a task that has moved gives up its alarm on the loop where it was.
 *
 * Thread 0 is the loop where the task waited, whose timer fires; thread 1 is the task, which has
 * been stolen and waits anew; thread 2 wakes it.
 */
#include "check/task_rig.h"

#include "task/wait.c"

#define MOMENT_NS 50000000

static struct weir__alarm alarms[2];
static uint32_t told;
static int stops, waits;

static void give_memory(struct weir__slab *slab, struct weir__alarm *alarm)
{
    weir__slab_init(slab, sizeof *alarm);
    weir__slab_give(slab, alarm);
    slab->live = 0;
}

static void begin(void)
{
    struct weir__worker *before = &rigs[0].worker;
    struct weir__task *task = &rigs[1].task;
    struct weir__alarm *alarm;

    rig_begin();
    model_now_ns = MOMENT_NS;
    memset(alarms, 0, sizeof alarms);
    told = 0;
    stops = waits = 0;
    give_memory(&before->alarms, &alarms[0]);
    give_memory(&rigs[1].worker.alarms, &alarms[1]);
    task->worker = before;
    task->wait = 1ull << WEIR__WAIT_LOOP_SHIFT | WEIR__WAIT_PAUSE | 1;
    MODEL_CHECK(arm(task, 1000, WEIR_ETIMEDOUT) == 0);
    alarm = task->alarm;
    MODEL_CHECK(alarm == &alarms[0]);
    task->worker = &rigs[1].worker;
}

/* Until the alarm has come home. */
static void fire(void)
{
    rig_enter();
    while (rigs[0].worker.alarms.live)
        (void)weir__loop_poll(&rigs[0].loop, -1);
}

static void wait_elsewhere(void)
{
    struct weir__task *task = &rigs[1].task;
    int rc = 0;

    rig_enter();
    if (WEIR_ATOMIC_EXCHANGE(&task->wait, 0, SEQ_CST) >= WEIR__WAIT_STOPPED)
        stops++;
    while (!WEIR_ATOMIC_LOAD(&told, RELAXED)) {
        rc = weir__task_pause_until(task, 1000ull * MOMENT_NS);
        MODEL_CHECK(rc == 0); /* the old moment is not this wait's */
        waits++;
    }
    weir__task_drop_alarm(task); /* none if it has not waited */
}

static void tell(void)
{
    WEIR_ATOMIC_STORE(&told, 1, RELAXED);
    weir__task_wake(&rigs[1].task);
}

static void end(void)
{
    MODEL_CHECK(rigs[0].worker.alarms.live == 0 && rigs[1].worker.alarms.live == 0);
    MODEL_CHECK(!weir__timer_armed(&alarms[0].timer.node));
    MODEL_CHECK(stops + waits <= 4);
}

static const struct model model = {
    .name = "alarm", .begin = begin, .threads = {fire, wait_elsewhere, tell}, .end = end};

TEST(an_alarm_that_is_given_up_ends_no_other_wait)
{
    model_holds(&model);
}

TEST(an_alarm_that_is_sent_home_loosely_is_a_race)
{
    model_fails(&model, &(struct model_mutation){.function = "weir__inbox_push"});
}

TEST(an_alarm_that_stays_where_it_was_is_found)
{
    model_fails(&model,
                &(struct model_mutation){.function = "weir__inbox_take_all", .blind = true});
}
