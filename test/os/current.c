/* test/os/current.c - each public call leaves the library when it returns, also with an error.
 *
 * A thread that does not is never lent: a task that computes after such a call holds up its worker.
 */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"
#include "support/hostile.h"
#include "sys/current.h"

/* The call gives `result`, and the thread is outside. */
#define GIVES(call, result)                                                                        \
    do {                                                                                           \
        CHECK((call) == (result));                                                                 \
        CHECK(weir__here()->inside == 0);                                                          \
    } while (0)
#define OUTSIDE(call)                                                                              \
    do {                                                                                           \
        (void)(call);                                                                              \
        CHECK(weir__here()->inside == 0);                                                          \
    } while (0)

static int nothing(void *arg)
{
    (void)arg;
    CHECK(weir__here()->inside == 0);
    return 0;
}

static int tasks(void *arg)
{
    struct weir_spawn_options far = {.worker = 99};
    struct weir_scope_options unknown = {.policy = 9};
    struct weir_runtime_options runtime = {.workers = 1};
    int value = 1, bad[] = {-1};
    weir_mutex mutex = {0};
    weir_block block;
    weir_scope scope;

    GIVES(weir_scope_open_with(&scope, &unknown), WEIR_EOPTION);
    GIVES(weir_scope_open(&scope), 0);
    GIVES(weir_spawn(&scope, nothing, arg), 0);
    GIVES(weir_spawn_with(&scope, nothing, arg, &far), WEIR_EOPTION);
    GIVES(weir_spawn_copy(&scope, nothing, &value, sizeof value), 0);
    OUTSIDE((weir_scope_cancel(&scope), 0));
    GIVES(weir_spawn(&scope, nothing, arg), WEIR_ECANCELED);
    GIVES(weir_scope_join(&scope), 0);
    GIVES(weir_deadline_begin(&block, -1), WEIR_EINVAL);
    GIVES(weir_deadline_begin(&block, 0), 0);
    OUTSIDE(weir_check());
    OUTSIDE(weir_yield());
    GIVES(weir_sleep(-1), WEIR_EINVAL);
    OUTSIDE(weir_sleep(1));
    OUTSIDE(weir_block_end(&block));
    GIVES(weir_sleep(1), 0);
    GIVES(weir_pin(), 0);
    GIVES(weir_unpin(), 0);
    GIVES(weir_unpin(), WEIR_EINVAL);
    OUTSIDE(weir_task_name());
    OUTSIDE(weir_task_id());
    OUTSIDE(weir_worker_count());
    OUTSIDE(weir_worker_index());
    OUTSIDE(weir_backend_name());
    GIVES(weir_run(nothing, arg, &runtime), WEIR_EBUSY);
    GIVES(weir_runtime_block_on(weir_runtime_current(), nothing, arg), WEIR_EBUSY);
    GIVES(weir_runtime_shutdown(weir_runtime_current(), 0, NULL, NULL), WEIR_EBUSY);
    GIVES(weir_block_in_place(nothing, arg), 0);
    GIVES(weir_signal_wait(NULL, 0), WEIR_EINVAL);
    GIVES(weir_signal_wait(bad, 1), WEIR_EINVAL);
    GIVES(weir_mutex_lock(&mutex), 0);
    GIVES(weir_mutex_try_lock(&mutex), WEIR_EBUSY);
    OUTSIDE((weir_mutex_unlock(&mutex), 0));
    return 0;
}

struct accepting {
    weir_listener listener;
    weir_stream stream;
};

static int accept_one(void *arg)
{
    struct accepting *accepting = arg;

    GIVES(weir_accept(accepting->listener, &accepting->stream), 0);
    return 0;
}

static int serve_none(weir_stream peer, void *arg)
{
    (void)peer;
    (void)arg;
    return 0;
}

