/* test/os/select.c - the first of several: channels, oneshots, broadcasts, watches, joins, time. */
#include "test.h"

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

static const struct weir_select_options in_order = {.in_order = WEIR_ON};
static const struct weir_select_options no_wait = {.no_wait = WEIR_ON};

/* ---- what is ready at the call ---- */

static int choose_one(void *arg)
{
    weir_chan chans[3];
    weir_case cases[4];
    int values[3] = {0}, i, taken[3] = {0};

    (void)arg;
    for (i = 0; i < 3; i++) {
        CHECK(weir_chan_create(&chans[i], sizeof(int), 600) == 0);
        weir_case_recv(&cases[i], chans[i], &values[i]);
    }
    weir_case_none(&cases[3]);
    CHECK(weir_select_with(cases, 4, &no_wait) == WEIR_EAGAIN);
    for (i = 0; i < 1800; i++)
        CHECK(weir_chan_send(chans[i % 3], &i) == 0);
    for (i = 0; i < 600; i++) {
        int at = weir_select(cases, 4);

        CHECK(at >= 0 && at < 3 && cases[at].result == 0);
        if (at < 0)
            break;
        CHECK(values[at] == 3 * taken[at] + at);
        taken[at]++;
    }
    for (i = 0; i < 3; i++) {
        CHECK(weir_chan_count(chans[i]) == 600 - taken[i]); /* the others were left alone */
        CHECK(taken[i] > 100);
        weir_chan_destroy(chans[i]);
    }
    return 0;
}

TEST(exactly_one_is_done_and_none_is_passed_over)
{
    (void)run(choose_one, NULL, 1);
}

static int choose_in_order(void *arg)
{
    weir_chan chan, full;
    weir_case cases[3];
    int value = 1, got = 0, i;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof(int), 200) == 0);
    CHECK(weir_chan_create(&full, sizeof(int), 1) == 0);
    CHECK(weir_chan_send(full, &value) == 0);
    weir_case_send(&cases[0], full, &value);
    weir_case_send(&cases[1], chan, &value);
    weir_case_recv(&cases[2], full, &got);
    for (i = 0; i < 200; i++)
        CHECK(weir_select_with(cases, 3, &in_order) == 1);
    CHECK(weir_select_with(cases, 3, &in_order) == 2 && got == 1);
    CHECK(weir_select_with(cases, 3, &in_order) == 0);
    weir_chan_destroy(chan);
    weir_chan_destroy(full);
    return 0;
}

TEST(in_order_the_first_that_can_be_done_is)
{
    (void)run(choose_in_order, NULL, 1);
}

static int wrong_arguments(void *arg)
{
    struct weir_select_options bad = {.in_order = 9};
    weir_case cases[2];
    weir_chan chan;
    int value;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof(int), 1) == 0);
    memset(cases, 0, sizeof cases);
    CHECK(weir_select_with(cases, 2, &no_wait) == WEIR_EAGAIN);
    CHECK(weir_select(cases, 0) == WEIR_EINVAL);
    CHECK(weir_select(cases, WEIR_SELECT_MAX + 1) == WEIR_EINVAL);
    CHECK(weir_select_with(cases, 1, &bad) == WEIR_EOPTION);
    weir_case_recv(&cases[1], chan, &value);
    CHECK(weir_chan_close(chan, WEIR_EIO) == 0);
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == WEIR_EIO);
    weir_chan_destroy(chan);
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_call_that_fails_is_a_case_that_is_done)
{
    weir_case none;

    weir_case_none(&none);
    assert_int_equal(weir_select(&none, 1), WEIR_ENOTASK);
    (void)run(wrong_arguments, NULL, 1);
}

/* ---- waiting ---- */

struct parts {
    weir_chan left, right;
    weir_oneshot oneshot;
    weir_broadcast broadcast;
    weir_watch watch;
    weir_scope *scope;
    int which, at, value;
    ptrdiff_t result;
};

