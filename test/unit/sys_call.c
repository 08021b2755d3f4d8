/* test/unit/sys_call.c - the wrappers that do more than hand on: errors, flags, timeouts. */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
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

/* ---- signals ---- */

static int wake_fd, ticks_left; /* of the handler: it writes a byte at its last tick */

static void tick(int number)
{
    int saved = errno;

    (void)number;
    if (ticks_left > 0 && --ticks_left == 0)
        (void)weir__sys_write(wake_fd, "x", 1);
    errno = saved;
}

/* A signal every two milliseconds: one that comes before the call under test is not the last. */
static void ticks_start(int count, int fd)
{
    struct sigaction action = {.sa_handler = tick}; /* without SA_RESTART */
    struct itimerval every = {.it_interval = {.tv_usec = 2000}, .it_value = {.tv_usec = 2000}};

    ticks_left = count;
    wake_fd = fd;
    assert_int_equal(weir__sys_sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void ticks_stop(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    struct itimerval never = {.it_value = {.tv_usec = 0}};

    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(weir__sys_sigaction(SIGALRM, &action, NULL), 0);
}

TEST(waits_tell_of_a_signal)
{
    struct epoll_event event;
    int epoll = weir__sys_epoll_create1(0);

    ticks_start(0, -1);
    assert_int_equal(weir__sys_epoll_wait(epoll, &event, 1, -1), WEIR_EINTR);
    ticks_stop();
    weir__sys_close(epoll);
}

TEST(read_goes_on_after_a_signal)
{
    int fds[2];
    char byte = 0;

    assert_int_equal(weir__sys_pipe2(fds, 0), 0);
    ticks_start(20, fds[1]);
    assert_int_equal(weir__sys_read(fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(ticks_left, 0);
    ticks_stop();
    weir__sys_close(fds[0]);
    weir__sys_close(fds[1]);
}

/* ---- sendfile ---- */

static int pipe_signals;

static void count_pipe_signal(int number)
{
    (void)number;
    pipe_signals++;
}

struct leaving {
    int socket, peer;
};

/* Leaves when the socket is full: the sender waits then, in the middle of its call. A reset behind
 * the end of the peer's own direction is EPIPE. */
static void leave(void *arg)
{
    struct leaving *leaving = arg;
    struct pollfd room = {.fd = leaving->socket, .events = POLLOUT};

    while (weir__sys_poll(&room, 1, 0) != 0)
        (void)sched_yield();
    (void)weir__sys_shutdown(leaving->peer, SHUT_WR);
    weir__sys_close(leaving->peer);
}

static void connect_tcp(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&address, len), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fds[1] >= 0);
    close(listener);
}

static bool pipe_signal_blocked(void)
{
    sigset_t set;

    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, SIGPIPE);
}

enum {
    FILE_LEN = 8 << 20,
    STEP = 8 << 10
};

/* One call, whose peer leaves while it waits; the socket's buffer decides where. */
static void send_to_who_leaves(int file, int buffer)
{
    struct weir__thread thread = {0};
    struct leaving leaving;
    int fds[2], rc;
    off_t offset = 0;

    connect_tcp(fds);
    assert_int_equal(weir__sys_setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer),
                     0);
    leaving = (struct leaving){fds[0], fds[1]};
    assert_int_equal(weir__thread_start(&thread, leave, &leaving, "leaving"), 0);
    rc = weir__sys_sendfile(fds[0], file, &offset, FILE_LEN);
    weir__thread_join(&thread);
    assert_true(rc > 0 && rc < FILE_LEN);
    assert_int_equal(weir__sys_sendfile(fds[0], file, &offset, FILE_LEN), WEIR_EPIPE);
    weir__sys_close(fds[0]);
}

/* The kernel moves a file in pieces. Where it waits at the beginning of one, the call returns the
 * count of the pieces before, and behind it comes the signal. */
TEST(sendfile_raises_no_signal_when_the_peer_leaves_in_the_middle)
{
    struct sigaction action = {.sa_handler = count_pipe_signal}, before;
    char path[] = "/tmp/weir-test-XXXXXX";
    int i, file = mkstemp(path);

    unlink(path);
    assert_int_equal(ftruncate(file, FILE_LEN), 0);
    assert_int_equal(weir__sys_sigaction(SIGPIPE, &action, &before), 0);
    for (i = 1; i <= 8; i++)
        send_to_who_leaves(file, i * STEP);
    assert_int_equal(pipe_signals, 0);
    assert_false(pipe_signal_blocked());
    assert_int_equal(weir__sys_sigaction(SIGPIPE, &before, NULL), 0);
    weir__sys_close(file);
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
