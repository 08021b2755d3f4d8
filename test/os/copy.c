/* test/os/copy.c - copying from stream to stream, one way and both. */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"

#define MANY 300000u

/* near[0] - near[1] copied from and to far[0] - far[1] */
struct route {
    weir_stream near[2], far[2];
    struct weir_copied copied;
    int64_t idle_limit_ns, deadline_ns;
    uint64_t there, back;
    int result;
    bool sockets;
};

static void open_two(weir_stream ends[2], bool sockets)
{
    if (sockets)
        dial_pair(ends);
    else
        CHECK(weir_stream_pair_with(ends, &(struct weir_pair_options){.capacity = 5000}) == 0);
}

static void open_route(struct route *route)
{
    open_two(route->near, route->sockets);
    open_two(route->far, route->sockets);
}

static void close_route(struct route *route)
{
    int i;

    for (i = 0; i < 2; i++)
        CHECK(weir_close(route->near[i]) == 0 && weir_close(route->far[i]) == 0);
}

static int route_both(void *arg)
{
    struct route *route = arg;
    struct weir_copy_both_options options = {.idle_limit_ns = route->idle_limit_ns};
    weir_block block;

    CHECK(weir_deadline_begin(&block, route->deadline_ns ? route->deadline_ns : WEIR_FOREVER) == 0);
    route->result = weir_copy_both_with(route->near[1], route->far[0], &route->copied, &options);
    CHECK(weir_block_end(&block) == (route->result == WEIR_EDEADLINE));
    return 0;
}

static int speak(weir_stream stream, uint64_t len)
{
    unsigned char bytes[997];
    uint64_t at = 0;
    size_t i;

    while (at < len) {
        size_t n = len - at < sizeof bytes ? (size_t)(len - at) : sizeof bytes;

        for (i = 0; i < n; i++)
            bytes[i] = (unsigned char)((at + i) * 7);
        CHECK(weir_write_all(stream, bytes, n) == 0);
        at += n;
    }
    CHECK(weir_shutdown(stream) == 0);
    return 0;
}

static void listen_to(weir_stream stream, uint64_t len)
{
    unsigned char bytes[701];
    uint64_t sum = 0;
    ptrdiff_t n, i;

    while ((n = weir_read(stream, bytes, sizeof bytes)) > 0) {
        for (i = 0; i < n; i++, sum++)
            CHECK(bytes[i] == (unsigned char)(sum * 7));
    }
    CHECK(n == 0 && sum == len);
}

static int speak_near(void *arg)
{
    struct route *route = arg;

    return speak(route->near[0], route->there);
}

/* Answers when all has come: so the way back goes on after the end of the way there. */
static int answer_far(void *arg)
{
    struct route *route = arg;

    listen_to(route->far[1], route->there);
    return speak(route->far[1], route->back);
}

static int half_closes(void *arg)
{
    struct route route = {.there = MANY, .back = MANY / 3};
    weir_scope scope;
    int i;

    (void)arg;
    for (i = 0; i < 4; i++) {
        route.sockets = i & 1;
        route.idle_limit_ns = i & 2 ? WEIR_SECONDS(1000) : 0;
        open_route(&route);
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, route_both, &route) == 0);
        CHECK(weir_spawn(&scope, speak_near, &route) == 0);
        CHECK(weir_spawn(&scope, answer_far, &route) == 0);
        listen_to(route.near[0], route.back);
        CHECK(weir_scope_join(&scope) == 0);
        CHECK(route.result == 0);
        CHECK(route.copied.there == MANY && route.copied.back == MANY / 3);
        close_route(&route);
    }
    return 0;
}

TEST(one_way_goes_on_after_the_end_of_the_other)
{
    assert_int_equal(run_with(half_closes, NULL, 1), 0);
    assert_int_equal(run_with(half_closes, NULL, 2), 0);
}

/* ---- idle, stopped, failed; in virtual time ---- */

static int in_virtual_time(weir_task_fn *fn)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};
    int rc = weir_run(fn, NULL, &options);

    assert_checks();
    return rc;
}

