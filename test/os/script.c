/* test/os/script.c - a stream whose peer is a script, and what it says of another program. */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/run.h"

#define BYTES(text) .bytes = (text), .len = sizeof(text) - 1
#define OPEN(steps) weir_script_open(&stream, steps, sizeof(steps) / sizeof *(steps))

static int in_virtual_time(weir_task_fn *fn)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};
    int rc = weir_run(fn, NULL, &options);

    assert_checks();
    return rc;
}

static bool state_is(weir_stream stream, size_t step, size_t done, bool failed, const char *text)
{
    struct weir_script_report state = {0};

    CHECK(weir_script_state(stream, &state) == 0);
    return state.step == step && state.done == done && state.failed == failed
           && strcmp(state.text, text) == 0;
}

static int play(void *arg)
{
    static const struct weir_script_step steps[] = {
        {.kind = WEIR_SCRIPT_EXPECT, BYTES("hello\r\n")},
        {.kind = WEIR_SCRIPT_GIVE, BYTES("good day\n")},
        {.kind = WEIR_SCRIPT_WAIT, .wait_ns = WEIR_SECONDS(5)},
        {.kind = WEIR_SCRIPT_GIVE, BYTES("and?\n")},
        {.kind = WEIR_SCRIPT_FAIL, .code = WEIR_ETIMEDOUT},
        {.kind = WEIR_SCRIPT_END},
        {.kind = WEIR_SCRIPT_WAIT, .wait_ns = WEIR_SECONDS(5)},
        {.kind = WEIR_SCRIPT_EXPECT, BYTES("bye")},
        {.kind = WEIR_SCRIPT_SHUTDOWN},
    };
    uint64_t began_ns = weir_now_ns();
    weir_stream stream;
    weir_lent lent;
    char out[16];

    (void)arg;
    CHECK(OPEN(steps) == 0);
    CHECK(state_is(stream, 0, 0, false, "step 0: wants a write of \"hello\\r\\n\""));
    CHECK(weir_write_all(stream, "hel", 3) == 0);
    CHECK(state_is(stream, 0, 3, false, "step 0, byte 3: wants a write of \"lo\\r\\n\""));
    CHECK(weir_write_all(stream, "lo\r\n", 4) == 0);
    CHECK(weir_read(stream, out, 4) == 4 && memcmp(out, "good", 4) == 0);
    CHECK(weir_read(stream, out, 16) == 5);
    CHECK(weir_read_lent(stream, &lent) == 5 && memcmp(lent.bytes, "and?\n", 5) == 0);
    weir_give_back(&lent);
    CHECK((weir_now_ns() - began_ns) / (uint64_t)WEIR_SECONDS(1) == 5);
    CHECK(weir_read(stream, out, 16) == WEIR_ETIMEDOUT);
    CHECK(weir_read(stream, out, 16) == 0);
    CHECK(weir_write_all(stream, "bye", 3) == 0);
    CHECK((weir_now_ns() - began_ns) / (uint64_t)WEIR_SECONDS(1) == 10);
    CHECK(weir_shutdown(stream) == 0);
    CHECK(weir_read(stream, out, 16) == 0);
    CHECK(state_is(stream, 9, 0, false, "the script is done"));
    CHECK(weir_close(stream) == 0);
    return 0;
}

TEST(a_script_is_played_step_by_step)
{
    assert_int_equal(in_virtual_time(play), 0);
}

