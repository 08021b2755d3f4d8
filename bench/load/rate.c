/* bench/load/rate.c - fixed rate: message i is due at start + i / rate, on connection i modulo C.
 *
 * The schedule does not wait for the server. A message whose connection still owes a reply is sent
 * all the same, and its latency counts from when it was due, so that a server that stalls pays for
 * every message that fell due meanwhile (no coordinated omission). When the time is over the
 * replies under way are awaited for a second at most; what is missing then is reported as lost.
 */
#include "conn.h"

enum {
    EVENTS = 1024
};

struct schedule {
    const struct load *load;
    struct result *result;
    struct conns conns;
    uint64_t start_ns, count_from_ns;
    uint64_t next;     /* the message that is due next */
    uint64_t answered; /* of all */
    bool counting;
};

static uint64_t due_ns(const struct schedule *s, uint64_t message)
{
    return s->start_ns + (uint64_t)((double)message * (1e9 / s->load->rate));
}

static void send_due(struct schedule *s, uint64_t now)
{
    while (due_ns(s, s->next) <= now) {
        conn_send(&s->conns, &s->conns.all[s->next % (uint64_t)s->conns.count], 1);
        s->next++;
    }
}

static void on_ready(struct schedule *s, struct conn *c)
{
    uint64_t reply = c->replies, now;
    uint64_t count = conn_read(&s->conns, c);

    now = usage_now();
    s->answered += count;
    if (s->counting)
        s->result->messages += count;
    for (; count > 0; count--, reply++) {
        uint64_t message = reply * (uint64_t)s->conns.count + (uint64_t)(c - s->conns.all);
        uint64_t due = due_ns(s, message);

        if (due >= s->count_from_ns)
            histogram_add(&s->result->latency, now - due);
    }
    conn_flush(&s->conns, c);
}

static int64_t wait_ns(const struct schedule *s, uint64_t end_ns, uint64_t now, bool sending)
{
    uint64_t until = sending && due_ns(s, s->next) < end_ns ? due_ns(s, s->next) : end_ns;

    return s->load->spin || until <= now ? 0 : (int64_t)(until - now);
}

static void run_until(struct schedule *s, uint64_t end_ns, bool sending)
{
    static struct epoll_event events[EVENTS];
    uint64_t now;

    while ((now = usage_now()) < end_ns && (sending || s->answered < s->next)) {
        int n;

        if (sending)
            send_due(s, now);
        n = conns_wait(&s->conns, events, EVENTS, wait_ns(s, end_ns, usage_now(), sending));
        for (int i = 0; i < n; i++)
            on_ready(s, events[i].data.ptr);
    }
}

void load_rate(const struct load *load, struct result *result)
{
    struct schedule s = {.load = load, .result = result, .count_from_ns = UINT64_MAX};
    struct usage before, after;

    conns_init(&s.conns, load);
    s.start_ns = usage_now();
    run_until(&s, s.start_ns + (uint64_t)(load->warmup_s * 1e9), true);
    usage_read(&before, load->pids, load->pid_count);
    s.count_from_ns = before.at_ns;
    s.counting = true;
    run_until(&s, before.at_ns + (uint64_t)(load->seconds * 1e9), true);
    usage_read(&after, load->pids, load->pid_count);
    usage_between(&result->usage, &before, &after);
    s.counting = false;
    run_until(&s, after.at_ns + 1000000000U, false);
    result->lost = s.next - s.answered;
    conns_fini(&s.conns);
}
