/* test/os/chan.c - channels: order, room, permits, closing, giving up; tasks and threads. */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <weir.h>

#include "support/check.h"

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

/* ---- one task ---- */

static int keep_in_order(void *arg)
{
    weir_chan chan;
    int value, i, round;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof value, 3) == 0);
    for (round = 0; round < 5; round++) {
        for (i = 0; i < 3; i++)
            CHECK(weir_chan_send(chan, &i) == 0);
        CHECK(weir_chan_try_send(chan, &i) == WEIR_EAGAIN);
        CHECK(weir_chan_count(chan) == 3);
        CHECK(weir_chan_try_recv(chan, &value) == 0 && value == 0);
        CHECK(weir_chan_try_send(chan, &i) == 0);
        for (i = 1; i <= 3; i++)
            CHECK(weir_chan_recv(chan, &value) == 0 && value == i);
        CHECK(weir_chan_try_recv(chan, &value) == WEIR_EAGAIN);
    }
    weir_chan_destroy(chan);
    return 0;
}

TEST(values_come_in_the_order_in_which_they_were_sent)
{
    (void)run(keep_in_order, NULL, 1);
}

TEST(wrong_sizes_and_options_are_refused)
{
    struct weir_chan_options options = {.capacity = 4, .unbounded = WEIR_ON};
    weir_chan chan = {7};

    assert_int_equal(weir_chan_create(&chan, 0, 1), WEIR_EINVAL);
    assert_int_equal(weir_chan_create(&chan, WEIR_VALUE_MAX + 1, 1), WEIR_EINVAL);
    assert_int_equal(weir_chan_create(&chan, 1, UINT32_MAX), WEIR_EOPTION);
    assert_int_equal(weir_chan_create_with(&chan, 8, &options), WEIR_EOPTION);
    assert_int_equal(chan.id, 7);
}

static int use_destroyed(void *arg)
{
    weir_chan chan, next;
    weir_permit permit;
    int value = 1;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof value, 2) == 0);
    CHECK(weir_chan_reserve(chan, &permit) == 0);
    weir_chan_destroy(chan);
    weir_chan_destroy(chan);
    CHECK(weir_chan_create(&next, sizeof value, 2) == 0); /* in the same place */
    CHECK(weir_chan_send(chan, &value) == WEIR_EBADHANDLE);
    CHECK(weir_chan_recv(chan, &value) == WEIR_EBADHANDLE);
    CHECK(weir_chan_recv_many(chan, &value, 1) == WEIR_EBADHANDLE);
    CHECK(weir_chan_close(chan, 0) == WEIR_EBADHANDLE);
    CHECK(weir_chan_count(chan) == WEIR_EBADHANDLE);
    CHECK(weir_permit_commit(&permit, &value) == WEIR_EBADHANDLE);
    CHECK(weir_chan_count(next) == 0);
    weir_chan_destroy(next);
    return 0;
}

TEST(a_destroyed_channel_is_no_other_one)
{
    (void)run(use_destroyed, NULL, 1);
}

static int close_with_values(void *arg)
{
    weir_chan chan;
    int value, i;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof value, 4) == 0);
    for (i = 0; i < 3; i++)
        CHECK(weir_chan_send(chan, &i) == 0);
    CHECK(weir_chan_close(chan, 1) == WEIR_EINVAL);
    CHECK(weir_chan_close(chan, WEIR_EIO) == 0);
    CHECK(weir_chan_close(chan, WEIR_EPIPE) == 0); /* the first reason counts */
    CHECK(weir_chan_send(chan, &i) == WEIR_EIO);
    CHECK(weir_chan_try_send(chan, &i) == WEIR_EIO);
    for (i = 0; i < 3; i++)
        CHECK(weir_chan_recv(chan, &value) == 0 && value == i);
    CHECK(weir_chan_recv(chan, &value) == WEIR_EIO);
    CHECK(weir_chan_try_recv(chan, &value) == WEIR_EIO && value == 2);
    CHECK(weir_chan_recv_many(chan, &value, 1) == WEIR_EIO);
    weir_chan_destroy(chan);
    return 0;
}

