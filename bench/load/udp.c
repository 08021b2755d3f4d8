/* bench/load/udp.c - closed loop of datagrams: a reply that has come is sent again.
 *
 * Each connection is a connected socket with `in_flight` datagrams under way; what comes is taken
 * and answered many a call, so that the client is not what is measured. With --segments they go as
 * one message that the kernel cuts (GSO), and come as one (GRO). A datagram holds the time at which
 * it was sent. What is lost, because a buffer was full, is sent anew after a pause in which nothing
 * came.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    BATCH = 64,
    ROOM = 65536,
    LOST_NS = 50000000
};

struct udp {
    const struct load *load;
    struct result *result;
    int epoll;
    int *fds;
    int *under_way;
    uint64_t came_ns; /* anything */
    bool counting;
};

static char room[BATCH][ROOM], out[ROOM];

static void open_all(struct udp *u)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)u->load->port)};
    int on = 1, size = 1 << 21;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < u->load->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (u->load->segments)
            setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a))
            || epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &event))
            load_die("udp socket");
        u->fds[i] = fd;
    }
}

static void stamp(char *at, uint64_t now)
{
    memcpy(at, &now, sizeof(now));
}

static void send_segments(struct udp *u, int i, int count, uint64_t now)
{
    size_t size = u->load->size;

    while (count > 0) {
        int some = count < 60 ? count : 60;
        struct iovec part = {out, (size_t)some * size};
        struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
        char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
        struct cmsghdr *c = (struct cmsghdr *)(void *)control;

        head.msg_control = control;
        head.msg_controllen = sizeof(control);
        c->cmsg_level = IPPROTO_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        memcpy(CMSG_DATA(c), &(uint16_t){(uint16_t)size}, sizeof(uint16_t));
        for (int j = 0; j < some; j++)
            stamp(out + (size_t)j * size, now);
        if (sendmsg(u->fds[i], &head, 0) > 0)
            u->under_way[i] += some;
        count -= some;
    }
}

static void send_each(struct udp *u, int i, int count, uint64_t now)
{
    struct mmsghdr heads[BATCH];
    struct iovec part = {out, u->load->size};

    stamp(out, now);
    while (count > 0) {
        int some = count < BATCH ? count : BATCH, n;

        memset(heads, 0, sizeof(heads[0]) * (size_t)some);
        for (int j = 0; j < some; j++) {
            heads[j].msg_hdr.msg_iov = &part;
            heads[j].msg_hdr.msg_iovlen = 1;
        }
        n = sendmmsg(u->fds[i], heads, (unsigned)some, 0);
        if (n <= 0)
            return; /* counted as lost, later */
        u->under_way[i] += n;
        count -= n;
    }
}

static void send_more(struct udp *u, int i, int count, uint64_t now)
{
    if (u->load->segments)
        send_segments(u, i, count, now);
    else
        send_each(u, i, count, now);
}

/* Takes what has come to a socket: how many datagrams. */
static int take(struct udp *u, int i, uint64_t now)
{
    static struct mmsghdr heads[BATCH];
    static struct iovec parts[BATCH];
    int n, count = 0;

    for (int j = 0; j < BATCH; j++) {
        parts[j] = (struct iovec){room[j], ROOM};
        heads[j].msg_hdr = (struct msghdr){.msg_iov = &parts[j], .msg_iovlen = 1};
    }
    n = recvmmsg(u->fds[i], heads, BATCH, 0, NULL);
    for (int j = 0; j < n; j++) {
        size_t pieces = (heads[j].msg_len + u->load->size - 1) / u->load->size;
        uint64_t then;

        memcpy(&then, room[j], sizeof(then));
        for (size_t k = 0; k < pieces && u->counting; k++)
            histogram_add(&u->result->latency, now - then);
        count += (int)pieces;
    }
    return count;
}

static void resend_lost(struct udp *u, uint64_t now)
{
    for (int i = 0; i < u->load->connections; i++) {
        int lost = u->under_way[i];

        u->under_way[i] = 0;
        if (u->counting)
            u->result->lost += (uint64_t)lost;
        send_more(u, i, u->load->in_flight, now);
    }
    u->came_ns = now;
}

static void run_until(struct udp *u, uint64_t end_ns)
{
    struct epoll_event events[BATCH];
    uint64_t now;

    while ((now = usage_now()) < end_ns) {
        int n = epoll_wait(u->epoll, events, BATCH, 10);

        now = usage_now();
        for (int j = 0; j < n; j++) {
            int i = (int)events[j].data.u32, count = take(u, i, now);

            u->under_way[i] -= count;
            if (u->under_way[i] < 0)
                u->under_way[i] = 0; /* one that had been given up */
            if (u->counting)
                u->result->messages += (uint64_t)count;
            if (count) {
                u->came_ns = now;
                send_more(u, i, u->load->in_flight - u->under_way[i], now);
            }
        }
        if (now - u->came_ns > LOST_NS)
            resend_lost(u, now);
    }
}

void load_udp(const struct load *load, struct result *result)
{
    struct udp u = {.load = load, .result = result, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct usage before, after;

    if (load->size < sizeof(uint64_t) || load->size > 1400)
        load_die("8 to 1400 bytes");
    u.fds = calloc((size_t)load->connections, sizeof(*u.fds));
    u.under_way = calloc((size_t)load->connections, sizeof(*u.under_way));
    if (u.epoll < 0 || !u.fds || !u.under_way)
        load_die("udp");
    open_all(&u);
    resend_lost(&u, usage_now());
    run_until(&u, usage_now() + (uint64_t)(load->warmup_s * 1e9));
    usage_read(&before, load->pids, load->pid_count);
    u.counting = true;
    run_until(&u, before.at_ns + (uint64_t)(load->seconds * 1e9));
    usage_read(&after, load->pids, load->pid_count);
    usage_between(&result->usage, &before, &after);
    for (int i = 0; i < load->connections; i++)
        close(u.fds[i]);
    close(u.epoll);
    free(u.fds);
    free(u.under_way);
}
