/* test/fuzz/http1_body.c - the body reader: whole, split at every point, and byte by byte.
 *
 * The first byte chooses the framing and the limits, the second the length of a counted body. All
 * ways of feeding must give the same data, the same end or the same error. The input is also sent
 * as a chunked body of its own and must come back as it was.
 */
#include "proto/http1/body.h"

#include <stdlib.h>

#include "proto/http1/chunk.h"
#include "proto/http1/request.h"

enum {
    INPUT_MAX = 1024
};

struct outcome {
    int event;
    size_t used;
    size_t len;
    char data[INPUT_MAX * 3];
};

static struct weir__http1_request request;
static const struct weir__http1_body_limits *limits;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void feed(struct weir__http1_body *body, const char *bytes, size_t len, struct outcome *out)
{
    char *copy = malloc(len + 1);
    size_t at = 0;

    memcpy(copy + 1, bytes, len);
    do {
        struct weir__slice data;
        size_t used;

        out->event = weir__http1_body_feed(body, copy + 1 + at, len - at, &used, &data);
        if (out->event < 0)
            break;
        must(used <= len - at);
        if (out->event == WEIR__HTTP1_BODY_DATA) {
            must(data.len > 0 && data.at >= copy + 1 + at && data.at + data.len <= copy + 1 + len);
            memcpy(out->data + out->len, data.at, data.len);
            out->len += data.len;
        }
        at += used;
        out->used += used;
    } while (out->event == WEIR__HTTP1_BODY_DATA);
    must(out->event != WEIR__HTTP1_BODY_MORE || at == len);
    free(copy);
}

/* Feeds in pieces of `step` bytes, the first of `first`. */
static void run(const char *bytes, size_t len, size_t first, size_t step, struct outcome *out)
{
    struct weir__http1_body body;
    size_t at = 0, piece = first;

    out->event = out->used = out->len = 0;
    must(weir__http1_body_begin(&body, &request, limits) == 0);
    do {
        piece = piece < len - at ? piece : len - at;
        feed(&body, bytes + at, piece, out);
        at += piece;
        piece = step;
    } while (at < len && out->event == WEIR__HTTP1_BODY_MORE);
    must(weir__http1_body_ended(&body) == (out->event == WEIR__HTTP1_BODY_END));
}

static void must_agree(const struct outcome *a, const struct outcome *b)
{
    must(a->event == b->event && a->len == b->len);
    must(a->event < 0 || a->used == b->used);
    must(memcmp(a->data, b->data, a->len) == 0);
}

/* Sends the input in chunks of `step` bytes and reads it back. */
static void round_trip(const char *bytes, size_t len, size_t step)
{
    static char sent[INPUT_MAX * 24 + 16];
    static struct outcome out;
    size_t at = 0;

    request = (struct weir__http1_request){.chunked = true};
    limits = NULL;
    for (size_t i = 0; i < len; i += step) {
        size_t take = step < len - i ? step : len - i;

        at += weir__http1_chunk_head(sent + at, take);
        memcpy(sent + at, bytes + i, take);
        at += take;
        memcpy(sent + at, WEIR__HTTP1_CHUNK_END, 2);
        at += 2;
    }
    memcpy(sent + at, WEIR__HTTP1_CHUNK_LAST, 5);
    run(sent, at + 5, at + 5, 1, &out);
    must(out.event == WEIR__HTTP1_BODY_END && out.len == len && out.used == at + 5);
    must(memcmp(out.data, bytes, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct weir__http1_body_limits small = {64, 16, 32};
    static struct outcome whole, other;
    const char *bytes;

    if (size < 2 || size > INPUT_MAX)
        return 0;
    request = (struct weir__http1_request){.chunked = (data[0] & 1) != 0};
    request.has_length = !request.chunked;
    request.content_length = data[1] & 63;
    limits = data[0] & 2 ? &small : NULL;
    bytes = (const char *)data + 2;
    size -= 2;
    run(bytes, size, size, 1, &whole);
    must(whole.len <= (limits ? 64 : INPUT_MAX));
    for (size_t split = 0; split <= size; split++) {
        run(bytes, size, split, size, &other);
        must_agree(&whole, &other);
    }
    run(bytes, size, 1, 1, &other);
    must_agree(&whole, &other);
    round_trip(bytes, size, 1 + data[1] % 40u);
    return 0;
}
