/* weir/codec.h - codecs: where a frame begins and ends in a row of bytes.
 *
 * A codec is a value: two functions of pure computation and their numbers. It is filled once, may
 * be copied, and is only read afterwards, so any number of connections and threads may share one.
 * It knows no stream: <weir/reader.h> reads frames by it, <weir/writer.h> writes them, and find and
 * wrap may be called directly. Nothing here suspends, allocates or keeps bytes.
 *
 * However a row of bytes is cut, a codec finds the same frames in it, and the same error behind
 * them: WEIR_EFRAME, the bytes are no frame; WEIR_ELIMIT, the frame is longer than its maximum.
 * After an error it is not known where the next frame begins.
 */
#ifndef WEIR_CODEC_H
#define WEIR_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_codec weir_codec;

/* Where the first frame is. All numbers are bytes. */
struct weir_frame_place {
    size_t seen;   /* in and out: that need not be looked at again; 0 for a new frame */
    size_t wanted; /* out with 0: needed at least, from the beginning; 0 if that is not known */
    size_t start;  /* out with 1: before the frame */
    size_t len;    /* out with 1: of the frame */
    size_t whole;  /* out with 1: of all that belongs to it, with header and delimiter; 1 or more */
};

/* Looks for the first frame at the beginning of `len` bytes (1 or more); `ended`: nothing comes
 * behind them. 1: it is there; 0: more is needed; or a negative error. Called again with more bytes
 * it is given the same place, for `seen`. */
typedef int weir_codec_find(const weir_codec *codec, const unsigned char *bytes, size_t len,
                            bool ended, struct weir_frame_place *place);

#define WEIR_FRAME_HEAD_MAX 24
#define WEIR_FRAME_TAIL_MAX 16

/* What stands round a frame on its way out. */
struct weir_frame_ends {
    size_t head_len, tail_len;
    size_t skip; /* bytes of the frame that the head replaces */
    unsigned char head[WEIR_FRAME_HEAD_MAX];
    unsigned char tail[WEIR_FRAME_TAIL_MAX];
};

/* Makes what goes before and behind a frame of `len` bytes, into zeroed memory. 0; WEIR_ELIMIT: it
 * is too long; WEIR_EINVAL: it cannot be a frame, as it holds a delimiter or has a wrong size. */
typedef int weir_codec_wrap(const weir_codec *codec, const unsigned char *bytes, size_t len,
                            struct weir_frame_ends *ends);

/* A codec of the program's own sets `find`, `wrap` and `arg`, and leaves the rest zero. */
struct weir_codec {
    weir_codec_find *find;
    weir_codec_wrap *wrap; /* NULL: it only reads */
    void *arg;
    size_t weir__max;
    int64_t weir__adjustment;
    uint8_t weir__offset, weir__width, weir__flags, weir__count;
    unsigned char weir__bytes[32];
};

/* ---- the codecs of the library ----
 *
 * Each fills *out, or returns WEIR_EOPTION and leaves it alone. `max` is the greatest length of a
 * frame, without what stands round it; 0: as long as the reader takes. */

/* Lines: each ends with a line feed, and a carriage return before it belongs to the end. What
 * follows the last line feed is a line too, if it is not empty. Written with a line feed. */
WEIR_PUBLIC int weir_codec_lines(weir_codec *out, size_t max);

/* Frames of `size` bytes, 1 or more. */
WEIR_PUBLIC int weir_codec_fixed(weir_codec *out, size_t size);

/* Netstrings: 5:hello, with no zero before other digits. */
WEIR_PUBLIC int weir_codec_netstring(weir_codec *out, size_t max);

/* A length in base 128, the lowest seven bits first (LEB128, as protobuf's streams have it), then
 * so many bytes. */
WEIR_PUBLIC int weir_codec_varint(weir_codec *out, size_t max);

/* Zero means default. */
struct weir_codec_delimited_options {
    const void *bytes; /* the delimiter, borrowed for the call; no default */
    size_t count;      /* of its bytes, 1..16 */
    size_t max;
    uint8_t any;  /* WEIR_ON: each of the bytes is a delimiter, and the first is written */
    uint8_t keep; /* WEIR_ON: the delimiter is a part of the frame, as given and as written */
    uint8_t last; /* WEIR_ON: what follows the last delimiter is a frame too, if not empty */
};
WEIR_PUBLIC int weir_codec_delimited_n(weir_codec *out,
                                       const struct weir_codec_delimited_options *options,
                                       size_t options_size);
static inline int weir_codec_delimited(weir_codec *out,
                                       const struct weir_codec_delimited_options *options)
{
    return weir_codec_delimited_n(out, options, sizeof *options);
}

/* Frames with a header of `offset` bytes and a number of `width` bytes: what follows the header has
 * the number's length plus `adjustment`. Where the number counts the header too the adjustment is
 * minus the header's length. Zero means default. */
struct weir_codec_length_options {
    uint8_t offset; /* bytes before the number, 0..16 */
    uint8_t width;  /* of the number, 1..8; default 4 */
    uint8_t little; /* WEIR_ON: its lowest byte comes first; default: its highest */
    uint8_t keep;   /* WEIR_ON: the header is a part of the frame. Needed to write frames that
                           have an offset: the number is filled in there; else WEIR_ENOTSUP */
    int32_t adjustment;
    size_t max; /* of what follows the header */
};
WEIR_PUBLIC int weir_codec_length_n(weir_codec *out,
                                    const struct weir_codec_length_options *options,
                                    size_t options_size);
static inline int weir_codec_length(weir_codec *out,
                                    const struct weir_codec_length_options *options)
{
    return weir_codec_length_n(out, options, sizeof *options);
}

#ifdef __cplusplus
}
#endif
#endif
