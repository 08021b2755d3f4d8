/* proto/dns/hosts.h - a hosts file as a table: hosts(5).
 *
 * An engine: text in, addresses by name out. What is no address, or no name, is passed over.
 */
#ifndef WEIR_PROTO_DNS_HOSTS_H
#define WEIR_PROTO_DNS_HOSTS_H

#include <stddef.h>
#include <stdint.h>
#include <weir/address.h>

struct weir__dns_host;

/* Zeroed: an empty table. */
struct weir__dns_hosts {
    struct weir__dns_host *entries; /* by name, then in the order of the file */
    size_t count;
};

/* Reads a file's text, which the table keeps nothing of. 0, or WEIR_ENOMEM and an empty table. */
int weir__dns_hosts_read(struct weir__dns_hosts *hosts, const char *text, size_t len);
void weir__dns_hosts_fini(struct weir__dns_hosts *hosts);

/* The addresses of a prepared name (message.h) with a port, of one enum weir_ip: how many, at most
 * `max`; -1: the file does not have the name at all. */
int weir__dns_hosts_find(const struct weir__dns_hosts *hosts, const char *name, unsigned ip,
                         uint16_t port, weir_address *out, size_t max);

#endif
