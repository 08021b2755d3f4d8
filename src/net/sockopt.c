/* net/sockopt.c - options of all kinds of sockets, from one table. See <weir/sockopt.h>. */
#include <weir/sockopt.h>

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "core/handle.h"
#include "net/listener.h"
#include "net/socket.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sockopt.h"

/* Names that the system's headers may lack, with the kernel that brought them. */
#if !defined(SO_PREFER_BUSY_POLL)
#define SO_PREFER_BUSY_POLL 69 /* 5.11 */
#endif
#if !defined(SO_BUSY_POLL_BUDGET)
#define SO_BUSY_POLL_BUDGET 70 /* 5.11 */
#endif
#if !defined(SO_PASSPIDFD)
#define SO_PASSPIDFD 76 /* 6.5 */
#endif
#if !defined(SO_BINDTOIFINDEX)
#define SO_BINDTOIFINDEX 62 /* 5.1 */
#endif
#if !defined(IP_LOCAL_PORT_RANGE)
#define IP_LOCAL_PORT_RANGE 51 /* 6.3 */
#endif
#if !defined(IPV6_MULTICAST_ALL)
#define IPV6_MULTICAST_ALL 29 /* 4.20 */
#endif
#if !defined(IPV6_FREEBIND)
#define IPV6_FREEBIND 78 /* 4.15 */
#endif
#if !defined(TCP_TX_DELAY)
#define TCP_TX_DELAY 37 /* 5.3 */
#endif
#if !defined(UDP_NO_CHECK6_TX)
#define UDP_NO_CHECK6_TX 101
#endif
#if !defined(UDP_NO_CHECK6_RX)
#define UDP_NO_CHECK6_RX 102
#endif
#if !defined(UDP_SEGMENT)
#define UDP_SEGMENT 103 /* 4.18 */
#endif
#if !defined(UDP_GRO)
#define UDP_GRO 104 /* 5.0 */
#endif
#define VSOCK_BUFFER     0
#define VSOCK_BUFFER_MIN 1
#define VSOCK_BUFFER_MAX 2
#define SCTP             132
#define SCTP_NO_DELAY    3

enum kind {
    NONE,
    BOOL,
    INT,
    U64,
    LINGER,    /* struct linger */
    INTERFACE, /* struct ip_mreqn for IPv4 */
    ERROR,     /* an errno */
    QUEUE,     /* an ioctl that tells of a queue */
    TEXT
};

#define GET 1u
#define SET 2u

struct entry {
    const char *name;
    enum weir_sockopt option;
    uint8_t kind;
    uint8_t ways;
    int16_t level, number;   /* of all sockets, or those that are not IPv6 */
    int16_t level6, number6; /* of IPv6 sockets, if `level6` is not 0 */
};

#define BOTH (GET | SET)
#define SOCKET(x, kind, ways, n)                                                                   \
    {                                                                                              \
#n, WEIR_SOCKOPT_##x, kind, ways, SOL_SOCKET, n, 0, 0                                      \
    }
#define TCP(x, kind, n)                                                                            \
    {                                                                                              \
#n, WEIR_SOCKOPT_##x, kind, BOTH, IPPROTO_TCP, n, 0, 0                                     \
    }
#define UDP(x, kind, n)                                                                            \
    {                                                                                              \
#n, WEIR_SOCKOPT_##x, kind, BOTH, IPPROTO_UDP, n, 0, 0                                     \
    }
#define IP(x, kind, ways, n, n6)                                                                   \
    {                                                                                              \
#n, WEIR_SOCKOPT_##x, kind, ways, IPPROTO_IP, n, IPPROTO_IPV6, n6                          \
    }
#define IP4(x, kind, n)                                                                            \
    {                                                                                              \
#n, WEIR_SOCKOPT_##x, kind, BOTH, IPPROTO_IP, n, 0, 0                                      \
    }
