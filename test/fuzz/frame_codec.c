/* test/fuzz/frame_codec.c - codecs: whole, split at every point, and byte by byte.
 *
 * The first byte chooses the codec, the second its numbers. All ways of feeding must give the same
 * frames and the same end or error, and what the codec wraps must come back as it was. The bytes
 * stand at the end of a block of memory, so that one too many is found.
 */
#include <stdlib.h>
#include <string.h>
#include <weir/codec.h>

enum {
    INPUT_MAX = 512,
    CODECS = 12
};

struct outcome {
    int end;
    size_t used, count;
    size_t starts[INPUT_MAX], lens[INPUT_MAX];
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void choose(weir_codec *codec, uint8_t kind, uint8_t number)
{
    struct weir_codec_delimited_options delimited = {
        .bytes = "ab\nab", .count = 1 + number % 5u, .max = number / 8u};
    struct weir_codec_length_options length = {
        .offset = number % 5, .width = 1 + number / 5 % 8, .max = number};

    switch (kind % CODECS) {
    case 0:
        must(weir_codec_lines(codec, number) == 0);
        return;
    case 1:
        must(weir_codec_fixed(codec, 1 + number % 16u) == 0);
        return;
    case 2:
        must(weir_codec_netstring(codec, number) == 0);
        return;
    case 3:
        must(weir_codec_varint(codec, number) == 0);
        return;
    case 4:
    case 5:
    case 6:
    case 7:
        delimited.any = kind & 1 ? WEIR_ON : WEIR_OFF;
        delimited.keep = kind & 2 ? WEIR_ON : WEIR_OFF;
        delimited.last = number & 1 ? WEIR_ON : WEIR_OFF;
        must(weir_codec_delimited(codec, &delimited) == 0);
        return;
    default:
        length.little = kind & 1 ? WEIR_ON : WEIR_OFF;
        length.keep = kind & 2 ? WEIR_ON : WEIR_OFF;
        length.adjustment = number % 3 - 1;
        must(weir_codec_length(codec, &length) == 0);
    }
}

/* Asks about a copy of the bytes that ends where its memory does. */
static int ask(const weir_codec *codec, const uint8_t *bytes, size_t len, bool ended,
               struct weir_frame_place *place)
{
    unsigned char *copy = malloc(len);
    int rc;

    must(copy != NULL);
    memcpy(copy, bytes, len);
    rc = codec->find(codec, copy, len, ended, place);
    free(copy);
    return rc;
}

/* Feeds in pieces of `step` bytes, the first of `first`. */
static void run(const weir_codec *codec, const uint8_t *bytes, size_t len, size_t first,
                size_t step, struct outcome *out)
{
    struct weir_frame_place place = {0};
    size_t have = first < len ? first : len;

    out->used = out->count = 0;
    for (;;) {
        size_t left = have - out->used;
        bool ended = have == len;

        out->end = left ? ask(codec, bytes + out->used, left, ended, &place) : 0;
        if (out->end < 0 || (out->end == 0 && ended))
            return;
        if (out->end == 0) {
            must(place.seen <= left && (left == 0 || place.wanted > left));
            have = step < len - have ? have + step : len;
            continue;
        }
        must(place.whole >= 1 && place.whole <= left);
        must(place.start <= place.whole && place.len <= place.whole - place.start);
        out->starts[out->count] = out->used + place.start;
        out->lens[out->count++] = place.len;
        out->used += place.whole;
        place = (struct weir_frame_place){0};
    }
}

static void must_agree(const struct outcome *a, const struct outcome *b)
{
    must(a->end == b->end && a->used == b->used && a->count == b->count);
    must(memcmp(a->starts, b->starts, a->count * sizeof *a->starts) == 0);
    must(memcmp(a->lens, b->lens, a->count * sizeof *a->lens) == 0);
}

/* What is wrapped is found again, alone and whole. */
static void round_trip(const weir_codec *codec, const uint8_t *bytes, size_t len)
{
    static uint8_t all[INPUT_MAX + WEIR_FRAME_HEAD_MAX + WEIR_FRAME_TAIL_MAX];
    struct weir_frame_ends ends = {0};
    struct weir_frame_place place = {0};
    size_t sum;

    if (codec->wrap(codec, bytes, len, &ends) < 0)
        return;
    must(ends.skip <= len && ends.head_len <= sizeof ends.head
         && ends.tail_len <= sizeof ends.tail);
    memcpy(all, ends.head, ends.head_len);
    sum = ends.head_len;
    memcpy(all + sum, bytes + ends.skip, len - ends.skip);
    sum += len - ends.skip;
    memcpy(all + sum, ends.tail, ends.tail_len);
    sum += ends.tail_len;
    must(ask(codec, all, sum, false, &place) == 1 && place.whole == sum && place.len == len);
    must(memcmp(all + place.start + ends.skip, bytes + ends.skip, len - ends.skip) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, other;
    weir_codec codec;
    size_t split;

    if (size < 2 || size > INPUT_MAX)
        return 0;
    choose(&codec, data[0], data[1]);
    data += 2;
    size -= 2;
    run(&codec, data, size, size, 1, &whole);
    for (split = 0; split <= size; split++) {
        run(&codec, data, size, split, size, &other);
        must_agree(&whole, &other);
    }
    run(&codec, data, size, 1, 1, &other);
    must_agree(&whole, &other);
    round_trip(&codec, data, size);
    return 0;
}
