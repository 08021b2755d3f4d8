/* test/os/dns.c - DNS, against a dnsmasq of the suite. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <weir.h>

#include "support/run.h"

#if defined(WEIR_TEST_DNS)
#include "support/nameserver.h"

none_on_sim("its name server is another process")

    static char servers[64];

/* The options of nearly all tests: that server, no file of the system. */
static struct weir_dns_options by_server(void)
{
    struct weir_dns_options options = {.servers = servers, .search = "", .hosts_file = ""};

    return options;
}

static int run_dns(weir_task_fn *fn, void *arg, uint32_t workers)
{
    snprintf(servers, sizeof servers, "127.0.0.1:%d", nameserver());
    return run_with(fn, arg, workers);
}

static struct weir_dns_counts counts_now(void)
{
    struct weir_dns_counts counts = {0};

    CHECK(weir_dns_count(&counts) == 0);
    return counts;
}

static const struct weir_dns_answer *must(const char *name, uint16_t type, uint32_t count)
{
    static const struct weir_dns_answer none;
    const struct weir_dns_answer *answer = &none;
    int rc = weir_dns_lookup(&answer, name, type);

    if (rc < 0)
        print_message("%s: %s\n", name, weir_error_name(rc));
    CHECK(rc == 0);
    CHECK(answer->count == count);
    return answer;
}

static bool bytes_are(struct weir_dns_bytes bytes, const char *text, size_t len)
{
    return bytes.len == len && memcmp(bytes.at, text, len) == 0;
}

static int look_up_records(void *arg)
{
    struct weir_dns_options options = by_server();
    const struct weir_dns_answer *answer;
    struct weir_dns_bytes value;
    weir_address address;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    answer = must("both.test", WEIR_DNS_A, 1);
    CHECK(memcmp(answer->records[0].u.a, "\300\0\2\1", 4) == 0);
    CHECK(answer->until_ns > weir_now_ns());
    weir_dns_release(answer);
    answer = must("BOTH.Test.", WEIR_DNS_AAAA, 1);
    CHECK(answer->records[0].u.aaaa[15] == 1 && answer->records[0].u.aaaa[0] == 0x20);
    weir_dns_release(answer);
    answer = must("alias.test", WEIR_DNS_A, 1);
    CHECK(strcmp(answer->name, "four.test") == 0 && answer->records[0].u.a[3] == 4);
    weir_dns_release(answer);
    answer = must("alias.test", WEIR_DNS_CNAME, 1);
    CHECK(strcmp(answer->records[0].u.host, "four.test") == 0);
    weir_dns_release(answer);
    answer = must("mail.test", WEIR_DNS_MX, 2);
    CHECK(answer->records[0].u.mx.preference + answer->records[1].u.mx.preference == 30);
    CHECK(strncmp(answer->records[0].u.mx.host, "mx", 2) == 0);
    weir_dns_release(answer);
    answer = must("_sip._udp.test", WEIR_DNS_SRV, 1);
    CHECK(answer->records[0].u.srv.port == 5060 && answer->records[0].u.srv.priority == 1
          && answer->records[0].u.srv.weight == 2);
    CHECK(strcmp(answer->records[0].u.srv.host, "sip.test") == 0);
    weir_dns_release(answer);
    answer = must("text.test", WEIR_DNS_TXT, 1);
    CHECK(bytes_are(answer->records[0].u.txt, "helloworld", 10));
    weir_dns_release(answer);
    answer = must("caa.test", WEIR_DNS_CAA, 1);
    CHECK(strcmp(answer->records[0].u.caa.tag, "issue") == 0);
    CHECK(bytes_are(answer->records[0].u.caa.value, "ca.example", 10));
    weir_dns_release(answer);
    answer = must("svc.test", WEIR_DNS_HTTPS, 1);
    CHECK(answer->records[0].u.svcb.priority == 1 && !answer->records[0].u.svcb.host[0]);
    CHECK(weir_dns_param(&answer->records[0], 1, &value) == 0 && bytes_are(value, "\2h3", 3));
    CHECK(weir_dns_param(&answer->records[0], 3, &value) == 0 && bytes_are(value, "\1\273", 2));
    CHECK(weir_dns_param(&answer->records[0], 4, &value) == WEIR_ENOENT);
    weir_dns_release(answer);
    CHECK(weir_address_host(&address, "192.0.2.7", 0) == 0);
    CHECK(weir_dns_reverse(&answer, &address) == 0 && answer->count == 1);
    CHECK(strcmp(answer->records[0].u.host, "seven.test") == 0);
    weir_dns_release(answer);
    weir_dns_release(NULL);
    return weir_dns_fini();
}

