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

static int bad_options(void *arg)
{
    struct weir_pair_options options = {.capacity = (size_t)2 << 30};
    weir_stream ends[2] = {{7}, {8}};

    (void)arg;
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