#define IP6(x, kind, n)                                                                            \
    {                                                                                              \
#n, WEIR_SOCKOPT_##x, kind, BOTH, IPPROTO_IPV6, n, 0, 0                                    \
    }

static const struct entry table[] = {
    SOCKET(BROADCAST, BOOL, BOTH, SO_BROADCAST),
    SOCKET(DEBUG, BOOL, BOTH, SO_DEBUG),
    SOCKET(DONT_ROUTE, BOOL, BOTH, SO_DONTROUTE),
    SOCKET(KEEPALIVE, BOOL, BOTH, SO_KEEPALIVE),
    SOCKET(LINGER, LINGER, BOTH, SO_LINGER),
    SOCKET(OOB_INLINE, BOOL, BOTH, SO_OOBINLINE),
    SOCKET(REUSE_ADDRESS, BOOL, BOTH, SO_REUSEADDR),
    SOCKET(REUSE_PORT, BOOL, BOTH, SO_REUSEPORT),
    SOCKET(RECEIVE_BUFFER, INT, BOTH, SO_RCVBUF),
    SOCKET(SEND_BUFFER, INT, BOTH, SO_SNDBUF),
    SOCKET(RECEIVE_BUFFER_FORCE, INT, SET, SO_RCVBUFFORCE),
    SOCKET(SEND_BUFFER_FORCE, INT, SET, SO_SNDBUFFORCE),
    SOCKET(RECEIVE_LOW_WATER, INT, BOTH, SO_RCVLOWAT),
    SOCKET(SEND_LOW_WATER, INT, GET, SO_SNDLOWAT),
    SOCKET(PRIORITY, INT, BOTH, SO_PRIORITY),
    SOCKET(MARK, INT, BOTH, SO_MARK),
    SOCKET(BIND_DEVICE, TEXT, BOTH, SO_BINDTODEVICE),
    SOCKET(BIND_INTERFACE, INT, BOTH, SO_BINDTOIFINDEX),
    SOCKET(BUSY_POLL, INT, BOTH, SO_BUSY_POLL),
    SOCKET(PREFER_BUSY_POLL, BOOL, BOTH, SO_PREFER_BUSY_POLL),
    SOCKET(BUSY_POLL_BUDGET, INT, SET, SO_BUSY_POLL_BUDGET),
    SOCKET(INCOMING_CPU, INT, BOTH, SO_INCOMING_CPU),
    SOCKET(INCOMING_NAPI, INT, GET, SO_INCOMING_NAPI_ID),
    SOCKET(TIMESTAMPING, INT, BOTH, SO_TIMESTAMPING),
    SOCKET(ZEROCOPY, BOOL, BOTH, SO_ZEROCOPY),
    SOCKET(PACING_RATE, U64, BOTH, SO_MAX_PACING_RATE),
    SOCKET(PASS_CREDENTIALS, BOOL, BOTH, SO_PASSCRED),
    SOCKET(PASS_SECURITY, BOOL, BOTH, SO_PASSSEC),
    SOCKET(PASS_PROCESS, BOOL, BOTH, SO_PASSPIDFD),
    SOCKET(PEEK_OFFSET, INT, BOTH, SO_PEEK_OFF),
    SOCKET(SELECT_ERRORS, BOOL, BOTH, SO_SELECT_ERR_QUEUE),
    SOCKET(NO_CHECKSUM, BOOL, BOTH, SO_NO_CHECK),
    SOCKET(RECEIVE_DROPPED, BOOL, BOTH, SO_RXQ_OVFL),
    SOCKET(TYPE, INT, GET, SO_TYPE),
    SOCKET(FAMILY, INT, GET, SO_DOMAIN),
    SOCKET(PROTOCOL, INT, GET, SO_PROTOCOL),
    SOCKET(ERROR, ERROR, GET, SO_ERROR),
    SOCKET(LISTENING, BOOL, GET, SO_ACCEPTCONN),
    SOCKET(COOKIE, U64, GET, SO_COOKIE),
    {"SIOCINQ", WEIR_SOCKOPT_READABLE, QUEUE, GET, 0, WEIR__QUEUE_READABLE, 0, 0},
    {"SIOCOUTQ", WEIR_SOCKOPT_UNSENT, QUEUE, GET, 0, WEIR__QUEUE_UNSENT, 0, 0},
    {"SIOCATMARK", WEIR_SOCKOPT_AT_MARK, QUEUE, GET, 0, WEIR__QUEUE_AT_MARK, 0, 0},
    IP(TTL, INT, BOTH, IP_TTL, IPV6_UNICAST_HOPS),
    IP(TRAFFIC_CLASS, INT, BOTH, IP_TOS, IPV6_TCLASS),
    IP6(V6ONLY, BOOL, IPV6_V6ONLY),
    IP(MULTICAST_TTL, INT, BOTH, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS),
    IP(MULTICAST_LOOP, BOOL, BOTH, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP),
    IP(MULTICAST_INTERFACE, INTERFACE, BOTH, IP_MULTICAST_IF, IPV6_MULTICAST_IF),
    IP(MULTICAST_ALL, BOOL, BOTH, IP_MULTICAST_ALL, IPV6_MULTICAST_ALL),
    IP(MTU_DISCOVER, INT, BOTH, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER),
    IP(MTU, INT, GET, IP_MTU, IPV6_MTU),
    IP(RECEIVE_ERRORS, BOOL, BOTH, IP_RECVERR, IPV6_RECVERR),
    IP(FREE_BIND, BOOL, BOTH, IP_FREEBIND, IPV6_FREEBIND),
    IP(TRANSPARENT, BOOL, BOTH, IP_TRANSPARENT, IPV6_TRANSPARENT),
    IP(HEADER_INCLUDED, BOOL, BOTH, IP_HDRINCL, IPV6_HDRINCL),
    IP4(LATE_PORT, BOOL, IP_BIND_ADDRESS_NO_PORT),
    IP(MINIMUM_TTL, INT, BOTH, IP_MINTTL, IPV6_MINHOPCOUNT),
    IP4(PORT_RANGE, INT, IP_LOCAL_PORT_RANGE),
    IP6(AUTO_FLOW_LABEL, BOOL, IPV6_AUTOFLOWLABEL),
    IP6(DONT_FRAGMENT, BOOL, IPV6_DONTFRAG),
    IP(RECEIVE_ORIGINAL, BOOL, BOTH, IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR),
    IP6(CHECKSUM_OFFSET, INT, IPV6_CHECKSUM),
    IP(ROUTER_ALERT, INT, BOTH, IP_ROUTER_ALERT, IPV6_ROUTER_ALERT),
    TCP(NODELAY, BOOL, TCP_NODELAY),
    TCP(CORK, BOOL, TCP_CORK),
    TCP(KEEP_IDLE, INT, TCP_KEEPIDLE),
    TCP(KEEP_INTERVAL, INT, TCP_KEEPINTVL),
    TCP(KEEP_COUNT, INT, TCP_KEEPCNT),
    TCP(USER_TIMEOUT, INT, TCP_USER_TIMEOUT),
    TCP(QUICKACK, BOOL, TCP_QUICKACK),
    TCP(DEFER_ACCEPT, INT, TCP_DEFER_ACCEPT),
    TCP(FAST_OPEN, INT, TCP_FASTOPEN),
    TCP(FAST_OPEN_CONNECT, BOOL, TCP_FASTOPEN_CONNECT),
    TCP(FAST_OPEN_NO_COOKIE, BOOL, TCP_FASTOPEN_NO_COOKIE),
    TCP(MAXIMUM_SEGMENT, INT, TCP_MAXSEG),
    TCP(SYN_COUNT, INT, TCP_SYNCNT),
    TCP(FIN_TIMEOUT, INT, TCP_LINGER2),
    TCP(WINDOW_CLAMP, INT, TCP_WINDOW_CLAMP),
    TCP(UNSENT_LOW_WATER, INT, TCP_NOTSENT_LOWAT),
    TCP(CONGESTION, TEXT, TCP_CONGESTION),
    TCP(UPPER_PROTOCOL, TEXT, TCP_ULP),
    TCP(SAVE_SYN, INT, TCP_SAVE_SYN),
    TCP(THIN_TIMEOUTS, BOOL, TCP_THIN_LINEAR_TIMEOUTS),
    TCP(TRANSMIT_DELAY, INT, TCP_TX_DELAY),
    TCP(INQ, BOOL, TCP_INQ),
    TCP(TIMESTAMP, INT, TCP_TIMESTAMP),
    UDP(UDP_SEGMENT, INT, UDP_SEGMENT),
    UDP(UDP_GRO, BOOL, UDP_GRO),
    UDP(UDP_CORK, BOOL, UDP_CORK),
    UDP(UDP_NO_CHECKSUM6_SEND, BOOL, UDP_NO_CHECK6_TX),
    UDP(UDP_NO_CHECKSUM6_RECEIVE, BOOL, UDP_NO_CHECK6_RX),
    {"SO_VM_SOCKETS_BUFFER_SIZE", WEIR_SOCKOPT_VSOCK_BUFFER, U64, BOTH, AF_VSOCK, VSOCK_BUFFER, 0,
     0},
    {"SO_VM_SOCKETS_BUFFER_MIN_SIZE", WEIR_SOCKOPT_VSOCK_BUFFER_MIN, U64, BOTH, AF_VSOCK,
     VSOCK_BUFFER_MIN, 0, 0},
    {"SO_VM_SOCKETS_BUFFER_MAX_SIZE", WEIR_SOCKOPT_VSOCK_BUFFER_MAX, U64, BOTH, AF_VSOCK,
     VSOCK_BUFFER_MAX, 0, 0},
    {"SCTP_NODELAY", WEIR_SOCKOPT_SCTP_NODELAY, BOOL, BOTH, SCTP, SCTP_NO_DELAY, 0, 0},
};

