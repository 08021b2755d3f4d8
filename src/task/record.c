/* task/record.c - handles of tasks, and collecting the results of a scope; see record.h.
 *
 * An abort has to be done by the task's home worker, like every cancel: from elsewhere it is a
 * message, which lies in the record and holds the scope.
 */
#include "task/record.h"

#include <weir/scope.h>
#include <weir/task.h>

#include "base/container.h"
#include "core/pool.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/deadlock.h"
#include "task/grant.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/task.h"
#include "task/worker.h"

static struct weir__pool records = WEIR__POOL(struct weir__record);
static struct weir__pool ledgers = WEIR__POOL(struct weir__ledger);

/* ---- ledgers ---- */

struct weir__ledger *weir__ledger_of(struct weir__scope *scope)
{
    struct weir__ledger *none = NULL, *ledger = WEIR_ATOMIC_LOAD(&scope->ledger, ACQUIRE);

    if (ledger)
        return ledger;
    ledger = weir__pool_take(&ledgers);
    if (!ledger)
        return NULL;
    weir__lock(&ledger->lock); /* who has an old record may look */
    weir__list_init(&ledger->kept);
    weir__list_init(&ledger->ended);
    weir__list_init(&ledger->named);
    weir__list_init(&ledger->strands);
    weir__list_init(&ledger->closing);
    weir__unlock(&ledger->lock);
    if (WEIR_ATOMIC_CAS(&scope->ledger, &none, ledger, SEQ_CST))
        return ledger;
    weir__pool_give(&ledgers, ledger);
    return none;
}

static void release(struct weir__record *record)
{
    if (WEIR_ATOMIC_SUB(&record->users, 1, ACQ_REL) == 1)
        weir__pool_give(&records, record);
}

/* Takes a record off its ledger, whose lock is held. */
static void unlist(struct weir__record *record)
{
    WEIR_ATOMIC_STORE(&record->ledger, NULL, RELEASE); /* partner: withdraw */
    weir__list_remove(&record->listed);
    weir__list_remove(&record->end);
    release(record);
}

static void end_handle(struct weir__record *record)
{
    weir__lock(&record->lock);
    if (record->handle)
        weir__handle_free(record->handle);
    record->handle = 0;
    weir__unlock(&record->lock);
}

static void end_all(struct weir__list *list)
{
    while (!weir__list_empty(list)) {
        struct weir__record *record = WEIR_CONTAINER_OF(list->next, struct weir__record, listed);

        end_handle(record);
        unlist(record);
    }
}

void weir__ledger_close(struct weir__ledger *ledger)
{
    weir__lock(&ledger->lock);
    end_all(&ledger->kept);
    end_all(&ledger->named);
    weir__unlock(&ledger->lock);
    weir__pool_give(&ledgers, ledger);
}

/* ---- collecting: all under the ledger's lock ---- */

/* What a collector waits for; its waiter's data is where that goes. */
enum collector {
    COLLECTOR_ANY,     /* is given it by who grants: 1, or 0 if nothing is left */
    COLLECTOR_IN_ORDER /* looks again */
};

/* Takes a record that has ended out of its ledger. */
static void collect(struct weir__ledger *ledger, struct weir__record *record,
                    struct weir_ended *out)
{
    bool named;

    weir__lock(&record->lock);
    *out = (struct weir_ended){
        .id = record->id, .name = record->name, .task = {record->handle}, .result = record->result};
    named = record->handle;
    weir__unlock(&record->lock);
    record->kept = false;
    if (named) {
        weir__list_remove(&record->end);
        weir__list_remove(&record->listed);
        weir__list_push_back(&ledger->named, &record->listed);
    } else {
        unlist(record);
    }
}

/* The record that is next and has ended; NULL: there is none yet. */
static struct weir__record *next_ended(const struct weir__ledger *ledger, bool in_order)
{
    struct weir__record *record;

    if (weir__list_empty(&ledger->ended))
        return NULL;
    if (!in_order)
        return WEIR_CONTAINER_OF(ledger->ended.next, struct weir__record, end);
    record = WEIR_CONTAINER_OF(ledger->kept.next, struct weir__record, listed);
    return weir__list_linked(&record->end) ? record : NULL;
}

/* Tells the owner of the scope, if it waits, that a record has ended, or is gone. */
static struct weir__wakee tell_collector(struct weir__ledger *ledger)
{
    struct weir__record *record = next_ended(ledger, false);
    bool none = weir__list_empty(&ledger->kept);
    struct weir__waiter *waiter = weir__waitq_first(&ledger->collector);

