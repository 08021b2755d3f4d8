/* test/os/stream.c - streams between tasks of one process. */
#include "test.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"
#include "support/dial.h"
#include "support/hostile.h"
#include "sys/sockopt.h"

struct pair {
    weir_stream a, b;
};

static int connect_pair(struct pair *pair, const char *at)
{
    struct dialling dialling;
    weir_listener listener;
    weir_scope scope;
    int rc = weir_listen(&listener, at, NULL);

    CHECK(rc == 0);
    CHECK(weir_listener_address(listener, dialling.address, sizeof dialling.address) > 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial, &dialling) == 0);
    rc = weir_accept(listener, &pair->b);
    CHECK(rc == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(dialling.rc == 0);
    pair->a = dialling.stream;
    weir_listener_close(listener);
    return rc;
}

static void local_address(char out[64])
{
    snprintf(out, 64, "unix://@weir-test-stream-%d", (int)getpid());
}

static int each_kind(void *arg)
{
    char local[64];
    const char *const kinds[] = {"tcp://127.0.0.1:0", local};
    int (*test)(struct pair * pair) = *(int (**)(struct pair *))arg;
    size_t i;

    local_address(local);
    for (i = 0; i < 2; i++) {
        struct pair pair;

        connect_pair(&pair, kinds[i]);
        test(&pair);
        CHECK(weir_close(pair.a) == 0);
        CHECK(weir_close(pair.b) == 0);
    }
    return 0;
}

static void with_pairs(int (*test)(struct pair *), uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};

    assert_int_equal(weir_run(each_kind, &test, &options), 0);
    assert_checks();
}

static int exchange(struct pair *pair)
{
    struct iovec parts[3] = {{"one", 3}, {"two", 3}, {"three", 5}};
    struct weir_byte_counts counts;
    char in[16];
    weir_lent lent = {0};

    CHECK(weir_write(pair->a, "hello", 5) == 5);
    CHECK(weir_read(pair->b, in, sizeof in) == 5 && memcmp(in, "hello", 5) == 0);
    CHECK(weir_writev(pair->b, parts, 3) == 11);
    CHECK(weir_read_exactly(pair->a, in, 11) == 0 && memcmp(in, "onetwothree", 11) == 0);
    CHECK(weir_write_all(pair->a, "lent", 4) == 0);
    CHECK(weir_read_lent(pair->b, &lent) == 4 && lent.len == 4);
    CHECK(memcmp(lent.bytes, "lent", 4) == 0);
    weir_give_back(&lent);
    weir_give_back(&lent);
    CHECK(weir_read(pair->a, in, 0) == WEIR_EINVAL);
    CHECK(weir_write(pair->a, in, 0) == WEIR_EINVAL);
    CHECK(weir_writev(pair->a, parts, 0) == WEIR_EINVAL);
    CHECK(weir_writev(pair->a, parts, 1025) == WEIR_EINVAL);
    CHECK(weir_stream_counts(pair->a, &counts) == 0);
    CHECK(counts.written == 9 && counts.read == 11);
    CHECK(weir_shutdown(pair->a) == 0);
    CHECK(weir_read(pair->b, in, sizeof in) == 0);
    CHECK(weir_read_lent(pair->b, &lent) == 0);
    CHECK(weir_read_exactly(pair->b, in, 1) == WEIR_EEOF);
    CHECK(weir_write_all(pair->b, "late", 4) == 0); /* the other half is open still */
    CHECK(weir_read(pair->a, in, sizeof in) == 4);
    return 0;
}

TEST(bytes_go_both_ways_and_are_counted)
{
    hostile_calm();
    with_pairs(exchange, 1);
}

#define BULK (3u << 20)

struct bulk {
    weir_stream stream;
    unsigned seed;
};

static int write_bulk(void *arg)
{
    struct bulk *bulk = arg;
    unsigned char *bytes = malloc(BULK);
    unsigned i;

    for (i = 0; i < BULK; i++)
        bytes[i] = (unsigned char)((i * 31 + bulk->seed) >> 3);
    CHECK(weir_write_all(bulk->stream, bytes, BULK) == 0);
    CHECK(weir_shutdown(bulk->stream) == 0);
    free(bytes);
    return 0;
}

