/* test/os/cold.c - tasks are packed while they wait, and find their stacks as they left them. */
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <weir.h>

#include "support/hostile.h"
#include "support/run.h"
#include "task/runtime.h"
#include "task/state.h"
#include "task/worker.h"

#define AFTER_NS WEIR_MILLISECONDS(1)

static int run_packing(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers, .pack_after_ns = AFTER_NS};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static uint64_t packs(void)
{
    WEIR__CALL;
    struct weir__runtime *runtime = weir__current_worker()->runtime;
    uint64_t sum = 0;
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(runtime); i++)
        sum += WEIR_ATOMIC_LOAD(&weir__runtime_worker(runtime, i)->counts.packs, RELAXED);
    return sum;
}

static int spawn_packable(weir_scope *scope, weir_task_fn *fn, void *arg)
{
    struct weir_spawn_options options = {.packable = WEIR_ON, .worker = 1};

    return weir_spawn_with(scope, fn, arg, &options);
}

/* Lets others run until the condition holds, at the pace of the packing. */
static void settle_until_packs(uint64_t wanted)
{
    while (packs() < wanted)
        CHECK(weir_sleep(AFTER_NS / 4) == 0);
}

/* ---- every kind of wait ---- */

struct world {
    weir_mutex mutex;
    weir_rwlock rwlock, written;
    weir_semaphore semaphore;
    weir_notify notify, sentinels, gate, all;
    weir_condition condition;
    weir_barrier barrier;
    weir_latch latch;
    weir_once once;
    weir_token token;
    weir_scope *scope; /* that the task is in */
    weir_chan chan, full;
    weir_oneshot oneshot;
    weir_broadcast broadcast;
    weir_watch watch;
    weir_stream ours, theirs, pair[2];
    weir_listener listener;
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_delay_queue delay;
    weir_delay_entry entry;
    weir_limiter limiter;
    weir_rate rate;
    char *heap; /* for large reads and writes */
    uint32_t job, begun;
    uint64_t packs_before;
};

#define HEAP_SIZE (4u << 20)

struct kind {
    const char *name;
    int (*wait)(struct world *w); /* by the task; 0 */
    int (*wake)(struct world *w); /* by the test; 0. NULL: the wait ends by itself */
    bool packed;
};

/* What ends by itself is repeated until it was packed, however slow the machine is. */
#define SHORT WEIR_MILLISECONDS(30)

