/* test/os/loop.c - the bare loop: operations, cancels, timers, posts and run modes. */
#include "test.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <weir/loop.h>
#include <weir/time.h>

#include "support/loop.h"

TEST(backend_is_the_one_that_was_asked_for)
{
    const char *wanted = getenv("WEIR_BACKEND");
    weir_loop *loop = make_loop();

    if (wanted)
        assert_string_equal(weir_loop_backend(loop), wanted);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(time_of_the_turn_stands_still_within_it)
{
    weir_loop *loop = make_loop();
    uint64_t made_ns = weir_loop_now_ns(loop);
    struct seen seen = {0};
    weir_op op = noting(&seen);
    uint64_t due_ns = made_ns + WEIR_MILLISECONDS(5);

    assert_true(made_ns <= weir_now_ns());
    while (weir_now_ns() == made_ns)
        ;
    assert_int_equal(weir_loop_now_ns(loop), made_ns); /* no turn, no other time */
    weir_op_timer(&op, due_ns);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_true(weir_loop_now_ns(loop) >= due_ns);
    assert_true(weir_loop_now_ns(loop) <= seen.at_ns);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(wrong_options_are_refused)
{
    struct weir_loop_options options = {.buffers_max = 16385};
    weir_loop *loop = NULL;

    assert_int_equal(weir_loop_create(&loop, &options), WEIR_EOPTION);
    options = (struct weir_loop_options){.backend = 77};
    assert_int_equal(weir_loop_create(&loop, &options), WEIR_EOPTION);
    assert_null(loop);
}

TEST(nop_completes_in_the_run_and_not_in_the_submit)
{
    weir_loop *loop = make_loop();
    struct seen seen = {0};
    weir_op op = noting(&seen);

    weir_op_nop(&op);
    weir_loop_submit(loop, &op);
    assert_int_equal(seen.count, 0);
    assert_int_equal(weir_loop_destroy(loop), WEIR_EBUSY);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

static int order[64], ordered;

static void note_order(weir_op *op)
{
    order[ordered++] = (int)(intptr_t)op->context;
}

TEST(timers_fire_in_order_and_never_early)
{
    weir_loop *loop = make_loop();
    weir_op ops[20];
    uint64_t now = weir_now_ns();
    int i;

    ordered = 0;
    for (i = 0; i < 20; i++) {
        ops[i] = (weir_op){.done = note_order, .context = (void *)(intptr_t)i};
        weir_op_timer(&ops[i], now + (uint64_t)((i * 7) % 20) * 2000000);
        weir_loop_submit(loop, &ops[i]);
    }
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_true(weir_now_ns() >= now + 38000000);
    assert_int_equal(ordered, 20);
    for (i = 1; i < 20; i++)
        assert_true((order[i] * 7) % 20 > (order[i - 1] * 7) % 20);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(timer_is_cancelled_and_a_late_cancel_does_nothing)
{
    weir_loop *loop = make_loop();
    struct seen seen = {0};
    weir_op op = noting(&seen);

    weir_op_timer(&op, UINT64_MAX);
    weir_loop_submit(loop, &op);
    weir_loop_cancel(loop, &op);
    weir_loop_cancel(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last, WEIR_ECANCELED);
    weir_loop_cancel(loop, &op);
    weir_op_timer(&op, 0);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(seen.last, 0);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(bytes_move_by_each_kind_of_operation)
{
    weir_loop *loop = make_loop();
    weir_fd a, b;
    struct seen got = {0}, sent = {0};
    weir_op in = noting(&got), out = noting(&sent);
    char bytes[16];
    struct iovec parts[2] = {{"ab", 2}, {"cde", 3}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    make_pair(&a, &b);
    weir_op_recv(&in, &a, bytes, sizeof bytes);
    weir_loop_submit(loop, &in);
    weir_op_send(&out, &b, "hello", 5, 0);
    weir_loop_submit(loop, &out);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(sent.last, 5);
    assert_int_equal(got.last, 5);
    weir_op_sendmsg(&out, &b, &message);
    weir_loop_submit(loop, &out);
    weir_op_recv_lent(&in, &a, 0);
    weir_loop_submit(loop, &in);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(sent.last, 5);
    assert_int_equal(got.last, 5);
    assert_memory_equal(in.u.lent.bytes, "abcde", 5);
    weir_loop_give_back(&in.u.lent);
    weir_op_poll(&in, &a, POLLIN);
    weir_loop_submit(loop, &in);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
    assert_int_equal(got.count, 2);
    weir_op_poll(&out, &b, POLLOUT);
    weir_loop_submit(loop, &out);
    weir_loop_close(loop, &b);
    b.number = -1;
    (void)weir_loop_run(loop, WEIR_LOOP_NOWAIT);
    weir_loop_cancel(loop, &in);
    weir_loop_cancel(loop, &out);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    weir_loop_close(loop, &a);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(poll_takes_any_descriptor_and_tells_of_a_hang_up)
{
    weir_loop *loop = make_loop();
    struct seen seen = {0};
    weir_op op = noting(&seen);
    weir_fd file, ends[2];
    int pipes[2];

    weir_fd_init(&file, open("/dev/null", O_RDWR | O_CLOEXEC));
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    weir_fd_init(&ends[0], pipes[0]);
    weir_fd_init(&ends[1], pipes[1]);
    weir_op_poll(&op, &file, POLLIN);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_true(seen.last & POLLIN);
    weir_op_poll(&op, &ends[0], POLLIN);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
    assert_int_equal(close(pipes[1]), 0);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_true(seen.last & POLLHUP);
    weir_loop_close(loop, &file);
    weir_loop_close(loop, &ends[0]);
    weir_loop_close(loop, &ends[0]); /* does nothing */
    assert_int_equal(ends[0].number, -1);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(cancel_ends_reads_polls_and_accepts)
{
    weir_loop *loop = make_loop();
    struct sockaddr_in address;
    weir_fd a, b, listener;
    struct seen seen[4] = {{0}};
    weir_op ops[4];
    char byte;
    int i, round;

    make_pair(&a, &b);
    weir_fd_init(&listener, listen_tcp(&address));
    for (i = 0; i < 4; i++)
        ops[i] = noting(&seen[i]);
    for (round = 0; round < 20; round++) {
        memset(seen, 0, sizeof seen);
        weir_op_recv(&ops[0], &a, &byte, 1);
        weir_op_recv_lent(&ops[1], &b, 0);
        weir_op_accept(&ops[2], &listener, round % 2 ? WEIR_OP_MULTISHOT : 0);
        weir_op_timer(&ops[3], UINT64_MAX);
        for (i = 0; i < 4; i++)
            weir_loop_submit(loop, &ops[i]);
        if (round % 3)
            assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
        for (i = 0; i < 4; i++)
            weir_loop_cancel(loop, &ops[i]);
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
        for (i = 0; i < 4; i++) {
            assert_int_equal(seen[i].count, 1);
            assert_int_equal(seen[i].last, WEIR_ECANCELED);
        }
    }
    weir_loop_close(loop, &a);
    weir_loop_close(loop, &b);
    weir_loop_close(loop, &listener);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(late_cancel_does_not_hit_the_next_operation)
{
    weir_loop *loop = make_loop();
    weir_fd a, b;
    struct seen seen = {0};
    weir_op op = noting(&seen);
    char byte = 'x';
    int i;

    make_pair(&a, &b);
    for (i = 0; i < 50; i++) {
        seen = (struct seen){0};
        weir_op_recv(&op, &a, &byte, 1);
        weir_loop_submit(loop, &op);
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
        assert_int_equal(write(b.number, "y", 1), 1);
        weir_loop_cancel(loop, &op); /* the byte may win, or the cancel */
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
        assert_int_equal(seen.count, 1);
        assert_true(seen.last == 1 || seen.last == WEIR_ECANCELED);
        weir_loop_cancel(loop, &op);
        if (seen.last == 1)
            assert_int_equal(write(b.number, "z", 1), 1);
        weir_op_recv(&op, &a, &byte, 1);
        weir_loop_submit(loop, &op);
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
        assert_int_equal(seen.last, 1);
    }
    weir_loop_close(loop, &a);
    weir_loop_close(loop, &b);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

struct server {
    int accepted[40], count, ended;
    weir_loop *loop;
};

static void take(weir_op *op)
{
    struct server *server = op->context;

    if (op->result >= 0)
        server->accepted[server->count++] = op->result;
    if (!(op->flags & WEIR_OP_MORE))
        server->ended = op->result;
    else if (server->count == 40)
        weir_loop_cancel(server->loop, op);
}

TEST(multishot_accept_gives_all_connections)
{
    struct server server = {.loop = make_loop()};
    struct sockaddr_in address;
    struct seen seen[40] = {{0}};
    weir_fd listener, clients[40];
    weir_op accept_op = {.done = take, .context = &server}, ops[40];
    int i;

    weir_fd_init(&listener, listen_tcp(&address));
    weir_op_accept(&accept_op, &listener, WEIR_OP_MULTISHOT);
    weir_loop_submit(server.loop, &accept_op);
    for (i = 0; i < 40; i++) {
        ops[i] = noting(&seen[i]);
        weir_fd_init(&clients[i], socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        weir_op_connect(&ops[i], &clients[i], (struct sockaddr *)&address, sizeof address);
        weir_loop_submit(server.loop, &ops[i]);
    }
    assert_int_equal(weir_loop_run(server.loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(server.count, 40);
    assert_int_equal(server.ended, WEIR_ECANCELED);
    for (i = 0; i < 40; i++) {
        assert_int_equal(seen[i].last, 0);
        weir_loop_close(server.loop, &clients[i]);
        close(server.accepted[i]);
    }
    weir_loop_close(server.loop, &listener);
    weir_op_connect(&ops[0], &clients[0], (struct sockaddr *)&address, sizeof address);
    weir_fd_init(&clients[0], socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    weir_loop_submit(server.loop, &ops[0]);
    (void)weir_loop_run(server.loop, WEIR_LOOP_DEFAULT);
    assert_int_equal(seen[0].last, WEIR_ECONNREFUSED);
    weir_loop_close(server.loop, &clients[0]);
    assert_int_equal(weir_loop_destroy(server.loop), 0);
}

struct shots {
    int accepted;
    bool ended, late; /* late: a completion came after the last one */
};

static void note_shot(weir_op *op)
{
    struct shots *shots = op->context;

    shots->late |= shots->ended;
    shots->ended = !(op->flags & WEIR_OP_MORE);
    if (op->result >= 0) {
        shots->accepted++;
        close(op->result);
    }
}

/* Where descriptors are watched, a second accept on the same one takes what is there and then
 * fails; where the kernel accepts, both wait. */
TEST(last_completion_of_a_multishot_accept_comes_last)
{
    weir_loop *loop = make_loop();
    struct sockaddr_in address;
    struct shots shots[2] = {{0}};
    weir_fd fds[2];
    weir_op ops[2];
    int i, client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), listener = listen_tcp(&address);

    for (i = 0; i < 2; i++) {
        weir_fd_init(&fds[i], listener);
        ops[i] = (weir_op){.done = note_shot, .context = &shots[i]};
        weir_op_accept(&ops[i], &fds[i], WEIR_OP_MULTISHOT);
        weir_loop_submit(loop, &ops[i]);
        if (i == 0) {
            assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
            assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
        }
    }
    while (shots[0].accepted + shots[1].accepted == 0)
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_ONCE), 1);
    for (i = 0; i < 2; i++)
        weir_loop_cancel(loop, &ops[i]);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    for (i = 0; i < 2; i++) {
        assert_true(shots[i].ended && !shots[i].late);
        weir_loop_forget(loop, &fds[i]);
    }
    assert_int_equal(shots[0].accepted + shots[1].accepted, 1);
    close(client);
    close(listener);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

struct repeated {
    struct seen seen;
    weir_loop *loop;
    int left;
};

static void submit_again(weir_op *op)
{
    struct repeated *repeated = op->context;

    repeated->seen.count++;
    repeated->seen.last = op->result;
    if (--repeated->left > 0)
        weir_loop_submit(repeated->loop, op);
}

TEST(send_that_is_submitted_again_sends_again)
{
    struct repeated repeated = {.loop = make_loop()};
    weir_op op = {.done = submit_again, .context = &repeated};
    weir_fd a, b;
    char in[64];
    int whole;

    make_pair(&a, &b);
    for (whole = 0; whole < 2; whole++) {
        repeated.left = 3;
        weir_op_send(&op, &a, "hello", 5, whole ? WEIR_OP_WHOLE : 0);
        weir_loop_submit(repeated.loop, &op);
        assert_int_equal(weir_loop_run(repeated.loop, WEIR_LOOP_DEFAULT), 0);
        assert_int_equal(repeated.seen.last, 5);
        assert_int_equal(recv(b.number, in, sizeof in, MSG_DONTWAIT), 15);
        assert_memory_equal(in, "hellohellohello", 15);
    }
    weir_loop_close(repeated.loop, &b);
    (void)weir_loop_run(repeated.loop, WEIR_LOOP_NOWAIT); /* sends the close */
    weir_loop_submit(repeated.loop, &op);
    assert_int_equal(weir_loop_run(repeated.loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(repeated.seen.last, WEIR_EPIPE);
    weir_loop_close(repeated.loop, &a);
    assert_int_equal(weir_loop_destroy(repeated.loop), 0);
}

TEST(connect_that_is_submitted_again_connects)
{
    weir_loop *loop = make_loop();
    struct sockaddr_un address = {.sun_family = AF_UNIX}, peer;
    socklen_t len = sizeof peer;
    struct seen seen = {0};
    weir_op op = noting(&seen);
    weir_fd fd;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "weir-test-loop-%d", (int)getpid());
    weir_fd_init(&fd, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    weir_op_connect(&op, &fd, (struct sockaddr *)&address, sizeof address);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(seen.last, WEIR_ECONNREFUSED);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(seen.last, 0);
    assert_int_equal(getpeername(fd.number, (struct sockaddr *)&peer, &len), 0);
    weir_loop_close(loop, &fd);
    close(listener);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

/* A UNIX listener whose backlog is full, so that a connect of a blocking descriptor would block. */
static void fill_backlog(struct sockaddr_un *address, int fds[3])
{
    int i;

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "weir-test-full-%d",
             (int)getpid());
    fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fds[0], (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(listen(fds[0], 0), 0);
    for (i = 1; i < 3; i++)
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fds[1], (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(connect(fds[2], (struct sockaddr *)address, sizeof *address), -1);
}

static void stop_loop(weir_op *op)
{
    weir_loop_stop(op->context);
}

/* io_uring tries such a connect over and over, and then blocks a thread of the kernel, which a
 * cancel interrupts: EINTR is the kernel's word and not weir's. Both are met here; nothing depends
 * on which. Where descriptors are watched such a connect fails at once. */
TEST(connect_that_would_block_blocks_nobody_and_is_cancelled)
{
    weir_loop *loop = make_loop();
    struct sockaddr_un address;
    struct seen seen = {0}, other = {0};
    weir_op op = noting(&seen), nop = noting(&other), timer = {.done = stop_loop, .context = loop};
    weir_fd fd;
    int fds[3], i;

    fill_backlog(&address, fds);
    for (i = 0; i < 21; i++) {
        seen = other = (struct seen){0};
        weir_fd_init(&fd, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        weir_op_connect(&op, &fd, (struct sockaddr *)&address, sizeof address);
        weir_loop_submit(loop, &op);
        weir_op_nop(&nop);
        weir_loop_submit(loop, &nop);
        while (!other.count)
            assert_true(weir_loop_run(loop, WEIR_LOOP_NOWAIT) >= 0);
        if (i % 3 == 1) {
            (void)weir_loop_run(loop, WEIR_LOOP_NOWAIT);
        } else if (i % 3 == 2) {
            weir_op_timer(&timer, weir_now_ns() + 5000000);
            weir_loop_submit(loop, &timer);
            (void)weir_loop_run(loop, WEIR_LOOP_DEFAULT);
        }
        weir_loop_cancel(loop, &op);
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
        assert_int_equal(seen.count, 1);
        assert_true(seen.last == WEIR_ECANCELED || seen.last == WEIR_EAGAIN);
        weir_loop_close(loop, &fd);
    }
    for (i = 0; i < 3; i++)
        close(fds[i]);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

/* Readiness is told, and then another one takes the connection. */
TEST(accept_whose_connection_is_taken_away_goes_on_waiting)
{
    weir_loop *loop = make_loop();
    struct sockaddr_in address;
    struct seen seen = {0};
    weir_op op = noting(&seen);
    weir_fd fd;
    int i, listener = listen_tcp(&address), clients[3];

    assert_int_equal(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    weir_fd_init(&fd, listener);
    weir_op_accept(&op, &fd, 0);
    weir_loop_submit(loop, &op);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
    for (i = 0; i < 3; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
        if (i < 2) {
            close(accept(listener, NULL, NULL));
            assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
        }
    }
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_true(seen.count == 1 && seen.last >= 0);
    close(seen.last);
    for (i = 0; i < 3; i++)
        close(clients[i]);
    weir_loop_close(loop, &fd);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

/* ---- again and again from its own callback ---- */

static void note_and_submit(weir_op *op)
{
    struct repeated *repeated = op->context;

    assert_false(op->flags & WEIR_OP_MORE);
    repeated->seen.count++;
    repeated->seen.last = op->result;
    if (op->kind == WEIR_OP_RECV_LENT)
        weir_loop_give_back(&op->u.lent);
    if (op->kind == WEIR_OP_ACCEPT)
        close(op->result);
    if (--repeated->left > 0)
        weir_loop_submit(repeated->loop, op);
}

static void run_repeated(struct repeated *repeated, weir_op *op, int result)
{
    repeated->seen = (struct seen){0};
    repeated->left = 5;
    weir_loop_submit(repeated->loop, op);
    assert_int_equal(weir_loop_run(repeated->loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(repeated->seen.count, 5);
    if (result >= 0)
        assert_int_equal(repeated->seen.last, result);
    else
        assert_true(repeated->seen.last >= 0);
}

TEST(operation_of_any_kind_is_submitted_again_by_its_callback)
{
    struct repeated repeated = {.loop = make_loop()};
    weir_op op = {.done = note_and_submit, .context = &repeated};
    struct iovec part = {"abc", 3};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct sockaddr_in address;
    char path[] = "/tmp/weir-test-XXXXXX", in[64];
    weir_fd a, b, listener;
    int i, clients[5], file = mkstemp(path);

    unlink(path);
    assert_int_equal(write(file, "0123456789", 10), 10);
    make_pair(&a, &b);
    weir_op_nop(&op);
    run_repeated(&repeated, &op, 0);
    weir_op_timer(&op, weir_now_ns());
    run_repeated(&repeated, &op, 0);
    weir_op_poll(&op, &a, POLLOUT);
    run_repeated(&repeated, &op, POLLOUT);
    assert_int_equal(write(b.number, "0123456789", 10), 10);
    weir_op_recv(&op, &a, in, 2);
    run_repeated(&repeated, &op, 2);
    assert_memory_equal(in, "89", 2);
    weir_op_sendmsg(&op, &a, &message);
    run_repeated(&repeated, &op, 3);
    weir_op_sendfile(&op, &a, file, 4, 2);
    run_repeated(&repeated, &op, 2);
    assert_int_equal(recv(b.number, in, sizeof in, MSG_DONTWAIT), 25);
    assert_memory_equal(in, "abcabcabcabcabc4545454545", 25);
    assert_int_equal(shutdown(b.number, SHUT_WR), 0);
    weir_op_recv_lent(&op, &a, 0); /* the end again and again */
    run_repeated(&repeated, &op, 0);
    weir_fd_init(&listener, listen_tcp(&address));
    for (i = 0; i < 5; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
    }
    weir_op_accept(&op, &listener, 0);
    run_repeated(&repeated, &op, -1);
    for (i = 0; i < 5; i++)
        close(clients[i]);
    weir_loop_close(repeated.loop, &a);
    weir_loop_close(repeated.loop, &b);
    weir_loop_close(repeated.loop, &listener);
    close(file);
    assert_int_equal(weir_loop_destroy(repeated.loop), 0);
}

/* ---- lent buffers and files ---- */

TEST(lent_buffers_run_out_without_stopping_anybody)
{
    enum {
        PAIRS = 100
    };
    struct weir_loop_options options = {.buffers_max = 64};
    weir_loop *loop = NULL;
    static weir_fd a[PAIRS], b[PAIRS];
    static weir_op ops[PAIRS];
    static struct seen seen[PAIRS];
    int i, round;

    assert_int_equal(weir_loop_create(&loop, &options), 0);
    for (i = 0; i < PAIRS; i++) {
        make_pair(&a[i], &b[i]);
        ops[i] = noting(&seen[i]);
    }
    for (round = 0; round < 3; round++) {
        for (i = 0; i < PAIRS; i++) {
            assert_int_equal(write(b[i].number, "0123456789", 10), 10);
            weir_op_recv_lent(&ops[i], &a[i], 0);
            weir_loop_submit(loop, &ops[i]);
        }
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
        for (i = 0; i < PAIRS; i++) {
            assert_int_equal(seen[i].last, 10);
            assert_memory_equal(ops[i].u.lent.bytes, "0123456789", 10);
        }
        for (i = 0; i < PAIRS; i++)
            weir_loop_give_back(&ops[i].u.lent);
    }
    for (i = 0; i < PAIRS; i++) {
        weir_loop_close(loop, &a[i]);
        weir_loop_close(loop, &b[i]);
    }
    assert_int_equal(weir_loop_destroy(loop), 0);
}

TEST(send_file_and_whole_sends)
{
    enum {
        LEN = 1 << 20
    };
    weir_loop *loop = make_loop();
    weir_fd a, b;
    struct seen got = {0}, sent = {0};
    weir_op in = noting(&got), out = noting(&sent);
    char path[] = "/tmp/weir-test-XXXXXX", *bytes = calloc(1, LEN);
    int file = mkstemp(path), total = 0;

    unlink(path);
    make_pair(&a, &b);
    assert_int_equal(write(file, "0123456789", 10), 10);
    weir_op_sendfile(&out, &b, file, 3, 100);
    weir_loop_submit(loop, &out);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(sent.last, 7);
    weir_op_sendfile(&out, &b, file, 10, 100);
    weir_loop_submit(loop, &out);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(sent.last, 0);
    weir_op_send(&out, &b, bytes, LEN, WEIR_OP_WHOLE);
    weir_loop_submit(loop, &out);
    while (total < LEN + 7) {
        weir_op_recv_lent(&in, &a, 0);
        weir_loop_submit(loop, &in);
        got.count = 0;
        while (!got.count)
            assert_true(weir_loop_run(loop, WEIR_LOOP_ONCE) >= 0);
        assert_true(got.last > 0);
        total += got.last;
        weir_loop_give_back(&in.u.lent);
    }
    (void)weir_loop_run(loop, WEIR_LOOP_DEFAULT);
    assert_int_equal(sent.last, LEN);
    weir_loop_close(loop, &a);
    weir_loop_close(loop, &b);
    close(file);
    free(bytes);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

/* ---- posts and stops ---- */

TEST(post_of_another_thread_wakes_the_loop)
{
    weir_loop *loop = make_loop();
    struct seen seen = {0};
    weir_op op = noting(&seen);
    int i;

    for (i = 0; i < 50; i++) {
        struct posting posting = {{NULL, deliver}, loop, 0, &op};
        pthread_t thread;

        weir_op_timer(&op, UINT64_MAX);
        weir_loop_submit(loop, &op);
        assert_int_equal(pthread_create(&thread, NULL, post_from_thread, &posting), 0);
        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
        pthread_join(thread, NULL);
        assert_int_equal(posting.delivered, 1);
        assert_int_equal(seen.last, WEIR_ECANCELED);
    }
    assert_int_equal(weir_loop_destroy(loop), 0);
}

static void stop(weir_op *op)
{
    assert_int_equal(weir_loop_run(op->context, WEIR_LOOP_NOWAIT), WEIR_EBUSY);
    weir_loop_stop(op->context);
}

TEST(stop_ends_the_run_and_silent_operations_do_not_hold_it)
{
    weir_loop *loop = make_loop();
    struct seen seen = {0};
    weir_op timer = noting(&seen), stopper = {.done = stop, .context = loop};

    weir_op_timer(&timer, UINT64_MAX);
    weir_loop_submit(loop, &timer);
    weir_op_nop(&stopper);
    weir_loop_submit(loop, &stopper);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 1);
    weir_loop_cancel(loop, &timer);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    weir_op_timer(&timer, UINT64_MAX);
    timer.flags |= WEIR_OP_SILENT;
    weir_loop_submit(loop, &timer);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_DEFAULT), 0);
    weir_loop_cancel(loop, &timer);
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(weir_loop_destroy(loop), 0);
}

/* ---- life ---- */

/* Registers a ring of its own for the thread, which has 16 places: the kernel's answer. */
static long register_ring(void)
{
    struct io_uring_params params = {0};
    struct io_uring_rsrc_update update = {.offset = UINT32_MAX};
    long rc, ring = syscall(__NR_io_uring_setup, 4, &params);

    if (ring < 0)
        skip("no io_uring here");
    update.data = (uint64_t)ring;
    rc = syscall(__NR_io_uring_register, ring, IORING_REGISTER_RING_FDS, &update, 1);
    if (rc == 1)
        (void)syscall(__NR_io_uring_register, ring, IORING_UNREGISTER_RING_FDS, &update, 1);
    close((int)ring);
    return rc;
}

TEST(loops_that_are_gone_leave_no_ring_with_their_thread)
{
    int i;

    for (i = 0; i < 40; i++) {
        weir_loop *loop = make_loop();

        assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 0);
        assert_int_equal(weir_loop_destroy(loop), 0);
    }
    assert_int_equal(register_ring(), 1);
}
