/* test/os/pair.c - a pair of streams in memory behaves as a connection. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <weir.h>

#include "support/run.h"

#define MANY (300u * 1024)

struct talk {
    weir_stream ends[2];
    int result;
};

static int read_all_of_it(void *arg)
{
    struct talk *talk = arg;
    unsigned char bytes[777];
    size_t sum = 0;
    ptrdiff_t n;

    while ((n = weir_read(talk->ends[1], bytes, sizeof bytes)) > 0) {
        ptrdiff_t i;

        for (i = 0; i < n; i++, sum++)
            CHECK(bytes[i] == (unsigned char)(sum * 7));
    }
    CHECK(n == 0 && sum == MANY);
    return 0;
}

static int write_much(void *arg)
{
    unsigned char *bytes = malloc(MANY);
    struct talk talk;
    struct weir_pair_options options = {.capacity = 1000};
    struct weir_byte_counts counts;
    weir_scope scope;
    size_t i;

    (void)arg;
    for (i = 0; i < MANY; i++)
        bytes[i] = (unsigned char)(i * 7);
    CHECK(weir_stream_pair_with(talk.ends, &options) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, read_all_of_it, &talk) == 0);
    CHECK(weir_write_all(talk.ends[0], bytes, MANY) == 0);
    CHECK(weir_shutdown(talk.ends[0]) == 0);
    CHECK(weir_write(talk.ends[0], "x", 1) == WEIR_EPIPE);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_stream_counts(talk.ends[1], &counts) == 0 && counts.read == MANY);
    CHECK(weir_stream_counts(talk.ends[0], &counts) == 0 && counts.written == MANY);
    CHECK(weir_close(talk.ends[0]) == 0);
    CHECK(weir_close(talk.ends[1]) == 0);
    free(bytes);
    return 0;
}

TEST(every_byte_comes_through_a_small_pair)
{
    assert_int_equal(run_with(write_much, NULL, 1), 0);
    assert_int_equal(run_with(write_much, NULL, 2), 0);
}

static int use_each_call(void *arg)
{
    struct iovec parts[] = {{NULL, 0}, {(void *)(uintptr_t) "ab", 2}, {(void *)(uintptr_t) "c", 1}};
    char bytes[8] = "", text[WEIR_ADDRESS_TEXT_MAX];
    weir_stream ends[2];
    weir_lent lent;

    (void)arg;
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_writev(ends[1], parts, 3) == 2);
    CHECK(weir_read_lent(ends[0], &lent) == 2 && memcmp(lent.bytes, "ab", 2) == 0);
    weir_give_back(&lent);
    CHECK(weir_write_all(ends[0], "xyz", 3) == 0);
    CHECK(weir_read_exactly(ends[1], bytes, 2) == 0 && memcmp(bytes, "xy", 2) == 0);
    CHECK(weir_read(ends[1], bytes, 8) == 1 && bytes[0] == 'z');
    CHECK(weir_stream_local(ends[0], text, sizeof text) == WEIR_ENOTSUP);
    CHECK(weir_stream_nodelay(ends[0], 1) == WEIR_ENOTSUP);
    CHECK(weir_send_file(ends[0], 0, 0, 1) == WEIR_ENOTSUP);
    CHECK(weir_read(ends[0], bytes, 0) == WEIR_EINVAL);
    CHECK(weir_close(ends[0]) == 0);
    CHECK(weir_read(ends[1], bytes, 1) == 0);
    CHECK(weir_write(ends[1], "x", 1) == WEIR_EPIPE);
    CHECK(weir_read(ends[0], bytes, 1) == WEIR_EBADHANDLE);
    CHECK(weir_close(ends[1]) == 0);
    return 0;
}

TEST(a_pair_takes_each_call_of_a_stream)
{
    assert_int_equal(run_with(use_each_call, NULL, 1), 0);
}

static int read_one(void *arg)
{
    struct talk *talk = arg;
    char byte;

    talk->result = (int)weir_read(talk->ends[1], &byte, 1);
    return 0;
}

static int write_one(void *arg)
{
    struct talk *talk = arg;

    talk->result = (int)weir_write(talk->ends[1], "x", 1);
    return 0;
}

static void wait_in(struct talk *talk, weir_task_fn *fn, bool cancels, int wanted)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, fn, talk) == 0);
    CHECK(weir_yield() == 0);
    if (cancels)
        weir_scope_cancel(&scope);
    else
        CHECK(weir_close(talk->ends[1]) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    /* on a busy worker the close may come before the call */
    CHECK(talk->result == wanted || (!cancels && talk->result == WEIR_EBADHANDLE));
}

