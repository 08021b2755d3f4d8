/* test/os/delay.c - delay queues: what expires when, and who gets it. In virtual time. */
#include "test.h"

#include <pthread.h>
#include <weir.h>

#include "base/container.h"
#include "support/check.h"

enum {
    ENTRIES = 300,
    TAKERS = 7
};

#define MINUTE WEIR_MINUTES(1)
#define TICK   WEIR_MILLISECONDS(1)

struct lease {
    weir_delay_entry entry;
    int number;
    uint64_t due_ns;
    int taken; /* atomic */
};

static void run_virtually(weir_task_fn *fn, void *arg)
{
    uint32_t workers;

    for (workers = 1; workers <= 3; workers++) {
        struct weir_runtime_options options = {.workers = workers, .clock = WEIR_CLOCK_VIRTUAL};

        assert_int_equal(weir_run(fn, arg, &options), 0);
        assert_checks();
    }
}

static struct lease *lease_of(weir_delay_entry *entry)
{
    return WEIR_CONTAINER_OF(entry, struct lease, entry);
}

static void insert(weir_delay_queue *queue, struct lease *lease, int64_t delay_ns)
{
    lease->due_ns = weir_now_ns() + (uint64_t)delay_ns;
    CHECK(weir_delay_insert(queue, &lease->entry, delay_ns) == 0);
}

/* The next lease, when its time has come and not before or long after. */
static struct lease *next(weir_delay_queue *queue)
{
    weir_delay_entry *entry = NULL;
    struct lease *lease;
    int64_t late_ns;

    CHECK(weir_delay_next(queue, &entry) == 0);
    lease = lease_of(entry);
    late_ns = (int64_t)(weir_now_ns() - lease->due_ns);
    CHECK(late_ns >= 0 && late_ns < TICK);
    return lease;
}

static int expire_in_order(void *arg)
{
    static struct lease leases[ENTRIES];
    weir_delay_queue queue = {0};
    uint64_t last_ns = 0;
    int i;

    (void)arg;
    for (i = 0; i < ENTRIES; i++) {
        leases[i] = (struct lease){.number = i};
        insert(&queue, &leases[i], i * 7919 % ENTRIES * MINUTE);
    }
    CHECK(weir_delay_count(&queue) == ENTRIES);
    for (i = 0; i < ENTRIES; i++) {
        struct lease *lease = next(&queue);

        CHECK(lease->due_ns >= last_ns);
        last_ns = lease->due_ns;
    }
    CHECK(weir_delay_count(&queue) == 0);
    return 0;
}

TEST(entries_expire_in_the_order_of_their_moments)
{
    run_virtually(expire_in_order, NULL);
}

static int same_moment(void *arg)
{
    struct lease leases[20] = {0};
    weir_delay_queue queue = {0};
    uint64_t moment_ns = weir_now_ns() + (uint64_t)MINUTE;
    weir_delay_entry *entry;
    int i;

    (void)arg;
    for (i = 0; i < 20; i++)
        CHECK(weir_delay_insert_at(&queue, &leases[i].entry, moment_ns) == 0);
    CHECK(weir_delay_try_next(&queue, &entry) == WEIR_EAGAIN);
    for (i = 0; i < 20; i++) {
        CHECK(weir_delay_next(&queue, &entry) == 0);
        CHECK(lease_of(entry) == &leases[i]);
    }
    return 0;
}

TEST(entries_of_one_moment_keep_their_order)
{
    run_virtually(same_moment, NULL);
}

static int change(void *arg)
{
    struct lease a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
    weir_delay_queue queue = {0};
    weir_delay_entry *entry;

    (void)arg;
    insert(&queue, &a, MINUTE);
    insert(&queue, &b, 2 * MINUTE);
    insert(&queue, &c, 3 * MINUTE);
    CHECK(weir_delay_insert(&queue, &a.entry, MINUTE) == WEIR_EBUSY);
    CHECK(weir_delay_insert(&queue, &a.entry, -1) == WEIR_EINVAL);
    CHECK(weir_delay_reset(&queue, &a.entry, -1) == WEIR_EINVAL);
    CHECK(weir_delay_remove(&queue, &b.entry));
    CHECK(!weir_delay_remove(&queue, &b.entry));
    CHECK(weir_delay_reset(&queue, &b.entry, MINUTE) == WEIR_ENOENT);
    a.due_ns = weir_now_ns() + 4 * (uint64_t)MINUTE;
    CHECK(weir_delay_reset(&queue, &a.entry, 4 * MINUTE) == 0);
    CHECK(next(&queue) == &c);
    CHECK(next(&queue) == &a);
    CHECK(weir_delay_try_next(&queue, &entry) == WEIR_EAGAIN);
    insert(&queue, &b, 0); /* what was removed can go in again */
    CHECK(weir_delay_try_next(&queue, &entry) == 0 && entry == &b.entry);
    return 0;
}

