/* task/runtime_enter.c - the current runtime, and threads that enter one; see <weir/runtime.h>.
 *
 * A thread's entries are a list that begins in its struct of sys/current.h, the innermost first. An
 * entry is the thread's alone; it visits the runtime (task/runtime.h), whose end waits for it.
 */
#include "sys/current.h"
#include "task/runtime.h"
#include "task/worker.h"

/* The same, where a worker without a task, in a hook or a job of the simulator, is none. */
static struct weir__runtime *current(const struct weir__worker *worker)
{
    const weir_runtime_entry *entry = weir__here()->entered;

    if (worker && worker->current)
        return worker->runtime;
    return entry ? entry->weir__runtime : NULL;
}

struct weir__runtime *weir__runtime_here(void)
{
    const struct weir__worker *worker = weir__current_worker();
    struct weir__runtime *runtime = current(worker);

    return runtime || !worker ? runtime : worker->runtime;
}

weir_runtime *weir_runtime_current(void)
{
    WEIR__CALL;

    return current(weir__current_worker());
}

static bool is_entered(const weir_runtime_entry *entry)
{
    const weir_runtime_entry *at = weir__here()->entered;

    while (at && at != entry)
        at = at->weir__outer;
    return at;
}

int weir_runtime_enter(weir_runtime_entry *entry, weir_runtime *runtime)
{
    WEIR__CALL;

    if (!runtime)
        return WEIR_EINVAL;
    if (weir__task_current() || is_entered(entry))
        return WEIR_EBUSY;
    weir__runtime_visit(runtime);
    (void)WEIR_ATOMIC_ADD(weir__runtime_entries(runtime), 1, SEQ_CST);
    entry->weir__runtime = runtime;
    entry->weir__outer = weir__here()->entered;
    weir__here()->entered = entry;
    return 0;
}

int weir_runtime_leave(weir_runtime_entry *entry)
{
    WEIR__CALL;
    struct weir__runtime *runtime;

    if (weir__task_current() || !entry || weir__here()->entered != entry)
        return WEIR_EINVAL;
    runtime = entry->weir__runtime;
    weir__here()->entered = entry->weir__outer;
    (void)WEIR_ATOMIC_SUB(weir__runtime_entries(runtime), 1, SEQ_CST);
    weir__runtime_leave(runtime); /* from here on it may be gone */
    return 0;
}
