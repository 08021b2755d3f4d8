/* proto/http1/request.c - the head of a request. The contract is in request.h.
 *
 * One pass, left to right. A parse function leaves `at` behind what it has read and returns
 * MORE if the bytes ran out, DONE, or an error with `at` on the byte that is wrong. An error
 * counts only once the line that has it is complete, which weir__http1_request_parse checks: that
 * is what makes the answer independent of the split.
 */
#include "proto/http1/request.h"

#include "proto/http1/framing.h"
#include "proto/http1/scan.h"
#include "proto/http1/status.h"
#include "weir/error.h"

enum {
    MORE = 0,
    DONE = 1
};

/* Where the parser stands. `start` is the head's first byte, `end` the last that may be looked
 * at, bounded by the limit of the part that is being read. */
struct cursor {
    const char *start;
    const char *at;
    const char *end;
};

struct bounds {
    size_t line_max;
    size_t head_max;
    size_t fields_max;
};

static size_t bounded(size_t asked, size_t usual, size_t max)
{
    size_t value = asked == 0 ? usual : asked;

    return value < max ? value : max;
}

static struct bounds bounds_of(const struct weir__http1_limits *limits)
{
    static const struct weir__http1_limits none;
    struct bounds b;

    if (!limits)
        limits = &none;
    b.head_max = bounded(limits->head_max, 16384, WEIR__HTTP1_HEAD_MAX);
    b.line_max = bounded(limits->line_max, 8192, b.head_max);
    b.fields_max = bounded(limits->fields_max, WEIR__HTTP1_FIELDS_MAX, WEIR__HTTP1_FIELDS_MAX);
    return b;
}

/* CRLF and nothing else ends a line (RFC 9112 2.2 allows more, and smuggling lives on it). */
static inline int parse_line_end(struct cursor *c)
{
    if (c->at == c->end)
        return MORE;
    if (*c->at != '\r')
        return WEIR_HTTP_ESYNTAX;
    if (c->end - c->at < 2)
        return MORE;
    if (c->at[1] != '\n')
        return WEIR_HTTP_ESYNTAX;
    c->at += 2;
    return DONE;
}

static enum weir__http1_method method_other(const char *at, size_t len)
{
    switch (len) {
    case 3:
        return memcmp(at, "PUT", 3) == 0 ? WEIR__HTTP1_METHOD_PUT : WEIR__HTTP1_METHOD_OTHER;
    case 4:
        if (memcmp(at, "POST", 4) == 0)
            return WEIR__HTTP1_METHOD_POST;
        return memcmp(at, "HEAD", 4) == 0 ? WEIR__HTTP1_METHOD_HEAD : WEIR__HTTP1_METHOD_OTHER;
    case 5:
        if (memcmp(at, "PATCH", 5) == 0)
            return WEIR__HTTP1_METHOD_PATCH;
        return memcmp(at, "TRACE", 5) == 0 ? WEIR__HTTP1_METHOD_TRACE : WEIR__HTTP1_METHOD_OTHER;
    case 6:
        return memcmp(at, "DELETE", 6) == 0 ? WEIR__HTTP1_METHOD_DELETE : WEIR__HTTP1_METHOD_OTHER;
    case 7:
        if (memcmp(at, "OPTIONS", 7) == 0)
            return WEIR__HTTP1_METHOD_OPTIONS;
        return memcmp(at, "CONNECT", 7) == 0 ? WEIR__HTTP1_METHOD_CONNECT
                                             : WEIR__HTTP1_METHOD_OTHER;
    default:
        return WEIR__HTTP1_METHOD_OTHER;
    }
}

/* One run of a class of bytes with one space behind it. */
static inline int parse_word(struct cursor *c, int mask, struct weir__slice *word)
{
    const char *first = c->at;

    c->at = weir__http1_scan_run(first, c->end, mask);
    if (c->at == c->end)
        return MORE;
    if (c->at == first || *c->at != ' ')
        return WEIR_HTTP_ESYNTAX;
    *word = weir__slice_of(first, (size_t)(c->at - first));
    c->at++;
    return DONE;
}