TEST(records_of_each_type_are_read)
{
    assert_int_equal(run_dns(look_up_records, NULL, 1), 0);
}

static int look_up_big(void *arg)
{
    struct weir_dns_options options = by_server();
    const struct weir_dns_answer *answer;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    answer = must("big.test", WEIR_DNS_TXT, 20);
    CHECK(answer->records[19].u.txt.len == 200);
    weir_dns_release(answer);
    return weir_dns_fini();
}

TEST(an_answer_that_is_too_large_for_udp_comes_by_tcp)
{
    assert_int_equal(run_dns(look_up_big, NULL, 1), 0);
}

static int look_up_nothing(void *arg)
{
    struct weir_dns_options options = by_server();
    const struct weir_dns_answer *answer = NULL;
    char lengthy[300];

    (void)arg;
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = 0;
    CHECK(weir_dns_lookup(&answer, "four.test", WEIR_DNS_A) == WEIR_ESHUTDOWN);
    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_dns_init(&options) == WEIR_EBUSY);
    CHECK(weir_dns_lookup(&answer, "nothing.test", WEIR_DNS_A) == WEIR_DNS_ENXDOMAIN);
    CHECK(weir_dns_lookup(&answer, "four.test", WEIR_DNS_AAAA) == WEIR_DNS_ENODATA);
    CHECK(weir_dns_lookup(&answer, "four.elsewhere", WEIR_DNS_A) == WEIR_DNS_EREFUSED);
    CHECK(weir_dns_lookup(&answer, "", WEIR_DNS_A) == WEIR_ENAME);
    CHECK(weir_dns_lookup(&answer, "a..b", WEIR_DNS_A) == WEIR_ENAME);
    CHECK(weir_dns_lookup(&answer, "a b", WEIR_DNS_A) == WEIR_ENAME);
    CHECK(weir_dns_lookup(&answer, lengthy, WEIR_DNS_A) == WEIR_ENAME);
    CHECK(weir_dns_lookup(&answer, "a.b", 0) == WEIR_EINVAL);
    CHECK(!answer);
    CHECK(weir_dns_fini() == 0);
    CHECK(weir_dns_lookup(&answer, "four.test", WEIR_DNS_A) == WEIR_ESHUTDOWN);
    options.servers = "no address";
    CHECK(weir_dns_init(&options) == WEIR_EOPTION);
    options = by_server();
    options.tries = 11;
    CHECK(weir_dns_init(&options) == WEIR_EOPTION);
    return weir_dns_fini();
}

TEST(what_is_not_there_has_a_code_of_its_own)
{
    assert_int_equal(weir_dns_fini(), 0);
    assert_int_equal(run_dns(look_up_nothing, NULL, 2), 0);
}

static int use_cache(void *arg)
{
    struct weir_dns_options options = by_server();
    const struct weir_dns_answer *first, *second;
    int i;

    (void)arg;
    options.cache_max = 4;
    CHECK(weir_dns_init(&options) == 0);
    first = must("four.test", WEIR_DNS_A, 1);
    second = must("FOUR.test", WEIR_DNS_A, 1);
    CHECK(first == second && counts_now().questions == 1 && counts_now().hits == 1);
    for (i = 0; i < 8; i++) { /* others push it out; who has it keeps it */
        const struct weir_dns_answer *other;
        char name[32];

        snprintf(name, sizeof name, "%d.many.test", i);
        other = must(name, WEIR_DNS_A, 1);
        weir_dns_release(other);
    }
    CHECK(counts_now().cached == 4);
    CHECK(first->records[0].u.a[3] == 4);
    weir_dns_release(first);
    weir_dns_release(second);
    first = must("four.test", WEIR_DNS_A, 1);
    CHECK(counts_now().questions == 10);
    weir_dns_release(first);
    return weir_dns_fini();
}

