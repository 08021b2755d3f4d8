/* weir/dns.h - DNS by c-ares, driven by weir's own loop: no threads. A library of its own,
 * libweir-dns.
 *
 * weir_dns_init makes the one resolver of the process and registers it, so that weir_resolve,
 * weir_dial_host and weir_dial use it (<weir/resolve.h>, <weir/net.h>): with the hosts file, the
 * search list, and A and AAAA asked for at once. weir_dns_lookup gives records of any type. Answers
 * are kept for their time to live, and so is that there is none (RFC 2308); who asks for what
 * another one is asking for waits for the same answer. The file of the servers and the hosts file
 * are looked at again when they have changed, once a second at most.
 */
#ifndef WEIR_DNS_H
#define WEIR_DNS_H

#include <stddef.h>
#include <stdint.h>

#include <weir/address.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_DNS_NAME_MAX 1025 /* with the terminator: any name as text */

/* Types of records; others may be asked for by their number. */
enum weir_dns_type {
    WEIR_DNS_A = 1,
    WEIR_DNS_NS = 2,
    WEIR_DNS_CNAME = 5,
    WEIR_DNS_SOA = 6,
    WEIR_DNS_PTR = 12,
    WEIR_DNS_MX = 15,
    WEIR_DNS_TXT = 16,
    WEIR_DNS_AAAA = 28,
    WEIR_DNS_SRV = 33,
    WEIR_DNS_SVCB = 64,
    WEIR_DNS_HTTPS = 65,
    WEIR_DNS_CAA = 257,
};

/* Zero means default everywhere. Texts are copied. */
struct weir_dns_options {
    const char *servers;         /* "192.0.2.1,[2001:db8::1]:5353"; default: as resolv_conf says */
    const char *search;          /* domains, by spaces; "": none; default likewise */
    const char *resolv_conf;     /* a path; default /etc/resolv.conf */
    const char *hosts_file;      /* a path; "": none; default /etc/hosts */
    int64_t timeout_ns;          /* of the first try; default 2 s, at least 1 ms */
    uint32_t tries;              /* of each server; default 3, at most 10 */
    uint32_t ndots;              /* dots from which on a name is tried as it is first; default as
                                    resolv_conf says, else 1; at most 15 */
    uint32_t cache_max;          /* answers that are kept, of 32 KiB at most each; default 4096, at
                                    most 1048576 */
    uint32_t in_flight_max;      /* questions at a server at once, others wait in order; default
                                    128, at most 4096 */
    uint32_t ttl_max_s;          /* for which an answer is kept at most; default a day */
    uint32_t negative_ttl_max_s; /* and that there is none; default 5 minutes */
    int64_t resolution_delay_ns; /* for which AAAA is waited for when A is there (RFC 8305);
                                    default 50 ms */
    uint8_t cache;               /* enum weir_switch; default on */
    uint8_t rotate;              /* WEIR_ON: servers take turns; default off */
};

/* Makes the resolver of the process and registers it, until weir_dns_fini. It belongs to no
 * runtime: while something is being looked up, a task on the runtime that has asked sees to it; if
 * that runtime is shut down, what is being looked up fails with WEIR_ECLOSED. Borrows options for
 * the call. Reads the files of the configuration where it stands. WEIR_EBUSY (there is one, or
 * another resolver is registered), WEIR_EOPTION, WEIR_ENOMEM, WEIR_EMFILE, WEIR_ECANCELED,
 * WEIR_EDEADLINE. Any thread. */
WEIR_PUBLIC int weir_dns_init_n(const struct weir_dns_options *options, size_t options_size);
static inline int weir_dns_init(const struct weir_dns_options *options)
{
    return weir_dns_init_n(options, sizeof *options);
}

/* Ends it: what is being looked up fails with WEIR_ECLOSED. Does nothing if there is none. Suspends
 * until its descriptors are closed, also if the caller is stopped; a thread blocks. 0. */
WEIR_PUBLIC int weir_dns_fini(void);

/* Bytes of an answer. */
struct weir_dns_bytes {
    const uint8_t *at;
    size_t len;
};

