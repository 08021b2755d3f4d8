/* test/support/udp.h - what the tests of message sockets share: bound sockets, limited waits. */
#ifndef WEIR_TEST_SUPPORT_UDP_H
#define WEIR_TEST_SUPPORT_UDP_H

#include <weir.h>

#include "support/run.h"

/* A socket bound to an address, and what it is bound to. */
static inline weir_socket bind_at(const char *text, const struct weir_socket_options *options,
                                  weir_address *at)
{
    weir_socket socket = {0};

    CHECK(weir_bind(&socket, text, options) == 0);
    CHECK(weir_socket_local(socket, at) == 0);
    return socket;
}

static inline weir_socket bind_udp(weir_address *at)
{
    return bind_at("udp://127.0.0.1:0", NULL, at);
}

/* A receive that has so long. */
static inline ptrdiff_t recv_limited(weir_socket socket, void *bytes, size_t cap, int64_t limit_ns)
{
    weir_block block;
    ptrdiff_t n;

    CHECK(weir_deadline_begin(&block, limit_ns) == 0);
    n = weir_recv(socket, bytes, cap);
    (void)weir_block_end(&block);
    return n;
}

/* A message to be received into `bytes`. */
static inline struct weir_message expecting(void *bytes, size_t cap)
{
    struct weir_message message;

    message.bytes = bytes;
    message.cap = cap;
    message.descriptors = NULL;
    message.descriptors_cap = 0;
    return message;
}

#endif
