/* test/support/run.h - running tasks in a test of <weir/sync.h> or the like. */
#ifndef WEIR_TEST_SUPPORT_RUN_H
#define WEIR_TEST_SUPPORT_RUN_H

#include <sched.h>
#include <weir.h>

#include "support/check.h"

/* Runs fn(arg) with so many workers, and fails with the first check that failed. */
static inline int run_with(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

/* Runs `count` tasks with the same argument, and joins them. */
static inline int run_many(weir_task_fn *fn, void *arg, int count)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < count; i++)
        CHECK(weir_spawn(&scope, fn, arg) == 0);
    return weir_scope_join(&scope);
}

/* Lets others run until the condition holds: by a task, by a thread. */
#define YIELD_UNTIL(condition)                                                                     \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            CHECK(weir_yield() == 0);                                                              \
            sched_yield();                                                                         \
        }                                                                                          \
    } while (0)
#define SPIN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        while (!(condition))                                                                       \
            sched_yield();                                                                         \
    } while (0)

#define SEE(word)        __atomic_load_n(&(word), __ATOMIC_SEQ_CST)
#define SAY(word, value) __atomic_store_n(&(word), (value), __ATOMIC_SEQ_CST)
#define ADD(word, value) __atomic_add_fetch(&(word), (value), __ATOMIC_SEQ_CST)

#endif
