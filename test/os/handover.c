/* test/os/handover.c - connections and listeners that go to another owner.
 *
 * The other process is this program, started again: with a carrier in the environment it is the
 * receiver and runs no test.
 */
#include "test.h"

#include <netinet/in.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"

none_on_sim("descriptors that go to others")

#define CARRIER "WEIR_TEST_CARRIER"

    extern char **environ;

static const struct weir_handover_options nothing;

/* ---- the other process: answers each line with the line and its own name ---- */

static int answer_lines(weir_stream stream, const char *name)
{
    char line[128], answer[256];
    size_t len = 0;

    while (weir_read(stream, line + len, 1) == 1) {
        if (line[len++] != '\n' && len < sizeof line)
            continue;
        snprintf(answer, sizeof answer, "%s %.*s", name, (int)len, line);
        if (weir_write_all(stream, answer, strlen(answer)) < 0)
            return 1;
        len = 0;
    }
    return 0;
}

static int take_over(void *arg)
{
    static struct weir_handed handed;
    weir_stream carrier;
    int rc;

    if (weir_stream_adopt(&carrier, *(int *)arg) < 0)
        return 2;
    while ((rc = weir_handover_receive(carrier, &handed)) == 1) {
        char name[WEIR_HANDOVER_NOTE_MAX + 1] = "listener";

        if (handed.kind == WEIR_HANDED_STREAM) {
            memcpy(name, handed.note, handed.note_len);
            name[handed.note_len] = 0;
        } else if (weir_accept(handed.listener, &handed.stream) < 0
                   || weir_listener_close(handed.listener) < 0) {
            return 3;
        }
        rc = answer_lines(handed.stream, name);
        (void)weir_close(handed.stream);
        if (rc)
            break;
    }
    (void)weir_close(carrier);
    return rc < 0 ? 4 : rc;
}

static void __attribute__((constructor)) be_the_other(void)
{
    const char *text = getenv(CARRIER);
    int carrier = text ? atoi(text) : -1;

    if (text)
        _exit(weir_run(take_over, &carrier, NULL));
}

/* Starts it: its end of a new carrier is inherited. */
static pid_t start_other(weir_stream *carrier)
{
    char *const arguments[] = {(char *)(uintptr_t) "other", NULL};
    char number[16];
    pid_t process = -1;
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK(weir_stream_adopt(carrier, ends[0]) == 0);
    ends[0] = dup(ends[1]); /* not close-on-exec */
    snprintf(number, sizeof number, "%d", ends[0]);
    CHECK(setenv(CARRIER, number, 1) == 0);
    CHECK(posix_spawn(&process, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
    CHECK(unsetenv(CARRIER) == 0);
    close(ends[0]);
    close(ends[1]);
    return process;
}

static int wait_for(void *arg)
{
    int status = -1;

    (void)waitpid(*(pid_t *)arg, &status, 0);
    return status;
}

static void expect(weir_stream stream, const char *text)
{
    char in[256] = {0};

    CHECK(weir_read_exactly(stream, in, strlen(text)) == 0 && strcmp(in, text) == 0);
}

static void say(weir_stream stream, const char *text)
{
    CHECK(weir_write_all(stream, text, strlen(text)) == 0);
}

/* ---- another process ---- */

/* Some bytes are read by the program and not used, some received and not read, some still on their
 * way. */
static int to_a_process(void *arg)
{
    struct weir_handover_options with = {.note = "new", .note_len = 3};
    weir_stream carrier, ends[2];
    char taken[8];
    pid_t process = start_other(&carrier);

    (void)arg;
    dial_pair(ends);
    say(ends[0], "one\ntwo\nthree\nfo");
    expect(ends[1], "one\n");
    say(ends[1], "old one\n");
    CHECK(weir_read_exactly(ends[1], taken, 6) == 0);
    with.unread = taken;
    with.unread_len = 6; /* "two\nth" */
    CHECK(weir_handover_send(carrier, ends[1], &with) == 0);
    CHECK(weir_read(ends[1], taken, 1) == WEIR_EBADHANDLE);
    expect(ends[0], "old one\nnew two\nnew three\n");
    say(ends[0], "ur\n");
    expect(ends[0], "new four\n");
    CHECK(weir_close(ends[0]) == 0);
    dial_pair(ends); /* a second one, over the same carrier */
    with = (struct weir_handover_options){.note = "again", .note_len = 5};
    CHECK(weir_handover_send(carrier, ends[1], &with) == 0);
    say(ends[0], "five\n");
    expect(ends[0], "again five\n");
    CHECK(weir_close(ends[0]) == 0 && weir_close(carrier) == 0);
    CHECK(weir_blocking(wait_for, &process) == 0);
    return 0;
}

TEST(a_connection_goes_to_another_process_with_what_nobody_has_read)
{
    not_emulated("a program that starts itself");
    assert_int_equal(run_with(to_a_process, NULL, 1), 0);
    assert_int_equal(run_with(to_a_process, NULL, 2), 0);
}

static int serve_old(weir_stream peer, void *arg)
{
    (void)arg;
    return answer_lines(peer, "old");
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.drain_limit_ns = WEIR_SECONDS(1)};

    return weir_serve(*(weir_listener *)arg, serve_old, NULL, &options);
}

/* The old one serves while the listener goes over, and ends; a connection that comes meanwhile is
 * the new one's. */
static int listener_to_a_process(void *arg)
{
    struct weir_listen_options options = {.reuse_port = WEIR_OFF};
    weir_stream carrier, first, second;
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    weir_scope scope;
    pid_t process = start_other(&carrier);

    CHECK(weir_listen(&listener, arg, &options) == 0);
    CHECK(weir_listener_address(listener, address, sizeof address) > 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, serve, &listener) == 0);
    CHECK(weir_dial(&first, address) == 0);
    say(first, "one\n");
    expect(first, "old one\n");
    CHECK(weir_handover_send_listener(carrier, listener, &nothing) == 0);
    CHECK(weir_listener_close(listener) == 0);
    say(first, "two\n"); /* what was accepted before stays */
    expect(first, "old two\n");
    CHECK(weir_close(first) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_dial(&second, address) == 0);
    say(second, "three\n");
    expect(second, "listener three\n");
    CHECK(weir_close(second) == 0 && weir_close(carrier) == 0);
    CHECK(weir_blocking(wait_for, &process) == 0);
    return 0;
}

