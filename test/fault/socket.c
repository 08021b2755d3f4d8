/* test/fault/socket.c - message sockets, groups of descriptors and foreign descriptors in which the
 * n-th allocation or system call fails.
 *
 * What is made may fail, with an error of its own; nothing may crash, hang or stay behind.
 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "support/faults.h"

static int begin_limit(weir_block *block)
{
    return weir_deadline_begin(block, WEIR_MILLISECONDS(100));
}

/* A limit may be all that ends a call whose other half has failed. */
static int end_limit(weir_block *block, int rc)
{
    (void)weir_block_end(block);
    return rc;
}

/* ---- UDP ---- */

static int send_and_receive(weir_socket a, weir_socket b, const weir_address *to)
{
    struct weir_message out[2], in[2];
    char from[4] = "abc", into[2][4];
    int i, rc;

    for (i = 0; i < 2; i++) {
        out[i] =
            (struct weir_message){.bytes = from, .len = 3, .fields = WEIR_FIELD_PEER, .peer = *to};
        in[i].bytes = into[i];
        in[i].cap = sizeof into[i];
        in[i].descriptors = NULL;
        in[i].descriptors_cap = 0;
    }
    rc = weir_send_message(a, &out[0]);
    if (rc == 0)
        rc = weir_recv_message(b, &in[0]);
    if (rc == 0 && (in[0].len != 3 || memcmp(into[0], "abc", 3) != 0))
        return 1;
    if (rc == 0)
        rc = weir_send_batch(a, out, 2);
    if (rc > 0)
        rc = weir_recv_batch(b, in, 2);
    if (rc > 0)
        rc = memcmp(into[0], "abc", 3) != 0;
    return rc;
}

struct waiting {
    weir_socket socket;
    int rc;
};

static int receive_late(void *arg)
{
    struct waiting *waiting = arg;
    weir_block block;
    char in[8];
    int rc = begin_limit(&block);

    if (rc == 0)
        rc = end_limit(&block, (int)weir_recv(waiting->socket, in, sizeof in));
    waiting->rc = rc == 5 ? 0 : rc < 0 ? rc : 1;
    return 0;
}

/* One waits while another sends. */
static int wait_and_send(weir_socket a, weir_socket b, const weir_address *to)
{
    struct waiting waiting = {.socket = b};
    weir_scope scope;
    int rc = weir_scope_open(&scope), joined;

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, receive_late, &waiting);
    if (rc == 0)
        rc = weir_sleep(WEIR_MILLISECONDS(1));
    if (rc == 0)
        rc = weir_send_to(a, "hello", 5, to);
    joined = weir_scope_join(&scope);
    return rc < 0 ? rc : joined < 0 ? joined : waiting.rc;
}

static int use_udp(void *arg)
{
    struct weir_socket_options options = {.want = WEIR_FIELD_TTL | WEIR_FIELD_DESTINATION,
                                          .receive_buffer = 100000,
                                          .errors = WEIR_ON};
    weir_socket a = {0}, b = {0}, again;
    weir_address to;
    weir_block block;
    int fd, rc;

    (void)arg;
    rc = begin_limit(&block);
    if (rc < 0)
        return rc;
    rc = weir_bind(&a, "udp://127.0.0.1:0", NULL);
    if (rc == 0)
        rc = weir_bind(&b, "udp://127.0.0.1:0", &options);
    if (rc == 0)
        rc = weir_socket_local(b, &to);
    if (rc == 0)
        rc = send_and_receive(a, b, &to);
    if (rc == 0)
        rc = wait_and_send(a, b, &to);
    if (rc == 0)
        rc = weir_socket_release(a, &fd);
    if (rc == 0) {
        rc = weir_socket_adopt(&again, fd);
        if (rc < 0)
            close(fd);
        else
            (void)weir_socket_close(again);
    }
    (void)weir_socket_close(a);
    (void)weir_socket_close(b);
    return end_limit(&block, rc);
}

static int run_udp(void)
{
    return weir_run(use_udp, NULL, NULL);
}

TEST(calls_of_udp_may_fail)
{
    fail_each(run_udp, WEIR__FAULT_CALL);
}

TEST(allocations_of_udp_may_fail)
{
    fail_each(run_udp, WEIR__FAULT_ALLOC);
}

/* ---- cases of a select ---- */

static int select_both(weir_case *cases, int wanted)
{
    int which = weir_select(cases, 2);

    if (which < 0 || cases[which].result < 0)
        return which < 0 ? which : (int)cases[which].result;
    return which == wanted ? 0 : WEIR_EDEADLINE; /* a wait that was never told of */
}

static int send_late(void *arg)
{
    int rc = weir_sleep(WEIR_MILLISECONDS(1));

    return rc < 0 ? rc : weir_send_to(*(weir_socket *)arg, "late", 4, NULL);
}

