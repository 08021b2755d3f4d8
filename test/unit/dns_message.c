/* test/unit/dns_message.c - answers of name servers, right and wrong, up to an unreadable page. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <weir/dns.h>
#include <weir/error.h>

#if defined(WEIR_TEST_DNS)
#include "proto/dns/message.h"

#include "support/guard.h"

/* A message as it is built; names are compressed by the tests themselves. */
struct message {
    uint8_t bytes[65535];
    size_t len;
};

enum {
    QUESTION = 12, /* where the name of the question stands: a.test */
};

static const char pointer_to_question[] = "\300\14";

static void put(struct message *m, const void *bytes, size_t len)
{
    assert_true(len <= sizeof m->bytes - m->len);
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static void put16(struct message *m, unsigned value)
{
    put(m, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put32(struct message *m, uint32_t value)
{
    put16(m, value >> 16);
    put16(m, value & 0xffff);
}

static void set16(struct message *m, size_t at, unsigned value)
{
    m->bytes[at] = (uint8_t)(value >> 8);
    m->bytes[at + 1] = (uint8_t)value;
}

static void add_to(struct message *m, size_t at)
{
    set16(m, at, (unsigned)(m->bytes[at] << 8 | m->bytes[at + 1]) + 1);
}

/* The header of an answer and its question. */
static void begin(struct message *m, unsigned rcode, uint16_t type)
{
    m->len = 0;
    put16(m, 7);
    put16(m, 0x8180 | rcode);
    put16(m, 1);
    put16(m, 0);
    put32(m, 0);
    put(m, "\1a\4test", 8);
    put16(m, type);
    put16(m, 1);
}

/* One record; the name is as it goes on the wire. */
static void put_record(struct message *m, const char *name, size_t name_len, uint16_t type,
                       uint32_t ttl_s, const void *data, size_t len)
{
    put(m, name, name_len);
    put16(m, type);
    put16(m, 1);
    put32(m, ttl_s);
    put16(m, (unsigned)len);
    put(m, data, len);
}

static void answer(struct message *m, uint16_t type, const void *data, size_t len)
{
    put_record(m, pointer_to_question, 2, type, 300, data, len);
    add_to(m, 6);
}

static struct guard guard;

static int setup(void)
{
    guard_init(&guard, 65536);
    return 0;
}

/* What comes of the message, at the end of a page; *out is to be released by free(*memory). */
static int read_as(const struct message *m, uint16_t type, struct weir_dns_answer *out,
                   void **memory, struct weir__dns_extent *extent)
{
    const uint8_t *bytes = (const uint8_t *)guard_place(&guard, m->bytes, m->len);
    int rc = weir__dns_message_measure(bytes, m->len, "a.test", type, extent);

    *memory = NULL;
    if (rc == 0) {
        *memory = malloc(extent->size);
        weir__dns_message_read(bytes, m->len, "a.test", type, extent, *memory, out);
        assert_int_equal(out->count, extent->count);
    }
    return rc;
}

static int verdict(const struct message *m, uint16_t type)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    void *memory;
    int rc = read_as(m, type, &out, &memory, &extent);

    free(memory);
    return rc;
}

/* Whether one record with that data is malformed. */
static int verdict_of(uint16_t type, const void *data, size_t len)
{
    struct message m;

    begin(&m, 0, type);
    answer(&m, type, data, len);
    return verdict(&m, type);
}

#define OF(type, data) verdict_of(type, data, sizeof(data) - 1)

TEST(answers_are_read_with_their_time_to_live)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    struct message m;
    void *memory;

    setup();
    begin(&m, 0, WEIR_DNS_A);
    answer(&m, WEIR_DNS_A, "\300\0\2\1", 4);
    put_record(&m, "\1A\4TesT", 8, WEIR_DNS_A, 20, "\300\0\2\2", 4);
    add_to(&m, 6);
    put_record(&m, "\1b\4test", 8, WEIR_DNS_A, 1, "\300\0\2\3", 4); /* not asked for */
    add_to(&m, 6);
    assert_int_equal(read_as(&m, WEIR_DNS_A, &out, &memory, &extent), 0);
    assert_int_equal(out.count, 2);
    assert_string_equal(out.name, "a.test");
    assert_int_equal(extent.ttl_s, 20);
    assert_memory_equal(out.records[1].u.a, "\300\0\2\2", 4);
    free(memory);
    guard_fini(&guard);
}

TEST(aliases_are_followed_in_any_order_and_not_for_ever)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    struct message m;
    void *memory;

    setup();
    begin(&m, 0, WEIR_DNS_A);
    put_record(&m, "\1c\4test", 8, WEIR_DNS_A, 9, "\300\0\2\3", 4);
    put_record(&m, "\1b\4test", 8, WEIR_DNS_CNAME, 5, "\1c\4test", 8);
    put_record(&m, pointer_to_question, 2, WEIR_DNS_CNAME, 7, "\1b\4test", 8);
    set16(&m, 6, 3);
    assert_int_equal(read_as(&m, WEIR_DNS_A, &out, &memory, &extent), 0);
    assert_string_equal(out.name, "c.test");
    assert_int_equal(extent.ttl_s, 5);
    free(memory);
    begin(&m, 0, WEIR_DNS_A);
    put_record(&m, pointer_to_question, 2, WEIR_DNS_CNAME, 7, "\1b\4test", 8);
    put_record(&m, "\1b\4test", 8, WEIR_DNS_CNAME, 5, pointer_to_question, 2);
    set16(&m, 6, 2);
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EFORMERR);
    assert_int_equal(verdict(&m, WEIR_DNS_CNAME), 0);
    guard_fini(&guard);
}

