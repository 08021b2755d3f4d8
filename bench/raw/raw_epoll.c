/* bench/raw/raw_epoll.c - the shortest good epoll server: echo, or with --http a fixed reply.
 *
 * One thread, edge-triggered interest that is set once, one shared read buffer, and a send that is
 * tried at once. A short read is not followed by another. What a full socket does not take is kept
 * in a block of its own and nothing is read from that connection until it has gone. It keeps 24
 * bytes a descriptor in a static table, and nothing else for a connection whose replies fit the
 * socket.
 */
#include "raw.h"

#include <errno.h>
#include <sys/epoll.h>

enum {
    READ_CAP = 65536,
    EVENTS = 1024,
    ACCEPTS = 64
};

struct conn {
    char *rest; /* what the socket did not take */
    uint32_t len, off;
    uint32_t owed; /* HTTP replies */
    uint8_t matched;
};

static struct conn conns[FD_MAX];
static char bytes[READ_CAP] __attribute__((aligned(4096)));
static struct raw_options options;
static int epoll_fd, listener;

static void interest(int op, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};

    if (epoll_ctl(epoll_fd, op, fd, &e))
        raw_die("epoll_ctl");
}

static void end(int fd)
{
    free(conns[fd].rest);
    conns[fd] = (struct conn){0};
    close(fd);
}

/* Bytes that the socket took (less than `len` when it is full), or -1 when the peer has gone. */
static ssize_t push(int fd, const char *from, size_t len)
{
    ssize_t n = send(fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void keep(int fd, const char *from, size_t len)
{
    struct conn *c = &conns[fd];

    c->rest = malloc(len);
    if (!c->rest)
        raw_die("malloc");
    memcpy(c->rest, from, len);
    c->len = (uint32_t)len;
    c->off = 0;
    interest(EPOLL_CTL_MOD, fd, EPOLLOUT | EPOLLET);
}

/* Sends `len` bytes, keeping what does not fit. False when the connection was ended or is full. */
static bool put(int fd, const char *from, size_t len)
{
    ssize_t n = push(fd, from, len);

    if (n == (ssize_t)len)
        return true;
    if (n < 0)
        end(fd);
    else
        keep(fd, from + n, len - (size_t)n);
    return false;
}

static bool put_replies(int fd)
{
    struct conn *c = &conns[fd];

    while (c->owed) {
        uint32_t count = c->owed < REPLIES_MAX ? c->owed : REPLIES_MAX;

        c->owed -= count;
        if (!put(fd, raw_replies, count * raw_reply_len))
            return false;
    }
    return true;
}

static bool reply(int fd, size_t len)
{
    struct conn *c = &conns[fd];

    if (!options.http)
        return put(fd, bytes, len);
    c->owed += raw_count_requests(bytes, len, &c->matched);
    return put_replies(fd);
}

/* Reads and replies until a short read; until the very end when the peer is known to have ended. */
static void on_readable(int fd, bool to_end)
{
    for (;;) {
        ssize_t n = recv(fd, bytes, READ_CAP, MSG_DONTWAIT);

        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR))
                end(fd);
            return;
        }
        if (!reply(fd, (size_t)n) || (n < READ_CAP && !to_end))
            return;
    }
}

static void on_writable(int fd)
{
    struct conn *c = &conns[fd];
    ssize_t n = push(fd, c->rest + c->off, c->len - c->off);

    if (n < 0) {
        end(fd);
        return;
    }
    c->off += (uint32_t)n;
    if (c->off < c->len)
        return;
    free(c->rest);
    c->rest = NULL;
    interest(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    if (put_replies(fd))
        on_readable(fd, true);
}

static void on_accept(void)
{
    for (int i = 0; i < ACCEPTS; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        if (fd >= FD_MAX)
            close(fd);
        else
            interest(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    }
}

static void handle(const struct epoll_event *e)
{
    int fd = e->data.fd;

    if (fd == listener)
        on_accept();
    else if (conns[fd].rest)
        on_writable(fd);
    else
        on_readable(fd, e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];

    options = raw_arguments(argc, argv);
    raw_prepare_replies(options.body_len);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listener = raw_listen(options.port, SOCK_NONBLOCK);
    interest(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, options.spin ? 0 : -1);

        for (int i = 0; i < n; i++)
            handle(&events[i]);
    }
}