static int sleep_long(struct world *w)
{
    while (packs() == w->packs_before)
        CHECK(weir_sleep(SHORT) == 0);
    return 0;
}
static int sleep_until(struct world *w)
{
    while (packs() == w->packs_before)
        CHECK(weir_sleep_until(weir_now_ns() + (uint64_t)SHORT) == 0);
    return 0;
}
static int tick(struct world *w)
{
    weir_interval interval;

    CHECK(weir_interval_init(&interval, SHORT, WEIR_MISSED_SKIP) == 0);
    while (packs() == w->packs_before)
        CHECK(weir_interval_tick(&interval, NULL) == 0);
    return 0;
}
static int under_deadline(struct world *w)
{
    weir_block block;

    while (packs() == w->packs_before) {
        CHECK(weir_deadline_begin(&block, SHORT) == 0);
        CHECK(weir_notify_wait(&w->gate) == WEIR_EDEADLINE);
        CHECK(weir_block_end(&block));
    }
    return 0;
}
static int lock_mutex(struct world *w)
{
    int rc = weir_mutex_lock(&w->mutex);

    weir_mutex_unlock(&w->mutex);
    return rc;
}
static int unlock_mutex(struct world *w)
{
    weir_mutex_unlock(&w->mutex);
    return 0;
}
static int write_lock(struct world *w)
{
    int rc = weir_rwlock_write(&w->rwlock);

    weir_rwlock_write_unlock(&w->rwlock);
    return rc;
}
static int read_unlock(struct world *w)
{
    weir_rwlock_read_unlock(&w->rwlock);
    return 0;
}
static int acquire(struct world *w)
{
    return weir_semaphore_acquire_n(&w->semaphore, 2);
}
static int release(struct world *w)
{
    return weir_semaphore_release_n(&w->semaphore, 2);
}
static int wait_notify(struct world *w)
{
    return weir_notify_wait(&w->notify);
}
static int notify(struct world *w)
{
    weir_notify_one(&w->notify);
    return 0;
}
static int wait_condition(struct world *w)
{
    weir_mutex mutex = {0}; /* the task's own: nobody else looks at it */
    int rc;

    CHECK(weir_mutex_lock(&mutex) == 0);
    rc = weir_condition_wait(&w->condition, &mutex);
    weir_mutex_unlock(&mutex);
    return rc;
}
static int signal_condition(struct world *w)
{
    weir_condition_signal(&w->condition);
    return 0;
}
static int meet(struct world *w)
{
    int rc = weir_barrier_wait(&w->barrier);

    return rc < 0 ? rc : 0;
}
static int wait_latch(struct world *w)
{
    return weir_latch_wait(&w->latch);
}
static int count_down(struct world *w)
{
    return weir_latch_count_down(&w->latch, 1);
}
static int receive(struct world *w)
{
    int value = 0, rc = weir_chan_recv(w->chan, &value);

    CHECK(rc < 0 || value == 77);
    return rc;
}
static int send_value(struct world *w)
{
    int value = 77;

    return weir_chan_send(w->chan, &value);
}
static int send_to_full(struct world *w)
{
    int value = 78;

    return weir_chan_send(w->full, &value);
}
static int drain(struct world *w)
{
    int first = 0, second = 0, rc = weir_chan_recv(w->full, &first);

    if (rc == 0)
        rc = weir_chan_recv(w->full, &second);
    CHECK(first == 1 && second == 78);
    return rc;
}
static int reserve(struct world *w)
{
    weir_permit permit;
    int value = 78, rc = weir_chan_reserve(w->full, &permit);

    return rc < 0 ? rc : weir_permit_commit(&permit, &value);
}
static int recv_oneshot(struct world *w)
{
    int value = 0, rc = weir_oneshot_recv(w->oneshot, &value);

    CHECK(value == 79);
    return rc;
}
static int send_oneshot(struct world *w)
{
    int value = 79;

    return weir_oneshot_send(w->oneshot, &value);
}
static int listen_broadcast(struct world *w)
{
    weir_listening listening;
    int value = 0, rc = weir_broadcast_listen(w->broadcast, &listening);

    if (rc == 0)
        rc = weir_broadcast_recv(&listening, &value);
    CHECK(value == 80);
    return rc;
}
static int listen_from_heap(struct world *w)
{
    weir_listening *listening = (void *)w->heap;
    int value = 0, rc = weir_broadcast_listen(w->broadcast, listening);

    if (rc == 0)
        rc = weir_broadcast_recv(listening, &value);
    CHECK(value == 80);
    return rc;
}
static int listen_and_receive_in_heap(struct world *w)
{
    weir_listening *listening = (void *)w->heap;
    int *value = (int *)(void *)(listening + 1);
    int rc = weir_broadcast_listen(w->broadcast, listening);

    if (rc == 0)
        rc = weir_broadcast_recv(listening, value);
    CHECK(*value == 80);
    return rc;
}
static int send_broadcast(struct world *w)
{
    int value = 80, rc = weir_broadcast_send(w->broadcast, &value);

    return rc < 0 ? rc : 0;
}
static int see_change(struct world *w)
{
    uint64_t version = 0;
    int value = 0, rc = weir_watch_get(w->watch, &value, &version);

    if (rc == 0)
        rc = weir_watch_changed(w->watch, &value, &version);
    CHECK(value == 81);
    return rc;
}
static int change(struct world *w)
{
    int value = 81;

    return weir_watch_set(w->watch, &value);
}
static int select_one(struct world *w)
{
    weir_case cases[2];
    int value = 0;

    weir_case_recv(&cases[0], w->chan, &value);
    weir_case_after(&cases[1], WEIR_SECONDS(100));
    CHECK(weir_select(cases, 2) == 0);
    CHECK(value == 77);
    return 0;
}
static int read_small(struct world *w)
{
    char bytes[8] = "";
    ptrdiff_t n = weir_read(w->ours, bytes, sizeof bytes);

    CHECK(n == 3 && memcmp(bytes, "abc", 3) == 0);
    return 0;
}
static int read_lent(struct world *w)
{
    weir_lent lent;
    int n = weir_read_lent(w->ours, &lent);

    CHECK(n == 3 && memcmp(lent.bytes, "abc", 3) == 0);
    weir_give_back(&lent);
    return 0;
}
static int read_large(struct world *w)
{
    ptrdiff_t n = weir_read(w->ours, w->heap, HEAP_SIZE);

    CHECK(n == 3 && memcmp(w->heap, "abc", 3) == 0);
    return 0;
}
static int write_them(struct world *w)
{
    return weir_write_all(w->theirs, "abc", 3);
}
static int write_large(struct world *w)
{
    return weir_write_all(w->ours, w->heap, HEAP_SIZE);
}
static int read_them(struct world *w)
{
    char *into = malloc(HEAP_SIZE);
    int rc = weir_read_exactly(w->theirs, into, HEAP_SIZE);

    free(into);
    return rc;
}
static int accept_one(struct world *w)
{
    weir_stream stream;
    int rc = weir_accept(w->listener, &stream);

    return rc < 0 ? rc : weir_close(stream);
}
static int dial_once(struct world *w)
{
    weir_stream stream;
    int rc = weir_dial(&stream, w->address);

    return rc < 0 ? rc : weir_close(stream);
}
static int sleep_inside(void *arg)
{
    return weir_notify_wait(&((struct world *)arg)->notify);
}
static int join_child(struct world *w)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, sleep_inside, w) == 0);
    return weir_scope_join(&scope);
}
static int park_thread(void *arg)
{
    struct world *w = arg;

    while (!SEE(w->job))
        (void)weir__sys->park(&w->job, 0, -1);
    return 0;
}
static int run_job(struct world *w)
{
    return weir_blocking(park_thread, w);
}
static int end_job(struct world *w)
{
    SAY(w->job, 1);
    weir__sys->unpark(&w->job, 1);
    return 0;
}
static void end_nothing(void *arg)
{
    (void)arg;
}
static int run_owned_job(struct world *w)
{
    bool left = true;
    int rc = weir_blocking_owned(WEIR_BLOCKING_USER, park_thread, w, end_nothing, &left);

    CHECK(!left);
    return rc;
}
static int produce(weir_generator *generator, void *arg)
{
    int value = 7, rc = sleep_inside(arg);

    return rc < 0 ? rc : weir_generator_yield(generator, &value);
}
static int next_of_generator(struct world *w)
{
    weir_generator generator;
    int value = 0;

    CHECK(weir_generator_open(&generator, sizeof value, produce, w) == 0);
    CHECK(weir_generator_next(&generator, &value) == 1 && value == 7);
    return weir_generator_close(&generator);
}
static int next_expired(struct world *w)
{
    weir_delay_entry *entry = NULL;

    CHECK(weir_delay_insert(&w->delay, &w->entry, 100 * SHORT) == 0);
    CHECK(weir_delay_next(&w->delay, &entry) == 0);
    CHECK(entry == &w->entry);
    return 0;
}
static int expire_now(struct world *w)
{
    return weir_delay_reset(&w->delay, &w->entry, 0);
}
static int once_fn(void *arg)
{
    return weir_notify_wait(&((struct world *)arg)->gate);
}
static int wait_once(struct world *w)
{
    return weir_once_run(&w->once, once_fn, w);
}
static int open_gate(struct world *w)
{
    weir_notify_one(&w->gate);
    return 0;
}
static int begin_once(void *arg)
{
    struct world *w = arg;

    SAY(w->begun, 1);
    return weir_notify_wait(&w->gate);
}
static int run_once(void *arg)
{
    return weir_once_run(&((struct world *)arg)->once, begin_once, arg);
}
static int wait_for_once(struct world *w)
{
    CHECK(weir_spawn(w->scope, run_once, w) == 0);
    YIELD_UNTIL(SEE(w->begun));
    return weir_once_run(&w->once, once_fn, w);
}
static int read_lock(struct world *w)
{
    int rc = weir_rwlock_read(&w->written);

    weir_rwlock_read_unlock(&w->written);
    return rc;
}
static int write_unlock(struct world *w)
{
    weir_rwlock_write_unlock(&w->written);
    return 0;
}
static int wait_from_mark(struct world *w)
{
    return weir_notify_wait_from(&w->all, weir_notify_mark(&w->all));
}
static int notify_all(struct world *w)
{
    weir_notify_all(&w->all);
    return 0;
}
static int wait_token(struct world *w)
{
    return weir_token_wait(w->token);
}
static int cancel_token(struct world *w)
{
    return weir_token_cancel(w->token);
}
static int join_task(struct world *w)
{
    weir_task task;
    int result = -1;

    CHECK(weir_spawn_task(w->scope, &task, sleep_inside, w) == 0);
    CHECK(weir_task_join(task, &result) == 0);
    return result;
}
static int next_child(struct world *w)
{
    struct weir_scope_options options = {.collected = WEIR_ON};
    struct weir_ended ended;
    weir_scope scope;

    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_spawn(&scope, sleep_inside, w) == 0);
    CHECK(weir_scope_next(&scope, &ended) == 1 && ended.result == 0);
    return weir_scope_join(&scope);
}
static int read_pair(struct world *w)
{
    char bytes[8] = "";

    CHECK(weir_read(w->pair[0], bytes, sizeof bytes) == 3 && memcmp(bytes, "abc", 3) == 0);
    return 0;
}
static int write_other_end(struct world *w)
{
    return weir_write_all(w->pair[1], "abc", 3);
}
static int write_pair(struct world *w)
{
    return weir_write_all(w->pair[0], w->heap, HEAP_SIZE);
}
static int read_other_end(struct world *w)
{
    char *into = malloc(HEAP_SIZE);
    int rc = weir_read_exactly(w->pair[1], into, HEAP_SIZE);

    free(into);
    return rc;
}
static void hold_strand(void *arg)
{
    struct world *w = arg;

    SAY(w->begun, 1);
    (void)weir_notify_wait(&w->gate);
}
static int run_nothing(void *arg)
{
    (void)arg;
    return 0;
}
static int run_in_strand(struct world *w)
{
    weir_strand strand;
    int rc;

    CHECK(weir_strand_open(w->scope, &strand) == 0);
    CHECK(weir_strand_post(strand, hold_strand, w) == 0);
    YIELD_UNTIL(SEE(w->begun));
    rc = weir_strand_run(strand, run_nothing, NULL);
    weir_strand_close(strand);
    return rc;
}
static int wait_signal(struct world *w)
{
    static const int signals[] = {SIGUSR1};

    (void)w;
    CHECK(weir_signal_wait(signals, 1) == SIGUSR1);
    return 0;
}
/* The first wait of a process makes a descriptor that stays: before tests count them. */
static int begin_to_wait(void *arg)
{
    static const int signals[] = {SIGUSR1};
    weir_block block;
    int rc = weir_deadline_begin(&block, 0);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_signal_wait(signals, 1);
    weir_block_end(&block);
    return rc;
}
static void __attribute__((constructor)) make_descriptor(void)
{
    (void)weir_run(begin_to_wait, NULL, NULL);
}
static int raise_signal(struct world *w)
{
    (void)w;
    return kill(getpid(), SIGUSR1); /* workers block signals, and so raise would */
}

