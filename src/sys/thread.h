/* sys/thread.h - threads that weir starts. Reached through weir__sys. Any thread.
 *
 * A thread blocks every signal but the synchronous ones (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
 * SIGSYS) and SIGABRT, so that the program's signals reach the program's threads; a worker lets the
 * signal through that lends it. SIGPIPE is blocked too, since splice and pipes know no
 * MSG_NOSIGNAL. Its stack is the system's default unless the struct says otherwise: weir's tasks
 * run on their own. The struct belongs to the starter, who has zeroed it, and lives until the join.
 */
#ifndef WEIR_SYS_THREAD_H
#define WEIR_SYS_THREAD_H

#include <pthread.h>
#include <stddef.h>

struct weir__thread {
    pthread_t id;
    void (*fn)(void *);
    void *arg;
    size_t stack_size; /* 0: the system's default */
    char name[16];     /* the kernel's limit, with the terminator */
};

/* Runs fn(arg) on a new thread named `name` (copied, cut at 15 bytes). Borrows `thread` until the
 * join. 0, WEIR_EAGAIN (limits), WEIR_ENOMEM or WEIR_EINVAL (the size of its stack); on failure
 * there is nothing to join. */
int weir__thread_start(struct weir__thread *thread, void (*fn)(void *), void *arg,
                       const char *name);
/* Waits until fn has returned. Blocks the thread. */
void weir__thread_join(struct weir__thread *thread);

/* The calling thread is joined by nobody. */
void weir__thread_detach(void);

/* The calling thread's own stack: lowest address and size in bytes. 0 or -errno, outputs
 * untouched. */
int weir__thread_stack(void **low, size_t *size);
/* Binds the calling thread to one processor. 0 or -errno. */
int weir__thread_bind(int cpu);
/* The kernel's number of the calling thread. */
int weir__thread_number(void);
/* Sends a signal to one thread of the process, by its number. 0 or -errno. */
int weir__thread_signal(int thread, int number);
/* Lets the calling thread take a signal. */
void weir__thread_unblock(int number);

#endif
