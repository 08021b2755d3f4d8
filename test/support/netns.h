/* test/support/netns.h - a network of the test program's own, with the loopback interface and one
 * more, which leads nowhere and takes groups.
 *
 * Called by a constructor, before there is a thread.
 */
#ifndef WEIR_TEST_SUPPORT_NETNS_H
#define WEIR_TEST_SUPPORT_NETNS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETNS_INTERFACE "weir0"
#define NETNS_V4        "10.99.0.1"
#define NETNS_V6        "2001:db8::1"

static inline struct ifreq netns_request(const char *name)
{
    struct ifreq request;

    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, name);
    return request;
}

static inline bool netns_up(int fd, const char *name)
{
    struct ifreq request = netns_request(name);

    request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST;
    return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

/* The interface is there as long as its descriptor, which stays open. */
static inline bool netns_make_interface(void)
{
    struct ifreq request = netns_request(NETNS_INTERFACE);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    return fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0;
}

static inline bool netns_set_v4(int fd)
{
    struct ifreq request = netns_request(NETNS_INTERFACE);
    struct sockaddr_in address = {.sin_family = AF_INET};

    inet_pton(AF_INET, NETNS_V4, &address.sin_addr);
    memcpy(&request.ifr_addr, &address, sizeof address);
    return ioctl(fd, SIOCSIFADDR, &request) == 0;
}

/* There may be no IPv6. */
static inline void netns_set_v6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    struct in6_ifreq request;
    int i, fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    memset(&request, 0, sizeof request);
    inet_pton(AF_INET6, NETNS_V6, &request.ifr6_addr);
    request.ifr6_prefixlen = 64;
    request.ifr6_ifindex = (int)if_nametoindex(NETNS_INTERFACE);
    address.sin6_addr = request.ifr6_addr;
    /* the kernel takes a while until it may be used */
    if (ioctl(fd, SIOCSIFADDR, &request) == 0) {
        for (i = 0; i < 3000 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0; i++)
            poll(NULL, 0, 1);
    }
    close(fd);
}

/* True if the program has a network of its own now. */
static inline bool netns_enter(void)
{
    bool done;
    int fd;

    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    done = netns_up(fd, "lo") && netns_make_interface() && netns_set_v4(fd)
           && netns_up(fd, NETNS_INTERFACE);
    close(fd);
    if (done)
        netns_set_v6();
    return done;
}

#endif
