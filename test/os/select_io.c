/* test/os/select_io.c - streams and listeners in a select. */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/check.h"
#include "support/hostile.h"

static int run(weir_task_fn *fn, void *arg, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers};
    int rc = weir_run(fn, arg, &options);

    assert_checks();
    return rc;
}

static const struct weir_select_options no_wait = {.no_wait = WEIR_ON};

struct dialling {
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_stream stream;
};

static int dial(void *arg)
{
    struct dialling *dialling = arg;

    CHECK(weir_dial(&dialling->stream, dialling->address) == 0);
    return 0;
}

static int listen_at(struct dialling *dialling, weir_listener *listener)
{
    CHECK(weir_listen(listener, "tcp://127.0.0.1:0", NULL) == 0);
    return weir_listener_address(*listener, dialling->address, sizeof dialling->address) > 0;
}

static bool in_memory; /* what connect_pair makes: a pair of streams that are no sockets */

static void connect_pair(weir_stream *a, weir_stream *b)
{
    struct weir_pair_options small = {.capacity = 10000};
    struct dialling dialling;
    weir_listener listener;
    weir_stream ends[2];
    weir_scope scope;

    if (in_memory) {
        CHECK(weir_stream_pair_with(ends, &small) == 0);
        *a = ends[0];
        *b = ends[1];
        return;
    }
    CHECK(listen_at(&dialling, &listener));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial, &dialling) == 0);
    CHECK(weir_accept(listener, b) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    *a = dialling.stream;
    weir_listener_close(listener);
}

/* ---- reading ---- */

static int read_or_receive(void *arg)
{
    weir_stream a, b;
    weir_case cases[3];
    weir_chan chan;
    char in[8];
    int value = 1, got = 0;

    (void)arg;
    connect_pair(&a, &b);
    CHECK(weir_chan_create(&chan, sizeof(int), 1) == 0);
    weir_case_read(&cases[0], b, in, sizeof in);
    weir_case_recv(&cases[1], chan, &got);
    weir_case_after(&cases[2], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 3) == 2);
    CHECK(weir_chan_send(chan, &value) == 0);
    CHECK(weir_select(cases, 2) == 1 && got == 1);
    CHECK(weir_write(a, "hello", 5) == 5);
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 5 && memcmp(in, "hello", 5) == 0);
    CHECK(weir_write(a, "0123456789", 10) == 10); /* the rest of a message is ready at once */
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 8);
    CHECK(weir_select_with(cases, 2, &no_wait) == 0 && cases[0].result == 2);
    CHECK(weir_shutdown(a) == 0);
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 0); /* the end of the stream */
    weir_case_read(&cases[2], b, in, sizeof in);
    CHECK(weir_select(cases, 3) >= 0); /* the same stream twice: one of them is busy */
    CHECK(cases[2].result == WEIR_EBUSY || cases[0].result == 0);
    weir_case_read(&cases[0], b, in, 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EINVAL);
    CHECK(weir_close(b) == 0);
    weir_case_read(&cases[0], b, in, sizeof in);
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == WEIR_EBADHANDLE);
    CHECK(weir_close(a) == 0);
    weir_chan_destroy(chan);
    return 0;
}

TEST(a_read_is_a_case)
{
    hostile_calm();
    (void)run(read_or_receive, NULL, 1);
    (void)run(read_or_receive, NULL, 2);
}

struct closing {
    weir_stream stream;
    weir_listener listener;
};

static int close_it(void *arg)
{
    struct closing *closing = arg;

    CHECK(weir_yield() == 0);
    CHECK(weir_close(closing->stream) == 0);
    CHECK(weir_listener_close(closing->listener) == 0);
    return 0;
}

/* The close may come before the select, on another worker or when the budget is spent. */
static bool says_closed(int rc, const weir_case *c)
{
    return rc == 0 && (c->result == WEIR_ECLOSED || c->result == WEIR_EBADHANDLE);
}

