/* proto/frame/delimited.c - frames that end with something: lines, one of several bytes, a row of
 * bytes. See <weir/codec.h>.
 *
 * A frame is too long as soon as it must be, whatever follows: the bytes at the end that may turn
 * out to be its delimiter do not count before. So the answer does not depend on how the bytes were
 * cut.
 */
#include <string.h>
#include <weir/codec.h>

#include "base/options.h"
#include "proto/frame/frame.h"

enum {
    ANY = 1,
    KEEP = 2,
    LAST = 4,
    COUNT_MAX = 16
};

_Static_assert(COUNT_MAX <= WEIR_FRAME_TAIL_MAX, "a delimiter fits behind a frame");

/* Tells of a frame that begins at once: 1, or WEIR_ELIMIT. `len` is without its delimiter. */
static int found(const weir_codec *codec, size_t len, size_t end_len,
                 struct weir_frame_place *place)
{
    if (len > codec->weir__max)
        return WEIR_ELIMIT;
    place->start = 0;
    place->len = codec->weir__flags & KEEP ? len + end_len : len;
    place->whole = len + end_len;
    return 1;
}

/* There is no delimiter in `len` bytes; the last `open` of them may be the beginning of one. */
static int not_found(const weir_codec *codec, size_t len, size_t open, bool ended,
                     struct weir_frame_place *place)
{
    if (ended && codec->weir__flags & LAST)
        return found(codec, len, 0, place);
    if (len > open && len - open > codec->weir__max)
        return WEIR_ELIMIT;
    place->seen = len > open ? len - open : 0;
    place->wanted = len + 1;
    return 0;
}

/* ---- lines ---- */

static int find_line(const weir_codec *codec, const unsigned char *bytes, size_t len, bool ended,
                     struct weir_frame_place *place)
{
    const unsigned char *end = memchr(bytes + place->seen, '\n', len - place->seen);
    size_t at;

    if (!end)
        return not_found(codec, len, bytes[len - 1] == '\r', ended, place);
    at = (size_t)(end - bytes);
    return at && end[-1] == '\r' ? found(codec, at - 1, 2, place) : found(codec, at, 1, place);
}

static int wrap_line(const weir_codec *codec, const unsigned char *bytes, size_t len,
                     struct weir_frame_ends *ends)
{
    if (len > codec->weir__max)
        return WEIR_ELIMIT;
    if (len && (memchr(bytes, '\n', len) || bytes[len - 1] == '\r'))
        return WEIR_EINVAL;
    ends->tail[0] = '\n';
    ends->tail_len = 1;
    return 0;
}

int weir_codec_lines(weir_codec *out, size_t max)
{
    *out = (weir_codec){.find = find_line,
                        .wrap = wrap_line,
                        .weir__max = weir__frame_max(max),
                        .weir__flags = LAST};
    return 0;
}

/* ---- delimiters ---- */

/* The first of `len` bytes that is in the set, or NULL. */
static const unsigned char *find_any(const weir_codec *codec, const unsigned char *bytes,
                                     size_t len)
{
    const unsigned char *first = NULL;
    uint8_t i;

    for (i = 0; i < codec->weir__count; i++) {
        const unsigned char *at = len ? memchr(bytes, codec->weir__bytes[i], len) : NULL;

        if (at) {
            first = at;
            len = (size_t)(at - bytes);
        }
    }
    return first;
}

/* The first place of the whole delimiter, or NULL. */
static const unsigned char *find_all(const weir_codec *codec, const unsigned char *bytes,
                                     size_t len)
{
    size_t count = codec->weir__count;

    while (len >= count) {
        const unsigned char *at = memchr(bytes, codec->weir__bytes[0], len - count + 1);

        if (!at || memcmp(at, codec->weir__bytes, count) == 0)
            return at;
        len -= (size_t)(at - bytes) + 1;
        bytes = at + 1;
    }
    return NULL;
}

static const unsigned char *find_in(const weir_codec *codec, const unsigned char *bytes, size_t len)
{
    return codec->weir__flags & ANY ? find_any(codec, bytes, len) : find_all(codec, bytes, len);
}

static size_t delimiter_len(const weir_codec *codec)
{
    return codec->weir__flags & ANY ? 1 : codec->weir__count;
}

static int find_delimited(const weir_codec *codec, const unsigned char *bytes, size_t len,
                          bool ended, struct weir_frame_place *place)
{
    const unsigned char *end = find_in(codec, bytes + place->seen, len - place->seen);
    size_t count = delimiter_len(codec);

    if (!end)
        return not_found(codec, len, count - 1, ended, place);
    return found(codec, (size_t)(end - bytes), count, place);
}

/* A frame that has its delimiter may have none before it. */
static int check_kept(const weir_codec *codec, const unsigned char *bytes, size_t len)
{
    size_t count = delimiter_len(codec);
    const unsigned char *end = find_in(codec, bytes, len);

    if (!end || end != bytes + len - count)
        return WEIR_EINVAL;
    return len - count > codec->weir__max ? WEIR_ELIMIT : 0;
}

static int wrap_delimited(const weir_codec *codec, const unsigned char *bytes, size_t len,
                          struct weir_frame_ends *ends)
{
    size_t count = delimiter_len(codec), tail = len < count - 1 ? len : count - 1;
    unsigned char seam[2 * COUNT_MAX];

    if (codec->weir__flags & KEEP)
        return check_kept(codec, bytes, len);
    if (len > codec->weir__max)
        return WEIR_ELIMIT;
    if (len) /* a delimiter may also begin at the end of the frame */
        memcpy(seam, bytes + len - tail, tail);
    memcpy(seam + tail, codec->weir__bytes, count);
    if (find_in(codec, bytes, len) || find_in(codec, seam, tail + count) != seam + tail)
        return WEIR_EINVAL;
    memcpy(ends->tail, codec->weir__bytes, count);
    ends->tail_len = count;
    return 0;
}

int weir_codec_delimited_n(weir_codec *out, const struct weir_codec_delimited_options *options,
                           size_t options_size)
{
    struct weir_codec_delimited_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (!o.bytes || o.count < 1 || o.count > COUNT_MAX || o.any > WEIR_OFF || o.keep > WEIR_OFF
        || o.last > WEIR_OFF)
        return WEIR_EOPTION;
    *out = (weir_codec){.find = find_delimited,
                        .wrap = wrap_delimited,
                        .weir__max = weir__frame_max(o.max),
                        .weir__count = (uint8_t)o.count};
    out->weir__flags = (uint8_t)((o.any == WEIR_ON ? ANY : 0) | (o.keep == WEIR_ON ? KEEP : 0)
                                 | (o.last == WEIR_ON ? LAST : 0));
    memcpy(out->weir__bytes, o.bytes, o.count);
    return 0;
}