    if (!waiter || (waiter->count == COLLECTOR_ANY && !record && !none)
        || !weir__waiter_claim(&ledger->collector, waiter))
        return (struct weir__wakee){0};
    if (waiter->count == COLLECTOR_IN_ORDER || !record)
        return weir__waiter_grant(waiter, 0);
    collect(ledger, record, waiter->data);
    return weir__waiter_grant(waiter, 1);
}

/* ---- records ---- */

static void fill(struct weir__record *record, struct weir__scope *scope, const char *name)
{
    weir__lock(&record->lock); /* who holds an old handle may look */
    record->users = 2;
    record->ended = record->aborted = false;
    record->handle = record->id = 0;
    record->name = name ? name : "task";
    record->task = NULL;
    record->scope = scope;
    record->listed.next = record->end.next = NULL;
    weir__unlock(&record->lock);
}

int weir__record_make(struct weir__scope *scope, const char *name, bool named,
                      struct weir__record **out)
{
    struct weir__ledger *ledger = weir__ledger_of(scope);
    struct weir__record *record = ledger ? weir__pool_take(&records) : NULL;
    int rc = 0;

    if (!record)
        return WEIR_ENOMEM;
    fill(record, scope, name);
    if (named)
        rc = weir__handle_make(WEIR__KIND_TASK, record, &record->handle);
    if (rc < 0) {
        weir__pool_give(&records, record);
        return rc;
    }
    weir__lock(&ledger->lock);
    record->kept = scope->collected;
    WEIR_ATOMIC_STORE(&record->ledger, ledger, RELEASE);
    weir__list_push_back(record->kept ? &ledger->kept : &ledger->named, &record->listed);
    weir__unlock(&ledger->lock);
    *out = record;
    return 0;
}

void weir__record_drop(struct weir__record *record)
{
    struct weir__ledger *ledger = record->ledger; /* nobody else knows the record */
    struct weir__wakee wakee;

    end_handle(record);
    weir__lock(&ledger->lock);
    unlist(record);
    wakee = tell_collector(ledger); /* who may wait for this one alone */
    weir__unlock(&ledger->lock);
    weir__wake(wakee);
    release(record);
}

bool weir__record_begin(struct weir__record *record, struct weir__task *task)
{
    bool aborted;

    weir__lock(&record->lock);
    record->task = task;
    record->id = task->id;
    aborted = record->aborted;
    weir__unlock(&record->lock);
    return aborted;
}

static void give_result(struct weir__waiter *waiter, const void *from)
{
    if (waiter->data)
        *(int *)waiter->data = *(const int *)from;
}

bool weir__record_end(struct weir__record *record, int result)
{
    struct weir__ledger *ledger = record->scope->ledger; /* the scope is held by the task */
    struct weir__crowd crowd = {0};
    struct weir__wakee wakee = {0};
    bool cancelled;

    weir__lock(&record->lock);
    cancelled = record->aborted && result == WEIR_ECANCELED;
    record->task = NULL;
    record->ended = true;
    record->result = result;
    weir__crowd_take(&crowd, &record->waiters);
    weir__crowd_grant(&crowd, &record->lock, give_result, &result, 0);
    weir__lock(&ledger->lock);
    if (record->kept) {
        weir__list_push_back(&ledger->ended, &record->end);
        wakee = tell_collector(ledger);
    }
    weir__unlock(&ledger->lock);
    weir__wake(wakee);
    release(record);
    return cancelled;
}

/* ---- handles ---- */

static struct weir__record *enter(weir_task handle)
{
    return weir__named_lock(handle.id, WEIR__KIND_TASK);
}

int weir_task_done(weir_task handle)
{
    WEIR__CALL;
    struct weir__record *record = enter(handle);
    int rc = WEIR_EBADHANDLE;

    if (record) {
        rc = record->ended;
        weir__unlock(&record->lock);
    }
    return rc;
}

/* Of a locked record: whether its task has ended, with the result. */
static bool has_ended(const struct weir__record *record, int *result)
{
    if (record->ended && result)
        *result = record->result;
    return record->ended;
}