TEST(that_there_is_nothing_holds_as_long_as_the_soa_says)
{
    static const char soa[] = "\2ns\4test\0\1h\4test\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\50";
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    struct message m;
    void *memory;

    setup();
    begin(&m, 3, WEIR_DNS_A);
    put_record(&m, pointer_to_question, 2, WEIR_DNS_SOA, 600, soa, sizeof soa - 1);
    set16(&m, 8, 1);
    assert_int_equal(read_as(&m, WEIR_DNS_A, &out, &memory, &extent), WEIR_DNS_ENXDOMAIN);
    assert_true(extent.dated);
    assert_int_equal(extent.ttl_s, 40);
    m.len -= 1; /* the SOA is cut off: nothing is known of its time */
    assert_int_equal(read_as(&m, WEIR_DNS_A, &out, &memory, &extent), WEIR_DNS_ENXDOMAIN);
    assert_false(extent.dated);
    begin(&m, 0, WEIR_DNS_A);
    assert_int_equal(read_as(&m, WEIR_DNS_A, &out, &memory, &extent), WEIR_DNS_ENODATA);
    assert_false(extent.dated);
    begin(&m, 2, WEIR_DNS_A);
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_ESERVFAIL);
    begin(&m, 5, WEIR_DNS_A);
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EREFUSED);
    begin(&m, 4, WEIR_DNS_A);
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EFORMERR);
    guard_fini(&guard);
}

TEST(a_message_that_is_cut_anywhere_is_malformed)
{
    struct message m, cut;
    size_t len;

    setup();
    begin(&m, 0, WEIR_DNS_MX);
    answer(&m, WEIR_DNS_MX, "\0\12\2mx\300\14", 7);
    answer(&m, WEIR_DNS_MX, "\0\24\2my\300\14", 7);
    assert_int_equal(verdict(&m, WEIR_DNS_MX), 0);
    for (len = 0; len < m.len; len++) {
        memcpy(cut.bytes, m.bytes, len);
        cut.len = len;
        assert_int_equal(verdict(&cut, WEIR_DNS_MX), WEIR_DNS_EFORMERR);
    }
    guard_fini(&guard);
}

TEST(counts_that_are_wrong_are_malformed)
{
    struct message m;

    setup();
    begin(&m, 0, WEIR_DNS_A);
    answer(&m, WEIR_DNS_A, "\300\0\2\1", 4);
    set16(&m, 6, 2); /* answers */
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EFORMERR);
    set16(&m, 6, 65535);
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EFORMERR);
    set16(&m, 6, 1);
    set16(&m, 4, 65535); /* questions */
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EFORMERR);
    set16(&m, 4, 1);
    set16(&m, 8, 65535); /* the rest is not needed */
    assert_int_equal(verdict(&m, WEIR_DNS_A), 0);
    m.bytes[2] &= 0x7f; /* a question */
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EFORMERR);
    guard_fini(&guard);
}

/* The verdict on a name, in place of an owner's. */
static int verdict_of_name(const char *name, size_t len)
{
    struct message m;

    begin(&m, 0, WEIR_DNS_A);
    put_record(&m, name, len, WEIR_DNS_A, 1, "\1\2\3\4", 4);
    set16(&m, 6, 1);
    return verdict(&m, WEIR_DNS_A);
}

