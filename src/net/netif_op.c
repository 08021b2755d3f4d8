/* net/netif_op.c - see netif_op.h. */
#include "net/netif_op.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#if !defined(RTEXT_FILTER_SKIP_STATS)
#define RTEXT_FILTER_SKIP_STATS (1 << 3) /* Linux 4.4 */
#endif

/* ---- questions ---- */

static size_t put_attribute(unsigned char *out, size_t len, uint16_t type, uint32_t value)
{
    struct rtattr head = {.rta_len = RTA_LENGTH(sizeof value), .rta_type = type};

    memcpy(out + len, &head, sizeof head);
    memcpy(out + len + RTA_LENGTH(0), &value, sizeof value);
    return len + RTA_SPACE(sizeof value);
}

size_t weir__netif_ask(unsigned char out[WEIR__NETIF_QUESTION_MAX],
                       enum weir__netif_question question, uint32_t sequence)
{
    bool links = question == NETIF_ASK_LINKS;
    struct nlmsghdr head = {.nlmsg_type = links ? RTM_GETLINK : RTM_GETADDR,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                            .nlmsg_seq = sequence};
    size_t len = NLMSG_LENGTH(links ? sizeof(struct ifinfomsg) : sizeof(struct ifaddrmsg));

    memset(out, 0, WEIR__NETIF_QUESTION_MAX); /* AF_UNSPEC, all interfaces */
    if (links)
        len = put_attribute(out, NLMSG_ALIGN(len), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    head.nlmsg_len = (uint32_t)len;
    memcpy(out, &head, sizeof head);
    return len;
}

void weir__netif_groups(weir_address *out)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK,
                               .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};

    memset(out, 0, sizeof *out);
    memcpy(out->storage, &name, sizeof name);
    out->len = sizeof name;
}

bool weir__netif_from_kernel(const weir_address *sender)
{
    struct sockaddr_nl name;

    if (sender->len < sizeof name)
        return false;
    memcpy(&name, sender->storage, sizeof name);
    return name.nl_family == AF_NETLINK && name.nl_pid == 0;
}

/* ---- attributes ---- */

struct attribute {
    uint16_t type;
    const unsigned char *bytes;
    size_t len;
};

static bool take_attribute(struct weir__netif_cursor *cursor, struct attribute *out)
{
    struct rtattr head;
    size_t whole;

    if (cursor->left < sizeof head)
        return false;
    memcpy(&head, cursor->at, sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > cursor->left)
        return false;
    *out = (struct attribute){head.rta_type & NLA_TYPE_MASK, cursor->at + sizeof head,
                              head.rta_len - sizeof head};
    whole = RTA_ALIGN((size_t)head.rta_len);
    whole = whole < cursor->left ? whole : cursor->left;
    cursor->at += whole;
    cursor->left -= whole;
    return true;
}

static uint32_t number_of(const struct attribute *attribute)
{
    uint32_t number = 0;

    if (attribute->len >= sizeof number)
        memcpy(&number, attribute->bytes, sizeof number);
    return number;
}

static size_t at_most(size_t len, size_t most)
{
    return len < most ? len : most;
}

/* ---- links ---- */

static const struct {
    unsigned theirs;
    uint32_t ours;
} flags[] = {
    {IFF_UP, WEIR_NETIF_UP},
    {IFF_RUNNING, WEIR_NETIF_RUNNING},
    {IFF_LOOPBACK, WEIR_NETIF_LOOPBACK},
    {IFF_BROADCAST, WEIR_NETIF_BROADCAST},
    {IFF_POINTOPOINT, WEIR_NETIF_POINT_TO_POINT},
    {IFF_MULTICAST, WEIR_NETIF_MULTICAST},
};

static void read_link_attribute(struct weir_netif *out, const struct attribute *attribute)
{
    switch (attribute->type) {
    case IFLA_IFNAME:
        memcpy(out->name, attribute->bytes, at_most(attribute->len, sizeof out->name - 1));
        break;
    case IFLA_MTU:
        out->mtu = number_of(attribute);
        break;
    case IFLA_ADDRESS:
        out->hardware_len = (uint16_t)at_most(attribute->len, sizeof out->hardware);
        memcpy(out->hardware, attribute->bytes, out->hardware_len);
        break;
    }
}

/* Of a bridge's port the bridge tells too, by messages of its own family, which end when the port
 * is taken out of it. */
static bool read_link(struct weir__netif_cursor body, struct weir_netif *out)
{
    struct attribute attribute;
    struct ifinfomsg about;
    size_t i;

    if (body.left < sizeof about)
        return false;
    memcpy(&about, body.at, sizeof about);
    if (about.ifi_family != AF_UNSPEC || about.ifi_index < 1)
        return false;
    memset(out, 0, sizeof *out);
    out->number = (uint32_t)about.ifi_index;
    out->type = about.ifi_type;
    for (i = 0; i < sizeof flags / sizeof *flags; i++)
        out->flags |= about.ifi_flags & flags[i].theirs ? flags[i].ours : 0;
    body.at += NLMSG_ALIGN(sizeof about);
    body.left -= at_most(body.left, NLMSG_ALIGN(sizeof about));
    while (take_attribute(&body, &attribute))
        read_link_attribute(out, &attribute);
    return true;
}

