/* backend/sim/wire.c - connections of the simulator; see sim.h.
 *
 * A segment leaves when it is sent and arrives after what the link takes; one that cannot be
 * delivered then, because the link is cut or the host down, is tried again after a time that
 * doubles, until the connection gives up. A reset is tried once only. So a peer that has crashed is
 * not missed until something is sent, and answered by a host that is up again.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <weir/time.h>

#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "base/container.h"
#include "sys/sys.h"

#define AGAIN_NS       200000000 /* the first retransmission of data */
#define AGAIN_SYN_NS   1000000000
#define AGAIN_MAX_NS   120000000000
#define GIVE_UP_NS     900000000000
#define GIVE_UP_SYN_NS 127000000000
#define BUFFER_DEFAULT 65536
#define SPARES         4
#define SPLIT_ONE_IN   4 /* sends that arrive in two segments */

struct weir__list weir__sim_connections;

/* ---- memory ---- */

static void clear(struct sim_segments *segments)
{
    while (segments->head) {
        struct sim_segment *next = segments->head->next;

        weir__free(segments->head);
        segments->head = next;
    }
    segments->tail = NULL;
}

static void append(struct sim_segments *segments, struct sim_segment *segment)
{
    segment->next = NULL;
    if (segments->tail)
        segments->tail->next = segment;
    else
        segments->head = segment;
    segments->tail = segment;
}

static struct sim_segment *pop(struct sim_segments *segments)
{
    struct sim_segment *segment = segments->head;

    segments->head = segment->next;
    if (!segments->head)
        segments->tail = NULL;
    return segment;
}

static void release(struct sim_connection *connection)
{
    int i;

    weir__list_remove(&connection->link);
    weir__list_remove(&connection->pending);
    for (i = 0; i < 2; i++) {
        weir__sim_unschedule(&connection->ends[i].arrival);
        weir__sim_unschedule(&connection->ends[i].keepalive);
        clear(&connection->ends[i].received);
        clear(&connection->ends[i].sent);
        clear(&connection->ends[i].spare);
    }
    weir__free(connection);
}

/* Nobody holds it and nothing is under way. */
static bool is_over(const struct sim_connection *connection)
{
    int i;

    for (i = 0; i < 2; i++) {
        const struct sim_end *end = &connection->ends[i];

        if (end->socket || end->queued || end->sent.head)
            return false;
    }
    return true;
}

static void release_if_over(struct sim_connection *connection)
{
    if (is_over(connection))
        release(connection);
}

void weir__sim_wire_fini(void)
{
    while (!weir__list_empty(&weir__sim_connections))
        release(WEIR_CONTAINER_OF(weir__sim_connections.next, struct sim_connection, link));
}

static void stir(const struct sim_end *end)
{
    if (end->socket)
        weir__sim_stir(end->socket);
}

/* ---- sending ---- */

static int64_t again_of(const struct sim_end *end)
{
    return end->is_open ? AGAIN_NS : AGAIN_SYN_NS;
}

static uint32_t host_of(const struct sim_end *end)
{
    return weir__sim_life_host(end->life);
}

/* The host of the other end: by its address as long as nobody has answered; -1: there is none. */
static int host_beyond(const struct sim_end *end)
{
    const struct sim_end *peer = weir__sim_peer(end);

    if (peer->exists)
        return (int)host_of(peer);
    if (peer->place.family == AF_UNIX || weir__sim_place_loopback(&peer->place))
        return (int)host_of(end);
    return weir__sim_place_v4(&peer->place)
               ? weir__sim_host_find(weir__sim_place_address(&peer->place))
               : -1;
}

static void transmit(struct sim_end *end, struct sim_segment *segment)
{
    int to = host_beyond(end);
    uint32_t from = host_of(end);
    int64_t takes_ns =
        weir__sim_link_takes(from, to < 0 ? from : (uint32_t)to, segment->len, again_of(end));

    segment->at_ns = weir__now_ns() + (uint64_t)takes_ns;
    if (segment->at_ns < end->last_ns)
        segment->at_ns = end->last_ns;
    end->last_ns = segment->at_ns;
    append(&end->sent, segment);
    if (!weir__sim_scheduled(&end->arrival))
        weir__sim_schedule(&end->arrival, segment->at_ns);
}

