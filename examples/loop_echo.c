/* loop_echo.c - the echo server again, on the bare loop: callbacks, one thread, no tasks.
 *
 *   cc -o loop_echo loop_echo.c $(pkg-config --cflags --libs weir)
 *   ./loop_echo tcp://127.0.0.1:7005 &
 *   nc 127.0.0.1 7005
 *
 * An operation is a struct of the caller's, completed once by a call of its `done`, on this thread,
 * from within weir_loop_run. Each connection has one, used in turn to receive into a buffer that
 * the loop lends and to send that buffer back. The sockets are made by hand; the address is
 * tcp://IPv4:PORT. Signals are a signalfd that the loop polls; then the program ends as it stands.
 */
#define _GNU_SOURCE 1 /* SOCK_CLOEXEC, signalfd */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/loop.h>

struct connection {
    weir_fd fd;
    weir_op op;
    weir_lent data;
};

static weir_loop *loop;

static void on_received(weir_op *op);

static void receive(struct connection *c)
{
    weir_op_recv_lent(&c->op, &c->fd, 0);
    c->op.done = on_received;
    c->op.context = c;
    weir_loop_submit(loop, &c->op);
}

static void end(struct connection *c)
{
    weir_loop_close(loop, &c->fd);
    free(c);
}

static void on_sent(weir_op *op)
{
    struct connection *c = op->context;

    weir_loop_give_back(&c->data);
    if (op->result < 0)
        end(c);
    else
        receive(c);
}

static void on_received(weir_op *op)
{
    struct connection *c = op->context;

    if (op->result <= 0) {
        end(c);
        return;
    }
    c->data = op->u.lent;
    weir_op_send(&c->op, &c->fd, c->data.bytes, c->data.len, WEIR_OP_WHOLE);
    c->op.done = on_sent;
    c->op.context = c;
    weir_loop_submit(loop, &c->op);
}

static void on_accepted(weir_op *op)
{
    struct connection *c = op->result >= 0 ? calloc(1, sizeof *c) : NULL;

    if (c) {
        weir_fd_init(&c->fd, op->result);
        receive(c);
    } else if (op->result >= 0) {
        close(op->result);
    }
    if (!(op->flags & WEIR_OP_MORE)) {
        fprintf(stderr, "loop_echo: %s\n", weir_strerror(op->result));
        weir_loop_stop(loop);
    }
}

static void on_signal(weir_op *op)
{
    (void)op;
    weir_loop_stop(loop);
}

static int open_listener(const char *text, struct sockaddr_in *address)
{
    const char *colon = strrchr(text, ':');
    socklen_t len = sizeof *address;
    char host[INET_ADDRSTRLEN];
    int fd, on = 1;

    if (strncmp(text, "tcp://", 6) != 0 || colon < text + 6)
        return -1;
    snprintf(host, sizeof host, "%.*s", (int)(colon - text - 6), text + 6);
    address->sin_family = AF_INET;
    address->sin_port = htons((unsigned short)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1)
        return -1;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)address, sizeof *address) < 0 || listen(fd, 4096) < 0)
        return -1;
    getsockname(fd, (struct sockaddr *)address, &len);
    return fd;
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {0};
    weir_fd listener, signals;
    weir_op accepting = {.done = on_accepted}, waiting = {.done = on_signal};
    char host[INET_ADDRSTRLEN];
    int rc;

    weir_fd_init(&listener, open_listener(argc > 1 ? argv[1] : "tcp://127.0.0.1:7005", &address));
    weir_fd_init(&signals, open_signals());
    if (listener.number < 0 || signals.number < 0) {
        perror("loop_echo: cannot listen");
        return 1;
    }
    rc = weir_loop_create(&loop, NULL);
    if (rc < 0) {
        fprintf(stderr, "loop_echo: %s\n", weir_strerror(rc));
        return 1;
    }
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    printf("listening tcp://%s:%u\n", host, ntohs(address.sin_port));
    fflush(stdout);
    weir_op_accept(&accepting, &listener, WEIR_OP_MULTISHOT);
    weir_loop_submit(loop, &accepting);
    weir_op_poll(&waiting, &signals, POLLIN);
    weir_loop_submit(loop, &waiting);
    return weir_loop_run(loop, WEIR_LOOP_DEFAULT) < 0;
}
