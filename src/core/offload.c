/* core/offload.c - see offload.h and <weir/blocking.h>.
 *
 * The jobs of a class are in its queue (jobq.h), which has locks of its own. The class's lock
 * guards its threads: it is taken when one becomes idle, is called, made or ended, and never for a
 * job that a busy thread takes after another. No thread is made, woken or joined under it: what is
 * to be done is decided under the lock, as a `summons`, and done after.
 *
 * Who comes. At most one thread is on its way to the queue, and `call` tells submitters whether
 * they have to do anything: ASK (a thread could come, and none does), COMING (one is on its way) or
 * NOBODY (none can come: all are busy, and there may be no more). A submitter pushes its job, then
 * reads `call`, and takes the lock only for ASK. No job is missed: a COMING thread, when it has
 * come, and a busy one, when it becomes idle, store the new `call` first and then read how many
 * jobs wait. Push, load, store and read are sequentially consistent: either the submitter has seen
 * the new `call`, or the thread sees the job (and with it where it is, see jobq.h), and summons
 * whoever takes it, itself perhaps.
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
#include "core/jobq.h"
#include "core/linger.h"
#include "sys/affinity.h"
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

enum call {
    CALL_ASK, /* zero: a class that was never used */
    CALL_COMING,
    CALL_LOOKED, /* COMING, and it looks for a job just now */
    CALL_NOBODY
};

enum thread_word {
    THREAD_AWAKE,
    THREAD_PARKED,
    THREAD_SUMMONED /* or to end */
};

struct group;

/* A thread of the pool. `link` is in the class's list of threads or of ended ones, or in the list
 * of who joins it. */
struct pool_thread {
    struct weir__list link;
    struct weir__list idle; /* in the class's list of idle ones */
    struct group *group;
    uint32_t epoch;
    uint32_t word;        /* enum thread_word; partners: wake, rest */
    bool comes;           /* it is the one on its way; guarded by the lock */
    int caller_cpu;       /* from which its last job came */
    uint64_t summoned_ns; /* when the job came for which it was; guarded by the lock */
    struct weir__jobq_taker taker;
    struct weir__thread thread;
};

struct group {
    struct weir__jobq queue;
    uint32_t call; /* enum call; written under the lock; partner: weir__offload_submit */
    __attribute__((aligned(64))) uint32_t lock;
    bool ready;             /* the lists are initialised */
    bool on_its_way;        /* a thread that will look at the queue */
    struct weir__list idle; /* newest first: the others get old enough to end */
    struct weir__list threads;
    struct weir__list ended;    /* to be joined by whoever makes the next */
    struct weir__linger linger; /* under the lock, or by the thread on its way without it */
    uint32_t epoch;             /* partner, as the next and threads_max: has_to_end */
    uint32_t thread_count;      /* that exist, or are being made */
    uint32_t looking;           /* that wait for a job without being in `idle`: 0 or 1 */
    uint32_t idle_count;        /* in `idle` */
    uint32_t left;              /* jobs that nobody waits for */
    uint64_t started;
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
    weir__list_init(&group->idle);
    weir__list_init(&group->threads);
    weir__list_init(&group->ended);
    weir__linger_init(&group->linger, weir__affinity_count() < 2);
}

static void unlock(struct group *group)
{
    weir__unlock(&group->lock);
}

static void count_threads(struct group *group, int change)
{
    WEIR_ATOMIC_STORE(&group->thread_count, group->thread_count + (uint32_t)change, RELAXED);
}

/* ---- summoning a thread ---- */

struct summons {
    struct pool_thread *sleeper; /* to be woken */
    bool start;                  /* a thread is to be made */
    uint32_t epoch;              /* at that time */
};

static void set_call(struct group *group, enum call call)
{
    if (group->call != call)
        WEIR_ATOMIC_STORE(&group->call, call, SEQ_CST); /* partner: weir__offload_submit */
}

static bool may_start(const struct group *group)
{
    return group->thread_count < group->limits.threads_max;
}

/* Under the lock, after all that has changed about the threads. */
static void tell_submitters(struct group *group)
{
    if (group->on_its_way)
        set_call(group, group->looking ? CALL_LOOKED : CALL_COMING);
    else if (!weir__list_empty(&group->idle) || may_start(group))
        set_call(group, CALL_ASK);
    else
        set_call(group, CALL_NOBODY);
}

/* Tells them, and decides who comes for the jobs in the queue, unless somebody comes already. */
static struct summons summon(struct group *group)
{
    struct summons summons = {.epoch = group->epoch};
    struct weir__list *link;

