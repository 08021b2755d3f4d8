/* test/os/socket.c - sockets that carry messages: receiving, sending, waiting, closing. */
#include "test.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "core/handle.h"
#include "support/run.h"
#include "support/udp.h"

static int exchange(void *arg)
{
    weir_address a_at, b_at, from;
    weir_socket a = bind_udp(&a_at), b = bind_udp(&b_at);
    char in[16];

    (void)arg;
    CHECK(weir_send_to(a, "hello", 5, &b_at) == 0);
    CHECK(weir_recv_from(b, in, sizeof in, &from) == 5);
    CHECK(memcmp(in, "hello", 5) == 0);
    CHECK(weir_address_equal(&from, &a_at));
    CHECK(weir_send_to(b, "back", 4, &from) == 0);
    CHECK(weir_recv(a, in, sizeof in) == 4);
    CHECK(weir_socket_close(a) == 0);
    CHECK(weir_socket_close(a) == 0);
    CHECK(weir_recv(a, in, sizeof in) == WEIR_EBADHANDLE);
    CHECK(weir_send_to(a, "", 0, &b_at) == WEIR_EBADHANDLE);
    CHECK(weir_socket_close(b) == 0);
    return 0;
}

TEST(datagrams_go_and_come_with_their_address)
{
    assert_int_equal(run_with(exchange, NULL, 1), 0);
    assert_int_equal(run_with(exchange, NULL, 3), 0);
}

static int leave_open(void *arg)
{
    weir_address at;
    weir_socket socket = bind_udp(&at);
    char in[4];

    (void)arg;
    CHECK(recv_limited(socket, in, sizeof in, 0) == WEIR_EDEADLINE);
    CHECK(recv_limited(socket, in, sizeof in, WEIR_MILLISECONDS(2)) == WEIR_EDEADLINE);
    return 0; /* its poll is still there */
}

TEST(what_is_open_when_the_runtime_ends_is_closed)
{
    assert_int_equal(run_with(leave_open, NULL, 1), 0);
    assert_int_equal(run_with(leave_open, NULL, 4), 0);
}

/* ---- lengths ---- */

static int lengths(void *arg)
{
    weir_address at;
    weir_socket socket = bind_udp(&at);
    char in[8];
    struct weir_message message = expecting(in, sizeof in);

    (void)arg;
    CHECK(weir_send_to(socket, NULL, 0, &at) == 0);
    CHECK(weir_send_to(socket, "12345678", 8, &at) == 0);
    CHECK(weir_send_to(socket, "123456789", 9, &at) == 0);
    CHECK(weir_send_to(socket, "abcdefghij", 10, &at) == 0);
    CHECK(weir_send_to(socket, "x", 1, &at) == 0);
    CHECK(weir_recv(socket, in, sizeof in) == 0);
    CHECK(weir_recv(socket, in, sizeof in) == 8);
    CHECK(weir_recv(socket, in, sizeof in) == WEIR_EMSGSIZE);
    CHECK(weir_recv_message(socket, &message) == WEIR_EMSGSIZE);
    CHECK(message.len == 8 && message.whole == 10);
    CHECK(message.flags == WEIR_MESSAGE_TRUNCATED);
    CHECK(memcmp(in, "abcdefgh", 8) == 0);
    CHECK(weir_recv_message(socket, &message) == 0);
    CHECK(message.len == 1 && message.whole == 1 && message.flags == 0);
    CHECK(weir_send_to(socket, in, 70000, &at) == WEIR_EMSGSIZE);
    CHECK(weir_send_to(socket, in, (size_t)INT32_MAX + 1, &at) == WEIR_EINVAL);
    CHECK(weir_recv(socket, in, (size_t)INT32_MAX + 1) == WEIR_EINVAL);
    CHECK(weir_send(socket, "x", 1) == WEIR_EDESTADDRREQ);
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

TEST(empty_datagrams_are_data_and_cut_ones_are_told)
{
    not_emulated("control data is not handed on");
    assert_int_equal(run_with(lengths, NULL, 1), 0);
}

/* ---- waiting ---- */

struct waiting {
    weir_socket socket;
    ptrdiff_t got[8];
    int count, order[8], ended;
};

struct one {
    struct waiting *waiting;
    int number;
};

static int receive_one(void *arg)
{
    struct one *one = arg;
    struct waiting *waiting = one->waiting;
    char in[8];

    ADD(waiting->count, 1);
    waiting->got[one->number] = weir_recv(waiting->socket, in, sizeof in);
    waiting->order[ADD(waiting->ended, 1) - 1] = one->number;
    return 0;
}

enum {
    WAITERS = 8
};

static int wait_many(struct waiting *waiting, weir_address *at, weir_scope *scope,
                     struct one ones[WAITERS])
{
    int i;

    waiting->socket = bind_udp(at);
    CHECK(weir_scope_open(scope) == 0);
    for (i = 0; i < WAITERS; i++) {
        ones[i] = (struct one){waiting, i};
        CHECK(weir_spawn(scope, receive_one, &ones[i]) == 0);
        YIELD_UNTIL(SEE(waiting->count) == i + 1);
    }
    return weir_sleep(WEIR_MILLISECONDS(5)); /* most likely they wait by now */
}

static int serve_in_order(void *arg)
{
    struct waiting waiting = {.count = 0};
    struct one ones[WAITERS];
    weir_address at;
    weir_scope scope;
    int i;

    CHECK(wait_many(&waiting, &at, &scope, ones) == 0);
    for (i = 0; i < WAITERS; i++) {
        CHECK(weir_send_to(waiting.socket, "12345678", (size_t)i, &at) == 0);
        YIELD_UNTIL(SEE(waiting.ended) == i + 1);
    }
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < WAITERS; i++) {
        CHECK(waiting.got[waiting.order[i]] == i);
        if (arg)
            CHECK(waiting.order[i] == i);
    }
    CHECK(weir_socket_close(waiting.socket) == 0);
    return 0;
}

