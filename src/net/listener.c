/* net/listener.c - making, asking and closing listeners. See <weir/net.h>. */
#include "net/listener.h"

#include <limits.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/options.h"
#include "core/handle.h"
#include "net/address.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sockopt.h"
#include "task/runtime.h"
#include "task/worker.h"

#define BACKLOG_DEFAULT 4096

struct weir__listener *weir__listener_enter(weir_listener handle, int *error)
{
    return weir__handle_enter(handle.id, WEIR__KIND_LISTENER, 0, error);
}

void weir__listener_keep(struct weir__listener *listener, struct weir__kept *kept)
{
    kept->next = WEIR_ATOMIC_LOAD(&listener->kept, RELAXED);
    while (!WEIR_ATOMIC_CAS(&listener->kept, &kept->next, kept, SEQ_CST)) {
    }
}

void weir__listener_share(struct weir__listener *listener)
{
    if (!WEIR_ATOMIC_EXCHANGE(&listener->shared, 1, SEQ_CST))
        listener->file.path[0] = 0;
}

static void release(struct weir__listener *listener)
{
    struct weir__kept *kept = listener->kept, *next;

    for (; kept; kept = next) {
        next = kept->next;
        weir__free(kept);
    }
    weir__sys_close(listener->fd);
    weir__sockfile_unlink(&listener->file);
    weir__handle_free(listener->id);
    weir__free(listener);
}

void weir__listener_leave(struct weir__listener *listener)
{
    if (weir__handle_leave(listener->id, 0))
        release(listener);
}

static int apply_options(int fd, int family, const struct weir_listen_options *o, bool reuse_port)
{
    int rc = 0;

    if (family != AF_UNIX) {
        rc = weir__sockopt_reuseaddr(fd, true);
        if (rc == 0 && reuse_port)
            rc = weir__sockopt_reuseport(fd, true);
        if (rc == 0 && family == AF_INET6)
            rc = weir__sockopt_v6only(fd, o->v6only == WEIR_ON);
        if (rc == 0 && o->defer_accept_s)
            rc = weir__sockopt_defer_accept(fd, (int)o->defer_accept_s);
        if (rc == 0 && o->fast_open)
            rc = weir__sockopt_fastopen_listen(fd, (int)o->fast_open);
    }
    if (rc == 0 && o->receive_buffer)
        rc = weir__sockopt_rcvbuf(fd, (int)o->receive_buffer);
    if (rc == 0 && o->send_buffer)
        rc = weir__sockopt_sndbuf(fd, (int)o->send_buffer);
    return rc;
}

static int open_socket(const struct weir_listen_options *o, const struct sockaddr *address,
                       socklen_t len, bool reuse_port)
{
    int fd = weir__sys_socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return fd;
    rc = apply_options(fd, address->sa_family, o, reuse_port);
    if (rc == 0)
        rc = weir__sys_bind(fd, address, len);
    if (rc == 0)
        rc = weir__sys_listen(fd, (int)(o->backlog ? o->backlog : BACKLOG_DEFAULT));
    if (rc < 0) {
        weir__sys_close(fd);
        return rc;
    }
    return fd;
}

int weir__listener_twin(const struct weir__listener *listener)
{
    return open_socket(&listener->options, (const struct sockaddr *)&listener->address,
                       listener->address_len, true);
}