static int wait_for_any(void *arg)
{
    struct parts *parts = arg;
    int left = -1, right = -1, once = -1, heard = -1, seen = -1;
    uint64_t version = 1;
    weir_listening listening;
    weir_case cases[5];

    CHECK(weir_broadcast_listen(parts->broadcast, &listening) == 0);
    weir_case_recv(&cases[0], parts->left, &left);
    weir_case_recv(&cases[1], parts->right, &right);
    weir_case_oneshot(&cases[2], parts->oneshot, &once);
    weir_case_broadcast(&cases[3], &listening, &heard);
    weir_case_watch(&cases[4], parts->watch, &seen, &version);
    parts->at = weir_select(cases, 5);
    CHECK(parts->at == parts->which);
    if (parts->at < 0)
        return 0;
    parts->result = cases[parts->at].result;
    CHECK(left == (parts->at == 0 ? 42 : -1) && right == (parts->at == 1 ? 42 : -1));
    CHECK(once == (parts->at == 2 ? 42 : -1) && heard == (parts->at == 3 ? 42 : -1));
    CHECK(seen == (parts->at == 4 ? 42 : -1) && version == (parts->at == 4 ? 2 : 1));
    return 0;
}

static int send_to(struct parts *parts, int which, int value)
{
    switch (which) {
    case 0:
        return weir_chan_send(parts->left, &value);
    case 1:
        return weir_chan_send(parts->right, &value);
    case 2:
        return weir_oneshot_send(parts->oneshot, &value);
    case 3:
        return weir_broadcast_send(parts->broadcast, &value);
    default:
        return weir_watch_set(parts->watch, &value);
    }
}

static int wake_by_one(void *arg)
{
    struct parts *parts = arg;
    weir_scope scope;
    int i, value;

    value = 0;
    CHECK(weir_chan_create(&parts->left, sizeof(int), 1) == 0);
    CHECK(weir_chan_create(&parts->right, sizeof(int), 1) == 0);
    CHECK(weir_oneshot_create(&parts->oneshot, sizeof(int)) == 0);
    CHECK(weir_broadcast_create(&parts->broadcast, sizeof(int), 4) == 0);
    CHECK(weir_watch_create(&parts->watch, sizeof(int), &value) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_for_any, parts) == 0);
    CHECK(weir_yield() == 0);
    CHECK(send_to(parts, parts->which, 42) == 0);
    /* what comes now is for others */
    for (i = 0; i < 5; i++)
        CHECK(i == parts->which || send_to(parts, i, 7) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(parts->result == 0);
    for (i = 0; i < 2; i++) {
        weir_chan chan = i ? parts->right : parts->left;

        CHECK(parts->which == i || (weir_chan_try_recv(chan, &value) == 0 && value == 7));
        CHECK(weir_chan_try_recv(chan, &value) == WEIR_EAGAIN);
        weir_chan_destroy(chan);
    }
    CHECK(parts->which == 2 || (weir_oneshot_try_recv(parts->oneshot, &value) == 0 && value == 7));
    CHECK(weir_oneshot_try_recv(parts->oneshot, &value) == WEIR_EBADHANDLE);
    weir_broadcast_destroy(parts->broadcast);
    weir_watch_destroy(parts->watch);
    return 0;
}

TEST(the_first_that_comes_is_taken_and_the_others_are_left)
{
    struct parts parts;
    int which;

    for (which = 0; which < 5; which++) {
        parts = (struct parts){.which = which};
        (void)run(wake_by_one, &parts, 1);
    }
}

static int stop_in_select(void *arg)
{
    struct parts *parts = arg;
    weir_scope scope;
    weir_block block;
    int value = 0;

    CHECK(weir_chan_create(&parts->left, sizeof(int), 1) == 0);
    CHECK(weir_chan_create(&parts->right, sizeof(int), 1) == 0);
    CHECK(weir_oneshot_create(&parts->oneshot, sizeof(int)) == 0);
    CHECK(weir_broadcast_create(&parts->broadcast, sizeof(int), 4) == 0);
    CHECK(weir_watch_create(&parts->watch, sizeof(int), &value) == 0);
    parts->which = WEIR_ECANCELED;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_for_any, parts) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    parts->which = WEIR_EDEADLINE;
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(wait_for_any(parts) == 0);
    CHECK(weir_block_end(&block));
    value = 3; /* nobody waits anywhere: all of it stays */
    CHECK(weir_chan_try_send(parts->left, &value) == 0 && weir_chan_count(parts->left) == 1);
    CHECK(weir_chan_try_send(parts->right, &value) == 0 && weir_chan_count(parts->right) == 1);
    CHECK(weir_oneshot_send(parts->oneshot, &value) == 0);
    CHECK(weir_oneshot_recv(parts->oneshot, &value) == 0);
    weir_chan_destroy(parts->left);
    weir_chan_destroy(parts->right);
    weir_broadcast_destroy(parts->broadcast);
    weir_watch_destroy(parts->watch);
    return 0;
}

