/* udp_echo.c - datagrams come back, many at a time.
 *
 *   cc -o udp_echo udp_echo.c $(pkg-config --cflags --libs weir)
 *   ./udp_echo udp://0.0.0.0:7007 &
 *   socat - UDP:127.0.0.1:7007
 *
 * Several sockets share the port, and the kernel spreads the clients over them, so that all workers
 * have something to do. The task of each takes what is there, up to 32 datagrams a call, turns each
 * round and sends them: two system calls for as many as came together. The answer leaves from the
 * address that was asked, also on a host with several.
 */
#include <signal.h>
#include <stdio.h>
#include <weir.h>

enum {
    SOCKETS = 8,
    BATCH = 32,
    SIZE = 2048
};

struct server {
    weir_socket socket;
    struct weir_message messages[BATCH];
    char bytes[BATCH][SIZE];
};

/* Turns a message round: what came from a peer goes there. */
static void turn(struct weir_message *message)
{
    message->fields &= WEIR_FIELD_PEER | WEIR_FIELD_DESTINATION;
}

static int echo(void *arg)
{
    struct server *server = arg;
    int i, n;

    for (i = 0; i < BATCH; i++)
        server->messages[i] = (struct weir_message){.bytes = server->bytes[i], .cap = SIZE};
    for (;;) {
        n = weir_recv_batch(server->socket, server->messages, BATCH);
        for (i = 0; i < n; i++)
            turn(&server->messages[i]);
        if (n > 0)
            n = weir_send_batch(server->socket, server->messages, (size_t)n);
        if (n == WEIR_ECANCELED || n == WEIR_ECLOSED || n == WEIR_EBADHANDLE)
            return n;
        /* any other error was that of one datagram */
    }
}

static int app(void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM};
    static struct server servers[SOCKETS]; /* too large for a stack */
    struct weir_socket_options options = {.reuse_port = WEIR_ON, .want = WEIR_FIELD_DESTINATION};
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_address at;
    weir_scope scope;
    int i, rc = weir_bind(&servers[0].socket, arg, &options);

    if (rc == 0)
        rc = weir_socket_local(servers[0].socket, &at);
    if (rc == 0)
        rc = weir_address_format(&at, text, sizeof text);
    for (i = 1; i < SOCKETS && rc >= 0; i++)
        rc = weir_bind(&servers[i].socket, text, &options);
    if (rc < 0)
        return rc;
    printf("listening %s\n", text);
    fflush(stdout);
    weir_scope_open(&scope);
    for (i = 0; i < SOCKETS && rc >= 0; i++)
        rc = weir_spawn(&scope, echo, &servers[i]);
    if (rc >= 0)
        weir_signal_wait(signals, 2);
    weir_scope_cancel(&scope);
    rc = weir_scope_join(&scope);
    return rc == WEIR_ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
    int rc = weir_run(app, argc > 1 ? argv[1] : "udp://127.0.0.1:7007", NULL);

    if (rc < 0)
        fprintf(stderr, "udp_echo: %s\n", weir_strerror(rc));
    return rc < 0;
}
