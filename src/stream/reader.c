/* stream/reader.c - units out of a stream; see <weir/reader.h>.
 *
 * The bytes in hand are weir__len, from weir__off on, in the reader's own memory if it has some,
 * else in the lent buffer. Own memory is made when a unit begins in one buffer and ends in another,
 * and is given up when everything in it is taken and more is wanted. It grows with what has come,
 * never with what a peer says will come.
 */
#include <string.h>
#include <weir/reader.h>

#include "base/alloc.h"
#include "base/options.h"
#include "core/buffers.h"
#include "sys/current.h"

#define MAX_LIMIT  (1u << 30)
#define OWN_FIRST  4096u
#define OWN_AHEAD  65536u            /* of memory that is made before its bytes have come */
#define DIRECT_MIN WEIR__BUFFER_SIZE /* a read of so much goes past the buffer */

int weir_reader_init_n(weir_reader *reader, weir_stream stream,
                       const struct weir_reader_options *options, size_t options_size)
{
    struct weir_reader_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (o.max > MAX_LIMIT)
        return WEIR_EOPTION;
    *reader = (weir_reader){.weir__stream = stream,
                            .weir__writer = o.writer,
                            .weir__max = o.max ? o.max : WEIR_READER_MAX_DEFAULT};
    return 0;
}

static void drop_buffers(weir_reader *reader)
{
    weir__buffers_return(&reader->weir__lent);
    weir__free(reader->weir__own);
    reader->weir__own = NULL;
    reader->weir__cap = reader->weir__off = reader->weir__len = 0;
}

void weir_reader_fini(weir_reader *reader)
{
    WEIR__CALL;

    drop_buffers(reader);
}

static const unsigned char *held(const weir_reader *reader)
{
    static const unsigned char nothing[1];
    const unsigned char *bytes = reader->weir__own ? reader->weir__own : reader->weir__lent.bytes;

    return bytes ? bytes + reader->weir__off : nothing;
}

weir_bytes weir_reader_peek(const weir_reader *reader)
{
    return (weir_bytes){held(reader), reader->weir__len};
}

static void take(weir_reader *reader, size_t n)
{
    reader->weir__off += n;
    reader->weir__len -= n;
}

int weir_reader_consume(weir_reader *reader, size_t len)
{
    if (len > reader->weir__len)
        return WEIR_EINVAL;
    take(reader, len);
    return 0;
}

/* ---- more bytes ---- */

/* How much memory to make for a unit of `wanted` bytes, of which some are there. */
static size_t new_cap(const weir_reader *reader, size_t wanted)
{
    size_t cap = wanted, ahead = OWN_AHEAD;

    if (ahead < 2 * reader->weir__len)
        ahead = 2 * reader->weir__len;
    if (cap > ahead)
        cap = ahead;
    if (cap < 2 * reader->weir__len)
        cap = 2 * reader->weir__len;
    if (cap < OWN_FIRST)
        cap = OWN_FIRST;
    return cap < reader->weir__max ? cap : reader->weir__max;
}

/* Moves what is held into own memory with room behind it. `wanted` bytes in all are hoped for. */
static int gather(weir_reader *reader, size_t wanted)
{
    size_t cap = reader->weir__cap;
    unsigned char *own;

    if (reader->weir__own) {
        if (reader->weir__off + wanted <= cap)
            return 0;
        if (wanted <= cap || reader->weir__len < cap / 2) {
            memmove(reader->weir__own, held(reader), reader->weir__len);
            reader->weir__off = 0;
            return 0;
        }
    }
    cap = new_cap(reader, wanted);
    own = weir__alloc(cap);
    if (!own)
        return WEIR_ENOMEM;
    memcpy(own, held(reader), reader->weir__len);
    weir__free(reader->weir__own);
    weir__buffers_return(&reader->weir__lent);
    reader->weir__own = own;
    reader->weir__cap = cap;
    reader->weir__off = 0;
    return 0;
}

static ptrdiff_t read_behind(weir_reader *reader, size_t wanted)
{
    size_t end;
    int rc = gather(reader, wanted);

    if (rc < 0)
        return rc;
    end = reader->weir__off + reader->weir__len;
    return weir_read(reader->weir__stream, reader->weir__own + end, reader->weir__cap - end);
}

static int flush_joined(weir_reader *reader)
{
    return reader->weir__writer ? weir_writer_flush(reader->weir__writer) : 0;
}

/* Reads at least one byte more: their count, 0 at the end, or an error. The unit that is waited for
 * has `wanted` bytes or more; 0: that is not known. */
static ptrdiff_t fill(weir_reader *reader, size_t wanted)
{
    ptrdiff_t n;

    if (reader->weir__ended)
        return 0;
    if (reader->weir__len >= reader->weir__max)
        return WEIR_ELIMIT;
    if (reader->weir__len == 0)
        drop_buffers(reader);
    n = flush_joined(reader);
    if (n < 0)
        return n;
    if (wanted <= reader->weir__len)
        wanted = reader->weir__len + 1;
    n = reader->weir__len ? read_behind(reader, wanted)
                          : weir_read_lent(reader->weir__stream, &reader->weir__lent);
    if (n > 0)
        reader->weir__len += (size_t)n;
    reader->weir__ended = n == 0;
    return n;
}

