/* test/os/dns_time.c - what the resolver keeps and for how long, the files that it follows, and who
 * does not wait any longer: by the virtual clock, with a name server that is a task of the test.
 */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

#if defined(WEIR_TEST_DNS)
#include "support/answers.h"

none_on_sim("its UDP is not the kernel's")

    static struct answers answers;

static struct weir_dns_options by_answers(void)
{
    return (struct weir_dns_options){
        .servers = answers.servers, .search = "", .hosts_file = "", .timeout_ns = WEIR_SECONDS(20)};
}

static int with_answers(void *arg)
{
    weir_task_fn *const *fn = arg;
    weir_scope scope;
    int rc;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(answers_begin(&answers, &scope) == 0);
    rc = (*fn)(NULL);
    CHECK(weir_dns_fini() == 0);
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    CHECK(weir_socket_close(answers.socket) == 0);
    return rc;
}

static void run_virtual(weir_task_fn *fn, uint32_t workers)
{
    struct weir_runtime_options options = {.workers = workers, .clock = WEIR_CLOCK_VIRTUAL};

    assert_int_equal(weir_run(with_answers, &fn, &options), 0);
    assert_checks();
}

static void advance(uint64_t seconds)
{
    CHECK(weir_clock_advance(WEIR_SECONDS(seconds)) == 0);
}

static struct weir_dns_counts counts_now(void)
{
    struct weir_dns_counts counts = {0};

    CHECK(weir_dns_count(&counts) == 0);
    return counts;
}

static int look_up(const char *name)
{
    const struct weir_dns_answer *answer = NULL;
    int rc = weir_dns_lookup(&answer, name, WEIR_DNS_A);

    weir_dns_release(answer);
    return rc;
}

/* Looks up a name that is kept for so many seconds: it is asked for again then, and not before. */
static void keeps(const char *name, int wanted, uint64_t seconds)
{
    uint32_t before = SEE(answers.asked);

    CHECK(look_up(name) == wanted && SEE(answers.asked) == before + 1);
    if (seconds) {
        advance(seconds - 1);
        CHECK(look_up(name) == wanted && SEE(answers.asked) == before + 1);
        advance(1);
    }
    CHECK(look_up(name) == wanted && SEE(answers.asked) == before + 2);
}

/* ---- what is kept ---- */

static int keep_answers(void *arg)
{
    struct weir_dns_options options = by_answers();
    const struct weir_dns_answer *answer;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_dns_lookup(&answer, "usual", WEIR_DNS_A) == 0);
    CHECK(answer->until_ns == weir_now_ns() + (uint64_t)WEIR_SECONDS(100));
    CHECK(answer->records[0].ttl_s == 100);
    weir_dns_release(answer);
    keeps("other", 0, 100);
    keeps("a.t7", 0, 7);
    keeps("a.t0", 0, 0);
    keeps("a.t100000", 0, 86400);
    keeps("no", WEIR_DNS_ENXDOMAIN, 30); /* the least of the SOA's */
    keeps("empty", WEIR_DNS_ENODATA, 30);
    keeps("bare", WEIR_DNS_ENXDOMAIN, 0); /* without an SOA nothing is known */
    keeps("refuse", WEIR_DNS_EREFUSED, 0);
    return 0;
}

TEST(answers_are_kept_for_their_time_to_live)
{
    run_virtual(keep_answers, 1);
}

static int keep_less(void *arg)
{
    struct weir_dns_options options = by_answers();

    (void)arg;
    options.ttl_max_s = 10;
    options.negative_ttl_max_s = 5;
    CHECK(weir_dns_init(&options) == 0);
    keeps("usual", 0, 10);
    keeps("a.t7", 0, 7);
    keeps("no", WEIR_DNS_ENXDOMAIN, 5);
    keeps("empty", WEIR_DNS_ENODATA, 5);
    return 0;
}

TEST(times_to_live_have_upper_bounds)
{
    run_virtual(keep_less, 1);
}

static int keep_few(void *arg)
{
    struct weir_dns_options options = by_answers();
    char name[32];
    int i;

    (void)arg;
    options.cache_max = 4;
    CHECK(weir_dns_init(&options) == 0);
    for (i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "n%d.%s", i, i % 2 ? "no" : "usual");
        CHECK(look_up(name) == (i % 2 ? WEIR_DNS_ENXDOMAIN : 0));
        CHECK(look_up("often") == 0); /* the most recently used stays */
    }
    CHECK(counts_now().cached == 4 && SEE(answers.asked) == 21);
    return 0;
}

TEST(that_there_is_nothing_counts_against_the_bound_too)
{
    run_virtual(keep_few, 1);
}

