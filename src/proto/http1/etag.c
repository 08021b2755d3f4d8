/* proto/http1/etag.c - entity tags. The contract is in etag.h. */
#include "proto/http1/etag.h"

#include "proto/http1/scan.h"
#include "proto/http1/text.h"

size_t weir__http1_etag_make(uint64_t size, int64_t modified_ns, char into[WEIR__HTTP1_ETAG_MAX])
{
    struct weir__http1_text text = weir__http1_text_into(into, WEIR__HTTP1_ETAG_MAX);

    weir__http1_text_literal(&text, "\"");
    weir__http1_text_hex(&text, size);
    weir__http1_text_literal(&text, "-");
    weir__http1_text_hex(&text, (uint64_t)modified_ns);
    weir__http1_text_literal(&text, "\"");
    return weir__http1_text_len(&text);
}

static bool weak(struct weir__slice tag)
{
    return tag.len >= 2 && tag.at[0] == 'W' && tag.at[1] == '/';
}

/* The tag without its "W/". */
static struct weir__slice opaque(struct weir__slice tag)
{
    return weak(tag) ? weir__slice_of(tag.at + 2, tag.len - 2) : tag;
}

/* The length of the tag that the slice begins with, 0 if it does not begin with one. A tag may
 * have commas and backslashes, which mean nothing in it. */
static size_t tag_len(struct weir__slice text)
{
    struct weir__slice tag = opaque(text);
    const char *end = tag.at + tag.len, *stop;

    if (tag.len < 2 || tag.at[0] != '"')
        return 0;
    stop = weir__http1_scan_run(tag.at + 1, end, WEIR__HTTP1_ETAG);
    if (stop == end || *stop != '"')
        return 0;
    return (size_t)(stop + 1 - text.at);
}

bool weir__http1_etag_valid(struct weir__slice tag)
{
    return tag.len > 0 && tag_len(tag) == tag.len;
}

bool weir__http1_etag_equal_strong(struct weir__slice a, struct weir__slice b)
{
    return !weak(a) && !weak(b) && weir__slice_equal(a, b);
}

bool weir__http1_etag_equal_weak(struct weir__slice a, struct weir__slice b)
{
    return weir__slice_equal(opaque(a), opaque(b));
}

/* What stands behind the commas and blanks at the start. */
static struct weir__slice skip_commas(struct weir__slice list)
{
    while (list.len > 0 && (*list.at == ',' || *list.at == ' ' || *list.at == '\t'))
        list = weir__slice_of(list.at + 1, list.len - 1);
    return list;
}

bool weir__http1_etag_listed(struct weir__slice list, struct weir__slice tag, bool strong)
{
    for (list = skip_commas(list); list.len > 0; list = skip_commas(list)) {
        size_t len = tag_len(list);
        struct weir__slice item = weir__slice_of(list.at, len);

        if (len == 0)
            return false;
        list = weir__slice_of(list.at + len, list.len - len);
        if (list.len > 0 && *list.at != ',' && *list.at != ' ' && *list.at != '\t')
            return false;
        if (strong ? weir__http1_etag_equal_strong(item, tag)
                   : weir__http1_etag_equal_weak(item, tag))
            return true;
    }
    return false;
}
