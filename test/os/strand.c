/* test/os/strand.c - strands: what runs in one never runs at once, in order, on any worker. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"

enum {
    TASKS = 12,
    ROUNDS = 60
};

/* What the strand guards: plain memory, so that ThreadSanitizer sees it too. */
struct guarded {
    weir_strand strand;
    int busy; /* who is in: 0 or 1 */
    long count;
    int last[TASKS + 4]; /* of each poster */
    int stop;
};

static void enter(struct guarded *guarded)
{
    CHECK(ADD(guarded->busy, 1) == 1);
    guarded->count++;
}

static void leave(struct guarded *guarded)
{
    CHECK(ADD(guarded->busy, -1) == 0);
}

/* ---- posting ---- */

struct post {
    struct guarded *guarded;
    int poster, number;
};

static void take_down(void *arg)
{
    struct post *post = arg;
    struct guarded *guarded = post->guarded;

    enter(guarded);
    CHECK(weir_strand_inside(guarded->strand));
    CHECK(weir_strand_current().id == guarded->strand.id);
    CHECK(guarded->last[post->poster] == post->number);
    guarded->last[post->poster]++;
    if (post->number % 10 == 9)
        CHECK(weir_yield() == 0); /* nobody else comes in */
    leave(guarded);
    free(post);
}

static int post_one(struct guarded *guarded, int poster, int number)
{
    struct post *post = malloc(sizeof *post);

    *post = (struct post){guarded, poster, number};
    return weir_strand_post(guarded->strand, take_down, post);
}

struct poster {
    struct guarded *guarded;
    int number;
};

static int post_many(void *arg)
{
    const struct poster *poster = arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        CHECK(post_one(poster->guarded, poster->number, i) == 0);
        CHECK(!weir_strand_inside(poster->guarded->strand));
        if (i % 7 == 0)
            CHECK(weir_yield() == 0);
    }
    return 0;
}

static void *post_as_thread(void *arg)
{
    const struct poster *poster = arg;
    int i;

    for (i = 0; i < ROUNDS; i++)
        CHECK(post_one(poster->guarded, poster->number, i) == 0);
    return NULL;
}

static int post_by_all(void *arg)
{
    struct guarded *guarded = arg;
    struct poster posters[TASKS + 2];
    pthread_t threads[2];
    weir_scope scope, tasks;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&tasks) == 0);
    CHECK(weir_strand_open(&scope, &guarded->strand) == 0);
    for (i = 0; i < TASKS + 2; i++)
        posters[i] = (struct poster){guarded, i};
    for (i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, post_as_thread, &posters[TASKS + i]) == 0);
    for (i = 0; i < TASKS; i++)
        CHECK(weir_spawn(&tasks, post_many, &posters[i]) == 0);
    CHECK(weir_scope_join(&tasks) == 0);
    for (i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0); /* which wait for nobody */
    CHECK(weir_scope_join(&scope) == 0);            /* waits for what was posted */
    CHECK(weir_strand_post(guarded->strand, take_down, NULL) == WEIR_EBADHANDLE);
    for (i = 0; i < TASKS + 2; i++)
        CHECK(guarded->last[i] == ROUNDS);
    CHECK(guarded->count == (TASKS + 2) * ROUNDS);
    return 0;
}

TEST(posts_run_one_after_another_in_their_order)
{
    uint32_t workers;

    for (workers = 1; workers <= 4; workers++) {
        struct guarded guarded = {.busy = 0};

        (void)run_with(post_by_all, &guarded, workers);
    }
}

/* ---- calls ---- */

static int add_up(void *arg)
{
    struct guarded *guarded = arg;

    enter(guarded);
    CHECK(weir_strand_inside(guarded->strand));
    if (guarded->count % 5 == 0)
        CHECK(weir_yield() == 0); /* with the strand */
    leave(guarded);
    return (int)guarded->count;
}