TEST(a_select_that_is_stopped_has_done_nothing)
{
    struct parts parts = {.which = 0};

    (void)run(stop_in_select, &parts, 1);
}

static int tell_time(void *arg)
{
    weir_case cases[3];
    weir_chan chan;
    weir_block block;
    int value = 1;
    uint64_t begun = weir_now_ns();

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof(int), 1) == 0);
    weir_case_recv(&cases[0], chan, &value);
    weir_case_after(&cases[1], WEIR_SECONDS(3600));
    weir_case_at(&cases[2], begun + WEIR_MILLISECONDS(3));
    CHECK(weir_select(cases, 3) == 2 && cases[2].result == 0);
    CHECK(weir_now_ns() - begun >= (uint64_t)WEIR_MILLISECONDS(3));
    CHECK(weir_select(cases, 3) == 2); /* a moment that has passed is ready */
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_select(cases, 2) == WEIR_EDEADLINE); /* the block's deadline is no case */
    CHECK(weir_block_end(&block));
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(3600)) == 0);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(!weir_block_end(&block));
    CHECK(weir_chan_send(chan, &value) == 0);
    weir_case_after(&cases[1], WEIR_SECONDS(3600));
    CHECK(weir_select(cases, 2) == 0);
    weir_chan_destroy(chan);
    return 0;
}

TEST(a_moment_is_a_case)
{
    (void)run(tell_time, NULL, 1);
}

static int end_when_told(void *arg)
{
    int value, rc = weir_chan_recv(*(weir_chan *)arg, &value);

    return rc < 0 ? rc : value;
}

static int join_in_select(void *arg)
{
    weir_chan go, never;
    weir_case cases[2];
    weir_scope scope;
    int value = WEIR_EIO, i;

    (void)arg;
    CHECK(weir_chan_create(&go, sizeof(int), 0) == 0);
    CHECK(weir_chan_create(&never, sizeof(int), 0) == 0);
    weir_case_recv(&cases[0], never, &value);
    for (i = 0; i < 20; i++) {
        CHECK(weir_scope_open(&scope) == 0);
        weir_case_join(&cases[1], &scope);
        CHECK(weir_spawn(&scope, end_when_told, &go) == 0);
        CHECK(weir_select_with(cases, 2, &no_wait) == WEIR_EAGAIN);
        weir_case_after(&cases[0], WEIR_MICROSECONDS(i % 3 * 100));
        if (i % 2)
            CHECK(weir_select(cases, 2) == 0); /* the scope goes on */
        weir_case_recv(&cases[0], never, &value);
        value = WEIR_EIO;
        CHECK(weir_chan_send(go, &value) == 0);
        CHECK(weir_select(cases, 2) == 1 && cases[1].result == WEIR_EIO);
    }
    CHECK(weir_scope_open(&scope) == 0); /* an empty one is joined at once */
    weir_case_join(&cases[0], &scope);
    weir_case_join(&cases[1], &scope);
    CHECK(weir_select_with(cases, 1, &in_order) == 0 && cases[0].result == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, end_when_told, &go) == 0);
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == WEIR_EINVAL); /* twice in one select */
    value = 5;
    CHECK(weir_chan_send(go, &value) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_chan_destroy(go);
    weir_chan_destroy(never);
    return 0;
}

TEST(a_scope_is_joined_by_a_case)
{
    (void)run(join_in_select, NULL, 1);
    (void)run(join_in_select, NULL, 3);
}

static int talk_to_itself(void *arg)
{
    weir_case cases[3];
    weir_chan chan;
    int in = 0, out = 1;

    (void)arg;
    CHECK(weir_chan_create(&chan, sizeof(int), 0) == 0);
    weir_case_send(&cases[0], chan, &out);
    weir_case_recv(&cases[1], chan, &in);
    weir_case_after(&cases[2], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 3) == 2 && in == 0);
    weir_chan_destroy(chan);
    return 0;
}