static int stop_waits(void *arg)
{
    struct weir_pair_options options = {.capacity = 2};
    struct talk talk;
    weir_block block;
    char byte;

    (void)arg;
    CHECK(weir_stream_pair_with(talk.ends, &options) == 0);
    wait_in(&talk, read_one, true, WEIR_ECANCELED);
    CHECK(weir_write_all(talk.ends[1], "ab", 2) == 0);
    wait_in(&talk, write_one, true, WEIR_ECANCELED);
    CHECK(weir_deadline_begin(&block, 1) == 0);
    CHECK(weir_write(talk.ends[1], "x", 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_read(talk.ends[0], &byte, 1) == 1 && byte == 'a');
    wait_in(&talk, read_one, false, WEIR_ECLOSED);
    CHECK(weir_read(talk.ends[0], &byte, 1) == 1 && byte == 'b');
    CHECK(weir_read(talk.ends[0], &byte, 1) == 0);
    CHECK(weir_close(talk.ends[0]) == 0);
    return 0;
}

TEST(waits_end_by_cancel_deadline_and_close)
{
    assert_int_equal(run_with(stop_waits, NULL, 1), 0);
    assert_int_equal(run_with(stop_waits, NULL, 2), 0);
}

/* ---- worse on purpose ---- */

static int read_in_chunks(void *arg)
{
    struct weir_pair_options options = {.seed = 9, .lanes = {{.chunk_max = 4}}};
    ptrdiff_t lens[2][8];
    weir_stream ends[2];
    char bytes[32];
    int round, i;

    (void)arg;
    for (round = 0; round < 2; round++) {
        CHECK(weir_stream_pair_with(ends, &options) == 0);
        CHECK(weir_write_all(ends[0], "0123456789abcdefghijklmnopqrstuv", 32) == 0);
        for (i = 0; i < 8; i++) {
            lens[round][i] = weir_read(ends[1], bytes, sizeof bytes);
            CHECK(lens[round][i] >= 1 && lens[round][i] <= 4);
        }
        CHECK(weir_write_all(ends[1], "01234567", 8) == 0);
        CHECK(weir_read(ends[0], bytes, sizeof bytes) == 8); /* the other way is as ever */
        CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    }
    CHECK(memcmp(lens[0], lens[1], sizeof lens[0]) == 0);
    return 0;
}

TEST(a_seed_cuts_reads_in_the_same_way_again)
{
    assert_int_equal(run_with(read_in_chunks, NULL, 1), 0);
}

static int fail_in_the_middle(void *arg)
{
    struct weir_pair_options options = {
        .lanes = {{.fail_after = 5, .fail_code = WEIR_ECONNRESET}, {.fail_code = WEIR_EIO}}};
    weir_stream ends[2];
    weir_lent lent;
    char bytes[8];

    (void)arg;
    CHECK(weir_stream_pair_with(ends, &options) == 0);
    CHECK(weir_write_all(ends[0], "1234567", 7) == WEIR_ECONNRESET);
    CHECK(weir_write(ends[0], "x", 1) == WEIR_EBROKEN);
    CHECK(weir_read(ends[1], bytes, 8) == 5 && memcmp(bytes, "12345", 5) == 0);
    CHECK(weir_read(ends[1], bytes, 8) == WEIR_ECONNRESET);
    CHECK(weir_read_lent(ends[1], &lent) == WEIR_ECONNRESET);
    CHECK(weir_write(ends[1], "x", 1) == WEIR_EIO);
    CHECK(weir_read(ends[0], bytes, 8) == WEIR_EIO);
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(a_lane_fails_behind_so_many_bytes)
{
    assert_int_equal(run_with(fail_in_the_middle, NULL, 1), 0);
}

/* With a virtual clock: times are exact. */
static int wait_for_bytes(void *arg)
{
    const int64_t latency_ns = WEIR_SECONDS(3);
    struct weir_pair_options options = {.lanes = {{.latency_ns = latency_ns}}};
    uint64_t began_ns = weir_now_ns(), now_ns;
    weir_stream ends[2];
    char bytes[200];
    int i, sum;

    (void)arg;
    CHECK(weir_stream_pair_with(ends, &options) == 0);
    CHECK(weir_write_all(ends[0], "ab", 2) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(1)) == 0);
    CHECK(weir_write_all(ends[0], "cd", 2) == 0);
    CHECK(weir_shutdown(ends[0]) == 0);
    CHECK(weir_read(ends[1], bytes, 8) == 2 && memcmp(bytes, "ab", 2) == 0);
    now_ns = weir_now_ns();
    CHECK(now_ns >= began_ns + (uint64_t)latency_ns);
    CHECK(now_ns < began_ns + (uint64_t)WEIR_SECONDS(4));
    CHECK(weir_read(ends[1], bytes, 8) == 2 && memcmp(bytes, "cd", 2) == 0);
    CHECK(weir_now_ns() >= began_ns + (uint64_t)WEIR_SECONDS(4));
    CHECK(weir_read(ends[1], bytes, 8) == 0);
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);

    CHECK(weir_stream_pair_with(ends, &options) == 0); /* more parts than there are marks */
    for (i = 0; i < 150; i++)
        CHECK(weir_write(ends[0], &(char){(char)i}, 1) == 1);
    for (sum = 0; sum < 150;) {
        ptrdiff_t n = weir_read(ends[1], bytes + sum, sizeof bytes - (size_t)sum);

        CHECK(n > 0);
        sum += n > 0 ? (int)n : 150;
    }
    for (i = 0; i < 150; i++)
        CHECK(bytes[i] == (char)i);
    began_ns = weir_now_ns();
    CHECK(weir_close(ends[0]) == 0);
    CHECK(weir_read(ends[1], bytes, 1) == 0); /* the end is late too */
    CHECK(weir_now_ns() >= began_ns + (uint64_t)latency_ns);
    CHECK(weir_close(ends[1]) == 0);
    return 0;
}

