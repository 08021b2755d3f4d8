/* net/message_op.c - see message_op.h. Sources: cmsg(3), ip(7), ipv6(7), udp(7), unix(7), and the
 * kernel's Documentation/networking/timestamping. */
#include "net/message_op.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <weir/error.h>

#include "sys/call.h"
#include "sys/sockopt.h"

#if !defined(UDP_SEGMENT)
#define UDP_SEGMENT 103 /* 4.18 */
#endif
#if !defined(UDP_GRO)
#define UDP_GRO 104 /* 5.0 */
#endif
#if !defined(SOL_UDP)
#define SOL_UDP 17
#endif

/* ---- reading control data ---- */

static void set_address(weir_address *out, const void *address, size_t len)
{
    memset(out, 0, sizeof *out);
    memcpy(out->storage, address, len);
    out->len = (uint32_t)len;
}

static void set_v4(weir_address *out, struct in_addr host)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = host};

    set_address(out, &address, sizeof address);
}

static void set_v6(weir_address *out, const struct in6_addr *host, uint32_t interface)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = *host};

    if (IN6_IS_ADDR_LINKLOCAL(host) || IN6_IS_ADDR_MC_LINKLOCAL(host))
        address.sin6_scope_id = interface;
    set_address(out, &address, sizeof address);
}

/* Copies the data of a control message; false if it is shorter. */
static bool get(const struct cmsghdr *from, void *out, size_t size)
{
    if (from->cmsg_len < CMSG_LEN(size))
        return false;
    memcpy(out, CMSG_DATA(from), size);
    return true;
}

/* A byte or an int, as the kernel has it. */
static bool get_small(const struct cmsghdr *from, uint8_t *out)
{
    int value;

    if (get(from, &value, sizeof value))
        *out = (uint8_t)value;
    else if (!get(from, out, sizeof *out))
        return false;
    return true;
}

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static uint32_t read_v4(struct weir_message *message, const struct cmsghdr *from)
{
    struct in_pktinfo info;

    switch (from->cmsg_type) {
    case IP_PKTINFO:
        if (!get(from, &info, sizeof info))
            return 0;
        set_v4(&message->destination, info.ipi_addr);
        message->interface = (uint32_t)info.ipi_ifindex;
        return WEIR_FIELD_DESTINATION;
    case IP_TOS:
        return get_small(from, &message->traffic_class) ? WEIR_FIELD_TRAFFIC_CLASS : 0;
    case IP_TTL:
        return get_small(from, &message->ttl) ? WEIR_FIELD_TTL : 0;
    default:
        return 0;
    }
}

static uint32_t read_v6(struct weir_message *message, const struct cmsghdr *from)
{
    struct in6_pktinfo info;

    switch (from->cmsg_type) {
    case IPV6_PKTINFO:
        if (!get(from, &info, sizeof info))
            return 0;
        set_v6(&message->destination, &info.ipi6_addr, info.ipi6_ifindex);
        message->interface = info.ipi6_ifindex;
        return WEIR_FIELD_DESTINATION;
    case IPV6_TCLASS:
        return get_small(from, &message->traffic_class) ? WEIR_FIELD_TRAFFIC_CLASS : 0;
    case IPV6_HOPLIMIT:
        return get_small(from, &message->ttl) ? WEIR_FIELD_TTL : 0;
    default:
        return 0;
    }
}

/* The software and the hardware time of SCM_TIMESTAMPING; the one between is deprecated. */
static uint32_t read_times(const struct cmsghdr *from, int64_t *time_ns, int64_t *hardware_ns)
{
    struct timespec times[3];
    uint32_t fields = 0;

    if (!get(from, times, sizeof times))
        return 0;
    if (times[0].tv_sec || times[0].tv_nsec) {
        *time_ns = nanoseconds(&times[0]);
        fields |= WEIR_FIELD_TIME;
    }
    if (times[2].tv_sec || times[2].tv_nsec) {
        *hardware_ns = nanoseconds(&times[2]);
        fields |= WEIR_FIELD_HARDWARE_TIME;
    }
    return fields;
}

static uint32_t read_socket(struct weir_message *message, const struct cmsghdr *from)
{
    struct timespec time;
    struct ucred who;

    switch (from->cmsg_type) {
    case SCM_TIMESTAMPNS:
        if (!get(from, &time, sizeof time))
            return 0;
        message->time_ns = nanoseconds(&time);
        return WEIR_FIELD_TIME;
    case SCM_TIMESTAMPING:
        return read_times(from, &message->time_ns, &message->hardware_time_ns);
    case SO_RXQ_OVFL:
        return get(from, &message->dropped, sizeof message->dropped) ? WEIR_FIELD_DROPPED : 0;
    case SCM_CREDENTIALS:
        if (!get(from, &who, sizeof who))
            return 0;
        message->credentials = (struct weir_credentials){who.pid, who.uid, who.gid};
        return WEIR_FIELD_CREDENTIALS;
    default:
        return 0;
    }
}

