/* test/model/chan.c - a channel with room for one value: what is sent is received once, or kept. */
#include "check/pool_rig.h"
#include "check/task_rig.h"

#include <weir/chan.h>

#include "core/handle.h"

static weir_chan chan;
static uint64_t open_word; /* of its handle */
static int received[MODEL_THREADS_MAX][4], count[MODEL_THREADS_MAX], rcs[MODEL_THREADS_MAX];

static void begin(void)
{
    rig_begin();
    pool_begin();
    MODEL_CHECK(weir_chan_create(&chan, sizeof(int), 1) == 0);
    open_word = chan.id << 32;
    memset(received, 0, sizeof received);
    memset(count, 0, sizeof count);
    memset(rcs, 0, sizeof rcs);
}

static void send(int value)
{
    int rc = weir_chan_send(chan, &value);

    if (rc < 0)
        rcs[model_thread()] = rc;
}

static void recv(void)
{
    int value = 0, rc = weir_chan_recv(chan, &value);

    if (rc == 0)
        received[model_thread()][count[model_thread()]++] = value;
    else
        rcs[model_thread()] = rc;
}

static void send_two(void)
{
    rig_enter();
    send(1);
    send(2);
}

static void send_one(void)
{
    rig_enter();
    send(1);
}

static void begin_with_one(void)
{
    int one = 1;

    begin();
    MODEL_CHECK(weir_chan_try_send(chan, &one) == 0);
}

static void send_second(void)
{
    rig_enter();
    send(2);
}

static void recv_two(void)
{
    rig_enter();
    recv();
    recv();
}

static void recv_one(void)
{
    rig_enter();
    recv();
}

static void close_it(void)
{
    rig_enter();
    MODEL_CHECK(weir_chan_close(chan, 0) == 0);
}

static void cancel_first(void)
{
    rig_enter();
    rigs[0].task.home = &rigs[model_thread()].worker;
    weir__task_cancel(&rigs[0].task);
}

static void destroy(void)
{
    weir_chan_destroy(chan);
}

static void end_in_order(void)
{
    MODEL_CHECK(received[0][0] == 1 && received[0][1] == 2);
    destroy();
}

static void end_one_each(void)
{
    MODEL_CHECK(received[0][0] + received[1][0] == 3);
    destroy();
}

/* Sent and then closed: received. Closed first: neither. */
static void end_closed(void)
{
    MODEL_CHECK(rcs[1] == 0 ? received[0][0] == 1 : rcs[0] == WEIR_ECLOSED);
    MODEL_CHECK(rcs[1] == 0 || rcs[1] == WEIR_ECLOSED);
    destroy();
}

static void end_cancelled(void)
{
    int kept = 0;

    if (rcs[0] == WEIR_ECANCELED)
        MODEL_CHECK(weir_chan_try_recv(chan, &kept) == 0 && kept == 1);
    else
        MODEL_CHECK(received[0][0] == 1);
    MODEL_CHECK(weir_chan_try_recv(chan, &kept) == WEIR_EAGAIN);
    destroy();
}

static void destroy_it(void)
{
    rig_enter();
    destroy();
}

/* Who comes late finds no channel, and who waits is told. */
static void end_destroyed(void)
{
    MODEL_CHECK(rcs[0] == WEIR_ECLOSED || rcs[0] == WEIR_EBADHANDLE
                || (rcs[0] == 0 && received[0][0] == 1 && rcs[1] == 0));
    MODEL_CHECK(rcs[1] == 0 || rcs[1] == WEIR_ECLOSED || rcs[1] == WEIR_EBADHANDLE);
}

static const struct model destroyed = {.name = "chan, destroy",
                                       .begin = begin,
                                       .threads = {recv_one, send_one, destroy_it},
                                       .end = end_destroyed};
static const struct model order = {
    .name = "chan, order", .begin = begin, .threads = {recv_two, send_two}, .end = end_in_order};
static const struct model two_receivers = {.name = "chan, two receivers",
                                           .begin = begin_with_one,
                                           .threads = {recv_one, recv_one, send_second},
                                           .end = end_one_each};
static const struct model closed = {.name = "chan, close",
                                    .begin = begin,
                                    .threads = {recv_one, send_one, close_it},
                                    .end = end_closed};
static const struct model cancelled = {.name = "chan, cancel",
                                       .begin = begin,
                                       .threads = {recv_one, send_one, cancel_first},
                                       .end = end_cancelled};

TEST(values_arrive_in_order)
{
    model_holds(&order);
}

TEST(each_value_goes_to_one_receiver)
{
    model_holds(&two_receivers);
}

TEST(what_was_sent_before_the_close_is_received)
{
    model_holds(&closed);
}

TEST(who_waits_is_told_of_the_end)
{
    model_holds(&destroyed);
}

TEST(a_receiver_that_is_stopped_takes_nothing)
{
    model_holds(&cancelled);
}

TEST(a_handle_that_is_not_looked_at_under_the_lock_is_found)
{
    model_fails(&destroyed, &(struct model_mutation){.function = "weir__handle_open",
                                                     .pointer = "&entry->word",
                                                     .blind = true,
                                                     .variable = &open_word});
}

TEST(a_lock_that_orders_nothing_is_a_race)
{
    model_fails(&order, &(struct model_mutation){.function = "weir__unlock"});
}

TEST(a_lock_that_wakes_nobody_is_found)
{
    model_fails(&order, &(struct model_mutation){.function = "weir__lock",
                                                 .kind = WEIR__MODEL_EXCHANGE + 1,
                                                 .blind = true});
}