TEST(pointers_go_backwards_only)
{
    char to[2];
    struct message m;
    int i;

    setup();
    assert_int_equal(verdict_of_name(pointer_to_question, 2), 0);
    assert_int_equal(verdict_of_name("\300\30", 2), WEIR_DNS_EFORMERR);    /* to itself */
    assert_int_equal(verdict_of_name("\300\32", 2), WEIR_DNS_EFORMERR);    /* forwards */
    assert_int_equal(verdict_of_name("\377\377", 2), WEIR_DNS_EFORMERR);   /* out of it */
    assert_int_equal(verdict_of_name("\1b\300\30", 4), WEIR_DNS_EFORMERR); /* b.b.b... */
    assert_int_equal(verdict_of_name("\100a\0", 3), WEIR_DNS_EFORMERR);    /* reserved */
    assert_int_equal(verdict_of_name("\200a\0", 3), WEIR_DNS_EFORMERR);
    /* each points at the one before: a chain that is longer than any name */
    begin(&m, 0, WEIR_DNS_A);
    put_record(&m, pointer_to_question, 2, 99, 1, "", 0);
    for (i = 0; i < 200; i++) {
        size_t before = m.len - 12;

        to[0] = (char)(0xc0 | before >> 8);
        to[1] = (char)before;
        put_record(&m, to, 2, 99, 1, "", 0);
    }
    set16(&m, 6, 201);
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_EFORMERR);
    set16(&m, 6, 100);
    assert_int_equal(verdict(&m, WEIR_DNS_A), WEIR_DNS_ENODATA);
    guard_fini(&guard);
}

/* A name of `labels` labels of 63 bytes and one of `rest`. */
static size_t long_name(char *out, int labels, int rest)
{
    size_t len = 0;
    int i;

    for (i = 0; i < labels; i++, len += 64) {
        out[len] = 63;
        memset(out + len + 1, 'x', 63);
    }
    out[len] = (char)rest;
    memset(out + len + 1, 'x', (size_t)rest);
    len += (size_t)rest + 1;
    out[len++] = 0;
    return len;
}

TEST(names_have_255_bytes_at_most)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    struct message m;
    char name[300];
    void *memory;
    size_t len;

    setup();
    len = long_name(name, 3, 61);
    assert_int_equal(len, 255);
    assert_int_equal(verdict_of(WEIR_DNS_PTR, name, len), 0);
    len = long_name(name, 3, 62);
    assert_int_equal(verdict_of(WEIR_DNS_PTR, name, len), WEIR_DNS_EFORMERR);
    assert_int_equal(verdict_of_name(name, len), WEIR_DNS_EFORMERR);
    /* bytes that no host name has are four characters each */
    len = long_name(name, 3, 61);
    memset(name + 1, 0, 63);
    memset(name + 65, '.', 63);
    begin(&m, 0, WEIR_DNS_PTR);
    answer(&m, WEIR_DNS_PTR, name, len);
    assert_int_equal(read_as(&m, WEIR_DNS_PTR, &out, &memory, &extent), 0);
    assert_int_equal(strlen(out.records[0].u.host), 4 * 63 + 1 + 4 * 63 + 1 + 63 + 1 + 61);
    assert_memory_equal(out.records[0].u.host, "\\000\\000", 8);
    assert_memory_equal(out.records[0].u.host + 253, "\\046", 4);
    free(memory);
    guard_fini(&guard);
}

TEST(a_name_that_is_asked_for_is_checked)
{
    char out[WEIR__DNS_QUESTION_MAX], name[300];

    assert_int_equal(weir__dns_name_prepare(out, "WWW.a-b_c.Test."), 0);
    assert_string_equal(out, "www.a-b_c.test");
    assert_int_equal(weir__dns_name_prepare(out, ""), WEIR_ENAME);
    assert_int_equal(weir__dns_name_prepare(out, "."), WEIR_ENAME);
    assert_int_equal(weir__dns_name_prepare(out, NULL), WEIR_ENAME);
    assert_int_equal(weir__dns_name_prepare(out, ".a"), WEIR_ENAME);
    assert_int_equal(weir__dns_name_prepare(out, "a.."), WEIR_ENAME);
    assert_int_equal(weir__dns_name_prepare(out, "a\tb"), WEIR_ENAME);
    assert_int_equal(weir__dns_name_prepare(out, "\303\244.test"), WEIR_ENAME);
    memset(name, 'a', sizeof name);
    name[64] = 0;
    assert_int_equal(weir__dns_name_prepare(out, name), WEIR_ENAME);
    name[63] = name[127] = name[191] = '.';
    name[64] = 'a';
    name[253] = 0;
    assert_int_equal(weir__dns_name_prepare(out, name), 0);
    name[253] = 'a';
    name[254] = 0;
    assert_int_equal(weir__dns_name_prepare(out, name), WEIR_ENAME);
}

