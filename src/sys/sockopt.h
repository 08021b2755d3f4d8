/* sys/sockopt.h - socket options, typed.
 *
 * Each takes a descriptor, which stays the caller's. Setters return 0 or -errno; getters the value
 * (>= 0) or -errno. WEIR_ENOTSUP or -ENOPROTOOPT mean that this kernel or this kind of socket has
 * no such option. Any thread; nothing suspends. Sources: socket(7), tcp(7), ip(7), ipv6(7).
 */
#ifndef WEIR_SYS_SOCKOPT_H
#define WEIR_SYS_SOCKOPT_H

#include <stdbool.h>
#include <stdint.h>

/* -SO_ERROR: 0 or the error that waits on the socket, which it clears; or the error of asking. */
int weir__sockopt_error(int fd);
/* SOCK_STREAM, SOCK_DGRAM, ...; AF_INET, ...; 1 if it listens. */
int weir__sockopt_type(int fd);
int weir__sockopt_family(int fd);
int weir__sockopt_protocol(int fd);
int weir__sockopt_listening(int fd);

int weir__sockopt_reuseaddr(int fd, bool on);
int weir__sockopt_reuseport(int fd, bool on);
/* Of the sockets that listen at one address with SO_REUSEPORT the i-th, in the order in which they
 * began to listen, gets the connections whose first packet was handled on cpus[i]; for other
 * processors the kernel chooses as ever. By any of them. WEIR_ENOTSUP, WEIR_ENOMEM. */
int weir__sockopt_steer(int fd, const int *cpus, uint32_t count);
/* The kernel chooses again. */
int weir__sockopt_steer_none(int fd);
/* Bytes; the kernel doubles what is set and the getters return the doubled value. */
int weir__sockopt_sndbuf(int fd, int bytes);
int weir__sockopt_rcvbuf(int fd, int bytes);
int weir__sockopt_get_sndbuf(int fd);
int weir__sockopt_get_rcvbuf(int fd);
/* Seconds that close waits for unsent bytes; 0 resets the connection; negative: off. */
int weir__sockopt_linger(int fd, int seconds);
/* Seconds, or WEIR_ENOENT if off. */
int weir__sockopt_get_linger(int fd);
/* The processor whose receive queue this socket prefers, or serves (SO_INCOMING_CPU). */
int weir__sockopt_incoming_cpu(int fd, int cpu);
int weir__sockopt_get_incoming_cpu(int fd);

int weir__sockopt_broadcast(int fd, bool on);
/* Received messages come with their time. */
int weir__sockopt_timestamp(int fd, bool on);
/* Keep reported errors of what was sent, in the error queue (IP_RECVERR, IPV6_RECVERR). */
int weir__sockopt_receive_errors(int fd, int family, bool on);
/* Who made the other end of a UNIX socket. */
struct weir_credentials;
int weir__sockopt_credentials(int fd, struct weir_credentials *out);
/* Its process, as a new descriptor (pidfd). WEIR_ENOTSUP before Linux 6.5. */
int weir__sockopt_process(int fd);

/* What waits in a queue of the socket: bytes, or whether the mark is next. 0 or -errno. */
enum weir__socket_queue {
    WEIR__QUEUE_READABLE,
    WEIR__QUEUE_UNSENT,
    WEIR__QUEUE_AT_MARK
};
int weir__sockopt_queue(int fd, enum weir__socket_queue which, int64_t *out);

int weir__sockopt_nodelay(int fd, bool on);
int weir__sockopt_get_nodelay(int fd);
/* Probes an idle connection after idle_s seconds, every interval_s, and drops it after `count` in
 * vain. 0 leaves the system's value. */
int weir__sockopt_keepalive(int fd, bool on, int idle_s, int interval_s, int count);
/* Milliseconds that sent data may stay unacknowledged; 0: the system's. */
int weir__sockopt_user_timeout(int fd, unsigned timeout_ms);
/* Acknowledge at once; the kernel clears it again by itself. */
int weir__sockopt_quickack(int fd, bool on);
/* Wakes the listener only when data has come, or after `seconds`; 0: off. */
int weir__sockopt_defer_accept(int fd, int seconds);
/* TCP Fast Open: pending requests that a listener takes (0: off), and data in the SYN of
 * connect. */
int weir__sockopt_fastopen_listen(int fd, int pending);
int weir__sockopt_fastopen_connect(int fd, bool on);
/* Bytes of unsent data below which the socket is writable. */
int weir__sockopt_notsent_lowat(int fd, unsigned bytes);

/* The type-of-service byte, for IPv4 and IPv6 sockets: 0..255. */
int weir__sockopt_tos(int fd, int tos);
int weir__sockopt_get_tos(int fd);
int weir__sockopt_v6only(int fd, bool on);
int weir__sockopt_get_v6only(int fd);

#endif
