/* weir/signal.h - waiting for signals: once, or as a listener that misses none.
 *
 * From the first wait or listener for it on a signal is weir's until the process ends: it no longer
 * has its default effect, and a handler that was there before is not called. It is taken by a
 * thread of weir's own even if all others block it. What a signal carries is told with it, but
 * signals of one number coalesce, as in the kernel: of several that nobody has taken yet there is
 * one, with what the last of them carried and how many they were. One that is sent to a single
 * thread (raise(3) in a task, whose worker may block everything) waits for that thread: signals are
 * sent to the process, by kill(2) or sigqueue(3).
 */
#ifndef WEIR_SIGNAL_H
#define WEIR_SIGNAL_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/select.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a signal carries: see sigaction(2), siginfo_t. */
struct weir_signal_info {
    int32_t signal;
    int32_t code;   /* si_code: SI_USER, SI_QUEUE, CLD_EXITED, ... */
    int32_t pid;    /* of who sent it, if anybody did */
    uint32_t user;  /* likewise */
    int64_t value;  /* of sigqueue(3): the integer; SIGCHLD: the status */
    uint32_t count; /* how many have coalesced; at least 1 */
};

/* Waits until one of `count` signals (1..63; borrowed) arrives at the process: its number, the
 * lowest if there are several. Any number of tasks may wait: all who wait for a signal when it
 * comes get it. One that comes while nobody waits is kept for the next wait, once. Suspends.
 * WEIR_EINVAL (not a signal that can be caught, or none), WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM,
 * WEIR_EAGAIN (no thread), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_signal_wait(const int *signals, size_t count);

/* The same; *out, which is the caller's, is what it carries. */
WEIR_PUBLIC int weir_signal_wait_info_n(const int *signals, size_t count,
                                        struct weir_signal_info *out, size_t out_size);
static inline int weir_signal_wait_info(const int *signals, size_t count,
                                        struct weir_signal_info *out)
{
    return weir_signal_wait_info_n(signals, count, out, sizeof *out);
}

/* A listener: it gets every signal of its set from its beginning on, whatever others do. */
typedef struct weir_signals {
    uint64_t id;
} weir_signals;

/* Gives *out, for weir_signals_close. Borrows `signals`. Does not suspend. Any thread. Errors as
 * above, and WEIR_ELIMIT (handles). */
WEIR_PUBLIC int weir_signals_open(weir_signals *out, const int *signals, size_t count);

/* Takes the next signal that has come: its number, the lowest if there are several; *out, unless it
 * is NULL, is what it carries. Any number may wait; each signal goes to one of them. Suspends until
 * there is one; a thread that runs no task blocks. WEIR_EBADHANDLE, WEIR_ECLOSED (it was closed
 * meanwhile), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_signals_next_n(weir_signals listener, struct weir_signal_info *out,
                                    size_t out_size);
static inline int weir_signals_next(weir_signals listener, struct weir_signal_info *out)
{
    return weir_signals_next_n(listener, out, sizeof *out);
}

/* Fills a case of a select (<weir/select.h>) with the same; its result is the signal's number.
 * `info` may be NULL, and is borrowed by each select that uses the case. Does not suspend, cannot
 * fail. */
WEIR_PUBLIC void weir_case_signals_n(weir_case *out, weir_signals listener,
                                     struct weir_signal_info *info, size_t info_size);
static inline void weir_case_signals(weir_case *out, weir_signals listener,
                                     struct weir_signal_info *info)
{
    weir_case_signals_n(out, listener, info, sizeof *info);
}

/* Ends the listener. 0, also if it was closed before. Does not suspend, cannot fail. Any thread. */
WEIR_PUBLIC int weir_signals_close(weir_signals listener);

/* Blocks signals (1..64) in the calling thread; *before gives its mask, bit n - 1 for signal n.
 * Threads that are made later inherit it, workers aside, and so do children of runtimes that this
 * thread makes later. Not in a task, which does not stay on its thread: WEIR_EBUSY. WEIR_EINVAL.
 * Does not suspend. */
WEIR_PUBLIC int weir_signal_block(const int *signals, size_t count, uint64_t *before);
/* Sets the calling thread's mask. Does not suspend, cannot fail. */
WEIR_PUBLIC void weir_signal_restore(uint64_t mask);

#ifdef __cplusplus
}
#endif
#endif
