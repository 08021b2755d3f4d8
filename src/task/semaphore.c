/* task/semaphore.c - permits; see <weir/sync.h>.
 *
 * The word has the free permits, and flags: CLOSED, and WAITED while somebody waits. While WAITED
 * is set nobody takes or adds permits without the guard: what is free then is too little for the
 * first that waits.
 */
#include "task/case.h"
#include "task/sync.h"

#define CLOSED  ((uint64_t)1 << 63)
#define WAITED  ((uint64_t)1 << 62)
#define PERMITS (WAITED - 1)

static uint64_t permits(const weir_semaphore *semaphore)
{
    return WEIR_ATOMIC_LOAD(&semaphore->weir__word, RELAXED) & PERMITS;
}

static int take(weir_semaphore *semaphore, uint32_t count)
{
    uint64_t seen = WEIR_ATOMIC_LOAD(&semaphore->weir__word, RELAXED);

    do {
        if (seen & CLOSED)
            return WEIR_ECLOSED;
        if ((seen & WAITED) || seen < count)
            return WEIR_EBUSY;
    } while (!WEIR_ATOMIC_CAS(&semaphore->weir__word, &seen, seen - count, ACQUIRE));
    return 0;
}

/* Adds permits that nobody waits for; false if somebody does. */
static bool add(weir_semaphore *semaphore, uint64_t count)
{
    uint64_t seen = WEIR_ATOMIC_LOAD(&semaphore->weir__word, RELAXED);

    do {
        if (seen & WAITED)
            return false;
    } while (!WEIR_ATOMIC_CAS(&semaphore->weir__word, &seen, seen + count, RELEASE));
    return true;
}

/* ---- serving ---- */

/* Serves who waits, in order, from `pool` and from what is free. Under the guard. True if there is
 * more to do when those have been woken. What is left of the pool is nobody's when nobody waits,
 * else it is added to what is free. */
static bool serve_some(weir_semaphore *semaphore, uint64_t *pool, struct weir__wakes *wakes)
{
    struct weir__waitq *queue = weir__queue_of(semaphore->weir__queue);
    struct weir__waiter *waiter;

    while ((waiter = weir__waitq_first(queue))) {
        uint64_t from_pool = waiter->count < *pool ? waiter->count : *pool;
        uint64_t from_free = waiter->count - from_pool;

        if (permits(semaphore) < from_free) {
            (void)WEIR_ATOMIC_ADD(&semaphore->weir__word, *pool, RELAXED);
            *pool = 0;
            return false;
        }
        if (weir__wakes_full(wakes))
            return true;
        if (!weir__waiter_claim(queue, waiter))
            continue;
        *pool -= from_pool;
        (void)WEIR_ATOMIC_SUB(&semaphore->weir__word, from_free, RELAXED);
        weir__wakes_grant(wakes, waiter, 0);
    }
    (void)WEIR_ATOMIC_AND(&semaphore->weir__word, ~WAITED, RELAXED);
    return false;
}

/* The permits of the pool that nobody has waited for. */
static uint64_t serve(weir_semaphore *semaphore, uint64_t pool)
{
    struct weir__wakes wakes;
    bool more;

    wakes.count = 0;
    do {
        weir__lock(&semaphore->weir__guard);
        more = serve_some(semaphore, &pool, &wakes);
        weir__wakes_release(&wakes, &semaphore->weir__guard);
    } while (more);
    return pool;
}

/* ---- acquiring ---- */

/* Takes permits (0), or sets the flag (1), or WEIR_ECLOSED. Under the guard. */
static int take_or_flag(weir_semaphore *semaphore, uint32_t count)
{
    uint64_t seen = WEIR_ATOMIC_LOAD(&semaphore->weir__word, RELAXED);

    for (;;) {
        if (seen & CLOSED)
            return WEIR_ECLOSED;
        if (seen & WAITED)
            return 1;
        if (seen >= count) {
            if (WEIR_ATOMIC_CAS(&semaphore->weir__word, &seen, seen - count, ACQUIRE))
                return 0;
        } else if (WEIR_ATOMIC_CAS(&semaphore->weir__word, &seen, seen | WAITED, RELAXED)) {
            return 1;
        }
    }
}

static int acquire_contended(weir_semaphore *semaphore, uint32_t count)
{
    struct weir__waitq *queue = weir__queue_of(semaphore->weir__queue);
    struct weir__waiter own, *waiter;
    int rc;

    weir__lock(&semaphore->weir__guard);
    rc = take_or_flag(semaphore, count);
    if (rc != 1) {
        weir__unlock(&semaphore->weir__guard);
        return rc;
    }
    waiter = weir__waiter_begin(&own, "semaphore");
    waiter->count = count;
    weir__waitq_push(queue, waiter);
    weir__unlock(&semaphore->weir__guard);
    rc = weir__sync_wait(waiter, queue, &semaphore->weir__guard);
    if (rc < 0 && rc != WEIR_ECLOSED)
        (void)serve(semaphore, 0); /* what was too little for this one may do for the next */
    return rc;
}

