/* test/os/select_sync.c - selects over permits, signals, locks, delays and ticks. */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/check.h"

static int run_with(weir_task_fn *fn, void *arg, uint32_t workers, uint8_t clock)
{
    struct weir_runtime_options options = {.workers = workers, .clock = clock};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    return run_with(fn, arg, workers, WEIR_CLOCK_REAL);
}

static const struct weir_select_options no_wait = {.no_wait = WEIR_ON};

/* ---- one of each ---- */

enum {
    NOTIFY,
    ACQUIRE,
    LOCK,
    RESERVE,
    DELAY,
    KINDS
};

struct objects {
    weir_notify notify;
    weir_semaphore semaphore;
    weir_mutex mutex;
    weir_chan chan;
    weir_delay_queue delays;
    weir_permit permit;
    weir_delay_entry entry, *out;
    weir_case cases[KINDS];
    int which, at;
};

/* With every object in the state in which there is something to wait for. */
static void make(struct objects *o)
{
    int value = 0;

    memset(o, 0, sizeof *o);
    CHECK(weir_chan_create(&o->chan, sizeof value, 1) == 0);
    CHECK(weir_chan_send(o->chan, &value) == 0);
    CHECK(weir_mutex_lock(&o->mutex) == 0);
    weir_case_notify(&o->cases[NOTIFY], &o->notify);
    weir_case_acquire(&o->cases[ACQUIRE], &o->semaphore, 2);
    weir_case_lock(&o->cases[LOCK], &o->mutex);
    weir_case_reserve(&o->cases[RESERVE], o->chan, &o->permit);
    weir_case_delay(&o->cases[DELAY], &o->delays, &o->out);
}

static void make_ready(struct objects *o, int which)
{
    int value;

    switch (which) {
    case NOTIFY:
        weir_notify_one(&o->notify);
        break;
    case ACQUIRE:
        CHECK(weir_semaphore_release_n(&o->semaphore, 2) == 0);
        break;
    case LOCK:
        weir_mutex_unlock(&o->mutex);
        break;
    case RESERVE:
        CHECK(weir_chan_recv(o->chan, &value) == 0);
        break;
    default:
        CHECK(weir_delay_insert(&o->delays, &o->entry, 0) == 0);
    }
}

/* Whether the object still has what make_ready has put there; takes it. */
static bool is_left(struct objects *o, int which)
{
    int value = 0;

    switch (which) {
    case NOTIFY:
        return weir_notify_try(&o->notify) == 0;
    case ACQUIRE:
        return weir_semaphore_try_acquire_n(&o->semaphore, 2) == 0;
    case LOCK:
        return weir_mutex_try_lock(&o->mutex) == 0;
    case RESERVE:
        return weir_chan_try_send(o->chan, &value) == 0;
    default:
        return weir_delay_try_next(&o->delays, &o->out) == 0;
    }
}

static int choose(void *arg)
{
    struct objects *o = arg;

    o->at = weir_select(o->cases, KINDS);
    CHECK(o->at == o->which);
    if (o->at < 0)
        return 0;
    CHECK(o->cases[o->at].result == 0);
    if (o->at == LOCK)
        weir_mutex_unlock(&o->mutex);
    if (o->at == DELAY)
        CHECK(o->out == &o->entry);
    return 0;
}

static void finish(struct objects *o)
{
    int which, value = 0;

    for (which = 0; which < KINDS; which++) {
        if (which != LOCK && which != o->which)
            make_ready(o, which);
    }
    if (o->at == RESERVE) {
        CHECK(weir_chan_try_send(o->chan, &value) == WEIR_EAGAIN); /* the place is taken */
        CHECK(weir_permit_commit(&o->permit, &value) == 0);
        CHECK(weir_chan_recv(o->chan, &value) == 0);
    }
    if (o->at != LOCK)
        weir_mutex_unlock(&o->mutex);
    for (which = 0; which < KINDS; which++)
        CHECK(is_left(o, which) == (which != o->which || which == LOCK || which == RESERVE));
    weir_chan_destroy(o->chan);
}

static int choose_each(void *arg)
{
    struct objects *o = arg;
    weir_scope scope;
    int which, early;

    for (which = 0; which < KINDS; which++) {
        for (early = 0; early < 2; early++) {
            make(o);
            o->which = which;
            CHECK(weir_select_with(o->cases, which == LOCK ? LOCK : KINDS, &no_wait)
                  == (which == LOCK ? WEIR_EAGAIN : LOCK)); /* held by the caller: it is told */
            CHECK(weir_scope_open(&scope) == 0);
            if (early)
                make_ready(o, which);
            CHECK(weir_spawn(&scope, choose, o) == 0);
            CHECK(weir_yield() == 0);
            if (!early)
                make_ready(o, which);
            CHECK(weir_scope_join(&scope) == 0);
            finish(o);
        }
    }
    return 0;
}