/* As text its names are 25 times as long as its message. */
static int keep_no_large(void *arg)
{
    struct weir_dns_options options = by_answers();
    const struct weir_dns_answer *answer;
    int i;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    for (i = 0; i < 2; i++) {
        CHECK(weir_dns_lookup(&answer, "big", WEIR_DNS_PTR) == 0);
        CHECK(answer->count == 60 && strlen(answer->records[59].u.host) == 3 * 4 * 63 + 2);
        weir_dns_release(answer);
    }
    CHECK(SEE(answers.asked) == 2 && counts_now().cached == 0);
    return 0;
}

TEST(an_answer_that_is_very_large_is_not_kept)
{
    run_virtual(keep_no_large, 1);
}

/* ---- the search list ---- */

static weir_address found[4];

static int resolve(const char *host, uint8_t ip)
{
    struct weir_resolve_options options = {.ip = ip};

    return weir_resolve(found, 4, host, 80, &options);
}

static bool is(const weir_address *address, const char *host)
{
    weir_address wanted;

    return weir_address_host(&wanted, host, 80) == 0 && weir_address_equal(address, &wanted);
}

/* Which names are asked for, in their order, when a host is looked up. */
static bool asks(const char *host, int rc, const char *names)
{
    answers.log[0] = 0;
    return resolve(host, WEIR_IP_V4) == rc && strcmp(answers.log, names) == 0;
}

static int search(void *arg)
{
    struct weir_dns_options options = by_answers();

    (void)arg;
    options.search = "no.test empty.test last.test";
    options.ndots = 2;
    options.cache = WEIR_OFF;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(asks("host", 1, "host.no.test host.empty.test host.last.test "));
    CHECK(asks("a.b", 1, "a.b.no.test a.b.empty.test a.b.last.test "));
    CHECK(asks("a.b.c", 1, "a.b.c "));
    CHECK(asks("no.", WEIR_DNS_ENXDOMAIN, "no "));
    CHECK(asks("empty", WEIR_DNS_ENODATA, "empty.no.test empty.empty.test empty.last.test empty "));
    CHECK(asks("a.no.c", WEIR_DNS_ENXDOMAIN,
               "a.no.c a.no.c.no.test a.no.c.empty.test a.no.c.last.test "));
    CHECK(asks("refuse.", WEIR_DNS_EREFUSED, "refuse "));
    return 0;
}

TEST(the_search_list_is_gone_through_in_its_order)
{
    run_virtual(search, 1);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static int follow_conf(void *arg)
{
    struct weir_dns_options options = by_answers();
    char path[] = "/tmp/weir-conf-XXXXXX";

    (void)arg;
    close(mkstemp(path));
    write_file(path, "nameserver 127.0.0.1\nsearch no.one\noptions ndots:2\n");
    options.search = NULL;
    options.resolv_conf = path;
    options.cache = WEIR_OFF;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(asks("a.no", WEIR_DNS_ENXDOMAIN, "a.no.no.one a.no "));
    write_file(path, "nameserver 127.0.0.1\nsearch no.two no.three\n");
    CHECK(asks("a.no", WEIR_DNS_ENXDOMAIN, "a.no.no.one a.no ")); /* within the second */
    CHECK(counts_now().reloads == 0);
    advance(1);
    CHECK(asks("a.no", WEIR_DNS_ENXDOMAIN, "a.no a.no.no.two a.no.no.three "));
    CHECK(counts_now().reloads == 1);
    advance(10);
    CHECK(look_up("usual") == 0);
    CHECK(counts_now().reloads == 1);
    unlink(path);
    return 0;
}

TEST(the_configuration_is_followed_when_it_changes)
{
    run_virtual(follow_conf, 1);
}

static int follow_hosts(void *arg)
{
    struct weir_dns_options options = by_answers();
    char path[] = "/tmp/weir-hosts-XXXXXX";

    (void)arg;
    close(mkstemp(path));
    write_file(path, "# a comment\n192.0.2.50\tone ONE.test other # x\n::5 one\nnonsense one\n");
    options.hosts_file = path;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(resolve("one", WEIR_IP_V4) == 1 && is(&found[0], "192.0.2.50"));
    CHECK(resolve("other", WEIR_IP_ANY) == 1 && is(&found[0], "192.0.2.50"));
    CHECK(resolve("One.Test.", WEIR_IP_V4) == 1);
    CHECK(resolve("one", WEIR_IP_V6) == 1 && is(&found[0], "::5"));
    CHECK(resolve("one", WEIR_IP_ANY) == 2);
    CHECK(SEE(answers.asked) == 0);
    CHECK(resolve("x", WEIR_IP_V4) == 1 && is(&found[0], "192.0.2.1") && SEE(answers.asked) == 1);
    write_file(path, "192.0.2.51 one\n");
    CHECK(resolve("one", WEIR_IP_ANY) == 2);
    advance(1);
    CHECK(resolve("one", WEIR_IP_ANY) == 1 && is(&found[0], "192.0.2.51"));
    CHECK(SEE(answers.asked) == 1);
    unlink(path);
    advance(1);
    CHECK(resolve("one", WEIR_IP_V4) == 1 && is(&found[0], "192.0.2.1"));
    return 0;
}

TEST(the_hosts_file_comes_first_and_is_followed)
{
    run_virtual(follow_hosts, 1);
}

/* ---- one socket, many questions ---- */

enum {
    MANY = 500
};

static uint32_t next_number;

static int look_up_own(void *arg)
{
    char name[32];

    (void)arg;
    snprintf(name, sizeof name, "n%u", ADD(next_number, 1));
    return look_up(name);
}

static int look_up_silent(void *arg)
{
    (void)arg;
    return look_up("silent");
}

/* While one waits for its answer the socket is not closed, whatever comes and goes. */
static int share(void *arg)
{
    struct weir_dns_options options = by_answers();
    weir_scope scope;

    (void)arg;
    options.in_flight_max = 16;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, look_up_silent, NULL) == 0);
    YIELD_UNTIL(counts_now().in_flight == 1);
    CHECK(run_many(look_up_own, NULL, MANY) == 0);
    CHECK(counts_now().questions == MANY + 1 && SEE(answers.asked) == MANY + 1);
    CHECK(SEE(answers.ports) == 1);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope) == WEIR_ECANCELED ? 0 : 1;
}

