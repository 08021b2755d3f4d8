/* net/address.c - see address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <weir/address.h>
#include <weir/error.h>

#include "sys/network.h"

#define TEXT_MAX  512
#define LABEL_MAX 63

static bool printable(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return true;
}

static int parse_port(const char *text, uint16_t *out)
{
    unsigned long port = 0;
    size_t i;

    for (i = 0; text[i]; i++) {
        if (text[i] < '0' || text[i] > '9' || i == 5)
            return WEIR_EADDRESS;
        port = port * 10 + (unsigned long)(text[i] - '0');
    }
    if (i == 0 || port > 65535)
        return WEIR_EADDRESS;
    *out = (uint16_t)port;
    return 0;
}

static int set_v4(struct weir__address *out, struct in_addr host)
{
    struct sockaddr_in *address = (struct sockaddr_in *)&out->storage;

    address->sin_family = AF_INET;
    address->sin_port = htons(out->port);
    address->sin_addr = host;
    out->len = sizeof *address;
    return 0;
}

/* The interface that a zone names or numbers; 0 if there is none. */
static uint32_t zone_index(const char *zone)
{
    uint64_t index = 0;
    const char *at;

    for (at = zone; *at >= '0' && *at <= '9' && index <= UINT32_MAX; at++)
        index = index * 10 + (uint64_t)(*at - '0');
    if (at == zone || *at)
        return if_nametoindex(zone);
    return index <= UINT32_MAX ? (uint32_t)index : 0;
}

static int set_v6(struct weir__address *out, char *host)
{
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)&out->storage;
    char *zone = strchr(host, '%');

    if (zone)
        *zone++ = 0;
    if (inet_pton(AF_INET6, host, &address->sin6_addr) != 1)
        return WEIR_EADDRESS;
    if (zone) {
        address->sin6_scope_id = zone_index(zone);
        if (!address->sin6_scope_id)
            return WEIR_EADDRESS;
    }
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(out->port);
    out->len = sizeof *address;
    return 0;
}

/* Labels of 1 to 63 letters, digits, '-' and '_', none with '-' at an end; one dot may end the
 * name. */
static bool valid_name(const char *host)
{
    size_t label = 0, i;

    for (i = 0; host[i]; i++) {
        char c = host[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                    || c == '_' || (c == '-' && label > 0);

        if (c == '.' && label > 0 && host[i - 1] != '-')
            label = 0;
        else if (!word || ++label > LABEL_MAX)
            return false;
    }
    return i > 0 && host[i - 1] != '-';
}

/* Something that looks like a number must be one: 127.1 or 1.2.3.4.5 are not names. */
static bool numeric_like(const char *host)
{
    const char *last = strrchr(host, '.');

    last = last ? last + 1 : host;
    return *last >= '0' && *last <= '9';
}

static int set_host(struct weir__address *out, const char *host)
{
    struct in_addr v4;

    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &v4) == 1)
        return set_v4(out, v4);
    if (!valid_name(host) || numeric_like(host))
        return WEIR_EADDRESS;
    strcpy(out->host, host); /* the caller has checked the length */
    return 0;
}

static int parse_ip(const char *rest, struct weir__address *out)
{
    char host[WEIR__ADDRESS_HOST_MAX];
    const char *colon = strrchr(rest, ':');
    size_t len = colon ? (size_t)(colon - rest) : 0;
    bool bracketed;

    if (!colon || len == 0 || len >= sizeof host || strpbrk(rest, "/?#@"))
        return WEIR_EADDRESS;
    if (parse_port(colon + 1, &out->port) < 0)
        return WEIR_EADDRESS;
    memcpy(host, rest, len);
    host[len] = 0;
    bracketed = host[0] == '[';
    if (!bracketed)
        return strpbrk(host, ":[]") ? WEIR_EADDRESS : set_host(out, host);
    if (host[len - 1] != ']' || len < 4)
        return WEIR_EADDRESS;
    host[len - 1] = 0;
    return set_v6(out, host + 1);
}

static int parse_unix(const char *rest, struct weir__address *out)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&out->storage;
    size_t len = strlen(rest);

    if (len == 0 || len >= sizeof address->sun_path || strpbrk(rest, "?#")
        || (rest[0] == '@' && len == 1))
        return WEIR_EADDRESS;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, rest, len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (rest[0] == '@')
        address->sun_path[0] = 0;
    else
        out->len++;
    return 0;
}

