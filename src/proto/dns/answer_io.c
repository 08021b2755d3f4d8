/* proto/dns/answer_io.c - questions and answers. The contract is in resolver.h. */
#include <string.h>
#include <weir/memory.h>
#include <weir/time.h>

#include "base/atomic.h"
#include "base/container.h"
#include "proto/dns/resolver.h"

/* Of an answer that is kept, with its texts: names are compressed in a message, so that one of 64
 * KiB may take up megabytes. */
#define KEPT_SIZE_MAX 32768

/* ---- references ---- */

void weir__dns_kept_drop(struct weir__dns_kept *kept)
{
    if (kept && WEIR_ATOMIC_SUB(&kept->refs, 1, ACQ_REL) == 1)
        weir_release(kept);
}

static struct weir__dns_kept *kept_ref(struct weir__dns_kept *kept)
{
    if (kept)
        (void)WEIR_ATOMIC_ADD(&kept->refs, 1, RELAXED);
    return kept;
}

static void question_drop(struct weir__dns_question *question)
{
    if (WEIR_ATOMIC_SUB(&question->refs, 1, ACQ_REL) != 1)
        return;
    weir__dns_kept_drop(question->kept);
    weir_release(question);
}

void weir_dns_release(const struct weir_dns_answer *answer)
{
    if (answer)
        weir__dns_kept_drop(WEIR_CONTAINER_OF(answer, struct weir__dns_kept, answer));
}

/* ---- what is kept ---- */

static void forget(struct weir__dns *dns, struct weir__dns_kept *kept)
{
    weir__dns_table_remove(&dns->kept, &kept->node);
    weir__dns_kept_drop(kept);
}

static struct weir__dns_kept *find_kept(struct weir__dns *dns, const char *name, uint16_t type)
{
    struct weir__dns_node *node = weir__dns_table_find(&dns->kept, name, type);
    struct weir__dns_kept *kept =
        node ? WEIR_CONTAINER_OF(node, struct weir__dns_kept, node) : NULL;

    if (!kept || weir_now_ns() < kept->answer.until_ns)
        return kept;
    forget(dns, kept);
    return NULL;
}

static void keep(struct weir__dns *dns, struct weir__dns_kept *kept)
{
    struct weir__dns_node *node;

    while (dns->kept.count >= dns->config.options.cache_max
           && (node = weir__dns_table_oldest(&dns->kept)))
        forget(dns, WEIR_CONTAINER_OF(node, struct weir__dns_kept, node));
    weir__dns_table_add(&dns->kept, &kept_ref(kept)->node);
}

static uint32_t ttl_of(const struct weir__dns *dns, const struct weir__dns_extent *extent, int rc)
{
    const struct weir_dns_options *o = &dns->config.options;
    uint32_t max = rc == 0 ? o->ttl_max_s : o->negative_ttl_max_s;

    return !extent->dated ? 0 : extent->ttl_s < max ? extent->ttl_s : max;
}

/* An answer with one reference, or NULL: there is no memory. */
static struct weir__dns_kept *make_kept(const struct weir__dns_question *question,
                                        const uint8_t *bytes, size_t len,
                                        const struct weir__dns_extent *extent, int rc)
{
    struct weir__dns_kept *kept = weir_allocate(sizeof *kept + extent->size);

    if (!kept)
        return NULL;
    memset(kept, 0, sizeof *kept);
    memcpy(kept->name, question->name, sizeof kept->name);
    kept->node.name = kept->name;
    kept->node.type = question->node.type;
    kept->refs = 1;
    kept->rc = rc;
    if (rc == 0)
        weir__dns_message_read(bytes, len, kept->name, kept->node.type, extent, kept + 1,
                               &kept->answer);
    return kept;
}

/* ---- questions ---- */

/* Tells all that wait, and ends the table's part of it. */
static void conclude(struct weir__dns *dns, struct weir__dns_question *question, int rc,
                     struct weir__dns_kept *kept)
{
    weir__dns_table_remove(&dns->asked, &question->node);
    weir__list_remove(&question->link);
    question->rc = rc;
    question->kept = kept;
    (void)weir_latch_count_down(&question->done, 1);
    question_drop(question);
}

void weir__dns_failed(struct weir__dns *dns, struct weir__dns_question *question, int rc)
{
    dns->counts.failures++;
    conclude(dns, question, rc, NULL);
}

