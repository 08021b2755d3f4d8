/* cli/serve.c - weir serve: the files of a folder over HTTP. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

struct serve_settings {
    struct cli_addresses listen;
    uint64_t workers;
    uint64_t connections_max;
    uint32_t backend;
    int64_t idle_timeout_ns;
    int64_t header_timeout_ns;
    const char *access_log;
    bool quiet;
    const char *folder;
    int code;
};

static const struct cli_option options[] = {
    {"listen", "ADDRESS", "where to listen; repeatable; default tcp://127.0.0.1:8080",
     cli_take_address, offsetof(struct serve_settings, listen)},
    {"workers", "N", "threads; default: the CPUs that may be used", cli_take_count,
     offsetof(struct serve_settings, workers)},
    {"backend", "NAME", "uring, epoll or auto (the default)", cli_take_backend,
     offsetof(struct serve_settings, backend)},
    {"connections-max", "N", "further ones wait; default 10000 an address", cli_take_count,
     offsetof(struct serve_settings, connections_max)},
    {"idle-timeout", "TIME", "close a connection without traffic; default 60s", cli_take_duration,
     offsetof(struct serve_settings, idle_timeout_ns)},
    {"header-timeout", "TIME", "for the head of a request to come; default 10s", cli_take_duration,
     offsetof(struct serve_settings, header_timeout_ns)},
    {"access-log", "FILE", "a line for every answer, in the combined format; -: stdout",
     cli_take_text, offsetof(struct serve_settings, access_log)},
    {"quiet", NULL, "print nothing but errors", cli_take_switch,
     offsetof(struct serve_settings, quiet)},
    {0},
};

/* ---- the access log ---- */

/* Lines gather here and are written when there are many, and every second. The lock is never held
 * while a task waits. */
struct access_log {
    pthread_mutex_t lock;
    FILE *to;
    int64_t zone_s; /* the second that `zone` is for */
    char zone[40];
};

/* What may stand between quotes in a line: everything else is written as \xHH. */
static void put_quoted(FILE *to, struct weir_http_text text)
{
    size_t i;

    if (text.len == 0)
        putc_unlocked('-', to);
    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            fprintf(to, "\\x%02X", c);
        else
            putc_unlocked(c, to);
    }
}

/* The peer without scheme and port. */
static const char *host_of(weir_stream peer, char *text, size_t cap)
{
    char *host, *port;

    if (weir_stream_peer(peer, text, cap) < 0 || strncmp(text, "tcp://", 6) != 0)
        return "-";
    host = text + 6;
    port = strrchr(host, ':');
    if (port)
        *port = '\0';
    if (*host == '[') {
        host[strlen(host) - 1] = '\0';
        host++;
    }
    return host;
}

static const char *stamp(struct access_log *log, int64_t wall_ns)
{
    int64_t now_s = wall_ns / 1000000000;
    time_t t = (time_t)now_s;
    struct tm parts;

    if (log->zone_s != now_s && localtime_r(&t, &parts)) {
        strftime(log->zone, sizeof log->zone, "%d/%b/%Y:%H:%M:%S %z", &parts);
        log->zone_s = now_s;
    }
    return log->zone;
}

static void note_access(const struct weir_http_access *access, void *arg)
{
    struct access_log *log = arg;
    char peer[WEIR_ADDRESS_TEXT_MAX];
    const char *host = host_of(access->peer, peer, sizeof peer);

    pthread_mutex_lock(&log->lock);
    fprintf(log->to, "%s - - [%s] \"", host, stamp(log, access->wall_ns));
    put_quoted(log->to, access->line);
    fprintf(log->to, "\" %d %llu \"", access->status, (unsigned long long)access->body_len);
    put_quoted(log->to, access->referer);
    fputs("\" \"", log->to);
    put_quoted(log->to, access->agent);
    fputs("\"\n", log->to);
    pthread_mutex_unlock(&log->lock);
}

static int flush_log(void *arg)
{
    struct access_log *log = arg;

    while (weir_sleep(WEIR_SECONDS(1)) == 0) {
        pthread_mutex_lock(&log->lock);
        fflush(log->to);
        pthread_mutex_unlock(&log->lock);
    }
    return 0;
}

static int open_log(struct access_log *log, const char *name)
{
    log->to = strcmp(name, "-") == 0 ? stdout : fopen(name, "ae");
    if (!log->to)
        return cli_fail(CLI_FAILED, "cannot write the access log %s: %s; choose another file", name,
                        strerror(errno));
    setvbuf(log->to, NULL, _IOFBF, 64 * 1024);
    return 0;
}