TEST(a_listener_goes_to_another_process_while_it_is_served)
{
    char tcp[] = "tcp://127.0.0.1:0", local[64];

    not_emulated("a program that starts itself");
    assert_int_equal(run_with(listener_to_a_process, tcp, 1), 0);
    assert_int_equal(run_with(listener_to_a_process, tcp, 2), 0);
    snprintf(local, sizeof local, "unix:///tmp/weir-test-%d-h", (int)getpid());
    assert_int_equal(run_with(listener_to_a_process, local, 1), 0);
    assert_int_equal(unlink(local + strlen("unix://")), 0); /* the file had stayed */
}

/* ---- another runtime ---- */

struct between {
    weir_stream peer;
    int fds[2];
    unsigned char unread[40000];
    int unread_len;
};

static int give(void *arg)
{
    struct between *between = arg;
    weir_stream stream;

    CHECK(weir_stream_adopt(&stream, between->fds[0]) == 0);
    CHECK(send(between->fds[1], "onetwo", 6, 0) == 6);
    expect(stream, "one");
    between->unread_len =
        weir_stream_release(stream, &between->fds[0], between->unread, sizeof between->unread);
    CHECK(between->unread_len == 3);
    return 0;
}

static int take(void *arg)
{
    struct between *between = arg;
    weir_stream stream;
    char in[8];

    CHECK(weir_stream_adopt_unread(&stream, between->fds[0], between->unread,
                                   (size_t)between->unread_len)
          == 0);
    CHECK(send(between->fds[1], "three", 5, 0) == 5);
    expect(stream, "twothree");
    CHECK(shutdown(between->fds[1], SHUT_WR) == 0);
    CHECK(weir_read(stream, in, sizeof in) == 0);
    CHECK(weir_close(stream) == 0);
    return 0;
}

TEST(a_connection_goes_to_another_runtime)
{
    struct between between = {.unread_len = 0};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, between.fds), 0);
    assert_int_equal(run_with(give, &between, 1), 0);
    assert_int_equal(run_with(take, &between, 2), 0);
    close(between.fds[1]);
}

/* ---- another worker: nothing has to be done ---- */

static int read_byte(void *arg)
{
    weir_stream stream = *(weir_stream *)arg;
    char byte;

    CHECK(weir_read(stream, &byte, 1) == 1 && byte == 'x');
    return 0;
}

