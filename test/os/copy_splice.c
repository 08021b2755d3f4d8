/* test/os/copy_splice.c - copies whose bytes stay in the kernel. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"

#define MANY 700000u

static unsigned char byte_at(uint64_t at)
{
    return (unsigned char)(at * 7 + (at >> 8));
}

static int speak_in(weir_stream stream, uint64_t from, uint64_t to, size_t piece)
{
    unsigned char *bytes = malloc(piece);
    int rc = 0;
    size_t i;

    while (rc == 0 && from < to) {
        size_t n = to - from < piece ? (size_t)(to - from) : piece;

        for (i = 0; i < n; i++)
            bytes[i] = byte_at(from + i);
        rc = weir_write_all(stream, bytes, n);
        from += n;
    }
    free(bytes);
    return rc;
}

/* Reads until the end, or `most`: how many came, in their order from `at` on. */
static uint64_t listen_to(weir_stream stream, uint64_t at, uint64_t most)
{
    unsigned char bytes[5000];
    uint64_t sum = 0;
    ptrdiff_t n = 1, i;

    while (sum < most && n > 0) {
        n = weir_read(stream, bytes, most - sum < sizeof bytes ? most - sum : sizeof bytes);
        for (i = 0; i < n; i++)
            CHECK(bytes[i] == byte_at(at + sum + (uint64_t)i));
        sum += n > 0 ? (uint64_t)n : 0;
    }
    CHECK(n >= 0);
    return sum;
}

/* ---- between sockets ---- */

struct route {
    weir_stream near[2], far[2];
    struct weir_copied copied;
    struct weir_copy_both_options options;
    size_t piece;
    int result;
};

static void open_route(struct route *route)
{
    dial_pair(route->near);
    dial_pair(route->far);
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

    SAY(route->result,
        weir_copy_both_with(route->near[1], route->far[0], &route->copied, &route->options));
    return 0;
}

static int speak_near(void *arg)
{
    struct route *route = arg;

    CHECK(speak_in(route->near[0], 0, MANY, route->piece) == 0);
    CHECK(weir_shutdown(route->near[0]) == 0);
    return 0;
}

static int answer_far(void *arg)
{
    struct route *route = arg;

    CHECK(listen_to(route->far[1], 0, UINT64_MAX) == MANY);
    CHECK(speak_in(route->far[1], 0, MANY / 2, route->piece) == 0);
    CHECK(weir_shutdown(route->far[1]) == 0);
    return 0;
}

static void go_both_ways(struct route *route)
{
    struct weir_byte_counts counts;
    weir_scope scope;

    open_route(route);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, route_both, route) == 0);
    CHECK(weir_spawn(&scope, speak_near, route) == 0);
    CHECK(weir_spawn(&scope, answer_far, route) == 0);
    CHECK(listen_to(route->near[0], 0, UINT64_MAX) == MANY / 2);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(route->result == 0);
    CHECK(route->copied.there == MANY && route->copied.back == MANY / 2);
    CHECK(weir_stream_counts(route->near[1], &counts) == 0);
    CHECK(counts.read == MANY && counts.written == MANY / 2);
    CHECK(weir_stream_counts(route->far[0], &counts) == 0);
    CHECK(counts.written == MANY && counts.read == MANY / 2);
    close_route(route);
}

static int both_ways(void *arg)
{
    static const uint8_t choices[] = {WEIR_DEFAULT, WEIR_ON, WEIR_OFF};
    struct route route = {.piece = 100000};
    int i;

    (void)arg;
    for (i = 0; i < 6; i++) {
        route.options.splice = choices[i / 2];
        route.options.idle_limit_ns = i & 1 ? WEIR_SECONDS(1000) : 0;
        go_both_ways(&route);
        if (test_simulated() || route.options.splice == WEIR_OFF)
            CHECK(route.copied.spliced == 0);
        else if (route.options.splice == WEIR_ON)
            CHECK(route.copied.spliced == route.copied.there + route.copied.back);
    }
    return 0;
}

TEST(both_ways_go_through_the_kernel)
{
    assert_int_equal(run_with(both_ways, NULL, 1), 0);
    assert_int_equal(run_with(both_ways, NULL, 2), 0);
}

/* The speaker is always ahead, so buffers come full. */
static int much_at_once(void *arg)
{
    struct route route = {.piece = MANY};
    uint64_t spliced = 0;
    int i;

    (void)arg;
    for (i = 0; i < 20 && !spliced; i++) {
        go_both_ways(&route);
        spliced = route.copied.spliced;
    }
    CHECK(spliced > 0);
    route.piece = 100;
    return 0;
}