static int close_under_select(void *arg)
{
    struct closing closing = {.listener = {0}};
    struct dialling dialling;
    weir_stream a, accepted;
    weir_scope scope;
    weir_case c;
    char in[8];

    (void)arg;
    connect_pair(&a, &closing.stream);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, close_it, &closing) == 0);
    weir_case_read(&c, closing.stream, in, sizeof in);
    CHECK(says_closed(weir_select(&c, 1), &c));
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_close(a) == 0);

    closing.stream.id = 0;
    CHECK(listen_at(&dialling, &closing.listener));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, close_it, &closing) == 0);
    weir_case_accept(&c, closing.listener, &accepted);
    CHECK(says_closed(weir_select(&c, 1), &c));
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_close_ends_a_select)
{
    (void)run(close_under_select, NULL, 1);
    (void)run(close_under_select, NULL, 3);
}

/* ---- bytes against values: nothing is lost, whatever is chosen ---- */

enum {
    BYTES = 300000,
    VALUES = 3000
};

struct race {
    weir_stream a, b;
    weir_chan chan;
    uint32_t seed;
};

static uint8_t byte_at(uint32_t at)
{
    return (uint8_t)(at * 7 + at / 256);
}

static int write_bytes(void *arg)
{
    struct race *race = arg;
    uint32_t at = 0, random = race->seed, i;
    uint8_t out[20000];

    while (at < BYTES) {
        uint32_t len;

        random = random * 1664525u + 1013904223u;
        len = random % 3 ? 1 + (random >> 16) % 300 : 1 + (random >> 16) % sizeof out;
        if (len > BYTES - at)
            len = BYTES - at;
        for (i = 0; i < len; i++)
            out[i] = byte_at(at + i);
        CHECK(weir_write_all(race->a, out, len) == 0);
        at += len;
        if (random % 5 == 0)
            CHECK(weir_yield() == 0);
    }
    return weir_shutdown(race->a);
}

static int send_values(void *arg)
{
    struct race *race = arg;
    int i;

    for (i = 0; i < VALUES; i++)
        CHECK(weir_chan_send(race->chan, &i) == 0);
    return weir_chan_close(race->chan, WEIR_EEOF);
}

static int take_both(struct race *race)
{
    uint8_t in[30000];
    uint32_t at = 0, random = race->seed;
    int value = 0, next = 0, open = 2;
    weir_case cases[3];

    weir_case_recv(&cases[1], race->chan, &value);
    while (open) {
        ptrdiff_t i;
        int which;

        random = random * 1664525u + 1013904223u;
        if (at != UINT32_MAX)
            weir_case_read(&cases[0], race->b, in,
                           random % 3 ? 1 + (random >> 16) % 500 : sizeof in);
        weir_case_after(&cases[2], random % 7 ? WEIR_SECONDS(60) : WEIR_MICROSECONDS(30));
        which = weir_select(cases, 3);
        CHECK(which >= 0);
        if (which == 0) {
            CHECK(cases[0].result >= 0);
            for (i = 0; i < cases[0].result; i++)
                CHECK(in[i] == byte_at(at + (uint32_t)i));
            at += (uint32_t)cases[0].result;
            if (cases[0].result <= 0) {
                CHECK(at == BYTES);
                at = UINT32_MAX;
                weir_case_none(&cases[0]);
                open--;
            }
        } else if (which == 1 && cases[1].result == 0) {
            CHECK(value == next++);
        } else if (which == 1) {
            CHECK(cases[1].result == WEIR_EEOF && next == VALUES);
            weir_case_none(&cases[1]);
            open--;
        }
        if (which < 0)
            break;
    }
    return 0;
}

static int race_both(void *arg)
{
    struct race *race = arg;
    weir_scope scope;

    connect_pair(&race->a, &race->b);
    CHECK(weir_chan_create(&race->chan, sizeof(int), race->seed % 3) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_bytes, race) == 0);
    CHECK(weir_spawn(&scope, send_values, race) == 0);
    CHECK(take_both(race) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_close(race->a) == 0);
    CHECK(weir_close(race->b) == 0);
    weir_chan_destroy(race->chan);
    return 0;
}

