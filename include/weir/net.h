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

#include <weir/address.h>
#include <weir/options.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_listener {
    uint64_t id;
} weir_listener;

/* Zero means default everywhere. */
struct weir_listen_options {
    uint32_t backlog;        /* default 4096; the kernel cuts it to somaxconn */
    uint8_t reuse_port;      /* default: on when there is more than one worker, TCP only */
    uint8_t v6only;          /* default off */
    uint8_t nodelay;         /* of accepted streams; default on */
    uint8_t unlink_stale;    /* UNIX: remove a socket file that nobody listens on, which is found
                                out by connecting to it; default on */
    uint32_t defer_accept_s; /* TCP_DEFER_ACCEPT */
    uint32_t fast_open;      /* TCP_FASTOPEN queue */
    uint32_t receive_buffer; /* SO_RCVBUF, bytes */
    uint32_t send_buffer;    /* SO_SNDBUF, bytes */
    uint32_t mode;           /* UNIX: permissions of the socket file; default as of the umask */
};

/* Listens. *out gives the listener; close it with weir_listener_close, which removes the file of a
 * UNIX socket unless another one has taken its place. Borrows address and options. By a task; does
 * not suspend. WEIR_EADDRESS, WEIR_ENOSCHEME, WEIR_ENAME (a host name), WEIR_EADDRINUSE,
 * WEIR_EADDRNOTAVAIL, WEIR_EACCES, WEIR_ENOENT (a folder is missing), WEIR_EMFILE, WEIR_ENFILE,
 * WEIR_ENOMEM, WEIR_ELIMIT (handles), WEIR_EOPTION, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_listen_n(weir_listener *out, const char *address,
                              const struct weir_listen_options *options, size_t options_size);
static inline int weir_listen(weir_listener *out, const char *address,
                              const struct weir_listen_options *options)
{
    return weir_listen_n(out, address, options, sizeof *options);
}

/* Waits for a connection; *out gives the stream. Suspends. Many tasks may accept at once; on one
 * worker each but the first may need a descriptor more while it waits. WEIR_EBADHANDLE,
 * WEIR_ECLOSED (the listener was closed meanwhile), WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM,
 * WEIR_ELIMIT, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_accept(weir_listener listener, weir_stream *out);

/* The address that the listener is bound to, with the port that the kernel chose, as text that weir
 * parses: its length without the terminator. WEIR_ENOBUFS if it does not fit `cap`, which
 * WEIR_ADDRESS_TEXT_MAX always suffices for; WEIR_EBADHANDLE. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_listener_address(weir_listener listener, char *out, size_t cap);

/* Stops listening. A weir_serve on the listener drains and returns 0; accepts under way return
 * WEIR_ECLOSED. 0, also if it was closed before. Does not suspend, cannot fail. Any thread, while
 * the runtime exists. */
WEIR_PUBLIC int weir_listener_close(weir_listener listener);

/* Makes a listener of a listening stream socket, as a service manager hands it over. Takes the
 * descriptor if it succeeds, and makes it close-on-exec. The options are those that say something
 * of accepted streams. WEIR_ENOTSOCK, WEIR_EBADF, WEIR_EPROTOTYPE (not a stream socket that
 * listens), WEIR_ENOMEM, WEIR_ELIMIT, WEIR_EOPTION, WEIR_ENOTASK. By a task; does not suspend. */
WEIR_PUBLIC int weir_listener_adopt_n(weir_listener *out, int descriptor,
                                      const struct weir_listen_options *options,
                                      size_t options_size);
static inline int weir_listener_adopt(weir_listener *out, int descriptor,
                                      const struct weir_listen_options *options)
{
    return weir_listener_adopt_n(out, descriptor, options, sizeof *options);
}
/* The opposite: closes the handle, and *descriptor gives a descriptor of the same socket, which
 * goes on listening; the file of a UNIX socket stays. WEIR_EBUSY, and nothing done, while it is
 * served or another call is under way; WEIR_EBADHANDLE, WEIR_EMFILE. Does not suspend. Any thread.
 */
WEIR_PUBLIC int weir_listener_release(weir_listener listener, int *descriptor);

