/* proto/http1/chunk.h - the frames of a chunked body that is sent.
 *
 * A chunk is a head, its data, and WEIR__HTTP1_CHUNK_END; the body ends with
 * WEIR__HTTP1_CHUNK_LAST alone. RFC 9112 7.1. Pure: the caller's memory, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_CHUNK_H
#define WEIR_PROTO_HTTP1_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "proto/http1/text.h"

#define WEIR__HTTP1_CHUNK_HEAD_MAX 18
#define WEIR__HTTP1_CHUNK_END      "\r\n"
#define WEIR__HTTP1_CHUNK_LAST     "0\r\n\r\n"

/* Writes the head of a chunk of `len` bytes; returns its length. A chunk of no bytes would end the
 * body: then nothing is written, and 0 returned. */
static inline size_t weir__http1_chunk_head(char into[WEIR__HTTP1_CHUNK_HEAD_MAX], uint64_t len)
{
    struct weir__http1_text text = weir__http1_text_into(into, WEIR__HTTP1_CHUNK_HEAD_MAX);

    if (len == 0)
        return 0;
    weir__http1_text_hex(&text, len);
    weir__http1_text_literal(&text, "\r\n");
    return weir__http1_text_len(&text);
}

#endif