TEST(no_byte_and_no_value_is_lost_between_them)
{
    struct race race;
    uint32_t seed;

    for (seed = 0; seed < 8; seed++) {
        race = (struct race){.seed = seed};
        (void)run(race_both, &race, 1 + seed % 3);
    }
}

/* ---- writing ---- */

static int fill_until_full(weir_stream stream, uint32_t *sent)
{
    uint8_t out[4096];
    weir_case c;
    uint32_t i;
    int rc;

    for (;;) {
        for (i = 0; i < sizeof out; i++)
            out[i] = byte_at(*sent + i);
        weir_case_write(&c, stream, out, sizeof out);
        rc = weir_select_with(&c, 1, &no_wait);
        if (rc != 0)
            return rc;
        CHECK(c.result > 0);
        *sent += (uint32_t)c.result;
    }
}

struct reading {
    weir_stream stream;
    uint32_t len, from;
};

static int read_bytes(void *arg)
{
    struct reading *reading = arg;
    uint8_t in[4096];
    uint32_t at = 0, i;

    while (at < reading->len) {
        uint32_t want = reading->len - at < sizeof in ? reading->len - at : sizeof in;

        CHECK(weir_read_exactly(reading->stream, in, want) == 0);
        for (i = 0; i < want; i++)
            CHECK(in[i] == byte_at(reading->from + at + i));
        at += want;
    }
    return 0;
}

static int write_or_receive(void *arg)
{
    struct reading reading = {.from = 0};
    weir_case cases[2];
    weir_scope scope;
    weir_stream a;
    uint8_t byte;

    (void)arg;
    connect_pair(&a, &reading.stream);
    CHECK(fill_until_full(a, &reading.len) == WEIR_EAGAIN);
    byte = byte_at(reading.len);
    weir_case_write(&cases[0], a, &byte, 1);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1); /* there is no room, and nothing was sent */
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, read_bytes, &reading) == 0);
    weir_case_after(&cases[1], WEIR_SECONDS(60));
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 1);
    CHECK(weir_scope_join(&scope) == 0);
    reading.from = reading.len;
    reading.len = 1;
    CHECK(read_bytes(&reading) == 0);
    CHECK(weir_shutdown(a) == 0);
    CHECK(weir_read(reading.stream, &byte, 1) == 0); /* it was written once */
    byte = byte_at(0);
    CHECK(weir_close(reading.stream) == 0);
    CHECK(weir_close(a) == 0);
    weir_case_write(&cases[0], a, &byte, 1);
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_write_is_a_case)
{
    (void)run(write_or_receive, NULL, 1);
    (void)run(write_or_receive, NULL, 2);
}

/* A writer that other things come to: what its writes say is what the peer reads. */
static int write_both(void *arg)
{
    struct race *race = arg;
    uint8_t out[5000];
    uint32_t at = 0, random = race->seed, i;
    int value = 0, next = 0;
    weir_case cases[3];

    weir_case_recv(&cases[1], race->chan, &value);
    while (at < BYTES) {
        uint32_t len;
        int which;

        random = random * 1664525u + 1013904223u;
        len = 1 + (random >> 16) % sizeof out;
        len = len < BYTES - at ? len : BYTES - at;
        for (i = 0; i < len; i++)
            out[i] = byte_at(at + i);
        weir_case_write(&cases[0], race->a, out, len);
        weir_case_after(&cases[2], random % 5 ? WEIR_SECONDS(60) : WEIR_MICROSECONDS(10));
        which = weir_select(cases, 3);
        CHECK(which >= 0);
        if (which == 0 && cases[0].result <= 0)
            return (int)cases[0].result;
        if (which == 0)
            at += (uint32_t)cases[0].result;
        else if (which == 1 && cases[1].result == 0)
            CHECK(value == next++);
        else if (which == 1)
            weir_case_none(&cases[1]);
    }
    while (weir_chan_recv(race->chan, &value) == 0)
        CHECK(value == next++);
    CHECK(next == VALUES);
    return weir_shutdown(race->a);
}

