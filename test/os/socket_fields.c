/* test/os/socket_fields.c - what goes and comes with a message: fields, segments, the error
 * queue, and the packets as a raw socket sees them. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/packet.h"
#include "support/run.h"
#include "support/udp.h"

none_emulated("control data is not handed on")

#define WANTED                                                                                     \
    (WEIR_FIELD_DESTINATION | WEIR_FIELD_TRAFFIC_CLASS | WEIR_FIELD_TTL | WEIR_FIELD_TIME          \
     | WEIR_FIELD_DROPPED)

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

/* ---- the fields of IP ---- */

struct family {
    const char *any, *source;
};

static void check_fields(const struct weir_message *message, const weir_address *source)
{
    weir_address to = message->destination;

    CHECK((message->fields & (WANTED & ~WEIR_FIELD_DROPPED)) == (WANTED & ~WEIR_FIELD_DROPPED));
    CHECK(message->traffic_class == 0x2b);
    CHECK(message->ttl == 7);
    CHECK(message->interface == (uint32_t)weir_interface_number("lo"));
    CHECK(message->time_ns > 1600000000 * INT64_C(1000000000));
    CHECK(weir_address_set_port(&to, (uint16_t)weir_address_port(source)) == 0);
    CHECK(weir_address_equal(&to, source)); /* it was sent to itself */
}

