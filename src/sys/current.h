/* sys/current.h - what the calling thread is doing: its loop and its worker.
 *
 * The only thread-locals above which weir is built. They are read through functions that no
 * compiler may inline or treat as constant, because a task may continue on another thread after a
 * suspension: an address computed before would be the old thread's. Callers read them once a call
 * and again after each suspension.
 *
 * Reading them is also the door into the library. From there on the thread is `inside`, until a
 * call that is about to return to the program says weir__current_leave. Only while it is outside
 * may its worker be lent to another thread, by a signal (task/loan.h); the next entry takes it back
 * before it returns.
 */
#ifndef WEIR_SYS_CURRENT_H
#define WEIR_SYS_CURRENT_H

#include <stdint.h>

struct weir_loop;
struct weir__worker;

struct weir__here {
    struct weir_loop *loop;
    struct weir__worker *worker;
    uint32_t inside; /* partner: the signal handler, on the same thread */
    uint32_t lent;   /* likewise */
};

/* What takes a lent worker back; set by the task layer. */
extern void (*weir__current_take_back)(struct weir__here *here);

struct weir_loop *weir__current_loop(void);
void weir__current_set_loop(struct weir_loop *loop);

struct weir__worker *weir__current_worker(void);
void weir__current_set_worker(struct weir__worker *worker);

/* The last thing that a call does before it returns to the program. The library does the same
 * before it calls a function of the program, and enters again behind it. */
void weir__current_leave(void);
void weir__current_enter(void);

/* Without entering: for a signal handler and for who lends. */
struct weir__here *weir__here(void);

#endif
