/* The simulated network: latency, loss, partitions, resets, crashes, and what TCP makes of them. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"

#define SEEDS 40

/* Runs fn under some seeds. */
static void run(weir_task_fn *fn, const struct weir_sim_link_options *link)
{
    struct weir_sim_options options = {0};

    if (link)
        options.link = *link;
    assert_int_equal(weir_sim_seeds(fn, NULL, 1, SEEDS, &options), 0);
    assert_checks();
}

static const weir_sim_host here = {0};

/* A host that echoes on port 7 until it is cancelled. */
static int echo_one(void *arg)
{
    weir_stream stream = *(weir_stream *)arg;
    char bytes[4096];
    ptrdiff_t n;

    while ((n = weir_read(stream, bytes, sizeof bytes)) > 0) {
        if (weir_write_all(stream, bytes, (size_t)n) < 0)
            break;
    }
    weir_close(stream);
    return 0;
}

static int echo(void *arg)
{
    weir_listener listener;
    weir_stream stream;
    weir_scope scope;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://0.0.0.0:7", NULL) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    while (weir_accept(listener, &stream) == 0)
        CHECK(weir_spawn_copy(&scope, echo_one, &stream, sizeof stream) == 0);
    weir_listener_close(listener);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

static weir_sim_host start(weir_task_fn *fn)
{
    weir_sim_host host = {0};

    CHECK(weir_sim_host_start("server", fn, NULL, &host) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(20)) == 0); /* until it listens */
    return host;
}

static weir_stream dial(void)
{
    weir_stream stream = {0};

    CHECK(weir_dial(&stream, "tcp://server:7") == 0);
    return stream;
}

/* One byte there and back: how long it takes. */
static uint64_t ping(weir_stream stream)
{
    uint64_t began_ns = weir_now_ns();
    char byte = 'x';

    CHECK(weir_write_all(stream, &byte, 1) == 0);
    CHECK(weir_read_exactly(stream, &byte, 1) == 0);
    return weir_now_ns() - began_ns;
}

/* The next byte within a time: 0, or why not. */
static int read_within(weir_stream stream, int64_t limit_ns)
{
    weir_block block;
    char byte;
    int rc;

    CHECK(weir_deadline_begin(&block, limit_ns) == 0);
    rc = weir_read_exactly(stream, &byte, 1);
    weir_block_end(&block);
    return rc;
}

static int dial_within(weir_stream *stream, const char *address, int64_t limit_ns)
{
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, limit_ns) == 0);
    rc = weir_dial(stream, address);
    weir_block_end(&block);
    return rc;
}

/* ---- hosts ---- */

static int tell_names(void *arg)
{
    char text[WEIR_ADDRESS_TEXT_MAX], wanted[WEIR_ADDRESS_TEXT_MAX], address[16];
    weir_sim_host host = start(echo), again;
    weir_stream stream = dial();

    (void)arg;
    CHECK(host.number == 1 && weir_sim_host_current().number == 0);
    CHECK(weir_sim_host_start("server", echo, NULL, &again) == WEIR_EEXIST);
    CHECK(weir_sim_host_start("a b", echo, NULL, &again) == WEIR_EINVAL);
    CHECK(weir_sim_host_address(host, address, sizeof address) > 0);
    CHECK(strcmp(address, "10.0.0.2") == 0);
    CHECK(weir_stream_peer(stream, text, sizeof text) > 0);
    snprintf(wanted, sizeof wanted, "tcp://%s:7", address);
    CHECK(strcmp(text, wanted) == 0);
    CHECK(weir_stream_local(stream, text, sizeof text) > 0);
    CHECK(strncmp(text, "tcp://10.0.0.1:", 15) == 0);
    weir_close(stream);
    CHECK(weir_dial(&stream, "tcp://nobody:7") == WEIR_ENAME);
    CHECK(weir_dial(&stream, "tcp://server:8") == WEIR_ECONNREFUSED);
    return 0;
}

