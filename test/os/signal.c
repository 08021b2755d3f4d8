/* test/os/signal.c - waiting for signals. The signals that are used here stay weir's until the
 * program ends. */
#include "test.h"

#include <signal.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

none_on_sim("it waits for no signals")

    static int wait_for(int number)
{
    return weir_signal_wait(&number, 1);
}

static int wait_limited(int number, int64_t limit_ns)
{
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, limit_ns) == 0);
    rc = wait_for(number);
    (void)weir_block_end(&block);
    return rc;
}

static int wait_once(void *arg)
{
    (void)arg;
    return wait_limited(SIGUSR1, 0);
}

/* The first wait of a process makes a descriptor that stays: before tests count them. */
static void __attribute__((constructor)) make_descriptor(void)
{
    (void)weir_run(wait_once, NULL, NULL);
}

static int waiting;

static int note_signal(void *arg)
{
    ADD(waiting, 1);
    *(int *)arg = wait_for(SIGUSR1);
    return 0;
}

/* A task that has said that it waits may not do so yet: the signal is kept for it then. */
static int be_woken(void *arg)
{
    weir_scope scope;
    int got = -1;

    (void)arg;
    SAY(waiting, 0);
    CHECK(wait_limited(SIGUSR1, 0) == WEIR_EDEADLINE); /* the handler is there now */
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, note_signal, &got) == 0);
    YIELD_UNTIL(SEE(waiting) == 1);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(got == SIGUSR1);
    return 0;
}

TEST(a_signal_wakes_the_task_that_waits_for_it)
{
    assert_int_equal(run_with(be_woken, NULL, 1), 0);
    assert_int_equal(run_with(be_woken, NULL, 2), 0);
}

#define MANY 40

/* With one worker a task that has said so waits by the time another one runs. */
static int wake_many(void *arg)
{
    weir_scope scope;
    int i, got[MANY];

    (void)arg;
    SAY(waiting, 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < MANY; i++)
        CHECK(weir_spawn(&scope, note_signal, &got[i]) == 0);
    YIELD_UNTIL(SEE(waiting) == MANY);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < MANY; i++)
        CHECK(got[i] == SIGUSR1);
    CHECK(wait_limited(SIGUSR1, WEIR_MILLISECONDS(1)) == WEIR_EDEADLINE); /* it was not kept */
    return 0;
}

TEST(all_who_wait_for_a_signal_get_it)
{
    assert_int_equal(run_with(wake_many, NULL, 1), 0);
}

static int know_payload(void *arg)
{
    const int both[] = {SIGUSR1, SIGRTMIN + 3};
    struct weir_signal_info info = {0};

    (void)arg;
    CHECK(wait_limited(SIGUSR1, 0) == WEIR_EDEADLINE);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(weir_signal_wait_info(both, 2, &info) == SIGUSR1);
    CHECK(info.signal == SIGUSR1 && info.code == SI_USER && info.pid == getpid());
    CHECK(info.user == getuid() && info.count == 1);
    CHECK(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 4711}) == 0);
    CHECK(weir_signal_wait_info(both, 2, &info) == SIGRTMIN + 3);
    CHECK(info.code == SI_QUEUE && info.value == 4711 && info.pid == getpid());
    return 0;
}

TEST(a_signal_tells_what_it_carries)
{
    assert_int_equal(run_with(know_payload, NULL, 1), 0);
}

static int listen_twice(void *arg)
{
    const int both[] = {SIGUSR1, SIGUSR2};
    weir_signals first = {7}, second;
    struct weir_signal_info info;
    weir_block block;
    int i;

    (void)arg;
    CHECK(weir_signals_open(&first, (int[]){SIGKILL}, 1) == WEIR_EINVAL);
    CHECK(weir_signals_open(&first, both, 0) == WEIR_EINVAL && first.id == 7);
    CHECK(weir_signals_next(first, &info) == WEIR_EBADHANDLE);
    CHECK(weir_signals_open(&first, both, 2) == 0);
    CHECK(weir_signals_open(&second, both, 1) == 0);
    for (i = 0; i < 3; i++)
        CHECK(raise(SIGUSR2) == 0);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(weir_signals_next(first, &info) == SIGUSR1 && info.count == 1);
    CHECK(weir_signals_next(first, &info) == SIGUSR2 && info.count == 3);
    CHECK(weir_signals_next(second, NULL) == SIGUSR1);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_signals_next(second, NULL) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_signals_close(first) == 0);
    CHECK(weir_signals_close(first) == 0);
    CHECK(weir_signals_next(first, NULL) == WEIR_EBADHANDLE);
    CHECK(weir_signals_close(second) == 0);
    CHECK(wait_limited(SIGUSR1, WEIR_MILLISECONDS(1)) == SIGUSR1); /* kept besides */
    CHECK(wait_limited(SIGUSR2, WEIR_MILLISECONDS(1)) == SIGUSR2);
    return 0;
}

TEST(every_listener_gets_every_signal)
{
    /* raise is of one thread, and the threads of other workers block everything */
    assert_int_equal(run_with(listen_twice, NULL, 1), 0);
}

static int send_usr1(void *arg)
{
    (void)arg;
    return kill(getpid(), SIGUSR1);
}

