/* test/os/netif.c - interfaces, addresses and what happens to them, in a network of the program's
 * own where there may be one. */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/netns.h"
#include "support/run.h"

none_on_sim("it has no interfaces")

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

/* ---- the list ---- */

static const struct weir_netif *find_interface(const struct weir_netifs *list, const char *name)
{
    size_t i;

    for (i = 0; i < list->interface_count; i++) {
        if (strcmp(list->interfaces[i].name, name) == 0)
            return &list->interfaces[i];
    }
    return NULL;
}

static const struct weir_netif_address *find_address(const struct weir_netifs *list,
                                                     const char *host)
{
    weir_address wanted;
    size_t i;

    CHECK(weir_address_host(&wanted, host, 0) == 0);
    for (i = 0; i < list->address_count; i++) {
        if (weir_address_equal(&list->addresses[i].address, &wanted))
            return &list->addresses[i];
    }
    return NULL;
}

static int list_loopback(void *arg)
{
    struct weir_netifs list = {0};
    const struct weir_netif *lo;
    const struct weir_netif_address *own;

    (void)arg;
    CHECK(weir_netif_list(&list) == 0);
    lo = find_interface(&list, "lo");
    own = find_address(&list, "127.0.0.1");
    CHECK(lo && lo->number == if_nametoindex("lo") && lo->flags & WEIR_NETIF_LOOPBACK);
    CHECK(lo && lo->type == 772 && lo->mtu > 0);
    CHECK(!own || (own->prefix == 8 && own->scope == WEIR_NETIF_HOST));
    CHECK(!own || (lo && own->interface == lo->number));
    weir_netif_free(&list);
    CHECK(!list.interfaces && !list.interface_count);
    weir_netif_free(&list);
    return 0;
}

TEST(the_loopback_interface_is_in_the_list)
{
    assert_int_equal(run_with(list_loopback, NULL, 1), 0);
}

static int list_network(void *arg)
{
    struct weir_netifs list = {0};
    const struct weir_netif *tun;
    const struct weir_netif_address *v4, *v6;

    (void)arg;
    CHECK(weir_netif_list(&list) == 0);
    tun = find_interface(&list, NETNS_INTERFACE);
    v4 = find_address(&list, NETNS_V4);
    v6 = find_address(&list, NETNS_V6);
    CHECK(list.interface_count >= 2);
    CHECK(tun && tun->flags & WEIR_NETIF_UP && !(tun->flags & WEIR_NETIF_LOOPBACK));
    CHECK(v4 && tun && v4->interface == tun->number && v4->scope == WEIR_NETIF_GLOBAL);
    CHECK(!v6 || (v6->prefix == 64 && !v6->tentative && !v6->temporary));
    weir_netif_free(&list);
    return 0;
}

TEST(interfaces_and_addresses_are_those_that_there_are)
{
    need_network();
    assert_int_equal(run_with(list_network, NULL, 1), 0);
}

static int list_many(void *arg)
{
    struct weir_netifs list = {0};
    int i;

    (void)arg;
    for (i = 0; i < 20; i++) {
        CHECK(weir_netif_list(&list) == 0);
        CHECK(list.interface_count >= 1);
        weir_netif_free(&list);
    }
    return 0;
}

static int list_at_once(void *arg)
{
    return run_many(list_many, arg, 4);
}

TEST(many_tasks_ask_at_once)
{
    assert_int_equal(run_with(list_at_once, NULL, 2), 0);
}

/* ---- changes ---- */

static int make_tun(const char *name)
{
    struct ifreq request = netns_request(name);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    CHECK(fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0);
    return fd;
}