static int differ(void *arg)
{
    static const struct weir_script_step steps[] = {
        {.kind = WEIR_SCRIPT_EXPECT, BYTES("ping\n")},
        {.kind = WEIR_SCRIPT_GIVE, BYTES("pong\n")},
        {.kind = WEIR_SCRIPT_END},
    };
    weir_stream stream;
    char out[16];

    (void)arg;
    CHECK(OPEN(steps) == 0); /* other bytes */
    CHECK(weir_write_all(stream, "pi\1g", 4) == WEIR_ESCRIPT);
    CHECK(state_is(stream, 0, 2, true,
                   "step 0, byte 2: wants a write of \"ng\\n\", came a write of \"\\x01g\""));
    CHECK(weir_read(stream, out, 16) == WEIR_ESCRIPT);
    CHECK(weir_shutdown(stream) == WEIR_ESCRIPT);
    CHECK(weir_close(stream) == 0);
    CHECK(OPEN(steps) == 0); /* more bytes, when the script gives */
    CHECK(weir_write_all(stream, "ping\nping\n", 10) == WEIR_ESCRIPT);
    CHECK(state_is(stream, 1, 0, true,
                   "step 1: wants a read of \"pong\\n\", came a write of \"ping\\n\""));
    CHECK(weir_close(stream) == 0);
    CHECK(OPEN(steps) == 0); /* a shutdown, and bytes behind the end */
    CHECK(weir_write_all(stream, "ping\n", 5) == 0);
    CHECK(weir_shutdown(stream) == WEIR_ESCRIPT);
    CHECK(state_is(stream, 1, 0, true, "step 1: wants a read of \"pong\\n\", came a shutdown"));
    CHECK(weir_close(stream) == 0);
    CHECK(OPEN(steps) == 0);
    CHECK(weir_write_all(stream, "ping\n", 5) == 0);
    CHECK(weir_read(stream, out, 16) == 5 && weir_read(stream, out, 16) == 0);
    CHECK(weir_write(stream, "0123456789012345678901234567890", 31) == WEIR_ESCRIPT);
    CHECK(state_is(stream, 3, 0, true,
                   "step 3: wants nothing more, came a write of \"012345678901234567890123\""));
    CHECK(weir_close(stream) == 0);
    return 0;
}

TEST(a_program_that_differs_is_told_where)
{
    assert_int_equal(in_virtual_time(differ), 0);
}

static int read_one(void *arg)
{
    char byte;

    return (int)weir_read(*(weir_stream *)arg, &byte, 1);
}

static int wait(void *arg)
{
    static const struct weir_script_step steps[] = {
        {.kind = WEIR_SCRIPT_EXPECT, BYTES("a")},
        {.kind = WEIR_SCRIPT_GIVE, BYTES("b")},
        {.kind = WEIR_SCRIPT_EXPECT, BYTES("c")},
    };
    struct weir_scope_options all = {.policy = WEIR_SCOPE_ALL};
    weir_stream stream;
    weir_block block;
    weir_scope scope;
    char byte;
    int rc;

    (void)arg;
    CHECK(OPEN(steps) == 0);
    CHECK(weir_deadline_begin(&block, 1000) == 0);
    CHECK(weir_read(stream, &byte, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, read_one, &stream) == 0); /* it waits until the script gives */
    CHECK(weir_yield() == 0);
    CHECK(weir_write(stream, "a", 1) == 1);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_scope_open_with(&scope, &all) == 0);
    CHECK(weir_spawn(&scope, read_one, &stream) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_close(stream) == 0);
    rc = weir_scope_join(&scope);
    CHECK(rc == WEIR_ECLOSED || rc == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_read_waits_for_what_the_script_expects)
{
    assert_int_equal(run_with(wait, NULL, 1), 0);
    assert_int_equal(run_with(wait, NULL, 2), 0);
}

static int refuse(void *arg)
{
    static const struct weir_script_step bad[] = {
        {.kind = WEIR_SCRIPT_EXPECT, .bytes = "x"},
        {.kind = WEIR_SCRIPT_GIVE, .len = 1},
        {.kind = WEIR_SCRIPT_WAIT, .wait_ns = -1},
        {.kind = WEIR_SCRIPT_FAIL, .code = 0},
    };
    struct weir_script_report state = {.step = 77};
    weir_stream ends[2], stream = {7};
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(weir_script_open(&stream, &bad[i], 1) == WEIR_EINVAL && stream.id == 7);
    CHECK(weir_script_state(stream, &state) == WEIR_EBADHANDLE);
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_script_state(ends[0], &state) == WEIR_EBADHANDLE && state.step == 77);
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(a_script_that_makes_no_sense_is_refused)
{
    weir_stream stream;

    assert_int_equal(weir_script_open(&stream, NULL, 0), WEIR_ENOTASK);
    assert_int_equal(run_with(refuse, NULL, 1), 0);
}
