/* sys/current.h - what the calling thread is doing: its loop and its worker.
 *
 * The only thread-locals above which weir is built. They are read through functions that no
 * compiler may inline or treat as constant, because a task may continue on another thread after a
 * suspension: an address computed before would be the old thread's. Callers read them once a call
 * and again after each suspension.
 */
#ifndef WEIR_SYS_CURRENT_H
#define WEIR_SYS_CURRENT_H

struct weir_loop;
struct weir__worker;

struct weir_loop *weir__current_loop(void);
void weir__current_set_loop(struct weir_loop *loop);

struct weir__worker *weir__current_worker(void);
void weir__current_set_worker(struct weir__worker *worker);

#endif