static const struct entry *entry_of(enum weir_sockopt option)
{
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].option == option)
            return &table[i];
    }
    return NULL;
}

const char *weir_sockopt_name(enum weir_sockopt option)
{
    const struct entry *entry = entry_of(option);

    return entry ? entry->name : NULL;
}

/* ---- whose socket ---- */

/* A pinned object of any of the three kinds. */
struct pinned {
    enum weir__handle_kind kind;
    void *object;
    int fd;
};

static int pin(uint64_t id, struct pinned *out)
{
    int rc = WEIR_EBADHANDLE;

    out->kind = (enum weir__handle_kind)(id >> 56);
    out->object = NULL;
    switch (out->kind) {
    case WEIR__KIND_STREAM: {
        struct weir__stream *stream = weir__stream_enter_socket((weir_stream){id}, 0, &rc);

        out->object = stream;
        out->fd = stream ? stream->fd.number : -1;
        break;
    }
    case WEIR__KIND_LISTENER: {
        struct weir__listener *listener = weir__listener_enter((weir_listener){id}, &rc);

        out->object = listener;
        out->fd = listener ? listener->fd : -1;
        break;
    }
    case WEIR__KIND_SOCKET: {
        struct weir__socket *socket = weir__socket_enter((weir_socket){id}, &rc);

        out->object = socket;
        out->fd = socket ? socket->fd.number : -1;
        break;
    }
    case WEIR__KIND_NONE:
    case WEIR__KIND_CHAN:
    case WEIR__KIND_ONESHOT:
    case WEIR__KIND_BROADCAST:
    case WEIR__KIND_WATCH:
    case WEIR__KIND_TASK:
    case WEIR__KIND_TOKEN:
    case WEIR__KIND_STRAND:
    case WEIR__KIND_FILE:
    case WEIR__KIND_DIR:
    case WEIR__KIND_PROCESS:
    case WEIR__KIND_SIGNALS:
    case WEIR__KIND_NETIF_WATCH:
    case WEIR__KIND_FS_WATCH:
        break;
    }
    return out->object ? 0 : rc;
}