TEST(bytes_and_the_end_come_after_the_latency)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};

    assert_int_equal(weir_run(wait_for_bytes, NULL, &options), 0);
    assert_checks();
}

static int bad_options(void *arg)
{
    struct weir_pair_options options = {.capacity = (size_t)2 << 30};
    weir_stream ends[2] = {{7}, {8}};

    (void)arg;
    CHECK(weir_stream_pair_with(ends, &options) == WEIR_EOPTION);
    options = (struct weir_pair_options){.lanes = {{.latency_ns = -1}}};
    CHECK(weir_stream_pair_with(ends, &options) == WEIR_EOPTION);
    options = (struct weir_pair_options){.lanes = {{0}, {.fail_code = 1}}};
    CHECK(weir_stream_pair_with(ends, &options) == WEIR_EOPTION);
    options = (struct weir_pair_options){.lanes = {{0}, {.fail_after = 1}}};
    CHECK(weir_stream_pair_with(ends, &options) == WEIR_EOPTION);
    CHECK(ends[0].id == 7 && ends[1].id == 8);
    return 0;
}

TEST(a_pair_that_cannot_be_is_refused)
{
    weir_stream ends[2];

    assert_int_equal(weir_stream_pair(ends), WEIR_ENOTASK);
    assert_int_equal(run_with(bad_options, NULL, 1), 0);
}

static int select_what_is_late(void *arg)
{
    struct weir_pair_options options = {.lanes = {{.latency_ns = 1}, {0}}};
    weir_stream ends[2];
    weir_case c;
    char byte = 7;

    (void)arg;
    CHECK(weir_stream_pair_with(ends, &options) == 0);
    weir_case_read(&c, ends[1], &byte, 1);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_ENOTSUP && byte == 7);
    weir_case_write(&c, ends[0], &byte, 1);
    CHECK(weir_select(&c, 1) == 0 && c.result == WEIR_ENOTSUP);
    CHECK(weir_close(ends[0]) == 0);
    CHECK(weir_close(ends[1]) == 0);
    return 0;
}

TEST(a_select_says_what_it_cannot_wait_for)
{
    assert_int_equal(run_with(select_what_is_late, NULL, 1), 0);
}
