/* task/loan.c - see loan.h. */
#include "task/loan.h"

#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/trace.h"
#include "task/runtime.h"
#include "task/worker.h"

/* ---- offering ---- */

/* Async-signal-safe. */
void weir__loan_begin(struct weir__worker *worker)
{
    struct weir__standby *standby = weir__runtime_standby(worker->runtime);

    worker->lent_task = WEIR_ATOMIC_LOAD(&worker->current, RELAXED);
    WEIR_ATOMIC_STORE(&weir__here()->lent, 1, RELAXED);
    WEIR_ATOMIC_STORE(&worker->loan, LOAN_OUT, SEQ_CST);
    (void)WEIR_ATOMIC_ADD(&standby->word, 1, SEQ_CST);
    weir__sys_table()->unpark(&standby->word, 1);
}

/* The owner is back in the library: returns when the worker is its own again. */
static void take_back(struct weir__here *here)
{
    struct weir__worker *worker = here->worker;
    uint32_t seen = WEIR_ATOMIC_LOAD(&worker->loan, ACQUIRE);

    while (seen != LOAN_HOME) {
        if (seen == LOAN_OUT) {
            if (WEIR_ATOMIC_CAS(&worker->loan, &seen, LOAN_HOME, SEQ_CST))
                break;
        } else if (seen == LOAN_STEPPED) {
            if (WEIR_ATOMIC_CAS(&worker->loan, &seen, LOAN_WANTED, SEQ_CST))
                weir__loop_rouse(worker->loop);
        } else {
            (void)weir__sys_table()->park(&worker->loan, LOAN_WANTED, -1);
            seen = WEIR_ATOMIC_LOAD(&worker->loan, ACQUIRE);
        }
    }
    WEIR_ATOMIC_STORE(&here->lent, 0, RELAXED);
}

/* ---- the signal ---- */

static struct sigaction previous;
static uint32_t installs; /* guarded by `lock` */
static uint32_t lock;

struct weir__task *weir__loan_task(const struct weir__here *here)
{
    if (!here->worker)
        return NULL;
    return here->lent ? here->worker->lent_task : WEIR_ATOMIC_LOAD(&here->worker->current, RELAXED);
}

/* Whether the thread is in the run that the monitor has seen. */
static bool still_stuck(const struct weir__here *here)
{
    struct weir__worker *worker = here->worker;

    return here->lent
           || WEIR_ATOMIC_LOAD(&worker->run.runs, RELAXED)
                  == WEIR_ATOMIC_LOAD(&worker->watched.stuck_runs, RELAXED);
}

/* Whether the thread is in the program's code, in a task that does without its worker meanwhile. */
static bool may_lend(const struct weir__here *here)
{
    struct weir__worker *worker = here->worker;
    const struct weir__task *task;

    if (WEIR_ATOMIC_LOAD(&here->inside, RELAXED) || here->lent
        || !weir__runtime_watch(worker->runtime)->lends
        || WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) != LOAN_HOME)
        return false;
    task = WEIR_ATOMIC_LOAD(&worker->current, RELAXED);
    return task && task->pins == 0;
}

static void on_signal(int number)
{
    struct weir__here *here = weir__here();
    struct weir__worker *worker = here->worker;
    int saved = weir__sys_errno();

    (void)number;
    if (!worker)
        return;
    weir__traced_answer(&worker->traced, weir__loan_task(here), __builtin_return_address(0));
    if (!still_stuck(here)) {
        weir__sys_errno_restore(saved);
        return;
    }
    weir__monitor_answer(&worker->watched, weir__loan_task(here));
    if (may_lend(here))
        weir__loan_begin(worker);
    weir__sys_errno_restore(saved);
}

int weir__loan_install(int number)
{
    struct sigaction action;
    int rc = 0;

    weir__lock(&lock);
    if (installs == 0) {
        memset(&action, 0, sizeof action);
        action.sa_handler = on_signal;
        action.sa_flags = SA_RESTART | SA_ONSTACK;
        sigfillset(&action.sa_mask);
        weir__current_take_back = take_back;
        weir__trace_prepare();
        rc = weir__sys_sigaction(number, &action, &previous);
    }
    installs += rc == 0;
    weir__unlock(&lock);
    return rc;
}

