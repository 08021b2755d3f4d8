/* test/fuzz/dns_message.c - answers of name servers: what is measured is what is read.
 *
 * The first byte chooses the type that was asked for; the question is always for a.test. All texts
 * of an answer lie in the memory that was measured, and have the bytes that names may have.
 */
#include "proto/dns/message.h"

#include <stdlib.h>
#include <string.h>
#include <weir/error.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Memory of an answer. */
struct extent {
    const char *at;
    size_t size;
};

static void check_bytes(struct extent memory, const void *bytes, size_t len)
{
    const char *at = bytes;

    must(at >= memory.at && at <= memory.at + memory.size);
    must(len <= memory.size - (size_t)(at - memory.at));
}

/* A name, or another text of visible characters. */
static void check_text(struct extent memory, const char *text)
{
    size_t i;

    check_bytes(memory, text, 1);
    must(memchr(text, 0, memory.size - (size_t)(text - memory.at)) != NULL);
    must(strlen(text) < WEIR_DNS_NAME_MAX);
    for (i = 0; text[i]; i++)
        must(text[i] > ' ' && text[i] <= '~');
}

static void check_params(struct extent memory, const struct weir_dns_record *record)
{
    struct weir_dns_bytes value;
    uint32_t key;

    check_text(memory, record->u.svcb.host);
    check_bytes(memory, record->u.svcb.params.at, record->u.svcb.params.len);
    for (key = 0; key < 16; key++) {
        if (weir_dns_param(record, (uint16_t)key, &value) == 0)
            check_bytes(memory, value.at, value.len);
    }
    must(weir_dns_param(record, 65535, &value) == 0 || record->u.svcb.params.len < 65535);
}

static void check_record(struct extent memory, const struct weir_dns_record *record)
{
    switch (record->type) {
    case WEIR_DNS_A:
    case WEIR_DNS_AAAA:
        break;
    case WEIR_DNS_CNAME:
    case WEIR_DNS_NS:
    case WEIR_DNS_PTR:
        check_text(memory, record->u.host);
        break;
    case WEIR_DNS_MX:
        check_text(memory, record->u.mx.host);
        break;
    case WEIR_DNS_SRV:
        check_text(memory, record->u.srv.host);
        break;
    case WEIR_DNS_TXT:
        check_bytes(memory, record->u.txt.at, record->u.txt.len);
        break;
    case WEIR_DNS_SOA:
        check_text(memory, record->u.soa.primary);
        check_text(memory, record->u.soa.mailbox);
        break;
    case WEIR_DNS_CAA:
        check_text(memory, record->u.caa.tag);
        check_bytes(memory, record->u.caa.value.at, record->u.caa.value.len);
        break;
    case WEIR_DNS_SVCB:
    case WEIR_DNS_HTTPS:
        check_params(memory, record);
        break;
    default:
        check_bytes(memory, record->u.other.at, record->u.other.len);
    }
}

static void check_message(const uint8_t *bytes, size_t len, uint16_t type)
{
    struct weir__dns_extent extent;
    struct weir_dns_answer answer;
    struct extent memory;
    char *block;
    uint32_t i;
    int rc = weir__dns_message_measure(bytes, len, "a.test", type, &extent);

    must(rc == 0 || rc == WEIR_DNS_ENXDOMAIN || rc == WEIR_DNS_ENODATA || rc == WEIR_DNS_ESERVFAIL
         || rc == WEIR_DNS_EREFUSED || rc == WEIR_DNS_EFORMERR);
    if (rc < 0)
        return;
    block = malloc(extent.size);
    memory = (struct extent){block, extent.size};
    weir__dns_message_read(bytes, len, "a.test", type, &extent, block, &answer);
    must(answer.count == extent.count && answer.count > 0);
    must(answer.count <= WEIR__DNS_RECORDS_MAX && extent.ttl_s <= INT32_MAX);
    check_text(memory, answer.name);
    for (i = 0; i < answer.count; i++) {
        must(answer.records[i].type == type && answer.records[i].ttl_s >= extent.ttl_s);
        check_record(memory, &answer.records[i]);
    }
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {WEIR_DNS_A,
                                     WEIR_DNS_AAAA,
                                     WEIR_DNS_CNAME,
                                     WEIR_DNS_NS,
                                     WEIR_DNS_PTR,
                                     WEIR_DNS_MX,
                                     WEIR_DNS_SRV,
                                     WEIR_DNS_TXT,
                                     WEIR_DNS_SOA,
                                     WEIR_DNS_CAA,
                                     WEIR_DNS_SVCB,
                                     WEIR_DNS_HTTPS,
                                     99};
    uint8_t *copy;

    if (size == 0)
        return 0;
    copy = malloc(size); /* its end is its end */
    memcpy(copy, data + 1, size - 1);
    check_message(copy, size - 1, types[data[0] % (sizeof types / sizeof *types)]);
    free(copy);
    return 0;
}
