/* backend/sim/socket.c - simulated descriptors and the socket calls on them; see sim.h. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "base/container.h"
#include "core/loop.h"
#include "sys/call.h"
#include "sys/network.h"

#define DESCRIPTORS_MAX  (1 << 20)
#define DESCRIPTORS_STEP 64
#define EPHEMERAL_FIRST  32768
#define EPHEMERAL_COUNT  28232
#define BUFFER_MIN       2304
#define BUFFER_MAX       (1 << 29)

static struct sim_socket **table; /* by descriptor; NULL: free */
static int table_size;
struct weir__list weir__sim_sockets;

/* ---- descriptors ---- */

struct sim_socket *weir__sim_socket(int fd)
{
    int at = fd - WEIR__NETWORK_FIRST;

    return at >= 0 && at < table_size ? table[at] : NULL;
}

static int grow(void)
{
    struct sim_socket **grown;

    if (table_size == DESCRIPTORS_MAX)
        return WEIR_EMFILE;
    grown = weir__realloc(table, (size_t)(table_size + DESCRIPTORS_STEP) * sizeof(*table));
    if (!grown)
        return WEIR_ENOMEM;
    memset(grown + table_size, 0, DESCRIPTORS_STEP * sizeof(*table));
    table = grown;
    table_size += DESCRIPTORS_STEP;
    return 0;
}

/* The lowest free number, as the kernel gives it. */
int weir__sim_descriptor(struct sim_socket *socket)
{
    int at = 0, rc;

    while (at < table_size && table[at])
        at++;
    rc = at == table_size ? grow() : 0;
    if (rc < 0)
        return rc;
    table[at] = socket;
    socket->refs++;
    return WEIR__NETWORK_FIRST + at;
}

/* Any address of the family. */
static void clear_ip(struct sim_place *place, uint16_t family)
{
    memset(place->ip, 0, sizeof place->ip);
    if (family == AF_INET)
        weir__sim_place_set(place, 0);
}

struct sim_socket *weir__sim_socket_make(uint16_t family, int type, uint32_t life)
{
    struct sim_socket *socket = weir__calloc(1, sizeof *socket);

    if (!socket)
        return NULL;
    socket->family = family;
    socket->type = type;
    socket->life = life;
    socket->file = -1;
    socket->place.family = family;
    clear_ip(&socket->place, family);
    weir__list_init(&socket->pending);
    weir__list_init(&socket->datagrams);
    weir__list_init(&socket->refused);
    weir__list_push_back(&weir__sim_sockets, &socket->link);
    return socket;
}

static bool lingers_for_nothing(const struct sim_socket *socket)
{
    int i;

    for (i = 0; i < socket->option_count; i++) {
        const struct sim_option *option = &socket->options[i];

        if (option->level == SOL_SOCKET && option->name == SO_LINGER)
            return option->value[0] && !option->value[1];
    }
    return false;
}

void weir__sim_socket_drop(struct sim_socket *socket)
{
    weir__list_remove(&socket->link);
    if (socket->file >= 0)
        weir__sys_close(socket->file);
    if (socket->state == SOCKET_LISTENING)
        weir__sim_wire_refuse(socket);
    if (socket->end)
        weir__sim_wire_close(socket->end, lingers_for_nothing(socket));
    weir__sim_datagrams_drop(socket);
    weir__free(socket);
}

void weir__sim_sockets_fini(void)
{
    while (!weir__list_empty(&weir__sim_sockets))
        weir__sim_socket_drop(WEIR_CONTAINER_OF(weir__sim_sockets.next, struct sim_socket, link));
    weir__free(table);
    table = NULL;
    table_size = 0;
}

static int sim_close(int fd)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);

    if (!socket)
        return WEIR_EBADF;
    table[fd - WEIR__NETWORK_FIRST] = NULL;
    if (--socket->refs == 0)
        weir__sim_socket_drop(socket);
    return 0;
}

static int sim_dup(int fd)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);

    return socket ? weir__sim_descriptor(socket) : WEIR_EBADF;
}