static void unpin(const struct pinned *pinned)
{
    if (pinned->kind == WEIR__KIND_STREAM)
        weir__stream_leave(pinned->object, 0);
    else if (pinned->kind == WEIR__KIND_LISTENER)
        weir__listener_leave(pinned->object);
    else
        weir__socket_leave(pinned->object);
}

/* ---- values ---- */

/* One option of one socket. */
struct named {
    int fd, level, number;
    enum kind kind;
    bool six;
};

static struct named name_of(const struct entry *entry, int fd)
{
    bool six = entry->level6 && weir__sockopt_family(fd) == AF_INET6;

    return (struct named){fd, six ? entry->level6 : entry->level,
                          six ? entry->number6 : entry->number, (enum kind)entry->kind, six};
}

static int get_bytes(const struct named *named, void *out, socklen_t size)
{
    return weir__sys_getsockopt(named->fd, named->level, named->number, out, &size);
}

static int set_bytes(const struct named *named, const void *value, socklen_t size)
{
    return weir__sys_setsockopt(named->fd, named->level, named->number, value, size);
}

static int set_int(const struct named *named, int64_t value)
{
    int number = (int)value;

    if (named->kind == BOOL ? value != 0 && value != 1 : value < INT_MIN || value > UINT32_MAX)
        return WEIR_EINVAL;
    return set_bytes(named, &number, sizeof number);
}

