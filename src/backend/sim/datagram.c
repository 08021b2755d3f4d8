/* backend/sim/datagram.c - datagrams of the simulator; see sim.h.
 *
 * Each takes its own time, so they overtake each other; within a host they do not. One may be lost,
 * or come twice. A larger one goes in fragments, and is lost with any of them. What comes to a port
 * that nobody has is answered by a refusal, which is an error of the sender's socket if that is
 * connected. What finds no room in the receiver's buffer is gone.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <weir/error.h>

#include <linux/errqueue.h> /* which needs struct timespec */

#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "base/container.h"
#include "sys/network.h"
#include "sys/sys.h"

#define LEN_MAX        65507 /* bytes, with the headers 65535 */
#define MTU            1500
#define HEADERS        28
#define UDP_HEADER     8
#define FRAGMENT       1480
#define BUFFER_DEFAULT 212992
#define OVERHEAD       256 /* that each takes of a buffer, besides its bytes */
#define SEGMENTS_MAX   64  /* of one message that is cut by the sender's wish */

#if !defined(UDP_SEGMENT)
#define UDP_SEGMENT 103 /* 4.18 */
#endif

struct sim_datagram {
    struct weir__list link; /* of all that are under way, or of a socket */
    struct weir__sim_event arrival;
    struct sim_place from, to;
    uint32_t from_host, to_host;
    uint32_t life; /* of the sender */
    uint32_t len;
    bool refusal;
    unsigned char bytes[];
};

static struct weir__list under_way;

static struct sim_datagram *datagram_of(const struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct sim_datagram, link);
}

static struct sim_socket *socket_of(const struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct sim_socket, link);
}

void weir__sim_datagrams_init(void)
{
    weir__list_init(&under_way);
}

void weir__sim_datagrams_fini(void)
{
    struct weir__list *link;

    while ((link = weir__list_pop_front(&under_way))) {
        weir__sim_unschedule(&datagram_of(link)->arrival);
        weir__free(datagram_of(link));
    }
}

void weir__sim_datagrams_drop(struct sim_socket *socket)
{
    struct weir__list *link;

    while ((link = weir__list_pop_front(&socket->datagrams)))
        weir__free(datagram_of(link));
    while ((link = weir__list_pop_front(&socket->refused)))
        weir__free(datagram_of(link));
    socket->queued = 0;
}

/* ---- on the way ---- */

static void arrive(struct weir__sim_event *event);

/* Sends it on its way, or loses it; the link is its memory's owner then. */
static void dispatch(struct sim_datagram *datagram, uint64_t *last_ns)
{
    uint32_t from = datagram->from_host, to = datagram->to_host;
    int64_t takes_ns = weir__sim_link_carries(
        from, to, datagram->len + HEADERS, (datagram->len + UDP_HEADER + FRAGMENT - 1) / FRAGMENT);
    uint64_t at_ns = weir__now_ns() + (uint64_t)takes_ns;

    if (takes_ns < 0) {
        weir__free(datagram);
        return;
    }
    if (from == to && last_ns) {
        if (at_ns <= *last_ns)
            at_ns = *last_ns + 1;
        *last_ns = at_ns;
    }
    weir__list_push_back(&under_way, &datagram->link);
    datagram->arrival.fire = arrive;
    weir__sim_schedule(&datagram->arrival, at_ns);
}

/* The same with one that nobody else has; the other, if it comes twice, is a copy. */
static void dispatch_copies(struct sim_datagram *datagram, uint64_t *last_ns)
{
    size_t size = sizeof *datagram + datagram->len;
    struct sim_datagram *copy = NULL;

    if (weir__sim_link_repeats(datagram->from_host, datagram->to_host))
        copy = weir__alloc(size);
    if (copy) {
        memcpy(copy, datagram, size);
        dispatch(copy, last_ns);
    }
    dispatch(datagram, last_ns);
}

/* ---- arriving ---- */