TEST(a_reason_comes_after_the_values)
{
    (void)run(close_with_values, NULL, 1);
}

static int count_senders(void *arg)
{
    struct weir_chan_options options = {.capacity = 1, .counted = WEIR_ON};
    weir_chan chan;
    int value = 5;

    (void)arg;
    CHECK(weir_chan_create_with(&chan, sizeof value, &options) == 0);
    CHECK(weir_chan_add_sender(chan) == 0);
    CHECK(weir_chan_drop_sender(chan) == 0);
    CHECK(weir_chan_send(chan, &value) == 0); /* one is left */
    CHECK(weir_chan_drop_sender(chan) == 0);
    CHECK(weir_chan_drop_sender(chan) == WEIR_EINVAL);
    CHECK(weir_chan_add_sender(chan) == WEIR_ECLOSED);
    CHECK(weir_chan_send(chan, &value) == WEIR_ECLOSED);
    CHECK(weir_chan_recv(chan, &value) == 0 && value == 5);
    CHECK(weir_chan_recv(chan, &value) == WEIR_ECLOSED);
    weir_chan_destroy(chan);
    CHECK(weir_chan_create(&chan, sizeof value, 1) == 0);
    CHECK(weir_chan_add_sender(chan) == WEIR_EINVAL);
    weir_chan_destroy(chan);
    return 0;
}

TEST(the_last_sender_closes)
{
    (void)run(count_senders, NULL, 1);
}

static int use_permits(void *arg)
{
    weir_chan chan;
    weir_permit first, second;
    int value, i = 1;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof value, 2) == 0);
    CHECK(weir_chan_reserve(chan, &first) == 0);
    CHECK(weir_chan_reserve(chan, &second) == 0);
    CHECK(weir_chan_try_send(chan, &i) == WEIR_EAGAIN);
    CHECK(weir_permit_release(&second) == 0);
    CHECK(weir_permit_release(&second) == WEIR_EBADHANDLE);
    CHECK(weir_chan_try_send(chan, &i) == 0);
    i = 2;
    CHECK(weir_chan_close(chan, WEIR_EIO) == 0);
    CHECK(weir_chan_reserve(chan, &second) == WEIR_EIO);
    CHECK(weir_chan_recv(chan, &value) == 0 && value == 1);
    CHECK(weir_chan_try_recv(chan, &value) == WEIR_EAGAIN); /* the permit may still send */
    CHECK(weir_permit_commit(&first, &i) == 0);
    CHECK(weir_permit_commit(&first, &i) == WEIR_EBADHANDLE);
    CHECK(weir_chan_recv(chan, &value) == 0 && value == 2);
    CHECK(weir_chan_recv(chan, &value) == WEIR_EIO);
    weir_chan_destroy(chan);
    CHECK(weir_chan_create(&chan, sizeof value, 0) == 0);
    CHECK(weir_chan_reserve(chan, &first) == WEIR_ENOTSUP);
    weir_chan_destroy(chan);
    return 0;
}

TEST(a_permit_keeps_a_place)
{
    (void)run(use_permits, NULL, 1);
}

static int grow(void *arg)
{
    struct weir_chan_options options = {.unbounded = WEIR_ON};
    weir_chan chan;
    uint64_t value, sent = 0, got = 0;
    int round, i;

    (void)arg;
    CHECK(weir_chan_create_with(&chan, sizeof value, &options) == 0);
    for (round = 1; round <= 40; round++) {
        for (i = 0; i < round * 50; i++, sent++)
            CHECK(weir_chan_try_send(chan, &sent) == 0);
        for (i = 0; i < round * 40; i++, got++)
            CHECK(weir_chan_try_recv(chan, &value) == 0 && value == got);
    }
    while (got < sent) {
        CHECK(weir_chan_try_recv(chan, &value) == 0 && value == got);
        got++;
    }
    CHECK(weir_chan_try_recv(chan, &value) == WEIR_EAGAIN);
    weir_chan_destroy(chan);
    return 0;
}

