/* lookup.c - calls that block, on threads that are there for it.
 *
 *   cc -o lookup lookup.c $(pkg-config --cflags --libs weir)
 *   ./lookup tcp://127.0.0.1:7006 &
 *   echo localhost | nc 127.0.0.1 7006
 *
 * A client sends a name and reads its addresses. getaddrinfo blocks its thread, for as long as the
 * network likes; so it runs in the pool, in the class for names, and no other client waits for it.
 * All that it reads and writes is in memory of its own: a client that has waited for two seconds is
 * told so, and the job, which nobody can stop, releases that memory when it is done.
 */
#define _POSIX_C_SOURCE 200809L

#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

struct lookup {
    char name[256];
    struct addrinfo *found;
};

static int look_up(void *arg) /* on a thread of the pool */
{
    struct lookup *lookup = arg;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};

    return getaddrinfo(lookup->name, NULL, &wanted, &lookup->found) == 0 ? 0 : WEIR_ENAME;
}

static void destroy(void *arg)
{
    struct lookup *lookup = arg;

    if (lookup->found)
        freeaddrinfo(lookup->found);
    free(lookup);
}

static int tell(weir_stream client, const struct lookup *lookup)
{
    const struct addrinfo *at;
    char line[128];
    int rc = 0;

    for (at = lookup->found; at && rc == 0; at = at->ai_next) {
        if (getnameinfo(at->ai_addr, at->ai_addrlen, line, sizeof line - 1, NULL, 0,
                        NI_NUMERICHOST))
            continue;
        strcat(line, "\n");
        rc = weir_write_all(client, line, strlen(line));
    }
    return rc;
}

/* Takes `lookup`. */
static int answer(weir_stream client, struct lookup *lookup)
{
    weir_block block;
    bool left = false;
    int rc = weir_deadline_begin(&block, WEIR_SECONDS(2));

    if (rc == 0) {
        rc = weir_blocking_owned(WEIR_BLOCKING_NAMES, look_up, lookup, destroy, &left);
        weir_block_end(&block);
    }
    if (rc == 0)
        rc = tell(client, lookup);
    else if (rc == WEIR_EDEADLINE)
        rc = weir_write_all(client, "too slow\n", 9);
    else if (rc == WEIR_ENAME)
        rc = weir_write_all(client, "not known\n", 10);
    if (!left)
        destroy(lookup);
    return rc;
}

static int serve_client(weir_stream client, void *arg)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    size_t len = 0;
    ptrdiff_t n = 1;

    (void)arg;
    while (lookup && n > 0 && len < sizeof lookup->name - 1 && !strchr(lookup->name, '\n')) {
        n = weir_read(client, lookup->name + len, sizeof lookup->name - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (!lookup || n < 0 || len == 0) {
        free(lookup);
        return n < 0 ? (int)n : 0;
    }
    lookup->name[strcspn(lookup->name, "\r\n")] = 0;
    return answer(client, lookup);
}

static int serve(void *arg)
{
    return weir_serve(*(weir_listener *)arg, serve_client, NULL, NULL);
}

static int app(void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM};
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    weir_scope scope;
    int rc = weir_listen(&listener, arg, NULL);

    if (rc < 0)
        return rc;
    weir_listener_address(listener, text, sizeof text);
    printf("listening %s\n", text);
    fflush(stdout);
    weir_scope_open(&scope);
    rc = weir_spawn(&scope, serve, &listener);
    if (rc == 0)
        weir_signal_wait(signals, 2);
    weir_listener_close(listener); /* the server drains, and ends */
    return weir_scope_join(&scope);
}

int main(int argc, char **argv)
{
    int rc = weir_run(app, argc > 1 ? argv[1] : "tcp://127.0.0.1:7006", NULL);

    if (rc < 0)
        fprintf(stderr, "lookup: %s\n", weir_strerror(rc));
    return rc < 0;
}
