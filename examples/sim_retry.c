/* sim_retry.c - a client that tries again, against a server under loss, partitions and crashes.
 *
 *     sim_retry [SEEDS [FIRST]]
 *
 * The server keeps a number on its "disk", a struct that outlives its crashes. "add ID" adds one,
 * unless the request with that ID was already done, and answers with the number. The client sends
 * ten requests, each again and again until it is answered. However the network behaves, the number
 * is ten at the end, and each answer was one more than the one before.
 *
 * The first version of this file had "!=" in the line that is marked below. Put it back, and a seed
 * finds what that overlooks: a request that the client had given up was still under way, behind a
 * partition, and came after its successor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

#define REQUESTS 10
#define LINE_MAX 32

struct disk {
    int number, last_id;
};

/* A line, byte by byte; fewer than 0 bytes: the stream has ended or failed. */
static int read_line(weir_stream stream, char *line)
{
    int rc, len = 0;

    while ((rc = weir_read_exactly(stream, line + len, 1)) == 0 && line[len] != '\n') {
        if (++len == LINE_MAX)
            return WEIR_ELIMIT;
    }
    line[len] = 0;
    return rc < 0 ? rc : len;
}

/* ---- the server ---- */

struct session {
    weir_stream stream;
    struct disk *disk;
};

static int serve_client(void *arg)
{
    struct session session = *(struct session *)arg;
    char line[LINE_MAX + 1], answer[LINE_MAX];

    while (read_line(session.stream, line) >= 0) {
        int id = atoi(line);

        if (id > session.disk->last_id) { /* <- not !=: see above */
            session.disk->number++;
            session.disk->last_id = id;
        }
        snprintf(answer, sizeof answer, "%d\n", session.disk->number);
        if (weir_write_all(session.stream, answer, strlen(answer)) < 0)
            break;
    }
    weir_close(session.stream);
    return 0;
}

static int server(void *arg)
{
    struct session session = {.disk = arg};
    weir_listener listener;
    weir_scope scope;
    int rc = weir_listen(&listener, "tcp://0.0.0.0:7000", NULL);

    if (rc < 0)
        return rc;
    weir_scope_open(&scope);
    while ((rc = weir_accept(listener, &session.stream)) == 0)
        weir_spawn_copy(&scope, serve_client, &session, sizeof session);
    weir_listener_close(listener);
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    return rc;
}

/* ---- the client ---- */

/* One try: the answer, or a negative error. */
static int ask(int id)
{
    char line[LINE_MAX + 1];
    weir_stream stream;
    weir_block block;
    int rc;

    weir_deadline_begin(&block, WEIR_SECONDS(2));
    rc = weir_dial(&stream, "tcp://server:7000");
    if (rc == 0) {
        snprintf(line, sizeof line, "%d\n", id);
        rc = weir_write_all(stream, line, strlen(line));
        if (rc == 0)
            rc = read_line(stream, line);
        weir_close(stream);
    }
    weir_block_end(&block);
    return rc < 0 ? rc : atoi(line);
}

static int client(void)
{
    int id, answer;

    for (id = 1; id <= REQUESTS; id++) {
        int64_t pause_ns = WEIR_MILLISECONDS(10);

        while ((answer = ask(id)) < 0) {
            int rc = weir_sleep(pause_ns + weir_sim_below(1000000));

            if (rc < 0)
                return rc;
            if (pause_ns < WEIR_SECONDS(5))
                pause_ns *= 2;
        }
        if (answer != id) {
            fprintf(stderr, "request %d was answered with %d\n", id, answer);
            return WEIR_EIO;
        }
    }
    return 0;
}

/* ---- the faults ---- */

static int trouble(void *arg)
{
    weir_sim_host host = *(weir_sim_host *)arg, here = weir_sim_host_current();
    int rc;

    while ((rc = weir_sleep((int64_t)weir_sim_below(1000) * 100000)) == 0) {
        switch (weir_sim_below(3)) {
        case 0:
            weir_sim_host_crash(host);
            rc = weir_sleep((int64_t)weir_sim_below(1000) * 1000000);
            if (rc == 0)
                rc = weir_sim_host_restart(host);
            break;
        case 1:
            weir_sim_partition(here, host);
            rc = weir_sleep((int64_t)weir_sim_below(4000) * 1000000);
            weir_sim_heal(here, host);
            break;
        case 2:
            weir_sim_reset(here, host);
            break;
        }
        if (rc < 0)
            break;
    }
    return 0;
}

static int run(void *arg)
{
    struct disk *disk = arg;
    weir_sim_host host;
    weir_scope scope;
    int rc;

    *disk = (struct disk){0, 0};
    rc = weir_sim_host_start("server", server, disk, &host);
    if (rc < 0)
        return rc;
    weir_scope_open(&scope);
    weir_spawn(&scope, trouble, &host);
    rc = client();
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    return rc;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct weir_sim_options options = {.link = {.loss_permille = 50}};
    struct disk disk; /* outlives a run, as hosts' memory has to */
    int rc = weir_sim_seeds(run, &disk, first, count, &options);

    if (rc < 0)
        return 1;
    printf("ok\n");
    return 0;
}
