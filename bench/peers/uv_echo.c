/* bench/peers/uv_echo.c - libuv's echo server, in the two ways that people write it.
 *
 * As its documentation does: a buffer from malloc for each read, a write request for each reply.
 * With --try: one static buffer, uv_try_write, and a request only for what the socket did not take.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct reply {
    uv_write_t req;
    uv_buf_t buf;
};

static char bytes[65536] __attribute__((aligned(4096)));
static bool try_first;

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    *buf = try_first ? uv_buf_init(bytes, sizeof(bytes))
                     : uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_write(uv_write_t *req, int status)
{
    struct reply *r = (struct reply *)req;

    if (status < 0 && !uv_is_closing((uv_handle_t *)req->handle))
        uv_close((uv_handle_t *)req->handle, on_close);
    free(r->buf.base);
    free(r);
}

static void write_all(uv_stream_t *stream, char *from, size_t len)
{
    struct reply *r = malloc(sizeof(*r));

    r->buf = uv_buf_init(from, (unsigned)len);
    if (uv_write(&r->req, stream, &r->buf, 1, on_write)) {
        free(from);
        free(r);
    }
}

static void try_write(uv_stream_t *stream, char *from, size_t len)
{
    uv_buf_t buf = uv_buf_init(from, (unsigned)len);
    int n = uv_try_write(stream, &buf, 1);
    size_t done = n > 0 ? (size_t)n : 0;
    char *rest;

    if (done == len)
        return;
    rest = malloc(len - done);
    memcpy(rest, from + done, len - done);
    write_all(stream, rest, len - done);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    if (n > 0 && try_first)
        try_write(stream, buf->base, (size_t)n);
    else if (n > 0)
        write_all(stream, buf->base, (size_t)n);
    else if (!try_first)
        free(buf->base);
    if (n < 0 && !uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_close);
}

static void on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *peer = malloc(sizeof(*peer));

    if (status < 0 || uv_tcp_init(server->loop, peer))
        exit(1);
    if (uv_accept(server, (uv_stream_t *)peer)) {
        uv_close((uv_handle_t *)peer, on_close);
        return;
    }
    uv_tcp_nodelay(peer, 1);
    uv_read_start((uv_stream_t *)peer, on_alloc, on_read);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in a;
    int len = sizeof(a), port = 0;
    uv_tcp_t server;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--try"))
            try_first = true;
        else if (!strcmp(argv[i], "--port") && i + 1 < argc)
            port = atoi(argv[++i]);
    }
    signal(SIGPIPE, SIG_IGN);
    uv_ip4_addr("127.0.0.1", port, &a);
    uv_tcp_init(loop, &server);
    if (uv_tcp_bind(&server, (struct sockaddr *)&a, 0)
        || uv_listen((uv_stream_t *)&server, 4096, on_connection))
        return 1;
    uv_tcp_getsockname(&server, (struct sockaddr *)&a, &len);
    printf("listening %d\n", ntohs(a.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
