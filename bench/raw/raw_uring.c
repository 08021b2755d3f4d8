/* bench/raw/raw_uring.c - the shortest good io_uring server: echo, or with --http a fixed reply.
 *
 * One thread, one ring (single issuer, deferred task running), multishot accept, a multishot
 * receive for each connection out of one ring of provided buffers, and one io_uring_enter a turn
 * that submits everything and waits. A connection has at most one send in flight, so bytes keep
 * their order; what arrives meanwhile waits in a list of buffers. A connection whose receive ended
 * because no buffer was left stands in the starved list until a send gives one back. It keeps 16
 * bytes a descriptor in a static table, and nothing else for a connection. `--single-shot` asks for
 * each message anew, `--coop` takes the other way of running the kernel's task work.
 */
#include "raw.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_RECV_MULTISHOT
#define IORING_RECV_MULTISHOT (1U << 1)
#endif

enum {
    SQ_ENTRIES = 4096,
    CQ_ENTRIES = 32768,
    BUFFERS = 1024,
    BUFFER_LEN = 16384,
    GROUP = 1
};
enum {
    OP_ACCEPT,
    OP_RECV,
    OP_SEND,
    OP_CLOSE
};
enum {
    NONE = 0xffff
};

struct conn {
    uint16_t head, tail; /* buffers to send, the head one is being sent */
    uint16_t starved_next;
    uint8_t matched; /* of a blank line */
    bool sending, ended;
    uint32_t owed; /* HTTP replies */
};

struct buffer {
    uint32_t len;
    uint16_t next;
};

static struct conn conns[FD_MAX];
static struct buffer buffers[BUFFERS];
static uint16_t starved_head = NONE, starved_tail = NONE;
static uint32_t buffers_lent;
static struct raw_options options;
static char *pool;
static struct io_uring_buf_ring *buf_ring;
static uint16_t buf_tail;

static int ring_fd, listener;
static unsigned *sq_head, *sq_tail, *cq_head, *cq_tail, sq_mask, cq_mask, sq_local, sq_submitted;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;

static void enter(unsigned wait)
{
    unsigned count = sq_local - sq_submitted;
    long rc;

    __atomic_store_n(sq_tail, sq_local, __ATOMIC_RELEASE);
    rc = syscall(SYS_io_uring_enter, ring_fd, count, wait, IORING_ENTER_GETEVENTS, NULL, 0);
    if (rc >= 0)
        sq_submitted += (unsigned)rc;
    else if (errno != EINTR && errno != EBUSY && errno != EAGAIN)
        raw_die("io_uring_enter");
}

static struct io_uring_sqe *sqe(int op, int kind, int fd)
{
    struct io_uring_sqe *s;

    while (sq_local - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE) > sq_mask)
        enter(0);
    s = &sqes[sq_local++ & sq_mask];
    memset(s, 0, sizeof(*s));
    s->opcode = (uint8_t)op;
    s->fd = fd;
    s->user_data = (uint64_t)kind << 32 | (uint32_t)fd;
    return s;
}

static void arm_accept(void)
{
    sqe(IORING_OP_ACCEPT, OP_ACCEPT, listener)->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void arm_recv(int fd)
{
    struct io_uring_sqe *s = sqe(IORING_OP_RECV, OP_RECV, fd);

    s->ioprio = options.single_shot ? IORING_RECVSEND_POLL_FIRST : IORING_RECV_MULTISHOT;
    s->flags = IOSQE_BUFFER_SELECT;
    s->buf_group = GROUP;
}

static void send_bytes(int fd, const char *bytes, size_t len)
{
    struct io_uring_sqe *s = sqe(IORING_OP_SEND, OP_SEND, fd);

    s->addr = (uint64_t)(uintptr_t)bytes;
    s->len = (uint32_t)len;
    s->msg_flags = MSG_NOSIGNAL | MSG_WAITALL; /* the kernel completes a short send itself */
    conns[fd].sending = true;
}

static void send_next(int fd)
{
    struct conn *c = &conns[fd];
    uint32_t count = c->owed < REPLIES_MAX ? c->owed : REPLIES_MAX;

    if (count) {
        c->owed -= count;
        send_bytes(fd, raw_replies, count * raw_reply_len);
    } else if (c->head != NONE) {
        send_bytes(fd, pool + (size_t)c->head * BUFFER_LEN, buffers[c->head].len);
    } else if (c->ended) {
        sqe(IORING_OP_CLOSE, OP_CLOSE, fd)->flags = IOSQE_CQE_SKIP_SUCCESS;
    }
}

static void give_back(uint16_t id)
{
    struct io_uring_buf *b = &buf_ring->bufs[buf_tail++ & (BUFFERS - 1)];

    b->addr = (uint64_t)(uintptr_t)(pool + (size_t)id * BUFFER_LEN);
    b->len = BUFFER_LEN;
    b->bid = id;
    __atomic_store_n(&buf_ring->tail, buf_tail, __ATOMIC_RELEASE);
    buffers_lent--;
    if (starved_head != NONE) {
        int fd = starved_head;

        starved_head = conns[fd].starved_next;
        arm_recv(fd);
    }
}

static void starve(int fd)
{
    if (buffers_lent == 0) { /* all came back before this completion was seen */
        arm_recv(fd);
        return;
    }
    conns[fd].starved_next = NONE;
    if (starved_head == NONE)
        starved_head = (uint16_t)fd;
    else
        conns[starved_tail].starved_next = (uint16_t)fd;
    starved_tail = (uint16_t)fd;
}

static void on_accept(int fd, unsigned flags)
{
    if (!(flags & IORING_CQE_F_MORE))
        arm_accept();
    if (fd < 0)
        return;
    if (fd >= NONE) {
        close(fd);
        return;
    }
    conns[fd] = (struct conn){.head = NONE, .tail = NONE};
    arm_recv(fd);
}

static void take_data(int fd, uint16_t id, uint32_t len)
{
    struct conn *c = &conns[fd];

    buffers_lent++;
    if (options.http) {
        c->owed += raw_count_requests(pool + (size_t)id * BUFFER_LEN, len, &c->matched);
        give_back(id);
        return;
    }
    buffers[id] = (struct buffer){.len = len, .next = NONE};
    if (c->head == NONE)
        c->head = id;
    else
        buffers[c->tail].next = id;
    c->tail = id;
}

static void on_recv(int fd, int res, unsigned flags)
{
    struct conn *c = &conns[fd];

    if (res > 0)
        take_data(fd, (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT), (uint32_t)res);
    if (!(flags & IORING_CQE_F_MORE)) {
        if (res == -ENOBUFS)
            starve(fd);
        else if (res > 0)
            arm_recv(fd);
        else
            c->ended = true;
    }
    if (!c->sending)
        send_next(fd);
}

static void on_send(int fd, int res)
{
    struct conn *c = &conns[fd];

    c->sending = false;
    if (res < 0) { /* the receive sees the end and the connection is closed there */
        c->owed = 0;
        shutdown(fd, SHUT_RDWR);
    }
    if (!options.http) {
        uint16_t id = c->head;

        c->head = buffers[id].next;
        give_back(id);
        while (res < 0 && c->head != NONE) {
            id = c->head;
            c->head = buffers[id].next;
            give_back(id);
        }
    }
    send_next(fd);
}

static void *map_ring(size_t len, long offset)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd, offset);

    if (p == MAP_FAILED)
        raw_die("mmap");
    return p;
}

