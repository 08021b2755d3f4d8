/* test/os/socket_unix.c - UNIX sockets: datagrams, seqpackets, names, descriptors, credentials. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir.h>

#include "support/hostile.h"
#include "support/run.h"
#include "support/udp.h"

/* A folder of the test's own, and a path in it. */
static char folder[64], path[WEIR_ADDRESS_TEXT_MAX];

static void make_folder(void)
{
    strcpy(folder, "/tmp/weir-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "unixgram://%s/socket", folder);
}

static void remove_folder(void)
{
    assert_int_equal(rmdir(folder), 0); /* empty again */
}

/* ---- names ---- */

static int use_path(void *arg)
{
    struct weir_socket_options options = {.mode = 0600}, keep = {.unlink_stale = WEIR_OFF};
    weir_socket server, second, client, answered;
    weir_address from;
    struct stat about;
    char in[8];
    int fd = -1;

    (void)arg;
    CHECK(weir_bind(&server, path, &options) == 0);
    CHECK(stat(path + 11, &about) == 0 && (about.st_mode & 0777) == 0600);
    CHECK(weir_bind(&second, path, NULL) == WEIR_EADDRINUSE); /* it is not stale */
    CHECK(weir_connect(&client, path, NULL) == 0);
    CHECK(weir_send(client, "hello", 5) == 0);
    CHECK(weir_recv_from(server, in, sizeof in, &from) == 5);
    CHECK(from.len <= 2); /* the client has no name */
    CHECK(weir_socket_close(client) == 0);
    CHECK(weir_socket_release(server, &fd) == 0); /* the file stays, ... */
    close(fd);
    CHECK(weir_connect(&client, path, NULL) == WEIR_ECONNREFUSED);
    CHECK(weir_bind(&server, path, &keep) == WEIR_EADDRINUSE);
    CHECK(weir_bind(&server, path, NULL) == 0); /* ... and is stale */
    CHECK(weir_bind(&answered, "unixgram://@weir-test-abstract", NULL) == WEIR_EADDRINUSE
          || weir_socket_close(answered) == 0);
    CHECK(weir_socket_close(server) == 0);
    return 0;
}

TEST(a_socket_file_is_made_and_removed)
{
    not_on_sim("its UNIX sockets have no datagrams");
    make_folder();
    assert_int_equal(run_with(use_path, NULL, 1), 0);
    remove_folder();
}

static int use_abstract(void *arg)
{
    char name[64], back[WEIR_ADDRESS_TEXT_MAX], in[8];
    weir_address at, from;
    weir_socket a, b;

    (void)arg;
    snprintf(name, sizeof name, "unixgram://@weir-test-%d-a", (int)getpid());
    a = bind_at(name, NULL, &at);
    CHECK(weir_address_format(&at, back, sizeof back) == (int)strlen(name));
    CHECK(strcmp(back, name) == 0);
    name[strlen(name) - 1] = 'b';
    b = bind_at(name, NULL, &from);
    CHECK(weir_send_to(b, "hello", 5, &at) == 0);
    CHECK(weir_recv_from(a, in, sizeof in, &from) == 5);
    CHECK(weir_address_format(&from, back, sizeof back) > 0 && strcmp(back, name) == 0);
    CHECK(weir_socket_close(a) == 0);
    CHECK(weir_socket_close(b) == 0);
    return 0;
}

TEST(abstract_names_are_used_and_told)
{
    not_on_sim("its UNIX sockets have no datagrams");
    assert_int_equal(run_with(use_abstract, NULL, 1), 0);
}

static int refuse_paths(void *arg)
{
    char text[200] = "unixgram:///";
    weir_socket socket = {7};

    (void)arg;
    memset(text + 12, 'x', 150);
    CHECK(weir_bind(&socket, text, NULL) == WEIR_EADDRESS);
    CHECK(weir_bind(&socket, "unixgram:///nowhere/at/all", NULL) == WEIR_ENOENT);
    CHECK(weir_bind(&socket, "unixpacket://", NULL) == WEIR_EADDRESS);
    CHECK(socket.id == 7);
    return 0;
}

TEST(paths_that_cannot_be_are_refused)
{
    not_on_sim("its UNIX sockets have no datagrams");
    assert_int_equal(run_with(refuse_paths, NULL, 1), 0);
}

/* ---- a receiver that is full ---- */

struct pushing {
    weir_socket socket;
    weir_address to;
    bool connected;
    int sent, all;
};

static int push(void *arg)
{
    struct pushing *pushing = arg;
    int i;

    for (i = 0; i < pushing->all; i++) {
        CHECK(weir_send_to(pushing->socket, &i, sizeof i, pushing->connected ? NULL : &pushing->to)
              == 0);
        SAY(pushing->sent, i + 1);
    }
    return 0;
}

static int fill_up(void *arg)
{
    struct pushing pushing = {.connected = arg != NULL, .all = 1500};
    char name[64];
    weir_scope scope;
    weir_socket to;
    int i, in;

    snprintf(name, sizeof name, "unixgram://@weir-test-%d", (int)getpid());
    to = bind_at(name, NULL, &pushing.to);
    CHECK(weir_socket_open(&pushing.socket, AF_UNIX, SOCK_DGRAM, 0, NULL) == 0);
    if (pushing.connected)
        CHECK(weir_socket_connect(pushing.socket, &pushing.to) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, push, &pushing) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(20)) == 0);
    CHECK(SEE(pushing.sent) < pushing.all); /* it waits */
    for (i = 0; i < pushing.all; i++)
        CHECK(weir_recv(to, &in, sizeof in) == sizeof in && in == i);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_socket_close(to) == 0);
    CHECK(weir_socket_close(pushing.socket) == 0);
    return 0;
}

