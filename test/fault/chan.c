/* test/fault/chan.c - channels and selects in which the n-th allocation or system call fails.
 *
 * What is made may fail, with an error of its own; nothing may crash, hang or stay behind.
 */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/faults.h"

/* ---- making things ---- */

static int fill_unbounded(void)
{
    struct weir_chan_options options = {.unbounded = WEIR_ON};
    weir_chan chan = {7};
    int i, got, rc = weir_chan_create_with(&chan, sizeof i, &options);

    if (rc < 0)
        return chan.id == 7 ? rc : 1;
    for (i = 0; i < 100 && rc == 0; i++)
        rc = weir_chan_send(chan, &i);
    if (rc < 0)
        i--; /* that one was not sent */
    if (weir_chan_count(chan) != i || (i && (weir_chan_recv(chan, &got) < 0 || got != 0)))
        rc = 1;
    weir_chan_destroy(chan);
    return rc;
}

static int make_all(void)
{
    weir_chan chan = {7};
    weir_broadcast broadcast = {7};
    weir_watch watch = {7};
    weir_oneshot oneshot = {7};
    int value = 1, rc = weir_chan_create(&chan, sizeof value, 100);

    if (rc == 0) {
        rc = weir_broadcast_create(&broadcast, sizeof value, 100);
        if (rc == 0)
            rc = weir_watch_create(&watch, sizeof value, &value);
        if (rc == 0)
            rc = weir_oneshot_create(&oneshot, sizeof value);
        if (rc < 0 && oneshot.id != 7)
            rc = 1;
    }
    weir_chan_destroy(chan);
    weir_broadcast_destroy(broadcast);
    weir_watch_destroy(watch);
    weir_oneshot_close(oneshot);
    return rc;
}

TEST(what_cannot_be_made_leaves_nothing)
{
    int (*const makes[])(void) = {fill_unbounded, make_all};
    int i, n;

    for (i = 0; i < 2; i++) {
        int rc = 0;

        for (n = 1; n < 20; n++) {
            weir__fault_arm(WEIR__FAULT_ALLOC, (uint64_t)n);
            rc = makes[i]();
            weir__fault_arm(WEIR__FAULT_ALLOC, 0);
            assert_true(rc == 0 || rc == WEIR_ENOMEM);
            if (n == 1)
                assert_int_equal(rc, WEIR_ENOMEM);
        }
        assert_int_equal(rc, 0);
    }
}

/* ---- an exchange by selects ---- */

struct exchange {
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    weir_chan chan;
};

static int answer(weir_stream peer, weir_chan chan)
{
    weir_case cases[2];
    char in[5];
    int value, which;

    weir_case_read(&cases[0], peer, in, sizeof in);
    weir_case_recv(&cases[1], chan, &value);
    which = weir_select(cases, 2);
    if (which == 0 && cases[0].result == 5) {
        weir_case_write(&cases[0], peer, in, sizeof in);
        which = weir_select(cases, 1);
    }
    weir_close(peer);
    return which < 0 ? which : cases[which].result < 0 ? (int)cases[which].result : 0;
}

static int serve(void *arg)
{
    struct exchange *exchange = arg;
    weir_stream peer;
    weir_case cases[2];
    int value, which;

    weir_case_accept(&cases[0], exchange->listener, &peer);
    weir_case_recv(&cases[1], exchange->chan, &value);
    which = weir_select(cases, 2);
    if (which == 0 && cases[0].result == 0)
        return answer(peer, exchange->chan);
    return which < 0 ? which : (int)cases[which].result;
}

static int talk(const char *address)
{
    weir_block block;
    weir_stream stream;
    char in[5];
    int rc;

    rc = weir_deadline_begin(&block, WEIR_MILLISECONDS(200));
    if (rc == 0)
        rc = weir_dial(&stream, address);
    if (rc == 0) {
        rc = weir_write_all(stream, "hello", 5);
        if (rc == 0)
            rc = weir_read_exactly(stream, in, 5);
        if (rc == 0 && memcmp(in, "hello", 5) != 0)
            rc = 1;
        weir_close(stream);
    }
    weir_block_end(&block);
    return rc;
}

static int exchange(void *arg)
{
    struct exchange exchange = {.listener = {0}};
    weir_scope scope;
    int rc, joined = 0;

    (void)arg;
    rc = weir_listen(&exchange.listener, "tcp://127.0.0.1:0", NULL);
    if (rc == 0)
        rc = weir_chan_create(&exchange.chan, sizeof(int), 1);
    if (rc == 0)
        rc = weir_listener_address(exchange.listener, exchange.address, sizeof exchange.address);
    if (rc >= 0)
        rc = weir_scope_open(&scope);
    if (rc >= 0) {
        rc = weir_spawn(&scope, serve, &exchange);
        if (rc == 0)
            rc = talk(exchange.address);
        weir_chan_close(exchange.chan, 0);
        joined = weir_scope_join(&scope);
    }
    weir_listener_close(exchange.listener);
    weir_chan_destroy(exchange.chan);
    return rc < 0 ? rc : joined < 0 ? joined : rc;
}

static int run(void)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};

    return weir_run(exchange, NULL, &options);
}

TEST(every_allocation_of_an_exchange_by_selects_may_fail)
{
    fail_each(run, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_an_exchange_by_selects_may_fail)
{
    fail_each(run, WEIR__FAULT_CALL);
}
