/* test/os/broadcast.c - each value to each receiver. */
#include "test.h"

#include <weir.h>

#include "support/check.h"

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static int hear_all(void *arg)
{
    weir_broadcast broadcast;
    weir_listening one, two, copy;
    int i, value;

    (void)arg;
    CHECK(weir_broadcast_create(&broadcast, 0, 1) == WEIR_EINVAL);
    CHECK(weir_broadcast_create(&broadcast, sizeof i, 0) == WEIR_EINVAL);
    CHECK(weir_broadcast_create(&broadcast, sizeof i, 4) == 0);
    i = -1;
    CHECK(weir_broadcast_send(broadcast, &i) == 0); /* before anybody listens */
    CHECK(weir_broadcast_listen(broadcast, &one) == 0);
    CHECK(weir_broadcast_try_recv(&one, &value) == WEIR_EAGAIN);
    for (i = 0; i < 4; i++)
        CHECK(weir_broadcast_send(broadcast, &i) == 0);
    CHECK(weir_broadcast_listen(broadcast, &two) == 0);
    copy = one;
    for (i = 0; i < 4; i++) {
        CHECK(weir_broadcast_recv(&one, &value) == 0 && value == i);
        CHECK(weir_broadcast_try_recv(&copy, &value) == 0 && value == i);
    }
    CHECK(weir_broadcast_try_recv(&two, &value) == WEIR_EAGAIN);
    CHECK(weir_broadcast_send(broadcast, &i) == 0);
    CHECK(weir_broadcast_close(broadcast, 1) == WEIR_EINVAL);
    CHECK(weir_broadcast_close(broadcast, WEIR_EIO) == 0);
    CHECK(weir_broadcast_send(broadcast, &i) == WEIR_EIO);
    CHECK(weir_broadcast_recv(&two, &value) == 0 && value == 4);
    CHECK(weir_broadcast_recv(&two, &value) == WEIR_EIO);
    weir_broadcast_destroy(broadcast);
    weir_broadcast_destroy(broadcast);
    CHECK(weir_broadcast_recv(&one, &value) == WEIR_EBADHANDLE);
    CHECK(weir_broadcast_listen(broadcast, &one) == WEIR_EBADHANDLE);
    CHECK(weir_broadcast_send(broadcast, &i) == WEIR_EBADHANDLE);
    CHECK(weir_broadcast_close(broadcast, 0) == WEIR_EBADHANDLE);
    return 0;
}

TEST(each_receiver_hears_each_value)
{
    (void)run(hear_all, NULL, 1);
}

static int lag(void *arg)
{
    weir_broadcast broadcast;
    weir_listening slow;
    int i, value;

    (void)arg;
    CHECK(weir_broadcast_create(&broadcast, sizeof i, 3) == 0);
    CHECK(weir_broadcast_listen(broadcast, &slow) == 0);
    for (i = 0; i < 10; i++)
        CHECK(weir_broadcast_send(broadcast, &i) == 0);
    CHECK(weir_broadcast_recv(&slow, &value) == 7 && value == 7);
    CHECK(weir_broadcast_recv(&slow, &value) == 0 && value == 8);
    for (i = 10; i < 12; i++)
        CHECK(weir_broadcast_send(broadcast, &i) == 0);
    CHECK(weir_broadcast_recv(&slow, &value) == 0 && value == 9); /* the oldest that is kept */
    weir_broadcast_destroy(broadcast);
    return 0;
}

TEST(a_slow_receiver_is_told_how_many_it_missed)
{
    (void)run(lag, NULL, 1);
}

/* ---- many ---- */

enum {
    LISTENERS = 40,
    SENDERS = 2,
    VALUES = 200
};

struct value {
    int sender, number;
};

struct hall {
    weir_broadcast broadcast;
    uint32_t capacity;
    int left; /* senders */
    int reason;
};

static int hear(void *arg)
{
    struct hall *hall = arg;
    weir_listening listening;
    struct value value;
    int heard = 0, missed = 0, last[SENDERS] = {-1, -1}, n;
    weir_block block;

    CHECK(weir_broadcast_listen(hall->broadcast, &listening) == 0);
    for (;;) {
        CHECK(weir_deadline_begin(&block, heard % 5 ? WEIR_FOREVER : 50000) == 0);
        n = weir_broadcast_recv(&listening, &value);
        weir_block_end(&block);
        if (n == WEIR_EDEADLINE)
            continue;
        if (n < 0)
            break;
        CHECK(value.number > last[value.sender]);
        last[value.sender] = value.number;
        heard++;
        missed += n;
    }
    CHECK(n == hall->reason);
    CHECK(heard + missed == SENDERS * VALUES);
    CHECK(hall->capacity < SENDERS * VALUES || missed == 0);
    return 0;
}

