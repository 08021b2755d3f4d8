/* task/pipeline.c - a stage between two channels; see <weir/pipeline.h>.
 *
 * Each task of a stage, a hand, takes a value, works on it and sends the result, one after another.
 * In order: the hands take turns in taking values, and number them under a mutex; each sends when
 * its number is due, which the one before tells it through a signal. As a hand has one value at a
 * time, there are never more numbers under way than hands, and a signal for each of them is enough.
 */
#include <weir/pipeline.h>

#include <weir/scope.h>
#include <weir/sync.h>

#include "base/alloc.h"
#include "base/options.h"
#include "sys/current.h"
#include "task/chan.h"
#include "task/runtime.h"
#include "task/task.h"
#include "task/worker.h"

#define CONCURRENCY_MAX 65536
#define ALIGNMENT       16u

struct stage {
    weir_chan in, out;
    weir_map_fn *map;
    weir_each_fn *each; /* NULL: it maps */
    void *arg;
    struct weir_map_options options;
    uint32_t in_size, out_size; /* aligned */
    weir_mutex mutex;           /* in order: guards the taking */
    uint64_t taken;
    int32_t reason; /* of the end of `in`; 0: it has not ended */
    bool failed;    /* a hand has: no more is taken, until the others are cancelled */
    weir_notify *turns;
    struct hand *hands;
    unsigned char *values;
};

struct hand {
    struct stage *stage;
    unsigned char *value, *result;
    uint64_t number;
};

/* ---- one value ---- */

static int take(struct stage *stage, struct hand *hand)
{
    int rc;

    if (stage->options.ordered != WEIR_ON)
        return weir_chan_recv(stage->in, hand->value);
    rc = weir_mutex_lock(&stage->mutex);
    if (rc < 0)
        return rc;
    rc = weir_chan_recv(stage->in, hand->value);
    if (rc == 0)
        hand->number = stage->taken++;
    weir_mutex_unlock(&stage->mutex);
    return rc;
}

static int make(struct stage *stage, struct hand *hand)
{
    return stage->each ? stage->each(hand->value, stage->arg)
                       : stage->map(hand->value, hand->result, stage->arg);
}

static weir_notify *turn_of(struct stage *stage, uint64_t number)
{
    return &stage->turns[number % stage->options.concurrency];
}

/* Sends the result, if there is one, when it is due. */
static int give(struct stage *stage, struct hand *hand, bool skips)
{
    bool ordered = stage->options.ordered == WEIR_ON;
    int rc = ordered ? weir_notify_wait(turn_of(stage, hand->number)) : 0;

    if (rc == 0 && !skips && !stage->each)
        rc = weir_chan_send(stage->out, hand->result);
    if (rc == 0 && ordered)
        weir_notify_one(turn_of(stage, hand->number + 1));
    return rc;
}

/* `in` has nothing more, for a reason, or the hand was stopped: what is a failure of it now. */
static int end(struct stage *stage, int reason)
{
    if (reason == WEIR_ECANCELED || reason == WEIR_EDEADLINE || reason == WEIR_ENOMEM)
        return reason;
    WEIR_ATOMIC_STORE(&stage->reason, reason, RELAXED); /* partner: the join */
    return 0;
}

static int work(void *arg)
{
    struct hand *hand = arg;
    struct stage *stage = hand->stage;
    int rc = 0;

    while (rc == 0 && !WEIR_ATOMIC_LOAD(&stage->failed, RELAXED)) {
        rc = take(stage, hand);
        if (rc < 0)
            return end(stage, rc);
        rc = make(stage, hand);
        if (rc >= 0)
            rc = give(stage, hand, rc == WEIR_MAP_SKIP);
    }
    if (rc < 0)
        WEIR_ATOMIC_STORE(&stage->failed, true, RELAXED);
    return rc;
}

/* ---- the stage ---- */