static int use_cases(void *arg)
{
    weir_socket pair[2] = {{0}, {0}};
    weir_case cases[2];
    weir_scope scope;
    char in[8];
    int fds[2], joined = 0, rc = weir_socket_pair(pair, SOCK_DGRAM);

    (void)arg;
    weir_case_after(&cases[1], WEIR_MILLISECONDS(100));
    weir_case_send_to(&cases[0], pair[0], "early", 5, NULL);
    if (rc == 0)
        rc = select_both(cases, 0);
    weir_case_recv_from(&cases[0], pair[1], in, sizeof in, NULL);
    if (rc == 0)
        rc = select_both(cases, 0);
    if (rc == 0 && memcmp(in, "early", 5) != 0)
        rc = 1;
    if (rc == 0)
        rc = weir_scope_open(&scope);
    if (rc == 0) {
        rc = weir_spawn(&scope, send_late, &pair[0]);
        if (rc == 0)
            rc = select_both(cases, 0);
        joined = weir_scope_join(&scope);
    }
    if (rc == 0 && pipe2(fds, O_CLOEXEC) == 0) {
        weir_case_ready(&cases[0], fds[0], WEIR_READY_READ);
        weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
        rc = select_both(cases, 1);
        close(fds[0]);
        close(fds[1]);
    }
    (void)weir_socket_close(pair[0]);
    (void)weir_socket_close(pair[1]);
    return rc ? rc : joined;
}

static int run_cases(void)
{
    return weir_run(use_cases, NULL, NULL);
}

TEST(calls_of_cases_of_sockets_may_fail)
{
    fail_each(run_cases, WEIR__FAULT_CALL);
}

TEST(allocations_of_cases_of_sockets_may_fail)
{
    fail_each(run_cases, WEIR__FAULT_ALLOC);
}

/* ---- UNIX ---- */

static int pass_message(void)
{
    weir_socket pair[2] = {{0}, {0}};
    int out[2] = {0, 1}, in[2] = {-1, -1};
    char byte = 'x';
    struct weir_message sent = {.bytes = &byte,
                                .len = 1,
                                .fields = WEIR_FIELD_DESCRIPTORS,
                                .descriptors = out,
                                .descriptors_count = 2},
                        got = {.bytes = &byte, .cap = 1, .descriptors = in, .descriptors_cap = 1};
    int rc = weir_socket_pair(pair, SOCK_SEQPACKET);

    if (rc == 0)
        rc = weir_send_message(pair[0], &sent);
    if (rc == 0)
        rc = weir_recv_message(pair[1], &got);
    if (rc == 0)
        rc = got.descriptors_count != 1 || !(got.flags & WEIR_MESSAGE_LOST_DESCRIPTORS);
    if (in[0] >= 0)
        close(in[0]);
    (void)weir_socket_close(pair[0]);
    (void)weir_socket_close(pair[1]);
    return rc;
}

static int pass_bytes(void)
{
    weir_stream pair[2] = {{0}, {0}}, again;
    int out[2] = {0, 1}, in[2] = {-1, -1}, fd;
    struct weir_descriptors with = {.list = in, .cap = 2};
    char bytes[8], unread[8];
    int rc = weir_unix_pair(pair);

    if (rc == 0)
        rc = weir_write_descriptors(pair[0], "hi", 2, out, 2);
    if (rc == 0)
        rc = (int)weir_read_descriptors(pair[1], bytes, sizeof bytes, &with);
    if (rc > 0)
        rc = with.count != 2 || rc != 2;
    if (in[0] >= 0)
        close(in[0]);
    if (in[1] >= 0)
        close(in[1]);
    if (rc == 0)
        rc = weir_stream_release(pair[1], &fd, unread, sizeof unread);
    if (rc == 0) {
        rc = weir_stream_adopt(&again, fd);
        if (rc < 0)
            close(fd);
        else
            (void)weir_close(again);
    }
    (void)weir_close(pair[0]);
    (void)weir_close(pair[1]);
    return rc;
}

static int accept_packet(void)
{
    char name[64];
    weir_socket listener = {0}, client = {0}, peer = {0};
    int rc;

    snprintf(name, sizeof name, "unixpacket:///tmp/weir-fault-%d", (int)getpid());
    rc = weir_bind(&listener, name, NULL);
    if (rc == 0)
        rc = weir_connect(&client, name, NULL);
    if (rc == 0)
        rc = weir_socket_accept(listener, &peer);
    (void)weir_socket_close(peer);
    (void)weir_socket_close(client);
    (void)weir_socket_close(listener);
    return rc;
}

static int adopt_listener(void)
{
    weir_listener listener = {0}, again = {0};
    int fd, rc = weir_listen(&listener, "tcp://127.0.0.1:0", NULL);

    if (rc == 0)
        rc = weir_listener_release(listener, &fd);
    if (rc == 0) {
        rc = weir_listener_adopt(&again, fd, NULL);
        if (rc < 0)
            close(fd);
    }
    (void)weir_listener_close(listener);
    (void)weir_listener_close(again);
    return rc;
}

static int use_unix(void *arg)
{
    weir_block block;
    int fds[2];
    int rc;

    (void)arg;
    rc = begin_limit(&block);
    if (rc < 0)
        return rc;
    rc = pass_message();
    if (rc == 0)
        rc = pass_bytes();
    if (rc == 0)
        rc = accept_packet();
    if (rc == 0)
        rc = adopt_listener();
    if (rc == 0 && pipe2(fds, O_CLOEXEC) == 0) {
        rc = weir_ready_wait(fds[1], WEIR_READY_WRITE);
        rc = rc == WEIR_READY_WRITE ? 0 : rc < 0 ? rc : 1;
        close(fds[0]);
        close(fds[1]);
    }
    return end_limit(&block, rc);
}

static int run_unix(void)
{
    return weir_run(use_unix, NULL, NULL);
}

TEST(calls_of_unix_sockets_may_fail)
{
    fail_each(run_unix, WEIR__FAULT_CALL);
}

TEST(allocations_of_unix_sockets_may_fail)
{
    fail_each(run_unix, WEIR__FAULT_ALLOC);
}
