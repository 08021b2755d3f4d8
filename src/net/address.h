/* net/address.h - address strings: configuration that names where to listen or dial.
 *
 *   tcp://HOST:PORT      HOST: 127.0.0.1, [::1], [fe80::1%eth0], localhost (127.0.0.1), or a name
 *   udp://HOST:PORT
 *   unix://PATH          an absolute or relative path of at most 107 bytes
 *   unix://@NAME         an abstract name; unixgram:// and unixpacket:// likewise
 *   vsock://CID:PORT     numbers below 2^32; "any" for either
 *
 * A PORT is 0..65535 in decimal. User-info, parameters, fragments, empty parts and bytes outside of
 * printable ASCII are errors; docs/address.md has the grammar. Names are not resolved here; the
 * name of a zone is looked up among the interfaces. Any thread.
 */
#ifndef WEIR_NET_ADDRESS_H
#define WEIR_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WEIR__ADDRESS_HOST_MAX 254

enum weir__scheme {
    WEIR__SCHEME_TCP,
    WEIR__SCHEME_UDP,
    WEIR__SCHEME_UNIX,
    WEIR__SCHEME_UNIXGRAM,
    WEIR__SCHEME_UNIXPACKET,
    WEIR__SCHEME_VSOCK
};

struct weir__address {
    struct sockaddr_storage storage;
    socklen_t len; /* 0: the host is a name, in `host` and `port`, for a resolver */
    char host[WEIR__ADDRESS_HOST_MAX];
    uint16_t port;
    enum weir__scheme scheme;
    int type; /* SOCK_STREAM, ...: of the scheme's sockets */
};

/* 0, WEIR_EADDRESS (does not parse) or WEIR_ENOSCHEME (a scheme that is not known). Untouched *out
 * on failure. */
int weir__address_parse(const char *text, struct weir__address *out);
/* Whether a name, as parse leaves it, is that of a simulated host: the address is its then. */
bool weir__address_find_simulated(struct weir__address *address);

/* The text of a socket address as parse takes it, with the schemes of streams or those of
 * datagrams: its length, or WEIR_ENOBUFS, WEIR_EINVAL. Bytes of a UNIX name that are not printable
 * become '?'.
 */
int weir__address_format(const struct sockaddr *address, socklen_t len, char *out, size_t cap);
int weir__address_format_message(const struct sockaddr *address, socklen_t len, char *out,
                                 size_t cap);

#endif