static void set_up(const char *name, bool up)
{
    struct ifreq request = netns_request(name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    request.ifr_flags = up ? IFF_UP : 0;
    CHECK(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
    close(fd);
}

static void set_mtu(const char *name, int mtu)
{
    struct ifreq request = netns_request(name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    request.ifr_mtu = mtu;
    CHECK(ioctl(fd, SIOCSIFMTU, &request) == 0);
    close(fd);
}

static void set_address(const char *name, const char *host)
{
    struct ifreq request = netns_request(name);
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, host, &address.sin_addr);
    memcpy(&request.ifr_addr, &address, sizeof address);
    CHECK(ioctl(fd, SIOCSIFADDR, &request) == 0);
    close(fd);
}

/* The next change of this kind; others come in between (IPv6 has a life of its own). */
static struct weir_netif_event await_change(weir_netif_watch watch, enum weir_netif_change change)
{
    struct weir_netif_event event = {0};
    int rc;

    do {
        rc = weir_netif_watch_next(watch, &event);
        CHECK(rc > 0 && (uint32_t)rc == event.change);
    } while (rc > 0 && rc != (int)change);
    return event;
}

static int watch_interface(void *arg)
{
    struct weir_netif_event event;
    weir_netif_watch watch = {0};
    uint32_t number;
    char text[WEIR_ADDRESS_TEXT_MAX];
    int fd;

    (void)arg;
    CHECK(weir_netif_watch_open(&watch) == 0);
    fd = make_tun("weir1");
    event = await_change(watch, WEIR_NETIF_ADDED);
    number = event.interface.number;
    CHECK(strcmp(event.interface.name, "weir1") == 0 && number == if_nametoindex("weir1"));
    CHECK(!(event.interface.flags & WEIR_NETIF_UP));
    set_up("weir1", true);
    event = await_change(watch, WEIR_NETIF_WENT_UP);
    CHECK(event.interface.number == number && event.interface.flags & WEIR_NETIF_RUNNING);
    set_mtu("weir1", 1234);
    do {
        event = await_change(watch, WEIR_NETIF_CHANGED);
    } while (event.interface.mtu != 1234 && event.change);
    CHECK(event.interface.number == number);
    set_address("weir1", "10.98.0.1");
    do {
        event = await_change(watch, WEIR_NETIF_ADDRESS_ADDED);
    } while (event.change && weir_address_family(&event.address.address) != AF_INET);
    CHECK(event.address.interface == number);
    CHECK(weir_address_format(&event.address.address, text, sizeof text) > 0);
    CHECK(strcmp(text, "udp://10.98.0.1:0") == 0);
    set_address("weir1", "10.97.0.1");
    do {
        event = await_change(watch, WEIR_NETIF_ADDRESS_REMOVED);
    } while (event.change && weir_address_family(&event.address.address) != AF_INET);
    CHECK(weir_address_format(&event.address.address, text, sizeof text) > 0);
    CHECK(strcmp(text, "udp://10.98.0.1:0") == 0);
    set_up("weir1", false);
    event = await_change(watch, WEIR_NETIF_WENT_DOWN);
    CHECK(event.interface.number == number && !(event.interface.flags & WEIR_NETIF_UP));
    close(fd);
    event = await_change(watch, WEIR_NETIF_REMOVED);
    CHECK(event.interface.number == number && strcmp(event.interface.name, "weir1") == 0);
    CHECK(weir_netif_watch_close(watch) == 0);
    return 0;
}

TEST(changes_of_interfaces_and_addresses_are_told)
{
    need_network();
    assert_int_equal(run_with(watch_interface, NULL, 1), 0);
}

static int overflow(void *arg)
{
    struct weir_netif_event event;
    weir_netif_watch watch = {0};
    int i, fd = make_tun("weir2");

    (void)arg;
    CHECK(weir_netif_watch_open(&watch) == 0);
    for (i = 0; i < 3000; i++)
        set_mtu("weir2", 1000 + i % 2);
    close(fd);
    event = await_change(watch, WEIR_NETIF_RESCAN);
    CHECK(event.change == WEIR_NETIF_RESCAN);
    fd = make_tun("weir3"); /* it goes on */
    do {
        event = await_change(watch, WEIR_NETIF_ADDED);
    } while (event.change && strcmp(event.interface.name, "weir3") != 0);
    close(fd);
    CHECK(weir_netif_watch_close(watch) == 0);
    return 0;
}

TEST(an_overflow_is_told_and_the_watch_goes_on)
{
    need_network();
    assert_int_equal(run_with(overflow, NULL, 1), 0);
}

/* ---- ends ---- */

struct meeting {
    weir_netif_watch watch;
    int begun;
};

static int wait_for_change(void *arg)
{
    struct meeting *meeting = arg;
    struct weir_netif_event event = {.change = 99};
    int rc;

    SAY(meeting->begun, 1);
    do {
        rc = weir_netif_watch_next(meeting->watch, &event);
    } while (rc > 0);
    return rc;
}

static int close_meanwhile(void *arg)
{
    struct meeting meeting = {{0}, 0};
    struct weir_netif_event event = {.change = 99};
    weir_scope scope;
    weir_block block;
    int rc, other;

    (void)arg;
    CHECK(weir_netif_watch_open(&meeting.watch) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(5)) == 0);
    CHECK(weir_netif_watch_next(meeting.watch, &event) == WEIR_EDEADLINE && event.change == 99);
    CHECK(weir_block_end(&block));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_for_change, &meeting) == 0);
    YIELD_UNTIL(SEE(meeting.begun));
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0); /* one of both is second */
    rc = weir_netif_watch_next(meeting.watch, &event);
    (void)weir_block_end(&block);
    CHECK(rc == WEIR_EBUSY || rc == WEIR_EDEADLINE);
    CHECK(weir_netif_watch_close(meeting.watch) == 0);
    other = weir_scope_join(&scope);
    CHECK(other == WEIR_ECLOSED || (rc == WEIR_EDEADLINE && other == WEIR_EBUSY)
          || other == WEIR_EBADHANDLE);
    CHECK(weir_netif_watch_close(meeting.watch) == 0);
    CHECK(weir_netif_watch_next(meeting.watch, &event) == WEIR_EBADHANDLE);
    CHECK(weir_netif_watch_close((weir_netif_watch){0}) == 0);
    return 0;
}

TEST(a_close_and_a_deadline_end_a_wait)
{
    need_network(); /* where nothing happens by itself */
    assert_int_equal(run_with(close_meanwhile, NULL, 2), 0);
}

TEST(only_tasks_ask)
{
    struct weir_netif_event event;
    struct weir_netifs list;
    weir_netif_watch watch;

    assert_int_equal(weir_netif_list(&list), WEIR_ENOTASK);
    assert_int_equal(weir_netif_watch_open(&watch), WEIR_ENOTASK);
    assert_int_equal(weir_netif_watch_next((weir_netif_watch){1}, &event), WEIR_ENOTASK);
}
