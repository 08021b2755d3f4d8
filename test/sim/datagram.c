/* Datagrams between simulated hosts: loss, copies, order, sizes, partitions, refusals, crashes. */
#include "test.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <weir.h>

#include "support/check.h"
#include "sys/call.h"

#define SEEDS 40
#define SENT  200

static const weir_sim_host here = {0};

/* What a host has heard on port 9. */
struct heard {
    int count, copies, late, largest, last;
    int seen[SENT];
    bool listens;
};

static int hear(void *arg)
{
    struct heard *heard = arg;
    static unsigned char bytes[65536];
    weir_socket socket;
    ptrdiff_t n;

    CHECK(weir_bind(&socket, "udp://0.0.0.0:9", NULL) == 0);
    heard->listens = true;
    while ((n = weir_recv(socket, bytes, sizeof bytes)) >= 0) {
        int number = n ? bytes[0] : 0;

        heard->count++;
        heard->copies += heard->seen[number]++ > 0;
        heard->late += number < heard->last;
        heard->last = number;
        if (n > heard->largest)
            heard->largest = (int)n;
    }
    weir_socket_close(socket);
    return 0;
}

/* Each test has its own, since it outlives the run. */
static struct heard heard;

static weir_sim_host start_listener(void)
{
    weir_sim_host host = {0};

    memset(&heard, 0, sizeof heard);
    CHECK(weir_sim_host_start("ear", hear, &heard, &host) == 0);
    while (!heard.listens)
        CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    return host;
}

/* Sends so many, and waits until what is under way has come. */
static void send_many(int count, size_t len)
{
    static unsigned char bytes[65536];
    weir_socket socket;
    int i;

    CHECK(weir_connect(&socket, "udp://ear:9", NULL) == 0);
    for (i = 0; i < count; i++) {
        bytes[0] = (unsigned char)i;
        CHECK(weir_send(socket, bytes, len) == 0);
        CHECK(i % 10 || weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    }
    CHECK(weir_sleep(WEIR_SECONDS(1)) == 0);
    weir_socket_close(socket);
}

static void run(weir_task_fn *fn, void *arg, const struct weir_sim_link_options *link)
{
    struct weir_sim_options options = {0};

    if (link)
        options.link = *link;
    assert_int_equal(weir_sim_seeds(fn, arg, 1, SEEDS, &options), 0);
    assert_checks();
}

/* ---- the way ---- */

static int tell(void *arg)
{
    (void)start_listener();
    send_many(SENT, 100);
    *(struct heard *)arg = heard;
    return 0;
}

static int tell_on_good_link(void *arg)
{
    tell(arg);
    CHECK(heard.count == SENT && heard.copies == 0 && heard.largest == 100);
    CHECK(heard.late > 0); /* they overtake each other all the same */
    return 0;
}

TEST(datagrams_between_hosts_come_in_any_order)
{
    struct heard got;

    run(tell_on_good_link, &got, NULL);
}

static int tell_in_order(void *arg)
{
    tell(arg);
    CHECK(heard.count == SENT && heard.late == 0);
    return 0;
}

TEST(datagrams_that_take_equally_long_stay_in_order)
{
    struct heard got;

    run(tell_in_order, &got,
        &(struct weir_sim_link_options){.latency_min_ns = 1000000, .latency_max_ns = 1000000});
}

static int lose(void *arg)
{
    tell(arg);
    CHECK(heard.count > SENT / 2 && heard.count < SENT);
    return 0;
}

TEST(datagrams_are_lost)
{
    struct heard got;

    run(lose, &got, &(struct weir_sim_link_options){.loss_permille = 200});
}

static int lose_fragments(void *arg)
{
    (void)arg;
    (void)start_listener();
    send_many(50, 60000); /* 41 of them each */
    CHECK(heard.count <= 5);
    return 0;
}

TEST(datagram_is_lost_with_each_of_its_fragments)
{
    run(lose_fragments, NULL, &(struct weir_sim_link_options){.loss_permille = 200});
}

static int repeat(void *arg)
{
    tell(arg);
    CHECK(heard.count > SENT && heard.copies == heard.count - SENT && heard.copies < SENT);
    return 0;
}

TEST(datagrams_come_twice)
{
    struct heard got;

    run(repeat, &got, &(struct weir_sim_link_options){.duplicate_permille = 300});
}

static int overtake(void *arg)
{
    tell(arg);
    CHECK(heard.count == SENT && heard.late > 0 && heard.late < SENT / 2);
    return 0;
}

TEST(datagrams_are_held_up)
{
    struct heard got;

    run(overtake, &got,
        &(struct weir_sim_link_options){
            .latency_min_ns = 1000000, .latency_max_ns = 1000000, .reorder_permille = 100});
}

static int be_cut_off(void *arg)
{
    weir_sim_host host = start_listener();
    weir_socket socket;

    (void)arg;
    CHECK(weir_connect(&socket, "udp://ear:9", NULL) == 0);
    CHECK(weir_sim_partition(here, host) == 0);
    CHECK(weir_send(socket, "x", 1) == 0); /* is lost, though all is well when it would come */
    CHECK(weir_sim_heal(here, host) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(10)) == 0);
    CHECK(heard.count == 0);
    CHECK(weir_send(socket, "x", 1) == 0); /* likewise, the other way */
    CHECK(weir_sim_partition(here, host) == 0);
    weir_socket_close(socket);
    send_many(20, 10);
    CHECK(heard.count == 0);
    CHECK(weir_sim_heal(here, host) == 0);
    send_many(20, 10);
    CHECK(heard.count == 20);
    CHECK(weir_sim_host_crash(host) == 0);
    send_many(20, 10);
    CHECK(heard.count == 20);
    heard.listens = false;
    CHECK(weir_sim_host_restart(host) == 0);
    while (!heard.listens)
        CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    send_many(20, 10);
    CHECK(heard.count == 40);
    return 0;
}

