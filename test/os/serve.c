/* test/os/serve.c - weir_serve: limits, draining, running out of descriptors, several workers. */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <weir.h>

#include "stream/stream.h"
#include "support/check.h"
#include "support/hostile.h"
#include "sys/call.h"
#include "sys/current.h"

struct server {
    weir_listener listener;
    struct weir_serve_options options;
    weir_serve_handler *handler;
    char address[WEIR_ADDRESS_TEXT_MAX];
    int rc;
    int started, open, most;
    int codes[8]; /* results that handlers have seen */
    int coded;
    bool by_file;
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

static int answer_once(weir_stream peer, void *arg)
{
    char byte;

    (void)arg;
    return weir_read(peer, &byte, 1) == 1 ? weir_write_all(peer, &byte, 1) : 0;
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

    hostile_calm();
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

#define SMALL (64 * 1024)        /* of socket buffers */
#define LONG  (4u * 1024 * 1024) /* much longer than those */

struct writing {
    weir_stream stream;
    bool by_file;
    int rc, later;
};

static int write_long(void *arg)
{
    struct writing *writing = arg;
    char *bytes = calloc(1, LONG);
    char path[] = "/tmp/weir-test-XXXXXX";
    int file = mkstemp(path);

    unlink(path);
    CHECK(ftruncate(file, LONG) == 0);
    writing->rc = writing->by_file ? weir_send_file(writing->stream, file, 0, LONG)
                                   : weir_write_all(writing->stream, bytes, LONG);
    writing->later = (int)weir_write(writing->stream, bytes, 1);
    close(file);
    free(bytes);
    return 0;
}

/* The socket is full: the writer waits, and a part is gone. */
static bool is_stuck(const struct weir__stream *stream)
{
    struct pollfd room = {.fd = stream->fd.number, .events = POLLOUT};

    return stream->writer.word && weir__sys_poll(&room, 1, 0) == 0;
}

/* As the idle limit does, on the connection's worker. */
static void stop_once(weir_stream peer)
{
    int error;
    struct weir__stream *stream = weir__stream_enter(peer, 0, &error);

    CHECK(stream != NULL);
    while (!is_stuck(stream))
        CHECK(weir_yield() == 0);
    weir__current_enter();
    weir__stream_stop(stream, WEIR_EIDLE); /* takes the reference */
    weir__current_leave();
}

static int write_until_stopped(weir_stream peer, void *arg)
{
    struct server *server = arg;
    struct writing writing = {.stream = peer, .by_file = server->by_file};
    weir_scope scope;
    char byte;

    CHECK(weir_stream_buffers(peer, 0, SMALL) == 0);
    CHECK(weir_read(peer, &byte, 1) == 1);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_long, &writing) == 0);
    stop_once(peer);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(writing.rc == WEIR_EIDLE);
    CHECK(writing.later == WEIR_EBROKEN);
    server->coded++;
    return 0;
}

static int stuck(void *arg)
{
    struct server *server = arg;
    weir_stream stream;
    weir_scope scope;
    char *bytes = malloc(LONG);
    size_t total = 0;
    ptrdiff_t n;

    start(&scope, server, server->address);
    CHECK(weir_dial(&stream, server->address) == 0);
    CHECK(weir_stream_buffers(stream, SMALL, 0) == 0);
    CHECK(weir_write(stream, "?", 1) == 1);
    while (!server->coded)
        CHECK(weir_yield() == 0);
    while ((n = weir_read(stream, bytes, LONG)) > 0)
        total += (size_t)n;
    CHECK(total > 0 && total < LONG);
    weir_close(stream);
    stop(&scope, server);
    free(bytes);
    return 0;
}

TEST(write_that_is_stopped_after_a_part_of_it_ends_at_once)
{
    int by_file;

    for (by_file = 0; by_file < 2; by_file++) {
        struct server server = {.address = "tcp://127.0.0.1:0",
                                .handler = write_until_stopped,
                                .by_file = by_file,
                                .options.idle_limit_ns = WEIR_FOREVER};

        run(stuck, &server, 1);
        server.coded = 0;
        snprintf(server.address, sizeof server.address, "unix://@weir-test-serve-%d",
                 (int)getpid());
        run(stuck, &server, 1);
    }
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

/* Keeps its task between the messages. */
static int stay(weir_stream peer, void *arg)
{
    char bytes[16];
    ptrdiff_t n;

    (void)arg;
    while ((n = weir_read(peer, bytes, sizeof bytes)) > 0)
        CHECK(weir_write_all(peer, bytes, (size_t)n) == 0);
    return 0;
}

/* One worker may accept for a moment longer than another: whoever says nothing is closed then. */
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
    struct server server = {
        .address = "tcp://127.0.0.1:0", .handler = stay, .options.at_first_byte = WEIR_ON};

    run(refused_while_draining, &server, 1);
    strcpy(server.address, "tcp://127.0.0.1:0");
    run(refused_while_draining, &server, 3);
    snprintf(server.address, sizeof server.address, "unix://@weir-test-serve-%d", (int)getpid());
    run(refused_while_draining, &server, 2);
}