/* One message, one answer. */
static int ping_pong(void *arg)
{
    struct route *route = arg;
    char bytes[64] = {0};
    int i;

    for (i = 0; i < 100; i++) {
        CHECK(weir_write_all(route->near[0], bytes, sizeof bytes) == 0);
        CHECK(weir_read_exactly(route->far[1], bytes, sizeof bytes) == 0);
        CHECK(weir_write_all(route->far[1], bytes, sizeof bytes) == 0);
        CHECK(weir_read_exactly(route->near[0], bytes, sizeof bytes) == 0);
    }
    CHECK(weir_shutdown(route->near[0]) == 0 && weir_shutdown(route->far[1]) == 0);
    return 0;
}

static int little_at_once(void *arg)
{
    struct route route = {.result = 1};
    weir_scope scope;

    (void)arg;
    open_route(&route);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, route_both, &route) == 0);
    CHECK(weir_spawn(&scope, ping_pong, &route) == 0);
    CHECK(weir_scope_join(&scope) == 0 && route.result == 0);
    CHECK(route.copied.there == 6400 && route.copied.spliced == 0);
    close_route(&route);
    return 0;
}

TEST(a_copy_splices_by_itself_where_much_comes_at_once)
{
    not_on_sim("splice");
    assert_int_equal(run_with(much_at_once, NULL, 1), 0);
    assert_int_equal(run_with(little_at_once, NULL, 1), 0);
}

/* ---- what was received before goes first, and what is behind a limit stays ---- */

static int one_way(void *arg)
{
    struct weir_copy_options options = {.splice = WEIR_ON, .limit = 30000};
    struct route route = {.result = 0};
    uint64_t moved;
    char first;

    (void)arg;
    open_route(&route);
    CHECK(speak_in(route.near[0], 0, 50001, 50001) == 0);
    CHECK(weir_read(route.near[1], &first, 1) == 1 && (unsigned char)first == byte_at(0));
    CHECK(weir_copy_with(route.near[1], route.far[0], &moved, &options) == 0 && moved == 30000);
    CHECK(listen_to(route.far[1], 1, 30000) == 30000);
    CHECK(listen_to(route.near[1], 30001, 1000) == 1000);
    CHECK(weir_shutdown(route.near[0]) == 0);
    options.limit = 0;
    CHECK(weir_copy_with(route.near[1], route.far[0], &moved, &options) == 0 && moved == 19000);
    CHECK(weir_write_all(route.far[0], "", 1) == 0 && weir_shutdown(route.far[0]) == 0);
    CHECK(listen_to(route.far[1], 31001, 19000) == 19000);
    CHECK(weir_read(route.far[1], &first, 1) == 1 && first == 0);
    CHECK(weir_read(route.far[1], &first, 1) == 0);
    close_route(&route);
    return 0;
}

TEST(no_byte_goes_two_ways_or_none)
{
    assert_int_equal(run_with(one_way, NULL, 1), 0);
    assert_int_equal(run_with(one_way, NULL, 2), 0);
}

/* ---- stopped in the middle ---- */

/* 0: TCP, 1: a pipe, 2: UNIX, 3: memory; written to ends[0], read from ends[1]. */
static void make_two(weir_stream ends[2], int how)
{
    weir_stream reader, writer;

    if (how == 0) {
        dial_pair(ends);
    } else if (how == 1) {
        CHECK(weir_pipe(&reader, &writer) == 0);
        ends[0] = writer;
        ends[1] = reader;
    } else if (how == 2) {
        CHECK(weir_unix_pair(ends) == 0);
    } else {
        CHECK(weir_stream_pair(ends) == 0);
    }
}

static int speak_for_ever(void *arg)
{
    struct route *route = arg;

    (void)speak_in(route->near[0], 0, UINT64_MAX, 100000);
    return 0;
}

/* Nobody reads, so the copy stops with bytes that it has taken and can give on only in part. True
 * if some were lost. */
static bool stop_in_the_middle(struct route *route, int how)
{
    struct weir_byte_counts in, out;
    weir_scope scope;
    weir_block block;
    uint64_t moved;

    dial_pair(route->near);
    make_two(route->far, how);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, speak_for_ever, route) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(100)) == 0);
    CHECK(weir_copy_with(route->near[1], route->far[0], &moved,
                         &(struct weir_copy_options){.splice = route->options.splice})
          == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block) == 1);
    CHECK(weir_stream_counts(route->near[1], &in) == 0);
    CHECK(weir_stream_counts(route->far[0], &out) == 0);
    CHECK(moved == out.written && moved > 0 && in.read >= moved);
    if (in.read > moved)
        CHECK(weir_write(route->far[0], "x", 1) == WEIR_EBROKEN);
    CHECK(weir_close(route->near[1]) == 0 && weir_close(route->far[0]) == 0);
    CHECK(listen_to(route->far[1], 0, UINT64_MAX) == moved);
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    close_route(route);
    return in.read > moved;
}