TEST(a_select_does_not_meet_itself)
{
    (void)run(talk_to_itself, NULL, 1);
}

/* ---- selects that meet each other ---- */

enum {
    ROUNDS = 400
};

struct meeting {
    weir_chan ping, pong;
    long sent[2], got[2];
    int number;
};

struct guest {
    struct meeting *meeting;
    int number;
};

/* Each sends on one and receives on the other, whatever comes first. */
static int meet(void *arg)
{
    struct guest *guest = arg;
    struct meeting *m = guest->meeting;
    weir_case cases[2];
    int out = 1, in = 0, i;

    weir_case_send(&cases[0], guest->number % 2 ? m->ping : m->pong, &out);
    weir_case_recv(&cases[1], guest->number % 2 ? m->pong : m->ping, &in);
    for (i = 0; i < ROUNDS; i++) {
        int at = weir_select(cases, 2);

        CHECK(at >= 0 && cases[at].result == 0);
        __atomic_add_fetch(at == 0 ? &m->sent[guest->number % 2] : &m->got[guest->number % 2], 1,
                           __ATOMIC_SEQ_CST);
    }
    return 0;
}

static int drain(void *arg)
{
    struct meeting *m = arg;
    int value = 1;

    for (;;) { /* what the last ones have no partner for */
        weir_case cases[4];
        int at;

        weir_case_send(&cases[0], m->ping, &value);
        weir_case_recv(&cases[1], m->ping, &value);
        weir_case_send(&cases[2], m->pong, &value);
        weir_case_recv(&cases[3], m->pong, &value);
        at = weir_select(cases, 4); /* never with itself */
        if (at == WEIR_ECANCELED)
            return 0;
        CHECK(at >= 0 && cases[at].result == 0);
    }
}