static void close_log(struct access_log *log)
{
    if (log->to && log->to != stdout)
        fclose(log->to);
    else
        fflush(stdout);
}

/* ---- serving ---- */

struct listening {
    weir_listener listener;
    weir_http_files *files;
    const struct serve_settings *settings;
};

static int serve_one(void *arg)
{
    const struct listening *at = arg;
    struct weir_serve_options serve = {
        .name = "http",
        .connections_max = at->settings->connections_max,
        .idle_limit_ns = at->settings->idle_timeout_ns,
        .at_first_byte = WEIR_ON,
    };

    return weir_serve(at->listener, weir_http_files_serve, at->files, &serve);
}

/* http://127.0.0.1:8080 for a TCP address: what a browser takes. */
static void announce(const struct serve_settings *settings, weir_listener listener)
{
    char address[WEIR_ADDRESS_TEXT_MAX];
    bool tcp;

    if (settings->quiet || weir_listener_address(listener, address, sizeof address) < 0)
        return;
    tcp = strncmp(address, "tcp://", 6) == 0;
    printf("serving %s on %s%s with %u worker%s (%s)\n", settings->folder, tcp ? "http://" : "",
           tcp ? address + 6 : address, weir_worker_count(), weir_worker_count() == 1 ? "" : "s",
           weir_backend_name());
    fflush(stdout);
}

static int start_one(struct listening *at, weir_scope *scope, const char *address)
{
    int rc = cli_listen(&at->listener, address);

    if (rc)
        return rc;
    announce(at->settings, at->listener);
    rc = weir_spawn(scope, serve_one, at);
    if (rc == 0)
        return 0;
    weir_listener_close(at->listener);
    return cli_fail(CLI_FAILED, "cannot serve on %s: %s", address, weir_strerror(rc));
}

/* Serves until a signal comes, then lets what has begun come to its end. */
static int serve_all(struct serve_settings *settings, weir_http_files *files)
{
    struct listening listening[CLI_LISTENERS_MAX];
    weir_scope scope;
    size_t count = 0;
    int rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    while (count < settings->listen.count && settings->code == 0) {
        listening[count] = (struct listening){.files = files, .settings = settings};
        settings->code = start_one(&listening[count], &scope, settings->listen.text[count]);
        count += settings->code == 0;
    }
    if (settings->code == 0)
        cli_wait_for_end();
    while (count > 0)
        weir_listener_close(listening[--count].listener);
    return weir_scope_join(&scope);
}

static int make_files(weir_http_files **out, struct serve_settings *settings,
                      struct access_log *log)
{
    struct weir_http_files_options o = {.header_limit_ns = settings->header_timeout_ns};
    int rc;

    if (log->to) {
        o.access = note_access;
        o.access_arg = log;
    }
    rc = weir_http_files_create(out, settings->folder, &o);
    if (rc < 0)
        settings->code =
            cli_fail(CLI_FAILED, "cannot serve %s: %s; give a folder that exists and may be read",
                     settings->folder, weir_strerror(rc));
    return rc;
}

static int app(void *arg)
{
    struct serve_settings *settings = arg;
    struct access_log log = {.lock = PTHREAD_MUTEX_INITIALIZER};
    weir_http_files *files = NULL;
    weir_scope background;
    int rc = 0;

    if (settings->access_log)
        settings->code = open_log(&log, settings->access_log);
    if (settings->code || make_files(&files, settings, &log) < 0)
        goto end;
    rc = weir_scope_open(&background);
    if (rc < 0)
        goto end;
    if (log.to)
        (void)weir_spawn(&background, flush_log, &log);
    rc = serve_all(settings, files);
    weir_scope_cancel(&background);
    weir_scope_join(&background);
end:
    weir_http_files_destroy(files);
    close_log(&log);
    return rc;
}

int cli_serve(int argc, char **argv)
{
    struct serve_settings settings = {.folder = "."};
    int rc = cli_parse("serve", argc, argv, options, &settings, &settings.folder);

    if (rc)
        return rc;
    if (!settings.listen.count)
        settings.listen.text[settings.listen.count++] = "tcp://127.0.0.1:8080";
    rc = cli_run("serve", app, &settings, settings.workers, settings.backend);
    return settings.code ? settings.code : rc;
}

void cli_serve_help(void)
{
    puts("usage: weir serve [OPTION...] [DIR]\n\n"
         "Serves the files of DIR, by default of the current folder, over HTTP/1.1.\n");
    cli_print_options(options);
}
