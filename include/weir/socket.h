/* weir/socket.h - sockets that carry messages: UDP, UNIX datagrams and seqpackets, ICMP, raw,
 * packet and vsock sockets, and whatever else the kernel makes by family, type and protocol.
 *
 * A socket is named by a value. A closed or foreign value gives WEIR_EBADHANDLE from every call and
 * never touches another object. Any number of tasks may receive and send on one socket at once; who
 * waits longest gets the next message. A call that has nothing to wait for makes one system call.
 * One that waits holds no buffer, and nothing of the caller is in the kernel's hands meanwhile: a
 * deadline (WEIR_EDEADLINE), a cancel (WEIR_ECANCELED) and a close by another task (WEIR_ECLOSED)
 * end it at once, and a message that comes later is the next caller's.
 *
 * A datagram of length 0 is a datagram. An error that the network reported for an earlier message
 * (WEIR_ECONNREFUSED, ...) is returned by the next call, once; the socket goes on. One that is cut
 * is never taken for whole: see each call.
 *
 * Besides these, calls that suspend fail with WEIR_ENOTASK (the caller is not a task), WEIR_ENOMEM
 * and what the system says: WEIR_EMSGSIZE (a message too large to send), WEIR_EPERM (a firewall),
 * WEIR_ENOBUFS, WEIR_ENETUNREACH, ... Tasks of any worker may use a socket; calls that do not
 * suspend may be made by any thread while the runtime exists. Descriptors are close-on-exec;
 * nothing raises SIGPIPE.
 */
#ifndef WEIR_SOCKET_H
#define WEIR_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/address.h>
#include <weir/error.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_socket {
    uint64_t id;
} weir_socket;

/* ---- messages ---- */

/* Facts that come with a message, or go with it; bits. What comes is asked for by weir_socket_want.
 */
enum weir_field {
    WEIR_FIELD_PEER = 1,           /* always comes, if the sender has a name; goes: to whom */
    WEIR_FIELD_DESTINATION = 2,    /* `destination`, `interface`; goes: from where */
    WEIR_FIELD_TRAFFIC_CLASS = 4,  /* `traffic_class`: DSCP and ECN */
    WEIR_FIELD_TTL = 8,            /* `ttl`: hops left; goes: hops to live */
    WEIR_FIELD_TIME = 16,          /* `time_ns`: when it was received */
    WEIR_FIELD_HARDWARE_TIME = 32, /* `hardware_time_ns`: by the clock of the card */
    WEIR_FIELD_DROPPED = 64,       /* `dropped`: messages lost before this one for want of room */
    WEIR_FIELD_SEGMENT = 128,      /* `segment`: several datagrams in one (GRO); goes: GSO */
    WEIR_FIELD_CREDENTIALS = 256,  /* `credentials`: UNIX */
    WEIR_FIELD_DESCRIPTORS = 512,  /* `descriptors`: UNIX; comes whenever there is room */
};

enum weir_message_flag {
    WEIR_MESSAGE_TRUNCATED = 1,        /* it was longer than `cap`: `whole` says how long */
    WEIR_MESSAGE_LOST_DESCRIPTORS = 2, /* descriptors came that found no room, and were closed */
    WEIR_MESSAGE_LOST_FIELDS = 4,      /* facts came that found no room */
};

struct weir_credentials {
    int32_t process; /* 0: unknown here */
    uint32_t user;
    uint32_t group;
};

/* A message to be received: the caller sets bytes, cap, descriptors and descriptors_cap (NULL and 0
 * if none are taken); the rest is filled. A message to be sent: bytes, len, `fields` and what they
 * say. Nothing else needs a value, and nothing is kept between calls. */
struct weir_message {
    void *bytes;           /* may be NULL if there are none */
    size_t cap;            /* receive: room, in bytes */
    size_t len;            /* bytes that are there, or that go */
    size_t whole;          /* received: bytes that the sender sent, at least len */
    uint32_t fields;       /* enum weir_field: which of the following are known, or go */
    uint32_t flags;        /* received: enum weir_message_flag */
    uint32_t segment;      /* bytes of each datagram but the last, which may be shorter */
    uint32_t interface;    /* number of the interface; 0 on the way out: any */
    uint32_t dropped;      /* since the socket was made; wraps */
    uint8_t traffic_class; /* ECN is the low two bits */
    uint8_t ttl;
    uint16_t weir__spare;
    int64_t time_ns;          /* since 1970 */
    int64_t hardware_time_ns; /* of the card's own clock */
    struct weir_credentials credentials;
    uint32_t descriptors_count; /* that came, or go: 0..253 */
    uint32_t descriptors_cap;   /* receive: room, in descriptors */
    uint32_t weir__spare2;
    int *descriptors;         /* received ones are close-on-exec and the caller's to close */
    weir_address peer;        /* sender, or receiver */
    weir_address destination; /* the own address that it came to, or goes from; port 0 */
    uint64_t weir__room[30];
};