static int race_writes(void *arg)
{
    struct race *race = arg;
    struct reading reading = {.len = BYTES};
    weir_scope scope;
    char more;

    connect_pair(&race->a, &race->b);
    CHECK(weir_stream_buffers(race->a, 0, 8192) == (in_memory ? WEIR_ENOTSUP : 0));
    reading.stream = race->b;
    CHECK(weir_chan_create(&race->chan, sizeof(int), race->seed % 3) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_both, race) == 0);
    CHECK(weir_spawn(&scope, send_values, race) == 0);
    CHECK(read_bytes(&reading) == 0);
    CHECK(weir_read(race->b, &more, 1) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_close(race->a) == 0);
    CHECK(weir_close(race->b) == 0);
    weir_chan_destroy(race->chan);
    return 0;
}

TEST(what_was_written_is_what_the_results_say)
{
    struct race race;
    uint32_t seed;

    for (seed = 0; seed < 8; seed++) {
        race = (struct race){.seed = seed};
        (void)run(race_writes, &race, 1 + seed % 3);
    }
}

/* Both directions of one stream at once. */
static int echo_by_select(void *arg)
{
    weir_stream stream = *(weir_stream *)arg;
    uint8_t buffer[512];
    size_t held = 0;
    bool ended = false;
    weir_case cases[2];

    while (!ended || held) {
        int which;

        weir_case_none(&cases[0]);
        weir_case_none(&cases[1]);
        if (!ended && held < sizeof buffer)
            weir_case_read(&cases[0], stream, buffer + held, sizeof buffer - held);
        if (held)
            weir_case_write(&cases[1], stream, buffer, held);
        which = weir_select(cases, 2);
        CHECK(which >= 0);
        if (which < 0 || cases[which].result < 0)
            return WEIR_EIO;
        if (which == 0) {
            held += (size_t)cases[0].result;
            ended = cases[0].result == 0;
        } else {
            held -= (size_t)cases[1].result;
            memmove(buffer, buffer + cases[1].result, held);
        }
    }
    return weir_shutdown(stream);
}

static int echo_both_ways(void *arg)
{
    struct race race = {.seed = 3};
    struct reading reading = {.len = BYTES};
    weir_scope scope;
    char more;

    (void)arg;
    connect_pair(&race.a, &race.b);
    reading.stream = race.a;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_bytes, &race) == 0);
    CHECK(weir_spawn(&scope, echo_by_select, &race.b) == 0);
    CHECK(weir_spawn(&scope, read_bytes, &reading) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_read(race.a, &more, 1) == 0);
    CHECK(weir_close(race.a) == 0);
    CHECK(weir_close(race.b) == 0);
    return 0;
}

TEST(both_directions_of_a_stream_are_cases)
{
    (void)run(echo_both_ways, NULL, 1);
    (void)run(echo_both_ways, NULL, 3);
}

/* ---- streams that are no sockets ---- */

TEST(streams_in_memory_are_cases_too)
{
    static weir_task_fn *const alone[] = {read_or_receive, close_under_select, write_or_receive,
                                          echo_both_ways};
    uint32_t seed;
    size_t i;

    hostile_calm();
    in_memory = true;
    for (i = 0; i < sizeof alone / sizeof *alone; i++) {
        (void)run(alone[i], NULL, 1);
        (void)run(alone[i], NULL, 3);
    }
    for (seed = 0; seed < 8; seed++) {
        struct race race = {.seed = seed}, writes = {.seed = seed};

        (void)run(race_both, &race, 1 + seed % 3);
        (void)run(race_writes, &writes, 1 + seed % 3);
    }
    in_memory = false;
}

/* ---- accepting ---- */

enum {
    DIALS = 30
};

static int dial_many(void *arg)
{
    const struct dialling *dialling = arg;
    weir_stream streams[DIALS];
    char byte;
    int i;

    for (i = 0; i < DIALS; i++)
        CHECK(weir_dial(&streams[i], dialling->address) == 0);
    for (i = 0; i < DIALS; i++) {
        CHECK(weir_read(streams[i], &byte, 1) == 1); /* each was accepted by somebody */
        CHECK(weir_close(streams[i]) == 0);
    }
    return 0;
}

struct accepting {
    weir_listener listener;
    int accepted, seed;
};

