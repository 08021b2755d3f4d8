/* test/os/dial_host.c - hosts without a name server: numbers, localhost, resolvers, attempts. */
#include "test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

/* ---- what needs nobody ---- */

static int resolve(weir_address *out, size_t max, const char *host, uint8_t ip)
{
    struct weir_resolve_options options = {.ip = ip};

    return weir_resolve(out, max, host, 80, &options);
}

static bool is(const weir_address *address, const char *host)
{
    weir_address wanted;

    return weir_address_host(&wanted, host, 80) == 0 && weir_address_equal(address, &wanted);
}

static int resolve_numbers(void *arg)
{
    struct weir_resolve_options options = {.ip = 5};
    weir_address out[4];
    char lengthy[300];

    (void)arg;
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = 0;
    CHECK(resolve(out, 4, "192.0.2.1", 0) == 1 && is(&out[0], "192.0.2.1"));
    CHECK(resolve(out, 4, "2001:db8::1", WEIR_IP_V6) == 1 && is(&out[0], "2001:db8::1"));
    CHECK(resolve(out, 4, "2001:db8::1", WEIR_IP_V4) == WEIR_DNS_ENODATA);
    CHECK(resolve(out, 4, "localhost", WEIR_IP_V4) == 1 && is(&out[0], "127.0.0.1"));
    CHECK(resolve(out, 4, "LocalHost.", WEIR_IP_V6) == 1 && is(&out[0], "::1"));
    CHECK(resolve(out, 4, "a.localhost", WEIR_IP_ANY) == 2);
    CHECK(resolve(out, 1, "localhost", WEIR_IP_ANY) == 1);
    CHECK(resolve(out, 0, "localhost", WEIR_IP_ANY) == WEIR_EINVAL);
    CHECK(resolve(out, 4, "", WEIR_IP_ANY) == WEIR_ENAME);
    CHECK(resolve(out, 4, "a\nb", WEIR_IP_ANY) == WEIR_ENAME);
    CHECK(resolve(out, 4, lengthy, WEIR_IP_ANY) == WEIR_ENAME);
    CHECK(weir_resolve(out, 4, "localhost", 1, &options) == WEIR_EOPTION);
    /* a form that only getaddrinfo takes, without asking anybody; the simulator does not ask it */
    if (test_simulated())
        CHECK(resolve(out, 4, "127.1", WEIR_IP_ANY) == WEIR_ENAME);
    else
        CHECK(resolve(out, 4, "127.1", WEIR_IP_ANY) == 1 && is(&out[0], "127.0.0.1"));
    return 0;
}

TEST(numbers_and_localhost_need_no_resolver)
{
    weir_address out;

    assert_int_equal(weir_resolve(&out, 1, "127.0.0.1", 1, NULL), WEIR_ENOTASK);
    assert_int_equal(run_with(resolve_numbers, NULL, 1), 0);
}

/* ---- a resolver of the test ---- */

struct answer {
    const char *hosts[4]; /* numbers */
    uint16_t ports[4];
    int rc;
    int calls;
};

static int answer_by(weir_address *out, size_t max, const char *host, uint16_t port, unsigned ip,
                     void *arg)
{
    struct answer *answer = arg;
    size_t i;

    (void)ip;
    CHECK(strcmp(host, "a.host") == 0);
    answer->calls++;
    CHECK(weir_yield() == 0); /* it may suspend */
    for (i = 0; i < 4 && answer->hosts[i] && i < max; i++)
        CHECK(
            weir_address_host(&out[i], answer->hosts[i], answer->ports[i] ? answer->ports[i] : port)
            == 0);
    return answer->rc ? answer->rc : (int)i;
}

struct setting {
    struct answer answer;
    struct weir_resolver resolver;
};

static void setting_begin(struct setting *s)
{
    s->resolver = (struct weir_resolver){.resolve = answer_by, .arg = &s->answer};
    CHECK(weir_resolver_register(&s->resolver) == 0);
}

static int use_resolver(void *arg)
{
    struct setting s = {.answer = {.hosts = {"192.0.2.1", "127.0.0.1"}}};
    struct weir_resolve_options options = {.system = WEIR_ON};
    weir_address out[4];
    weir_stream stream;

    (void)arg;
    setting_begin(&s);
    CHECK(weir_resolver_register(&s.resolver) == WEIR_EBUSY);
    CHECK(resolve(out, 4, "a.host", 0) == 2 && s.answer.calls == 1);
    CHECK(weir_resolve(out, 4, "127.1", 80, &options) == (test_simulated() ? WEIR_ENAME : 1));
    CHECK(s.answer.calls == 1);
    s.answer.rc = WEIR_DNS_ENXDOMAIN;
    CHECK(resolve(out, 4, "a.host", 0) == WEIR_DNS_ENXDOMAIN);
    CHECK(weir_dial_host(&stream, "a.host", 1, NULL) == WEIR_DNS_ENXDOMAIN);
    CHECK(weir_dial(&stream, "tcp://a.host:1") == WEIR_DNS_ENXDOMAIN);
    CHECK(weir_resolver_register(NULL) == 0);
    return 0;
}

TEST(a_program_has_a_resolver_of_its_own)
{
    assert_int_equal(run_with(use_resolver, NULL, 1), 0);
}

/* ---- attempts ---- */

/* A listener whose backlog is full: who connects waits. */
struct full {
    int listener, fillers[3];
    uint16_t port;
};