static int go_in(struct world *w)
{
    return weir_limiter_enter(&w->limiter);
}
static int go_out(struct world *w)
{
    weir_limiter_leave(&w->limiter);
    return 0;
}
static int take_token(struct world *w)
{
    return weir_rate_acquire(&w->rate, 1);
}
static int fill_bucket(struct world *w)
{
    return weir_rate_set(&w->rate, 1, 1, 1);
}

static const struct kind kinds[] = {
    {"sleep", sleep_long, NULL, true},
    {"sleep until", sleep_until, NULL, true},
    {"interval", tick, NULL, true},
    {"deadline", under_deadline, NULL, true},
    {"mutex", lock_mutex, unlock_mutex, true},
    {"rwlock", write_lock, read_unlock, true},
    {"semaphore", acquire, release, true},
    {"notify", wait_notify, notify, true},
    {"condition", wait_condition, signal_condition, true},
    {"barrier", meet, meet, true},
    {"latch", wait_latch, count_down, true},
    {"once, its runner", wait_once, open_gate, true},
    {"once, who waits", wait_for_once, open_gate, true},
    {"rwlock, a reader", read_lock, write_unlock, true},
    {"notify, from a mark", wait_from_mark, notify_all, true},
    {"token", wait_token, cancel_token, true},
    {"task", join_task, notify, false},
    {"strand", run_in_strand, open_gate, true},
    {"signal", wait_signal, raise_signal, false},
    {"read from memory", read_pair, write_other_end, true},
    {"write to memory", write_pair, read_other_end, true},
    {"channel receive", receive, send_value, false},
    {"channel send", send_to_full, drain, false},
    {"channel reserve", reserve, drain, true},
    {"oneshot", recv_oneshot, send_oneshot, false},
    {"broadcast", listen_broadcast, send_broadcast, false},
    {"broadcast, listening elsewhere", listen_from_heap, send_broadcast, false},
    {"broadcast, all of it elsewhere", listen_and_receive_in_heap, send_broadcast, true},
    {"watch", see_change, change, false},
    {"select", select_one, send_value, false},
    {"read", read_small, write_them, true},
    {"read lent", read_lent, write_them, true},
    {"large read", read_large, write_them, true},
    {"large write", write_large, read_them, false},
    {"accept", accept_one, dial_once, false},
    {"next that ends", next_child, notify, false},
    {"join", join_child, notify, false},
    {"job", run_job, end_job, false},
    {"owned job", run_owned_job, end_job, false},
    {"generator", next_of_generator, notify, false},
    {"delay queue", next_expired, expire_now, false},
    {"limiter", go_in, go_out, true},
    {"rate", take_token, fill_bucket, false},
};

