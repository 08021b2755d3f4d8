/* task/delay.c - a queue of delays; see <weir/delay.h>.
 *
 * The first of those who wait leads: its wait ends at the moment of the first entry, the others'
 * when they are told to lead. Who leaves, for whatever reason, and who puts in a new first entry
 * tells the first waiter, which looks again. A leader that looks again keeps its place.
 */
#include <weir/delay.h>

#include "base/container.h"
#include "base/heap.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/task.h"
#include "task/worker.h"

_Static_assert(sizeof(struct weir__heap_node) <= sizeof(((weir_delay_entry *)0)->weir__node),
               "it fits");
_Static_assert(sizeof(struct weir__waitq) <= sizeof(((weir_delay_queue *)0)->weir__waiting),
               "it fits");

static struct weir__heap *heap_of(weir_delay_queue *queue)
{
    return (struct weir__heap *)(void *)&queue->weir__root;
}

static struct weir__waitq *waiting_of(weir_delay_queue *queue)
{
    return (struct weir__waitq *)(void *)queue->weir__waiting;
}

static struct weir__heap_node *node_of(weir_delay_entry *entry)
{
    return (struct weir__heap_node *)(void *)entry->weir__node;
}

static weir_delay_entry *entry_of(const struct weir__heap_node *node)
{
    return (weir_delay_entry *)(uintptr_t)node;
}

_Static_assert(offsetof(weir_delay_entry, weir__node) == 0, "entry_of");

static bool less(const struct weir__heap_node *a, const struct weir__heap_node *b)
{
    const weir_delay_entry *left = entry_of(a), *right = entry_of(b);

    if (left->weir__moment_ns != right->weir__moment_ns)
        return left->weir__moment_ns < right->weir__moment_ns;
    return left->weir__serial < right->weir__serial;
}

static void lock(weir_delay_queue *queue)
{
    weir__lock(&queue->weir__guard);
}

static void unlock(weir_delay_queue *queue)
{
    weir__unlock(&queue->weir__guard);
}

/* Under the lock: tells the first waiter to look again. */
static struct weir__wakee tell_first(weir_delay_queue *queue)
{
    struct weir__waiter *waiter = weir__claim_first(waiting_of(queue));
    struct weir__wakee nobody = {0};

    return waiter ? weir__waiter_grant(waiter, 0) : nobody;
}

/* ---- entries ---- */

/* Under the lock. Whom to wake. */
static struct weir__wakee put(weir_delay_queue *queue, weir_delay_entry *entry, uint64_t moment_ns)
{
    struct weir__wakee nobody = {0};

    entry->weir__moment_ns = moment_ns;
    entry->weir__serial = queue->weir__serial++;
    weir__heap_insert(heap_of(queue), node_of(entry), less);
    queue->weir__count++;
    return heap_of(queue)->root == node_of(entry) ? tell_first(queue) : nobody;
}

static void take(weir_delay_queue *queue, weir_delay_entry *entry)
{
    weir__heap_remove(heap_of(queue), node_of(entry), less);
    queue->weir__count--;
}

int weir_delay_insert_at(weir_delay_queue *queue, weir_delay_entry *entry, uint64_t moment_ns)
{
    WEIR__CALL;
    struct weir__wakee wakee = {0};
    int rc = WEIR_EBUSY;

    lock(queue);
    if (!weir__heap_linked(node_of(entry))) {
        wakee = put(queue, entry, moment_ns);
        rc = 0;
    }
    unlock(queue);
    weir__wake(wakee);
    return rc;
}

int weir_delay_insert(weir_delay_queue *queue, weir_delay_entry *entry, int64_t delay_ns)
{
    if (delay_ns < 0)
        return WEIR_EINVAL;
    return weir_delay_insert_at(queue, entry, weir__time_later(weir__now_ns(), delay_ns));
}

int weir_delay_reset(weir_delay_queue *queue, weir_delay_entry *entry, int64_t delay_ns)
{
    WEIR__CALL;
    struct weir__wakee wakee = {0};
    int rc = WEIR_ENOENT;

    if (delay_ns < 0)
        return WEIR_EINVAL;
    lock(queue);
    if (weir__heap_linked(node_of(entry))) {
        take(queue, entry);
        wakee = put(queue, entry, weir__time_later(weir__now_ns(), delay_ns));
        rc = 0;
    }
    unlock(queue);
    weir__wake(wakee);
    return rc;
}

bool weir_delay_remove(weir_delay_queue *queue, weir_delay_entry *entry)
{
    WEIR__CALL;
    bool in;

    lock(queue);
    in = weir__heap_linked(node_of(entry));
    if (in)
        take(queue, entry); /* a leader that waits for it looks in vain, once */
    unlock(queue);
    return in;
}

