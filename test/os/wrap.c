/* test/os/wrap.c - streams round streams. */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"

/* Reads to the end by one of two calls: the number of bytes, or an error. */
static ptrdiff_t drain(weir_stream stream, char *out, size_t room, bool lent)
{
    size_t sum = 0;
    ptrdiff_t n;

    do {
        if (lent) {
            weir_lent bytes;

            n = weir_read_lent(stream, &bytes);
            if (n > 0) {
                CHECK((size_t)n <= room - sum);
                memcpy(out + sum, bytes.bytes, bytes.len);
                weir_give_back(&bytes);
            }
        } else {
            n = weir_read(stream, out + sum, room - sum);
        }
        sum += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return n < 0 ? n : (ptrdiff_t)sum;
}

/* A stream that reads this and then ends; what is written to it is read from *far. */
static weir_stream source(const char *text, weir_stream *far)
{
    weir_stream ends[2];

    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_write_all(ends[0], text, strlen(text)) == 0);
    CHECK(weir_shutdown(ends[0]) == 0);
    *far = ends[0];
    return ends[1];
}

static int take(void *arg)
{
    char out[32];
    weir_stream far, stream;
    int lent;

    (void)arg;
    for (lent = 0; lent < 2; lent++) {
        CHECK(weir_wrap_take(&stream, source("0123456789", &far), 6) == 0);
        CHECK(drain(stream, out, sizeof out, lent) == 6 && memcmp(out, "012345", 6) == 0);
        CHECK(weir_write_all(stream, "abc", 3) == 0 && weir_shutdown(stream) == 0);
        CHECK(drain(far, out, sizeof out, lent) == 3 && memcmp(out, "abc", 3) == 0);
        CHECK(weir_close(stream) == 0 && weir_close(far) == 0);
        CHECK(weir_wrap_take(&stream, source("0123", &far), 6) == 0);
        CHECK(drain(stream, out, sizeof out, lent) == 4);
        CHECK(weir_close(stream) == 0 && weir_close(far) == 0);
    }
    return 0;
}

TEST(take_ends_after_so_many_bytes)
{
    assert_int_equal(run_with(take, NULL, 1), 0);
}

static int chain(void *arg)
{
    char out[32];
    weir_stream first, second, third, stream, inner;
    int lent;

    (void)arg;
    for (lent = 0; lent < 2; lent++) {
        CHECK(weir_wrap_chain(&inner, source("one ", &first), source("two ", &second)) == 0);
        CHECK(weir_wrap_chain(&stream, inner, source("three", &third)) == 0);
        CHECK(drain(stream, out, sizeof out, lent) == 13 && memcmp(out, "one two three", 13) == 0);
        CHECK(weir_write(first, "x", 1) == WEIR_EPIPE);
        CHECK(weir_write_all(stream, "abc", 3) == 0 && weir_shutdown(stream) == 0);
        CHECK(drain(third, out, sizeof out, lent) == 3);
        CHECK(weir_close(stream) == 0 && weir_close(first) == 0 && weir_close(second) == 0
              && weir_close(third) == 0);
    }
    return 0;
}

TEST(chain_reads_one_stream_after_another)
{
    assert_int_equal(run_with(chain, NULL, 1), 0);
}

static int tee(void *arg)
{
    char out[32];
    weir_stream far, copy[2], stream;
    int lent;

    (void)arg;
    for (lent = 0; lent < 2; lent++) {
        CHECK(weir_stream_pair(copy) == 0);
        CHECK(weir_wrap_tee(&stream, source("0123456789", &far), copy[0]) == 0);
        CHECK(drain(stream, out, sizeof out, lent) == 10);
        CHECK(drain(copy[1], out, sizeof out, lent) == 10 && memcmp(out, "0123456789", 10) == 0);
        CHECK(weir_close(stream) == 0 && weir_close(far) == 0 && weir_close(copy[1]) == 0);
        CHECK(weir_stream_pair(copy) == 0);
        CHECK(weir_wrap_tee(&stream, source("0123456789", &far), copy[0]) == 0);
        CHECK(weir_close(copy[1]) == 0);
        CHECK(drain(stream, out, sizeof out, lent) == WEIR_EPIPE);
        CHECK(drain(stream, out, sizeof out, lent) == WEIR_EPIPE);
        CHECK(weir_write_all(stream, "abc", 3) == 0);
        CHECK(drain(stream, out, sizeof out, lent) == WEIR_EPIPE);
        CHECK(weir_close(stream) == 0 && weir_close(far) == 0);
    }
    return 0;
}

TEST(tee_writes_what_is_read_and_fails_with_the_copy)
{
    assert_int_equal(run_with(tee, NULL, 1), 0);
}

static void add_up(void *arg, bool written, size_t len)
{
    size_t *sums = arg;

    CHECK_INSIDE(!weir__here()->inside);
    sums[written] += len;
}