static bool same_place(const struct sim_place *a, const struct sim_place *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* How well the socket fits what comes to a place: 0: not at all. */
static int fit(const struct sim_socket *socket, const struct sim_datagram *datagram)
{
    if (socket->type != SOCK_DGRAM || !socket->bound
        || !weir__sim_listens_at(socket, &datagram->to))
        return 0;
    if (socket->connected && !same_place(&socket->remote, &datagram->from))
        return 0;
    return 1 + 2 * socket->connected + !weir__sim_place_any(&socket->place);
}

/* The socket that fits best; one by chance, if several share the place. */
static struct sim_socket *find_receiver(const struct sim_datagram *datagram, uint32_t life)
{
    struct sim_socket *found = NULL;
    struct weir__list *at;
    uint32_t count = 0;
    int best = 0;

    for (at = weir__sim_sockets.next; at != &weir__sim_sockets; at = at->next) {
        struct sim_socket *socket = socket_of(at);
        int fits = socket->dead || socket->life != life ? 0 : fit(socket, datagram);

        if (!fits || fits < best)
            continue;
        count = fits > best ? 1 : count + 1;
        best = fits;
        if (count == 1 || weir__sim_below(count) == 0)
            found = socket;
    }
    return found;
}

/* Nobody has the port: the datagram goes back as a refusal. */
static void refuse(struct sim_datagram *datagram)
{
    struct sim_place from = datagram->from;
    uint32_t host = datagram->from_host;

    datagram->from = datagram->to;
    datagram->to = from;
    datagram->from_host = datagram->to_host;
    datagram->to_host = host;
    datagram->refusal = true;
    dispatch(datagram, NULL);
}

static bool keeps_errors(const struct sim_socket *socket)
{
    return weir__sim_option(socket, IPPROTO_IP, IP_RECVERR, 0);
}

/* The socket that it is an error of: the sender's, if that has a peer or keeps errors. */
static struct sim_socket *find_sender(const struct sim_datagram *datagram)
{
    struct weir__list *at;

    for (at = weir__sim_sockets.next; at != &weir__sim_sockets; at = at->next) {
        struct sim_socket *socket = socket_of(at);

        if (socket->type == SOCK_DGRAM && socket->life == datagram->life && !socket->dead
            && socket->place.port == datagram->to.port
            && (socket->connected ? same_place(&socket->remote, &datagram->from)
                                  : keeps_errors(socket)))
            return socket;
    }
    return NULL;
}

/* A refusal has come to the sender. */
static void take_refusal(struct sim_datagram *datagram)
{
    struct sim_socket *socket = find_sender(datagram);

    if (socket) {
        socket->error = WEIR_ECONNREFUSED;
        weir__sim_stir(socket);
    }
    if (socket && keeps_errors(socket))
        weir__list_push_back(&socket->refused, &datagram->link);
    else
        weir__free(datagram);
}

static void take_in(struct sim_socket *socket, struct sim_datagram *datagram)
{
    size_t cost = datagram->len + OVERHEAD;
    int room = weir__sim_option(socket, SOL_SOCKET, SO_RCVBUF, BUFFER_DEFAULT);

    if (socket->rd_shut || socket->queued + cost > (size_t)room) {
        weir__free(datagram);
        return;
    }
    socket->queued += cost;
    weir__list_push_back(&socket->datagrams, &datagram->link);
    weir__sim_stir(socket);
}

static void arrive(struct weir__sim_event *event)
{
    struct sim_datagram *datagram = WEIR_CONTAINER_OF(event, struct sim_datagram, arrival);
    uint32_t host = datagram->to_host, life = weir__sim_host_life(host);
    struct sim_socket *socket;

    weir__list_remove(&datagram->link);
    weir__sim_note(datagram->len + ((uint64_t)datagram->refusal << 32));
    if ((host && !life) || weir__sim_link_is_cut(datagram->from_host, host)) {
        weir__free(datagram);
        return;
    }
    if (datagram->refusal) {
        take_refusal(datagram);
        return;
    }
    socket = find_receiver(datagram, life);
    if (socket)
        take_in(socket, datagram);
    else
        refuse(datagram);
}

/* ---- sending ---- */

static bool is_for_many(const struct sim_place *place)
{
    if (weir__sim_place_v4(place))
        return place->ip[12] >= 224; /* groups, and all of a network */
    return place->ip[0] == 0xff;
}

/* Where a message goes: 0, or -errno. */
static int read_target(const struct sim_socket *socket, const struct msghdr *message,
                       struct sim_place *to)
{
    int rc = 0;

    if (message->msg_name && message->msg_namelen)
        rc = weir__sim_place_read(to, message->msg_name, message->msg_namelen);
    else if (socket->connected)
        *to = socket->remote;
    else
        rc = -EDESTADDRREQ;
    if (rc < 0)
        return rc;
    if (to->family == AF_UNIX || (to->family == AF_INET6 && socket->family == AF_INET))
        return -EAFNOSUPPORT;
    if (!to->port)
        return WEIR_EINVAL;
    if (weir__sim_place_any(to)) /* as Linux: the host itself */
        weir__sim_place_set(to, htonl(INADDR_LOOPBACK));
    return is_for_many(to) ? WEIR_ENOTSUP : 0;
}

/* The host at a place, or -1. */
static int host_at(const struct sim_socket *socket, const struct sim_place *to)
{
    if (weir__sim_place_loopback(to))
        return (int)weir__sim_life_host(socket->life);
    return weir__sim_place_v4(to) ? weir__sim_host_find(weir__sim_place_address(to)) : -1;
}

/* In how many bytes each the sender wants the message cut; 0: not at all. */
static size_t segment_of(const struct msghdr *message)
{
    struct msghdr copy = *message;
    struct cmsghdr *at;
    uint16_t segment = 0;

    for (at = CMSG_FIRSTHDR(&copy); at; at = CMSG_NXTHDR(&copy, at)) {
        if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_SEGMENT)
            memcpy(&segment, CMSG_DATA(at), sizeof segment);
    }
    return segment;
}

