/* test/unit/sys_sockopt.c - socket options are set on the socket that is given, and errors are
 * told. */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <weir/error.h>

#include "sys/call.h"
#include "sys/sockopt.h"

static int tcp(int family)
{
    int fd = weir__sys_socket(family, SOCK_STREAM, 0);

    if (fd == -EAFNOSUPPORT)
        skip("no such family here");
    assert_true(fd >= 0);
    return fd;
}

static int value(int fd, int level, int name)
{
    int got = -1;
    socklen_t size = sizeof got;

    assert_int_equal(weir__sys_getsockopt(fd, level, name, &got, &size), 0);
    return got;
}

TEST(tcp_options_reach_the_socket)
{
    int fd = tcp(AF_INET);

    assert_int_equal(weir__sockopt_nodelay(fd, true), 0);
    assert_int_equal(weir__sockopt_get_nodelay(fd), 1);
    assert_int_equal(weir__sockopt_keepalive(fd, true, 33, 7, 4), 0);
    assert_int_equal(value(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(value(fd, IPPROTO_TCP, TCP_KEEPIDLE), 33);
    assert_int_equal(value(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
    assert_int_equal(value(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
    assert_int_equal(weir__sockopt_keepalive(fd, false, 0, 0, 0), 0);
    assert_int_equal(value(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(weir__sockopt_user_timeout(fd, 1234), 0);
    assert_int_equal(value(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
    assert_int_equal(weir__sockopt_quickack(fd, true), 0);
    assert_int_equal(weir__sockopt_notsent_lowat(fd, 4096), 0);
    assert_int_equal(value(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 4096);
    assert_int_equal(weir__sockopt_fastopen_connect(fd, true), 0);
    weir__sys_close(fd);
}

TEST(socket_options_reach_the_socket)
{
    int fd = tcp(AF_INET);

    assert_int_equal(weir__sockopt_reuseaddr(fd, true), 0);
    assert_int_equal(value(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    assert_int_equal(weir__sockopt_reuseport(fd, true), 0);
    assert_int_equal(value(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    assert_int_equal(weir__sockopt_sndbuf(fd, 20000), 0);
    assert_true(weir__sockopt_get_sndbuf(fd) >= 20000);
    assert_int_equal(weir__sockopt_rcvbuf(fd, 20000), 0);
    assert_true(weir__sockopt_get_rcvbuf(fd) >= 20000);
    assert_int_equal(weir__sockopt_get_linger(fd), WEIR_ENOENT);
    assert_int_equal(weir__sockopt_linger(fd, 3), 0);
    assert_int_equal(weir__sockopt_get_linger(fd), 3);
    assert_int_equal(weir__sockopt_linger(fd, -1), 0);
    assert_int_equal(weir__sockopt_get_linger(fd), WEIR_ENOENT);
    assert_int_equal(weir__sockopt_type(fd), SOCK_STREAM);
    assert_int_equal(weir__sockopt_family(fd), AF_INET);
    if (test_under()[0] != 'q') { /* qemu-user does not know the option */
        assert_int_equal(weir__sockopt_incoming_cpu(fd, 0), 0);
        assert_int_equal(weir__sockopt_get_incoming_cpu(fd), 0);
    }
    assert_int_equal(weir__sockopt_tos(fd, 0x10), 0);
    assert_int_equal(weir__sockopt_get_tos(fd), 0x10);
    weir__sys_close(fd);
}

TEST(listener_options_reach_the_socket)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = tcp(AF_INET);

    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(weir__sockopt_listening(fd), 0);
    assert_int_equal(weir__sockopt_defer_accept(fd, 5), 0);
    assert_true(value(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 5);
    assert_int_equal(weir__sys_bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(weir__sys_listen(fd, 8), 0);
    assert_int_equal(weir__sockopt_fastopen_listen(fd, 16), 0);
    assert_int_equal(weir__sockopt_listening(fd), 1);
    weir__sys_close(fd);
}

TEST(ipv6_options_reach_the_socket)
{
    int fd = tcp(AF_INET6);

    assert_int_equal(weir__sockopt_v6only(fd, true), 0);
    assert_int_equal(weir__sockopt_get_v6only(fd), 1);
    assert_int_equal(weir__sockopt_v6only(fd, false), 0);
    assert_int_equal(weir__sockopt_get_v6only(fd), 0);
    assert_int_equal(weir__sockopt_tos(fd, 0x20), 0);
    assert_int_equal(weir__sockopt_get_tos(fd), 0x20);
    weir__sys_close(fd);
}

TEST(waiting_error_is_given_once)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct pollfd wait = {.events = POLLOUT};
    socklen_t size = sizeof address;
    int closed = tcp(AF_INET), fd = tcp(AF_INET);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(weir__sys_bind(closed, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(weir__sys_getsockname(closed, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(weir__sys_set_nonblock(fd, true), 0);
    assert_int_equal(weir__sockopt_error(fd), 0);
    if (weir__sys_connect(fd, (struct sockaddr *)&address, size) == -EINPROGRESS) {
        wait.fd = fd;
        assert_int_equal(weir__sys_poll(&wait, 1, 5000), 1);
        assert_int_equal(weir__sockopt_error(fd), WEIR_ECONNREFUSED);
        assert_int_equal(weir__sockopt_error(fd), 0);
    }
    weir__sys_close(fd);
    weir__sys_close(closed);
}

TEST(what_is_no_socket_is_refused)
{
    int fds[2];

    assert_int_equal(weir__sys_pipe2(fds, 0), 0);
    assert_int_equal(weir__sockopt_nodelay(fds[0], true), -ENOTSOCK);
    assert_int_equal(weir__sockopt_error(fds[0]), -ENOTSOCK);
    assert_int_equal(weir__sockopt_tos(fds[0], 1), -ENOTSOCK);
    weir__sys_close(fds[0]);
    weir__sys_close(fds[1]);
    assert_int_equal(weir__sockopt_reuseaddr(fds[0], true), WEIR_EBADF);
}