static struct world *make_world(void)
{
    struct world *w = calloc(1, sizeof *w);
    int value = 1;

    w->heap = calloc(1, HEAP_SIZE);
    w->semaphore = (weir_semaphore)WEIR_SEMAPHORE_INIT(0);
    w->barrier = (weir_barrier)WEIR_BARRIER_INIT(2);
    w->latch = (weir_latch)WEIR_LATCH_INIT(1);
    CHECK(weir_limiter_init(&w->limiter, 1, 4) == 0);
    CHECK(weir_limiter_enter(&w->limiter) == 0);
    CHECK(weir_rate_init(&w->rate, 1, WEIR_MINUTES(60), 1) == 0);
    CHECK(weir_rate_acquire(&w->rate, 1) == 0);
    CHECK(weir_mutex_lock(&w->mutex) == 0);
    CHECK(weir_rwlock_read(&w->rwlock) == 0);
    CHECK(weir_rwlock_write(&w->written) == 0);
    CHECK(weir_token_create(&w->token) == 0);
    CHECK(weir_stream_pair(w->pair) == 0);
    CHECK(weir_chan_create(&w->chan, sizeof value, 1) == 0);
    CHECK(weir_chan_create(&w->full, sizeof value, 1) == 0);
    CHECK(weir_chan_send(w->full, &value) == 0);
    CHECK(weir_oneshot_create(&w->oneshot, sizeof value) == 0);
    CHECK(weir_broadcast_create(&w->broadcast, sizeof value, 4) == 0);
    CHECK(weir_watch_create(&w->watch, sizeof value, &value) == 0);
    CHECK(weir_listen(&w->listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(w->listener, w->address, sizeof w->address) >= 0);
    CHECK(weir_dial(&w->theirs, w->address) == 0);
    CHECK(weir_accept(w->listener, &w->ours) == 0);
    w->packs_before = packs();
    return w;
}

static void end_world(struct world *w)
{
    weir_chan_destroy(w->chan);
    weir_chan_destroy(w->full);
    weir_oneshot_close(w->oneshot);
    weir_broadcast_destroy(w->broadcast);
    weir_watch_destroy(w->watch);
    weir_token_destroy(w->token);
    weir_close(w->pair[0]);
    weir_close(w->pair[1]);
    weir_close(w->ours);
    weir_close(w->theirs);
    weir_listener_close(w->listener);
    free(w->heap);
    free(w);
}

struct walk {
    const struct kind *kind;
    struct world *world;
    int deepest;
    uint32_t ended;
};

/* A frame that knows where the others are, with numbers of its own. */
struct frame {
    struct frame *outer, *self;
    uint64_t *numbers_at;
    uint64_t numbers[20];
};

static void fill(struct frame *frame, struct frame *outer)
{
    size_t i;

    frame->outer = outer;
    frame->self = frame;
    frame->numbers_at = frame->numbers;
    for (i = 0; i < 20; i++)
        frame->numbers[i] = (uint64_t)(uintptr_t)frame * (i + 1) >> i;
}

static void look_at(const struct frame *frame)
{
    size_t i;

    for (; frame; frame = frame->outer) {
        CHECK(frame->self == frame);
        for (i = 0; i < 20; i++)
            CHECK(frame->numbers_at[i] == (uint64_t)(uintptr_t)frame * (i + 1) >> i);
    }
}

static __attribute__((noinline)) int descend(struct walk *walk, struct frame *outer, int depth)
{
    struct frame frame;
    int rc;

    fill(&frame, outer);
    rc = depth ? descend(walk, &frame, depth - 1) : walk->kind->wait(walk->world);
    look_at(&frame);
    return rc;
}

static int wait_deep(void *arg)
{
    struct walk *walk = arg;
    int rc = descend(walk, NULL, 4);

    SAY(walk->ended, 1);
    return rc;
}

static int wait_shallow(void *arg)
{
    return weir_notify_wait(&((struct world *)arg)->sentinels);
}

/* A walk over all tasks is over when a task that was started after it began is packed. */
static void pass_two_walks(weir_scope *scope, struct walk *walk)
{
    int i;

    for (i = 0; i < 2; i++) {
        uint64_t before = packs();

        CHECK(spawn_packable(scope, wait_shallow, walk->world) == 0);
        settle_until_packs(before + 1);
    }
}

static void walk_through(const struct kind *kind)
{
    struct walk walk = {.kind = kind, .world = make_world()};
    struct world *w = walk.world;
    uint64_t before = packs();
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    w->scope = &scope;
    CHECK(spawn_packable(&scope, wait_deep, &walk) == 0);
    if (kind->packed)
        settle_until_packs(before + 1);
    else
        pass_two_walks(&scope, &walk);
    if (kind->packed && kind->wake)
        CHECK(packs() == before + 1 && !SEE(walk.ended));
    if (!kind->packed && !WEIR__CONTEXT_ASAN) /* whose frames lie elsewhere, and may stay there */
        CHECK(packs() == before + 2);
    if (kind->wake)
        CHECK(kind->wake(w) == 0);
    weir_notify_all(&w->sentinels);
    if (weir_scope_join(&scope) < 0)
        check_note(kind->name);
    end_world(w);
}

static int walk_all(void *arg)
{
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        /* a job blocks the driving thread, and no signals are waited for */
        if (!test_simulated()
            || (kinds[i].wait != run_job && kinds[i].wait != run_owned_job
                && kinds[i].wait != wait_signal))
            walk_through(&kinds[i]);
    }
    return 0;
}