static void open_ring(void)
{
    struct io_uring_params p = {.cq_entries = CQ_ENTRIES};
    size_t rings_len;
    unsigned *array;
    char *rings;

    p.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED
              | IORING_SETUP_SUBMIT_ALL
              | (options.coop ? IORING_SETUP_COOP_TASKRUN : IORING_SETUP_DEFER_TASKRUN);
    ring_fd = (int)syscall(SYS_io_uring_setup, SQ_ENTRIES, &p);
    if (ring_fd < 0)
        raw_die("io_uring_setup");
    rings_len = p.cq_off.cqes + p.cq_entries * sizeof(*cqes);
    if (rings_len < p.sq_off.array + p.sq_entries * sizeof(unsigned))
        rings_len = p.sq_off.array + p.sq_entries * sizeof(unsigned);
    rings = map_ring(rings_len, IORING_OFF_SQ_RING);
    sqes = map_ring(p.sq_entries * sizeof(*sqes), (long)IORING_OFF_SQES);
    sq_head = (unsigned *)(rings + p.sq_off.head);
    sq_tail = (unsigned *)(rings + p.sq_off.tail);
    cq_head = (unsigned *)(rings + p.cq_off.head);
    cq_tail = (unsigned *)(rings + p.cq_off.tail);
    cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
    sq_mask = p.sq_entries - 1;
    cq_mask = p.cq_entries - 1;
    array = (unsigned *)(rings + p.sq_off.array);
    for (unsigned i = 0; i < p.sq_entries; i++)
        array[i] = i;
    if (syscall(SYS_io_uring_register, ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0))
        raw_die("io_uring_register");
}

static void open_buffers(void)
{
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = GROUP};
    size_t len = (size_t)BUFFERS * BUFFER_LEN;
    char *p = mmap(NULL, len + BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        raw_die("mmap");
    pool = p;
    buf_ring = (struct io_uring_buf_ring *)(p + len);
    reg.ring_addr = (uint64_t)(uintptr_t)buf_ring;
    if (syscall(SYS_io_uring_register, ring_fd, IORING_REGISTER_PBUF_RING, &reg, 1))
        raw_die("buffer ring");
    buffers_lent = BUFFERS;
    for (int i = 0; i < BUFFERS; i++)
        give_back((uint16_t)i);
}

static void reap(void)
{
    unsigned head = *cq_head, tail = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);

    for (; head != tail; head++) {
        struct io_uring_cqe *e = &cqes[head & cq_mask];
        int fd = (int)(uint32_t)e->user_data;

        switch (e->user_data >> 32) {
        case OP_ACCEPT:
            on_accept(e->res, e->flags);
            break;
        case OP_RECV:
            on_recv(fd, e->res, e->flags);
            break;
        case OP_SEND:
            on_send(fd, e->res);
            break;
        }
    }
    __atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
}

int main(int argc, char **argv)
{
    options = raw_arguments(argc, argv);
    raw_prepare_replies(options.body_len);
    open_ring();
    open_buffers();
    listener = raw_listen(options.port, 0);
    arm_accept();
    for (;;) {
        enter(!options.spin);
        reap();
    }
}