TEST(hosts_have_names_and_addresses)
{
    run(tell_names, NULL);
}

static int answer_elsewhere(weir_address *out, size_t max, const char *host, uint16_t port,
                            unsigned ip, void *arg)
{
    (void)max;
    (void)ip;
    (void)arg;
    return strcmp(host, "alias") == 0 && weir_address_host(out, "10.0.0.2", port) == 0
               ? 1
               : WEIR_DNS_ENXDOMAIN;
}

static int resolve_names(void *arg)
{
    static const struct weir_resolver resolver = {.resolve = answer_elsewhere};
    struct weir_resolve_options six = {.ip = WEIR_IP_V6};
    weir_address out[2], wanted;
    weir_stream stream;

    (void)arg;
    (void)start(echo);
    CHECK(weir_address_host(&wanted, "10.0.0.2", 7) == 0);
    CHECK(weir_resolve(out, 2, "server", 7, NULL) == 1 && weir_address_equal(&out[0], &wanted));
    CHECK(weir_resolve(out, 2, "server", 7, &six) == WEIR_DNS_ENODATA);
    CHECK(weir_resolve(out, 2, "alias", 7, NULL) == WEIR_ENAME);
    CHECK(weir_resolver_register(&resolver) == 0);
    CHECK(weir_resolve(out, 2, "server", 7, NULL) == 1 && weir_address_equal(&out[0], &wanted));
    CHECK(weir_resolve(out, 2, "nobody", 7, NULL) == WEIR_DNS_ENXDOMAIN);
    CHECK(weir_dial_host(&stream, "alias", 7, NULL) == 0);
    weir_close(stream);
    return weir_resolver_register(NULL);
}

TEST(names_of_hosts_come_before_a_resolver)
{
    run(resolve_names, NULL);
}

static int use_loopback(void *arg)
{
    weir_stream stream;

    (void)start(echo);
    (void)arg;
    CHECK(weir_dial(&stream, "tcp://127.0.0.1:7") == WEIR_ECONNREFUSED);
    return 0;
}

TEST(loopback_is_each_hosts_own)
{
    run(use_loopback, NULL);
}

static uint32_t child_host, detached_host;

static int note_host(void *arg)
{
    *(uint32_t *)arg = weir_sim_host_current().number;
    return 0;
}

static int spawn_on_host(void *arg)
{
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, note_host, &child_host) == 0);
    CHECK(weir_runtime_spawn(weir_runtime_current(), note_host, &detached_host) == 0);
    return weir_scope_join(&scope);
}

static int inherit(void *arg)
{
    (void)arg;
    child_host = detached_host = 99;
    (void)start(spawn_on_host);
    CHECK(child_host == 1 && detached_host == 1);
    return 0;
}

TEST(task_has_the_host_of_its_spawner)
{
    run(inherit, NULL);
}

/* ---- links ---- */

static int measure_latency(void *arg)
{
    weir_sim_host host = start(echo);
    struct weir_sim_link_options far = {.latency_min_ns = WEIR_SECONDS(1),
                                        .latency_max_ns = WEIR_SECONDS(2)};
    weir_stream stream = dial();
    uint64_t took_ns = ping(stream);

    (void)arg;
    CHECK(took_ns >= 2 * 50000 && took_ns < (uint64_t)WEIR_MILLISECONDS(10));
    CHECK(weir_sim_link(here, host, &far) == 0);
    took_ns = ping(stream);
    CHECK(took_ns >= (uint64_t)WEIR_SECONDS(2) && took_ns < (uint64_t)WEIR_SECONDS(5));
    weir_close(stream);
    return 0;
}

TEST(link_has_a_latency)
{
    run(measure_latency, NULL);
}

static int lost_count;

static int measure_loss(void *arg)
{
    (void)arg;
    (void)start(echo);
    weir_stream stream = dial();
    int i;

    for (i = 0; i < 20; i++)
        lost_count += ping(stream) >= (uint64_t)WEIR_MILLISECONDS(200);
    weir_close(stream);
    return 0;
}

