/* bench/weir/udp_echo.c - weir's echo of datagrams: one task, one socket, batches of 32.
 *
 *   --port N     on 127.0.0.1
 *   --single     one datagram a call
 *   --segments   GSO and GRO
 *   --epoll      the other backend
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/runtime.h>
#include <weir/socket.h>

enum {
    BATCH = 32,
    ROOM = 65536
};

static struct {
    int port, single, segments;
} settings;

static struct weir_message messages[BATCH];
static char room[BATCH][ROOM];

static int echo_single(weir_socket socket)
{
    weir_address from;
    ptrdiff_t n;

    while ((n = weir_recv_from(socket, room[0], ROOM, &from)) >= 0)
        (void)weir_send_to(socket, room[0], (size_t)n, &from);
    return (int)n;
}

static int echo_batch(weir_socket socket)
{
    const uint32_t back = WEIR_FIELD_PEER | WEIR_FIELD_SEGMENT;
    int i, n;

    for (i = 0; i < BATCH; i++) {
        messages[i].bytes = room[i];
        messages[i].cap = ROOM;
    }
    while ((n = weir_recv_batch(socket, messages, BATCH)) > 0) {
        for (i = 0; i < n; i++)
            messages[i].fields &= back;
        (void)weir_send_batch(socket, messages, (size_t)n);
    }
    return n;
}

static int app(void *arg)
{
    struct weir_socket_options options = {.receive_buffer = 1 << 21,
                                          .want = settings.segments ? WEIR_FIELD_SEGMENT : 0};
    char address[64];
    weir_socket socket;
    int rc;

    (void)arg;
    snprintf(address, sizeof(address), "udp://127.0.0.1:%d", settings.port);
    rc = weir_bind(&socket, address, &options);
    if (rc < 0)
        return rc;
    return settings.single ? echo_single(socket) : echo_batch(socket);
}

int main(int argc, char **argv)
{
    struct weir_runtime_options runtime = {.workers = 1};
    int rc;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--port") && i + 1 < argc)
            settings.port = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--single"))
            settings.single = 1;
        else if (!strcmp(argv[i], "--segments"))
            settings.segments = 1;
        else if (!strcmp(argv[i], "--epoll"))
            runtime.backend = WEIR_BACKEND_EPOLL;
    }
    rc = weir_run(app, NULL, &runtime);
    fprintf(stderr, "%s\n", weir_strerror(rc));
    return 1;
}