/* `len` bytes of a message, from `off` on. */
static void gather(unsigned char *out, const struct msghdr *message, size_t off, size_t len)
{
    size_t i;

    for (i = 0; i < message->msg_iovlen && len; i++) {
        const struct iovec *part = &message->msg_iov[i];
        size_t skip = off < part->iov_len ? off : part->iov_len;
        size_t n = part->iov_len - skip < len ? part->iov_len - skip : len;

        if (n)
            memcpy(out, (const char *)part->iov_base + skip, n);
        out += n;
        off -= skip;
        len -= n;
    }
}

static int send_one(struct sim_socket *socket, const struct sim_place *to,
                    const struct msghdr *message, size_t off, size_t len)
{
    struct sim_datagram *datagram = weir__calloc(1, sizeof *datagram + len);
    int host = host_at(socket, to);

    if (!datagram)
        return WEIR_ENOMEM;
    gather(datagram->bytes, message, off, len);
    datagram->len = (uint32_t)len;
    datagram->life = socket->life;
    datagram->from = socket->place;
    weir__sim_place_towards(socket, to, &datagram->from);
    datagram->to = *to;
    datagram->from_host = weir__sim_life_host(socket->life);
    if (host < 0) { /* to nowhere */
        weir__free(datagram);
        return 0;
    }
    datagram->to_host = (uint32_t)host;
    dispatch_copies(datagram, &socket->last_ns);
    return 0;
}

static size_t len_of(const struct msghdr *message)
{
    size_t i, len = 0;

    for (i = 0; i < message->msg_iovlen; i++)
        len += message->msg_iov[i].iov_len;
    return len;
}

/* Whether one of that length may go there in one piece, if the socket does not allow fragments. */
static bool fits_the_link(const struct sim_socket *socket, const struct sim_place *to, size_t len)
{
    bool whole =
        weir__sim_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT) >= IP_PMTUDISC_DO;

    return !whole || len + HEADERS <= MTU
           || host_at(socket, to) == (int)weir__sim_life_host(socket->life);
}

static int take_error(struct sim_socket *socket)
{
    int error = socket->error;

    socket->error = 0;
    return error;
}

int weir__sim_datagram_send(struct sim_socket *socket, const struct msghdr *message)
{
    size_t len = len_of(message), piece = segment_of(message), off = 0;
    struct sim_place to;
    int rc;

    if (socket->wr_shut)
        return WEIR_EPIPE;
    if (socket->error)
        return take_error(socket);
    rc = read_target(socket, message, &to);
    if (rc < 0)
        return rc;
    if (!piece)
        piece = len;
    if (len > LEN_MAX || (piece && len > piece * SEGMENTS_MAX))
        return WEIR_EMSGSIZE;
    if (!fits_the_link(socket, &to, piece))
        return WEIR_EMSGSIZE;
    rc = weir__sim_socket_bind_any(socket);
    do {
        size_t part = len - off < piece ? len - off : piece;

        if (rc == 0)
            rc = send_one(socket, &to, message, off, part);
        off += part;
    } while (rc == 0 && off < len);
    return rc < 0 ? rc : (int)len;
}

/* ---- receiving ---- */

static void scatter(struct msghdr *message, const unsigned char *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < message->msg_iovlen && len; i++) {
        size_t n = message->msg_iov[i].iov_len < len ? message->msg_iov[i].iov_len : len;

        if (n)
            memcpy(message->msg_iov[i].iov_base, bytes, n);
        bytes += n;
        len -= n;
    }
}

