/* weir/sync.h - locks, semaphores and signals between tasks.
 *
 * The structs are the caller's memory; zeroed memory is a free object, and nothing has to be
 * released. They may be used by tasks on any worker, of several runtimes too, and by threads that
 * are not tasks; a call that suspends a task blocks a thread. Who waits is served in the order of
 * arrival, and nobody who comes later overtakes; what is handed over goes to who waits, not to who
 * is quick.
 *
 * Calls that suspend fail with WEIR_ECANCELED or WEIR_EDEADLINE when the task is stopped, also when
 * they would not have had to wait, and with WEIR_ENOMEM when a deadline finds no memory for its
 * timer. A waiter that is stopped has taken nothing and costs the others nothing; if it was served
 * at the same moment the call succeeds, and the next one fails. Calls that do not suspend work in a
 * stopped task too.
 *
 * An object must not be moved while it is used. Its memory may be released when every call on it
 * has returned, but of a call that serves others (unlock, release, signal, notify, count down) it
 * is enough that those whom it has served have returned.
 */
#ifndef WEIR_SYNC_H
#define WEIR_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mutex ---- */

/* A lock for one holder, who may suspend while holding it. Not recursive. */
typedef struct weir_mutex {
    uintptr_t weir__word;
    uint32_t weir__guard;
    void *weir__queue[2];
} weir_mutex;

/* Locks. Suspends while another one holds it. 0; WEIR_EDEADLK: the caller itself holds it (and did
 * not get it by a try call); and as above. */
WEIR_PUBLIC int weir_mutex_lock(weir_mutex *mutex);
/* Locks if it is free: 0, else WEIR_EBUSY. Does not suspend. */
WEIR_PUBLIC int weir_mutex_try_lock(weir_mutex *mutex);
/* Unlocks; the first that waits holds it then. By the task or thread that holds it, which nobody
 * checks: a mutex that another one holds is taken from it, and a free one stays as it is. Does not
 * suspend, cannot fail. */
WEIR_PUBLIC void weir_mutex_unlock(weir_mutex *mutex);

/* ---- rwlock ---- */

/* A lock for one writer or any number of readers. A reader that comes while a writer waits waits
 * behind it, so a task that reads must not begin to read again; readers that stand side by side in
 * the queue come in together. */
typedef struct weir_rwlock {
    uint32_t weir__word;
    uint32_t weir__guard;
    void *weir__queue[2];
    uintptr_t weir__writer;
} weir_rwlock;

/* Locks for reading, or for writing. Suspend while others are in the way. 0; WEIR_EDEADLK: the
 * caller itself holds it for writing (and did not get it by a try call); and as above. */
WEIR_PUBLIC int weir_rwlock_read(weir_rwlock *rwlock);
WEIR_PUBLIC int weir_rwlock_write(weir_rwlock *rwlock);
/* Lock if nobody is in the way or waits: 0, else WEIR_EBUSY. Do not suspend. */
WEIR_PUBLIC int weir_rwlock_try_read(weir_rwlock *rwlock);
WEIR_PUBLIC int weir_rwlock_try_write(weir_rwlock *rwlock);
/* Unlock. By who holds it so, which nobody checks: a rwlock that nobody holds so is broken by it.
 * Do not suspend, cannot fail. */
WEIR_PUBLIC void weir_rwlock_read_unlock(weir_rwlock *rwlock);
WEIR_PUBLIC void weir_rwlock_write_unlock(weir_rwlock *rwlock);
/* Makes the writer a reader, with no other writer between; readers that are next come in. By the
 * writer. Does not suspend, cannot fail. */
WEIR_PUBLIC void weir_rwlock_downgrade(weir_rwlock *rwlock);

/* ---- semaphore ---- */

#define WEIR_SEMAPHORE_MAX INT32_MAX /* free permits */

/* Permits. They have no owner: one task may acquire and another one release. */
typedef struct weir_semaphore {
    void *weir__queue[2];
    uint64_t weir__word;
    uint32_t weir__guard;
} weir_semaphore;

/* A semaphore with so many permits, at most WEIR_SEMAPHORE_MAX. */
#define WEIR_SEMAPHORE_INIT(permits)                                                               \
    {                                                                                              \
        {NULL, NULL}, (uint64_t)(permits), 0                                                       \
    }

/* Takes one permit, or `count` at once. Suspends until so many are free and it is the caller's
 * turn: one that waits for many is not overtaken by others that want few. 0; WEIR_ECLOSED; and as
 * above. */
