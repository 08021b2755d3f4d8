/* bench/dns/uv_dns.c - names looked up by libuv (getaddrinfo on its pool): uv_dns NAMES AT_ONCE. */
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "dns.h"

struct lookup {
    uv_getaddrinfo_t req;
    uint64_t began;
};

static unsigned names, next_name, failed;
static struct histogram histogram;

static void begin(struct lookup *lookup);

static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct lookup *lookup = (struct lookup *)req;

    histogram_add(&histogram, dns_now() - lookup->began);
    failed += status < 0;
    uv_freeaddrinfo(found);
    begin(lookup);
}

static void begin(struct lookup *lookup)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char name[32];

    if (next_name == names)
        return;
    dns_name(name, next_name++);
    lookup->began = dns_now();
    uv_getaddrinfo(uv_default_loop(), &lookup->req, on_found, name, NULL, &hints);
}

int main(int argc, char **argv)
{
    unsigned at_once = argc > 2 ? (unsigned)atoi(argv[2]) : 100, i;
    struct lookup *lookups = calloc(at_once, sizeof *lookups);
    uint64_t began = dns_now();

    names = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    for (i = 0; i < at_once; i++)
        begin(&lookups[i]);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    dns_report(&histogram, dns_now() - began, failed);
    free(lookups);
    return 0;
}
