/* bench/raw/raw_udp.c - the shortest good servers of datagrams, one socket, one thread.
 *
 * Batches of 32 by recvmmsg and sendmmsg, and a poll when there is nothing. `--single`: recvfrom
 * and sendto. `--segments`: GSO and GRO. `--ring`: 32 receives of io_uring in flight, each answered
 * by a send; every turn submits all and waits.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

enum {
    BATCH = 32,
    ROOM = 65536,
    CONTROL = 64
};

static char room[BATCH][ROOM], control[BATCH][CONTROL] __attribute__((aligned(8)));
static struct sockaddr_in from[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr heads[BATCH];
static int udp;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void expect(int i)
{
    parts[i] = (struct iovec){room[i], ROOM};
    heads[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                       .msg_namelen = sizeof(from[i]),
                                       .msg_iov = &parts[i],
                                       .msg_iovlen = 1,
                                       .msg_control = control[i],
                                       .msg_controllen = CONTROL};
}

/* What came goes back; its control data names the size of its segments, as an int. */
static void turn(int i, size_t len)
{
    struct msghdr *head = &heads[i].msg_hdr;
    struct cmsghdr *c = CMSG_FIRSTHDR(head);
    int segment = 0;

    parts[i].iov_len = len;
    if (c && c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
        memcpy(&segment, CMSG_DATA(c), sizeof(segment));
    head->msg_controllen = 0;
    if (!segment)
        return;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    memcpy(CMSG_DATA(c), &(uint16_t){(uint16_t)segment}, sizeof(uint16_t));
    head->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
}

static void wait_readable(void)
{
    struct pollfd p = {.fd = udp, .events = POLLIN};

    poll(&p, 1, -1);
}

static void serve_batches(void)
{
    for (;;) {
        int n;

        for (int i = 0; i < BATCH; i++)
            expect(i);
        n = recvmmsg(udp, heads, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) {
            wait_readable();
            continue;
        }
        for (int i = 0; i < n; i++)
            turn(i, heads[i].msg_len);
        sendmmsg(udp, heads, (unsigned)n, 0);
    }
}

static void serve_singles(void)
{
    for (;;) {
        socklen_t len = sizeof(from[0]);
        ssize_t n = recvfrom(udp, room[0], ROOM, MSG_DONTWAIT, (struct sockaddr *)&from[0], &len);

        if (n < 0)
            wait_readable();
        else
            sendto(udp, room[0], (size_t)n, 0, (struct sockaddr *)&from[0], len);
    }
}

/* ---- the ring ---- */

static unsigned *sq_tail, *cq_head, *cq_tail, sq_mask, cq_mask, sq_local;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static int ring_fd;

static void make_ring(void)
{
    struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    char *sq;

    ring_fd = (int)syscall(SYS_io_uring_setup, 4 * BATCH, &p);
    if (ring_fd < 0)
        die("io_uring_setup");
    sq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqes), PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQ_RING);
    sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQES);
    sq_tail = (unsigned *)(void *)(sq + p.sq_off.tail);
    sq_mask = p.sq_entries - 1;
    cq_head = (unsigned *)(void *)(sq + p.cq_off.head);
    cq_tail = (unsigned *)(void *)(sq + p.cq_off.tail);
    cq_mask = p.cq_entries - 1;
    cqes = (struct io_uring_cqe *)(void *)(sq + p.cq_off.cqes);
    for (unsigned i = 0; i < p.sq_entries; i++)
        ((unsigned *)(void *)(sq + p.sq_off.array))[i] = i;
}

static void prepare(int op, int i, bool poll_first)
{
    struct io_uring_sqe *s = &sqes[sq_local++ & sq_mask];

    memset(s, 0, sizeof(*s));
    s->opcode = (uint8_t)op;
    s->fd = udp;
    s->addr = (uint64_t)(uintptr_t)&heads[i].msg_hdr;
    s->len = 1;
    s->ioprio = poll_first ? IORING_RECVSEND_POLL_FIRST : 0;
    s->user_data = (uint64_t)op << 32 | (uint32_t)i;
}

static void serve_ring(void)
{
    unsigned submitted = 0;

    make_ring();
    for (int i = 0; i < BATCH; i++) {
        expect(i);
        prepare(IORING_OP_RECVMSG, i, false);
    }
    for (;;) {
        unsigned head = *cq_head, tail;
        long rc;

        __atomic_store_n(sq_tail, sq_local, __ATOMIC_RELEASE);
        rc = syscall(SYS_io_uring_enter, ring_fd, sq_local - submitted, 1, IORING_ENTER_GETEVENTS,
                     NULL, 0);
        if (rc >= 0)
            submitted += (unsigned)rc;
        tail = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
        for (; head != tail; head++) {
            const struct io_uring_cqe *cqe = &cqes[head & cq_mask];
            int i = (int)(uint32_t)cqe->user_data;

            if (cqe->user_data >> 32 == IORING_OP_RECVMSG && cqe->res >= 0) {
                turn(i, (size_t)cqe->res);
                prepare(IORING_OP_SENDMSG, i, false);
            } else {
                expect(i);
                prepare(IORING_OP_RECVMSG, i, false);
            }
        }
        __atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    bool single = false, ring = false;
    int on = 1, size = 1 << 21;

    udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--port") && i + 1 < argc)
            a.sin_port = htons((uint16_t)atoi(argv[++i]));
        else if (!strcmp(argv[i], "--single"))
            single = true;
        else if (!strcmp(argv[i], "--ring"))
            ring = true;
        else if (!strcmp(argv[i], "--segments"))
            setsockopt(udp, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
    }
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (udp < 0 || bind(udp, (struct sockaddr *)&a, sizeof(a)))
        die("bind");
    if (ring)
        serve_ring();
    else if (single)
        serve_singles();
    else
        serve_batches();
}