static int count(void *arg)
{
    size_t sums[2] = {0, 0};
    char out[32];
    weir_stream far, stream;

    (void)arg;
    CHECK(weir_wrap_count(&stream, source("0123456789", &far), add_up, sums) == 0);
    CHECK(drain(stream, out, sizeof out, true) == 10);
    CHECK(weir_write_all(stream, "abc", 3) == 0);
    CHECK(sums[0] == 10 && sums[1] == 3);
    CHECK(weir_close(stream) == 0 && weir_close(far) == 0);
    return 0;
}

TEST(count_tells_of_what_passes)
{
    assert_int_equal(run_with(count, NULL, 1), 0);
}

/* ---- time: the clock is virtual, so it moves only when all wait ---- */

static int in_virtual_time(weir_task_fn *fn)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};
    int rc = weir_run(fn, NULL, &options);

    assert_checks();
    return rc;
}

static uint64_t seconds_since(uint64_t began_ns)
{
    return (weir_now_ns() - began_ns) / (uint64_t)WEIR_SECONDS(1);
}

static int rate(void *arg)
{
    struct weir_wrap_rate_options options = {.read_per_second = 100, .burst = 50};
    static char many[1000], out[1001];
    weir_stream ends[2], stream;
    uint64_t began_ns;
    int lent;

    (void)arg;
    for (lent = 0; lent < 2; lent++) {
        CHECK(weir_stream_pair(ends) == 0);
        CHECK(weir_wrap_rate(&stream, ends[0], &options) == 0);
        CHECK(weir_write_all(ends[1], many, sizeof many) == 0);
        CHECK(weir_shutdown(ends[1]) == 0);
        began_ns = weir_now_ns();
        CHECK(drain(stream, out, sizeof out, lent) == sizeof many);
        CHECK(seconds_since(began_ns) >= 9 && seconds_since(began_ns) <= 11);
        began_ns = weir_now_ns();
        CHECK(weir_write_all(stream, many, sizeof many) == 0); /* no limit this way */
        CHECK(seconds_since(began_ns) == 0);
        CHECK(weir_close(stream) == 0 && weir_close(ends[1]) == 0);
    }
    options = (struct weir_wrap_rate_options){.write_per_second = 100, .burst = 1};
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_wrap_rate(&stream, ends[0], &options) == 0);
    began_ns = weir_now_ns();
    CHECK(weir_write_all(stream, many, 301) == 0);
    CHECK(seconds_since(began_ns) == 3);
    CHECK(weir_close(stream) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(rate_lets_so_many_bytes_pass_in_a_second)
{
    assert_int_equal(in_virtual_time(rate), 0);
}

static int timeout(void *arg)
{
    struct weir_wrap_timeout_options options = {.read_ns = WEIR_SECONDS(2),
                                                .write_ns = WEIR_SECONDS(3)};
    struct weir_pair_options small = {.capacity = 4};
    weir_stream ends[2], stream;
    uint64_t began_ns = weir_now_ns();
    weir_block block;
    weir_lent lent;
    char out[8];

    (void)arg;
    CHECK(weir_stream_pair_with(ends, &small) == 0);
    CHECK(weir_wrap_timeout(&stream, ends[0], &options) == 0);
    CHECK(weir_read(stream, out, 8) == WEIR_ETIMEDOUT && seconds_since(began_ns) == 2);
    CHECK(weir_read_lent(stream, &lent) == WEIR_ETIMEDOUT && seconds_since(began_ns) == 4);
    CHECK(weir_write_all(stream, "12345", 5) == WEIR_ETIMEDOUT && seconds_since(began_ns) == 7);
    CHECK(weir_write(stream, "x", 1) == WEIR_EBROKEN);
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(1)) == 0); /* the caller's own is earlier */
    CHECK(weir_read(stream, out, 8) == WEIR_EDEADLINE && seconds_since(began_ns) == 8);
    CHECK(weir_block_end(&block));
    CHECK(weir_write_all(ends[1], "ab", 2) == 0);
    CHECK(weir_read(stream, out, 8) == 2);
    CHECK(weir_close(stream) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(timeout_ends_a_read_or_a_write)
{
    assert_int_equal(in_virtual_time(timeout), 0);
}

/* ---- closing, and what cannot be ---- */

static int read_of(void *arg)
{
    char byte;

    return (int)weir_read(*(weir_stream *)arg, &byte, 1);
}

/* Closes the stream while a task reads from it. */
static void close_under(weir_stream stream)
{
    struct weir_scope_options all = {.policy = WEIR_SCOPE_ALL};
    weir_scope scope;
    int rc;

    CHECK(weir_scope_open_with(&scope, &all) == 0);
    CHECK(weir_spawn(&scope, read_of, &stream) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_close(stream) == 0);
    rc = weir_scope_join(&scope);
    CHECK(rc == WEIR_ECLOSED || rc == WEIR_EBADHANDLE);
}

static int close_each(void *arg)
{
    struct weir_wrap_rate_options rates = {.read_per_second = 1, .burst = 1};
    struct weir_wrap_timeout_options limits = {.read_ns = WEIR_SECONDS(1000)};
    weir_stream ends[2], copy[2], stream;
    char byte;

    (void)arg;
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_wrap_take(&stream, ends[0], 6) == 0);
    close_under(stream);
    CHECK(weir_read(ends[1], &byte, 1) == 0 && weir_close(ends[1]) == 0);
    CHECK(weir_stream_pair(ends) == 0 && weir_stream_pair(copy) == 0);
    CHECK(weir_wrap_tee(&stream, ends[0], copy[0]) == 0);
    close_under(stream);
    CHECK(weir_read(copy[1], &byte, 1) == 0 && weir_close(copy[1]) == 0);
    CHECK(weir_close(ends[1]) == 0);
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_wrap_timeout(&stream, ends[0], &limits) == 0);
    close_under(stream);
    CHECK(weir_close(ends[1]) == 0);
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_wrap_rate(&stream, ends[0], &rates) == 0);
    CHECK(weir_write_all(ends[1], "abc", 3) == 0);
    CHECK(weir_read(stream, &byte, 1) == 1);
    close_under(stream); /* it waits for the rate */
    CHECK(weir_close(ends[1]) == 0);
    return 0;
}

