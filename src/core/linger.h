/* core/linger.h - whether a thread of the pool looks for its next job for a moment before it
 * sleeps.
 *
 * A job there and back by threads that sleep costs two wakes of a processor that may be idle. Who
 * calls again at once finds the thread looking, and gets its result before it has fallen asleep
 * itself: a twentieth of the time, and of the processor's. But a thread that looks in vain has its
 * processor from others. So it looks while jobs come within a few microseconds, on average; and
 * where they do not, it tries now and then whether they would, since a caller that has to be woken
 * first cannot be that fast. A trial is a few looks of about the time of that wake. Each that has
 * not helped doubles how many waits it is until the next one.
 *
 * Nobody looks where there is one processor, or on the one that the last job came from, which is
 * the caller's. A clock that jumps between two looks says that somebody has need of this one: that
 * counts as a long wait.
 *
 * Belongs to the one thread of a class that is on its way to the queue.
 */
#ifndef WEIR_CORE_LINGER_H
#define WEIR_CORE_LINGER_H

#include <stdbool.h>
#include <stdint.h>

struct weir__linger {
    bool never;
    bool late;          /* in this wait */
    uint32_t trial;     /* looks that are left of it */
    uint32_t skip;      /* waits until the next trial */
    uint32_t backoff;   /* skips after a trial that was in vain */
    int64_t average_ns; /* of the waits, each taken as WEIR__LINGER_LONG_NS at most */
    uint64_t from_ns;   /* of the wait; 0: there is none */
    uint64_t began_ns;  /* the look */
    uint64_t before_ns;
    int64_t budget_ns;
    uint32_t looks; /* that are left, for clocks that stand still */
};

/* Measured on a virtual machine of two processors: a thread that is put to sleep and woken costs 3
 * to 4 us of processor time where the processors are busy, and jobs come 1.2 us after one another
 * to a thread that looks. Two wakes of processors that are idle take 30 us. */
#define WEIR__LINGER_NEAR_NS  3000  /* jobs that come so soon are worth a look of twice as long */
#define WEIR__LINGER_LONG_NS  20000 /* one such wait, or two, end the looking */
#define WEIR__LINGER_TRIAL_NS 25000 /* until a caller was woken, and calls again */
#define WEIR__LINGER_TRIAL    32u   /* looks; 18 short waits bring the longest average down */

void weir__linger_init(struct weir__linger *linger, bool never);

/* A wait begins: true if the thread shall look. Then it looks until there is a job, or
 * weir__linger_again says no. `elsewhere`: the last job came from another processor. */
bool weir__linger_begin(struct weir__linger *linger, bool elsewhere);
bool weir__linger_again(struct weir__linger *linger);
/* The wait that began last has ended, since a job came at `now_ns`. */
void weir__linger_end(struct weir__linger *linger, uint64_t now_ns);

#endif
