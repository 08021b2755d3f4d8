/* bench/weir/task_echo.c - weir's echo server as a task for each connection that loops over reads.
 *
 *   --port N     on 127.0.0.1
 *   --again      a handler for each message instead, no stack while idle (as `weir echo` does)
 *   --packed     the task of an idle connection is packed after a tenth of a second
 *   --no-spin    sleep at once when there is nothing to do
 *   --epoll      the other backend
 *   --workers N  (1)
 *   --compute    besides, one task computes for 50 ms at a time, and sleeps for as long between
 */
#include "micro.h"

#include <weir/net.h>
#include <weir/runtime.h>
#include <weir/scope.h>

static int exchange(weir_stream peer)
{
    weir_lent data;
    int n = weir_read_lent(peer, &data);

    if (n <= 0)
        return n;
    n = weir_write_all(peer, data.bytes, data.len);
    weir_give_back(&data);
    return n < 0 ? n : 1;
}

static int echo(weir_stream peer, void *arg)
{
    int rc;

    (void)arg;
    while ((rc = exchange(peer)) > 0)
        ;
    return rc;
}

static int echo_again(weir_stream peer, void *arg)
{
    int rc = exchange(peer);

    (void)arg;
    return rc > 0 ? WEIR_SERVE_AGAIN : rc;
}

static int compute_long(void *arg)
{
    int rc;

    (void)arg;
    do {
        uint64_t begun_ns = weir_now_ns();

        while (weir_now_ns() < begun_ns + (uint64_t)WEIR_MILLISECONDS(50))
            compute(1000);
        rc = weir_sleep(WEIR_MILLISECONDS(50));
    } while (rc == 0);
    return rc;
}

struct settings {
    int port;
    int again;
    int packed;
    int computes;
};

static int serve(void *arg)
{
    const struct settings *settings = arg;
    struct weir_serve_options options = {
        .connections_max = 20000,
        .idle_limit_ns = WEIR_FOREVER,
        .at_first_byte = settings->again ? WEIR_ON : WEIR_OFF,
        .packable = settings->packed ? WEIR_ON : WEIR_OFF,
    };
    weir_listener listener;
    char address[64];
    int rc;

    snprintf(address, sizeof(address), "tcp://127.0.0.1:%d", settings->port);
    rc = weir_listen(&listener, address, NULL);
    if (rc < 0)
        return rc;
    return weir_serve(listener, settings->again ? echo_again : echo, NULL, &options);
}

static int app(void *arg)
{
    const struct settings *settings = arg;
    weir_scope scope;

    check(weir_scope_open(&scope));
    check(weir_spawn(&scope, serve, arg));
    if (settings->computes)
        check(weir_spawn(&scope, compute_long, NULL));
    return weir_scope_join(&scope);
}

int main(int argc, char **argv)
{
    struct weir_runtime_options runtime = {.workers = 1, .pack_after_ns = WEIR_MILLISECONDS(100)};
    struct settings settings = {0};

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--port") && i + 1 < argc)
            settings.port = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--again"))
            settings.again = 1;
        else if (!strcmp(argv[i], "--packed"))
            settings.packed = 1;
        else if (!strcmp(argv[i], "--compute"))
            settings.computes = 1;
        else if (!strcmp(argv[i], "--workers") && i + 1 < argc)
            runtime.workers = argument(argc, argv, ++i, 1);
        else if (!strcmp(argv[i], "--no-spin"))
            runtime.spin_ns = -1;
        else if (!strcmp(argv[i], "--epoll"))
            runtime.backend = WEIR_BACKEND_EPOLL;
    }
    check(weir_run(app, &settings, &runtime));
    return 0;
}