TEST(an_unbounded_channel_grows_and_shrinks)
{
    (void)run(grow, NULL, 1);
}

struct batch {
    weir_chan chan;
    int got;
};

static int send_hundred(void *arg)
{
    struct batch *batch = arg;
    int i;

    for (i = 0; i < 100; i++)
        CHECK(weir_chan_send(batch->chan, &i) == 0);
    return weir_chan_close(batch->chan, 0);
}

static int recv_batches(void *arg)
{
    uint32_t capacity = *(uint32_t *)arg;
    struct batch batch = {.got = 0};
    int values[40], n, i;
    weir_scope scope;

    CHECK(weir_chan_create(&batch.chan, sizeof values[0], capacity) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, send_hundred, &batch) == 0);
    CHECK(weir_chan_recv_many(batch.chan, values, 0) == WEIR_EINVAL);
    while ((n = weir_chan_recv_many(batch.chan, values, 40)) > 0) {
        for (i = 0; i < n; i++)
            CHECK(values[i] == batch.got++);
    }
    CHECK(n == WEIR_ECLOSED && batch.got == 100);
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(batch.chan);
    return 0;
}

TEST(a_batch_takes_what_is_there)
{
    uint32_t capacities[] = {0, 1, 7, 64};
    unsigned i;

    for (i = 0; i < 4; i++) {
        (void)run(recv_batches, &capacities[i], 1);
        (void)run(recv_batches, &capacities[i], 2);
    }
}

/* ---- waiting in order ---- */

enum {
    WAITERS = 40
};

struct line {
    weir_chan chan;
    int number, got, arrived;
    int *order;
};

static int recv_one(void *arg)
{
    struct line *line = arg;

    CHECK(weir_chan_recv(line->chan, &line->got) == 0);
    return 0;
}

static int serve_receivers(void *arg)
{
    struct line lines[WAITERS];
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_chan_create(&lines[0].chan, sizeof(int), 5) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < WAITERS; i++) {
        lines[i] = (struct line){.chan = lines[0].chan};
        CHECK(weir_spawn(&scope, recv_one, &lines[i]) == 0);
        CHECK(weir_yield() == 0);
    }
    for (i = 0; i < WAITERS; i++)
        CHECK(weir_chan_send(lines[0].chan, &i) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(lines[i].got == i);
    weir_chan_destroy(lines[0].chan);
    return 0;
}

TEST(receivers_are_served_in_the_order_of_arrival)
{
    (void)run(serve_receivers, NULL, 1);
}

static int send_one(void *arg)
{
    struct line *line = arg;

    CHECK(weir_chan_send(line->chan, &line->number) == 0);
    return 0;
}

static int reserve_one(void *arg)
{
    struct line *line = arg;
    weir_permit permit;

    CHECK(weir_chan_reserve(line->chan, &permit) == 0);
    CHECK(weir_permit_commit(&permit, &line->number) == 0);
    return 0;
}

static int serve_senders(void *arg)
{
    uint32_t capacity = *(uint32_t *)arg;
    struct line lines[WAITERS];
    weir_scope scope;
    int i, value;

    CHECK(weir_chan_create(&lines[0].chan, sizeof(int), capacity) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < WAITERS; i++) {
        lines[i] = (struct line){.chan = lines[0].chan, .number = i};
        CHECK(weir_spawn(&scope, capacity && i % 3 == 2 ? reserve_one : send_one, &lines[i]) == 0);
        CHECK(weir_yield() == 0);
    }
    for (i = 0; i < WAITERS; i++) {
        CHECK(weir_chan_recv(lines[0].chan, &value) == 0 && value == i);
        CHECK(weir_yield() == 0); /* who has got a permit sends */
    }
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(lines[0].chan);
    return 0;
}