static void stream_calls(weir_stream a, weir_stream b)
{
    struct iovec part = {"hello", 5};
    struct weir_byte_counts counts;
    char bytes[WEIR_ADDRESS_TEXT_MAX];
    weir_lent lent;

    GIVES(weir_write(a, "hello", 5), 5);
    GIVES(weir_writev(a, &part, 1), 5);
    GIVES(weir_write_all(a, "hello", 5), 0);
    GIVES(weir_read(b, bytes, 5), 5);
    GIVES(weir_read_exactly(b, bytes, 5), 0);
    GIVES(weir_read_lent(b, &lent), 5);
    OUTSIDE((weir_give_back(&lent), 0));
    GIVES(weir_stream_counts(a, &counts), 0);
    OUTSIDE(weir_stream_local(a, bytes, sizeof bytes));
    OUTSIDE(weir_stream_peer(a, bytes, sizeof bytes));
    GIVES(weir_stream_nodelay(a, 1), 0);
    GIVES(weir_stream_draining(a), 0);
    GIVES(weir_shutdown(a), 0);
    GIVES(weir_write(a, "x", 1), WEIR_EPIPE);
    GIVES(weir_read(b, bytes, 1), 0);
    GIVES(weir_close(a), 0);
    GIVES(weir_close(a), 0);
    GIVES(weir_read(a, bytes, 1), WEIR_EBADHANDLE);
    GIVES(weir_read_lent(a, &lent), WEIR_EBADHANDLE);
    GIVES(weir_read_exactly(a, bytes, 1), WEIR_EBADHANDLE);
    GIVES(weir_write(a, bytes, 1), WEIR_EBADHANDLE);
    GIVES(weir_writev(a, &part, 1), WEIR_EBADHANDLE);
    GIVES(weir_write_all(a, bytes, 1), WEIR_EBADHANDLE);
    GIVES(weir_send_file(a, 0, 0, 1), WEIR_EBADHANDLE);
    GIVES(weir_shutdown(a), WEIR_EBADHANDLE);
    GIVES(weir_stream_counts(a, &counts), WEIR_EBADHANDLE);
    GIVES(weir_stream_nodelay(a, 1), WEIR_EBADHANDLE);
    GIVES(weir_stream_draining(a), WEIR_EBADHANDLE);
    GIVES(weir_close(b), 0);
}

static int streams(void *arg)
{
    struct weir_serve_options too_deep = {.stack_size = SIZE_MAX};
    char address[WEIR_ADDRESS_TEXT_MAX];
    struct accepting accepting;
    weir_stream stream;
    weir_scope scope;

    (void)arg;
    GIVES(weir_listen(&accepting.listener, "nothing", NULL), WEIR_EADDRESS);
    GIVES(weir_listen(&accepting.listener, "tcp://127.0.0.1:0", NULL), 0);
    OUTSIDE(weir_listener_address(accepting.listener, address, sizeof address));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, accept_one, &accepting) == 0);
    GIVES(weir_dial(&stream, "nothing"), WEIR_EADDRESS);
    GIVES(weir_dial(&stream, "unix:///nowhere/at/all"), WEIR_ENOENT);
    GIVES(weir_dial(&stream, address), 0);
    CHECK(weir_scope_join(&scope) == 0);
    stream_calls(stream, accepting.stream);
    GIVES(weir_serve(accepting.listener, serve_none, NULL, &too_deep), WEIR_EOPTION);
    GIVES(weir_listener_close(accepting.listener), 0);
    GIVES(weir_serve(accepting.listener, serve_none, NULL, NULL), WEIR_EBADHANDLE);
    GIVES(weir_accept(accepting.listener, &stream), WEIR_EBADHANDLE);
    return 0;
}

TEST(calls_about_tasks_leave_the_library)
{
    struct weir_runtime_options options = {.workers = 2};

    assert_int_equal(weir_run(tasks, NULL, &options), 0);
    assert_checks();
}

TEST(calls_about_streams_leave_the_library)
{
    struct weir_runtime_options options = {.workers = 1};

    hostile_calm();
    assert_int_equal(weir_run(streams, NULL, &options), 0);
    assert_checks();
}
