/* task/traced.h - the stack of a task that runs, read by a signal.
 *
 * The signal is that of lending (task/loan.h). Its handler answers who has asked, on the thread of
 * the worker: what task that thread runs, lent or not, and its frames. One asks at a time, and for
 * a bounded time: a thread that the system does not let run does not answer.
 *
 * States of the word: NONE, ASKED, ANSWERING, ANSWERED. Partners: the handler and weir__traced_ask.
 */
#ifndef WEIR_TASK_TRACED_H
#define WEIR_TASK_TRACED_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/dump.h>

struct weir__task;
struct weir__worker;

enum weir__traced_word {
    TRACED_NONE = 0,
    TRACED_ASKED = 1,
    TRACED_ANSWERING = 2,
    TRACED_ANSWERED = 3
};

/* A worker's. What is behind the word is the handler's while it answers, then the asker's. */
struct weir__traced {
    uint32_t word; /* parked on by the asker */
    int frame_count;
    uint64_t task_id; /* 0: it runs none */
    char task_name[WEIR_DUMP_NAME];
    void *frames[WEIR_DUMP_FRAMES];
};

/* In the handler: answers if somebody has asked. `trampoline` is where the handler returns to. */
void weir__traced_answer(struct weir__traced *traced, const struct weir__task *task,
                         const void *trampoline);

/* Asks the worker's thread, and blocks the calling thread for at most limit_ns: whether
 * worker->traced holds an answer, until the next ask. */
bool weir__traced_ask(struct weir__worker *worker, int64_t limit_ns);

#endif
