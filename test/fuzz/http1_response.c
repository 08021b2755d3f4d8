/* test/fuzz/http1_response.c - the response writer: nothing that is passed can end a line.
 *
 * The input chooses status, framing and version, and is cut at its zero bytes into the texts of the
 * response. What is written must have exactly the lines that were asked for.
 */
#include "proto/http1/response.h"

#include <stdlib.h>

enum {
    TEXTS_MAX = 12
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Cuts at zero bytes; a text cannot have one that way, so every 0xff becomes one. */
static size_t cut(char *bytes, size_t len, struct weir__slice *texts)
{
    size_t count = 0, start = 0;

    for (size_t i = 0; i <= len && count < TEXTS_MAX; i++) {
        if (i < len && bytes[i] != '\0') {
            if ((unsigned char)bytes[i] == 0xff)
                bytes[i] = '\0';
            continue;
        }
        texts[count++] = weir__slice_of(bytes + start, i - start);
        start = i + 1;
    }
    return count;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = 0;

    for (size_t i = 0; i < len; i++) {
        must(text[i] != '\0' && (text[i] != '\r' || (i + 1 < len && text[i + 1] == '\n')));
        must(text[i] != '\n' || (i > 0 && text[i - 1] == '\r'));
        lines += text[i] == '\n';
    }
    return lines;
}

static size_t lines_wanted(const struct weir__http1_response *r)
{
    bool framed =
        r->framing == WEIR__HTTP1_FRAMING_LENGTH || r->framing == WEIR__HTTP1_FRAMING_CHUNKED;
    bool ends = !r->keep_alive || r->framing == WEIR__HTTP1_FRAMING_CLOSE || r->minor == 0;

    return 2 + framed + (ends && r->status >= 200) + (r->type.len > 0) + (r->etag.len > 0)
           + (r->modified.len > 0) + (r->location.len > 0) + r->header_count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {100, 200, 204, 206, 299, 304, 404, 600};
    struct weir__slice texts[TEXTS_MAX] = {{NULL, 0}};
    struct weir__http1_header headers[TEXTS_MAX / 2];
    struct weir__http1_response response = {0};
    static char into[8192];
    size_t count;
    char *copy;
    int len;

    if (size < 2 || size > 2048)
        return 0;
    copy = malloc(size);
    memcpy(copy, data + 2, size - 2);
    count = cut(copy, size - 2, texts);
    response.status = statuses[data[0] & 7];
    response.framing = data[0] >> 3 & 3;
    response.minor = data[0] >> 5 & 1;
    response.keep_alive = data[0] >> 6 & 1;
    response.length = data[1];
    response.type = texts[0];
    response.etag = texts[1];
    response.modified = texts[2];
    response.location = texts[3];
    for (size_t i = 4; i + 1 < count; i += 2)
        headers[response.header_count++] = (struct weir__http1_header){texts[i], texts[i + 1]};
    response.headers = headers;
    len = weir__http1_response_write(&response, into, sizeof into);
    if (len > 0) {
        must(count_lines(into, (size_t)len) == lines_wanted(&response));
        must(memcmp(into + len - 4, "\r\n\r\n", 4) == 0);
    }
    free(copy);
    return 0;
}
