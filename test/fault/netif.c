/* test/fault/netif.c - listing interfaces and watching them, while the n-th allocation or system
 * call fails. */
#include "test.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <weir.h>

#include "support/faults.h"
#include "support/netns.h"

static bool own_network;

static void __attribute__((constructor)) enter_network(void)
{
    own_network = netns_enter();
}

/* A change that is there for the watch: an interface that is made and goes. */
static void make_change(void)
{
    struct ifreq request = netns_request("weir4");
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    (void)ioctl(fd, TUNSETIFF, &request);
    close(fd);
}

static int use_watch(void)
{
    struct weir_netif_event event = {.change = 99};
    weir_netif_watch watch = {7};
    int rc = weir_netif_watch_open(&watch);

    if (rc < 0)
        return watch.id == 7 ? rc : 1;
    make_change();
    rc = weir_netif_watch_next(watch, &event);
    if (rc < 0 && event.change != 99)
        rc = 1;
    weir_netif_watch_close(watch);
    return rc < 0 ? rc : 0;
}

static int use_interfaces(void *arg)
{
    struct weir_netifs list = {.interface_count = 99};
    int rc = weir_netif_list(&list);

    (void)arg;
    if (rc < 0)
        return list.interface_count == 99 ? rc : 1;
    rc = list.interface_count >= 2 && list.address_count >= 1 ? use_watch() : 1;
    weir_netif_free(&list);
    return rc;
}

static int run_interfaces(void)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};

    return weir_run(use_interfaces, NULL, &options);
}

TEST(every_allocation_of_a_watch_may_fail)
{
    if (!own_network)
        skip("no network namespace for this user");
    fail_each(run_interfaces, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_watch_may_fail)
{
    if (!own_network)
        skip("no network namespace for this user");
    fail_each(run_interfaces, WEIR__FAULT_CALL);
}
