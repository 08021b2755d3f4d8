/* net/multicast.c - groups that a socket belongs to, and how sockets of one port share messages.
 * See <weir/socket.h>; ip(7), ipv6(7), RFC 3678, socket(7). */
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>

#include "net/socket.h"
#include "sys/call.h"
#include "sys/current.h"

/* ---- groups ---- */

static int level_of(int family)
{
    return family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
}

static int change_group(int fd, int family, int name, const weir_address *group, uint32_t interface)
{
    struct group_req request;

    memset(&request, 0, sizeof request);
    request.gr_interface = interface;
    memcpy(&request.gr_group, group->storage, group->len);
    return weir__sys_setsockopt(fd, level_of(family), name, &request, sizeof request);
}

static int change_source(int fd, int family, int name, const weir_address *group,
                         uint32_t interface, const weir_address *source)
{
    struct group_source_req request;

    memset(&request, 0, sizeof request);
    request.gsr_interface = interface;
    memcpy(&request.gsr_group, group->storage, group->len);
    memcpy(&request.gsr_source, source->storage, source->len);
    return weir__sys_setsockopt(fd, level_of(family), name, &request, sizeof request);
}

static bool is_ip(const weir_address *address, int family)
{
    return weir_address_family(address) == family
           && address->len <= sizeof(struct sockaddr_storage);
}

/* `alone` and `with_source` are the names of the options. */
static int change(weir_socket handle, int alone, int with_source, const weir_address *group,
                  uint32_t interface, const weir_address *source)
{
    struct weir__socket *socket;
    int rc, family = weir_address_family(group);

    if ((family != AF_INET && family != AF_INET6) || !is_ip(group, family)
        || (source && !is_ip(source, family)) || (!source && !alone))
        return WEIR_EINVAL;
    socket = weir__socket_enter(handle, &rc);
    if (!socket)
        return rc;
    if (socket->family != AF_INET && socket->family != AF_INET6)
        rc = WEIR_EINVAL;
    else if (source)
        rc = change_source(socket->fd.number, family, with_source, group, interface, source);
    else
        rc = change_group(socket->fd.number, family, alone, group, interface);
    weir__socket_leave(socket);
    return rc;
}

int weir_multicast_join(weir_socket socket, const weir_address *group, uint32_t interface,
                        const weir_address *source)
{
    WEIR__CALL;

    return change(socket, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, group, interface, source);
}

int weir_multicast_leave(weir_socket socket, const weir_address *group, uint32_t interface,
                         const weir_address *source)
{
    WEIR__CALL;

    return change(socket, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP, group, interface, source);
}

int weir_multicast_block(weir_socket socket, const weir_address *group, uint32_t interface,
                         const weir_address *source)
{
    WEIR__CALL;

    return change(socket, 0, MCAST_BLOCK_SOURCE, group, interface, source);
}

int weir_multicast_unblock(weir_socket socket, const weir_address *group, uint32_t interface,
                           const weir_address *source)
{
    WEIR__CALL;

    return change(socket, 0, MCAST_UNBLOCK_SOURCE, group, interface, source);
}

/* ---- steering ---- */

/* The instruction that loads what the choice depends on. */
static bool load_of(enum weir_steer by, uint32_t offset, struct sock_filter *out)
{
    switch (by) {
    case WEIR_STEER_CPU:
        *out = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                            (uint32_t)(SKF_AD_OFF + SKF_AD_CPU));
        return true;
    case WEIR_STEER_BYTE:
        *out = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offset);
        return offset <= INT16_MAX;
    case WEIR_STEER_RANDOM:
        *out = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                            (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
        return true;
    }
    return false;
}

int weir_socket_steer(weir_socket handle, enum weir_steer by, uint32_t offset, uint32_t sockets)
{
    WEIR__CALL;
    /* a program that reads behind the message ends with 0: the first socket */
    struct sock_filter code[3] = {
        {0},
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, sockets),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = 3, .filter = code};
    struct weir__socket *socket;
    int rc;

    if (sockets == 0 || sockets > UINT16_MAX || !load_of(by, offset, &code[0]))
        return WEIR_EINVAL;
    socket = weir__socket_enter(handle, &rc);
    if (!socket)
        return rc;
    rc = weir__sys_setsockopt(socket->fd.number, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
                              sizeof program);
    weir__socket_leave(socket);
    return rc;
}
