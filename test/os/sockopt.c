/* test/os/sockopt.c - options of sockets by name: each one is asked for, and those that can be are
 * set and read back. */
#include "test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"
#include "support/udp.h"

struct all {
    weir_socket udp, udp6;
    weir_listener listener;
    weir_stream stream, accepted;
};

static void make_all(struct all *all)
{
    struct dialling dialling = {.rc = 1};
    weir_scope scope;
    weir_address at;

    memset(all, 0, sizeof *all);
    all->udp = bind_udp(&at);
    if (weir_bind(&all->udp6, "udp://[::1]:0", NULL) < 0)
        all->udp6.id = 0;
    CHECK(weir_listen(&all->listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(all->listener, dialling.address, sizeof dialling.address) > 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial, &dialling) == 0);
    CHECK(weir_accept(all->listener, &all->accepted) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(dialling.rc == 0);
    all->stream = dialling.stream;
}

static void close_all(struct all *all)
{
    CHECK(weir_socket_close(all->udp) == 0);
    CHECK(weir_socket_close(all->udp6) == 0);
    CHECK(weir_close(all->stream) == 0);
    CHECK(weir_close(all->accepted) == 0);
    CHECK(weir_listener_close(all->listener) == 0);
}

/* ---- there and back ---- */

struct row {
    char of; /* u, 6, s, l */
    enum weir_sockopt option;
    int64_t value;
    int64_t told;    /* what is read back, -2: anything */
    int level, name; /* what a raw call says of it, level -1: nothing */
};

static const struct row rows[] = {
    {'u', WEIR_SOCKOPT_BROADCAST, 1, 1, SOL_SOCKET, SO_BROADCAST},
    {'u', WEIR_SOCKOPT_DONT_ROUTE, 1, 1, SOL_SOCKET, SO_DONTROUTE},
    {'s', WEIR_SOCKOPT_KEEPALIVE, 1, 1, SOL_SOCKET, SO_KEEPALIVE},
    {'s', WEIR_SOCKOPT_OOB_INLINE, 1, 1, SOL_SOCKET, SO_OOBINLINE},
    {'l', WEIR_SOCKOPT_REUSE_ADDRESS, 1, 1, SOL_SOCKET, SO_REUSEADDR},
    {'u', WEIR_SOCKOPT_REUSE_PORT, 1, 1, SOL_SOCKET, SO_REUSEPORT},
    {'u', WEIR_SOCKOPT_RECEIVE_BUFFER, 9000, 18000, SOL_SOCKET, SO_RCVBUF},
    {'s', WEIR_SOCKOPT_SEND_BUFFER, 9000, 18000, SOL_SOCKET, SO_SNDBUF},
    {'s', WEIR_SOCKOPT_RECEIVE_LOW_WATER, 5, 5, SOL_SOCKET, SO_RCVLOWAT},
    {'u', WEIR_SOCKOPT_PRIORITY, 3, 3, SOL_SOCKET, SO_PRIORITY},
    {'u', WEIR_SOCKOPT_BUSY_POLL, 0, 0, SOL_SOCKET, SO_BUSY_POLL},
    {'u', WEIR_SOCKOPT_INCOMING_CPU, 0, 0, SOL_SOCKET, SO_INCOMING_CPU},
    {'u', WEIR_SOCKOPT_TIMESTAMPING, 16, 16, -1, 0},
    {'u', WEIR_SOCKOPT_ZEROCOPY, 1, 1, SOL_SOCKET, SO_ZEROCOPY},
    {'s', WEIR_SOCKOPT_PACING_RATE, 1000000, 1000000, -1, 0},
    {'u', WEIR_SOCKOPT_PEEK_OFFSET, -1, -1, SOL_SOCKET, SO_PEEK_OFF},
    {'u', WEIR_SOCKOPT_SELECT_ERRORS, 1, 1, -1, 0},
    {'u', WEIR_SOCKOPT_NO_CHECKSUM, 1, 1, SOL_SOCKET, SO_NO_CHECK},
    {'u', WEIR_SOCKOPT_RECEIVE_DROPPED, 1, 1, SOL_SOCKET, SO_RXQ_OVFL},
    {'u', WEIR_SOCKOPT_TTL, 9, 9, IPPROTO_IP, IP_TTL},
    {'6', WEIR_SOCKOPT_TTL, 9, 9, IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {'s', WEIR_SOCKOPT_TRAFFIC_CLASS, 0x28, 0x28, IPPROTO_IP, IP_TOS},
    {'6', WEIR_SOCKOPT_TRAFFIC_CLASS, 0x29, 0x29, IPPROTO_IPV6, IPV6_TCLASS},
    {'u', WEIR_SOCKOPT_MULTICAST_TTL, 3, 3, IPPROTO_IP, IP_MULTICAST_TTL},
    {'6', WEIR_SOCKOPT_MULTICAST_TTL, 3, 3, IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    {'u', WEIR_SOCKOPT_MULTICAST_LOOP, 0, 0, IPPROTO_IP, IP_MULTICAST_LOOP},
    {'6', WEIR_SOCKOPT_MULTICAST_LOOP, 0, 0, IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    {'6', WEIR_SOCKOPT_MULTICAST_INTERFACE, 1, 1, IPPROTO_IPV6, IPV6_MULTICAST_IF},
    {'u', WEIR_SOCKOPT_MULTICAST_ALL, 0, 0, IPPROTO_IP, IP_MULTICAST_ALL},
    {'u', WEIR_SOCKOPT_MTU_DISCOVER, 2, 2, IPPROTO_IP, IP_MTU_DISCOVER},
    {'6', WEIR_SOCKOPT_MTU_DISCOVER, 3, 3, IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {'u', WEIR_SOCKOPT_RECEIVE_ERRORS, 1, 1, IPPROTO_IP, IP_RECVERR},
    {'6', WEIR_SOCKOPT_RECEIVE_ERRORS, 1, 1, IPPROTO_IPV6, IPV6_RECVERR},
    {'u', WEIR_SOCKOPT_FREE_BIND, 1, 1, IPPROTO_IP, IP_FREEBIND},
    {'u', WEIR_SOCKOPT_LATE_PORT, 1, 1, -1, 0},
    {'s', WEIR_SOCKOPT_MINIMUM_TTL, 1, 1, IPPROTO_IP, IP_MINTTL},
    {'6', WEIR_SOCKOPT_DONT_FRAGMENT, 1, 1, IPPROTO_IPV6, IPV6_DONTFRAG},
    {'u', WEIR_SOCKOPT_RECEIVE_ORIGINAL, 1, 1, -1, 0},
    {'s', WEIR_SOCKOPT_NODELAY, 0, 0, IPPROTO_TCP, TCP_NODELAY},
    {'s', WEIR_SOCKOPT_CORK, 1, 1, IPPROTO_TCP, TCP_CORK},
    {'s', WEIR_SOCKOPT_KEEP_IDLE, 77, 77, IPPROTO_TCP, TCP_KEEPIDLE},
    {'s', WEIR_SOCKOPT_KEEP_INTERVAL, 7, 7, IPPROTO_TCP, TCP_KEEPINTVL},
    {'s', WEIR_SOCKOPT_KEEP_COUNT, 4, 4, IPPROTO_TCP, TCP_KEEPCNT},
    {'s', WEIR_SOCKOPT_USER_TIMEOUT, 5000, 5000, IPPROTO_TCP, TCP_USER_TIMEOUT},
    {'s', WEIR_SOCKOPT_QUICKACK, 1, -2, -1, 0},
    {'l', WEIR_SOCKOPT_DEFER_ACCEPT, 3, 3, -1, 0},
    {'l', WEIR_SOCKOPT_FAST_OPEN, 5, 5, IPPROTO_TCP, TCP_FASTOPEN},
    {'s', WEIR_SOCKOPT_SYN_COUNT, 3, 3, IPPROTO_TCP, TCP_SYNCNT},
    {'s', WEIR_SOCKOPT_FIN_TIMEOUT, 20, 20, IPPROTO_TCP, TCP_LINGER2},
    {'s', WEIR_SOCKOPT_UNSENT_LOW_WATER, 4096, 4096, IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {'l', WEIR_SOCKOPT_SAVE_SYN, 1, 1, -1, 0},
    {'s', WEIR_SOCKOPT_THIN_TIMEOUTS, 1, 1, -1, 0},
    {'s', WEIR_SOCKOPT_INQ, 1, 1, -1, 0},
    {'s', WEIR_SOCKOPT_WINDOW_CLAMP, 50000, -2, -1, 0},
    {'u', WEIR_SOCKOPT_UDP_SEGMENT, 1000, 1000, IPPROTO_UDP, 103},
    {'u', WEIR_SOCKOPT_UDP_GRO, 1, 1, IPPROTO_UDP, 104},
    {'u', WEIR_SOCKOPT_UDP_CORK, 0, 0, -1, 0},
    {'6', WEIR_SOCKOPT_UDP_NO_CHECKSUM6_SEND, 1, 1, -1, 0},
    {'6', WEIR_SOCKOPT_UDP_NO_CHECKSUM6_RECEIVE, 1, 1, -1, 0},
};

static uint64_t id_of(const struct all *all, char of)
{
    return of == 'u'   ? all->udp.id
           : of == '6' ? all->udp6.id
           : of == 's' ? all->stream.id
                       : all->listener.id;
}

static void check_row(const struct all *all, const struct row *row)
{
    uint64_t id = id_of(all, row->of);
    int64_t told = -3;
    int rc, raw = -3;
    uint32_t len = sizeof raw;

    if (!id)
        return;
    rc = weir_sockopt_set(id, row->option, row->value);
    if (rc == 0)
        rc = weir_sockopt_get(id, row->option, &told);
    if (rc != 0 || (row->told != -2 && told != row->told)) {
        print_message("%s: %d, %d\n", weir_sockopt_name(row->option), rc, (int)told);
        CHECK(!"what was set is told");
    }
    if (row->level < 0)
        return;
    CHECK(weir_sockopt_get_raw(id, row->level, row->name, &raw, &len) == 0);
    CHECK(raw == row->told);
}

static int there_and_back(void *arg)
{
    struct all all;
    size_t i;

    (void)arg;
    make_all(&all);
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&all, &rows[i]);
    close_all(&all);
    return 0;
}

TEST(options_are_set_and_told)
{
    not_emulated("options are not handed on");
    not_on_sim("its sockets do not know all options");
    assert_int_equal(run_with(there_and_back, NULL, 1), 0);
}

/* ---- facts ---- */

static int64_t told(uint64_t id, enum weir_sockopt option)
{
    int64_t value = -77;

    CHECK(weir_sockopt_get(id, option, &value) == 0);
    return value;
}

static int tell_facts(void *arg)
{
    char text[16];
    struct all all;
    int64_t none = 5;

    (void)arg;
    make_all(&all);
    CHECK(told(all.udp.id, WEIR_SOCKOPT_TYPE) == SOCK_DGRAM);
    CHECK(told(all.udp.id, WEIR_SOCKOPT_FAMILY) == AF_INET);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_PROTOCOL) == IPPROTO_TCP);
    CHECK(told(all.listener.id, WEIR_SOCKOPT_LISTENING) == 1);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_LISTENING) == 0);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_ERROR) == 0);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_COOKIE) != 0);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_AT_MARK) == 0);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_LINGER) == -1);
    CHECK(weir_sockopt_set(all.stream.id, WEIR_SOCKOPT_LINGER, 0) == 0);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_LINGER) == 0);
    CHECK(weir_sockopt_set(all.stream.id, WEIR_SOCKOPT_LINGER, 3) == WEIR_ENOTSUP);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_LINGER) == 0);
    CHECK(weir_sockopt_set(all.stream.id, WEIR_SOCKOPT_LINGER, INT64_MIN) == 0);
    CHECK(told(all.stream.id, WEIR_SOCKOPT_LINGER) == -1);
    CHECK(weir_write_all(all.stream, "12345", 5) == 0);
    CHECK(weir_read(all.accepted, text, 1) == 1);
    CHECK(told(all.udp.id, WEIR_SOCKOPT_READABLE) == 0);
    CHECK(weir_sockopt_get_text(all.stream.id, WEIR_SOCKOPT_CONGESTION, text, sizeof text) > 0);
    CHECK(weir_sockopt_set_text(all.stream.id, WEIR_SOCKOPT_CONGESTION, text) == 0);
    CHECK(weir_sockopt_set_text(all.stream.id, WEIR_SOCKOPT_CONGESTION, "no such") < 0);
    CHECK(weir_sockopt_get_text(all.stream.id, WEIR_SOCKOPT_CONGESTION, text, 2) == WEIR_ENOBUFS);
    CHECK(weir_sockopt_get_text(all.udp.id, WEIR_SOCKOPT_BIND_DEVICE, text, sizeof text) == 0);
    /* what does not go */
    CHECK(weir_sockopt_set(all.udp.id, WEIR_SOCKOPT_TYPE, 1) == WEIR_ENOTSUP);
    CHECK(weir_sockopt_set(all.udp.id, WEIR_SOCKOPT_NODELAY, 1) == WEIR_ENOTSUP);
    CHECK(weir_sockopt_get(all.udp.id, WEIR_SOCKOPT_V6ONLY, &none) == WEIR_ENOTSUP);
    CHECK(weir_sockopt_set(all.udp.id, WEIR_SOCKOPT_BROADCAST, 2) == WEIR_EINVAL);
    CHECK(weir_sockopt_set(all.udp.id, WEIR_SOCKOPT_TTL, INT64_C(1) << 40) == WEIR_EINVAL);
    CHECK(weir_sockopt_set(all.udp.id, WEIR_SOCKOPT_TTL, 300) == WEIR_EINVAL);
    CHECK(weir_sockopt_set(all.udp.id, WEIR_SOCKOPT_CONGESTION, 1) == WEIR_EINVAL);
    CHECK(weir_sockopt_set_text(all.udp.id, WEIR_SOCKOPT_TTL, "1") == WEIR_EINVAL);
    CHECK(weir_sockopt_set(all.udp.id, (enum weir_sockopt)9999, 1) == WEIR_EINVAL);
    CHECK(weir_sockopt_set(0, WEIR_SOCKOPT_TTL, 1) == WEIR_EBADHANDLE);
    CHECK(none == 5);
    close_all(&all);
    CHECK(weir_sockopt_set(all.udp.id, WEIR_SOCKOPT_TTL, 1) == WEIR_EBADHANDLE);
    CHECK(weir_sockopt_get(all.stream.id, WEIR_SOCKOPT_TYPE, &none) == WEIR_EBADHANDLE);
    return 0;
}

TEST(facts_are_told_and_what_does_not_go_is_refused)
{
    not_emulated("options are not handed on");
    not_on_sim("its sockets do not know all options");
    assert_int_equal(run_with(tell_facts, NULL, 1), 0);
}

TEST(each_option_has_a_name_of_its_own)
{
    int option, other, count = 0;

    for (option = 0; option < 500; option++) {
        const char *name = weir_sockopt_name((enum weir_sockopt)option);

        for (other = 0; name && other < option; other++) {
            const char *before = weir_sockopt_name((enum weir_sockopt)other);

            assert_true(!before || strcmp(before, name) != 0);
        }
        count += name != NULL;
    }
    assert_int_equal(count, 95);
}
