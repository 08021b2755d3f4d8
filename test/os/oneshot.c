/* test/os/oneshot.c - a result from one to one. */
#include "test.h"

#include <pthread.h>
#include <weir.h>

#include "support/check.h"

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static int value_first(void *arg)
{
    weir_oneshot oneshot, other;
    long value = 7, got = 0;

    (void)arg;
    CHECK(weir_oneshot_create(&oneshot, 0) == WEIR_EINVAL);
    CHECK(weir_oneshot_create(&oneshot, WEIR_ONESHOT_VALUE_MAX + 1) == WEIR_EINVAL);
    CHECK(weir_oneshot_create(&oneshot, sizeof value) == 0);
    CHECK(weir_oneshot_try_recv(oneshot, &got) == WEIR_EAGAIN);
    CHECK(weir_oneshot_send(oneshot, &value) == 0);
    CHECK(weir_oneshot_send(oneshot, &value) == WEIR_EBUSY);
    CHECK(weir_oneshot_fail(oneshot, WEIR_EIO) == WEIR_EBUSY);
    CHECK(weir_oneshot_recv(oneshot, &got) == 0 && got == 7);
    CHECK(weir_oneshot_recv(oneshot, &got) == WEIR_EBADHANDLE); /* it has ended */
    CHECK(weir_oneshot_create(&other, sizeof value) == 0);      /* in the same place */
    CHECK(weir_oneshot_send(oneshot, &value) == WEIR_EBADHANDLE);
    CHECK(weir_oneshot_fail(other, 0) == WEIR_EINVAL);
    CHECK(weir_oneshot_fail(other, WEIR_EIO) == 0);
    CHECK(weir_oneshot_recv(other, &got) == WEIR_EIO);
    CHECK(weir_oneshot_create(&other, sizeof value) == 0);
    weir_oneshot_close(other);
    weir_oneshot_close(other);
    CHECK(weir_oneshot_send(other, &value) == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_value_waits_for_its_receiver)
{
    (void)run(value_first, NULL, 1);
}

struct asking {
    weir_oneshot oneshot;
    int expected;
};

static int ask(void *arg)
{
    struct asking *asking = arg;
    int got = 0;

    CHECK(weir_oneshot_recv(asking->oneshot, &got) == asking->expected);
    CHECK(got == (asking->expected ? 0 : 9));
    return 0;
}

static int receiver_first(void *arg)
{
    struct asking asking = {.expected = *(int *)arg};
    weir_scope scope;
    int value = 9;

    CHECK(weir_oneshot_create(&asking.oneshot, sizeof value) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, ask, &asking) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_oneshot_recv(asking.oneshot, &value) == WEIR_EBUSY);
    if (asking.expected == WEIR_ECLOSED)
        weir_oneshot_close(asking.oneshot);
    else if (asking.expected == WEIR_ECANCELED)
        weir_scope_cancel(&scope);
    else if (asking.expected)
        CHECK(weir_oneshot_fail(asking.oneshot, asking.expected) == 0);
    else
        CHECK(weir_oneshot_send(asking.oneshot, &value) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    if (asking.expected == WEIR_ECANCELED) { /* it is as it was */
        CHECK(weir_oneshot_send(asking.oneshot, &value) == 0);
        CHECK(weir_oneshot_recv(asking.oneshot, &value) == 0 && value == 9);
    }
    CHECK(weir_oneshot_send(asking.oneshot, &value) == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_receiver_waits_for_its_value)
{
    int expected[] = {0, WEIR_EIO, WEIR_ECLOSED, WEIR_ECANCELED};
    int i;

    for (i = 0; i < 4; i++)
        (void)run(receiver_first, &expected[i], 1);
}

/* ---- questions and answers, many at once ---- */

enum {
    CLIENTS = 20,
    QUESTIONS = 50
};

struct question {
    weir_oneshot answer;
    int number;
};

static int answer_all(void *arg)
{
    weir_chan questions = *(weir_chan *)arg;
    struct question question;
    int rc;

    while ((rc = weir_chan_recv(questions, &question)) == 0) {
        int answer = question.number * 3;

        rc = question.number % 10 == 9 ? weir_oneshot_fail(question.answer, WEIR_EIO)
                                       : weir_oneshot_send(question.answer, &answer);
        CHECK(rc == 0 || rc == WEIR_EBADHANDLE); /* who asked has left */
    }
    CHECK(rc == WEIR_EEOF);
    return 0;
}

static int ask_much(void *arg)
{
    weir_chan questions = *(weir_chan *)arg;
    struct question question;
    weir_block block;
    int answer, rc;

    for (question.number = 0; question.number < QUESTIONS; question.number++) {
        CHECK(weir_oneshot_create(&question.answer, sizeof answer) == 0);
        CHECK(weir_chan_send(questions, &question) == 0);
        CHECK(weir_deadline_begin(&block, question.number % 3 ? WEIR_FOREVER : 20000) == 0);
        rc = weir_oneshot_recv(question.answer, &answer);
        weir_block_end(&block);
        if (rc == WEIR_EDEADLINE)
            weir_oneshot_close(question.answer);
        else if (question.number % 10 == 9)
            CHECK(rc == WEIR_EIO);
        else
            CHECK(rc == 0 && answer == question.number * 3);
    }
    return 0;
}

static int converse(void *arg)
{
    weir_chan questions;
    weir_scope clients, servers;
    int i;

    (void)arg;
    CHECK(weir_chan_create(&questions, sizeof(struct question), 4) == 0);
    CHECK(weir_scope_open(&servers) == 0);
    CHECK(weir_scope_open(&clients) == 0);
    for (i = 0; i < CLIENTS; i++)
        CHECK(weir_spawn(&clients, ask_much, &questions) == 0);
    for (i = 0; i < 3; i++)
        CHECK(weir_spawn(&servers, answer_all, &questions) == 0);
    CHECK(weir_scope_join(&clients) == 0);
    CHECK(weir_chan_close(questions, WEIR_EEOF) == 0);
    CHECK(weir_scope_join(&servers) == 0);
    weir_chan_destroy(questions);
    return 0;
}

TEST(each_question_gets_its_own_answer)
{
    uint32_t i;

    for (i = 0; i < 12; i++)
        (void)run(converse, NULL, 1 + i % 4);
}

static void *answer_as_thread(void *arg)
{
    int value = 9;

    CHECK(weir_oneshot_send(*(weir_oneshot *)arg, &value) == 0);
    return NULL;
}

TEST(threads_answer_tasks_and_threads)
{
    struct asking asking;
    pthread_t thread;
    int got, i;

    for (i = 0; i < 100; i++) {
        asking = (struct asking){.expected = 0};
        assert_int_equal(weir_oneshot_create(&asking.oneshot, sizeof got), 0);
        assert_int_equal(pthread_create(&thread, NULL, answer_as_thread, &asking.oneshot), 0);
        if (i % 2)
            (void)run(ask, &asking, 1);
        else
            assert_int_equal(weir_oneshot_recv(asking.oneshot, &got), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_checks();
}