TEST(senders_are_served_in_the_order_of_arrival)
{
    uint32_t capacities[] = {0, 1, 4};
    unsigned i;

    for (i = 0; i < 3; i++)
        (void)run(serve_senders, &capacities[i], 1);
}

/* More waiters than one section wakes. */
static int wake_many(void *arg)
{
    int capacity = *(int *)arg, values[WAITERS], i, n, sum = 0;
    struct line lines[WAITERS];
    weir_scope scope;

    CHECK(weir_chan_create(&lines[0].chan, sizeof(int), (uint32_t)capacity) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < capacity; i++)
        CHECK(weir_chan_send(lines[0].chan, &i) == 0);
    for (i = 0; i < WAITERS; i++) {
        lines[i] = (struct line){.chan = lines[0].chan, .number = capacity + i};
        CHECK(weir_spawn(&scope, send_one, &lines[i]) == 0);
    }
    CHECK(weir_yield() == 0);
    while (sum < capacity + WAITERS) {
        n = weir_chan_recv_many(lines[0].chan, values, WAITERS);
        CHECK(n > 0);
        for (i = 0; i < n; i++)
            CHECK(values[i] == sum++);
        if (n <= 0)
            break;
    }
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(lines[0].chan);
    return 0;
}

TEST(a_batch_lets_all_senders_go_on_in_order)
{
    int capacities[] = {0, WAITERS};

    (void)run(wake_many, &capacities[0], 1);
    (void)run(wake_many, &capacities[1], 1);
}

/* ---- closing under those who wait ---- */

struct closing {
    weir_chan chan;
    int expected;
    bool sends;
};

static int wait_for_close(void *arg)
{
    struct closing *closing = arg;
    int value = 1;

    CHECK((closing->sends ? weir_chan_send(closing->chan, &value)
                          : weir_chan_recv(closing->chan, &value))
          == closing->expected);
    return 0;
}