TEST(questions_share_a_socket)
{
    run_virtual(share, 1);
    run_virtual(share, 2);
}

static int change_port(void *arg)
{
    struct weir_dns_options options = by_answers();
    int i;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    for (i = 0; i < 8; i++)
        CHECK(look_up_own(NULL) == 0);
    CHECK(SEE(answers.ports) > 1);
    return 0;
}

TEST(the_port_changes_when_nothing_is_asked)
{
    run_virtual(change_port, 1);
}

/* The old channel ends with its last question; that is here, when the resolver ends. */
static int change_channel(void *arg)
{
    struct weir_dns_options options = by_answers();
    char path[] = "/tmp/weir-conf-XXXXXX";
    weir_scope scope;

    (void)arg;
    close(mkstemp(path));
    options.resolv_conf = path;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, look_up_silent, NULL) == 0);
    YIELD_UNTIL(counts_now().in_flight == 1);
    write_file(path, "nameserver 127.0.0.1\n");
    advance(1);
    CHECK(look_up("usual") == 0);
    CHECK(counts_now().reloads == 1 && counts_now().in_flight == 1);
    unlink(path);
    CHECK(weir_dns_fini() == 0);
    CHECK(weir_scope_join(&scope) == WEIR_ECLOSED);
    return 0;
}

TEST(a_question_outlives_the_configuration_that_it_was_asked_by)
{
    run_virtual(change_channel, 1);
    run_virtual(change_channel, 2);
}

/* ---- servers ---- */

static int refuse_twice(void *arg)
{
    struct weir_dns_options options = by_answers();
    char text[160];

    (void)arg;
    snprintf(text, sizeof text, "%s,%s", answers.servers, answers.servers);
    options.servers = text;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(look_up("refuse") == WEIR_DNS_EUNREACH && SEE(answers.asked) >= 2);
    CHECK(look_up("usual") == 0);
    return 0;
}

TEST(what_one_server_refuses_the_next_is_asked)
{
    run_virtual(refuse_twice, 1);
}