size_t weir_delay_count(weir_delay_queue *queue)
{
    WEIR__CALL;
    size_t count;

    lock(queue);
    count = queue->weir__count;
    unlock(queue);
    return count;
}

/* ---- what has expired ---- */

/* Under the lock: the first entry, taken out if it has expired; else NULL and *until_ns. */
static weir_delay_entry *take_expired(weir_delay_queue *queue, uint64_t *until_ns)
{
    struct weir__heap_node *root = heap_of(queue)->root;

    *until_ns = root ? entry_of(root)->weir__moment_ns : UINT64_MAX;
    if (!root || *until_ns == UINT64_MAX || *until_ns > weir__now_ns())
        return NULL;
    take(queue, entry_of(root));
    return entry_of(root);
}

int weir_delay_try_next(weir_delay_queue *queue, weir_delay_entry **out)
{
    WEIR__CALL;
    weir_delay_entry *entry;
    uint64_t until_ns;

    lock(queue);
    entry = take_expired(queue, &until_ns);
    unlock(queue);
    if (!entry)
        return WEIR_EAGAIN;
    *out = entry;
    return 0;
}

static bool granted(const struct weir__waiter *waiter)
{
    return WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) == WAITER_GRANTED;
}

/* Waits, after the lock was released, until it is time to look again: 0, or why the task was
 * stopped. */
static int wait_turn(struct weir__waiter *waiter, weir_delay_queue *queue, uint64_t until_ns)
{
    int rc = weir__waiter_wait_until(waiter, until_ns);

    lock(queue);
    if (!granted(waiter))
        weir__waitq_remove(waiting_of(queue), waiter);
    unlock(queue);
    return rc;
}

/* After a wait, whatever came of it. */
static void leave(weir_delay_queue *queue)
{
    struct weir__wakee wakee;

    lock(queue);
    wakee = tell_first(queue);
    unlock(queue);
    weir__wake(wakee);
}

/* Takes the first expired entry, or waits once. */
static int look(weir_delay_queue *queue, weir_delay_entry **entry, bool again)
{
    struct weir__waiter own, *waiter;
    uint64_t until_ns;

    lock(queue);
    *entry = take_expired(queue, &until_ns);
    if (*entry) {
        unlock(queue);
        return 0;
    }
    if (!again && !weir__waitq_empty(waiting_of(queue)))
        until_ns = UINT64_MAX; /* another one leads */
    waiter = weir__waiter_begin(&own, "delay queue");
    if (again)
        weir__waitq_push_front(waiting_of(queue), waiter);
    else
        weir__waitq_push(waiting_of(queue), waiter);
    unlock(queue);
    return wait_turn(waiter, queue, until_ns);
}

int weir_delay_next(weir_delay_queue *queue, weir_delay_entry **out)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    weir_delay_entry *entry = NULL;
    int rc = weir__leaf_of(task);

    if (rc == 0) {
        rc = look(queue, &entry, false);
        while (rc == 0 && !entry)
            rc = look(queue, &entry, true);
        rc = weir__task_stopped(task, rc);
        leave(queue);
    }
    if (entry)
        *out = entry;
    return rc;
}

/* ---- a case of a select: it is told to look again, or its moment comes ---- */

static bool attempt_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    c->result = weir_delay_try_next(c->object, c->data);
    return c->result != WEIR_EAGAIN;
}

static enum weir__case_step enlist_case(struct weir__case *c, struct weir__select *select)
{
    weir_delay_queue *queue = c->object;
    struct weir__heap_node *root;

    lock(queue);
    root = heap_of(queue)->root;
    c->id = root ? entry_of(root)->weir__moment_ns : UINT64_MAX;
    if (!c->enlisted && !weir__waitq_empty(waiting_of(queue)))
        c->id = UINT64_MAX; /* another one leads */
    weir__case_queue(c, select, waiting_of(queue), &queue->weir__guard);
    if (c->enlisted) { /* it keeps its place */
        weir__waitq_remove(waiting_of(queue), &c->waiter);
        weir__waitq_push_front(waiting_of(queue), &c->waiter);
    }
    c->enlisted = true;
    unlock(queue);
    return CASE_WAITS;
}

static void leave_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    if (c->enlisted)
        leave(c->object);
}

static const struct weir__case_calls case_calls = {.attempt = attempt_case,
                                                   .enlist = enlist_case,
                                                   .leave = leave_case,
                                                   .timed = true,
                                                   .looks = true};

void weir_case_delay(weir_case *out, weir_delay_queue *queue, weir_delay_entry **entry)
{
    weir__case_fill(out, &case_calls, UINT64_MAX, entry, 0);
    weir__case_of(out)->object = queue;
}