static bool has_protocol(int type, int protocol)
{
    return protocol == 0 || protocol == (type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
}

static int sim_socket(int family, int type, int protocol)
{
    WEIR__SIM_CALL;
    uint32_t life = weir__sim_whose();
    struct sim_socket *socket;
    int fd;

    type &= ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return -EAFNOSUPPORT;
    if (!has_protocol(type, protocol))
        return -EPROTONOSUPPORT;
    if (type != SOCK_STREAM && (type != SOCK_DGRAM || family == AF_UNIX))
        return -EPROTONOSUPPORT;
    if (weir__sim_life_over(life))
        return -ENETDOWN;
    socket = weir__sim_socket_make((uint16_t)family, type, life);
    if (!socket)
        return WEIR_ENOMEM;
    fd = weir__sim_descriptor(socket);
    if (fd < 0)
        weir__sim_socket_drop(socket);
    return fd;
}

/* ---- options ---- */

static struct sim_option *find_option(struct sim_socket *socket, int level, int name)
{
    int i;

    for (i = 0; i < socket->option_count; i++) {
        if (socket->options[i].level == level && socket->options[i].name == name)
            return &socket->options[i];
    }
    return NULL;
}

int weir__sim_option(const struct sim_socket *socket, int level, int name, int otherwise)
{
    const struct sim_option *option =
        find_option((struct sim_socket *)(uintptr_t)socket, level, name);

    return option ? option->value[0] : otherwise;
}

static bool is_tcp_level(int level)
{
    return level == IPPROTO_TCP || level == IPPROTO_IP || level == IPPROTO_IPV6;
}

/* As Linux: within bounds, and doubled. */
static int buffer_of(int wanted)
{
    return 2 * (wanted < BUFFER_MIN ? BUFFER_MIN : wanted > BUFFER_MAX ? BUFFER_MAX : wanted);
}

static int sim_set_option(int fd, int level, int name, const void *value, socklen_t len)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);
    struct sim_option *option;

    if (!socket)
        return WEIR_EBADF;
    if (socket->family == AF_UNIX && is_tcp_level(level))
        return -EOPNOTSUPP;
    if (len < sizeof(int) || len > sizeof option->value)
        return WEIR_EINVAL;
    option = find_option(socket, level, name);
    if (!option && socket->option_count == SIM_OPTIONS_MAX)
        return -ENOBUFS;
    if (!option)
        option = &socket->options[socket->option_count++];
    option->level = level;
    option->name = name;
    option->len = len;
    memcpy(option->value, value, len);
    if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF))
        option->value[0] = buffer_of(option->value[0]);
    if (socket->end && level == SOL_SOCKET && name == SO_SNDBUF)
        socket->end->sndbuf = (uint32_t)option->value[0];
    if (socket->end && level == SOL_SOCKET && name == SO_RCVBUF)
        socket->end->rcvbuf = (uint32_t)option->value[0];
    if (socket->end && level == IPPROTO_TCP && name == TCP_USER_TIMEOUT)
        socket->end->user_timeout_ms = (uint32_t)option->value[0];
    if (socket->end)
        weir__sim_keepalive(socket->end);
    return 0;
}

static int fact(struct sim_socket *socket, int name, int *value)
{
    switch (name) {
    case SO_ERROR:
        *value = socket->end ? -socket->end->error : -socket->error;
        socket->error = 0;
        if (socket->end)
            socket->end->error = 0;
        return 0;
    case SO_TYPE:
        *value = socket->type;
        return 0;
    case SO_DOMAIN:
        *value = socket->family;
        return 0;
    case SO_ACCEPTCONN:
        *value = socket->state == SOCKET_LISTENING;
        return 0;
    default: /* numbers of the system, not of an enum */
        return WEIR_ENOENT;
    }
}

