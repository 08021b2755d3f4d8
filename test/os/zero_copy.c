/* test/os/zero_copy.c - writes that the kernel sends from the caller's memory.
 *
 * Over loopback the kernel copies nevertheless, and says so; where the backend does not know such
 * sends, or the socket is none for them, the writes are plain ones.
 */
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"

#define LARGE (256 * 1024)
#define MANY  20

static bool knows(void)
{
    const char *backend = getenv("WEIR_BACKEND");

    return backend && strcmp(backend, "uring") == 0;
}

static unsigned char byte_at(size_t at)
{
    return (unsigned char)(at * 7 + (at >> 8));
}

struct pair {
    weir_stream ends[2];
    size_t len;
    int count;
};

/* Every write has bytes of its own, in memory that is overwritten when it returns. */
static int speak(void *arg)
{
    struct pair *pair = arg;
    unsigned char *bytes = malloc(pair->len);
    size_t at = 0, i;
    int n;

    for (n = 0; n < pair->count; n++) {
        for (i = 0; i < pair->len; i++)
            bytes[i] = byte_at(at++);
        CHECK(weir_write_all(pair->ends[0], bytes, pair->len) == 0);
        memset(bytes, 0, pair->len);
    }
    free(bytes);
    CHECK(weir_shutdown(pair->ends[0]) == 0);
    return 0;
}

static void listen_to(weir_stream stream, size_t len)
{
    static unsigned char bytes[100000];
    size_t sum = 0;
    ptrdiff_t n, i;

    while ((n = weir_read(stream, bytes, sizeof bytes)) > 0)
        for (i = 0; i < n; i++)
            CHECK(bytes[i] == byte_at(sum++));
    CHECK(n == 0 && sum == len);
}

static void exchange(struct pair *pair, struct weir_zero_copy_counts *counts)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, speak, pair) == 0);
    listen_to(pair->ends[1], pair->len * (size_t)pair->count);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_stream_zero_copy_counts(pair->ends[0], counts) == 0);
    CHECK(weir_close(pair->ends[0]) == 0 && weir_close(pair->ends[1]) == 0);
}

static int large_ones(void *arg)
{
    struct pair pair = {.len = LARGE, .count = MANY};
    struct weir_zero_copy_counts counts = {77, 77, 77, 77};

    (void)arg;
    dial_pair(pair.ends);
    CHECK(weir_stream_zero_copy(pair.ends[0], 1000) == 0);
    exchange(&pair, &counts);
    if (knows() && !counts.refused) { /* refused: an old kernel */
        CHECK(counts.sent + counts.copied > 0 && counts.sent + counts.copied <= MANY);
        CHECK(counts.sent + counts.copied == MANY || (counts.copied >= 8 && counts.from_len == 0));
    } else {
        CHECK(counts.refused == 1 && counts.from_len == 0);
        CHECK(counts.sent == 0 && counts.copied == 0);
    }
    return 0;
}

TEST(large_writes_arrive_and_their_memory_is_free_when_they_return)
{
    assert_int_equal(run_with(large_ones, NULL, 1), 0);
    assert_int_equal(run_with(large_ones, NULL, 2), 0);
}

static int small_ones(void *arg)
{
    struct pair pair = {.len = 999, .count = MANY};
    struct weir_zero_copy_counts counts;

    (void)arg;
    dial_pair(pair.ends);
    CHECK(weir_stream_zero_copy(pair.ends[0], 1000) == 0);
    exchange(&pair, &counts);
    CHECK(counts.from_len == 1000 && !counts.sent && !counts.copied && !counts.refused);
    return 0;
}

TEST(small_writes_are_plain_ones)
{
    assert_int_equal(run_with(small_ones, NULL, 1), 0);
}

/* ---- sockets that are none for it ---- */

static int over_unix(void *arg)
{
    struct pair pair = {.len = LARGE, .count = MANY};
    struct weir_zero_copy_counts counts;
    weir_stream memory[2];

    (void)arg;
    CHECK(weir_unix_pair(pair.ends) == 0);
    CHECK(weir_stream_zero_copy(pair.ends[0], 0) == 0);
    CHECK(weir_stream_zero_copy(pair.ends[0], 1000) == 0);
    exchange(&pair, &counts);
    CHECK(counts.refused == 1 && counts.from_len == 0 && !counts.sent && !counts.copied);
    CHECK(weir_stream_zero_copy(pair.ends[0], 1) == WEIR_EBADHANDLE);
    CHECK(weir_stream_zero_copy_counts(pair.ends[0], &counts) == WEIR_EBADHANDLE);
    CHECK(weir_stream_pair(memory) == 0);
    CHECK(weir_stream_zero_copy(memory[0], 1) == WEIR_ENOTSUP);
    CHECK(weir_stream_zero_copy_counts(memory[0], &counts) == WEIR_ENOTSUP);
    CHECK(weir_close(memory[0]) == 0 && weir_close(memory[1]) == 0);
    return 0;
}