static int bring_fields(void *arg)
{
    const struct family *family = arg;
    struct weir_socket_options options = {.want = WANTED};
    char in[16];
    struct weir_message message = expecting(in, sizeof in), out;
    weir_address at, source;
    weir_socket socket = bind_at(family->any, &options, &at);

    CHECK(weir_address_parse(&source, family->source) == 0);
    CHECK(weir_address_set_port(&source, (uint16_t)weir_address_port(&at)) == 0);
    out = (struct weir_message){.bytes = in,
                                .len = 3,
                                .fields = WEIR_FIELD_PEER | WEIR_FIELD_DESTINATION
                                          | WEIR_FIELD_TRAFFIC_CLASS | WEIR_FIELD_TTL,
                                .peer = source,
                                .destination = source,
                                .traffic_class = 0x2b,
                                .ttl = 7};
    CHECK(weir_send_message(socket, &out) == 0);
    CHECK(weir_recv_message(socket, &message) == 0);
    CHECK(message.len == 3 && message.flags == 0);
    check_fields(&message, &source);
    CHECK(weir_address_equal(&message.peer, &source));
    /* none any more, from the next one on */
    CHECK(weir_socket_want(socket, 0) == 0);
    CHECK(weir_send_to(socket, in, 3, &source) == 0);
    CHECK(weir_recv_message(socket, &message) == 0);
    CHECK(message.fields == WEIR_FIELD_PEER);
    CHECK(weir_socket_want(socket, 1u << 20) == WEIR_EINVAL);
    CHECK(weir_socket_want(socket, WEIR_FIELD_CREDENTIALS) == WEIR_ENOTSUP);
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

TEST(fields_of_ip_version_4_go_and_come)
{
    not_on_sim("its datagrams bring no facts of IP");
    struct family family = {"udp://0.0.0.0:0", "udp://127.0.0.2:0"};

    assert_int_equal(run_with(bring_fields, &family, 1), 0);
}

TEST(fields_of_ip_version_6_go_and_come)
{
    not_on_sim("its datagrams bring no facts of IP");
    struct family family = {"udp://[::]:0", "udp://[::1]:0"};

    if (!has_ipv6())
        skip("no IPv6 here");
    assert_int_equal(run_with(bring_fields, &family, 1), 0);
}

TEST(fields_of_ip_version_4_come_to_a_socket_of_version_6)
{
    not_on_sim("its datagrams bring no facts of IP");
    struct family family = {"udp://[::]:0", "udp://[::ffff:127.0.0.1]:0"};

    if (!has_ipv6())
        skip("no IPv6 here");
    assert_int_equal(run_with(bring_fields, &family, 1), 0);
}

static int refuse_fields(void *arg)
{
    weir_address at, six;
    weir_socket socket = bind_udp(&at);
    struct weir_message out = {.len = 0, .fields = WEIR_FIELD_PEER | WEIR_FIELD_TTL, .peer = at};
    int fd = 0;

    (void)arg;
    CHECK(weir_send_message(socket, &out) == WEIR_EINVAL); /* no hop is too few */
    out.fields = WEIR_FIELD_PEER | WEIR_FIELD_TIME;
    CHECK(weir_send_message(socket, &out) == WEIR_EINVAL);
    out.fields = WEIR_FIELD_PEER | WEIR_FIELD_SEGMENT;
    CHECK(weir_send_message(socket, &out) == WEIR_EINVAL);
    out.fields = WEIR_FIELD_PEER | WEIR_FIELD_DESCRIPTORS;
    out.descriptors = &fd;
    out.descriptors_count = 1;
    CHECK(weir_send_message(socket, &out) == WEIR_EINVAL);
    out.fields = WEIR_FIELD_PEER | WEIR_FIELD_DESTINATION;
    CHECK(weir_address_parse(&six, "udp://[::1]:0") == 0);
    out.destination = six;
    CHECK(weir_send_message(socket, &out) == WEIR_EINVAL);
    CHECK(weir_address_parse(&out.destination, "udp://192.0.2.1:0") == 0);
    CHECK(weir_send_message(socket, &out) < 0); /* not ours */
    out.peer.len = 1000;
    out.fields = WEIR_FIELD_PEER;
    CHECK(weir_send_message(socket, &out) == WEIR_EINVAL);
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

TEST(fields_that_do_not_fit_are_refused)
{
    not_on_sim("its datagrams bring no facts of IP");
    assert_int_equal(run_with(refuse_fields, NULL, 1), 0);
}

/* ---- lost for want of room ---- */

static int lose(void *arg)
{
    struct weir_socket_options options = {.want = WEIR_FIELD_DROPPED, .receive_buffer = 2048};
    static char bytes[1000];
    struct weir_message message = expecting(bytes, sizeof bytes);
    weir_address at;
    weir_socket socket = bind_at("udp://127.0.0.1:0", &options, &at);
    int i, got = 0;

    (void)arg;
    for (i = 0; i < 50; i++)
        CHECK(weir_send_to(socket, bytes, sizeof bytes, &at) == 0);
    while (recv_limited(socket, bytes, sizeof bytes, WEIR_MILLISECONDS(1)) > 0)
        got++;
    CHECK(got > 0 && got < 50);
    CHECK(weir_send_to(socket, bytes, 1, &at) == 0);
    CHECK(weir_recv_message(socket, &message) == 0);
    CHECK(message.fields & WEIR_FIELD_DROPPED);
    CHECK(message.dropped == (uint32_t)(50 - got));
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

TEST(messages_that_were_lost_are_counted)
{
    not_on_sim("its datagrams bring no facts of IP");
    assert_int_equal(run_with(lose, NULL, 1), 0);
}

/* ---- segments ---- */

static int segment(void *arg)
{
    struct weir_socket_options gathers = {.want = WEIR_FIELD_SEGMENT};
    static char bytes[3500], in[65536];
    struct weir_message message = expecting(in, sizeof in), out;
    weir_address plain_at, gathering_at;
    weir_socket plain = bind_udp(&plain_at);
    weir_socket gathering = bind_at("udp://127.0.0.1:0", &gathers, &gathering_at);
    int i;

    (void)arg;
    for (i = 0; i < (int)sizeof bytes; i++)
        bytes[i] = (char)(i / 1000);
    out = (struct weir_message){.bytes = bytes,
                                .len = sizeof bytes,
                                .fields = WEIR_FIELD_PEER | WEIR_FIELD_SEGMENT,
                                .segment = 1000,
                                .peer = plain_at};
    CHECK(weir_send_message(plain, &out) == 0);
    for (i = 0; i < 4; i++) {
        CHECK(weir_recv(plain, in, sizeof in) == (i < 3 ? 1000 : 500));
        CHECK(in[0] == i);
    }
    out.peer = gathering_at;
    CHECK(weir_send_message(plain, &out) == 0);
    CHECK(weir_recv_message(gathering, &message) == 0);
    CHECK(message.len == sizeof bytes && memcmp(in, bytes, sizeof bytes) == 0);
    CHECK((message.fields & WEIR_FIELD_SEGMENT) && message.segment == 1000);
    CHECK(weir_socket_close(plain) == 0);
    CHECK(weir_socket_close(gathering) == 0);
    return 0;
}

TEST(segments_go_as_one_and_come_as_one)
{
    not_on_sim("its datagrams bring no facts of IP");
    assert_int_equal(run_with(segment, NULL, 1), 0);
}

/* ---- sharing a port ---- */

static int steer(void *arg)
{
    struct weir_socket_options share = {.reuse_port = WEIR_ON};
    weir_socket sockets[3], from;
    weir_address at, from_at;
    char text[WEIR_ADDRESS_TEXT_MAX], in[4];
    unsigned char out[2] = {0};
    int i;

    (void)arg;
    sockets[0] = bind_at("udp://127.0.0.1:0", &share, &at);
    CHECK(weir_address_format(&at, text, sizeof text) > 0);
    for (i = 1; i < 3; i++)
        CHECK(weir_bind(&sockets[i], text, &share) == 0);
    from = bind_udp(&from_at);
    CHECK(weir_bind(&from, text, NULL) == WEIR_EADDRINUSE);
    CHECK(weir_socket_steer(sockets[1], WEIR_STEER_BYTE, 1, 3) == 0);
    for (i = 0; i < 12; i++) {
        out[1] = (unsigned char)(i * 20);
        CHECK(weir_send_to(from, out, 2, &at) == 0);
        CHECK(weir_recv(sockets[i * 20 % 3], in, sizeof in) == 2);
        CHECK((unsigned char)in[1] == i * 20);
    }
    CHECK(weir_send_to(from, out, 1, &at) == 0); /* too short */
    CHECK(weir_recv(sockets[0], in, sizeof in) == 1);
    CHECK(weir_socket_steer(sockets[0], WEIR_STEER_CPU, 0, 3) == 0);
    CHECK(weir_socket_steer(sockets[0], WEIR_STEER_RANDOM, 0, 3) == 0);
    CHECK(weir_socket_steer(sockets[0], WEIR_STEER_BYTE, 0, 0) == WEIR_EINVAL);
    CHECK(weir_socket_steer(sockets[0], (enum weir_steer)9, 0, 3) == WEIR_EINVAL);
    for (i = 0; i < 3; i++)
        CHECK(weir_socket_close(sockets[i]) == 0);
    CHECK(weir_socket_close(from) == 0);
    return 0;
}

TEST(messages_are_steered_over_the_sockets_of_a_port)
{
    not_on_sim("its datagrams bring no facts of IP");
    assert_int_equal(run_with(steer, NULL, 1), 0);
}

/* ---- what goes over the wire, as a raw socket sees it ---- */

static int watch_raw(void *arg)
{
    unsigned char packet[256];
    weir_socket raw, from;
    weir_address at, raw_at;
    struct weir_message out;
    struct iphdr head;
    int rc = weir_socket_open(&raw, AF_INET, SOCK_RAW, IPPROTO_UDP, NULL);

    (void)arg;
    if (rc == WEIR_EPERM || rc == WEIR_EACCES)
        return 1;
    CHECK(rc == 0);
    from = bind_udp(&at);
    CHECK(weir_address_parse(&raw_at, "udp://127.0.0.77:9") == 0);
    CHECK(weir_socket_bind(raw, &raw_at) == 0); /* what goes there alone */
    out =
        (struct weir_message){.bytes = (void *)"x",
                              .len = 1,
                              .fields = WEIR_FIELD_PEER | WEIR_FIELD_TRAFFIC_CLASS | WEIR_FIELD_TTL,
                              .traffic_class = 1, /* ECT(1) */
                              .ttl = 33,
                              .peer = raw_at};
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_MTU_DISCOVER, 2) == 0);
    CHECK(see_packet(from, &out, raw, packet, sizeof packet) == 20 + 8 + 1);
    memcpy(&head, packet, sizeof head);
    CHECK(head.tos == 1 && head.ttl == 33 && (ntohs(head.frag_off) & IP_DF));
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_MTU_DISCOVER, 0) == 0);
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_TTL, 44) == 0);
    CHECK(weir_sockopt_set(from.id, WEIR_SOCKOPT_TRAFFIC_CLASS, 0x88) == 0);
    out.fields = WEIR_FIELD_PEER;
    do { /* the first one may have been sent twice */
        CHECK(see_packet(from, &out, raw, packet, sizeof packet) == 20 + 8 + 1);
        memcpy(&head, packet, sizeof head);
    } while (head.ttl == 33);
    CHECK(head.tos == 0x88 && head.ttl == 44 && !(ntohs(head.frag_off) & IP_DF));
    CHECK(weir_socket_close(raw) == 0);
    CHECK(weir_socket_close(from) == 0);
    return 0;
}

