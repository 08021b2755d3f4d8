/* test/os/socket_socat.c - message sockets with socat at the other end. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"
#include "support/udp.h"

static void need_socat(void)
{
    if (system("socat -V > /dev/null 2>&1") != 0)
        skip("socat is not installed");
}

/* Its output ends when all have gone that have it: the children of other tests do not. */
static FILE *start(const char *command, const char *how)
{
    FILE *file = popen(command, how);

    CHECK(file);
    return file;
}

/* What a program says, while others run. */
static size_t read_pipe(FILE *file, char *out, size_t cap)
{
    size_t len = 0;
    ssize_t n;

    do {
        CHECK(weir_ready_wait(fileno(file), WEIR_READY_READ) > 0);
        n = read(fileno(file), out + len, cap - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && len + 1 < cap);
    out[len] = 0;
    return len;
}

/* ---- UDP ---- */

static int hear_socat(void *arg)
{
    struct weir_socket_options options = {.want = WEIR_FIELD_TTL | WEIR_FIELD_TRAFFIC_CLASS};
    const char *format = arg;
    char command[200], in[32];
    struct weir_message message = expecting(in, sizeof in);
    weir_address at;
    weir_socket socket;
    FILE *socat;
    bool six = strstr(format, "UDP6");

    socket = bind_at(six ? "udp://[::1]:0" : "udp://127.0.0.1:0", &options, &at);
    snprintf(command, sizeof command, format, weir_address_port(&at));
    socat = start(command, "r");
    CHECK(weir_recv_message(socket, &message) == 0);
    CHECK(message.len == 10 && memcmp(in, "from socat", 10) == 0);
    CHECK(message.fields & WEIR_FIELD_TTL && message.fields & WEIR_FIELD_TRAFFIC_CLASS);
    if (!six)
        CHECK(message.ttl == 9 && message.traffic_class == 8);
    CHECK(weir_send_to(socket, "from weir", 9, &message.peer) == 0);
    CHECK(read_pipe(socat, in, sizeof in) == 9 && strcmp(in, "from weir") == 0);
    CHECK(pclose(socat) == 0);
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

TEST(socat_and_weir_exchange_datagrams)
{
    not_on_sim("socat is on the real network");
    char four[] = "printf 'from socat' | socat -t1 - UDP4:127.0.0.1:%d,ttl=9,tos=8",
         six[] = "printf 'from socat' | socat -t1 - UDP6:[::1]:%d";

    need_socat();
    assert_int_equal(run_with(hear_socat, four, 1), 0);
    if (access("/proc/net/if_inet6", R_OK) == 0)
        assert_int_equal(run_with(hear_socat, six, 1), 0);
}

/* ---- UNIX ---- */

static int send_to_socat(void *arg)
{
    char command[200], text[WEIR_ADDRESS_TEXT_MAX], in[32];
    weir_socket socket;
    struct stat about;
    FILE *socat;

    snprintf(command, sizeof command, "timeout 20 socat -u UNIX-RECV:%s/r - | head -c 9",
             (char *)arg);
    socat = start(command, "r");
    snprintf(text, sizeof text, "unixgram://%s/r", (char *)arg);
    YIELD_UNTIL(stat(text + 11, &about) == 0);
    CHECK(weir_connect(&socket, text, NULL) == 0);
    CHECK(weir_send(socket, "from ", 5) == 0);
    CHECK(weir_send(socket, "weir", 4) == 0);
    CHECK(read_pipe(socat, in, 10) == 9 && strcmp(in, "from weir") == 0);
    while (weir_send(socket, "end", 3) == 0) /* head has gone: it finds out by writing */
        CHECK(weir_sleep(WEIR_MILLISECONDS(1)) == 0);
    CHECK(pclose(socat) == 0);
    CHECK(weir_socket_close(socket) == 0);
    return 0;
}

static int serve_socat(void *arg)
{
    char command[200], text[WEIR_ADDRESS_TEXT_MAX], in[32];
    weir_socket listener, peer;
    FILE *socat;

    snprintf(text, sizeof text, "unixpacket://%s/s", (char *)arg);
    CHECK(weir_bind(&listener, text, NULL) == 0);
    snprintf(command, sizeof command, "printf ask | socat -t5 - UNIX-CONNECT:%s/s,type=5",
             (char *)arg);
    socat = start(command, "r");
    CHECK(weir_socket_accept(listener, &peer) == 0);
    CHECK(weir_recv(peer, in, sizeof in) == 3);
    CHECK(weir_send(peer, "answer", 6) == 0);
    CHECK(weir_recv(peer, in, sizeof in) == WEIR_EEOF);
    CHECK(weir_socket_close(peer) == 0);
    CHECK(read_pipe(socat, in, sizeof in) == 6 && strcmp(in, "answer") == 0);
    CHECK(pclose(socat) == 0);
    CHECK(weir_socket_close(listener) == 0);
    return 0;
}

TEST(socat_and_weir_exchange_unix_messages)
{
    not_emulated("control data is not handed on");
    not_on_sim("socat is on the real network");
    char folder[] = "/tmp/weir-socat-XXXXXX", file[64];

    need_socat();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(run_with(send_to_socat, folder, 1), 0);
    assert_int_equal(run_with(serve_socat, folder, 1), 0);
    snprintf(file, sizeof file, "%s/r", folder);
    (void)unlink(file);
    assert_int_equal(rmdir(folder), 0);
}
