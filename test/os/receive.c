/* test/os/receive.c - receives into lent buffers, on the bare loop: single, and those that go on.
 *
 * Each test runs on TCP and on UNIX sockets, and then once more in a thread whose filter forbids
 * rings of buffers, so that io_uring has to do without them.
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weir/loop.h>
#include <weir/time.h>

#include "support/check.h"

/* Nothing here waits longer than this, unless it has failed. */
#define LIMIT_NS WEIR_SECONDS(20)

enum pair_kind {
    PAIR_TCP,
    PAIR_UNIX,
    PAIR_KINDS
};

struct receiver {
    weir_loop *loop;
    weir_fd fd;
    int peer;
    weir_op op;
    bool hold;  /* leaves the buffers in the queue */
    bool ended; /* the last completion has come */
    size_t len;
    int calls;
    unsigned char bytes[1 << 20];
};

static void take(struct receiver *r)
{
    weir_lent lent;

    while (weir_op_received(&r->op, &lent)) {
        if (r->len + lent.len <= sizeof r->bytes)
            memcpy(r->bytes + r->len, lent.bytes, lent.len);
        r->len += lent.len;
        weir_loop_give_back(&lent);
    }
}

static void on_received(weir_op *op)
{
    struct receiver *r = op->context;

    r->calls++;
    r->ended = !(op->flags & WEIR_OP_MORE);
    if (!r->hold)
        take(r);
}

static void make_sockets(enum pair_kind kind, int out[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int listener;

    if (kind == PAIR_UNIX) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) == 0);
        return;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    out[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(out[0], (struct sockaddr *)&address, len) == 0);
    out[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
}

static void submit(struct receiver *r)
{
    weir_op_recv_lent(&r->op, &r->fd, WEIR_OP_MULTISHOT);
    r->op.done = on_received;
    r->op.context = r;
    r->ended = false;
    weir_loop_submit(r->loop, &r->op);
}

static struct receiver *begin(enum pair_kind kind, uint32_t buffers_max)
{
    struct weir_loop_options options = {.buffers_max = buffers_max};
    struct receiver *r = calloc(1, sizeof *r);
    int sockets[2];

    CHECK(weir_loop_create(&r->loop, &options) == 0);
    make_sockets(kind, sockets);
    r->peer = sockets[0];
    weir_fd_init(&r->fd, sockets[1]);
    submit(r);
    CHECK(weir_loop_run(r->loop, WEIR_LOOP_NOWAIT) == 1);
    return r;
}

static void turn(struct receiver *r)
{
    CHECK(weir_loop_run(r->loop, WEIR_LOOP_ONCE) >= 0);
}

static void run_until_len(struct receiver *r, size_t len)
{
    uint64_t end_ns = weir_now_ns() + LIMIT_NS;

    while (r->len < len && !r->ended && weir_now_ns() < end_ns)
        turn(r);
    CHECK(r->len == len);
}

static void run_until_ended(struct receiver *r)
{
    uint64_t end_ns = weir_now_ns() + LIMIT_NS;

    while (!r->ended && weir_now_ns() < end_ns)
        turn(r);
    CHECK(r->ended);
}

static void end(struct receiver *r)
{
    if (!r->ended) {
        weir_loop_cancel(r->loop, &r->op);
        run_until_ended(r);
        CHECK(r->op.result == WEIR_ECANCELED);
    }
    take(r);
    weir_loop_close(r->loop, &r->fd);
    if (r->peer >= 0)
        close(r->peer);
    CHECK(weir_loop_run(r->loop, WEIR_LOOP_DEFAULT) == 0);
    CHECK(weir_loop_destroy(r->loop) == 0);
    free(r);
}

/* ---- the frame: every kind, with and without rings of buffers ---- */

typedef void receive_test(enum pair_kind kind);

