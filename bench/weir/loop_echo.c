/* bench/weir/loop_echo.c - weir's echo server on the bare loop: callbacks, no tasks.
 *
 * A connection is its descriptor and a receive that goes on by itself. While a reply is on its way
 * it also has a send with the buffer that is sent, which a pool keeps; what comes meanwhile waits
 * in the receive's queue. Options: --port N on 127.0.0.1, --epoll.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <weir/loop.h>

struct conn {
    weir_op receive;
    weir_fd fd;
    struct reply *reply; /* on its way, or NULL */
    bool receiving;
    bool ended;
};

struct reply {
    weir_op send;
    weir_lent data;
    struct conn *conn;
    struct reply *next;
};

static weir_loop *loop;
static struct reply *spare;

static void go_on(struct conn *c);

static struct reply *reply_take(void)
{
    struct reply *r = spare;

    if (!r)
        return malloc(sizeof(*r));
    spare = r->next;
    return r;
}

static void reply_give(struct reply *r)
{
    r->next = spare;
    spare = r;
}

static void on_sent(weir_op *op)
{
    struct reply *r = op->context;
    struct conn *c = r->conn;

    weir_loop_give_back(&r->data);
    reply_give(r);
    c->reply = NULL;
    c->ended |= op->result < 0;
    go_on(c);
}

static void send_next(struct conn *c)
{
    struct reply *r = reply_take();

    if (!r) {
        c->ended = true;
        return;
    }
    if (!weir_op_received(&c->receive, &r->data)) {
        reply_give(r);
        return;
    }
    r->conn = c;
    c->reply = r;
    weir_op_send(&r->send, &c->fd, r->data.bytes, r->data.len, WEIR_OP_WHOLE);
    r->send.done = on_sent;
    r->send.context = r;
    weir_loop_submit(loop, &r->send);
}

static void end(struct conn *c)
{
    weir_lent data;

    if (c->receiving) {
        weir_loop_cancel(loop, &c->receive);
        return;
    }
    while (weir_op_received(&c->receive, &data))
        weir_loop_give_back(&data);
    weir_loop_close(loop, &c->fd);
    free(c);
}

static void receive(struct conn *c)
{
    weir_op_recv_lent(&c->receive, &c->fd, WEIR_OP_MULTISHOT);
    c->receiving = true;
    weir_loop_submit(loop, &c->receive);
}

/* Sends what has come, one buffer at a time; then receives again if that had stopped. */
static void go_on(struct conn *c)
{
    if (!c->reply)
        send_next(c);
    if (c->reply)
        return;
    if (c->ended)
        end(c);
    else if (!c->receiving)
        receive(c);
}

static void on_received(weir_op *op)
{
    struct conn *c = op->context;

    c->receiving = op->flags & WEIR_OP_MORE;
    c->ended |= !c->receiving && op->result != WEIR_ECANCELED;
    go_on(c);
}

static void on_accept(weir_op *op)
{
    struct conn *c = op->result < 0 ? NULL : calloc(1, sizeof(*c));

    if (c) {
        weir_fd_init(&c->fd, op->result);
        c->receive.context = c;
        c->receive.done = on_received;
        receive(c);
    }
    if (!(op->flags & WEIR_OP_MORE)) {
        weir_op_accept(op, op->fd, WEIR_OP_MULTISHOT);
        weir_loop_submit(loop, op);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4096)) {
        perror("loop_echo");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct weir_loop_options options = {0};
    int port = 0, rc;
    weir_fd listener;
    weir_op accept_op = {.done = on_accept};

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--port") && i + 1 < argc)
            port = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--epoll"))
            options.backend = WEIR_BACKEND_EPOLL;
    }
    rc = weir_loop_create(&loop, &options);
    if (rc >= 0) {
        weir_fd_init(&listener, listen_on(port));
        weir_op_accept(&accept_op, &listener, WEIR_OP_MULTISHOT);
        weir_loop_submit(loop, &accept_op);
        rc = weir_loop_run(loop, WEIR_LOOP_DEFAULT);
    }
    fprintf(stderr, "loop_echo: %s\n", weir_strerror(rc));
    return 1;
}
