/* weir/net.h - listening, dialling and serving TCP and UNIX streams.
 *
 * An address string chooses code, so it is configuration and not input: tcp://127.0.0.1:8080,
 * tcp://[::1]:80, unix:///run/x.sock (grammar in docs/address.md). Descriptors are close-on-exec;
 * TCP streams have TCP_NODELAY unless the options say otherwise; nothing raises SIGPIPE.
 */
#ifndef WEIR_NET_H
#define WEIR_NET_H

#include <stddef.h>
#include <stdint.h>

#include <weir/options.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_listener {
    uint64_t id;
} weir_listener;

#define WEIR_ADDRESS_TEXT_MAX 160 /* with the terminator: any address that weir formats */

/* Zero means default everywhere. */
struct weir_listen_options {
    uint32_t backlog;        /* default 4096; the kernel cuts it to somaxconn */
    uint8_t reuse_port;      /* default: on when there is more than one worker, TCP only */
    uint8_t v6only;          /* default off */
    uint8_t nodelay;         /* of accepted streams; default on */
    uint8_t unlink_stale;    /* UNIX: remove a socket file that nobody listens on; default on */
    uint32_t defer_accept_s; /* TCP_DEFER_ACCEPT */
    uint32_t fast_open;      /* TCP_FASTOPEN queue */
    uint32_t receive_buffer; /* SO_RCVBUF, bytes */
    uint32_t send_buffer;    /* SO_SNDBUF, bytes */
    uint32_t mode;           /* UNIX: permissions of the socket file; default as of the umask */
};

/* Listens. *out gives the listener; close it with weir_listener_close. Does not suspend.
 * WEIR_EADDRESS, WEIR_ENOSCHEME, WEIR_EADDRINUSE, WEIR_EADDRNOTAVAIL, WEIR_EACCES, WEIR_EMFILE,
 * WEIR_ENOMEM, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_listen_n(weir_listener *out, const char *address,
                              const struct weir_listen_options *options, size_t options_size);
static inline int weir_listen(weir_listener *out, const char *address,
                              const struct weir_listen_options *options)
{
    return weir_listen_n(out, address, options, sizeof *options);
}

/* Waits for a connection; *out gives the stream. Suspends. Many tasks may accept at once. */
WEIR_PUBLIC int weir_accept(weir_listener listener, weir_stream *out);

/* The address that the listener is bound to, with the port that the kernel chose. */
WEIR_PUBLIC int weir_listener_address(weir_listener listener, char *out, size_t cap);

/* Stops listening. A weir_serve on the listener drains and returns 0. Does not suspend, cannot
 * fail. 0, also if it was closed before. */
WEIR_PUBLIC int weir_listener_close(weir_listener listener);

/* Connects; *out gives the stream. The host of a tcp address is a number or "localhost".
 * Suspends. WEIR_EADDRESS, WEIR_ENOSCHEME, WEIR_ENAME, WEIR_ECONNREFUSED, WEIR_ETIMEDOUT, ... */
WEIR_PUBLIC int weir_dial(weir_stream *out, const char *address);

/* The stream's own address and its peer's, as text. WEIR_ENOBUFS if `cap` is too small. */
WEIR_PUBLIC int weir_stream_local(weir_stream stream, char *out, size_t cap);
WEIR_PUBLIC int weir_stream_peer(weir_stream stream, char *out, size_t cap);

/* Options of an open TCP stream, as named in tcp(7) and socket(7). Do not suspend. WEIR_EBADHANDLE,
 * or the system's error. */
WEIR_PUBLIC int weir_stream_nodelay(weir_stream stream, int on);
WEIR_PUBLIC int weir_stream_keepalive(weir_stream stream, int on, int idle_s, int interval_s,
                                      int count);
/* 0: closing resets the connection; negative: the kernel goes on sending what it has, as it does
 * from the start. A positive time would make the close block: WEIR_ENOTSUP. */
WEIR_PUBLIC int weir_stream_linger(weir_stream stream, int seconds);
WEIR_PUBLIC int weir_stream_user_timeout(weir_stream stream, uint32_t timeout_ms);
WEIR_PUBLIC int weir_stream_quickack(weir_stream stream, int on);
WEIR_PUBLIC int weir_stream_tos(weir_stream stream, int tos);
WEIR_PUBLIC int weir_stream_buffers(weir_stream stream, int receive, int send);

/* ---- serving ---- */

#define WEIR_SERVE_AGAIN 1 /* a handler's result: start me again at the next byte */

/* Serves one connection, or one exchange of it. The stream is closed when it returns, except with
 * WEIR_SERVE_AGAIN: then the connection waits without a task and a stack, and the handler is
 * started again when bytes come. */
typedef int weir_serve_handler(weir_stream peer, void *arg);

/* Zero means default everywhere. */
struct weir_serve_options {
    const char *name;         /* of the handlers' tasks */
    uint64_t connections_max; /* default 10000; further ones wait in the backlog */
    int64_t idle_limit_ns;  /* a connection on which no byte moves for so long ends with WEIR_EIDLE;
                                default 60 s; WEIR_FOREVER: none */
    int64_t drain_limit_ns; /* default 10 s; then handlers are cancelled */
    size_t stack_size;      /* of the handlers */
    uint8_t at_first_byte;  /* start handlers when bytes have come; default off */
};

/* Serves connections until the listener is closed (0) or the caller is stopped (its reason), then
 * drains: new connections are refused, idle connections are closed, handlers that run may finish
 * within the drain limit and are cancelled after it. Spreads connections over the workers.
 * Suspends. */
WEIR_PUBLIC int weir_serve_n(weir_listener listener, weir_serve_handler *handler, void *arg,
                             const struct weir_serve_options *options, size_t options_size);
static inline int weir_serve(weir_listener listener, weir_serve_handler *handler, void *arg,
                             const struct weir_serve_options *options)
{
    return weir_serve_n(listener, handler, arg, options, sizeof *options);
}

/* Whether the server of this connection drains: finish what was begun and begin nothing new. */
WEIR_PUBLIC int weir_stream_draining(weir_stream stream);

#ifdef __cplusplus
}
#endif
#endif