/* Adds a fact to a message, if there is room; `room` is what is left of it. */
static void put_fact(struct msghdr *message, size_t *room, int level, int type, const void *data,
                     size_t size)
{
    struct cmsghdr head = {.cmsg_len = CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
    unsigned char *at = (unsigned char *)message->msg_control + message->msg_controllen;

    if (*room < CMSG_SPACE(size)) {
        message->msg_flags |= MSG_CTRUNC;
        return;
    }
    memset(at, 0, CMSG_SPACE(size));
    memcpy(at, &head, sizeof head);
    memcpy(at + CMSG_LEN(0), data, size);
    message->msg_controllen += CMSG_SPACE(size);
    *room -= CMSG_SPACE(size);
}

/* One that came back: its bytes, where it was to go, and who says so. */
static int recv_refused(struct sim_socket *socket, struct msghdr *message, size_t facts_room)
{
    struct {
        struct sock_extended_err error;
        struct sockaddr_in offender;
    } fact = {.error = {.ee_errno = ECONNREFUSED,
                        .ee_origin = SO_EE_ORIGIN_ICMP,
                        .ee_type = 3, /* unreachable: the port */
                        .ee_code = 3}};
    struct weir__list *link = weir__list_pop_front(&socket->refused);
    struct sim_datagram *datagram = link ? datagram_of(link) : NULL;
    size_t room = len_of(message);
    socklen_t size = sizeof fact.offender;
    int len;

    if (!datagram)
        return WEIR_EAGAIN;
    len = (int)(datagram->len < room ? datagram->len : room);
    message->msg_flags = MSG_ERRQUEUE | (datagram->len > room ? MSG_TRUNC : 0);
    scatter(message, datagram->bytes, datagram->len);
    if (message->msg_name)
        weir__sim_place_write(&datagram->from, socket->family, message->msg_name,
                              &message->msg_namelen);
    datagram->from.port = 0;
    weir__sim_place_write(&datagram->from, AF_INET, (struct sockaddr *)&fact.offender, &size);
    put_fact(message, &facts_room, IPPROTO_IP, IP_RECVERR, &fact, sizeof fact);
    weir__free(datagram);
    return len;
}

/* What the socket wants to know of each message. */
static void put_facts(const struct sim_socket *socket, const struct sim_datagram *datagram,
                      struct msghdr *message, size_t room)
{
    struct in_pktinfo info = {.ipi_ifindex = 1};
    uint64_t now_ns = weir__wall_ns();
    struct timespec time = {(time_t)(now_ns / 1000000000), (long)(now_ns % 1000000000)};

    if (weir__sim_option(socket, IPPROTO_IP, IP_PKTINFO, 0) && weir__sim_place_v4(&datagram->to)) {
        info.ipi_addr.s_addr = info.ipi_spec_dst.s_addr = weir__sim_place_address(&datagram->to);
        put_fact(message, &room, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    if (weir__sim_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 0))
        put_fact(message, &room, SOL_SOCKET, SO_TIMESTAMPNS, &time, sizeof time);
}

int weir__sim_datagram_recv(struct sim_socket *socket, struct msghdr *message, int flags)
{
    struct sim_datagram *datagram;
    size_t room = len_of(message), facts_room = message->msg_controllen;
    int len;

    message->msg_flags = 0;
    message->msg_controllen = 0;
    if (flags & MSG_ERRQUEUE)
        return recv_refused(socket, message, facts_room);
    if (socket->error)
        return take_error(socket);
    if (weir__list_empty(&socket->datagrams)) {
        if (!socket->rd_shut)
            return WEIR_EAGAIN;
        message->msg_namelen = 0;
        return 0;
    }
    datagram = datagram_of(socket->datagrams.next);
    scatter(message, datagram->bytes, datagram->len);
    if (datagram->len > room)
        message->msg_flags |= MSG_TRUNC;
    if (message->msg_name)
        weir__sim_place_write(&datagram->from, socket->family, message->msg_name,
                              &message->msg_namelen);
    put_facts(socket, datagram, message, facts_room);
    len = (int)(datagram->len > room && !(flags & MSG_TRUNC) ? room : datagram->len);
    if (flags & MSG_PEEK)
        return len;
    weir__list_remove(&datagram->link);
    socket->queued -= datagram->len + OVERHEAD;
    weir__free(datagram);
    return len;
}

short weir__sim_datagram_ready(const struct sim_socket *socket)
{
    short ready = POLLOUT;

    if (!weir__list_empty(&socket->datagrams) || socket->rd_shut)
        ready |= POLLIN;
    if (socket->error)
        ready |= POLLIN | POLLERR;
    if (!weir__list_empty(&socket->refused))
        ready |= POLLERR;
    return ready;
}
