/* test/os/pipeline.c - stages between channels: how many at once, in which order, and how failures
 * travel. */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/check.h"
#include "support/run.h"

enum {
    VALUES = 300,
    MOST = 4 /* at once */
};

struct line {
    weir_chan in, out;
    struct weir_map_options options;
    int count;      /* values that are sent */
    int fails_at;   /* the value for which the function fails; -1: none */
    int end_reason; /* of the input */
    int at_once, most_at_once, began;
    int rc, sent_rc;
    int sent;
    uint32_t seed;
};

static void open_line(struct line *line, uint32_t capacity)
{
    CHECK(weir_chan_create(&line->in, sizeof(int), capacity) == 0);
    CHECK(weir_chan_create(&line->out, sizeof(long), capacity) == 0);
    line->fails_at = -1;
    line->options.concurrency = MOST;
}

static void close_line(struct line *line)
{
    weir_chan_destroy(line->in);
    weir_chan_destroy(line->out);
}

static int send_values(void *arg)
{
    struct line *line = arg;
    int i, rc = 0;

    for (i = 0; i < line->count && rc == 0; i++) {
        rc = weir_chan_send(line->in, &i);
        if (rc == 0)
            ADD(line->sent, 1);
    }
    line->sent_rc = rc;
    (void)weir_chan_close(line->in, line->end_reason);
    return 0;
}

static void note_begin(struct line *line)
{
    int at_once = ADD(line->at_once, 1), most = SEE(line->most_at_once);

    ADD(line->began, 1);
    while (at_once > most
           && !__atomic_compare_exchange_n(&line->most_at_once, &most, at_once, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
}

/* Doubles; leaves out what can be divided by five. Takes turns of different lengths. */
static int twice(const void *value, void *result, void *arg)
{
    struct line *line = arg;
    int number = *(const int *)value, i;

    note_begin(line);
    for (i = (number * 7 + (int)line->seed) % 5; i > 0; i--)
        (void)weir_yield();
    ADD(line->at_once, -1);
    if (number == line->fails_at)
        return WEIR_EIO;
    *(long *)result = 2L * number;
    return number % 5 == 0 ? WEIR_MAP_SKIP : 0;
}

static int map_line(void *arg)
{
    struct line *line = arg;

    line->rc = weir_map(line->in, line->out, twice, line, &line->options);
    return 0;
}

static void start_line(struct line *line, weir_scope *scope)
{
    CHECK(weir_scope_open(scope) == 0);
    CHECK(weir_spawn(scope, send_values, line) == 0);
    CHECK(weir_spawn(scope, map_line, line) == 0);
}

static int map_all(void *arg)
{
    struct line *line = arg;
    weir_scope scope;
    uint8_t seen[VALUES] = {0};
    long result, last = -1;
    int rc, i, got = 0;

    open_line(line, line->seed % 3);
    line->count = VALUES;
    start_line(line, &scope);
    while ((rc = weir_chan_recv(line->out, &result)) == 0) {
        CHECK(result % 2 == 0 && result >= 0 && result < 2L * VALUES && !seen[result / 2]);
        seen[result / 2] = 1;
        got++;
        if (line->options.ordered == WEIR_ON)
            CHECK(result > last);
        last = result;
    }
    CHECK(rc == WEIR_ECLOSED);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(line->rc == 0);
    for (i = 0; i < VALUES; i++)
        CHECK(seen[i] == (i % 5 != 0));
    CHECK(got == VALUES - VALUES / 5 && line->most_at_once <= MOST && line->began == VALUES);
    close_line(line);
    return 0;
}

TEST(every_value_is_mapped_once)
{
    struct line line;
    uint32_t seed;

    for (seed = 0; seed < 24; seed++) {
        memset(&line, 0, sizeof line);
        line.seed = seed;
        line.options.ordered = seed % 2 ? WEIR_ON : WEIR_OFF;
        (void)run_with(map_all, &line, 1 + seed % 4);
    }
}

static int meet(const void *value, void *result, void *arg)
{
    (void)value;
    (void)result;
    CHECK(weir_barrier_wait(arg) >= 0);
    return WEIR_MAP_SKIP;
}

static int map_together(void *arg)
{
    struct line *line = arg;
    weir_barrier barrier = WEIR_BARRIER_INIT(MOST); /* with fewer at once it waits for ever */
    weir_scope scope;

    open_line(line, 0);
    line->count = 10 * MOST;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, send_values, line) == 0);
    CHECK(weir_map(line->in, line->out, meet, &barrier, &line->options) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    close_line(line);
    return 0;
}

TEST(as_many_are_worked_on_at_once_as_was_said)
{
    struct line line;

    memset(&line, 0, sizeof line);
    (void)run_with(map_together, &line, 1);
    memset(&line, 0, sizeof line);
    line.options.ordered = WEIR_ON;
    (void)run_with(map_together, &line, 3);
}

/* ---- back-pressure ---- */

static int take_none(void *arg)
{
    struct line *line = arg;
    weir_scope scope;
    int i;

    open_line(line, 2);
    line->count = VALUES;
    line->seed = 1;
    start_line(line, &scope);
    for (i = 0; i < 2000; i++)
        CHECK(weir_yield() == 0);
    CHECK(SEE(line->began) <= VALUES / 5 + MOST + 2); /* those that are skipped, or have a place */
    CHECK(SEE(line->sent) <= SEE(line->began) + MOST + 2);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(line->rc == WEIR_ECANCELED);
    close_line(line);
    return 0;
}

TEST(a_stage_waits_for_who_takes_the_results)
{
    struct line line;

    memset(&line, 0, sizeof line);
    (void)run_with(take_none, &line, 1);
    memset(&line, 0, sizeof line);
    line.options.ordered = WEIR_ON;
    (void)run_with(take_none, &line, 1);
}

/* ---- failures ---- */

static int fail_inside(void *arg)
{
    struct line *line = arg;
    weir_scope scope;
    long result;
    int rc;

    open_line(line, 2);
    line->count = VALUES;
    line->fails_at = VALUES / 2;
    start_line(line, &scope);
    while ((rc = weir_chan_recv(line->out, &result)) == 0)
        CHECK(result != VALUES);
    CHECK(rc == WEIR_EIO);
    CHECK(weir_scope_join(&scope) == 0); /* who sends is told, too */
    CHECK(line->rc == WEIR_EIO && line->sent_rc == WEIR_EIO);
    close_line(line);
    return 0;
}

static int fail_before(void *arg)
{
    struct line *line = arg;
    weir_scope scope;
    long result;
    int rc, got = 0;

    open_line(line, 2);
    line->count = VALUES;
    line->end_reason = WEIR_ECONNRESET;
    start_line(line, &scope);
    while ((rc = weir_chan_recv(line->out, &result)) == 0)
        got++;
    CHECK(rc == WEIR_ECONNRESET && got == VALUES - VALUES / 5); /* after what was under way */
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(line->rc == WEIR_ECONNRESET);
    close_line(line);
    return 0;
}

static int fail_behind(void *arg)
{
    struct line *line = arg;
    weir_scope scope;
    long result;

    open_line(line, 2);
    line->count = VALUES;
    start_line(line, &scope);
    CHECK(weir_chan_recv(line->out, &result) == 0);
    CHECK(weir_chan_close(line->out, WEIR_EPIPE) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(line->rc == WEIR_EPIPE && line->sent_rc == WEIR_EPIPE);
    close_line(line);
    return 0;
}

TEST(failures_travel_both_ways)
{
    weir_task_fn *const fails[] = {fail_inside, fail_before, fail_behind};
    struct line line;
    int i;

    for (i = 0; i < 12; i++) {
        memset(&line, 0, sizeof line);
        line.options.ordered = i % 2 ? WEIR_ON : WEIR_OFF;
        (void)run_with(fails[i / 2 % 3], &line, i < 6 ? 1 : 3);
    }
}

static int too_late(void *arg)
{
    struct line *line = arg;
    weir_block block;
    long result;

    open_line(line, 2);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(2)) == 0);
    CHECK(weir_map(line->in, line->out, twice, line, &line->options) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_chan_recv(line->out, &result) == WEIR_EDEADLINE);
    close_line(line);
    return 0;
}