TEST(entries_are_reset_and_removed)
{
    run_virtually(change, NULL);
}

static int stop_waiting(void *arg)
{
    weir_delay_queue queue = {0};
    weir_delay_entry *entry = NULL;
    struct lease far = {0};
    weir_block block;

    (void)arg;
    insert(&queue, &far, 60 * MINUTE);
    CHECK(weir_deadline_begin(&block, MINUTE) == 0);
    CHECK(weir_delay_next(&queue, &entry) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(entry == NULL && weir_delay_count(&queue) == 1);
    CHECK(next(&queue) == &far);
    return 0;
}

TEST(a_wait_that_is_stopped_takes_nothing)
{
    run_virtually(stop_waiting, NULL);
}

/* ---- several at once ---- */

struct crew {
    weir_delay_queue queue;
    struct lease leases[ENTRIES];
    int left; /* atomic */
};

static int take_some(void *arg)
{
    struct crew *crew = arg;

    while (__atomic_sub_fetch(&crew->left, 1, __ATOMIC_SEQ_CST) >= 0)
        CHECK(__atomic_add_fetch(&next(&crew->queue)->taken, 1, __ATOMIC_SEQ_CST) == 1);
    return 0;
}

static int wait_in_vain(void *arg)
{
    weir_delay_entry *entry;

    CHECK(weir_delay_next(arg, &entry) == WEIR_ECANCELED);
    return 0;
}

static int take_by_many(void *arg)
{
    struct crew *crew = arg;
    weir_scope scope, stopped;
    int i;

    *crew = (struct crew){.left = ENTRIES};
    CHECK(weir_scope_open(&stopped) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&stopped, wait_in_vain, &crew->queue) == 0); /* it leads */
    CHECK(weir_sleep(MINUTE) == 0);
    for (i = 0; i < TAKERS; i++)
        CHECK(weir_spawn(&scope, take_some, crew) == 0);
    CHECK(weir_sleep(MINUTE) == 0);
    weir_scope_cancel(&stopped);
    CHECK(weir_scope_join(&stopped) == 0);
    for (i = 0; i < ENTRIES; i++) {
        insert(&crew->queue, &crew->leases[i], (1 + i * 31 % 97) * MINUTE);
        if (i % 10 == 0)
            CHECK(weir_sleep(MINUTE / 2) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < ENTRIES; i++)
        CHECK(crew->leases[i].taken == 1);
    return 0;
}

TEST(each_entry_goes_to_one_of_those_who_wait)
{
    static struct crew crew;

    run_virtually(take_by_many, &crew);
}

static int take_one(void *arg)
{
    struct crew *crew = arg;

    return next(&crew->queue)->number;
}

static int insert_earlier(void *arg)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_FIRST_SUCCESS};
    struct crew *crew = arg;
    weir_scope scope;

    *crew = (struct crew){.left = 0};
    crew->leases[0].number = 1;
    crew->leases[1].number = 2;
    insert(&crew->queue, &crew->leases[0], 60 * MINUTE);
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_spawn(&scope, take_one, crew) == 0);
    CHECK(weir_sleep(MINUTE) == 0);
    insert(&crew->queue, &crew->leases[1], MINUTE);
    CHECK(weir_scope_join(&scope) == 2);
    CHECK(weir_delay_remove(&crew->queue, &crew->leases[0].entry));
    return 0;
}

TEST(an_earlier_entry_is_not_waited_past)
{
    static struct crew crew;

    run_virtually(insert_earlier, &crew);
}

/* ---- from a thread, in real time ---- */

static void *insert_as_thread(void *arg)
{
    struct crew *crew = arg;
    int i;

    for (i = 0; i < ENTRIES; i++) {
        CHECK(weir_delay_insert(&crew->queue, &crew->leases[i].entry, i % 3 * 100000) == 0);
        (void)weir_delay_reset(&crew->queue, &crew->leases[i].entry, 0); /* if it is in still */
    }
    return NULL;
}

static int take_all(void *arg)
{
    struct crew *crew = arg;
    weir_delay_entry *entry;
    int i;

    for (i = 0; i < ENTRIES; i++) {
        CHECK(weir_delay_next(&crew->queue, &entry) == 0);
        CHECK(lease_of(entry)->taken++ == 0);
    }
    return 0;
}

