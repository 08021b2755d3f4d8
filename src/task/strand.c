/* task/strand.c - see strand.h and <weir/strand.h>.
 *
 * A strand is a lock that is handed on. Who has it (`owned`) gives it to the next under the small
 * lock of the struct, which is held for a few instructions and never while anything runs. Those who
 * wait are in two queues: posts and callers, as waiters, and runnable tasks of the strand, by the
 * link with which they would stand in a run queue. A task of a strand that becomes runnable is
 * stopped on its way to the scheduler (weir__strand_admit) unless the strand is free; one that
 * leaves its stack gives the strand away (weir__strand_leave).
 *
 * Posts are run by the strand's own task, the runner. It has to be told of the first one, and takes
 * the next ones itself as long as it is their turn. It is not stopped by a cancel or a deadline.
 *
 * A strand that is owned counts once in its scope, which is therefore open. The runner, which
 * waits most of the time, does not count until the strand is closed; it ends when nobody is in the
 * strand and no task of the strand is left, and releases it. Memory is a pool's: who holds an old
 * handle may look.
 *
 * No lock is taken inside that of a strand.
 */
#include "task/strand.h"

#include <weir/strand.h>

#include "base/container.h"
#include "base/options.h"
#include "core/pool.h"
#include "sys/current.h"
#include "task/deadlock.h"
#include "task/grant.h"
#include "task/record.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/worker.h"

#define POSTS_MAX  65536u
#define IN_ROW_MAX 16u /* posts and calls before a task that waits has its turn */
#define BUDGET     64u /* posts before other tasks of the worker have theirs */

struct weir__strand_post {
    struct weir__waiter waiter; /* in the strand's entrants; data: the post */
    weir_strand_fn *fn;
    void *arg;
    struct weir__strand_post *next; /* in a cache; the pool's while the post is there */
};

struct weir__strand {
    uint32_t lock;
    bool open;
    bool owned;
    uint32_t in_row;
    uint32_t posted; /* posts that wait */
    uint32_t posts_max;
    uint32_t members; /* tasks of the strand that have not ended */
    uintptr_t holder; /* who has it; 0: nobody, or the runner is on its way */
    uint64_t id;
    struct weir__scope *scope;
    struct weir__runtime *runtime;
    struct weir__ledger *ledger;
    struct weir__list listed;    /* in the ledger */
    struct weir__waitq entrants; /* data: a post, or the caller as a holder; count: enum entrant */
    struct weir__queue tasks;
    struct weir__strand_post *given; /* to the runner, who has the strand then */
    struct weir__waitq runner;       /* while it waits */
    void *spare;                     /* the pool's while the strand is free */
};

enum entrant {
    ENTRANT_CALLER,
    ENTRANT_POST
};

static struct weir__pool strands = WEIR__POOL(struct weir__strand);
static struct weir__pool posts = WEIR__POOL(struct weir__strand_post);

static struct weir__strand *enter(weir_strand handle)
{
    return weir__named_lock(handle.id, WEIR__KIND_STRAND);
}

/* ---- posts ---- */

static struct weir__strand_post *take_post(void)
{
    struct weir__worker *worker = weir__current_worker();
    struct weir__strand_post *post = worker ? worker->strand_posts.first : NULL;

    if (!post)
        return weir__pool_take(&posts);
    worker->strand_posts.first = post->next;
    worker->strand_posts.count--;
    return post;
}

static void give_post(struct weir__strand_post *post)
{
    struct weir__worker *worker = weir__current_worker();

    if (!worker || worker->strand_posts.count == WEIR__STRAND_POSTS_CACHED) {
        weir__pool_give(&posts, post);
        return;
    }
    post->next = worker->strand_posts.first;
    worker->strand_posts.first = post;
    worker->strand_posts.count++;
}

void weir__strand_cache_fini(struct weir__strand_cache *cache)
{
    while (cache->first) {
        struct weir__strand_post *post = cache->first;

        cache->first = post->next;
        weir__pool_give(&posts, post);
    }
    cache->count = 0;
}

