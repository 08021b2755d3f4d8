/* weir/dump.h - what the tasks of a runtime are doing: each with its state and its stack.
 *
 * A dump goes on beside the tasks. Workers are asked in turn for pieces of what they have, and go
 * on with their tasks between two pieces: none is held up for longer than about 0.3 ms at a time.
 * So a dump is no picture of one moment. A task that lives from its beginning to its end is told
 * exactly once; one that starts or ends meanwhile may be told.
 *
 * The stack of a waiting task is read by its worker, on the task's own stack, of which it needs
 * 6 KiB below what the task uses; that of a running one by the signal of lending
 * (<weir/runtime.h>), on its thread. A runnable task is told without one, and so is a task that has
 * less of its stack left, that runs where signals do not reach, or that moves on meanwhile.
 */
#ifndef WEIR_DUMP_H
#define WEIR_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/runtime.h>
#include <weir/time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_DUMP_FRAMES 32 /* most of a stack that is told */
#define WEIR_DUMP_NAME   48 /* bytes of a name, with its terminator: longer ones are cut */

/* One task. Later versions may have more members, at the end. */
struct weir_dump_task {
    uint64_t id;           /* weir_task_id; 0: no task, see "silent" */
    const char *name;      /* never NULL */
    const char *state;     /* "running", "runnable", "waiting", "ending", or "silent": a worker that
                              does not answer, of whose tasks some may not be told */
    const char *waits_for; /* of a waiting task: "read", "mutex", "channel send", ...; else "" */
    int64_t age_ns;        /* since it was started */
    int64_t waited_ns;     /* of a waiting task: since its wait began; else 0 */
    int64_t deadline_ns;   /* from now to the deadline in effect, negative when it has passed;
                              WEIR_FOREVER: none */
    uint32_t worker;       /* 1..N: that runs it, or ran it last */
    uint32_t frame_count;  /* 0: its stack could not be read */
    void *const *frames;   /* of them: addresses of code, the innermost first */
};

/* Called with one task, which is borrowed until it returns, with all that it points at. */
typedef void weir_dump_fn(const struct weir_dump_task *task, void *arg);

/* Tells of each task of a runtime, on the calling thread: how many. A `runtime` that is NULL is the
 * current one. `fn` may not suspend, and is passed `arg`. A task that calls suspends, and is
 * told too, as waiting for "dump" or as running; its worker may be held up for 2 ms for each task
 * that runs. Another thread is blocked, for 20 ms for each such task at most, and for 0.5 s for
 * each worker that does not answer. Errors, with some tasks told perhaps: WEIR_ENOTASK (NULL,
 * and none is current, or in a hook of a worker), WEIR_EBUSY (there is another dump of the
 * runtime), WEIR_ENOMEM, WEIR_ECANCELED, WEIR_EDEADLINE.
 * Any thread, while the runtime exists. */
WEIR_PUBLIC int weir_dump(weir_runtime *runtime, weir_dump_fn *fn, void *arg);

/* Called with a piece of text of `len` bytes, not ended by NUL, borrowed until it returns. */
typedef void weir_dump_text_fn(const char *text, size_t len, void *arg);

/* The same as text, line by line, with the frames as far as the dynamic linker knows their names:
 * "function+0x12", or "file+0x1234" for addr2line. `put` is called with one or more whole lines. As
 * weir_dump otherwise. */
WEIR_PUBLIC int weir_dump_text(weir_runtime *runtime, weir_dump_text_fn *put, void *arg);

/* The same, written to a descriptor, which is borrowed and may block the thread. Errors of write(2)
 * too; then the rest is not written. */
WEIR_PUBLIC int weir_dump_write(weir_runtime *runtime, int fd);

#ifdef __cplusplus
}
#endif
#endif
