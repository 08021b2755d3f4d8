/* task/interval.c - sleeping until a moment, and ticks at regular ones; see <weir/time.h>.
 *
 * A moment that has passed is not given to the loop: its timers need a tick even for that.
 */
#include <weir/time.h>

#include "sys/current.h"
#include "sys/sys.h"
#include "task/case.h"
#include "task/task.h"
#include "task/worker.h"

#define LATE_NS 5000000 /* a tick that is later than this, or than its period, was missed */

int weir_sleep_until(uint64_t moment_ns)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc;

    if (!task)
        return WEIR_ENOTASK;
    if (moment_ns <= weir__now_ns()) {
        rc = weir__leaf();
    } else {
        weir_op_timer(&task->op, moment_ns);
        rc = weir__task_await_at_rest(task, &task->op, NULL, NULL);
    }
    return rc;
}

int weir_interval_init_at(weir_interval *interval, uint64_t first_ns, int64_t period_ns,
                          enum weir_missed missed)
{
    if (period_ns <= 0 || missed > WEIR_MISSED_SKIP)
        return WEIR_EINVAL;
    interval->weir__next_ns = first_ns;
    interval->weir__period_ns = period_ns;
    interval->weir__missed = (uint8_t)missed;
    return 0;
}

int weir_interval_init(weir_interval *interval, int64_t period_ns, enum weir_missed missed)
{
    return weir_interval_init_at(interval, weir__time_later(weir__now_ns(), period_ns), period_ns,
                                 missed);
}

void weir_interval_reset(weir_interval *interval)
{
    interval->weir__next_ns = weir__time_later(weir__now_ns(), interval->weir__period_ns);
}

/* The tick after one that was due at `due_ns` and is told at `now_ns`. */
static uint64_t next_tick(const weir_interval *interval, uint64_t due_ns, uint64_t now_ns)
{
    uint64_t period_ns = (uint64_t)interval->weir__period_ns;
    uint64_t late_ns = now_ns - due_ns;

    if (late_ns < LATE_NS && late_ns < period_ns)
        return due_ns + period_ns;
    switch ((enum weir_missed)interval->weir__missed) {
    case WEIR_MISSED_DELAY:
        return now_ns + period_ns;
    case WEIR_MISSED_SKIP:
        return now_ns + period_ns - late_ns % period_ns;
    case WEIR_MISSED_BURST:
        break;
    }
    return due_ns + period_ns;
}

static void tell_tick(weir_interval *interval, uint64_t now_ns, uint64_t *due_ns)
{
    uint64_t due = interval->weir__next_ns;

    interval->weir__next_ns = next_tick(interval, due, now_ns);
    if (due_ns)
        *due_ns = due;
}

int weir_interval_tick(weir_interval *interval, uint64_t *due_ns)
{
    int rc = weir_sleep_until(interval->weir__next_ns);

    if (rc == 0)
        tell_tick(interval, weir__now_ns(), due_ns);
    return rc;
}

/* ---- a case of a select ---- */

static bool attempt_case(struct weir__case *c, struct weir__task *task)
{
    const weir_interval *interval = c->object;
    uint64_t now_ns = weir__now_ns();

    (void)task;
    if (now_ns < interval->weir__next_ns)
        return false;
    tell_tick(c->object, now_ns, c->data);
    return true;
}

static enum weir__case_step enlist_case(struct weir__case *c, struct weir__select *select)
{
    const weir_interval *interval = c->object;

    (void)select;
    c->id = interval->weir__next_ns;
    return CASE_WAITS; /* for the deadline of the wait */
}

static const struct weir__case_calls case_calls = {
    .attempt = attempt_case, .enlist = enlist_case, .timed = true};

void weir_case_tick(weir_case *out, weir_interval *interval, uint64_t *due_ns)
{
    weir__case_fill(out, &case_calls, UINT64_MAX, due_ns, 0);
    weir__case_of(out)->object = interval;
}