TEST(lost_segments_are_sent_again)
{
    struct weir_sim_link_options lossy = {.loss_permille = 100};

    lost_count = 0;
    run(measure_loss, NULL);
    assert_int_equal(lost_count, 0);
    run(measure_loss, &lossy);
    assert_in_range(lost_count, SEEDS, SEEDS * 20 / 3);
}

#define BULK 1000000

static int sink(void *arg)
{
    char bytes[4096];
    weir_listener listener;
    weir_stream stream;
    ptrdiff_t n;
    size_t got = 0;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://0.0.0.0:7", NULL) == 0);
    if (weir_accept(listener, &stream) == 0) {
        while ((n = weir_read(stream, bytes, sizeof bytes)) > 0)
            got += (size_t)n;
        CHECK(n == 0 && got == BULK);
        CHECK(weir_write_all(stream, "e", 1) == 0);
        weir_close(stream);
    }
    weir_listener_close(listener);
    return 0;
}

static int measure_bandwidth(void *arg)
{
    static char bytes[BULK];
    weir_stream stream;
    uint64_t began_ns, took_ns;
    char end = 0;

    (void)arg;
    (void)start(sink);
    stream = dial();
    began_ns = weir_now_ns();
    CHECK(weir_write_all(stream, bytes, sizeof bytes) == 0);
    CHECK(weir_shutdown(stream) == 0);
    CHECK(weir_read_exactly(stream, &end, 1) == 0 && end == 'e');
    took_ns = weir_now_ns() - began_ns;
    CHECK(took_ns >= 10 * 1000000000ull && took_ns < 13 * 1000000000ull);
    weir_close(stream);
    return 0;
}

TEST(link_has_a_bandwidth)
{
    struct weir_sim_link_options narrow = {.bytes_per_second = BULK / 10};

    run(measure_bandwidth, &narrow);
}

static int partition(void *arg)
{
    weir_sim_host host = start(echo);
    weir_stream stream = dial(), second;

    (void)arg;
    (void)ping(stream);
    CHECK(weir_sim_partition(here, host) == 0);
    CHECK(weir_write_all(stream, "1", 1) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(30)) == WEIR_EDEADLINE);
    CHECK(dial_within(&second, "tcp://server:7", WEIR_SECONDS(10)) == WEIR_EDEADLINE);
    CHECK(weir_sim_heal(here, host) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(120)) == 0);
    weir_close(stream);
    return 0;
}

TEST(partition_delays_what_is_sent_until_it_is_healed)
{
    run(partition, NULL);
}

static int partition_for_long(void *arg)
{
    weir_sim_host host = start(echo);
    weir_stream stream = dial(), second;

    (void)arg;
    CHECK(weir_sim_partition(here, host) == 0);
    CHECK(weir_dial(&second, "tcp://server:7") == WEIR_ETIMEDOUT);
    CHECK(weir_write_all(stream, "1", 1) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(2000)) == WEIR_ETIMEDOUT);
    weir_close(stream);
    return 0;
}

TEST(connection_gives_up_in_the_end)
{
    run(partition_for_long, NULL);
}

static int reset(void *arg)
{
    weir_sim_host host = start(echo);
    weir_stream stream = dial();

    (void)arg;
    (void)ping(stream);
    CHECK(weir_sim_reset(here, host) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(1)) == WEIR_ECONNRESET);
    weir_close(stream);
    stream = dial();
    (void)ping(stream);
    weir_close(stream);
    return 0;
}

TEST(reset_ends_connections_at_once)
{
    run(reset, NULL);
}

/* ---- crashes ---- */

