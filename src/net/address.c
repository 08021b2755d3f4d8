/* net/address.c - see address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <weir/error.h>

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

static int parse_tcp(const char *rest, struct weir__address *out)
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
    rest += 3;
    if (strncmp(text, "tcp://", 6) == 0)
        rc = parse_tcp(rest, &parsed);
    else if (strncmp(text, "unix://", 7) == 0)
        rc = parse_unix(rest, &parsed);
    else
        rc = WEIR_ENOSCHEME;
    if (rc == 0)
        *out = parsed;
    return rc;
}

static int format_unix(const struct sockaddr_un *address, socklen_t len, char *out, size_t cap)
{
    int room = (int)len - (int)offsetof(struct sockaddr_un, sun_path), i;

    if (room > (int)sizeof address->sun_path)
        room = sizeof address->sun_path;
    if (room <= 0)
        return snprintf(out, cap, "unix://");
    if (address->sun_path[0])
        return snprintf(out, cap, "unix://%.*s", (int)strnlen(address->sun_path, (size_t)room),
                        address->sun_path);
    memcpy(out, "unix://@", 8);
    for (i = 1; i < room; i++)
        out[7 + i] = address->sun_path[i] ? address->sun_path[i] : '?';
    out[7 + room] = 0;
    return 7 + room;
}

static int format_v6(const struct sockaddr_in6 *address, char *out, size_t cap)
{
    char host[INET6_ADDRSTRLEN];
    unsigned port = ntohs(address->sin6_port);

    inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof host);
    if (address->sin6_scope_id)
        return snprintf(out, cap, "tcp://[%s%%%u]:%u", host, address->sin6_scope_id, port);
    return snprintf(out, cap, "tcp://[%s]:%u", host, port);
}

/* Names of UNIX sockets come from the peer: what is not printable must not reach a terminal. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~')
            *text = '?';
    }
}

int weir__address_format(const struct sockaddr *address, socklen_t len, char *out, size_t cap)
{
    char text[192], host[INET_ADDRSTRLEN];
    int n;

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        n = snprintf(text, sizeof text, "tcp://%s:%u", host, ntohs(v4->sin_port));
    } else if (address->sa_family == AF_INET6) {
        n = format_v6((const struct sockaddr_in6 *)(const void *)address, text, sizeof text);
    } else if (address->sa_family == AF_UNIX) {
        n = format_unix((const struct sockaddr_un *)(const void *)address, len, text, sizeof text);
    } else {
        return WEIR_EINVAL;
    }
    if ((size_t)n >= cap)
        return WEIR_ENOBUFS;
    make_printable(text);
    memcpy(out, text, (size_t)n + 1);
    return n;
}
