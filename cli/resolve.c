/* cli/resolve.c - weir resolve: what a name has, as weir finds it.
 *
 * Without a type the addresses of a host, in the order in which they would be dialled; with one the
 * records of that type, in the notation of zone files (RFC 1035, section 5).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "cli.h"

struct resolve_settings {
    const char *name, *type, *server;
    int64_t timeout_ns;
    uint16_t number; /* of the type; 0: addresses */
    int code;
};

static const struct cli_option options[] = {
    {"type", "TYPE", "the records of a type, such as MX, or of its number; default: addresses",
     cli_take_text, offsetof(struct resolve_settings, type)},
    {"server", "ADDRESS", "IP[:PORT], [IP]:PORT; several by commas; default: the system's",
     cli_take_text, offsetof(struct resolve_settings, server)},
    {"timeout", "TIME", "for all of it; default 10s", cli_take_duration,
     offsetof(struct resolve_settings, timeout_ns)},
    {0},
};

static int failed(const struct resolve_settings *settings, int rc)
{
    return cli_fail(CLI_FAILED, "%s: %s", settings->name, weir_strerror(rc));
}

static int print_addresses(const struct resolve_settings *settings)
{
    static weir_address found[WEIR_RESOLVE_MAX]; /* much for a task's stack */
    char text[WEIR_ADDRESS_TEXT_MAX];
    int i, count = weir_resolve(found, WEIR_RESOLVE_MAX, settings->name, 1, NULL);

    for (i = 0; i < count; i++) {
        char *host = text + strlen("udp://");

        if (weir_address_format(&found[i], text, sizeof text) < 0)
            continue;
        *strrchr(text, ':') = 0;
        puts(*host == '[' ? strtok(host + 1, "]") : host);
    }
    return count < 0 ? failed(settings, count) : CLI_OK;
}

#if defined(WEIR_CLI_DNS)

static const struct {
    const char *name;
    uint16_t number;
} types[] = {
    {"A", WEIR_DNS_A},         {"AAAA", WEIR_DNS_AAAA}, {"CAA", WEIR_DNS_CAA},
    {"CNAME", WEIR_DNS_CNAME}, {"MX", WEIR_DNS_MX},     {"NS", WEIR_DNS_NS},
    {"PTR", WEIR_DNS_PTR},     {"SOA", WEIR_DNS_SOA},   {"SRV", WEIR_DNS_SRV},
    {"TXT", WEIR_DNS_TXT},     {"SVCB", WEIR_DNS_SVCB}, {"HTTPS", WEIR_DNS_HTTPS},
};

/* 0: it is none. */
static uint16_t type_of(const char *text)
{
    unsigned long number;
    size_t i;
    char *end;

    for (i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcasecmp(text, types[i].name) == 0)
            return types[i].number;
    }
    if (strncasecmp(text, "TYPE", 4) == 0)
        text += 4;
    number = strtoul(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && number <= UINT16_MAX ? (uint16_t)number : 0;
}