/* Connects; *out gives the stream, for weir_close. A tcp address with a host name is dialled as by
 * weir_dial_host, with its errors; "localhost" is 127.0.0.1. Suspends; how long is a deadline's
 * business (<weir/time.h>), besides the system's own WEIR_ETIMEDOUT after some minutes. Borrows
 * `address`. WEIR_EADDRESS, WEIR_ENOSCHEME, WEIR_ECONNREFUSED, WEIR_ENETUNREACH, WEIR_EHOSTUNREACH,
 * WEIR_ENOENT (no such UNIX socket), WEIR_EACCES, WEIR_EAGAIN (its backlog is full), WEIR_EMFILE,
 * WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_dial(weir_stream *out, const char *address);

/* Zero means default everywhere. */
struct weir_dial_options {
    int64_t attempt_delay_ns; /* for which an attempt is alone; default 250 ms, at least 10 ms */
    uint8_t ip;               /* enum weir_ip: addresses of one family only */
    uint8_t system;           /* as of struct weir_resolve_options */
};

/* Connects by TCP to a host, a name or a number without brackets, which may come from outside, and
 * a port; *out gives the stream. Up to 16 addresses of the host (weir_resolve) are tried, IPv6 and
 * IPv4 by turns: the next one when the one before has failed or been alone for long enough; the
 * first that succeeds ends the others (RFC 8305). Suspends. Borrows `host` and options. Errors as
 * of weir_resolve and weir_dial: of several attempts that which says most. */
WEIR_PUBLIC int weir_dial_host_n(weir_stream *out, const char *host, uint16_t port,
                                 const struct weir_dial_options *options, size_t options_size);
static inline int weir_dial_host(weir_stream *out, const char *host, uint16_t port,
                                 const struct weir_dial_options *options)
{
    return weir_dial_host_n(out, host, port, options, sizeof *options);
}

/* The stream's own address and its peer's, as weir_listener_address gives text: the length. A UNIX
 * socket without a name is "unix://". WEIR_ENOBUFS if `cap` is too small, WEIR_EBADHANDLE,
 * WEIR_ENOTCONN. Do not suspend. Any thread. */
WEIR_PUBLIC int weir_stream_local(weir_stream stream, char *out, size_t cap);
WEIR_PUBLIC int weir_stream_peer(weir_stream stream, char *out, size_t cap);

/* Options of an open stream, as named in tcp(7), ip(7) and socket(7): 0, WEIR_EBADHANDLE, or the
 * system's error, which is WEIR_ENOTSUP for what a UNIX stream does not have. Do not suspend. Any
 * thread. */
WEIR_PUBLIC int weir_stream_nodelay(weir_stream stream, int on);
/* What is not positive of the three times stays as it is; `count` is of unanswered probes. */
WEIR_PUBLIC int weir_stream_keepalive(weir_stream stream, int on, int idle_s, int interval_s,
                                      int count);
/* 0: closing resets the connection; negative: the kernel goes on sending what it has, as it does
 * from the start. A positive time would make the close block: WEIR_ENOTSUP. */
WEIR_PUBLIC int weir_stream_linger(weir_stream stream, int seconds);
/* 0: as the system has it. */
WEIR_PUBLIC int weir_stream_user_timeout(weir_stream stream, uint32_t timeout_ms);
WEIR_PUBLIC int weir_stream_quickack(weir_stream stream, int on);
/* The byte of IP_TOS and IPV6_TCLASS. */
WEIR_PUBLIC int weir_stream_tos(weir_stream stream, int tos);
/* Bytes; 0 leaves that one as it is. */
WEIR_PUBLIC int weir_stream_buffers(weir_stream stream, int receive, int send);

