/* task/traced.c - see traced.h. */
#include "task/traced.h"

#include <string.h>

#include "sys/sys.h"
#include "sys/trace.h"
#include "task/runtime.h"
#include "task/task.h"
#include "task/worker.h"

void weir__traced_answer(struct weir__traced *traced, const struct weir__task *task,
                         const void *trampoline)
{
    uint32_t asked = TRACED_ASKED;

    if (!WEIR_ATOMIC_CAS(&traced->word, &asked, TRACED_ANSWERING, ACQUIRE))
        return;
    traced->frame_count = 0;
    traced->task_id = 0;
    if (task) {
        traced->task_id = task->id;
        strncpy(traced->task_name, task->name, sizeof traced->task_name - 1);
        traced->frame_count = weir__trace_from(traced->frames, WEIR_DUMP_FRAMES, trampoline);
    }
    WEIR_ATOMIC_STORE(&traced->word, TRACED_ANSWERED, SEQ_CST);
    weir__sys_table()->unpark(&traced->word, 1);
}

bool weir__traced_ask(struct weir__worker *worker, int64_t limit_ns)
{
    struct weir__traced *traced = &worker->traced;
    int signal = weir__runtime_watch(worker->runtime)->signal, rc = 0;
    uint32_t seen = TRACED_ASKED;

    if (!signal)
        return false;
    WEIR_ATOMIC_STORE(&traced->word, TRACED_ASKED, SEQ_CST);
    rc =
        weir__sys_table()->thread_signal(WEIR_ATOMIC_LOAD(&worker->thread_number, RELAXED), signal);
    while (rc == 0 && WEIR_ATOMIC_LOAD(&traced->word, SEQ_CST) == TRACED_ASKED)
        rc = weir__sys_table()->park(&traced->word, TRACED_ASKED, limit_ns);
    if (WEIR_ATOMIC_CAS(&traced->word, &seen, TRACED_NONE, SEQ_CST))
        return false;
    while (WEIR_ATOMIC_LOAD(&traced->word, ACQUIRE) != TRACED_ANSWERED) /* the handler is at it */
        (void)weir__sys_table()->park(&traced->word, TRACED_ANSWERING, -1);
    return true;
}
