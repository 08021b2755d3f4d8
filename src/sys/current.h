/* sys/current.h - what the calling thread is doing: its loop and its worker.
 *
 * The only thread-locals above which weir is built. They are read through functions that no
 * compiler may inline or treat as constant, because a task may continue on another thread after a
 * suspension: an address computed before would be the old thread's. Callers read them once a call
 * and again after each suspension.
 *
 * A thread is `inside` while it runs the library, and outside while it runs the program's code:
 * only then may its worker be lent to another thread, by a signal (task/loan.h). Every public call
 * that has to do with tasks begins with WEIR__CALL, which enters, takes a lent worker back, and
 * leaves when the call returns, unless the library itself called it. Reading what the thread is
 * doing enters too, so that a forgotten WEIR__CALL makes a worker that is not lent, and no race.
 */
#ifndef WEIR_SYS_CURRENT_H
#define WEIR_SYS_CURRENT_H

#include <stdint.h>

struct weir_loop;
struct weir_runtime_entry;
struct weir__worker;

struct weir__here {
    struct weir_loop *loop;
    struct weir__worker *worker;
    struct weir_runtime_entry *entered; /* the innermost, of a thread that runs no task, or NULL */
    uint32_t inside;                    /* partner: the signal handler, on the same thread */
    uint32_t lent;                      /* likewise */
};

/* What takes a lent worker back; set by the task layer. */
extern void (*weir__current_take_back)(struct weir__here *here);

struct weir_loop *weir__current_loop(void);
void weir__current_set_loop(struct weir_loop *loop);

struct weir__worker *weir__current_worker(void);
void weir__current_set_worker(struct weir__worker *worker);

/* The first declaration of a public call. */
#define WEIR__CALL                                                                                 \
    __attribute__((cleanup(weir__current_return), unused)) uint32_t weir__call_was =               \
        weir__current_call()
uint32_t weir__current_call(void);
void weir__current_return(const uint32_t *was);

/* Before and behind a function of the program that the library calls. */
void weir__current_leave(void);
void weir__current_enter(void);

/* Without entering: for a signal handler and for who lends. */
struct weir__here *weir__here(void);

#endif
