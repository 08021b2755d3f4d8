/* net/dial.h - one connection attempt. By a task. */
#ifndef WEIR_NET_DIAL_H
#define WEIR_NET_DIAL_H

#include <sys/socket.h>
#include <weir/stream.h>

/* Connects to a socket address; *out gives the stream. Suspends. Errors as of weir_dial. */
int weir__dial_address(weir_stream *out, const struct sockaddr *address, socklen_t len);

#endif