/* Bytes as they stand between quotes. */
static void print_quoted(struct weir_dns_bytes bytes)
{
    size_t i;

    putchar('"');
    for (i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.at[i];

        if (c < ' ' || c > '~')
            printf("\\%03u", c);
        else
            printf("%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    putchar('"');
}

static void print_ips(struct weir_dns_bytes bytes, int family, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    size_t at;

    for (at = 0; at + size <= bytes.len; at += size)
        printf("%s%s", at ? "," : "", inet_ntop(family, bytes.at + at, text, sizeof text));
}

/* The protocols of alpn, each behind its length. */
static void print_protocols(struct weir_dns_bytes bytes)
{
    size_t at = 0;

    putchar('"');
    while (at < bytes.len && bytes.at[at] < bytes.len - at) {
        printf("%s%.*s", at ? "," : "", bytes.at[at], (const char *)bytes.at + at + 1);
        at += bytes.at[at] + 1u;
    }
    putchar('"');
}

static void print_param(unsigned key, struct weir_dns_bytes value)
{
    switch (key) {
    case 1:
        fputs(" alpn=", stdout);
        print_protocols(value);
        break;
    case 2:
        fputs(" no-default-alpn", stdout);
        break;
    case 3:
        printf(" port=%u", value.len == 2 ? value.at[0] << 8 | value.at[1] : 0);
        break;
    case 4:
        fputs(" ipv4hint=", stdout);
        print_ips(value, AF_INET, 4);
        break;
    case 6:
        fputs(" ipv6hint=", stdout);
        print_ips(value, AF_INET6, 16);
        break;
    default:
        printf(" key%u=", key);
        print_quoted(value);
    }
}

static void print_service(const struct weir_dns_record *record)
{
    struct weir_dns_bytes value;
    unsigned key;

    printf("%u %s.", record->u.svcb.priority, record->u.svcb.host);
    for (key = 0; key <= UINT16_MAX; key++) {
        if (weir_dns_param(record, (uint16_t)key, &value) == 0)
            print_param(key, value);
    }
}

static void print_other(struct weir_dns_bytes bytes)
{
    size_t i;

    printf("\\# %zu ", bytes.len);
    for (i = 0; i < bytes.len; i++)
        printf("%02X", bytes.at[i]);
}

static void print_record(const struct weir_dns_record *r)
{
    switch (r->type) {
    case WEIR_DNS_A:
        print_ips((struct weir_dns_bytes){r->u.a, 4}, AF_INET, 4);
        break;
    case WEIR_DNS_AAAA:
        print_ips((struct weir_dns_bytes){r->u.aaaa, 16}, AF_INET6, 16);
        break;
    case WEIR_DNS_CNAME:
    case WEIR_DNS_NS:
    case WEIR_DNS_PTR:
        printf("%s.", r->u.host);
        break;
    case WEIR_DNS_MX:
        printf("%u %s.", r->u.mx.preference, r->u.mx.host);
        break;
    case WEIR_DNS_SRV:
        printf("%u %u %u %s.", r->u.srv.priority, r->u.srv.weight, r->u.srv.port, r->u.srv.host);
        break;
    case WEIR_DNS_TXT:
        print_quoted(r->u.txt);
        break;
    case WEIR_DNS_CAA:
        printf("%u %s ", r->u.caa.flags, r->u.caa.tag);
        print_quoted(r->u.caa.value);
        break;
    case WEIR_DNS_SOA:
        printf("%s. %s. %u %u %u %u %u", r->u.soa.primary, r->u.soa.mailbox, r->u.soa.serial,
               r->u.soa.refresh_s, r->u.soa.retry_s, r->u.soa.expire_s, r->u.soa.minimum_s);
        break;
    case WEIR_DNS_SVCB:
    case WEIR_DNS_HTTPS:
        print_service(r);
        break;
    default:
        print_other(r->u.other);
    }
    putchar('\n');
}

static int print_records(const struct resolve_settings *settings)
{
    const struct weir_dns_answer *answer;
    weir_address address;
    uint32_t i;
    int rc;

    if (settings->number == WEIR_DNS_PTR && weir_address_host(&address, settings->name, 0) == 0)
        rc = weir_dns_reverse(&answer, &address);
    else
        rc = weir_dns_lookup(&answer, settings->name, settings->number);
    if (rc < 0)
        return failed(settings, rc);
    for (i = 0; i < answer->count; i++)
        print_record(&answer->records[i]);
    weir_dns_release(answer);
    return CLI_OK;
}

/* A server that is asked for by its address is asked: the hosts file is not. */
static int begin(const struct resolve_settings *settings)
{
    struct weir_dns_options dns = {.servers = settings->server,
                                   .hosts_file = settings->server ? "" : NULL};
    int rc = weir_dns_init(&dns);

    if (rc == WEIR_EOPTION)
        return cli_fail(CLI_USAGE, "--server %s: give IP, IP:PORT or [IP]:PORT", settings->server);
    return rc < 0 ? failed(settings, rc) : CLI_OK;
}

static int check_type(struct resolve_settings *settings)
{
    settings->number = settings->type ? type_of(settings->type) : 0;
    if (settings->type && (!settings->number || settings->number == 255))
        return cli_fail(CLI_USAGE, "--type %s: give a type such as A, MX or TXT, or a number",
                        settings->type);
    return CLI_OK;
}

#else

static int begin(const struct resolve_settings *settings)
{
    (void)settings;
    return CLI_OK;
}

static int print_records(const struct resolve_settings *settings)
{
    return failed(settings, WEIR_ENOTSUP);
}

static int check_type(struct resolve_settings *settings)
{
    if (settings->type || settings->server)
        return cli_fail(CLI_FAILED, "--%s: this weir was built without c-ares",
                        settings->type ? "type" : "server");
    return CLI_OK;
}

#endif

static int app(void *arg)
{
    struct resolve_settings *settings = arg;
    weir_block block;
    int rc = weir_deadline_begin(&block, settings->timeout_ns);

    if (rc < 0)
        return rc;
    settings->code = begin(settings);
    if (settings->code == CLI_OK)
        settings->code = settings->number ? print_records(settings) : print_addresses(settings);
    (void)weir_block_end(&block);
#if defined(WEIR_CLI_DNS)
    (void)weir_dns_fini();
#endif
    return 0;
}

int cli_resolve(int argc, char **argv)
{
    struct resolve_settings settings = {.timeout_ns = WEIR_SECONDS(10)};
    int rc = cli_parse("resolve", argc, argv, options, &settings, &settings.name);

    if (rc == CLI_OK && !settings.name)
        rc = cli_fail(CLI_USAGE, "resolve needs a name; see 'weir help resolve'");
    if (rc == CLI_OK)
        rc = check_type(&settings);
    if (rc == CLI_OK)
        rc = cli_run("resolve", app, &settings, 1, 0);
    return rc ? rc : settings.code;
}

void cli_resolve_help(void)
{
    puts("usage: weir resolve [OPTION...] NAME\n\nPrints the addresses of a host in the order in "
         "which they would be dialled, or the\nrecords of a name, one a line.\n");
    cli_print_options(options);
}