static int close_under_waiters(void *arg)
{
    struct closing *closing = arg;
    weir_scope scope;
    int i, value = 0;

    CHECK(weir_chan_create(&closing->chan, sizeof value, 1) == 0);
    if (closing->sends)
        CHECK(weir_chan_send(closing->chan, &value) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(weir_spawn(&scope, wait_for_close, closing) == 0);
    CHECK(weir_yield() == 0);
    if (closing->expected == WEIR_ECLOSED)
        weir_chan_destroy(closing->chan);
    else
        CHECK(weir_chan_close(closing->chan, closing->expected) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(closing->chan);
    return 0;
}

TEST(who_waits_learns_of_a_close)
{
    struct closing closing = {.expected = WEIR_EIO};

    (void)run(close_under_waiters, &closing, 1);
    closing.sends = true;
    (void)run(close_under_waiters, &closing, 1);
    closing.expected = WEIR_ECLOSED; /* by destroying it */
    (void)run(close_under_waiters, &closing, 1);
    closing.sends = false;
    (void)run(close_under_waiters, &closing, 1);
}

static int release_last_permit(void *arg)
{
    struct closing closing = {.expected = WEIR_EIO};
    weir_permit permit;
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_chan_create(&closing.chan, sizeof i, 1) == 0);
    CHECK(weir_chan_reserve(closing.chan, &permit) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(weir_spawn(&scope, wait_for_close, &closing) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_chan_close(closing.chan, WEIR_EIO) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_permit_release(&permit) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(closing.chan);
    return 0;
}

TEST(the_last_permit_of_a_closed_channel_ends_the_waits)
{
    (void)run(release_last_permit, NULL, 1);
}

/* ---- giving up ---- */

static int give_up(void *arg)
{
    weir_chan chan;
    weir_block block;
    int value = 1, rc;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof value, 1) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_chan_recv(chan, &value) == WEIR_EDEADLINE);
    weir_block_end(&block);
    CHECK(weir_chan_send(chan, &value) == 0); /* to nobody who has gone */
    CHECK(weir_chan_count(chan) == 1);
    value = 2;
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    rc = weir_chan_send(chan, &value);
    weir_block_end(&block);
    CHECK(rc == WEIR_EDEADLINE);
    CHECK(weir_chan_recv(chan, &value) == 0 && value == 1);
    CHECK(weir_chan_try_recv(chan, &value) == WEIR_EAGAIN); /* it has not sent */
    weir_chan_destroy(chan);
    return 0;
}

TEST(who_gives_up_has_not_sent_and_not_taken)
{
    (void)run(give_up, NULL, 1);
}

/* ---- at the same moment ---- */

struct moment {
    weir_chan chan;
    uint32_t turn; /* the sender's word to go */
    uint32_t sent, got;
};

enum {
    MOMENTS = 2000
};

static int recv_until_cancelled(void *arg)
{
    struct moment *moment = arg;
    int value, rc;

    while ((rc = weir_chan_recv(moment->chan, &value)) == 0)
        moment->got++;
    CHECK(rc == WEIR_ECANCELED);
    return 0;
}

/* In each turn, sends once if somebody waits at that moment. */
static int send_in_turns(void *arg)
{
    struct moment *moment = arg;
    uint32_t turn = 0;
    int value = 1;

    while (turn < MOMENTS) {
        if (__atomic_load_n(&moment->turn, __ATOMIC_SEQ_CST) <= turn) {
            CHECK(weir_yield() == 0);
            continue;
        }
        turn++;
        moment->sent += weir_chan_try_send(moment->chan, &value) == 0;
    }
    return 0;
}

static int cancel_in_turns(void *arg)
{
    struct moment *moment = arg;
    weir_scope scope, sender;
    volatile int delay;
    uint32_t i;

    CHECK(weir_chan_create(&moment->chan, sizeof(int), 0) == 0);
    CHECK(weir_scope_open(&sender) == 0);
    CHECK(weir_spawn(&sender, send_in_turns, moment) == 0);
    for (i = 1; i <= MOMENTS; i++) {
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, recv_until_cancelled, moment) == 0);
        CHECK(weir_yield() == 0);
        __atomic_store_n(&moment->turn, i, __ATOMIC_SEQ_CST);
        for (delay = 0; delay < (int)(i % 64) * 4; delay++) {
        }
        weir_scope_cancel(&scope);
        CHECK(weir_scope_join(&scope) == 0);
    }
    CHECK(weir_scope_join(&sender) == 0);
    weir_chan_destroy(moment->chan);
    return 0;
}

TEST(what_comes_with_a_cancel_is_delivered_or_was_not_sent)
{
    struct moment moment = {.turn = 0};

    (void)run(cancel_in_turns, &moment, 2);
    assert_int_equal(moment.sent, moment.got);
}

struct late {
    uint64_t id; /* of the channel of the moment */
    uint32_t over;
};

static int send_late(void *arg)
{
    struct late *late = arg;
    int rounds = 0;

    while (!__atomic_load_n(&late->over, __ATOMIC_SEQ_CST)) {
        weir_chan chan = {__atomic_load_n(&late->id, __ATOMIC_SEQ_CST)};
        int rc = weir_chan_try_send(chan, &chan.id);

        CHECK(rc == 0 || rc == WEIR_EAGAIN || rc == WEIR_EBADHANDLE);
        if (++rounds % 50 == 0)
            CHECK(weir_yield() == 0);
    }
    return 0;
}

static int destroy_early(void *arg)
{
    struct late *late = arg;
    weir_scope scope;
    weir_chan chan;
    uint64_t value;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, send_late, late) == 0);
    CHECK(weir_spawn(&scope, send_late, late) == 0);
    for (i = 0; i < 8000; i++) {
        CHECK(weir_chan_create(&chan, sizeof value, 2) == 0);
        __atomic_store_n(&late->id, chan.id, __ATOMIC_SEQ_CST);
        if (i % 16 == 0)
            CHECK(weir_yield() == 0);
        while (weir_chan_try_recv(chan, &value) == 0)
            CHECK(value == chan.id); /* not meant for one that was in this place */
        weir_chan_destroy(chan);
    }
    __atomic_store_n(&late->over, 1, __ATOMIC_SEQ_CST);
    return weir_scope_join(&scope);
}