TEST(closing_a_wrapper_ends_calls_and_closes_what_is_inside)
{
    assert_int_equal(run_with(close_each, NULL, 1), 0);
    assert_int_equal(run_with(close_each, NULL, 2), 0);
}

static int over_sockets(void *arg)
{
    struct weir_wrap_rate_options rates = {.read_per_second = 1000000000};
    struct weir_wrap_timeout_options limits = {.read_ns = WEIR_MILLISECONDS(1)};
    char out[32];
    weir_stream ends[2], stream;
    int lent;

    (void)arg;
    for (lent = 0; lent < 2; lent++) {
        dial_pair(ends);
        CHECK(weir_wrap_rate(&stream, ends[0], &rates) == 0);
        CHECK(weir_wrap_take(&stream, stream, 8) == 0);
        CHECK(weir_write_all(ends[1], "0123456789", 10) == 0);
        CHECK(drain(stream, out, sizeof out, lent) == 8 && memcmp(out, "01234567", 8) == 0);
        CHECK(weir_write_all(stream, "abc", 3) == 0 && weir_shutdown(stream) == 0);
        CHECK(drain(ends[1], out, sizeof out, lent) == 3);
        CHECK(weir_close(stream) == 0 && weir_close(ends[1]) == 0);
        dial_pair(ends);
        CHECK(weir_wrap_timeout(&stream, ends[0], &limits) == 0);
        CHECK(weir_read(stream, out, 1) == WEIR_ETIMEDOUT);
        close_under(ends[1]); /* a read of the plain socket, for comparison */
        CHECK(weir_read(stream, out, 1) == 0);
        CHECK(weir_close(stream) == 0);
        dial_pair(ends);
        CHECK(weir_wrap_take(&stream, ends[0], 8) == 0);
        close_under(stream);
        CHECK(weir_read(ends[1], out, 1) == 0 && weir_close(ends[1]) == 0);
    }
    return 0;
}

TEST(wrappers_of_sockets_do_the_same)
{
    assert_int_equal(run_with(over_sockets, NULL, 1), 0);
    assert_int_equal(run_with(over_sockets, NULL, 2), 0);
}

static int leave_open(void *arg)
{
    weir_stream ends[2], stream;

    (void)arg;
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_wrap_take(&stream, ends[0], 6) == 0);
    CHECK(weir_wrap_take(&stream, stream, 6) == 0);
    return 0;
}

TEST(what_is_left_open_goes_with_the_runtime)
{
    assert_int_equal(run_with(leave_open, NULL, 1), 0);
    assert_int_equal(run_with(leave_open, NULL, 2), 0);
}

static int refuse(void *arg)
{
    struct weir_wrap_rate_options rates = {.read_per_second = (1ull << 40) + 1};
    struct weir_wrap_timeout_options limits = {.read_ns = -1};
    weir_stream ends[2], stream = {7}, none = {0};
    char byte;

    (void)arg;
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_wrap_rate(&stream, ends[0], &rates) == WEIR_EOPTION); /* which closes it */
    CHECK(weir_wrap_timeout(&stream, ends[0], &limits) == WEIR_EOPTION);
    CHECK(weir_wrap_take(&stream, ends[0], 1) == WEIR_EBADHANDLE);
    CHECK(weir_wrap_count(&stream, none, NULL, NULL) == WEIR_EINVAL);
    CHECK(weir_wrap_chain(&stream, ends[1], ends[1]) == WEIR_EBADHANDLE);
    CHECK(weir_read(ends[1], &byte, 1) == WEIR_EBADHANDLE);
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_wrap_tee(&stream, ends[0], none) == WEIR_EBADHANDLE);
    CHECK(weir_wrap_chain(&stream, none, ends[1]) == WEIR_EBADHANDLE);
    CHECK(stream.id == 7);
    return 0;
}

TEST(a_wrapper_that_cannot_be_closes_what_it_was_given)
{
    weir_stream none = {0};

    assert_int_equal(weir_wrap_take(&none, none, 1), WEIR_ENOTASK);
    assert_int_equal(run_with(refuse, NULL, 1), 0);
}
