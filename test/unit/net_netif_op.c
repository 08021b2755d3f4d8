/* test/unit/net_netif_op.c - messages of rtnetlink: what they say, and cut anywhere. */
#include "test.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "net/netif_op.h"
#include "support/guard.h"

static unsigned char bytes[1024];
static size_t len;

static void put(const void *data, size_t size)
{
    memcpy(bytes + len, data, size);
    len += NLMSG_ALIGN(size);
}

static void put_attribute(uint16_t type, const void *data, size_t size)
{
    struct rtattr head = {.rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = type};

    put(&head, sizeof head);
    put(data, size);
}

/* Begins a message; its length is filled in by end_message. */
static size_t begin_message(uint16_t type, uint32_t sequence, uint16_t flags)
{
    struct nlmsghdr head = {
        .nlmsg_type = type, .nlmsg_seq = sequence, .nlmsg_flags = flags, .nlmsg_len = 0};
    size_t at = len;

    put(&head, sizeof head);
    return at;
}

static void end_message(size_t at)
{
    uint32_t size = (uint32_t)(len - at);

    memcpy(bytes + at, &size, sizeof size);
}

static void put_link(uint16_t type, uint8_t family)
{
    struct ifinfomsg about = {
        .ifi_family = family, .ifi_index = 5, .ifi_type = 1, .ifi_flags = IFF_UP | IFF_MULTICAST};
    size_t at = begin_message(type, 0, 0);
    uint32_t mtu = 1500;

    put(&about, sizeof about);
    put_attribute(IFLA_IFNAME, "eth5", 5);
    put_attribute(IFLA_MTU, &mtu, sizeof mtu);
    put_attribute(IFLA_ADDRESS, "\1\2\3\4\5\6", 6);
    end_message(at);
}

static void put_address(const char *local, const char *peer)
{
    struct ifaddrmsg about = {
        .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_scope = RT_SCOPE_LINK, .ifa_index = 5};
    size_t at = begin_message(RTM_NEWADDR, 3, NLM_F_DUMP_INTR);
    struct in_addr v4;

    put(&about, sizeof about);
    inet_pton(AF_INET, peer, &v4);
    put_attribute(IFA_ADDRESS, &v4, sizeof v4);
    inet_pton(AF_INET, local, &v4);
    put_attribute(IFA_LOCAL, &v4, sizeof v4);
    end_message(at);
}

static struct weir__netif_item take_one(void)
{
    struct weir__netif_cursor cursor = {bytes, len};
    struct weir__netif_item item;

    assert_true(weir__netif_take(&cursor, &item));
    assert_int_equal(cursor.left, 0);
    assert_false(weir__netif_take(&cursor, &item));
    len = 0;
    return item;
}

TEST(a_link_is_read_with_its_name_mtu_and_hardware)
{
    struct weir__netif_item item;

    put_link(RTM_NEWLINK, AF_UNSPEC);
    item = take_one();
    assert_int_equal(item.kind, NETIF_LINK);
    assert_int_equal(item.link.number, 5);
    assert_int_equal(item.link.flags, WEIR_NETIF_UP | WEIR_NETIF_MULTICAST);
    assert_string_equal(item.link.name, "eth5");
    assert_int_equal(item.link.mtu, 1500);
    assert_int_equal(item.link.hardware_len, 6);
    assert_memory_equal(item.link.hardware, "\1\2\3\4\5\6", 6);
    put_link(RTM_DELLINK, AF_UNSPEC);
    assert_int_equal(take_one().kind, NETIF_LINK_GONE);
}

TEST(what_a_bridge_says_of_its_ports_is_not_an_end)
{
    put_link(RTM_DELLINK, AF_BRIDGE);
    assert_int_equal(take_one().kind, NETIF_OTHER);
}

TEST(an_address_is_read_with_its_peer)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    struct weir__netif_item item;

    put_address("192.0.2.1", "192.0.2.2");
    item = take_one();
    assert_int_equal(item.kind, NETIF_ADDRESS);
    assert_true(item.torn);
    assert_int_equal(item.sequence, 3);
    assert_int_equal(item.address.prefix, 24);
    assert_int_equal(item.address.scope, WEIR_NETIF_LINK);
    assert_true(weir_address_format(&item.address.address, text, sizeof text) > 0);
    assert_string_equal(text, "udp://192.0.2.1:0");
    assert_true(weir_address_format(&item.address.peer, text, sizeof text) > 0);
    assert_string_equal(text, "udp://192.0.2.2:0");
    put_address("192.0.2.1", "192.0.2.1");
    assert_int_equal(take_one().address.peer.len, 0);
}

TEST(an_error_has_its_code)
{
    size_t at = begin_message(NLMSG_ERROR, 1, 0);
    int code = -13;

    put(&code, sizeof code);
    end_message(at);
    assert_int_equal(take_one().code, -13);
}

static const unsigned char *place(struct guard *guard, size_t size)
{
    return (const unsigned char *)guard_place(guard, bytes, size);
}

/* Cut at every byte, with nothing readable behind; and with each byte changed. */
TEST(messages_may_be_cut_anywhere)
{
    struct guard guard;
    size_t cut, i;

    guard_init(&guard, sizeof bytes);
    put_link(RTM_NEWLINK, AF_UNSPEC);
    put_address("192.0.2.1", "192.0.2.2");
    for (cut = 0; cut <= len; cut++) {
        struct weir__netif_cursor cursor = {place(&guard, cut), cut};
        struct weir__netif_item item;
        int count = 0;

        while (weir__netif_take(&cursor, &item))
            count++;
        assert_true(count <= 2 && (cut < len || count == 2));
    }
    for (i = 0; i < len * 8; i++) {
        struct weir__netif_cursor cursor;
        struct weir__netif_item item;
        int count = 0;

        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        cursor = (struct weir__netif_cursor){place(&guard, len), len};
        while (count < 100 && weir__netif_take(&cursor, &item))
            count++;
        assert_true(count < 100);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    len = 0;
    guard_fini(&guard);
}

TEST(a_question_is_one_message)
{
    unsigned char question[WEIR__NETIF_QUESTION_MAX];
    struct nlmsghdr head;
    size_t size = weir__netif_ask(question, NETIF_ASK_LINKS, 9);

    memcpy(&head, question, sizeof head);
    assert_int_equal(head.nlmsg_len, size);
    assert_int_equal(head.nlmsg_type, RTM_GETLINK);
    assert_int_equal(head.nlmsg_seq, 9);
    size = weir__netif_ask(question, NETIF_ASK_ADDRESSES, 10);
    memcpy(&head, question, sizeof head);
    assert_int_equal(head.nlmsg_len, size);
    assert_int_equal(head.nlmsg_type, RTM_GETADDR);
}
