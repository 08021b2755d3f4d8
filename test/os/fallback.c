/* test/os/fallback.c - where io_uring is forbidden or unknown, the automatic choice is epoll.
 *
 * A thread takes a seccomp filter that answers io_uring_setup with an error, and serves an echo;
 * the workers that it starts inherit the filter, the rest of the process does not have it. (A
 * forked child will not do: the harness has a thread, and a child of threads may not start threads
 * of its own.)
 */
#include "test.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <weir.h>

#include "support/hostile.h"

enum {
    ENDS_WELL = 0,
    NO_FILTER = 77
};

static int forbid_io_uring(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int echo(weir_stream peer, void *arg)
{
    char bytes[16];
    ptrdiff_t n = weir_read(peer, bytes, sizeof bytes);

    (void)arg;
    return n > 0 ? weir_write_all(peer, bytes, (size_t)n) : (int)n;
}

static int serve(void *arg)
{
    return weir_serve(*(weir_listener *)arg, echo, NULL, NULL);
}

static int exchange(void *arg)
{
    char address[WEIR_ADDRESS_TEXT_MAX], in[5];
    weir_listener listener;
    weir_stream stream;
    weir_scope scope;
    int rc;

    if (strcmp(weir_backend_name(), arg) != 0)
        return 20;
    if (weir_scope_open(&scope) < 0 || weir_listen(&listener, "tcp://127.0.0.1:0", NULL) < 0
        || weir_listener_address(listener, address, sizeof address) < 0
        || weir_spawn(&scope, serve, &listener) < 0 || weir_dial(&stream, address) < 0)
        return 21;
    rc = weir_write_all(stream, "hello", 5) < 0 || weir_read_exactly(stream, in, 5) < 0
         || memcmp(in, "hello", 5) != 0;
    weir_close(stream);
    weir_listener_close(listener);
    return weir_scope_join(&scope) < 0 || rc ? 22 : ENDS_WELL;
}

static int without_io_uring(int error)
{
    struct weir_runtime_options wants_uring = {.workers = 1, .backend = WEIR_BACKEND_URING};
    struct weir_runtime_options options = {.workers = 2};
    int rc;

    unsetenv("WEIR_BACKEND");
    if (forbid_io_uring(error) < 0)
        return NO_FILTER;
    rc = weir_run(exchange, "uring", &wants_uring);
    if (rc != -error)
        return 23;
    rc = weir_run(exchange, "epoll", &options);
    return rc < 0 ? 24 : rc;
}

static void *run(void *arg)
{
    return (void *)(intptr_t)without_io_uring((int)(intptr_t)arg);
}

static void check_fallback(int error)
{
    pthread_t thread;
    void *result;

    assert_int_equal(pthread_create(&thread, NULL, run, (void *)(intptr_t)error), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    if ((intptr_t)result == NO_FILTER)
        skip("seccomp filters cannot be set here");
    assert_int_equal((intptr_t)result, ENDS_WELL);
}

TEST(falls_back_where_io_uring_is_forbidden)
{
    hostile_calm();
    check_fallback(EPERM);
}

TEST(falls_back_where_io_uring_is_unknown)
{
    hostile_calm();
    check_fallback(ENOSYS);
}
