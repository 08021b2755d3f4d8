/* bench/load/conn.h - connections that send equal messages and count the replies.
 *
 * A message is `size` bytes of a fixed pattern (or one HTTP request), a reply is `reply_len` bytes
 * (the same bytes, or one response, whose length the first one told). Messages queued on a
 * connection leave in one send where the socket takes them; replies are counted from the bytes that
 * came. A conn belongs to the array of its conns; the epoll event's pointer is the conn.
 */
#ifndef WEIR_BENCH_LOAD_CONN_H
#define WEIR_BENCH_LOAD_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "load.h"

struct conn {
    int fd;
    bool wants_write;
    uint64_t queued, sent; /* bytes since the beginning */
    uint64_t received;
    uint64_t replies;
};

struct conns {
    struct conn *all;
    int count;
    int epoll_fd;
    size_t size, reply_len;
    bool verify;
    char *pattern; /* whole messages, one after the other */
    size_t pattern_len;
    char *bytes; /* what was read */
};

/* Prepares the messages (and asks the HTTP server once how long its response is). */
void conns_init(struct conns *s, const struct load *load);
void conns_fini(struct conns *s);

/* Connects all and waits until every one is connected. */
void conns_connect(struct conns *s);

/* Starts to connect one; it is writable when it is connected. */
void conn_open(struct conns *s, struct conn *c, int port);

/* Queues `count` messages and sends what the socket takes. */
void conn_send(struct conns *s, struct conn *c, uint64_t count);

/* Sends what is still queued, after the socket has become writable. */
void conn_flush(struct conns *s, struct conn *c);

/* Reads what is there and returns how many replies became complete. */
uint64_t conn_read(struct conns *s, struct conn *c);

/* Waits for events, at most `wait_ns` (negative: for ever). */
int conns_wait(struct conns *s, struct epoll_event *events, int max, int64_t wait_ns);

#endif