TEST(answers_are_kept_within_a_bound)
{
    assert_int_equal(run_dns(use_cache, NULL, 1), 0);
}

static int no_cache(void *arg)
{
    struct weir_dns_options options = by_server();

    (void)arg;
    options.cache = WEIR_OFF;
    CHECK(weir_dns_init(&options) == 0);
    weir_dns_release(must("four.test", WEIR_DNS_A, 1));
    weir_dns_release(must("four.test", WEIR_DNS_A, 1));
    CHECK(counts_now().questions == 2 && counts_now().cached == 0);
    return weir_dns_fini();
}

TEST(without_a_cache_each_look_up_asks)
{
    assert_int_equal(run_dns(no_cache, NULL, 1), 0);
}

/* ---- many at once ---- */

#if defined(__SANITIZE_THREAD__)
#define MANY 1000 /* it knows 8128 stacks */
#else
#define MANY 10000
#endif

static uint32_t next_number;

static int look_up_own(void *arg)
{
    const struct weir_dns_answer *answer = NULL;
    char name[32];
    int rc;

    (void)arg;
    snprintf(name, sizeof name, "%u.many.test", ADD(next_number, 1));
    rc = weir_dns_lookup(&answer, name, WEIR_DNS_A);
    CHECK(rc == 0 && answer->records[0].u.a[3] == 77);
    weir_dns_release(answer);
    return rc;
}

static int look_up_many(void *arg)
{
    struct weir_dns_options options = by_server();
    struct weir_dns_counts counts;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(run_many(look_up_own, NULL, MANY) == 0);
    counts = counts_now();
    CHECK(counts.questions == MANY && counts.in_flight == 0 && counts.waiting == 0);
    CHECK(counts.cached == (MANY < 4096 ? MANY : 4096));
    return weir_dns_fini();
}

TEST(ten_thousand_names_are_looked_up_at_once)
{
    assert_int_equal(run_dns(look_up_many, NULL, 2), 0);
}

static int look_up_same(void *arg)
{
    (void)arg;
    weir_dns_release(must("four.test", WEIR_DNS_A, 1));
    return 0;
}

static int join_many(void *arg)
{
    struct weir_dns_options options = by_server();
    struct weir_dns_counts counts;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(run_many(look_up_same, NULL, 100) == 0);
    counts = counts_now();
    CHECK(counts.questions == 1 && counts.lookups == 100 && counts.joined + counts.hits == 99);
    return weir_dns_fini();
}

TEST(who_asks_the_same_waits_for_one_answer)
{
    assert_int_equal(run_dns(join_many, NULL, 2), 0);
}

/* ---- servers that do not answer ---- */

/* A socket that takes questions and says nothing. */
static int open_silent(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static struct weir_dns_options by_silent(char text[64], int port)
{
    struct weir_dns_options options = by_server();

    snprintf(text, 64, "127.0.0.1:%d", port);
    options.servers = text;
    options.timeout_ns = WEIR_MILLISECONDS(20);
    options.tries = 2;
    return options;
}

static int time_out(void *arg)
{
    char text[64];
    struct weir_dns_options options = by_silent(text, *(int *)arg);
    const struct weir_dns_answer *answer;

    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_dns_lookup(&answer, "four.test", WEIR_DNS_A) == WEIR_DNS_ETIMEOUT);
    CHECK(counts_now().cached == 0 && counts_now().failures == 1 && counts_now().slow == 1);
    return weir_dns_fini();
}

TEST(a_server_that_is_silent_is_a_timeout)
{
    int port, fd = open_silent(&port);

    assert_int_equal(run_dns(time_out, &port, 1), 0);
    close(fd);
}

static int look_up_stopped(void *arg)
{
    const struct weir_dns_answer *answer;
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, *(int64_t *)arg) == 0);
    rc = weir_dns_lookup(&answer, "four.test", WEIR_DNS_A);
    (void)weir_block_end(&block);
    return rc;
}

