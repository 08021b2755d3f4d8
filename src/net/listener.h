/* net/listener.h - the object behind a weir_listener.
 *
 * Made on any worker; its memory is the heap's and goes with the last user. `serve` is the
 * weir_serve that has the listener, told when it is closed.
 */
#ifndef WEIR_NET_LISTENER_H
#define WEIR_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <weir/net.h>

#include "net/sockfile.h"

struct weir__serve;
struct weir__worker;

/* The head of memory that is freed with a listener. */
struct weir__kept {
    struct weir__kept *next;
};

struct weir__listener {
    uint64_t id;
    int fd;
    int family;
    struct weir_listen_options options;
    struct sockaddr_storage address; /* as bound */
    socklen_t address_len;
    struct weir__sockfile file; /* UNIX: removed at the end */
    struct weir__serve *serve;  /* the one that has it; partners: weir_serve, weir_listener_close */
    uint32_t shared;         /* another process has the socket too; partner: weir__listener_share */
    struct weir__kept *kept; /* partner: weir__listener_keep */
};

/* A further listening socket at the same address, for another worker. The descriptor, or an error.
 * */
int weir__listener_twin(const struct weir__listener *listener);

struct weir__listener *weir__listener_enter(weir_listener listener, int *error);
void weir__listener_leave(struct weir__listener *listener);

/* Takes memory of weir__alloc, to be freed with the listener. Any thread that is inside. */
void weir__listener_keep(struct weir__listener *listener, struct weir__kept *kept);

/* Says that another process has the socket from now on: neither the socket nor its file ends here.
 * Any thread that is inside. */
void weir__listener_share(struct weir__listener *listener);

/* Sets what accepted sockets get. */
void weir__listener_prepare(const struct weir__listener *listener, int fd);

/* Makes a stream of an accepted socket, which it takes: 0 or an error. */
int weir__listener_take(struct weir__listener *listener, struct weir__worker *worker, int fd,
                        weir_stream *out);

/* Tells a serving task that its listener was closed. In serve.c. */
void weir__serve_stop(struct weir__serve *serve);

#endif