/* ---- addresses ---- */

static uint8_t scope_of(uint8_t scope)
{
    switch (scope) {
    case RT_SCOPE_SITE:
        return WEIR_NETIF_SITE;
    case RT_SCOPE_LINK:
        return WEIR_NETIF_LINK;
    case RT_SCOPE_HOST:
        return WEIR_NETIF_HOST;
    }
    return WEIR_NETIF_GLOBAL;
}

static bool put_address(weir_address *out, const struct ifaddrmsg *about,
                        const struct attribute *attribute)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    memset(out, 0, sizeof *out);
    if (about->ifa_family == AF_INET && attribute->len == sizeof v4.sin_addr) {
        memcpy(&v4.sin_addr, attribute->bytes, sizeof v4.sin_addr);
        memcpy(out->storage, &v4, sizeof v4);
        out->len = sizeof v4;
    } else if (about->ifa_family == AF_INET6 && attribute->len == sizeof v6.sin6_addr) {
        memcpy(&v6.sin6_addr, attribute->bytes, sizeof v6.sin6_addr);
        if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
            v6.sin6_scope_id = about->ifa_index;
        memcpy(out->storage, &v6, sizeof v6);
        out->len = sizeof v6;
    }
    return out->len > 0;
}

/* The own address is in IFA_LOCAL, if that is there, and IFA_ADDRESS is the peer's then. */
static bool read_address(struct weir__netif_cursor body, struct weir_netif_address *out)
{
    struct attribute attribute, local = {0}, address = {0};
    struct ifaddrmsg about;
    uint32_t bits;

    if (body.left < sizeof about)
        return false;
    memcpy(&about, body.at, sizeof about);
    bits = about.ifa_flags;
    body.at += NLMSG_ALIGN(sizeof about);
    body.left -= at_most(body.left, NLMSG_ALIGN(sizeof about));
    while (take_attribute(&body, &attribute)) {
        if (attribute.type == IFA_LOCAL)
            local = attribute;
        else if (attribute.type == IFA_ADDRESS)
            address = attribute;
        else if (attribute.type == IFA_FLAGS)
            bits = number_of(&attribute);
    }
    memset(out, 0, sizeof *out);
    out->interface = about.ifa_index;
    out->prefix = about.ifa_prefixlen;
    out->scope = scope_of(about.ifa_scope);
    out->tentative = (bits & IFA_F_TENTATIVE) != 0;
    out->temporary = about.ifa_family == AF_INET6 && bits & IFA_F_TEMPORARY;
    if (!put_address(&out->address, &about, local.len ? &local : &address))
        return false;
    if (local.len && address.len
        && (local.len != address.len || memcmp(local.bytes, address.bytes, local.len) != 0))
        (void)put_address(&out->peer, &about, &address);
    return true;
}

/* ---- messages ---- */

static void read_body(struct weir__netif_cursor body, uint16_t type, struct weir__netif_item *out)
{
    switch (type) {
    case NLMSG_DONE:
    case NLMSG_ERROR:
        out->kind = type == NLMSG_DONE ? NETIF_DONE : NETIF_ERROR;
        if (body.left >= sizeof out->code)
            memcpy(&out->code, body.at, sizeof out->code);
        break;
    case RTM_NEWLINK:
    case RTM_DELLINK:
        if (read_link(body, &out->link))
            out->kind = type == RTM_NEWLINK ? NETIF_LINK : NETIF_LINK_GONE;
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        if (read_address(body, &out->address))
            out->kind = type == RTM_NEWADDR ? NETIF_ADDRESS : NETIF_ADDRESS_GONE;
        break;
    }
}

bool weir__netif_take(struct weir__netif_cursor *cursor, struct weir__netif_item *out)
{
    struct nlmsghdr head;
    size_t whole;

    if (cursor->left < sizeof head)
        return false;
    memcpy(&head, cursor->at, sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > cursor->left)
        return false;
    memset(out, 0, sizeof *out);
    out->sequence = head.nlmsg_seq;
    out->torn = head.nlmsg_flags & NLM_F_DUMP_INTR;
    read_body((struct weir__netif_cursor){cursor->at + NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN},
              head.nlmsg_type, out);
    whole = NLMSG_ALIGN((size_t)head.nlmsg_len);
    whole = whole < cursor->left ? whole : cursor->left;
    cursor->at += whole;
    cursor->left -= whole;
    return true;
}