/* A socket may take the rest at the end, a pipe that is full does not. */
static int stopped(void *arg)
{
    static const uint8_t choices[] = {WEIR_ON, WEIR_OFF};
    struct route route;
    int i, tries;

    (void)arg;
    for (i = 0; i < 2; i++) {
        route.options = (struct weir_copy_both_options){.splice = choices[i]};
        (void)stop_in_the_middle(&route, 0);
        for (tries = 0; !test_simulated() && tries < 50 && !stop_in_the_middle(&route, 1); tries++)
            ;
        CHECK(tries < 50);
    }
    return 0;
}

TEST(what_a_stopped_copy_loses_breaks_the_direction)
{
    assert_int_equal(run_with(stopped, NULL, 1), 0);
    assert_int_equal(run_with(stopped, NULL, 2), 0);
}

static int close_far(void *arg)
{
    struct route *route = arg;

    CHECK(listen_to(route->far[1], 0, 100000) == 100000);
    CHECK(weir_close(route->far[0]) == 0);
    return 0;
}

static int hang_up(void *arg)
{
    struct route *route = arg;

    CHECK(listen_to(route->far[1], 0, 100000) == 100000);
    CHECK(weir_stream_linger(route->far[1], 0) == 0);
    CHECK(weir_close(route->far[1]) == 0);
    return 0;
}

static int ended(void *arg)
{
    weir_task_fn *const ways[] = {close_far, hang_up};
    struct route route = {.options.splice = WEIR_ON};
    weir_scope scope;
    int i;

    (void)arg;
    for (i = 0; i < 2; i++) {
        open_route(&route);
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, route_both, &route) == 0);
        CHECK(weir_spawn(&scope, speak_for_ever, &route) == 0);
        CHECK(weir_spawn(&scope, ways[i], &route) == 0);
        YIELD_UNTIL(SEE(route.result));
        CHECK(i == 1 || route.result == WEIR_ECLOSED || route.result == WEIR_EBADHANDLE);
        CHECK(i == 0 || route.result == WEIR_EPIPE || route.result == WEIR_ECONNRESET);
        CHECK(weir_close(route.near[1]) == 0);
        CHECK(weir_scope_join(&scope) == 0);
        route.result = 0;
        close_route(&route);
    }
    return 0;
}

TEST(a_close_and_a_hang_up_end_it)
{
    assert_int_equal(run_with(ended, NULL, 1), 0);
    assert_int_equal(run_with(ended, NULL, 2), 0);
}

static int idle(void *arg)
{
    struct route route = {.options = {.splice = WEIR_ON, .idle_limit_ns = WEIR_MILLISECONDS(30)}};
    struct weir_byte_counts counts;

    (void)arg;
    open_route(&route);
    CHECK(speak_in(route.near[0], 0, 1000, 1000) == 0);
    CHECK(route_both(&route) == 0 && route.result == WEIR_EIDLE && route.copied.there == 1000);
    CHECK(weir_write(route.far[0], "x", 1) == 1); /* nothing was lost */
    CHECK(weir_stream_counts(route.near[1], &counts) == 0 && counts.read == 1000);
    close_route(&route);
    return 0;
}

TEST(an_idle_limit_holds_while_it_splices)
{
    assert_int_equal(run_with(idle, NULL, 1), 0);
}

/* ---- what a splice does not get past ---- */

static void connect_raw(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(listening, (struct sockaddr *)&address, len) == 0 && listen(listening, 1) == 0);
    CHECK(getsockname(listening, (struct sockaddr *)&address, &len) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(ends[0], (struct sockaddr *)&address, len) == 0);
    ends[1] = accept(listening, NULL, NULL);
    CHECK(close(listening) == 0);
}

static int urgent(void *arg)
{
    struct route route = {.options.splice = WEIR_ON};
    weir_scope scope;
    char bytes[16];
    int raw[2];

    (void)arg;
    connect_raw(raw);
    CHECK(weir_stream_adopt(&route.near[1], raw[1]) == 0);
    dial_pair(route.far);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, route_both, &route) == 0);
    CHECK(send(raw[0], "ab", 2, 0) == 2);
    CHECK(weir_read_exactly(route.far[1], bytes, 2) == 0);
    CHECK(send(raw[0], "!", 1, MSG_OOB) == 1);
    CHECK(send(raw[0], "cd", 2, 0) == 2);
    CHECK(weir_read_exactly(route.far[1], bytes, 2) == 0 && memcmp(bytes, "cd", 2) == 0);
    CHECK(close(raw[0]) == 0 && weir_shutdown(route.far[1]) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_close(route.near[1]) == 0 && weir_close(route.far[0]) == 0
          && weir_close(route.far[1]) == 0);
    return 0;
}

TEST(urgent_data_does_not_stop_it)
{
    not_on_sim("descriptors");
    assert_int_equal(run_with(urgent, NULL, 1), 0);
}