static int sim_get_option(int fd, int level, int name, void *value, socklen_t *len)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);
    const struct sim_option *option;
    struct sim_option zero = {.len = sizeof(int)};

    if (!socket)
        return WEIR_EBADF;
    if (level == SOL_SOCKET && fact(socket, name, &zero.value[0]) == 0) {
        memcpy(value, zero.value, sizeof(int));
        *len = sizeof(int);
        return 0;
    }
    if (socket->family == AF_UNIX && is_tcp_level(level))
        return -EOPNOTSUPP;
    if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF))
        zero.value[0] = 65536;
    option = find_option(socket, level, name);
    if (!option)
        option = &zero;
    if (*len > sizeof option->value)
        *len = sizeof option->value;
    memcpy(value, option->value, *len);
    return 0;
}

/* ---- names ---- */

bool weir__sim_listens_at(const struct sim_socket *listener, const struct sim_place *place)
{
    const struct sim_place *own = &listener->place;

    if (place->family == AF_UNIX)
        return own->family == AF_UNIX && own->path_len == place->path_len
               && memcmp(own->path, place->path, place->path_len) == 0;
    if (own->family == AF_UNIX || own->port != place->port)
        return false;
    if (weir__sim_place_v4(place) && own->family == AF_INET6)
        return weir__sim_place_any(own)
               && !weir__sim_option(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (!weir__sim_place_v4(place) && own->family != AF_INET6)
        return false;
    return weir__sim_place_any(own) || memcmp(own->ip, place->ip, sizeof own->ip) == 0;
}

/* Whether the host of the socket has the address. */
static bool is_own(const struct sim_socket *socket, const struct sim_place *place)
{
    uint32_t host = weir__sim_life_host(socket->life);

    return weir__sim_place_any(place) || weir__sim_place_loopback(place)
           || (weir__sim_place_v4(place)
               && weir__sim_place_address(place) == weir__sim_host_address(host));
}

static bool overlaps(const struct sim_socket *a, const struct sim_place *b)
{
    if (a->place.family == AF_UNIX || b->family == AF_UNIX || a->place.port != b->port)
        return false;
    return (a->place.family == b->family
            && (weir__sim_place_any(&a->place) || weir__sim_place_any(b)
                || memcmp(a->place.ip, b->ip, sizeof b->ip) == 0))
           || (a->place.family != b->family
               && ((a->place.family == AF_INET6 && weir__sim_place_any(&a->place)
                    && !weir__sim_option(a, IPPROTO_IPV6, IPV6_V6ONLY, 0))
                   || (b->family == AF_INET6 && weir__sim_place_any(b))));
}

static bool in_use(const struct sim_socket *socket, const struct sim_place *place)
{
    struct weir__list *at;

    for (at = weir__sim_sockets.next; at != &weir__sim_sockets; at = at->next) {
        const struct sim_socket *other = WEIR_CONTAINER_OF(at, struct sim_socket, link);

        if (other == socket || !other->bound || other->dead || other->life != socket->life
            || other->type != socket->type || other->state == SOCKET_ATTACHED
            || !overlaps(other, place))
            continue;
        if (socket->type == SOCK_DGRAM && weir__sim_option(other, SOL_SOCKET, SO_REUSEADDR, 0)
            && weir__sim_option(socket, SOL_SOCKET, SO_REUSEADDR, 0))
            continue;
        if (weir__sim_option(other, SOL_SOCKET, SO_REUSEPORT, 0)
            && weir__sim_option(socket, SOL_SOCKET, SO_REUSEPORT, 0))
            continue;
        return true;
    }
    return false;
}

static int pick_port(struct sim_socket *socket, struct sim_place *place)
{
    uint32_t tries, at = weir__sim_below(EPHEMERAL_COUNT);

    for (tries = 0; tries < EPHEMERAL_COUNT; tries++, at = (at + 1) % EPHEMERAL_COUNT) {
        place->port = (uint16_t)(EPHEMERAL_FIRST + at);
        if (!in_use(socket, place))
            return 0;
    }
    return WEIR_EADDRINUSE;
}

int weir__sim_socket_bind_any(struct sim_socket *socket)
{
    int rc = socket->place.port ? 0 : pick_port(socket, &socket->place);

    socket->bound |= rc == 0;
    return rc;
}

/* The name of a UNIX socket is a file of the real system, so that the calls on files find it. It is
 * held open: its inode is no other file's as long as the socket lives. */
static int bind_file(struct sim_socket *socket, const struct sim_place *place)
{
    char path[sizeof place->path + 1];

    if (place->path[0] == 0)
        return 0;
    memcpy(path, place->path, place->path_len);
    path[place->path_len] = 0;
    if (mknod(path, S_IFSOCK | 0755, 0) != 0)
        return errno == EEXIST ? WEIR_EADDRINUSE : -errno;
    socket->file = weir__sys_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
    return 0;
}

static bool name_taken(const struct sim_socket *socket, const struct sim_place *place)
{
    struct weir__list *at;

    for (at = weir__sim_sockets.next; at != &weir__sim_sockets; at = at->next) {
        const struct sim_socket *other = WEIR_CONTAINER_OF(at, struct sim_socket, link);

        if (other != socket && other->bound && !other->dead && other->state != SOCKET_ATTACHED
            && weir__sim_listens_at(other, place))
            return true;
    }
    return false;
}

static int sim_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);
    struct sim_place place;
    int rc;

    if (!socket)
        return WEIR_EBADF;
    rc = weir__sim_place_read(&place, address, len);
    if (rc < 0)
        return rc;
    if (socket->bound || place.family != socket->family)
        return WEIR_EINVAL;
    if (place.family == AF_UNIX)
        rc = place.path[0] == 0 && name_taken(socket, &place) ? WEIR_EADDRINUSE
                                                              : bind_file(socket, &place);
    else if (!is_own(socket, &place))
        rc = -EADDRNOTAVAIL;
    else if (place.port == 0)
        rc = pick_port(socket, &place);
    else if (in_use(socket, &place))
        rc = WEIR_EADDRINUSE;
    if (rc == 0) {
        socket->place = place;
        socket->bound = socket->named = true;
        socket->has_own_ip = !weir__sim_place_any(&place);
    }
    return rc;
}