static int stop_lookups(void *arg)
{
    char text[64];
    struct weir_dns_options options = by_silent(text, *(int *)arg);
    int64_t soon = WEIR_MILLISECONDS(5), never = WEIR_FOREVER;
    weir_scope scope;

    options.timeout_ns = WEIR_SECONDS(20);
    CHECK(weir_dns_init(&options) == 0);
    CHECK(look_up_stopped(&soon) == WEIR_EDEADLINE);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, look_up_stopped, &never) == 0);
    CHECK(weir_spawn(&scope, look_up_stopped, &never) == 0);
    YIELD_UNTIL(counts_now().lookups == 3);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == WEIR_ECANCELED);
    CHECK(counts_now().questions == 1 && counts_now().in_flight == 1); /* goes on by itself */
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, look_up_stopped, &never) == 0);
    YIELD_UNTIL(counts_now().lookups == 4);
    CHECK(weir_dns_fini() == 0);
    CHECK(weir_scope_join(&scope) == WEIR_ECLOSED);
    return 0;
}

TEST(who_is_stopped_leaves_and_the_end_of_the_resolver_tells_all)
{
    int port, fd = open_silent(&port);

    assert_int_equal(run_dns(stop_lookups, &port, 1), 0);
    assert_int_equal(run_dns(stop_lookups, &port, 2), 0);
    close(fd);
}

static int end_without_fini(void *arg)
{
    char text[64];
    struct weir_dns_options options = by_silent(text, *(int *)arg);
    int64_t soon = WEIR_MILLISECONDS(5);

    CHECK(weir_dns_init(&options) == 0);
    CHECK(look_up_stopped(&soon) == WEIR_EDEADLINE);
    return 0;
}

static int go_on(void *arg)
{
    (void)arg;
    return counts_now().in_flight == 0 && counts_now().questions == 1 ? 0 : WEIR_EIO;
}

TEST(the_resolver_outlives_a_runtime)
{
    int port, fd = open_silent(&port);

    assert_int_equal(run_dns(end_without_fini, &port, 1), 0);
    assert_int_equal(run_dns(go_on, NULL, 2), 0);
    assert_int_equal(weir_dns_fini(), 0);
    assert_int_equal(run_dns(end_without_fini, &port, 2), 0);
    assert_int_equal(weir_dns_fini(), 0);
    close(fd);
}

static int pass_dead_server(void *arg)
{
    struct weir_dns_options options = by_server();
    struct weir_dns_counts counts;
    char text[128];
    int i;

    snprintf(text, sizeof text, "127.0.0.1:%d,%s", *(int *)arg, servers);
    options.servers = text;
    options.timeout_ns = WEIR_MILLISECONDS(100);
    CHECK(weir_dns_init(&options) == 0);
    for (i = 0; i < 3; i++)
        CHECK(look_up_own(NULL) == 0);
    CHECK(counts_now().slow == 3 && counts_now().reloads == 0);
    while (counts_now().reloads == 0) /* a second, at most */
        CHECK(look_up_own(NULL) == 0);
    counts = counts_now();
    for (i = 0; i < 20; i++)
        CHECK(look_up_own(NULL) == 0);
    CHECK(counts_now().slow <= counts.slow + 1); /* the other one is the first now */
    return weir_dns_fini();
}

TEST(a_dead_first_server_is_passed_over)
{
    int port, fd = open_silent(&port);

    assert_int_equal(run_dns(pass_dead_server, &port, 1), 0);
    close(fd);
}

static int refused(void *arg)
{
    char text[64];
    struct weir_dns_options options = by_silent(text, *(int *)arg);
    const struct weir_dns_answer *answer;
    int rc;

    CHECK(weir_dns_init(&options) == 0);
    rc = weir_dns_lookup(&answer, "four.test", WEIR_DNS_A);
    CHECK(rc == WEIR_DNS_EUNREACH || rc == WEIR_DNS_ETIMEOUT);
    return weir_dns_fini();
}

TEST(a_port_where_nobody_listens_is_an_error)
{
    int port = nameserver_port();

    assert_int_equal(run_dns(refused, &port, 1), 0);
}

