/* weir/address.h - socket addresses as values.
 *
 * A weir_address holds whatever a socket of any family calls an address: of a datagram's sender, of
 * its receiver. It is a plain value, copied freely. Nothing here suspends. Any thread.
 */
#ifndef WEIR_ADDRESS_H
#define WEIR_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_ADDRESS_TEXT_MAX 160 /* with the terminator: any address that weir formats */

/* A struct sockaddr of some family and its length, 0: none. The bytes may be read and written as
 * such: (struct sockaddr *)address.storage. */
typedef struct weir_address {
    uint64_t storage[16];
    uint32_t len;
    uint32_t weir__spare;
} weir_address;

/* Reads an address string of any scheme (docs/address.md): udp://127.0.0.1:53, unixgram://@name,
 * ... Configuration, not input. 0; WEIR_EADDRESS, WEIR_ENOSCHEME, WEIR_ENAME (a host name). Borrows
 * `text`. */
WEIR_PUBLIC int weir_address_parse(weir_address *out, const char *text);

/* Makes an address of a host given as a number, 192.0.2.1 or 2001:db8::1 or fe80::1%eth0, which may
 * come from outside, and a port. 0, or WEIR_ENAME for what is no number. Borrows `host`. */
WEIR_PUBLIC int weir_address_host(weir_address *out, const char *host, uint16_t port);

/* The text of an address with the schemes of datagrams (udp, unixgram) or vsock, as parse reads it:
 * its length without the terminator. WEIR_ENOBUFS if it does not fit `cap`, which
 * WEIR_ADDRESS_TEXT_MAX always suffices for; WEIR_EINVAL for another family, or none. */
WEIR_PUBLIC int weir_address_format(const weir_address *address, char *out, size_t cap);

/* Whether two name the same: family, host, port and zone, or the bytes of the name. */
WEIR_PUBLIC bool weir_address_equal(const weir_address *a, const weir_address *b);

/* The port of an IP address: 0..65535, or WEIR_EINVAL. */
WEIR_PUBLIC int weir_address_port(const weir_address *address);
/* Sets the port of an IP address: 0 or WEIR_EINVAL. */
WEIR_PUBLIC int weir_address_set_port(weir_address *address, uint16_t port);
/* The family, AF_INET, AF_INET6, AF_UNIX, ...; 0 (AF_UNSPEC) if there is no address. */
WEIR_PUBLIC int weir_address_family(const weir_address *address);

/* The number of a network interface with this name (1..), or WEIR_ENODEV. Borrows `name`. */
WEIR_PUBLIC int weir_interface_number(const char *name);

#ifdef __cplusplus
}
#endif
#endif
