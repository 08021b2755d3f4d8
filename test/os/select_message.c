/* test/os/select_message.c - messages of sockets in a select.
 *
 * The property: of many selects over many sockets, which are cancelled and whose sockets are
 * closed, each message that was said to be sent is received once, in one piece.
 */
#include "test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/hostile.h"
#include "support/run.h"

none_on_sim("its network has no datagrams")

    static const struct weir_select_options no_wait = {.no_wait = WEIR_ON};

/* ---- receiving ---- */

static int receive_or_wait(void *arg)
{
    weir_socket pair[2];
    weir_case cases[3];
    weir_address peer;
    char in[8];
    struct weir_message message = {.bytes = in, .cap = sizeof in};

    (void)arg;
    CHECK(weir_socket_pair(pair, SOCK_DGRAM) == 0);
    weir_case_recv_from(&cases[0], pair[1], in, sizeof in, &peer);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_select_with(cases, 1, &no_wait) == WEIR_EAGAIN);
    CHECK(weir_send_to(pair[0], "hello", 5, NULL) == 0);
    CHECK(weir_select_with(cases, 1, &no_wait) == 0 && cases[0].result == 5);
    CHECK(memcmp(in, "hello", 5) == 0 && peer.len == 0);
    CHECK(weir_send_to(pair[0], "", 0, NULL) == 0); /* an empty one is one */
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 0);
    CHECK(weir_send_to(pair[0], "too long a message", 18, NULL) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EMSGSIZE);
    weir_case_recv_message(&cases[2], pair[1], &message);
    CHECK(weir_select_with(&cases[2], 1, &no_wait) == WEIR_EAGAIN);
    CHECK(weir_send_to(pair[0], "facts", 5, NULL) == 0);
    CHECK(weir_select(&cases[2], 1) == 0 && cases[2].result == 0 && message.len == 5);
    CHECK(weir_socket_close(pair[1]) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EBADHANDLE);
    CHECK(weir_select(&cases[2], 1) == 0 && cases[2].result == WEIR_EBADHANDLE);
    CHECK(weir_socket_close(pair[0]) == 0);
    return 0;
}

TEST(a_message_is_a_case)
{
    hostile_calm();
    assert_int_equal(run_with(receive_or_wait, NULL, 1), 0);
    assert_int_equal(run_with(receive_or_wait, NULL, 2), 0);
}

static int refuse(void *arg)
{
    struct weir_message message = {.bytes = NULL, .cap = (size_t)INT32_MAX + 1};
    weir_address wrong = {.len = UINT16_MAX};
    weir_socket pair[2];
    weir_case c;

    (void)arg;
    CHECK(weir_socket_pair(pair, SOCK_DGRAM) == 0);
    weir_case_recv_from(&c, pair[0], NULL, (size_t)INT32_MAX + 1, NULL);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_EINVAL);
    weir_case_send_to(&c, pair[0], NULL, (size_t)INT32_MAX + 1, NULL);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_EINVAL);
    weir_case_send_to(&c, pair[0], "x", 1, &wrong);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_EINVAL);
    weir_case_recv_message(&c, pair[0], &message);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_EINVAL);
    weir_case_recv_message_n(&c, pair[0], &message, sizeof message - 1);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_EVERSION);
    weir_case_send_message_n(&c, pair[0], &message, sizeof message - 1);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_EVERSION);
    CHECK(weir_socket_close(pair[0]) == 0 && weir_socket_close(pair[1]) == 0);
    return 0;
}

TEST(what_is_wrong_is_the_result)
{
    assert_int_equal(run_with(refuse, NULL, 1), 0);
}

static int pass_descriptor(void *arg)
{
    weir_socket pair[2];
    int out = 0, in = -1;
    char byte = 'x';
    struct weir_message sent = {.bytes = &byte,
                                .len = 1,
                                .fields = WEIR_FIELD_DESCRIPTORS,
                                .descriptors = &out,
                                .descriptors_count = 1},
                        got = {.bytes = &byte, .cap = 1, .descriptors = &in, .descriptors_cap = 1};
    weir_case cases[2];

    (void)arg;
    CHECK(weir_socket_pair(pair, SOCK_SEQPACKET) == 0);
    weir_case_send_message(&cases[0], pair[0], &sent);
    weir_case_recv_message(&cases[1], pair[1], &got);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 0);
    CHECK(weir_select(&cases[1], 1) == 0 && cases[1].result == 0);
    CHECK(got.descriptors_count == 1 && in >= 0 && close(in) == 0);
    CHECK(weir_socket_close(pair[0]) == 0);
    CHECK(weir_select(&cases[1], 1) == 0 && cases[1].result == WEIR_EEOF);
    CHECK(weir_socket_close(pair[1]) == 0);
    return 0;
}