TEST(what_a_socket_refuses_is_sent_as_ever)
{
    not_on_sim("UNIX sockets");
    assert_int_equal(run_with(over_unix, NULL, 1), 0);
}

/* ---- stopped while the kernel holds the memory ---- */

/* Nobody reads, so the kernel keeps what does not fit. */
static int fill_up(void *arg)
{
    struct pair *pair = arg;
    static char bytes[8 * 1024 * 1024];
    weir_block block;
    int rc;

    memset(bytes, 0, sizeof bytes);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(50)) == 0);
    rc = weir_write_all(pair->ends[0], bytes, sizeof bytes);
    CHECK(weir_block_end(&block) || rc != WEIR_EDEADLINE);
    memset(bytes, 1, sizeof bytes);
    pair->count = rc;
    return 0;
}

static int read_all(void *arg)
{
    weir_stream *stream = arg;
    static char bytes[100000];
    ptrdiff_t n;

    while ((n = weir_read(*stream, bytes, sizeof bytes)) > 0)
        for (; n > 0; n--)
            CHECK(bytes[n - 1] == 0);
    return 0;
}

/* The deadline comes while a send waits for room; the memory is overwritten when it has returned.
 * The peer reads what had gone. */
static int stopped(void *arg)
{
    struct pair pair;
    weir_scope scope;

    (void)arg;
    dial_pair(pair.ends);
    CHECK(weir_stream_zero_copy(pair.ends[0], 1000) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, fill_up, &pair) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(100)) == 0);
    CHECK(weir_spawn(&scope, read_all, &pair.ends[1]) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_close(pair.ends[0]) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(pair.count == WEIR_EDEADLINE || pair.count == WEIR_ECLOSED || pair.count == 0);
    CHECK(weir_close(pair.ends[1]) == 0);
    return 0;
}

TEST(a_deadline_leaves_no_memory_with_the_kernel)
{
    assert_int_equal(run_with(stopped, NULL, 1), 0);
    assert_int_equal(run_with(stopped, NULL, 2), 0);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int write_once(void *arg)
{
    struct pair *pair = arg;
    static char bytes[1024 * 1024];
    weir_block block;

    memset(bytes, 0, sizeof bytes);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(20)) == 0);
    pair->count = (int)weir_write(pair->ends[0], bytes, sizeof bytes);
    (void)weir_block_end(&block);
    memset(bytes, 1, sizeof bytes);
    CHECK(weir_shutdown(pair->ends[0]) == 0);
    return 0;
}

/* Everything fits the socket, and the peer does not read: the deadline comes between the two
 * completions. It is waited for quietly. */
static int held(void *arg)
{
    struct pair pair;
    weir_scope scope;
    uint64_t began_ns;

    (void)arg;
    dial_pair(pair.ends);
    CHECK(weir_stream_buffers(pair.ends[0], 0, 4 * 1024 * 1024) == 0);
    CHECK(weir_stream_buffers(pair.ends[1], 8192, 0) == 0);
    CHECK(weir_stream_zero_copy(pair.ends[0], 1000) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_once, &pair) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(50)) == 0);
    began_ns = cpu_ns();
    CHECK(weir_sleep(WEIR_MILLISECONDS(300)) == 0);
    CHECK(cpu_ns() - began_ns < 200000000);
    CHECK(read_all(&pair.ends[1]) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(pair.count > 0);
    CHECK(weir_close(pair.ends[0]) == 0 && weir_close(pair.ends[1]) == 0);
    return 0;
}

TEST(a_deadline_between_the_two_completions_is_no_end)
{
    not_on_sim("buffers of sockets");
    assert_int_equal(run_with(held, NULL, 1), 0);
}

static int write_large(void *arg)
{
    struct pair *pair = arg;
    static char bytes[8 * 1024 * 1024];

    SAY(pair->count, weir_write_all(pair->ends[0], bytes, sizeof bytes));
    return 0;
}

/* A reset ends the wait. */
static int reset(void *arg)
{
    struct pair pair = {.count = 1};
    weir_scope scope;

    (void)arg;
    dial_pair(pair.ends);
    CHECK(weir_stream_zero_copy(pair.ends[0], 1000) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_large, &pair) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(20)) == 0);
    CHECK(weir_stream_linger(pair.ends[1], 0) == 0);
    CHECK(weir_close(pair.ends[1]) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(pair.count == WEIR_ECONNRESET || pair.count == WEIR_EPIPE);
    CHECK(weir_close(pair.ends[0]) == 0);
    return 0;
}

TEST(a_reset_ends_it)
{
    assert_int_equal(run_with(reset, NULL, 1), 0);
    assert_int_equal(run_with(reset, NULL, 2), 0);
}
