/* test/os/socket_groups.c - multicast, broadcast and packet sockets, in a network of the
 * program's own. */
#include "test.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/netns.h"
#include "support/packet.h"
#include "support/run.h"
#include "support/udp.h"

static bool own_network;

static void __attribute__((constructor)) enter_network(void)
{
    own_network = netns_enter();
}

static void need_network(void)
{
    if (!own_network)
        skip("no network namespace for this user");
}

/* ---- groups ---- */

struct group {
    const char *any, *group, *source, *other;
};

/* Sends to the group out of the loopback interface, and says whether it came. */
static bool comes(weir_socket from, weir_socket to, const weir_address *group)
{
    char in[4];

    CHECK(weir_send_to(from, "m", 1, group) == 0);
    return recv_limited(to, in, sizeof in, WEIR_MILLISECONDS(20)) == 1;
}

static int join(void *arg)
{
    const struct group *it = arg;
    struct weir_socket_options options = {.reuse_address = WEIR_ON};
    uint32_t by = (uint32_t)weir_interface_number(NETNS_INTERFACE);
    weir_address at, sender_at, group, source, other;
    weir_socket to = bind_at(it->any, &options, &at), from = bind_at(it->source, NULL, &sender_at);
    int64_t value = 0;
    int rc;

    CHECK(weir_address_parse(&group, it->group) == 0);
    CHECK(weir_address_parse(&source, it->source) == 0);
    CHECK(weir_address_parse(&other, it->other) == 0);
    CHECK(weir_address_set_port(&group, (uint16_t)weir_address_port(&at)) == 0);
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_MULTICAST_INTERFACE, by) == 0);
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_MULTICAST_TTL, 1) == 0);
    CHECK(weir_sockopt_get(from.id, WEIR_SOCKOPT_MULTICAST_TTL, &value) == 0 && value == 1);
    CHECK(weir_sockopt_set(to.id, WEIR_SOCKOPT_MULTICAST_ALL, 0) == 0);
    rc = weir_multicast_join(to, &group, by, NULL);
    CHECK(rc == 0);
    CHECK(weir_multicast_join(to, &group, by, NULL) == WEIR_EADDRINUSE);
    CHECK(comes(from, to, &group));
    CHECK(weir_sockopt_get(from.id, WEIR_SOCKOPT_MULTICAST_LOOP, &value) == 0 && value == 1);
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_MULTICAST_LOOP, 0) == 0);
    CHECK(!comes(from, to, &group));
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_MULTICAST_LOOP, 1) == 0);
    CHECK(weir_multicast_block(to, &group, by, &source) == 0);
    CHECK(!comes(from, to, &group));
    CHECK(weir_multicast_unblock(to, &group, by, &source) == 0);
    CHECK(comes(from, to, &group));
    CHECK(weir_multicast_leave(to, &group, by, NULL) == 0);
    CHECK(weir_multicast_leave(to, &group, by, NULL) == WEIR_EADDRNOTAVAIL);
    CHECK(!comes(from, to, &group));
    CHECK(weir_multicast_join(to, &group, by, &other) == 0);
    CHECK(!comes(from, to, &group));
    CHECK(weir_multicast_join(to, &group, by, &source) == 0);
    CHECK(comes(from, to, &group));
    CHECK(weir_multicast_leave(to, &group, by, &source) == 0);
    CHECK(!comes(from, to, &group));
    /* what is no group, or of the other family */
    CHECK(weir_multicast_join(to, &source, by, NULL) == WEIR_EINVAL);
    CHECK(weir_multicast_join(to, &group, 1u << 30, NULL) == WEIR_ENODEV);
    CHECK(weir_multicast_block(to, &group, by, NULL) == WEIR_EINVAL);
    CHECK(weir_socket_close(to) == 0);
    CHECK(weir_multicast_join(to, &group, by, NULL) == WEIR_EBADHANDLE);
    CHECK(weir_socket_close(from) == 0);
    return 0;
}

TEST(groups_of_ip_version_4_are_joined_with_and_without_a_source)
{
    not_emulated("options are not handed on");
    not_on_sim("its network has no groups");
    struct group group = {"udp://0.0.0.0:0", "udp://232.1.2.3:0", "udp://" NETNS_V4 ":0",
                          "udp://10.99.0.9:0"};

    need_network();
    assert_int_equal(run_with(join, &group, 1), 0);
}

TEST(groups_of_ip_version_6_are_joined_with_and_without_a_source)
{
    not_emulated("options are not handed on");
    not_on_sim("its network has no groups");
    struct group group = {"udp://[::]:0", "udp://[ff32::1234%" NETNS_INTERFACE "]:0",
                          "udp://[" NETNS_V6 "]:0", "udp://[2001:db8::9]:0"};

    need_network();
    if (access("/proc/net/if_inet6", R_OK) != 0)
        skip("no IPv6 here");
    assert_int_equal(run_with(join, &group, 1), 0);
}

static int broadcast(void *arg)
{
    struct weir_socket_options may = {.broadcast = WEIR_ON};
    weir_address at, to;
    weir_socket plain = bind_udp(&at), allowed = bind_at("udp://0.0.0.0:0", &may, &at);
    char in[4];

    (void)arg;
    CHECK(weir_address_parse(&to, "udp://127.255.255.255:0") == 0);
    CHECK(weir_address_set_port(&to, (uint16_t)weir_address_port(&at)) == 0);
    CHECK(weir_send_to(plain, "b", 1, &to) == WEIR_EACCES);
    CHECK(weir_send_to(allowed, "b", 1, &to) == 0);
    CHECK(weir_recv(allowed, in, sizeof in) == 1);
    CHECK(weir_socket_close(plain) == 0);
    CHECK(weir_socket_close(allowed) == 0);
    return 0;
}

TEST(broadcasts_need_leave)
{
    not_on_sim("its network has no groups");
    need_network();
    assert_int_equal(run_with(broadcast, NULL, 1), 0);
}

/* ---- frames ---- */

static int watch_frames(void *arg)
{
    struct sockaddr_ll lo = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = weir_interface_number("lo")};
    unsigned char packet[256];
    weir_address at, link = {.len = sizeof lo};
    struct weir_message sent;
    weir_socket frames, udp;
    ptrdiff_t n;
    int rc = weir_socket_open(&frames, AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP), NULL);

    (void)arg;
    if (rc < 0)
        return 1;
    memcpy(link.storage, &lo, sizeof lo);
    CHECK(weir_socket_bind(frames, &link) == 0);
    udp = bind_udp(&at);
    sent = (struct weir_message){
        .bytes = (void *)"frame", .len = 5, .fields = WEIR_FIELD_PEER, .peer = at};
    n = see_packet(udp, &sent, frames, packet, sizeof packet);
    CHECK(n == 33 && memcmp(packet + 28, "frame", 5) == 0);
    CHECK(weir_socket_close(frames) == 0);
    CHECK(weir_socket_close(udp) == 0);
    return 0;
}

TEST(a_packet_socket_sees_frames)
{
    not_on_sim("its network has no groups");
    int rc;

    need_network();
    rc = run_with(watch_frames, NULL, 1);

    if (rc == 1)
        skip("no packet sockets for this user");
    assert_int_equal(rc, 0);
}