/* ---- making sockets ---- */

/* Zero means default everywhere. */
struct weir_socket_options {
    uint32_t want;           /* enum weir_field bits, as weir_socket_want */
    uint32_t receive_buffer; /* SO_RCVBUF, bytes */
    uint32_t send_buffer;    /* SO_SNDBUF, bytes */
    uint32_t mode;           /* UNIX: permissions of the socket file; default as of the umask */
    uint8_t reuse_address;   /* SO_REUSEADDR; default off. With UDP it lets several bind one port,
                                as multicast needs */
    uint8_t reuse_port;      /* SO_REUSEPORT: several sockets share the load; default off */
    uint8_t v6only;          /* default off: an IPv6 socket has IPv4 too */
    uint8_t broadcast;       /* SO_BROADCAST; default off */
    uint8_t unlink_stale;    /* UNIX: remove a socket file that nobody has, which is found out by
                                connecting to it; default on */
    uint8_t errors;          /* IP_RECVERR: keep what the network reports; weir_recv_error */
};

/* Makes a socket and binds it to an address: udp://0.0.0.0:53, unixgram:///run/x.sock,
 * unixgram://@name; unixpacket:// and vsock:// sockets listen (weir_socket_accept). *out gives the
 * socket; close it with weir_socket_close, which removes the file of a UNIX socket unless another
 * one has taken its place. Borrows address and options. By a task; does not suspend. WEIR_EADDRESS,
 * WEIR_ENOSCHEME (also tcp:// and unix://, see weir_listen), WEIR_ENAME, WEIR_EADDRINUSE,
 * WEIR_EADDRNOTAVAIL, WEIR_EACCES, WEIR_EAFNOSUPPORT (the kernel has no such sockets), WEIR_EMFILE,
 * WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT (handles), WEIR_EOPTION, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_bind_n(weir_socket *out, const char *address,
                            const struct weir_socket_options *options, size_t options_size);
static inline int weir_bind(weir_socket *out, const char *address,
                            const struct weir_socket_options *options)
{
    return weir_bind_n(out, address, options, sizeof *options);
}

/* Makes a socket of the same schemes that is connected: it sends to that address alone, and gets
 * messages and errors from there alone. Suspends where a connection has to be made. Errors as
 * above, and WEIR_ECONNREFUSED, WEIR_ENOENT, WEIR_EAGAIN (a UNIX backlog is full), ... */
WEIR_PUBLIC int weir_connect_n(weir_socket *out, const char *address,
                               const struct weir_socket_options *options, size_t options_size);
static inline int weir_connect(weir_socket *out, const char *address,
                               const struct weir_socket_options *options)
{
    return weir_connect_n(out, address, options, sizeof *options);
}

/* Makes a socket by the numbers of socket(2): AF_INET, SOCK_RAW, IPPROTO_ICMP, or any others.
 * WEIR_EPERM, WEIR_EACCES, WEIR_EAFNOSUPPORT, WEIR_EPROTONOSUPPORT, WEIR_EINVAL, WEIR_EOPTION,
 * WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ENOTASK. By a task; does not suspend. */
WEIR_PUBLIC int weir_socket_open_n(weir_socket *out, int family, int type, int protocol,
                                   const struct weir_socket_options *options, size_t options_size);
static inline int weir_socket_open(weir_socket *out, int family, int type, int protocol,
                                   const struct weir_socket_options *options)
{
    return weir_socket_open_n(out, family, type, protocol, options, sizeof *options);
}

/* Two connected UNIX sockets of a type, SOCK_DGRAM or SOCK_SEQPACKET. out[0] and out[1] give them.
 * WEIR_EINVAL, WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ENOTASK. By a task; does
 * not suspend. */
WEIR_PUBLIC int weir_socket_pair(weir_socket out[2], int type);

/* Makes a socket of a descriptor of any kind of socket. Takes the descriptor if it succeeds, and
 * makes it close-on-exec and non-blocking. WEIR_ENOTSOCK, WEIR_EBADF, WEIR_ENOMEM, WEIR_ELIMIT,
 * WEIR_ENOTASK. By a task; does not suspend. */
WEIR_PUBLIC int weir_socket_adopt(weir_socket *out, int descriptor);
/* The opposite: closes the handle, and *descriptor gives a descriptor of the same socket (it may
 * have another number). The socket is in non-blocking mode. WEIR_EBUSY, and nothing done, while
 * another call is under way; WEIR_EBADHANDLE, WEIR_EMFILE. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_socket_release(weir_socket socket, int *descriptor);

/* Closes. New calls on the socket fail; calls under way return WEIR_ECLOSED; the descriptor goes
 * with the last of them, soon after. 0, also if it was closed already. Does not suspend, cannot
 * fail. Any thread. */
