/* bench/load/conn.c - connections that send equal messages and count the replies; see conn.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_CAP = 256 * 1024,
    HEAD_CAP = 16384
};

static char *map(size_t len)
{
    char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        load_die("mmap");
    return p;
}

static int connect_to(int port, int flags)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (fd < 0)
        load_die("socket");
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) && errno != EINPROGRESS)
        load_die("connect");
    return fd;
}

static size_t response_len(const char *head, const char *end)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");

    if (strncmp(head, "HTTP/1.1 200", 12) || !field || field > end) {
        fprintf(stderr, "load: not a 200 response with a length: %.*s\n", 80, head);
        exit(1);
    }
    return (size_t)(end + 4 - head) + strtoul(field + 17, NULL, 10);
}

/* Sends one request on a connection of its own and returns how long the response is. */
static size_t probe_http(int port, const char *request, size_t len)
{
    char *head = map(HEAD_CAP), *end = NULL;
    size_t got = 0;
    int fd = connect_to(port, 0);

    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        load_die("send");
    while (!end) {
        ssize_t n = got < HEAD_CAP - 1 ? recv(fd, head + got, HEAD_CAP - 1 - got, 0) : 0;

        if (n <= 0)
            load_die("no response");
        got += (size_t)n;
        end = strstr(head, "\r\n\r\n");
    }
    got = response_len(head, end);
    close(fd);
    munmap(head, HEAD_CAP);
    return got;
}

static void fill_pattern(struct conns *s, const char *message)
{
    size_t copies = READ_CAP / s->size + 2;

    s->pattern_len = copies * s->size;
    s->pattern = map(s->pattern_len);
    for (size_t i = 0; i < s->pattern_len; i++) {
        size_t at = i % s->size;

        s->pattern[i] = message ? message[at] : (char)('!' + (at * 7 + at / 89) % 90);
    }
}

void conns_init(struct conns *s, const struct load *load)
{
    char request[1024];

    memset(s, 0, sizeof(*s));
    s->count = load->connections;
    s->size = s->reply_len = load->size;
    s->verify = load->verify && !load->http_path;
    if (load->http_path) {
        s->size = (size_t)snprintf(request, sizeof(request),
                                   "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", load->http_path);
        s->reply_len = probe_http(load->port, request, s->size);
    }
    fill_pattern(s, load->http_path ? request : NULL);
    s->bytes = map(READ_CAP);
    s->all = calloc((size_t)s->count, sizeof(*s->all));
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!s->all || s->epoll_fd < 0)
        load_die("set-up");
    for (int i = 0; i < s->count; i++) {
        conn_open(s, &s->all[i], load->port);
        if (i % 256 == 255 || i == s->count - 1)
            conns_connect(s);
    }
}

void conns_fini(struct conns *s)
{
    for (int i = 0; i < s->count; i++)
        close(s->all[i].fd);
    close(s->epoll_fd);
    free(s->all);
    munmap(s->pattern, s->pattern_len);
    munmap(s->bytes, READ_CAP);
}

static void interest(struct conns *s, struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events | EPOLLET, .data.ptr = c};

    if (epoll_ctl(s->epoll_fd, op, c->fd, &e))
        load_die("epoll_ctl");
}

void conn_open(struct conns *s, struct conn *c, int port)
{
    *c = (struct conn){.fd = connect_to(port, SOCK_NONBLOCK), .wants_write = true};
    interest(s, c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void check_connected(struct conn *c)
{
    socklen_t len = sizeof(errno);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errno, &len) || errno)
        load_die("connect");
}

void conns_connect(struct conns *s)
{
    struct epoll_event events[256];
    int missing = 0;

    for (int i = 0; i < s->count; i++)
        missing += s->all[i].wants_write;
    while (missing > 0) {
        int n = epoll_wait(s->epoll_fd, events, 256, 10000);

        if (n == 0)
            load_die("connecting took too long");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;

            check_connected(c);
            c->wants_write = false;
            interest(s, c, EPOLL_CTL_MOD, EPOLLIN);
            missing--;
        }
    }
}

void conn_flush(struct conns *s, struct conn *c)
{
    while (c->sent < c->queued) {
        size_t off = c->sent % s->size, len = s->pattern_len - off;
        ssize_t n;

        if (len > c->queued - c->sent)
            len = c->queued - c->sent;
        n = send(c->fd, s->pattern + off, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            load_die("send");
        if (n > 0)
            c->sent += (uint64_t)n;
        if (n < (ssize_t)len && n <= 0) {
            if (!c->wants_write)
                interest(s, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            c->wants_write = true; /* stays: an edge costs nothing until the socket is full again */
            return;
        }
    }
}

void conn_send(struct conns *s, struct conn *c, uint64_t count)
{
    c->queued += count * s->size;
    conn_flush(s, c);
}

static void check_bytes(struct conns *s, struct conn *c, size_t len)
{
    if (c->received + len > c->sent || memcmp(s->bytes, s->pattern + c->received % s->size, len)) {
        fprintf(stderr, "load: the echo differs at byte %llu\n", (unsigned long long)c->received);
        exit(1);
    }
}

uint64_t conn_read(struct conns *s, struct conn *c)
{
    uint64_t before = c->replies;
    ssize_t n;

    do {
        n = recv(c->fd, s->bytes, READ_CAP, 0);
        if (n == 0)
            errno = ECONNRESET;
        if (n == 0 || (n < 0 && errno != EAGAIN))
            load_die("the server ended a connection");
        if (n > 0 && s->verify)
            check_bytes(s, c, (size_t)n);
        if (n > 0)
            c->received += (uint64_t)n;
    } while (n == READ_CAP);
    c->replies = c->received / s->reply_len;
    return c->replies - before;
}

int conns_wait(struct conns *s, struct epoll_event *events, int max, int64_t wait_ns)
{
    struct timespec t = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    long n = syscall(SYS_epoll_pwait2, s->epoll_fd, events, max, wait_ns < 0 ? NULL : &t, NULL, 0);

    if (n < 0 && errno != EINTR)
        load_die("epoll_pwait2");
    return n < 0 ? 0 : (int)n;
}
