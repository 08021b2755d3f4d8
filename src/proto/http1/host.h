/* proto/http1/host.h - the authority of a request: uri-host [ ":" port ].
 *
 * RFC 3986 3.2.2 and 3.2.3, RFC 9110 7.2. User information is refused (RFC 9110 4.2.4). Nothing
 * is resolved, decoded or folded. Pure: no state, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_HOST_H
#define WEIR_PROTO_HTTP1_HOST_H

#include <stdbool.h>

#include "base/slice.h"

/* Splits `authority` into the name (an IPv6 address keeps its brackets) and the digits of the
 * port (empty when there is none). An empty name passes; the caller knows whether it may be.
 * False, and outputs untouched, if it is not of that form or the port is over 65535. The outputs
 * borrow from `authority`. */
bool weir__http1_host_split(struct weir__slice authority, struct weir__slice *name,
                            struct weir__slice *port);

#endif
