/* bench/dns/weir_dns.c - names looked up by weir: weir_dns NAMES AT_ONCE [system].
 *
 * By libweir-dns, its cache off, or by getaddrinfo on weir's pool.
 */
#include <string.h>
#include <weir.h>

#include "dns.h"

static unsigned names, at_once, next_name, failed;
static uint8_t by_system;
static struct histogram histogram;
static weir_mutex lock;

static int look_up(void *arg)
{
    struct weir_resolve_options options = {.system = by_system};
    weir_address out[4];
    char name[32];
    unsigned number;

    (void)arg;
    while ((number = __atomic_fetch_add(&next_name, 1, __ATOMIC_RELAXED)) < names) {
        uint64_t began = dns_now(), taken;
        int rc;

        dns_name(name, number);
        rc = weir_resolve(out, 4, name, 80, &options);
        taken = dns_now() - began;
        if (weir_mutex_lock(&lock) == 0) {
            histogram_add(&histogram, taken);
            failed += rc < 1;
            weir_mutex_unlock(&lock);
        }
    }
    return 0;
}

static int app(void *arg)
{
    struct weir_dns_options options = {.cache = WEIR_OFF, .hosts_file = ""};
    weir_scope scope;
    uint64_t began;
    unsigned i;
    int rc = weir_dns_init(&options);

    (void)arg;
    weir_scope_open(&scope);
    began = dns_now();
    for (i = 0; rc == 0 && i < at_once; i++)
        rc = weir_spawn(&scope, look_up, NULL);
    weir_scope_join(&scope);
    dns_report(&histogram, dns_now() - began, failed);
    return weir_dns_fini() < 0 ? -1 : rc;
}

int main(int argc, char **argv)
{
    names = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    at_once = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
    by_system = argc > 3 && strcmp(argv[3], "system") == 0 ? WEIR_ON : WEIR_DEFAULT;
    return weir_run(app, NULL, NULL) < 0;
}
