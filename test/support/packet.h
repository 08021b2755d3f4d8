/* test/support/packet.h - a datagram as another socket sees it, with its IP header. */
#ifndef WEIR_TEST_SUPPORT_PACKET_H
#define WEIR_TEST_SUPPORT_PACKET_H

#include <weir.h>

#include "support/udp.h"

/* Sends a message until a packet of it is seen by the other socket: its length. Others' packets may
 * come by, and where there are many of them some are lost. */
static inline ptrdiff_t see_packet(weir_socket from, struct weir_message *sent, weir_socket by,
                                   unsigned char *packet, size_t cap)
{
    weir_address own;
    ptrdiff_t n;
    int port;

    CHECK(weir_socket_local(from, &own) == 0);
    port = weir_address_port(&own);
    CHECK(weir_send_message(from, sent) == 0);
    for (;;) {
        n = recv_limited(by, packet, cap, WEIR_MILLISECONDS(100));
        if (n == WEIR_EDEADLINE)
            CHECK(weir_send_message(from, sent) == 0);
        else if (n >= 28 && packet[20] * 256 + packet[21] == port)
            return n;
        else if (n < 0 && n != WEIR_EMSGSIZE)
            return n;
    }
}

#endif