static int read_bulk(void *arg)
{
    struct bulk *bulk = arg;
    unsigned at = 0, i;
    weir_lent lent;
    int n;

    while ((n = weir_read_lent(bulk->stream, &lent)) > 0) {
        for (i = 0; i < (unsigned)n; i++, at++)
            CHECK(lent.bytes[i] == (unsigned char)((at * 31 + bulk->seed) >> 3));
        weir_give_back(&lent);
    }
    CHECK(n == 0);
    CHECK(at == BULK);
    return 0;
}

static int full_duplex(struct pair *pair)
{
    struct bulk bulks[4] = {{pair->a, 1}, {pair->b, 1}, {pair->b, 2}, {pair->a, 2}};
    struct weir_spawn_options options = {0};
    weir_scope scope;
    uint32_t i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 4; i++) {
        options.worker = i % weir_worker_count() + 1;
        CHECK(weir_spawn_with(&scope, i % 2 ? read_bulk : write_bulk, &bulks[i], &options) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(reader_and_writer_work_at_once)
{
    with_pairs(full_duplex, 1);
}

TEST(reader_and_writer_work_on_different_workers)
{
    with_pairs(full_duplex, 3);
}

struct reading {
    weir_stream stream;
    ptrdiff_t result;
};

static int read_one(void *arg)
{
    struct reading *reading = arg;
    char byte;

    do
        reading->result = weir_read(reading->stream, &byte, 1);
    while (reading->result == WEIR_EBUSY && weir_yield() == 0); /* the other one tries first */
    return 0;
}

/* A short read: as soon as the other task reads, this one is refused. */
static ptrdiff_t try_to_read(weir_stream stream)
{
    weir_block block;
    ptrdiff_t rc;
    char byte;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    rc = weir_read(stream, &byte, 1);
    weir_block_end(&block);
    return rc;
}

static int second_reader(struct pair *pair)
{
    struct reading reading = {pair->a, 99};
    weir_stream copy = pair->a;
    weir_scope scope;
    char byte;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, read_one, &reading) == 0);
    while (try_to_read(pair->a) != WEIR_EBUSY)
        CHECK(weir_yield() == 0);
    CHECK(weir_write(pair->a, "x", 1) == 1);
    CHECK(weir_close(pair->a) == 0);
    CHECK(weir_close(pair->a) == 0);
    CHECK(weir_read(copy, &byte, 1) == WEIR_EBADHANDLE);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(reading.result == WEIR_ECLOSED);
    CHECK(weir_write(copy, "x", 1) == WEIR_EBADHANDLE);
    CHECK(weir_shutdown(copy) == WEIR_EBADHANDLE);
    CHECK(weir_close((weir_stream){0}) == 0);
    CHECK(weir_write_all((weir_stream){~0ull}, "x", 1) == WEIR_EBADHANDLE);
    return 0;
}

TEST(second_reader_is_refused_and_close_ends_the_first)
{
    with_pairs(second_reader, 1);
}

TEST(close_ends_a_read_with_more_workers)
{
    with_pairs(second_reader, 2);
}

static int stale(struct pair *pair)
{
    weir_stream old = pair->a;
    struct pair fresh;
    char byte;
    int i;

    weir_close(pair->a);
    for (i = 0; i < 20; i++) {
        connect_pair(&fresh, "tcp://127.0.0.1:0");
        CHECK(fresh.a.id != old.id && fresh.b.id != old.id);
        CHECK(weir_close(old) == 0);
        CHECK(weir_write(old, "x", 1) == WEIR_EBADHANDLE);
        CHECK(weir_write(fresh.a, "y", 1) == 1);
        CHECK(weir_read(fresh.b, &byte, 1) == 1 && byte == 'y');
        weir_close(fresh.a);
        weir_close(fresh.b);
    }
    return 0;
}

