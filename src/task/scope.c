/* task/scope.c - see scope.h and <weir/scope.h>. */
#include "task/scope.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/container.h"
#include "base/options.h"
#include "sys/current.h"
#include "task/deadlock.h"
#include "task/drive.h"
#include "task/record.h"
#include "task/runtime.h"
#include "task/strand.h"
#include "task/token.h"
#include "task/worker.h"

_Static_assert(sizeof(struct weir__scope) <= sizeof(struct weir_scope),
               "the public struct holds it");

/* A task that is to start on another worker. */
struct start {
    weir_post post;
    struct weir__worker *worker;
    struct weir__scope *scope;
    weir_task_fn *fn;
    void *arg;
    struct weir_spawn_options options;
    struct weir__outfit outfit;
    uint32_t life;        /* of the spawner's simulated host */
    unsigned char copy[]; /* options.copy_size bytes */
};

void weir__scope_init(struct weir__scope *scope, struct weir__worker *home,
                      struct weir__task *owner)
{
    memset(scope, 0, sizeof *scope);
    scope->home = home;
    scope->owner = owner;
    scope->count = 1;
    scope->life = owner ? owner->life : 0;
    scope->deadline_ns = UINT64_MAX;
    scope->local.scope = scope;
    weir__list_init(&scope->local.members);
}

void weir__scope_enter(struct weir__scope *scope, struct weir__worker *worker,
                       struct weir__task *task)
{
    struct weir__scope_part *part =
        worker == scope->home ? &scope->local : &scope->parts[worker->index - 1];

    weir__scope_hold(scope);
    weir__list_push_back(&part->members, &task->member);
    if (weir__scope_cancelled(scope))
        weir__task_cancel(task);
}

void weir__scope_hold(struct weir__scope *scope)
{
    (void)WEIR_ATOMIC_ADD(&scope->count, 1, RELAXED);
}

bool weir__scope_hold_living(struct weir__scope *scope)
{
    uint64_t count = WEIR_ATOMIC_LOAD(&scope->count, RELAXED);

    while (count != 0) {
        if (WEIR_ATOMIC_CAS(&scope->count, &count, count + 1, SEQ_CST))
            return true;
    }
    return false;
}

void weir__scope_release(struct weir__scope *scope)
{
    struct weir__task *owner = scope->owner;
    struct weir__runtime *runtime = scope->home->runtime;

    if (WEIR_ATOMIC_SUB(&scope->count, 1, SEQ_CST) != 1)
        return;
    if (owner)
        weir__task_wake(owner);
    else
        weir__runtime_stop(runtime);
}

static bool counts(const struct weir__scope *scope, int result)
{
    if (scope->policy == WEIR_SCOPE_FIRST_DONE)
        return true;
    return scope->policy == WEIR_SCOPE_FIRST_SUCCESS ? result >= 0 : result < 0;
}

void weir__scope_leave(struct weir__scope *scope, int result)
{
    uint32_t open = SCOPE_OPEN;

    if (counts(scope, result)) {
        if (WEIR_ATOMIC_EXCHANGE(&scope->decided, SCOPE_DECIDED, SEQ_CST) != SCOPE_DECIDED)
            scope->result = result;
        if (scope->policy != WEIR_SCOPE_ALL)
            weir__scope_cancel(scope);
    } else if (scope->policy == WEIR_SCOPE_FIRST_SUCCESS
               && WEIR_ATOMIC_CAS(&scope->decided, &open, SCOPE_FAILED, SEQ_CST)) {
        scope->failure = result;
    }
    weir__scope_release(scope);
}

/* ---- cancellation ---- */

static void cancel_members(struct weir__scope_part *part)
{
    struct weir__list *link;

    for (link = part->members.next; link != &part->members; link = link->next)
        weir__task_cancel(WEIR_CONTAINER_OF(link, struct weir__task, member));
}

static void deliver_cancel(weir_post *post, weir_loop *loop)
{
    struct weir__scope_part *part = WEIR_CONTAINER_OF(post, struct weir__scope_part, post);

    (void)loop;
    cancel_members(part);
    weir__scope_release(part->scope);
}

/* On the calling worker. What the members have open is cancelled after them, one scope after
 * another: however deep scopes lie in each other, the caller's stack is enough. */
static void cancel_here(struct weir__scope_part *part, struct weir__worker *worker)
{
    part->post.weir__next = worker->cancels;
    worker->cancels = &part->post;
    if (worker->cancelling)
        return;
    worker->cancelling = true;
    while (worker->cancels) {
        weir_post *post = worker->cancels;

        worker->cancels = post->weir__next;
        deliver_cancel(post, worker->loop);
    }
    worker->cancelling = false;
}

static void cancel_part(struct weir__scope_part *part, struct weir__worker *worker)
{
    weir__scope_hold(part->scope);
    if (weir__current_worker() == worker) {
        cancel_here(part, worker);
        return;
    }
    part->post.deliver = deliver_cancel;
    weir_loop_post(worker->loop, &part->post);
}

void weir__scope_cancel(struct weir__scope *scope)
{
    struct weir__runtime *runtime = scope->home->runtime;
    struct weir__scope_part *parts;
    uint32_t i;

    if (WEIR_ATOMIC_EXCHANGE(&scope->cancelled, 1, SEQ_CST))
        return;
    weir__scope_hold(scope);
    cancel_part(&scope->local, scope->home);
    parts = WEIR_ATOMIC_LOAD(&scope->parts, ACQUIRE);
    for (i = 0; parts && i < weir__runtime_workers(runtime); i++) {
        struct weir__worker *worker = weir__runtime_worker(runtime, i + 1);

        if (worker != scope->home)
            cancel_part(&parts[i], worker);
    }
    weir__scope_release(scope);
}

