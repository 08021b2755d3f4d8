/* backend/sim/sim.h - what the parts of the simulated kernel share: sockets and connections.
 *
 * A socket is what descriptors name. A connected one has an end of a connection, which outlives it
 * while segments are under way. Each end sends its segments in order, through one queue with one
 * event for the first of them: a segment is lost for a while, never for good, as with TCP. What has
 * arrived waits at the other end. An end may have at most its send buffer and the peer's receive
 * buffer of bytes outstanding: sent, and not yet read.
 *
 * All of it is touched by the driving thread alone.
 */
#ifndef WEIR_BACKEND_SIM_SIM_H
#define WEIR_BACKEND_SIM_SIM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/list.h"
#include "core/sim.h"

struct weir_op;

/* Where a socket is, or speaks to. IPv4 addresses are mapped into IPv6 ones. */
struct sim_place {
    uint16_t family;
    uint16_t port;
    uint8_t ip[16];
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of AF_UNIX */
    uint8_t path_len;
};

enum sim_segment_kind {
    SEGMENT_DATA,
    SEGMENT_SYN,
    SEGMENT_SYN_ACK,
    SEGMENT_FIN,
    SEGMENT_RST
};

struct sim_segment {
    struct sim_segment *next;
    uint64_t at_ns; /* of its arrival */
    uint32_t len;
    uint32_t off; /* bytes that were read */
    uint8_t kind;
    unsigned char bytes[];
};

struct sim_segments {
    struct sim_segment *head, *tail;
};

struct sim_end {
    struct sim_connection *connection;
    struct sim_socket *socket; /* NULL: closed, or not yet accepted */
    uint32_t life;
    bool exists;  /* the second end, once the connection has reached a listener */
    bool queued;  /* waits to be accepted */
    bool is_open; /* the handshake is over */
    bool wr_shut;
    bool rd_shut;
    bool fin; /* the peer has ended its direction */
    bool was_reset;
    int error; /* to be told, once */
    struct sim_place place;
    uint32_t rcvbuf, sndbuf;
    struct sim_segments received;
    size_t unread;
    struct sim_segments sent;
    struct sim_segments spare; /* for what has no bytes and must not be lost for want of memory */
    size_t outstanding;
    uint64_t last_ns;  /* arrival of the last segment that was sent */
    uint64_t tried_ns; /* the first of the failed deliveries in a row; 0: none */
    int64_t again_ns;  /* the next distance between two of them */
    uint32_t user_timeout_ms;
    struct weir__sim_event arrival;
    struct weir__sim_event keepalive; /* scheduled while there is a socket that wants it */
    int unanswered;
};

struct sim_connection {
    struct weir__list link;    /* of all */
    struct sim_end ends[2];    /* who has dialled, who has accepted */
    struct weir__list pending; /* in a listener's queue */
};

enum sim_socket_state {
    SOCKET_FRESH,
    SOCKET_LISTENING,
    SOCKET_ATTACHED /* to an end */
};

#define SIM_OPTIONS_MAX 24

struct sim_option {
    int level, name, value[2];
    socklen_t len;
};

struct sim_socket {
    struct weir__list link; /* of all */
    uint32_t refs;          /* descriptors */
    uint32_t life;
    uint8_t state; /* enum sim_socket_state */
    uint8_t option_count;
    uint16_t family;
    int type;
    bool bound;
    bool stopped; /* a listener that was shut down */
    bool dead;    /* of a host that has crashed */
    int file;     /* of a UNIX socket that has a name, or -1 */
    struct sim_place place;
    struct weir_op *waiting; /* operations, by weir__next */
    struct sim_end *end;
    struct weir__list pending; /* connections to be accepted */
    uint32_t pending_count, backlog;
    struct weir__list datagrams; /* that have come */
    struct weir__list refused;   /* that have come back, for the queue of errors */
    size_t queued;               /* bytes of them, with their overhead */
    uint64_t last_ns;            /* arrival of the last one that was sent within the host */
    struct sim_place remote;     /* of a connected socket of datagrams */
    bool connected;
    bool named;            /* by a bind, and not by its first use */
    bool has_own_ip;       /* likewise: it is bound to one */
    bool rd_shut, wr_shut; /* of those alone */
    int error;             /* likewise: to be told, once */
    struct sim_option options[SIM_OPTIONS_MAX];
};

extern struct weir__list weir__sim_sockets;
extern struct weir__list weir__sim_connections;

/* ---- sockets: socket.c ---- */

extern const struct weir__network weir__sim_network;
void weir__sim_sockets_fini(void);
/* The socket of a descriptor, or NULL. */
struct sim_socket *weir__sim_socket(int fd);
/* A new descriptor for the socket, which it counts; WEIR_EMFILE, WEIR_ENOMEM. */
int weir__sim_descriptor(struct sim_socket *socket);
struct sim_socket *weir__sim_socket_make(uint16_t family, int type, uint32_t life);
void weir__sim_socket_drop(struct sim_socket *socket);
/* Whether the listener is at the place of one who dials. */
bool weir__sim_listens_at(const struct sim_socket *listener, const struct sim_place *place);
/* An int option that was set, or `otherwise`. */
int weir__sim_option(const struct sim_socket *socket, int level, int name, int otherwise);