static int bind_listener(struct weir__listener *listener, const struct weir__address *address,
                         uint32_t workers)
{
    const struct sockaddr *at = (const struct sockaddr *)&address->storage;
    const struct weir_listen_options *o = &listener->options;
    bool reuse_port = o->reuse_port == WEIR_ON || (o->reuse_port != WEIR_OFF && workers > 1);
    int rc;

    if (address->type != SOCK_STREAM || address->scheme == WEIR__SCHEME_VSOCK)
        return WEIR_ENOSCHEME;
    if (address->len == 0)
        return WEIR_ENAME;
    listener->family = at->sa_family;
    if (at->sa_family == AF_UNIX && o->unlink_stale != WEIR_OFF)
        weir__sockfile_unlink_stale((const void *)at, address->len, SOCK_STREAM);
    listener->fd = rc = open_socket(o, at, address->len, reuse_port);
    if (rc < 0)
        return rc;
    if (at->sa_family == AF_UNIX) {
        rc = weir__sockfile_own(&listener->file, (const void *)at, o->mode);
        if (rc < 0)
            return rc;
    }
    listener->address_len = sizeof listener->address;
    return weir__sys_getsockname(listener->fd, (struct sockaddr *)&listener->address,
                                 &listener->address_len);
}

static bool options_make_sense(const struct weir_listen_options *o)
{
    return o->reuse_port <= WEIR_OFF && o->v6only <= WEIR_OFF && o->nodelay <= WEIR_OFF
           && o->unlink_stale <= WEIR_OFF && o->backlog <= INT_MAX && o->defer_accept_s <= INT_MAX
           && o->fast_open <= INT_MAX && o->receive_buffer <= INT_MAX && o->send_buffer <= INT_MAX
           && o->mode <= 0777;
}

int weir_listen_n(weir_listener *out, const char *text, const struct weir_listen_options *options,
                  size_t options_size)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();
    struct weir_listen_options o = {0};
    struct weir__address address;
    struct weir__listener *listener;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (!worker)
        return WEIR_ENOTASK;
    if (!options_make_sense(&o))
        return WEIR_EOPTION;
    rc = weir__address_parse(text, &address);
    if (rc < 0)
        return rc;
    listener = weir__calloc(1, sizeof *listener);
    if (!listener)
        return WEIR_ENOMEM;
    listener->fd = -1;
    listener->options = o;
    rc = bind_listener(listener, &address, weir__runtime_workers(worker->runtime));
    if (rc == 0)
        rc = weir__handle_make(WEIR__KIND_LISTENER, listener, &listener->id);
    if (rc < 0) {
        if (listener->fd >= 0)
            weir__sys_close(listener->fd);
        weir__sockfile_unlink(&listener->file);
        weir__free(listener);
        return rc;
    }
    out->id = listener->id;
    return 0;
}

/* A listener of a descriptor, which it takes in any case. */
static int make_of(int fd, const struct weir_listen_options *o, struct weir__listener **out)
{
    struct weir__listener *listener = weir__calloc(1, sizeof *listener);
    int rc = listener ? 0 : WEIR_ENOMEM;

    if (rc == 0) {
        listener->fd = fd;
        listener->options = *o;
        listener->address_len = sizeof listener->address;
        rc = weir__sys_getsockname(fd, (struct sockaddr *)&listener->address,
                                   &listener->address_len);
    }
    if (rc == 0) {
        listener->family = listener->address.ss_family;
        rc = weir__handle_make(WEIR__KIND_LISTENER, listener, &listener->id);
    }
    if (rc < 0)
        weir__free(listener);
    else
        *out = listener;
    return rc;
}

int weir_listener_adopt_n(weir_listener *out, int descriptor,
                          const struct weir_listen_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_listen_options o = {0};
    struct weir__listener *listener;
    int rc = weir__options_copy(&o, sizeof o, options, options_size), type;

    if (rc < 0)
        return rc;
    if (!weir__current_worker())
        return WEIR_ENOTASK;
    if (!options_make_sense(&o))
        return WEIR_EOPTION;
    type = weir__sockopt_type(descriptor);
    if (type < 0)
        return type;
    if (type != SOCK_STREAM || weir__sockopt_listening(descriptor) != 1)
        return WEIR_EPROTOTYPE;
    /* a second socket at the address would want an option that the first may not have */
    o.reuse_port = WEIR_OFF;
    rc = weir__sys_set_cloexec(descriptor, true);
    if (rc == 0)
        rc = make_of(descriptor, &o, &listener);
    if (rc == 0)
        out->id = listener->id;
    return rc;
}

