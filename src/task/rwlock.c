/* task/rwlock.c - a fair lock for one writer or many readers; see <weir/sync.h>.
 *
 * The word has the number of readers, and flags: WRITTEN while a writer holds it, WAITED while
 * somebody waits. While WAITED is set nobody comes in without the guard, and without it only a
 * reader leaves that is not the last. The first that waits is let in as soon as it can be, and with
 * a reader all readers behind it up to the next writer.
 */
#include "task/deadlock.h"
#include "task/sync.h"

#define WRITTEN ((uint32_t)1 << 31)
#define WAITED  ((uint32_t)1 << 30)
#define READERS (WAITED - 1)

enum mode { /* what a holder has of the word */
    READ = 1,
    WRITE = WRITTEN
};

static bool take(weir_rwlock *rwlock, uint32_t mode, uintptr_t self)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&rwlock->weir__word, RELAXED);
    uint32_t against = mode == READ ? WRITTEN | WAITED : ~(uint32_t)0;

    do {
        if (seen & against)
            return false;
    } while (!WEIR_ATOMIC_CAS(&rwlock->weir__word, &seen, seen + mode, ACQUIRE));
    if (mode == WRITE)
        WEIR_ATOMIC_STORE(&rwlock->weir__writer, self, RELAXED); /* partner: task/deadlock.c */
    return true;
}

/* ---- serving ---- */

/* Whether a holder of this mode could come in, if it were the first. */
static bool admits(uint32_t word, uint32_t mode)
{
    return !(word & WRITTEN) && (mode == READ || !(word & READERS));
}

/* Lets in who can come in. Under the guard. True if there is more to do when those have been
 * woken. */
static bool serve_some(weir_rwlock *rwlock, struct weir__wakes *wakes)
{
    struct weir__waitq *queue = weir__queue_of(rwlock->weir__queue);
    struct weir__waiter *waiter;

    while ((waiter = weir__waitq_first(queue))) {
        if (!admits(WEIR_ATOMIC_LOAD(&rwlock->weir__word, RELAXED), waiter->count))
            return false;
        if (weir__wakes_full(wakes))
            return true;
        if (!weir__waiter_claim(queue, waiter))
            continue;
        if (waiter->count == WRITE)
            WEIR_ATOMIC_STORE(&rwlock->weir__writer, (uintptr_t)waiter->data, RELAXED);
        (void)WEIR_ATOMIC_ADD(&rwlock->weir__word, waiter->count, ACQ_REL);
        weir__wakes_grant(wakes, waiter, 0);
    }
    (void)WEIR_ATOMIC_AND(&rwlock->weir__word, ~WAITED, RELAXED);
    return false;
}

/* Begins under the guard and ends without it. */
static void serve(weir_rwlock *rwlock)
{
    struct weir__wakes wakes;
    bool more;

    wakes.count = 0;
    more = serve_some(rwlock, &wakes);
    weir__wakes_release(&wakes, &rwlock->weir__guard);
    while (more) {
        weir__lock(&rwlock->weir__guard);
        more = serve_some(rwlock, &wakes);
        weir__wakes_release(&wakes, &rwlock->weir__guard);
    }
}

/* ---- locking ---- */

/* Takes the lock (0), or sets the flag (1), or WEIR_EDEADLK. Under the guard. */
static int take_or_flag(weir_rwlock *rwlock, uint32_t mode, uintptr_t self)
{
    uint32_t seen;

    if (WEIR_ATOMIC_LOAD(&rwlock->weir__writer, RELAXED) == self)
        return WEIR_EDEADLK;
    for (;;) {
        if (take(rwlock, mode, self))
            return 0;
        seen = WEIR_ATOMIC_LOAD(&rwlock->weir__word, RELAXED);
        if (seen & WAITED)
            return 1;
        if (!admits(seen, mode)
            && WEIR_ATOMIC_CAS(&rwlock->weir__word, &seen, seen | WAITED, RELAXED))
            return 1;
    }
}

static int lock_contended(weir_rwlock *rwlock, uint32_t mode, struct weir__task *task,
                          uintptr_t self)
{
    struct weir__waitq *queue = weir__queue_of(rwlock->weir__queue);
    struct weir__want want = {.object = rwlock, .holder = &rwlock->weir__writer};
    struct weir__waiter own, *waiter;
    struct weir__blocked blocked;
    int rc;

    weir__lock(&rwlock->weir__guard);
    rc = take_or_flag(rwlock, mode, self);
    if (rc != 1) {
        weir__unlock(&rwlock->weir__guard);
        return rc;
    }
    waiter = weir__waiter_begin(&own, "rwlock");
    waiter->count = mode;
    waiter->data = (void *)self; /* the writer, once it is one */
    weir__waitq_push(queue, waiter);
    weir__unlock(&rwlock->weir__guard);
    want.kind = mode == READ ? WANT_READ : WANT_WRITE;
    weir__deadlock_enter(&blocked, &want, waiter, task);
    rc = weir__sync_wait(waiter, queue, &rwlock->weir__guard);
    weir__deadlock_leave(&blocked);
    if (rc < 0) {
        weir__lock(&rwlock->weir__guard);
        serve(rwlock); /* a writer that has given up may have held up readers */
    }
    return rc;
}

