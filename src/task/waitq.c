/* task/waitq.c - see waitq.h. */
#include "task/waitq.h"

#include "base/container.h"
#include "core/sim.h"
#include "sys/lock.h"
#include "sys/virtual_clock.h"
#include "task/deadlock.h"
#include "task/runtime.h"
#include "task/select.h"
#include "task/worker.h"

#define OTHER_CLOCK_LOOK_NS 1000000

/* What is so nearly always: nothing has stopped the task, and its budget need not be looked at. */
static bool goes_on(const struct weir__task *task)
{
    return !WEIR_ATOMIC_LOAD(&task->cancelled, RELAXED) && task->inlined < task->look_at
           && task->worker->loop->now_ns < task->deadline_ns;
}

int weir__leaf_of(struct weir__task *task)
{
    int rc;

    if (!task)
        return 0;
    if (goes_on(task)) {
        task->inlined = (uint8_t)(task->inlined + !task->unbudgeted);
        return 0;
    }
    rc = weir__task_check(task);
    if (rc == 0)
        (void)weir__task_spend(task);
    return rc;
}

int weir__leaf(void)
{
    struct weir__worker *worker = weir__current_worker();

    return worker ? weir__leaf_of(worker->current) : 0;
}

struct weir__waiter *weir__waiter_begin(struct weir__waiter *own, const char *what)
{
    struct weir__task *task = weir__task_current();
    struct weir__waiter *waiter = task ? &task->waiter : own;

    if (task)
        WEIR_ATOMIC_STORE(&task->waits_for, what, RELAXED); /* partner: a dump */
    waiter->link.next = NULL;
    waiter->task = task;
    waiter->select = NULL;
    waiter->data = NULL;
    waiter->state = WAITER_QUEUED;
    return waiter;
}

static void init_once(struct weir__waitq *queue)
{
    if (!queue->list.next)
        weir__list_init(&queue->list);
}

bool weir__waitq_empty(const struct weir__waitq *queue)
{
    return !queue->list.next || weir__list_empty(&queue->list);
}

void weir__waitq_push(struct weir__waitq *queue, struct weir__waiter *waiter)
{
    init_once(queue);
    weir__list_push_back(&queue->list, &waiter->link);
}

void weir__waitq_push_front(struct weir__waitq *queue, struct weir__waiter *waiter)
{
    init_once(queue);
    weir__list_push_front(&queue->list, &waiter->link);
}

void weir__waitq_remove(struct weir__waitq *queue, struct weir__waiter *waiter)
{
    (void)queue;
    weir__list_remove(&waiter->link);
}

struct weir__waiter *weir__waitq_first(struct weir__waitq *queue)
{
    while (!weir__waitq_empty(queue)) {
        struct weir__waiter *waiter =
            WEIR_CONTAINER_OF(queue->list.next, struct weir__waiter, link);

        if (!waiter->select || weir__select_open(waiter->select))
            return waiter;
        weir__list_remove(&waiter->link);
    }
    return NULL;
}

struct weir__waiter *weir__waitq_last(struct weir__waitq *queue)
{
    while (!weir__waitq_empty(queue)) {
        struct weir__waiter *waiter =
            WEIR_CONTAINER_OF(queue->list.prev, struct weir__waiter, link);

        if (!waiter->select || weir__select_open(waiter->select))
            return waiter;
        weir__list_remove(&waiter->link);
    }
    return NULL;
}

bool weir__waitq_has_others(const struct weir__waitq *queue, const struct weir__select *than)
{
    const struct weir__list *link;

    for (link = queue->list.next; link && link != &queue->list; link = link->next) {
        const struct weir__waiter *waiter = WEIR_CONTAINER_OF(link, struct weir__waiter, link);

        if (!waiter->select || (waiter->select != than && weir__select_open(waiter->select)))
            return true;
    }
    return false;
}

bool weir__waiter_claim(struct weir__waitq *queue, struct weir__waiter *waiter)
{
    (void)queue;
    weir__list_remove(&waiter->link);
    return !waiter->select || weir__select_claim(waiter->select, waiter);
}

/* A task that was granted may end before it is woken, and its runtime with it: it is visited. */
struct weir__wakee weir__waiter_grant(struct weir__waiter *waiter, int result)
{
    struct weir__wakee wakee = {waiter->task, &waiter->state, NULL};

    if (waiter->task)
        wakee.visited = weir__runtime_visit_other(waiter->task->runtime);
    waiter->result = result;
    WEIR_ATOMIC_STORE(&waiter->state, WAITER_GRANTED, SEQ_CST); /* the last access */
    return wakee;
}

void weir__wake(struct weir__wakee wakee)
{
    if (wakee.task)
        weir__task_wake(wakee.task);
    else if (wakee.word)
        weir__sys_table()->unpark(wakee.word, 1);
    weir__runtime_leave_other(wakee.visited);
}

static bool granted(const struct weir__waiter *waiter)
{
    return WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) == WAITER_GRANTED;
}

static int wait_as_thread(struct weir__waiter *waiter)
{
    while (!granted(waiter))
        (void)weir__sys_table()->park(&waiter->state, WAITER_QUEUED, -1);
    return waiter->result;
}

/* A clock that is not the system's moves by itself: it is looked at again and again. */
static int64_t park_ns(uint64_t until_ns, uint64_t now_ns)
{
    int64_t left_ns = until_ns - now_ns > INT64_MAX ? INT64_MAX : (int64_t)(until_ns - now_ns);

    if (until_ns == UINT64_MAX)
        return -1;
    if (left_ns > OTHER_CLOCK_LOOK_NS && (weir__virtual_clock_on() || weir__sim_on()))
        return OTHER_CLOCK_LOOK_NS;
    return left_ns;
}

int weir__waiter_wait_until(struct weir__waiter *waiter, uint64_t until_ns)
{
    struct weir__task *task = waiter->task;
    uint64_t now_ns;
    int rc = 0;

    while (task && !granted(waiter) && rc == 0)
        rc = weir__task_pause_until(task, until_ns);
    while (!task && !granted(waiter) && (now_ns = weir__now_ns()) < until_ns)
        (void)weir__sys_table()->park(&waiter->state, WAITER_QUEUED, park_ns(until_ns, now_ns));
    return rc == WEIR_ETIMEDOUT ? 0 : rc;
}

int weir__waiter_wait(struct weir__waiter *waiter, struct weir__waitq *queue, uint32_t *lock)
{
    return weir__waiter_wait_also(waiter, queue, lock, NULL);
}

/* What of the task's stack others may touch while it waits; else anything. A watcher of deadlocks
 * has more of the stack. */
static const void *exposed(const struct weir__waiter *waiter, const void *also)
{
    const struct weir__task *task = waiter->task;

    if (weir__deadlock_ever())
        return task->stack.low;
    return weir__stack_has(&task->stack, also) ? also : waiter->data;
}

int weir__waiter_wait_also(struct weir__waiter *waiter, struct weir__waitq *queue, uint32_t *lock,
                           const void *also)
{
    struct weir__task *task = waiter->task;
    const void *memory = task ? exposed(waiter, also) : NULL;
    int rc = 0;

    if (!task)
        return wait_as_thread(waiter);
    while (!granted(waiter) && rc == 0)
        rc = weir__task_pause_at_rest(task, NULL, memory);
    if (granted(waiter))
        return waiter->result;
    weir__lock(lock);
    if (!granted(waiter))
        weir__waitq_remove(queue, waiter);
    weir__unlock(lock);
    return granted(waiter) ? waiter->result : weir__task_stopped(task, rc);
}