static int set_interface(const struct named *named, int64_t value)
{
    struct ip_mreqn request = {.imr_ifindex = (int)value};

    if (value < 0 || value > INT_MAX)
        return WEIR_EINVAL;
    return named->six ? set_int(named, value) : set_bytes(named, &request, sizeof request);
}

static int set_value(const struct named *named, int64_t value)
{
    uint64_t wide = (uint64_t)value;

    switch (named->kind) {
    case BOOL:
    case INT:
        return set_int(named, value);
    case U64:
        return set_bytes(named, &wide, sizeof wide);
    case LINGER:
        return value > 0 ? WEIR_ENOTSUP : weir__sockopt_linger(named->fd, value < 0 ? -1 : 0);
    case INTERFACE:
        return set_interface(named, value);
    case NONE:
    case ERROR:
    case QUEUE:
    case TEXT:
        break;
    }
    return WEIR_EINVAL;
}

static int get_int(const struct named *named, int64_t *out)
{
    int number = 0;
    int rc = get_bytes(named, &number, sizeof number);

    if (rc == 0)
        *out = number;
    return rc;
}

static int get_u64(const struct named *named, int64_t *out)
{
    uint64_t wide = 0;
    int rc = get_bytes(named, &wide, sizeof wide);

    if (rc == 0)
        *out = (int64_t)wide;
    return rc;
}

static int get_linger(const struct named *named, int64_t *out)
{
    int rc = weir__sockopt_get_linger(named->fd);

    if (rc >= 0 || rc == WEIR_ENOENT)
        *out = rc == WEIR_ENOENT ? -1 : rc;
    return rc >= 0 || rc == WEIR_ENOENT ? 0 : rc;
}

static int get_value(const struct named *named, int64_t *out)
{
    int rc;

    switch (named->kind) {
    case BOOL:
    case INT:
        return get_int(named, out);
    case U64:
        return get_u64(named, out);
    case LINGER:
        return get_linger(named, out);
    case INTERFACE:
        /* the kernel tells the IPv4 one as an address alone */
        return named->six ? get_int(named, out) : WEIR_ENOTSUP;
    case ERROR:
        rc = get_int(named, out);
        if (rc == 0)
            *out = -*out;
        return rc;
    case QUEUE:
        return weir__sockopt_queue(named->fd, named->number, out);
    case NONE:
    case TEXT:
        break;
    }
    return WEIR_EINVAL;
}

