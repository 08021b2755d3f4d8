/* handover.c - a server that is replaced by a newer one while its connections live on.
 *
 *   cc -o handover handover.c $(pkg-config --cflags --libs weir)
 *   ./handover tcp://127.0.0.1:7012 unix:///tmp/handover.sock &
 *   nc 127.0.0.1 7012                                        (numbers the lines that you write)
 *   ./handover tcp://127.0.0.1:7012 unix:///tmp/handover.sock        (in another shell)
 *
 * The second address is where a server waits for its successor. The one that is started second
 * finds the first there, and gets its listener, then each connection: with the part of a line that
 * had come, and with the number of the last line as a note. The first ends; nobody was disconnected
 * and no connection was refused.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <weir.h>

static struct {
    const char *address, *control_address;
    weir_listener listener, control;
    weir_stream successor;
    weir_mutex sending;
    bool handing;
} server;

static int hand_over(weir_stream peer, const char *part, size_t len, uint32_t number)
{
    struct weir_handover_options options = {
        .unread = part, .unread_len = len, .note = &number, .note_len = sizeof number};
    weir_block shield;
    int rc = weir_shield_begin(&shield, WEIR_SECONDS(5));

    if (rc < 0)
        return rc;
    rc = weir_mutex_lock(&server.sending);
    if (rc == 0) {
        rc = weir_handover_send(server.successor, peer, &options);
        weir_mutex_unlock(&server.sending);
    }
    weir_block_end(&shield);
    return rc;
}

/* Numbers lines until the peer ends, or it is time to hand over. */
static int number_lines(weir_stream peer, uint32_t number)
{
    char text[512], answer[600];
    size_t len = 0;
    ptrdiff_t n;

    while ((n = weir_read(peer, text + len, sizeof text - len)) > 0) {
        const char *end;
        int rc = 0;

        len += (size_t)n;
        while (rc == 0 && (end = memchr(text, '\n', len))) {
            size_t used = (size_t)(end - text) + 1;
            int size = snprintf(answer, sizeof answer, "%u %.*s", ++number, (int)used, text);

            rc = weir_write_all(peer, answer, (size_t)size);
            len -= used;
            memmove(text, text + used, len);
        }
        if (rc < 0 || len == sizeof text)
            return rc;
    }
    if (n == WEIR_ECANCELED && server.handing)
        return hand_over(peer, text, len, number);
    return (int)n;
}

static int begin(weir_stream peer, void *arg)
{
    (void)arg;
    return number_lines(peer, 0);
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.drain_limit_ns = WEIR_MILLISECONDS(1)};

    (void)arg;
    return weir_serve(server.listener, begin, NULL, &options);
}

/* What was taken over goes on in a task of its own. */
struct taken {
    weir_stream peer;
    uint32_t number;
};

static int go_on(void *arg)
{
    struct taken taken = *(struct taken *)arg;

    number_lines(taken.peer, taken.number);
    return weir_close(taken.peer);
}

static int start(weir_scope *scope)
{
    struct weir_listen_options options = {.reuse_port = WEIR_OFF};
    int rc = weir_listen(&server.listener, server.address, &options);

    return rc < 0 ? rc : weir_spawn(scope, serve, NULL);
}

static int take_over(weir_scope *scope, weir_stream old)
{
    static struct weir_handed handed;
    struct taken taken;
    int rc;

    while ((rc = weir_handover_receive(old, &handed)) == 1) {
        if (handed.kind == WEIR_HANDED_LISTENER) {
            server.listener = handed.listener;
            rc = weir_spawn(scope, serve, NULL);
        } else {
            taken.peer = handed.stream;
            memcpy(&taken.number, handed.note, sizeof taken.number);
            rc = weir_spawn_copy(scope, go_on, &taken, sizeof taken);
        }
        if (rc < 0)
            break;
    }
    weir_close(old);
    return rc;
}

static int stop_at_signal(void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM};

    (void)arg;
    weir_signal_wait(signals, 2);
    return weir_listener_close(server.control); /* and so the wait for a successor */
}

static int app(void *arg)
{
    struct weir_listen_options options = {.reuse_port = WEIR_OFF};
    char address[WEIR_ADDRESS_TEXT_MAX];
    struct weir_scope_options all = {.policy = WEIR_SCOPE_ALL};
    weir_scope scope;
    weir_stream old;
    int rc = weir_scope_open_with(&scope, &all);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_dial(&old, server.control_address) == 0 ? take_over(&scope, old) : start(&scope);
    if (rc == 0)
        rc = weir_listen(&server.control, server.control_address, &options);
    if (rc == 0)
        rc = weir_spawn(&scope, stop_at_signal, NULL);
    if (rc == 0) {
        weir_listener_address(server.listener, address, sizeof address);
        printf("listening %s\n", address);
        fflush(stdout);
        server.handing = weir_accept(server.control, &server.successor) == 0;
    }
    weir_listener_close(server.control); /* its place is free for the successor */
    if (server.handing)
        weir_handover_send_listener(server.successor, server.listener,
                                    &(struct weir_handover_options){0});
    weir_listener_close(server.listener);
    weir_scope_cancel(&scope); /* those who read hand over, or end */
    weir_scope_join(&scope);
    weir_close(server.successor);
    return rc;
}

int main(int argc, char **argv)
{
    int rc;

    server.address = argc > 1 ? argv[1] : "tcp://127.0.0.1:7012";
    server.control_address = argc > 2 ? argv[2] : "unix:///tmp/handover.sock";
    rc = weir_run(app, NULL, NULL);
    if (rc < 0)
        fprintf(stderr, "handover: %s\n", weir_strerror(rc));
    return rc < 0;
}