/* ---- who has the strand: all under its lock ---- */

static void set_holder(struct weir__strand *strand, uintptr_t holder)
{
    WEIR_ATOMIC_STORE(&strand->holder, holder, RELAXED); /* partner: has */
}

/* Whether the caller has the strand: only he can have made it so. Without the lock too. */
static bool has(const struct weir__strand *strand, uintptr_t self)
{
    return WEIR_ATOMIC_LOAD(&strand->holder, RELAXED) == self;
}

static bool acquire(struct weir__strand *strand, uintptr_t self)
{
    if (strand->owned)
        return false;
    strand->owned = true;
    set_holder(strand, self);
    weir__scope_hold(strand->scope);
    return true;
}

static bool finished(const struct weir__strand *strand)
{
    return !strand->open && !strand->owned && strand->members == 0;
}

/* Lets the runner look, if it waits. */
static struct weir__wakee rouse_runner(struct weir__strand *strand)
{
    struct weir__waiter *waiter = weir__claim_first(&strand->runner);

    return waiter ? weir__waiter_grant(waiter, 0) : (struct weir__wakee){0};
}

/* What is to be done, without the lock, when the strand has been handed on. */
struct handover {
    struct weir__wakee wakee;
    struct weir__task *task;        /* of the strand; or NULL */
    struct weir__scope *scope;      /* in which the strand does not count any more; or NULL */
    struct weir__strand_post *post; /* for the runner; or NULL */
    struct weir__runtime *visited;
};

static void hand_to_entrant(struct weir__strand *strand, struct weir__waiter *waiter,
                            struct handover *h)
{
    (void)weir__waiter_claim(&strand->entrants, waiter); /* there are no selects in this queue */
    strand->in_row++;
    if (waiter->count == ENTRANT_POST) {
        h->post = waiter->data;
        strand->posted--;
        set_holder(strand, 0);
    } else {
        set_holder(strand, (uintptr_t)waiter->data);
        h->wakee = weir__waiter_grant(waiter, 0);
    }
}

/* Gives the strand, which is owned, to the next. */
static struct handover hand_on(struct weir__strand *strand)
{
    struct handover h = {.visited = weir__runtime_visit_other(strand->runtime)};
    struct weir__waiter *waiter = weir__waitq_first(&strand->entrants);
    bool tasks = !weir__queue_empty(&strand->tasks);

    if (waiter && !(tasks && strand->in_row >= IN_ROW_MAX)) {
        hand_to_entrant(strand, waiter, &h);
    } else if (tasks) {
        h.task = WEIR_CONTAINER_OF(weir__queue_pop(&strand->tasks), struct weir__task, ready);
        strand->in_row = 0;
        set_holder(strand, weir__holder(h.task));
    } else {
        strand->owned = false;
        set_holder(strand, 0);
        h.scope = strand->scope;
        if (finished(strand))
            h.wakee = rouse_runner(strand);
    }
    return h;
}

/* By all but the runner, who keeps a post that it gets: unlocks the strand and does the rest. */
static void complete(struct weir__strand *strand, struct handover *h)
{
    if (h->post) {
        strand->given = h->post;
        h->wakee = rouse_runner(strand);
    }
    weir__unlock(&strand->lock);
    weir__wake(h->wakee);
    if (h->task)
        weir__sched_place(h->task, true); /* behind the others */
    if (h->scope)
        weir__scope_release(h->scope);
    weir__runtime_leave_other(h->visited);
}

static void pass(struct weir__strand *strand)
{
    struct handover h;

    weir__lock(&strand->lock);
    h = hand_on(strand);
    complete(strand, &h);
}

/* ---- tasks ---- */

bool weir__strand_admit(struct weir__task *task)
{
    struct weir__strand *strand = task->strand;
    bool admitted;

    weir__lock(&strand->lock);
    admitted = acquire(strand, weir__holder(task));
    if (!admitted)
        weir__queue_push(&strand->tasks, &task->ready);
    weir__unlock(&strand->lock);
    return admitted;
}