static int other_workers(void *arg)
{
    struct weir_spawn_options pinned = {.pinned = WEIR_ON};
    weir_stream ends[2];
    weir_scope scope;
    int i;

    (void)arg;
    dial_pair(ends);
    for (i = 0; i < 200; i++) {
        pinned.worker = (uint32_t)i % 3 + 1;
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn_with(&scope, read_byte, &ends[1], &pinned) == 0);
        if (i & 1)
            CHECK(weir_yield() == 0);
        say(ends[0], i & 2 ? "xx" : "x");
        CHECK(weir_scope_join(&scope) == 0);
        if (i & 2)
            CHECK(read_byte(&ends[1]) == 0);
    }
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(any_worker_may_use_a_stream)
{
    assert_int_equal(run_with(other_workers, NULL, 3), 0);
}

/* ---- what fails leaves the connection here ---- */

static int refused(void *arg)
{
    weir_stream carrier[2], ends[2], memory[2], tcp[2];
    static char much[WEIR_HANDOVER_UNREAD_MAX];
    struct weir_handover_options with = {.note = much, .note_len = WEIR_HANDOVER_NOTE_MAX + 1};
    weir_listener listener;

    (void)arg;
    CHECK(weir_unix_pair(carrier) == 0 && weir_stream_pair(memory) == 0);
    dial_pair(ends);
    dial_pair(tcp);
    say(ends[0], "one");
    CHECK(weir_handover_send(carrier[0], ends[1], &with) == WEIR_EINVAL);
    with = (struct weir_handover_options){.unread = much, .unread_len = sizeof much + 1};
    CHECK(weir_handover_send(carrier[0], ends[1], &with) == WEIR_ELIMIT);
    CHECK(weir_handover_send(tcp[0], ends[1], &nothing) == WEIR_ENOTSUP);
    CHECK(weir_handover_send(memory[0], ends[1], &nothing) == WEIR_ENOTSUP);
    CHECK(weir_handover_send(carrier[0], memory[0], &nothing) == WEIR_ENOTSUP);
    CHECK(weir_handover_send(carrier[0], carrier[0], &nothing) == WEIR_EBUSY);
    CHECK(weir_handover_send(carrier[0], (weir_stream){0}, &nothing) == WEIR_EBADHANDLE);
    CHECK(weir_handover_send((weir_stream){0}, ends[1], &nothing) == WEIR_EBADHANDLE);
    CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", NULL) == 0);
    with.unread_len = 1;
    CHECK(weir_handover_send_listener(carrier[0], listener, &with) == WEIR_EINVAL);
    CHECK(weir_listener_close(listener) == 0);
    CHECK(weir_handover_send_listener(carrier[0], listener, &nothing) == WEIR_EBADHANDLE);
    CHECK(weir_stream_adopt_unread(&memory[0], -1, "x", 1) == WEIR_EBADF);
    CHECK(weir_close(carrier[1]) == 0);
    CHECK(weir_read(carrier[0], much, 1) == 0); /* it is closed at home, by and by */
    CHECK(weir_handover_send(carrier[0], ends[1], &nothing) == WEIR_EPIPE);
    expect(ends[1], "one");
    say(ends[1], "two");
    expect(ends[0], "two");
    CHECK(weir_close(carrier[0]) == 0 && weir_close(memory[0]) == 0 && weir_close(memory[1]) == 0);
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    CHECK(weir_close(tcp[0]) == 0 && weir_close(tcp[1]) == 0);
    return 0;
}

TEST(a_hand_over_that_is_refused_leaves_the_connection_whole)
{
    weir_stream none = {0};
    static struct weir_handed handed;

    assert_int_equal(weir_handover_send(none, none, &nothing), WEIR_ENOTASK);
    assert_int_equal(weir_handover_receive(none, &handed), WEIR_ENOTASK);
    assert_int_equal(run_with(refused, NULL, 1), 0);
    assert_int_equal(run_with(refused, NULL, 2), 0);
}

/* Nobody takes the bytes that go along. */
static int stopped(void *arg)
{
    static char much[WEIR_HANDOVER_UNREAD_MAX];
    static struct weir_handed handed;
    struct weir_handover_options with = {.unread = much, .unread_len = sizeof much};
    weir_stream carrier[2], ends[2];
    weir_block block;

    (void)arg;
    CHECK(weir_unix_pair(carrier) == 0);
    dial_pair(ends);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(50)) == 0);
    CHECK(weir_handover_send(carrier[0], ends[1], &with) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block) == 1);
    CHECK(weir_handover_send(carrier[0], ends[1], &nothing) == WEIR_EBROKEN);
    CHECK(weir_close(carrier[0]) == 0);
    CHECK(weir_handover_receive(carrier[1], &handed) == WEIR_EEOF);
    CHECK(weir_close(carrier[1]) == 0);
    say(ends[1], "here");
    expect(ends[0], "here");
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(a_hand_over_that_is_stopped_in_the_middle_leaves_the_connection_here)
{
    assert_int_equal(run_with(stopped, NULL, 1), 0);
    assert_int_equal(run_with(stopped, NULL, 2), 0);
}

