/* bench/load/storm.c - connections that are opened, carry one byte there and back, and are reset.
 *
 * `connections` of them are under way at once. A reset leaves no TIME_WAIT behind, so ports do not
 * run out. A connection counts when its byte has come back; its latency includes the connecting.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum {
    EVENTS = 256
};

struct slot {
    int fd;
    bool sent;
    uint64_t begun_ns;
};

struct storm {
    const struct load *load;
    struct result *result;
    struct slot *slots;
    int epoll_fd;
    bool counting;
};

static void send_byte(struct slot *s)
{
    if (send(s->fd, "x", 1, MSG_NOSIGNAL) == 1)
        s->sent = true;
    else if (errno != EAGAIN && errno != ENOTCONN && errno != EINPROGRESS)
        load_die("send");
}

static void open_slot(struct storm *w, struct slot *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w->load->port)};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
    struct linger reset = {.l_onoff = 1};

    *s = (struct slot){.begun_ns = usage_now()};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        load_die("socket");
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (connect(s->fd, (struct sockaddr *)&a, sizeof(a)) && errno != EINPROGRESS)
        load_die("connect");
    send_byte(s);
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, s->fd, &e))
        load_die("epoll_ctl");
}

static void finish_slot(struct storm *w, struct slot *s)
{
    if (w->counting) {
        w->result->messages++;
        histogram_add(&w->result->latency, usage_now() - s->begun_ns);
    }
    close(s->fd);
    open_slot(w, s);
}

static void on_ready(struct storm *w, struct slot *s)
{
    char byte;
    ssize_t n;

    if (!s->sent) {
        send_byte(s);
        return;
    }
    n = recv(s->fd, &byte, 1, 0);
    if (n == 1)
        finish_slot(w, s);
    else if (n == 0 || errno != EAGAIN)
        load_die("the server ended a connection");
}

static void run_until(struct storm *w, uint64_t end_ns)
{
    struct epoll_event events[EVENTS];

    while (usage_now() < end_ns) {
        int n = epoll_wait(w->epoll_fd, events, EVENTS, w->load->spin ? 0 : 100);

        for (int i = 0; i < n; i++)
            on_ready(w, events[i].data.ptr);
    }
}

void load_storm(const struct load *load, struct result *result)
{
    struct storm w = {.load = load, .result = result, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    struct usage before, after;

    w.slots = calloc((size_t)load->connections, sizeof(*w.slots));
    if (!w.slots || w.epoll_fd < 0)
        load_die("set-up");
    for (int i = 0; i < load->connections; i++)
        open_slot(&w, &w.slots[i]);
    run_until(&w, usage_now() + (uint64_t)(load->warmup_s * 1e9));
    usage_read(&before, load->pids, load->pid_count);
    w.counting = true;
    run_until(&w, before.at_ns + (uint64_t)(load->seconds * 1e9));
    usage_read(&after, load->pids, load->pid_count);
    usage_between(&result->usage, &before, &after);
    for (int i = 0; i < load->connections; i++)
        close(w.slots[i].fd);
    close(w.epoll_fd);
    free(w.slots);
}
