/* proxy.c - a TCP proxy: two tasks a connection, in one scope.
 *
 *   cc -o proxy proxy.c $(pkg-config --cflags --libs weir)
 *   ./proxy tcp://127.0.0.1:7002 tcp://127.0.0.1:7000 &      (the second is where to connect to)
 *   nc 127.0.0.1 7002
 *
 * One task pumps each way. An end of stream is passed on as a half-close, so the other direction
 * lives on; a failure of one pump cancels the other, because that is what a scope does by default.
 * Both have ended when the join returns, so the streams can be closed without a thought.
 */
#include <signal.h>
#include <stdio.h>
#include <weir.h>

static const char *upstream = "tcp://127.0.0.1:7000";

struct pipe {
    weir_stream from, to;
};

static int pump(void *arg)
{
    const struct pipe *pipe = arg;
    weir_lent data;
    int n, rc;

    while ((n = weir_read_lent(pipe->from, &data)) > 0) {
        rc = weir_write_all(pipe->to, data.bytes, data.len);
        weir_give_back(&data);
        if (rc < 0)
            return rc;
    }
    return n < 0 ? n : weir_shutdown(pipe->to);
}

static int forward(weir_stream client, void *arg)
{
    struct pipe there = {.from = client}, back = {.to = client};
    weir_stream server;
    weir_scope scope;
    int rc = weir_dial(&server, upstream);

    (void)arg;
    if (rc < 0)
        return rc;
    there.to = back.from = server;
    weir_scope_open(&scope);
    rc = weir_spawn(&scope, pump, &there);
    if (rc == 0)
        rc = weir_spawn(&scope, pump, &back);
    if (rc < 0)
        weir_scope_cancel(&scope);
    rc = weir_scope_join(&scope);
    weir_close(server);
    return rc;
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.drain_limit_ns = WEIR_SECONDS(1)};

    return weir_serve(*(weir_listener *)arg, forward, NULL, &options);
}

static int app(void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM};
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    weir_scope scope;
    int rc = weir_listen(&listener, arg, NULL);

    if (rc < 0)
        return rc;
    weir_listener_address(listener, address, sizeof address);
    printf("listening %s\n", address);
    fflush(stdout);
    weir_scope_open(&scope);
    rc = weir_spawn(&scope, serve, &listener);
    if (rc == 0)
        weir_signal_wait(signals, 2);
    weir_listener_close(listener);
    return weir_scope_join(&scope);
}

int main(int argc, char **argv)
{
    int rc;

    if (argc > 2)
        upstream = argv[2];
    rc = weir_run(app, argc > 1 ? argv[1] : "tcp://127.0.0.1:7002", NULL);
    if (rc < 0)
        fprintf(stderr, "proxy: %s\n", weir_strerror(rc));
    return rc < 0;
}