ptrdiff_t weir_reader_fill(weir_reader *reader)
{
    WEIR__CALL;
    ptrdiff_t n = fill(reader, 0);

    if (n < 0)
        return n;
    return n == 0 && reader->weir__len ? WEIR_EEOF : (ptrdiff_t)reader->weir__len;
}

int weir_reader_await(weir_reader *reader, size_t len)
{
    WEIR__CALL;

    if (len > reader->weir__max)
        return WEIR_ELIMIT;
    while (reader->weir__len < len) {
        ptrdiff_t n = fill(reader, len);

        if (n <= 0)
            return n < 0 ? (int)n : WEIR_EEOF;
    }
    return 0;
}

/* ---- bytes ---- */

static size_t copy_held(weir_reader *reader, void *out, size_t len)
{
    size_t n = reader->weir__len < len ? reader->weir__len : len;

    memcpy(out, held(reader), n);
    take(reader, n);
    return n;
}

ptrdiff_t weir_reader_read(weir_reader *reader, void *out, size_t len)
{
    WEIR__CALL;
    ptrdiff_t n;

    if (len == 0 || len > INT32_MAX)
        return WEIR_EINVAL;
    if (reader->weir__len == 0 && len >= DIRECT_MIN && !reader->weir__ended) {
        drop_buffers(reader);
        n = flush_joined(reader);
        if (n == 0) {
            n = weir_read(reader->weir__stream, out, len);
            reader->weir__ended = n == 0;
        }
        return n;
    }
    if (reader->weir__len == 0) {
        n = fill(reader, 0);
        if (n <= 0)
            return n;
    }
    return (ptrdiff_t)copy_held(reader, out, len);
}

int weir_reader_read_exactly(weir_reader *reader, void *out, size_t len)
{
    WEIR__CALL;
    char *at = out;

    if (len <= reader->weir__max) {
        int rc = weir_reader_await(reader, len);

        if (rc == 0)
            (void)copy_held(reader, out, len);
        return rc;
    }
    while (len) {
        ptrdiff_t n = weir_reader_read(reader, at, len < INT32_MAX ? len : INT32_MAX);

        if (n <= 0)
            return n < 0 ? (int)n : WEIR_EEOF;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int weir_reader_skip_until(weir_reader *reader, unsigned char delimiter)
{
    WEIR__CALL;

    for (;;) {
        const unsigned char *at = memchr(held(reader), delimiter, reader->weir__len);
        ptrdiff_t n;

        if (at) {
            take(reader, (size_t)(at - held(reader)) + 1);
            return 1;
        }
        take(reader, reader->weir__len);
        n = fill(reader, 0);
        if (n <= 0)
            return (int)n;
    }
}

/* ---- frames ---- */

/* Asks the codec about what is held, of which it sees `max` bytes at most: so its answer does not
 * depend on how much has come at once. */
static int find(const weir_reader *reader, const weir_codec *codec, struct weir_frame_place *place)
{
    size_t len = reader->weir__len < reader->weir__max ? reader->weir__len : reader->weir__max;
    bool ended = reader->weir__ended && len == reader->weir__len;
    int rc;

    weir__current_leave();
    rc = codec->find(codec, held(reader), len, ended, place);
    weir__current_enter();
    if (rc > 0
        && (place->whole == 0 || place->whole > len || place->start > place->whole
            || place->len > place->whole - place->start))
        return WEIR_EINVAL;
    if (rc == 0 && (place->seen > len))
        return WEIR_EINVAL;
    if (rc == 0 && (len == reader->weir__max || place->wanted > reader->weir__max))
        return WEIR_ELIMIT;
    return rc;
}

int weir_frame_read(weir_reader *reader, const weir_codec *codec, weir_bytes *out)
{
    WEIR__CALL;
    struct weir_frame_place place = {0};

    for (;;) {
        ptrdiff_t n = reader->weir__len ? find(reader, codec, &place) : 0;

        if (n < 0)
            return (int)n;
        if (n > 0) {
            *out = (weir_bytes){held(reader) + place.start, place.len};
            take(reader, place.whole);
            return 1;
        }
        if (reader->weir__ended)
            return reader->weir__len ? WEIR_EEOF : 0;
        n = fill(reader, place.wanted);
        if (n < 0)
            return (int)n;
    }
}

int weir_reader_read_until(weir_reader *reader, unsigned char delimiter, size_t limit,
                           weir_bytes *out)
{
    WEIR__CALL;
    struct weir_codec_delimited_options options = {.bytes = &delimiter, .count = 1, .max = limit};
    weir_codec codec;

    (void)weir_codec_delimited(&codec, &options);
    return weir_frame_read(reader, &codec, out);
}

int weir_reader_read_line(weir_reader *reader, size_t limit, weir_bytes *out)
{
    WEIR__CALL;
    weir_codec codec;

    (void)weir_codec_lines(&codec, limit);
    return weir_frame_read(reader, &codec, out);
}
