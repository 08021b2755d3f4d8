/* net/dial.c - dialling, and what a stream says of its socket. See <weir/net.h>. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <weir/net.h>

#include "core/handle.h"
#include "net/address.h"
#include "net/dial.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sockopt.h"
#include "task/task.h"
#include "task/worker.h"

static int connect_socket(struct weir__task *task, weir_fd *fd, const struct sockaddr *address,
                          socklen_t len)
{
    weir_op_connect(&task->op, fd, address, len);
    return weir__task_await(task, &task->op);
}

int weir__dial_address(weir_stream *out, const struct sockaddr *address, socklen_t len)
{
    struct weir__task *task = weir__task_current();
    bool tcp = address->sa_family != AF_UNIX;
    struct weir__stream *stream;
    int fd, rc;

    fd = weir__sys_socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    if (tcp)
        (void)weir__sockopt_nodelay(fd, true);
    rc = weir__stream_make(task->worker, fd, tcp, &stream);
    if (rc < 0) {
        weir__sys_close(fd);
        return rc;
    }
    rc = connect_socket(task, &stream->fd, address, len);
    if (rc < 0) {
        weir_close((weir_stream){stream->id});
        return rc;
    }
    out->id = stream->id;
    return 0;
}

int weir_dial(weir_stream *out, const char *text)
{
    WEIR__CALL;
    struct weir__address address;
    int rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    rc = weir__address_parse(text, &address);
    if (rc < 0)
        return rc;
    if (address.type != SOCK_STREAM || address.scheme == WEIR__SCHEME_VSOCK)
        return WEIR_ENOSCHEME;
    if (address.len == 0)
        return weir_dial_host(out, address.host, address.port, NULL);
    return weir__dial_address(out, (const struct sockaddr *)&address.storage, address.len);
}

typedef int ask_address(int fd, struct sockaddr *address, socklen_t *len);

static int format_address(weir_stream handle, ask_address *ask, char *out, size_t cap)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int rc;
    struct weir__stream *stream = weir__stream_enter_socket(handle, 0, &rc);

    if (!stream)
        return rc;
    rc = ask(stream->fd.number, (struct sockaddr *)&address, &len);
    if (rc == 0)
        rc = weir__address_format((const struct sockaddr *)&address, len, out, cap);
    weir__stream_leave(stream, 0);
    return rc;
}

int weir_stream_local(weir_stream stream, char *out, size_t cap)
{
    WEIR__CALL;

    return format_address(stream, weir__sys_getsockname, out, cap);
}

int weir_stream_peer(weir_stream stream, char *out, size_t cap)
{
    WEIR__CALL;

    return format_address(stream, weir__sys_getpeername, out, cap);
}

/* One setter on an open stream: `set` gets the descriptor and what the caller passed. */
struct setting {
    int a, b, c, d;
};

static int with_socket(weir_stream handle, int (*set)(int fd, const struct setting *setting),
                       const struct setting *setting)
{
    int rc;
    struct weir__stream *stream = weir__stream_enter_socket(handle, 0, &rc);

    if (!stream)
        return rc;
    rc = set(stream->fd.number, setting);
    weir__stream_leave(stream, 0);
    return rc;
}

static int set_nodelay(int fd, const struct setting *s)
{
    return weir__sockopt_nodelay(fd, s->a);
}

static int set_keepalive(int fd, const struct setting *s)
{
    return weir__sockopt_keepalive(fd, s->a, s->b, s->c, s->d);
}

static int set_linger(int fd, const struct setting *s)
{
    return weir__sockopt_linger(fd, s->a);
}

static int set_user_timeout(int fd, const struct setting *s)
{
    return weir__sockopt_user_timeout(fd, (unsigned)s->a);
}

static int set_quickack(int fd, const struct setting *s)
{
    return weir__sockopt_quickack(fd, s->a);
}

static int set_tos(int fd, const struct setting *s)
{
    return weir__sockopt_tos(fd, s->a);
}

static int set_buffers(int fd, const struct setting *s)
{
    int rc = s->a ? weir__sockopt_rcvbuf(fd, s->a) : 0;

    return rc == 0 && s->b ? weir__sockopt_sndbuf(fd, s->b) : rc;
}

int weir_stream_nodelay(weir_stream stream, int on)
{
    WEIR__CALL;

    return with_socket(stream, set_nodelay, &(struct setting){.a = on});
}

int weir_stream_keepalive(weir_stream stream, int on, int idle_s, int interval_s, int count)
{
    WEIR__CALL;

    return with_socket(stream, set_keepalive, &(struct setting){on, idle_s, interval_s, count});
}

int weir_stream_linger(weir_stream stream, int seconds)
{
    WEIR__CALL;

    if (seconds > 0) /* close would block the worker for so long */
        return WEIR_ENOTSUP;
    return with_socket(stream, set_linger, &(struct setting){.a = seconds});
}

int weir_stream_user_timeout(weir_stream stream, uint32_t timeout_ms)
{
    WEIR__CALL;

    return with_socket(stream, set_user_timeout, &(struct setting){.a = (int)timeout_ms});
}

int weir_stream_quickack(weir_stream stream, int on)
{
    WEIR__CALL;

    return with_socket(stream, set_quickack, &(struct setting){.a = on});
}

int weir_stream_tos(weir_stream stream, int tos)
{
    WEIR__CALL;

    return with_socket(stream, set_tos, &(struct setting){.a = tos});
}

int weir_stream_buffers(weir_stream stream, int receive, int send)
{
    WEIR__CALL;

    return with_socket(stream, set_buffers, &(struct setting){.a = receive, .b = send});
}
