/* weir/sockopt.h - options of sockets, by name and by number.
 *
 * One pair of calls for streams, listeners and message sockets: the handle is passed by its id, as
 * in weir_sockopt_set(stream.id, WEIR_SOCKOPT_NODELAY, 1). An option that exists for IPv4 and IPv6
 * is one name here; the socket's family chooses. What a socket does not know is WEIR_ENOTSUP, also
 * where the kernel has no such option. The man page weir-sockopt(3) lists them all. Nothing here
 * suspends. Any thread.
 */
#ifndef WEIR_SOCKOPT_H
#define WEIR_SOCKOPT_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values are switches (0 or 1) where nothing else is said; (get), (set): that way alone. */
enum weir_sockopt {
    /* socket(7) */
    WEIR_SOCKOPT_BROADCAST = 1,
    WEIR_SOCKOPT_DEBUG = 2,
    WEIR_SOCKOPT_DONT_ROUTE = 3,
    WEIR_SOCKOPT_KEEPALIVE = 4,
    WEIR_SOCKOPT_LINGER = 5, /* seconds: -1 off, 0 resets on close; more would block: refused */
    WEIR_SOCKOPT_OOB_INLINE = 6,
    WEIR_SOCKOPT_REUSE_ADDRESS = 7,
    WEIR_SOCKOPT_REUSE_PORT = 8,
    WEIR_SOCKOPT_RECEIVE_BUFFER = 9, /* bytes; the kernel doubles what is set */
    WEIR_SOCKOPT_SEND_BUFFER = 10,
    WEIR_SOCKOPT_RECEIVE_BUFFER_FORCE = 11, /* (set) beyond the system's limit */
    WEIR_SOCKOPT_SEND_BUFFER_FORCE = 12,
    WEIR_SOCKOPT_RECEIVE_LOW_WATER = 13, /* bytes */
    WEIR_SOCKOPT_SEND_LOW_WATER = 14,    /* (get) */
    WEIR_SOCKOPT_PRIORITY = 15,          /* 0..6, more with privilege */
    WEIR_SOCKOPT_MARK = 16,
    WEIR_SOCKOPT_BIND_DEVICE = 17,    /* text: an interface's name */
    WEIR_SOCKOPT_BIND_INTERFACE = 18, /* an interface's number */
    WEIR_SOCKOPT_BUSY_POLL = 19,      /* microseconds */
    WEIR_SOCKOPT_PREFER_BUSY_POLL = 20,
    WEIR_SOCKOPT_BUSY_POLL_BUDGET = 21, /* packets */
    WEIR_SOCKOPT_INCOMING_CPU = 22,     /* a processor's number */
    WEIR_SOCKOPT_INCOMING_NAPI = 23,    /* (get) */
    WEIR_SOCKOPT_TIMESTAMPING = 24,     /* SOF_TIMESTAMPING_* bits */
    WEIR_SOCKOPT_ZEROCOPY = 25,
    WEIR_SOCKOPT_PACING_RATE = 26, /* bytes a second; -1: none */
    WEIR_SOCKOPT_PASS_CREDENTIALS = 27,
    WEIR_SOCKOPT_PASS_SECURITY = 28,
    WEIR_SOCKOPT_PASS_PROCESS = 29,  /* SCM_PIDFD */
    WEIR_SOCKOPT_PEEK_OFFSET = 30,   /* bytes; -1: off */
    WEIR_SOCKOPT_SELECT_ERRORS = 31, /* the error queue is told as priority */
    WEIR_SOCKOPT_NO_CHECKSUM = 32,   /* IPv4 UDP */
    WEIR_SOCKOPT_RECEIVE_DROPPED = 33,
    WEIR_SOCKOPT_TYPE = 34,      /* (get) SOCK_STREAM, ... */
    WEIR_SOCKOPT_FAMILY = 35,    /* (get) AF_INET, ... */
    WEIR_SOCKOPT_PROTOCOL = 36,  /* (get) IPPROTO_TCP, ... */
    WEIR_SOCKOPT_ERROR = 37,     /* (get) the pending error, as a code of weir, or 0; clears it */
    WEIR_SOCKOPT_LISTENING = 38, /* (get) */
    WEIR_SOCKOPT_COOKIE = 39,    /* (get) the kernel's number of the socket */
    WEIR_SOCKOPT_READABLE = 40,  /* (get) bytes that could be read */
    WEIR_SOCKOPT_UNSENT = 41,    /* (get) bytes that are not sent, or not acknowledged yet */
    WEIR_SOCKOPT_AT_MARK = 42,   /* (get) whether out-of-band data is next */
    /* ip(7), ipv6(7) */
    WEIR_SOCKOPT_TTL = 100,           /* hops to live: 1..255, -1: the system's */
    WEIR_SOCKOPT_TRAFFIC_CLASS = 101, /* DSCP and ECN: 0..255 */
    WEIR_SOCKOPT_V6ONLY = 102,        /* before it is bound */
    WEIR_SOCKOPT_MULTICAST_TTL = 103, /* 0..255 */
    WEIR_SOCKOPT_MULTICAST_LOOP = 104,
    WEIR_SOCKOPT_MULTICAST_INTERFACE = 105, /* an interface's number; 0: as the routes say */
    WEIR_SOCKOPT_MULTICAST_ALL = 106,       /* messages of groups that others have joined */
    WEIR_SOCKOPT_MTU_DISCOVER =
        107,                /* 0 never, 1 want, 2 always (DF), 3 probe, 4 interface, 5 omit */
    WEIR_SOCKOPT_MTU = 108, /* (get) of the path, when connected */
    WEIR_SOCKOPT_RECEIVE_ERRORS = 109, /* the error queue: weir_recv_error */
    WEIR_SOCKOPT_FREE_BIND = 110,
    WEIR_SOCKOPT_TRANSPARENT = 111,
    WEIR_SOCKOPT_HEADER_INCLUDED = 112,  /* raw */
    WEIR_SOCKOPT_LATE_PORT = 113,        /* IP_BIND_ADDRESS_NO_PORT */
    WEIR_SOCKOPT_MINIMUM_TTL = 114,      /* 0..255: others are dropped */
    WEIR_SOCKOPT_PORT_RANGE = 115,       /* low | high << 16 */
    WEIR_SOCKOPT_AUTO_FLOW_LABEL = 116,  /* IPv6 */
    WEIR_SOCKOPT_DONT_FRAGMENT = 117,    /* IPv6; IPv4: MTU_DISCOVER */
    WEIR_SOCKOPT_RECEIVE_ORIGINAL = 118, /* original destinations of redirected messages */
    WEIR_SOCKOPT_CHECKSUM_OFFSET = 119,  /* IPv6 raw; -1: none */
    WEIR_SOCKOPT_ROUTER_ALERT = 120,
    /* tcp(7) */
    WEIR_SOCKOPT_NODELAY = 200,
    WEIR_SOCKOPT_CORK = 201,
    WEIR_SOCKOPT_KEEP_IDLE = 202,     /* seconds */
    WEIR_SOCKOPT_KEEP_INTERVAL = 203, /* seconds */
    WEIR_SOCKOPT_KEEP_COUNT = 204,
    WEIR_SOCKOPT_USER_TIMEOUT = 205, /* milliseconds */
    WEIR_SOCKOPT_QUICKACK = 206,
    WEIR_SOCKOPT_DEFER_ACCEPT = 207, /* seconds */
    WEIR_SOCKOPT_FAST_OPEN = 208,    /* listeners: pending requests */
    WEIR_SOCKOPT_FAST_OPEN_CONNECT = 209,
    WEIR_SOCKOPT_FAST_OPEN_NO_COOKIE = 210,
    WEIR_SOCKOPT_MAXIMUM_SEGMENT = 211, /* bytes */
    WEIR_SOCKOPT_SYN_COUNT = 212,
    WEIR_SOCKOPT_FIN_TIMEOUT = 213,      /* seconds; TCP_LINGER2 */
    WEIR_SOCKOPT_WINDOW_CLAMP = 214,     /* bytes */
    WEIR_SOCKOPT_UNSENT_LOW_WATER = 215, /* bytes; TCP_NOTSENT_LOWAT */
    WEIR_SOCKOPT_CONGESTION = 216,       /* text: an algorithm's name */
    WEIR_SOCKOPT_UPPER_PROTOCOL = 217,   /* text: "tls", "espintcp" */
    WEIR_SOCKOPT_SAVE_SYN = 218,
    WEIR_SOCKOPT_THIN_TIMEOUTS = 219,
    WEIR_SOCKOPT_TRANSMIT_DELAY = 220, /* microseconds */
    WEIR_SOCKOPT_INQ = 221,
    WEIR_SOCKOPT_TIMESTAMP = 222,
    /* udp(7) */
    WEIR_SOCKOPT_UDP_SEGMENT = 300, /* bytes; 0: off. GSO for all that is sent */
    WEIR_SOCKOPT_UDP_GRO = 301,
    WEIR_SOCKOPT_UDP_CORK = 302,
    WEIR_SOCKOPT_UDP_NO_CHECKSUM6_SEND = 303,
    WEIR_SOCKOPT_UDP_NO_CHECKSUM6_RECEIVE = 304,
    /* vsock(7), sctp(7) */
    WEIR_SOCKOPT_VSOCK_BUFFER = 400, /* bytes */
    WEIR_SOCKOPT_VSOCK_BUFFER_MIN = 401,
    WEIR_SOCKOPT_VSOCK_BUFFER_MAX = 402,
    WEIR_SOCKOPT_SCTP_NODELAY = 410,
};