static int send_segment(struct sim_end *end, enum sim_segment_kind kind, const void *bytes,
                        size_t len)
{
    struct sim_segment *segment;

    if (len == 0 && end->spare.head)
        segment = pop(&end->spare);
    else
        segment = weir__calloc(1, sizeof *segment + len);
    if (!segment)
        return WEIR_ENOMEM;
    segment->kind = (uint8_t)kind;
    segment->len = (uint32_t)len;
    if (len)
        memcpy(segment->bytes, bytes, len);
    transmit(end, segment);
    return 0;
}

/* For a dial or its answer, the end of a direction, and resets. */
static bool make_spares(struct sim_end *end)
{
    int i;

    for (i = 0; i < SPARES; i++) {
        struct sim_segment *segment = weir__calloc(1, sizeof *segment);

        if (!segment)
            return false;
        append(&end->spare, segment);
    }
    return true;
}

size_t weir__sim_wire_room(const struct sim_end *end)
{
    size_t most = (size_t)end->sndbuf + weir__sim_peer(end)->rcvbuf;

    return end->outstanding < most ? most - end->outstanding : 0;
}

static int take_error(struct sim_end *end)
{
    int error = end->error;

    end->error = 0;
    return error;
}

int weir__sim_wire_send(struct sim_end *end, const void *base, size_t len)
{
    size_t room = weir__sim_wire_room(end), first;
    int rc;

    if (end->error)
        return take_error(end);
    if (end->wr_shut || end->was_reset)
        return WEIR_EPIPE;
    if (!end->is_open || !room)
        return WEIR_EAGAIN;
    if (len > room)
        len = room;
    first = len;
    if (len > 1 && host_beyond(end) != (int)host_of(end) && weir__sim_below(SPLIT_ONE_IN) == 0)
        first = 1 + weir__sim_below((uint32_t)len - 1);
    rc = send_segment(end, SEGMENT_DATA, base, first);
    if (rc < 0)
        return rc;
    end->outstanding += first;
    if (first < len && send_segment(end, SEGMENT_DATA, (const char *)base + first, len - first) < 0)
        len = first;
    end->outstanding += len - first;
    return (int)len;
}

/* So many bytes are not outstanding any more. */
static void settle(struct sim_end *end, size_t len)
{
    bool full = !weir__sim_wire_room(end);

    end->outstanding -= len < end->outstanding ? len : end->outstanding;
    if (full)
        stir(end);
}

/* ---- ending ---- */

void weir__sim_wire_fail(struct sim_end *end, int error)
{
    clear(&end->sent);
    weir__sim_unschedule(&end->arrival);
    weir__sim_unschedule(&end->keepalive);
    end->outstanding = 0;
    end->error = error;
    end->was_reset = true;
    stir(end);
}

void weir__sim_wire_shut(struct sim_end *end)
{
    if (end->wr_shut)
        return;
    end->wr_shut = true;
    if (!end->was_reset && end->is_open)
        (void)send_segment(end, SEGMENT_FIN, NULL, 0);
}

void weir__sim_wire_close(struct sim_end *end, bool reset)
{
    struct sim_connection *connection = end->connection;

    end->socket = NULL;
    weir__sim_unschedule(&end->keepalive);
    if (!end->is_open) {
        clear(&end->sent);
        weir__sim_unschedule(&end->arrival);
        end->was_reset = true;
    } else if (!end->was_reset && !weir__sim_life_over(end->life)) {
        if (reset || end->unread) {
            end->was_reset = true;
            (void)send_segment(end, SEGMENT_RST, NULL, 0);
        } else {
            weir__sim_wire_shut(end);
        }
    }
    clear(&end->received);
    settle(weir__sim_peer(end), end->unread);
    end->unread = 0;
    release_if_over(connection);
}

