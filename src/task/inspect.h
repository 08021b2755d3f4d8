/* task/inspect.h - the stack of a task that does not run, read by the thread that holds the task.
 *
 * A task is held by who has made the transition weir__task_state_inspect, and a task that waits for
 * an operation by the thread of that operation's loop. The holder switches to the task's stack,
 * where weir__task_suspend finds `inspection` set, traces itself, and switches back. So what is
 * read is what an unwinder sees from inside; nothing of the task has changed. It needs a few KiB of
 * the stack below the task's frames: a task that has not got them is not traced.
 */
#ifndef WEIR_TASK_INSPECT_H
#define WEIR_TASK_INSPECT_H

struct weir__context;
struct weir__task;
struct weir__worker;

struct weir__inspection {
    struct weir__context *back; /* of the holder's thread */
    void **frames;
    int room, count;
};

/* Traces the stack of a task that the calling thread holds, on the worker that the thread steps and
 * outside of tasks: the innermost frame first, at most `room`; how many. */
int weir__inspect_stack(struct weir__worker *here, struct weir__task *task, void **frames,
                        int room);
/* On the task's stack: answers, and returns when the task is to go on or is inspected again. */
void weir__inspect_answer(struct weir__task *task);

#endif