/* Sets an option: 0; WEIR_EBADHANDLE, WEIR_ENOTSUP, WEIR_EINVAL (a value out of range, an option
 * that is text), WEIR_EPERM, or what else the system says. */
WEIR_PUBLIC int weir_sockopt_set(uint64_t id, enum weir_sockopt option, int64_t value);
/* Asks for one; *out gives it. */
WEIR_PUBLIC int weir_sockopt_get(uint64_t id, enum weir_sockopt option, int64_t *out);

/* The same for an option that is text: 0, or its length without the terminator; WEIR_ENOBUFS if it
 * does not fit `cap`. Borrow the text. */
WEIR_PUBLIC int weir_sockopt_set_text(uint64_t id, enum weir_sockopt option, const char *text);
WEIR_PUBLIC int weir_sockopt_get_text(uint64_t id, enum weir_sockopt option, char *out, size_t cap);

/* The same for an option by its numbers, as setsockopt(2) and getsockopt(2) take them. *len is the
 * room, then the length. Options that make calls block or change what weir relies on (SO_RCVTIMEO,
 * attached filters) are the caller's to answer for. */
WEIR_PUBLIC int weir_sockopt_set_raw(uint64_t id, int level, int name, const void *value,
                                     uint32_t len);
WEIR_PUBLIC int weir_sockopt_get_raw(uint64_t id, int level, int name, void *value, uint32_t *len);

/* The system's name of an option, "SO_BROADCAST" or "IP_TTL"; NULL for none. Static text. */
WEIR_PUBLIC const char *weir_sockopt_name(enum weir_sockopt option);

#ifdef __cplusplus
}
#endif
#endif
