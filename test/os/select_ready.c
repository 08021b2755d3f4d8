/* test/os/select_ready.c - foreign descriptors, counts and interfaces in a select. */
#include "test.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/hostile.h"
#include "support/netns.h"
#include "support/run.h"

none_on_sim("there are no descriptors of the system's")

    static const struct weir_select_options no_wait = {.no_wait = WEIR_ON};

/* ---- descriptors ---- */

static int wait_ready(void *arg)
{
    weir_case cases[3];
    int fds[2];
    char byte;

    (void)arg;
    CHECK(pipe2(fds, O_CLOEXEC) == 0); /* in blocking mode, and stays so */
    weir_case_ready(&cases[0], fds[0], WEIR_READY_READ);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_select_with(cases, 1, &no_wait) == WEIR_EAGAIN);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_READY_READ);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_READY_READ); /* it is still so */
    CHECK(read(fds[0], &byte, 1) == 1);
    weir_case_ready(&cases[1], fds[0], WEIR_READY_READ); /* twice in one select */
    weir_case_after(&cases[2], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 3) == 2);
    close(fds[1]);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_READY_HANGUP);
    CHECK((fcntl(fds[0], F_GETFL) & O_NONBLOCK) == 0);
    weir_case_ready(&cases[1], fds[0], 1u << 10);
    CHECK(weir_select(&cases[1], 1) == 0 && cases[1].result == WEIR_EINVAL);
    close(fds[0]);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EBADF);
    return 0;
}

TEST(a_descriptor_is_a_case)
{
    assert_int_equal(run_with(wait_ready, NULL, 1), 0);
    assert_int_equal(run_with(wait_ready, NULL, 2), 0);
}

#define TOKENS 200
#define TAKERS 5

struct ring {
    int fds[2];
    uint32_t taken;
};

/* Takes what it was told of, if nobody else was quicker; gives up now and then. */
static int take_tokens(void *arg)
{
    struct ring *ring = arg;
    weir_case cases[2];
    int which;
    char byte;

    while (SEE(ring->taken) < TOKENS) {
        weir_case_ready(&cases[0], ring->fds[0], WEIR_READY_READ);
        weir_case_after(&cases[1], WEIR_MICROSECONDS(200));
        which = weir_select(cases, 2);
        CHECK(which == 1 || (which == 0 && cases[0].result == WEIR_READY_READ));
        if (which == 0 && read(ring->fds[0], &byte, 1) == 1)
            (void)ADD(ring->taken, 1);
    }
    return 0;
}

static int bring_tokens(void *arg)
{
    const struct ring *ring = arg;
    int i;

    for (i = 0; i < TOKENS; i++) {
        CHECK(write(ring->fds[1], "t", 1) == 1);
        CHECK(weir_yield() == 0);
    }
    return 0;
}

static int share_descriptor(void *arg)
{
    struct ring ring = {.taken = 0};
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(pipe2(ring.fds, O_CLOEXEC | O_NONBLOCK) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < TAKERS; i++)
        CHECK(weir_spawn(&scope, take_tokens, &ring) == 0);
    CHECK(weir_spawn(&scope, bring_tokens, &ring) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(ring.taken == TOKENS);
    close(ring.fds[0]);
    close(ring.fds[1]);
    return 0;
}

TEST(many_selects_wait_for_one_descriptor)
{
    assert_int_equal(run_with(share_descriptor, NULL, 1), 0);
    assert_int_equal(run_with(share_descriptor, NULL, 3), 0);
}

/* ---- counts ---- */

static int read_count(void *arg)
{
    weir_stream events, periods;
    weir_case cases[2];
    uint64_t count = 0, ticks = 0;

    (void)arg;
    CHECK(weir_count_open(&events, 0, 0) == 0);
    CHECK(weir_count_periods(&periods, WEIR_MILLISECONDS(1), 0) == 0);
    weir_case_read(&cases[0], events, &count, sizeof count);
    weir_case_read(&cases[1], periods, &ticks, sizeof ticks);
    CHECK(weir_select(cases, 2) == 1 && cases[1].result == 8 && ticks == 1);
    CHECK(weir_select_with(cases, 2, &no_wait) == WEIR_EAGAIN);
    CHECK(weir_count_add(events, 7) == 0);
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 8 && count == 7);
    CHECK(weir_close(events) == 0 && weir_close(periods) == 0);
    return 0;
}

TEST(a_count_is_a_case)
{
    hostile_calm();
    assert_int_equal(run_with(read_count, NULL, 1), 0);
}

/* ---- interfaces ---- */

static bool own_network;

static void __attribute__((constructor)) enter_network(void)
{
    own_network = netns_enter();
}

/* Brings the loopback up, or down. */
static void set_up(bool up)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0);
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    CHECK(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
    close(fd);
}

static int hear_of_changes(void *arg)
{
    weir_netif_watch watch;
    struct weir_netif_event event;
    weir_case cases[2];

    (void)arg;
    set_up(false);
    CHECK(weir_netif_watch_open(&watch) == 0);
    weir_case_netif(&cases[0], watch, &event);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_select_with(cases, 1, &no_wait) == WEIR_EAGAIN);
    set_up(true);
    do {
        CHECK(weir_select(cases, 1) == 0 && cases[0].result > 0);
        CHECK(cases[0].result == (ptrdiff_t)event.change);
    } while (cases[0].result > 0 && event.change != WEIR_NETIF_WENT_UP);
    CHECK(strcmp(event.interface.name, "lo") == 0);
    CHECK(weir_netif_watch_close(watch) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_change_of_an_interface_is_a_case)
{
    if (!own_network)
        skip("no network namespace for this user");
    assert_int_equal(run_with(hear_of_changes, NULL, 1), 0);
    assert_int_equal(run_with(hear_of_changes, NULL, 2), 0);
}

static int close_watch(void *arg)
{
    int i;

    for (i = 0; i < 3; i++)
        CHECK(weir_yield() == 0);
    return weir_netif_watch_close(*(weir_netif_watch *)arg);
}

static int close_under_select(void *arg)
{
    weir_netif_watch watch;
    struct weir_netif_event event;
    weir_scope scope;
    weir_case c;
    int i;

    (void)arg;
    for (i = 0; i < 20; i++) {
        CHECK(weir_netif_watch_open(&watch) == 0);
        weir_case_netif(&c, watch, &event);
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, close_watch, &watch) == 0);
        do { /* the network may still be coming up */
            CHECK(weir_select(&c, 1) == 0);
        } while (c.result > 0);
        /* the close comes before the select on another worker, or when the budget is spent */
        CHECK(c.result == WEIR_ECLOSED || c.result == WEIR_EBADHANDLE);
        CHECK(weir_scope_join(&scope) == 0);
    }
    return 0;
}

TEST(the_close_of_a_watch_ends_a_select)
{
    assert_int_equal(run_with(close_under_select, NULL, 1), 0);
    assert_int_equal(run_with(close_under_select, NULL, 3), 0);
}