TEST(stale_handles_never_touch_another_stream)
{
    with_pairs(stale, 1);
}

/* ---- reads of every size, by tasks on changing workers ---- */

#define MIXED (2u << 20)

struct mixed {
    weir_stream stream;
    size_t at; /* bytes read */
    unsigned random;
    int rc;
};

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static unsigned char mixed_byte(size_t at)
{
    return (unsigned char)(at * 2654435761u >> 13);
}

static int write_mixed(void *arg)
{
    struct mixed *mixed = arg;
    static unsigned char bytes[MIXED];
    size_t i, at = 0;

    for (i = 0; i < MIXED; i++)
        bytes[i] = mixed_byte(i);
    while (at < MIXED) { /* mostly small messages, now and then a large one */
        size_t n = next_random(&mixed->random) % 8 ? next_random(&mixed->random) % 2000 + 1
                                                   : next_random(&mixed->random) % 200000 + 1;

        if (n > MIXED - at)
            n = MIXED - at;
        CHECK(weir_write_all(mixed->stream, bytes + at, n) == 0);
        at += n;
        if (next_random(&mixed->random) % 4 == 0)
            CHECK(weir_yield() == 0);
    }
    return 0;
}

static void check_mixed(struct mixed *mixed, const unsigned char *bytes, ptrdiff_t n)
{
    ptrdiff_t i;

    for (i = 0; i < n; i++, mixed->at++)
        CHECK(bytes[i] == mixed_byte(mixed->at));
}

/* Some reads, by a task of its own. */
static int read_some(void *arg)
{
    struct mixed *mixed = arg;
    unsigned char *bytes = malloc(100000);
    unsigned rounds = next_random(&mixed->random) % 30 + 1;
    weir_lent lent;
    ptrdiff_t n = 1;

    while (rounds-- && n > 0 && mixed->at < MIXED) {
        switch (next_random(&mixed->random) % 4) {
        case 0:
            n = weir_read_lent(mixed->stream, &lent);
            if (n > 0) {
                check_mixed(mixed, lent.bytes, n);
                weir_give_back(&lent);
            }
            break;
        case 1:
            n = weir_read(mixed->stream, bytes, 100000);
            check_mixed(mixed, bytes, n);
            break;
        default:
            n = weir_read(mixed->stream, bytes, next_random(&mixed->random) % 300 + 1);
            check_mixed(mixed, bytes, n);
        }
    }
    free(bytes);
    mixed->rc = n > 0 ? 0 : -1;
    return 0;
}

static int mixed_reads(struct pair *pair)
{
    struct mixed out = {pair->a, 0, 1, 0}, in = {pair->b, 0, 7, 0};
    struct weir_spawn_options options = {0};
    weir_scope writer, reader;

    CHECK(weir_scope_open(&writer) == 0);
    CHECK(weir_spawn(&writer, write_mixed, &out) == 0);
    while (in.at < MIXED && in.rc == 0) {
        options.worker = options.worker % weir_worker_count() + 1;
        CHECK(weir_scope_open(&reader) == 0);
        CHECK(weir_spawn_with(&reader, read_some, &in, &options) == 0);
        CHECK(weir_scope_join(&reader) == 0);
    }
    CHECK(in.at == MIXED);
    CHECK(weir_scope_join(&writer) == 0);
    return 0;
}

TEST(reads_of_every_size_keep_the_order_of_bytes)
{
    with_pairs(mixed_reads, 1);
}

TEST(reads_by_changing_workers_keep_the_order_of_bytes)
{
    with_pairs(mixed_reads, 3);
}

static int keeps_what_came(struct pair *pair)
{
    weir_block block;
    char in[8];

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(2)) == 0);
    CHECK(weir_read(pair->a, in, sizeof in) == WEIR_EDEADLINE);
    weir_block_end(&block);
    CHECK(weir_write_all(pair->b, "abcdef", 6) == 0);
    CHECK(weir_read(pair->a, in, 2) == 2 && memcmp(in, "ab", 2) == 0);
    CHECK(weir_read_exactly(pair->a, in, 4) == 0 && memcmp(in, "cdef", 4) == 0);
    return 0;
}

