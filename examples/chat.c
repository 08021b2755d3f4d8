/* chat.c - a chat room: every line goes to all others.
 *
 *   cc -o chat chat.c $(pkg-config --cflags --libs weir)
 *   ./chat tcp://127.0.0.1:7001 &
 *   nc 127.0.0.1 7001        (in two terminals)
 *
 * The room runs on one worker, so its tasks never run at the same time and the list of members
 * needs no lock. But another task may run wherever this one suspends, here in weir_write_all: so
 * the list is walked by index, and a stream is kept as a value, which is harmless after its end. A
 * member that does not take a line within a second is closed; one that another line is just being
 * written to (WEIR_EBUSY) misses this one.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <weir.h>

#define MEMBERS_MAX 64

static struct member {
    weir_stream peer;
    bool here;
} members[MEMBERS_MAX];

static void tell(struct member *member, const char *line, size_t len)
{
    weir_block block;
    int rc = weir_deadline_begin(&block, WEIR_SECONDS(1));

    if (rc < 0)
        return;
    rc = weir_write_all(member->peer, line, len);
    if (weir_block_end(&block))
        weir_close(member->peer);
}

static void tell_others(const struct member *from, const char *line, size_t len)
{
    size_t i;

    for (i = 0; i < MEMBERS_MAX; i++) {
        if (members[i].here && &members[i] != from)
            tell(&members[i], line, len);
    }
}

/* Takes whole lines from the peer until it ends; a line longer than the buffer goes in pieces. */
static int listen_to(const struct member *member)
{
    char text[1024];
    size_t len = 0;

    for (;;) {
        ptrdiff_t n = weir_read(member->peer, text + len, sizeof text - len);
        char *end;

        if (n <= 0)
            return (int)n;
        len += (size_t)n;
        while ((end = memchr(text, '\n', len)) != NULL || len == sizeof text) {
            size_t line = end ? (size_t)(end - text) + 1 : len;

            tell_others(member, text, line);
            len -= line;
            memmove(text, text + line, len);
        }
    }
}

static int join_room(weir_stream peer, void *arg)
{
    static const char full[] = "the room is full\n", hello[] = "welcome\n";
    size_t i;
    int rc;

    (void)arg;
    for (i = 0; i < MEMBERS_MAX && members[i].here; i++)
        continue;
    if (i == MEMBERS_MAX)
        return weir_write_all(peer, full, sizeof full - 1);
    members[i] = (struct member){.peer = peer, .here = true};
    rc = weir_write_all(peer, hello, sizeof hello - 1);
    if (rc == 0)
        rc = listen_to(&members[i]);
    members[i].here = false;
    return rc;
}

static int serve(void *arg)
{
    struct weir_serve_options options = {.idle_limit_ns = WEIR_FOREVER,
                                         .drain_limit_ns = WEIR_MILLISECONDS(100)};

    return weir_serve(*(weir_listener *)arg, join_room, NULL, &options);
}

static int app(void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM};
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    weir_scope scope;
    int rc = weir_listen(&listener, arg, NULL);

    if (rc < 0)
        return rc;
    weir_listener_address(listener, address, sizeof address);
    printf("listening %s\n", address);
    fflush(stdout);
    weir_scope_open(&scope);
    rc = weir_spawn(&scope, serve, &listener);
    if (rc == 0)
        weir_signal_wait(signals, 2);
    weir_listener_close(listener);
    return weir_scope_join(&scope);
}

int main(int argc, char **argv)
{
    struct weir_runtime_options one = {.workers = 1};
    int rc = weir_run(app, argc > 1 ? argv[1] : "tcp://127.0.0.1:7001", &one);

    if (rc < 0)
        fprintf(stderr, "chat: %s\n", weir_strerror(rc));
    return rc < 0;
}