TEST(nothing_comes_through_a_partition_or_to_a_host_that_is_down)
{
    run(be_cut_off, NULL, NULL);
}

/* ---- sizes ---- */

static int be_large(void *arg)
{
    static char bytes[70000];
    int dont = IP_PMTUDISC_DO;
    weir_socket socket;

    (void)arg;
    (void)start_listener();
    CHECK(weir_connect(&socket, "udp://ear:9", NULL) == 0);
    CHECK(weir_send(socket, bytes, 65508) == WEIR_EMSGSIZE);
    CHECK(weir_send(socket, bytes, 65507) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(1)) == 0);
    CHECK(heard.largest == 65507);
    CHECK(weir_sockopt_set(socket.id, WEIR_SOCKOPT_MTU_DISCOVER, dont) == 0);
    CHECK(weir_send(socket, bytes, 1473) == WEIR_EMSGSIZE);
    CHECK(weir_send(socket, bytes, 1472) == 0);
    CHECK(weir_send(socket, NULL, 0) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(1)) == 0);
    CHECK(heard.count == 3);
    weir_socket_close(socket);
    return 0;
}

TEST(size_of_datagrams_has_limits)
{
    run(be_large, NULL, NULL);
}

static int overflow(void *arg)
{
    struct weir_socket_options small = {.receive_buffer = 4096}; /* doubled, as Linux does */
    weir_socket to, from;
    weir_address at;
    char bytes[1000] = {0};
    weir_block block;
    int i, count = 0;

    (void)arg;
    CHECK(weir_bind(&to, "udp://127.0.0.1:0", &small) == 0 && weir_socket_local(to, &at) == 0);
    CHECK(weir_bind(&from, "udp://127.0.0.1:0", NULL) == 0);
    for (i = 0; i < 100; i++)
        CHECK(weir_send_to(from, bytes, sizeof bytes, &at) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(10)) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    while (weir_recv(to, bytes, sizeof bytes) >= 0)
        count++;
    weir_block_end(&block);
    CHECK(count == 6);
    weir_socket_close(to);
    weir_socket_close(from);
    return 0;
}

TEST(what_finds_no_room_is_gone)
{
    run(overflow, NULL, NULL);
}

/* ---- peers ---- */

static int refuse(void *arg)
{
    weir_sim_host host = start_listener();
    weir_socket socket, other;
    weir_block block;
    weir_address at;
    char byte;

    (void)arg;
    CHECK(weir_connect(&socket, "udp://ear:10", NULL) == 0);
    CHECK(weir_send(socket, "x", 1) == 0);
    CHECK(weir_recv(socket, &byte, 1) == WEIR_ECONNREFUSED);
    CHECK(weir_send(socket, "x", 1) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(10)) == 0);
    CHECK(weir_send(socket, "x", 1) == WEIR_ECONNREFUSED);
    CHECK(weir_socket_peer(socket, &at) == 0);

    CHECK(weir_bind(&other, "udp://0.0.0.0:0", NULL) == 0); /* who has no peer hears nothing */
    CHECK(weir_send_to(other, "x", 1, &at) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(1)) == 0);
    CHECK(weir_recv(other, &byte, 1) == WEIR_EDEADLINE);
    weir_block_end(&block);

    CHECK(weir_sim_partition(here, host) == 0); /* nor does one whose answer is lost */
    CHECK(weir_send(socket, "x", 1) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(1)) == 0);
    CHECK(weir_recv(socket, &byte, 1) == WEIR_EDEADLINE);
    weir_block_end(&block);
    weir_socket_close(socket);
    weir_socket_close(other);
    return 0;
}

