/* cli/echo.c - weir echo: sends back what comes. The subject of the benchmarks. */
#include <stdio.h>

#include "cli.h"

struct echo_settings {
    struct cli_addresses listen;
    uint64_t workers;
    uint64_t connections_max;
    uint32_t backend;
    int64_t idle_timeout_ns;
    bool quiet;
    int code;
};

static const struct cli_option options[] = {
    {"listen", "ADDRESS", "where to listen; repeatable; default tcp://127.0.0.1:7000",
     cli_take_address, offsetof(struct echo_settings, listen)},
    {"workers", "N", "threads; default: the CPUs that may be used", cli_take_count,
     offsetof(struct echo_settings, workers)},
    {"backend", "NAME", "uring, epoll or auto (the default)", cli_take_backend,
     offsetof(struct echo_settings, backend)},
    {"connections-max", "N", "further ones wait; default 50000 an address", cli_take_count,
     offsetof(struct echo_settings, connections_max)},
    {"idle-timeout", "TIME", "close a connection without traffic; default none", cli_take_duration,
     offsetof(struct echo_settings, idle_timeout_ns)},
    {"quiet", NULL, "print nothing but errors", cli_take_switch,
     offsetof(struct echo_settings, quiet)},
    {0},
};

static int echo(weir_stream peer, void *arg)
{
    weir_lent data;
    int n = weir_read_lent(peer, &data);

    (void)arg;
    if (n <= 0)
        return n;
    n = weir_write_all(peer, data.bytes, data.len);
    weir_give_back(&data);
    return n < 0 ? n : WEIR_SERVE_AGAIN;
}

struct listening {
    weir_listener listener;
    const struct echo_settings *settings;
};

static int serve_one(void *arg)
{
    const struct listening *at = arg;
    struct weir_serve_options serve = {
        .name = "echo",
        .connections_max = at->settings->connections_max ? at->settings->connections_max : 50000,
        .idle_limit_ns =
            at->settings->idle_timeout_ns ? at->settings->idle_timeout_ns : WEIR_FOREVER,
        .at_first_byte = WEIR_ON,
    };

    return weir_serve(at->listener, echo, NULL, &serve);
}

static int app(void *arg)
{
    struct echo_settings *settings = arg;
    struct listening listening[CLI_LISTENERS_MAX];
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_scope scope;
    size_t i;
    int rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    for (i = 0; i < settings->listen.count && settings->code == 0; i++) {
        listening[i].settings = settings;
        settings->code = cli_listen(&listening[i].listener, settings->listen.text[i]);
        if (settings->code)
            break;
        weir_listener_address(listening[i].listener, address, sizeof address);
        if (!settings->quiet)
            printf("echoing on %s with %u worker%s (%s)\n", address, weir_worker_count(),
                   weir_worker_count() == 1 ? "" : "s", weir_backend_name());
        rc = weir_spawn(&scope, serve_one, &listening[i]);
        if (rc < 0)
            settings->code = cli_fail(CLI_FAILED, "cannot serve: %s", weir_strerror(rc));
    }
    fflush(stdout);
    if (settings->code == 0)
        cli_wait_for_end();
    while (i > 0)
        weir_listener_close(listening[--i].listener);
    return weir_scope_join(&scope);
}

int cli_echo(int argc, char **argv)
{
    struct echo_settings settings = {0};
    int rc = cli_parse("echo", argc, argv, options, &settings, NULL);

    if (rc)
        return rc;
    if (!settings.listen.count)
        settings.listen.text[settings.listen.count++] = "tcp://127.0.0.1:7000";
    rc = cli_run("echo", app, &settings, settings.workers, settings.backend);
    return settings.code ? settings.code : rc;
}

void cli_echo_help(void)
{
    puts("usage: weir echo [OPTION...]\n\nSends back every byte that comes in.\n");
    cli_print_options(options);
}