TEST(a_raw_socket_sees_the_fields_in_the_packets)
{
    not_on_sim("its datagrams bring no facts of IP");
    int rc = run_with(watch_raw, NULL, 1);

    if (rc == 1)
        skip("no raw sockets for this user");
    assert_int_equal(rc, 0);
}

/* ---- other families ---- */

struct caller {
    weir_address to;
    int rc;
};

static int call(void *arg)
{
    struct caller *caller = arg;
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_socket socket;

    CHECK(weir_address_format(&caller->to, text, sizeof text) > 0);
    caller->rc = weir_connect(&socket, text, NULL);
    if (caller->rc < 0)
        return caller->rc;
    CHECK(weir_send(socket, "hello", 5) == 0);
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

static int use_vsock(void *arg)
{
    char text[WEIR_ADDRESS_TEXT_MAX], to[WEIR_ADDRESS_TEXT_MAX], in[8];
    weir_socket listener, peer;
    struct caller caller;
    weir_block block;
    weir_scope scope;
    int rc = weir_bind(&listener, "vsock://any:any", NULL);

    (void)arg;
    if (rc < 0)
        return 1;
    CHECK(weir_socket_local(listener, &caller.to) == 0);
    CHECK(weir_address_format(&caller.to, text, sizeof text) > 0);
    snprintf(to, sizeof to, "vsock://1%s", strrchr(text, ':')); /* this host itself */
    CHECK(weir_address_parse(&caller.to, to) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, call, &caller) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(300)) == 0);
    rc = weir_socket_accept(listener, &peer);
    (void)weir_block_end(&block);
    if (rc == 0) {
        CHECK(weir_recv(peer, in, sizeof in) == 5);
        CHECK(weir_recv(peer, in, sizeof in) == WEIR_EEOF);
        CHECK(weir_socket_close(peer) == 0);
    }
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    CHECK(weir_socket_close(listener) == 0);
    return rc == 0 ? 0 : 1;
}