static int idle(void *arg)
{
    struct route route = {.idle_limit_ns = WEIR_SECONDS(10)};
    uint64_t began_ns = weir_now_ns();
    weir_scope scope;
    char byte;
    int i;

    (void)arg;
    open_route(&route);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, route_both, &route) == 0);
    for (i = 0; i < 5; i++) { /* the way back is silent, but the way there is not */
        CHECK(weir_sleep(WEIR_SECONDS(7)) == 0);
        CHECK(weir_write(route.near[0], "x", 1) == 1);
        CHECK(weir_read(route.far[1], &byte, 1) == 1 && byte == 'x');
    }
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(route.result == WEIR_EIDLE && route.copied.there == 5 && route.copied.back == 0);
    CHECK((weir_now_ns() - began_ns) / (uint64_t)WEIR_SECONDS(1) == 45);
    close_route(&route);
    return 0;
}

TEST(idle_is_when_neither_way_moves)
{
    assert_int_equal(in_virtual_time(idle), 0);
}

static int stopped(void *arg)
{
    struct route route = {.idle_limit_ns = WEIR_SECONDS(10), .deadline_ns = WEIR_SECONDS(3)};
    weir_scope scope;

    (void)arg;
    open_route(&route);
    CHECK(route_both(&route) == 0 && route.result == WEIR_EDEADLINE);
    route.deadline_ns = 0;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, route_both, &route) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    CHECK(route.result == WEIR_ECANCELED);
    CHECK(weir_close(route.far[1]) == 0); /* nothing can be written there */
    CHECK(weir_write_all(route.near[0], "abc", 3) == 0);
    CHECK(route_both(&route) == 0 && route.result == WEIR_EPIPE);
    CHECK(weir_copy_both(route.near[1], (weir_stream){0}, NULL) == WEIR_EBADHANDLE);
    close_route(&route);
    return 0;
}

TEST(both_ways_end_with_a_deadline_a_cancel_or_a_failure)
{
    assert_int_equal(in_virtual_time(stopped), 0);
}

/* ---- one way ---- */

static int note(void *arg, uint64_t moved)
{
    uint64_t *last = arg;

    CHECK(moved > *last);
    *last = moved;
    return moved > 4 ? WEIR_EPERM : 0;
}

static int one_way(void *arg)
{
    struct route route = {.there = 0};
    struct weir_copy_options limited = {.limit = 4};
    uint64_t moved = 77, told = 0;
    char out[16];

    (void)arg;
    limited.progress = note;
    limited.arg = &told;
    open_route(&route);
    CHECK(weir_write_all(route.near[0], "0123456789", 10) == 0);
    CHECK(weir_copy_with(route.near[1], route.far[0], &moved, &limited) == 0);
    CHECK(moved == 4 && told == 4);
    CHECK(weir_read(route.far[1], out, 16) == 4 && memcmp(out, "0123", 4) == 0);
    limited.limit = 0;
    told = 0;
    CHECK(weir_copy_with(route.near[1], route.far[0], &moved, &limited) == WEIR_EPERM);
    CHECK(moved == 6 && told == 6);
    CHECK(weir_read(route.far[1], out, 16) == 6 && memcmp(out, "456789", 6) == 0);
    CHECK(weir_write_all(route.near[0], "ab", 2) == 0 && weir_shutdown(route.near[0]) == 0);
    CHECK(weir_copy(route.near[1], route.far[0], NULL) == 0);
    CHECK(weir_write_all(route.far[0], "c", 1) == 0); /* it was not shut down */
    CHECK(weir_read_exactly(route.far[1], out, 3) == 0 && memcmp(out, "abc", 3) == 0);
    CHECK(weir_copy(route.near[1], (weir_stream){0}, &moved) == 0 && moved == 0);
    CHECK(weir_copy((weir_stream){0}, route.far[0], &moved) == WEIR_EBADHANDLE);
    close_route(&route);
    return 0;
}

TEST(one_way_has_a_limit_and_tells_of_progress)
{
    assert_int_equal(run_with(one_way, NULL, 1), 0);
}

static int bad_options(void *arg)
{
    struct route route = {.idle_limit_ns = -1};
    struct weir_copy_both_options options = {.idle_limit_ns = -1};
    struct weir_copied copied = {7, 7, 0};

    (void)arg;
    open_route(&route);
    CHECK(weir_copy_both_with(route.near[1], route.far[0], &copied, &options) == WEIR_EOPTION);
    CHECK(copied.there == 7 && copied.back == 7);
    close_route(&route);
    return 0;
}

TEST(a_copy_that_cannot_be_is_refused)
{
    weir_stream none = {0};

    assert_int_equal(weir_copy_both(none, none, NULL), WEIR_ENOTASK);
    assert_int_equal(weir_copy(none, none, NULL), WEIR_ENOTASK);
    assert_int_equal(run_with(bad_options, NULL, 1), 0);
}