TEST(a_sender_waits_for_a_receiver_that_is_full)
{
    not_on_sim("its UNIX sockets have no datagrams");
    char connected;

    assert_int_equal(run_with(fill_up, &connected, 1), 0);
    assert_int_equal(run_with(fill_up, NULL, 1), 0);
    assert_int_equal(run_with(fill_up, &connected, 2), 0);
    assert_int_equal(run_with(fill_up, NULL, 2), 0);
}

static int close_full(void *arg)
{
    struct pushing pushing = {.all = 5000};
    weir_socket pair[2];
    weir_scope scope;
    int rc;

    CHECK(weir_socket_pair(pair, SOCK_DGRAM) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    do
        rc = weir_send(pair[0], "x", 1);
    while (rc == 0 && ++pushing.sent < 2);
    (void)arg;
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_socket_close(pair[1]) == 0);
    CHECK(weir_send(pair[0], "x", 1) == WEIR_ECONNREFUSED);
    CHECK(weir_socket_close(pair[0]) == 0);
    return 0;
}

TEST(a_receiver_that_has_gone_refuses)
{
    assert_int_equal(run_with(close_full, NULL, 1), 0);
}

/* ---- seqpackets ---- */

static int keep_lengths(void *arg)
{
    weir_socket pair[2];
    char in[8];

    (void)arg;
    CHECK(weir_socket_pair(pair, SOCK_SEQPACKET) == 0);
    CHECK(weir_send(pair[0], "one", 3) == 0);
    CHECK(weir_send(pair[0], NULL, 0) == 0);
    CHECK(weir_send(pair[0], "three", 5) == 0);
    CHECK(weir_send(pair[0], NULL, 0) == 0);
    CHECK(weir_socket_close(pair[0]) == 0);
    CHECK(weir_recv(pair[1], in, sizeof in) == 3);
    CHECK(weir_recv(pair[1], in, sizeof in) == 0); /* data, and not the end */
    CHECK(weir_recv(pair[1], in, 2) == WEIR_EMSGSIZE);
    CHECK(weir_recv(pair[1], in, sizeof in) == 0);
    CHECK(weir_recv(pair[1], in, sizeof in) == WEIR_EEOF);
    CHECK(weir_recv(pair[1], in, sizeof in) == WEIR_EEOF);
    CHECK(weir_send(pair[1], "x", 1) == WEIR_EPIPE);
    CHECK(weir_socket_close(pair[1]) == 0);
    return 0;
}

TEST(seqpackets_keep_their_lengths_and_end)
{
    not_emulated("control data is not handed on");
    assert_int_equal(run_with(keep_lengths, NULL, 1), 0);
}

struct calling {
    char name[64];
    int rc;
};

static int call(void *arg)
{
    struct calling *calling = arg;
    weir_socket socket;
    char in[8];

    calling->rc = weir_connect(&socket, calling->name, NULL);
    if (calling->rc == 0) {
        CHECK(weir_send(socket, "hello", 5) == 0);
        CHECK(weir_recv(socket, in, sizeof in) == 5);
        CHECK(weir_recv(socket, in, sizeof in) == WEIR_EEOF);
        CHECK(weir_socket_close(socket) == 0);
    }
    return 0;
}

