/* bench/weir/chan_micro.c - what messages cost, in the shapes of Tokio's own benchmarks; one line
 * of JSON, in nanoseconds a message.
 *
 * uncontended: one task sends 5,000 values into a channel and then takes them out. producers: five
 * tasks send 1,000 each to one that takes them, with room for all (1,000,000). full: the same with
 * room for 100. batch: the same as `producers`, taken in batches of up to 100. ping_pong: 1,000
 * pairs of tasks that exchange two oneshots each, spawns included; for each pair. watch: 100 tasks
 * see each of 100 values; for each value seen. broadcast: ten tasks hear each of 1,000 values; for
 * each value heard. The best of 60 repetitions is printed. Argument: the workers.
 */
#include "micro.h"

#include <weir/chan.h>
#include <weir/runtime.h>
#include <weir/scope.h>

enum {
    MESSAGES = 1000,
    PRODUCERS = 5,
    BATCH = 100,
    PAIRS = 1000,
    WATCHERS = 100,
    VERSIONS = 100,
    LISTENERS = 10,
    REPEATS = 60
};

/* ---- channels ---- */

static double uncontended_ns(void)
{
    uint64_t begun = weir_now_ns(), i, value;
    weir_chan chan;
    double ns;

    check(weir_chan_create(&chan, sizeof i, 1000000));
    for (i = 0; i < PRODUCERS * MESSAGES; i++)
        check(weir_chan_send(chan, &i));
    for (i = 0; i < PRODUCERS * MESSAGES; i++)
        check(weir_chan_recv(chan, &value));
    ns = each(begun, PRODUCERS * MESSAGES);
    weir_chan_destroy(chan);
    return ns;
}

static int produce(void *arg)
{
    weir_chan chan = *(weir_chan *)arg;
    uint64_t i;

    for (i = 0; i < MESSAGES; i++)
        check(weir_chan_send(chan, &i));
    return 0;
}

static double producers_ns(uint32_t capacity, size_t batch)
{
    uint64_t begun = weir_now_ns(), values[BATCH];
    int left = PRODUCERS * MESSAGES, i;
    weir_scope scope;
    weir_chan chan;
    double ns;

    check(weir_chan_create(&chan, sizeof values[0], capacity));
    check(weir_scope_open(&scope));
    for (i = 0; i < PRODUCERS; i++)
        check(weir_spawn(&scope, produce, &chan));
    while (left > 0 && batch == 1) {
        check(weir_chan_recv(chan, values));
        left--;
    }
    while (left > 0) {
        int n = weir_chan_recv_many(chan, values, batch);

        check(n);
        left -= n;
    }
    check(weir_scope_join(&scope));
    ns = each(begun, PRODUCERS * MESSAGES);
    weir_chan_destroy(chan);
    return ns;
}

/* ---- oneshots ---- */

struct pair {
    weir_oneshot there, back;
    weir_scope *scope;
};

static int pong(void *arg)
{
    const struct pair *pair = arg;
    char byte;

    check(weir_oneshot_recv(pair->there, &byte));
    check(weir_oneshot_send(pair->back, &byte));
    return 0;
}

static int ping(void *arg)
{
    struct pair pair = {.scope = arg};
    char byte = 1;

    check(weir_oneshot_create(&pair.there, 1));
    check(weir_oneshot_create(&pair.back, 1));
    check(weir_spawn_copy(pair.scope, pong, &pair, sizeof pair));
    check(weir_oneshot_send(pair.there, &byte));
    check(weir_oneshot_recv(pair.back, &byte));
    return 0;
}

static double ping_pong_ns(void)
{
    uint64_t begun = weir_now_ns();
    weir_scope scope;
    int i;

    check(weir_scope_open(&scope));
    for (i = 0; i < PAIRS; i++)
        check(weir_spawn(&scope, ping, &scope));
    check(weir_scope_join(&scope));
    return each(begun, PAIRS);
}

/* ---- watches ---- */

struct tower {
    weir_watch watch;
    weir_chan seen; /* a value each time that all have seen one */
    int left;
};

static void note_seen(struct tower *tower)
{
    char byte = 0;

    if (__atomic_sub_fetch(&tower->left, 1, __ATOMIC_SEQ_CST) == 0)
        check(weir_chan_send(tower->seen, &byte));
}

static int look(void *arg)
{
    struct tower *tower = arg;
    uint64_t version = 1;
    int value;

    do {
        check(weir_watch_changed(tower->watch, &value, &version));
        note_seen(tower);
    } while (value < VERSIONS);
    return 0;
}

static double watch_ns(void)
{
    struct tower tower = {.left = 0};
    uint64_t begun = weir_now_ns();
    weir_scope scope;
    int value = 0;
    char byte;
    double ns;

    check(weir_watch_create(&tower.watch, sizeof value, &value));
    check(weir_chan_create(&tower.seen, 1, 1));
    check(weir_scope_open(&scope));
    for (int i = 0; i < WATCHERS; i++)
        check(weir_spawn(&scope, look, &tower));
    while (value++ < VERSIONS) {
        tower.left = WATCHERS;
        check(weir_watch_set(tower.watch, &value));
        check(weir_chan_recv(tower.seen, &byte));
    }
    check(weir_scope_join(&scope));
    ns = each(begun, WATCHERS * VERSIONS);
    weir_watch_destroy(tower.watch);
    weir_chan_destroy(tower.seen);
    return ns;
}

/* ---- broadcasts ---- */

struct hall {
    weir_listening from;
};

static int hear(void *arg)
{
    weir_listening listening = ((struct hall *)arg)->from;
    uint64_t value;

    while (weir_broadcast_recv(&listening, &value) >= 0) {
    }
    return 0;
}

static double broadcast_ns(void)
{
    uint64_t begun = weir_now_ns(), i;
    weir_broadcast broadcast;
    weir_scope scope;
    struct hall hall;
    double ns;

    check(weir_broadcast_create(&broadcast, sizeof i, MESSAGES));
    check(weir_broadcast_listen(broadcast, &hall.from));
    check(weir_scope_open(&scope));
    for (i = 0; i < LISTENERS; i++)
        check(weir_spawn(&scope, hear, &hall));
    for (i = 0; i < MESSAGES; i++) {
        check(weir_broadcast_send(broadcast, &i));
        if (i % BATCH == 0)
            check(weir_yield());
    }
    check(weir_broadcast_close(broadcast, WEIR_EEOF));
    check(weir_scope_join(&scope));
    ns = each(begun, LISTENERS * MESSAGES);
    weir_broadcast_destroy(broadcast);
    return ns;
}

/* ---- all ---- */

static int all(void *arg)
{
    (void)arg;
    for (int i = 0; i < REPEATS; i++)
        keep("uncontended_ns", uncontended_ns());
    for (int i = 0; i < REPEATS; i++)
        keep("producers_ns", producers_ns(1000000, 1));
    for (int i = 0; i < REPEATS; i++)
        keep("full_ns", producers_ns(100, 1));
    for (int i = 0; i < REPEATS; i++)
        keep("batch_ns", producers_ns(1000000, BATCH));
    for (int i = 0; i < REPEATS; i++)
        keep("ping_pong_ns", ping_pong_ns());
    for (int i = 0; i < REPEATS; i++)
        keep("watch_ns", watch_ns());
    for (int i = 0; i < REPEATS; i++)
        keep("broadcast_ns", broadcast_ns());
    return 0;
}

int main(int argc, char **argv)
{
    struct weir_runtime_options options = {.workers = argument(argc, argv, 1, 1)};

    check(weir_run(all, NULL, &options));
    print_figures();
    return 0;
}
