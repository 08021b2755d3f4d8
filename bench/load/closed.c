/* bench/load/closed.c - closed loop: a connection sends the next message when a reply has come. */
#include <stdlib.h>

#include "conn.h"

enum {
    EVENTS = 1024
};

struct closed {
    const struct load *load;
    struct result *result;
    struct conns conns;
    uint64_t *begun_ns; /* by connection and message modulo in_flight: when it was sent */
    bool counting;
};

static uint64_t *begun(struct closed *w, const struct conn *c, uint64_t message)
{
    size_t in_flight = (size_t)w->load->in_flight;

    return &w->begun_ns[(size_t)(c - w->conns.all) * in_flight + message % in_flight];
}

static void on_ready(struct closed *w, struct conn *c)
{
    uint64_t first = c->replies, count = conn_read(&w->conns, c), now = usage_now();

    for (uint64_t i = 0; i < count; i++) {
        uint64_t *at = begun(w, c, first + i);

        if (w->counting)
            histogram_add(&w->result->latency, now - *at);
        *at = now; /* the message that takes its place is sent now */
    }
    if (w->counting)
        w->result->messages += count;
    if (count)
        conn_send(&w->conns, c, count);
    else
        conn_flush(&w->conns, c);
}

static void start(struct closed *w)
{
    for (int i = 0; i < w->conns.count; i++) {
        struct conn *c = &w->conns.all[i];
        uint64_t now = usage_now();

        for (int j = 0; j < w->load->in_flight; j++)
            *begun(w, c, (uint64_t)j) = now;
        conn_send(&w->conns, c, (uint64_t)w->load->in_flight);
    }
}

static void run_until(struct closed *w, uint64_t end_ns)
{
    static struct epoll_event events[EVENTS];
    uint64_t now;

    while ((now = usage_now()) < end_ns) {
        int n = conns_wait(&w->conns, events, EVENTS, w->load->spin ? 0 : (int64_t)(end_ns - now));

        for (int i = 0; i < n; i++)
            on_ready(w, events[i].data.ptr);
    }
}

void load_closed(const struct load *load, struct result *result)
{
    struct closed w = {.load = load, .result = result};
    struct usage before, after;

    conns_init(&w.conns, load);
    w.begun_ns = calloc((size_t)load->connections * (size_t)load->in_flight, sizeof(*w.begun_ns));
    if (!w.begun_ns)
        load_die("calloc");
    start(&w);
    run_until(&w, usage_now() + (uint64_t)(load->warmup_s * 1e9));
    usage_read(&before, load->pids, load->pid_count);
    w.counting = true;
    run_until(&w, before.at_ns + (uint64_t)(load->seconds * 1e9));
    usage_read(&after, load->pids, load->pid_count);
    usage_between(&result->usage, &before, &after);
    conns_fini(&w.conns);
    free(w.begun_ns);
}