static int sim_listen(int fd, int backlog)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);

    if (!socket)
        return WEIR_EBADF;
    if (socket->type == SOCK_DGRAM)
        return WEIR_ENOTSUP;
    if (socket->state == SOCKET_ATTACHED || !socket->bound)
        return WEIR_EINVAL;
    socket->state = SOCKET_LISTENING;
    socket->backlog = backlog < 0 ? 0 : (uint32_t)backlog;
    return 0;
}

static int sim_local(int fd, struct sockaddr *address, socklen_t *len)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);

    if (!socket)
        return WEIR_EBADF;
    weir__sim_place_write(&socket->place, socket->family, address, len);
    return 0;
}

static int sim_peer(int fd, struct sockaddr *address, socklen_t *len)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);

    if (!socket)
        return WEIR_EBADF;
    if (socket->connected) {
        weir__sim_place_write(&socket->remote, socket->family, address, len);
        return 0;
    }
    if (!socket->end || !socket->end->is_open || socket->end->was_reset)
        return -ENOTCONN;
    weir__sim_place_write(&weir__sim_peer(socket->end)->place, socket->family, address, len);
    return 0;
}

/* ---- connecting ---- */

void weir__sim_place_towards(const struct sim_socket *socket, const struct sim_place *to,
                             struct sim_place *from)
{
    if (!weir__sim_place_any(from))
        return;
    if (weir__sim_place_loopback(to))
        memcpy(from->ip, to->ip, sizeof to->ip);
    else
        weir__sim_place_set(from, weir__sim_host_address(weir__sim_life_host(socket->life)));
}

/* Takes the peer away, and what the socket is bound to only for its sake. */
static void disconnect(struct sim_socket *socket)
{
    socket->connected = false;
    if (!socket->named) {
        socket->place.port = 0;
        socket->bound = false;
    }
    if (!socket->has_own_ip)
        clear_ip(&socket->place, socket->family);
}

