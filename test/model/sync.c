/* test/model/sync.c - locks, permits and signals, which have a word for the quick way. */
#include "check/task_rig.h"

#include <weir/sync.h>

static weir_mutex mutex;
static weir_semaphore semaphore;
static weir_notify notify;
static int counter; /* guarded by the mutex, or by the only permit */
static uint32_t told;
static int rcs[MODEL_THREADS_MAX];

static void begin(void)
{
    rig_begin();
    mutex = (weir_mutex){0};
    notify = (weir_notify){0};
    semaphore = (weir_semaphore){0};
    (void)weir_semaphore_release(&semaphore);
    counter = 0;
    told = 0;
    memset(rcs, 0, sizeof rcs);
}

static void lock_once(void)
{
    rig_enter();
    rcs[model_thread()] = weir_mutex_lock(&mutex);
    if (rcs[model_thread()] < 0)
        return;
    counter++;
    weir_mutex_unlock(&mutex);
}

static void take_permit(void)
{
    rig_enter();
    rcs[model_thread()] = weir_semaphore_acquire(&semaphore);
    if (rcs[model_thread()] < 0)
        return;
    counter++;
    (void)weir_semaphore_release(&semaphore);
}

static void wait_to_be_told(void)
{
    rig_enter();
    while (!WEIR_ATOMIC_LOAD(&told, RELAXED))
        MODEL_CHECK(weir_notify_wait(&notify) == 0);
}

static void tell(void)
{
    rig_enter();
    WEIR_ATOMIC_STORE(&told, 1, RELAXED);
    weir_notify_one(&notify);
}

static void cancel_first(void)
{
    rig_enter();
    rigs[0].task.home = &rigs[model_thread()].worker;
    weir__task_cancel(&rigs[0].task);
}

static void end_counted(void)
{
    int i, expected = 0;

    for (i = 0; i < MODEL_THREADS_MAX; i++)
        expected += rcs[i] == 0;
    MODEL_CHECK(counter <= expected && counter >= 1);
    MODEL_CHECK(weir_mutex_try_lock(&mutex) == 0);
    MODEL_CHECK(weir_semaphore_try_acquire(&semaphore) == 0);
    MODEL_CHECK(weir_semaphore_try_acquire(&semaphore) == WEIR_EBUSY);
}

static const struct model two_lock = {
    .name = "mutex, two", .begin = begin, .threads = {lock_once, lock_once}, .end = end_counted};
static const struct model locks = {.name = "mutex",
                                   .begin = begin,
                                   .threads = {lock_once, lock_once, lock_once},
                                   .end = end_counted,
                                   .runs_max = 40000};
static const struct model lock_cancelled = {.name = "mutex, cancel",
                                            .begin = begin,
                                            .threads = {lock_once, lock_once, cancel_first},
                                            .end = end_counted,
                                            .runs_max = 40000};
static const struct model permits = {
    .name = "semaphore", .begin = begin, .threads = {take_permit, take_permit}, .end = end_counted};
static const struct model permit_cancelled = {.name = "semaphore, cancel",
                                              .begin = begin,
                                              .threads = {take_permit, take_permit, cancel_first},
                                              .end = end_counted,
                                              .runs_max = 40000};
static const struct model signals = {
    .name = "notify", .begin = begin, .threads = {wait_to_be_told, tell}};

TEST(one_holds_a_lock_at_a_time)
{
    model_holds(&two_lock);
    model_holds(&locks);
    model_holds(&lock_cancelled);
}

TEST(a_permit_is_used_by_one_at_a_time)
{
    model_holds(&permits);
    model_holds(&permit_cancelled);
}

TEST(a_signal_is_kept_for_who_comes_late)
{
    model_holds(&signals);
}

TEST(an_unlock_that_orders_nothing_is_a_race)
{
    model_fails(&two_lock, &(struct model_mutation){.function = "unlock"});
}

TEST(a_permit_that_is_given_back_loosely_is_a_race)
{
    model_fails(&permits, &(struct model_mutation){.function = "add"});
}

TEST(a_signal_that_orders_nothing_is_lost)
{
    model_fails(&signals, &(struct model_mutation){.pointer = "&notify->weir__word"});
}