WEIR_PUBLIC int weir_socket_close(weir_socket socket);

/* ---- addresses and connections ---- */

/* What bind(2), connect(2), listen(2) and accept(2) do to an open socket. Connecting again changes
 * the peer of a datagram socket, and to an address of length 0 takes it away. Connecting and
 * accepting suspend; the others may be called by any thread. *out of accept gives the connection.
 * Many tasks may accept at once. */
WEIR_PUBLIC int weir_socket_bind(weir_socket socket, const weir_address *address);
WEIR_PUBLIC int weir_socket_connect(weir_socket socket, const weir_address *address);
WEIR_PUBLIC int weir_socket_listen(weir_socket socket, uint32_t backlog);
WEIR_PUBLIC int weir_socket_accept(weir_socket socket, weir_socket *out);

/* Ends a direction of a connected socket: SHUT_RD, SHUT_WR or SHUT_RDWR. shutdown(2). Does not
 * suspend. Any thread. */
WEIR_PUBLIC int weir_socket_shutdown(weir_socket socket, int how);

/* The socket's own address and its peer's. WEIR_EBADHANDLE, WEIR_ENOTCONN. Do not suspend. Any
 * thread. */
WEIR_PUBLIC int weir_socket_local(weir_socket socket, weir_address *out);
WEIR_PUBLIC int weir_socket_peer(weir_socket socket, weir_address *out);

/* Who has made the other end of a connected UNIX socket, or bound the listener. WEIR_EBADHANDLE,
 * WEIR_ENOPROTOOPT or WEIR_ENOTSUP for other sockets. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_socket_credentials(weir_socket socket, struct weir_credentials *out);

/* ---- receiving ---- */

/* Receives one message of at most `cap` bytes (0..INT32_MAX): its length. One that is longer is
 * lost, and the call returns WEIR_EMSGSIZE. *peer gives the sender, if it is not NULL; its len is 0
 * if the sender has no name. WEIR_EEOF: a connection has ended. WEIR_EERRQUEUE: no message, but the
 * error queue has something (weir_recv_error). Suspends. Borrows `bytes`. */
WEIR_PUBLIC ptrdiff_t weir_recv_from(weir_socket socket, void *bytes, size_t cap,
                                     weir_address *peer);
static inline ptrdiff_t weir_recv(weir_socket socket, void *bytes, size_t cap)
{
    return weir_recv_from(socket, bytes, cap, NULL);
}

/* Receives one message with all that is known of it: 0, or as above. One that was cut is delivered
 * in part, with WEIR_MESSAGE_TRUNCATED in `flags`, and the call returns WEIR_EMSGSIZE. Suspends. */
WEIR_PUBLIC int weir_recv_message_n(weir_socket socket, struct weir_message *message, size_t size);
static inline int weir_recv_message(weir_socket socket, struct weir_message *message)
{
    return weir_recv_message_n(socket, message, sizeof *message);
}

/* Receives up to `count` messages (1..), as many as are there when there is one: how many. Cut ones
 * are marked in `flags`. Descriptors come only in weir_recv_message, or as far as the room of the
 * message suffices, 40 or so. Suspends. */
WEIR_PUBLIC int weir_recv_batch_n(weir_socket socket, struct weir_message *messages, size_t count,
                                  size_t size);
static inline int weir_recv_batch(weir_socket socket, struct weir_message *messages, size_t count)
{
    return weir_recv_batch_n(socket, messages, count, sizeof *messages);
}

/* Which fields received messages bring, enum weir_field bits, from the next message that arrives
 * on. 0; WEIR_ENOTSUP if this kind of socket does not know one of them. Does not suspend. Any
 * thread. */
WEIR_PUBLIC int weir_socket_want(weir_socket socket, uint32_t fields);

/* ---- sending ---- */

/* Sends one message of `len` bytes (0..INT32_MAX): 0. To `peer`, or NULL on a connected socket.
 * Suspends while there is no room. Borrows `bytes`. */
WEIR_PUBLIC int weir_send_to(weir_socket socket, const void *bytes, size_t len,
                             const weir_address *peer);
static inline int weir_send(weir_socket socket, const void *bytes, size_t len)
{
    return weir_send_to(socket, bytes, len, NULL);
}

