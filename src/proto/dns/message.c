/* proto/dns/message.c - the contract is in message.h.
 *
 * An answer is walked twice by the same functions: once with a sink that only counts, then with one
 * that writes. Both passes see the same bytes and take the same decisions.
 */
#include "proto/dns/message.h"

#include <string.h>
#include <weir/error.h>

enum {
    HEADER = 12,
    LABEL_MAX = 63,
    POINTERS_MAX = 127, /* a name of 255 bytes has fewer labels */
    NAME_WIRE_MAX = 255,
    CLASS_IN = 1,
    RCODE_NXDOMAIN = 3,
};

struct message {
    const uint8_t *at;
    size_t len;
};

/* One record as it stands in the message. */
struct raw {
    char owner[WEIR_DNS_NAME_MAX];
    uint16_t type, class;
    uint32_t ttl_s;
    size_t data, data_len;
};

/* Where texts and records go; `base` NULL: they are only counted. */
struct sink {
    char *base;
    size_t used, cap;
};

static uint16_t read16(const struct message *m, size_t at)
{
    return (uint16_t)(m->at[at] << 8 | m->at[at + 1]);
}

static uint32_t read32(const struct message *m, size_t at)
{
    return (uint32_t)read16(m, at) << 16 | read16(m, at + 2);
}

/* ---- names ---- */

static bool plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '/';
}

/* Writes one byte of a label: at most four characters. */
static size_t write_byte(char *out, uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        c = (uint8_t)(c + ('a' - 'A'));
    if (plain(c)) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = (char)('0' + c / 100);
    out[2] = (char)('0' + c / 10 % 10);
    out[3] = (char)('0' + c % 10);
    return 4;
}

/* Reads the name at *at, and moves that behind it. 255 bytes on the wire are less than
 * WEIR_DNS_NAME_MAX as text. */
static bool read_name(const struct message *m, size_t *at, char out[WEIR_DNS_NAME_MAX])
{
    size_t here = *at, end = 0, used = 0, wire = 0, i;
    int pointers = 0;

    for (;;) {
        uint8_t len;

        if (here >= m->len)
            return false;
        len = m->at[here];
        if ((len & 0xc0) == 0xc0) {
            size_t to;

            if (m->len - here < 2 || ++pointers > POINTERS_MAX)
                return false;
            to = read16(m, here) & 0x3fff;
            if (!end)
                end = here + 2;
            if (to >= here)
                return false;
            here = to;
            continue;
        }
        wire += len + 1u;
        if (len > LABEL_MAX || len >= m->len - here || wire > NAME_WIRE_MAX)
            return false;
        here++;
        if (len == 0)
            break;
        if (used)
            out[used++] = '.';
        for (i = 0; i < len; i++)
            used += write_byte(out + used, m->at[here + i]);
        here += len;
    }
    out[used] = 0;
    *at = end ? end : here;
    return true;
}

