/* weir/resolve.h - from the name of a host to its addresses.
 *
 * Names are looked up by a resolver. Without one that is the system's (getaddrinfo, in the class
 * for names of <weir/blocking.h>); <weir/dns.h> has another, and a program may have its own. In a
 * simulation (<weir/sim.h>) the names of its hosts come first, and the system is not asked: without
 * a resolver any other name is WEIR_ENAME. Hosts come from outside: nothing here parses more than a
 * host's name or number.
 */
#ifndef WEIR_RESOLVE_H
#define WEIR_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/address.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_RESOLVE_MAX 64 /* addresses of one host that are looked at */

enum weir_ip {
    WEIR_IP_ANY = 0,
    WEIR_IP_V4 = 4,
    WEIR_IP_V6 = 6
};

/* Zero means default. */
struct weir_resolve_options {
    uint8_t ip;     /* enum weir_ip: which addresses */
    uint8_t system; /* WEIR_ON: ask getaddrinfo, whatever is registered; default off */
};

/* The addresses of a host with a port, the one to be tried first first (RFC 6724): how many, 1 to
 * `max`. The host is a number (of the family that is asked for, else WEIR_DNS_ENODATA), localhost
 * or a name below it (the loopback addresses, without asking anybody, RFC 6761), or a name for the
 * resolver. Borrows `host`, gives the first of *out. Suspends, unless the host is a number. A
 * deadline or a cancel ends it at once; a getaddrinfo that runs then is left behind, see
 * weir_blocking_owned. WEIR_DNS_ENXDOMAIN, WEIR_DNS_ENODATA and others of that kind, WEIR_ENAME
 * (what cannot be a name, or the system says nothing better), WEIR_EINVAL (`max` is 0),
 * WEIR_EOPTION, WEIR_ELIMIT, WEIR_ENOMEM, WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE. */
WEIR_PUBLIC int weir_resolve_n(weir_address *out, size_t max, const char *host, uint16_t port,
                               const struct weir_resolve_options *options, size_t options_size);
static inline int weir_resolve(weir_address *out, size_t max, const char *host, uint16_t port,
                               const struct weir_resolve_options *options)
{
    return weir_resolve_n(out, max, host, port, options, sizeof *options);
}

/* What answers for names. `resolve` runs in the task that asks and may suspend: it gives at most
 * `max` addresses with that port, of the `ip` asked for (enum weir_ip), in any order, and returns
 * how many, or an error. */
struct weir_resolver {
    int (*resolve)(weir_address *out, size_t max, const char *host, uint16_t port, unsigned ip,
                   void *arg);
    void *arg;
};

/* Registers the process's resolver, borrowed until another one is; NULL: the system's is used
 * again. Calls under way go on with the one that they have begun with, so it must not be released
 * before they have returned. WEIR_EBUSY: there is one already. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_resolver_register(const struct weir_resolver *resolver);

#ifdef __cplusplus
}
#endif
#endif