TEST(who_comes_late_finds_no_other_channel)
{
    struct late late = {.over = 0};

    (void)run(destroy_early, &late, 3);
}

/* ---- many of everything, at random ---- */

enum {
    PRODUCERS = 5,
    CONSUMERS = 4,
    MESSAGES = 60
};

struct message {
    uint32_t producer, number;
};

struct storm {
    weir_chan chan;
    uint32_t capacity, seed;
    uint8_t seen[PRODUCERS][MESSAGES];
    int done; /* producers */
};

struct actor {
    struct storm *storm;
    uint32_t index, random;
};

static uint32_t next_random(struct actor *actor)
{
    actor->random = actor->random * 1664525u + 1013904223u;
    return actor->random >> 16;
}

/* 0 or why it was not sent; some give up at once, some use a permit. */
static int send_somehow(struct actor *actor, const struct message *message)
{
    weir_chan chan = actor->storm->chan;
    weir_block block;
    weir_permit permit;
    int rc;

    switch (next_random(actor) % 5) {
    case 0:
        return weir_chan_try_send(chan, message);
    case 1:
        CHECK(weir_deadline_begin(&block, next_random(actor) % 60000) == 0);
        rc = weir_chan_send(chan, message);
        weir_block_end(&block);
        return rc;
    case 2:
        rc = weir_chan_reserve(chan, &permit);
        if (rc < 0)
            return rc == WEIR_ENOTSUP ? weir_chan_send(chan, message) : rc;
        if (next_random(actor) % 4 == 0) {
            CHECK(weir_permit_release(&permit) == 0);
            return WEIR_EAGAIN;
        }
        return weir_permit_commit(&permit, message);
    default:
        return weir_chan_send(chan, message);
    }
}

static int produce(void *arg)
{
    struct actor *actor = arg;
    struct storm *storm = actor->storm;
    struct message message = {actor->index, 0};

    while (message.number < MESSAGES) {
        int rc = send_somehow(actor, &message);

        if (rc == 0) {
            message.number++;
        } else {
            CHECK(rc == WEIR_EAGAIN || rc == WEIR_EDEADLINE);
            CHECK(weir_yield() == 0);
        }
    }
    if (__atomic_add_fetch(&storm->done, 1, __ATOMIC_SEQ_CST) == PRODUCERS)
        CHECK(weir_chan_close(storm->chan, WEIR_EEOF) == 0);
    return 0;
}

static int recv_somehow(struct actor *actor, struct message *messages)
{
    weir_chan chan = actor->storm->chan;
    weir_block block;
    int rc;

    switch (next_random(actor) % 4) {
    case 0:
        rc = weir_chan_try_recv(chan, messages);
        return rc < 0 ? rc : 1;
    case 1:
        CHECK(weir_deadline_begin(&block, next_random(actor) % 60000) == 0);
        rc = weir_chan_recv(chan, messages);
        weir_block_end(&block);
        return rc < 0 ? rc : 1;
    case 2:
        return weir_chan_recv_many(chan, messages, 1 + next_random(actor) % 8);
    default:
        rc = weir_chan_recv(chan, messages);
        return rc < 0 ? rc : 1;
    }
}

