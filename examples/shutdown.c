/* shutdown.c - a server that ends without losing an answer.
 *
 *   cc -o shutdown shutdown.c $(pkg-config --cflags --libs weir)
 *   ./shutdown tcp://127.0.0.1:7004 &
 *   nc 127.0.0.1 7004        type a line, and `kill %1` before its answer has come
 *
 * Every line is told "working" at once, costs half a second of work and is then sent back. Between
 * two lines a connection has no task: the handler returns WEIR_SERVE_AGAIN and is started again by
 * the next byte. On
 * SIGTERM or SIGINT the listener is closed, and weir_serve drains: connections that wait are closed
 * at once, handlers that run get two seconds to finish and are cancelled after that. Then
 * weir_serve returns, the scope is joined, and the program ends with 0.
 */
#include <signal.h>
#include <stdio.h>
#include <weir.h>

static int answer(weir_stream peer, void *arg)
{
    char bytes[1024];
    ptrdiff_t n = weir_read(peer, bytes, sizeof bytes);
    int rc;

    (void)arg;
    if (n <= 0)
        return (int)n;
    rc = weir_write_all(peer, "working\n", 8);
    if (rc == 0)
        rc = weir_sleep(WEIR_MILLISECONDS(500)); /* the work */
    if (rc == 0)
        rc = weir_write_all(peer, bytes, (size_t)n);
    if (rc < 0 || weir_stream_draining(peer))
        return rc; /* the answer was the last one */
    return WEIR_SERVE_AGAIN;
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.at_first_byte = WEIR_ON,
                                         .idle_limit_ns = WEIR_MINUTES(5),
                                         .drain_limit_ns = WEIR_SECONDS(2)};

    return weir_serve(*(weir_listener *)arg, answer, NULL, &options);
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
    puts("draining");
    fflush(stdout);
    weir_listener_close(listener);
    rc = weir_scope_join(&scope);
    puts("ended");
    return rc;
}

int main(int argc, char **argv)
{
    int rc = weir_run(app, argc > 1 ? argv[1] : "tcp://127.0.0.1:7004", NULL);

    if (rc < 0)
        fprintf(stderr, "shutdown: %s\n", weir_strerror(rc));
    return rc < 0;
}
