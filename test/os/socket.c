/* test/os/socket.c - sockets that carry messages: receiving, sending, waiting, closing. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "core/handle.h"
#include "support/run.h"

/* A bound UDP socket on the loopback interface, and its address. */
static weir_socket bind_udp(weir_address *address)
{
    weir_socket socket = {0};

    CHECK(weir_bind(&socket, "udp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_socket_local(socket, address) == 0);
    return socket;
}

static int exchange(void *arg)
{
    weir_address a_at, b_at, from;
    weir_socket a = bind_udp(&a_at), b = bind_udp(&b_at);
    char in[16];

    (void)arg;
    CHECK(weir_send_to(a, "hello", 5, &b_at) == 0);
    CHECK(weir_recv_from(b, in, sizeof in, &from) == 5);
    CHECK(memcmp(in, "hello", 5) == 0);
    CHECK(weir_address_equal(&from, &a_at));
    CHECK(weir_send_to(b, "back", 4, &from) == 0);
    CHECK(weir_recv(a, in, sizeof in) == 4);
    CHECK(weir_socket_close(a) == 0);
    CHECK(weir_socket_close(a) == 0);
    CHECK(weir_recv(a, in, sizeof in) == WEIR_EBADHANDLE);
    CHECK(weir_socket_close(b) == 0);
    return 0;
}

TEST(datagrams_go_and_come_with_their_address)
{
    assert_int_equal(run_with(exchange, NULL, 1), 0);
    assert_int_equal(run_with(exchange, NULL, 3), 0);
}