/* Connects without a suspension, so that no worker accepts meanwhile: the kernel does. */
static int connect_plain(const char *address)
{
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    bool is_tcp = strncmp(address, "tcp:", 4) == 0;
    int fd = socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    if (is_tcp) {
        tcp.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
        rc = connect(fd, (struct sockaddr *)&tcp, sizeof tcp);
    } else { /* unix://@name */
        size_t len = strlen(address) - 8;

        memcpy(local.sun_path + 1, address + 8, len);
        rc = connect(fd, (struct sockaddr *)&local,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len));
    }
    CHECK(rc == 0);
    return fd;
}

static int asked_before_the_end(void *arg)
{
    struct server *server = arg;
    int asking[5], silent, i;
    weir_stream stream;
    weir_scope scope;
    char byte = 0;

    start(&scope, server, server->address);
    CHECK(weir_dial(&stream, server->address) == 0);
    CHECK(weir_write(stream, "?", 1) == 1 && weir_read(stream, &byte, 1) == 1); /* it serves */
    weir_close(stream);
    for (i = 0; i < 5; i++) {
        asking[i] = connect_plain(server->address);
        CHECK(send(asking[i], "?", 1, 0) == 1);
    }
    silent = connect_plain(server->address);
    stop(&scope, server);
    for (i = 0; i < 5; i++) {
        CHECK(recv(asking[i], &byte, 1, 0) == 1 && byte == '?');
        close(asking[i]);
    }
    CHECK(recv(silent, &byte, 1, 0) == 0); /* closed, not left hanging */
    close(silent);
    return 0;
}

TEST(drain_serves_what_has_asked_and_waits_in_the_backlog)
{
    static const uint8_t when[] = {WEIR_OFF, WEIR_ON};
    int i;

    not_on_sim("asks by sockets of the kernel");
    for (i = 0; i < 2; i++) {
        struct server server = {.address = "tcp://127.0.0.1:0",
                                .handler = answer_once,
                                .options.at_first_byte = when[i]};

        run(asked_before_the_end, &server, 1);
        server = (struct server){.handler = answer_once, .options.at_first_byte = when[i]};
        snprintf(server.address, sizeof server.address, "unix://@weir-test-serve-%d",
                 (int)getpid());
        run(asked_before_the_end, &server, 1);
    }
}

/* At its limit a server does not accept; when there is a place again it does so a little later.
 * What comes in between and asks is served, though the server has been told to end. */
static int asked_at_the_limit(void *arg)
{
    struct server *server = arg;
    weir_stream stream;
    weir_scope scope;
    char byte = 0;
    int asking;

    start(&scope, server, server->address);
    CHECK(weir_dial(&stream, server->address) == 0);
    CHECK(weir_write(stream, "?", 1) == 1 && weir_read(stream, &byte, 1) == 1);
    CHECK(weir_read(stream, &byte, 1) == 0); /* the only place is free again */
    weir_close(stream);
    asking = connect_plain(server->address);
    CHECK(send(asking, "!", 1, 0) == 1);
    stop(&scope, server);
    CHECK(recv(asking, &byte, 1, 0) == 1 && byte == '!');
    close(asking);
    return 0;
}

TEST(drain_serves_what_has_asked_while_nothing_was_accepted)
{
    struct server server = {
        .address = "tcp://127.0.0.1:0", .handler = answer_once, .options.connections_max = 1};

    not_on_sim("asks by sockets of the kernel");
    run(asked_at_the_limit, &server, 1);
    snprintf(server.address, sizeof server.address, "unix://@weir-test-serve-%d", (int)getpid());
    run(asked_at_the_limit, &server, 1);
}

static void await_service(const struct server *server)
{
    weir_stream stream;

    CHECK(weir_dial(&stream, server->address) == 0);
    say(stream);
    weir_close(stream);
}

/* Two serves would each accept a part of the connections, and only one would hear of the end. */
static int serve_twice(void *arg)
{
    struct server *server = arg, second = *server;
    weir_scope scope, again;

    start(&scope, server, "tcp://127.0.0.1:0");
    await_service(server);
    second.listener = server->listener;
    (void)serve(&second);
    CHECK(second.rc == WEIR_EBUSY);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(server->rc == WEIR_ECANCELED);
    CHECK(weir_scope_open(&again) == 0);
    CHECK(weir_spawn(&again, serve, server) == 0); /* the first has ended */
    await_service(server);
    stop(&again, server);
    return 0;
}

TEST(listener_has_one_server_at_a_time)
{
    struct server server = {.rc = 0};

    run(serve_twice, &server, 1);
    run(serve_twice, &server, 3);
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

    not_on_sim("sockets are not descriptors of the process");
    run(without_descriptors, &server, 1);
}