void weir_scope_cancel(weir_scope *scope)
{
    WEIR__CALL;

    weir__scope_cancel(weir__scope_of(scope));
}

/* ---- placing a task on another worker ---- */

int weir__scope_make_parts(struct weir__scope *scope)
{
    uint32_t i, count = weir__runtime_workers(scope->home->runtime);
    struct weir__scope_part *parts, *none = NULL;

    if (WEIR_ATOMIC_LOAD(&scope->parts, ACQUIRE))
        return 0;
    parts = weir__calloc(count, sizeof *parts);
    if (!parts)
        return WEIR_ENOMEM;
    for (i = 0; i < count; i++) {
        parts[i].scope = scope;
        weir__list_init(&parts[i].members);
    }
    if (!WEIR_ATOMIC_CAS(&scope->parts, &none, parts, SEQ_CST))
        weir__free(parts);
    return 0;
}

static void deliver_start(weir_post *post, weir_loop *loop)
{
    struct start *start = WEIR_CONTAINER_OF(post, struct start, post);
    void *arg = start->options.copy_size ? start->copy : start->arg;
    int rc;

    (void)loop;
    if (start->worker->drive)
        weir__drive_expect(start->worker->drive, start->life);
    rc = weir__task_start_with(start->worker, start->scope, start->fn, arg, &start->options,
                               &start->outfit);
    if (rc < 0 && start->outfit.record)
        (void)weir__record_end(start->outfit.record, rc);
    start->outfit.record = NULL;
    if (rc < 0) {
        if (start->outfit.refused)
            start->outfit.refused(arg, rc);
        weir__outfit_drop(&start->outfit);
        weir__scope_leave(start->scope, rc);
    } else {
        weir__scope_release(start->scope);
    }
    weir__free(start);
}

int weir__scope_spawn_on(struct weir__scope *scope, struct weir__worker *worker, weir_task_fn *fn,
                         void *arg, const struct weir_spawn_options *options,
                         const struct weir__outfit *outfit)
{
    struct start *start;
    int rc = weir__scope_make_parts(scope);

    if (rc < 0)
        return rc;
    start = weir__alloc(sizeof *start + options->copy_size);
    if (!start)
        return WEIR_ENOMEM;
    start->worker = worker;
    start->scope = scope;
    start->fn = fn;
    start->arg = arg;
    start->options = *options;
    start->outfit = outfit ? *outfit : (struct weir__outfit){0};
    if (options->copy_size)
        memcpy(start->copy, arg, options->copy_size);
    start->life =
        worker->drive && weir__current_worker() ? weir__drive_birth(worker->drive, scope) : 0;
    start->post.deliver = deliver_start;
    weir__scope_hold(scope);
    weir_loop_post(worker->loop, &start->post);
    return 0;
}

/* ---- opening and joining ---- */

int weir_scope_open_n(weir_scope *public, const struct weir_scope_options *options,
                      size_t options_size)
{
    WEIR__CALL;
    struct weir__scope *scope = weir__scope_of(public);
    struct weir__task *task = weir__task_current();
    struct weir_scope_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (!task)
        return WEIR_ENOTASK;
    if (o.policy > WEIR_SCOPE_FIRST_DONE || o.limit_ns < 0 || o.collected > WEIR_OFF)
        return WEIR_EOPTION;
    weir__scope_init(scope, task->worker, task);
    scope->policy = (uint8_t)o.policy;
    scope->shielded = task->shields != 0;
    scope->collected = o.collected == WEIR_ON;
    if (o.token.id)
        rc = weir__token_bind(o.token, scope);
    if (rc < 0)
        return rc;
    scope->deadline_ns = task->deadline_ns;
    if (o.limit_ns && o.limit_ns != WEIR_FOREVER) {
        uint64_t own_ns = weir__now_ns() + (uint64_t)o.limit_ns;

        if (own_ns < scope->deadline_ns)
            scope->deadline_ns = own_ns;
    }
    weir__task_open_scope(task, scope);
    return 0;
}

static void await_all(struct weir__scope *scope, struct weir__task *task)
{
    while (WEIR_ATOMIC_LOAD(&scope->count, SEQ_CST) != 0)
        weir__task_suspend(task);
}

void weir__scope_fini(struct weir__scope *scope)
{
    if (scope->ledger)
        weir__ledger_close(scope->ledger);
    weir__free(scope->parts);
}

int weir_scope_join(weir_scope *public)
{
    WEIR__CALL;
    struct weir__scope *scope = weir__scope_of(public);
    struct weir__task *task = weir__task_current();
    struct weir__blocked blocked;

    if (!task)
        return WEIR_ENOTASK;
    WEIR_ASSERT(scope->owner == task);
    (void)weir__task_spend(task);
    (void)WEIR_ATOMIC_SUB(&scope->count, 1, SEQ_CST);
    weir__task_waits_for(task, "join");
    weir__deadlock_enter(&blocked, &(struct weir__want){WANT_SCOPE, scope, NULL}, NULL, task);
    await_all(scope, task);
    weir__deadlock_leave(&blocked);
    /* a token may still be cancelling it, and strands that nobody is in have tasks of their own */
    if (scope->token)
        weir__token_unbind(scope);
    if (scope->ledger)
        weir__strand_close_all(scope->ledger);
    await_all(scope, task);
    weir__task_close_scope(task, scope);
    weir__scope_fini(scope);
    return scope->decided == SCOPE_FAILED ? scope->failure : scope->result;
}
