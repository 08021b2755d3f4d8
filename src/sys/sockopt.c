/* sys/sockopt.c - see sockopt.h. */
#include "sys/sockopt.h"

#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <weir/error.h>
#include <weir/socket.h>

#include "base/alloc.h"
#include "sys/call.h"

#if !defined(TCP_FASTOPEN_CONNECT)
#define TCP_FASTOPEN_CONNECT 30
#endif
#if !defined(SO_DETACH_REUSEPORT_BPF)
#define SO_DETACH_REUSEPORT_BPF 68 /* Linux 5.3 */
#endif

#define STEER_MAX 1024 /* two instructions each, of the kernel's BPF_MAXINSNS */

#if !defined(SO_PEERPIDFD)
#define SO_PEERPIDFD 77 /* 6.5 */
#endif

static int set_int(int fd, int level, int name, int value)
{
    return weir__sys_setsockopt(fd, level, name, &value, sizeof value);
}

static int get_int(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    int rc = weir__sys_getsockopt(fd, level, name, &value, &size);

    return rc < 0 ? rc : value;
}

int weir__sockopt_error(int fd)
{
    int rc = get_int(fd, SOL_SOCKET, SO_ERROR);

    return rc < 0 ? rc : -rc;
}

int weir__sockopt_type(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_TYPE);
}

int weir__sockopt_family(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_DOMAIN);
}

int weir__sockopt_protocol(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_PROTOCOL);
}

int weir__sockopt_listening(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_ACCEPTCONN);
}

int weir__sockopt_reuseaddr(int fd, bool on)
{
    return set_int(fd, SOL_SOCKET, SO_REUSEADDR, on);
}

int weir__sockopt_reuseport(int fd, bool on)
{
    return set_int(fd, SOL_SOCKET, SO_REUSEPORT, on);
}

/* A classic BPF program: the processor's number, compared with each; what is no index of a socket
 * leaves the choice to the kernel. */
static void fill_steering(struct sock_filter *code, const int *cpus, uint32_t count)
{
    uint32_t i;

    *code++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_CPU);
    for (i = 0; i < count; i++) {
        *code++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)cpus[i], 0, 1);
        *code++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i);
    }
    *code = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
}

int weir__sockopt_steer(int fd, const int *cpus, uint32_t count)
{
    struct sock_fprog program = {.len = (unsigned short)(2 * count + 2)};
    int rc;

    if (count > STEER_MAX)
        return WEIR_ENOTSUP;
    program.filter = weir__alloc(program.len * sizeof *program.filter);
    if (!program.filter)
        return WEIR_ENOMEM;
    fill_steering(program.filter, cpus, count);
    rc = weir__sys_setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
    weir__free(program.filter);
    return rc < 0 && rc != WEIR_ENOMEM ? WEIR_ENOTSUP : rc;
}

int weir__sockopt_steer_none(int fd)
{
    return set_int(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
}

int weir__sockopt_sndbuf(int fd, int bytes)
{
    return set_int(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

int weir__sockopt_rcvbuf(int fd, int bytes)
{
    return set_int(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

int weir__sockopt_get_sndbuf(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_SNDBUF);
}

int weir__sockopt_get_rcvbuf(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_RCVBUF);
}

int weir__sockopt_linger(int fd, int seconds)
{
    struct linger value = {.l_onoff = seconds >= 0, .l_linger = seconds >= 0 ? seconds : 0};

    return weir__sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

int weir__sockopt_get_linger(int fd)
{
    struct linger value = {0};
    socklen_t size = sizeof value;
    int rc = weir__sys_getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &size);

    if (rc < 0)
        return rc;
    return value.l_onoff ? value.l_linger : WEIR_ENOENT;
}

int weir__sockopt_incoming_cpu(int fd, int cpu)
{
    return set_int(fd, SOL_SOCKET, SO_INCOMING_CPU, cpu);
}

int weir__sockopt_get_incoming_cpu(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_INCOMING_CPU);
}

int weir__sockopt_broadcast(int fd, bool on)
{
    return set_int(fd, SOL_SOCKET, SO_BROADCAST, on);
}

int weir__sockopt_timestamp(int fd, bool on)
{
    return set_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, on);
}

int weir__sockopt_receive_errors(int fd, int family, bool on)
{
    int rc = family == AF_INET6 ? set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, on) : 0;

    return rc < 0 ? rc : set_int(fd, IPPROTO_IP, IP_RECVERR, on);
}