TEST(a_message_of_a_case_carries_descriptors)
{
    not_emulated("sockets that carry packets are not there");
    assert_int_equal(run_with(pass_descriptor, NULL, 1), 0);
}

/* ---- sending ---- */

static int receive_some(void *arg)
{
    char in[1024];
    int i;

    for (i = 0; i < 3; i++)
        CHECK(weir_yield() == 0);
    CHECK(weir_recv(*(weir_socket *)arg, in, sizeof in) == (ptrdiff_t)sizeof in);
    return 0;
}

/* A UNIX socket says always that it has room. */
static int send_when_there_is_room(void *arg)
{
    static const char much[1024];
    weir_socket pair[2];
    weir_case cases[2];
    weir_scope scope;
    int sent = 0;

    CHECK(weir_socket_pair(pair, *(const int *)arg) == 0);
    weir_case_send_to(&cases[0], pair[0], much, sizeof much, NULL);
    while (weir_select_with(cases, 1, &no_wait) == 0) {
        CHECK(cases[0].result == 0);
        sent++;
    }
    CHECK(sent > 0);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(10));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, receive_some, &pair[1]) == 0);
    do { /* a seqpacket may want more room than one message leaves */
        weir_case_after(&cases[1], WEIR_MILLISECONDS(50));
        if (weir_select(cases, 2) == 0)
            break;
        CHECK(weir_spawn(&scope, receive_some, &pair[1]) == 0);
    } while (sent-- > 0);
    CHECK(cases[0].result == 0 && sent > 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_socket_close(pair[0]) == 0 && weir_socket_close(pair[1]) == 0);
    return 0;
}

TEST(a_send_waits_for_room)
{
    int type = SOCK_DGRAM;

    not_emulated("sockets that carry packets are not there");
    hostile_calm();
    assert_int_equal(run_with(send_when_there_is_room, &type, 1), 0);
    assert_int_equal(run_with(send_when_there_is_room, &type, 2), 0);
    type = SOCK_SEQPACKET;
    assert_int_equal(run_with(send_when_there_is_room, &type, 2), 0);
}

/* ---- who waits beside ---- */

static int close_later(void *arg)
{
    int i;

    for (i = 0; i < 3; i++)
        CHECK(weir_yield() == 0);
    return weir_socket_close(*(weir_socket *)arg);
}

static int select_one(void *arg)
{
    char in[8];
    weir_case c;
    int rc;

    weir_case_recv_from(&c, *(weir_socket *)arg, in, sizeof in, NULL);
    rc = weir_select(&c, 1);
    CHECK(rc == 0);
    CHECK(c.result == WEIR_ECLOSED || c.result == WEIR_EBADHANDLE);
    return 0;
}

static int close_under_selects(void *arg)
{
    weir_socket socket;
    weir_scope scope;
    int i, round;

    (void)arg;
    for (round = 0; round < 20; round++) {
        CHECK(weir_bind(&socket, "udp://127.0.0.1:0", NULL) == 0);
        CHECK(weir_scope_open(&scope) == 0);
        for (i = 0; i < 5; i++)
            CHECK(weir_spawn(&scope, select_one, &socket) == 0);
        CHECK(weir_spawn(&scope, close_later, &socket) == 0);
        CHECK(weir_scope_join(&scope) == 0);
    }
    return 0;
}

TEST(a_close_ends_all_selects_over_a_socket)
{
    not_emulated("sockets that carry packets are not there");
    assert_int_equal(run_with(close_under_selects, NULL, 1), 0);
    assert_int_equal(run_with(close_under_selects, NULL, 3), 0);
}

/* ---- the property ---- */

#define PAIRS    3
#define SENDERS  3
#define READERS  6
#define MESSAGES 300 /* of each sender */