/* Has writes of at least `from_len` bytes sent from the caller's own memory, without a copy into
 * the kernel; 0: none, as it is from the start. Such a write returns when the kernel has let go of
 * the memory, that is when the peer's kernel has confirmed the bytes: after a round trip, and not
 * before that for a deadline, a cancel or a close, which the next call tells. So it is for large
 * writes to peers that take them; weir_stream_user_timeout bounds the wait for one that is silent.
 * It is never better over loopback, which copies anyway (docs/moving.md). Where nothing is gained
 * it stops by itself: with the first write that the backend, the kernel or the socket does not do
 * so, and when the kernel has copied eight in a row. 0, WEIR_EBADHANDLE, WEIR_EBUSY (somebody
 * writes), WEIR_ENOTSUP (no socket), WEIR_ENOMEM. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_stream_zero_copy(weir_stream stream, size_t from_len);

/* What has become of it. */
struct weir_zero_copy_counts {
    uint64_t from_len; /* as it is now; 0: off, or given up */
    uint64_t sent;     /* operations: without a copy, */
    uint64_t copied;   /* copied nevertheless, */
    uint64_t refused;  /* not even tried */
};

/* 0, and *out; WEIR_EBADHANDLE, WEIR_ENOTSUP. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_stream_zero_copy_counts_n(weir_stream stream,
                                               struct weir_zero_copy_counts *out, size_t out_size);
static inline int weir_stream_zero_copy_counts(weir_stream stream,
                                               struct weir_zero_copy_counts *out)
{
    return weir_stream_zero_copy_counts_n(stream, out, sizeof *out);
}

/* ---- serving ---- */

#define WEIR_SERVE_AGAIN 1 /* a handler's result: start me again at the next byte */

/* Serves one connection, or one exchange of it, as a task of its own. The stream is closed when it
 * returns, except with WEIR_SERVE_AGAIN: then the connection waits without a task and a stack, and
 * the handler is started again when bytes come. Any other result only ends the connection. */
typedef int weir_serve_handler(weir_stream peer, void *arg);

/* Zero means default everywhere. */
struct weir_serve_options {
    const char *name;         /* of the handlers' tasks; borrowed until the serve has ended */
    uint64_t connections_max; /* default 10000; further ones wait in the backlog, or are closed if
                                 many had been accepted before the limit was noticed */
    int64_t idle_limit_ns;  /* a connection on which no byte moves for so long ends with WEIR_EIDLE;
                                default 60 s; WEIR_FOREVER: none */
    int64_t drain_limit_ns; /* default 10 s; then handlers are cancelled */
    size_t stack_size; /* of the handlers, in bytes as of struct weir_spawn_options; above 8 MiB:
                               WEIR_EOPTION */
    uint8_t at_first_byte; /* start handlers when bytes have come; default off */
    uint8_t packable;      /* of the handlers, as of struct weir_spawn_options */
    uint8_t steer; /* WEIR_ON: a connection goes to the worker that is bound to the processor which
                      has received it, where one is; default off. For pin=cores, not more workers
                      than processors, a TCP listener with reuse_port, and nobody else at its
                      address; WEIR_ENOTSUP where that is not so, or the kernel cannot */
};

/* Serves connections until the listener is closed (0) or the caller is stopped (its reason:
 * WEIR_ECANCELED, WEIR_EDEADLINE), then drains: new connections are refused (those of a listener
 * that stays open wait in its backlog), idle connections are closed, handlers that run may finish
 * within the drain limit and are cancelled after it; it returns when all have ended. Spreads
 * connections over the workers. A listener has one serve at a time: WEIR_EBUSY. A connection whose
 * handler cannot be started is closed. Suspends. `arg` is borrowed until the return, options for
 * the call. Errors, with nothing served: WEIR_EBADHANDLE, WEIR_EBUSY, WEIR_EOPTION, WEIR_ENOMEM,
 * WEIR_ENOTASK, WEIR_ENOTSUP (steer), and from making a socket for each worker WEIR_EMFILE,
 * WEIR_ENFILE, WEIR_EADDRINUSE. */
WEIR_PUBLIC int weir_serve_n(weir_listener listener, weir_serve_handler *handler, void *arg,
                             const struct weir_serve_options *options, size_t options_size);
static inline int weir_serve(weir_listener listener, weir_serve_handler *handler, void *arg,
                             const struct weir_serve_options *options)
{
    return weir_serve_n(listener, handler, arg, options, sizeof *options);
}

/* Whether the server of this connection drains: finish what was begun and begin nothing new. 1 or 0
 * (also for a stream that is not served), WEIR_EBADHANDLE. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_stream_draining(weir_stream stream);

#ifdef __cplusplus
}
#endif
#endif
