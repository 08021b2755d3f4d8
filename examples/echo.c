/* echo.c - sends back every byte, on all processors.
 *
 *   cc -o echo echo.c $(pkg-config --cflags --libs weir)
 *   ./echo tcp://127.0.0.1:7000 &
 *   nc 127.0.0.1 7000
 *
 * The handler is straight-line code: it runs as a task, and while it waits for bytes others run. It
 * returns when the peer has ended (0) or something failed (negative); weir then closes the stream.
 */
#include <signal.h>
#include <stdio.h>
#include <weir.h>

static int echo(weir_stream peer, void *arg)
{
    char bytes[4096];
    ptrdiff_t n;
    int rc = 0;

    (void)arg;
    while (rc == 0 && (n = weir_read(peer, bytes, sizeof bytes)) != 0)
        rc = n < 0 ? (int)n : weir_write_all(peer, bytes, (size_t)n);
    return rc;
}

static int serve(void *arg)
{
    return weir_serve(*(weir_listener *)arg, echo, NULL, NULL);
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
    weir_listener_close(listener); /* the server drains and returns */
    return weir_scope_join(&scope);
}

int main(int argc, char **argv)
{
    int rc = weir_run(app, argc > 1 ? argv[1] : "tcp://127.0.0.1:7000", NULL);

    if (rc < 0)
        fprintf(stderr, "echo: %s\n", weir_strerror(rc));
    return rc < 0;
}