void weir__sim_wire_refuse(struct sim_socket *listener)
{
    struct weir__list *link;

    while ((link = weir__list_pop_front(&listener->pending))) {
        struct sim_connection *connection = WEIR_CONTAINER_OF(link, struct sim_connection, pending);
        struct sim_end *end = &connection->ends[1];

        end->queued = false;
        weir__sim_wire_close(end, true);
    }
    listener->pending_count = 0;
}

void weir__sim_wire_break(struct sim_connection *connection)
{
    weir__sim_wire_fail(&connection->ends[0], WEIR_ECONNRESET);
    if (connection->ends[1].exists)
        weir__sim_wire_fail(&connection->ends[1], WEIR_ECONNRESET);
    release_if_over(connection);
}

static void crash_end(struct sim_end *end)
{
    struct sim_socket *socket = end->socket;

    weir__sim_unschedule(&end->keepalive);
    end->error = -ENETDOWN;
    end->was_reset = true; /* nothing can be sent any more */
    if (socket)
        weir__sim_stir(socket);
    if (end->queued) {
        weir__list_remove(&end->connection->pending);
        end->queued = false;
    }
}

void weir__sim_wire_crash(uint32_t life)
{
    struct weir__list *at, *next;

    for (at = weir__sim_sockets.next; at != &weir__sim_sockets; at = at->next) {
        struct sim_socket *socket = WEIR_CONTAINER_OF(at, struct sim_socket, link);

        if (socket->life == life) {
            socket->dead = true;
            weir__sim_stir(socket);
        }
    }
    for (at = weir__sim_connections.next; at != &weir__sim_connections; at = next) {
        struct sim_connection *connection = WEIR_CONTAINER_OF(at, struct sim_connection, link);
        int i;

        next = at->next;
        for (i = 0; i < 2; i++) {
            if (connection->ends[i].life == life && (i == 0 || connection->ends[i].exists))
                crash_end(&connection->ends[i]);
        }
        release_if_over(connection);
    }
}

/* ---- arriving ---- */

static void arrive_data(struct sim_end *to, struct sim_segment *segment)
{
    to->unread += segment->len;
    append(&to->received, segment);
    stir(to);
}

/* Who sends to an end that is not there any more is told so. */
static void answer_reset(struct sim_end *to)
{
    (void)send_segment(to, SEGMENT_RST, NULL, 0);
}

static void arrive_reset(struct sim_end *to)
{
    if (!to->was_reset)
        weir__sim_wire_fail(to, to->is_open ? WEIR_ECONNRESET : WEIR_ECONNREFUSED);
}

/* The listener at a place on a host: one by chance, if several share it. */
static struct sim_socket *find_listener(uint32_t life, const struct sim_place *place)
{
    struct sim_socket *found = NULL;
    struct weir__list *at;
    uint32_t count = 0;

    for (at = weir__sim_sockets.next; at != &weir__sim_sockets; at = at->next) {
        struct sim_socket *socket = WEIR_CONTAINER_OF(at, struct sim_socket, link);

        if (socket->state == SOCKET_LISTENING && !socket->stopped && !socket->dead
            && (place->family == AF_UNIX || socket->life == life)
            && weir__sim_listens_at(socket, place) && weir__sim_below(++count) == 0)
            found = socket;
    }
    return found;
}

/* A SYN: true if it was answered, in one way or the other. */
static bool arrive_syn(struct sim_end *from, uint32_t life)
{
    struct sim_connection *connection = from->connection;
    struct sim_end *to = &connection->ends[1];
    struct sim_socket *listener = find_listener(life, &to->place);

    to->life = listener ? listener->life : life; /* of a UNIX socket perhaps another host's */
    if (!listener) {
        to->exists = true;
        answer_reset(to);
        return true;
    }
    if (listener->pending_count > listener->backlog)
        return false;
    to->exists = true;
    to->is_open = true;
    to->queued = true;
    to->rcvbuf = (uint32_t)weir__sim_option(listener, SOL_SOCKET, SO_RCVBUF, BUFFER_DEFAULT);
    to->sndbuf = (uint32_t)weir__sim_option(listener, SOL_SOCKET, SO_SNDBUF, BUFFER_DEFAULT);
    weir__list_push_back(&listener->pending, &connection->pending);
    listener->pending_count++;
    (void)send_segment(to, SEGMENT_SYN_ACK, NULL, 0);
    weir__sim_stir(listener);
    return true;
}

