/* net/bind.c - making sockets that carry messages. See <weir/socket.h>. */
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/options.h"
#include "net/address.h"
#include "net/message_op.h"
#include "net/socket.h"
#include "net/sockfile.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sockopt.h"
#include "task/task.h"
#include "task/worker.h"

#define BACKLOG_DEFAULT 4096
#define FIELDS_ALL      (2 * (uint32_t)WEIR_FIELD_DESCRIPTORS - 1)

/* ---- options ---- */

static bool options_make_sense(const struct weir_socket_options *o)
{
    return o->reuse_address <= WEIR_OFF && o->reuse_port <= WEIR_OFF && o->v6only <= WEIR_OFF
           && o->broadcast <= WEIR_OFF && o->unlink_stale <= WEIR_OFF && o->errors <= WEIR_OFF
           && o->receive_buffer <= INT_MAX && o->send_buffer <= INT_MAX && o->mode <= 0777
           && o->want <= FIELDS_ALL;
}

static int read_options(struct weir_socket_options *own, const struct weir_socket_options *theirs,
                        size_t size)
{
    int rc = weir__options_copy(own, sizeof *own, theirs, size);

    return rc == 0 && !options_make_sense(own) ? WEIR_EOPTION : rc;
}

/* A message of length 0 comes with its time, the end of a connection does not. */
static uint32_t fields_of(int family, int type, uint32_t wanted)
{
    return family == AF_UNIX && type == SOCK_SEQPACKET ? wanted | WEIR_FIELD_TIME : wanted;
}

static int apply_buffers(int fd, const struct weir_socket_options *o)
{
    int rc = o->receive_buffer ? weir__sockopt_rcvbuf(fd, (int)o->receive_buffer) : 0;

    return rc == 0 && o->send_buffer ? weir__sockopt_sndbuf(fd, (int)o->send_buffer) : rc;
}

static int apply_options(int fd, int family, int type, const struct weir_socket_options *o)
{
    uint32_t fields = fields_of(family, type, o->want);
    int rc = 0;

    if (o->reuse_address == WEIR_ON)
        rc = weir__sockopt_reuseaddr(fd, true);
    if (rc == 0 && o->reuse_port == WEIR_ON)
        rc = weir__sockopt_reuseport(fd, true);
    if (rc == 0 && family == AF_INET6 && type == SOCK_DGRAM)
        rc = weir__sockopt_v6only(fd, o->v6only == WEIR_ON);
    if (rc == 0 && o->broadcast == WEIR_ON)
        rc = weir__sockopt_broadcast(fd, true);
    if (rc == 0 && o->errors == WEIR_ON)
        rc = weir__sockopt_receive_errors(fd, family, true);
    if (rc == 0)
        rc = apply_buffers(fd, o);
    return rc == 0 && fields ? weir__message_want(fd, fields) : rc;
}

int weir_socket_want(weir_socket handle, uint32_t fields)
{
    WEIR__CALL;
    struct weir__socket *socket;
    int rc;

    if (fields > FIELDS_ALL)
        return WEIR_EINVAL;
    socket = weir__socket_enter(handle, &rc);
    if (!socket)
        return rc;
    rc = weir__message_want(socket->fd.number, fields_of(socket->family, socket->type, fields));
    weir__socket_leave(socket);
    return rc;
}

/* ---- making ---- */

/* Makes a socket of a descriptor, which it takes in any case. */
static int make(int fd, struct weir__socket **out)
{
    int rc = weir__socket_make(weir__current_worker(), fd, out);

    if (rc < 0)
        weir__sys_close(fd);
    return rc;
}

static int open_socket(int family, int type, int protocol, const struct weir_socket_options *o,
                       struct weir__socket **out)
{
    int rc, fd;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    fd = weir__sys_socket(family, type | SOCK_NONBLOCK, protocol);
    if (fd < 0)
        return fd;
    rc = apply_options(fd, family, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), o);
    if (rc < 0) {
        weir__sys_close(fd);
        return rc;
    }
    return make(fd, out);
}

int weir_socket_open_n(weir_socket *out, int family, int type, int protocol,
                       const struct weir_socket_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_socket_options o = {0};
    struct weir__socket *socket;
    int rc = read_options(&o, options, options_size);

    if (rc == 0)
        rc = open_socket(family, type, protocol, &o, &socket);
    if (rc == 0)
        out->id = socket->id;
    return rc;
}

int weir_socket_pair(weir_socket out[2], int type)
{
    static const struct weir_socket_options none;
    WEIR__CALL;
    struct weir__socket *first, *second;
    int rc, fds[2];

    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (type != SOCK_DGRAM && type != SOCK_SEQPACKET)
        return WEIR_EINVAL;
    rc = weir__sys_socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds);
    if (rc < 0)
        return rc;
    rc = apply_options(fds[0], AF_UNIX, type, &none);
    if (rc == 0)
        rc = apply_options(fds[1], AF_UNIX, type, &none);
    if (rc < 0)
        weir__sys_close(fds[0]);
    else
        rc = make(fds[0], &first);
    if (rc < 0) {
        weir__sys_close(fds[1]);
        return rc;
    }
    rc = make(fds[1], &second);
    if (rc < 0) {
        (void)weir_socket_close((weir_socket){first->id});
        return rc;
    }
    out[0].id = first->id;
    out[1].id = second->id;
    return 0;
}