static int crash(void *arg)
{
    weir_sim_host host = start(echo);
    weir_stream stream = dial(), second;

    (void)arg;
    (void)ping(stream);
    CHECK(weir_sim_host_crash(here) == WEIR_EINVAL);
    CHECK(weir_sim_host_restart(host) == WEIR_EBUSY);
    CHECK(weir_sim_host_crash(host) == 0);
    CHECK(weir_sim_host_crash(host) == WEIR_EBUSY);
    /* half-open: the peer learns nothing, for as long as it likes */
    CHECK(read_within(stream, WEIR_SECONDS(500)) == WEIR_EDEADLINE);
    CHECK(dial_within(&second, "tcp://server:7", WEIR_SECONDS(5)) == WEIR_EDEADLINE);
    CHECK(weir_sim_host_restart(host) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(20)) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(500)) == WEIR_EDEADLINE);
    CHECK(weir_write_all(stream, "1", 1) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(1)) == WEIR_ECONNRESET);
    weir_close(stream);
    stream = dial();
    (void)ping(stream);
    weir_close(stream);
    return 0;
}

TEST(crash_leaves_half_open_connections)
{
    run(crash, NULL);
}

static int keep_alive(void *arg)
{
    weir_sim_host host = start(echo);
    weir_stream stream = dial(), other = dial();
    uint64_t began_ns;

    (void)arg;
    CHECK(weir_stream_keepalive(stream, 1, 10, 2, 3) == 0);
    CHECK(weir_stream_keepalive(other, 1, 60, 2, 3) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(100)) == WEIR_EDEADLINE); /* all is well */
    CHECK(weir_sim_host_crash(host) == 0);
    began_ns = weir_now_ns();
    CHECK(read_within(stream, WEIR_SECONDS(100)) == WEIR_ETIMEDOUT);
    CHECK(weir_now_ns() - began_ns < (uint64_t)WEIR_SECONDS(10 + 3 * 2 + 1));
    CHECK(weir_sim_host_restart(host) == 0);
    CHECK(read_within(other, WEIR_SECONDS(100)) == WEIR_ECONNRESET);
    weir_close(stream);
    weir_close(other);
    return 0;
}

TEST(keepalive_finds_half_open_connections)
{
    run(keep_alive, NULL);
}

static int own_end_rc;

static int crash_itself(void *arg)
{
    (void)arg;
    CHECK(weir_sim_host_crash(weir_sim_host_current()) == 0);
    own_end_rc = weir_sleep(WEIR_SECONDS(1));
    return 0;
}

static int wait_for_its_end(void *arg)
{
    weir_sim_host host;

    (void)arg;
    own_end_rc = 0;
    CHECK(weir_sim_host_start("server", crash_itself, NULL, &host) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(2)) == 0);
    CHECK(own_end_rc == WEIR_ECANCELED);
    return 0;
}

TEST(host_may_crash_itself)
{
    run(wait_for_its_end, NULL);
}

static int last_words_rc;

/* Says its last words when it is cancelled. */
static int speak_at_the_end(void *arg)
{
    weir_listener listener, second;
    weir_stream stream;
    weir_block block;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://0.0.0.0:7", NULL) == 0);
    CHECK(weir_accept(listener, &stream) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(1000)) == WEIR_ECANCELED);
    CHECK(weir_shield_begin(&block, WEIR_SECONDS(1)) == 0);
    last_words_rc = weir_write_all(stream, "x", 1);
    CHECK(weir_listen(&second, "tcp://0.0.0.0:8", NULL) < 0);
    weir_block_end(&block);
    weir_listener_close(listener);
    weir_close(stream);
    return 0;
}

static int hear_last_words(void *arg)
{
    weir_sim_host host = start(speak_at_the_end);
    weir_stream stream = dial();

    (void)arg;
    CHECK(weir_sleep(WEIR_SECONDS(1)) == 0);
    last_words_rc = 0;
    CHECK(weir_sim_host_crash(host) == 0);
    CHECK(read_within(stream, WEIR_SECONDS(100)) == WEIR_EDEADLINE);
    CHECK(last_words_rc < 0);
    weir_close(stream);
    return 0;
}

TEST(nothing_that_a_crashed_host_sends_goes_out)
{
    run(hear_last_words, NULL);
}

/* ---- streams ---- */

