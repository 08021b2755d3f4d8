/* weir/sync.h - locks, semaphores and signals between tasks.
 *
 * The structs are the caller's memory; zeroed memory is a free object, and nothing has to be
 * released. They may be used by tasks on any worker and by threads that are not tasks; a call that
 * suspends a task blocks a thread. All are fair: who waits is served in the order of arrival. A
 * waiter that is cancelled or meets its deadline (WEIR_ECANCELED, WEIR_EDEADLINE) has taken nothing
 * and loses nothing for the others. An object must not be moved or go away while it is used.
 */
#ifndef WEIR_SYNC_H
#define WEIR_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A lock for one holder, who may suspend while holding it. Not recursive. */
typedef struct weir_mutex {
    uint32_t weir__state;
    uint32_t weir__guard;
    void *weir__queue[2];
    void *weir__owner;
} weir_mutex;

/* Locks. Suspends while another one holds it. 0, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_mutex_lock(weir_mutex *mutex);
/* Locks if it is free: 0, else WEIR_EBUSY. Does not suspend. */
WEIR_PUBLIC int weir_mutex_try_lock(weir_mutex *mutex);
/* Unlocks; the first that waits holds it then. By any holder's task or thread. Does not suspend,
 * cannot fail. */
WEIR_PUBLIC void weir_mutex_unlock(weir_mutex *mutex);

#ifdef __cplusplus
}
#endif
#endif
