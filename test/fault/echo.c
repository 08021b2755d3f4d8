/* test/fault/echo.c - one exchange in which the n-th allocation or system call fails, for every n.
 *
 * The exchange may fail, with an error of its own; it may not crash, hang or keep anything: the
 * program's descriptors are counted after the test, and leaks are found by the sanitizers.
 */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "support/faults.h"

static int echo(weir_stream peer, void *arg)
{
    weir_lent data;
    int n = weir_read_lent(peer, &data);

    (void)arg;
    if (n > 0) {
        n = weir_write_all(peer, data.bytes, data.len);
        weir_give_back(&data);
    }
    return n;
}

static int serve(void *arg)
{
    return weir_serve(*(weir_listener *)arg, echo, NULL, NULL);
}

static int talk(const char *address)
{
    weir_block block;
    weir_stream stream;
    char in[5];
    int rc;

    /* a connection that the server could not keep may be silent until it is closed */
    rc = weir_deadline_begin(&block, WEIR_MILLISECONDS(300));
    if (rc == 0)
        rc = weir_dial(&stream, address);
    if (rc == 0) {
        rc = weir_write_all(stream, "hello", 5);
        if (rc == 0)
            rc = weir_read_exactly(stream, in, 5);
        if (rc == 0 && memcmp(in, "hello", 5) != 0)
            rc = 1;
        weir_close(stream);
    }
    weir_block_end(&block);
    return rc;
}

static int exchange(void *arg)
{
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    weir_scope scope;
    int rc, joined;

    (void)arg;
    rc = weir_listen(&listener, "tcp://127.0.0.1:0", NULL);
    if (rc < 0)
        return rc;
    rc = weir_listener_address(listener, address, sizeof address);
    if (rc < 0) {
        weir_listener_close(listener);
        return rc;
    }
    rc = weir_scope_open(&scope);
    if (rc == 0)
        rc = weir_spawn(&scope, serve, &listener);
    if (rc == 0)
        rc = talk(address);
    weir_listener_close(listener);
    joined = weir_scope_join(&scope);
    return rc < 0 ? rc : joined < 0 ? joined : rc;
}

static int run(void)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};

    return weir_run(exchange, NULL, &options);
}

TEST(every_allocation_may_fail)
{
    fail_each(run, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_may_fail)
{
    fail_each(run, WEIR__FAULT_CALL);
}