static int read_nothing(void *arg)
{
    weir_listener listener;
    weir_stream stream;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://0.0.0.0:7", NULL) == 0);
    CHECK(weir_accept(listener, &stream) == 0);
    (void)weir_sleep(WEIR_SECONDS(1000));
    weir_close(stream);
    weir_listener_close(listener);
    return 0;
}

static int write_much(void *arg)
{
    static char bytes[BULK];
    struct weir_byte_counts counts;
    weir_stream stream;
    weir_block block;

    (void)arg;
    (void)start(read_nothing);
    stream = dial();
    CHECK(weir_deadline_begin(&block, WEIR_SECONDS(10)) == 0);
    CHECK(weir_write_all(stream, bytes, sizeof bytes) == WEIR_EDEADLINE);
    weir_block_end(&block);
    CHECK(weir_stream_counts(stream, &counts) == 0);
    CHECK(counts.written > 10000 && counts.written < 400000);
    weir_close(stream);
    return 0;
}

TEST(slow_reader_holds_the_writer_back)
{
    run(write_much, NULL);
}

static int half_close(void *arg)
{
    char bytes[10], byte;
    weir_stream stream;

    (void)arg;
    (void)start(echo);
    stream = dial();
    CHECK(weir_write_all(stream, "0123456789", 10) == 0);
    CHECK(weir_shutdown(stream) == 0);
    CHECK(weir_read_exactly(stream, bytes, sizeof bytes) == 0);
    CHECK(memcmp(bytes, "0123456789", 10) == 0);
    CHECK(weir_read(stream, &byte, 1) == 0);
    CHECK(weir_write(stream, "x", 1) == WEIR_EPIPE);
    weir_close(stream);
    return 0;
}

TEST(half_closed_stream_still_reads)
{
    run(half_close, NULL);
}

static int short_reads;

static int read_parts(void *arg)
{
    char bytes[1000] = {0};
    weir_stream stream;
    size_t got = 0;

    (void)arg;
    (void)start(echo);
    stream = dial();
    CHECK(weir_write_all(stream, bytes, sizeof bytes) == 0);
    while (got < sizeof bytes) {
        ptrdiff_t n = weir_read(stream, bytes, sizeof bytes - got);

        CHECK(n > 0);
        if (n <= 0)
            break;
        got += (size_t)n;
        short_reads += got < sizeof bytes;
    }
    weir_close(stream);
    return 0;
}

TEST(message_may_come_in_parts)
{
    short_reads = 0;
    run(read_parts, NULL);
    assert_true(short_reads > 3);
}

static char path[64];

static int dial_and_wait(void *arg)
{
    weir_stream stream;

    (void)arg;
    CHECK(weir_dial(&stream, path) == 0);
    CHECK(weir_sleep(WEIR_SECONDS(1000)) == WEIR_ECANCELED);
    weir_close(stream);
    return 0;
}

/* Hosts share the files of the system, and the names of UNIX sockets. */
static int dial_by_name(void *arg)
{
    weir_listener listener;
    weir_stream stream;
    weir_sim_host host;
    weir_block block;
    int i;

    (void)arg;
    CHECK(weir_listen(&listener, path, NULL) == 0);
    CHECK(weir_sim_host_start("client", dial_and_wait, NULL, &host) == 0);
    for (i = 0; i < 3; i++) {
        CHECK(weir_sleep(WEIR_MILLISECONDS(20)) == 0);
        CHECK(weir_sim_host_crash(host) == 0);
        CHECK(weir_deadline_begin(&block, WEIR_SECONDS(1)) == 0);
        CHECK(weir_accept(listener, &stream) == 0);
        weir_block_end(&block);
        weir_close(stream);
        CHECK(i == 2 || weir_sim_host_restart(host) == 0);
    }
    weir_listener_close(listener);
    return 0;
}

TEST(connection_waits_at_its_listener_when_the_dialler_crashes)
{
    snprintf(path, sizeof path, "unix:///tmp/weir-sim-%d", (int)getpid());
    run(dial_by_name, NULL);
}
