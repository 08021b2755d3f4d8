/* bench/peers/uv_udp.c - libuv's echo of datagrams: receives by recvmmsg (UV_UDP_RECVMMSG), answers
 * by uv_udp_try_send, or by a request what the socket does not take. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static char bytes[20 * 65536];

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_sent(uv_udp_send_t *request, int status)
{
    (void)status;
    free(request);
}

static void send_later(uv_udp_t *udp, const uv_buf_t *buf, const struct sockaddr *to)
{
    uv_udp_send_t *request = malloc(sizeof(*request) + buf->len);
    uv_buf_t copy = uv_buf_init((char *)(request + 1), (unsigned)buf->len);

    memcpy(copy.base, buf->base, buf->len);
    if (uv_udp_send(request, udp, &copy, 1, to, on_sent))
        free(request);
}

static void on_recv(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                    unsigned flags)
{
    uv_buf_t back = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);

    (void)flags;
    if (n >= 0 && from && uv_udp_try_send(udp, &back, 1, from) == UV_EAGAIN)
        send_later(udp, &back, from);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in a;
    int port = 0, size = 1 << 21;
    uv_udp_t udp;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--port") && i + 1 < argc)
            port = atoi(argv[++i]);
    }
    uv_ip4_addr("127.0.0.1", port, &a);
    if (uv_udp_init_ex(loop, &udp, AF_INET | UV_UDP_RECVMMSG)
        || uv_udp_bind(&udp, (struct sockaddr *)&a, 0)
        || uv_recv_buffer_size((uv_handle_t *)&udp, &size)
        || uv_udp_recv_start(&udp, on_alloc, on_recv))
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
