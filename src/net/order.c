/* net/order.c - see order.h. */
#include "net/order.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <weir/resolve.h>

#include "sys/call.h"

/* An address as IPv6 has it: IPv4 is mapped. */
struct bytes {
    uint8_t at[16];
};

/* What the rules look at. */
struct ranked {
    uint8_t usable, scope_fits, label_fits, precedence, scope, common;
    uint8_t position;
};

struct policy {
    uint8_t prefix[16];
    uint8_t bits, precedence, label;
};

/* RFC 6724, section 2.1, the longest prefixes first. */
static const struct policy policies[] = {
    {{[15] = 1}, 128, 50, 0},  {{[10] = 0xff, [11] = 0xff}, 96, 35, 4},
    {{0}, 96, 1, 3},           {{0x20, 0x01}, 32, 5, 5},
    {{0x20, 0x02}, 16, 30, 2}, {{0x3f, 0xfe}, 16, 1, 12},
    {{0xfe, 0xc0}, 10, 1, 11}, {{0xfc}, 7, 3, 13},
    {{0}, 0, 40, 1},
};

static struct bytes bytes_of(const weir_address *address)
{
    const struct sockaddr *any = (const struct sockaddr *)address->storage;
    struct bytes bytes = {{[10] = 0xff, [11] = 0xff}};

    if (any->sa_family == AF_INET6)
        memcpy(bytes.at, &((const struct sockaddr_in6 *)(const void *)any)->sin6_addr, 16);
    else
        memcpy(bytes.at + 12, &((const struct sockaddr_in *)(const void *)any)->sin_addr, 4);
    return bytes;
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b)
{
    unsigned bits = 0;

    while (bits < 128 && !((a[bits / 8] ^ b[bits / 8]) & 0x80 >> bits % 8))
        bits++;
    return bits;
}

static const struct policy *policy_of(const struct bytes *bytes)
{
    const struct policy *at = policies;

    while (common_bits(at->prefix, bytes->at) < at->bits)
        at++;
    return at;
}

static bool is_mapped(const struct bytes *bytes)
{
    return policy_of(bytes)->label == 4;
}

static uint8_t scope_of(const struct bytes *bytes)
{
    const uint8_t *at = bytes->at;

    if (is_mapped(bytes))
        return at[12] == 127 || (at[12] == 169 && at[13] == 254) ? 2 : 14;
    if (at[0] == 0xff)
        return at[1] & 15;
    if (at[0] == 0xfe && (at[1] & 0xc0) == 0xc0)
        return 5;
    return (at[0] == 0xfe && (at[1] & 0xc0) == 0x80) || policy_of(bytes)->bits == 128 ? 2 : 14;
}

static struct ranked rank(const weir_address *address, const weir_address *own)
{
    struct bytes to = bytes_of(address), from;
    struct ranked r = {.scope = scope_of(&to), .precedence = policy_of(&to)->precedence};

    if (!own->len)
        return r;
    from = bytes_of(own);
    r.usable = 1;
    r.scope_fits = r.scope == scope_of(&from);
    r.label_fits = policy_of(&to)->label == policy_of(&from)->label;
    if (!is_mapped(&to)) /* prefixes of IPv4 say nothing of how near somebody is */
        r.common = (uint8_t)common_bits(to.at, from.at);
    return r;
}

/* Whether `a` comes before `b`. */
static bool before(const struct ranked *a, const struct ranked *b)
{
    if (a->usable != b->usable)
        return a->usable;
    if (a->scope_fits != b->scope_fits)
        return a->scope_fits;
    if (a->label_fits != b->label_fits)
        return a->label_fits;
    if (a->precedence != b->precedence)
        return a->precedence > b->precedence;
    if (a->scope != b->scope)
        return a->scope < b->scope;
    return a->common && b->common && a->common > b->common;
}

void weir__address_order_by(weir_address *list, const weir_address *own, size_t count)
{
    struct ranked ranks[WEIR_RESOLVE_MAX];
    size_t i, at;

    for (i = 0; i < count; i++) {
        struct ranked r = rank(&list[i], &own[i]);
        weir_address address = list[i];

        for (at = i; at > 0 && before(&r, &ranks[at - 1]); at--) {
            ranks[at] = ranks[at - 1];
            list[at] = list[at - 1];
        }
        ranks[at] = r;
        list[at] = address;
    }
}

/* The own address that the kernel would send from; none: it cannot be reached. */
static void ask_own(const weir_address *to, weir_address *own)
{
    const struct sockaddr *address = (const struct sockaddr *)to->storage;
    socklen_t len = sizeof own->storage;
    int fd = weir__sys_socket(address->sa_family, SOCK_DGRAM, 0);

    own->len = 0;
    if (fd < 0)
        return;
    if (weir__sys_connect(fd, address, to->len) == 0
        && weir__sys_getsockname(fd, (struct sockaddr *)own->storage, &len) == 0)
        own->len = len;
    weir__sys_close(fd);
}

void weir__address_order(weir_address *list, weir_address *own, size_t count)
{
    size_t i;

    if (count < 2)
        return;
    for (i = 0; i < count; i++)
        ask_own(&list[i], &own[i]);
    weir__address_order_by(list, own, count);
}

void weir__address_interleave(weir_address *list, size_t count)
{
    size_t i, at;

    for (i = 1; i < count; i++) {
        int unwanted = weir_address_family(&list[i - 1]);
        weir_address moved;

        for (at = i; at < count && weir_address_family(&list[at]) == unwanted;)
            at++;
        if (at == count)
            return;
        moved = list[at];
        memmove(&list[i + 1], &list[i], (at - i) * sizeof moved);
        list[i] = moved;
    }
}