/* A number of 32 bits, or "any", which is all ones. */
static bool parse_u32(const char *text, size_t len, uint32_t *out)
{
    uint64_t value = 0;
    size_t i;

    if (len == 3 && memcmp(text, "any", 3) == 0) {
        *out = UINT32_MAX;
        return true;
    }
    for (i = 0; i < len && value <= UINT32_MAX; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (uint32_t)value;
    return len > 0 && value <= UINT32_MAX;
}

static int parse_vsock(const char *rest, struct weir__address *out)
{
    struct sockaddr_vm address;
    const char *colon = strchr(rest, ':');

    memset(&address, 0, sizeof address);
    address.svm_family = AF_VSOCK;
    if (!colon || !parse_u32(rest, (size_t)(colon - rest), &address.svm_cid)
        || !parse_u32(colon + 1, strlen(colon + 1), &address.svm_port))
        return WEIR_EADDRESS;
    memcpy(&out->storage, &address, sizeof address);
    out->len = sizeof address;
    return 0;
}

static const struct {
    const char *name;
    int (*parse)(const char *rest, struct weir__address *out);
    int type;
} schemes[] = {
    [WEIR__SCHEME_TCP] = {"tcp", parse_ip, SOCK_STREAM},
    [WEIR__SCHEME_UDP] = {"udp", parse_ip, SOCK_DGRAM},
    [WEIR__SCHEME_UNIX] = {"unix", parse_unix, SOCK_STREAM},
    [WEIR__SCHEME_UNIXGRAM] = {"unixgram", parse_unix, SOCK_DGRAM},
    [WEIR__SCHEME_UNIXPACKET] = {"unixpacket", parse_unix, SOCK_SEQPACKET},
    [WEIR__SCHEME_VSOCK] = {"vsock", parse_vsock, SOCK_STREAM},
};

static int parse_with(const char *scheme, size_t len, const char *rest, struct weir__address *out)
{
    size_t i;

    for (i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strlen(schemes[i].name) == len && memcmp(schemes[i].name, scheme, len) == 0) {
            out->scheme = (enum weir__scheme)i;
            out->type = schemes[i].type;
            return schemes[i].parse(rest, out);
        }
    }
    return WEIR_ENOSCHEME;
}

static bool valid_scheme(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if ((text[i] < 'a' || text[i] > 'z') && (i == 0 || text[i] < '0' || text[i] > '9'))
            return false;
    }
    return len > 0;
}

int weir__address_parse(const char *text, struct weir__address *out)
{
    struct weir__address parsed;
    size_t len = text ? strnlen(text, TEXT_MAX) : TEXT_MAX;
    const char *rest = len < TEXT_MAX ? strstr(text, "://") : NULL;
    int rc;

    if (!rest || !printable(text, len) || !valid_scheme(text, (size_t)(rest - text)))
        return WEIR_EADDRESS;
    memset(&parsed, 0, sizeof parsed);
    rc = parse_with(text, (size_t)(rest - text), rest + 3, &parsed);
    if (rc == 0)
        *out = parsed;
    return rc;
}

static int format_unix(const char *scheme, const struct sockaddr_un *address, socklen_t len,
                       char *out, size_t cap)
{
    int room = (int)len - (int)offsetof(struct sockaddr_un, sun_path), i, head;

    if (room > (int)sizeof address->sun_path)
        room = sizeof address->sun_path;
    if (room <= 0)
        return snprintf(out, cap, "%s://", scheme);
    if (address->sun_path[0])
        return snprintf(out, cap, "%s://%.*s", scheme,
                        (int)strnlen(address->sun_path, (size_t)room), address->sun_path);
    head = snprintf(out, cap, "%s://@", scheme);
    for (i = 1; i < room; i++)
        out[head - 1 + i] = address->sun_path[i] ? address->sun_path[i] : '?';
    out[head - 1 + room] = 0;
    return head - 1 + room;
}

static int format_v4(const char *scheme, const struct sockaddr_in *address, char *out, size_t cap)
{
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    return snprintf(out, cap, "%s://%s:%u", scheme, host, ntohs(address->sin_port));
}

static int format_v6(const char *scheme, const struct sockaddr_in6 *address, char *out, size_t cap)
{
    char host[INET6_ADDRSTRLEN];
    unsigned port = ntohs(address->sin6_port);

    inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof host);
    if (address->sin6_scope_id)
        return snprintf(out, cap, "%s://[%s%%%u]:%u", scheme, host, address->sin6_scope_id, port);
    return snprintf(out, cap, "%s://[%s]:%u", scheme, host, port);
}

static int format_u32(char *out, size_t cap, uint32_t value)
{
    return value == UINT32_MAX ? snprintf(out, cap, "any") : snprintf(out, cap, "%u", value);
}

static int format_vsock(const struct sockaddr_vm *address, char *out, size_t cap)
{
    char cid[16], port[16];

    (void)format_u32(cid, sizeof cid, address->svm_cid);
    (void)format_u32(port, sizeof port, address->svm_port);
    return snprintf(out, cap, "vsock://%s:%s", cid, port);
}

/* Names of UNIX sockets come from the peer: what is not printable must not reach a terminal. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~')
            *text = '?';
    }
}

static int format(const struct sockaddr *address, socklen_t len, const char *ip, const char *local,
                  char *out, size_t cap)
{
    char text[192];
    int n;

    switch (address->sa_family) {
    case AF_INET:
        n = format_v4(ip, (const void *)address, text, sizeof text);
        break;
    case AF_INET6:
        n = format_v6(ip, (const void *)address, text, sizeof text);
        break;
    case AF_UNIX:
        n = format_unix(local, (const void *)address, len, text, sizeof text);
        break;
    case AF_VSOCK:
        n = format_vsock((const void *)address, text, sizeof text);
        break;
    default:
        return WEIR_EINVAL;
    }
    if ((size_t)n >= cap)
        return WEIR_ENOBUFS;
    make_printable(text);
    memcpy(out, text, (size_t)n + 1);
    return n;
}

int weir__address_format(const struct sockaddr *address, socklen_t len, char *out, size_t cap)
{
    return format(address, len, "tcp", "unix", out, cap);
}

int weir__address_format_message(const struct sockaddr *address, socklen_t len, char *out,
                                 size_t cap)
{
    return format(address, len, "udp", "unixgram", out, cap);
}

/* ---- names ---- */