/* While deadlocks are watched for. */
static void note_reader(const weir_rwlock *rwlock)
{
    WEIR__CALL;

    weir__deadlock_reads(rwlock, weir__holder(weir__task_current()));
}

static void note_reader_leaves(const weir_rwlock *rwlock)
{
    WEIR__CALL;

    weir__deadlock_reads_no_more(rwlock, weir__holder(weir__task_current()));
}

static int lock(weir_rwlock *rwlock, uint32_t mode)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    uintptr_t self = weir__holder(task);
    int rc = weir__leaf_of(task);

    if (rc == 0 && !take(rwlock, mode, self))
        rc = lock_contended(rwlock, mode, task, self);
    if (rc == 0 && mode == READ && weir__deadlock_watching())
        note_reader(rwlock);
    return rc;
}

int weir_rwlock_read(weir_rwlock *rwlock)
{
    return lock(rwlock, READ);
}

int weir_rwlock_write(weir_rwlock *rwlock)
{
    return lock(rwlock, WRITE);
}

int weir_rwlock_try_read(weir_rwlock *rwlock)
{
    if (!take(rwlock, READ, 0))
        return WEIR_EBUSY;
    if (weir__deadlock_watching())
        note_reader(rwlock);
    return 0;
}

int weir_rwlock_try_write(weir_rwlock *rwlock)
{
    uintptr_t self = WEIR__HOLDER_UNKNOWN;

    if (weir__deadlock_watching()) {
        WEIR__CALL;

        self = weir__holder(weir__task_current());
    }
    return take(rwlock, WRITE, self) ? 0 : WEIR_EBUSY;
}

/* ---- unlocking ---- */

/* Leaves under the guard, for the first that waits; false, and the flag is off, if there is
 * none. */
static bool hand_over(weir_rwlock *rwlock, uint32_t mode)
{
    weir__lock(&rwlock->weir__guard);
    if (!weir__waitq_first(weir__queue_of(rwlock->weir__queue))) {
        (void)WEIR_ATOMIC_AND(&rwlock->weir__word, ~WAITED, RELAXED);
        weir__unlock(&rwlock->weir__guard);
        return false;
    }
    (void)WEIR_ATOMIC_SUB(&rwlock->weir__word, mode, ACQ_REL);
    serve(rwlock);
    return true;
}

static bool unlock(weir_rwlock *rwlock, uint32_t mode)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&rwlock->weir__word, RELAXED);

    while (!(seen & WAITED) || (mode == READ && (seen & READERS) > 1)) {
        if (WEIR_ATOMIC_CAS(&rwlock->weir__word, &seen, seen - mode, RELEASE))
            return true;
    }
    return false;
}

static void leave(weir_rwlock *rwlock, uint32_t mode)
{
    if (unlock(rwlock, mode))
        return;
    WEIR__CALL;
    while (!hand_over(rwlock, mode) && !unlock(rwlock, mode))
        ;
}

void weir_rwlock_read_unlock(weir_rwlock *rwlock)
{
    if (weir__deadlock_watching())
        note_reader_leaves(rwlock);
    leave(rwlock, READ);
}

void weir_rwlock_write_unlock(weir_rwlock *rwlock)
{
    WEIR_ATOMIC_STORE(&rwlock->weir__writer, 0, RELAXED);
    leave(rwlock, WRITE);
}

void weir_rwlock_downgrade(weir_rwlock *rwlock)
{
    uint32_t seen = WRITTEN;

    WEIR_ATOMIC_STORE(&rwlock->weir__writer, 0, RELAXED);
    if (weir__deadlock_watching())
        note_reader(rwlock);
    if (WEIR_ATOMIC_CAS(&rwlock->weir__word, &seen, READ, RELEASE))
        return;
    WEIR__CALL;
    weir__lock(&rwlock->weir__guard);
    (void)WEIR_ATOMIC_SUB(&rwlock->weir__word, WRITTEN - READ, ACQ_REL);
    serve(rwlock);
}
