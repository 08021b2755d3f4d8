/* test/model/oneshot.c - one value from one to one, or a close. */
#include "check/pool_rig.h"
#include "check/task_rig.h"

#include <weir/chan.h>

static weir_oneshot oneshot;
static int value, rcs[MODEL_THREADS_MAX];

static void begin(void)
{
    rig_begin();
    pool_begin();
    MODEL_CHECK(weir_oneshot_create(&oneshot, sizeof value) == 0);
    value = 0;
    memset(rcs, 0, sizeof rcs);
}

static void recv(void)
{
    rig_enter();
    rcs[model_thread()] = weir_oneshot_recv(oneshot, &value);
}

static void send(void)
{
    int seven = 7;

    rig_enter();
    rcs[model_thread()] = weir_oneshot_send(oneshot, &seven);
}

static void close_it(void)
{
    rig_enter();
    weir_oneshot_close(oneshot);
}

static void cancel_first(void)
{
    rig_enter();
    rigs[0].task.home = &rigs[model_thread()].worker;
    weir__task_cancel(&rigs[0].task);
}

static void end_sent(void)
{
    MODEL_CHECK(rcs[0] == 0 && rcs[1] == 0 && value == 7);
}

static void end_closed(void)
{
    if (rcs[0] == 0)
        MODEL_CHECK(value == 7 && rcs[1] == 0);
    else
        MODEL_CHECK(value == 0 && (rcs[0] == WEIR_ECLOSED || rcs[0] == WEIR_EBADHANDLE));
    weir_oneshot_close(oneshot);
}

static void end_cancelled(void)
{
    if (rcs[0] == 0)
        MODEL_CHECK(value == 7);
    else
        MODEL_CHECK(rcs[0] == WEIR_ECANCELED && value == 0);
    MODEL_CHECK(rcs[1] == 0);
    weir_oneshot_close(oneshot);
}

static const struct model sent = {
    .name = "oneshot", .begin = begin, .threads = {recv, send}, .end = end_sent};
static const struct model closed = {
    .name = "oneshot, close", .begin = begin, .threads = {recv, send, close_it}, .end = end_closed};
static const struct model cancelled = {.name = "oneshot, cancel",
                                       .begin = begin,
                                       .threads = {recv, send, cancel_first},
                                       .end = end_cancelled};

TEST(a_value_arrives)
{
    model_holds(&sent);
}

TEST(a_close_comes_before_or_after_the_value)
{
    model_holds(&closed);
}

TEST(who_is_stopped_has_no_value)
{
    model_holds(&cancelled);
}

TEST(a_value_that_came_before_the_stop_is_found_lost)
{
    model_fails(&cancelled, &(struct model_mutation){.function = "granted", .blind = true});
}

TEST(a_grant_that_releases_nothing_is_found)
{
    model_fails(&sent, &(struct model_mutation){.function = "weir__waiter_grant"});
}