bool weir__address_find_simulated(struct weir__address *address)
{
    struct in_addr host;

    if (!weir__network_on || weir__network->resolve(address->host, &host.s_addr) < 0)
        return false;
    (void)set_v4(address, host);
    return true;
}

/* ---- addresses as values ---- */

static void copy_out(const struct weir__address *from, weir_address *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->storage, &from->storage, from->len);
    out->len = from->len;
}

int weir_address_parse(weir_address *out, const char *text)
{
    struct weir__address parsed;
    int rc = weir__address_parse(text, &parsed);

    if (rc == 0 && parsed.len == 0)
        rc = WEIR_ENAME;
    if (rc == 0)
        copy_out(&parsed, out);
    return rc;
}

int weir_address_host(weir_address *out, const char *host, uint16_t port)
{
    struct weir__address parsed;
    char copy[WEIR__ADDRESS_HOST_MAX];
    struct in_addr v4;
    size_t len = strnlen(host, sizeof copy);

    if (len == sizeof copy)
        return WEIR_ENAME;
    memcpy(copy, host, len + 1);
    memset(&parsed, 0, sizeof parsed);
    parsed.port = port;
    if (inet_pton(AF_INET, copy, &v4) == 1)
        (void)set_v4(&parsed, v4);
    else if (set_v6(&parsed, copy) < 0)
        return WEIR_ENAME;
    copy_out(&parsed, out);
    return 0;
}

int weir_address_family(const weir_address *address)
{
    sa_family_t family;

    memcpy(&family, address->storage, sizeof family);
    return address->len >= sizeof family ? family : AF_UNSPEC;
}

int weir_address_format(const weir_address *address, char *out, size_t cap)
{
    const socklen_t needed[] = {[AF_INET] = sizeof(struct sockaddr_in),
                                [AF_INET6] = sizeof(struct sockaddr_in6),
                                [AF_VSOCK] = sizeof(struct sockaddr_vm)};
    int family = weir_address_family(address);
    struct sockaddr_storage copy;

    if (address->len > sizeof address->storage || family > AF_VSOCK
        || address->len < needed[family])
        return WEIR_EINVAL;
    memset(&copy, 0, sizeof copy);
    memcpy(&copy, address->storage, address->len);
    return weir__address_format_message((const struct sockaddr *)&copy, address->len, out, cap);
}

#define PORT_AT offsetof(struct sockaddr_in, sin_port)
_Static_assert(PORT_AT == offsetof(struct sockaddr_in6, sin6_port), "both have it at one place");

static bool has_port(const weir_address *address)
{
    int family = weir_address_family(address);

    return family == AF_INET || family == AF_INET6;
}

int weir_address_port(const weir_address *address)
{
    uint16_t port;

    if (!has_port(address))
        return WEIR_EINVAL;
    memcpy(&port, (const char *)address->storage + PORT_AT, sizeof port);
    return ntohs(port);
}

int weir_address_set_port(weir_address *address, uint16_t port)
{
    if (!has_port(address))
        return WEIR_EINVAL;
    port = htons(port);
    memcpy((char *)address->storage + PORT_AT, &port, sizeof port);
    return 0;
}

static bool equal_v4(const weir_address *a, const weir_address *b)
{
    struct sockaddr_in x, y;

    memcpy(&x, a->storage, sizeof x);
    memcpy(&y, b->storage, sizeof y);
    return x.sin_port == y.sin_port && x.sin_addr.s_addr == y.sin_addr.s_addr;
}

static bool equal_v6(const weir_address *a, const weir_address *b)
{
    struct sockaddr_in6 x, y;

    memcpy(&x, a->storage, sizeof x);
    memcpy(&y, b->storage, sizeof y);
    return x.sin6_port == y.sin6_port && x.sin6_scope_id == y.sin6_scope_id
           && memcmp(&x.sin6_addr, &y.sin6_addr, sizeof x.sin6_addr) == 0;
}

bool weir_address_equal(const weir_address *a, const weir_address *b)
{
    int family = weir_address_family(a);

    if (family != weir_address_family(b))
        return false;
    if (family == AF_INET)
        return equal_v4(a, b);
    if (family == AF_INET6)
        return equal_v6(a, b);
    return a->len == b->len && memcmp(a->storage, b->storage, a->len) == 0;
}

int weir_interface_number(const char *name)
{
    unsigned number = if_nametoindex(name);

    return number ? (int)number : WEIR_ENODEV;
}