int weir__sockopt_credentials(int fd, struct weir_credentials *out)
{
    struct ucred who;
    socklen_t size = sizeof who;
    int rc = weir__sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);

    if (rc == 0)
        *out = (struct weir_credentials){who.pid, who.uid, who.gid};
    return rc;
}

int weir__sockopt_process(int fd)
{
    int process = get_int(fd, SOL_SOCKET, SO_PEERPIDFD);

    if (process >= 0)
        (void)weir__sys_set_cloexec(process, true);
    return process == WEIR_ENOPROTOOPT ? WEIR_ENOTSUP : process;
}

int weir__sockopt_queue(int fd, enum weir__socket_queue which, int64_t *out)
{
    static const unsigned long requests[] = {[WEIR__QUEUE_READABLE] = SIOCINQ,
                                             [WEIR__QUEUE_UNSENT] = SIOCOUTQ,
                                             [WEIR__QUEUE_AT_MARK] = SIOCATMARK};
    int value = 0;
    int rc = weir__sys_result(ioctl(fd, requests[which], &value));

    if (rc == 0)
        *out = value;
    return rc;
}

int weir__sockopt_nodelay(int fd, bool on)
{
    return set_int(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

int weir__sockopt_get_nodelay(int fd)
{
    return get_int(fd, IPPROTO_TCP, TCP_NODELAY);
}

int weir__sockopt_keepalive(int fd, bool on, int idle_s, int interval_s, int count)
{
    int rc = 0;

    if (on && idle_s > 0)
        rc = set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    if (rc == 0 && on && interval_s > 0)
        rc = set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    if (rc == 0 && on && count > 0)
        rc = set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
    return rc < 0 ? rc : set_int(fd, SOL_SOCKET, SO_KEEPALIVE, on);
}

int weir__sockopt_user_timeout(int fd, unsigned timeout_ms)
{
    return set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)timeout_ms);
}

int weir__sockopt_quickack(int fd, bool on)
{
    return set_int(fd, IPPROTO_TCP, TCP_QUICKACK, on);
}

int weir__sockopt_defer_accept(int fd, int seconds)
{
    return set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds);
}

int weir__sockopt_fastopen_listen(int fd, int pending)
{
    return set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, pending);
}

int weir__sockopt_fastopen_connect(int fd, bool on)
{
    return set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, on);
}

int weir__sockopt_notsent_lowat(int fd, unsigned bytes)
{
    return set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)bytes);
}

int weir__sockopt_tos(int fd, int tos)
{
    int family = weir__sockopt_family(fd);
    int rc;

    if (family < 0)
        return family;
    if (family != AF_INET6)
        return set_int(fd, IPPROTO_IP, IP_TOS, tos);
    rc = set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
    /* A dual-stack socket sends IPv4 too; one that does not refuses, which is no loss. */
    if (rc == 0)
        (void)set_int(fd, IPPROTO_IP, IP_TOS, tos);
    return rc;
}

int weir__sockopt_get_tos(int fd)
{
    int family = weir__sockopt_family(fd);

    if (family < 0)
        return family;
    return family == AF_INET6 ? get_int(fd, IPPROTO_IPV6, IPV6_TCLASS)
                              : get_int(fd, IPPROTO_IP, IP_TOS);
}

int weir__sockopt_v6only(int fd, bool on)
{
    return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, on);
}

int weir__sockopt_get_v6only(int fd)
{
    return get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}
