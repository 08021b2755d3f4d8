/* test/fuzz/http1_range.c - byte ranges: within the size, apart, and countable.
 *
 * The first eight bytes are the size, the rest is the field.
 */
#include "proto/http1/range.h"

#include <stdbool.h>
#include <stdlib.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct weir__http1_ranges *ranges, uint64_t size)
{
    struct weir__slice boundary = weir__slice_text("b"), type = weir__slice_text("t/t");
    char value[WEIR__HTTP1_RANGE_VALUE_MAX], part[200];
    uint64_t sum = 0;

    must(ranges->count >= 1 && ranges->count <= WEIR__HTTP1_RANGES_MAX);
    for (size_t i = 0; i < ranges->count; i++) {
        const struct weir__http1_range *a = &ranges->items[i];

        must(a->len > 0 && a->first < size && a->len <= size - a->first);
        for (size_t j = 0; j < i; j++) {
            const struct weir__http1_range *b = &ranges->items[j];

            must(a->first + a->len < b->first || b->first + b->len < a->first);
        }
        sum += a->len;
        must(weir__http1_range_value(a, size, value) <= sizeof value);
        must(weir__http1_range_part(boundary, type, a, size, part, sizeof part) > 0);
    }
    must(sum <= size);
    must(weir__http1_range_total(ranges, boundary, type, size) - sum < 17 * 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir__http1_ranges ranges = {0};
    uint64_t total;
    char *copy;

    if (size < sizeof total || size > 4096)
        return 0;
    memcpy(&total, data, sizeof total);
    size -= sizeof total;
    copy = malloc(size + 1);
    memcpy(copy + 1, data + sizeof total, size);
    if (weir__http1_range_parse(weir__slice_of(copy + 1, size), total, &ranges)
        == WEIR__HTTP1_RANGE_PARTIAL)
        check(&ranges, total);
    else
        must(ranges.count == 0);
    free(copy);
    return 0;
}
