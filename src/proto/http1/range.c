/* proto/http1/range.c - byte ranges. The contract is in range.h. */
#include "proto/http1/range.h"

#include <stdbool.h>

#include "proto/http1/field.h"
#include "proto/http1/scan.h"
#include "proto/http1/text.h"
#include "weir/error.h"

/* A gap that is smaller than a part's own lines is cheaper to send than to leave out. */
enum {
    GAP_MAX = 80
};

/* Reads 1*DIGIT; a number that 64 bits do not hold becomes the greatest. */
static bool read_position(struct weir__slice text, uint64_t *position)
{
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    if (!weir__http1_scan_number(text.at, text.len, UINT64_MAX, position))
        *position = UINT64_MAX;
    return true;
}

/* One range of the list into *range, with len 0 if it has no byte of the representation. */
static bool read_range(struct weir__slice spec, uint64_t size, struct weir__http1_range *range)
{
    const char *dash = spec.len > 0 ? memchr(spec.at, '-', spec.len) : NULL;
    struct weir__slice before, behind;
    uint64_t first, last = UINT64_MAX;

    if (!dash)
        return false;
    before = weir__slice_of(spec.at, (size_t)(dash - spec.at));
    behind = weir__slice_of(dash + 1, spec.len - before.len - 1);
    if (before.len == 0) { /* the last so many bytes */
        if (!read_position(behind, &last))
            return false;
        range->len = last < size ? last : size;
        range->first = size - range->len;
        return true;
    }
    if (!read_position(before, &first) || (behind.len > 0 && !read_position(behind, &last))
        || last < first)
        return false;
    if (last >= size)
        last = size - 1;
    range->first = first;
    range->len = first < size ? last - first + 1 : 0;
    return true;
}

/* Whether there is no gap worth a part of its own between the two. */
static bool near(const struct weir__http1_range *a, const struct weir__http1_range *b)
{
    const struct weir__http1_range *low = a->first <= b->first ? a : b;
    const struct weir__http1_range *high = low == a ? b : a;

    return high->first <= low->first + low->len || high->first - (low->first + low->len) < GAP_MAX;
}

static void join(struct weir__http1_range *a, const struct weir__http1_range *b)
{
    uint64_t end = a->first + a->len, other = b->first + b->len;

    if (b->first < a->first)
        a->first = b->first;
    a->len = (other > end ? other : end) - a->first;
}

/* Joins what is near, until nothing is. Each join takes one away, so it ends. */
static void coalesce(struct weir__http1_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++) {
        size_t j = i + 1;

        while (j < ranges->count) {
            if (!near(&ranges->items[i], &ranges->items[j])) {
                j++;
                continue;
            }
            join(&ranges->items[i], &ranges->items[j]);
            ranges->count--;
            memmove(&ranges->items[j], &ranges->items[j + 1],
                    (ranges->count - j) * sizeof ranges->items[0]);
            j = i + 1;
        }
    }
}

/* Whether the value begins with "bytes=", and what is behind it. */
static bool read_unit(struct weir__slice value, struct weir__slice *list)
{
    if (value.len < 6 || !weir__slice_is_nocase(weir__slice_of(value.at, 6), "bytes="))
        return false;
    *list = weir__slice_of(value.at + 6, value.len - 6);
    return true;
}

enum weir__http1_range_result weir__http1_range_parse(struct weir__slice value, uint64_t size,
                                                      struct weir__http1_ranges *ranges)
{
    struct weir__http1_ranges found = {0};
    struct weir__http1_range range;
    struct weir__slice list, spec;
    size_t specs = 0;

    if (size == 0 || !read_unit(value, &list))
        return WEIR__HTTP1_RANGE_IGNORE;
    while (weir__http1_field_next(&list, &spec)) {
        if (spec.len == 0)
            continue;
        if (++specs > WEIR__HTTP1_RANGES_MAX || !read_range(spec, size, &range))
            return WEIR__HTTP1_RANGE_IGNORE;
        if (range.len > 0)
            found.items[found.count++] = range;
    }
    if (specs == 0)
        return WEIR__HTTP1_RANGE_IGNORE;
    if (found.count == 0)
        return WEIR__HTTP1_RANGE_UNSATISFIABLE;
    coalesce(&found);
    *ranges = found;
    return WEIR__HTTP1_RANGE_PARTIAL;
}

static void put_value(struct weir__http1_text *text, const struct weir__http1_range *range,
                      uint64_t size)
{
    weir__http1_text_literal(text, "bytes ");
    if (range) {
        weir__http1_text_number(text, range->first);
        weir__http1_text_literal(text, "-");
        weir__http1_text_number(text, range->first + range->len - 1);
    } else {
        weir__http1_text_literal(text, "*");
    }
    weir__http1_text_literal(text, "/");
    weir__http1_text_number(text, size);
}

size_t weir__http1_range_value(const struct weir__http1_range *range, uint64_t size,
                               char into[WEIR__HTTP1_RANGE_VALUE_MAX])
{
    struct weir__http1_text text = weir__http1_text_into(into, WEIR__HTTP1_RANGE_VALUE_MAX);

    put_value(&text, range, size);
    return weir__http1_text_len(&text);
}

void weir__http1_range_boundary(uint64_t number, char into[WEIR__HTTP1_RANGE_BOUNDARY_LEN])
{
    memcpy(into, "weir-part-", 10);
    for (size_t i = WEIR__HTTP1_RANGE_BOUNDARY_LEN; i > 10; i--) {
        into[i - 1] = "0123456789abcdef"[number & 15];
        number >>= 4;
    }
}

int weir__http1_range_part(struct weir__slice boundary, struct weir__slice type,
                           const struct weir__http1_range *range, uint64_t size, char *into,
                           size_t cap)
{
    char line[WEIR__HTTP1_RANGE_VALUE_MAX];
    struct weir__slice parts[8] = {weir__slice_text("\r\n--"), boundary};
    size_t count = 2, len = 0;

    if (!range) {
        parts[count++] = weir__slice_text("--\r\n");
    } else {
        if (type.len > 0) {
            parts[count++] = weir__slice_text("\r\nContent-Type: ");
            parts[count++] = type;
        }
        parts[count++] = weir__slice_text("\r\nContent-Range: ");
        parts[count++] = weir__slice_of(line, weir__http1_range_value(range, size, line));
        parts[count++] = weir__slice_text("\r\n\r\n");
    }
    for (size_t i = 0; i < count; i++) {
        if (into && parts[i].len > cap - len)
            return WEIR_ENOBUFS;
        if (into)
            memcpy(into + len, parts[i].at, parts[i].len);
        len += parts[i].len;
    }
    return (int)len;
}

uint64_t weir__http1_range_total(const struct weir__http1_ranges *ranges,
                                 struct weir__slice boundary, struct weir__slice type,
                                 uint64_t size)
{
    uint64_t total = (uint64_t)weir__http1_range_part(boundary, type, NULL, size, NULL, 0);

    for (size_t i = 0; i < ranges->count; i++)
        total +=
            ranges->items[i].len
            + (uint64_t)weir__http1_range_part(boundary, type, &ranges->items[i], size, NULL, 0);
    return total;
}
