/* net/netif.h - asking the kernel for interfaces and addresses; see <weir/netif.h>. */
#ifndef WEIR_NET_NETIF_H
#define WEIR_NET_NETIF_H

#include <weir/netif.h>
#include <weir/socket.h>

/* Bytes of a message of the kernel's at most, as long as nobody lends it more. */
#define WEIR__NETIF_MESSAGE_MAX 32768

/* Receives one message of the kernel's: its length. WEIR_EMSGSIZE for one that is longer. Suspends.
 */
int weir__netif_receive(weir_socket socket, void *bytes, size_t cap);

/* All interfaces, and all addresses unless `links_only`. As weir_netif_list. */
int weir__netif_scan(struct weir_netifs *out, bool links_only);

/* Adds an interface to a list: 0, or WEIR_ENOMEM. */
int weir__netif_add(struct weir_netifs *list, const struct weir_netif *link);

#endif