TEST(port_that_nobody_has_refuses_those_who_are_connected)
{
    run(refuse, NULL, NULL);
}

static int choose_peers(void *arg)
{
    weir_socket any, peer, a, b;
    weir_address any_at, a_at, seen;
    char text[32] = "udp://127.0.0.1:9000", byte = 0;
    weir_block block;

    (void)arg;
    CHECK(weir_bind(&any, "udp://0.0.0.0:9000", NULL) == 0);
    CHECK(weir_bind(&peer, text, NULL) == WEIR_EADDRINUSE);
    CHECK(weir_bind(&a, "udp://127.0.0.1:0", NULL) == 0 && weir_socket_local(a, &a_at) == 0);
    CHECK(weir_connect(&b, text, NULL) == 0 && weir_socket_peer(b, &any_at) == 0);
    CHECK(weir_send(b, "b", 1) == 0);
    CHECK(weir_recv_from(any, &byte, 1, &seen) == 1 && byte == 'b');
    CHECK(weir_send_to(any, "c", 1, &seen) == 0);
    CHECK(weir_send_to(a, "a", 1, &seen) == 0); /* is not the peer of b */
    CHECK(weir_recv(b, &byte, 1) == 1 && byte == 'c');
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(10)) == 0);
    CHECK(weir_recv(b, &byte, 1) == WEIR_EDEADLINE);
    weir_block_end(&block);
    CHECK(weir_address_parse(&seen, "udp://255.255.255.255:9000") >= 0);
    CHECK(weir_send_to(a, "a", 1, &seen) == WEIR_ENOTSUP);
    CHECK(weir_send(a, "a", 1) == WEIR_EDESTADDRREQ);
    weir_socket_close(any);
    weir_socket_close(a);
    weir_socket_close(b);
    return 0;
}

TEST(connected_socket_hears_its_peer_alone)
{
    run(choose_peers, NULL, NULL);
}

static int ports_are_apart(void *arg)
{
    weir_listener listener;
    weir_socket socket;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://0.0.0.0:53", NULL) == 0);
    CHECK(weir_bind(&socket, "udp://0.0.0.0:53", NULL) == 0);
    weir_listener_close(listener);
    weir_socket_close(socket);
    CHECK(weir_socket_open(&socket, AF_UNIX, SOCK_DGRAM, 0, NULL) == WEIR_EPROTONOSUPPORT);
    return 0;
}

TEST(ports_of_datagrams_are_not_those_of_streams)
{
    run(ports_are_apart, NULL, NULL);
}

/* ---- replay ---- */

TEST(seed_decides_which_datagrams_come)
{
    struct weir_sim_options options = {
        .link = {.loss_permille = 100, .duplicate_permille = 100, .reorder_permille = 100}};

    for (options.seed = 1; options.seed <= 10; options.seed++) {
        struct heard one, two;
        uint64_t trace;

        assert_int_equal(weir_sim_run(tell, &one, &options), 0);
        trace = weir_sim_trace();
        assert_int_equal(weir_sim_run(tell, &two, &options), 0);
        assert_true(weir_sim_trace() == trace);
        assert_memory_equal(&one, &two, sizeof one);
        assert_checks();
    }
}

/* ---- ends ---- */

static int release_one(void *arg)
{
    weir_socket socket;

    CHECK(weir_bind(&socket, "udp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_socket_release(socket, arg) == 0);
    return 0;
}

TEST(descriptor_that_outlives_its_simulation_is_none)
{
    struct weir_sim_options options = {.seed = 1};
    int fd = -1;
    char byte;

    assert_int_equal(weir_sim_run(release_one, &fd, &options), 0);
    assert_checks();
    assert_true(weir__network_has(fd));
    assert_int_equal(weir__sys_recv(fd, &byte, 1, 0), WEIR_EBADF);
    assert_int_equal(weir__sys_close(fd), WEIR_EBADF);
}
