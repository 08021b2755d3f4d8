/* proto/http1/text.h - appending text to memory of a fixed size.
 *
 * The writer stops at the end of its room and remembers that it did, so that a caller checks once,
 * at the end. Pure: the caller's memory, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_TEXT_H
#define WEIR_PROTO_HTTP1_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

struct weir__http1_text {
    char *start;
    char *at;  /* where the next byte goes */
    char *end; /* behind the room */
    bool full; /* something did not fit */
};

static inline struct weir__http1_text weir__http1_text_into(char *into, size_t cap)
{
    return (struct weir__http1_text){into, into, into + cap, false};
}

/* Appends, or sets full and appends nothing. */
static inline void weir__http1_text_put(struct weir__http1_text *text, const char *at, size_t len)
{
    if ((size_t)(text->end - text->at) < len) {
        text->full = true;
        return;
    }
    if (len > 0)
        memcpy(text->at, at, len);
    text->at += len;
}

static inline void weir__http1_text_slice(struct weir__http1_text *text, struct weir__slice slice)
{
    weir__http1_text_put(text, slice.at, slice.len);
}

/* A string literal or other text whose length the compiler can see. */
static inline void weir__http1_text_literal(struct weir__http1_text *text, const char *literal)
{
    weir__http1_text_put(text, literal, strlen(literal));
}

/* Digits of a number in base 10. */
static inline void weir__http1_text_number(struct weir__http1_text *text, uint64_t number)
{
    char digits[20], *at = digits + sizeof digits;

    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    weir__http1_text_put(text, at, (size_t)(digits + sizeof digits - at));
}

/* Digits of a number in base 16, in lower case. */
static inline void weir__http1_text_hex(struct weir__http1_text *text, uint64_t number)
{
    char digits[16], *at = digits + sizeof digits;

    do {
        *--at = "0123456789abcdef"[number & 15];
        number >>= 4;
    } while (number > 0);
    weir__http1_text_put(text, at, (size_t)(digits + sizeof digits - at));
}

static inline size_t weir__http1_text_len(const struct weir__http1_text *text)
{
    return (size_t)(text->at - text->start);
}

#endif