TEST(a_wait_that_was_ended_loses_no_bytes)
{
    hostile_calm();
    with_pairs(keeps_what_came, 1);
}

static int leave_open(struct pair *pair)
{
    char byte;
    weir_block block;

    CHECK(weir_write_all(pair->a, "xy", 2) == 0);
    CHECK(weir_read(pair->b, &byte, 1) == 1); /* one byte stays in the stream */
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_read(pair->a, &byte, 1) == WEIR_EDEADLINE); /* and this one goes on receiving */
    weir_block_end(&block);
    pair->a = pair->b = (weir_stream){0};
    return 0;
}

TEST(streams_that_are_left_open_go_with_their_runtime)
{
    with_pairs(leave_open, 1);
    with_pairs(leave_open, 3);
}

static int deadline(struct pair *pair)
{
    static char bytes[1 << 20];
    weir_block block;
    char byte;
    int rc;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(3)) == 0);
    CHECK(weir_read(pair->a, &byte, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_write(pair->b, "z", 1) == 1); /* the stream is none the worse */
    CHECK(weir_read(pair->a, &byte, 1) == 1 && byte == 'z');
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(50)) == 0);
    do {
        rc = weir_write_all(pair->a, bytes, sizeof bytes);
    } while (rc == 0);
    CHECK(rc == WEIR_EDEADLINE || rc == WEIR_EBROKEN);
    CHECK(weir_block_end(&block));
    rc = weir_write_all(pair->a, bytes, 1);
    CHECK(rc == WEIR_EBROKEN);
    return 0;
}

TEST(deadline_ends_reads_and_breaks_half_written_writes)
{
    with_pairs(deadline, 1);
}

/* ---- deadlines ---- */

/* Lets the clock of the calling task's loop pass a deadline that has been set. */
static void outlast_deadline(void)
{
    while (weir_check() == 0)
        CHECK(weir_yield() == 0);
}

static int fails_at_once(struct pair *pair)
{
    static char in[100000];
    weir_block block;
    weir_lent lent;

    CHECK(weir_write_all(pair->b, "0123456789", 10) == 0);
    CHECK(weir_read(pair->a, in, 1) == 1); /* the others are there, in the stream */
    CHECK(weir_deadline_begin(&block, 0) == 0);
    outlast_deadline();
    CHECK(weir_read(pair->a, in, 1) == WEIR_EDEADLINE);
    CHECK(weir_read(pair->a, in, sizeof in) == WEIR_EDEADLINE);
    CHECK(weir_read_exactly(pair->a, in, 9) == WEIR_EDEADLINE);
    CHECK(weir_read_lent(pair->a, &lent) == WEIR_EDEADLINE);
    CHECK(weir_write(pair->a, in, 1) == WEIR_EDEADLINE);
    CHECK(weir_write_all(pair->a, in, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_read_exactly(pair->a, in, 9) == 0 && memcmp(in, "123456789", 9) == 0);
    CHECK(weir_write_all(pair->a, in, 1) == 0); /* nothing was written, so nothing is broken */
    return 0;
}

TEST(calls_fail_at_once_when_the_deadline_has_passed)
{
    with_pairs(fails_at_once, 1);
}

struct flood {
    weir_stream stream;
    bool stop;
};

static int write_for_ever(void *arg)
{
    static char bytes[16000];
    struct flood *flood = arg;

    while (!flood->stop && weir_write_all(flood->stream, bytes, sizeof bytes) == 0) {
    }
    return 0;
}

static int reads_a_flood(struct pair *pair)
{
    struct flood flood = {.stream = pair->b};
    weir_block block;
    weir_scope scope;
    char in[512];
    uint64_t give_up_ns = weir_now_ns() + (uint64_t)WEIR_SECONDS(10);
    ptrdiff_t n;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_for_ever, &flood) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(5)) == 0);
    do {
        n = weir_read(pair->a, in, sizeof in);
    } while (n > 0 && weir_now_ns() < give_up_ns);
    CHECK(n == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    flood.stop = true;
    CHECK(weir_close(pair->a) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(deadline_ends_reads_that_never_have_to_wait)
{
    with_pairs(reads_a_flood, 1);
}

struct late {
    weir_stream stream;
    size_t len;
    ptrdiff_t result;
    bool fired;
    uint64_t deadline_ns;
};

static int read_late(void *arg)
{
    static char in[100000];
    struct late *late = arg;
    weir_block outer, inner;

    CHECK(weir_deadline_begin(&outer, WEIR_SECONDS(600)) == 0);
    CHECK(weir_deadline_begin(&inner, WEIR_MILLISECONDS(20)) == 0);
    late->deadline_ns = weir_now_ns() + (uint64_t)WEIR_MILLISECONDS(20);
    late->result = weir_read(late->stream, in, late->len);
    late->fired = weir_block_end(&inner);
    CHECK(!weir_block_end(&outer));
    return 0;
}

/* The bytes come, and the deadline passes (and the tick of the wheel after it), before the reader's
 * loop has looked. */
static void pass_both(struct late *late, weir_stream peer)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, read_late, late) == 0);
    CHECK(weir_yield() == 0); /* it waits */
    CHECK(weir_write_all(peer, "hello", 5) == 0);
    while (weir_now_ns() <= late->deadline_ns + 3000000) {
    }
    CHECK(weir_scope_join(&scope) == 0);
}