/* ---- by address ---- */

static bool is_ours(const struct weir__address *address)
{
    return address->scheme != WEIR__SCHEME_TCP && address->scheme != WEIR__SCHEME_UNIX;
}

static int read_address(const char *text, struct weir__address *out)
{
    int rc = weir__address_parse(text, out);

    if (rc == 0 && !is_ours(out))
        rc = WEIR_ENOSCHEME;
    return rc == 0 && out->len == 0 && !weir__address_find_simulated(out) ? WEIR_ENAME : rc;
}

static bool connects(const struct weir__socket *socket)
{
    return socket->type == SOCK_SEQPACKET || socket->type == SOCK_STREAM;
}

/* Notes the file that bind has made; one that cannot be noted is removed at once. */
static int own_file(struct weir__socket *socket, const struct sockaddr_un *name, uint32_t mode)
{
    int rc;

    if (!name->sun_path[0])
        return 0; /* abstract */
    socket->file = weir__calloc(1, sizeof *socket->file);
    rc = socket->file ? weir__sockfile_own(socket->file, name, mode) : WEIR_ENOMEM;
    if (rc < 0 && !(socket->file && socket->file->path[0]))
        (void)weir__sys_unlinkat(AT_FDCWD, name->sun_path, 0);
    return rc;
}

static int bind_socket(struct weir__socket *socket, const struct weir__address *address,
                       const struct weir_socket_options *o)
{
    const struct sockaddr *at = (const struct sockaddr *)&address->storage;
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address->storage;
    int rc;

    if (at->sa_family == AF_UNIX && o->unlink_stale != WEIR_OFF)
        weir__sockfile_unlink_stale(name, address->len, socket->type);
    rc = weir__sys_bind(socket->fd.number, at, address->len);
    if (rc == 0 && at->sa_family == AF_UNIX)
        rc = own_file(socket, name, o->mode);
    return rc == 0 && connects(socket) ? weir__sys_listen(socket->fd.number, BACKLOG_DEFAULT) : rc;
}

/* Reads the options and the address, and makes the socket for them. */
static int open_named(const char *text, const struct weir_socket_options *options,
                      size_t options_size, struct weir_socket_options *o,
                      struct weir__address *address, struct weir__socket **socket)
{
    int rc = read_options(o, options, options_size);

    if (rc == 0)
        rc = read_address(text, address);
    return rc < 0 ? rc : open_socket(address->storage.ss_family, address->type, 0, o, socket);
}

int weir_bind_n(weir_socket *out, const char *text, const struct weir_socket_options *options,
                size_t options_size)
{
    WEIR__CALL;
    struct weir_socket_options o = {0};
    struct weir__address address;
    struct weir__socket *socket;
    int rc = open_named(text, options, options_size, &o, &address, &socket);

    if (rc < 0)
        return rc;
    rc = bind_socket(socket, &address, &o);
    if (rc < 0)
        (void)weir_socket_close((weir_socket){socket->id});
    else
        out->id = socket->id;
    return rc;
}

/* ---- connecting and accepting ---- */

struct connecting {
    const struct sockaddr *address;
    socklen_t len;
    bool begun;
};

static int try_connect(struct weir__socket *socket, void *arg)
{
    struct connecting *connecting = arg;
    struct pollfd poll_fd = {.fd = socket->fd.number, .events = POLLOUT};
    int rc;

    if (connecting->begun) {
        rc = weir__sys_poll(&poll_fd, 1, 0);
        if (rc <= 0)
            return rc < 0 ? rc : WEIR_EAGAIN;
        return weir__sockopt_error(socket->fd.number);
    }
    rc = weir__sys_connect(socket->fd.number, connecting->address, connecting->len);
    if (rc != -EINPROGRESS)
        return rc;
    connecting->begun = true;
    return WEIR_EAGAIN;
}

static int connect_socket(struct weir__socket *socket, struct weir__task *task,
                          const struct sockaddr *address, socklen_t len)
{
    struct connecting connecting = {.address = address, .len = len};
    int rc = try_connect(socket, &connecting);

    /* a UNIX socket with a full backlog answers EAGAIN, which nothing tells the end of */
    if (rc != WEIR_EAGAIN || !connecting.begun)
        return rc;
    return weir__socket_do(socket, task, SIDE_WRITE, try_connect, &connecting);
}

int weir_connect_n(weir_socket *out, const char *text, const struct weir_socket_options *options,
                   size_t options_size)
{
    WEIR__CALL;
    struct weir_socket_options o = {0};
    struct weir__address address;
    struct weir__socket *socket;
    int rc = open_named(text, options, options_size, &o, &address, &socket);

    if (rc < 0)
        return rc;
    rc = connect_socket(socket, weir__task_current(), (const struct sockaddr *)&address.storage,
                        address.len);
    if (rc < 0)
        (void)weir_socket_close((weir_socket){socket->id});
    else
        out->id = socket->id;
    return rc;
}

