/* test/os/serve.c - weir_serve: limits, draining, running out of descriptors, several workers. */
#include "test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"

struct server {
    weir_listener listener;
    struct weir_serve_options options;
    weir_serve_handler *handler;
    char address[WEIR_ADDRESS_TEXT_MAX];
    int rc;
    int started, open, most;
    int codes[8]; /* results that handlers have seen */
    int coded;
};

static int echo(weir_stream peer, void *arg)
{
    struct server *server = arg;
    int open = __atomic_add_fetch(&server->open, 1, __ATOMIC_SEQ_CST);
    weir_lent data;
    int n;

    (void)__atomic_add_fetch(&server->started, 1, __ATOMIC_SEQ_CST);
    if (open > __atomic_load_n(&server->most, __ATOMIC_SEQ_CST)) /* exact with one worker */
        __atomic_store_n(&server->most, open, __ATOMIC_SEQ_CST);
    while ((n = weir_read_lent(peer, &data)) > 0) {
        n = weir_write_all(peer, data.bytes, data.len);
        weir_give_back(&data);
        if (n < 0)
            break;
        if (server->options.at_first_byte == WEIR_ON) {
            n = WEIR_SERVE_AGAIN;
            break;
        }
    }
    if (n < 0)
        server->codes[__atomic_fetch_add(&server->coded, 1, __ATOMIC_SEQ_CST) % 8] = n;
    (void)__atomic_sub_fetch(&server->open, 1, __ATOMIC_SEQ_CST);
    return n;
}

static int serve(void *arg)
{
    struct server *server = arg;

    server->rc = weir_serve(server->listener, server->handler ? server->handler : echo, server,
                            &server->options);
    return 0;
}

static void start(weir_scope *scope, struct server *server, const char *at)
{
    CHECK(weir_scope_open(scope) == 0);
    CHECK(weir_listen(&server->listener, at, NULL) == 0);
    CHECK(weir_listener_address(server->listener, server->address, sizeof server->address) > 0);
    server->rc = 99;
    CHECK(weir_spawn(scope, serve, server) == 0);
}

static void stop(weir_scope *scope, struct server *server)
{
    CHECK(weir_listener_close(server->listener) == 0);
    CHECK(weir_scope_join(scope) == 0);
    CHECK(server->rc == 0);
    CHECK(server->open == 0);
}

static void say(weir_stream stream)
{
    char in[4];

    CHECK(weir_write_all(stream, "ping", 4) == 0);
    CHECK(weir_read_exactly(stream, in, 4) == 0 && memcmp(in, "ping", 4) == 0);
}

static void run(weir_task_fn *fn, struct server *server, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};

    assert_int_equal(weir_run(fn, server, &options), 0);
    assert_checks();
}

static int exchanges(void *arg)
{
    struct server *server = arg;
    weir_stream streams[40];
    weir_scope scope;
    int i, k;

    start(&scope, server, server->address);
    for (i = 0; i < 40; i++) {
        CHECK(weir_dial(&streams[i], server->address) == 0);
        say(streams[i]);
    }
    for (k = 0; k < 5; k++) {
        for (i = 0; i < 40; i++)
            say(streams[i]);
    }
    for (i = 0; i < 40; i++) {
        struct weir_byte_counts counts;

        CHECK(weir_stream_counts(streams[i], &counts) == 0);
        CHECK(counts.read == 24 && counts.written == 24);
        weir_close(streams[i]);
    }
    stop(&scope, server);
    return 0;
}

TEST(serves_over_tcp)
{
    struct server server = {.address = "tcp://127.0.0.1:0"};

    run(exchanges, &server, 1);
    assert_int_equal(server.started, 40);
}

TEST(serves_over_unix_sockets_with_two_workers)
{
    struct server server = {.rc = 0};

    snprintf(server.address, sizeof server.address, "unix://@weir-test-serve-%d", (int)getpid());
    run(exchanges, &server, 2);
}

TEST(serves_with_listeners_of_three_workers)
{
    struct server server = {.address = "tcp://127.0.0.1:0"};

    run(exchanges, &server, 3);
}

TEST(starts_handlers_at_the_first_byte_and_again)
{
    struct server server = {.address = "tcp://127.0.0.1:0", .options.at_first_byte = WEIR_ON};

    run(exchanges, &server, 1);
    assert_int_equal(server.started, 240);
    server = (struct server){.address = "tcp://127.0.0.1:0", .options.at_first_byte = WEIR_ON};
    run(exchanges, &server, 3);
    assert_int_equal(server.started, 240);
}

