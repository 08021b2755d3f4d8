/* core/offload.c - see offload.h and <weir/blocking.h>.
 *
 * A class's lock guards all of it. No thread is made, woken or joined under it: what is to be done
 * is decided under the lock, as a `summons`, and done after.
 *
 * Threads have an epoch. Who ends the pool raises it and joins those before it, while a new user of
 * the pool may already be making others.
 */
#include "core/offload.h"

#include <string.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "base/container.h"
#include "base/options.h"
#include "sys/lock.h"

#define THREADS_DEFAULT    256
#define THREADS_FILES      64
#define THREADS_NAMES      32
#define QUEUE_DEFAULT      65536
#define KEEP_ALIVE_DEFAULT WEIR_SECONDS(10)
#define STACK_MIN          16384
#define NAME_BYTES         16

enum {
    BUILT_IN = 3
};

struct group;

/* A thread of the pool. `link` is in the class's list of threads or of ended ones, or in the list
 * of who joins it. */
struct pool_thread {
    struct weir__list link;
    struct weir__list idle; /* in the class's list of idle ones */
    struct group *group;
    uint32_t epoch;
    uint32_t word; /* 1: summoned, or to end; parked on */
    bool summoned; /* it is the one on its way; guarded by the lock */
    struct weir__thread thread;
};

struct group {
    uint32_t lock;
    uint32_t ready; /* the lists are initialised */
    struct weir__list queue;
    struct weir__list idle; /* newest first: the others get old enough to end */
    struct weir__list threads;
    struct weir__list ended; /* to be joined by whoever makes the next */
    uint32_t epoch;
    bool on_its_way; /* a thread that will look at the queue */
    struct weir_blocking_counts counts;
    struct weir_blocking_options limits; /* the name is elsewhere */
    char name[NAME_BYTES];
} __attribute__((aligned(64)));

#define GROUP(name_, threads_)                                                                     \
    {                                                                                              \
        .limits = {.threads_max = (threads_),                                                      \
                   .queue_max = QUEUE_DEFAULT,                                                     \
                   .keep_alive_ns = KEEP_ALIVE_DEFAULT},                                           \
        .name = name_                                                                              \
    }

static struct group groups[WEIR_BLOCKING_CLASSES_MAX] = {
    [WEIR_BLOCKING_USER] = GROUP("weir-user", THREADS_DEFAULT),
    [WEIR_BLOCKING_FILES] = GROUP("weir-files", THREADS_FILES),
    [WEIR_BLOCKING_NAMES] = GROUP("weir-names", THREADS_NAMES),
};

static uint32_t group_count = BUILT_IN; /* grows under make_lock; partner: find */
static uint32_t make_lock;
static uint32_t hold_lock;
static uint32_t holders; /* guarded by hold_lock */

static struct group *find(uint32_t group)
{
    return group < WEIR_ATOMIC_LOAD(&group_count, ACQUIRE) ? &groups[group] : NULL;
}

static void lock(struct group *group)
{
    weir__lock(&group->lock);
    if (group->ready)
        return;
    group->ready = true;
    weir__list_init(&group->queue);
    weir__list_init(&group->idle);
    weir__list_init(&group->threads);
    weir__list_init(&group->ended);
}

static void unlock(struct group *group)
{
    weir__unlock(&group->lock);
}

/* ---- summoning a thread ---- */

struct summons {
    struct pool_thread *sleeper; /* to be woken */
    bool start;                  /* a thread is to be made */
    uint32_t epoch;              /* at that time */
};

/* Under the lock: who comes for the jobs in the queue, unless somebody comes already. */
static struct summons summon(struct group *group)
{
    struct summons summons = {.epoch = group->epoch};
    struct weir__list *link;

    if (group->on_its_way || weir__list_empty(&group->queue))
        return summons;
    link = weir__list_pop_front(&group->idle);
    if (link) {
        summons.sleeper = WEIR_CONTAINER_OF(link, struct pool_thread, idle);
        summons.sleeper->summoned = true;
        group->counts.idle--;
    } else if (group->counts.threads < group->limits.threads_max) {
        summons.start = true;
        group->counts.threads++;
        group->counts.started++;
    } else {
        return summons;
    }
    group->on_its_way = true;
    return summons;
}