static int consume(void *arg)
{
    struct actor *actor = arg;
    struct message messages[8];
    uint32_t last[PRODUCERS] = {0}; /* number + 1 */
    int n, i;

    while ((n = recv_somehow(actor, messages)) != WEIR_EEOF) {
        CHECK(n > 0 || n == WEIR_EAGAIN || n == WEIR_EDEADLINE);
        for (i = 0; i < n; i++) {
            struct message *m = &messages[i];

            CHECK(m->producer < PRODUCERS && m->number < MESSAGES);
            CHECK(m->number >= last[m->producer]); /* in its producer's order */
            last[m->producer] = m->number + 1;
            CHECK(!__atomic_exchange_n(&actor->storm->seen[m->producer][m->number], 1,
                                       __ATOMIC_SEQ_CST));
        }
        if (n <= 0)
            CHECK(weir_yield() == 0);
    }
    return 0;
}

static int storm(void *arg)
{
    struct storm *storm = arg;
    struct actor actors[PRODUCERS + CONSUMERS];
    weir_scope scope;
    uint32_t i;

    CHECK(weir_chan_create(&storm->chan, sizeof(struct message), storm->capacity) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < PRODUCERS + CONSUMERS; i++) {
        actors[i] = (struct actor){storm, i, storm->seed * 31 + i};
        CHECK(weir_spawn(&scope, i < PRODUCERS ? produce : consume, &actors[i]) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(storm->chan);
    return 0;
}

TEST(no_message_is_lost_or_doubled)
{
    static const uint32_t capacities[] = {0, 1, 2, 10, 1000};
    struct storm all;
    uint32_t seed;

    for (seed = 0; seed < 60; seed++) {
        memset(&all, 0, sizeof all);
        all.seed = seed;
        all.capacity = capacities[seed % 5];
        (void)run(storm, &all, 1 + seed % 4);
        assert_null(memchr(all.seen, 0, sizeof all.seen));
    }
}

/* ---- threads ---- */

static void *produce_as_thread(void *arg)
{
    struct actor *actor = arg;
    struct message message = {actor->index, 0};

    for (; message.number < MESSAGES; message.number++)
        CHECK(weir_chan_send(actor->storm->chan, &message) == 0);
    return NULL;
}

static void *consume_as_thread(void *arg)
{
    struct storm *storm = arg;
    struct message message;
    int rc;

    while ((rc = weir_chan_recv(storm->chan, &message)) == 0)
        CHECK(!storm->seen[message.producer][message.number]++);
    CHECK(rc == WEIR_EEOF);
    return NULL;
}

static int relay(void *arg)
{
    struct storm *both = arg; /* from one channel to the other */
    struct message message;
    int rc;

    while ((rc = weir_chan_recv(both[0].chan, &message)) == 0)
        CHECK(weir_chan_send(both[1].chan, &message) == 0);
    CHECK(rc == WEIR_EPIPE);
    return weir_chan_close(both[1].chan, WEIR_EEOF);
}

TEST(threads_block_where_tasks_suspend)
{
    static struct storm both[2];
    struct actor producers[2];
    weir_runtime *runtime;
    pthread_t threads[2], end;
    uint32_t i;

    memset(both, 0, sizeof both);
    assert_int_equal(weir_chan_create(&both[0].chan, sizeof(struct message), 0), 0);
    assert_int_equal(weir_chan_create(&both[1].chan, sizeof(struct message), 2), 0);
    assert_int_equal(weir_runtime_create(&runtime, &(struct weir_runtime_options){.workers = 2}),
                     0);
    assert_int_equal(weir_runtime_spawn(runtime, relay, both), 0);
    for (i = 0; i < 2; i++) {
        producers[i] = (struct actor){&both[0], i, i};
        assert_int_equal(pthread_create(&threads[i], NULL, produce_as_thread, &producers[i]), 0);
    }
    assert_int_equal(pthread_create(&end, NULL, consume_as_thread, &both[1]), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(weir_chan_close(both[0].chan, WEIR_EPIPE), 0);
    assert_int_equal(pthread_join(end, NULL), 0);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
    assert_null(memchr(both[1].seen, 0, 2 * MESSAGES));
    weir_chan_destroy(both[0].chan);
    weir_chan_destroy(both[1].chan);
}