TEST(each_kind_is_done_alone)
{
    struct objects objects;

    (void)run(choose_each, &objects, 1);
}

static int stop_each(void *arg)
{
    struct objects *o = arg;
    weir_scope scope;

    make(o);
    o->which = WEIR_ECANCELED;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, choose, o) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    finish(o);
    return 0;
}

TEST(who_is_stopped_has_taken_none)
{
    struct objects objects;

    (void)run(stop_each, &objects, 1);
}

static int refuse(void *arg)
{
    struct objects *o = arg;

    make(o);
    CHECK(weir_select(&o->cases[LOCK], 1) == 0 && o->cases[LOCK].result == WEIR_EDEADLK);
    weir_semaphore_close(&o->semaphore);
    CHECK(weir_select(&o->cases[ACQUIRE], 1) == 0 && o->cases[ACQUIRE].result == WEIR_ECLOSED);
    CHECK(weir_chan_close(o->chan, WEIR_EIO) == 0);
    CHECK(weir_select(&o->cases[RESERVE], 1) == 0 && o->cases[RESERVE].result == WEIR_EIO);
    weir_chan_destroy(o->chan);
    CHECK(weir_select(&o->cases[RESERVE], 1) == 0 && o->cases[RESERVE].result == WEIR_EBADHANDLE);
    CHECK(weir_chan_create(&o->chan, 1, 0) == 0);
    weir_case_reserve(&o->cases[RESERVE], o->chan, &o->permit);
    CHECK(weir_select(&o->cases[RESERVE], 1) == 0 && o->cases[RESERVE].result == WEIR_ENOTSUP);
    weir_chan_destroy(o->chan);
    weir_mutex_unlock(&o->mutex);
    return 0;
}

TEST(refusals_are_results)
{
    struct objects objects;

    (void)run(refuse, &objects, 1);
}

static int mark_and_select(void *arg)
{
    weir_notify notify = {0};
    weir_case c;
    uint32_t mark = weir_notify_mark(&notify);

    (void)arg;
    weir_case_notify_from(&c, &notify, mark);
    CHECK(weir_select_with(&c, 1, &no_wait) == WEIR_EAGAIN);
    weir_notify_all(&notify);
    CHECK(weir_select_with(&c, 1, &no_wait) == 0 && c.result == 0);
    weir_case_notify(&c, &notify); /* from the select on */
    CHECK(weir_select_with(&c, 1, &no_wait) == WEIR_EAGAIN);
    return 0;
}

TEST(a_mark_is_older_than_its_select)
{
    (void)run(mark_and_select, NULL, 1);
}

/* ---- who leaves lets others pass ---- */

struct queue_of_two {
    weir_semaphore semaphore;
    weir_notify given_up;
};

static int want_many(void *arg)
{
    struct queue_of_two *q = arg;
    weir_case cases[2];

    weir_case_acquire(&cases[0], &q->semaphore, 5);
    weir_case_notify(&cases[1], &q->given_up);
    CHECK(weir_select(cases, 2) == 1);
    return 0;
}

static int want_one(void *arg)
{
    struct queue_of_two *q = arg;

    return weir_semaphore_acquire(&q->semaphore);
}

static int give_up_first(void *arg)
{
    struct queue_of_two *q = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, want_many, q) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_spawn(&scope, want_one, q) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_semaphore_available(&q->semaphore) == 2); /* the first is not overtaken */
    weir_notify_one(&q->given_up);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_semaphore_available(&q->semaphore) == 1);
    return 0;
}

TEST(a_withdrawn_wish_for_many_lets_the_next_pass)
{
    struct queue_of_two q = {.semaphore = WEIR_SEMAPHORE_INIT(2)};

    (void)run(give_up_first, &q, 1);
}

/* ---- delays and ticks ---- */

static int hours(void *arg)
{
    weir_delay_queue delays = {0};
    weir_delay_entry entries[3] = {{.weir__serial = 0}}, *out = NULL;
    weir_interval interval;
    weir_case cases[3];
    uint64_t begun = weir_now_ns(), due = 0;
    int i, ticks = 0, expired = 0;

    (void)arg;
    CHECK(weir_interval_init(&interval, WEIR_MINUTES(10), WEIR_MISSED_BURST) == 0);
    for (i = 0; i < 3; i++)
        CHECK(weir_delay_insert(&delays, &entries[i], WEIR_MINUTES(25 * (3 - i))) == 0);
    weir_case_delay(&cases[0], &delays, &out);
    weir_case_tick(&cases[1], &interval, &due);
    weir_case_after(&cases[2], WEIR_MINUTES(79));
    for (;;) {
        int at = weir_select(cases, 3);
        uint64_t now = weir_now_ns() - begun;

        CHECK(at >= 0 && cases[at].result == 0);
        if (at == 0) {
            expired++;
            CHECK(out == &entries[3 - expired]);
            CHECK(now >= (uint64_t)WEIR_MINUTES(25 * expired));
        } else if (at == 1) {
            ticks++;
            CHECK(due - begun >= (uint64_t)WEIR_MINUTES(10 * ticks) && now >= due - begun);
        } else {
            break;
        }
    }
    CHECK(ticks == 7 && expired == 3);
    return 0;
}

