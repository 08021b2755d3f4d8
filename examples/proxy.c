/* proxy.c - a TCP proxy: whatever comes is copied, both ways.
 *
 *   cc -o proxy proxy.c $(pkg-config --cflags --libs weir)
 *   ./proxy tcp://127.0.0.1:7002 tcp://127.0.0.1:7000 &      (the second is where to connect to)
 *   nc 127.0.0.1 7002
 *
 * weir_copy_both has a task for each way. An end of stream is passed on as a half-close, so the
 * other way lives on; a failure of one way ends both, and so does a silence of five minutes. Both
 * have ended when it returns, so the streams can be closed without a thought. Where much comes at
 * once the bytes do not pass through the program.
 */
#include <signal.h>
#include <stdio.h>
#include <weir.h>

static const char *upstream = "tcp://127.0.0.1:7000";

static int forward(weir_stream client, void *arg)
{
    struct weir_copy_both_options options = {.idle_limit_ns = WEIR_MINUTES(5)};
    weir_stream server;
    int rc = weir_dial(&server, upstream);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_copy_both_with(client, server, NULL, &options);
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
