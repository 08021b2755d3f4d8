/* test/fault/copy.c - copies through the kernel in which the n-th allocation or system call fails.
 *
 * What arrives is the beginning of what was sent, and all of it if the copy says so.
 */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/faults.h"

#define MANY 40000

struct route {
    weir_stream in[2], out[2];
    uint64_t moved;
};

static int speak(void *arg)
{
    struct route *route = arg;
    static char bytes[MANY];
    int rc = weir_write_all(route->in[0], bytes, sizeof bytes);

    (void)weir_shutdown(route->in[0]);
    return rc;
}

static int copy(void *arg)
{
    struct route *route = arg;
    int rc = weir_copy_with(route->in[1], route->out[0], &route->moved,
                            &(struct weir_copy_options){.splice = WEIR_ON});

    (void)weir_close(route->out[0]);
    return rc;
}

static int listen_to(weir_stream stream, uint64_t *came)
{
    static char bytes[MANY];
    ptrdiff_t n;

    while ((n = weir_read(stream, bytes, sizeof bytes)) > 0)
        *came += (uint64_t)n;
    return (int)n;
}

static int go(struct route *route)
{
    weir_scope scope;
    int rc = weir_scope_open(&scope), joined;
    uint64_t came = 0;

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, speak, route);
    if (rc == 0)
        rc = weir_spawn(&scope, copy, route);
    if (rc == 0)
        rc = listen_to(route->out[1], &came);
    joined = weir_scope_join(&scope);
    if (rc < 0 || joined < 0)
        return rc < 0 ? rc : joined;
    return came != route->moved || came != MANY;
}

static int exchange(void *arg)
{
    struct route route = {.moved = 0};
    weir_block block;
    int i, rc = weir_deadline_begin(&block, WEIR_MILLISECONDS(300));

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_unix_pair(route.in);
    if (rc == 0)
        rc = weir_unix_pair(route.out);
    if (rc == 0)
        rc = weir_stream_zero_copy(route.in[0], 1); /* which UNIX sockets refuse */
    if (rc == 0)
        rc = go(&route);
    for (i = 0; i < 2; i++) {
        (void)weir_close(route.in[i]);
        (void)weir_close(route.out[i]);
    }
    (void)weir_block_end(&block);
    return rc;
}

static int run(void)
{
    return weir_run(exchange, NULL, NULL);
}

TEST(calls_of_a_splicing_copy_may_fail)
{
    fail_each(run, WEIR__FAULT_CALL);
}

TEST(allocations_of_a_splicing_copy_may_fail)
{
    fail_each(run, WEIR__FAULT_ALLOC);
}
