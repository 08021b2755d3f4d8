/* test/fault/dns.c - looking up and dialling by name while the n-th allocation or system call
 * fails, and the n-th allocation of c-ares, which has its own.
 *
 * Nothing may crash, hang or stay behind: no task, no descriptor, no memory.
 */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"
#include "support/faults.h"

#if defined(WEIR_TEST_DNS)
#include <ares.h>

#include "support/answers.h"

static struct answers answers;
static char hosts[] = "/tmp/weir-hosts-XXXXXX";

static int look_up(const char *name, uint16_t type, int wanted)
{
    const struct weir_dns_answer *answer = NULL;
    int rc = weir_dns_lookup(&answer, name, type);

    if (rc == 0 && answer->count != 1)
        rc = 1;
    weir_dns_release(answer);
    return rc == wanted ? 0 : rc ? rc : 1;
}

static int dial(const char *host, uint16_t port)
{
    weir_stream stream;
    int rc = weir_dial_host(&stream, host, port, NULL);

    if (rc == 0)
        weir_close(stream);
    return rc;
}

static int dial_names(void)
{
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    uint16_t port;
    int rc = weir_listen(&listener, "tcp://127.0.0.1:0", NULL);

    if (rc < 0)
        return rc;
    rc = weir_listener_address(listener, address, sizeof address);
    if (rc > 0) {
        port = (uint16_t)atoi(strrchr(address, ':') + 1);
        rc = dial("loop", port);
        if (rc == 0) /* attempts: nobody listens at the first address */
            rc = dial("twice", port);
    }
    weir_listener_close(listener);
    return rc;
}

static int use_names(void)
{
    struct weir_resolve_options system = {.system = WEIR_ON};
    weir_address address[2];
    int rc = look_up("usual", WEIR_DNS_A, 0);

    if (rc == 0)
        rc = look_up("no", WEIR_DNS_A, WEIR_DNS_ENXDOMAIN);
    if (rc == 0)
        rc = look_up("usual", WEIR_DNS_A, 0); /* is kept */
    if (rc == 0)
        rc = weir_resolve(address, 2, "other", 1, NULL);
    if (rc >= 0)
        rc = weir_resolve(address, 2, "127.1", 1, &system);
    return rc < 0 ? rc : dial_names();
}

static int serve_and_use(void *arg)
{
    struct weir_dns_options options = {
        .search = "", .hosts_file = hosts, .timeout_ns = WEIR_MILLISECONDS(20), .tries = 1};
    weir_scope scope;
    int rc = weir_scope_open(&scope);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = answers_begin(&answers, &scope);
    options.servers = answers.servers;
    if (rc == 0)
        rc = weir_dns_init(&options);
    if (rc == 0)
        rc = use_names();
    (void)weir_dns_fini();
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    if (answers.socket.id)
        (void)weir_socket_close(answers.socket);
    return rc;
}

static int run_once(void)
{
    struct weir_runtime_options options = {.workers = 1};

    return weir_run(serve_and_use, NULL, &options);
}

static void hosts_make(void)
{
    static const char text[] = "127.0.0.2 twice\n127.0.0.1 twice\n";
    int fd = mkstemp(hosts);

    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
}

static void hosts_remove(void)
{
    unlink(hosts);
    strcpy(strrchr(hosts, '-'), "-XXXXXX");
}

static void each(enum weir__fault_kind kind)
{
    hosts_make();
    fail_each(run_once, kind);
    hosts_remove();
}

TEST(names_are_looked_up_and_dialled_whatever_allocation_fails)
{
    each(WEIR__FAULT_ALLOC);
}

TEST(names_are_looked_up_and_dialled_whatever_call_fails)
{
    each(WEIR__FAULT_CALL);
}

/* ---- the allocator of c-ares ---- */

static uint64_t count, failing;

static bool fails(void)
{
    return __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == failing;
}

static void *fail_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

static void *fail_realloc(void *at, size_t size)
{
    return fails() ? NULL : realloc(at, size);
}

TEST(memory_that_c_ares_does_not_get_is_an_error)
{
    uint64_t n, all;

    hosts_make();
    assert_int_equal(ares_library_init_mem(ARES_LIB_INIT_ALL, fail_malloc, free, fail_realloc), 0);
    assert_int_equal(run_once(), 0);
    all = count;
    assert_true(all > 10);
    for (n = 1; n <= all; n++) {
        count = 0;
        failing = n;
        assert_true(run_once() <= 0);
    }
    failing = 0;
    assert_int_equal(run_once(), 0);
    ares_library_cleanup();
    hosts_remove();
}

#else

TEST(dns_needs_c_ares)
{
    skip("libweir-dns was left out");
}

#endif
