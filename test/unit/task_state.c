/* test/unit/task_state.c - a wake that meets a pause is never lost. */
#include "test.h"

#include <pthread.h>

#include "task/state.h"

TEST(each_transition_says_what_to_do)
{
    uint32_t state = TASK_RUNNABLE;

    assert_false(weir__task_state_wake(&state));
    assert_int_equal(state, TASK_RUNNABLE);
    weir__task_state_run(&state);
    assert_true(weir__task_state_pause(&state));
    assert_int_equal(state, TASK_PAUSED);
    assert_true(weir__task_state_wake(&state));
    assert_int_equal(state, TASK_RUNNABLE);
    weir__task_state_run(&state);
    assert_false(weir__task_state_wake(&state));
    assert_false(weir__task_state_wake(&state));
    assert_int_equal(state, TASK_RUNNING_WOKEN);
    assert_false(weir__task_state_pause(&state));
    assert_int_equal(state, TASK_RUNNABLE);
    weir__task_state_run(&state);
    assert_false(weir__task_state_wake(&state)); /* for a pause that is over */
    weir__task_state_wait(&state);
    assert_int_equal(state, TASK_WAITING);
    assert_false(weir__task_state_wake(&state)); /* an operation is not to be woken from */
    assert_int_equal(state, TASK_WAITING);
    weir__task_state_completed(&state);
    assert_int_equal(state, TASK_RUNNABLE);
    state = TASK_ENDED;
    assert_false(weir__task_state_wake(&state));
    assert_int_equal(state, TASK_ENDED);
}

TEST(an_inspected_task_stays_and_its_wake_is_kept)
{
    uint32_t state = TASK_PAUSED;

    assert_true(weir__task_state_inspect(&state));
    assert_false(weir__task_state_inspect(&state));
    assert_true(weir__task_state_let_go(&state));
    assert_int_equal(state, TASK_PAUSED);
    assert_true(weir__task_state_inspect(&state));
    assert_false(weir__task_state_wake(&state));
    assert_false(weir__task_state_wake(&state));
    assert_false(weir__task_state_let_go(&state));
    assert_int_equal(state, TASK_RUNNABLE);
    assert_false(weir__task_state_inspect(&state));
    state = TASK_WAITING;
    assert_false(weir__task_state_inspect(&state));
}

#define ROUNDS 50000

static uint32_t shared_state;
static int wanted, queued; /* wakes asked for; put into the queue by the waker */

static void *wake_always(void *arg)
{
    int i;

    (void)arg;
    for (i = 1; i <= ROUNDS; i++) {
        __atomic_store_n(&wanted, i, __ATOMIC_SEQ_CST);
        if (weir__task_state_wake(&shared_state))
            __atomic_store_n(&queued, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

TEST(no_wake_is_lost_between_threads)
{
    pthread_t waker;

    shared_state = TASK_RUNNABLE;
    assert_int_equal(pthread_create(&waker, NULL, wake_always, NULL), 0);
    for (;;) {
        weir__task_state_run(&shared_state);
        if (__atomic_load_n(&wanted, __ATOMIC_SEQ_CST) == ROUNDS)
            break;
        if (weir__task_state_pause(&shared_state)) {
            while (!__atomic_exchange_n(&queued, 0, __ATOMIC_SEQ_CST)) {
            }
        }
    }
    pthread_join(waker, NULL);
    assert_int_equal(wanted, ROUNDS);
}