TEST(a_thread_puts_entries_in)
{
    static struct crew crew;
    struct weir_runtime_options options = {.workers = 2};
    pthread_t thread;

    crew = (struct crew){.left = 0};
    assert_int_equal(pthread_create(&thread, NULL, insert_as_thread, &crew), 0);
    assert_int_equal(weir_run(take_all, &crew, &options), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weir_delay_count(&crew.queue), 0);
    assert_checks();
}

/* ---- threads that wait ---- */

struct waiting_thread {
    weir_delay_queue queue;
    struct lease leases[ENTRIES];
    int taken; /* atomic */
};

static struct waiting_thread shared;

static void begin_shared(void)
{
    int i;

    shared = (struct waiting_thread){.taken = 0};
    for (i = 0; i < ENTRIES; i++)
        shared.leases[i].number = i;
}

/* Takes entries until the one of the last number has come. */
static void take_until_last(void)
{
    struct lease *lease;

    do {
        weir_delay_entry *entry = NULL;

        CHECK(weir_delay_next(&shared.queue, &entry) == 0);
        lease = lease_of(entry);
        CHECK(weir_now_ns() >= lease->due_ns);
        CHECK(__atomic_add_fetch(&lease->taken, 1, __ATOMIC_SEQ_CST) == 1);
        (void)__atomic_add_fetch(&shared.taken, 1, __ATOMIC_SEQ_CST);
    } while (lease->number < ENTRIES - 2);
}

static void *take_as_thread(void *arg)
{
    (void)arg;
    take_until_last();
    return NULL;
}

static int take_as_task(void *arg)
{
    (void)arg;
    take_until_last();
    return 0;
}

static void insert_lease(struct lease *lease, int64_t delay_ns)
{
    lease->due_ns = weir_now_ns() + (uint64_t)delay_ns;
    CHECK(weir_delay_insert_at(&shared.queue, &lease->entry, lease->due_ns) == 0);
}

TEST(a_thread_waits_for_what_expires)
{
    pthread_t thread;
    int i;

    begin_shared();
    assert_int_equal(pthread_create(&thread, NULL, take_as_thread, NULL), 0);
    for (i = ENTRIES - 2; i >= 0; i--) /* the last one that is put in expires first */
        insert_lease(&shared.leases[i], WEIR_MICROSECONDS(100 * i));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_checks();
    assert_int_equal(shared.taken, ENTRIES - 1);
    assert_int_equal(weir_delay_count(&shared.queue), 0);
}

static int feed_threads_and_tasks(void *arg)
{
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, take_as_task, NULL) == 0);
    for (i = 0; i < ENTRIES; i++)
        insert_lease(&shared.leases[i],
                     i < ENTRIES - 2 ? WEIR_MICROSECONDS(i % 7 * 100) : WEIR_MILLISECONDS(20));
    return weir_scope_join(&scope);
}

/* The last two entries end one each. */
TEST(threads_and_tasks_wait_together)
{
    struct weir_runtime_options options = {.workers = 2};
    pthread_t thread;

    not_on_sim("time does not wait for threads");
    begin_shared();
    assert_int_equal(pthread_create(&thread, NULL, take_as_thread, NULL), 0);
    assert_int_equal(weir_run(feed_threads_and_tasks, NULL, &options), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_checks();
    assert_int_equal(shared.taken, ENTRIES);
}

/* By the virtual clock, which a task moves by an hour. */
static int move_by_an_hour(void *arg)
{
    struct lease *lease = arg;

    insert_lease(lease, WEIR_MINUTES(60));
    CHECK(weir_sleep(WEIR_MINUTES(61)) == 0);
    while (__atomic_load_n(&shared.taken, __ATOMIC_SEQ_CST) < 1)
        CHECK(weir_yield() == 0);
    return 0;
}

TEST(a_thread_follows_the_virtual_clock)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};
    pthread_t thread;

    not_on_sim("time does not wait for threads");
    begin_shared();
    assert_int_equal(pthread_create(&thread, NULL, take_as_thread, NULL), 0);
    assert_int_equal(weir_run(move_by_an_hour, &shared.leases[ENTRIES - 1], &options), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_checks();
    assert_int_equal(shared.taken, 1);
}

TEST(a_look_does_not_wait)
{
    weir_delay_queue queue = {0};
    weir_delay_entry *entry;

    assert_int_equal(weir_delay_try_next(&queue, &entry), WEIR_EAGAIN);
}
