/* task/block.c - blocks with a deadline and shields, and the clock; see <weir/time.h>.
 *
 * A block lies in the task's own memory and is touched by the task only. Its deadline is fixed when
 * it is opened: what a wait hands to its alarm is a copy.
 */
#include <weir/time.h>

#include "base/assert.h"
#include "sys/current.h"
#include "sys/sys.h"
#include "task/task.h"
#include "task/worker.h"

enum block_kind {
    BLOCK_DEADLINE,
    BLOCK_SHIELD
};

uint64_t weir_now_ns(void)
{
    return weir__now_ns();
}

uint64_t weir__time_later(uint64_t now_ns, int64_t limit_ns)
{
    return limit_ns == WEIR_FOREVER ? UINT64_MAX : now_ns + (uint64_t)limit_ns;
}

static int block_begin(weir_block *block, int64_t limit_ns, enum block_kind kind)
{
    struct weir__task *task = weir__task_current();

    if (!task)
        return WEIR_ENOTASK;
    if (limit_ns < 0)
        return WEIR_EINVAL;
    if (kind == BLOCK_SHIELD && task->shields == UINT8_MAX)
        return WEIR_ELIMIT;
    block->weir__outer = task->block;
    block->weir__kind = (uint8_t)kind;
    block->weir__fired = 0;
    block->weir__own_ns = weir__time_later(weir__now_ns(), limit_ns);
    block->weir__effective_ns = task->deadline_ns; /* the outer one, to put back */
    if (kind == BLOCK_SHIELD || block->weir__own_ns < task->deadline_ns)
        task->deadline_ns = block->weir__own_ns;
    task->shields = (uint8_t)(task->shields + (kind == BLOCK_SHIELD));
    task->block = block;
    return 0;
}

int weir_deadline_begin(weir_block *block, int64_t limit_ns)
{
    WEIR__CALL;

    return block_begin(block, limit_ns, BLOCK_DEADLINE);
}

int weir_shield_begin(weir_block *block, int64_t limit_ns)
{
    WEIR__CALL;

    return block_begin(block, limit_ns, BLOCK_SHIELD);
}

bool weir_block_end(weir_block *block)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    WEIR_ASSERT(task && task->block == block);
    task->block = block->weir__outer;
    task->deadline_ns = block->weir__effective_ns;
    task->shields = (uint8_t)(task->shields - (block->weir__kind == BLOCK_SHIELD));
    return block->weir__fired;
}

int weir_check(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc;

    if (!task)
        return WEIR_ENOTASK;
    task->worker->loop->now_ns = weir__now_ns();
    rc = weir__task_refusal(task);
    return rc;
}

int weir_sleep(int64_t duration_ns)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc;

    if (!task)
        return WEIR_ENOTASK;
    if (duration_ns < 0)
        return WEIR_EINVAL;
    weir_op_timer(&task->op, weir__time_later(weir__now_ns(), duration_ns));
    rc = weir__task_await_at_rest(task, &task->op, NULL, NULL);
    return rc;
}