static int call_many(void *arg)
{
    struct guarded *guarded = arg;
    int i;

    for (i = 0; i < ROUNDS; i++)
        CHECK(weir_strand_run(guarded->strand, add_up, guarded) > 0);
    CHECK(!weir_strand_inside(guarded->strand) && weir_strand_current().id == 0);
    return 0;
}

static int plain_add(void *arg)
{
    struct guarded *guarded = arg;

    enter(guarded);
    CHECK(weir_strand_inside(guarded->strand));
    leave(guarded);
    return 1;
}

static void *call_as_thread(void *arg)
{
    struct guarded *guarded = arg;
    int i;

    for (i = 0; i < ROUNDS; i++)
        CHECK(weir_strand_run(guarded->strand, plain_add, guarded) == 1);
    return NULL;
}

static int call_by_all(void *arg)
{
    struct guarded *guarded = arg;
    pthread_t thread;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_strand_open(&scope, &guarded->strand) == 0);
    CHECK(pthread_create(&thread, NULL, call_as_thread, guarded) == 0);
    CHECK(run_many(call_many, guarded, TASKS) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(guarded->count == (TASKS + 1) * ROUNDS);
    return 0;
}

TEST(calls_of_tasks_and_threads_never_overlap)
{
    uint32_t workers;

    for (workers = 1; workers <= 4; workers++) {
        struct guarded guarded = {.busy = 0};

        (void)run_with(call_by_all, &guarded, workers);
    }
}

static void note(void *arg)
{
    int **at = arg;

    *(*at)++ = 1;
}

static int note_call(void *arg)
{
    int **at = arg;

    *(*at)++ = 2;
    return -7;
}

static int nested(void *arg)
{
    void **args = arg;
    int **at = args[1];

    CHECK(weir_strand_post(*(weir_strand *)args[0], note, at) == 0);      /* later */
    CHECK(weir_strand_run(*(weir_strand *)args[0], note_call, at) == -7); /* at once */
    return 5;
}

static int call_in_order(void *arg)
{
    weir_strand strand;
    weir_scope scope;
    int notes[8] = {0}, *at = notes;
    static const int expected[8] = {1, 1, 2, 2, 1, 2};
    void *args[2] = {&strand, &at};

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_strand_open(&scope, &strand) == 0);
    CHECK(weir_strand_post(strand, note, &at) == 0);
    CHECK(weir_strand_post(strand, note, &at) == 0);
    CHECK(weir_strand_run(strand, note_call, &at) == -7); /* after them */
    CHECK(weir_strand_run(strand, nested, args) == 5);
    CHECK(weir_strand_run(strand, note_call, &at) == -7);
    CHECK(memcmp(notes, expected, sizeof notes) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_call_stands_in_the_queue_and_one_from_inside_does_not)
{
    (void)run_with(call_in_order, NULL, 1);
    (void)run_with(call_in_order, NULL, 3);
}

/* ---- tasks ---- */

static int be_in_strand(void *arg)
{
    struct guarded *guarded = arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        CHECK(weir_strand_inside(guarded->strand));
        enter(guarded);
        leave(guarded);
        if (i % 3 == 0)
            CHECK(weir_yield() == 0);
        else if (i % 3 == 1)
            CHECK(weir_sleep(WEIR_MICROSECONDS(50)) == 0);
        else
            CHECK(weir_strand_run(guarded->strand, plain_add, guarded) == 1);
    }
    return 0;
}