int weir_listener_release(weir_listener handle, int *descriptor)
{
    WEIR__CALL;
    struct weir__listener *listener;
    int rc, number;

    listener = weir__listener_enter(handle, &rc);
    if (!listener)
        return rc;
    number = rc = weir__sys_dup(listener->fd);
    if (rc >= 0 && !weir__handle_close_alone(handle.id)) {
        weir__sys_close(number);
        rc = WEIR_EBUSY;
    }
    if (rc >= 0) {
        listener->file.path[0] = 0; /* the file is the new owner's */
        *descriptor = number;
    }
    weir__listener_leave(listener);
    return rc < 0 ? rc : 0;
}

int weir_listener_address(weir_listener handle, char *out, size_t cap)
{
    WEIR__CALL;
    int rc;
    struct weir__listener *listener = weir__listener_enter(handle, &rc);

    if (!listener)
        return rc;
    rc = weir__address_format((const struct sockaddr *)&listener->address, listener->address_len,
                              out, cap);
    weir__listener_leave(listener);
    return rc;
}

int weir_listener_close(weir_listener handle)
{
    WEIR__CALL;
    struct weir__listener *listener;
    uint32_t in_use;
    void *object;
    int error;

    listener = weir__listener_enter(handle, &error);
    if (!listener)
        return 0;
    if (weir__handle_close(handle.id, WEIR__KIND_LISTENER, &in_use, &object) == 1 && in_use != 1) {
        struct weir__serve *serve = WEIR_ATOMIC_LOAD(&listener->serve, SEQ_CST);

        if (serve)
            weir__serve_stop(serve);
        else if (!WEIR_ATOMIC_LOAD(&listener->shared, SEQ_CST))
            (void)weir__sys_shutdown(listener->fd, SHUT_RDWR); /* ends accepts under way */
    }
    weir__listener_leave(listener);
    return 0;
}

void weir__listener_prepare(const struct weir__listener *listener, int fd)
{
    if (listener->family != AF_UNIX && listener->options.nodelay != WEIR_OFF)
        (void)weir__sockopt_nodelay(fd, true);
}

int weir__listener_take(struct weir__listener *listener, struct weir__worker *worker, int fd,
                        weir_stream *out)
{
    struct weir__stream *stream;
    int rc;

    weir__listener_prepare(listener, fd);
    rc = weir__stream_make(worker, fd, listener->family != AF_UNIX, &stream);
    if (rc < 0) {
        weir__sys_close(fd);
        return rc;
    }
    out->id = stream->id;
    return 0;
}

int weir_accept(weir_listener handle, weir_stream *out)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    struct weir__listener *listener;
    weir_fd fd;
    int rc;

    if (!task)
        return WEIR_ENOTASK;
    listener = weir__listener_enter(handle, &rc);
    if (!listener)
        return rc;
    weir_fd_init(&fd, listener->fd);
    /* The loop's thread may have an event for `fd`, on this stack, in hand: the task stays
     * there. */
    task->pins++;
    do {
        weir_op_accept(&task->op, &fd, 0);
        rc = weir__task_await(task, &task->op);
        weir_loop_forget(task->worker->loop, &fd);
        if (rc == WEIR_EEXIST && fd.number == listener->fd) { /* another task of this loop waits */
            fd.number = weir__sys_dup(listener->fd);
            rc = fd.number < 0 ? fd.number : WEIR_EAGAIN;
        }
    } while (rc == WEIR_ECONNABORTED || rc == WEIR_EAGAIN);
    task->pins--;
    if (fd.number >= 0 && fd.number != listener->fd)
        weir__sys_close(fd.number);
    if (rc >= 0)
        rc = weir__listener_take(listener, task->worker, rc, out);
    else if (weir__handle_closed(listener->id))
        rc = WEIR_ECLOSED;
    weir__listener_leave(listener);
    return rc;
}