static void wake(struct pool_thread *thread)
{
    WEIR_ATOMIC_STORE(&thread->word, 1, SEQ_CST); /* partner: rest */
    weir__sys_table()->unpark(&thread->word, 1);
}

static void join(struct weir__list *threads)
{
    struct weir__list *link;

    while ((link = weir__list_pop_front(threads))) {
        struct pool_thread *thread = WEIR_CONTAINER_OF(link, struct pool_thread, link);

        weir__sys_table()->thread_join(&thread->thread);
        weir__free(thread);
    }
}

/* No thread could be made. Others that exist come to the queue by themselves; without any, its jobs
 * are told. */
static void cannot_start(struct group *group, int error)
{
    struct weir__list refused, *link;
    struct summons summons = {0};

    weir__list_init(&refused);
    lock(group);
    group->counts.threads--;
    group->counts.started--;
    group->on_its_way = false;
    if (!weir__list_empty(&group->idle)) {
        summons = summon(group);
    } else if (group->counts.threads == 0) {
        weir__list_splice(&refused, &group->queue);
        group->counts.refused += group->counts.queued;
        group->counts.queued = 0;
        for (link = refused.next; link != &refused; link = link->next)
            WEIR_CONTAINER_OF(link, struct weir__job, link)->state = JOB_BEGUN;
    }
    unlock(group);
    if (summons.sleeper)
        wake(summons.sleeper);
    while ((link = weir__list_pop_front(&refused))) {
        struct weir__job *job = WEIR_CONTAINER_OF(link, struct weir__job, link);

        job->error = error;
        job->finish(job);
    }
}

static void serve(void *arg);

static void carry_out(struct group *group, struct summons summons);

/* Adds the thread that is to be made to the class. False: those who wanted it have gone; others may
 * have come, for whom *anew is. */
static bool enlist(struct group *group, struct pool_thread *thread, struct summons summons,
                   struct summons *anew)
{
    struct weir__list ended;
    bool wanted;

    weir__list_init(&ended);
    lock(group);
    wanted = summons.epoch == group->epoch;
    if (wanted) {
        weir__list_splice(&ended, &group->ended);
        weir__list_push_back(&group->threads, &thread->link);
        thread->group = group;
        thread->summoned = true;
        thread->epoch = group->epoch;
        thread->thread.stack_size = group->limits.stack_size;
    } else {
        group->counts.threads--;
        group->counts.started--;
        group->on_its_way = false;
        *anew = summon(group);
    }
    unlock(group);
    join(&ended);
    return wanted;
}

static void start(struct group *group, struct summons summons)
{
    struct pool_thread *thread = weir__calloc(1, sizeof *thread);
    struct summons anew;
    int rc;

    if (!thread) {
        cannot_start(group, WEIR_ENOMEM);
        return;
    }
    if (!enlist(group, thread, summons, &anew)) {
        weir__free(thread);
        carry_out(group, anew);
        return;
    }
    rc = weir__sys_table()->thread_start(&thread->thread, serve, thread, group->name);
    if (rc < 0) {
        lock(group);
        weir__list_remove(&thread->link);
        unlock(group);
        weir__free(thread);
        cannot_start(group, rc);
    }
}

static void carry_out(struct group *group, struct summons summons)
{
    if (summons.sleeper)
        wake(summons.sleeper);
    else if (summons.start)
        start(group, summons);
}

/* ---- a thread ---- */

/* Ends the account of the job before and takes the next one; without one the thread is idle, or has
 * to end. */
static struct weir__job *take(struct pool_thread *thread, bool has_run, bool *ends)
{
    struct group *group = thread->group;
    struct weir__job *job = NULL;
    struct weir__list *link;
    struct summons summons;