void weir__loan_uninstall(void)
{
    weir__lock(&lock);
    installs--;
    weir__unlock(&lock); /* the handler stays: a late signal must not end the process */
}

/* ---- standing by ---- */

/* A worker that is offered, claimed for the calling thread; NULL if there is none. */
static struct weir__worker *claim(struct weir__runtime *runtime)
{
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(runtime); i++) {
        struct weir__worker *worker = weir__runtime_worker(runtime, i);
        uint32_t seen = LOAN_OUT;

        if (WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) == LOAN_OUT
            && WEIR_ATOMIC_CAS(&worker->loan, &seen, LOAN_STEPPED, SEQ_CST))
            return worker;
    }
    return NULL;
}

static void step_lent(struct weir__worker *worker, struct weir__context *context)
{
    struct weir__context *back = worker->back;
    struct weir__task *current = worker->current;

    weir__current_set_worker(worker);
    weir__current_set_loop(worker->loop);
    worker->back = context;
    WEIR_ATOMIC_STORE(&worker->current, NULL, RELAXED);
    worker->run.lent = true;
    worker->loan_count++;
    while (WEIR_ATOMIC_LOAD(&worker->loan, SEQ_CST) == LOAN_STEPPED)
        (void)weir__worker_step(worker);
    worker->run.lent = false;
    WEIR_ATOMIC_STORE(&worker->current, current, RELAXED);
    worker->back = back;
    weir__current_set_loop(NULL);
    weir__current_set_worker(NULL);
    WEIR_ATOMIC_STORE(&worker->loan, LOAN_HOME, SEQ_CST);
    weir__sys_table()->unpark(&worker->loan, 1);
}

static void stand_by(void *arg)
{
    struct weir__runtime *runtime = arg;
    struct weir__standby *standby = weir__runtime_standby(runtime);
    struct weir__overflow_stack signal_stack = {0};
    struct weir__context context;

    weir__context_init_thread(&context);
    (void)weir__overflow_stack_init(&signal_stack);
    while (!WEIR_ATOMIC_LOAD(&standby->stopping, SEQ_CST)) {
        uint32_t word = WEIR_ATOMIC_LOAD(&standby->word, SEQ_CST);
        struct weir__worker *worker = claim(runtime);

        if (worker) {
            (void)WEIR_ATOMIC_SUB(&standby->idle, 1, SEQ_CST);
            step_lent(worker, &context);
            (void)WEIR_ATOMIC_ADD(&standby->idle, 1, SEQ_CST);
        } else if (!WEIR_ATOMIC_LOAD(&standby->stopping, SEQ_CST)) {
            (void)weir__sys_table()->park(&standby->word, word, -1);
        }
    }
    weir__overflow_stack_fini(&signal_stack);
    weir__context_fini(&context);
}

static bool start_one(struct weir__runtime *runtime, struct weir__standby *standby)
{
    if (standby->count == weir__runtime_workers(runtime))
        return false;
    if (!standby->threads)
        standby->threads = weir__calloc(weir__runtime_workers(runtime), sizeof *standby->threads);
    if (!standby->threads
        || weir__sys_table()->thread_start(&standby->threads[standby->count], stand_by, runtime,
                                           "weir-standby")
               < 0)
        return false;
    standby->count++;
    (void)WEIR_ATOMIC_ADD(&standby->idle, 1, SEQ_CST);
    return true;
}

bool weir__loan_prepare(struct weir__runtime *runtime)
{
    struct weir__standby *standby = weir__runtime_standby(runtime);
    bool ready;

    weir__lock(&standby->lock);
    ready = WEIR_ATOMIC_LOAD(&standby->idle, SEQ_CST) > 0 || start_one(runtime, standby);
    weir__unlock(&standby->lock);
    return ready;
}

void weir__loan_fini(struct weir__runtime *runtime)
{
    struct weir__standby *standby = weir__runtime_standby(runtime);
    uint32_t i;

    WEIR_ATOMIC_STORE(&standby->stopping, 1, SEQ_CST);
    (void)WEIR_ATOMIC_ADD(&standby->word, 1, SEQ_CST);
    weir__sys_table()->unpark(&standby->word, UINT32_MAX);
    for (i = 0; i < standby->count; i++)
        weir__sys_table()->thread_join(&standby->threads[i]);
    weir__free(standby->threads);
}