TEST(a_deadline_ends_a_stage)
{
    struct line line;

    memset(&line, 0, sizeof line);
    (void)run_with(too_late, &line, 1);
}

/* ---- options ---- */

static int options(void *arg)
{
    struct line *line = arg;
    struct weir_map_options bad[] = {
        {.concurrency = 65537}, {.ordered = 3}, {.keep_open = 3}, {.stack_size = 1u << 30}};
    size_t i;
    long result;
    int value = 2;

    open_line(line, 2);
    for (i = 0; i < 3; i++)
        CHECK(weir_map(line->in, line->out, twice, line, &bad[i]) == WEIR_EOPTION);
    CHECK(weir_map(line->in, (weir_chan){0}, twice, line, NULL) == WEIR_EBADHANDLE);
    CHECK(weir_map((weir_chan){0}, line->out, twice, line, NULL) == WEIR_EBADHANDLE);
    CHECK(weir_chan_send(line->in, &value) == 0); /* nothing is closed */
    CHECK(weir_chan_close(line->in, WEIR_EEOF) == 0);
    line->options.keep_open = WEIR_ON;
    CHECK(weir_map(line->in, line->out, twice, line, &line->options) == 0);
    CHECK(weir_chan_try_recv(line->out, &result) == 0 && result == 4);
    CHECK(weir_chan_try_recv(line->out, &result) == WEIR_EAGAIN);
    close_line(line);
    return 0;
}

TEST(wrong_options_do_nothing)
{
    struct line line;

    memset(&line, 0, sizeof line);
    assert_int_equal(weir_map(line.in, line.out, twice, &line, NULL), WEIR_ENOTASK);
    (void)run_with(options, &line, 1);
}

/* ---- without results ---- */

static int sum_up(void *value, void *arg)
{
    struct line *line = arg;
    int number = *(int *)value;

    note_begin(line);
    CHECK(weir_yield() == 0);
    ADD(line->at_once, -1);
    ADD(line->rc, number);
    return number % 2 ? WEIR_MAP_SKIP : 0;
}

static int for_each(void *arg)
{
    struct line *line = arg;
    struct weir_map_options ordered = {.ordered = WEIR_ON};
    weir_scope scope;

    open_line(line, 3);
    line->count = VALUES;
    line->end_reason = WEIR_EEOF;
    CHECK(weir_for_each(line->in, sum_up, line, &ordered) == WEIR_EOPTION);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, send_values, line) == 0);
    CHECK(weir_for_each(line->in, sum_up, line, &line->options) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(line->rc == VALUES * (VALUES - 1) / 2 && line->most_at_once <= MOST);
    close_line(line);
    return 0;
}

TEST(for_each_sees_every_value)
{
    struct line line;

    memset(&line, 0, sizeof line);
    (void)run_with(for_each, &line, 1);
    memset(&line, 0, sizeof line);
    (void)run_with(for_each, &line, 3);
}