void weir__dns_answered(struct weir__dns *dns, struct weir__dns_question *question,
                        const uint8_t *bytes, size_t len)
{
    struct weir__dns_extent extent;
    struct weir__dns_kept *kept;
    int rc = weir__dns_message_measure(bytes, len, question->name, question->node.type, &extent);
    uint32_t ttl_s = ttl_of(dns, &extent, rc);

    if (rc != 0 && rc != WEIR_DNS_ENXDOMAIN && rc != WEIR_DNS_ENODATA) {
        weir__dns_failed(dns, question, rc);
        return;
    }
    kept = make_kept(question, bytes, len, &extent, rc);
    if (!kept) {
        weir__dns_failed(dns, question, WEIR_ENOMEM);
        return;
    }
    kept->answer.until_ns = weir_now_ns() + (uint64_t)WEIR_SECONDS(ttl_s);
    if (dns->config.options.cache != WEIR_OFF && ttl_s > 0 && extent.size <= KEPT_SIZE_MAX)
        keep(dns, kept);
    conclude(dns, question, rc, kept);
}

static struct weir__dns_question *make_question(struct weir__dns *dns, const char *name,
                                                uint16_t type)
{
    struct weir__dns_question *question = weir_allocate(sizeof *question);

    if (!question)
        return NULL;
    memset(question, 0, sizeof *question);
    question->done = (weir_latch)WEIR_LATCH_INIT(1);
    question->refs = 1;
    strcpy(question->name, name); /* prepared, so it fits */
    question->node.name = question->name;
    question->node.type = type;
    weir__dns_table_add(&dns->asked, &question->node);
    weir__list_push_back(&dns->waiting, &question->link);
    dns->counts.waiting++;
    return question;
}

void weir__dns_push(struct weir__dns *dns)
{
    struct weir__list *link;

    while (weir__dns_channel_in_flight(dns->channel) < dns->config.options.in_flight_max
           && (link = weir__list_pop_front(&dns->waiting))) {
        struct weir__dns_question *question =
            WEIR_CONTAINER_OF(link, struct weir__dns_question, link);

        dns->counts.waiting--;
        if (WEIR_ATOMIC_LOAD(&question->refs, ACQUIRE) == 1) { /* nobody wants it any more */
            conclude(dns, question, WEIR_ECLOSED, NULL);
            continue;
        }
        dns->counts.questions++;
        weir__dns_channel_ask(dns->channel, question);
    }
}

int weir__dns_begin(struct weir__dns *dns, const char *name, uint16_t type,
                    struct weir__dns_ticket *ticket)
{
    struct weir__dns_question *question;
    struct weir__dns_node *node;

    if (!dns->on)
        return WEIR_ESHUTDOWN;
    weir__dns_refresh(dns);
    dns->counts.lookups++;
    *ticket = (struct weir__dns_ticket){.kept = kept_ref(find_kept(dns, name, type))};
    if (ticket->kept) {
        dns->counts.hits++;
        return 0;
    }
    node = weir__dns_table_find(&dns->asked, name, type);
    if (node)
        dns->counts.joined++;
    question = node ? WEIR_CONTAINER_OF(node, struct weir__dns_question, node)
                    : make_question(dns, name, type);
    if (!question)
        return WEIR_ENOMEM;
    (void)WEIR_ATOMIC_ADD(&question->refs, 1, RELAXED);
    ticket->question = question;
    weir__dns_push(dns);
    return 0;
}

void weir__dns_leave(struct weir__dns_ticket *ticket)
{
    if (ticket->question)
        question_drop(ticket->question);
    weir__dns_kept_drop(ticket->kept);
    *ticket = (struct weir__dns_ticket){0};
}

int weir__dns_finish(struct weir__dns_ticket *ticket, struct weir__dns_kept **kept)
{
    int rc = ticket->question ? weir_latch_wait(&ticket->question->done) : ticket->kept->rc;

    if (rc == 0 && ticket->question) {
        rc = ticket->question->rc;
        ticket->kept = kept_ref(ticket->question->kept);
    }
    if (rc == 0)
        *kept = kept_ref(ticket->kept);
    weir__dns_leave(ticket);
    return rc;
}

void weir__dns_clear(struct weir__dns *dns)
{
    struct weir__dns_node *node;
    struct weir__list *link;

    while ((link = weir__list_pop_front(&dns->waiting)))
        conclude(dns, WEIR_CONTAINER_OF(link, struct weir__dns_question, link), WEIR_ECLOSED, NULL);
    dns->counts.waiting = 0;
    while ((node = weir__dns_table_oldest(&dns->kept)))
        forget(dns, WEIR_CONTAINER_OF(node, struct weir__dns_kept, node));
}
