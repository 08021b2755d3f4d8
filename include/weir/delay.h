/* weir/delay.h - a queue whose entries come out when their time has come.
 *
 * For time limits of many things that one task looks after: leases, sessions, retries. Entries are
 * the program's memory, usually part of its own struct, so that inserting cannot fail for want of
 * memory. Any task or thread may insert, reset and remove, and wait for the next entry that
 * expires. Entries of the same moment come out in the order in which they went in.
 */
#ifndef WEIR_DELAY_H
#define WEIR_DELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The caller's memory; zeroed memory is an empty queue. It may go away when it is empty and nobody
 * uses it, and may not be moved. */
typedef struct weir_delay_queue {
    uint32_t weir__guard;
    uint32_t weir__count;
    void *weir__root;
    void *weir__waiting[2];
    uint64_t weir__serial;
} weir_delay_queue;

/* The caller's memory, zeroed at first; lent to the queue from insert until it has come out or was
 * removed. */
typedef struct weir_delay_entry {
    void *weir__node[3];
    uint64_t weir__moment_ns;
    uint64_t weir__serial;
} weir_delay_entry;

/* Puts an entry in, to expire after a delay in nanoseconds (WEIR_FOREVER: not before it is reset)
 * or at a moment of weir_now_ns, which may have passed; UINT64_MAX is never. 0, WEIR_EINVAL (a
 * negative delay), WEIR_EBUSY (it is in a queue). Does not suspend. Any thread. */
WEIR_PUBLIC int weir_delay_insert(weir_delay_queue *queue, weir_delay_entry *entry,
                                  int64_t delay_ns);
WEIR_PUBLIC int weir_delay_insert_at(weir_delay_queue *queue, weir_delay_entry *entry,
                                     uint64_t moment_ns);

/* Gives an entry of this queue another delay in nanoseconds, from now. 0, WEIR_EINVAL (negative),
 * WEIR_ENOENT (it is not in the queue any more). Does not suspend. Any thread. */
WEIR_PUBLIC int weir_delay_reset(weir_delay_queue *queue, weir_delay_entry *entry,
                                 int64_t delay_ns);

/* Takes an entry out: true, and it is the caller's again; false if it was not in: it has come out.
 * Does not suspend. Any thread. */
WEIR_PUBLIC bool weir_delay_remove(weir_delay_queue *queue, weir_delay_entry *entry);

/* Waits until an entry has expired, and takes it out: *out, which is the caller's again. Never
 * early. Several may wait; each entry goes to one of them. Suspends; a thread that runs no task is
 * blocked. 0, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_delay_next(weir_delay_queue *queue, weir_delay_entry **out);

/* The same without waiting: WEIR_EAGAIN if none has expired. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_delay_try_next(weir_delay_queue *queue, weir_delay_entry **out);

/* How many entries are in at this moment. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC size_t weir_delay_count(weir_delay_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
