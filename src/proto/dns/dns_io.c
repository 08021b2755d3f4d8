/* proto/dns/dns_io.c - the resolver's life, and looking up; see <weir/dns.h> and resolver.h. */
#include <string.h>
#include <weir/memory.h>
#include <weir/resolve.h>
#include <weir/task.h>
#include <weir/time.h>

#include "proto/dns/resolver.h"

#define LOOK_EVERY_NS  WEIR_SECONDS(1)
#define TURN_BACK_NS   WEIR_SECONDS(30) /* the configured first server is tried again */
#define HOSTS_SIZE_MAX ((size_t)4 << 20)
#define ASKED_BUCKETS  4096

static struct weir__dns the_dns;
static const struct weir_resolver resolver = {.resolve = weir__dns_resolve, .arg = &the_dns};

struct weir__dns *weir__dns(void)
{
    return &the_dns;
}

void weir__dns_lock_always(struct weir__dns *dns)
{
    weir_block block;

    if (weir_shield_begin(&block, WEIR_FOREVER) == 0) {
        while (weir_mutex_lock(&dns->lock) < 0)
            ;
        (void)weir_block_end(&block);
        return;
    }
    while (weir_mutex_try_lock(&dns->lock) < 0) /* the caller has 255 shields already */
        (void)weir_yield();
}

/* ---- configuration ---- */

static char *copy_text(const char *text, bool *failed)
{
    size_t size = text ? strlen(text) + 1 : 0;
    char *copy = text ? weir_allocate(size) : NULL;

    if (copy)
        memcpy(copy, text, size);
    *failed |= text && !copy;
    return copy;
}

static void config_fini(struct weir__dns_config *config)
{
    weir_release(config->servers);
    weir_release(config->search);
    weir_release(config->resolv_conf);
    weir_release(config->hosts_file);
    *config = (struct weir__dns_config){0};
}

static uint32_t number(uint32_t asked, uint32_t usual)
{
    return asked ? asked : usual;
}

static int check(const struct weir_dns_options *o)
{
    if (o->tries > 10 || o->ndots > 15 || o->in_flight_max > 4096 || o->cache_max > 1048576
        || o->timeout_ns < 0 || o->timeout_ns > WEIR_SECONDS(60) || o->resolution_delay_ns < 0
        || (o->timeout_ns > 0 && o->timeout_ns < WEIR_MILLISECONDS(1)) || o->ttl_max_s > INT32_MAX
        || o->negative_ttl_max_s > INT32_MAX)
        return WEIR_EOPTION;
    return 0;
}

static int config_init(struct weir__dns_config *config, const struct weir_dns_options *o)
{
    struct weir_dns_options *own = &config->options;
    bool failed = false;
    int rc = check(o);

    if (rc < 0)
        return rc;
    *own = *o;
    own->timeout_ns = o->timeout_ns ? o->timeout_ns : WEIR_SECONDS(2);
    own->tries = number(o->tries, 3);
    own->cache_max = number(o->cache_max, 4096);
    own->in_flight_max = number(o->in_flight_max, 128);
    own->ttl_max_s = number(o->ttl_max_s, 86400);
    own->negative_ttl_max_s = number(o->negative_ttl_max_s, 300);
    own->resolution_delay_ns =
        o->resolution_delay_ns ? o->resolution_delay_ns : WEIR_MILLISECONDS(50);
    config->servers = copy_text(o->servers, &failed);
    config->search = copy_text(o->search, &failed);
    config->resolv_conf = copy_text(o->resolv_conf ? o->resolv_conf : "/etc/resolv.conf", &failed);
    config->hosts_file = copy_text(o->hosts_file ? o->hosts_file : "/etc/hosts", &failed);
    own->servers = own->search = own->resolv_conf = own->hosts_file = NULL;
    if (!failed)
        return 0;
    config_fini(config);
    return WEIR_ENOMEM;
}

/* ---- files ---- */

