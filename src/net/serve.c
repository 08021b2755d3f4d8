/* net/serve.c - weir_serve: connections to handlers, with limits and an end.
 *
 * A serve has one part a worker. A part accepts by one multishot operation on a listening socket of
 * its own and touches only what belongs to its worker. A connection waits for its first byte (and
 * between exchanges) as a plain operation with a callback: no task, no stack, no buffer. The task
 * that called weir_serve waits until every part has ended.
 *
 * A part ends when it has been told to stop, its accept operation has come back, its timer is off
 * and its last connection is gone. `serve->parts_live` counts parts; the last one wakes the owner.
 */
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/container.h"
#include "base/options.h"
#include "core/handle.h"
#include "net/listener.h"
#include "stream/stream.h"
#include "sys/affinity.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/sockopt.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/worker.h"

#define CONNECTIONS_DEFAULT 10000
#define IDLE_DEFAULT_NS     WEIR_SECONDS(60)
#define DRAIN_DEFAULT_NS    WEIR_SECONDS(10)
#define BACKOFF_NS          WEIR_MILLISECONDS(50) /* after an accept that found no descriptor */
#define BACKLOG_MAX         4096 /* connections taken out of a backlog at the end */
#define WAITING_MAX         64   /* accepted beyond the limit, before accepting stops */

struct weir__served { /* a part */
    struct weir__serve *serve;
    struct weir__worker *worker;
    weir_fd listener;
    weir_op accept;
    struct weir__loop_timer backoff;
    uint64_t count; /* streams */
    int waiting[WAITING_MAX];
    uint32_t waiting_count;
    int reserve;    /* a descriptor to give up when there are none */
    bool accepting; /* the operation is in flight */
    bool stopping;
    bool ended;
    bool beginning; /* in begin_waiting */
    weir_post start_post;
    weir_post stop_post;
};

struct weir__serve {
    struct weir__kept kept;
    struct weir__listener *listener;
    struct weir__task *owner;
    struct weir__scope *scope; /* of the handlers */
    weir_serve_handler *handler;
    void *arg;
    struct weir_serve_options options;
    uint32_t parts_count;
    uint32_t parts_live;  /* partner: part_end and the owner's wait */
    uint32_t started;     /* its parts have been told to start; partner: weir__serve_stop */
    uint32_t stopped;     /* told to stop: by the owner, or a close of the listener */
    uint64_t connections; /* of all parts, for the limit */
    struct weir__served parts[];
};

static void accept_start(struct weir__served *part);

/* ---- the end of a part ---- */

static bool at_limit(const struct weir__serve *serve)
{
    return WEIR_ATOMIC_LOAD(&serve->connections, RELAXED) >= serve->options.connections_max;
}

static void connection_begin(struct weir__served *part, int fd);

static bool has_come(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    return weir__sys_poll(&ready, 1, 0) == 1;
}

static bool is_shared(const struct weir__served *part)
{
    return WEIR_ATOMIC_LOAD(&part->serve->listener->shared, SEQ_CST);
}

static void take_late(struct weir__served *part, int fd)
{
    if ((is_shared(part) || has_come(fd)) && !at_limit(part->serve))
        connection_begin(part, fd);
    else
        weir__sys_close(fd);
}

/* Takes out what the kernel has accepted: connections that have sent something are served still,
 * the others are closed. */
static void empty_backlog(struct weir__served *part)
{
    int i;

    for (i = 0; i < BACKLOG_MAX; i++) {
        int late = weir__sys_accept4(part->listener.number, NULL, NULL, SOCK_CLOEXEC);

        if (late < 0)
            return;
        take_late(part, late);
    }
}

/* Refuses new connections from now on. A TCP socket that stops resets what is in its backlog, and a
 * UNIX socket leaves it there; so the one is emptied before, the other after. A listener that stays
 * open, here or in another process, keeps its own socket and backlog. */