WEIR_PUBLIC int weir_semaphore_acquire(weir_semaphore *semaphore);
WEIR_PUBLIC int weir_semaphore_acquire_n(weir_semaphore *semaphore, uint32_t count);
/* The same if they are free and nobody waits: 0, else WEIR_EBUSY or WEIR_ECLOSED. Do not
 * suspend. */
WEIR_PUBLIC int weir_semaphore_try_acquire(weir_semaphore *semaphore);
WEIR_PUBLIC int weir_semaphore_try_acquire_n(weir_semaphore *semaphore, uint32_t count);
/* Gives permits back, or makes new ones; also of a closed semaphore. WEIR_ELIMIT, with nothing
 * given: more than WEIR_SEMAPHORE_MAX would be free. Do not suspend. */
WEIR_PUBLIC int weir_semaphore_release(weir_semaphore *semaphore);
WEIR_PUBLIC int weir_semaphore_release_n(weir_semaphore *semaphore, uint32_t count);
/* Takes free permits away for good, at most `count`: how many. (Those that a task holds are
 * forgotten by not releasing them.) Does not suspend. */
WEIR_PUBLIC uint32_t weir_semaphore_forget(weir_semaphore *semaphore, uint32_t count);
/* How many are free at this moment. Does not suspend, cannot fail. */
WEIR_PUBLIC uint32_t weir_semaphore_available(const weir_semaphore *semaphore);
/* From now on acquiring fails with WEIR_ECLOSED, for who waits already too. Does not suspend,
 * cannot fail, may be repeated. */
WEIR_PUBLIC void weir_semaphore_close(weir_semaphore *semaphore);

/* ---- condition ---- */

/* A place to wait for a change of what a mutex guards. */
typedef struct weir_condition {
    uint32_t weir__word;
    uint32_t weir__guard;
    void *weir__queue[2];
} weir_condition;

/* Unlocks the mutex, which the caller holds, waits for a signal, and locks it again, all without
 * missing one. Suspends. The mutex is held when it returns, whatever it returns: locking again is
 * not stopped by a cancel or a deadline. There are no spurious wakes, but another one may have run
 * first, so look again at what was waited for. A signal that comes together with a cancel is
 * delivered. 0; WEIR_ELIMIT (255 open shields); and as above. */
WEIR_PUBLIC int weir_condition_wait(weir_condition *condition, weir_mutex *mutex);
/* Wakes the one that has waited for longest, or all that wait. Who calls holds the mutex, or has
 * held it since it made the change. Nothing is kept if nobody waits. Do not suspend, cannot
 * fail. */
WEIR_PUBLIC void weir_condition_signal(weir_condition *condition);
WEIR_PUBLIC void weir_condition_broadcast(weir_condition *condition);

/* ---- notify ---- */

/* A signal. One that finds nobody waiting is kept for the next that waits, but never more than one:
 * it says that there is something to look for, not how much. */
typedef struct weir_notify {
    uint32_t weir__word;
    uint32_t weir__guard;
    void *weir__queue[2];
} weir_notify;

/* Waits for a signal, or takes the one that is kept. Suspends. 0, and as above. */
WEIR_PUBLIC int weir_notify_wait(weir_notify *notify);
/* Takes the signal that is kept: 0, else WEIR_EBUSY. Does not suspend. */
WEIR_PUBLIC int weir_notify_try(weir_notify *notify);
/* Wakes the one that has waited for longest, or the one that came last; if nobody waits the signal
 * is kept. Do not suspend, cannot fail. */
WEIR_PUBLIC void weir_notify_one(weir_notify *notify);
WEIR_PUBLIC void weir_notify_last(weir_notify *notify);
/* Wakes all that wait at this moment. Nothing is kept. Does not suspend, cannot fail. */
WEIR_PUBLIC void weir_notify_all(weir_notify *notify);
/* For a condition that is announced by weir_notify_all: take a mark, look at the condition, and
 * wait from the mark, which returns at once if all were notified since. Within 2^30 such calls. The
 * first does not suspend; the second is as weir_notify_wait. */
WEIR_PUBLIC uint32_t weir_notify_mark(const weir_notify *notify);
WEIR_PUBLIC int weir_notify_wait_from(weir_notify *notify, uint32_t mark);

/* ---- barrier ---- */