void weir__strand_leave(struct weir__task *task)
{
    if (has(task->strand, weir__holder(task))) /* else it comes back from another strand */
        pass(task->strand);
}

void weir__strand_forget(struct weir__strand *strand)
{
    struct weir__wakee wakee = {0};

    weir__lock(&strand->lock);
    strand->members--;
    if (finished(strand))
        wakee = rouse_runner(strand);
    weir__unlock(&strand->lock);
    weir__wake(wakee);
}

int weir_strand_spawn_n(weir_strand handle, weir_task_fn *fn, void *arg,
                        const struct weir_spawn_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_spawn_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);
    struct weir__worker *here = weir__current_worker(), *worker = here;
    struct weir__runtime *runtime = weir__runtime_here();
    struct weir__strand *strand;
    struct weir__scope *scope;

    if (rc < 0)
        return rc;
    if (!runtime)
        return WEIR_ENOTASK;
    rc = weir__spawn_options_check(&o, weir__runtime_workers(runtime));
    if (rc < 0)
        return rc;
    strand = enter(handle);
    if (!strand)
        return WEIR_EBADHANDLE;
    scope = strand->scope;
    if (strand->runtime != runtime)
        rc = WEIR_EINVAL;
    else if (weir__scope_cancelled(scope))
        rc = WEIR_ECANCELED;
    if (rc == 0) {
        strand->members++;
        weir__scope_hold(scope);
    }
    weir__unlock(&strand->lock);
    if (rc < 0)
        return rc;
    if (o.worker)
        worker = weir__runtime_worker(runtime, o.worker);
    else if (!here)
        worker = weir__runtime_next_worker(runtime);
    rc = weir__task_spawn(here, worker, scope, fn, arg, &o, strand);
    weir__scope_release(scope);
    return rc;
}

/* ---- the runner ---- */

/* Waits for a post, with which the strand is the runner's; NULL: the strand has ended. */
static struct weir__strand_post *await_post(struct weir__strand *strand, struct weir__task *task)
{
    struct weir__strand_post *post;

    weir__lock(&strand->lock);
    for (;;) {
        struct weir__waiter *waiter;

        post = strand->given;
        if (post || finished(strand))
            break;
        waiter = weir__waiter_begin(NULL, "work of a strand");
        weir__waitq_push(&strand->runner, waiter);
        weir__unlock(&strand->lock);
        while (WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) != WAITER_GRANTED)
            weir__task_suspend(task);
        weir__lock(&strand->lock);
    }
    strand->given = NULL;
    if (post)
        set_holder(strand, weir__holder(task));
    weir__unlock(&strand->lock);
    return post;
}

/* Hands the strand on: the next post, if it stays the runner's. */
static struct weir__strand_post *next_post(struct weir__strand *strand, struct weir__task *task)
{
    struct weir__strand_post *post;
    struct handover h;

    weir__lock(&strand->lock);
    h = hand_on(strand);
    post = h.post;
    h.post = NULL;
    if (post)
        set_holder(strand, weir__holder(task));
    complete(strand, &h);
    return post;
}

static void run_post(struct weir__strand_post *post)
{
    weir_strand_fn *fn = post->fn;
    void *arg = post->arg;

    give_post(post);
    weir__current_leave();
    fn(arg);
    weir__current_enter();
}

static void run_posts(struct weir__strand *strand, struct weir__strand_post *post,
                      struct weir__task *task)
{
    uint32_t count = 0;

    while (post) {
        run_post(post);
        if (++count % BUDGET == 0)
            weir__task_yield(task);
        post = next_post(strand, task);
    }
}

/* Nobody is in it any more; the scope is held by the runner, which counts since the close. */
static void release(struct weir__strand *strand)
{
    struct weir__ledger *ledger = strand->ledger;

    weir__lock(&ledger->lock);
    weir__list_remove(&strand->listed);
    weir__unlock(&ledger->lock);
    weir__pool_give(&strands, strand);
}