/* Gives a socket of datagrams its peer, or, by AF_UNSPEC, takes it away. */
static int connect_datagrams(struct sim_socket *socket, const struct sockaddr *address,
                             socklen_t len)
{
    struct sim_place to;
    int rc;

    if (len >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
        disconnect(socket);
        return 0;
    }
    rc = weir__sim_place_read(&to, address, len);
    if (rc < 0)
        return rc;
    if (to.family == AF_UNIX || (to.family == AF_INET6 && socket->family == AF_INET))
        return -EAFNOSUPPORT;
    if (weir__sim_place_any(&to))
        weir__sim_place_set(&to, htonl(INADDR_LOOPBACK));
    rc = weir__sim_socket_bind_any(socket);
    if (rc < 0)
        return rc;
    if (!socket->has_own_ip)
        clear_ip(&socket->place, socket->family);
    weir__sim_place_towards(socket, &to, &socket->place);
    socket->remote = to;
    socket->connected = true;
    socket->error = 0;
    return 0;
}

static int connect_unix(struct sim_socket *socket, const struct sim_place *to)
{
    char path[sizeof to->path + 1];
    struct stat about;
    int rc = 0;

    memcpy(path, to->path, to->path_len);
    path[to->path_len] = 0;
    if (to->path[0])
        rc = weir__sys_fstatat(AT_FDCWD, path, &about, 0);
    return rc < 0 ? rc : weir__sim_wire_connect_now(socket, to);
}

static int sim_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);
    struct sim_place to;
    int rc;

    if (!socket)
        return WEIR_EBADF;
    if (socket->type == SOCK_DGRAM)
        return socket->dead ? -ENETDOWN : connect_datagrams(socket, address, len);
    rc = weir__sim_place_read(&to, address, len);
    if (rc < 0)
        return rc;
    if (socket->dead || weir__sim_life_over(socket->life))
        return -ENETDOWN;
    if (socket->state != SOCKET_FRESH)
        return socket->end && !socket->end->is_open ? -EALREADY : -EISCONN;
    if (to.family != socket->family)
        return -EAFNOSUPPORT;
    if (to.family == AF_UNIX)
        return connect_unix(socket, &to);
    if (weir__sim_place_any(&to)) /* as Linux: the host itself */
        weir__sim_place_set(&to, htonl(INADDR_LOOPBACK));
    weir__sim_place_towards(socket, &to, &socket->place);
    if (socket->place.port == 0) {
        rc = pick_port(socket, &socket->place);
        if (rc < 0)
            return rc;
    }
    return weir__sim_wire_connect(socket, &to);
}

static int sim_accept(int fd, struct sockaddr *address, socklen_t *len)
{
    WEIR__SIM_CALL;
    struct sim_socket *listener = weir__sim_socket(fd), *socket;
    struct sim_connection *connection;
    struct sim_end *end;
    int rc;

    if (!listener)
        return WEIR_EBADF;
    if (listener->dead)
        return -ENETDOWN;
    if (listener->state != SOCKET_LISTENING
        || (listener->stopped && weir__list_empty(&listener->pending)))
        return WEIR_EINVAL;
    if (weir__list_empty(&listener->pending))
        return WEIR_EAGAIN;
    socket = weir__sim_socket_make(listener->family, listener->type, listener->life);
    if (!socket)
        return WEIR_ENOMEM;
    rc = weir__sim_descriptor(socket);
    if (rc < 0) {
        weir__sim_socket_drop(socket);
        return rc;
    }
    connection =
        WEIR_CONTAINER_OF(weir__list_pop_front(&listener->pending), struct sim_connection, pending);
    listener->pending_count--;
    end = &connection->ends[1];
    end->queued = false;
    end->socket = socket;
    socket->end = end;
    socket->place = end->place;
    socket->bound = true;
    socket->state = SOCKET_ATTACHED;
    memcpy(socket->options, listener->options, sizeof socket->options);
    socket->option_count = listener->option_count;
    weir__sim_keepalive(end);
    if (address)
        weir__sim_place_write(&connection->ends[0].place, socket->family, address, len);
    return rc;
}

/* ---- data ---- */