/* Takes the segment in, unless it keeps it. */
static void take_in(struct sim_end *to, struct sim_segment *segment)
{
    bool gone = (!to->socket && !to->queued) || weir__sim_life_over(to->life);

    switch ((enum sim_segment_kind)segment->kind) {
    case SEGMENT_DATA:
        if (!gone && !to->rd_shut) {
            arrive_data(to, segment);
            return;
        }
        settle(weir__sim_peer(to), segment->len);
        if (gone)
            answer_reset(to);
        break;
    case SEGMENT_SYN_ACK:
        if (gone) {
            answer_reset(to);
        } else {
            to->is_open = true;
            weir__sim_keepalive(to);
            stir(to);
        }
        break;
    case SEGMENT_FIN:
        to->fin = true;
        if (weir__sim_life_over(to->life))
            answer_reset(to);
        stir(to);
        break;
    case SEGMENT_RST:
        arrive_reset(to);
        break;
    case SEGMENT_SYN:
        break;
    }
    weir__free(segment);
}

/* ---- delivering ---- */

static uint64_t give_up_after(const struct sim_end *end)
{
    if (!end->is_open)
        return GIVE_UP_SYN_NS;
    return end->user_timeout_ms ? end->user_timeout_ms * 1000000ull : GIVE_UP_NS;
}

/* The first segment could not be delivered. */
static void try_again(struct sim_end *end)
{
    uint64_t now_ns = weir__now_ns();

    if (end->sent.head->kind == SEGMENT_RST || weir__sim_life_over(end->life)) {
        clear(&end->sent);
        return;
    }
    if (!end->tried_ns) {
        end->tried_ns = now_ns;
        end->again_ns = again_of(end);
    }
    if (now_ns - end->tried_ns >= give_up_after(end)) {
        weir__sim_wire_fail(end, WEIR_ETIMEDOUT);
        return;
    }
    weir__sim_schedule(&end->arrival, now_ns + (uint64_t)end->again_ns);
    if (end->again_ns < AGAIN_MAX_NS)
        end->again_ns *= 2;
}

bool weir__sim_wire_reaches(const struct sim_end *end, uint32_t *life)
{
    int to = host_beyond(end);
    uint32_t from = host_of(end);

    if (to < 0 || weir__sim_link_is_cut(from, (uint32_t)to))
        return false;
    *life = weir__sim_host_life((uint32_t)to);
    return to == 0 || *life != 0;
}

static bool deliver(struct sim_end *end)
{
    uint32_t life;

    if (!weir__sim_wire_reaches(end, &life))
        return false;
    if (end->sent.head->kind != SEGMENT_SYN) {
        take_in(weir__sim_peer(end), pop(&end->sent));
        return true;
    }
    if (!arrive_syn(end, life))
        return false;
    weir__free(pop(&end->sent));
    return true;
}

/* The first segment of an end has arrived, and perhaps others with it. */
static void arrive(struct weir__sim_event *event)
{
    struct sim_end *end = WEIR_CONTAINER_OF(event, struct sim_end, arrival);
    struct sim_connection *connection = end->connection;

    weir__sim_note(end->sent.head->kind + (uint64_t)end->sent.head->len * 8);
    if (deliver(end)) {
        end->tried_ns = 0;
        if (end->sent.head)
            weir__sim_schedule(&end->arrival, end->sent.head->at_ns);
    } else {
        try_again(end);
    }
    release_if_over(connection);
}

/* ---- calls ---- */

