/* test/fault/frame.c - readers, writers, wrappers, copies and scripts in which the n-th allocation
 * or system call fails: an error at worst, and nothing stays behind.
 */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/faults.h"

enum {
    LONG = 9000
};

struct route {
    weir_stream near[2], far[2];
    weir_codec codec;
};

static int say(void *arg)
{
    static char many[LONG];
    struct route *route = arg;
    weir_writer writer;
    int rc = weir_writer_init(&writer, route->near[0], 100);

    if (rc == 0)
        rc = weir_frame_write(&writer, &route->codec, "hello", 5);
    if (rc == 0)
        rc = weir_frame_write(&writer, &route->codec, many, LONG);
    if (rc == 0)
        rc = weir_writer_flush(&writer);
    weir_writer_fini(&writer);
    if (rc == 0)
        rc = weir_shutdown(route->near[0]);
    return rc;
}

static int hear(void *arg)
{
    struct route *route = arg;
    weir_reader reader;
    weir_bytes frame;
    int rc = weir_reader_init(&reader, route->far[1]);

    if (rc == 0)
        rc = weir_frame_read(&reader, &route->codec, &frame);
    if (rc == 1)
        rc = frame.len == 5 && memcmp(frame.at, "hello", 5) == 0 ? 0 : 2;
    if (rc == 0)
        rc = weir_frame_read(&reader, &route->codec, &frame);
    if (rc == 1)
        rc = frame.len == LONG ? 0 : 2;
    if (rc == 0)
        rc = weir_frame_read(&reader, &route->codec, &frame) > 0 ? 2 : 0;
    weir_reader_fini(&reader);
    if (rc == 0)
        rc = weir_shutdown(route->far[1]);
    return rc;
}

static int move(void *arg)
{
    struct weir_copy_both_options options = {.idle_limit_ns = WEIR_SECONDS(100)};
    struct route *route = arg;

    return weir_copy_both_with(route->near[1], route->far[0], NULL, &options);
}

static int wrap(struct route *route)
{
    struct weir_wrap_timeout_options limits = {.read_ns = WEIR_SECONDS(100)};
    struct weir_wrap_rate_options rates = {.read_per_second = 1000000000};
    int rc = weir_wrap_timeout(&route->near[1], route->near[1], &limits);

    if (rc == 0)
        rc = weir_wrap_rate(&route->far[0], route->far[0], &rates);
    if (rc == 0)
        rc = weir_wrap_take(&route->far[1], route->far[1], 2 * LONG);
    return rc;
}

static int run_route(struct route *route)
{
    weir_scope scope;
    int failed, rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, say, route);
    if (rc == 0)
        rc = weir_spawn(&scope, move, route);
    if (rc == 0)
        rc = weir_spawn(&scope, hear, route);
    if (rc < 0)
        weir_scope_cancel(&scope);
    failed = weir_scope_join(&scope);
    return rc < 0 ? rc : failed;
}

static int app(void *arg)
{
    struct weir_pair_options late = {.lanes = {{.chunk_max = 3000, .latency_ns = 1}}};
    struct route route = {.near = {{0}, {0}}, .far = {{0}, {0}}};
    int i, rc = weir_codec_netstring(&route.codec, 0);

    (void)arg;
    if (rc == 0)
        rc = weir_stream_pair(route.near);
    if (rc == 0)
        rc = weir_stream_pair_with(route.far, &late);
    if (rc == 0)
        rc = wrap(&route);
    if (rc == 0)
        rc = run_route(&route);
    for (i = 0; i < 2; i++) {
        weir_close(route.near[i]);
        weir_close(route.far[i]);
    }
    return rc;
}

static int run_app(void)
{
    struct weir_runtime_options options = {.workers = 1, .pin = WEIR_PIN_CORES};

    return weir_run(app, NULL, &options);
}

TEST(every_allocation_between_readers_and_writers_may_fail)
{
    fail_each(run_app, WEIR__FAULT_ALLOC);
}

TEST(every_call_between_readers_and_writers_may_fail)
{
    fail_each(run_app, WEIR__FAULT_CALL);
}

static int play(void *arg)
{
    static const struct weir_script_step steps[] = {{.bytes = "ping\n", .len = 5},
                                                    {WEIR_SCRIPT_GIVE, "pong\n", 5, 0, 0}};
    weir_stream stream, copy[2];
    weir_reader reader;
    weir_bytes line;
    int rc = weir_script_open(&stream, steps, 2);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_stream_pair(copy);
    if (rc < 0) {
        weir_close(stream);
        return rc;
    }
    rc = weir_wrap_tee(&stream, stream, copy[0]);
    if (rc == 0)
        rc = weir_write_all(stream, "ping\n", 5);
    if (rc == 0)
        rc = weir_reader_init(&reader, stream);
    if (rc == 0) {
        rc = weir_reader_read_line(&reader, 0, &line);
        if (rc == 1)
            rc = line.len == 4 && memcmp(line.at, "pong", 4) == 0 ? 0 : 2;
        weir_reader_fini(&reader);
    }
    weir_close(stream);
    weir_close(copy[1]);
    return rc;
}

static int run_play(void)
{
    struct weir_runtime_options options = {.workers = 1, .pin = WEIR_PIN_CORES};

    return weir_run(play, NULL, &options);
}

TEST(every_allocation_of_a_script_may_fail)
{
    fail_each(run_play, WEIR__FAULT_ALLOC);
}