/* ---- what comes over the carrier ---- */

struct passing {
    weir_stream carrier, connection;
    const struct weir_handover_options *with;
};

static int pass(void *arg)
{
    struct passing *passing = arg;

    CHECK(weir_handover_send(passing->carrier, passing->connection, passing->with) == 0);
    CHECK(weir_close(passing->carrier) == 0);
    return 0;
}

static int much_goes_along(void *arg)
{
    static unsigned char much[WEIR_HANDOVER_UNREAD_MAX - 10], in[sizeof much];
    struct weir_handover_options with = {.unread = much, .unread_len = sizeof much};
    static struct weir_handed handed;
    struct passing passing = {.with = &with};
    weir_stream carrier[2], ends[2];
    weir_block block;
    weir_scope scope;
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof much; i++)
        much[i] = (unsigned char)(i * 7 + (i >> 8));
    CHECK(weir_unix_pair(carrier) == 0);
    dial_pair(ends);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(10)) == 0);
    CHECK(weir_handover_receive(carrier[1], &handed) == WEIR_EDEADLINE); /* and nothing is lost */
    CHECK(weir_block_end(&block) == 1);
    passing.carrier = carrier[0];
    passing.connection = ends[1];
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, pass, &passing) == 0);
    CHECK(weir_handover_receive(carrier[1], &handed) == 1);
    CHECK(handed.kind == WEIR_HANDED_STREAM && handed.note_len == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_handover_receive(carrier[1], &handed) == 0);
    say(ends[0], "end");
    CHECK(weir_read_exactly(handed.stream, in, sizeof in) == 0 && !memcmp(in, much, sizeof in));
    expect(handed.stream, "end");
    CHECK(weir_close(ends[0]) == 0 && weir_close(carrier[1]) == 0
          && weir_close(handed.stream) == 0);
    return 0;
}

TEST(a_megabyte_goes_along)
{
    assert_int_equal(run_with(much_goes_along, NULL, 1), 0);
    assert_int_equal(run_with(much_goes_along, NULL, 2), 0);
}

static int receive_wrong(const void *bytes, size_t len, const int *descriptors, uint32_t count)
{
    static struct weir_handed handed;
    weir_stream carrier[2];
    int rc;

    CHECK(weir_unix_pair(carrier) == 0);
    CHECK(weir_write_descriptors(carrier[0], bytes, len, descriptors, count) == 0);
    CHECK(weir_close(carrier[0]) == 0);
    rc = weir_handover_receive(carrier[1], &handed);
    CHECK(weir_close(carrier[1]) == 0);
    return rc;
}

static int wrong_frames(void *arg)
{
    struct {
        uint32_t magic;
        uint16_t version, kind;
        uint32_t unread_len, note_len;
    } head = {0x77684f76u, 1, WEIR_HANDED_STREAM, 0, 0}, bad;
    int fds[2];

    (void)arg;
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(receive_wrong("0123456789abcdef", 16, fds, 1) == WEIR_EFRAME);
    CHECK(receive_wrong(&head, sizeof head, NULL, 0) == WEIR_EFRAME);
    CHECK(receive_wrong(&head, sizeof head, fds, 2) == WEIR_EFRAME);
    CHECK(receive_wrong(&head, 5, fds, 1) == WEIR_EEOF);
    CHECK(receive_wrong(&head, sizeof head, fds, 1) == WEIR_EPROTOTYPE);
    bad = head;
    bad.version = 2;
    CHECK(receive_wrong(&bad, sizeof bad, fds, 1) == WEIR_EFRAME);
    bad = head;
    bad.kind = 3;
    CHECK(receive_wrong(&bad, sizeof bad, fds, 1) == WEIR_EFRAME);
    bad = head;
    bad.unread_len = WEIR_HANDOVER_UNREAD_MAX + 1;
    CHECK(receive_wrong(&bad, sizeof bad, fds, 1) == WEIR_EFRAME);
    bad = head;
    bad.note_len = UINT32_MAX;
    CHECK(receive_wrong(&bad, sizeof bad, fds, 1) == WEIR_EFRAME);
    bad = head;
    bad.unread_len = 9;
    CHECK(receive_wrong(&bad, sizeof bad, fds, 1) == WEIR_EEOF);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

TEST(what_is_no_hand_over_is_told_and_closed)
{
    assert_int_equal(run_with(wrong_frames, NULL, 1), 0);
}