static int spawn_in_strand(void *arg)
{
    struct guarded *guarded = arg;
    weir_scope scope;
    uint32_t i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_strand_open(&scope, &guarded->strand) == 0);
    for (i = 0; i < TASKS; i++) {
        struct weir_spawn_options options = {.worker = 1 + i % weir_worker_count()};

        CHECK(weir_strand_spawn_with(guarded->strand, be_in_strand, guarded, &options) == 0);
        CHECK(post_one(guarded, 0, (int)i) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(guarded->count == TASKS * (ROUNDS + ROUNDS / 3 + 1));
    CHECK(weir_strand_spawn(guarded->strand, be_in_strand, guarded) == WEIR_EBADHANDLE);
    return 0;
}

TEST(tasks_of_a_strand_run_one_at_a_time)
{
    uint32_t workers;

    for (workers = 1; workers <= 4; workers++) {
        struct guarded guarded = {.busy = 0};

        (void)run_with(spawn_in_strand, &guarded, workers);
    }
}

static int wait_in_strand(void *arg)
{
    int *steps = arg;

    while (SEE(*steps) == 0)
        CHECK(weir_sleep(WEIR_MICROSECONDS(50)) == 0); /* the other one comes in */
    ADD(*steps, 1);
    return 0;
}

static int step_in_strand(void *arg)
{
    ADD(*(int *)arg, 1);
    return 0;
}

static int give_away(void *arg)
{
    weir_strand strand;
    weir_scope scope;
    int steps = 0;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_strand_open(&scope, &strand) == 0);
    CHECK(weir_strand_spawn(strand, wait_in_strand, &steps) == 0);
    CHECK(weir_strand_spawn(strand, step_in_strand, &steps) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(steps == 2);
    return 0;
}

TEST(a_task_gives_the_strand_away_while_it_waits)
{
    (void)run_with(give_away, NULL, 1);
    (void)run_with(give_away, NULL, 2);
}

/* Tasks of two strands that call into each other's. */
struct pair {
    struct guarded sides[2];
};

static int call_other_side(void *arg)
{
    struct guarded *own = arg;
    struct pair *pair = (struct pair *)(void *)(own->stop ? own - 1 : own);
    struct guarded *other = own->stop ? &pair->sides[0] : &pair->sides[1];
    int i;

    for (i = 0; i < ROUNDS; i++) {
        enter(own);
        leave(own);
        CHECK(weir_strand_run(other->strand, add_up, other) > 0);
        CHECK(weir_strand_inside(own->strand) && !weir_strand_inside(other->strand));
        CHECK(weir_strand_current().id == own->strand.id);
    }
    return 0;
}

static int call_across(void *arg)
{
    struct pair *pair = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 2; i++)
        CHECK(weir_strand_open(&scope, &pair->sides[i].strand) == 0);
    pair->sides[1].stop = 1; /* which side it is */
    for (i = 0; i < TASKS; i++)
        CHECK(weir_strand_spawn(pair->sides[i % 2].strand, call_other_side, &pair->sides[i % 2])
              == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(pair->sides[0].count == TASKS * ROUNDS && pair->sides[1].count == TASKS * ROUNDS);
    return 0;
}

TEST(tasks_of_two_strands_call_into_each_other)
{
    uint32_t workers;

    for (workers = 1; workers <= 3; workers++) {
        struct pair pair = {0};

        (void)run_with(call_across, &pair, workers);
    }
}

/* ---- fairness ---- */

static void post_again(void *arg)
{
    struct guarded *guarded = arg;

    guarded->count++;
    if (!SEE(guarded->stop))
        CHECK(weir_strand_post(guarded->strand, post_again, guarded) == 0);
}

static int stop_it(void *arg)
{
    struct guarded *guarded = arg;

    CHECK(weir_strand_inside(guarded->strand)); /* its turn has come */
    SAY(guarded->stop, 1);
    return 0;
}

static int stop_endless(void *arg)
{
    struct guarded *guarded = arg;
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_strand_open(&scope, &guarded->strand) == 0);
    CHECK(weir_strand_post(guarded->strand, post_again, guarded) == 0);
    CHECK(weir_yield() == 0); /* others have their turns, on one worker too */
    CHECK(weir_yield() == 0);
    CHECK(weir_strand_spawn(guarded->strand, stop_it, guarded) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(guarded->count > 0);
    return 0;
}

TEST(posts_without_end_let_others_in)
{
    struct guarded one = {.busy = 0}, two = {.busy = 0};

    (void)run_with(stop_endless, &one, 1);
    (void)run_with(stop_endless, &two, 2);
}

static void wait_for_stop(void *arg)
{
    struct guarded *guarded = arg;

    YIELD_UNTIL(SEE(guarded->stop));
}

static int fill_up(void *arg)
{
    struct weir_strand_options options = {.posts_max = 5, .name = "narrow"};
    struct guarded *guarded = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_strand_open_with(&scope, &guarded->strand, &options) == 0);
    CHECK(weir_strand_post(guarded->strand, wait_for_stop, guarded) == 0);
    for (i = 0; i < 5; i++)
        CHECK(weir_strand_post(guarded->strand, wait_for_stop, guarded) == 0);
    CHECK(weir_strand_post(guarded->strand, wait_for_stop, guarded) == WEIR_ELIMIT);
    SAY(guarded->stop, 1);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_strand_holds_so_many_posts)
{
    struct guarded guarded = {.busy = 0};

    (void)run_with(fill_up, &guarded, 1);
}