static uint32_t aligned(uint32_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void fini(struct stage *stage)
{
    weir__free(stage->values);
    weir__free(stage->hands);
    weir__free(stage->turns);
}

/* 0 or WEIR_ENOMEM; fini in both cases. */
static int init(struct stage *stage)
{
    uint32_t i, count = stage->options.concurrency;
    size_t each = (size_t)stage->in_size + stage->out_size;

    stage->values = weir__alloc(count * each);
    stage->hands = weir__calloc(count, sizeof *stage->hands);
    if (stage->options.ordered == WEIR_ON) {
        stage->turns = weir__calloc(count, sizeof *stage->turns);
        if (!stage->turns)
            return WEIR_ENOMEM;
        weir_notify_one(turn_of(stage, 0));
    }
    if (!stage->values || !stage->hands)
        return WEIR_ENOMEM;
    for (i = 0; i < count; i++) {
        stage->hands[i].stage = stage;
        stage->hands[i].value = stage->values + i * each;
        stage->hands[i].result = stage->hands[i].value + stage->in_size;
    }
    return 0;
}

/* Runs the hands, or as many as can be started: 0, or the first failure. */
static int run(struct stage *stage)
{
    struct weir_spawn_options options = {.name = "stage", .stack_size = stage->options.stack_size};
    weir_scope scope;
    uint32_t i;
    int failed, rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    for (i = 0; i < stage->options.concurrency && rc == 0; i++)
        rc = weir_spawn_with(&scope, work, &stage->hands[i], &options);
    failed = weir_scope_join(&scope);
    return i == 1 && rc < 0 ? rc : failed;
}

/* What the whole came to, after the hands: tells it to both sides. */
static int conclude(struct stage *stage, struct weir__task *task, int rc)
{
    int reason = stage->reason, stopped;

    if (rc == WEIR_ECANCELED) { /* a hand's; the caller may know better why */
        stopped = weir__task_check(task);
        rc = stopped < 0 ? stopped : rc;
    }
    if (rc == 0 && reason != WEIR_EEOF && reason != WEIR_ECLOSED)
        rc = reason;
    if (stage->options.keep_open == WEIR_ON)
        return rc;
    if (!stage->each)
        (void)weir_chan_close(stage->out, rc < 0 ? rc : reason);
    if (rc < 0)
        (void)weir_chan_close(stage->in, rc);
    return rc;
}

static int check_options(struct stage *stage, const struct weir_map_options *options, size_t size)
{
    struct weir_map_options *o = &stage->options;
    int rc = weir__options_copy(o, sizeof *o, options, size);

    if (rc < 0)
        return rc;
    return o->concurrency > CONCURRENCY_MAX || o->ordered > WEIR_OFF || o->keep_open > WEIR_OFF
                   || (stage->each && o->ordered == WEIR_ON)
               ? WEIR_EOPTION
               : 0;
}

/* Finds out how large values are. */
static int measure(struct stage *stage)
{
    int in_size = weir__chan_value_size(stage->in);
    int out_size = stage->each ? 0 : weir__chan_value_size(stage->out);

    if (in_size < 0 || out_size < 0)
        return WEIR_EBADHANDLE;
    stage->in_size = aligned((uint32_t)in_size);
    stage->out_size = aligned((uint32_t)out_size);
    return 0;
}

static int run_stage(struct stage *stage, const struct weir_map_options *options, size_t size)
{
    struct weir__task *task = weir__task_current();
    int rc = check_options(stage, options, size);

    if (!task)
        return WEIR_ENOTASK;
    if (rc == 0)
        rc = measure(stage);
    if (rc < 0)
        return rc;
    if (!stage->options.concurrency)
        stage->options.concurrency = weir__runtime_workers(task->runtime);
    rc = init(stage);
    if (rc == 0)
        rc = run(stage);
    fini(stage);
    return conclude(stage, task, rc);
}

int weir_map_n(weir_chan in, weir_chan out, weir_map_fn *fn, void *arg,
               const struct weir_map_options *options, size_t options_size)
{
    WEIR__CALL;
    struct stage stage = {.in = in, .out = out, .map = fn, .arg = arg};

    return run_stage(&stage, options, options_size);
}

int weir_for_each_n(weir_chan in, weir_each_fn *fn, void *arg,
                    const struct weir_map_options *options, size_t options_size)
{
    WEIR__CALL;
    struct stage stage = {.in = in, .each = fn, .arg = arg};

    return run_stage(&stage, options, options_size);
}
