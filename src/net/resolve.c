/* net/resolve.c - see <weir/resolve.h>.
 *
 * getaddrinfo runs as a job that owns its memory: it may hang for as long as it likes, and whoever
 * waits for it leaves at its deadline.
 */
#include <weir/resolve.h>

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <weir/blocking.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/options.h"
#include "net/address.h"
#include "net/order.h"
#include "sys/current.h"
#include "sys/network.h"
#include "task/task.h"

static const struct weir_resolver *registered; /* partners: registering, resolver_now */

int weir_resolver_register(const struct weir_resolver *resolver)
{
    const struct weir_resolver *none = NULL;

    if (!resolver)
        WEIR_ATOMIC_STORE(&registered, NULL, RELEASE);
    else if (!WEIR_ATOMIC_CAS(&registered, &none, resolver, ACQ_REL))
        return WEIR_EBUSY;
    return 0;
}

/* ---- the system's ---- */

struct lookup {
    char host[WEIR__ADDRESS_HOST_MAX];
    int family;
    struct addrinfo *found;
};

static int error_of(int code)
{
    switch (code) {
    case 0:
        return 0;
    case EAI_NONAME:
        return WEIR_DNS_ENXDOMAIN;
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return WEIR_DNS_ENODATA;
    case EAI_AGAIN:
        return WEIR_DNS_ESERVFAIL;
    case EAI_MEMORY:
        return WEIR_ENOMEM;
    default:
        return WEIR_ENAME;
    }
}

static int look_up(void *arg) /* on a thread of the pool */
{
    struct lookup *lookup = arg;
    struct addrinfo wanted = {.ai_family = lookup->family, .ai_socktype = SOCK_STREAM};

    return error_of(getaddrinfo(lookup->host, NULL, &wanted, &lookup->found));
}

static void destroy(void *arg)
{
    struct lookup *lookup = arg;

    if (lookup->found)
        freeaddrinfo(lookup->found);
    weir__free(lookup);
}

static int take_found(const struct lookup *lookup, weir_address *out, size_t max, uint16_t port)
{
    const struct addrinfo *at;
    int count = 0;

    for (at = lookup->found; at && (size_t)count < max; at = at->ai_next) {
        if (at->ai_addrlen > sizeof out->storage)
            continue;
        memset(&out[count], 0, sizeof *out);
        memcpy(out[count].storage, at->ai_addr, at->ai_addrlen);
        out[count].len = at->ai_addrlen;
        if (weir_address_set_port(&out[count], port) == 0)
            count++;
    }
    return count ? count : WEIR_DNS_ENODATA;
}

static int resolve_system(weir_address *out, size_t max, const char *host, uint16_t port,
                          unsigned ip, void *arg)
{
    struct lookup *lookup = weir__calloc(1, sizeof *lookup);
    bool left = false;
    int rc;

    (void)arg;
    if (!lookup)
        return WEIR_ENOMEM;
    strcpy(lookup->host, host); /* weir_resolve has checked the length */
    lookup->family = ip == WEIR_IP_V4 ? AF_INET : ip == WEIR_IP_V6 ? AF_INET6 : AF_UNSPEC;
    rc = weir_blocking_owned(WEIR_BLOCKING_NAMES, look_up, lookup, destroy, &left);
    if (rc == 0)
        rc = take_found(lookup, out, max, port);
    if (!left)
        destroy(lookup);
    return rc;
}

static const struct weir_resolver system_resolver = {.resolve = resolve_system};

static const struct weir_resolver *resolver_now(const struct weir_resolve_options *options)
{
    const struct weir_resolver *resolver = WEIR_ATOMIC_LOAD(&registered, ACQUIRE);

    return resolver && options->system != WEIR_ON ? resolver : &system_resolver;
}

/* ---- what needs no resolver ---- */

static bool ends_in_localhost(const char *host)
{
    size_t len = strlen(host);

    len -= len > 0 && host[len - 1] == '.';
    return len >= 9 && strncasecmp(host + len - 9, "localhost", 9) == 0
           && (len == 9 || host[len - 10] == '.');
}

static int loopback(weir_address *out, uint16_t port, unsigned ip)
{
    int count = 0;

    if (ip != WEIR_IP_V6)
        (void)weir_address_host(&out[count++], "127.0.0.1", port);
    if (ip != WEIR_IP_V4)
        (void)weir_address_host(&out[count++], "::1", port);
    return count;
}

static bool of_family(const weir_address *address, unsigned ip)
{
    return ip == WEIR_IP_ANY
           || weir_address_family(address) == (ip == WEIR_IP_V4 ? AF_INET : AF_INET6);
}

/* Visible characters: a name that is none goes to nobody. */
static bool may_be_name(const char *host, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (host[i] <= ' ' || host[i] > '~')
            return false;
    }
    return len > 0 && len < WEIR__ADDRESS_HOST_MAX;
}

/* The name of a simulated host. */
static int find_simulated(weir_address *out, const char *host, uint16_t port, unsigned ip)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (!weir__network_on || weir__network->resolve(host, &to.sin_addr.s_addr) < 0)
        return WEIR_ENAME;
    if (ip == WEIR_IP_V6)
        return WEIR_DNS_ENODATA;
    memcpy(out->storage, &to, sizeof to);
    out->len = sizeof to;
    return 1;
}

/* In a simulation the system is not asked: it would answer differently each time. */
static int find(weir_address *found, const char *host, uint16_t port,
                const struct weir_resolve_options *o)
{
    const struct weir_resolver *resolver = resolver_now(o);
    int rc = find_simulated(found, host, port, o->ip);

    if (rc != WEIR_ENAME)
        return rc;
    if (ends_in_localhost(host))
        return loopback(found, port, o->ip);
    if (weir__network_on && resolver == &system_resolver)
        return rc;
    weir__current_leave();
    rc = resolver->resolve(found, WEIR_RESOLVE_MAX, host, port, o->ip, resolver->arg);
    weir__current_enter();
    return rc;
}

int weir_resolve_n(weir_address *out, size_t max, const char *host, uint16_t port,
                   const struct weir_resolve_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_resolve_options o = {0};
    weir_address *found;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (o.ip != WEIR_IP_ANY && o.ip != WEIR_IP_V4 && o.ip != WEIR_IP_V6)
        return WEIR_EOPTION;
    if (max == 0 || !host)
        return WEIR_EINVAL;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (!may_be_name(host, strnlen(host, WEIR__ADDRESS_HOST_MAX)))
        return WEIR_ENAME;
    found = weir__calloc(2 * WEIR_RESOLVE_MAX, sizeof *found); /* too much for a stack */
    if (!found)
        return WEIR_ENOMEM;
    rc = weir_address_host(&found[0], host, port);
    if (rc == 0)
        rc = of_family(&found[0], o.ip) ? 1 : WEIR_DNS_ENODATA;
    else
        rc = find(found, host, port, &o);
    if (rc > 0) {
        weir__address_order(found, found + WEIR_RESOLVE_MAX, (size_t)rc);
        rc = (size_t)rc < max ? rc : (int)max;
        memcpy(out, found, (size_t)rc * sizeof *out);
    }
    weir__free(found);
    return rc;
}
