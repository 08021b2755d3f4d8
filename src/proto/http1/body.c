/* proto/http1/body.c - the body of a request. The contract is in body.h.
 *
 * Data goes by in one step whatever its length; the bytes of the chunked coding go one at a time
 * through body_step, so a split between any two of them is like no split at all.
 */
#include "proto/http1/body.h"

#include "proto/http1/field.h"
#include "proto/http1/request.h"
#include "proto/http1/scan.h"
#include "weir/error.h"

enum body_state {
    COUNTED,         /* Content-Length: `left` bytes to come */
    SIZE_FIRST,      /* a chunk size must begin */
    SIZE_MORE,       /* a further digit, ";", blank or CR */
    SIZE_BLANK,      /* blanks, then ";" */
    EXT_NAME_FIRST,  /* blanks, then the name of an extension */
    EXT_NAME,        /* its name goes on */
    EXT_NAME_BLANK,  /* blanks, then "=" or ";" */
    EXT_VALUE_FIRST, /* blanks, then a token or a quoted string */
    EXT_TOKEN,       /* the token goes on */
    EXT_QUOTED,      /* inside a quoted string */
    EXT_ESCAPED,     /* behind a backslash inside it */
    EXT_END,         /* behind the closing quote: ";", blank or CR */
    SIZE_LF,         /* the LF of the chunk's line */
    CHUNK,           /* `left` bytes of data to come */
    CHUNK_CR,        /* the CR behind them */
    CHUNK_LF,        /* and its LF */
    TRAILER_FIRST,   /* the start of a trailer line, or the CR of the last line */
    TRAILER_NAME,    /* its name goes on */
    TRAILER_VALUE,   /* its value */
    TRAILER_LF,      /* its LF */
    LAST_LF,         /* the LF of the last line */
    ENDED,
    BROKEN,
};

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What may stand behind a size or an extension: one of these, or the error. */
static int behind(char c, int if_blank)
{
    if (c == ';')
        return EXT_NAME_FIRST;
    if (c == '\r')
        return SIZE_LF;
    return blank(c) ? if_blank : WEIR_HTTP_ESYNTAX;
}

static int step_size(struct weir__http1_body *body, char c)
{
    int digit = weir__http1_scan_hex(c);

    if (digit < 0)
        return body->state == SIZE_FIRST ? WEIR_HTTP_ESYNTAX : behind(c, SIZE_BLANK);
    if (body->state == SIZE_FIRST)
        body->left = body->digits = 0;
    if (++body->digits > 16) /* what 64 bits hold; leading zeros count */
        return WEIR_HTTP_EFRAMING;
    body->left = body->left << 4 | (unsigned)digit;
    return SIZE_MORE;
}

/* The end of a chunk's line: data follow, or after the size 0 the trailers. */
static int step_size_lf(struct weir__http1_body *body, char c)
{
    if (c != '\n')
        return WEIR_HTTP_ESYNTAX;
    if (body->left > body->room)
        return WEIR_HTTP_ETOOLARGE;
    body->room -= body->left;
    return body->left > 0 ? CHUNK : TRAILER_FIRST;
}

/* RFC 9112 7.1.1. Blanks are allowed where the grammar has BWS, so not before the CR. */
static int step_extension(enum body_state state, char c)
{
    bool token = weir__http1_scan_is(c, WEIR__HTTP1_TOKEN);

    switch (state) {
    case SIZE_BLANK:
        return c == ';' || blank(c) ? behind(c, SIZE_BLANK) : WEIR_HTTP_ESYNTAX;
    case EXT_NAME_FIRST:
        return token ? EXT_NAME : blank(c) ? EXT_NAME_FIRST : WEIR_HTTP_ESYNTAX;
    case EXT_NAME:
        return token ? EXT_NAME : c == '=' ? EXT_VALUE_FIRST : behind(c, EXT_NAME_BLANK);
    case EXT_NAME_BLANK:
        if (c == '=')
            return EXT_VALUE_FIRST;
        return c == ';' || blank(c) ? behind(c, EXT_NAME_BLANK) : WEIR_HTTP_ESYNTAX;
    case EXT_VALUE_FIRST:
        if (c == '"')
            return EXT_QUOTED;
        return token ? EXT_TOKEN : blank(c) ? EXT_VALUE_FIRST : WEIR_HTTP_ESYNTAX;
    case EXT_TOKEN:
        return token ? EXT_TOKEN : behind(c, SIZE_BLANK);
    case EXT_QUOTED:
        if (!weir__http1_scan_is(c, WEIR__HTTP1_VALUE))
            return WEIR_HTTP_ESYNTAX;
        return c == '"' ? EXT_END : c == '\\' ? EXT_ESCAPED : EXT_QUOTED;
    case EXT_ESCAPED:
        return weir__http1_scan_is(c, WEIR__HTTP1_VALUE) ? EXT_QUOTED : WEIR_HTTP_ESYNTAX;
    default: /* EXT_END */
        return behind(c, SIZE_BLANK);
    }
}