static int count_at_first_byte(weir_stream peer, void *arg)
{
    struct server *server = arg;
    struct weir_byte_counts counts;
    char in[4];

    CHECK(weir_read_exactly(peer, in, 4) == 0);
    CHECK(weir_stream_counts(peer, &counts) == 0);
    CHECK(counts.read == 4 && counts.written == 0);
    CHECK(weir_stream_draining(peer) == 0);
    CHECK(weir_write_all(peer, in, 4) == 0);
    server->started++;
    return 0;
}

static int one(void *arg)
{
    struct server *server = arg;
    weir_stream stream;
    weir_scope scope;
    char byte;

    start(&scope, server, server->address);
    CHECK(weir_dial(&stream, server->address) == 0);
    say(stream);
    CHECK(weir_read(stream, &byte, 1) == 0); /* closed when the handler has returned */
    weir_close(stream);
    stop(&scope, server);
    return 0;
}

TEST(first_bytes_are_counted_once)
{
    struct server server = {.address = "tcp://127.0.0.1:0",
                            .handler = count_at_first_byte,
                            .options.at_first_byte = WEIR_ON};

    run(one, &server, 1);
    assert_int_equal(server.started, 1);
}

struct client {
    struct server *server;
    int done;
};

static int come_and_go(void *arg)
{
    struct client *client = arg;
    weir_stream stream;
    int i;

    for (i = 0; i < 5; i++) {
        CHECK(weir_dial(&stream, client->server->address) == 0);
        say(stream);
        weir_close(stream);
    }
    (void)__atomic_add_fetch(&client->done, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int crowd(void *arg)
{
    struct client client = {arg, 0};
    weir_scope scope, clients;
    int i;

    start(&scope, arg, "tcp://127.0.0.1:0");
    CHECK(weir_scope_open(&clients) == 0);
    for (i = 0; i < 20; i++)
        CHECK(weir_spawn(&clients, come_and_go, &client) == 0);
    CHECK(weir_scope_join(&clients) == 0);
    CHECK(client.done == 20);
    stop(&scope, arg);
    return 0;
}

TEST(connections_over_the_limit_wait)
{
    struct server server = {.options.connections_max = 3};

    run(crowd, &server, 1);
    assert_int_equal(server.started, 100);
    assert_true(server.most <= 3);
}

TEST(connections_over_the_limit_wait_with_two_workers)
{
    struct server server = {.options.connections_max = 3};

    run(crowd, &server, 2);
    assert_int_equal(server.started, 100);
}

static int idle(void *arg)
{
    struct server *server = arg;
    weir_stream stream;
    weir_scope scope;
    char byte;

    start(&scope, server, "tcp://127.0.0.1:0");
    CHECK(weir_dial(&stream, server->address) == 0);
    CHECK(weir_read(stream, &byte, 1) == 0);
    weir_close(stream);
    stop(&scope, server);
    return 0;
}

TEST(idle_connections_end)
{
    struct server server = {.options.idle_limit_ns = WEIR_MILLISECONDS(20)};

    run(idle, &server, 1);
    assert_int_equal(server.coded, 1);
    assert_int_equal(server.codes[0], WEIR_EIDLE);
    server = (struct server){.options.idle_limit_ns = WEIR_MILLISECONDS(20),
                             .options.at_first_byte = WEIR_ON};
    run(idle, &server, 1);
    assert_int_equal(server.started, 0);
}

static int drain(void *arg)
{
    struct server *server = arg;
    weir_stream stream;
    weir_scope scope;
    char byte;

    start(&scope, server, "tcp://127.0.0.1:0");
    CHECK(weir_dial(&stream, server->address) == 0);
    say(stream);
    stop(&scope, server); /* with the connection open */
    CHECK(weir_read(stream, &byte, 1) <= 0);
    weir_close(stream);
    return 0;
}

TEST(drain_cancels_handlers_after_its_limit)
{
    struct server server = {.options.drain_limit_ns = WEIR_MILLISECONDS(20)};

    run(drain, &server, 1);
    assert_int_equal(server.coded, 1);
    assert_int_equal(server.codes[0], WEIR_ECANCELED);
    server = (struct server){.options.drain_limit_ns = WEIR_MILLISECONDS(20)};
    run(drain, &server, 3);
    assert_int_equal(server.codes[0], WEIR_ECANCELED);
}

TEST(drain_closes_connections_that_wait_for_a_byte_at_once)
{
    struct server server = {.options.drain_limit_ns = WEIR_SECONDS(600),
                            .options.at_first_byte = WEIR_ON};

    run(drain, &server, 1);
    run(drain, &server, 2);
}

static int refused_while_draining(void *arg)
{
    struct server *server = arg;
    weir_stream first, second;
    weir_block block;
    weir_scope scope;
    char byte;
    int rc;

    start(&scope, server, server->address);
    CHECK(weir_dial(&first, server->address) == 0);
    say(first);
    CHECK(weir_listener_close(server->listener) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(10)) == 0);
    do { /* at first it may be accepted still and closed, or reset */
        rc = weir_dial(&second, server->address);
        if (rc == 0) {
            CHECK(weir_read(second, &byte, 1) <= 0);
            weir_close(second);
        }
    } while (rc == 0 || rc == WEIR_ECONNRESET);
    weir_block_end(&block);
    CHECK(rc == WEIR_ECONNREFUSED);
    say(first); /* what had begun goes on */
    weir_close(first);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(server->rc == 0);
    return 0;
}

TEST(drain_refuses_new_connections_and_serves_the_old)
{
    struct server server = {.address = "tcp://127.0.0.1:0"};

    run(refused_while_draining, &server, 1);
    server = (struct server){.address = "tcp://127.0.0.1:0"};
    run(refused_while_draining, &server, 3);
    server = (struct server){.rc = 0};
    snprintf(server.address, sizeof server.address, "unix://@weir-test-serve-%d", (int)getpid());
    run(refused_while_draining, &server, 2);
}

static int cancelled(void *arg)
{
    struct server *server = arg;
    weir_stream stream;
    weir_scope scope;

    start(&scope, server, "tcp://127.0.0.1:0");
    CHECK(weir_dial(&stream, server->address) == 0);
    say(stream);
    weir_scope_cancel(&scope);
    weir_close(stream);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(server->rc == WEIR_ECANCELED);
    CHECK(weir_listener_close(server->listener) == 0);
    return 0;
}

TEST(cancelled_server_drains_and_says_why)
{
    struct server server = {.rc = 0};

    run(cancelled, &server, 1);
    run(cancelled, &server, 2);
}

static int begin_and_end(void *arg)
{
    struct server *server = arg;
    weir_stream stream;
    weir_scope scope;
    int i;

    for (i = 0; i < 50; i++) {
        start(&scope, server, "tcp://127.0.0.1:0");
        if (i % 3)
            CHECK(weir_yield() == 0);
        if (i % 3 == 2) {
            CHECK(weir_dial(&stream, server->address) == 0);
            weir_close(stream);
        }
        if (i % 2)
            weir_scope_cancel(&scope);
        CHECK(weir_listener_close(server->listener) == 0);
        CHECK(weir_scope_join(&scope) == 0);
    }
    return 0;
}

TEST(ends_at_any_moment)
{
    struct server server = {.rc = 0};

    run(begin_and_end, &server, 1);
    run(begin_and_end, &server, 3);
}

static int take_all_descriptors(int *taken, int cap)
{
    int count = 0;

    while (count < cap && (taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    return count;
}

/* The limit is lowered before the server begins: a multishot accept keeps the one it began with. */
static int without_descriptors(void *arg)
{
    struct server *server = arg;
    struct rlimit limit, less;
    weir_stream first, second;
    weir_scope scope;
    int taken[64], count = take_all_descriptors(taken, 1);
    char byte;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    less = limit;
    less.rlim_cur = (rlim_t)taken[0] + 32;
    close(taken[0]);
    CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
    start(&scope, server, "tcp://127.0.0.1:0");
    CHECK(weir_dial(&first, server->address) == 0);
    say(first);
    count = take_all_descriptors(taken, 64);
    CHECK(count > 0 && count < 64);
    close(taken[--count]); /* for the dialler */
    CHECK(weir_dial(&second, server->address) == 0);
    CHECK(weir_read(second, &byte, 1) <= 0); /* refused, not left hanging */
    weir_close(second);
    while (count)
        close(taken[--count]);
    CHECK(weir_dial(&second, server->address) == 0);
    say(second); /* the server goes on */
    say(first);
    weir_close(first);
    weir_close(second);
    stop(&scope, server);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    return 0;
}

TEST(server_without_descriptors_refuses_and_goes_on)
{
    struct server server = {.rc = 0};

    run(without_descriptors, &server, 1);
}
