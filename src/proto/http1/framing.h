/* proto/http1/framing.h - what the fields of a request mean for the connection.
 *
 * Works out host, body length, persistence and expectations from fields that have been read, and
 * refuses every combination that two parsers could frame differently (RFC 9112 6.3, 11.2). Part of
 * weir__http1_request_parse, in a file of its own because it is where request smuggling is
 * stopped. Pure: no state, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_FRAMING_H
#define WEIR_PROTO_HTTP1_FRAMING_H

struct weir__http1_request;

/* Fills host, path, content_length, has_length, chunked, keep_alive, expect_continue and upgrade
 * of a request whose line and fields have been read. 0, or WEIR_HTTP_ESYNTAX, WEIR_HTTP_EFRAMING
 * or WEIR_HTTP_EENCODING. */
int weir__http1_framing_derive(struct weir__http1_request *request);

#endif
