/* test/unit/sys_call.c - the wrappers that do more than hand on: errors, flags, timeouts. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <weir/error.h>

#include "sys/call.h"
#include "sys/sys.h"

static bool cloexec(int fd)
{
    return fcntl(fd, F_GETFD) == FD_CLOEXEC;
}

TEST(failure_is_a_negative_code)
{
    char byte;

    assert_int_equal(weir__sys_read(-1, &byte, 1), WEIR_EBADF);
    assert_int_equal(weir__sys_recv(-1, &byte, 1, 0), WEIR_EBADF);
    assert_int_equal(weir__sys_close(-1), WEIR_EBADF);
    assert_int_equal(weir__sys_openat(AT_FDCWD, "/no/such/file", O_RDONLY, 0), WEIR_ENOENT);
    assert_int_equal(weir__sys_munmap((void *)1, 1), WEIR_EINVAL);
}

TEST(new_descriptors_are_close_on_exec)
{
    int pair[2], pipes[2], fd;

    assert_int_equal(weir__sys_pipe2(pipes, 0), 0);
    assert_int_equal(weir__sys_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(cloexec(pipes[0]) && cloexec(pipes[1]) && cloexec(pair[0]) && cloexec(pair[1]));
    fd = weir__sys_dup(pair[0]);
    assert_true(fd >= 0 && cloexec(fd));
    weir__sys_close(fd);
    fd = weir__sys_eventfd(0, 0);
    assert_true(fd >= 0 && cloexec(fd));
    weir__sys_close(fd);
    fd = weir__sys_epoll_create1(0);
    assert_true(fd >= 0 && cloexec(fd));
    weir__sys_close(fd);
    fd = weir__sys_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    assert_true(fd >= 0 && cloexec(fd));
    weir__sys_close(fd);
    weir__sys_close(pair[0]);
    weir__sys_close(pair[1]);
    weir__sys_close(pipes[0]);
    weir__sys_close(pipes[1]);
}

TEST(nonblock_is_set_and_cleared)
{
    int fds[2];
    char byte;

    assert_int_equal(weir__sys_pipe2(fds, 0), 0);
    assert_int_equal(weir__sys_set_nonblock(fds[0], true), 0);
    assert_int_equal(weir__sys_set_nonblock(fds[0], true), 0);
    assert_int_equal(weir__sys_read(fds[0], &byte, 1), WEIR_EAGAIN);
    assert_int_equal(weir__sys_set_nonblock(fds[0], false), 0);
    assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    weir__sys_close(fds[0]);
    weir__sys_close(fds[1]);
}

TEST(epoll_wait_is_never_early)
{
    struct epoll_event event;
    int epoll = weir__sys_epoll_create1(0);
    int64_t timeouts[] = {0, 1, 999, 1000000, 1500000, 2000001};
    size_t i;

    assert_true(epoll >= 0);
    for (i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        uint64_t began = weir__now_ns();

        assert_int_equal(weir__sys_epoll_wait(epoll, &event, 1, timeouts[i]), 0);
        assert_true(weir__now_ns() - began >= (uint64_t)timeouts[i]);
    }
    weir__sys_close(epoll);
}

TEST(epoll_wait_for_ever_ends_with_an_event)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = 77}};
    uint64_t one = 1;
    int epoll = weir__sys_epoll_create1(0), fd = weir__sys_eventfd(0, 0);

    assert_int_equal(weir__sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(weir__sys_write(fd, &one, sizeof one), 8);
    memset(&event, 0, sizeof event);
    assert_int_equal(weir__sys_epoll_wait(epoll, &event, 1, -1), 1);
    assert_int_equal(event.data.u32, 77);
    weir__sys_close(fd);
    weir__sys_close(epoll);
}

static void nothing(int number)
{
    (void)number;
}

static void alarm_after_us(int us)
{
    struct sigaction action = {.sa_handler = nothing}; /* without SA_RESTART */
    struct itimerval when = {.it_value = {.tv_usec = us}};

    assert_int_equal(weir__sys_sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &when, NULL), 0);
}

TEST(waits_tell_of_a_signal)
{
    struct epoll_event event;
    int epoll = weir__sys_epoll_create1(0);

    alarm_after_us(2000);
    assert_int_equal(weir__sys_epoll_wait(epoll, &event, 1, 10000000000), WEIR_EINTR);
    weir__sys_close(epoll);
}

struct writer {
    int fd;
};

static void write_later(void *arg)
{
    struct writer *writer = arg;
    struct timespec pause = {.tv_nsec = 20000000};

    nanosleep(&pause, NULL); /* past the signal; if not, the test passes without having tested */
    (void)weir__sys_write(writer->fd, "x", 1);
}

TEST(read_goes_on_after_a_signal)
{
    struct weir__thread thread;
    struct writer writer;
    int fds[2];
    char byte = 0;

    assert_int_equal(weir__sys_pipe2(fds, 0), 0);
    writer.fd = fds[1];
    alarm_after_us(2000);
    assert_int_equal(weir__thread_start(&thread, write_later, &writer, "writer"), 0);
    assert_int_equal(weir__sys_read(fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    weir__thread_join(&thread);
    weir__sys_close(fds[0]);
    weir__sys_close(fds[1]);
}

TEST(openat2_stays_beneath)
{
    int dir = weir__sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
    int fd = weir__sys_openat2(dir, "version", O_RDONLY, 0, WEIR__RESOLVE_BENEATH);

    assert_true(dir >= 0);
    if (fd == WEIR_ENOSYS || fd == WEIR_EPERM) {
        weir__sys_close(dir);
        skip("no openat2 here");
    }
    assert_true(fd >= 0 && cloexec(fd));
    weir__sys_close(fd);
    assert_int_equal(weir__sys_openat2(dir, "../etc/passwd", O_RDONLY, 0, WEIR__RESOLVE_BENEATH),
                     -EXDEV);
    assert_int_equal(weir__sys_openat2(dir, "/etc/passwd", O_RDONLY, 0, WEIR__RESOLVE_BENEATH),
                     -EXDEV);
    weir__sys_close(dir);
}