/* A place where a number of tasks wait for each other, again and again. */
typedef struct weir_barrier {
    uint32_t weir__parties;
    uint32_t weir__guard;
    void *weir__queue[2];
    uint32_t weir__arrived;
} weir_barrier;

/* A barrier for so many. */
#define WEIR_BARRIER_INIT(parties)                                                                 \
    {                                                                                              \
        (uint32_t)(parties), 0, {NULL, NULL}, 0                                                    \
    }

/* Waits until as many wait as the barrier is for. Suspends, unless the caller is the last one. 1
 * for the last one, the leader, 0 for the others, and as above: one that is stopped has not
 * arrived. */
WEIR_PUBLIC int weir_barrier_wait(weir_barrier *barrier);

/* ---- once ---- */

/* Something that is to be done once, by whoever comes first. */
typedef struct weir_once {
    uint32_t weir__word;
    uint32_t weir__guard;
    void *weir__queue[2];
    uintptr_t weir__runner;
} weir_once;

/* Runs fn(arg), which may suspend, unless it was done already; suspends while another one runs it.
 * If it fails (a negative result) the next that waits, or that comes, tries with its own. 0: it is
 * done, and what it wrote is visible; a failure of fn, for the caller that ran it; WEIR_EDEADLK:
 * from inside of fn; and as above, but when it is done already nothing else is looked at. */
WEIR_PUBLIC int weir_once_run(weir_once *once, weir_task_fn *fn, void *arg);
/* Whether it is done. Does not suspend. */
WEIR_PUBLIC bool weir_once_done(const weir_once *once);

/* ---- latch ---- */

#define WEIR_LATCH_MAX INT32_MAX

/* A count that goes down to zero, and then the latch is open for ever. */
typedef struct weir_latch {
    void *weir__queue[2];
    uint32_t weir__word;
    uint32_t weir__guard;
} weir_latch;

/* A latch with this count, at most WEIR_LATCH_MAX; with 0 it is open. */
#define WEIR_LATCH_INIT(count)                                                                     \
    {                                                                                              \
        {NULL, NULL}, (uint32_t)(count), 0                                                         \
    }

/* Takes so much off the count; zero opens the latch and wakes all. 0, or WEIR_EINVAL, with nothing
 * done: the count is smaller. Does not suspend. */
WEIR_PUBLIC int weir_latch_count_down(weir_latch *latch, uint32_t count);
/* Waits until the latch is open. Suspends unless it is. 0, and as above. */
WEIR_PUBLIC int weir_latch_wait(weir_latch *latch);
/* 0 if the latch is open, else WEIR_EBUSY. Does not suspend. */
WEIR_PUBLIC int weir_latch_try(const weir_latch *latch);

/* ---- deadlocks ---- */

/* While this is on, every wait for a mutex, a rwlock or a once, every join of a scope or a task,
 * and every select looks whether it closes a ring: of those who wait for each other, and so for
 * ever unless one of them is stopped. If so it is told to the log (<weir/log.h>, WEIR_LOG_ERROR),
 * with a line for each that waits: "deadlock 1: NAME ID waits for mutex 0xADDRESS, held by NAME
 * ID"; 32 lines at most. The other lines say "waits for rwlock 0xADDRESS, held by" a writer, "read
 * by" a reader or, for one that would read, "after" a writer that waits already; "waits for scope
 * 0xADDRESS, which has" a task; "waits for task 0xADDRESS, which is" one. A select has a line for
 * each case, with "selects" for "waits for", and is in a ring only if all of its cases are: a mutex
 * (weir_case_lock), a join, a task. In a scope whose policy is FIRST_DONE or FIRST_SUCCESS, where
 * one task ends the others, all of them must be.
 *
 * Who waits for what anybody may give is never reported: permits, signals, values, tokens, time,
 * bytes. What each task waits for is in a dump (<weir/dump.h>).
 *
 * The call then waits all the same, until it is stopped. For debugging: such waits take one lock of
 * the process, and time that grows with how many there are; calls that need not wait cost what they
 * always do, but reading calls of a rwlock, which take that lock, too, and some memory, without
 * which a reader is unknown. Off at first. Locks taken by a try call, and rwlocks read, while it
 * was off have no known holder; nor have the readers of a rwlock that one releases who has not
 * locked it. Any thread; does not suspend. */
WEIR_PUBLIC void weir_deadlock_watch(bool on);

#ifdef __cplusplus
}
#endif
#endif
