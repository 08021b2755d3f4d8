/* bench/weir/sched_micro.c - what spawning, yielding and waking cost, in the shapes of Tokio's own
 * benchmarks; one line of JSON, in nanoseconds.
 *
 * spawn_join: a task that does nothing is spawned and joined, again and again, on the same stack.
 * spawn_local: a task spawns 10,000 that do nothing, and waits for all; each. remote_N: N threads
 * that are none of the runtime's spawn 10,000 together; each, until the last one has run. yield:
 * 200 tasks that yield 1,000 times; each. chained: a task spawns the next one and ends, 1,000 deep;
 * each. strand_local: a task posts 10,000 functions that do nothing to one strand; strand_chained:
 * a function posts the next one, 1,000 deep; strand_N: N threads post 10,000 together. The best of
 * so many repetitions is printed. Argument: the workers.
 *
 * The same by posts to a pool, and to a strand of it, is in peers/asio_sched_micro.cpp.
 */
#include "micro.h"

#include <pthread.h>
#include <stdbool.h>
#include <weir/runtime.h>
#include <weir/scope.h>
#include <weir/strand.h>
#include <weir/sync.h>

enum {
    JOINS = 20000,
    SPAWNS = 10000,
    YIELDERS = 200,
    YIELDS = 1000,
    CHAIN = 1000,
    REMOTES_MAX = 8,
    REPEATS = 10
};

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int spawn_join(void *arg)
{
    uint64_t begun = weir_now_ns();

    (void)arg;
    for (int i = 0; i < JOINS; i++) {
        weir_scope scope;

        check(weir_scope_open(&scope));
        check(weir_spawn(&scope, nothing, NULL));
        check(weir_scope_join(&scope));
    }
    keep("spawn_join_ns", each(begun, JOINS));
    return 0;
}

static int spawn_local(void *arg)
{
    uint64_t begun = weir_now_ns();
    weir_scope scope;

    (void)arg;
    check(weir_scope_open(&scope));
    for (int i = 0; i < SPAWNS; i++)
        check(weir_spawn(&scope, nothing, NULL));
    check(weir_scope_join(&scope));
    keep("spawn_local_ns", each(begun, SPAWNS));
    return 0;
}

static int yield_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < YIELDS; i++)
        check(weir_yield());
    return 0;
}

static int yield_many(void *arg)
{
    uint64_t begun = weir_now_ns();
    weir_scope scope;

    (void)arg;
    check(weir_scope_open(&scope));
    for (int i = 0; i < YIELDERS; i++)
        check(weir_spawn(&scope, yield_often, NULL));
    check(weir_scope_join(&scope));
    keep("yield_ns", each(begun, YIELDERS * YIELDS));
    return 0;
}

struct chain {
    weir_scope scope;
    int left;
};

static int link_next(void *arg)
{
    struct chain *chain = arg;

    if (chain->left-- > 0)
        check(weir_spawn(&chain->scope, link_next, chain));
    return 0;
}

static int chained(void *arg)
{
    struct chain chain = {.left = CHAIN};
    uint64_t begun = weir_now_ns();

    (void)arg;
    check(weir_scope_open(&chain.scope));
    check(weir_spawn(&chain.scope, link_next, &chain));
    check(weir_scope_join(&chain.scope));
    keep("chained_ns", each(begun, CHAIN));
    return 0;
}

/* ---- strands ---- */

static void post_nothing(void *arg)
{
    (void)arg;
}

static int strand_local(void *arg)
{
    uint64_t begun;
    weir_strand strand;
    weir_scope scope;

    (void)arg;
    check(weir_scope_open(&scope));
    check(weir_strand_open(&scope, &strand));
    begun = weir_now_ns();
    for (int i = 0; i < SPAWNS; i++)
        check(weir_strand_post(strand, post_nothing, NULL));
    weir_strand_close(strand);
    check(weir_scope_join(&scope));
    keep("strand_local_ns", each(begun, SPAWNS));
    return 0;
}

struct posts {
    weir_strand strand;
    int left;
};

static void post_next(void *arg)
{
    struct posts *posts = arg;

    if (posts->left-- > 0)
        check(weir_strand_post(posts->strand, post_next, posts));
    else
        weir_strand_close(posts->strand);
}

static int strand_chained(void *arg)
{
    struct posts posts = {.left = CHAIN};
    uint64_t begun;
    weir_scope scope;

    (void)arg;
    check(weir_scope_open(&scope));
    check(weir_strand_open(&scope, &posts.strand));
    begun = weir_now_ns();
    check(weir_strand_post(posts.strand, post_next, &posts));
    check(weir_scope_join(&scope));
    keep("strand_chained_ns", each(begun, CHAIN));
    return 0;
}