static int join_or_wait(weir_task handle, int *result)
{
    struct weir__task *task = weir__task_current();
    struct weir__record *record = enter(handle);
    struct weir__want want = {WANT_TASK, NULL, NULL};
    struct weir__waiter own, *waiter;
    struct weir__blocked blocked;
    bool ended;
    int rc;

    if (!record)
        return WEIR_EBADHANDLE;
    ended = has_ended(record, result);
    if (ended || (task && record->task == task)) {
        weir__unlock(&record->lock);
        return ended ? 0 : WEIR_EDEADLK;
    }
    waiter = weir__waiter_begin(&own, "end of a task");
    waiter->data = result;
    weir__waitq_push(&record->waiters, waiter);
    want.object = record->task;
    weir__unlock(&record->lock);
    weir__deadlock_enter(&blocked, &want, waiter, task);
    rc = weir__waiter_wait(waiter, &record->waiters, &record->lock);
    weir__deadlock_leave(&blocked);
    return rc;
}

int weir_task_join(weir_task handle, int *result)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = join_or_wait(handle, result);
    return rc;
}

/* The handle of a record has gone: takes that off its ledger, unless it is to be collected. */
static void withdraw(struct weir__record *record)
{
    struct weir__ledger *ledger = WEIR_ATOMIC_LOAD(&record->ledger, ACQUIRE);

    if (!ledger)
        return;
    weir__lock(&ledger->lock);
    if (record->ledger == ledger && !record->kept)
        unlist(record);
    weir__unlock(&ledger->lock);
}

int weir_task_forget(weir_task handle)
{
    WEIR__CALL;
    struct weir__record *record = enter(handle);
    struct weir__crowd crowd = {0};

    if (!record)
        return WEIR_EBADHANDLE;
    weir__handle_free(record->handle);
    record->handle = 0;
    (void)WEIR_ATOMIC_ADD(&record->users, 1, RELAXED);
    weir__crowd_take(&crowd, &record->waiters);
    weir__crowd_grant(&crowd, &record->lock, NULL, NULL, WEIR_ECLOSED);
    withdraw(record);
    release(record);
    return 0;
}

/* ---- aborting ---- */

/* On the home worker, where the task cannot be released meanwhile. */
static void deliver_abort(weir_post *post, weir_loop *loop)
{
    struct weir__record *record = WEIR_CONTAINER_OF(post, struct weir__record, post);
    struct weir__scope *scope = record->scope;
    struct weir__task *task;

    (void)loop;
    weir__lock(&record->lock);
    task = record->task;
    weir__unlock(&record->lock);
    if (task)
        weir__task_cancel(task);
    release(record);
    weir__scope_release(scope);
}

/* Has the record's task aborted, which runs or waits. Unlocks the record. */
static void abort_locked(struct weir__record *record)
{
    struct weir__task *task = record->task;
    struct weir__worker *home = task->home;
    struct weir__runtime *visited;

    if (weir__current_worker() == home) {
        weir__unlock(&record->lock);
        weir__task_cancel(task);
        return;
    }
    visited = weir__runtime_visit_other(task->runtime);
    weir__scope_hold(record->scope);
    (void)WEIR_ATOMIC_ADD(&record->users, 1, RELAXED);
    weir__unlock(&record->lock);
    record->post.deliver = deliver_abort;
    weir_loop_post(home->loop, &record->post);
    weir__runtime_leave_other(visited);
}

int weir_task_abort(weir_task handle)
{
    WEIR__CALL;
    struct weir__record *record = enter(handle);
    bool first;

    if (!record)
        return WEIR_EBADHANDLE;
    first = !record->aborted;
    record->aborted = true; /* partner: weir__record_begin */
    if (first && record->task)
        abort_locked(record);
    else
        weir__unlock(&record->lock);
    return 0;
}

/* ---- collecting ---- */

/* 1: collected; 0: nothing is left; WEIR_EAGAIN. */
static int collect_now(struct weir__ledger *ledger, bool in_order, struct weir_ended *out)
{
    struct weir__record *record = next_ended(ledger, in_order);

    if (record)
        collect(ledger, record, out);
    else if (!weir__list_empty(&ledger->kept))
        return WEIR_EAGAIN;
    return record != NULL;
}

/* The same, or why the wait for it was stopped. */
static int collect_or_wait(struct weir__ledger *ledger, bool in_order, struct weir_ended *out)
{
    struct weir__waiter own, *waiter;
    int rc = 0;

    while (rc == 0) {
        weir__lock(&ledger->lock);
        rc = collect_now(ledger, in_order, out);
        if (rc != WEIR_EAGAIN) {
            weir__unlock(&ledger->lock);
            return rc;
        }
        waiter = weir__waiter_begin(&own, "collect");
        waiter->data = out;
        waiter->count = in_order ? COLLECTOR_IN_ORDER : COLLECTOR_ANY;
        weir__waitq_push(&ledger->collector, waiter);
        weir__unlock(&ledger->lock);
        rc = weir__waiter_wait(waiter, &ledger->collector, &ledger->lock);
    }
    return rc;
}