static void full_open(struct full *full, const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    size_t i;

    inet_pton(AF_INET, host, &address.sin_addr);
    full->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(full->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(full->listener, 0), 0);
    assert_int_equal(getsockname(full->listener, (struct sockaddr *)&address, &len), 0);
    full->port = ntohs(address.sin_port);
    for (i = 0; i < 3; i++) {
        full->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(full->fillers[i], (struct sockaddr *)&address, len);
    }
}

static void full_close(struct full *full)
{
    size_t i;

    for (i = 0; i < 3; i++)
        close(full->fillers[i]);
    close(full->listener);
}

static uint16_t listen_at(weir_listener *listener, const char *text)
{
    char address[WEIR_ADDRESS_TEXT_MAX];

    CHECK(weir_listen(listener, text, NULL) == 0);
    CHECK(weir_listener_address(*listener, address, sizeof address) > 0);
    return (uint16_t)atoi(strrchr(address, ':') + 1);
}

/* The first address never answers, the second does. */
static int pass_silent(void *arg)
{
    struct full *full = arg;
    struct setting s = {.answer = {.hosts = {"127.0.0.1", "127.0.0.1"}, .ports = {full->port}}};
    struct weir_dial_options options = {.attempt_delay_ns = WEIR_MILLISECONDS(20)};
    weir_stream stream, peer;
    weir_listener listener;
    uint16_t port = listen_at(&listener, "tcp://127.0.0.1:0");

    setting_begin(&s);
    CHECK(weir_dial_host(&stream, "a.host", port, &options) == 0);
    CHECK(weir_accept(listener, &peer) == 0);
    CHECK(weir_write_all(stream, "x", 1) == 0);
    weir_close(stream);
    weir_close(peer);
    weir_listener_close(listener);
    CHECK(weir_resolver_register(NULL) == 0);
    return 0;
}

TEST(an_address_that_does_not_answer_is_passed_after_a_while)
{
    struct full full;
    uint32_t workers;

    not_on_sim("its sockets are not the kernel's");
    full_open(&full, "127.0.0.1");
    for (workers = 1; workers <= 2; workers++)
        assert_int_equal(run_with(pass_silent, &full, workers), 0);
    full_close(&full);
}

/* A failure begins the next attempt at once: the delay would be longer than the test may take. */
static int pass_refused(void *arg)
{
    struct setting s = {.answer = {.hosts = {"127.0.0.1", "127.0.0.1"}, .ports = {1}}};
    struct weir_dial_options options = {.attempt_delay_ns = WEIR_SECONDS(3600)};
    weir_stream stream, peer;
    weir_listener listener;
    uint16_t port = listen_at(&listener, "tcp://127.0.0.1:0");

    (void)arg;
    setting_begin(&s);
    CHECK(weir_dial_host(&stream, "a.host", port, &options) == 0);
    CHECK(weir_accept(listener, &peer) == 0);
    weir_close(stream);
    weir_close(peer);
    weir_listener_close(listener);
    s.answer.ports[1] = 1; /* refused, and no route: the refusal is told */
    s.answer.hosts[0] = "255.255.255.255";
    CHECK(weir_dial_host(&stream, "a.host", 1, &options) == WEIR_ECONNREFUSED);
    options.attempt_delay_ns = -1;
    CHECK(weir_dial_host(&stream, "a.host", 1, &options) == WEIR_EOPTION);
    CHECK(weir_resolver_register(NULL) == 0);
    return 0;
}

TEST(an_attempt_that_fails_begins_the_next)
{
    assert_int_equal(run_with(pass_refused, NULL, 1), 0);
    assert_int_equal(run_with(pass_refused, NULL, 2), 0);
}

static int dial_until(void *arg)
{
    struct weir_dial_options options = {.attempt_delay_ns = WEIR_MILLISECONDS(10)};
    weir_stream stream;
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, *(int64_t *)arg) == 0);
    rc = weir_dial_host(&stream, "a.host", 1, &options);
    (void)weir_block_end(&block);
    return rc;
}

static int stop_attempts(void *arg)
{
    struct full *full = arg;
    struct setting s = {
        .answer = {.hosts = {"127.0.0.1", "127.0.0.1"}, .ports = {full->port, full->port}}};
    int64_t soon = WEIR_MILLISECONDS(30), never = WEIR_FOREVER;
    weir_scope scope;

    setting_begin(&s);
    CHECK(dial_until(&soon) == WEIR_EDEADLINE);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial_until, &never) == 0);
    YIELD_UNTIL(s.answer.calls == 2);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    CHECK(weir_resolver_register(NULL) == 0);
    return 0;
}

TEST(who_is_stopped_stops_all_attempts)
{
    struct full full;

    not_on_sim("its sockets are not the kernel's");
    full_open(&full, "127.0.0.1");
    assert_int_equal(run_with(stop_attempts, &full, 1), 0);
    full_close(&full);
}

/* Two that succeed at the same time: one stream is given, the other one closed. */
static int race_two(void *arg)
{
    struct setting s = {.answer = {.hosts = {"127.0.0.1", "127.0.0.1"}}};
    struct weir_dial_options options = {.attempt_delay_ns = WEIR_MILLISECONDS(10)};
    weir_listener listener;
    uint16_t port = listen_at(&listener, "tcp://127.0.0.1:0");
    int i;

    (void)arg;
    setting_begin(&s);
    for (i = 0; i < 200; i++) {
        weir_stream stream;

        CHECK(weir_dial_host(&stream, "a.host", port, &options) == 0);
        CHECK(weir_close(stream) == 0);
    }
    weir_listener_close(listener);
    CHECK(weir_resolver_register(NULL) == 0);
    return 0;
}

TEST(one_stream_comes_of_many_attempts)
{
    assert_int_equal(run_with(race_two, NULL, 2), 0);
}
