/* test/support/loop.h - what the tests of the bare loop share. On the main thread of a test. */
#ifndef WEIR_TEST_SUPPORT_LOOP_H
#define WEIR_TEST_SUPPORT_LOOP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <weir/loop.h>
#include <weir/time.h>

#include "test.h"

/* What an operation's callback has seen. */
struct seen {
    int count, last;
    uint64_t at_ns;
};

static inline void note(weir_op *op)
{
    struct seen *seen = op->context;

    seen->count++;
    seen->last = op->result;
    seen->at_ns = weir_now_ns();
}

static inline weir_op noting(struct seen *seen)
{
    return (weir_op){.done = note, .context = seen};
}

static inline weir_loop *make_loop(void)
{
    weir_loop *loop = NULL;

    assert_int_equal(weir_loop_create(&loop, NULL), 0);
    return loop;
}

static inline void make_pair(weir_fd *a, weir_fd *b)
{
    int numbers[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers), 0);
    weir_fd_init(a, numbers[0]);
    weir_fd_init(b, numbers[1]);
}

static inline int listen_tcp(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

/* A message, and the thread that posts it. */
struct posting {
    weir_post post;
    weir_loop *loop;
    int delivered;
    weir_op *cancel;
};

static inline void deliver(weir_post *post, weir_loop *loop)
{
    struct posting *posting = (struct posting *)(void *)post;

    posting->delivered++;
    if (posting->cancel)
        weir_loop_cancel(loop, posting->cancel);
}

static inline void *post_from_thread(void *arg)
{
    struct posting *posting = arg;

    weir_loop_post(posting->loop, &posting->post);
    return NULL;
}

#endif
