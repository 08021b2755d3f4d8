/* test/os/embed.c - a loop inside a foreign one: its descriptor says when it has work. */
#include "test.h"

#include <poll.h>
#include <pthread.h>
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
    assert_int_equal(weir_loop_run(loop, WEIR_LOOP_NOWAIT), 1);
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