int weir__sim_wire_connect(struct sim_socket *socket, const struct sim_place *to)
{
    struct sim_connection *connection = weir__calloc(1, sizeof *connection);
    struct sim_end *end;
    int i;

    if (!connection)
        return WEIR_ENOMEM;
    for (i = 0; i < 2; i++) {
        connection->ends[i].connection = connection;
        connection->ends[i].arrival.fire = arrive;
    }
    end = &connection->ends[0];
    end->socket = socket;
    end->exists = true;
    end->life = socket->life;
    end->place = socket->place;
    end->rcvbuf = (uint32_t)weir__sim_option(socket, SOL_SOCKET, SO_RCVBUF, BUFFER_DEFAULT);
    end->sndbuf = (uint32_t)weir__sim_option(socket, SOL_SOCKET, SO_SNDBUF, BUFFER_DEFAULT);
    connection->ends[1].place = *to;
    weir__list_push_back(&weir__sim_connections, &connection->link);
    if (!make_spares(&connection->ends[0]) || !make_spares(&connection->ends[1])) {
        release(connection);
        return WEIR_ENOMEM;
    }
    (void)send_segment(end, SEGMENT_SYN, NULL, 0);
    socket->end = end;
    socket->state = SOCKET_ATTACHED;
    return -EINPROGRESS;
}

int weir__sim_wire_connect_now(struct sim_socket *socket, const struct sim_place *to)
{
    int rc = weir__sim_wire_connect(socket, to);
    struct sim_end *end = socket->end, *peer;

    if (rc != -EINPROGRESS)
        return rc;
    peer = weir__sim_peer(end);
    weir__sim_unschedule(&end->arrival);
    clear(&end->sent);
    rc = arrive_syn(end, socket->life) ? 0 : WEIR_EAGAIN;
    if (rc == 0 && !peer->queued)
        rc = WEIR_ECONNREFUSED;
    weir__sim_unschedule(&peer->arrival);
    clear(&peer->sent);
    if (rc == 0) {
        end->is_open = true;
        return 0;
    }
    socket->end = NULL;
    socket->state = SOCKET_FRESH;
    release(end->connection);
    return rc;
}

/* Copies what is there into `out`; takes it unless it only peeks. */
static size_t copy_out(struct sim_end *end, unsigned char *out, size_t len, bool peek)
{
    struct sim_segment *segment = end->received.head;
    size_t got = 0;

    while (segment && got < len) {
        size_t part = segment->len - segment->off;

        if (part > len - got)
            part = len - got;
        memcpy(out + got, segment->bytes + segment->off, part);
        got += part;
        if (peek) {
            segment = segment->next;
            continue;
        }
        segment->off += (uint32_t)part;
        if (segment->off == segment->len)
            weir__free(pop(&end->received));
        segment = end->received.head;
    }
    return got;
}

int weir__sim_wire_recv(struct sim_end *end, void *base, size_t len, int flags)
{
    size_t got;

    if (end->unread && len && !weir__sim_life_over(end->life)) {
        got = copy_out(end, base, len, flags & MSG_PEEK);
        if (flags & MSG_PEEK)
            return (int)got;
        end->unread -= got;
        settle(weir__sim_peer(end), got);
        return (int)got;
    }
    if (end->error)
        return take_error(end);
    if (end->fin || end->rd_shut || end->was_reset)
        return 0;
    return end->is_open ? WEIR_EAGAIN : -ENOTCONN;
}

short weir__sim_wire_ready(const struct sim_end *end)
{
    short ready = 0;

    if (end->unread || end->fin || end->rd_shut || end->was_reset || end->error)
        ready |= POLLIN;
    if (end->fin || end->was_reset)
        ready |= POLLRDHUP;
    if (end->error)
        ready |= POLLERR;
    if (end->was_reset || (end->fin && end->wr_shut))
        ready |= POLLHUP;
    if (end->was_reset || end->error || (end->is_open && weir__sim_wire_room(end)))
        ready |= POLLOUT;
    return ready;
}