static int told_of_bytes(struct pair *pair)
{
    static const size_t lens[] = {64, 100000}; /* from the standing receive, and directly */
    size_t i;

    for (i = 0; i < 2; i++) {
        struct late late = {.stream = pair->a, .len = lens[i]};
        int tries = 20;

        do { /* on a slow machine the deadline may pass before the bytes are sent */
            pass_both(&late, pair->b);
            CHECK(late.fired == (late.result == WEIR_EDEADLINE));
            CHECK(late.result > 0 || late.result == WEIR_EDEADLINE);
        } while (late.result < 0 && --tries);
        CHECK(tries);
    }
    return 0;
}

TEST(block_tells_of_its_deadline_only_if_that_has_ended_a_call)
{
    with_pairs(told_of_bytes, 1);
}

/* ---- ends and options ---- */

static int reset(struct pair *pair)
{
    char address[WEIR_ADDRESS_TEXT_MAX], byte;
    int i, rc = 0;

    CHECK(weir_stream_peer(pair->a, address, sizeof address) > 0);
    CHECK(weir_stream_local(pair->a, address, 3) == WEIR_ENOBUFS);
    if (strncmp(address, "tcp://127.0.0.1:", 16) == 0) {
        CHECK(weir_stream_nodelay(pair->a, 1) == 0);
        CHECK(weir_stream_keepalive(pair->a, 1, 60, 10, 3) == 0);
        CHECK(weir_stream_quickack(pair->a, 1) == 0);
        CHECK(weir_stream_user_timeout(pair->a, 1000) == 0);
        CHECK(weir_stream_buffers(pair->a, 65536, 65536) == 0);
        CHECK(weir_stream_linger(pair->b, 1) == WEIR_ENOTSUP); /* would block a close */
        CHECK(weir_stream_linger(pair->b, -1) == 0);
        CHECK(weir_stream_linger(pair->b, 0) == 0);
    }
    weir_close(pair->b);
    CHECK(weir_stream_nodelay(pair->b, 1) == WEIR_EBADHANDLE);
    for (i = 0; i < 10000 && rc == 0; i++)
        rc = weir_write_all(pair->a, "0123456789", 10);
    CHECK(rc == WEIR_EPIPE || rc == WEIR_ECONNRESET);
    rc = (int)weir_read(pair->a, &byte, 1);
    CHECK(rc == 0 || rc == WEIR_ECONNRESET);
    return 0;
}