int weir__dns_name_prepare(char *out, const char *name)
{
    size_t len = name ? strnlen(name, WEIR__DNS_QUESTION_MAX + 1) : 0, i, label = 0;

    if (len > 0 && len <= WEIR__DNS_QUESTION_MAX && name[len - 1] == '.')
        len--;
    if (len == 0 || len >= WEIR__DNS_QUESTION_MAX)
        return WEIR_ENAME;
    for (i = 0; i < len; i++) {
        char c = name[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        label = c == '.' ? 0 : label + 1;
        if ((c != '.' && !plain((uint8_t)c)) || label > LABEL_MAX
            || (c == '.' && (i == 0 || name[i - 1] == '.')))
            return WEIR_ENAME;
        out[i] = c;
    }
    out[len] = 0;
    return label ? 0 : WEIR_ENAME; /* two dots at the end */
}

/* ---- the sink ---- */

/* Room for `size` bytes; NULL when it only counts. */
static void *take(struct sink *sink, size_t size)
{
    void *at = sink->base && size <= sink->cap - sink->used ? sink->base + sink->used : NULL;

    sink->used += size;
    return at;
}

static const char *take_text(struct sink *sink, const char *text)
{
    size_t size = strlen(text) + 1;
    char *at = take(sink, size);

    if (at)
        memcpy(at, text, size);
    return at;
}

static struct weir_dns_bytes take_bytes(struct sink *sink, const uint8_t *bytes, size_t len)
{
    uint8_t *at = take(sink, len);

    if (at && len)
        memcpy(at, bytes, len);
    return (struct weir_dns_bytes){at, len};
}

/* ---- the data of records: true, or it is malformed ---- */

/* A name that stands at `at` and ends where the data does. */
static bool take_name(const struct message *m, const struct raw *raw, size_t at, struct sink *sink,
                      const char **out)
{
    char name[WEIR_DNS_NAME_MAX];

    if (!read_name(m, &at, name) || at != raw->data + raw->data_len)
        return false;
    *out = take_text(sink, name);
    return true;
}

static bool take_txt(const struct message *m, const struct raw *raw, struct sink *sink,
                     struct weir_dns_bytes *out)
{
    size_t at = raw->data, end = at + raw->data_len, len = 0;
    uint8_t *to = take(sink, raw->data_len);

    while (at < end) {
        size_t part = m->at[at++];

        if (part > end - at)
            return false;
        if (to)
            memcpy(to + len, m->at + at, part);
        len += part;
        at += part;
    }
    *out = (struct weir_dns_bytes){to, len};
    return raw->data_len > 0;
}

static bool take_soa(const struct message *m, const struct raw *raw, struct sink *sink,
                     struct weir_dns_record *out)
{
    size_t at = raw->data, end = at + raw->data_len;
    char name[WEIR_DNS_NAME_MAX];

    if (!read_name(m, &at, name))
        return false;
    out->u.soa.primary = take_text(sink, name);
    if (!read_name(m, &at, name) || at > end || end - at != 20)
        return false;
    out->u.soa.mailbox = take_text(sink, name);
    out->u.soa.serial = read32(m, at);
    out->u.soa.refresh_s = read32(m, at + 4);
    out->u.soa.retry_s = read32(m, at + 8);
    out->u.soa.expire_s = read32(m, at + 12);
    out->u.soa.minimum_s = read32(m, at + 16);
    return true;
}

static bool take_caa(const struct message *m, const struct raw *raw, struct sink *sink,
                     struct weir_dns_record *out)
{
    const uint8_t *data = m->at + raw->data;
    size_t tag_len, i;
    char tag[256];

    if (raw->data_len < 2 || data[1] == 0 || data[1] > raw->data_len - 2)
        return false;
    tag_len = data[1];
    for (i = 0; i < tag_len; i++) {
        if (data[2 + i] <= ' ' || data[2 + i] > '~')
            return false;
        tag[i] = (char)data[2 + i];
    }
    tag[tag_len] = 0;
    out->u.caa.flags = data[0];
    out->u.caa.tag = take_text(sink, tag);
    out->u.caa.value = take_bytes(sink, data + 2 + tag_len, raw->data_len - 2 - tag_len);
    return true;
}

/* The next parameter in [*at, len): its key and value, and *at behind it. */
static bool next_param(const uint8_t *params, size_t len, size_t *at, uint16_t *key,
                       struct weir_dns_bytes *value)
{
    size_t value_len;

    if (len - *at < 4)
        return false;
    *key = (uint16_t)(params[*at] << 8 | params[*at + 1]);
    value_len = (size_t)params[*at + 2] << 8 | params[*at + 3];
    if (value_len > len - *at - 4)
        return false;
    *value = (struct weir_dns_bytes){params + *at + 4, value_len};
    *at += 4 + value_len;
    return true;
}

static bool take_svcb(const struct message *m, const struct raw *raw, struct sink *sink,
                      struct weir_dns_record *out)
{
    size_t at = raw->data + 2, end = raw->data + raw->data_len, seen = 0;
    struct weir_dns_bytes value;
    char name[WEIR_DNS_NAME_MAX];
    int before = -1;
    uint16_t key;

    if (raw->data_len < 3 || !read_name(m, &at, name) || at > end)
        return false;
    while (seen < end - at) {
        if (!next_param(m->at + at, end - at, &seen, &key, &value) || key <= before)
            return false; /* keys ascend (RFC 9460, section 2.2) */
        before = key;
    }
    out->u.svcb.priority = read16(m, raw->data);
    out->u.svcb.host = take_text(sink, name);
    out->u.svcb.params = take_bytes(sink, m->at + at, end - at);
    return true;
}

int weir_dns_param(const struct weir_dns_record *record, uint16_t key, struct weir_dns_bytes *value)
{
    struct weir_dns_bytes found;
    uint16_t seen;
    size_t at = 0;

    if (record->type != WEIR_DNS_SVCB && record->type != WEIR_DNS_HTTPS)
        return WEIR_ENOENT;
    while (next_param(record->u.svcb.params.at, record->u.svcb.params.len, &at, &seen, &found)) {
        if (seen == key) {
            *value = found;
            return 0;
        }
    }
    return WEIR_ENOENT;
}

static bool take_address(const struct message *m, const struct raw *raw, uint8_t *out, size_t size)
{
    if (raw->data_len != size)
        return false;
    memcpy(out, m->at + raw->data, size);
    return true;
}

static bool take_record(const struct message *m, const struct raw *raw, struct sink *sink,
                        struct weir_dns_record *out)
{
    memset(out, 0, sizeof *out);
    out->type = raw->type;
    out->ttl_s = raw->ttl_s;
    switch (raw->type) {
    case WEIR_DNS_A:
        return take_address(m, raw, out->u.a, sizeof out->u.a);
    case WEIR_DNS_AAAA:
        return take_address(m, raw, out->u.aaaa, sizeof out->u.aaaa);
    case WEIR_DNS_CNAME:
    case WEIR_DNS_NS:
    case WEIR_DNS_PTR:
        return take_name(m, raw, raw->data, sink, &out->u.host);
    case WEIR_DNS_MX:
        if (raw->data_len < 3)
            return false;
        out->u.mx.preference = read16(m, raw->data);
        return take_name(m, raw, raw->data + 2, sink, &out->u.mx.host);
    case WEIR_DNS_SRV:
        if (raw->data_len < 7)
            return false;
        out->u.srv.priority = read16(m, raw->data);
        out->u.srv.weight = read16(m, raw->data + 2);
        out->u.srv.port = read16(m, raw->data + 4);
        return take_name(m, raw, raw->data + 6, sink, &out->u.srv.host);
    case WEIR_DNS_TXT:
        return take_txt(m, raw, sink, &out->u.txt);
    case WEIR_DNS_SOA:
        return take_soa(m, raw, sink, out);
    case WEIR_DNS_CAA:
        return take_caa(m, raw, sink, out);
    case WEIR_DNS_SVCB:
    case WEIR_DNS_HTTPS:
        return take_svcb(m, raw, sink, out);
    default:
        out->u.other = take_bytes(sink, m->at + raw->data, raw->data_len);
        return true;
    }
}

/* ---- the message ---- */

static bool next_raw(const struct message *m, size_t *at, struct raw *out)
{
    if (!read_name(m, at, out->owner) || m->len - *at < 10)
        return false;
    out->type = read16(m, *at);
    out->class = read16(m, *at + 2);
    out->ttl_s = read32(m, *at + 4);
    if (out->ttl_s > INT32_MAX) /* RFC 2181, section 8 */
        out->ttl_s = 0;
    out->data_len = read16(m, *at + 8);
    out->data = *at + 10;
    *at = out->data;
    if (out->data_len > m->len - *at)
        return false;
    *at += out->data_len;
    return true;
}

/* One walk over the answers. */
struct walk {
    struct message m;
    uint16_t type;
    char name[WEIR_DNS_NAME_MAX]; /* what is asked for, then to where aliases lead */
    size_t answers;               /* where they begin */
    uint32_t answer_count, authority_count;
    uint32_t ttl_s, count;
    struct sink sink;
    struct weir_dns_record *records; /* or NULL */
};

static void note_ttl(struct walk *w, uint32_t ttl_s)
{
    if (ttl_s < w->ttl_s)
        w->ttl_s = ttl_s;
}

/* Follows one alias of the present name: whether there was one. *at is behind the answers. */
static int follow(struct walk *w, struct raw *raw, size_t *at)
{
    bool moved = false;
    uint32_t i;

    *at = w->answers;
    for (i = 0; i < w->answer_count; i++) {
        size_t target;

        if (!next_raw(&w->m, at, raw))
            return WEIR_DNS_EFORMERR;
        target = raw->data;
        if (moved || w->type == WEIR_DNS_CNAME || raw->type != WEIR_DNS_CNAME
            || raw->class != CLASS_IN || strcmp(raw->owner, w->name) != 0)
            continue;
        if (!read_name(&w->m, &target, w->name))
            return WEIR_DNS_EFORMERR;
        note_ttl(w, raw->ttl_s);
        moved = true;
    }
    return moved;
}

static int take_records(struct walk *w, struct raw *raw)
{
    size_t at = w->answers;
    uint32_t i;

    for (i = 0; i < w->answer_count && w->count < WEIR__DNS_RECORDS_MAX; i++) {
        struct weir_dns_record own;

        if (!next_raw(&w->m, &at, raw))
            return WEIR_DNS_EFORMERR;
        if (raw->type != w->type || raw->class != CLASS_IN || strcmp(raw->owner, w->name) != 0)
            continue;
        if (!take_record(&w->m, raw, &w->sink, w->records ? &w->records[w->count] : &own))
            return WEIR_DNS_EFORMERR;
        note_ttl(w, raw->ttl_s);
        w->count++;
    }
    return 0;
}

/* For how long it holds that there is nothing: RFC 2308, section 5. */
static bool negative_ttl(struct walk *w, struct raw *raw, size_t at)
{
    struct weir_dns_record soa;
    struct sink none = {0};
    uint32_t i;

    for (i = 0; i < w->authority_count && next_raw(&w->m, &at, raw); i++) {
        if (raw->type != WEIR_DNS_SOA || raw->class != CLASS_IN
            || !take_soa(&w->m, raw, &none, &soa))
            continue;
        note_ttl(w, raw->ttl_s);
        note_ttl(w, soa.u.soa.minimum_s);
        return true;
    }
    return false;
}

/* The header and the question: 0, or WEIR_DNS_EFORMERR. */
static int begin(struct walk *w, const uint8_t *bytes, size_t len, const char *name, uint16_t type)
{
    size_t at = HEADER, i;

    memset(w, 0, sizeof *w);
    w->m = (struct message){bytes, len};
    w->type = type;
    w->ttl_s = INT32_MAX;
    if (len < HEADER || len > 65535 || !(bytes[2] & 0x80))
        return WEIR_DNS_EFORMERR;
    w->answer_count = read16(&w->m, 6);
    w->authority_count = read16(&w->m, 8);
    for (i = read16(&w->m, 4); i > 0; i--) {
        if (!read_name(&w->m, &at, w->name) || len - at < 4)
            return WEIR_DNS_EFORMERR;
        at += 4;
    }
    w->answers = at;
    memcpy(w->name, name, strlen(name) + 1);
    return 0;
}

static int walk(struct walk *w, struct raw *raw, struct weir__dns_extent *out)
{
    uint8_t rcode = w->m.at[3] & 15;
    uint32_t aliases = 0;
    size_t behind = 0;
    int rc;

    if (rcode != 0 && rcode != RCODE_NXDOMAIN)
        return rcode == 2 ? WEIR_DNS_ESERVFAIL : rcode == 5 ? WEIR_DNS_EREFUSED : WEIR_DNS_EFORMERR;
    do
        rc = follow(w, raw, &behind);
    while (rc > 0 && ++aliases <= 16);
    if (rc == 0)
        rc = take_records(w, raw);
    if (rc != 0)
        return rc < 0 ? rc : WEIR_DNS_EFORMERR; /* aliases without an end */
    out->dated = w->count > 0 || negative_ttl(w, raw, behind);
    out->ttl_s = w->ttl_s;
    out->count = w->count;
    if (w->count)
        return 0;
    return rcode == RCODE_NXDOMAIN ? WEIR_DNS_ENXDOMAIN : WEIR_DNS_ENODATA;
}

int weir__dns_message_measure(const uint8_t *bytes, size_t len, const char *name, uint16_t type,
                              struct weir__dns_extent *out)
{
    struct walk w;
    struct raw raw;
    int rc = begin(&w, bytes, len, name, type);

    memset(out, 0, sizeof *out);
    if (rc == 0)
        rc = walk(&w, &raw, out);
    if (rc == 0)
        out->size = out->count * sizeof(struct weir_dns_record) + w.sink.used + strlen(w.name) + 1;
    return rc;
}

void weir__dns_message_read(const uint8_t *bytes, size_t len, const char *name, uint16_t type,
                            const struct weir__dns_extent *extent, void *memory,
                            struct weir_dns_answer *out)
{
    struct weir__dns_extent again;
    struct walk w;
    struct raw raw;

    (void)begin(&w, bytes, len, name, type);
    w.sink = (struct sink){.base = memory, .cap = extent->size};
    w.records = take(&w.sink, extent->count * sizeof *w.records);
    (void)walk(&w, &raw, &again);
    out->name = take_text(&w.sink, w.name);
    out->records = w.records;
    out->count = w.count;
}