static int accept_calls(void *arg)
{
    struct weir_credentials who = {0};
    struct calling calling;
    weir_socket listener, peer;
    weir_scope scope;
    char in[8];
    int i, process;

    (void)arg;
    snprintf(calling.name, sizeof calling.name, "unixpacket://@weir-test-%d", (int)getpid());
    CHECK(weir_bind(&listener, calling.name, NULL) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 3; i++) {
        CHECK(weir_spawn(&scope, call, &calling) == 0);
        CHECK(weir_socket_accept(listener, &peer) == 0);
        CHECK(weir_socket_credentials(peer, &who) == 0);
        CHECK(who.process == getpid() && who.user == getuid() && who.group == getgid());
        process = weir_socket_process(peer);
        CHECK(process >= 0 || process == WEIR_ENOTSUP);
        if (process >= 0) {
            CHECK(fcntl(process, F_GETFD) == FD_CLOEXEC);
            close(process);
        }
        CHECK(weir_recv(peer, in, sizeof in) == 5);
        CHECK(weir_send(peer, in, 5) == 0);
        CHECK(weir_socket_close(peer) == 0);
    }
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(calling.rc == 0);
    CHECK(weir_socket_close(listener) == 0);
    CHECK(weir_socket_accept(listener, &peer) == WEIR_EBADHANDLE);
    return 0;
}

TEST(seqpackets_are_listened_for_and_accepted)
{
    not_emulated("control data is not handed on");
    not_on_sim("its UNIX sockets have no datagrams");
    assert_int_equal(run_with(accept_calls, NULL, 1), 0);
    assert_int_equal(run_with(accept_calls, NULL, 3), 0);
}

/* ---- descriptors and credentials in messages ---- */

/* What is in a file, as a number. */
static int content(int fd)
{
    char in[16] = "";

    CHECK(pread(fd, in, sizeof in - 1, 0) > 0);
    return atoi(in);
}

static int make_file(int number)
{
    char text[16];
    int fd = memfd_create("weir", MFD_CLOEXEC), len = snprintf(text, sizeof text, "%d", number);

    CHECK(fd >= 0 && write(fd, text, (size_t)len) == len);
    return fd;
}

static void close_all(const int *fds, uint32_t count)
{
    while (count--)
        close(fds[count]);
}

enum {
    MANY = 253
};

static int pass(void *arg)
{
    static int out[MANY], in[MANY];
    char bytes[4];
    struct weir_message sent, message = expecting(bytes, sizeof bytes);
    weir_socket pair[2];
    int i, type = arg ? SOCK_SEQPACKET : SOCK_DGRAM;

    for (i = 0; i < MANY; i++)
        out[i] = make_file(i);
    CHECK(weir_socket_pair(pair, type) == 0);
    sent = (struct weir_message){.bytes = bytes,
                                 .len = 1,
                                 .fields = WEIR_FIELD_DESCRIPTORS,
                                 .descriptors = out,
                                 .descriptors_count = MANY};
    CHECK(weir_send_message(pair[0], &sent) == 0);
    message.descriptors = in;
    message.descriptors_cap = MANY;
    CHECK(weir_recv_message(pair[1], &message) == 0);
    CHECK(message.fields & WEIR_FIELD_DESCRIPTORS && message.descriptors_count == MANY);
    CHECK(message.flags == 0);
    for (i = 0; i < MANY; i++)
        CHECK(content(in[i]) == i && fcntl(in[i], F_GETFD) == FD_CLOEXEC);
    close_all(in, MANY);
    /* less room than came: the others are closed, and told of */
    CHECK(weir_send_message(pair[0], &sent) == 0);
    message.descriptors_cap = 2;
    CHECK(weir_recv_message(pair[1], &message) == 0);
    CHECK(message.descriptors_count == 2 && message.flags == WEIR_MESSAGE_LOST_DESCRIPTORS);
    close_all(in, 2);
    /* no room at all: the kernel closes what it does not hand over */
    CHECK(weir_send_message(pair[0], &sent) == 0);
    CHECK(weir_recv(pair[1], bytes, sizeof bytes) == 1);
    CHECK(weir_send_message(pair[0], &sent) == 0);
    message = expecting(bytes, sizeof bytes);
    CHECK(weir_recv_message(pair[1], &message) == 0);
    CHECK(message.descriptors_count == 0 && message.flags == WEIR_MESSAGE_LOST_DESCRIPTORS);
    sent.descriptors_count = MANY + 1;
    CHECK(weir_send_message(pair[0], &sent) == WEIR_EINVAL);
    sent.descriptors_count = 1;
    i = out[0];
    out[0] = -1;
    CHECK(weir_send_message(pair[0], &sent) == WEIR_EBADF);
    out[0] = i;
    close_all(out, MANY);
    CHECK(weir_socket_close(pair[0]) == 0);
    CHECK(weir_socket_close(pair[1]) == 0);
    return 0;
}