static int speak(void *arg)
{
    struct hall *hall = arg;
    struct value value = {__atomic_sub_fetch(&hall->left, 1, __ATOMIC_SEQ_CST), 0};

    for (; value.number < VALUES; value.number++) {
        CHECK(weir_broadcast_send(hall->broadcast, &value) == 0);
        if (value.number % 7 == 0)
            CHECK(weir_yield() == 0);
    }
    return 0;
}

static int assemble(void *arg)
{
    struct hall *hall = arg;
    weir_scope listeners, speakers;
    int i;

    CHECK(weir_broadcast_create(&hall->broadcast, sizeof(struct value), hall->capacity) == 0);
    CHECK(weir_scope_open(&listeners) == 0);
    for (i = 0; i < LISTENERS; i++)
        CHECK(weir_spawn(&listeners, hear, hall) == 0);
    CHECK(weir_yield() == 0); /* with one worker: all listen, most wait */
    CHECK(weir_scope_open(&speakers) == 0);
    hall->left = SENDERS;
    for (i = 0; i < SENDERS; i++)
        CHECK(weir_spawn(&speakers, speak, hall) == 0);
    CHECK(weir_scope_join(&speakers) == 0);
    CHECK(weir_broadcast_close(hall->broadcast, hall->reason) == 0);
    CHECK(weir_scope_join(&listeners) == 0);
    weir_broadcast_destroy(hall->broadcast);
    return 0;
}

TEST(what_is_heard_and_what_is_missed_is_all_there_was)
{
    static const uint32_t capacities[] = {1, 16, SENDERS * VALUES};
    struct hall hall = {.reason = WEIR_EEOF};
    int i;

    for (i = 0; i < 3; i++) {
        hall.capacity = capacities[i];
        (void)run(assemble, &hall, 1);
    }
}

struct start {
    struct hall hall;
    int listening;
};

static int hear_from_the_start(void *arg)
{
    struct start *start = arg;
    weir_listening listening;
    struct value value;
    int n, total = 0;

    CHECK(weir_broadcast_listen(start->hall.broadcast, &listening) == 0);
    __atomic_add_fetch(&start->listening, 1, __ATOMIC_SEQ_CST);
    while ((n = weir_broadcast_recv(&listening, &value)) >= 0)
        total += 1 + n;
    CHECK(n == WEIR_EEOF && total == SENDERS * VALUES);
    return 0;
}

static int assemble_on_workers(void *arg)
{
    struct start *start = arg;
    weir_scope scope, speakers;
    int i;

    start->hall.left = SENDERS;
    start->listening = 0;
    CHECK(weir_broadcast_create(&start->hall.broadcast, sizeof(struct value), 8) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < LISTENERS; i++)
        CHECK(weir_spawn(&scope, hear_from_the_start, start) == 0);
    while (__atomic_load_n(&start->listening, __ATOMIC_SEQ_CST) < LISTENERS)
        CHECK(weir_yield() == 0);
    CHECK(weir_scope_open(&speakers) == 0);
    for (i = 0; i < SENDERS; i++)
        CHECK(weir_spawn(&speakers, speak, &start->hall) == 0);
    CHECK(weir_scope_join(&speakers) == 0);
    CHECK(weir_broadcast_close(start->hall.broadcast, WEIR_EEOF) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_broadcast_destroy(start->hall.broadcast);
    return 0;
}

TEST(receivers_on_all_workers_hear_everything)
{
    static struct start start;
    uint32_t i;

    for (i = 0; i < 8; i++)
        (void)run(assemble_on_workers, &start, 2 + i % 3);
}

static int hear_until_destroyed(void *arg)
{
    struct hall *hall = arg;
    weir_listening listening;
    struct value value;

    CHECK(weir_broadcast_listen(hall->broadcast, &listening) == 0);
    CHECK(weir_broadcast_recv(&listening, &value) == WEIR_ECLOSED);
    CHECK(weir_broadcast_recv(&listening, &value) == WEIR_EBADHANDLE);
    return 0;
}

static int destroy_under_waiters(void *arg)
{
    struct hall hall = {.left = 0};
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_broadcast_create(&hall.broadcast, sizeof(struct value), 2) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < LISTENERS; i++)
        CHECK(weir_spawn(&scope, hear_until_destroyed, &hall) == 0);
    CHECK(weir_yield() == 0);
    weir_broadcast_destroy(hall.broadcast);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(who_waits_learns_that_it_is_gone)
{
    (void)run(destroy_under_waiters, NULL, 1);
}
