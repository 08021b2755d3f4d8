/* proto/http1/field.c - names of fields, and lists in their values.
 *
 * Names are told apart by length first, then by comparing eight bytes at once. `| 0x20` folds the
 * case of letters; it could confuse other bytes, but among token characters none of them folds to
 * a letter or to '-'.
 */
#include "proto/http1/field.h"

#include <stdint.h>
#include <string.h>

static inline bool same(const char *name, const char *lower, size_t len)
{
    const uint64_t fold = UINT64_C(0x2020202020202020);

    while (len >= sizeof(uint64_t)) {
        uint64_t a, b;

        memcpy(&a, name, sizeof a);
        memcpy(&b, lower, sizeof b);
        if ((a | fold) != b)
            return false;
        name += sizeof a;
        lower += sizeof a;
        len -= sizeof a;
    }
    for (size_t i = 0; i < len; i++)
        if ((name[i] | 0x20) != lower[i])
            return false;
    return true;
}

static enum weir__http1_field pick(const char *name, const char *lower, size_t len,
                                   enum weir__http1_field field)
{
    return same(name, lower, len) ? field : WEIR__HTTP1_FIELD_OTHER;
}

static enum weir__http1_field identify_ten(const char *name)
{
    if (same(name, "connection", 10))
        return WEIR__HTTP1_FIELD_CONNECTION;
    return pick(name, "user-agent", 10, WEIR__HTTP1_FIELD_USER_AGENT);
}

static enum weir__http1_field identify_seventeen(const char *name)
{
    if (same(name, "transfer-encoding", 17))
        return WEIR__HTTP1_FIELD_TRANSFER_ENCODING;
    return pick(name, "if-modified-since", 17, WEIR__HTTP1_FIELD_IF_MODIFIED_SINCE);
}

static enum weir__http1_field identify_seven(const char *name)
{
    if (same(name, "upgrade", 7))
        return WEIR__HTTP1_FIELD_UPGRADE;
    if (same(name, "referer", 7))
        return WEIR__HTTP1_FIELD_REFERER;
    return pick(name, "trailer", 7, WEIR__HTTP1_FIELD_TRAILER);
}

static enum weir__http1_field identify_eight(const char *name)
{
    if (same(name, "if-match", 8))
        return WEIR__HTTP1_FIELD_IF_MATCH;
    return pick(name, "if-range", 8, WEIR__HTTP1_FIELD_IF_RANGE);
}

enum weir__http1_field weir__http1_field_identify(const char *name, size_t len)
{
    switch (len) {
    case 4:
        return pick(name, "host", 4, WEIR__HTTP1_FIELD_HOST);
    case 5:
        return pick(name, "range", 5, WEIR__HTTP1_FIELD_RANGE);
    case 6:
        return pick(name, "expect", 6, WEIR__HTTP1_FIELD_EXPECT);
    case 7:
        return identify_seven(name);
    case 8:
        return identify_eight(name);
    case 10:
        return identify_ten(name);
    case 12:
        return pick(name, "content-type", 12, WEIR__HTTP1_FIELD_CONTENT_TYPE);
    case 13:
        return pick(name, "if-none-match", 13, WEIR__HTTP1_FIELD_IF_NONE_MATCH);
    case 14:
        return pick(name, "content-length", 14, WEIR__HTTP1_FIELD_CONTENT_LENGTH);
    case 15:
        return pick(name, "accept-encoding", 15, WEIR__HTTP1_FIELD_ACCEPT_ENCODING);
    case 17:
        return identify_seventeen(name);
    case 19:
        return pick(name, "if-unmodified-since", 19, WEIR__HTTP1_FIELD_IF_UNMODIFIED_SINCE);
    default:
        return WEIR__HTTP1_FIELD_OTHER;
    }
}

bool weir__http1_field_next(struct weir__slice *list, struct weir__slice *element)
{
    bool quoted = false;
    size_t i;

    if (!list->at)
        return false;
    for (i = 0; i < list->len && (quoted || list->at[i] != ','); i++) {
        if (list->at[i] == '"')
            quoted = !quoted;
        else if (quoted && list->at[i] == '\\' && i + 1 < list->len)
            i++;
    }
    *element = weir__slice_trim(weir__slice_of(list->at, i));
    if (i == list->len)
        *list = weir__slice_of(NULL, 0);
    else
        *list = weir__slice_of(list->at + i + 1, list->len - i - 1);
    return true;
}
