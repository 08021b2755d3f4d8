/* task/image.c - see image.h. */
#include "task/image.h"

#include <string.h>

#include "task/context.h"

#if WEIR__CONTEXT_ASAN
#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))
#else
#define UNCHECKED
#endif

#define RECENT 16 /* different values that are remembered */

enum word_kind {
    WORD_ZERO,
    WORD_RECENT, /* one byte: which */
    WORD_SHORT,  /* six bytes: an address, a small number */
    WORD_FULL
};

struct recent {
    uint64_t values[RECENT];
    uint32_t count; /* so far */
};

static void remember(struct recent *recent, uint64_t value)
{
    recent->values[recent->count++ % RECENT] = value;
}

static int find(const struct recent *recent, uint64_t value)
{
    uint32_t i, filled = recent->count < RECENT ? recent->count : RECENT;

    for (i = 0; i < filled; i++) {
        if (recent->values[i] == value)
            return (int)i;
    }
    return -1;
}

static unsigned char *put(unsigned char *at, uint64_t value, size_t bytes)
{
    memcpy(at, &value, sizeof value); /* there is room for all of it */
    return at + bytes;
}

/* Little endian, as both machines are. */
static const unsigned char *get(const unsigned char *at, uint64_t *value, size_t bytes)
{
    *value = 0;
    memcpy(value, at, bytes);
    return at + bytes;
}

static enum word_kind classify(const struct recent *recent, uint64_t value, int *which)
{
    *which = -1;
    if (WEIR__CONTEXT_ASAN)
        return WORD_FULL;
    if (value == 0)
        return WORD_ZERO;
    *which = find(recent, value);
    if (*which >= 0)
        return WORD_RECENT;
    return value >> 48 ? WORD_FULL : WORD_SHORT;
}

UNCHECKED size_t weir__image_encode(const uint64_t *from, size_t words, unsigned char *out)
{
    unsigned char *at = out + (words + 3) / 4;
    struct recent recent = {.count = 0};
    size_t i;

    memset(out, 0, (words + 3) / 4);
    for (i = 0; i < words; i++) {
        uint64_t value = from[i];
        int which;
        enum word_kind kind = classify(&recent, value, &which);

        out[i / 4] |= (unsigned char)(kind << i % 4 * 2);
        switch (kind) {
        case WORD_ZERO:
            break;
        case WORD_RECENT:
            *at++ = (unsigned char)which;
            break;
        case WORD_SHORT:
            at = put(at, value, 6);
            remember(&recent, value);
            break;
        case WORD_FULL:
            at = put(at, value, 8);
            remember(&recent, value);
            break;
        }
    }
    return (size_t)(at - out);
}

UNCHECKED void weir__image_decode(const unsigned char *image, uint64_t *to, size_t words)
{
    const unsigned char *at = image + (words + 3) / 4;
    struct recent recent = {.count = 0};
    size_t i;

    for (i = 0; i < words; i++) {
        uint64_t value = 0;

        switch ((enum word_kind)(image[i / 4] >> i % 4 * 2 & 3)) {
        case WORD_ZERO:
            break;
        case WORD_RECENT:
            value = recent.values[*at++];
            break;
        case WORD_SHORT:
            at = get(at, &value, 6);
            remember(&recent, value);
            break;
        case WORD_FULL:
            at = get(at, &value, 8);
            remember(&recent, value);
            break;
        }
        to[i] = value;
    }
}