static int hold_meeting(void *arg)
{
    struct meeting *m = arg;
    struct guest guests[6];
    weir_scope scope, rest;
    int i;

    CHECK(weir_chan_create(&m->ping, sizeof(int), 0) == 0);
    CHECK(weir_chan_create(&m->pong, sizeof(int), 0) == 0);
    CHECK(weir_scope_open(&rest) == 0);
    CHECK(weir_spawn(&rest, drain, m) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 6; i++) {
        guests[i] = (struct guest){m, i};
        CHECK(weir_spawn(&scope, meet, &guests[i]) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    weir_scope_cancel(&rest);
    CHECK(weir_scope_join(&rest) == 0);
    weir_chan_destroy(m->ping);
    weir_chan_destroy(m->pong);
    return 0;
}

TEST(selects_meet_at_channels_without_a_capacity)
{
    struct meeting meeting;
    uint32_t workers;

    for (workers = 1; workers <= 4; workers++) {
        memset(&meeting, 0, sizeof meeting);
        (void)run(hold_meeting, &meeting, workers);
        assert_int_equal(meeting.sent[0] + meeting.sent[1] + meeting.got[0] + meeting.got[1],
                         6 * ROUNDS);
    }
}

/* ---- many of everything, at random ---- */

enum {
    PRODUCERS = 4,
    CONSUMERS = 3,
    MESSAGES = 50,
    CHANS = 3
};

struct message {
    uint32_t producer, number;
};

struct storm {
    weir_chan chans[CHANS];
    uint32_t seed;
    uint8_t seen[PRODUCERS][MESSAGES];
    int done;
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

/* A select over all channels, with a moment, or under a deadline, or both. */
static int select_somehow(struct actor *actor, weir_case cases[CHANS + 1])
{
    uint32_t how = next_random(actor);
    struct weir_select_options options = {.in_order = how & 1 ? WEIR_ON : WEIR_OFF,
                                          .no_wait = (how & 6) == 6 ? WEIR_ON : WEIR_OFF};
    weir_block block;
    int at;

    weir_case_none(&cases[CHANS]);
    if (how & 8)
        weir_case_after(&cases[CHANS], next_random(actor) % 50000);
    if (!(how & 16))
        return weir_select_with(cases, CHANS + 1, &options);
    CHECK(weir_deadline_begin(&block, next_random(actor) % 50000) == 0);
    at = weir_select_with(cases, CHANS + 1, &options);
    weir_block_end(&block);
    return at;
}

static void check_idle(int at)
{
    CHECK(at == CHANS || at == WEIR_EAGAIN || at == WEIR_EDEADLINE);
    CHECK(weir_yield() == 0);
}

static int produce(void *arg)
{
    struct actor *actor = arg;
    struct storm *storm = actor->storm;
    struct message message = {actor->index, 0};
    weir_case cases[CHANS + 1];
    uint32_t i;

    for (i = 0; i < CHANS; i++)
        weir_case_send(&cases[i], storm->chans[i], &message);
    while (message.number < MESSAGES) {
        int at = select_somehow(actor, cases);

        if (at >= 0 && at < CHANS) {
            CHECK(cases[at].result == 0);
            message.number++;
        } else {
            check_idle(at);
        }
    }
    if (__atomic_add_fetch(&storm->done, 1, __ATOMIC_SEQ_CST) == PRODUCERS) {
        for (i = 0; i < CHANS; i++)
            CHECK(weir_chan_close(storm->chans[i], WEIR_EEOF) == 0);
    }
    return 0;
}

static void note(struct storm *storm, const struct message *m, uint32_t last[PRODUCERS])
{
    CHECK(m->producer < PRODUCERS && m->number < MESSAGES);
    CHECK(m->number >= last[m->producer]); /* in its producer's order on one channel */
    last[m->producer] = m->number + 1;
    CHECK(!__atomic_exchange_n(&storm->seen[m->producer][m->number], 1, __ATOMIC_SEQ_CST));
}

static int consume(void *arg)
{
    struct actor *actor = arg;
    struct storm *storm = actor->storm;
    struct message messages[CHANS];
    uint32_t last[CHANS][PRODUCERS] = {{0}}, i, open = CHANS;
    weir_case cases[CHANS + 1];

    for (i = 0; i < CHANS; i++)
        weir_case_recv(&cases[i], storm->chans[i], &messages[i]);
    while (open) {
        int at = select_somehow(actor, cases);

        if (at < 0 || at == CHANS) {
            check_idle(at);
        } else if (cases[at].result == 0) {
            note(storm, &messages[at], last[at]);
        } else {
            CHECK(cases[at].result == WEIR_EEOF);
            weir_case_none(&cases[at]);
            open--;
        }
    }
    return 0;
}

/* Takes by plain calls, and is cancelled. */
static int disturb(void *arg)
{
    struct actor *actor = arg;
    struct storm *storm = actor->storm;
    struct message message;
    uint32_t last[PRODUCERS];
    int rc;

    do {
        weir_chan chan = storm->chans[next_random(actor) % CHANS];

        rc = weir_chan_recv(chan, &message);
        memset(last, 0, sizeof last);
        if (rc == 0)
            note(storm, &message, last);
    } while (rc == 0 || rc == WEIR_EEOF);
    CHECK(rc == WEIR_ECANCELED);
    return 0;
}

static int run_storm(void *arg)
{
    struct storm *storm = arg;
    struct actor actors[PRODUCERS + CONSUMERS + 2];
    uint32_t i;
    weir_scope scope, disturbers;

    for (i = 0; i < CHANS; i++)
        CHECK(weir_chan_create(&storm->chans[i], sizeof(struct message), (storm->seed + i) % 3)
              == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&disturbers) == 0);
    for (i = 0; i < PRODUCERS + CONSUMERS + 2; i++) {
        weir_task_fn *fn = i < PRODUCERS ? produce : i < PRODUCERS + CONSUMERS ? consume : disturb;

        actors[i] = (struct actor){storm, i, storm->seed * 47 + i};
        CHECK(weir_spawn(fn == disturb ? &disturbers : &scope, fn, &actors[i]) == 0);
    }
    for (i = 0; i < storm->seed % 40; i++)
        CHECK(weir_yield() == 0);
    weir_scope_cancel(&disturbers);
    CHECK(weir_scope_join(&disturbers) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < CHANS; i++)
        weir_chan_destroy(storm->chans[i]);
    return 0;
}

TEST(selects_lose_and_double_nothing)
{
    struct storm storm;
    uint32_t seed;

    for (seed = 0; seed < 80; seed++) {
        memset(&storm, 0, sizeof storm);
        storm.seed = seed;
        (void)run(run_storm, &storm, 1 + seed % 4);
        assert_null(memchr(storm.seen, 0, sizeof storm.seen));
    }
}
