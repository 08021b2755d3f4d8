/* net/sockfile.h - the file of a UNIX socket: stale ones, and the one that is ours.
 *
 * A socket that is bound to a path leaves a file behind. Who binds removes one that nobody has any
 * more; who closes removes the own one, unless somebody has put another in its place. An abstract
 * name has no file, and nothing is done for it. Any thread; nothing suspends.
 */
#ifndef WEIR_NET_SOCKFILE_H
#define WEIR_NET_SOCKFILE_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct weir__sockfile {
    char path[109]; /* "": none */
    uint64_t device;
    uint64_t inode;
};

/* Removes a socket file that no socket of the type has, which is found out by connecting to it; any
 * other file stays. */
void weir__sockfile_unlink_stale(const struct sockaddr_un *address, socklen_t len, int type);

/* Notes which file was made by bind, and sets its permissions unless `mode` is 0: 0 or an error,
 * after which *file may be noted. */
int weir__sockfile_own(struct weir__sockfile *file, const struct sockaddr_un *address,
                       uint32_t mode);

/* Removes the file that was noted. */
void weir__sockfile_unlink(const struct weir__sockfile *file);

#endif