static void stop_listening(struct weir__served *part)
{
    struct weir__listener *listener = part->serve->listener;
    int fd = part->listener.number;

    if (fd == listener->fd && (is_shared(part) || !weir__handle_closed(listener->id)))
        return;
    if (weir__sys_set_nonblock(fd, true) < 0)
        return;
    part->count++; /* a connection that ends at once does not end the part */
    if (listener->family != AF_UNIX)
        empty_backlog(part);
    (void)weir__sys_shutdown(fd, SHUT_RDWR);
    if (listener->family == AF_UNIX)
        empty_backlog(part);
    part->count--;
}

static void part_end_if_done(struct weir__served *part)
{
    struct weir__serve *serve = part->serve;
    struct weir__task *owner = serve->owner;

    if (!part->stopping || part->accepting || part->count || part->ended)
        return;
    part->ended = true;
    weir__loop_timer_stop(part->worker->loop, &part->backoff);
    if (part->listener.number >= 0 && part->listener.number != serve->listener->fd)
        weir_loop_close(part->worker->loop, &part->listener);
    else
        weir_loop_forget(part->worker->loop, &part->listener);
    if (part->reserve >= 0)
        weir__sys_close(part->reserve);
    if (WEIR_ATOMIC_SUB(&serve->parts_live, 1, SEQ_CST) == 1)
        weir__task_wake(owner);
}

/* ---- one connection ---- */

/* A served stream carries one reference of its server from connection_begin to connection_finish,
 * so that the object outlives a close by anybody. While it idles the server is its reader. */
static void connection_finish(struct weir__stream *stream)
{
    weir__stream_close(stream);
    weir__stream_leave(stream, 0);
}

/* The same for one that idles. */
static void idle_finish(struct weir__stream *stream)
{
    stream->idling = false;
    weir__stream_leave(stream, WEIR__HANDLE_READER);
    connection_finish(stream);
}

static int run_handler(void *arg);

static int start_handler(struct weir__stream *stream)
{
    struct weir__served *part = stream->served;
    struct weir_spawn_options options = {.name = part->serve->options.name,
                                         .stack_size = part->serve->options.stack_size,
                                         .packable = part->serve->options.packable};

    return weir__task_start(part->worker, part->serve->scope, run_handler, stream, &options);
}

static void connection_stirred(struct weir__stream *stream)
{
    bool begins = weir__stream_has_bytes(stream);

    stream->idling = false;
    weir__stream_take(stream);
    if (begins)
        stream->active_ns = stream->served->worker->loop->now_ns;
    weir__stream_leave(stream, WEIR__HANDLE_READER);
    if (!begins || start_handler(stream) < 0)
        connection_finish(stream);
}

enum served_next {
    SERVED_BEGINS, /* there is something to read */
    SERVED_IDLES,  /* the connection is the server's again */
    SERVED_ENDS    /* it was closed meanwhile or has ended, or somebody else reads it */
};

/* On the home worker; by the handler's task, or by none when the connection begins. */
static enum served_next wait_for_byte(struct weir__stream *stream, struct weir__task *task)
{
    weir_loop *loop = stream->served->worker->loop;
    enum served_next next = SERVED_ENDS;
    int error;

    if (!weir__stream_enter((weir_stream){stream->id}, WEIR__HANDLE_READER, &error))
        return SERVED_ENDS;
    if (task) {
        task->pins++;
        weir__stream_recall(stream, task, loop);
        task->pins--;
    }
    if (weir__stream_arm(stream, loop))
        next = weir__stream_has_bytes(stream) ? SERVED_BEGINS
               : stream->ended                ? SERVED_ENDS
                                              : SERVED_IDLES;
    stream->idling = next == SERVED_IDLES;
    if (!stream->idling)
        weir__stream_leave(stream, WEIR__HANDLE_READER);
    return next;
}

static int run_handler(void *arg)
{
    struct weir__stream *stream = arg;
    struct weir__served *part = stream->served;
    struct weir__task *task = weir__task_current();
    enum served_next next;
    int rc;

    do {
        (void)weir__task_spend(task);
        weir__current_leave();
        rc = part->serve->handler((weir_stream){stream->id}, part->serve->arg);
        weir__current_enter();
        weir__task_go_to(task, part->worker);
        next = rc != WEIR_SERVE_AGAIN || part->stopping || stream->write_broken
                   ? SERVED_ENDS
                   : wait_for_byte(stream, task);
    } while (next == SERVED_BEGINS);
    if (next == SERVED_ENDS)
        connection_finish(stream);
    return 0;
}