TEST(write_to_a_peer_that_is_gone_fails)
{
    with_pairs(reset, 1);
}

/* Descriptors with this type of service. */
static int count_tos(int tos)
{
    int fd, count = 0;

    for (fd = 0; fd < 1024; fd++)
        count += weir__sockopt_family(fd) >= 0 && weir__sockopt_get_tos(fd) == tos;
    return count;
}

static int options_of_both(struct pair *pair)
{
    char address[WEIR_ADDRESS_TEXT_MAX];
    bool tcp =
        weir_stream_local(pair->a, address, sizeof address) > 0 && strncmp(address, "tcp:", 4) == 0;
    int of_tcp = tcp ? 0 : WEIR_ENOTSUP;

    CHECK(weir_stream_nodelay(pair->a, 0) == of_tcp);
    CHECK(weir_stream_user_timeout(pair->a, 0) == of_tcp);
    CHECK(weir_stream_quickack(pair->a, 0) == of_tcp);
    CHECK(count_tos(0x10) == 0);
    CHECK(weir_stream_tos(pair->a, 0x10) == of_tcp);
    CHECK(count_tos(0x10) == tcp);
    CHECK(weir_stream_keepalive(pair->a, 1, 0, 0, 0) == 0); /* times as they are */
    CHECK(weir_stream_keepalive(pair->a, 1, 60, 0, 0) == of_tcp);
    CHECK(weir_stream_buffers(pair->a, 0, 0) == 0);
    CHECK(weir_stream_linger(pair->a, -1) == 0);
    CHECK(weir_stream_draining(pair->a) == 0);
    return 0;
}

TEST(options_of_tcp_are_not_supported_elsewhere)
{
    not_on_sim("looks at all descriptors of the process");
    with_pairs(options_of_both, 1);
}

struct writing {
    weir_stream stream;
    int rc;
};

static int write_much(void *arg)
{
    static char bytes[8 << 20];
    struct writing *writing = arg;

    writing->rc = weir_write_all(writing->stream, bytes, sizeof bytes);
    return 0;
}

static int shut_down_while_writing(struct pair *pair)
{
    struct writing writing = {pair->a, 0};
    weir_scope scope;
    char in[1000];
    ptrdiff_t n;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_much, &writing) == 0);
    CHECK(weir_read(pair->b, in, sizeof in) > 0); /* it has begun */
    CHECK(weir_shutdown(pair->a) == 0);
    while ((n = weir_read(pair->b, in, sizeof in)) > 0) {
    }
    CHECK(n == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(writing.rc == WEIR_EPIPE);
    CHECK(weir_write(pair->a, "x", 1) == WEIR_EBROKEN);
    return 0;
}

TEST(shutdown_ends_a_write_that_is_under_way)
{
    with_pairs(shut_down_while_writing, 1);
    with_pairs(shut_down_while_writing, 2);
}

static void *close_as_thread(void *arg)
{
    struct reading *reading = arg;
    struct weir_byte_counts counts;

    CHECK(weir_stream_counts(reading->stream, &counts) == 0);
    CHECK(weir_stream_nodelay(reading->stream, 1) != WEIR_EBADHANDLE);
    CHECK(weir_shutdown(reading->stream) == 0);
    CHECK(weir_close(reading->stream) == 0);
    CHECK(weir_close(reading->stream) == 0);
    return NULL;
}

