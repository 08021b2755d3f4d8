/* bench/raw/raw.h - what the two raw reference servers share: arguments, the listener, the reply.
 *
 * The references are the practical limit that weir and its peers are measured against, so nothing
 * here may stand in their way: the listener is opened once, and in HTTP mode a request costs one
 * scan for the blank line and a pointer into a page of prepared replies. All state is static; one
 * thread. Failures of the set-up end the process with a line on stderr.
 */
#ifndef WEIR_BENCH_RAW_RAW_H
#define WEIR_BENCH_RAW_RAW_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FD_MAX = 65536,
    REPLIES_MAX = 64,
    REPLY_CAP = 4096
};

struct raw_options {
    int port;
    int body_len;
    bool http;
    bool spin;        /* never sleep: what a server could reach that has a core to burn */
    bool single_shot; /* raw_uring: a receive for each message */
    bool coop;        /* raw_uring: cooperative instead of deferred task running */
};

static char raw_replies[REPLIES_MAX * REPLY_CAP];
static size_t raw_reply_len;

static inline void raw_die(const char *what)
{
    perror(what);
    exit(1);
}

/* `--port N` (0 picks one), `--http`, `--body BYTES` (of the HTTP reply, default 128), and switches
 * for the comparison of techniques: `--spin`, `--single-shot`, `--coop`. */
static inline struct raw_options raw_arguments(int argc, char **argv)
{
    struct raw_options o = {.body_len = 128};

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--http"))
            o.http = true;
        else if (!strcmp(argv[i], "--spin"))
            o.spin = true;
        else if (!strcmp(argv[i], "--single-shot"))
            o.single_shot = true;
        else if (!strcmp(argv[i], "--coop"))
            o.coop = true;
        else if (!strcmp(argv[i], "--port") && i + 1 < argc)
            o.port = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--body") && i + 1 < argc)
            o.body_len = atoi(argv[++i]);
        else {
            fprintf(stderr,
                    "usage: %s [--port N] [--http [--body BYTES]] [--spin] "
                    "[--single-shot] [--coop]\n",
                    argv[0]);
            exit(2);
        }
    }
    return o;
}

/* A listening socket with `flags` of socket(2); accepted sockets inherit TCP_NODELAY from it. */
static inline int raw_listen(int port, int flags)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof(a);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4096)
        || getsockname(fd, (struct sockaddr *)&a, &len))
        raw_die("listen");
    printf("listening %d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

/* Fills raw_replies with REPLIES_MAX equal replies, so that pipelined ones leave in one send. */
static inline void raw_prepare_replies(int body_len)
{
    char one[REPLY_CAP];
    int head = snprintf(one, sizeof(one),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
                        body_len);

    if (head + body_len > REPLY_CAP) {
        fprintf(stderr, "body too long\n");
        exit(2);
    }
    memset(one + head, 'x', (size_t)body_len);
    raw_reply_len = (size_t)(head + body_len);
    for (int i = 0; i < REPLIES_MAX; i++)
        memcpy(raw_replies + (size_t)i * raw_reply_len, one, raw_reply_len);
}

/* Counts the blank lines in `bytes`. `*matched` (0-3) carries a "\r\n\r\n" that was cut in two. */
static inline uint32_t raw_count_requests(const char *bytes, size_t len, uint8_t *matched)
{
    const char *at = bytes, *end = bytes + len;
    uint32_t count = 0;

    while (at < end) {
        if (*matched == 0) {
            at = memchr(at, '\r', (size_t)(end - at));
            if (!at)
                break;
            *matched = 1;
        } else if (*at == "\r\n\r\n"[*matched]) {
            if (++*matched == 4) {
                *matched = 0;
                count++;
            }
        } else {
            *matched = *at == '\r';
        }
        at++;
    }
    return count;
}

#endif