static int run(void *arg)
{
    WEIR__CALL;
    struct weir__strand *strand = arg;
    struct weir__task *task = weir__task_current();
    struct weir__strand_post *post;

    task->uncounted = true; /* its end is none of the scope's tasks' */
    task->inside = strand;
    while ((post = await_post(strand, task)))
        run_posts(strand, post, task);
    release(strand);
    return 0;
}

/* ---- opening and closing ---- */

static struct weir__strand *make(struct weir__scope *scope, struct weir__ledger *ledger,
                                 const struct weir_strand_options *o)
{
    struct weir__strand *strand = weir__pool_take(&strands);

    if (!strand)
        return NULL;
    weir__lock(&strand->lock); /* who holds an old handle may look */
    strand->open = true;
    strand->owned = false;
    strand->in_row = strand->posted = strand->members = 0;
    strand->posts_max = o->posts_max ? o->posts_max : POSTS_MAX;
    strand->id = 0;
    set_holder(strand, 0);
    strand->scope = scope;
    strand->runtime = scope->home->runtime;
    strand->ledger = ledger;
    weir__queue_init(&strand->tasks);
    strand->given = NULL;
    weir__unlock(&strand->lock);
    weir__lock(&ledger->lock);
    weir__list_push_back(&ledger->strands, &strand->listed);
    weir__unlock(&ledger->lock);
    return strand;
}

int weir_strand_open_n(weir_scope *public, weir_strand *out,
                       const struct weir_strand_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_strand_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);
    struct weir_spawn_options runner = {.name = o.name ? o.name : "strand",
                                        .stack_size = o.stack_size};
    struct weir__scope *scope = weir__scope_of(public);
    struct weir__worker *worker = weir__current_worker();
    struct weir__ledger *ledger;
    struct weir__strand *strand;

    if (rc < 0)
        return rc;
    if (!worker)
        return WEIR_ENOTASK;
    if (weir__scope_cancelled(scope))
        return WEIR_ECANCELED;
    ledger = weir__ledger_of(scope);
    strand = ledger ? make(scope, ledger, &o) : NULL;
    if (!strand)
        return WEIR_ENOMEM;
    rc = weir__handle_make(WEIR__KIND_STRAND, strand, &strand->id);
    if (rc < 0) {
        release(strand);
        return rc;
    }
    rc = weir__task_start(worker, scope, run, strand, &runner);
    if (rc < 0) {
        weir__handle_free(strand->id);
        release(strand);
        return rc;
    }
    out->id = strand->id;
    weir__scope_release(scope); /* the runner waits, and does not count */
    return 0;
}

void weir_strand_close(weir_strand handle)
{
    WEIR__CALL;
    struct weir__strand *strand = enter(handle);
    struct weir__wakee wakee = {0};

    if (!strand)
        return;
    weir__handle_free(strand->id);
    strand->open = false;
    weir__scope_hold(strand->scope); /* for the runner, until it has ended */
    if (finished(strand))
        wakee = rouse_runner(strand);
    weir__unlock(&strand->lock);
    weir__wake(wakee);
}

/* A strand of the ledger that is still to be closed: its handle, or none. */
static weir_strand next_to_close(struct weir__ledger *ledger)
{
    struct weir__list *link;
    weir_strand handle = {0};

    weir__lock(&ledger->lock);
    link = weir__list_pop_front(&ledger->strands);
    if (link) {
        handle.id = WEIR_CONTAINER_OF(link, struct weir__strand, listed)->id;
        weir__list_push_back(&ledger->closing, link);
    }
    weir__unlock(&ledger->lock);
    return handle;
}

void weir__strand_close_all(struct weir__ledger *ledger)
{
    weir_strand handle;

    while ((handle = next_to_close(ledger)).id)
        weir_strand_close(handle);
}

/* ---- using it ---- */