/* What cannot be read leaves the table as it was. */
static void read_hosts(struct weir__dns *dns)
{
    size_t cap = (size_t)dns->hosts_stamp.size;
    struct weir__dns_hosts hosts;
    char *text;
    ptrdiff_t len;

    if (cap > HOSTS_SIZE_MAX)
        cap = HOSTS_SIZE_MAX;
    text = weir_allocate(cap + 1);
    if (!text)
        return;
    len = cap ? weir__beside_read(dns->config.hosts_file, text, cap) : 0;
    if (len >= 0 && weir__dns_hosts_read(&hosts, text, (size_t)len) == 0) {
        weir__dns_hosts_fini(&dns->hosts);
        dns->hosts = hosts;
    }
    weir_release(text);
}

static void look_at_hosts(struct weir__dns *dns)
{
    struct weir__beside_stamp stamp = {0};

    if (dns->config.hosts_file[0])
        stamp = weir__beside_stamp(dns->config.hosts_file);
    if (weir__beside_same(&stamp, &dns->hosts_stamp))
        return;
    dns->hosts_stamp = stamp;
    read_hosts(dns);
}

/* Whether a new channel is wanted: because of the file, or of a server that keeps us waiting. */
static bool wants_channel(struct weir__dns *dns, uint64_t now_ns)
{
    struct weir__beside_stamp stamp = weir__beside_stamp(dns->config.resolv_conf);
    bool changed = !weir__beside_same(&stamp, &dns->conf_stamp);

    if (changed) {
        dns->conf_stamp = stamp;
        dns->first_server = 0;
        dns->turned_ns = 0;
    } else if (dns->channel && dns->server_count > 1 && weir__dns_channel_slow(dns->channel)) {
        dns->first_server++;
        dns->turned_ns = now_ns;
        changed = true;
    } else if (dns->turned_ns && now_ns - dns->turned_ns > (uint64_t)TURN_BACK_NS) {
        dns->first_server = 0;
        dns->turned_ns = 0;
        changed = true;
    }
    return changed || !dns->channel;
}

void weir__dns_refresh(struct weir__dns *dns)
{
    uint64_t now_ns = weir_now_ns();

    if (dns->channel && now_ns - dns->looked_ns < (uint64_t)LOOK_EVERY_NS)
        return;
    dns->looked_ns = now_ns;
    look_at_hosts(dns);
    if (wants_channel(dns, now_ns) && weir__dns_channel_open(dns) == 0)
        dns->counts.reloads++;
}

/* ---- life ---- */

static void release(struct weir__dns *dns)
{
    weir__dns_table_fini(&dns->kept);
    weir__dns_table_fini(&dns->asked);
    weir__dns_hosts_fini(&dns->hosts);
    config_fini(&dns->config);
    dns->made = false;
}

/* Under the lock; all but the lock is anew. */
static int start(struct weir__dns *dns, const struct weir_dns_options *o)
{
    uint64_t seed = weir__beside_random();
    int rc;

    memset((char *)dns + sizeof dns->lock, 0, sizeof *dns - sizeof dns->lock);
    weir__list_init(&dns->waiting);
    weir__list_init(&dns->channels);
    dns->made = true;
    rc = config_init(&dns->config, o);
    if (rc < 0)
        return rc;
    rc = weir__dns_table_init(&dns->kept, dns->config.options.cache_max, seed);
    if (rc == 0)
        rc = weir__dns_table_init(&dns->asked, ASKED_BUCKETS, seed);
    if (rc == 0)
        rc = weir_resolver_register(&resolver);
    if (rc < 0)
        return rc;
    dns->looked_ns = weir_now_ns();
    dns->conf_stamp = weir__beside_stamp(dns->config.resolv_conf);
    look_at_hosts(dns);
    rc = weir__dns_channel_open(dns);
    if (rc < 0)
        (void)weir_resolver_register(NULL);
    dns->on = rc == 0;
    return rc;
}

/* As weir__options_copy, which is libweir's own. */
static int take_options(struct weir_dns_options *own, const void *theirs, size_t size)
{
    const unsigned char *bytes = theirs;
    size_t i;

    for (i = sizeof *own; theirs && i < size; i++) {
        if (bytes[i])
            return WEIR_EOPTION;
    }
    if (theirs)
        memcpy(own, theirs, size < sizeof *own ? size : sizeof *own);
    return 0;
}