TEST(descriptors_go_with_messages)
{
    char seqpacket;

    not_emulated("control data is not handed on");
    assert_int_equal(run_with(pass, NULL, 1), 0);
    assert_int_equal(run_with(pass, &seqpacket, 1), 0);
}

static int tell_who(void *arg)
{
    char bytes[4];
    struct weir_message sent, message = expecting(bytes, sizeof bytes);
    weir_socket pair[2];

    (void)arg;
    CHECK(weir_socket_pair(pair, SOCK_DGRAM) == 0);
    CHECK(weir_socket_want(pair[1], WEIR_FIELD_CREDENTIALS) == 0);
    CHECK(weir_send(pair[0], "x", 1) == 0); /* the kernel adds them */
    CHECK(weir_recv_message(pair[1], &message) == 0);
    CHECK(message.fields & WEIR_FIELD_CREDENTIALS);
    CHECK(message.credentials.process == getpid() && message.credentials.user == getuid());
    sent = (struct weir_message){
        .bytes = bytes,
        .len = 1,
        .fields = WEIR_FIELD_CREDENTIALS,
        .credentials = {.process = getppid(), .user = getuid(), .group = getgid()}};
    CHECK(weir_send_message(pair[0], &sent) == (getuid() ? WEIR_EPERM : 0));
    if (getuid() == 0) {
        CHECK(weir_recv_message(pair[1], &message) == 0);
        CHECK(message.credentials.process == getppid());
    }
    CHECK(weir_socket_close(pair[0]) == 0);
    CHECK(weir_socket_close(pair[1]) == 0);
    return 0;
}

TEST(credentials_go_with_messages)
{
    assert_int_equal(run_with(tell_who, NULL, 1), 0);
}

/* ---- descriptors on streams ---- */

struct stream_pass {
    weir_stream pair[2];
    int fds[600];
    uint32_t got;
};

static int write_them(void *arg)
{
    struct stream_pass *it = arg;

    CHECK(weir_write_descriptors(it->pair[0], "hello", 5, it->fds, 600) == 0);
    CHECK(weir_write_descriptors(it->pair[0], "!", 1, it->fds, 1) == 0);
    CHECK(weir_shutdown(it->pair[0]) == 0);
    return 0;
}

static int pass_on_stream(void *arg)
{
    static struct stream_pass it;
    struct weir_credentials who;
    char text[16] = "";
    int in[MANY];
    struct weir_descriptors with = {.list = in, .cap = MANY};
    weir_scope scope;
    ptrdiff_t n, len = 0;
    uint32_t i;

    (void)arg;
    it.got = 0;
    for (i = 0; i < 600; i++)
        it.fds[i] = make_file((int)i);
    CHECK(weir_unix_pair(it.pair) == 0);
    CHECK(weir_stream_expect_descriptors(it.pair[1]) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_them, &it) == 0);
    while ((n = weir_read_descriptors(it.pair[1], text + len, 8, &with)) > 0) {
        len += n;
        CHECK(!with.lost);
        for (i = 0; i < with.count && it.got < 600; i++)
            CHECK(content(in[i]) == (int)it.got + (int)i);
        if (it.got == 600)
            CHECK(with.count == 1 && content(in[0]) == 0);
        it.got += with.count;
        for (i = 0; i < with.count; i++)
            CHECK(fcntl(in[i], F_GETFD) == FD_CLOEXEC);
        close_all(in, with.count);
    }
    CHECK(n == 0 && with.count == 0);
    CHECK(len == 6 && strcmp(text, "hello!") == 0 && it.got == 601);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_write_descriptors(it.pair[1], "ab", 2, it.fds, 600) == WEIR_EINVAL);
    CHECK(weir_write_descriptors(it.pair[1], "a", 1, it.fds, 9) == 0);
    with.cap = 4;
    CHECK(weir_read_descriptors(it.pair[0], text, 8, &with) == 1);
    CHECK(with.count == 4 && with.lost);
    close_all(in, 4);
    CHECK(weir_stream_credentials(it.pair[0], &who) == 0 && who.process == getpid());
    close_all(it.fds, 600);
    CHECK(weir_close(it.pair[0]) == 0);
    CHECK(weir_read_descriptors(it.pair[0], text, 8, &with) == WEIR_EBADHANDLE);
    CHECK(weir_close(it.pair[1]) == 0);
    return 0;
}

