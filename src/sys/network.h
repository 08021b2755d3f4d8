/* sys/network.h - a table of socket calls that the simulator puts in place of the kernel's.
 *
 * Simulated descriptors begin at WEIR__NETWORK_FIRST, a number that no real one has, so that a call
 * on a real descriptor pays one comparison with a constant. Only `socket` has no descriptor to look
 * at: it asks whether there is a simulation. NULL in a real process. Written by who begins a
 * simulation, while no loop runs; it stays, since descriptors may be closed after their simulation.
 * Every function returns -errno when it fails, and none blocks.
 */
#ifndef WEIR_SYS_NETWORK_H
#define WEIR_SYS_NETWORK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define WEIR__NETWORK_FIRST (1 << 28)

struct weir__network {
    int (*socket)(int family, int type, int protocol);
    int (*bind)(int fd, const struct sockaddr *address, socklen_t len);
    int (*listen)(int fd, int backlog);
    int (*accept)(int fd, struct sockaddr *address, socklen_t *len);
    int (*connect)(int fd, const struct sockaddr *address, socklen_t len);
    int (*shutdown)(int fd, int how);
    int (*recv)(int fd, void *base, size_t len, int flags);
    int (*send)(int fd, const void *base, size_t len);
    /* The next two are for what carries messages, the others for streams. */
    bool (*has_messages)(int fd);
    int (*send_message)(int fd, const struct msghdr *message);
    int (*recv_message)(int fd, struct msghdr *message, int flags);
    int (*local)(int fd, struct sockaddr *address, socklen_t *len);
    int (*peer)(int fd, struct sockaddr *address, socklen_t *len);
    int (*get_option)(int fd, int level, int name, void *value, socklen_t *len);
    int (*set_option)(int fd, int level, int name, const void *value, socklen_t len);
    int (*poll)(int fd, short events); /* the events that are true */
    int (*dup)(int fd);
    int (*close)(int fd);
    /* The address of a host by its name, in network order; WEIR_ENOENT. */
    int (*resolve)(const char *name, uint32_t *address);
};

extern const struct weir__network *weir__network;
extern bool weir__network_on; /* a simulation is */

static inline bool weir__network_has(int fd)
{
    return __builtin_expect(fd >= WEIR__NETWORK_FIRST, 0);
}

/* What is made of the calls above. */
int weir__network_sendmsg(int fd, const struct msghdr *message);
int weir__network_recvmsg(int fd, struct msghdr *message, int flags);
int weir__network_sendmmsg(int fd, struct mmsghdr *messages, unsigned count);
int weir__network_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int weir__network_sendfile(int to, int from, off_t *offset, size_t len);
int weir__network_poll(struct pollfd *fd);

#endif