static int unknown(int rc)
{
    return rc == WEIR_ENOPROTOOPT || rc == -EOPNOTSUPP || rc == -ENOTTY ? WEIR_ENOTSUP : rc;
}

static const struct entry *entry_for(enum weir_sockopt option, bool text, uint8_t way, int *error)
{
    const struct entry *entry = entry_of(option);

    *error = WEIR_EINVAL;
    if (!entry || (entry->kind == TEXT) != text)
        return NULL;
    *error = WEIR_ENOTSUP;
    return entry->ways & way ? entry : NULL;
}

int weir_sockopt_set(uint64_t id, enum weir_sockopt option, int64_t value)
{
    WEIR__CALL;
    struct pinned pinned;
    struct named named;
    int rc;
    const struct entry *entry = entry_for(option, false, SET, &rc);

    if (entry)
        rc = pin(id, &pinned);
    if (rc < 0)
        return rc;
    named = name_of(entry, pinned.fd);
    rc = unknown(set_value(&named, value));
    unpin(&pinned);
    return rc;
}

int weir_sockopt_get(uint64_t id, enum weir_sockopt option, int64_t *out)
{
    WEIR__CALL;
    struct pinned pinned;
    struct named named;
    int rc;
    const struct entry *entry = entry_for(option, false, GET, &rc);

    if (entry)
        rc = pin(id, &pinned);
    if (rc < 0)
        return rc;
    named = name_of(entry, pinned.fd);
    rc = unknown(get_value(&named, out));
    unpin(&pinned);
    return rc;
}

int weir_sockopt_set_text(uint64_t id, enum weir_sockopt option, const char *text)
{
    WEIR__CALL;
    struct pinned pinned;
    int rc;
    const struct entry *entry = entry_for(option, true, SET, &rc);

    if (entry)
        rc = pin(id, &pinned);
    if (rc < 0)
        return rc;
    rc = unknown(weir__sys_setsockopt(pinned.fd, entry->level, entry->number, text,
                                      (socklen_t)strnlen(text, 256)));
    unpin(&pinned);
    return rc;
}

int weir_sockopt_get_text(uint64_t id, enum weir_sockopt option, char *out, size_t cap)
{
    WEIR__CALL;
    char text[256] = "";
    socklen_t size = sizeof text - 1;
    struct pinned pinned;
    size_t len;
    int rc;
    const struct entry *entry = entry_for(option, true, GET, &rc);

    if (entry)
        rc = pin(id, &pinned);
    if (rc < 0)
        return rc;
    rc = unknown(weir__sys_getsockopt(pinned.fd, entry->level, entry->number, text, &size));
    unpin(&pinned);
    len = strlen(text);
    if (rc < 0 || len >= cap)
        return rc < 0 ? rc : WEIR_ENOBUFS;
    memcpy(out, text, len + 1);
    return (int)len;
}

int weir_sockopt_set_raw(uint64_t id, int level, int name, const void *value, uint32_t len)
{
    WEIR__CALL;
    struct pinned pinned;
    int rc = pin(id, &pinned);

    if (rc < 0)
        return rc;
    rc = weir__sys_setsockopt(pinned.fd, level, name, value, len);
    unpin(&pinned);
    return rc;
}

int weir_sockopt_get_raw(uint64_t id, int level, int name, void *value, uint32_t *len)
{
    WEIR__CALL;
    struct pinned pinned;
    int rc = pin(id, &pinned);

    if (rc < 0)
        return rc;
    rc = weir__sys_getsockopt(pinned.fd, level, name, value, len);
    unpin(&pinned);
    return rc;
}