TEST(a_stack_is_as_it_was_after_every_kind_of_wait)
{
    hostile_calm(); /* three bytes come in one read */
    assert_int_equal(run_packing(walk_all, NULL, 1), 0);
}

TEST(the_same_with_two_workers)
{
    hostile_calm(); /* three bytes come in one read */
    assert_int_equal(run_packing(walk_all, NULL, 2), 0);
}

/* ---- a packed task is cancelled, wakes many times, and is not packed unasked ---- */

static int cancel_packed(void *arg)
{
    struct world *w = make_world();
    struct walk walk = {.world = w};
    uint64_t before = packs();
    weir_scope scope;

    (void)arg;
    walk.kind = &(struct kind){"notify", wait_notify, NULL, true};
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(spawn_packable(&scope, wait_deep, &walk) == 0);
    settle_until_packs(before + 1);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    CHECK(SEE(walk.ended));
    end_world(w);
    return 0;
}

TEST(a_packed_task_is_cancelled)
{
    assert_int_equal(run_packing(cancel_packed, NULL, 1), 0);
    assert_int_equal(run_packing(cancel_packed, NULL, 2), 0);
}

static int wait_plainly(void *arg)
{
    struct world *w = arg;
    uint64_t before = packs();
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_shallow, w) == 0);
    CHECK(spawn_packable(&scope, wait_shallow, w) == 0);
    settle_until_packs(before + 1);
    CHECK(spawn_packable(&scope, wait_shallow, w) == 0);
    settle_until_packs(before + 2);
    CHECK(packs() == before + 2);
    weir_notify_all(&w->sentinels);
    return weir_scope_join(&scope);
}

