/* weir/netif.h - interfaces of the network and their addresses, and what happens to them.
 *
 * The kernel is asked by a netlink socket on the loop, so nothing here needs a thread. Interfaces
 * are those of the network namespace in which the call is made.
 */
#ifndef WEIR_NETIF_H
#define WEIR_NETIF_H

#include <stddef.h>
#include <stdint.h>

#include <weir/address.h>
#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bits. */
enum weir_netif_flag {
    WEIR_NETIF_UP = 1,      /* somebody has switched it on */
    WEIR_NETIF_RUNNING = 2, /* it can be used: there is a carrier */
    WEIR_NETIF_LOOPBACK = 4,
    WEIR_NETIF_BROADCAST = 8,
    WEIR_NETIF_POINT_TO_POINT = 16,
    WEIR_NETIF_MULTICAST = 32,
};

#define WEIR_NETIF_NAME_MAX     16 /* with the terminator */
#define WEIR_NETIF_HARDWARE_MAX 32

struct weir_netif {
    uint32_t number; /* 1.. */
    uint32_t flags;  /* enum weir_netif_flag */
    uint32_t mtu;    /* bytes */
    uint16_t type;   /* ARPHRD_*: 1 Ethernet, 772 loopback, ... */
    uint16_t hardware_len;
    uint8_t hardware[WEIR_NETIF_HARDWARE_MAX]; /* the MAC address, if it has one */
    char name[WEIR_NETIF_NAME_MAX];
};

enum weir_netif_scope {
    WEIR_NETIF_GLOBAL = 1,
    WEIR_NETIF_SITE = 2,
    WEIR_NETIF_LINK = 3, /* fe80::/10, 169.254.0.0/16 */
    WEIR_NETIF_HOST = 4, /* 127.0.0.1, ::1 */
};

struct weir_netif_address {
    uint32_t interface;   /* its number */
    uint8_t prefix;       /* bits of the network: 0..128 */
    uint8_t scope;        /* enum weir_netif_scope */
    uint8_t tentative;    /* 1: IPv6, it is not yet known that nobody else has it */
    uint8_t temporary;    /* 1: IPv6, for privacy */
    weir_address address; /* port 0; of a link-local one the zone is set */
    weir_address peer;    /* of a point-to-point interface; len 0: none */
};

/* ---- the list ---- */

struct weir_netifs {
    struct weir_netif *interfaces;
    size_t interface_count;
    struct weir_netif_address *addresses; /* of all of them, IPv4 and IPv6 */
    size_t address_count;
};

/* All interfaces and addresses. *out is the caller's: weir_netif_free. Suspends. WEIR_EAGAIN (there
 * were changes all the time, 16 times), WEIR_ENOMEM, WEIR_ENOBUFS, WEIR_EPERM, WEIR_EMFILE,
 * WEIR_ENFILE, WEIR_ELIMIT, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK, WEIR_EAFNOSUPPORT (the
 * simulator too). rtnetlink(7) */
WEIR_PUBLIC int weir_netif_list(struct weir_netifs *out);
/* Gives the memory back. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC void weir_netif_free(struct weir_netifs *list);

/* ---- changes ---- */

/* A value. Closed or foreign ones give WEIR_EBADHANDLE. */
typedef struct weir_netif_watch {
    uint64_t id;
} weir_netif_watch;

enum weir_netif_change {
    WEIR_NETIF_ADDED = 1,
    WEIR_NETIF_REMOVED = 2,
    WEIR_NETIF_WENT_UP = 3,       /* both UP and RUNNING, which it was not */
    WEIR_NETIF_WENT_DOWN = 4,     /* not both any more */
    WEIR_NETIF_CHANGED = 5,       /* something else that struct weir_netif says */
    WEIR_NETIF_ADDRESS_ADDED = 6, /* or something has changed of it */
    WEIR_NETIF_ADDRESS_REMOVED = 7,
    WEIR_NETIF_RESCAN = 8, /* changes were lost, since there were too many: see weir_netif_list */
};

struct weir_netif_event {
    uint32_t change; /* enum weir_netif_change */
    uint32_t weir__spare;
    struct weir_netif interface;       /* as it is now, or was; of ADDED .. CHANGED */
    struct weir_netif_address address; /* of ADDRESS_ADDED, ADDRESS_REMOVED */
};

/* Watches from now on: what changes after this call has begun is told. Gives *out, to be closed.
 * Suspends. Errors as of weir_netif_list. */
WEIR_PUBLIC int weir_netif_watch_open(weir_netif_watch *out);

/* Waits for the next change: enum weir_netif_change, and *out is filled. One task at a time
 * (WEIR_EBUSY). Changes wait in a queue of the kernel's; when it has overflowed RESCAN comes, once.
 * Suspends. WEIR_ECLOSED (closed meanwhile), WEIR_EBADHANDLE, WEIR_ECANCELED, WEIR_EDEADLINE,
 * WEIR_ENOTASK, and errors as of weir_netif_list, after which RESCAN comes. */
WEIR_PUBLIC int weir_netif_watch_next_n(weir_netif_watch watch, struct weir_netif_event *out,
                                        size_t size);
static inline int weir_netif_watch_next(weir_netif_watch watch, struct weir_netif_event *out)
{
    return weir_netif_watch_next_n(watch, out, sizeof *out);
}

/* Closes. A call under way returns WEIR_ECLOSED. 0, also if it was closed already. Does not
 * suspend, cannot fail. Any thread. */
WEIR_PUBLIC int weir_netif_watch_close(weir_netif_watch watch);

#ifdef __cplusplus
}
#endif
#endif