static int acquire(weir_semaphore *semaphore, uint32_t count)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = take(semaphore, count);
    if (rc == WEIR_EBUSY)
        rc = acquire_contended(semaphore, count);
    return rc;
}

int weir_semaphore_acquire(weir_semaphore *semaphore)
{
    return acquire(semaphore, 1);
}

int weir_semaphore_acquire_n(weir_semaphore *semaphore, uint32_t count)
{
    return acquire(semaphore, count);
}

int weir_semaphore_try_acquire_n(weir_semaphore *semaphore, uint32_t count)
{
    return take(semaphore, count);
}

int weir_semaphore_try_acquire(weir_semaphore *semaphore)
{
    return take(semaphore, 1);
}

/* ---- releasing ---- */

static int release(weir_semaphore *semaphore, uint32_t count)
{
    uint64_t pool = count;

    if (permits(semaphore) + count > WEIR_SEMAPHORE_MAX)
        return WEIR_ELIMIT;
    if (add(semaphore, pool))
        return 0;
    WEIR__CALL;
    do
        pool = serve(semaphore, pool);
    while (pool && !add(semaphore, pool));
    return 0;
}

int weir_semaphore_release(weir_semaphore *semaphore)
{
    return release(semaphore, 1);
}

int weir_semaphore_release_n(weir_semaphore *semaphore, uint32_t count)
{
    return release(semaphore, count);
}

uint32_t weir_semaphore_forget(weir_semaphore *semaphore, uint32_t count)
{
    uint64_t seen, taken;

    WEIR__CALL;
    weir__lock(&semaphore->weir__guard);
    seen = WEIR_ATOMIC_LOAD(&semaphore->weir__word, RELAXED);
    do
        taken = (seen & PERMITS) < count ? seen & PERMITS : count;
    while (!WEIR_ATOMIC_CAS(&semaphore->weir__word, &seen, seen - taken, ACQUIRE));
    weir__unlock(&semaphore->weir__guard);
    return (uint32_t)taken;
}

uint32_t weir_semaphore_available(const weir_semaphore *semaphore)
{
    return (uint32_t)permits(semaphore);
}

void weir_semaphore_close(weir_semaphore *semaphore)
{
    WEIR__CALL;
    weir__lock(&semaphore->weir__guard);
    (void)WEIR_ATOMIC_OR(&semaphore->weir__word, CLOSED, SEQ_CST);
    (void)WEIR_ATOMIC_AND(&semaphore->weir__word, ~WAITED, RELAXED);
    weir__grant_all(weir__queue_of(semaphore->weir__queue), &semaphore->weir__guard, WEIR_ECLOSED);
}

/* ---- a case of a select ---- */

static bool attempt_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    c->result = take(c->object, (uint32_t)c->len);
    return c->result != WEIR_EBUSY;
}

/* Whether somebody who wants so many has to wait, and then the flag is set. Under the guard. */
static bool flag(weir_semaphore *semaphore, uint32_t count)
{
    uint64_t seen = WEIR_ATOMIC_LOAD(&semaphore->weir__word, RELAXED);

    while (!(seen & CLOSED) && ((seen & WAITED) || seen < count)) {
        if ((seen & WAITED)
            || WEIR_ATOMIC_CAS(&semaphore->weir__word, &seen, seen | WAITED, RELAXED))
            return true;
    }
    return false;
}

static enum weir__case_step enlist_case(struct weir__case *c, struct weir__select *select)
{
    weir_semaphore *semaphore = c->object;
    enum weir__case_step step = CASE_WAITS;

    weir__lock(&semaphore->weir__guard);
    if (flag(semaphore, (uint32_t)c->len)) {
        c->enlisted = true;
        c->waiter.count = (uint32_t)c->len;
        weir__case_queue(c, select, weir__queue_of(semaphore->weir__queue),
                         &semaphore->weir__guard);
    } else if (!weir__case_claim(c, select)) {
        step = CASE_LOST;
    } else {
        step = attempt_case(c, NULL) ? CASE_DONE : CASE_AGAIN;
    }
    weir__unlock(&semaphore->weir__guard);
    return step;
}

/* What was too little for this one may do for the next. */
static void withdraw_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    if (c->enlisted)
        (void)serve(c->object, 0);
    c->enlisted = false;
}

static const struct weir__case_calls case_calls = {
    .attempt = attempt_case, .enlist = enlist_case, .withdraw = withdraw_case};

void weir_case_acquire(weir_case *out, weir_semaphore *semaphore, uint32_t count)
{
    weir__case_fill(out, &case_calls, 0, NULL, count);
    weir__case_of(out)->object = semaphore;
}