static inline int parse_method(struct cursor *c, struct weir__http1_request *out)
{
    int rc;

    if (c->end - c->at >= 4 && memcmp(c->at, "GET ", 4) == 0) {
        out->method_text = weir__slice_of(c->at, 3);
        out->method = WEIR__HTTP1_METHOD_GET;
        c->at += 4;
        return DONE;
    }
    rc = parse_word(c, WEIR__HTTP1_TOKEN, &out->method_text);
    if (rc == DONE)
        out->method = method_other(out->method_text.at, out->method_text.len);
    return rc;
}

/* "HTTP/1.1" CRLF. Another version of the right form is EVERSION (RFC 9110 15.6.6), also one with
 * a higher minor number, which RFC 9110 6.2 would let pass as 1.1; nobody has ever sent one that
 * meant well. */
static inline int parse_version(struct cursor *c, struct weir__http1_request *out)
{
    const char *at = c->at;
    int rc;

    if (c->end - at < 8 || memcmp(at, "HTTP/", 5) != 0 || at[5] < '0' || at[5] > '9' || at[6] != '.'
        || at[7] < '0' || at[7] > '9')
        return WEIR_HTTP_ESYNTAX;
    c->at += 8;
    rc = parse_line_end(c);
    if (rc != DONE)
        return rc;
    out->minor = (uint8_t)(at[7] - '0');
    if (at[5] == '1' && out->minor <= 1)
        return DONE;
    c->at--; /* onto the LF: the line is complete */
    return WEIR_HTTP_EVERSION;
}

/* Whether the target begins as an http or https URI does (RFC 9110 4.2). */
static bool has_scheme(struct weir__slice target)
{
    if (target.len > 7 && weir__slice_is_nocase(weir__slice_of(target.at, 7), "http://"))
        return true;
    return target.len > 8 && weir__slice_is_nocase(weir__slice_of(target.at, 8), "https://");
}

/* Which of the four forms, RFC 9112 3.2: a method has its forms, and no others. */
static int classify_target(struct weir__http1_request *out)
{
    struct weir__slice target = out->target;

    if (out->method == WEIR__HTTP1_METHOD_CONNECT) {
        out->form = WEIR__HTTP1_FORM_AUTHORITY;
        return DONE;
    }
    if (target.at[0] == '/') {
        out->form = WEIR__HTTP1_FORM_ORIGIN;
        return DONE;
    }
    if (target.len == 1 && target.at[0] == '*' && out->method == WEIR__HTTP1_METHOD_OPTIONS) {
        out->form = WEIR__HTTP1_FORM_ASTERISK;
        return DONE;
    }
    out->form = WEIR__HTTP1_FORM_ABSOLUTE;
    return has_scheme(target) ? DONE : WEIR_HTTP_ESYNTAX;
}

/* One empty line may stand before the request line (RFC 9112 2.2), for clients that send one too
 * many behind a body. There is at least one byte. */
static inline int parse_empty_line(struct cursor *c)
{
    return *c->at == '\r' ? parse_line_end(c) : DONE;
}

static int parse_request_line(struct cursor *c, struct weir__http1_request *out)
{
    int rc = parse_empty_line(c);

    if (rc == DONE)
        rc = parse_method(c, out);
    if (rc == DONE)
        rc = parse_word(c, WEIR__HTTP1_TARGET, &out->target);
    if (rc == DONE)
        rc = parse_version(c, out);
    if (rc != DONE)
        return rc;
    rc = classify_target(out);
    if (rc != DONE)
        c->at--; /* onto the LF */
    return rc;
}

static inline void note_known(struct weir__http1_request *out, enum weir__http1_field field)
{
    if (out->known[field] != 0)
        out->repeated |= 1u << field;
    else
        out->known[field] = (uint8_t)(out->field_count + 1u);
}

/* name ":" OWS value OWS CRLF, RFC 9112 5. A line that begins with a blank (obs-fold) and a blank
 * before the colon fail as names. */
static inline int parse_field(struct cursor *c, struct weir__http1_request *out)
{
    struct weir__http1_span *span = &out->fields[out->field_count];
    const char *name = c->at, *value, *stop, *colon;
    int rc;

    c->at = weir__http1_scan_run(name, c->end, WEIR__HTTP1_TOKEN);
    if (c->at == c->end)
        return MORE;
    if (c->at == name || *c->at != ':')
        return WEIR_HTTP_ESYNTAX;
    colon = c->at;
    for (value = colon + 1; value < c->end && (*value == ' ' || *value == '\t');)
        value++;
    stop = c->at = weir__http1_scan_value(value, c->end);
    rc = parse_line_end(c);
    if (rc != DONE)
        return rc;
    while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    span->name_off = (uint16_t)(name - c->start);
    span->name_len = (uint16_t)(colon - name);
    span->value_off = (uint16_t)(value - c->start);
    span->value_len = (uint16_t)(stop - value);
    note_known(out, weir__http1_field_identify(name, span->name_len));
    out->field_count++;
    return DONE;
}