static void limit_fire(void *timer, weir_loop *loop)
{
    struct weir__stream *stream = WEIR_CONTAINER_OF(timer, struct weir__stream, limit);
    uint64_t due = WEIR_ATOMIC_LOAD(&stream->active_ns, RELAXED)
                   + (uint64_t)stream->served->serve->options.idle_limit_ns;
    int error;

    if (loop->now_ns < due) {
        weir__loop_timer_start(loop, &stream->limit, due);
    } else if (stream->idling) {
        idle_finish(stream);
    } else if (weir__stream_enter((weir_stream){stream->id}, 0, &error)) {
        weir__stream_stop(stream, WEIR_EIDLE);
    }
}

/* Reader and writer have been told: looks again after another limit. */
static void connection_stopped(struct weir__stream *stream)
{
    weir_loop *loop = stream->served->worker->loop;

    stream->limit.node.link.next = NULL;
    stream->limit.fire = limit_fire;
    weir__loop_timer_start(loop, &stream->limit,
                           loop->now_ns + (uint64_t)stream->served->serve->options.idle_limit_ns);
    weir__stream_leave(stream, 0);
}

/* Takes the descriptor. */
static void connection_begin(struct weir__served *part, int fd)
{
    struct weir__serve *serve = part->serve;
    weir_loop *loop = part->worker->loop;
    struct weir__stream *stream;
    enum served_next next;
    int error;

    weir__listener_prepare(serve->listener, fd);
    if (weir__stream_make(part->worker, fd, serve->listener->family != AF_UNIX, &stream) < 0) {
        weir__sys_close(fd);
        return;
    }
    (void)weir__stream_enter((weir_stream){stream->id}, 0, &error);
    stream->served = part;
    part->count++;
    (void)WEIR_ATOMIC_ADD(&serve->connections, 1, RELAXED);
    if (serve->options.idle_limit_ns != WEIR_FOREVER) {
        stream->limit.fire = limit_fire;
        weir__loop_timer_start(loop, &stream->limit,
                               loop->now_ns + (uint64_t)serve->options.idle_limit_ns);
    }
    next = serve->options.at_first_byte == WEIR_ON ? wait_for_byte(stream, NULL) : SERVED_BEGINS;
    if (next == SERVED_BEGINS && start_handler(stream) < 0)
        next = SERVED_ENDS;
    if (next == SERVED_ENDS)
        connection_finish(stream);
}

static void begin_waiting(struct weir__served *part)
{
    if (part->beginning) /* a connection that ended at once has led here again */
        return;
    part->beginning = true;
    while (part->waiting_count && !at_limit(part->serve)) {
        int fd = part->waiting[0];

        part->waiting_count--;
        memmove(part->waiting, part->waiting + 1, part->waiting_count * sizeof fd);
        connection_begin(part, fd);
    }
    part->beginning = false;
}

static void connection_released(struct weir__stream *stream)
{
    struct weir__served *part = stream->served;

    part->count--;
    (void)WEIR_ATOMIC_SUB(&part->serve->connections, 1, RELAXED);
    begin_waiting(part);
    if (!part->stopping && !part->accepting && !weir__timer_armed(&part->backoff.node)
        && !at_limit(part->serve))
        accept_start(part);
    part_end_if_done(part);
}

/* ---- accepting ---- */

static void backoff_fire(void *timer, weir_loop *loop)
{
    struct weir__served *part = WEIR_CONTAINER_OF(timer, struct weir__served, backoff);

    (void)loop;
    if (part->stopping || part->accepting)
        return;
    begin_waiting(part);
    if (at_limit(part->serve)) /* another part may free a place, and does not tell */
        weir__loop_timer_start(loop, &part->backoff, loop->now_ns + BACKOFF_NS);
    else
        accept_start(part);
}