    tell_submitters(group);
    if (group->call != CALL_ASK || weir__jobq_len(&group->queue) == 0)
        return summons;
    link = weir__list_pop_front(&group->idle);
    if (link) {
        summons.sleeper = WEIR_CONTAINER_OF(link, struct pool_thread, idle);
        summons.sleeper->comes = true;
        summons.sleeper->summoned_ns = weir__now_ns();
        group->idle_count--;
    } else {
        summons.start = true;
        count_threads(group, 1);
        group->started++;
    }
    group->on_its_way = true;
    set_call(group, CALL_COMING);
    return summons;
}

/* The thread may be gone when it is unparked: only its address is touched then. */
static void wake(struct pool_thread *thread)
{
    uint32_t *word = &thread->word;

    if (WEIR_ATOMIC_EXCHANGE(word, THREAD_SUMMONED, SEQ_CST) == THREAD_PARKED) /* partner: rest */
        weir__sys_table()->unpark(word, 1);
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
    count_threads(group, -1);
    group->started--;
    group->on_its_way = false;
    if (!weir__list_empty(&group->idle)) {
        summons = summon(group);
    } else {
        tell_submitters(group);
        if (group->thread_count == 0) /* who pushes from now on asks */
            weir__jobq_refuse(&group->queue, &refused);
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
        thread->comes = true;
        thread->epoch = group->epoch;
        thread->thread.stack_size = group->limits.stack_size;
    } else {
        count_threads(group, -1);
        group->started--;
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

/* What a thread does next. */
enum next {
    NEXT_RUN,  /* its job */
    NEXT_LOOK, /* on its way still: for a job that comes soon */
    NEXT_REST, /* until it is summoned */
    NEXT_END
};

static bool has_to_end(const struct pool_thread *thread)
{
    const struct group *group = thread->group;

    return thread->epoch != WEIR_ATOMIC_LOAD(&group->epoch, RELAXED)
           || WEIR_ATOMIC_LOAD(&group->thread_count, RELAXED)
                  > WEIR_ATOMIC_LOAD(&group->limits.threads_max, RELAXED);
}

/* Under the lock, as the next ones: the thread is on its way no more. If that ends a wait for a
 * job, how long is learnt: until the job came, not until the thread did. */
static void arrive(struct pool_thread *thread, bool found)
{
    struct group *group = thread->group;

    if (!thread->comes)
        return;
    thread->comes = group->on_its_way = false;
    group->looking = 0;
    if (thread->summoned_ns)
        weir__linger_end(&group->linger, thread->summoned_ns);
    else if (found)
        weir__linger_end(&group->linger, weir__now_ns());
    thread->summoned_ns = 0;
}

static void list_ended(struct pool_thread *thread)
{
    struct group *group = thread->group;

    count_threads(group, -1);
    if (thread->epoch == group->epoch) { /* else it is joined already */
        weir__list_remove(&thread->link);
        weir__list_push_back(&group->ended, &thread->link);
    }
}

static enum next become_idle(struct pool_thread *thread, bool may_look)
{
    struct group *group = thread->group;

    WEIR_ATOMIC_STORE(&thread->word, THREAD_AWAKE, RELAXED);
    if (may_look && !group->on_its_way
        && weir__linger_begin(&group->linger, thread->caller_cpu != weir__affinity_here())) {
        thread->comes = group->on_its_way = true;
        group->looking = 1;
        return NEXT_LOOK;
    }
    weir__list_push_front(&group->idle, &thread->idle);
    group->idle_count++;
    return NEXT_REST;
}

/* Takes the next job, after the account of the one before has ended. */
static enum next take(struct pool_thread *thread, bool has_run, struct weir__job **job)
{
    struct group *group = thread->group;
    bool ends = has_to_end(thread);
    struct summons summons;
    enum next next;

    *job = NULL;
    if (!ends)
        *job = weir__jobq_take(&group->queue, &thread->taker, has_run);
    else if (has_run)
        weir__jobq_end(&group->queue, &thread->taker);
    if (*job)
        thread->caller_cpu = (*job)->cpu;
    if (*job && !thread->comes)
        return NEXT_RUN;
    lock(group);
    arrive(thread, *job != NULL);
    ends = !*job && has_to_end(thread);
    if (ends)
        list_ended(thread);
    next = *job ? NEXT_RUN : ends ? NEXT_END : become_idle(thread, has_run);
    summons = summon(group);
    unlock(group);
    carry_out(group, summons);
    return next;
}

static void look(struct pool_thread *thread)
{
    struct group *group = thread->group;

    while (weir__jobq_len(&group->queue) == 0 && !has_to_end(thread)
           && weir__linger_again(&group->linger))
        weir__sys_cpu_relax();
}

/* It has been idle for its keep-alive: true, unless it was summoned meanwhile, or is to be joined.
 * It summons nobody, since to make a thread is to join those that have ended: who has pushed a job
 * meanwhile was told to ask, and waits for the lock. */
static bool retire(struct pool_thread *thread)
{
    struct group *group = thread->group;
    bool ends;

    lock(group);
    ends = weir__list_linked(&thread->idle) && thread->epoch == group->epoch;
    if (ends) {
        weir__list_remove(&thread->idle);
        group->idle_count--;
        list_ended(thread);
        tell_submitters(group);
    }
    unlock(group);
    return ends;
}

/* Idle until it is summoned: true. False: it has been idle for long, and ends. */
static bool rest(struct pool_thread *thread)
{
    int64_t keep_ns = WEIR_ATOMIC_LOAD(&thread->group->limits.keep_alive_ns, RELAXED);
    uint32_t seen = THREAD_AWAKE;

    if (!WEIR_ATOMIC_CAS(&thread->word, &seen, THREAD_PARKED, SEQ_CST)) /* partner: wake */
        return true;
    while (WEIR_ATOMIC_LOAD(&thread->word, SEQ_CST) == THREAD_PARKED) {
        int rc = weir__sys_table()->park(&thread->word, THREAD_PARKED,
                                         keep_ns == WEIR_FOREVER ? -1 : keep_ns);

        if (rc == WEIR_ETIMEDOUT && retire(thread))
            return false;
    }
    return true;
}

static void serve(void *arg)
{
    struct pool_thread *thread = arg;
    struct weir__job *job = NULL, *before;
    enum next next;

    do {
        before = job;
        next = take(thread, before != NULL, &job);
        if (before) /* after its account has ended, and the thread can be had again */
            before->finish(before);
        if (next == NEXT_LOOK) {
            look(thread);
            next = take(thread, false, &job);
        }
        if (next == NEXT_RUN)
            job->run(job);
    } while (next == NEXT_RUN || (next == NEXT_REST && rest(thread)));
}

/* ---- jobs ---- */

int (*weir__offload_hire)(uint32_t group);

void weir__offload_run_one(uint32_t number, uint32_t pick)
{
    static const struct weir__jobq_taker taker;
    struct group *group = &groups[number];
    struct weir__job *job = weir__jobq_pick(&group->queue, pick);

    if (!job) /* it was withdrawn meanwhile */
        return;
    job->run(job);
    weir__jobq_end(&group->queue, &taker);
    job->finish(job);
}

/* No order may depend on which loop it is in a simulation. */
int weir__offload_submit(uint32_t number, uint32_t near, struct weir__job *job)
{
    struct group *group = find(number);
    struct summons summons;
    uint32_t queued_max, call;

    if (!group || !job->run || !job->finish)
        return WEIR_EINVAL;
    job->group = (uint8_t)number;
    job->cpu = weir__affinity_here();
    job->error = 0;
    if (weir__offload_hire) {
        int rc = weir__offload_hire(number);

        if (rc < 0)
            return rc;
        near = 0;
    }
    queued_max = WEIR_ATOMIC_LOAD(&group->limits.queue_max, RELAXED);
    if (!weir__jobq_push(&group->queue, near, job, queued_max))
        return WEIR_ELIMIT;
    call = WEIR_ATOMIC_LOAD(&group->call, SEQ_CST); /* partner: set_call */
    if (weir__offload_hire || call != CALL_ASK)
        return call == CALL_LOOKED;
    lock(group);
    summons = summon(group);
    unlock(group);
    carry_out(group, summons);
    return 0;
}

bool weir__offload_withdraw(struct weir__job *job)
{
    return weir__jobq_withdraw(&groups[job->group].queue, job);
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
    group->left += (uint32_t)change;
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
    WEIR_ATOMIC_STORE(&group->epoch, group->epoch + 1, RELAXED);
    weir__list_splice(&threads, &group->threads);
    weir__list_splice(&threads, &group->ended);
    while ((link = weir__list_pop_front(&group->idle))) {
        group->idle_count--;
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
        WEIR_ATOMIC_STORE(&group->limits.threads_max, o->threads_max, RELAXED);
    if (o->queue_max)
        WEIR_ATOMIC_STORE(&group->limits.queue_max, o->queue_max, RELAXED);
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
    struct weir_blocking_counts own = {0};

    if (!group)
        return WEIR_EINVAL;
    lock(group);
    own.threads = group->thread_count;
    own.idle = group->idle_count + group->looking;
    own.left = group->left;
    own.started = group->started;
    weir__jobq_count(&group->queue, &own);
    unlock(group);
    memset(counts, 0, counts_size);
    memcpy(counts, &own, counts_size < sizeof own ? counts_size : sizeof own);
    return 0;
}