int weir_strand_post(weir_strand handle, weir_strand_fn *fn, void *arg)
{
    WEIR__CALL;
    struct weir__strand_post *post = take_post();
    struct weir__strand *strand;
    struct weir__wakee wakee = {0};
    int rc = 0;

    if (!post)
        return WEIR_ENOMEM;
    post->fn = fn;
    post->arg = arg;
    strand = enter(handle);
    if (!strand) {
        rc = WEIR_EBADHANDLE;
    } else if (acquire(strand, 0)) {
        strand->given = post;
        strand->in_row = 1;
        wakee = rouse_runner(strand);
    } else if (strand->posted == strand->posts_max) {
        rc = WEIR_ELIMIT;
    } else {
        post->waiter = (struct weir__waiter){.data = post, .count = ENTRANT_POST};
        weir__waitq_push(&strand->entrants, &post->waiter);
        strand->posted++;
    }
    if (strand)
        weir__unlock(&strand->lock);
    weir__wake(wakee);
    if (rc < 0)
        give_post(post);
    return rc;
}

static int call(weir_task_fn *fn, void *arg)
{
    int rc;

    weir__current_leave();
    rc = fn(arg);
    weir__current_enter();
    return rc;
}

/* Calls it in the strand, which the caller has already. A task of the strand does not give it away
 * meanwhile. */
static int call_inside(struct weir__task *task, weir_task_fn *fn, void *arg)
{
    struct weir__strand *own = NULL;
    int rc;

    if (task) {
        own = task->strand;
        task->strand = NULL;
    }
    rc = call(fn, arg);
    if (task)
        task->strand = own;
    return rc;
}

/* Calls it in the strand, which the caller has got, and hands it on. */
static int call_in(struct weir__strand *strand, struct weir__task *task, weir_task_fn *fn,
                   void *arg)
{
    struct weir__strand *outer = NULL;
    int rc;

    if (task) {
        outer = task->inside;
        task->inside = strand;
    }
    rc = call(fn, arg);
    if (task)
        task->inside = outer;
    pass(strand);
    return rc;
}

/* Waits for the strand, which is locked, and calls. Unlocks it. */
static int wait_and_call(struct weir__strand *strand, struct weir__task *task, weir_task_fn *fn,
                         void *arg)
{
    struct weir__waiter own, *waiter = NULL;
    struct weir__strand *left = task ? task->strand : NULL;
    uintptr_t self = weir__holder(task);
    int rc = 0;

    if (!acquire(strand, self)) {
        waiter = weir__waiter_begin(&own, "strand");
        waiter->data = (void *)self;
        waiter->count = ENTRANT_CALLER;
        weir__waitq_push(&strand->entrants, waiter);
    }
    weir__unlock(&strand->lock);
    if (left) { /* so that no task has one strand and waits for another */
        task->strand = NULL;
        pass(left);
    }
    if (waiter)
        rc = weir__waiter_wait(waiter, &strand->entrants, &strand->lock);
    if (rc == 0)
        rc = call_in(strand, task, fn, arg);
    if (left) {
        task->strand = left;
        weir__task_yield(task); /* until it is let in again */
    }
    return rc;
}

int weir_strand_run(weir_strand handle, weir_task_fn *fn, void *arg)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    struct weir__strand *strand;
    int rc = weir__leaf_of(task);

    if (rc < 0)
        return rc;
    strand = enter(handle);
    if (!strand)
        return WEIR_EBADHANDLE;
    if (!has(strand, weir__holder(task)))
        return wait_and_call(strand, task, fn, arg);
    weir__unlock(&strand->lock);
    return call_inside(task, fn, arg);
}

weir_strand weir_strand_current(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    return (weir_strand){task && task->inside ? task->inside->id : 0};
}

bool weir_strand_inside(weir_strand handle)
{
    WEIR__CALL;
    const struct weir__strand *strand = weir__handle_peek(handle.id, WEIR__KIND_STRAND);

    return strand && has(strand, weir__holder(weir__task_current()))
           && weir__handle_open(handle.id);
}