/* ---- hosts ---- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static int resolve(weir_address out[4], const char *host, uint8_t ip)
{
    struct weir_resolve_options options = {.ip = ip};

    return weir_resolve(out, 4, host, 80, &options);
}

static bool is(const weir_address *address, const char *host)
{
    weir_address wanted;

    return weir_address_host(&wanted, host, 80) == 0 && weir_address_equal(address, &wanted);
}

static int resolve_hosts(void *arg)
{
    struct weir_dns_options options = by_server();
    weir_address out[4];
    char path[] = "/tmp/weir-hosts-XXXXXX";

    (void)arg;
    close(mkstemp(path));
    write_file(path, "# a comment\n192.0.2.50\tfifty FIFTY.test # x\n::5 fifty\nnonsense fifty\n");
    options.hosts_file = path;
    options.search = "nowhere.test test";
    options.resolution_delay_ns = WEIR_SECONDS(10); /* the machine may be busy */
    CHECK(weir_dns_init(&options) == 0);
    CHECK(resolve(out, "fifty", WEIR_IP_V4) == 1 && is(&out[0], "192.0.2.50"));
    CHECK(resolve(out, "fifty", WEIR_IP_V6) == 1 && is(&out[0], "::5"));
    CHECK(resolve(out, "fifty", WEIR_IP_ANY) == 2);
    CHECK(resolve(out, "fifty.test.", WEIR_IP_V4) == 1);
    CHECK(counts_now().questions == 0);
    CHECK(resolve(out, "both.test", WEIR_IP_ANY) == 2);
    CHECK(resolve(out, "four", WEIR_IP_ANY) == 1 && is(&out[0], "192.0.2.4"));
    CHECK(resolve(out, "six", WEIR_IP_ANY) == 1 && is(&out[0], "2001:db8::6"));
    CHECK(resolve(out, "four.", WEIR_IP_ANY) < 0); /* complete */
    CHECK(resolve(out, "nothing.test", WEIR_IP_ANY) < 0);
    CHECK(resolve(out, "four.test", WEIR_IP_V6) < 0);
    CHECK(resolve(out, "a name", WEIR_IP_ANY) == WEIR_ENAME);
    unlink(path);
    return weir_dns_fini();
}

TEST(hosts_come_from_the_file_then_from_the_search_list)
{
    assert_int_equal(run_dns(resolve_hosts, NULL, 2), 0);
}

static int dial_by_name(void *arg)
{
    struct weir_dns_options options = by_server();
    char address[WEIR_ADDRESS_TEXT_MAX], text[64];
    weir_stream stream, peer;
    weir_listener listener;
    weir_address bound;

    (void)arg;
    CHECK(weir_dns_init(&options) == 0);
    CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(listener, address, sizeof address) > 0);
    memcpy(address, "udp", 3);
    CHECK(weir_address_parse(&bound, address) == 0);
    CHECK(weir_dial_host(&stream, "loop.test", (uint16_t)weir_address_port(&bound), NULL) == 0);
    CHECK(weir_accept(listener, &peer) == 0);
    weir_close(stream);
    weir_close(peer);
    snprintf(text, sizeof text, "tcp://loop.test:%d", weir_address_port(&bound));
    CHECK(weir_dial(&stream, text) == 0);
    CHECK(weir_accept(listener, &peer) == 0);
    weir_close(stream);
    weir_close(peer);
    weir_listener_close(listener);
    CHECK(weir_dial_host(&stream, "loop.test", (uint16_t)weir_address_port(&bound), NULL)
          == WEIR_ECONNREFUSED);
    CHECK(weir_dial(&stream, "tcp://nothing.test:1") == WEIR_DNS_ENXDOMAIN);
    return weir_dns_fini();
}

TEST(names_are_dialled)
{
    assert_int_equal(run_dns(dial_by_name, NULL, 1), 0);
    assert_int_equal(run_dns(dial_by_name, NULL, 2), 0);
}

#else

TEST(dns_needs_c_ares)
{
    skip("libweir-dns was left out");
}

#endif