/* One record. Names are lower case, without the last dot; a byte that no host name has is \DDD. */
struct weir_dns_record {
    uint16_t type; /* enum weir_dns_type */
    uint32_t ttl_s;
    union {
        uint8_t a[4];     /* A */
        uint8_t aaaa[16]; /* AAAA */
        const char *host; /* CNAME, NS, PTR */
        struct {
            uint16_t preference;
            const char *host;
        } mx;
        struct {
            uint16_t priority, weight, port;
            const char *host;
        } srv;
        struct weir_dns_bytes txt; /* TXT: its strings, one after the other */
        struct {
            uint8_t flags;
            const char *tag;
            struct weir_dns_bytes value;
        } caa;
        struct {
            const char *primary, *mailbox;
            uint32_t serial, refresh_s, retry_s, expire_s, minimum_s;
        } soa;
        struct {               /* SVCB, HTTPS: RFC 9460 */
            uint16_t priority; /* 0: an alias */
            const char *host;  /* "": the owner's name */
            struct weir_dns_bytes params;
        } svcb;
        struct weir_dns_bytes other; /* as it came */
    } u;
};

/* What a name has. It is shared, never changes, and is released by weir_dns_release. */
struct weir_dns_answer {
    const char *name;  /* to which aliases (CNAME) have led */
    uint64_t until_ns; /* of weir_now_ns: when the first of its records is too old */
    uint32_t count;    /* of records, of the type that was asked for; at least 1 */
    const struct weir_dns_record *records;
};

/* Looks up the records of a type. The name is complete: no search list, no hosts file. *answer
 * gives them. Borrows `name`. Suspends, unless the answer is kept. A caller that is stopped leaves
 * at once. WEIR_DNS_ENXDOMAIN, _ENODATA, _ESERVFAIL, _EREFUSED, _ETIMEOUT, _EFORMERR, _EUNREACH
 * (also when each of several servers has refused, or failed),
 * WEIR_ENAME (not a name), WEIR_EINVAL (not a type), WEIR_ESHUTDOWN (there is no resolver),
 * WEIR_ECLOSED, WEIR_ENOMEM, WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE. */
WEIR_PUBLIC int weir_dns_lookup(const struct weir_dns_answer **answer, const char *name,
                                uint16_t type);
/* The same for the names (PTR) of an IP address. WEIR_EINVAL: another address. */
WEIR_PUBLIC int weir_dns_reverse(const struct weir_dns_answer **answer,
                                 const weir_address *address);
/* Releases an answer; NULL is nothing. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC void weir_dns_release(const struct weir_dns_answer *answer);

/* The value of a parameter of an SVCB or HTTPS record, by its number (1: alpn, 3: port, ...), in
 * the record's memory. 0, or WEIR_ENOENT. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_dns_param(const struct weir_dns_record *record, uint16_t key,
                               struct weir_dns_bytes *value);

/* What the resolver has done since it was made. */
struct weir_dns_counts {
    uint64_t lookups;   /* calls, one for each type */
    uint64_t hits;      /* answered by what is kept */
    uint64_t joined;    /* that waited for another one's question */
    uint64_t questions; /* that were asked */
    uint64_t failures;  /* of these: no answer at all, or one that says nothing */
    uint64_t slow;      /* of these: a server did not answer in time */
    uint32_t cached;    /* answers that are kept now */
    uint32_t in_flight; /* questions at a server now */
    uint32_t waiting;   /* questions that wait for a place */
    uint32_t reloads;   /* of resolv_conf and of the order of the servers */
};

/* Fills *counts, which is the caller's. Suspends for a moment. 0, WEIR_ESHUTDOWN, and as of
 * weir_mutex_lock. */
WEIR_PUBLIC int weir_dns_count_n(struct weir_dns_counts *counts, size_t counts_size);
static inline int weir_dns_count(struct weir_dns_counts *counts)
{
    return weir_dns_count_n(counts, sizeof *counts);
}

#ifdef __cplusplus
}
#endif
#endif
