/* proto/http1/scan.h - classes of bytes, and the scans that find where a class ends.
 *
 * The engine's inner loops. A scan never reads at or behind `end`, so a message may stand right
 * against the end of a mapping. Long runs go eight bytes a step with plain integer arithmetic,
 * which needs no vector unit and no alignment; a step that may hold a foreign byte is looked at
 * byte by byte, so a false alarm costs time and never an answer.
 */
#ifndef WEIR_PROTO_HTTP1_SCAN_H
#define WEIR_PROTO_HTTP1_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    WEIR__HTTP1_TOKEN = 1,  /* tchar, RFC 9110 5.6.2 */
    WEIR__HTTP1_TARGET = 2, /* a visible byte of a request target; see request.h */
    WEIR__HTTP1_VALUE = 4,  /* HTAB, SP, VCHAR, obs-text: RFC 9110 5.5 */
    WEIR__HTTP1_HOST = 8,   /* reg-name and its percent sign, RFC 3986 3.2.2 */
    WEIR__HTTP1_ETAG = 16,  /* etagc, RFC 9110 8.8.3 */
    WEIR__HTTP1_PATH = 32,  /* what a path need not percent-encode: pchar without "%", and "/" */
};

extern const unsigned char weir__http1_scan_class[256];

/* Whether the byte is in one of the classes `mask`. */
static inline bool weir__http1_scan_is(char c, int mask)
{
    return (weir__http1_scan_class[(unsigned char)c] & mask) != 0;
}

/* The first byte in [at, end) that is in none of the classes `mask`, or `end`. */
static inline const char *weir__http1_scan_run(const char *at, const char *end, int mask)
{
    while (at < end && weir__http1_scan_is(*at, mask))
        at++;
    return at;
}

/* Whether every byte of the eight is surely allowed in a field value: at least 0x20 and not DEL.
 * A tab is allowed too, and is left to the slow look. */
static inline bool weir__http1_scan_eight(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word, below, del;

    memcpy(&word, at, sizeof word);
    below = (word - ones * 0x20) & ~word;
    del = word ^ (ones * 0x7f);
    del = (del - ones) & ~del;
    return ((below | del) & (ones * 0x80)) == 0;
}

/* The first byte in [at, end) that no field value may have, or `end`. */
static inline const char *weir__http1_scan_value(const char *at, const char *end)
{
    for (;;) {
        const char *step;

        while (end - at >= 8 && weir__http1_scan_eight(at))
            at += 8;
        step = end - at > 8 ? at + 8 : end;
        at = weir__http1_scan_run(at, step, WEIR__HTTP1_VALUE);
        if (at < step || at == end)
            return at;
    }
}

/* The value of a hexadecimal digit, or -1. */
static inline int weir__http1_scan_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads 1*DIGIT into *number. False, and *number untouched, if the slice is empty, has another
 * byte, or the number is over `max`. */
static inline bool weir__http1_scan_number(const char *at, size_t len, uint64_t max,
                                           uint64_t *number)
{
    uint64_t sum = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(unsigned char)at[i] - '0';

        if (digit > 9 || sum > (max - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return true;
}

#endif
