/* proto/frame/counted.c - frames whose length is known before they come: fixed ones, and those with
 * a number before them. See <weir/codec.h>.
 *
 * A number comes from the peer: it is compared with the maximum before it is calculated with.
 */
#include <string.h>
#include <weir/codec.h>

#include "base/options.h"
#include "proto/frame/frame.h"

enum {
    KEEP = 1,
    LITTLE = 2,
    OFFSET_MAX = 16,
    WIDTH_DEFAULT = 4,
    WIDTH_MAX = 8,
    VARINT_MAX = 10 /* bytes of 64 bits */
};

_Static_assert(OFFSET_MAX + WIDTH_MAX <= WEIR_FRAME_HEAD_MAX, "a header fits before a frame");

/* A frame of `len` bytes with `head` bytes before it and `tail` behind it: whether it is there. */
static int await_whole(size_t have, size_t head, size_t len, size_t tail,
                       struct weir_frame_place *place)
{
    place->wanted = head + len + tail;
    if (have < place->wanted)
        return 0;
    place->start = head;
    place->len = len;
    place->whole = place->wanted;
    return 1;
}

static int await_head(size_t wanted, struct weir_frame_place *place)
{
    place->wanted = wanted;
    return 0;
}

/* ---- fixed ---- */

static int find_fixed(const weir_codec *codec, const unsigned char *bytes, size_t len, bool ended,
                      struct weir_frame_place *place)
{
    (void)bytes;
    (void)ended;
    return await_whole(len, 0, codec->weir__max, 0, place);
}

static int wrap_fixed(const weir_codec *codec, const unsigned char *bytes, size_t len,
                      struct weir_frame_ends *ends)
{
    (void)bytes;
    (void)ends;
    return len == codec->weir__max ? 0 : WEIR_EINVAL;
}

int weir_codec_fixed(weir_codec *out, size_t size)
{
    if (size < 1 || size > WEIR__FRAME_MAX)
        return WEIR_EOPTION;
    *out = (weir_codec){.find = find_fixed, .wrap = wrap_fixed, .weir__max = size};
    return 0;
}

/* ---- netstrings ---- */

static bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

static int find_netstring(const weir_codec *codec, const unsigned char *bytes, size_t len,
                          bool ended, struct weir_frame_place *place)
{
    size_t i, size = 0;
    int rc;

    (void)ended;
    for (i = 0; i < len && is_digit(bytes[i]); i++) {
        if (i == 1 && bytes[0] == '0')
            return WEIR_EFRAME;
        if (size > WEIR__FRAME_MAX / 10)
            return WEIR_ELIMIT;
        size = size * 10 + (size_t)(bytes[i] - '0');
        if (size > codec->weir__max)
            return WEIR_ELIMIT;
    }
    if (i == len)
        return await_head(len + 1, place);
    if (i == 0 || bytes[i] != ':')
        return WEIR_EFRAME;
    rc = await_whole(len, i + 1, size, 1, place);
    return rc == 1 && bytes[i + 1 + size] != ',' ? WEIR_EFRAME : rc;
}

static int wrap_netstring(const weir_codec *codec, const unsigned char *bytes, size_t len,
                          struct weir_frame_ends *ends)
{
    size_t rest = len, i;

    (void)bytes;
    if (len > codec->weir__max)
        return WEIR_ELIMIT;
    for (ends->head_len = 1; rest >= 10; rest /= 10)
        ends->head_len++;
    for (i = ends->head_len, rest = len; i > 0; i--, rest /= 10)
        ends->head[i - 1] = (unsigned char)('0' + rest % 10);
    ends->head[ends->head_len++] = ':';
    ends->tail[0] = ',';
    ends->tail_len = 1;
    return 0;
}

int weir_codec_netstring(weir_codec *out, size_t max)
{
    *out = (weir_codec){
        .find = find_netstring, .wrap = wrap_netstring, .weir__max = weir__frame_max(max)};
    return 0;
}

/* ---- varint ---- */

static int find_varint(const weir_codec *codec, const unsigned char *bytes, size_t len, bool ended,
                       struct weir_frame_place *place)
{
    uint64_t size = 0;
    size_t i;