TEST(only_what_was_spawned_as_packable_is_packed)
{
    struct world w = {0};

    assert_int_equal(run_packing(wait_plainly, &w, 1), 0);
}

static struct weir__task *ahead;

static int wait_ahead(void *arg)
{
    WEIR__CALL;

    ahead = weir__task_current();
    return wait_shallow(arg);
}

/* One task waits since a moment that the worker's clock has not reached, as after a wait that began
 * on another worker. */
static int wait_in_the_future(void *arg)
{
    struct world *w = arg;
    uint64_t before = packs();
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(spawn_packable(&scope, wait_ahead, w) == 0);
    YIELD_UNTIL(ahead && SEE(ahead->state) == TASK_PAUSED);
    ahead->since_ns = weir_now_ns() + (uint64_t)WEIR_SECONDS(1000);
    CHECK(spawn_packable(&scope, wait_shallow, w) == 0);
    settle_until_packs(before + 1);
    CHECK(spawn_packable(&scope, wait_shallow, w) == 0);
    settle_until_packs(before + 2);
    CHECK(!ahead->image);
    weir_notify_all(&w->sentinels);
    return weir_scope_join(&scope);
}

TEST(a_wait_is_no_older_than_its_clock_says)
{
    struct world w = {0};

#ifdef WEIR__HOSTILE
    skip("every wait is packed at once");
#endif
    assert_int_equal(run_packing(wait_in_the_future, &w, 1), 0);
}