static int closed_by_thread(struct pair *pair)
{
    struct reading reading = {pair->a, 0};
    pthread_t thread;
    char byte;

    CHECK(pthread_create(&thread, NULL, close_as_thread, &reading) == 0);
    (void)read_one(&reading);
    CHECK(reading.result == WEIR_ECLOSED || reading.result == WEIR_EBADHANDLE);
    CHECK(weir_read(pair->b, &byte, 1) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

TEST(calls_that_do_not_suspend_are_for_any_thread)
{
    int i;

    for (i = 0; i < 20; i++)
        with_pairs(closed_by_thread, 1 + (uint32_t)i % 2);
}

static int send_file(struct pair *pair)
{
    char path[] = "/tmp/weir-test-XXXXXX", in[100];
    int file = mkstemp(path);

    CHECK(file >= 0);
    unlink(path);
    CHECK(write(file, "0123456789", 10) == 10);
    CHECK(weir_send_file(pair->a, file, 2, 5) == 0);
    CHECK(weir_read_exactly(pair->b, in, 5) == 0 && memcmp(in, "23456", 5) == 0);
    CHECK(weir_send_file(pair->a, file, 10, 5) == WEIR_EEOF);
    CHECK(weir_send_file(pair->a, file, 8, 5) == WEIR_EEOF);
    CHECK(weir_read_exactly(pair->b, in, 2) == 0);
    CHECK(weir_write(pair->a, "x", 1) == WEIR_EBROKEN);
    close(file);
    return 0;
}

TEST(send_file_moves_what_was_asked_or_says_so)
{
    with_pairs(send_file, 1);
}

/* ---- random use of handles by several tasks ---- */

#define SHARED 8

struct shared {
    weir_stream streams[SHARED]; /* ids by atomic load and store */
    unsigned seed;
};

static weir_stream pick(struct shared *shared, unsigned random)
{
    return (weir_stream){__atomic_load_n(&shared->streams[random % SHARED].id, __ATOMIC_SEQ_CST)};
}

static int use_at_random(void *arg)
{
    struct shared *shared = arg;
    unsigned seed = __atomic_add_fetch(&shared->seed, 7919, __ATOMIC_SEQ_CST);
    char bytes[64] = {0};
    weir_lent lent;
    int i;

    for (i = 0; i < 400; i++) {
        weir_stream stream = pick(shared, (seed = seed * 1103515245 + 12345) >> 16);
        weir_block block;

        CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
        switch ((seed >> 24) % 7) {
        case 0:
        case 1:
            CHECK(weir_read(stream, bytes, sizeof bytes) <= (ptrdiff_t)sizeof bytes);
            break;
        case 2:
        case 3:
            CHECK(weir_write(stream, bytes, sizeof bytes) <= (ptrdiff_t)sizeof bytes);
            break;
        case 4:
            if (weir_read_lent(stream, &lent) > 0)
                weir_give_back(&lent);
            break;
        case 5:
            (void)weir_write_all(stream, bytes, sizeof bytes);
            break;
        case 6:
            if ((seed >> 20) % 8 == 0)
                weir_close(stream);
            else
                (void)weir_shutdown(stream);
        }
        weir_block_end(&block);
    }
    return 0;
}

static int use_handles(void *arg)
{
    struct shared shared = {.seed = 1};
    struct weir_spawn_options options = {0};
    weir_scope scope;
    char local[64];
    uint32_t i;
    int round;

    (void)arg;
    local_address(local);
    for (round = 0; round < 5; round++) {
        for (i = 0; i < SHARED; i += 2) {
            struct pair pair;

            connect_pair(&pair, i % 4 ? "tcp://127.0.0.1:0" : local);
            shared.streams[i] = pair.a;
            shared.streams[i + 1] = pair.b;
        }
        CHECK(weir_scope_open(&scope) == 0);
        for (i = 0; i < 9; i++) {
            options.worker = i % weir_worker_count() + 1;
            CHECK(weir_spawn_with(&scope, use_at_random, &shared, &options) == 0);
        }
        CHECK(weir_scope_join(&scope) == 0);
        for (i = 0; i < SHARED; i++)
            weir_close(shared.streams[i]);
    }
    return 0;
}

TEST(random_use_of_handles_by_one_worker)
{
    struct weir_runtime_options options = {.workers = 1};

    assert_int_equal(weir_run(use_handles, NULL, &options), 0);
    assert_checks();
}

TEST(random_use_of_handles_by_three_workers)
{
    struct weir_runtime_options options = {.workers = 3};

    assert_int_equal(weir_run(use_handles, NULL, &options), 0);
    assert_checks();
}
