/* test/fault/pipeline.c - a generator, a stage and guards in which the n-th allocation or system
 * call fails: an error at worst, nobody waits for ever, and nothing stays behind.
 */
#include "test.h"

#include <weir.h>

#include "support/faults.h"

enum {
    VALUES = 20
};

struct line {
    weir_chan in, out;
    weir_rate rate;
    weir_limiter limiter;
    uint8_t ordered;
};

static int count_up(weir_generator *generator, void *arg)
{
    int i, rc = 0;

    (void)arg;
    for (i = 0; i < VALUES && rc == 0; i++)
        rc = weir_generator_yield(generator, &i);
    return rc;
}

static int feed(void *arg)
{
    struct line *line = arg;
    weir_generator generator;
    int value, failed, rc = weir_generator_open(&generator, sizeof value, count_up, NULL);

    if (rc == 0) {
        while ((rc = weir_generator_next(&generator, &value)) == 1) {
            rc = weir_chan_send(line->in, &value);
            if (rc < 0)
                break;
        }
        failed = weir_generator_close(&generator);
        rc = rc < 0 ? rc : failed;
    }
    (void)weir_chan_close(line->in, rc < 0 ? rc : WEIR_EEOF);
    return rc;
}

static int square(const void *value, void *result, void *arg)
{
    struct line *line = arg;
    int number = *(const int *)value, rc = weir_limiter_enter(&line->limiter);

    if (rc < 0)
        return rc;
    rc = weir_rate_acquire(&line->rate, 1);
    weir_limiter_leave(&line->limiter);
    *(int *)result = number * number;
    return rc;
}

static int map(void *arg)
{
    struct line *line = arg;
    struct weir_map_options options = {.concurrency = 3, .ordered = line->ordered};

    return weir_map(line->in, line->out, square, line, &options);
}

static int gather(struct line *line)
{
    int rc, result, sum = 0;

    while ((rc = weir_chan_recv(line->out, &result)) == 0)
        sum += result;
    if (rc != WEIR_EEOF)
        return rc;
    return sum == VALUES * (VALUES - 1) * (2 * VALUES - 1) / 6 ? 0 : 1;
}

static int run_line(struct line *line)
{
    weir_scope scope;
    int failed, rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, feed, line);
    if (rc == 0)
        rc = weir_spawn(&scope, map, line);
    if (rc == 0)
        rc = gather(line);
    weir_scope_cancel(&scope);
    failed = weir_scope_join(&scope);
    return rc == 0 && failed != WEIR_ECANCELED ? failed : rc;
}

static int app(void *arg)
{
    struct line line = {.ordered = *(uint8_t *)arg};
    int rc = weir_rate_init(&line.rate, 10000, WEIR_SECONDS(1), 10);

    if (rc == 0)
        rc = weir_limiter_init(&line.limiter, 2, 10);
    if (rc == 0)
        rc = weir_chan_create(&line.in, sizeof(int), 2);
    if (rc == 0)
        rc = weir_chan_create(&line.out, sizeof(int), 2);
    if (rc == 0)
        rc = run_line(&line);
    weir_chan_destroy(line.in);
    weir_chan_destroy(line.out);
    return rc;
}

static int run_as(uint8_t ordered)
{
    struct weir_runtime_options options = {.workers = 1, .pin = WEIR_PIN_CORES};

    return weir_run(app, &ordered, &options);
}

static int run_unordered(void)
{
    return run_as(WEIR_OFF);
}

static int run_ordered(void)
{
    return run_as(WEIR_ON);
}

TEST(every_allocation_of_a_pipeline_may_fail)
{
    fail_each(run_unordered, WEIR__FAULT_ALLOC);
    fail_each(run_ordered, WEIR__FAULT_ALLOC);
}

TEST(every_call_of_a_pipeline_may_fail)
{
    fail_each(run_unordered, WEIR__FAULT_CALL);
    fail_each(run_ordered, WEIR__FAULT_CALL);
}