static int select_signal(void *arg)
{
    weir_signals listener;
    struct weir_signal_info info = {0};
    weir_case cases[2];
    weir_scope scope;

    (void)arg;
    CHECK(weir_signals_open(&listener, (int[]){SIGUSR1}, 1) == 0);
    weir_case_signals(&cases[0], listener, &info);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, send_usr1, NULL) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == SIGUSR1 && info.pid == getpid());
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == SIGUSR1);
    CHECK(weir_signals_close(listener) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EBADHANDLE);
    CHECK(wait_limited(SIGUSR1, WEIR_SECONDS(20)) == SIGUSR1); /* which was kept besides */
    return 0;
}

TEST(a_listener_is_a_case_of_a_select)
{
    assert_int_equal(run_with(select_signal, NULL, 1), 0);
    assert_int_equal(run_with(select_signal, NULL, 2), 0);
}

static int next_until_closed(void *arg)
{
    ADD(waiting, 1);
    CHECK(weir_signals_next(*(weir_signals *)arg, NULL) == WEIR_ECLOSED);
    return 0;
}

static int close_listener(void *arg)
{
    weir_signals listener;
    weir_scope scope;

    (void)arg;
    SAY(waiting, 0);
    CHECK(weir_signals_open(&listener, (int[]){SIGUSR1}, 1) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, next_until_closed, &listener) == 0);
    YIELD_UNTIL(SEE(waiting) == 1);
    CHECK(weir_signals_close(listener) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(closing_a_listener_ends_its_waits)
{
    assert_int_equal(run_with(close_listener, NULL, 1), 0);
}

static int take_blocked(void *arg)
{
    (void)arg;
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(wait_limited(SIGUSR1, WEIR_SECONDS(20)) == SIGUSR1);
    return 0;
}

TEST(a_signal_that_all_threads_block_is_taken_all_the_same)
{
    uint64_t before, now;

    assert_int_equal(weir_signal_block((int[]){SIGUSR1}, 1, &before), 0);
    assert_int_equal(weir_signal_block((int[]){65}, 1, &now), WEIR_EINVAL);
    assert_int_equal(run_with(take_blocked, NULL, 1), 0);
    assert_int_equal(weir_signal_block(NULL, 0, &now), 0);
    assert_true(now == (before | 1ull << (SIGUSR1 - 1)));
    weir_signal_restore(before);
    assert_int_equal(weir_signal_block(NULL, 0, &now), 0);
    assert_true(now == before);
}

static int keep(void *arg)
{
    const int both[] = {SIGUSR2, SIGUSR1};

    (void)arg;
    CHECK(wait_limited(SIGUSR1, 0) == WEIR_EDEADLINE); /* from here on they are weir's */
    CHECK(wait_limited(SIGUSR2, 0) == WEIR_EDEADLINE);
    CHECK(raise(SIGUSR2) == 0);
    CHECK(raise(SIGUSR2) == 0);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(weir_signal_wait(both, 2) == SIGUSR1); /* the lowest number first */
    CHECK(weir_signal_wait(both, 2) == SIGUSR2);
    CHECK(wait_limited(SIGUSR2, WEIR_MILLISECONDS(1)) == WEIR_EDEADLINE); /* once */
    return 0;
}

TEST(a_signal_that_nobody_waits_for_is_kept_once)
{
    assert_int_equal(run_with(keep, NULL, 1), 0);
}

static int be_cancelled(void *arg)
{
    weir_scope scope;
    int got = -1;

    (void)arg;
    SAY(waiting, 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, note_signal, &got) == 0);
    YIELD_UNTIL(SEE(waiting) == 1);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(got == WEIR_ECANCELED);
    CHECK(kill(getpid(), SIGUSR1) == 0); /* nobody waits any more */
    CHECK(wait_limited(SIGUSR1, WEIR_SECONDS(20)) == SIGUSR1);
    return 0;
}

TEST(a_cancel_ends_the_wait)
{
    assert_int_equal(run_with(be_cancelled, NULL, 2), 0);
}

static int take_cancelled(void *arg)
{
    const int number = SIGUSR1;

    *(int *)arg = weir_signal_wait(&number, 1);
    return 0;
}

/* What is kept is not lost to one who may not wait. */
static int keep_from_cancelled(void *arg)
{
    weir_scope scope;
    int got = -1;

    (void)arg;
    CHECK(wait_limited(SIGUSR1, WEIR_MILLISECONDS(1)) == WEIR_EDEADLINE);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, take_cancelled, &got) == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(got == WEIR_ECANCELED);
    CHECK(wait_limited(SIGUSR1, WEIR_SECONDS(20)) == SIGUSR1);
    return 0;
}

TEST(a_cancelled_task_takes_no_signal)
{
    assert_int_equal(run_with(keep_from_cancelled, NULL, 1), 0);
}

static int refuse(void *arg)
{
    (void)arg;
    CHECK(wait_for(0) == WEIR_EINVAL);
    CHECK(wait_for(64) == WEIR_EINVAL);
    CHECK(wait_for(SIGKILL) == WEIR_EINVAL);
    CHECK(weir_signal_wait(NULL, 0) == WEIR_EINVAL);
    return 0;
}

TEST(what_is_no_signal_is_refused)
{
    assert_int_equal(wait_for(SIGUSR1), WEIR_ENOTASK);
    assert_int_equal(run_with(refuse, NULL, 1), 0);
}