TEST(virtual_sockets_connect)
{
    not_on_sim("its datagrams bring no facts of IP");
    int rc = run_with(use_vsock, NULL, 1);

    if (rc == 1)
        skip("no virtual sockets to this host itself");
    assert_int_equal(rc, 0);
}

/* ---- the path's MTU ---- */

static int find_mtu(void *arg)
{
    struct weir_socket_options options = {.errors = WEIR_ON};
    static char bytes[65000];
    struct weir_socket_error error;
    weir_socket socket;
    int64_t mtu = 0;

    (void)arg;
    CHECK(weir_connect(&socket, "udp://127.0.0.1:9", &options) == 0);
    CHECK(weir_sockopt_get(socket.id, WEIR_SOCKOPT_MTU, &mtu) == 0);
    CHECK(mtu >= 1280);
    CHECK(weir_sockopt_set(socket.id, WEIR_SOCKOPT_MTU_DISCOVER, 3) == 0);
    if (mtu < 65000) {
        CHECK(weir_send(socket, bytes, (size_t)mtu) == WEIR_EMSGSIZE);
        CHECK(weir_recv_error(socket, &error, bytes, sizeof bytes) >= 0);
        CHECK(error.code == WEIR_EMSGSIZE && error.origin == WEIR_ORIGIN_LOCAL);
        CHECK(error.info == (uint32_t)mtu);
    }
    CHECK(weir_socket_close(socket) == 0);
    return mtu < 65000 ? 0 : 1;
}

TEST(the_mtu_of_the_path_is_told)
{
    not_on_sim("its datagrams bring no facts of IP");
    int rc = run_with(find_mtu, NULL, 1);

    assert_true(rc == 0 || rc == 1);
}

/* ---- times of what was sent ---- */

static int time_sends(void *arg)
{
    /* SOF_TIMESTAMPING_TX_SOFTWARE | SOFTWARE | OPT_ID | OPT_TSONLY */
    const int64_t flags = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 11;
    struct weir_socket_error error;
    weir_address at;
    weir_socket socket = bind_udp(&at);
    struct weir_message message;
    char in[8];
    int i, rc = 0;

    (void)arg;
    message = expecting(in, sizeof in);
    CHECK(weir_sockopt_set(socket.id, WEIR_SOCKOPT_TIMESTAMPING, flags) == 0);
    for (i = 0; i < 2; i++) {
        CHECK(weir_send_to(socket, "t", 1, &at) == 0);
        CHECK(weir_recv_message(socket, &message) == 0);
        rc = weir_recv_message(socket, &message); /* waits: there is no message */
        CHECK(rc == WEIR_EERRQUEUE);
        CHECK(weir_recv_error(socket, &error, NULL, 0) == 0);
        CHECK(error.origin == WEIR_ORIGIN_TIMESTAMP && error.code == 0);
        CHECK(error.data == (uint32_t)i);
        CHECK(error.time_ns > 1600000000 * INT64_C(1000000000));
    }
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

TEST(the_time_of_sending_comes_by_the_error_queue)
{
    not_on_sim("its datagrams bring no facts of IP");
    assert_int_equal(run_with(time_sends, NULL, 1), 0);
}
