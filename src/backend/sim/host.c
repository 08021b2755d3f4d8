/* backend/sim/host.c - hosts, their lives, and the links between them; see core/sim.h. */
#include <arpa/inet.h>
#include <string.h>
#include <weir/time.h>

#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "base/container.h"
#include "sys/sys.h"

#define FIRST_ADDRESS   0x0a000001u /* 10.0.0.1: host 0; the others follow */
#define LATENCY_MIN_NS  50000
#define LATENCY_MAX_NS  500000
#define LOOPBACK_MIN_NS 1000
#define LOOPBACK_MAX_NS 30000
#define LOST_MAX        6  /* times in a row, of one segment */
#define LATE_TIMES      10 /* so much longer a datagram takes that is overtaken */

struct host {
    char name[WEIR__SIM_NAME_MAX];
    uint32_t life;
    bool up;
};

/* One direction between two hosts. */
struct link {
    struct link *next;
    uint32_t from, to;
    struct weir_sim_link_options options;
    bool is_set;
    bool cut;
    uint64_t busy_until_ns;
};

static struct host *hosts;
static uint32_t host_count;
static uint32_t *lives; /* the host of each */
static uint32_t life_count;
static struct link *links;
static struct weir_sim_link_options common;

static uint32_t nobody(void)
{
    return 0;
}

uint32_t (*weir__sim_whose)(void) = nobody;

int weir__sim_hosts_init(void)
{
    memset(&common, 0, sizeof common);
    return weir__sim_host_add("local") < 0 || weir__sim_host_up(0) != 0 ? WEIR_ENOMEM : 0;
}

void weir__sim_hosts_fini(void)
{
    while (links) {
        struct link *next = links->next;

        weir__free(links);
        links = next;
    }
    weir__free(hosts);
    weir__free(lives);
    hosts = NULL;
    lives = NULL;
    host_count = life_count = 0;
}

int weir__sim_host_add(const char *name)
{
    WEIR__SIM_CALL; /* other threads look at what is moved */
    struct host *grown;
    uint32_t i;

    for (i = 0; i < host_count; i++) {
        if (strcmp(hosts[i].name, name) == 0)
            return WEIR_EEXIST;
    }
    if (host_count == WEIR_SIM_HOSTS_MAX)
        return WEIR_ELIMIT;
    grown = weir__realloc(hosts, (host_count + 1) * sizeof *hosts);
    if (!grown)
        return WEIR_ENOMEM;
    hosts = grown;
    memset(&hosts[host_count], 0, sizeof *hosts);
    memcpy(hosts[host_count].name, name, strnlen(name, WEIR__SIM_NAME_MAX - 1));
    return (int)host_count++;
}

uint32_t weir__sim_host_count(void)
{
    return host_count;
}

uint32_t weir__sim_host_up(uint32_t host)
{
    WEIR__SIM_CALL; /* other threads look at what is moved */
    uint32_t *grown = weir__realloc(lives, (life_count + 1) * sizeof *lives);

    if (!grown)
        return UINT32_MAX;
    lives = grown;
    lives[life_count] = host;
    hosts[host].life = life_count;
    hosts[host].up = true;
    return life_count++;
}

void weir__sim_host_down(uint32_t host)
{
    WEIR__SIM_CALL;
    hosts[host].up = false;
    weir__sim_wire_crash(hosts[host].life);
    weir__sim_disk_crash(host);
}

uint32_t weir__sim_host_life(uint32_t host)
{
    return hosts[host].up ? hosts[host].life : 0;
}

uint32_t weir__sim_host_last(uint32_t host)
{
    return hosts[host].life;
}

uint32_t weir__sim_life_host(uint32_t life)
{
    return lives[life];
}

bool weir__sim_life_over(uint32_t life)
{
    const struct host *host = &hosts[lives[life]];

    return !host->up || host->life != life;
}

const char *weir__sim_host_name(uint32_t host)
{
    return hosts[host].name;
}

uint32_t weir__sim_host_address(uint32_t host)
{
    return htonl(FIRST_ADDRESS + host);
}

int weir__sim_host_find(uint32_t address)
{
    uint32_t number = ntohl(address) - FIRST_ADDRESS;

    return number < host_count ? (int)number : -1;
}

int weir__sim_host_resolve(const char *name, uint32_t *address)
{
    uint32_t i;

    for (i = 0; i < host_count; i++) {
        if (strcmp(hosts[i].name, name) == 0) {
            *address = weir__sim_host_address(i);
            return 0;
        }
    }
    return WEIR_ENOENT;
}

/* ---- links ---- */

static struct link *find(uint32_t from, uint32_t to)
{
    struct link *link = links;

    while (link && (link->from != from || link->to != to))
        link = link->next;
    return link;
}