/* ---- other streams ---- */

struct pipes {
    weir_stream in[2], out[2]; /* written to, read from */
    int result;
    uint64_t moved;
};

static int copy_pipes(void *arg)
{
    struct pipes *pipes = arg;

    pipes->result = weir_copy_with(pipes->in[1], pipes->out[0], &pipes->moved,
                                   &(struct weir_copy_options){.splice = WEIR_ON});
    CHECK(weir_shutdown(pipes->out[0]) == 0);
    return 0;
}

static int fill_pipes(void *arg)
{
    struct pipes *pipes = arg;

    CHECK(speak_in(pipes->in[0], 0, MANY, 30000) == 0);
    CHECK(weir_shutdown(pipes->in[0]) == 0);
    return 0;
}

static int through_others(void *arg)
{
    struct pipes pipes;
    weir_scope scope;
    int i, j, k;

    (void)arg;
    for (i = 0; i < 4; i++)
        for (j = 0; j < 4; j++) {
            make_two(pipes.in, i);
            make_two(pipes.out, j);
            CHECK(weir_scope_open(&scope) == 0);
            CHECK(weir_spawn(&scope, fill_pipes, &pipes) == 0);
            CHECK(weir_spawn(&scope, copy_pipes, &pipes) == 0);
            CHECK(listen_to(pipes.out[1], 0, UINT64_MAX) == MANY);
            CHECK(weir_scope_join(&scope) == 0 && pipes.result == 0 && pipes.moved == MANY);
            for (k = 0; k < 2; k++)
                CHECK(weir_close(pipes.in[k]) == 0 && weir_close(pipes.out[k]) == 0);
        }
    return 0;
}

TEST(pipes_sockets_and_memory_in_any_order)
{
    not_on_sim("pipes");
    assert_int_equal(run_with(through_others, NULL, 1), 0);
    assert_int_equal(run_with(through_others, NULL, 2), 0);
}

struct sending {
    weir_stream to;
    int file;
};

static int send_many(void *arg)
{
    struct sending *sending = arg;

    CHECK(weir_send_file(sending->to, sending->file, 1000, MANY - 1000) == 0);
    CHECK(weir_send_file(sending->to, sending->file, MANY, 1) == WEIR_EEOF);
    CHECK(weir_shutdown(sending->to) == 0);
    return 0;
}

static int file_to_pipe(void *arg)
{
    struct sending sending;
    struct weir_byte_counts counts;
    weir_stream reader, pair[2];
    weir_scope scope;
    FILE *file = tmpfile();
    uint64_t i;

    (void)arg;
    for (i = 0; i < MANY; i++)
        (void)fputc(byte_at(i), file);
    CHECK(fflush(file) == 0);
    sending.file = fileno(file);
    CHECK(weir_pipe(&reader, &sending.to) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, send_many, &sending) == 0);
    CHECK(listen_to(reader, 1000, UINT64_MAX) == MANY - 1000);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_stream_counts(sending.to, &counts) == 0 && counts.written == MANY - 1000);
    CHECK(weir_send_file(sending.to, sending.file, 0, 1) == WEIR_EPIPE);
    CHECK(weir_send_file(reader, sending.file, 0, 1) == WEIR_ENOTSUP);
    CHECK(weir_stream_pair(pair) == 0);
    CHECK(weir_send_file(pair[0], sending.file, 0, 1) == WEIR_ENOTSUP);
    CHECK(weir_close(pair[0]) == 0 && weir_close(pair[1]) == 0);
    CHECK(weir_close(sending.to) == 0 && weir_close(reader) == 0);
    CHECK(fclose(file) == 0);
    return 0;
}

TEST(a_file_is_sent_into_a_pipe)
{
    not_on_sim("pipes");
    assert_int_equal(run_with(file_to_pipe, NULL, 1), 0);
}

static int bad_switch(void *arg)
{
    weir_stream none = {0};
    uint64_t moved = 7;

    (void)arg;
    CHECK(weir_copy_with(none, none, &moved, &(struct weir_copy_options){.splice = 3})
          == WEIR_EOPTION);
    CHECK(weir_copy_both_with(none, none, NULL, &(struct weir_copy_both_options){.splice = 3})
          == WEIR_EOPTION);
    CHECK(moved == 7);
    CHECK(weir_copy_with(none, none, NULL, &(struct weir_copy_options){.splice = WEIR_ON})
          == WEIR_EBADHANDLE);
    return 0;
}

TEST(an_unknown_switch_is_refused)
{
    struct weir_copy_options on = {.splice = WEIR_ON};
    weir_stream none = {0};

    assert_int_equal(weir_copy_with(none, none, NULL, &on), WEIR_ENOTASK);
    assert_int_equal(run_with(bad_switch, NULL, 1), 0);
}
