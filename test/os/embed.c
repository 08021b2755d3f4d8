/* test/os/embed.c - a loop inside a foreign one: its descriptor says when it has work. */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/loop.h>
#include <weir/time.h>

#include "support/loop.h"

/* Nothing here waits longer than this, unless it has failed. */
#define LIMIT_MS 20000

static int readable(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, timeout_ms);
}

/* As a foreign loop does: runs it while the descriptor says so. */
static void run_until_quiet(weir_loop *loop, int fd)
{
    while (readable(fd, 0))
        assert_true(weir_loop_run(loop, WEIR_LOOP_NOWAIT) >= 0);
}

static void run_until(weir_loop *loop, int fd, const int *count, int wanted)
{
    while (*count < wanted) {
        assert_int_equal(readable(fd, LIMIT_MS), 1);
        assert_true(weir_loop_run(loop, WEIR_LOOP_NOWAIT) >= 0);
    }
}

TEST(embedded_loop_says_when_it_has_work)
{
    not_on_sim("virtual time has no descriptor");
    weir_loop *loop = make_loop();
    struct posting posting = {{NULL, deliver}, loop, 0, NULL};
    struct seen seen = {0}, fired = {0};
    weir_op op = noting(&seen), timer = noting(&fired);
    weir_fd a, b;
    pthread_t thread;
    char byte;
    int fd = weir_loop_descriptor(loop);

    assert_true(fd >= 0);
    assert_int_equal(weir_loop_descriptor(loop), fd);
    make_pair(&a, &b);
    weir_op_recv(&op, &a, &byte, 1);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
    assert_int_equal(weir_loop_timeout_ns(loop), -1);
    while (readable(fd, 0))
        (void)weir_loop_run(loop, WEIR_LOOP_NOWAIT);
    assert_int_equal(write(b.number, "x", 1), 1);
    assert_int_equal(readable(fd, LIMIT_MS), 1);
    while (!seen.count)
        (void)weir_loop_run(loop, WEIR_LOOP_NOWAIT);
    assert_int_equal(seen.last, 1);
    while (readable(fd, 0))
        (void)weir_loop_run(loop, WEIR_LOOP_NOWAIT);
    assert_int_equal(pthread_create(&thread, NULL, post_from_thread, &posting), 0);
    assert_int_equal(readable(fd, LIMIT_MS), 1);
    pthread_join(thread, NULL);
    while (!posting.delivered)
        (void)weir_loop_run(loop, WEIR_LOOP_NOWAIT);
    weir_op_timer(&timer, weir_now_ns() + 5000000);
    weir_loop_submit(loop, &timer);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), !fired.count);
    assert_true(weir_loop_timeout_ns(loop) <= 7000000);
    while (!fired.count) {
        assert_int_equal(readable(fd, LIMIT_MS), 1);
        (void)weir_loop_run(loop, WEIR_LOOP_NOWAIT);
    }
    weir_loop_close(loop, &a);
    weir_loop_close(loop, &b);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(each_post_makes_the_descriptor_readable)
{
    not_on_sim("virtual time has no descriptor");
    weir_loop *loop = make_loop();
    int i, fd = weir_loop_descriptor(loop);

    for (i = 0; i < 20; i++) {
        struct posting posting = {{NULL, deliver}, loop, 0, NULL};
        pthread_t thread;

        run_until_quiet(loop, fd);
        assert_int_equal(pthread_create(&thread, NULL, post_from_thread, &posting), 0);
        run_until(loop, fd, &posting.delivered, 1);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_int_equal(weir_loop_destroy(loop), 0);
}

struct receiver {
    weir_loop *loop;
    weir_fd fd;
    struct seen seen;
    weir_op op;
    char byte;
};

static void receive_then(weir_op *timer)
{
    struct receiver *r = timer->context;

    r->op = noting(&r->seen);
    weir_op_recv(&r->op, &r->fd, &r->byte, 1);
    weir_loop_submit(r->loop, &r->op);
}

/* The loop sends to the kernel what its callbacks have prepared before it lets the embedder poll.
 * */
TEST(what_a_callback_submits_is_under_way_when_the_descriptor_is_quiet)
{
    not_on_sim("virtual time has no descriptor");
    struct receiver r = {.loop = make_loop()};
    weir_op timer = {.done = receive_then, .context = &r};
    weir_fd peer;
    int i, fd = weir_loop_descriptor(r.loop);

    make_pair(&r.fd, &peer);
    for (i = 0; i < 10; i++) {
        weir_op_timer(&timer, weir_now_ns() + 1000000);
        weir_loop_submit(r.loop, &timer);
        assert_int_equal(weir_loop_run(r.loop, WEIR_LOOP_NOWAIT), 1);
        while (!r.op.done) {
            assert_int_equal(readable(fd, LIMIT_MS), 1);
            assert_int_equal(weir_loop_run(r.loop, WEIR_LOOP_NOWAIT), 1);
        }
        run_until_quiet(r.loop, fd);
        assert_int_equal(write(peer.number, "x", 1), 1);
        run_until(r.loop, fd, &r.seen.count, i + 1);
        assert_int_equal(r.seen.last, 1);
        r.op.done = NULL;
    }
    weir_loop_close(r.loop, &r.fd);
    weir_loop_close(r.loop, &peer);
    assert_int_equal(weir_loop_destroy(r.loop), 0);
}

struct flooded {
    weir_loop *loop;
    weir_fd fd;
    weir_op op;
    size_t len;
    int accepted;
    bool ended;
};

static void take(weir_op *op)
{
    struct flooded *flooded = op->context;
    weir_lent lent;

    while (weir_op_received(op, &lent)) {
        flooded->len += lent.len;
        weir_loop_give_back(&lent);
    }
    flooded->ended = !(op->flags & WEIR_OP_MORE);
}

/* A receive stops at a bound in each turn; that there is more, no event of the kernel tells. */
TEST(bytes_beyond_the_bound_of_a_turn_show_in_the_descriptor)
{
    not_on_sim("virtual time has no descriptor");
    enum {
        LEN = 150000
    };
    struct flooded flooded = {.loop = make_loop()};
    char *bytes = calloc(1, LEN);
    int fd = weir_loop_descriptor(flooded.loop), room = 4 * LEN;
    weir_fd peer;

    make_pair(&flooded.fd, &peer);
    assert_int_equal(setsockopt(peer.number, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    assert_int_equal(send(peer.number, bytes, LEN, MSG_DONTWAIT), LEN);
    flooded.op = (weir_op){.done = take, .context = &flooded};
    weir_op_recv_lent(&flooded.op, &flooded.fd, WEIR_OP_MULTISHOT);
    weir_loop_submit(flooded.loop, &flooded.op);
    assert_int_equal(weir_loop_run(flooded.loop, WEIR_LOOP_NOWAIT), 1);
    while (flooded.len < LEN && !flooded.ended) {
        assert_int_equal(readable(fd, LIMIT_MS), 1);
        assert_true(weir_loop_run(flooded.loop, WEIR_LOOP_NOWAIT) >= 0);
    }
    assert_int_equal(flooded.len, LEN);
    weir_loop_cancel(flooded.loop, &flooded.op);
    assert_int_equal(weir_loop_run(flooded.loop, WEIR_LOOP_DEFAULT), 0);
    weir_loop_close(flooded.loop, &flooded.fd);
    weir_loop_close(flooded.loop, &peer);
    free(bytes);
    assert_int_equal(weir_loop_destroy(flooded.loop), 0);
}

static void count_accepted(weir_op *op)
{
    struct flooded *flooded = op->context;

    if (op->result >= 0) {
        flooded->accepted++;
        close(op->result);
    }
    flooded->ended = !(op->flags & WEIR_OP_MORE);
}

TEST(connections_beyond_the_bound_of_a_turn_show_in_the_descriptor)
{
    not_on_sim("virtual time has no descriptor");
    enum {
        CLIENTS = 120
    };
    struct flooded flooded = {.loop = make_loop()};
    int clients[CLIENTS], i, fd = weir_loop_descriptor(flooded.loop);
    struct sockaddr_in address;

    weir_fd_init(&flooded.fd, listen_tcp(&address));
    for (i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
    }
    flooded.op = (weir_op){.done = count_accepted, .context = &flooded};
    weir_op_accept(&flooded.op, &flooded.fd, WEIR_OP_MULTISHOT);
    weir_loop_submit(flooded.loop, &flooded.op);
    assert_int_equal(weir_loop_run(flooded.loop, WEIR_LOOP_NOWAIT), 1);
    while (flooded.accepted < CLIENTS && !flooded.ended) {
        assert_int_equal(readable(fd, LIMIT_MS), 1);
        assert_true(weir_loop_run(flooded.loop, WEIR_LOOP_NOWAIT) >= 0);
    }
    assert_int_equal(flooded.accepted, CLIENTS);
    weir_loop_cancel(flooded.loop, &flooded.op);
    assert_int_equal(weir_loop_run(flooded.loop, WEIR_LOOP_DEFAULT), 0);
    for (i = 0; i < CLIENTS; i++)
        close(clients[i]);
    weir_loop_close(flooded.loop, &flooded.fd);
    assert_int_equal(weir_loop_destroy(flooded.loop), 0);
}