TEST(delays_and_ticks_come_when_they_are_due)
{
    (void)run_with(hours, NULL, 1, WEIR_CLOCK_VIRTUAL);
}

struct delays {
    weir_delay_queue queue;
    weir_delay_entry entries[2];
    int taken;
};

static int take_next(void *arg)
{
    struct delays *delays = arg;
    weir_delay_entry *out;

    CHECK(weir_delay_next(&delays->queue, &out) == 0);
    delays->taken++;
    return 0;
}

static int lead_and_leave(void *arg)
{
    struct delays *delays = arg;
    weir_delay_entry *out;
    weir_case cases[2];
    weir_scope scope;
    uint64_t begun = weir_now_ns();

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_delay_insert(&delays->queue, &delays->entries[0], WEIR_MINUTES(2)) == 0);
    weir_case_delay(&cases[0], &delays->queue, &out);
    weir_case_after(&cases[1], WEIR_MINUTES(1));
    CHECK(weir_spawn(&scope, take_next, delays) == 0); /* behind this one, which leads */
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(delays->taken == 1);
    CHECK(weir_now_ns() - begun < (uint64_t)WEIR_MINUTES(3));
    return 0;
}

TEST(a_select_that_led_leaves_the_lead_to_the_next)
{
    struct delays delays = {.taken = 0};

    (void)run_with(lead_and_leave, &delays, 1, WEIR_CLOCK_VIRTUAL);
}

/* ---- many of everything, at random ---- */

enum {
    ACTORS = 8,
    PERMITS = 3,
    ENTRIES = 12,
    ROUNDS = 60,
    WAITS = 8
};

struct thing {
    weir_delay_entry entry;
    int in; /* put in, less taken out */
};

struct storm {
    weir_semaphore semaphore;
    weir_mutex mutex;
    weir_notify notify;
    weir_delay_queue delays;
    weir_chan chan;
    struct thing things[ENTRIES];
    int held, inside, work, committed, received;
    uint32_t seed;
};

struct actor {
    struct storm *storm;
    uint32_t random;
    weir_interval interval;
};

static uint32_t next_random(struct actor *actor)
{
    actor->random = actor->random * 1664525u + 1013904223u;
    return actor->random >> 16;
}

static int add(int *number, int by)
{
    return __atomic_add_fetch(number, by, __ATOMIC_SEQ_CST);
}

static void maybe_yield(struct actor *actor)
{
    if (next_random(actor) % 3 == 0)
        (void)weir_yield();
}

static void do_acquired(struct actor *actor, uint32_t count)
{
    struct storm *storm = actor->storm;

    CHECK(add(&storm->held, (int)count) <= PERMITS);
    maybe_yield(actor);
    add(&storm->held, -(int)count);
    CHECK(weir_semaphore_release_n(&storm->semaphore, count) == 0);
}

static void do_locked(struct actor *actor)
{
    struct storm *storm = actor->storm;

    CHECK(add(&storm->inside, 1) == 1);
    maybe_yield(actor);
    add(&storm->inside, -1);
    weir_mutex_unlock(&storm->mutex);
}

static void do_reserved(struct actor *actor, weir_permit *permit)
{
    int value = 1;

    maybe_yield(actor);
    if (next_random(actor) % 2) {
        add(&actor->storm->committed, 1);
        CHECK(weir_permit_commit(permit, &value) == 0);
    } else {
        CHECK(weir_permit_release(permit) == 0);
    }
}

static void put_back(struct actor *actor, struct thing *thing)
{
    CHECK(add(&thing->in, 1) == 1);
    CHECK(weir_delay_insert(&actor->storm->delays, &thing->entry, next_random(actor) % 200000)
          == 0);
}

static void do_expired(struct actor *actor, weir_delay_entry *entry)
{
    struct thing *thing = (struct thing *)(void *)entry;

    CHECK(add(&thing->in, -1) == 0);
    maybe_yield(actor);
    put_back(actor, thing);
}

static int select_somehow(struct actor *actor, weir_case *cases)
{
    uint32_t how = next_random(actor);
    weir_block block;
    int at;

    if (!(how & 1))
        return weir_select(cases, WAITS);
    CHECK(weir_deadline_begin(&block, next_random(actor) % 60000) == 0);
    at = weir_select(cases, WAITS);
    weir_block_end(&block);
    return at;
}