/* ---- closing, cancelling ---- */

static void count_one(void *arg)
{
    ADD(((struct guarded *)arg)->count, 1); /* by several strands */
}

static int yield_twice(void *arg)
{
    (void)arg;
    (void)weir_yield(); /* it may be cancelled */
    (void)weir_yield();
    return 0;
}

static int close_early(void *arg)
{
    struct guarded *guarded = arg;
    weir_strand other;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 20; i++) { /* ends long before the scope */
        CHECK(weir_strand_open(&scope, &guarded->strand) == 0);
        CHECK(weir_strand_post(guarded->strand, count_one, guarded) == 0);
        if (i % 2)
            CHECK(weir_yield() == 0);
        CHECK(weir_strand_spawn(guarded->strand, yield_twice, NULL) == 0);
        weir_strand_close(guarded->strand);
        weir_strand_close(guarded->strand);
        CHECK(weir_strand_post(guarded->strand, count_one, guarded) == WEIR_EBADHANDLE);
        CHECK(weir_strand_run(guarded->strand, plain_add, guarded) == WEIR_EBADHANDLE);
        CHECK(!weir_strand_inside(guarded->strand));
    }
    CHECK(weir_strand_open(&scope, &other) == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_strand_spawn(other, yield_twice, NULL) == WEIR_ECANCELED);
    CHECK(weir_strand_open(&scope, &guarded->strand) == WEIR_ECANCELED);
    CHECK(weir_strand_post(other, count_one, guarded) == 0);
    (void)weir_scope_join(&scope);
    CHECK(guarded->count == 21);
    return 0;
}

TEST(what_was_posted_before_a_close_runs)
{
    struct guarded one = {.busy = 0}, two = {.busy = 0};

    (void)run_with(close_early, &one, 1);
    (void)run_with(close_early, &two, 3);
}

static int first_success(void *arg)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_FIRST_DONE, .collected = WEIR_ON};
    struct weir_ended ended;
    weir_strand strand;
    weir_scope scope;
    int steps = 0;

    (void)arg;
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    CHECK(weir_strand_open(&scope, &strand) == 0);
    weir_strand_close(strand);
    CHECK(weir_yield() == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_scope_next(&scope, &ended) == 0);
    CHECK(weir_strand_open(&scope, &strand) == 0); /* the end of the first one cancels nothing */
    CHECK(weir_strand_spawn(strand, step_in_strand, &steps) == 0);
    CHECK(weir_scope_next(&scope, &ended) == 1 && ended.result == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(steps == 1);
    return 0;
}

TEST(a_strand_is_none_of_the_tasks_of_its_scope)
{
    (void)run_with(first_success, NULL, 1);
    (void)run_with(first_success, NULL, 2);
}

