/* proto/dns/ares_io.c - the adapter of c-ares: channels. The contract is in resolver.h.
 *
 * c-ares says which of its sockets it waits for; they stand in a set whose descriptor the channel's
 * task waits for, and at most until the next question may have timed out. A question that is asked
 * meanwhile times out later than that. The task runs while questions are in flight, on the runtime
 * of whoever has asked the first. c-ares measures its
 * timeouts by the real clock, also where a runtime's is virtual. Its memory is from the C library's
 * heap: its allocator is one a process, and the program may use c-ares too.
 *
 * When the task is cancelled, with its runtime or by weir_dns_fini, what is in flight fails.
 */
#include <ares.h>
#include <string.h>
#include <weir/memory.h>
#include <weir/ready.h>
#include <weir/time.h>

#include "base/container.h"
#include "proto/dns/resolver.h"

enum {
    SLOW_MAX = 3,          /* questions in a row that a server has not answered in time */
    ANSWER_MAX = 65535,    /* of a message by TCP */
    UDP_ANSWER_MAX = 1232, /* EDNS: what passes everywhere without fragments */
    RECEIVE_BYTES = 1 << 20,
};

struct weir__dns_channel {
    struct weir__list link;
    struct weir__dns *dns;
    ares_channel ares;
    int set;
    weir_task task; /* while it runs */
    uint32_t in_flight, slow;
    bool running, retired;
};

uint32_t weir__dns_channel_in_flight(const struct weir__dns_channel *channel)
{
    return channel->in_flight;
}

bool weir__dns_channel_slow(const struct weir__dns_channel *channel)
{
    return channel->slow >= SLOW_MAX;
}

/* ---- what c-ares calls ---- */

static void on_socket(void *arg, ares_socket_t fd, int read, int write)
{
    struct weir__dns_channel *channel = arg;

    (void)weir__beside_set_watch(channel->set, fd, read, write);
}

static int error_of(int status)
{
    switch (status) {
    case ARES_ENODATA:
        return WEIR_DNS_ENODATA;
    case ARES_ENOTFOUND:
        return WEIR_DNS_ENXDOMAIN;
    case ARES_ESERVFAIL:
        return WEIR_DNS_ESERVFAIL;
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
        return WEIR_DNS_EREFUSED;
    case ARES_ETIMEOUT:
        return WEIR_DNS_ETIMEOUT;
    case ARES_ECONNREFUSED:
        return WEIR_DNS_EUNREACH;
    case ARES_ENOMEM:
        return WEIR_ENOMEM;
    case ARES_EBADNAME:
        return WEIR_ENAME;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
        return WEIR_ECLOSED;
    default:
        return WEIR_DNS_EFORMERR;
    }
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct weir__dns_question *question = arg;
    struct weir__dns_channel *channel = question->channel;
    struct weir__dns *dns = channel->dns;

    channel->in_flight--;
    dns->counts.in_flight--;
    if (status != ARES_EDESTRUCTION) {
        channel->slow = timeouts > 0 ? channel->slow + 1 : 0;
        dns->counts.slow += timeouts > 0;
    }
    if (bytes && len > 0 && len <= ANSWER_MAX)
        weir__dns_answered(dns, question, bytes, (size_t)len);
    else
        weir__dns_failed(dns, question, error_of(status));
}

static int serve(void *arg);

void weir__dns_channel_ask(struct weir__dns_channel *channel, struct weir__dns_question *question)
{
    struct weir_spawn_options options = {.name = "weir-dns", .task = &channel->task};
    struct weir__dns *dns = channel->dns;
    int rc = 0;

    if (!channel->running)
        rc = weir_runtime_spawn_n(weir_runtime_current(), serve, channel, &options, sizeof options);
    if (rc < 0) {
        weir__dns_failed(dns, question, rc);
        return;
    }
    channel->running = true;
    question->channel = channel;
    channel->in_flight++;
    dns->counts.in_flight++;
    ares_query(channel->ares, question->name, 1 /* IN */, question->node.type, on_answer, question);
}

/* ---- making one ---- */