/* Whether a task may collect the scope's results. */
static int check_collector(const struct weir__scope *scope, const struct weir__task *task)
{
    if (!task)
        return WEIR_ENOTASK;
    return scope->owner == task && scope->collected ? 0 : WEIR_EINVAL;
}

static int next(weir_scope *public, bool in_order, struct weir_ended *out)
{
    struct weir__scope *scope = weir__scope_of(public);
    struct weir__task *task = weir__task_current();
    int rc = check_collector(scope, task);
    struct weir__ledger *ledger;

    if (rc == 0)
        rc = weir__leaf_of(task);
    if (rc < 0)
        return rc;
    ledger = WEIR_ATOMIC_LOAD(&scope->ledger, ACQUIRE);
    return ledger ? collect_or_wait(ledger, in_order, out) : 0;
}

int weir_scope_next(weir_scope *scope, struct weir_ended *out)
{
    WEIR__CALL;

    return next(scope, false, out);
}

int weir_scope_next_in_order(weir_scope *scope, struct weir_ended *out)
{
    WEIR__CALL;

    return next(scope, true, out);
}

/* ---- cases of a select ---- */

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    struct weir__record *record = enter((weir_task){c->id});
    bool done;

    if (!record) {
        c->result = WEIR_EBADHANDLE;
        return true;
    }
    done = has_ended(record, c->data);
    c->result = done ? 0 : WEIR_EDEADLK;
    done = done || record->task == task;
    weir__unlock(&record->lock);
    return done;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    struct weir__record *record = enter((weir_task){c->id});
    enum weir__case_step step = CASE_WAITS;

    if (!record)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (!record->ended) {
        weir__case_queue(c, select, &record->waiters, &record->lock);
        c->object = record->task;
    } else if (weir__case_claim(c, select)) {
        (void)has_ended(record, c->data);
        c->result = 0;
        step = CASE_DONE;
    } else {
        step = CASE_LOST;
    }
    weir__unlock(&record->lock);
    return step;
}

static void want_of_case(const struct weir__case *c, struct weir__want *out)
{
    *out = (struct weir__want){WANT_TASK, c->object, NULL};
}

static const struct weir__case_calls calls = {
    .attempt = attempt, .enlist = enlist, .want = want_of_case};

void weir_case_task(weir_case *out, weir_task task, int *result)
{
    weir__case_fill(out, &calls, task.id, result, 0);
}

static int enter_next(struct weir__case *c, struct weir__task *task)
{
    return check_collector(weir__scope_of(c->where[0]), task);
}

static bool attempt_next(struct weir__case *c, struct weir__task *task)
{
    struct weir__scope *scope = weir__scope_of(c->where[0]);
    struct weir__ledger *ledger = WEIR_ATOMIC_LOAD(&scope->ledger, ACQUIRE);

    (void)task;
    c->result = 0;
    if (ledger) {
        weir__lock(&ledger->lock);
        c->result = collect_now(ledger, false, c->data);
        weir__unlock(&ledger->lock);
    }
    return c->result != WEIR_EAGAIN;
}

/* Commits first: what is collected is not put back. */
static enum weir__case_step enlist_next(struct weir__case *c, struct weir__select *select)
{
    struct weir__scope *scope = weir__scope_of(c->where[0]);
    struct weir__ledger *ledger = WEIR_ATOMIC_LOAD(&scope->ledger, ACQUIRE);
    enum weir__case_step step = CASE_WAITS;

    if (!ledger)
        return weir__case_gone(c, select, 0);
    weir__lock(&ledger->lock);
    if (!next_ended(ledger, false) && !weir__list_empty(&ledger->kept)) {
        weir__case_queue(c, select, &ledger->collector, &ledger->lock);
        c->waiter.count = COLLECTOR_ANY;
    } else if (weir__case_claim(c, select)) {
        c->result = collect_now(ledger, false, c->data);
        step = CASE_DONE;
    } else {
        step = CASE_LOST;
    }
    weir__unlock(&ledger->lock);
    return step;
}

static const struct weir__case_calls next_calls = {
    .enter = enter_next, .attempt = attempt_next, .enlist = enlist_next};

void weir_case_next(weir_case *out, weir_scope *scope, struct weir_ended *ended)
{
    weir__case_fill(out, &next_calls, 0, ended, 0);
    weir__case_of(out)->where[0] = scope;
}