TEST(texts_may_have_zeros_in_them)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    struct message m;
    void *memory;

    setup();
    begin(&m, 0, WEIR_DNS_TXT);
    answer(&m, WEIR_DNS_TXT, "\3a\0b\0\2\0c", 8);
    assert_int_equal(read_as(&m, WEIR_DNS_TXT, &out, &memory, &extent), 0);
    assert_int_equal(out.records[0].u.txt.len, 5);
    assert_memory_equal(out.records[0].u.txt.at, "a\0b\0c", 5);
    free(memory);
    assert_int_equal(OF(WEIR_DNS_TXT, "\0"), 0);
    assert_int_equal(OF(WEIR_DNS_TXT, ""), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_TXT, "\5abcd"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_TXT, "\1a\377"), WEIR_DNS_EFORMERR);
    guard_fini(&guard);
}

TEST(data_of_a_wrong_length_is_malformed)
{
    setup();
    assert_int_equal(OF(WEIR_DNS_A, "\1\2\3"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_A, "\1\2\3\4\5"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_AAAA, "\1\2\3\4"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_CNAME, ""), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_PTR, "\1a\0x"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_MX, "\0\1"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_MX, "\0\1\1a"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_SRV, "\0\1\0\1\0\1"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_SRV, "\0\1\0\1\0\1\0"), 0);
    assert_int_equal(OF(WEIR_DNS_SOA, "\0\0\0\0\0\1"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_CAA, "\0\0"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_CAA, "\0\3ab"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_CAA, "\0\2a\1"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_CAA, "\0\2ab"), 0);
    assert_int_equal(OF(99, ""), 0);
    guard_fini(&guard);
}

TEST(parameters_of_services_are_checked)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    struct weir_dns_bytes value;
    struct message m;
    void *memory;

    setup();
    assert_int_equal(OF(WEIR_DNS_SVCB, "\0\1"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_SVCB, "\0\1\1a"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_SVCB, "\0\1\0\0\3"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_SVCB, "\0\1\0\0\3\0\2\1"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_SVCB, "\0\1\0\0\3\377\377\1"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_HTTPS, "\0\1\0\0\3\0\0\0\1\0\0"), WEIR_DNS_EFORMERR);
    assert_int_equal(OF(WEIR_DNS_HTTPS, "\0\1\0\0\3\0\0\0\3\0\0"), WEIR_DNS_EFORMERR);
    begin(&m, 0, WEIR_DNS_HTTPS);
    answer(&m, WEIR_DNS_HTTPS, "\0\1\0\0\1\0\3\2h3\377\377\0\0", 14);
    assert_int_equal(read_as(&m, WEIR_DNS_HTTPS, &out, &memory, &extent), 0);
    assert_int_equal(weir_dns_param(&out.records[0], 1, &value), 0);
    assert_int_equal(value.len, 3);
    assert_int_equal(weir_dns_param(&out.records[0], 65535, &value), 0);
    assert_int_equal(value.len, 0);
    assert_int_equal(weir_dns_param(&out.records[0], 0, &value), WEIR_ENOENT);
    free(memory);
    begin(&m, 0, WEIR_DNS_A);
    answer(&m, WEIR_DNS_A, "\1\2\3\4", 4);
    assert_int_equal(read_as(&m, WEIR_DNS_A, &out, &memory, &extent), 0);
    assert_int_equal(weir_dns_param(&out.records[0], 1, &value), WEIR_ENOENT);
    free(memory);
    guard_fini(&guard);
}

TEST(many_records_of_long_names_stay_within_a_bound)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer out;
    struct message m;
    void *memory;
    char name[300];
    size_t at, len = long_name(name, 3, 61);
    int i;

    setup();
    memset(name + 1, 0, 63);
    begin(&m, 0, WEIR_DNS_PTR);
    put_record(&m, pointer_to_question, 2, WEIR_DNS_PTR, 1, name, len);
    at = m.len - len;
    for (i = 1; m.len + 14 <= sizeof m.bytes; i++) {
        char to[2] = {(char)(0xc0 | at >> 8), (char)at};

        put_record(&m, pointer_to_question, 2, WEIR_DNS_PTR, 1, to, 2);
    }
    set16(&m, 6, (unsigned)i);
    assert_true(i > WEIR__DNS_RECORDS_MAX);
    assert_int_equal(read_as(&m, WEIR_DNS_PTR, &out, &memory, &extent), 0);
    assert_int_equal(out.count, WEIR__DNS_RECORDS_MAX);
    free(memory);
    guard_fini(&guard);
}

#else

TEST(messages_need_c_ares)
{
    skip("libweir-dns was left out");
}

#endif
