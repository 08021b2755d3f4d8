/* bench/load/load.h - what the load generator is asked to do, and its kinds of work.
 *
 * One process, one thread, one epoll instance. Each kind of work is one function that opens its
 * connections, runs to its end, and has filled `struct result`; the process ends with a line on
 * stderr when the server cannot be reached or sends what it should not.
 */
#ifndef WEIR_BENCH_LOAD_LOAD_H
#define WEIR_BENCH_LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "usage.h"

struct load {
    const char *mode;
    const char *http_path; /* requests for this path instead of an echo */
    int port;
    int connections;
    int in_flight; /* messages of a connection under way at once (closed loop) */
    size_t size;   /* bytes of a message */
    double rate;   /* messages a second over all connections (fixed rate) */
    double warmup_s, seconds;
    int pids[USAGE_PIDS_MAX]; /* whose processor time is reported */
    int pid_count;
    bool segments; /* datagrams go and come many in one */
    bool spin;     /* poll instead of sleeping: for a core of its own */
    bool verify;   /* compare every byte that comes back */
    bool syscalls; /* count the system calls of the processes, which slows them */
};

struct result {
    uint64_t messages; /* completed between the two readings of the usage */
    uint64_t lost;     /* asked for and never answered */
    uint64_t elapsed_ns;
    struct usage usage; /* spent between the two readings */
    struct histogram latency;
};

/* C connections, each with `in_flight` messages under way: as fast as the server answers. */
void load_closed(const struct load *load, struct result *result);

/* `rate` messages a second whatever the server does; latency counts from when each was due. */
void load_rate(const struct load *load, struct result *result);

/* Connect, one byte there and back, reset; `connections` of them under way at once. */
void load_storm(const struct load *load, struct result *result);

/* Opens the connections, one message on each, prints {"ready":N}, holds them until stdin ends. */
void load_idle(const struct load *load, struct result *result);

/* C sockets, each with `in_flight` datagrams under way: as fast as the server answers. */
void load_udp(const struct load *load, struct result *result);

/* Prints "load: what: the system's error" and ends the process. */
_Noreturn void load_die(const char *what);

#endif
