/* test/os/listen.c - listeners, accepting and dialling between tasks of one process. */
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"
#include "support/dial.h"

struct accepting {
    weir_listener listener;
    weir_stream stream;
    int rc;
};

static int accept_one(void *arg)
{
    struct accepting *accepting = arg;

    accepting->rc = weir_accept(accepting->listener, &accepting->stream);
    if (accepting->rc == 0)
        weir_close(accepting->stream);
    return 0;
}

static int accept_many(void *arg)
{
    struct accepting accepting[4] = {{{0}, {0}, 0}};
    struct dialling dialling;
    weir_listener listener;
    weir_scope scope;
    int i, ok = 0, closed = 0;

    CHECK(weir_listen(&listener, arg, NULL) == 0);
    CHECK(weir_listener_address(listener, dialling.address, sizeof dialling.address) > 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 4; i++) {
        accepting[i].listener = listener;
        CHECK(weir_spawn(&scope, accept_one, &accepting[i]) == 0);
    }
    CHECK(weir_yield() == 0);
    for (i = 0; i < 2; i++) {
        char byte;

        dial(&dialling);
        CHECK(dialling.rc == 0);
        CHECK(weir_read(dialling.stream, &byte, 1) == 0); /* accepted and closed */
        weir_close(dialling.stream);
    }
    CHECK(weir_listener_close(listener) == 0);
    CHECK(weir_listener_close(listener) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    for (i = 0; i < 4; i++) {
        ok += accepting[i].rc == 0;
        closed += accepting[i].rc == WEIR_ECLOSED;
    }
    CHECK(ok == 2 && closed == 2);
    CHECK(weir_accept(listener, &accepting[0].stream) == WEIR_EBADHANDLE);
    dial(&dialling);
    CHECK(dialling.rc == WEIR_ECONNREFUSED);
    return 0;
}

TEST(many_tasks_accept_and_a_close_ends_them)
{
    struct weir_runtime_options options = {.workers = 1};

    char local[64];

    assert_int_equal(weir_run(accept_many, (char[]){"tcp://127.0.0.1:0"}, &options), 0);
    snprintf(local, sizeof local, "unix://@weir-test-%d-a", (int)getpid());
    assert_int_equal(weir_run(accept_many, local, &options), 0);
    assert_checks();
}

static void *close_as_thread(void *arg)
{
    CHECK(weir_listener_close(*(weir_listener *)arg) == 0);
    return NULL;
}

static int closed_by_thread(void *arg)
{
    struct accepting accepting;
    char address[WEIR_ADDRESS_TEXT_MAX];
    pthread_t thread;
    int len;

    (void)arg;
    CHECK(weir_listen(&accepting.listener, "tcp://127.0.0.1:0", NULL) == 0);
    len = weir_listener_address(accepting.listener, address, sizeof address);
    CHECK(len == (int)strlen(address));
    CHECK(weir_listener_address(accepting.listener, address, (size_t)len) == WEIR_ENOBUFS);
    CHECK(pthread_create(&thread, NULL, close_as_thread, &accepting.listener) == 0);
    (void)accept_one(&accepting);
    CHECK(accepting.rc == WEIR_ECLOSED || accepting.rc == WEIR_EBADHANDLE);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

TEST(any_thread_closes_a_listener)
{
    struct weir_runtime_options options = {.workers = 1};
    int i;

    for (i = 0; i < 20; i++)
        assert_int_equal(weir_run(closed_by_thread, NULL, &options), 0);
    assert_checks();
}

static int bad_addresses(void *arg)
{
    weir_listener listener, second;
    weir_stream stream;
    char address[WEIR_ADDRESS_TEXT_MAX];
    struct weir_listen_options options = {.reuse_port = WEIR_OFF};

    (void)arg;
    CHECK(weir_listen(&listener, "nothing", NULL) == WEIR_EADDRESS);
    CHECK(weir_listen(&listener, "udp://127.0.0.1:1", NULL) == WEIR_ENOSCHEME);
    CHECK(weir_listen(&listener, "tcp://name.example:1", NULL) == WEIR_ENAME);
    CHECK(weir_dial(&stream, "unix:///nowhere/at/all") == WEIR_ENOENT);
    CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", &options) == 0);
    CHECK(weir_listener_address(listener, address, sizeof address) > 0);
    CHECK(weir_listen(&second, address, &options) == WEIR_EADDRINUSE);
    CHECK(weir_listener_close(listener) == 0);
    CHECK(weir_listen(&second, address, &options) == 0);
    CHECK(weir_listener_close(second) == 0);
    return 0;
}

TEST(addresses_that_cannot_be_had_are_errors)
{
    struct weir_runtime_options options = {.workers = 1};

    assert_int_equal(weir_run(bad_addresses, NULL, &options), 0);
    assert_checks();
}

static int socket_file(void *arg)
{
    const char *path = arg;
    char address[200];
    weir_listener listener;

    snprintf(address, sizeof address, "unix://%s", path);
    CHECK(weir_listen(&listener, address, NULL) == 0);
    CHECK(access(path, F_OK) == 0);
    CHECK(weir_listener_close(listener) == 0);
    CHECK(access(path, F_OK) < 0);
    return 0;
}

TEST(socket_file_goes_with_its_listener)
{
    struct weir_runtime_options options = {.workers = 1};
    char path[] = "/tmp/weir-test-sock-XXXXXX";
    int file = mkstemp(path);

    close(file);
    unlink(path);
    assert_int_equal(weir_run(socket_file, path, &options), 0);
    assert_checks();
}

/* ---- a listener's socket file, while an older listener still ends ---- */

/* Answers one byte, and waits for another. Whoever listens at the same path asks by a connection
 * whether the old listener lives, and says nothing. */
static int finish_when_told(weir_stream peer, void *arg)
{
    char byte;

    (void)arg;
    if (weir_read(peer, &byte, 1) != 1)
        return 0;
    CHECK(weir_write(peer, &byte, 1) == 1);
    CHECK(weir_read(peer, &byte, 1) == 1);
    return 0;
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.drain_limit_ns = WEIR_SECONDS(600)};

    return weir_serve(*(weir_listener *)arg, finish_when_told, NULL, &options);
}

/* The old one is closed, and its last connection keeps it from ending. */
static int replace_while_draining(void *arg)
{
    const char *path = arg;
    char address[200];
    weir_listener old, next;
    weir_stream served, stream;
    weir_scope server, accepter;
    struct accepting accepting;
    char byte;

    snprintf(address, sizeof address, "unix://%s", path);
    CHECK(weir_listen(&old, address, NULL) == 0);
    CHECK(weir_scope_open(&server) == 0);
    CHECK(weir_spawn(&server, serve, &old) == 0);
    CHECK(weir_dial(&served, address) == 0);
    CHECK(weir_write(served, "x", 1) == 1 && weir_read(served, &byte, 1) == 1); /* it has begun */
    CHECK(weir_listener_close(old) == 0);
    while (weir_listen(&next, address, NULL) == WEIR_EADDRINUSE) /* until the old one has heard */
        CHECK(weir_yield() == 0);
    CHECK(access(path, F_OK) == 0);
    CHECK(weir_write_all(served, "x", 1) == 0);
    CHECK(weir_scope_join(&server) == 0); /* the old one has ended */
    CHECK(access(path, F_OK) == 0);
    accepting = (struct accepting){.listener = next};
    CHECK(weir_scope_open(&accepter) == 0);
    CHECK(weir_spawn(&accepter, accept_one, &accepting) == 0);
    CHECK(weir_dial(&stream, address) == 0);
    CHECK(weir_scope_join(&accepter) == 0 && accepting.rc == 0);
    weir_close(stream);
    weir_close(served);
    CHECK(weir_listener_close(next) == 0);
    CHECK(access(path, F_OK) < 0);
    return 0;
}

TEST(old_listener_leaves_the_socket_file_of_a_new_one)
{
    struct weir_runtime_options options = {.workers = 1};
    char path[] = "/tmp/weir-test-sock-XXXXXX";
    int file = mkstemp(path);

    close(file);
    unlink(path);
    assert_int_equal(weir_run(replace_while_draining, path, &options), 0);
    assert_checks();
}

/* ---- what stands in the way of a socket file ---- */

static int listen_over(void *arg)
{
    const char *path = arg;
    char address[120];
    weir_listener listener;

    (void)snprintf(address, sizeof address, "unix://%s", path);
    CHECK(weir_listen(&listener, address, NULL) == WEIR_EADDRINUSE);
    return 0;
}

static void expect_kept(const char *path)
{
    struct stat before, after;

    assert_int_equal(lstat(path, &before), 0);
    assert_int_equal(weir_run(listen_over, (void *)(uintptr_t)path, NULL), 0);
    assert_checks();
    assert_int_equal(lstat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mode, after.st_mode);
}

TEST(files_that_are_no_sockets_are_never_removed)
{
    char folder[] = "/tmp/weir-listen-XXXXXX", file[64], link[64], fifo[64];
    int fd;

    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/file", folder);
    (void)snprintf(link, sizeof link, "%s/link", folder);
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "kept", 4), 4);
    assert_int_equal(close(fd), 0);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    expect_kept(file);
    expect_kept(link);
    expect_kept(fifo);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(unlink(fifo), 0);
    assert_int_equal(rmdir(folder), 0);
}

static int listen_with_nonsense(void *arg)
{
    struct weir_listen_options options[] = {
        {.v6only = 9},       {.reuse_port = 3},       {.nodelay = 7},
        {.unlink_stale = 4}, {.backlog = UINT32_MAX}, {.mode = 010000},
    };
    weir_listener listener;
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof options / sizeof options[0]; i++)
        CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", &options[i]) == WEIR_EOPTION);
    return 0;
}

TEST(options_that_make_no_sense_are_refused)
{
    assert_int_equal(weir_run(listen_with_nonsense, NULL, NULL), 0);
    assert_checks();
}
