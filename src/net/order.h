/* net/order.h - in which order the addresses of a host are tried: RFC 6724, section 6.
 *
 * Rules 1 (an address that cannot be reached last), 2, 5, 6, 8 and 9; what the kernel does not tell
 * (deprecated addresses, home agents, tunnels) is left out. The own address for each is asked of
 * the kernel, by a datagram socket that sends nothing. Does not suspend. Any thread.
 */
#ifndef WEIR_NET_ORDER_H
#define WEIR_NET_ORDER_H

#include <stddef.h>
#include <weir/address.h>

/* Sorts IP addresses, WEIR_RESOLVE_MAX at most; equals stay as they are. `own` is room for as
 * many. */
void weir__address_order(weir_address *list, weir_address *own, size_t count);
/* The same, when the own address of each is known (len 0: there is none): for tests. */
void weir__address_order_by(weir_address *list, const weir_address *own, size_t count);
/* Takes turns between the families, beginning with the first one's (RFC 8305, section 4). */
void weir__address_interleave(weir_address *list, size_t count);

#endif