static void welcome(struct accepting *accepting, weir_stream stream)
{
    CHECK(weir_write_all(stream, "x", 1) == 0);
    CHECK(weir_close(stream) == 0);
    if (__atomic_add_fetch(&accepting->accepted, 1, __ATOMIC_SEQ_CST) == DIALS)
        CHECK(weir_listener_close(accepting->listener) == 0);
}

static int accept_by_select(void *arg)
{
    struct accepting *accepting = arg;
    weir_case cases[2];
    weir_stream stream = {0};
    int n = 0;

    weir_case_accept(&cases[0], accepting->listener, &stream);
    for (;;) {
        int which;

        weir_case_after(&cases[1], n++ % 3 ? WEIR_SECONDS(60) : WEIR_MICROSECONDS(20));
        which = weir_select(cases, 2);
        CHECK(which >= 0);
        if (which == 0 && cases[0].result == 0)
            welcome(accepting, stream);
        else if (which == 0)
            break;
    }
    CHECK(cases[0].result == WEIR_ECLOSED || cases[0].result == WEIR_EBADHANDLE);
    return 0;
}

static int accept_plainly(void *arg)
{
    struct accepting *accepting = arg;
    weir_stream stream;
    int rc;

    while ((rc = weir_accept(accepting->listener, &stream)) == 0)
        welcome(accepting, stream);
    CHECK(rc == WEIR_ECLOSED || rc == WEIR_EBADHANDLE);
    return 0;
}

static int accept_many(void *arg)
{
    struct accepting *accepting = arg;
    struct dialling dialling;
    weir_scope scope;

    CHECK(listen_at(&dialling, &accepting->listener));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, accept_by_select, accepting) == 0);
    CHECK(weir_spawn(&scope, accept_by_select, accepting) == 0);
    if (accepting->seed % 2)
        CHECK(weir_spawn(&scope, accept_plainly, accepting) == 0);
    CHECK(weir_spawn(&scope, dial_many, &dialling) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(accepting->accepted == DIALS);
    return 0;
}

TEST(no_connection_is_lost_between_selects)
{
    struct accepting accepting;
    int seed;

    for (seed = 0; seed < 6; seed++) {
        accepting = (struct accepting){.seed = seed};
        (void)run(accept_many, &accepting, 1 + (uint32_t)seed % 3);
    }
}

/* ---- a served stream ---- */

static int wait_idle(weir_stream peer, void *arg)
{
    weir_listener *listener = arg;
    weir_case cases[2];
    weir_chan never;
    char in[8];
    int value;

    CHECK(weir_chan_create(&never, sizeof value, 0) == 0);
    weir_case_read(&cases[0], peer, in, sizeof in);
    weir_case_recv(&cases[1], never, &value);
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 5);
    CHECK(weir_select(cases, 2) == WEIR_EIDLE);
    weir_chan_destroy(never);
    return weir_listener_close(*listener);
}

static int talk_and_idle(void *arg)
{
    struct dialling *dialling = arg;
    char end;

    CHECK(weir_dial(&dialling->stream, dialling->address) == 0);
    CHECK(weir_write_all(dialling->stream, "hello", 5) == 0);
    CHECK(weir_read(dialling->stream, &end, 1) == 0);
    return weir_close(dialling->stream);
}

static int serve_by_select(void *arg)
{
    struct weir_serve_options options = {.idle_limit_ns = WEIR_MILLISECONDS(20),
                                         .at_first_byte = *(uint8_t *)arg};
    struct dialling dialling;
    weir_listener listener;
    weir_scope scope;

    CHECK(listen_at(&dialling, &listener));
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, talk_and_idle, &dialling) == 0);
    CHECK(weir_serve(listener, wait_idle, &listener, &options) == 0);
    return weir_scope_join(&scope);
}

TEST(an_idle_limit_ends_a_select)
{
    uint8_t at_first_byte[] = {WEIR_OFF, WEIR_ON};

    hostile_calm();
    (void)run(serve_by_select, &at_first_byte[0], 1);
    (void)run(serve_by_select, &at_first_byte[1], 1);
    (void)run(serve_by_select, &at_first_byte[1], 2);
}