    (void)ended;
    for (i = 0; i < len && i < VARINT_MAX; i++) {
        if (i == VARINT_MAX - 1 && bytes[i] > 1)
            return WEIR_EFRAME; /* more than 64 bits */
        size |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if (bytes[i] < 0x80)
            return size > codec->weir__max ? WEIR_ELIMIT
                                           : await_whole(len, i + 1, (size_t)size, 0, place);
    }
    return await_head(len + 1, place);
}

static int wrap_varint(const weir_codec *codec, const unsigned char *bytes, size_t len,
                       struct weir_frame_ends *ends)
{
    uint64_t rest = len;

    (void)bytes;
    if (len > codec->weir__max)
        return WEIR_ELIMIT;
    for (; rest >= 0x80; rest >>= 7)
        ends->head[ends->head_len++] = (unsigned char)(rest | 0x80);
    ends->head[ends->head_len++] = (unsigned char)rest;
    return 0;
}

int weir_codec_varint(weir_codec *out, size_t max)
{
    *out =
        (weir_codec){.find = find_varint, .wrap = wrap_varint, .weir__max = weir__frame_max(max)};
    return 0;
}

/* ---- a number at a place ---- */

/* The place in the number of the byte that counts 256 to the power of `i`. */
static size_t place_of(const weir_codec *codec, size_t i)
{
    return codec->weir__offset + (codec->weir__flags & LITTLE ? i : codec->weir__width - 1u - i);
}

static int find_length(const weir_codec *codec, const unsigned char *bytes, size_t len, bool ended,
                       struct weir_frame_place *place)
{
    size_t i, head = (size_t)codec->weir__offset + codec->weir__width;
    uint64_t number = 0;
    int64_t size;
    int rc;

    (void)ended;
    if (len < head)
        return await_head(head, place);
    for (i = 0; i < codec->weir__width; i++)
        number |= (uint64_t)bytes[place_of(codec, i)] << (8 * i);
    if (number > INT64_MAX / 2)
        return WEIR_ELIMIT;
    size = (int64_t)number + codec->weir__adjustment;
    if (size < 0)
        return WEIR_EFRAME;
    if ((uint64_t)size > codec->weir__max)
        return WEIR_ELIMIT;
    rc = await_whole(len, head, (size_t)size, 0, place);
    if (rc == 1 && codec->weir__flags & KEEP) {
        place->start = 0;
        place->len = place->whole;
    }
    return rc;
}

static int wrap_length(const weir_codec *codec, const unsigned char *bytes, size_t len,
                       struct weir_frame_ends *ends)
{
    size_t i, head = (size_t)codec->weir__offset + codec->weir__width;
    int64_t number;

    if (!(codec->weir__flags & KEEP)) {
        if (codec->weir__offset)
            return WEIR_ENOTSUP;
    } else if (len < head) {
        return WEIR_EINVAL;
    } else {
        ends->skip = head;
        memcpy(ends->head, bytes, codec->weir__offset);
    }
    if (len - ends->skip > codec->weir__max)
        return WEIR_ELIMIT;
    number = (int64_t)(len - ends->skip) - codec->weir__adjustment;
    if (number < 0)
        return WEIR_EINVAL;
    if (codec->weir__width < 8 && (uint64_t)number >> (8 * codec->weir__width))
        return WEIR_ELIMIT;
    for (i = 0; i < codec->weir__width; i++)
        ends->head[place_of(codec, i)] = (unsigned char)((uint64_t)number >> (8 * i));
    ends->head_len = head;
    return 0;
}

int weir_codec_length_n(weir_codec *out, const struct weir_codec_length_options *options,
                        size_t options_size)
{
    struct weir_codec_length_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (o.offset > OFFSET_MAX || o.width > WIDTH_MAX || o.little > WEIR_OFF || o.keep > WEIR_OFF)
        return WEIR_EOPTION;
    *out = (weir_codec){.find = find_length,
                        .wrap = wrap_length,
                        .weir__max = weir__frame_max(o.max),
                        .weir__adjustment = o.adjustment,
                        .weir__offset = o.offset,
                        .weir__width = o.width ? o.width : WIDTH_DEFAULT};
    out->weir__flags =
        (uint8_t)((o.keep == WEIR_ON ? KEEP : 0) | (o.little == WEIR_ON ? LITTLE : 0));
    return 0;
}