/* Fields that must be known before the body cannot come after it. */
static bool trailer_forbidden(const struct weir__http1_body *body)
{
    switch (weir__http1_field_identify(body->name, body->name_len)) {
    case WEIR__HTTP1_FIELD_HOST:
    case WEIR__HTTP1_FIELD_CONNECTION:
    case WEIR__HTTP1_FIELD_CONTENT_LENGTH:
    case WEIR__HTTP1_FIELD_TRANSFER_ENCODING:
    case WEIR__HTTP1_FIELD_EXPECT:
    case WEIR__HTTP1_FIELD_UPGRADE:
    case WEIR__HTTP1_FIELD_TRAILER:
        return true;
    default: /* many names, and all of them are harmless since they are dropped */
        return false;
    }
}

static int step_trailer_name(struct weir__http1_body *body, char c)
{
    if (body->state == TRAILER_FIRST) {
        if (c == '\r')
            return LAST_LF;
        body->name_len = 0;
    }
    if (c == ':' && body->name_len > 0)
        return trailer_forbidden(body) ? WEIR_HTTP_EFRAMING : TRAILER_VALUE;
    if (!weir__http1_scan_is(c, WEIR__HTTP1_TOKEN))
        return WEIR_HTTP_ESYNTAX;
    if (body->name_len < sizeof body->name)
        body->name[body->name_len++] = c;
    return TRAILER_NAME;
}

static int expect(char c, char wanted, int next)
{
    return c == wanted ? next : WEIR_HTTP_ESYNTAX;
}

/* The state behind one byte of the chunked coding, or an error. */
static int body_step(struct weir__http1_body *body, char c)
{
    switch ((enum body_state)body->state) {
    case SIZE_FIRST:
    case SIZE_MORE:
        return step_size(body, c);
    case SIZE_BLANK:
    case EXT_NAME_FIRST:
    case EXT_NAME:
    case EXT_NAME_BLANK:
    case EXT_VALUE_FIRST:
    case EXT_TOKEN:
    case EXT_QUOTED:
    case EXT_ESCAPED:
    case EXT_END:
        if (body->extension_left == 0)
            return WEIR_HTTP_ETOOLARGE;
        body->extension_left--;
        return step_extension(body->state, c);
    case SIZE_LF:
        return step_size_lf(body, c);
    case CHUNK_CR:
        return expect(c, '\r', CHUNK_LF);
    case CHUNK_LF:
        return expect(c, '\n', SIZE_FIRST);
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        if (body->trailer_left == 0)
            return WEIR_HTTP_ETOOLARGE;
        body->trailer_left--;
        if (body->state != TRAILER_VALUE)
            return step_trailer_name(body, c);
        if (c == '\r')
            return TRAILER_LF;
        return weir__http1_scan_is(c, WEIR__HTTP1_VALUE) ? TRAILER_VALUE : WEIR_HTTP_ESYNTAX;
    case TRAILER_LF:
        return expect(c, '\n', TRAILER_FIRST);
    case LAST_LF:
        return expect(c, '\n', ENDED);
    case COUNTED:
    case CHUNK:
    case ENDED:
    case BROKEN:
        break;
    }
    return WEIR_HTTP_ESTATE;
}

/* Gives the caller the data that begin at `bytes`. */
static int take_data(struct weir__http1_body *body, const char *bytes, size_t len,
                     struct weir__slice *data)
{
    size_t take = body->left < len ? (size_t)body->left : len;

    *data = weir__slice_of(bytes, take);
    body->left -= take;
    if (body->left == 0)
        body->state = body->state == CHUNK ? CHUNK_CR : ENDED;
    return WEIR__HTTP1_BODY_DATA;
}

int weir__http1_body_begin(struct weir__http1_body *body, const struct weir__http1_request *request,
                           const struct weir__http1_body_limits *limits)
{
    static const struct weir__http1_body_limits none;
    uint64_t data_max;

    if (!limits)
        limits = &none;
    data_max = limits->data_max ? limits->data_max : 1 << 20;
    if (request->has_length && request->content_length > data_max)
        return WEIR_HTTP_ETOOLARGE;
    memset(body, 0, sizeof *body);
    body->room = data_max;
    body->extension_left = limits->extension_max ? limits->extension_max : 4096;
    body->trailer_left = limits->trailer_max ? limits->trailer_max : 8192;
    if (request->chunked) {
        body->state = SIZE_FIRST;
    } else {
        body->left = request->has_length ? request->content_length : 0;
        body->state = body->left > 0 ? COUNTED : ENDED;
    }
    return 0;
}

int weir__http1_body_feed(struct weir__http1_body *body, const char *bytes, size_t len,
                          size_t *used, struct weir__slice *data)
{
    size_t i = 0;

    if (body->state == BROKEN)
        return WEIR_HTTP_ESTATE;
    while (i < len && body->state != ENDED) {
        int next;

        if (body->state == COUNTED || body->state == CHUNK) {
            int event = take_data(body, bytes + i, len - i, data);

            *used = i + data->len;
            return event;
        }
        next = body_step(body, bytes[i++]);
        if (next < 0) {
            body->state = BROKEN;
            return next;
        }
        body->state = (uint8_t)next;
    }
    *used = i;
    return body->state == ENDED ? WEIR__HTTP1_BODY_END : WEIR__HTTP1_BODY_MORE;
}

bool weir__http1_body_ended(const struct weir__http1_body *body)
{
    return body->state == ENDED;
}