static int turn_back(void *arg)
{
    struct weir_dns_options options = by_answers();
    weir_address address;
    weir_socket silent;
    char text[160];

    (void)arg;
    CHECK(weir_bind(&silent, "udp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_socket_local(silent, &address) == 0);
    snprintf(text, sizeof text, "127.0.0.1:%d,%s", weir_address_port(&address), answers.servers);
    options.servers = text;
    options.timeout_ns = WEIR_MILLISECONDS(100); /* of the real clock */
    CHECK(weir_dns_init(&options) == 0);
    while (counts_now().reloads == 0) {
        advance(1);
        CHECK(look_up_own(NULL) == 0);
    }
    CHECK(counts_now().slow == 3);
    advance(29);
    CHECK(look_up_own(NULL) == 0);
    CHECK(counts_now().slow == 3 && counts_now().reloads == 1);
    advance(2);
    CHECK(look_up_own(NULL) == 0);
    CHECK(counts_now().slow == 4 && counts_now().reloads == 2);
    return weir_socket_close(silent);
}

TEST(a_server_that_was_moved_back_is_tried_again)
{
    run_virtual(turn_back, 1);
}

static int wait_for_six(void *arg)
{
    struct weir_dns_options options = by_answers();
    uint64_t began_ns;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    began_ns = weir_now_ns();
    CHECK(resolve("half", WEIR_IP_ANY) == 1 && is(&found[0], "192.0.2.1"));
    CHECK(weir_now_ns() - began_ns >= (uint64_t)WEIR_MILLISECONDS(50));
    CHECK(weir_now_ns() - began_ns < (uint64_t)WEIR_MILLISECONDS(52));
    return 0;
}

TEST(a_server_that_does_not_answer_for_ipv6_holds_up_nobody)
{
    run_virtual(wait_for_six, 1);
    run_virtual(wait_for_six, 2);
}

/* ---- deadlines and cancels of one question among others ---- */

struct limited {
    const char *name;
    int64_t limit_ns;
    uint64_t took_ns;
    int rc;
};

static int look_up_limited(void *arg)
{
    struct limited *limited = arg;
    uint64_t began_ns = weir_now_ns();
    weir_block block;

    CHECK(weir_deadline_begin(&block, limited->limit_ns) == 0);
    limited->rc = look_up(limited->name);
    (void)weir_block_end(&block);
    limited->took_ns = weir_now_ns() - began_ns;
    return 0;
}

static bool took(const struct limited *limited)
{
    return limited->took_ns >= (uint64_t)limited->limit_ns
           && limited->took_ns < (uint64_t)(limited->limit_ns + WEIR_MILLISECONDS(2));
}

static int limit_each(void *arg)
{
    struct weir_dns_options options = by_answers();
    struct limited a = {"silent.a", WEIR_SECONDS(1), 0, 0}, b = {"silent.a", WEIR_SECONDS(2), 0, 0},
                   c = {"silent.c", WEIR_SECONDS(3), 0, 0}, d = {"usual", WEIR_SECONDS(1), 0, 0},
                   e = {"silent.a", WEIR_SECONDS(9), 0, 0};
    weir_scope scope, other;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_scope_open(&other) == 0);
    CHECK(weir_spawn(&other, look_up_limited, &e) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, look_up_limited, &a) == 0);
    CHECK(weir_spawn(&scope, look_up_limited, &b) == 0);
    CHECK(weir_spawn(&scope, look_up_limited, &c) == 0);
    CHECK(weir_spawn(&scope, look_up_limited, &d) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(a.rc == WEIR_EDEADLINE && took(&a));
    CHECK(b.rc == WEIR_EDEADLINE && took(&b));
    CHECK(c.rc == WEIR_EDEADLINE && took(&c));
    CHECK(d.rc == 0 && d.took_ns == 0);
    weir_scope_cancel(&other);
    (void)weir_scope_join(&other);
    CHECK(e.rc == WEIR_ECANCELED);
    CHECK(counts_now().questions == 3 && counts_now().joined == 2 && counts_now().in_flight == 2);
    CHECK(look_up("one-more") == 0);
    return 0;
}

TEST(each_who_asks_has_a_deadline_of_its_own)
{
    run_virtual(limit_each, 1);
    run_virtual(limit_each, 2);
}

/* Those that wait for a place and that nobody wants any more are not asked. */
static int leave_queue(void *arg)
{
    struct weir_dns_options options = by_answers();
    struct limited first = {"silent.a", WEIR_SECONDS(5), 0, 0},
                   second = {"unwanted", WEIR_SECONDS(1), 0, 0};
    weir_scope scope;

    (void)arg;
    options.in_flight_max = 1;
    options.timeout_ns = WEIR_MILLISECONDS(200); /* c-ares measures it by the real clock */
    options.tries = 1;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, look_up_limited, &first) == 0);
    CHECK(weir_spawn(&scope, look_up_limited, &second) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(second.rc == WEIR_EDEADLINE);
    CHECK(look_up("usual") == 0);
    CHECK(strcmp(answers.log, "silent.a usual ") == 0);
    CHECK(counts_now().questions == 2 && counts_now().waiting == 0);
    return 0;
}

TEST(who_waits_for_a_place_may_leave)
{
    run_virtual(leave_queue, 1);
}

#else

TEST(dns_needs_c_ares)
{
    skip("libweir-dns was left out");
}

#endif