int weir_dns_init_n(const struct weir_dns_options *options, size_t options_size)
{
    struct weir__dns *dns = &the_dns;
    struct weir_dns_options o = {0};
    int rc = take_options(&o, options, options_size);

    if (rc < 0)
        return rc;
    rc = weir_mutex_lock(&dns->lock);
    if (rc < 0)
        return rc;
    if (dns->made) {
        rc = WEIR_EBUSY;
    } else {
        rc = start(dns, &o);
        if (rc < 0)
            release(dns);
    }
    weir_mutex_unlock(&dns->lock);
    return rc;
}

/* One step of the end: a task that is to be waited for, or a zero handle when all is released. */
static weir_task stop(struct weir__dns *dns)
{
    weir_task task;

    if (dns->on) {
        dns->on = false;
        (void)weir_resolver_register(NULL);
        weir__dns_clear(dns);
    }
    task = weir__dns_channels_close(dns);
    if (!task.id)
        release(dns);
    return task;
}

int weir_dns_fini(void)
{
    struct weir__dns *dns = &the_dns;
    weir_task task;
    weir_block block;
    bool shielded = weir_shield_begin(&block, WEIR_FOREVER) == 0;

    do {
        weir__dns_lock_always(dns);
        task = dns->made ? stop(dns) : (weir_task){0};
        weir_mutex_unlock(&dns->lock);
        if (task.id) {
            (void)weir_task_abort(task);
            (void)weir_task_join(task, NULL);
        }
    } while (task.id);
    if (shielded)
        (void)weir_block_end(&block);
    return 0;
}

/* ---- looking up ---- */

int weir_dns_lookup(const struct weir_dns_answer **answer, const char *name, uint16_t type)
{
    struct weir__dns *dns = &the_dns;
    char prepared[WEIR__DNS_QUESTION_MAX];
    struct weir__dns_ticket ticket;
    struct weir__dns_kept *kept;
    int rc;

    if (!weir_runtime_current())
        return WEIR_ENOTASK;
    if (type == 0 || type == 255) /* "any" has no answer that could be kept (RFC 8482) */
        return WEIR_EINVAL;
    rc = weir__dns_name_prepare(prepared, name);
    if (rc == 0)
        rc = weir_mutex_lock(&dns->lock);
    if (rc < 0)
        return rc;
    rc = weir__dns_begin(dns, prepared, type, &ticket);
    weir_mutex_unlock(&dns->lock);
    if (rc == 0)
        rc = weir__dns_finish(&ticket, &kept);
    if (rc == 0)
        *answer = &kept->answer;
    return rc;
}

static char *hex_digit(char *out, unsigned digit)
{
    *out++ = "0123456789abcdef"[digit];
    *out++ = '.';
    return out;
}

static char *decimal(char *out, unsigned byte)
{
    if (byte >= 100)
        *out++ = (char)('0' + byte / 100);
    if (byte >= 10)
        *out++ = (char)('0' + byte / 10 % 10);
    *out++ = (char)('0' + byte % 10);
    *out++ = '.';
    return out;
}

int weir_dns_reverse(const struct weir_dns_answer **answer, const weir_address *address)
{
    char name[80], *out = name;
    uint8_t bytes[16];
    int i, len = weir__dns_address_bytes(address, bytes);

    if (len == 0)
        return WEIR_EINVAL;
    for (i = len - 1; i >= 0; i--) {
        if (len == 4)
            out = decimal(out, bytes[i]);
        else
            out = hex_digit(hex_digit(out, bytes[i] & 15), bytes[i] >> 4);
    }
    strcpy(out, len == 4 ? "in-addr.arpa" : "ip6.arpa");
    return weir_dns_lookup(answer, name, WEIR_DNS_PTR);
}

int weir_dns_count_n(struct weir_dns_counts *counts, size_t counts_size)
{
    struct weir__dns *dns = &the_dns;
    struct weir_dns_counts own;
    int rc = weir_mutex_lock(&dns->lock);

    if (rc < 0)
        return rc;
    rc = dns->on ? 0 : WEIR_ESHUTDOWN;
    dns->counts.cached = dns->on ? dns->kept.count : 0;
    own = dns->counts;
    weir_mutex_unlock(&dns->lock);
    if (rc < 0)
        return rc;
    memset(counts, 0, counts_size);
    memcpy(counts, &own, counts_size < sizeof own ? counts_size : sizeof own);
    return 0;
}