    lock(group);
    group->counts.running -= has_run;
    group->counts.done += has_run;
    if (thread->summoned)
        thread->summoned = group->on_its_way = false;
    WEIR_ATOMIC_STORE(&thread->word, 0, RELAXED);
    *ends = thread->epoch != group->epoch || group->counts.threads > group->limits.threads_max;
    if (*ends) {
        group->counts.threads--;
        if (thread->epoch == group->epoch) {
            weir__list_remove(&thread->link);
            weir__list_push_back(&group->ended, &thread->link);
        }
    } else if ((link = weir__list_pop_front(&group->queue))) {
        job = WEIR_CONTAINER_OF(link, struct weir__job, link);
        job->state = JOB_BEGUN;
        group->counts.queued--;
        group->counts.running++;
    } else {
        weir__list_push_front(&group->idle, &thread->idle);
        group->counts.idle++;
    }
    summons = summon(group);
    unlock(group);
    carry_out(group, summons);
    return job;
}

/* Idle until it is summoned: true. False: it has been idle for long, and ends. */
static bool rest(struct pool_thread *thread)
{
    struct group *group = thread->group;
    int64_t keep_ns = WEIR_ATOMIC_LOAD(&group->limits.keep_alive_ns, RELAXED);
    bool ends;

    while (!WEIR_ATOMIC_LOAD(&thread->word, SEQ_CST)) {
        if (weir__sys_table()->park(&thread->word, 0, keep_ns == WEIR_FOREVER ? -1 : keep_ns)
            != WEIR_ETIMEDOUT)
            continue;
        lock(group);
        ends = weir__list_linked(&thread->idle) && thread->epoch == group->epoch;
        if (ends) {
            weir__list_remove(&thread->idle);
            weir__list_remove(&thread->link);
            weir__list_push_back(&group->ended, &thread->link);
            group->counts.idle--;
            group->counts.threads--;
        }
        unlock(group);
        if (ends)
            return false;
    }
    return true;
}

static void serve(void *arg)
{
    struct pool_thread *thread = arg;
    struct weir__job *job = NULL, *before;
    bool ends = false;

    do {
        before = job;
        job = take(thread, before != NULL, &ends);
        if (before)
            before->finish(before);
        if (job)
            job->run(job);
    } while (job || (!ends && rest(thread)));
}

/* ---- jobs ---- */

int (*weir__offload_hire)(uint32_t group);

/* Takes one of the first jobs, which is there if it was not withdrawn meanwhile. */
static struct weir__job *take_one(struct group *group, uint32_t pick)
{
    struct weir__list *link = group->queue.next;
    struct weir__job *job;

    if (weir__list_empty(&group->queue))
        return NULL;
    for (pick %= group->counts.queued; pick; pick--)
        link = link->next;
    weir__list_remove(link);
    job = WEIR_CONTAINER_OF(link, struct weir__job, link);
    job->state = JOB_BEGUN;
    group->counts.queued--;
    group->counts.running++;
    return job;
}

void weir__offload_run_one(uint32_t number, uint32_t pick)
{
    struct group *group = &groups[number];
    struct weir__job *job;

    lock(group);
    job = take_one(group, pick);
    unlock(group);
    if (!job)
        return;
    job->run(job);
    lock(group);
    group->counts.running--;
    group->counts.done++;
    unlock(group);
    job->finish(job);
}

int weir__offload_submit(uint32_t number, struct weir__job *job)
{
    struct group *group = find(number);
    struct summons summons;

    if (!group)
        return WEIR_EINVAL;
    job->state = JOB_QUEUED;
    job->group = (uint8_t)number;
    job->error = 0;
    if (weir__offload_hire) {
        int rc = weir__offload_hire(number);

        if (rc < 0)
            return rc;
    }
    lock(group);
    if (group->counts.queued >= group->limits.queue_max) {
        group->counts.refused++;
        unlock(group);
        return WEIR_ELIMIT;
    }
    weir__list_push_back(&group->queue, &job->link);
    group->counts.queued++;
    if (weir__offload_hire)
        summons = (struct summons){0};
    else
        summons = summon(group);
    unlock(group);
    carry_out(group, summons);
    return 0;
}

bool weir__offload_withdraw(struct weir__job *job)
{
    struct group *group = &groups[job->group];
    bool queued;

    lock(group);
    queued = job->state == JOB_QUEUED;
    if (queued) {
        weir__list_remove(&job->link);
        group->counts.queued--;
        group->counts.withdrawn++;
    }
    unlock(group);
    return queued;
}

