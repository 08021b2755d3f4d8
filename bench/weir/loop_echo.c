/* bench/weir/loop_echo.c - weir's echo server on the bare loop: one operation for each connection.
 *
 * The operation reads into a lent buffer, then sends it, and so on; between two messages a
 * connection is its operation and its descriptor. Options: --port N on 127.0.0.1, --epoll.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <weir/loop.h>

struct conn {
    weir_op op;
    weir_fd fd;
    weir_lent data;
};

static weir_loop *loop;

static void on_read(weir_op *op);

static void end(struct conn *c)
{
    weir_loop_close(loop, &c->fd);
    free(c);
}

static void on_sent(weir_op *op)
{
    struct conn *c = op->context;

    weir_loop_give_back(&c->data);
    if (op->result < 0) {
        end(c);
        return;
    }
    weir_op_recv_lent(op, &c->fd);
    op->done = on_read;
    weir_loop_submit(loop, op);
}

static void on_read(weir_op *op)
{
    struct conn *c = op->context;

    if (op->result <= 0) {
        end(c);
        return;
    }
    c->data = op->u.lent;
    weir_op_send(op, &c->fd, c->data.bytes, c->data.len, WEIR_OP_WHOLE);
    op->done = on_sent;
    weir_loop_submit(loop, op);
}

static void on_accept(weir_op *op)
{
    struct conn *c = op->result < 0 ? NULL : calloc(1, sizeof(*c));

    if (c) {
        weir_fd_init(&c->fd, op->result);
        c->op.context = c;
        c->op.done = on_read;
        weir_op_recv_lent(&c->op, &c->fd);
        weir_loop_submit(loop, &c->op);
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