/* ---- threads that spawn, and post ---- */

struct remotes;

typedef void remote_fn(struct remotes *remotes);

struct remotes {
    weir_runtime *runtime;
    weir_strand strand;
    remote_fn *one; /* what a thread does again and again */
    pthread_barrier_t ready;
    weir_latch done;
    int share;         /* of each */
    uint64_t begun_ns; /* when the first one began */
    __attribute__((aligned(64))) int left;
};

static void leave(void *arg)
{
    struct remotes *remotes = arg;

    if (__atomic_sub_fetch(&remotes->left, 1, __ATOMIC_ACQ_REL) == 0)
        check(weir_latch_count_down(&remotes->done, 1));
}

static int task_leaves(void *arg)
{
    leave(arg);
    return 0;
}

static void spawn_one(struct remotes *remotes)
{
    check(weir_runtime_spawn(remotes->runtime, task_leaves, remotes));
}

static void post_one(struct remotes *remotes)
{
    check(weir_strand_post(remotes->strand, leave, remotes));
}

static void *do_share(void *arg)
{
    struct remotes *remotes = arg;
    uint64_t now_ns, first_ns = UINT64_MAX;

    pthread_barrier_wait(&remotes->ready);
    now_ns = weir_now_ns();
    while (now_ns < first_ns
           && !__atomic_compare_exchange_n(&remotes->begun_ns, &first_ns, now_ns, false,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    for (int i = 0; i < remotes->share; i++)
        remotes->one(remotes);
    return NULL;
}

static void measure_remote(struct remotes *remotes, remote_fn *one, const char *name, int threads)
{
    pthread_t ids[REMOTES_MAX];
    uint64_t ended_ns;

    remotes->one = one;
    remotes->done = (weir_latch)WEIR_LATCH_INIT(1);
    remotes->share = SPAWNS / threads;
    remotes->left = SPAWNS;
    remotes->begun_ns = UINT64_MAX;
    pthread_barrier_init(&remotes->ready, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, do_share, remotes);
    check(weir_latch_wait(&remotes->done));
    ended_ns = weir_now_ns();
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    keep(name, (double)(ended_ns - remotes->begun_ns) / SPAWNS);
    pthread_barrier_destroy(&remotes->ready);
}

/* ---- all ---- */

struct opened {
    weir_strand strand;
    weir_latch ready, over;
};

/* A strand for the threads. */
static int hold_strand(void *arg)
{
    struct opened *opened = arg;
    weir_scope scope;

    check(weir_scope_open(&scope));
    check(weir_strand_open(&scope, &opened->strand));
    check(weir_latch_count_down(&opened->ready, 1));
    check(weir_latch_wait(&opened->over));
    return weir_scope_join(&scope);
}

int main(int argc, char **argv)
{
    struct weir_runtime_options options = {.workers = argument(argc, argv, 1, 1)};
    struct opened opened = {.ready = WEIR_LATCH_INIT(1), .over = WEIR_LATCH_INIT(1)};
    struct remotes remotes;
    weir_runtime *runtime;

    check(weir_runtime_create(&runtime, &options));
    check(weir_runtime_spawn(runtime, hold_strand, &opened));
    check(weir_latch_wait(&opened.ready));
    remotes = (struct remotes){.runtime = runtime, .strand = opened.strand};
    for (int i = 0; i < REPEATS; i++) {
        check(weir_runtime_block_on(runtime, spawn_join, NULL));
        check(weir_runtime_block_on(runtime, spawn_local, NULL));
        check(weir_runtime_block_on(runtime, yield_many, NULL));
        check(weir_runtime_block_on(runtime, chained, NULL));
        check(weir_runtime_block_on(runtime, strand_local, NULL));
        check(weir_runtime_block_on(runtime, strand_chained, NULL));
        measure_remote(&remotes, spawn_one, "remote_1_ns", 1);
        measure_remote(&remotes, spawn_one, "remote_2_ns", 2);
        measure_remote(&remotes, spawn_one, "remote_4_ns", 4);
        measure_remote(&remotes, spawn_one, "remote_8_ns", 8);
        measure_remote(&remotes, post_one, "strand_1_ns", 1);
        measure_remote(&remotes, post_one, "strand_8_ns", 8);
    }
    check(weir_latch_count_down(&opened.over, 1));
    check(weir_runtime_destroy(runtime));
    print_figures();
    return 0;
}