/* Another server becomes the first, unless the configuration says that they take turns. */
static int turn_servers(struct weir__dns_channel *channel)
{
    struct weir__dns *dns = channel->dns;
    struct ares_addr_port_node *servers, *at, *last = NULL;
    uint32_t turns, count = 0;

    if (ares_get_servers_ports(channel->ares, &servers) != ARES_SUCCESS)
        return WEIR_ENOMEM;
    for (at = servers; at; at = at->next) {
        last = at;
        count++;
    }
    dns->server_count = count;
    turns = count ? dns->first_server % count : 0;
    at = servers;
    for (; turns > 0; turns--) { /* a ring, opened elsewhere */
        last->next = at;
        last = at;
        at = at->next;
        last->next = NULL;
    }
    if (at != servers)
        (void)ares_set_servers_ports(channel->ares, at);
    ares_free_data(at);
    return 0;
}

static uint32_t words(const char *text, char **out, uint32_t max)
{
    uint32_t count = 0;
    char *at = (char *)(uintptr_t)text;

    while (*at && count < max) {
        while (*at == ' ')
            *at++ = 0;
        if (!*at)
            break;
        out[count++] = at;
        while (*at && *at != ' ')
            at++;
    }
    return count;
}

/* `more` are flags of c-ares. */
static int init_ares(struct weir__dns_channel *channel, int more)
{
    const struct weir__dns_config *config = &channel->dns->config;
    const struct weir_dns_options *o = &config->options;
    struct ares_options options = {0};
    char *domains[WEIR__DNS_SEARCH_MAX], search[1024] = "";
    int rc, flags = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB
                    | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_RCVBUF | ARES_OPT_RESOLVCONF;

    options.flags = ARES_FLAG_EDNS | more;
    options.timeout = (int)(o->timeout_ns / WEIR_MILLISECONDS(1));
    options.tries = (int)o->tries;
    options.sock_state_cb = on_socket;
    options.sock_state_cb_data = channel;
    options.ednspsz = UDP_ANSWER_MAX;
    options.socket_receive_buffer_size = RECEIVE_BYTES;
    options.resolvconf_path = config->resolv_conf;
    if (o->ndots) {
        options.ndots = (int)o->ndots;
        flags |= ARES_OPT_NDOTS;
    }
    flags |= o->rotate == WEIR_ON ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE;
    if (config->search) {
        memcpy(search, config->search, strnlen(config->search, sizeof search - 1));
        options.domains = domains;
        options.ndomains = (int)words(search, domains, WEIR__DNS_SEARCH_MAX);
        flags |= ARES_OPT_DOMAINS;
    }
    rc = ares_init_options(&channel->ares, &options, flags);
    if (rc != ARES_SUCCESS)
        return rc == ARES_ENOMEM ? WEIR_ENOMEM : rc == ARES_EFILE ? WEIR_EIO : WEIR_EOPTION;
    rc = config->servers ? ares_set_servers_ports_csv(channel->ares, config->servers) : 0;
    return rc == ARES_ENOMEM ? WEIR_ENOMEM : rc != ARES_SUCCESS ? WEIR_EOPTION : 0;
}

/* The search list that c-ares has read. What it leaves half filled is released too. */
static int read_search(struct weir__dns_channel *channel)
{
    struct weir__dns *dns = channel->dns;
    struct ares_options options = {0};
    int flags, i;

    if (ares_save_options(channel->ares, &options, &flags) != ARES_SUCCESS) {
        ares_destroy_options(&options);
        return WEIR_ENOMEM;
    }
    dns->ndots = options.ndots > 0 ? (uint32_t)options.ndots : 0;
    dns->search_count = 0;
    for (i = 0; i < options.ndomains && dns->search_count < WEIR__DNS_SEARCH_MAX; i++)
        dns->search_count +=
            weir__dns_name_prepare(dns->search[dns->search_count], options.domains[i]) == 0;
    ares_destroy_options(&options);
    return 0;
}

static void channel_close(struct weir__dns_channel *channel)
{
    struct weir__dns *dns = channel->dns;

    if (channel->ares)
        ares_destroy(channel->ares); /* fails what is in flight */
    if (channel->set >= 0)
        weir__beside_close(channel->set);
    weir__list_remove(&channel->link);
    if (dns->channel == channel)
        dns->channel = NULL;
    weir_release(channel);
    ares_library_cleanup();
}