const char *weir__offload_name(uint32_t number)
{
    const struct group *group = find(number);

    return group ? group->name : NULL;
}

void weir__offload_note_left(uint32_t number, int change)
{
    struct group *group = &groups[number];

    lock(group);
    group->counts.left += (uint32_t)change;
    unlock(group);
}

/* ---- holding the pool ---- */

void weir__offload_hold(void)
{
    weir__lock(&hold_lock);
    holders++;
    weir__unlock(&hold_lock);
}

static void end_group(struct group *group)
{
    struct weir__list threads, *link;

    weir__list_init(&threads);
    lock(group);
    group->epoch++;
    weir__list_splice(&threads, &group->threads);
    weir__list_splice(&threads, &group->ended);
    while ((link = weir__list_pop_front(&group->idle))) {
        group->counts.idle--;
        wake(WEIR_CONTAINER_OF(link, struct pool_thread, idle));
    }
    unlock(group);
    join(&threads);
}

void weir__offload_release(void)
{
    uint32_t i, count = WEIR_ATOMIC_LOAD(&group_count, ACQUIRE);
    bool last;

    weir__lock(&hold_lock);
    last = --holders == 0;
    weir__unlock(&hold_lock);
    for (i = 0; last && i < count; i++)
        end_group(&groups[i]);
}

/* ---- classes ---- */

static bool valid(const struct weir_blocking_options *o)
{
    return o->threads_max <= WEIR_BLOCKING_THREADS_MAX && o->keep_alive_ns >= 0
           && (o->stack_size == 0 || o->stack_size >= STACK_MIN);
}

/* Under the lock. */
static void set(struct group *group, const struct weir_blocking_options *o)
{
    if (o->threads_max)
        group->limits.threads_max = o->threads_max;
    if (o->queue_max)
        group->limits.queue_max = o->queue_max;
    if (o->keep_alive_ns)
        WEIR_ATOMIC_STORE(&group->limits.keep_alive_ns, o->keep_alive_ns, RELAXED);
    if (o->stack_size)
        group->limits.stack_size = o->stack_size;
}

int weir_blocking_class_n(const struct weir_blocking_options *options, size_t options_size)
{
    struct weir_blocking_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);
    struct group *group;

    if (rc < 0)
        return rc;
    if (!valid(&o))
        return WEIR_EOPTION;
    weir__lock(&make_lock);
    rc = group_count < WEIR_BLOCKING_CLASSES_MAX ? (int)group_count : WEIR_ELIMIT;
    if (rc >= 0) {
        group = &groups[rc];
        *group = (struct group)GROUP("weir-blocking", THREADS_DEFAULT);
        set(group, &o);
        if (o.name) {
            memset(group->name, 0, sizeof group->name);
            memcpy(group->name, o.name, strnlen(o.name, sizeof group->name - 1));
        }
        WEIR_ATOMIC_STORE(&group_count, group_count + 1, RELEASE);
    }
    weir__unlock(&make_lock);
    return rc;
}

int weir_blocking_limit_n(uint32_t number, const struct weir_blocking_options *options,
                          size_t options_size)
{
    struct weir_blocking_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);
    struct group *group = find(number);
    struct summons summons;

    if (rc < 0)
        return rc;
    if (!group)
        return WEIR_EINVAL;
    if (!valid(&o) || o.name)
        return WEIR_EOPTION;
    weir__offload_hold();
    lock(group);
    set(group, &o);
    summons = summon(group); /* the limit may be higher now */
    unlock(group);
    carry_out(group, summons);
    weir__offload_release();
    return 0;
}

int weir_blocking_count_n(uint32_t number, struct weir_blocking_counts *counts, size_t counts_size)
{
    struct group *group = find(number);
    struct weir_blocking_counts own;

    if (!group)
        return WEIR_EINVAL;
    lock(group);
    own = group->counts;
    unlock(group);
    memset(counts, 0, counts_size);
    memcpy(counts, &own, counts_size < sizeof own ? counts_size : sizeof own);
    return 0;
}