static int parse_fields(struct cursor *c, size_t fields_max, struct weir__http1_request *out)
{
    int rc;

    for (;;) {
        if (c->at == c->end)
            return MORE;
        if (*c->at == '\r')
            return parse_line_end(c);
        if (out->field_count == fields_max)
            return WEIR_HTTP_ETOOLARGE;
        rc = parse_field(c, out);
        if (rc != DONE)
            return rc;
    }
}

/* What a part's outcome is worth: nothing, unless the line that `at` stands in is complete. `full`
 * says that no more bytes will be looked at. */
static int settle(const struct cursor *c, int rc, bool full)
{
    if (rc == DONE)
        return DONE;
    if (rc != MORE && memchr(c->at, '\n', (size_t)(c->end - c->at)))
        return rc;
    return full ? WEIR_HTTP_ETOOLARGE : MORE;
}

/* The request line within line_max, then the fields within head_max, then their meaning. */
static int parse_head(struct cursor *c, size_t len, const struct bounds *b,
                      struct weir__http1_request *out)
{
    int rc;

    c->end = c->start + (len < b->line_max ? len : b->line_max);
    rc = settle(c, parse_request_line(c, out), len >= b->line_max);
    if (rc == WEIR_HTTP_ETOOLARGE)
        out->status = 414;
    if (rc != DONE)
        return rc;
    c->end = c->start + (len < b->head_max ? len : b->head_max);
    rc = settle(c, parse_fields(c, b->fields_max, out), len >= b->head_max);
    if (rc == WEIR_HTTP_ETOOLARGE)
        out->status = 431;
    if (rc != DONE)
        return rc;
    rc = weir__http1_framing_derive(out);
    return rc < 0 ? rc : DONE;
}

/* Whether the bytes behind `last_len` can change the answer: they end a line or reach a limit. */
static bool worth_parsing(const char *bytes, size_t len, size_t last_len, const struct bounds *b)
{
    if (last_len == 0 || last_len > len || len >= b->head_max)
        return true;
    if (len >= b->line_max && last_len < b->line_max)
        return true;
    return memchr(bytes + last_len, '\n', len - last_len) != NULL;
}

int weir__http1_request_parse(const char *bytes, size_t len, size_t last_len,
                              const struct weir__http1_limits *limits,
                              struct weir__http1_request *out)
{
    struct bounds b = bounds_of(limits);
    struct cursor c = {bytes, bytes, bytes};
    int rc;

    if (len == 0 || !worth_parsing(bytes, len, last_len, &b))
        return 0;
    memset(out, 0, offsetof(struct weir__http1_request, fields));
    out->bytes = bytes;
    rc = parse_head(&c, len, &b, out);
    if (rc == DONE)
        return (int)(c.at - bytes);
    if (rc < 0 && out->status == 0)
        out->status = (uint16_t)weir__http1_status_of(rc);
    return rc;
}

bool weir__http1_request_next(const struct weir__http1_request *request,
                              enum weir__http1_field field, size_t *index,
                              struct weir__slice *value)
{
    size_t i = *index;

    if (request->known[field] == 0)
        return false;
    if (i < request->known[field])
        i = request->known[field] - 1u;
    for (; i < request->field_count; i++) {
        struct weir__slice name = weir__http1_request_name(request, i);

        if (weir__http1_field_identify(name.at, name.len) == field) {
            *value = weir__http1_request_value(request, i);
            *index = i + 1;
            return true;
        }
    }
    return false;
}

bool weir__http1_request_find(const struct weir__http1_request *request, const char *lower,
                              struct weir__slice *value)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (!weir__slice_is_nocase(weir__http1_request_name(request, i), lower))
            continue;
        *value = weir__http1_request_value(request, i);
        return true;
    }
    return false;
}