TEST(who_waits_longest_gets_the_next_message)
{
    char one_worker;

    assert_int_equal(run_with(serve_in_order, &one_worker, 1), 0);
    assert_int_equal(run_with(serve_in_order, NULL, 3), 0);
}

static int serve_at_once(void *arg)
{
    struct waiting waiting = {.count = 0};
    struct one ones[WAITERS];
    weir_address at;
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(wait_many(&waiting, &at, &scope, ones) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(weir_send_to(waiting.socket, "1234", 4, &at) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(waiting.got[i] == 4);
    CHECK(weir_socket_close(waiting.socket) == 0);
    return 0;
}

TEST(messages_that_come_together_wake_as_many)
{
    assert_int_equal(run_with(serve_at_once, NULL, 1), 0);
    assert_int_equal(run_with(serve_at_once, NULL, 3), 0);
}

static int close_under_them(void *arg)
{
    struct waiting waiting = {.count = 0};
    struct one ones[WAITERS];
    weir_address at;
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(wait_many(&waiting, &at, &scope, ones) == 0);
    CHECK(weir_socket_close(waiting.socket) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(waiting.got[i] == WEIR_ECLOSED || waiting.got[i] == WEIR_EBADHANDLE);
    CHECK(waiting.got[0] == WEIR_ECLOSED);
    return 0;
}

TEST(a_close_ends_the_calls_under_way)
{
    assert_int_equal(run_with(close_under_them, NULL, 1), 0);
    assert_int_equal(run_with(close_under_them, NULL, 3), 0);
}

static int cancel_them(void *arg)
{
    struct waiting waiting = {.count = 0};
    struct one ones[WAITERS];
    weir_address at;
    weir_scope scope;
    char in[8];
    int i;

    (void)arg;
    CHECK(wait_many(&waiting, &at, &scope, ones) == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < WAITERS; i++)
        CHECK(waiting.got[i] == WEIR_ECANCELED);
    CHECK(weir_send_to(waiting.socket, "later", 5, &at) == 0);
    CHECK(weir_recv(waiting.socket, in, sizeof in) == 5); /* nobody has taken it along */
    CHECK(recv_limited(waiting.socket, in, sizeof in, WEIR_MILLISECONDS(1)) == WEIR_EDEADLINE);
    CHECK(weir_send_to(waiting.socket, "again", 5, &at) == 0);
    CHECK(weir_recv(waiting.socket, in, sizeof in) == 5);
    CHECK(weir_socket_close(waiting.socket) == 0);
    return 0;
}

TEST(cancels_and_deadlines_lose_no_message)
{
    assert_int_equal(run_with(cancel_them, NULL, 1), 0);
    assert_int_equal(run_with(cancel_them, NULL, 3), 0);
}

/* ---- many at once, on several workers ---- */

struct crowd {
    weir_socket socket;
    weir_address at;
    int left, echoed;
};

enum {
    SERVERS = 4,
    CLIENTS = 6,
    ROUNDS = 200
};

static int echo(void *arg)
{
    struct crowd *crowd = arg;
    weir_address from;
    char bytes[64];
    ptrdiff_t n;

    while ((n = weir_recv_from(crowd->socket, bytes, sizeof bytes, &from)) >= 0) {
        CHECK(weir_send_to(crowd->socket, bytes, (size_t)n, &from) == 0);
        ADD(crowd->echoed, 1);
    }
    CHECK(n == WEIR_ECLOSED || n == WEIR_EBADHANDLE);
    return 0;
}

static int ask(void *arg)
{
    struct crowd *crowd = arg;
    char text[WEIR_ADDRESS_TEXT_MAX], in[8];
    weir_socket socket;
    int i;

    CHECK(weir_address_format(&crowd->at, text, sizeof text) > 0);
    CHECK(weir_connect(&socket, text, NULL) == 0);
    for (i = 0; i < ROUNDS; i++) {
        int back = -1;

        CHECK(weir_send(socket, &i, sizeof i) == 0);
        CHECK(weir_recv(socket, in, sizeof in) == sizeof i);
        memcpy(&back, in, sizeof back);
        CHECK(back == i);
    }
    CHECK(weir_socket_close(socket) == 0);
    if (ADD(crowd->left, -1) == 0)
        CHECK(weir_socket_close(crowd->socket) == 0);
    return 0;
}

static int be_many(void *arg)
{
    struct crowd crowd = {.left = CLIENTS};
    weir_scope scope;
    int i;

    (void)arg;
    crowd.socket = bind_udp(&crowd.at);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < SERVERS; i++)
        CHECK(weir_spawn(&scope, echo, &crowd) == 0);
    for (i = 0; i < CLIENTS; i++)
        CHECK(weir_spawn(&scope, ask, &crowd) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(crowd.echoed == CLIENTS * ROUNDS);
    return 0;
}

TEST(many_tasks_share_a_socket)
{
    assert_int_equal(run_with(be_many, NULL, 1), 0);
    assert_int_equal(run_with(be_many, NULL, 4), 0);
}

/* ---- batches ---- */

enum {
    BATCH = 70
};

static int go_in_batches(void *arg)
{
    static struct weir_message out[BATCH], in[BATCH];
    static char from[BATCH][4], to[BATCH][4];
    struct weir_socket_options options = {.receive_buffer = 1 << 20};
    weir_address a_at, b_at;
    weir_socket a = bind_udp(&a_at), b = bind_at("udp://127.0.0.1:0", &options, &b_at);
    int i, n, got = 0;

    (void)arg;
    for (i = 0; i < BATCH; i++) {
        memcpy(from[i], &i, 4);
        out[i] = (struct weir_message){
            .bytes = from[i], .len = 4, .fields = WEIR_FIELD_PEER, .peer = b_at};
        in[i] = expecting(to[i], 4);
    }
    CHECK(weir_send_batch(a, out, BATCH) == BATCH);
    while (got < BATCH) {
        n = weir_recv_batch(b, in + got, (size_t)(BATCH - got));
        CHECK(n > 0);
        if (n <= 0)
            break;
        got += n;
    }
    for (i = 0; i < got; i++) {
        CHECK(in[i].len == 4 && memcmp(to[i], from[i], 4) == 0);
        CHECK(in[i].fields & WEIR_FIELD_PEER && weir_address_equal(&in[i].peer, &a_at));
    }
    in[0].cap = 2;
    CHECK(weir_send_batch(a, out, 1) == 1);
    CHECK(weir_recv_batch(b, in, 2) == 1);
    CHECK(in[0].flags == WEIR_MESSAGE_TRUNCATED && in[0].len == 2 && in[0].whole == 4);
    CHECK(weir_recv_batch(b, in, 0) == WEIR_EINVAL);
    CHECK(weir_send_batch(a, out, 0) == WEIR_EINVAL);
    out[1].len = 70000; /* goes no further than that */
    CHECK(weir_send_batch(a, out, 3) == 1);
    CHECK(weir_send_batch(a, out + 1, 2) == WEIR_EMSGSIZE);
    CHECK(weir_recv_batch_n(b, in, 1, 8) == WEIR_EVERSION);
    CHECK(weir_socket_close(a) == 0);
    CHECK(weir_socket_close(b) == 0);
    return 0;
}

TEST(batches_go_and_come)
{
    assert_int_equal(run_with(go_in_batches, NULL, 1), 0);
}

/* ---- errors of the network ---- */

static int be_refused(void *arg)
{
    struct weir_socket_options options = {.errors = WEIR_ON};
    char text[WEIR_ADDRESS_TEXT_MAX], in[16];
    struct weir_socket_error error;
    weir_address nobody;
    weir_socket socket = bind_udp(&nobody);

    (void)arg;
    CHECK(weir_address_format(&nobody, text, sizeof text) > 0);
    CHECK(weir_socket_close(socket) == 0);
    CHECK(weir_connect(&socket, text, NULL) == 0);
    CHECK(weir_send(socket, "x", 1) == 0);
    CHECK(weir_recv(socket, in, sizeof in) == WEIR_ECONNREFUSED);
    CHECK(recv_limited(socket, in, sizeof in, WEIR_MILLISECONDS(2)) == WEIR_EDEADLINE); /* once */
    CHECK(weir_send(socket, "x", 1) == 0);
    CHECK(weir_recv_error(socket, &error, in, sizeof in) == WEIR_EAGAIN); /* it has no queue */
    CHECK(weir_socket_close(socket) == 0);

    CHECK(weir_connect(&socket, text, &options) == 0);
    CHECK(weir_recv_error(socket, &error, in, sizeof in) == WEIR_EAGAIN);
    CHECK(weir_send(socket, "what", 4) == 0);
    CHECK(weir_recv(socket, in, sizeof in) == WEIR_ECONNREFUSED);
    CHECK(weir_recv(socket, in, sizeof in) == WEIR_EERRQUEUE);
    CHECK(weir_recv_error(socket, &error, in, sizeof in) == 4);
    CHECK(memcmp(in, "what", 4) == 0);
    CHECK(error.code == WEIR_ECONNREFUSED && error.origin == WEIR_ORIGIN_ICMP);
    CHECK(error.type == 3 && error.icmp_code == 3);
    CHECK(weir_address_equal(&error.peer, &nobody));
    CHECK(weir_address_family(&error.offender) == AF_INET);
    CHECK(weir_recv_error(socket, &error, in, sizeof in) == WEIR_EAGAIN);
    CHECK(recv_limited(socket, in, sizeof in, WEIR_MILLISECONDS(2)) == WEIR_EDEADLINE);
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

TEST(a_refusal_is_told_by_the_next_call_and_kept_in_the_error_queue)
{
    assert_int_equal(run_with(be_refused, NULL, 1), 0);
}

/* ---- addresses ---- */

static int connect_again(void *arg)
{
    weir_address a_at, b_at, seen, none = {.len = 0};
    weir_socket a = bind_udp(&a_at), b = bind_udp(&b_at), c;

    (void)arg;
    CHECK(weir_socket_open(&c, AF_INET, SOCK_DGRAM, 0, NULL) == 0);
    CHECK(weir_socket_peer(c, &seen) == WEIR_ENOTCONN);
    CHECK(weir_socket_connect(c, &a_at) == 0);
    CHECK(weir_socket_peer(c, &seen) == 0 && weir_address_equal(&seen, &a_at));
    CHECK(weir_socket_connect(c, &b_at) == 0);
    CHECK(weir_socket_peer(c, &seen) == 0 && weir_address_equal(&seen, &b_at));
    CHECK(weir_socket_connect(c, &none) == 0);
    CHECK(weir_socket_peer(c, &seen) == WEIR_ENOTCONN);
    none.len = 4000;
    CHECK(weir_socket_connect(c, &none) == WEIR_EINVAL);
    CHECK(weir_socket_bind(c, &none) == WEIR_EINVAL);
    CHECK(weir_socket_bind(c, &a_at) == WEIR_EADDRINUSE);
    CHECK(weir_socket_listen(c, 1) == WEIR_ENOTSUP);
    CHECK(weir_socket_close(a) == 0);
    CHECK(weir_socket_close(b) == 0);
    CHECK(weir_socket_close(c) == 0);
    return 0;
}

TEST(a_datagram_socket_is_connected_anew_and_not_at_all)
{
    assert_int_equal(run_with(connect_again, NULL, 1), 0);
}

static int refuse(void *arg)
{
    struct weir_socket_options options = {.reuse_port = 3};
    weir_socket socket = {7}, pair[2];
    weir_stream stream = {7};
    weir_listener listener = {7};
    char in[1];
    int fds[2];

    (void)arg;
    CHECK(weir_bind(&socket, "tcp://127.0.0.1:0", NULL) == WEIR_ENOSCHEME);
    CHECK(weir_bind(&socket, "nothing", NULL) == WEIR_EADDRESS);
    CHECK(weir_bind(&socket, "udp://example.org:1", NULL) == WEIR_ENAME);
    CHECK(weir_bind(&socket, "udp://192.0.2.1:0", NULL) == WEIR_EADDRNOTAVAIL);
    CHECK(weir_bind(&socket, "udp://127.0.0.1:0", &options) == WEIR_EOPTION);
    options = (struct weir_socket_options){.want = WEIR_FIELD_CREDENTIALS};
    CHECK(weir_bind(&socket, "udp://127.0.0.1:0", &options) == WEIR_ENOTSUP);
    if (!test_simulated()) /* which has none of UNIX */
        CHECK(weir_connect(&socket, "unixgram:///nowhere/at/all", NULL) == WEIR_ENOENT);
    CHECK(weir_socket_open(&socket, 4000, SOCK_DGRAM, 0, NULL) == WEIR_EAFNOSUPPORT);
    CHECK(weir_socket_open(&socket, AF_INET, SOCK_DGRAM, 200, NULL) == WEIR_EPROTONOSUPPORT);
    CHECK(weir_socket_pair(pair, SOCK_RAW) == WEIR_EINVAL);
    CHECK(weir_socket_adopt(&socket, -1) == WEIR_EBADF);
    CHECK(pipe(fds) == 0);
    CHECK(weir_socket_adopt(&socket, fds[0]) == WEIR_ENOTSOCK);
    close(fds[0]);
    close(fds[1]);
    CHECK(socket.id == 7);
    CHECK(weir_recv(socket, in, 1) == WEIR_EBADHANDLE);
    CHECK(weir_dial(&stream, "udp://127.0.0.1:1") == WEIR_ENOSCHEME);
    CHECK(weir_listen(&listener, "unixgram://@x", NULL) == WEIR_ENOSCHEME);
    CHECK(weir_recv((weir_socket){0}, in, 1) == WEIR_EBADHANDLE);
    return 0;
}

TEST(what_makes_no_socket_is_refused)
{
    weir_socket none = {0};
    char in[1];

    assert_int_equal(weir_bind(&none, "udp://127.0.0.1:0", NULL), WEIR_ENOTASK);
    assert_int_equal(weir_recv(none, in, 1), WEIR_ENOTASK);
    assert_int_equal(run_with(refuse, NULL, 1), 0);
}

/* ---- from outside and back ---- */

static int adopt(void *arg)
{
    weir_address at, seen;
    weir_socket socket = bind_udp(&at), other;
    struct waiting waiting = {.socket = socket};
    struct one one = {&waiting, 0};
    weir_scope scope;
    char in[8];
    int fd = -1;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, receive_one, &one) == 0);
    YIELD_UNTIL(SEE(waiting.count) == 1);
    CHECK(weir_sleep(WEIR_MILLISECONDS(2)) == 0);
    CHECK(weir_socket_release(socket, &fd) == WEIR_EBUSY);
    CHECK(fd == -1);
    CHECK(weir_send_to(socket, "x", 1, &at) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(recv_limited(socket, in, sizeof in, WEIR_MILLISECONDS(1)) == WEIR_EDEADLINE);
    CHECK(weir_socket_release(socket, &fd) == 0); /* with a poll in flight */
    CHECK(fd >= 0);
    CHECK(weir_recv(socket, in, sizeof in) == WEIR_EBADHANDLE);
    CHECK(weir_socket_release(socket, &fd) == WEIR_EBADHANDLE);
    CHECK(weir_socket_adopt(&other, fd) == 0);
    CHECK(weir_socket_local(other, &seen) == 0 && weir_address_equal(&seen, &at));
    CHECK(weir_send_to(other, "hello", 5, &at) == 0);
    CHECK(weir_recv(other, in, sizeof in) == 5);
    CHECK(weir_socket_close(other) == 0);
    return 0;
}

TEST(a_descriptor_is_adopted_and_released)
{
    assert_int_equal(run_with(adopt, NULL, 1), 0);
    assert_int_equal(run_with(adopt, NULL, 2), 0);
}