static int join_by_select(void *arg)
{
    struct guarded *guarded = arg;
    weir_scope scope;
    weir_case cases[2];
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_strand_open(&scope, &guarded->strand) == 0);
    for (i = 0; i < ROUNDS; i++)
        CHECK(weir_strand_post(guarded->strand, count_one, guarded) == 0);
    weir_case_join(&cases[0], &scope);
    weir_case_after(&cases[1], WEIR_FOREVER);
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 0);
    CHECK(guarded->count == ROUNDS);
    CHECK(weir_strand_post(guarded->strand, count_one, guarded) == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_select_joins_a_scope_with_a_strand)
{
    struct guarded one = {.busy = 0}, two = {.busy = 0};

    (void)run_with(join_by_select, &one, 1);
    (void)run_with(join_by_select, &two, 2);
}

/* Calls, tasks and posts of which some are stopped while they wait: what runs never overlaps, and
 * what was posted runs. */
struct chaos {
    struct guarded guarded;
    int posted, ran;
    unsigned seed;
};

static void count_run(void *arg)
{
    struct chaos *chaos = arg;

    enter(&chaos->guarded);
    leave(&chaos->guarded);
    chaos->ran++;
}

static int hold_shortly(void *arg)
{
    struct chaos *chaos = arg;

    enter(&chaos->guarded);
    (void)weir_sleep(WEIR_MICROSECONDS(20));
    leave(&chaos->guarded);
    return 0;
}

static int roam(void *arg)
{
    struct chaos *chaos = arg;
    unsigned seed = (unsigned)ADD(chaos->seed, 1);
    weir_block block;
    int i, rc = 0;

    for (i = 0; i < 30 && rc != WEIR_ECANCELED; i++) {
        if (weir_strand_inside(chaos->guarded.strand)) { /* a task of the strand */
            enter(&chaos->guarded);
            leave(&chaos->guarded);
        }
        switch (rand_r(&seed) % 4) {
        case 0:
            CHECK(weir_strand_post(chaos->guarded.strand, count_run, chaos) == 0);
            ADD(chaos->posted, 1);
            break;
        case 1:
            CHECK(weir_deadline_begin(&block, rand_r(&seed) % 100000) == 0);
            (void)weir_strand_run(chaos->guarded.strand, hold_shortly, chaos);
            (void)weir_block_end(&block);
            break;
        case 2:
            rc = weir_sleep(WEIR_MICROSECONDS(rand_r(&seed) % 50));
            break;
        default:
            rc = weir_yield();
        }
    }
    return 0;
}

static int unleash(void *arg)
{
    struct chaos *chaos = arg;
    weir_task tasks[TASKS * 2];
    weir_scope scope, cancelled;
    unsigned seed = chaos->seed;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_scope_open(&cancelled) == 0);
    CHECK(weir_strand_open(&scope, &chaos->guarded.strand) == 0);
    for (i = 0; i < TASKS; i++) {
        struct weir_spawn_options options = {.task = &tasks[TASKS + i]};

        CHECK(weir_spawn_task(&cancelled, &tasks[i], roam, chaos) == 0);
        CHECK(weir_strand_spawn_with(chaos->guarded.strand, roam, chaos, &options) == 0);
    }
    for (i = 0; i < TASKS; i++) {
        CHECK(weir_sleep(WEIR_MICROSECONDS(rand_r(&seed) % 100)) == 0);
        CHECK(weir_task_abort(tasks[rand_r(&seed) % (TASKS * 2)]) == 0);
    }
    weir_scope_cancel(&cancelled);
    (void)weir_scope_join(&cancelled);
    (void)weir_scope_join(&scope);
    CHECK(chaos->ran == chaos->posted);
    return 0;
}

TEST(nothing_overlaps_and_no_post_is_lost_under_random_cancels)
{
    unsigned seed;

    for (seed = 1; seed <= 30; seed++) {
        struct chaos chaos = {.seed = seed * 100};

        (void)run_with(unleash, &chaos, 1 + seed % 4);
    }
}