static bool forbid_buffer_rings(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_register, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IORING_REGISTER_PBUF_RING, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
           && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void each_kind(receive_test *test)
{
    int kind;

    for (kind = 0; kind < PAIR_KINDS; kind++)
        test((enum pair_kind)kind);
}

static void *without_buffer_rings(void *arg)
{
    if (forbid_buffer_rings()) /* else the run before was the whole test */
        each_kind(*(receive_test **)arg);
    return NULL;
}

static void run(receive_test *test)
{
    pthread_t thread;

    each_kind(test);
    assert_checks();
    if (test_under()[0] == 'q')
        return; /* the emulator has no filters */
    assert_int_equal(pthread_create(&thread, NULL, without_buffer_rings, &test), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_checks();
}

/* ---- the tests ---- */

static void goes_on(enum pair_kind kind)
{
    struct receiver *r = begin(kind, 0);
    size_t i;

    for (i = 0; i < 100; i++) {
        CHECK(write(r->peer, "0123456789", 10) == 10);
        run_until_len(r, 10 * (i + 1));
    }
    CHECK(!r->ended && r->calls >= 100);
    for (i = 0; i < r->len; i++)
        CHECK(r->bytes[i] == '0' + i % 10);
    end(r);
}

TEST(goes_on_by_itself)
{
    run(goes_on);
}

static void tells_the_end(enum pair_kind kind)
{
    int way;

    for (way = 0; way < 3; way++) {
        struct receiver *r = begin(kind, 0);
        struct linger linger = {1, 0};

        CHECK(write(r->peer, "last", 4) == 4);
        if (way == 0) { /* the end comes before the loop has looked */
            CHECK(shutdown(r->peer, SHUT_WR) == 0);
        } else {
            if (way == 1)
                CHECK(setsockopt(r->peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
            close(r->peer);
            r->peer = -1;
        }
        run_until_ended(r);
        if (way != 1 || kind == PAIR_UNIX)
            CHECK(r->op.result == 0);
        else
            CHECK(r->op.result == WEIR_ECONNRESET);
        CHECK(r->len == 4 && memcmp(r->bytes, "last", 4) == 0);
        end(r);
    }
}

TEST(tells_the_end_that_came_with_the_last_bytes)
{
    run(tells_the_end);
}

static void ends_when_nobody_takes(enum pair_kind kind)
{
    struct receiver *r = begin(kind, 0);
    static unsigned char flood[200000];
    size_t i, sent = 0;

    for (i = 0; i < sizeof flood; i++)
        flood[i] = (unsigned char)(i * 7 >> 3);
    r->hold = true;
    while (!r->ended) {
        ssize_t n = send(r->peer, flood + sent, sizeof flood - sent, MSG_DONTWAIT);

        if (n > 0)
            sent += (size_t)n;
        turn(r);
    }
    CHECK(r->op.result == WEIR_ECANCELED);
    CHECK(r->len == 0);
    take(r);
    CHECK(r->len > 0 && r->len <= sent);
    r->hold = false;
    submit(r); /* and goes on where it was */
    while (r->len < sizeof flood && !r->ended) {
        ssize_t n = send(r->peer, flood + sent, sizeof flood - sent, MSG_DONTWAIT);

        if (n > 0)
            sent += (size_t)n;
        turn(r);
        if (r->ended && r->op.result == WEIR_ECANCELED)
            submit(r);
    }
    CHECK(r->len == sizeof flood && memcmp(r->bytes, flood, sizeof flood) == 0);
    end(r);
}

TEST(a_receive_whose_buffers_nobody_takes_ends)
{
    run(ends_when_nobody_takes);
}

static void is_cancelled(enum pair_kind kind)
{
    struct receiver *r = begin(kind, 0);
    int i;

    for (i = 0; i < 100; i++) {
        r->ended = false;
        if (i % 3)
            CHECK(write(r->peer, "x", 1) == 1); /* may come before the end, or after */
        if (i % 2)
            (void)weir_loop_run(r->loop, WEIR_LOOP_NOWAIT);
        weir_loop_cancel(r->loop, &r->op);
        weir_loop_cancel(r->loop, &r->op);
        run_until_ended(r);
        CHECK(r->op.result == WEIR_ECANCELED);
        submit(r);
        if (i % 5 == 0)
            (void)weir_loop_run(r->loop, WEIR_LOOP_NOWAIT);
    }
    run_until_len(r, 66);
    end(r);
}

TEST(a_cancel_ends_it_and_loses_nothing)
{
    run(is_cancelled);
}

enum {
    STARVED = 100
};

static void starves_in_order(enum pair_kind kind)
{
    struct receiver *first = begin(kind, 64), *others[STARVED];
    weir_lent held[64];
    int i, count = 0;
    size_t total = 0;

    for (i = 0; i < STARVED; i++) { /* on the loop of the first, whose group they use up */
        int sockets[2];

        others[i] = calloc(1, sizeof *others[i]);
        others[i]->loop = first->loop;
        others[i]->hold = true;
        make_sockets(kind, sockets);
        others[i]->peer = sockets[0];
        weir_fd_init(&others[i]->fd, sockets[1]);
        submit(others[i]);
        CHECK(write(others[i]->peer, "0123456789", 10) == 10);
    }
    while (count < 64) { /* what comes is kept, first as buffers and then as copies */
        turn(first);
        for (i = 0; i < STARVED && count < 64; i++)
            count += weir_op_received(&others[i]->op, &held[count]) != 0;
    }
    CHECK(write(first->peer, "hello", 5) == 5);
    while (count)
        weir_loop_give_back(&held[--count]);
    run_until_len(first, 5);
    for (i = 0; i < STARVED; i++) {
        others[i]->hold = false;
        take(others[i]);
        total += others[i]->len;
    }
    CHECK(total <= 36 * 10);
    for (i = 0; i < STARVED; i++) {
        weir_loop_cancel(first->loop, &others[i]->op);
        run_until_ended(others[i]);
        take(others[i]);
        weir_loop_close(first->loop, &others[i]->fd);
        close(others[i]->peer);
        free(others[i]);
    }
    end(first);
}

TEST(receives_that_find_no_buffer_wait_for_one)
{
    run(starves_in_order);
}
