/* timeout.c - deadlines and cancellation.
 *
 *   cc -o timeout timeout.c $(pkg-config --cflags --libs weir)
 *   ./timeout tcp://127.0.0.1:7003 &
 *   nc 127.0.0.1 7003        type 5000, then press Enter once more before five seconds are over
 *
 * A client has a second to send how many milliseconds of work it wants, else it reads "too slow".
 * Then two tasks race: one works, one waits for a byte of the client that means "stop". The first
 * that is done cancels the other, whose call returns WEIR_ECANCELED.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

enum {
    DONE = 1,
    STOPPED = 2
};

struct job {
    weir_stream client;
    int64_t duration_ns;
};

static int say(weir_stream client, const char *text)
{
    return weir_write_all(client, text, strlen(text));
}

static int work(void *arg)
{
    const struct job *job = arg;
    int rc = weir_sleep(job->duration_ns);

    return rc < 0 ? rc : DONE;
}

static int watch(void *arg)
{
    const struct job *job = arg;
    char byte;
    ptrdiff_t n = weir_read(job->client, &byte, 1);

    return n < 0 ? (int)n : STOPPED; /* also when the client has gone */
}

static int race(struct job *job)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_FIRST_SUCCESS};
    weir_scope scope;
    int rc = weir_scope_open_with(&scope, &options);

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, work, job);
    if (rc == 0)
        rc = weir_spawn(&scope, watch, job);
    if (rc < 0)
        weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

static int read_line(weir_stream client, char *line, size_t cap)
{
    size_t len = 0;

    do {
        ptrdiff_t n = len + 1 < cap ? weir_read(client, line + len, 1) : WEIR_ELIMIT;

        if (n <= 0)
            return n < 0 ? (int)n : WEIR_EEOF;
    } while (line[len++] != '\n');
    line[len] = 0;
    return 0;
}

static int answer(weir_stream client, void *arg)
{
    struct job job = {.client = client};
    char line[32];
    weir_block block;
    int rc = weir_deadline_begin(&block, WEIR_SECONDS(1));

    (void)arg;
    if (rc < 0)
        return rc;
    rc = read_line(client, line, sizeof line);
    if (weir_block_end(&block))
        return say(client, "too slow\n");
    if (rc < 0)
        return rc;
    job.duration_ns = WEIR_MILLISECONDS(atoi(line));
    rc = race(&job);
    return rc < 0 ? rc : say(client, rc == DONE ? "done\n" : "stopped\n");
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.drain_limit_ns = WEIR_MILLISECONDS(100)};

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
    weir_scope_cancel(&scope); /* a server that is cancelled drains too, for 100 ms */
    rc = weir_scope_join(&scope);
    weir_listener_close(listener);
    return rc == WEIR_ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
    int rc = weir_run(app, argc > 1 ? argv[1] : "tcp://127.0.0.1:7003", NULL);

    if (rc < 0)
        fprintf(stderr, "timeout: %s\n", weir_strerror(rc));
    return rc < 0;
}
