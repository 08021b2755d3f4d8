/* proto/http1/status.h - status codes: their lines, and which one answers an error.
 *
 * One table of RFC 9110 15 and its neighbours. Pure: no state, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_STATUS_H
#define WEIR_PROTO_HTTP1_STATUS_H

#include "base/slice.h"

/* The status code to answer an error of weir with: 400, 403, 404, 408, 413, 501, 503, 505 or 500
 * where nothing fits. A head that is over a limit has its code in the request's `status`: here
 * WEIR_HTTP_ETOOLARGE means a body, 413. */
int weir__http1_status_of(int code);

/* The reason phrase of a status, without a line end; empty for one that is not in the table. The
 * text is static. */
struct weir__slice weir__http1_status_reason(int status);

/* The whole status line "HTTP/1.1 200 OK\r\n"; empty for a status that is not in the table. The
 * text is static. */
struct weir__slice weir__http1_status_line(int status);

#endif