/* Sends one message with the `fields` that it has set: 0. With WEIR_FIELD_SEGMENT the kernel makes
 * datagrams of `segment` bytes of it (UDP GSO), at most 64 KiB and 64 or 128 of them. Uses the room
 * in the message. Descriptors stay the caller's. Suspends. WEIR_EINVAL for a field that does not go
 * with this socket. */
WEIR_PUBLIC int weir_send_message_n(weir_socket socket, struct weir_message *message, size_t size);
static inline int weir_send_message(weir_socket socket, struct weir_message *message)
{
    return weir_send_message_n(socket, message, sizeof *message);
}

/* Sends `count` messages (1..) in order: how many were sent. Less than `count` if one could not be
 * sent; why is the result of sending it again. An error if it was the first. Suspends. */
WEIR_PUBLIC int weir_send_batch_n(weir_socket socket, struct weir_message *messages, size_t count,
                                  size_t size);
static inline int weir_send_batch(weir_socket socket, struct weir_message *messages, size_t count)
{
    return weir_send_batch_n(socket, messages, count, sizeof *messages);
}

/* ---- the error queue ---- */

enum weir_origin {
    WEIR_ORIGIN_LOCAL = 1, /* this host */
    WEIR_ORIGIN_ICMP = 2,
    WEIR_ORIGIN_ICMP6 = 3,
    WEIR_ORIGIN_TIMESTAMP = 4, /* not an error: when a message was sent */
    WEIR_ORIGIN_ZEROCOPY = 5,  /* not an error: the kernel has let go of messages info..data */
};

struct weir_socket_error {
    int32_t code;    /* WEIR_ECONNREFUSED, WEIR_EMSGSIZE, ...; 0 for what is no error */
    uint32_t origin; /* enum weir_origin */
    uint8_t type;    /* of the ICMP message */
    uint8_t icmp_code;
    uint16_t weir__spare;
    uint32_t info; /* WEIR_EMSGSIZE: the path's MTU; a timestamp: which kind */
    uint32_t data; /* a timestamp: the number of the message, if it was asked for */
    uint32_t weir__spare2;
    int64_t time_ns;          /* of a timestamp, since 1970 */
    int64_t hardware_time_ns; /* of the card's own clock */
    weir_address peer;        /* to whom the message went */
    weir_address offender;    /* who reported it; len 0: unknown */
};

/* Takes the oldest entry of the error queue: how many of the first bytes of the message that it is
 * about were put into `bytes`. WEIR_EAGAIN if there is none. Does not suspend: weir_recv_message
 * waits, and says WEIR_EERRQUEUE. For sockets with `errors`, or with timestamps of what they send.
 * Any thread. */
WEIR_PUBLIC ptrdiff_t weir_recv_error_n(weir_socket socket, struct weir_socket_error *out,
                                        size_t size, void *bytes, size_t cap);
static inline ptrdiff_t weir_recv_error(weir_socket socket, struct weir_socket_error *out,
                                        void *bytes, size_t cap)
{
    return weir_recv_error_n(socket, out, sizeof *out, bytes, cap);
}

/* ---- multicast, steering ---- */

/* Joins a group, on an interface (its number; 0: as the routes say), and with a source only what
 * that one sends; leaves it again. `source` may be NULL. Families must fit the socket:
 * WEIR_EINVAL. WEIR_EADDRINUSE (joined already), WEIR_EADDRNOTAVAIL (not joined), WEIR_ENODEV,
 * WEIR_EBADHANDLE. Do not suspend. Any thread. */
WEIR_PUBLIC int weir_multicast_join(weir_socket socket, const weir_address *group,
                                    uint32_t interface, const weir_address *source);
WEIR_PUBLIC int weir_multicast_leave(weir_socket socket, const weir_address *group,
                                     uint32_t interface, const weir_address *source);
/* Shuts one source of a joined group out, or lets it in again. */
WEIR_PUBLIC int weir_multicast_block(weir_socket socket, const weir_address *group,
                                     uint32_t interface, const weir_address *source);
WEIR_PUBLIC int weir_multicast_unblock(weir_socket socket, const weir_address *group,
                                       uint32_t interface, const weir_address *source);

enum weir_steer {
    WEIR_STEER_CPU = 1,  /* the processor that received the message, modulo the sockets */
    WEIR_STEER_BYTE = 2, /* a byte of the message, modulo the sockets; the first one if it is
                              too short */
    WEIR_STEER_RANDOM = 3,
};

/* How messages are spread over the `sockets` (1..65535) that share a port by reuse_port; they are
 * numbered in the order in which they were bound. For all of them, through any. `offset` is of the
 * byte. WEIR_EINVAL, WEIR_EBADHANDLE. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_socket_steer(weir_socket socket, enum weir_steer by, uint32_t offset,
                                  uint32_t sockets);

#ifdef __cplusplus
}
#endif
#endif