static struct link *make(uint32_t from, uint32_t to)
{
    struct link *link = find(from, to);

    if (link)
        return link;
    link = weir__calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->from = from;
    link->to = to;
    link->next = links;
    links = link;
    return link;
}

int weir__sim_link_set(uint32_t a, uint32_t b, const struct weir_sim_link_options *options)
{
    WEIR__SIM_CALL;
    struct link *there, *back;

    if (a == WEIR__SIM_ALL) {
        common = *options;
        return 0;
    }
    there = make(a, b);
    back = make(b, a);
    if (!there || !back)
        return WEIR_ENOMEM;
    there->options = back->options = *options;
    there->is_set = back->is_set = true;
    return 0;
}

int weir__sim_link_cut(uint32_t a, uint32_t b, bool cut)
{
    WEIR__SIM_CALL;
    struct link *there = make(a, b), *back = make(b, a);

    if (!there || !back)
        return WEIR_ENOMEM;
    there->cut = back->cut = cut;
    return 0;
}

bool weir__sim_link_is_cut(uint32_t a, uint32_t b)
{
    const struct link *link = find(a, b);

    return link && link->cut;
}

void weir__sim_link_reset(uint32_t a, uint32_t b)
{
    WEIR__SIM_CALL;
    struct weir__list *at, *next;

    for (at = weir__sim_connections.next; at != &weir__sim_connections; at = next) {
        struct sim_connection *connection = WEIR_CONTAINER_OF(at, struct sim_connection, link);
        uint32_t one = lives[connection->ends[0].life], other;

        next = at->next;
        if (!connection->ends[1].exists)
            continue;
        other = lives[connection->ends[1].life];
        if ((one == a && other == b) || (one == b && other == a))
            weir__sim_wire_break(connection);
    }
}

/* The wire carries one segment after the other. */
static int64_t carry(struct link *link, uint64_t rate, size_t len)
{
    uint64_t now_ns = weir__now_ns();

    if (link->busy_until_ns < now_ns)
        link->busy_until_ns = now_ns;
    link->busy_until_ns += len * 1000000000ull / rate;
    return (int64_t)(link->busy_until_ns - now_ns);
}

static const struct weir_sim_link_options *options_of(const struct link *link)
{
    return link && link->is_set ? &link->options : &common;
}

/* Whether it is a host's own that is as it always is. */
static bool is_loopback(const struct link *link, uint32_t from, uint32_t to)
{
    return from == to && !(link && link->is_set);
}

/* A way without losses. */
static int64_t travel(struct link *link, uint32_t from, uint32_t to, size_t len)
{
    const struct weir_sim_link_options *options = options_of(link);
    bool standard = !options->latency_min_ns && !options->latency_max_ns;
    int64_t takes_ns;

    if (is_loopback(link, from, to))
        return weir__sim_between(LOOPBACK_MIN_NS, LOOPBACK_MAX_NS);
    takes_ns = weir__sim_between(standard ? LATENCY_MIN_NS : options->latency_min_ns,
                                 standard ? LATENCY_MAX_NS : options->latency_max_ns);
    if (options->bytes_per_second && !link)
        link = make(from, to);
    if (options->bytes_per_second && link)
        takes_ns += carry(link, options->bytes_per_second, len);
    return takes_ns;
}

int64_t weir__sim_link_takes(uint32_t from, uint32_t to, size_t len, int64_t again_ns)
{
    struct link *link = find(from, to);
    uint32_t loss = is_loopback(link, from, to) ? 0 : options_of(link)->loss_permille;
    int64_t takes_ns = travel(link, from, to, len + 40); /* with the headers */
    int lost = 0;

    while (loss && lost++ < LOST_MAX && weir__sim_below(1000) < loss) {
        takes_ns += again_ns;
        again_ns *= 2;
    }
    return takes_ns;
}

/* Draws nothing if there are none. */
static bool happens(uint32_t permille)
{
    return permille && weir__sim_below(1000) < permille;
}

int64_t weir__sim_link_carries(uint32_t from, uint32_t to, size_t len, size_t fragments)
{
    struct link *link = find(from, to);
    const struct weir_sim_link_options *options = options_of(link);
    int64_t takes_ns = travel(link, from, to, len);

    if (is_loopback(link, from, to))
        return takes_ns;
    if (link && link->cut)
        return -1;
    for (; fragments; fragments--) {
        if (happens(options->loss_permille))
            return -1;
    }
    if (happens(options->reorder_permille))
        takes_ns += weir__sim_between(0, LATE_TIMES * takes_ns);
    return takes_ns;
}

bool weir__sim_link_repeats(uint32_t from, uint32_t to)
{
    const struct link *link = find(from, to);

    return !is_loopback(link, from, to) && happens(options_of(link)->duplicate_permille);
}