/* ---- places: place.c ---- */

int weir__sim_place_read(struct sim_place *place, const struct sockaddr *address, socklen_t len);
void weir__sim_place_write(const struct sim_place *place, uint16_t family, struct sockaddr *address,
                           socklen_t *len);
bool weir__sim_place_any(const struct sim_place *place);
bool weir__sim_place_loopback(const struct sim_place *place);
bool weir__sim_place_v4(const struct sim_place *place);
uint32_t weir__sim_place_address(const struct sim_place *place); /* in network order */
void weir__sim_place_set(struct sim_place *place, uint32_t address);

/* Gives it a port, if it has none. */
int weir__sim_socket_bind_any(struct sim_socket *socket);
/* The address that what goes `to` somewhere comes from, unless the socket is bound to one. */
void weir__sim_place_towards(const struct sim_socket *socket, const struct sim_place *to,
                             struct sim_place *from);

/* ---- datagrams: datagram.c ---- */

struct msghdr;

void weir__sim_datagrams_init(void);
void weir__sim_datagrams_fini(void);
/* Drops what has come to a socket. */
void weir__sim_datagrams_drop(struct sim_socket *socket);
int weir__sim_datagram_send(struct sim_socket *socket, const struct msghdr *message);
int weir__sim_datagram_recv(struct sim_socket *socket, struct msghdr *message, int flags);
/* The POLL bits that are true of the socket. */
short weir__sim_datagram_ready(const struct sim_socket *socket);

/* ---- connections: wire.c ---- */

/* Begins a connection of the socket, whose place is known: 0, or -EINPROGRESS. */
int weir__sim_wire_connect(struct sim_socket *socket, const struct sim_place *to);
/* The same for UNIX sockets, at once: 0, WEIR_ECONNREFUSED or WEIR_EAGAIN (a full backlog). */
int weir__sim_wire_connect_now(struct sim_socket *socket, const struct sim_place *to);
int weir__sim_wire_send(struct sim_end *end, const void *base, size_t len);
int weir__sim_wire_recv(struct sim_end *end, void *base, size_t len, int flags);
void weir__sim_wire_shut(struct sim_end *end);
/* The socket lets go of its end: with a reset if it asks for one, or has not read everything. */
void weir__sim_wire_close(struct sim_end *end, bool reset);
/* A listener has gone: so have those that wait at it. */
void weir__sim_wire_refuse(struct sim_socket *listener);
/* Resets both ends at once. */
void weir__sim_wire_break(struct sim_connection *connection);
/* The ends of a life that is over. */
void weir__sim_wire_crash(uint32_t life);
/* The end learns that its connection is gone. */
void weir__sim_wire_fail(struct sim_end *end, int error);
/* Whether what is sent now would reach the other host, whose present life *life is. */
bool weir__sim_wire_reaches(const struct sim_end *end, uint32_t *life);
/* The POLL bits that are true of an end. */
short weir__sim_wire_ready(const struct sim_end *end);
size_t weir__sim_wire_room(const struct sim_end *end);
void weir__sim_wire_fini(void);

static inline struct sim_end *weir__sim_peer(const struct sim_end *end)
{
    struct sim_connection *connection = end->connection;

    return end == &connection->ends[0] ? &connection->ends[1] : &connection->ends[0];
}

/* ---- keepalive.c ---- */

/* The options of the end's socket have changed, or the end has opened. */
void weir__sim_keepalive(struct sim_end *end);

/* ---- hosts and links: host.c ---- */

/* Begins with host 0. */
int weir__sim_hosts_init(void);
void weir__sim_hosts_fini(void);
/* The host that has this address, or -1. */
int weir__sim_host_find(uint32_t address);
int weir__sim_host_resolve(const char *name, uint32_t *address);
bool weir__sim_link_is_cut(uint32_t a, uint32_t b);
/* How long so many bytes take from a host to another if they are sent now; lost ones are sent
 * again after `again_ns`, then after twice as long. */
int64_t weir__sim_link_takes(uint32_t from, uint32_t to, size_t len, int64_t again_ns);
/* The same for a datagram in so many fragments; -1: it is lost. */
int64_t weir__sim_link_carries(uint32_t from, uint32_t to, size_t len, size_t fragments);
/* Whether a datagram that is sent now comes twice. */
bool weir__sim_link_repeats(uint32_t from, uint32_t to);

/* ---- disks: volume.h, volume.c ---- */

void weir__sim_disks_fini(void);

/* ---- real descriptors: outside.c ---- */

int weir__sim_outside_init(void);
void weir__sim_outside_fini(void);
void weir__sim_outside_add(struct weir_op *op);
bool weir__sim_outside_take(struct weir_op *op);

/* ---- operations: sim.c ---- */

/* The socket has changed: what waits for it is tried again. */
void weir__sim_stir(struct sim_socket *socket);
/* The operation, which waits nowhere now, is tried again. */
void weir__sim_ready(struct weir_op *op);

#endif