TEST(any_number_of_descriptors_goes_with_a_stream)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 2000)
        skip("too few descriptors");
    assert_int_equal(run_with(pass_on_stream, NULL, 1), 0);
    assert_int_equal(run_with(pass_on_stream, NULL, 2), 0);
}

/* ---- streams and listeners from outside ---- */

static int hand_over(void *arg)
{
    weir_stream pair[2], other;
    char in[16], unread[16];
    int fd = -1, second;

    (void)arg;
    hostile_calm();
    CHECK(weir_unix_pair(pair) == 0);
    CHECK(weir_write_all(pair[0], "0123456789", 10) == 0);
    CHECK(weir_read(pair[1], in, 4) == 4); /* the others are in weir's hands */
    CHECK(weir_stream_release(pair[1], &fd, unread, 5) == WEIR_ENOBUFS);
    CHECK(fd == -1);
    CHECK(weir_stream_release(pair[1], &fd, unread, sizeof unread) == 6);
    CHECK(memcmp(unread, "456789", 6) == 0);
    CHECK(weir_read(pair[1], in, 4) == WEIR_EBADHANDLE);
    CHECK(weir_write_all(pair[0], "more", 4) == 0); /* the connection lives */
    CHECK(weir_stream_adopt(&other, fd) == 0);
    CHECK(weir_read(other, in, sizeof in) == 4);
    CHECK(weir_write_all(other, "back", 4) == 0);
    CHECK(weir_read(pair[0], in, sizeof in) == 4);
    CHECK(weir_stream_release(other, &second, NULL, 0) == 0);
    close(second);
    CHECK(weir_read(pair[0], in, sizeof in) == 0);
    CHECK(weir_close(pair[0]) == 0);
    return 0;
}

TEST(a_stream_is_released_with_what_it_had_received)
{
    assert_int_equal(run_with(hand_over, NULL, 1), 0);
    assert_int_equal(run_with(hand_over, NULL, 2), 0);
}

static int dial_it(void *arg)
{
    weir_stream stream;

    CHECK(weir_dial(&stream, arg) == 0);
    CHECK(weir_close(stream) == 0);
    return 0;
}

static int adopt_listener(void *arg)
{
    char address[WEIR_ADDRESS_TEXT_MAX], again[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener = {0}, other;
    weir_stream stream = {7};
    weir_scope scope;
    int fds[2], fd = -1;

    CHECK(weir_listen(&listener, arg, NULL) == 0);
    CHECK(weir_listener_address(listener, address, sizeof address) > 0);
    CHECK(weir_listener_release(listener, &fd) == 0);
    CHECK(weir_listener_release(listener, &fd) == WEIR_EBADHANDLE);
    CHECK(weir_stream_adopt(&stream, fd) == WEIR_EPROTOTYPE);
    CHECK(weir_listener_adopt(&other, fd, NULL) == 0);
    CHECK(weir_listener_address(other, again, sizeof again) > 0);
    CHECK(strcmp(address, again) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial_it, address) == 0);
    CHECK(weir_accept(other, &stream) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_close(stream) == 0);
    CHECK(weir_listener_close(other) == 0);
    CHECK(pipe(fds) == 0);
    CHECK(weir_listener_adopt(&other, fds[0], NULL) == WEIR_ENOTSOCK);
    CHECK(weir_stream_adopt(&stream, -1) == WEIR_EBADF);
    if (test_simulated()) { /* which has no pipes */
        CHECK(weir_stream_adopt(&stream, fds[0]) == WEIR_ENOTSUP);
        close_all(fds, 1);
    } else {
        CHECK(weir_stream_adopt(&stream, fds[0]) == 0);
        CHECK(weir_stream_release(stream, &fd, NULL, 0) == WEIR_ENOTSUP);
        CHECK(weir_close(stream) == 0);
    }
    close_all(fds + 1, 1);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
    CHECK(weir_stream_adopt(&stream, fds[0]) == WEIR_EPROTOTYPE);
    CHECK(weir_listener_adopt(&other, fds[0], NULL) == WEIR_EPROTOTYPE);
    close_all(fds, 2);
    return 0;
}

TEST(a_listener_is_adopted_and_released)
{
    char tcp[] = "tcp://127.0.0.1:0", local[64];

    assert_int_equal(run_with(adopt_listener, tcp, 1), 0);
    assert_int_equal(run_with(adopt_listener, tcp, 2), 0);
    snprintf(local, sizeof local, "unix://@weir-test-%d-l", (int)getpid());
    assert_int_equal(run_with(adopt_listener, local, 2), 0);
}
