/* proto/dns/message.h - what a DNS message answers (RFC 1035, 3596, 2782, 8659, 9460).
 *
 * An engine: a response and its question in, the records of one type at the end of its aliases out.
 * Records that the question did not lead to are passed over. Names are decompressed with a bound,
 * pointers only go backwards. Lengths from the net are checked before they are used.
 */
#ifndef WEIR_PROTO_DNS_MESSAGE_H
#define WEIR_PROTO_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/dns.h>

#define WEIR__DNS_RECORDS_MAX 4096 /* of one answer; others are passed over */

/* The text of a name that somebody asks for, made lower case and without its last dot. `out` has
 * WEIR__DNS_QUESTION_MAX bytes. 0, or WEIR_ENAME. */
#define WEIR__DNS_QUESTION_MAX 254
int weir__dns_name_prepare(char *out, const char *name);

/* How much memory the answer takes, what it is called and how long it holds. */
struct weir__dns_extent {
    uint32_t count;
    size_t size; /* of records and texts together */
    uint32_t ttl_s;
    bool dated; /* ttl_s is known: always with records, without when there is an SOA */
};

/* Measures the answer: 0, WEIR_DNS_ENXDOMAIN, WEIR_DNS_ENODATA (*out says for how long), or
 * WEIR_DNS_ESERVFAIL, _EREFUSED, _EFORMERR. `name` is prepared. */
int weir__dns_message_measure(const uint8_t *bytes, size_t len, const char *name, uint16_t type,
                              struct weir__dns_extent *out);
/* Writes an answer that was measured into `memory`, of extent->size bytes, aligned for any type. */
void weir__dns_message_read(const uint8_t *bytes, size_t len, const char *name, uint16_t type,
                            const struct weir__dns_extent *extent, void *memory,
                            struct weir_dns_answer *out);

#endif