int weir_socket_connect(weir_socket handle, const weir_address *address)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    WEIR__CALL;
    struct weir__task *task;
    struct weir__socket *socket;
    int rc;

    if (address->len > sizeof address->storage)
        return WEIR_EINVAL;
    socket = weir__socket_begin(handle, &task, &rc);
    if (!socket)
        return rc;
    rc = address->len ? connect_socket(socket, task, (const void *)address->storage, address->len)
                      : weir__sys_connect(socket->fd.number, &nobody, sizeof nobody);
    weir__socket_leave(socket);
    return rc;
}

static int try_accept(struct weir__socket *socket, void *arg)
{
    int rc;

    (void)arg;
    do {
        rc = weir__sys_accept4(socket->fd.number, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (rc == WEIR_ECONNABORTED);
    return rc;
}

int weir_socket_accept(weir_socket handle, weir_socket *out)
{
    static const struct weir_socket_options none;
    WEIR__CALL;
    struct weir__task *task;
    struct weir__socket *socket, *accepted;
    int rc, fd;

    socket = weir__socket_begin(handle, &task, &rc);
    if (!socket)
        return rc;
    fd = rc = weir__socket_do(socket, task, SIDE_READ, try_accept, NULL);
    if (rc >= 0)
        rc = apply_options(fd, socket->family, socket->type, &none);
    if (rc < 0 && fd >= 0)
        weir__sys_close(fd);
    else if (rc >= 0)
        rc = make(fd, &accepted);
    if (rc >= 0)
        out->id = accepted->id;
    weir__socket_leave(socket);
    return rc;
}

/* ---- calls on an open socket that do not suspend ---- */

int weir_socket_bind(weir_socket handle, const weir_address *address)
{
    WEIR__CALL;
    struct weir__socket *socket;
    int rc;

    if (address->len > sizeof address->storage)
        return WEIR_EINVAL;
    socket = weir__socket_enter(handle, &rc);
    if (!socket)
        return rc;
    rc = weir__sys_bind(socket->fd.number, (const void *)address->storage, address->len);
    weir__socket_leave(socket);
    return rc;
}

int weir_socket_listen(weir_socket handle, uint32_t backlog)
{
    WEIR__CALL;
    struct weir__socket *socket;
    int rc;

    if (backlog > INT_MAX)
        return WEIR_EINVAL;
    socket = weir__socket_enter(handle, &rc);
    if (!socket)
        return rc;
    rc = weir__sys_listen(socket->fd.number, backlog ? (int)backlog : BACKLOG_DEFAULT);
    weir__socket_leave(socket);
    return rc;
}

int weir_socket_shutdown(weir_socket handle, int how)
{
    WEIR__CALL;
    int rc;
    struct weir__socket *socket = weir__socket_enter(handle, &rc);

    if (!socket)
        return rc;
    rc = weir__sys_shutdown(socket->fd.number, how);
    weir__socket_leave(socket);
    return rc;
}

typedef int ask_address(int fd, struct sockaddr *address, socklen_t *len);

static int get_address(weir_socket handle, ask_address *ask, weir_address *out)
{
    weir_address address = {.len = sizeof address.storage};
    int rc;
    struct weir__socket *socket = weir__socket_enter(handle, &rc);

    if (!socket)
        return rc;
    rc = ask(socket->fd.number, (void *)address.storage, &address.len);
    if (rc == 0)
        *out = address;
    weir__socket_leave(socket);
    return rc;
}

int weir_socket_local(weir_socket socket, weir_address *out)
{
    WEIR__CALL;

    return get_address(socket, weir__sys_getsockname, out);
}

int weir_socket_peer(weir_socket socket, weir_address *out)
{
    WEIR__CALL;

    return get_address(socket, weir__sys_getpeername, out);
}

int weir_socket_credentials(weir_socket handle, struct weir_credentials *out)
{
    WEIR__CALL;
    int rc;
    struct weir__socket *socket = weir__socket_enter(handle, &rc);

    if (!socket)
        return rc;
    rc = socket->family == AF_UNIX ? weir__sockopt_credentials(socket->fd.number, out)
                                   : WEIR_ENOTSUP;
    weir__socket_leave(socket);
    return rc;
}

/* ---- from outside ---- */

int weir_socket_adopt(weir_socket *out, int descriptor)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();
    struct weir__socket *socket;
    int rc;

    if (!worker)
        return WEIR_ENOTASK;
    rc = weir__sockopt_type(descriptor);
    if (rc >= 0)
        rc = weir__sys_set_nonblock(descriptor, true);
    if (rc == 0)
        rc = weir__sys_set_cloexec(descriptor, true);
    if (rc == 0 && weir__sockopt_type(descriptor) == SOCK_SEQPACKET
        && weir__sockopt_family(descriptor) == AF_UNIX)
        rc = weir__sockopt_timestamp(descriptor, true);
    if (rc == 0)
        rc = weir__socket_make(worker, descriptor, &socket);
    if (rc == 0)
        out->id = socket->id;
    return rc;
}