static uint32_t read_udp(struct weir_message *message, const struct cmsghdr *from)
{
    int segment;

    if (from->cmsg_type != UDP_GRO || !get(from, &segment, sizeof segment))
        return 0;
    message->segment = (uint32_t)segment;
    return WEIR_FIELD_SEGMENT;
}

static uint32_t read_one(struct weir_message *message, const struct cmsghdr *from)
{
    switch (from->cmsg_level) {
    case SOL_IP:
        return read_v4(message, from);
    case SOL_IPV6:
        return read_v6(message, from);
    case SOL_UDP:
        return read_udp(message, from);
    case SOL_SOCKET:
        return read_socket(message, from);
    default:
        return 0;
    }
}

static bool carries_descriptors(const struct cmsghdr *from)
{
    return from->cmsg_level == SOL_SOCKET && from->cmsg_type == SCM_RIGHTS;
}

/* CMSG_NXTHDR does not change the header, though its type in C says so. */
static struct cmsghdr *next_of(const struct msghdr *header, struct cmsghdr *at)
{
    struct msghdr copy = *header;

    return CMSG_NXTHDR(&copy, at);
}

uint32_t weir__message_take_descriptors(const struct msghdr *header, int *out, uint32_t cap,
                                        bool *lost)
{
    struct cmsghdr *at = CMSG_FIRSTHDR(header);
    uint32_t taken = 0;
    size_t i;

    for (; at; at = next_of(header, at)) {
        size_t count = carries_descriptors(at) ? (at->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

        for (i = 0; i < count; i++) {
            int number;

            memcpy(&number, CMSG_DATA(at) + i * sizeof number, sizeof number);
            if (taken < cap) {
                out[taken++] = number;
            } else {
                weir__sys_close(number);
                *lost = true;
            }
        }
    }
    return taken;
}

void weir__message_expect(struct weir_message *message, struct msghdr *header, struct iovec *part,
                          struct weir__control control)
{
    *part = (struct iovec){message->bytes, message->cap};
    *header = (struct msghdr){.msg_name = message->peer.storage,
                              .msg_namelen = sizeof message->peer.storage,
                              .msg_iov = part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = control.size};
}

static void note_flags(struct weir_message *message, const struct msghdr *header, bool lost)
{
    message->flags = 0;
    if (message->whole > message->len || (header->msg_flags & MSG_TRUNC))
        message->flags |= WEIR_MESSAGE_TRUNCATED;
    if (lost)
        message->flags |= WEIR_MESSAGE_LOST_DESCRIPTORS;
    else if (header->msg_flags & MSG_CTRUNC)
        message->flags |= WEIR_MESSAGE_LOST_FIELDS;
}

void weir__message_read(struct weir_message *message, int family, const struct msghdr *header,
                        size_t n)
{
    struct cmsghdr *at = CMSG_FIRSTHDR(header);
    /* what the kernel cut of a UNIX message are descriptors: everything else has its room */
    bool lost = family == AF_UNIX && (header->msg_flags & MSG_CTRUNC);

    message->whole = n;
    message->len = n < message->cap ? n : message->cap;
    message->fields = header->msg_namelen ? WEIR_FIELD_PEER : 0;
    message->peer.len = header->msg_namelen;
    for (; at; at = next_of(header, at))
        message->fields |= read_one(message, at);
    message->descriptors_count = weir__message_take_descriptors(header, message->descriptors,
                                                                message->descriptors_cap, &lost);
    if (message->descriptors_count)
        message->fields |= WEIR_FIELD_DESCRIPTORS;
    note_flags(message, header, lost);
}

/* ---- writing control data ---- */

struct writer {
    struct weir__control control;
    size_t len;
};

/* The caller has seen to it that there is room. */
static void put(struct writer *writer, int level, int type, const void *data, size_t size)
{
    struct cmsghdr head = {.cmsg_len = CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
    unsigned char *at = (unsigned char *)writer->control.bytes + writer->len;

    memset(at, 0, CMSG_SPACE(size));
    memcpy(at, &head, sizeof head);
    memcpy(at + CMSG_LEN(0), data, size);
    writer->len += CMSG_SPACE(size);
}

static void put_int(struct writer *writer, int level, int type, int value)
{
    put(writer, level, type, &value, sizeof value);
}

/* The own address and the interface that a message goes from. */
static int put_source(struct writer *writer, const struct weir_message *message, int family)
{
    const weir_address *from = &message->destination;
    struct in6_pktinfo six = {.ipi6_ifindex = message->interface};
    struct in_pktinfo four = {.ipi_ifindex = (int)message->interface};
    int its = from->len ? weir_address_family(from) : family;

    if (its == AF_INET && (family == AF_INET || family == AF_INET6)) {
        if (from->len) {
            struct sockaddr_in address;

            memcpy(&address, from->storage, sizeof address);
            four.ipi_spec_dst = address.sin_addr;
        }
        put(writer, SOL_IP, IP_PKTINFO, &four, sizeof four);
        return 0;
    }
    if (its != AF_INET6 || family != AF_INET6)
        return WEIR_EINVAL;
    if (from->len) {
        struct sockaddr_in6 address;

        memcpy(&address, from->storage, sizeof address);
        six.ipi6_addr = address.sin6_addr;
    }
    put(writer, SOL_IPV6, IPV6_PKTINFO, &six, sizeof six);
    return 0;
}

/* IPv6 sockets take both: the kernel uses those of the family that the message goes out by. */
static int put_ip_fields(struct writer *writer, const struct weir_message *message, int family)
{
    const uint32_t fields = message->fields;

    if (family != AF_INET && family != AF_INET6)
        return WEIR_EINVAL;
    if (fields & WEIR_FIELD_TRAFFIC_CLASS) {
        put_int(writer, SOL_IP, IP_TOS, message->traffic_class);
        if (family == AF_INET6)
            put_int(writer, SOL_IPV6, IPV6_TCLASS, message->traffic_class);
    }
    if (fields & WEIR_FIELD_TTL) {
        if (message->ttl == 0)
            return WEIR_EINVAL;
        put_int(writer, SOL_IP, IP_TTL, message->ttl);
        if (family == AF_INET6)
            put_int(writer, SOL_IPV6, IPV6_HOPLIMIT, message->ttl);
    }
    if (fields & WEIR_FIELD_SEGMENT) {
        uint16_t segment = (uint16_t)message->segment;

        if (message->segment == 0 || message->segment > UINT16_MAX)
            return WEIR_EINVAL;
        put(writer, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    return fields & WEIR_FIELD_DESTINATION ? put_source(writer, message, family) : 0;
}

static int put_unix_fields(struct writer *writer, const struct weir_message *message, int family)
{
    const size_t size = message->descriptors_count * sizeof(int);

    if (family != AF_UNIX)
        return WEIR_EINVAL;
    if (message->fields & WEIR_FIELD_CREDENTIALS) {
        struct ucred who = {.pid = message->credentials.process,
                            .uid = message->credentials.user,
                            .gid = message->credentials.group};

        put(writer, SOL_SOCKET, SCM_CREDENTIALS, &who, sizeof who);
    }
    if (!(message->fields & WEIR_FIELD_DESCRIPTORS) || size == 0)
        return 0;
    if (message->descriptors_count > WEIR__DESCRIPTORS_MAX
        || writer->len + CMSG_SPACE(size) > writer->control.size)
        return WEIR_EINVAL;
    put(writer, SOL_SOCKET, SCM_RIGHTS, message->descriptors, size);
    return 0;
}

#define IP_FIELDS                                                                                  \
    (WEIR_FIELD_DESTINATION | WEIR_FIELD_TRAFFIC_CLASS | WEIR_FIELD_TTL | WEIR_FIELD_SEGMENT)
#define UNIX_FIELDS (WEIR_FIELD_CREDENTIALS | WEIR_FIELD_DESCRIPTORS)

int weir__message_fill(const struct weir_message *message, int family, struct msghdr *header,
                       struct iovec *part, struct weir__control control)
{
    struct writer writer = {.control = control};
    int rc = 0;

    if (message->len > INT32_MAX
        || (message->fields & ~(uint32_t)(IP_FIELDS | UNIX_FIELDS | WEIR_FIELD_PEER)))
        return WEIR_EINVAL;
    *part = (struct iovec){message->bytes, message->len};
    *header = (struct msghdr){.msg_iov = part, .msg_iovlen = 1};
    if (message->fields & WEIR_FIELD_PEER) {
        if (message->peer.len > sizeof message->peer.storage)
            return WEIR_EINVAL;
        header->msg_name = (void *)(uintptr_t)message->peer.storage;
        header->msg_namelen = message->peer.len;
    }
    if (message->fields & IP_FIELDS)
        rc = put_ip_fields(&writer, message, family);
    if (rc == 0 && (message->fields & UNIX_FIELDS))
        rc = put_unix_fields(&writer, message, family);
    if (rc == 0 && writer.len) {
        header->msg_control = control.bytes;
        header->msg_controllen = writer.len;
    }
    return rc;
}

void weir__message_put_descriptors(struct msghdr *header, struct weir__control control,
                                   const int *descriptors, uint32_t count)
{
    struct writer writer = {.control = control};

    put(&writer, SOL_SOCKET, SCM_RIGHTS, descriptors, count * sizeof *descriptors);
    header->msg_control = control.bytes;
    header->msg_controllen = writer.len;
}

/* ---- the error queue ---- */

static void read_extended(struct weir_socket_error *error, const struct cmsghdr *from)
{
    struct sock_extended_err it;
    struct sockaddr_storage offender;
    size_t more = from->cmsg_len - CMSG_LEN(0), size;

    if (!get(from, &it, sizeof it))
        return;
    error->code = it.ee_errno == ENOMSG ? 0 : -(int32_t)it.ee_errno;
    error->origin = it.ee_origin;
    error->type = it.ee_type;
    error->icmp_code = it.ee_code;
    error->info = it.ee_info;
    error->data = it.ee_data;
    more -= sizeof it;
    memset(&offender, 0, sizeof offender);
    memcpy(&offender, CMSG_DATA(from) + sizeof it, more < sizeof offender ? more : sizeof offender);
    size = offender.ss_family == AF_INET    ? sizeof(struct sockaddr_in)
           : offender.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                            : 0;
    set_address(&error->offender, &offender, size);
}

void weir__message_read_error(struct weir_socket_error *error, const struct msghdr *header)
{
    struct cmsghdr *at = CMSG_FIRSTHDR(header);

    error->peer.len = header->msg_namelen;
    for (; at; at = next_of(header, at)) {
        if ((at->cmsg_level == SOL_IP && at->cmsg_type == IP_RECVERR)
            || (at->cmsg_level == SOL_IPV6 && at->cmsg_type == IPV6_RECVERR))
            read_extended(error, at);
        else if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_TIMESTAMPING)
            (void)read_times(at, &error->time_ns, &error->hardware_time_ns);
    }
}

/* ---- asking for fields ---- */

enum where {
    ANY,
    IP, /* both names; IPv4 sockets know the first alone */
    UNIX
};

static const struct {
    uint32_t field;
    enum where where;
    int level, name;
    int level6, name6;
} wants[] = {
    {WEIR_FIELD_DESTINATION, IP, SOL_IP, IP_PKTINFO, SOL_IPV6, IPV6_RECVPKTINFO},
    {WEIR_FIELD_TRAFFIC_CLASS, IP, SOL_IP, IP_RECVTOS, SOL_IPV6, IPV6_RECVTCLASS},
    {WEIR_FIELD_TTL, IP, SOL_IP, IP_RECVTTL, SOL_IPV6, IPV6_RECVHOPLIMIT},
    {WEIR_FIELD_TIME, ANY, SOL_SOCKET, SO_TIMESTAMPNS, 0, 0},
    {WEIR_FIELD_HARDWARE_TIME, ANY, SOL_SOCKET, SO_TIMESTAMPING, 0, 0},
    {WEIR_FIELD_DROPPED, ANY, SOL_SOCKET, SO_RXQ_OVFL, 0, 0},
    {WEIR_FIELD_SEGMENT, IP, SOL_UDP, UDP_GRO, 0, 0},
    {WEIR_FIELD_CREDENTIALS, UNIX, SOL_SOCKET, SO_PASSCRED, 0, 0},
};

static int set_int(int fd, int level, int name, int value)
{
    return weir__sys_setsockopt(fd, level, name, &value, sizeof value);
}

static int want_one(int fd, int family, size_t i, bool on)
{
    int value = on;
    int rc;

    if (wants[i].field == WEIR_FIELD_HARDWARE_TIME && on)
        value = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
    if (family != AF_INET6 || !wants[i].level6)
        return set_int(fd, wants[i].level, wants[i].name, value);
    rc = set_int(fd, wants[i].level6, wants[i].name6, value);
    /* messages of IPv4 that come to an IPv6 socket, whose address the other option tells too */
    if (rc == 0 && wants[i].field != WEIR_FIELD_DESTINATION)
        (void)set_int(fd, wants[i].level, wants[i].name, value);
    return rc;
}

static bool fits(enum where where, int family)
{
    return where == ANY || (where == UNIX) == (family == AF_UNIX);
}

int weir__message_want(int fd, uint32_t fields)
{
    int rc = 0, family = weir__sockopt_family(fd);
    size_t i;

    if (family < 0)
        return family;
    for (i = 0; i < sizeof wants / sizeof *wants && rc == 0; i++) {
        bool on = fields & wants[i].field;

        if (fits(wants[i].where, family))
            rc = want_one(fd, family, i, on);
        else if (on)
            rc = WEIR_ENOTSUP;
        if (!on || rc == WEIR_ENOPROTOOPT || rc == -EOPNOTSUPP)
            rc = on ? WEIR_ENOTSUP : 0;
    }
    return rc;
}
