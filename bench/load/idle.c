/* bench/load/idle.c - many connections that have each sent one message, and then are silent.
 *
 * The messages go out a hundred at a time, so that the server never holds more than a few at once.
 */
#include <stdio.h>

#include "conn.h"

enum {
    WINDOW = 100
};

static void exchange(struct conns *s, int from, int to)
{
    struct epoll_event events[WINDOW];
    int missing = to - from;

    for (int i = from; i < to; i++)
        conn_send(s, &s->all[i], 1);
    while (missing > 0) {
        int n = conns_wait(s, events, WINDOW, 10 * 1000000000LL);

        if (n == 0)
            load_die("no reply");
        for (int i = 0; i < n; i++)
            missing -= (int)conn_read(s, events[i].data.ptr);
    }
}

void load_idle(const struct load *load, struct result *result)
{
    struct conns conns;

    (void)result;
    conns_init(&conns, load);
    for (int i = 0; i < conns.count; i += WINDOW)
        exchange(&conns, i, i + WINDOW < conns.count ? i + WINDOW : conns.count);
    printf("{\"ready\":%d}\n", conns.count);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    conns_fini(&conns);
}
