/* test/fuzz/http1_request.c - the request parser: whole, and split at every point.
 *
 * The first byte chooses the limits. Every split in two, and byte by byte, must give what the
 * whole gives; what was accepted must lie within the head and hold no byte that could end a line.
 */
#include "proto/http1/request.h"

#include <stdlib.h>

static struct weir__http1_request request;

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of its own for every length, so that AddressSanitizer sees one byte too many. */
static int parse(const uint8_t *bytes, size_t len, size_t last_len,
                 const struct weir__http1_limits *limits)
{
    char *copy = malloc(len + 1);
    int rc;

    memcpy(copy + 1, bytes, len);
    rc = weir__http1_request_parse(copy + 1, len, last_len, limits, &request);
    must(rc <= (int)len);
    must(rc >= 0 || (request.status >= 400 && request.status <= 599));
    free(copy);
    return rc;
}

static void check_slice(const char *head, size_t len, struct weir__slice slice)
{
    must(slice.len == 0 || (slice.at >= head && slice.at + slice.len <= head + len));
    for (size_t i = 0; i < slice.len; i++)
        must(slice.at[i] != '\r' && slice.at[i] != '\n' && slice.at[i] != '\0');
}

static void check_accepted(const char *head, size_t len, const struct weir__http1_limits *limits)
{
    must(len <= limits->head_max && memcmp(head + len - 4, "\r\n\r\n", 4) == 0);
    must(request.field_count <= limits->fields_max);
    must(!(request.chunked && request.has_length));
    must(request.minor == 1 || !(request.chunked || request.expect_continue || request.upgrade));
    must(request.method_text.len > 0 && request.target.len > 0);
    check_slice(head, len, request.method_text);
    check_slice(head, len, request.target);
    check_slice(head, len, request.host);
    for (size_t i = 0; i < request.field_count; i++) {
        struct weir__slice name = weir__http1_request_name(&request, i);
        struct weir__slice value = weir__http1_request_value(&request, i);

        must(name.len > 0);
        check_slice(head, len, name);
        check_slice(head, len, value);
        must(weir__slice_trim(value).len == value.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct weir__http1_limits limits[] = {{8192, 16384, 100}, {30, 100, 3}};
    const struct weir__http1_limits *limit;
    int whole, rc;

    if (size < 1 || size > 2048)
        return 0;
    limit = &limits[data[0] & 1];
    data++;
    size--;
    whole = parse(data, size, 0, limit);
    for (size_t split = 1; split < size; split++) {
        rc = parse(data, split, 0, limit);
        must(rc == 0 || rc == whole);
        if (rc == 0)
            must(parse(data, size, split, limit) == whole);
    }
    rc = 0;
    for (size_t len = 1; len <= size && rc == 0; len++)
        rc = parse(data, len, len - 1, limit);
    must(rc == whole);
    rc = weir__http1_request_parse((const char *)data, size, 0, limit, &request);
    must(rc == whole);
    if (rc > 0)
        check_accepted((const char *)data, (size_t)rc, limit);
    return 0;
}
