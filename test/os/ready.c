/* test/os/ready.c - waiting for foreign descriptors. */
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

static int wait_limited(int fd, uint32_t events, int64_t limit_ns)
{
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, limit_ns) == 0);
    rc = weir_ready_wait(fd, events);
    (void)weir_block_end(&block);
    return rc;
}

static int levels(void *arg)
{
    int fds[2];
    char byte;

    (void)arg;
    CHECK(pipe2(fds, O_CLOEXEC) == 0); /* in blocking mode, and stays so */
    CHECK(weir_ready_now(fds[0], WEIR_READY_READ) == 0);
    CHECK(wait_limited(fds[0], WEIR_READY_READ, WEIR_MILLISECONDS(2)) == WEIR_EDEADLINE);
    CHECK(weir_ready_wait(fds[1], WEIR_READY_WRITE) == WEIR_READY_WRITE);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK(weir_ready_wait(fds[0], WEIR_READY_READ) == WEIR_READY_READ);
    CHECK(weir_ready_wait(fds[0], WEIR_READY_READ) == WEIR_READY_READ); /* it is still so */
    CHECK(weir_ready_now(fds[0], WEIR_READY_READ) == WEIR_READY_READ);
    CHECK(read(fds[0], &byte, 1) == 1);
    CHECK(wait_limited(fds[0], WEIR_READY_READ, WEIR_MILLISECONDS(2)) == WEIR_EDEADLINE);
    close(fds[1]);
    CHECK(weir_ready_wait(fds[0], 0) == WEIR_READY_HANGUP);
    CHECK((fcntl(fds[0], F_GETFL) & O_NONBLOCK) == 0);
    close(fds[0]);
    CHECK(weir_ready_wait(fds[0], WEIR_READY_READ) == WEIR_EBADF);
    CHECK(weir_ready_wait(0, 1u << 10) == WEIR_EINVAL);
    CHECK(weir_ready_now(0, WEIR_READY_ERROR) == WEIR_EINVAL);
    return 0;
}

TEST(readiness_is_told_as_long_as_it_is)
{
    assert_int_equal(weir_ready_wait(0, WEIR_READY_READ), WEIR_ENOTASK);
    assert_int_equal(run_with(levels, NULL, 1), 0);
}

struct waiting {
    int fd, waits, rc[4];
};

struct one {
    struct waiting *waiting;
    int number;
    uint32_t events;
};

static int wait_for(void *arg)
{
    struct one *one = arg;

    ADD(one->waiting->waits, 1);
    one->waiting->rc[one->number] = weir_ready_wait(one->waiting->fd, one->events);
    return 0;
}

static int wait_together(void *arg)
{
    const bool cancel = arg;
    struct waiting waiting = {.fd = eventfd(0, EFD_CLOEXEC)};
    struct one ones[4];
    weir_scope scope;
    uint64_t one = 1;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 4; i++) {
        ones[i] = (struct one){&waiting, i, WEIR_READY_READ};
        CHECK(weir_spawn(&scope, wait_for, &ones[i]) == 0);
    }
    YIELD_UNTIL(SEE(waiting.waits) == 4);
    CHECK(weir_sleep(WEIR_MILLISECONDS(3)) == 0);
    if (cancel)
        weir_scope_cancel(&scope);
    else
        CHECK(write(waiting.fd, &one, sizeof one) == sizeof one);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < 4; i++)
        CHECK(waiting.rc[i] == (cancel ? WEIR_ECANCELED : WEIR_READY_READ));
    close(waiting.fd);
    return 0;
}

TEST(many_wait_for_one_descriptor)
{
    char cancel;

    assert_int_equal(run_with(wait_together, NULL, 1), 0);
    assert_int_equal(run_with(wait_together, NULL, 3), 0);
    assert_int_equal(run_with(wait_together, &cancel, 1), 0);
    assert_int_equal(run_with(wait_together, &cancel, 3), 0);
}

static int of_all_kinds(void *arg)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fds[2], other[2];
    char byte;

    (void)arg;
    CHECK(weir_ready_wait(file, WEIR_READY_READ) == WEIR_READY_READ); /* always */
    close(file);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(weir_ready_wait(fds[0], WEIR_READY_READ | WEIR_READY_WRITE) == WEIR_READY_WRITE);
    CHECK(send(fds[1], "x", 1, 0) == 1);
    CHECK(weir_ready_wait(fds[0], WEIR_READY_READ | WEIR_READY_WRITE)
          == (WEIR_READY_READ | WEIR_READY_WRITE));
    CHECK(recv(fds[0], &byte, 1, 0) == 1);
    /* a number that is used again, by another file */
    CHECK(wait_limited(fds[0], WEIR_READY_READ, WEIR_MILLISECONDS(1)) == WEIR_EDEADLINE);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other) == 0);
    CHECK(dup3(other[0], fds[0], O_CLOEXEC) == fds[0]);
    CHECK(send(other[1], "y", 1, 0) == 1);
    CHECK(weir_ready_wait(fds[0], WEIR_READY_READ) == WEIR_READY_READ);
    close(fds[0]);
    close(fds[1]);
    close(other[0]);
    close(other[1]);
    return 0;
}

TEST(files_sockets_and_numbers_that_are_used_again)
{
    assert_int_equal(run_with(of_all_kinds, NULL, 1), 0);
}
