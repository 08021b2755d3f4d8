/* proto/dns/resolver.h - the resolver of the process: its questions, its answers, its channels.
 *
 * One mutex guards all of it, and c-ares too: whoever asks calls c-ares under it, and so does the
 * task of a channel, which takes what the sockets bring and sees to timeouts. A callback of c-ares
 * only fills in a question and opens its latch; nothing suspends under the mutex.
 *
 * A question is in the table `asked` from when somebody first wants it until it is answered; others
 * that want the same join it. It waits its turn in `waiting` while as many as may be are at a
 * server. References: the table's, and one for each that waits, who may leave at any moment without
 * the mutex. An answer is never changed, and has a reference of the table `kept` and one for each
 * that uses it.
 *
 * A channel is a c-ares channel with one descriptor, a set of all its sockets, and a task while
 * something is in flight. When the configuration changes another one takes its place; the old one
 * is retired and ends with its last question.
 */
#ifndef WEIR_PROTO_DNS_RESOLVER_H
#define WEIR_PROTO_DNS_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/dns.h>
#include <weir/runtime.h>
#include <weir/sync.h>

#include "base/list.h"
#include "proto/dns/hosts.h"
#include "proto/dns/message.h"
#include "proto/dns/table.h"
#include "sys/beside.h"

struct weir__dns_channel;

#define WEIR__DNS_SEARCH_MAX 8 /* domains of the search list */

struct weir__dns_kept {
    struct weir__dns_node node;
    uint32_t refs; /* atomic */
    int rc;        /* 0, or what there is instead of records */
    struct weir_dns_answer answer;
    char name[WEIR__DNS_QUESTION_MAX];
    /* the answer's records and texts */
};

struct weir__dns_question {
    struct weir__dns_node node;
    struct weir__list link; /* of those that wait their turn */
    struct weir__dns_channel *channel;
    weir_latch done;
    uint32_t refs;               /* atomic */
    int rc;                      /* from here on: written before `done` is opened */
    struct weir__dns_kept *kept; /* or NULL */
    char name[WEIR__DNS_QUESTION_MAX];
};

/* The texts of the options, NULL where they leave it to the system. */
struct weir__dns_config {
    struct weir_dns_options options;
    char *servers, *search, *resolv_conf, *hosts_file;
};

struct weir__dns {
    weir_mutex lock;
    bool on;   /* it answers */
    bool made; /* there is something to release */
    struct weir__dns_config config;
    struct weir__dns_table kept, asked;
    struct weir__list waiting;
    struct weir__list channels;
    struct weir__dns_channel *channel; /* the one that is asked */
    uint32_t first_server, server_count;
    uint64_t turned_ns; /* when another server became the first; 0: it is the configured one */
    uint64_t looked_ns; /* at the files */
    struct weir__beside_stamp conf_stamp, hosts_stamp;
    struct weir__dns_hosts hosts;
    char search[WEIR__DNS_SEARCH_MAX][WEIR__DNS_QUESTION_MAX];
    uint32_t search_count, ndots;
    struct weir_dns_counts counts;
};

/* The one. */
struct weir__dns *weir__dns(void);

/* Locks also for a caller that is stopped. */
void weir__dns_lock_always(struct weir__dns *dns);

/* ---- questions: answer_io.c ---- */

/* What somebody waits for: a question, or what was kept. */
struct weir__dns_ticket {
    struct weir__dns_question *question;
    struct weir__dns_kept *kept;
};

/* Asks, joins, or finds: 0, or an error. `name` is prepared. Under the lock. */
int weir__dns_begin(struct weir__dns *dns, const char *name, uint16_t type,
                    struct weir__dns_ticket *ticket);
/* Waits, and ends the ticket on every path: 0, and *kept gives a reference (the caller's to drop);
 * or why there is none. Without the lock. */
int weir__dns_finish(struct weir__dns_ticket *ticket, struct weir__dns_kept **kept);
/* Ends a ticket that nobody waits for. */
void weir__dns_leave(struct weir__dns_ticket *ticket);
void weir__dns_kept_drop(struct weir__dns_kept *kept);

/* What a server has said to a question: takes the table's reference. Under the lock. */
void weir__dns_answered(struct weir__dns *dns, struct weir__dns_question *question,
                        const uint8_t *bytes, size_t len);
/* The same for one that has got no answer. */
void weir__dns_failed(struct weir__dns *dns, struct weir__dns_question *question, int rc);
/* Lets those that wait their turn have it. Under the lock. */
void weir__dns_push(struct weir__dns *dns);
/* Fails those that wait their turn, and forgets what is kept. Under the lock. */
void weir__dns_clear(struct weir__dns *dns);

/* ---- channels: ares_io.c ---- */

/* Makes a channel, by the configuration as it is now, and retires the one before. Under the lock.
 * */
int weir__dns_channel_open(struct weir__dns *dns);
/* Sends a question. Under the lock. */
void weir__dns_channel_ask(struct weir__dns_channel *channel, struct weir__dns_question *question);
uint32_t weir__dns_channel_in_flight(const struct weir__dns_channel *channel);
/* Whether its first server lets us wait again and again. */
bool weir__dns_channel_slow(const struct weir__dns_channel *channel);
/* Closes channels until there is none, or one whose task runs: that task, to be stopped and waited
 * for, else a zero handle. Under the lock. */
weir_task weir__dns_channels_close(struct weir__dns *dns);

/* ---- the resolver: dns_io.c ---- */

/* Looks at the files again, if that was long ago, and follows them. Under the lock. */
void weir__dns_refresh(struct weir__dns *dns);

/* The bytes of an IP address: 4 or 16, or 0 for another one. In resolve_io.c. */
int weir__dns_address_bytes(const weir_address *address, uint8_t out[16]);

/* The addresses of a host: the function of struct weir_resolver. In resolve_io.c. */
int weir__dns_resolve(weir_address *out, size_t max, const char *host, uint16_t port, unsigned ip,
                      void *arg);

#endif
