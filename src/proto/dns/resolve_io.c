/* proto/dns/resolve_io.c - from a host to addresses: hosts file, search list, A and AAAA at once.
 *
 * The function behind <weir/resolve.h>. Numbers and localhost never come here.
 */
#include <netinet/in.h>
#include <string.h>
#include <weir/resolve.h>
#include <weir/time.h>

#include "proto/dns/resolver.h"

int weir__dns_address_bytes(const weir_address *address, uint8_t out[16])
{
    const struct sockaddr *any = (const struct sockaddr *)address->storage;
    const struct sockaddr_in6 *v6 = (const void *)any;
    const struct sockaddr_in *v4 = (const void *)any;

    switch (weir_address_family(address)) {
    case AF_INET:
        memcpy(out, &v4->sin_addr, 4);
        return 4;
    case AF_INET6:
        memcpy(out, &v6->sin6_addr, 16);
        return 16;
    default:
        return 0;
    }
}

static void fill(weir_address *out, const struct weir_dns_record *record, uint16_t port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_v4 = record->type == WEIR_DNS_A;

    memcpy(&v4.sin_addr, record->u.a, 4);
    memcpy(&v6.sin6_addr, record->u.aaaa, 16);
    memset(out, 0, sizeof *out);
    out->len = is_v4 ? sizeof v4 : sizeof v6;
    memcpy(out->storage, is_v4 ? (void *)&v4 : (void *)&v6, out->len);
}

/* What comes of one question: its result, with records for `out`. */
struct half {
    struct weir__dns_ticket ticket;
    struct weir__dns_kept *kept;
    int rc;
};

static void wait_half(struct half *half)
{
    half->rc = weir__dns_finish(&half->ticket, &half->kept);
}

/* The same, for at most a delay: a server that does not answer AAAA must not hold up A. What comes
 * later is kept for the next. */
static void wait_half_shortly(struct half *half, int64_t delay_ns)
{
    weir_block block;
    int rc = weir_deadline_begin(&block, delay_ns);

    wait_half(half);
    if (rc == 0)
        (void)weir_block_end(&block);
}

static void take_half(struct half *half, weir_address *out, size_t max, uint16_t port, int *count)
{
    uint32_t i;

    if (!half->kept)
        return;
    for (i = 0; i < half->kept->answer.count && (size_t)*count < max; i++)
        fill(&out[(*count)++], &half->kept->answer.records[i], port);
    weir__dns_kept_drop(half->kept);
}

/* Of two failures the one to tell: that the host is not there says less than that nobody knows. */
static int worse(int a, int b)
{
    bool plain_a = a == WEIR_DNS_ENXDOMAIN || a == WEIR_DNS_ENODATA;
    bool plain_b = b == WEIR_DNS_ENXDOMAIN || b == WEIR_DNS_ENODATA;

    if (a == 0 || b == 0)
        return a == 0 ? b : a;
    if (plain_a && plain_b)
        return a == WEIR_DNS_ENODATA || b == WEIR_DNS_ENODATA ? WEIR_DNS_ENODATA
                                                              : WEIR_DNS_ENXDOMAIN;
    return plain_a ? b : a;
}

static int begin_halves(struct weir__dns *dns, const char *name, unsigned ip, struct half *a,
                        struct half *aaaa)
{
    int rc = weir_mutex_lock(&dns->lock);

    if (rc < 0)
        return rc;
    if (ip != WEIR_IP_V6)
        rc = weir__dns_begin(dns, name, WEIR_DNS_A, &a->ticket);
    if (rc == 0 && ip != WEIR_IP_V4) {
        rc = weir__dns_begin(dns, name, WEIR_DNS_AAAA, &aaaa->ticket);
        if (rc < 0)
            weir__dns_leave(&a->ticket);
    }
    weir_mutex_unlock(&dns->lock);
    return rc;
}

/* A complete name's addresses: how many, or an error. */
static int ask(struct weir__dns *dns, const char *name, unsigned ip, uint16_t port,
               weir_address *out, size_t max)
{
    struct half a = {.rc = 0}, aaaa = {.rc = 0};
    int count = 0, rc = begin_halves(dns, name, ip, &a, &aaaa);

    if (rc < 0)
        return rc;
    if (ip != WEIR_IP_V6)
        wait_half(&a);
    if (ip != WEIR_IP_V4) {
        if (a.kept)
            wait_half_shortly(&aaaa, dns->config.options.resolution_delay_ns);
        else
            wait_half(&aaaa);
    }
    take_half(&aaaa, out, max, port, &count);
    take_half(&a, out, max, port, &count);
    return count ? count : worse(a.rc, aaaa.rc);
}

/* What is looked at once, for one host. */
struct plan {
    char names[WEIR__DNS_SEARCH_MAX + 1][WEIR__DNS_QUESTION_MAX];
    uint32_t count;
};

static bool join(char *out, const char *name, const char *domain)
{
    size_t len = strlen(name), domain_len = strlen(domain);

    if (len + 1 + domain_len >= WEIR__DNS_QUESTION_MAX)
        return false;
    memcpy(out, name, len);
    out[len] = '.';
    memcpy(out + len + 1, domain, domain_len + 1);
    return true;
}

static uint32_t dots_of(const char *name)
{
    uint32_t dots = 0;

    for (; *name; name++)
        dots += *name == '.';
    return dots;
}

/* The complete names to try, in their order: resolv.conf(5). */
static void plan_names(const struct weir__dns *dns, struct plan *plan, const char *name,
                       bool complete)
{
    bool first = complete || dots_of(name) >= dns->ndots;
    uint32_t i;

    plan->count = 0;
    if (first)
        strcpy(plan->names[plan->count++], name);
    for (i = 0; !complete && i < dns->search_count; i++)
        plan->count += join(plan->names[plan->count], name, dns->search[i]);
    if (!first)
        strcpy(plan->names[plan->count++], name);
}

int weir__dns_resolve(weir_address *out, size_t max, const char *host, uint16_t port, unsigned ip,
                      void *arg)
{
    struct weir__dns *dns = arg;
    char name[WEIR__DNS_QUESTION_MAX];
    struct plan plan;
    uint32_t i;
    int rc = weir__dns_name_prepare(name, host), found, told = 0;

    if (rc == 0)
        rc = weir_mutex_lock(&dns->lock);
    if (rc < 0)
        return rc;
    rc = dns->on ? 0 : WEIR_ESHUTDOWN;
    if (rc == 0) {
        weir__dns_refresh(dns);
        found = weir__dns_hosts_find(&dns->hosts, name, ip, port, out, max);
        plan_names(dns, &plan, name, host[strlen(host) - 1] == '.');
        rc = found > 0 ? found : 0;
    }
    weir_mutex_unlock(&dns->lock);
    for (i = 0; rc == 0 && i < plan.count; i++) {
        rc = ask(dns, plan.names[i], ip, port, out, max);
        if (rc == WEIR_DNS_ENXDOMAIN || rc == WEIR_DNS_ENODATA) {
            told = worse(told, rc);
            rc = 0;
        }
    }
    return rc != 0 ? rc : told;
}