static int act_once(struct actor *actor)
{
    struct storm *storm = actor->storm;
    uint32_t wanted = 1 + next_random(actor) % PERMITS, i;
    weir_case cases[WAITS];
    weir_delay_entry *entry;
    weir_permit permit;
    int value, at;

    weir_case_acquire(&cases[0], &storm->semaphore, wanted);
    weir_case_lock(&cases[1], &storm->mutex);
    weir_case_notify(&cases[2], &storm->notify);
    weir_case_reserve(&cases[3], storm->chan, &permit);
    weir_case_recv(&cases[4], storm->chan, &value);
    weir_case_delay(&cases[5], &storm->delays, &entry);
    weir_case_tick(&cases[6], &actor->interval, NULL);
    weir_case_after(&cases[7], next_random(actor) % 100000);
    for (i = next_random(actor) % 12; i > 0; i--) /* not all in each */
        weir_case_none(&cases[next_random(actor) % WAITS]);
    at = select_somehow(actor, cases);
    CHECK(at < 0 || cases[at].result == 0);
    if (at == 0)
        do_acquired(actor, wanted);
    else if (at == 1)
        do_locked(actor);
    else if (at == 2)
        __atomic_store_n(&storm->work, 0, __ATOMIC_SEQ_CST);
    else if (at == 3)
        do_reserved(actor, &permit);
    else if (at == 4)
        add(&storm->received, 1);
    else if (at == 5)
        do_expired(actor, entry);
    return at;
}

static int act(void *arg)
{
    struct actor *actor = arg;
    weir_block block;
    int i, at = 0;

    CHECK(weir_interval_init(&actor->interval, 50000, WEIR_MISSED_SKIP) == 0);
    for (i = 0; i < ROUNDS && at != WEIR_ECANCELED; i++) {
        CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(2)) == 0); /* nothing may ever come */
        at = act_once(actor);
        weir_block_end(&block);
        if (next_random(actor) % 4 == 0) {
            __atomic_store_n(&actor->storm->work, 1, __ATOMIC_SEQ_CST);
            weir_notify_one(&actor->storm->notify);
        }
    }
    return 0;
}

/* Nobody waits any more: everything is there, once. */
static void take_stock(struct storm *storm)
{
    int value, i, in = 0;

    CHECK(weir_semaphore_try_acquire_n(&storm->semaphore, PERMITS) == 0);
    CHECK(weir_semaphore_available(&storm->semaphore) == 0);
    CHECK(weir_mutex_try_lock(&storm->mutex) == 0);
    if (storm->work)
        CHECK(weir_notify_try(&storm->notify) == 0);
    while (weir_chan_try_recv(storm->chan, &value) == 0)
        storm->received++;
    CHECK(storm->received == storm->committed);
    for (i = 0; i < 2; i++)
        CHECK(weir_chan_try_send(storm->chan, &value) == 0); /* no place is lost */
    CHECK(weir_chan_try_send(storm->chan, &value) == WEIR_EAGAIN);
    for (i = 0; i < ENTRIES; i++)
        in += storm->things[i].in;
    CHECK(in == ENTRIES && weir_delay_count(&storm->delays) == ENTRIES);
    for (i = 0; i < ENTRIES; i++)
        CHECK(weir_delay_remove(&storm->delays, &storm->things[i].entry));
    weir_chan_destroy(storm->chan);
}

static int run_storm(void *arg)
{
    struct storm *storm = arg;
    struct actor actors[ACTORS];
    weir_scope scope, cancelled;
    uint32_t i;

    CHECK(weir_chan_create(&storm->chan, sizeof(int), 2) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    for (i = 0; i < ACTORS; i++)
        actors[i] = (struct actor){.storm = storm, .random = storm->seed * 91 + i};
    for (i = 0; i < ENTRIES; i++)
        put_back(&actors[0], &storm->things[i]);
    for (i = 0; i < ACTORS; i++)
        CHECK(weir_spawn(i % 2 ? &cancelled : &scope, act, &actors[i]) == 0);
    for (i = 0; i < storm->seed % 50; i++)
        CHECK(weir_yield() == 0);
    weir_scope_cancel(&cancelled);
    CHECK(weir_scope_join(&cancelled) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    take_stock(storm);
    return 0;
}

TEST(selects_lose_and_double_no_permit_signal_lock_or_entry)
{
    struct storm storm;
    uint32_t seed;

    for (seed = 0; seed < 40; seed++) {
        memset(&storm, 0, sizeof storm);
        storm.semaphore = (weir_semaphore)WEIR_SEMAPHORE_INIT(PERMITS);
        storm.seed = seed;
        (void)run(run_storm, &storm, 1 + seed % 4);
    }
}