/* ---- wakes and packing at once ---- */

enum {
    RACERS = 300,
    RACES = 30
};

struct race {
    weir_semaphore turn[RACERS];
    uint32_t ready;
    uint64_t rounds;
};

struct racer {
    struct race *race;
    uint32_t index;
};

static int race_rounds(void *arg)
{
    struct racer *racer = arg;
    struct race *race = racer->race;
    struct frame frame;
    int i;

    fill(&frame, NULL);
    for (i = 0; i < RACES; i++) {
        ADD(race->ready, 1);
        CHECK(weir_semaphore_acquire(&race->turn[racer->index]) == 0);
        look_at(&frame);
        ADD(race->rounds, 1);
    }
    return 0;
}

/* Wakes everybody while the walk is under way. */
static int race_all(void *arg)
{
    struct race *race = calloc(1, sizeof *race);
    struct weir_spawn_options options = {.packable = WEIR_ON, .copy_size = sizeof(struct racer)};
    weir_scope scope;
    uint64_t before = packs();
    uint32_t i, round;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < RACERS; i++) {
        struct racer racer = {race, i};

        CHECK(weir_spawn_with(&scope, race_rounds, &racer, &options) == 0);
    }
    for (round = 1; round <= RACES; round++) {
        YIELD_UNTIL(SEE(race->ready) == round * RACERS);
        if (round % 4 == 0)
            settle_until_packs(before + 20);
        before = packs(); /* they may be packed before this task runs again */
        for (i = 0; i < RACERS; i++)
            CHECK(weir_semaphore_release(&race->turn[i]) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(race->rounds == (uint64_t)RACERS * RACES);
    free(race);
    return 0;
}

TEST(wakes_and_packing_meet)
{
    assert_int_equal(run_packing(race_all, NULL, 1), 0);
    assert_int_equal(run_packing(race_all, NULL, 4), 0);
}

/* ---- memory that cannot be given back ---- */

static int wait_in_locked_memory(void *arg)
{
    struct world *w = arg;
    const struct weir__cold *cold = &weir__current_worker()->cold;
    weir_scope scope;

    weir__current_leave();
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(spawn_packable(&scope, wait_shallow, w) == 0);
    while (!cold->off)
        CHECK(weir_sleep(AFTER_NS) == 0);
    CHECK(packs() == 0);
    weir_notify_all(&w->sentinels);
    return weir_scope_join(&scope);
}

TEST(locked_memory_is_left_alone)
{
    struct world w = {0};

    if (WEIR__CONTEXT_ANNOTATED || *test_under() || mlockall(MCL_FUTURE) < 0)
        skip("memory cannot be locked here");
    assert_int_equal(run_packing(wait_in_locked_memory, &w, 1), 0);
    assert_int_equal(munlockall(), 0);
}

/* ---- served connections ---- */

static int echo(weir_stream peer, void *arg)
{
    struct frame frame;
    weir_lent lent;
    int n;

    (void)arg;
    fill(&frame, NULL);
    while ((n = weir_read_lent(peer, &lent)) > 0) {
        look_at(&frame);
        n = weir_write_all(peer, lent.bytes, lent.len);
        weir_give_back(&lent);
        if (n < 0)
            break;
    }
    return n;
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.packable = WEIR_ON, .idle_limit_ns = WEIR_FOREVER};

    return weir_serve(((struct world *)arg)->listener, echo, NULL, &options);
}

enum {
    PEERS = 50
};

static int talk(void *arg)
{
    struct world *w = make_world();
    weir_stream peers[PEERS];
    char answer[4];
    weir_scope scope;
    int i, round;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, serve, w) == 0);
    for (i = 0; i < PEERS; i++)
        CHECK(weir_dial(&peers[i], w->address) == 0);
    for (round = 0; round < 3; round++) {
        uint64_t before = packs();

        for (i = 0; i < PEERS; i++) {
            CHECK(weir_write_all(peers[i], "ping", 4) == 0);
            CHECK(weir_read_exactly(peers[i], answer, 4) == 0);
        }
        settle_until_packs(before + PEERS / 2);
    }
    for (i = 0; i < PEERS; i++)
        CHECK(weir_close(peers[i]) == 0);
    weir_listener_close(w->listener);
    CHECK(weir_scope_join(&scope) == 0);
    end_world(w);
    return 0;
}

TEST(handlers_of_idle_connections_are_packed)
{
    assert_int_equal(run_packing(talk, NULL, 1), 0);
    assert_int_equal(run_packing(talk, NULL, 2), 0);
}