static void back_off(struct weir__served *part)
{
    weir_loop *loop = part->worker->loop;

    part->backoff.fire = backoff_fire;
    weir__loop_timer_start(loop, &part->backoff, loop->now_ns + BACKOFF_NS);
}

/* No descriptor is left: gives up the reserve, accepts one connection with it and closes that, so
 * that its peer learns, and takes the reserve again. */
static void burn_reserve(struct weir__served *part)
{
    struct pollfd ready = {.fd = part->listener.number, .events = POLLIN};
    int fd;

    if (part->reserve >= 0)
        weir__sys_close(part->reserve);
    /* non-blocking: another part of the same socket may take the connection first */
    if (weir__sys_set_nonblock(part->listener.number, true) == 0
        && weir__sys_poll(&ready, 1, 0) == 1) {
        fd = weir__sys_accept4(part->listener.number, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            weir__sys_close(fd);
    }
    part->reserve = weir__sys_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
}

static void take_connection(struct weir__served *part, int fd)
{
    if (!at_limit(part->serve)) {
        connection_begin(part, fd);
        return;
    }
    if (part->waiting_count < WAITING_MAX)
        part->waiting[part->waiting_count++] = fd;
    else
        weir__sys_close(fd);
}

static void accept_done(weir_op *op)
{
    struct weir__served *part = WEIR_CONTAINER_OF(op, struct weir__served, accept);

    if (op->result >= 0 && part->stopping)
        take_late(part, op->result);
    else if (op->result >= 0)
        take_connection(part, op->result);
    if (op->flags & WEIR_OP_MORE) {
        if (at_limit(part->serve))
            weir_loop_cancel(part->worker->loop, op);
        return;
    }
    part->accepting = false;
    if (part->stopping) {
        stop_listening(part);
        part_end_if_done(part);
    } else if (op->result == WEIR_EMFILE || op->result == WEIR_ENFILE) {
        burn_reserve(part);
        back_off(part);
    } else if (op->result < 0 || at_limit(part->serve)) {
        back_off(part);
    } else {
        accept_start(part);
    }
}

static void accept_start(struct weir__served *part)
{
    weir_op_accept(&part->accept, &part->listener, WEIR_OP_MULTISHOT);
    part->accept.done = accept_done;
    part->accepting = true;
    weir_loop_submit(part->worker->loop, &part->accept);
}

/* ---- starting and stopping parts ---- */

static void part_start(weir_post *post, weir_loop *loop)
{
    struct weir__served *part = WEIR_CONTAINER_OF(post, struct weir__served, start_post);

    (void)loop;
    part->reserve = weir__sys_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    if (!part->stopping)
        accept_start(part);
}

/* Of all streams of the worker, ends those of the part that wait for a byte. */
static void cancel_idle(void *object, void *arg)
{
    struct weir__stream *stream = object;
    struct weir__served *part = arg;

    if (stream->idling && stream->served == part)
        idle_finish(stream);
}

static void part_stop(weir_post *post, weir_loop *loop)
{
    struct weir__served *part = WEIR_CONTAINER_OF(post, struct weir__served, stop_post);

    part->stopping = true;
    weir__slab_each(&part->worker->streams, cancel_idle, part);
    while (part->waiting_count)
        take_late(part, part->waiting[--part->waiting_count]);
    if (part->accepting)
        weir_loop_cancel(loop, &part->accept);
    else
        stop_listening(part);
    part_end_if_done(part);
}

static void start_parts(struct weir__serve *serve)
{
    struct weir__served *part = serve->parts, *end = part + serve->parts_count;

    for (; part != end; part++) {
        part->start_post.deliver = part_start;
        weir_loop_post(part->worker->loop, &part->start_post);
    }
}

static void stop_parts(struct weir__serve *serve)
{
    struct weir__served *part = serve->parts, *end = part + serve->parts_count;

    for (; part != end; part++) {
        part->stop_post.deliver = part_stop;
        weir_loop_post(part->worker->loop, &part->stop_post);
    }
}

void weir__serve_stop(struct weir__serve *serve)
{
    if (!WEIR_ATOMIC_LOAD(&serve->started, SEQ_CST))
        return; /* it looks itself, when it has started */
    if (WEIR_ATOMIC_EXCHANGE(&serve->stopped, 1, SEQ_CST) == 0) {
        stop_parts(serve);
        weir__task_wake(serve->owner);
    }
}

/* ---- the call ---- */

static const struct weir__served_calls served_calls = {
    .stirred = connection_stirred,
    .released = connection_released,
    .stopped = connection_stopped,
};

static bool has_twins(const struct weir__listener *listener)
{
    return listener->family != AF_UNIX && listener->options.reuse_port != WEIR_OFF;
}

static int part_init(struct weir__serve *serve, struct weir__served *part,
                     struct weir__worker *worker)
{
    bool own = serve->parts_count > 0 && has_twins(serve->listener);
    int fd = own ? weir__listener_twin(serve->listener) : serve->listener->fd;

    if (fd < 0)
        return fd;
    part->serve = serve;
    part->worker = worker;
    part->reserve = -1;
    weir_fd_init(&part->listener, fd);
    serve->parts_count++;
    return 0;
}

/* Has the kernel choose the part by the processor: parts listen in the order of their workers, the
 * first since weir_listen. */
static int steer(struct weir__serve *serve, const struct weir__runtime *runtime)
{
    int cpus[WEIR_WORKERS_MAX];
    uint32_t i;

    if (serve->parts_count == 1)
        return 0;
    if (!weir__runtime_on_cores(runtime) || !has_twins(serve->listener))
        return WEIR_ENOTSUP;
    for (i = 0; i < serve->parts_count; i++) {
        cpus[i] = weir__affinity_cpu(i);
        if (cpus[i] < 0 || (i > 0 && cpus[i] == cpus[0]))
            return WEIR_ENOTSUP;
    }
    return weir__sockopt_steer(serve->listener->fd, cpus, serve->parts_count);
}

static void serve_destroy(struct weir__serve *serve)
{
    if (serve->options.steer == WEIR_ON && serve->parts_count > 1)
        (void)weir__sockopt_steer_none(serve->listener->fd);
    WEIR_ATOMIC_STORE(&serve->listener->serve, NULL, SEQ_CST);
    /* a close of the listener on another worker may still look at it */
    weir__listener_keep(serve->listener, &serve->kept);
}

/* Of one whose parts have not been started: they end nothing themselves. */
static void serve_abandon(struct weir__serve *serve)
{
    uint32_t i;

    for (i = 1; i < serve->parts_count; i++) {
        if (serve->parts[i].listener.number != serve->listener->fd)
            weir__sys_close(serve->parts[i].listener.number);
    }
    serve_destroy(serve);
}

static int serve_create(struct weir__serve **out, struct weir__listener *listener,
                        struct weir__task *task, const struct weir_serve_options *o)
{
    struct weir__runtime *runtime = task->worker->runtime;
    uint32_t i, count = weir__runtime_workers(runtime);
    struct weir__serve *serve = weir__calloc(1, sizeof *serve + count * sizeof *serve->parts);
    struct weir__serve *none = NULL;
    int rc = 0;

    if (!serve)
        return WEIR_ENOMEM;
    serve->listener = listener;
    serve->owner = task;
    serve->options = *o;
    if (!WEIR_ATOMIC_CAS(&listener->serve, &none, serve, SEQ_CST)) {
        weir__free(serve);
        return WEIR_EBUSY;
    }
    for (i = 0; i < count && rc == 0; i++)
        rc = part_init(serve, &serve->parts[i], weir__runtime_worker(runtime, i + 1));
    if (rc == 0 && o->steer == WEIR_ON)
        rc = steer(serve, runtime);
    if (rc < 0) {
        serve_abandon(serve);
        return rc;
    }
    serve->parts_live = serve->parts_count;
    *out = serve;
    return 0;
}

/* Waits until a stop was asked for: 0, or the reason for which the caller itself is stopped. */
static int wait_for_stop(struct weir__serve *serve, struct weir__task *task)
{
    int rc = 0;

    weir__task_waits_for(task, "serve");
    while (rc == 0 && !WEIR_ATOMIC_LOAD(&serve->stopped, SEQ_CST))
        rc = weir__task_pause(task);
    return rc;
}

/* Gives handlers the drain limit, then cancels them; returns when all parts have ended. */
static void drain(struct weir__serve *serve, struct weir__task *task)
{
    weir_block block;
    bool cancelled = false;
    int rc;

    rc = weir_shield_begin(&block, serve->options.drain_limit_ns);
    WEIR_ASSERT(rc == 0);
    weir__task_waits_for(task, "drain");
    while (WEIR_ATOMIC_LOAD(&serve->parts_live, SEQ_CST)) {
        if (cancelled) {
            weir__task_suspend(task);
        } else if (weir__task_pause(task) == WEIR_EDEADLINE) {
            cancelled = true;
            weir__scope_cancel(serve->scope);
        }
    }
    weir_block_end(&block);
}

static int serve_run(struct weir__serve *serve, struct weir__task *task)
{
    struct weir_scope_options scope_options = {.policy = WEIR_SCOPE_ALL};
    weir_block block;
    weir_scope scope;
    int rc;

    /* The handlers' scope is shielded: a cancel of the server drains first. */
    rc = weir_shield_begin(&block, WEIR_FOREVER);
    WEIR_ASSERT(rc == 0);
    rc = weir_scope_open_with(&scope, &scope_options);
    weir_block_end(&block);
    WEIR_ASSERT(rc == 0);
    serve->scope = weir__scope_of(&scope);
    rc = weir__scope_make_parts(serve->scope);
    if (rc < 0) {
        weir_scope_join(&scope);
        serve_abandon(serve);
        return rc;
    }
    start_parts(serve);
    WEIR_ATOMIC_STORE(&serve->started, 1, SEQ_CST); /* now stops come after starts */
    if (weir__handle_closed(serve->listener->id))
        weir__serve_stop(serve);
    rc = wait_for_stop(serve, task);
    weir__serve_stop(serve);
    drain(serve, task);
    weir_scope_join(&scope);
    serve_destroy(serve);
    return rc;
}

int weir_serve_n(weir_listener handle, weir_serve_handler *handler, void *arg,
                 const struct weir_serve_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    struct weir_serve_options o = {0};
    struct weir__listener *listener;
    struct weir__serve *serve;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (!task)
        return WEIR_ENOTASK;
    if (o.idle_limit_ns < 0 || o.drain_limit_ns < 0 || o.stack_size > WEIR__STACK_MAX
        || o.packable > WEIR_OFF || o.steer > WEIR_OFF)
        return WEIR_EOPTION;
    o.connections_max = o.connections_max ? o.connections_max : CONNECTIONS_DEFAULT;
    o.idle_limit_ns = o.idle_limit_ns ? o.idle_limit_ns : IDLE_DEFAULT_NS;
    o.drain_limit_ns = o.drain_limit_ns ? o.drain_limit_ns : DRAIN_DEFAULT_NS;
    o.name = o.name ? o.name : "handler";
    listener = weir__listener_enter(handle, &rc);
    if (!listener) {
        return rc;
    }
    WEIR_ATOMIC_STORE(&weir__served_calls, &served_calls, RELEASE);
    rc = serve_create(&serve, listener, task, &o);
    if (rc == 0) {
        serve->handler = handler;
        serve->arg = arg;
        rc = serve_run(serve, task);
    }
    weir__listener_leave(listener);
    return rc;
}

int weir_stream_draining(weir_stream handle)
{
    WEIR__CALL;
    int rc;
    struct weir__stream *stream = weir__stream_enter(handle, 0, &rc);

    if (!stream)
        return rc;
    rc = stream->served && WEIR_ATOMIC_LOAD(&stream->served->serve->stopped, SEQ_CST);
    weir__stream_leave(stream, 0);
    return rc;
}