struct exchange {
    weir_socket out[PAIRS], in[PAIRS];
    uint8_t seen[SENDERS * MESSAGES];
    uint32_t got, sent, senders_left;
    uint32_t next_sender;
};

static void note(struct exchange *x, uint32_t message)
{
    CHECK(message < SENDERS * MESSAGES);
    CHECK(ADD(x->seen[message], 1) == 1);
    (void)ADD(x->got, 1);
}

static uint32_t pick(uint32_t *seed, uint32_t count)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % count;
}

/* Sends by whichever socket has room, and gives up now and then. */
static int send_all(void *arg)
{
    struct exchange *x = arg;
    uint32_t me = ADD(x->next_sender, 1) - 1, i = 0, message, seed = me + 1;
    weir_case cases[PAIRS + 1];
    int which, pair;

    while (i < MESSAGES) {
        message = me * MESSAGES + i;
        for (pair = 0; pair < PAIRS; pair++)
            weir_case_send_to(&cases[pair], x->out[pair], &message, sizeof message, NULL);
        weir_case_after(&cases[PAIRS], WEIR_MICROSECONDS(pick(&seed, 50)));
        which = weir_select(cases, PAIRS + 1);
        CHECK(which >= 0 && cases[which].result == 0);
        if (which < 0)
            break;
        if (which < PAIRS) {
            (void)ADD(x->sent, 1);
            i++;
        }
    }
    (void)ADD(x->senders_left, (uint32_t)-1);
    return 0;
}

/* A select that may be stopped: true if it has received. */
static bool receive_one(struct exchange *x, uint32_t *seed)
{
    weir_case cases[PAIRS];
    uint32_t in[PAIRS];
    weir_block block;
    int pair, which;

    for (pair = 0; pair < PAIRS; pair++)
        weir_case_recv_from(&cases[pair], x->in[pair], &in[pair], sizeof in[pair], NULL);
    CHECK(weir_deadline_begin(&block, WEIR_MICROSECONDS(pick(seed, 200))) == 0);
    which = weir_select(cases, PAIRS);
    (void)weir_block_end(&block);
    CHECK(which >= 0 || which == WEIR_EDEADLINE);
    if (which < 0)
        return false;
    CHECK(cases[which].result == (ptrdiff_t)sizeof in[which]);
    note(x, in[which]);
    return true;
}

static int receive_all(void *arg)
{
    struct exchange *x = arg;
    uint32_t seed = 7 + (uint32_t)(uintptr_t)&seed;

    while (receive_one(x, &seed) || SEE(x->senders_left) || SEE(x->got) < SEE(x->sent))
        CHECK(weir_yield() == 0);
    return 0;
}

/* One of them takes by plain calls. */
static int receive_plainly(void *arg)
{
    struct exchange *x = arg;
    weir_block block;
    uint32_t message;

    while (SEE(x->senders_left) || SEE(x->got) < SEE(x->sent)) {
        CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
        if (weir_recv(x->in[0], &message, sizeof message) == (ptrdiff_t)sizeof message)
            note(x, message);
        (void)weir_block_end(&block);
    }
    return 0;
}

static int exchange(void *arg)
{
    static struct exchange x;
    weir_scope scope;
    int i;

    (void)arg;
    x = (struct exchange){.senders_left = SENDERS};
    for (i = 0; i < PAIRS; i++) {
        weir_socket pair[2];

        CHECK(weir_socket_pair(pair, i ? SOCK_DGRAM : SOCK_SEQPACKET) == 0);
        x.out[i] = pair[0];
        x.in[i] = pair[1];
    }
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < READERS; i++)
        CHECK(weir_spawn(&scope, receive_all, &x) == 0);
    CHECK(weir_spawn(&scope, receive_plainly, &x) == 0);
    for (i = 0; i < SENDERS; i++)
        CHECK(weir_spawn(&scope, send_all, &x) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(x.got == SENDERS * MESSAGES && x.sent == x.got);
    for (i = 0; i < PAIRS; i++)
        CHECK(weir_socket_close(x.out[i]) == 0 && weir_socket_close(x.in[i]) == 0);
    return 0;
}

TEST(each_message_is_received_once_whatever_is_stopped)
{
    not_emulated("sockets that carry packets are not there");
    assert_int_equal(run_with(exchange, NULL, 1), 0);
    assert_int_equal(run_with(exchange, NULL, 3), 0);
}
