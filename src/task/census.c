/* task/census.c - who is there: every task of a runtime, told by the worker whose memory it is.
 *
 * A worker's own thread walks its tasks between two turns; so none of them can be released
 * meanwhile, though any may be running elsewhere. What is read of a running one is a moment old.
 */
#include "task/census.h"

#include <string.h>

#include "base/alloc.h"
#include "base/container.h"
#include "sys/sys.h"
#include "task/runtime.h"
#include "task/state.h"
#include "task/worker.h"

#define ANSWER_NS 200000000 /* a worker that computes may not answer */

struct census {
    weir_post post;
    struct weir__worker *worker;
    uint32_t users; /* the asker and the worker: the last frees it */
    uint32_t done;  /* partner: weir__runtime_tell */
    uint32_t count; /* of all tasks */
    uint32_t kept;
    struct weir__census_entry entries[WEIR__CENSUS_MAX];
};

static const char *name_of_state(uint32_t state)
{
    switch ((enum weir__task_state)state) {
    case TASK_RUNNABLE:
        return "runnable";
    case TASK_RUNNING:
    case TASK_RUNNING_WOKEN:
        return "running";
    case TASK_PAUSED:
    case TASK_WAITING:
    case TASK_INSPECTED:
    case TASK_INSPECTED_WOKEN:
        return "waiting";
    case TASK_ENDED:
        break;
    }
    return "ending";
}

static void count_task(void *object, void *arg)
{
    struct weir__task *task = object;
    struct census *census = arg;
    struct weir__census_entry *entry;

    if (!task->id)
        return;
    census->count++;
    if (census->kept == WEIR__CENSUS_MAX)
        return;
    entry = &census->entries[census->kept++];
    entry->id = task->id;
    entry->state = name_of_state(WEIR_ATOMIC_LOAD(&task->state, RELAXED));
    strncpy(entry->name, task->name, sizeof entry->name - 1);
    entry->name[sizeof entry->name - 1] = 0;
}

static void give_up(struct census *census)
{
    if (WEIR_ATOMIC_SUB(&census->users, 1, ACQ_REL) == 1)
        weir__free(census);
}

static void deliver(weir_post *post, weir_loop *loop)
{
    struct census *census = WEIR_CONTAINER_OF(post, struct census, post);

    (void)loop;
    weir__slab_each(&census->worker->tasks, count_task, census);
    WEIR_ATOMIC_STORE(&census->done, 1, SEQ_CST);
    weir__sys_table()->unpark(&census->done, 1);
    give_up(census);
}

static struct census *ask(struct weir__worker *worker)
{
    struct census *census = weir__calloc(1, sizeof *census);

    if (!census)
        return NULL;
    census->worker = worker;
    census->users = 2;
    census->post.deliver = deliver;
    weir__loop_post(worker->loop, &census->post);
    return census;
}

static void tell_all(const struct census *census, weir_remaining_fn *tell, void *arg)
{
    uint32_t i;

    for (i = 0; tell && i < census->kept; i++) {
        const struct weir__census_entry *entry = &census->entries[i];
        struct weir_remaining what = {entry->name, entry->id, entry->state};

        tell(&what, arg);
    }
}

/* How many tasks the worker has. One that does not answer has at least the task that it runs. */
static int ask_worker(struct weir__worker *worker, weir_remaining_fn *tell, void *arg)
{
    struct census *census = ask(worker);
    int count = 0, rc = 0;

    if (!census)
        return 0;
    while (!WEIR_ATOMIC_LOAD(&census->done, SEQ_CST) && rc == 0)
        rc = weir__sys_table()->park(&census->done, 0, ANSWER_NS); /* no clock: it may be virtual */
    if (WEIR_ATOMIC_LOAD(&census->done, SEQ_CST)) {
        count = (int)census->count;
        tell_all(census, tell, arg);
    } else if (tell) {
        struct weir_remaining what = {"(a worker that does not answer)", worker->index, "running"};

        tell(&what, arg);
        count = 1;
    }
    give_up(census);
    return count;
}

int weir__runtime_tell(struct weir__runtime *runtime, weir_remaining_fn *tell, void *arg)
{
    uint32_t i;
    int count = 0;

    for (i = 1; i <= weir__runtime_workers(runtime); i++)
        count += ask_worker(weir__runtime_worker(runtime, i), tell, arg);
    return count;
}
