/* test/os/signal.c - waiting for signals. The signals that are used here stay weir's until the
 * program ends. */
#include "test.h"

#include <signal.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

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

static int note_signal(void *arg)
{
    int rc;

    while ((rc = wait_for(SIGUSR1)) == WEIR_EBUSY) /* await_waiter is just looking */
        CHECK(weir_yield() == 0);
    *(int *)arg = rc;
    return 0;
}

/* Until a second wait finds the first. */
static void await_waiter(void)
{
    int rc;

    while ((rc = wait_limited(SIGUSR1, 0)) != WEIR_EBUSY) {
        CHECK(rc == WEIR_EDEADLINE);
        CHECK(weir_yield() == 0);
    }
}

static int be_woken(void *arg)
{
    weir_scope scope;
    int got = -1;

    (void)arg;
    CHECK(wait_limited(SIGUSR1, 0) == WEIR_EDEADLINE); /* the handler is there now */
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, note_signal, &got) == 0);
    await_waiter();
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
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, note_signal, &got) == 0);
    await_waiter();
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(got == WEIR_ECANCELED);
    CHECK(wait_limited(SIGUSR1, WEIR_MILLISECONDS(1)) == WEIR_EDEADLINE); /* not busy any more */
    return 0;
}

TEST(a_cancel_ends_the_wait)
{
    assert_int_equal(run_with(be_cancelled, NULL, 2), 0);
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