static int sim_shutdown(int fd, int how)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);
    struct sim_end *end = socket ? socket->end : NULL;

    if (!socket)
        return WEIR_EBADF;
    if (socket->state == SOCKET_LISTENING) {
        socket->stopped = true;
        if (socket->family != AF_UNIX) /* as Linux: what waits at a UNIX socket is still there */
            weir__sim_wire_refuse(socket);
        weir__sim_stir(socket);
        return 0;
    }
    if (socket->connected) {
        socket->rd_shut |= how != SHUT_WR;
        socket->wr_shut |= how != SHUT_RD;
        weir__sim_stir(socket);
        return 0;
    }
    if (!end || !end->is_open || end->was_reset)
        return -ENOTCONN;
    if (how != SHUT_WR)
        end->rd_shut = true;
    if (how != SHUT_RD)
        weir__sim_wire_shut(end);
    weir__sim_stir(socket);
    return 0;
}

/* The end that a call on data is about, or NULL and *rc. */
static struct sim_end *attached(int fd, int *rc)
{
    struct sim_socket *socket = weir__sim_socket(fd);

    *rc = !socket ? WEIR_EBADF : socket->dead ? -ENETDOWN : -ENOTCONN;
    return socket && !socket->dead ? socket->end : NULL;
}

static bool sim_has_messages(int fd)
{
    WEIR__SIM_CALL;
    const struct sim_socket *socket = weir__sim_socket(fd);

    return socket && socket->type == SOCK_DGRAM;
}

static int sim_send_message(int fd, const struct msghdr *message)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);

    if (!socket)
        return WEIR_EBADF;
    return socket->dead ? -ENETDOWN : weir__sim_datagram_send(socket, message);
}

static int sim_recv_message(int fd, struct msghdr *message, int flags)
{
    WEIR__SIM_CALL;
    struct sim_socket *socket = weir__sim_socket(fd);

    if (!socket)
        return WEIR_EBADF;
    return socket->dead ? -ENETDOWN : weir__sim_datagram_recv(socket, message, flags);
}

static int sim_recv(int fd, void *base, size_t len, int flags)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_end *end = attached(fd, &rc);
    struct iovec part = {base, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (!end && sim_has_messages(fd))
        return sim_recv_message(fd, &message, flags);
    return end ? weir__sim_wire_recv(end, base, len, flags) : rc;
}

static int sim_send(int fd, const void *base, size_t len)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_end *end = attached(fd, &rc);
    struct iovec part = {(void *)(uintptr_t)base, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (!end && sim_has_messages(fd))
        return sim_send_message(fd, &message);
    return end ? weir__sim_wire_send(end, base, len > INT32_MAX ? INT32_MAX : len) : rc;
}

static int sim_poll(int fd, short events)
{
    WEIR__SIM_CALL;
    const struct sim_socket *socket = weir__sim_socket(fd);
    short ready = 0;

    if (!socket)
        return POLLNVAL;
    if (socket->dead)
        ready = POLLIN | POLLOUT | POLLERR | POLLHUP;
    else if (socket->state == SOCKET_LISTENING)
        ready = (short)((weir__list_empty(&socket->pending) ? 0 : POLLIN)
                        | (socket->stopped ? POLLIN | POLLHUP : 0));
    else if (socket->end)
        ready = weir__sim_wire_ready(socket->end);
    else if (socket->type == SOCK_DGRAM)
        ready = weir__sim_datagram_ready(socket);
    else
        ready = POLLOUT | POLLHUP;
    return ready & (events | POLLERR | POLLHUP);
}

const struct weir__network weir__sim_network = {
    .socket = sim_socket,
    .bind = sim_bind,
    .listen = sim_listen,
    .accept = sim_accept,
    .connect = sim_connect,
    .shutdown = sim_shutdown,
    .recv = sim_recv,
    .send = sim_send,
    .has_messages = sim_has_messages,
    .send_message = sim_send_message,
    .recv_message = sim_recv_message,
    .local = sim_local,
    .peer = sim_peer,
    .get_option = sim_get_option,
    .set_option = sim_set_option,
    .poll = sim_poll,
    .dup = sim_dup,
    .close = sim_close,
    .resolve = weir__sim_host_resolve,
};