int weir__dns_channel_open(struct weir__dns *dns)
{
    struct weir__dns_channel *channel = weir_allocate(sizeof *channel), *before = dns->channel;
    int rc;

    if (!channel)
        return WEIR_ENOMEM;
    memset(channel, 0, sizeof *channel);
    channel->dns = dns;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        weir_release(channel);
        return WEIR_ENOMEM;
    }
    rc = channel->set = weir__beside_set_create();
    if (rc >= 0)
        rc = init_ares(channel, 0);
    if (rc >= 0)
        rc = turn_servers(channel);
    if (rc >= 0 && dns->server_count == 1) {
        /* Else a server that refuses is one of several, and c-ares forgets what it has said. */
        ares_destroy(channel->ares);
        channel->ares = NULL;
        rc = init_ares(channel, ARES_FLAG_NOCHECKRESP);
    }
    if (rc >= 0)
        rc = read_search(channel);
    if (rc < 0) {
        channel_close(channel);
        return rc;
    }
    weir__list_push_back(&dns->channels, &channel->link);
    dns->channel = channel;
    if (before && !before->running)
        channel_close(before);
    else if (before)
        before->retired = true;
    return 0;
}

weir_task weir__dns_channels_close(struct weir__dns *dns)
{
    struct weir__dns_channel *channel;

    while (!weir__list_empty(&dns->channels)) {
        channel = WEIR_CONTAINER_OF(dns->channels.next, struct weir__dns_channel, link);
        if (channel->running)
            return channel->task;
        channel_close(channel);
    }
    return (weir_task){0};
}

/* ---- its task ---- */

/* Takes what the sockets have brought, and times out what is too old. Under the lock. */
static void process(struct weir__dns_channel *channel)
{
    struct weir__beside_ready ready[WEIR__BESIDE_READY_MAX];
    int i, count = weir__beside_set_take(channel->set, ready);

    for (i = 0; i < count; i++)
        ares_process_fd(channel->ares, ready[i].read ? ready[i].fd : ARES_SOCKET_BAD,
                        ready[i].write ? ready[i].fd : ARES_SOCKET_BAD);
    if (count <= 0)
        ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (channel->dns->on)
        weir__dns_push(channel->dns);
}

/* For how long the task waits now. Under the lock. */
static int64_t limit_of(const struct weir__dns_channel *channel)
{
    int64_t base_ns = channel->dns->config.options.timeout_ns, limit_ns;
    struct timeval until, *at = ares_timeout(channel->ares, NULL, &until);

    if (!at)
        return base_ns;
    limit_ns = WEIR_SECONDS(at->tv_sec) + WEIR_MICROSECONDS(at->tv_usec) + WEIR_MILLISECONDS(1);
    return limit_ns < base_ns ? limit_ns : base_ns;
}

/* 0, or WEIR_ECANCELED. */
static int rest(const struct weir__dns_channel *channel, int64_t limit_ns)
{
    weir_block block;
    int rc = weir_deadline_begin(&block, limit_ns);

    if (rc == 0)
        rc = weir_ready_wait(channel->set, WEIR_READY_READ);
    (void)weir_block_end(&block);
    return rc == WEIR_ECANCELED ? rc : 0;
}

/* The task ends. Under the lock. */
static void end(struct weir__dns_channel *channel)
{
    struct weir__dns *dns = channel->dns;

    (void)weir_task_forget(channel->task);
    channel->running = false;
    if (channel->retired)
        channel_close(channel);
    if (dns->on)
        weir__dns_push(dns);
}

static int serve(void *arg)
{
    struct weir__dns_channel *channel = arg;
    struct weir__dns *dns = channel->dns;
    int64_t limit_ns;
    int rc;

    while ((rc = weir_mutex_lock(&dns->lock)) == 0) {
        process(channel);
        if (!channel->in_flight)
            break;
        limit_ns = limit_of(channel);
        weir_mutex_unlock(&dns->lock);
        rc = rest(channel, limit_ns);
        if (rc < 0)
            break;
    }
    if (rc < 0) {
        weir__dns_lock_always(dns);
        ares_cancel(channel->ares);
    }
    end(channel);
    weir_mutex_unlock(&dns->lock);
    return 0;
}
