/* backend/sim/kernel.c - begin and end, choices, the clock and the events; see core/sim.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weir/time.h>

#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "base/atomic.h"
#include "base/container.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/network.h"
#include "sys/park.h"
#include "sys/sys.h"

#define LOOK_NS       25
#define BEGIN_NS      3600000000000ull       /* of the monotonic clock: an hour after "boot" */
#define BEGIN_WALL_NS 1767225600000000000ull /* 2026-01-01 */

struct kernel {
    uint64_t seed;
    uint64_t choices; /* the state of the generator */
    uint64_t trace;
    struct weir__heap events;
    uint64_t bytes; /* the state of the generator of random bytes, which is apart */
    uint32_t bytes_lock;
};

static uint32_t on;
static uint32_t holders; /* loops without a runtime */
static uint64_t now;     /* partner: weir__sim_move */
static struct kernel kernel;
static const struct weir__here *driver; /* the driving thread; only compared */
static uint64_t look_ns;

/* Guards all but the clock and the random bytes. One thread may take it several times. */
static uint32_t kernel_lock;
static const struct weir__here *owner; /* partner: itself, on the same thread */
static uint32_t depth;

bool weir__sim_on(void)
{
    return WEIR_ATOMIC_LOAD(&on, SEQ_CST);
}

uint64_t weir__sim_seed(void)
{
    return WEIR_ATOMIC_LOAD(&kernel.seed, RELAXED);
}

/* ---- choices ---- */

/* A Weyl sequence, scrambled by multiplications and shifts until every bit depends on all. */
uint64_t weir__sim_scramble(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
    return x ^ x >> 32;
}

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    return weir__sim_scramble(*state);
}

uint64_t weir__sim_trace(void)
{
    return WEIR_ATOMIC_LOAD(&kernel.trace, RELAXED);
}

void weir__sim_note(uint64_t what)
{
    WEIR__SIM_CALL;
    WEIR_ATOMIC_STORE(&kernel.trace, weir__sim_scramble(kernel.trace ^ what) + 1, RELAXED);
}

uint64_t weir__sim_draw(void)
{
    WEIR__SIM_CALL;
    uint64_t drawn = next_random(&kernel.choices);

    weir__sim_note(drawn);
    return drawn;
}

uint32_t weir__sim_below(uint32_t n)
{
    return (uint32_t)((weir__sim_draw() >> 32) * n >> 32);
}

int64_t weir__sim_between(int64_t low, int64_t high)
{
    uint64_t range = (uint64_t)(high - low) + 1;

    return low + (int64_t)(range ? weir__sim_draw() % range : weir__sim_draw());
}

static int random_bytes(void *bytes, size_t size)
{
    unsigned char *at = bytes;
    size_t i;

    weir__lock(&kernel.bytes_lock);
    for (i = 0; i < size; i++)
        at[i] = (unsigned char)(next_random(&kernel.bytes) >> 56);
    weir__unlock(&kernel.bytes_lock);
    return 0;
}

/* ---- time ---- */

/* Of the driving thread each look takes a little time, so that code that waits for a moment without
 * suspending sees it come. */
static uint64_t now_ns(void)
{
    if (weir__here() == WEIR_ATOMIC_LOAD(&driver, RELAXED))
        WEIR_ATOMIC_STORE(&now, now + look_ns, RELEASE);
    return WEIR_ATOMIC_LOAD(&now, ACQUIRE);
}

static uint64_t wall_ns(void)
{
    return WEIR_ATOMIC_LOAD(&now, ACQUIRE) - BEGIN_NS + BEGIN_WALL_NS;
}

/* Threads are real. */
static const struct weir__sys table = {
    .now_ns = now_ns,
    .wall_ns = wall_ns,
    .random = random_bytes,
    .thread_start = weir__thread_start,
    .thread_join = weir__thread_join,
    .thread_signal = weir__thread_signal,
    .park = weir__park,
    .unpark = weir__unpark,
};

static struct weir__sim_event *event_of(struct weir__heap_node *node)
{
    return WEIR_CONTAINER_OF(node, struct weir__sim_event, node);
}

static bool earlier(const struct weir__heap_node *a, const struct weir__heap_node *b)
{
    const struct weir__sim_event *x = WEIR_CONTAINER_OF(a, const struct weir__sim_event, node);
    const struct weir__sim_event *y = WEIR_CONTAINER_OF(b, const struct weir__sim_event, node);

    return x->at_ns != y->at_ns ? x->at_ns < y->at_ns : x->order < y->order;
}

void weir__sim_schedule(struct weir__sim_event *event, uint64_t at_ns)
{
    WEIR__SIM_CALL;
    weir__sim_unschedule(event);
    event->at_ns = at_ns;
    event->order = weir__sim_draw();
    weir__heap_insert(&kernel.events, &event->node, earlier);
}

void weir__sim_unschedule(struct weir__sim_event *event)
{
    WEIR__SIM_CALL;
    if (weir__sim_scheduled(event))
        weir__heap_remove(&kernel.events, &event->node, earlier);
}

uint64_t weir__sim_next_ns(void)
{
    WEIR__SIM_CALL;
    return kernel.events.root ? event_of(kernel.events.root)->at_ns : UINT64_MAX;
}

void weir__sim_move(uint64_t to_ns)
{
    if (to_ns <= now)
        return;
    weir__sim_note(to_ns);
    WEIR_ATOMIC_STORE(&now, to_ns, RELEASE);
}

static struct weir__sim_event *take_due(void)
{
    struct weir__heap_node *root = kernel.events.root;

    if (!root || event_of(root)->at_ns > now)
        return NULL;
    weir__heap_remove(&kernel.events, root, earlier);
    return event_of(root);
}

/* Fires one: what it is about cannot be released between its turn and its function, which may
 * release it. */
static bool fire_one(void)
{
    uint32_t was = weir__sim_enter();
    struct weir__sim_event *event = take_due();
    bool is_outside = event && event->is_outside;

    if (event && !is_outside)
        event->fire(event);
    weir__sim_leave(&was);
    if (is_outside)
        event->fire(event);
    return event;
}

void weir__sim_fire(void)
{
    while (fire_one()) {
    }
}

/* ---- threads ---- */

void weir__sim_drive(bool looks_take_time)
{
    WEIR_ATOMIC_STORE(&driver, weir__here(), RELAXED);
    look_ns = looks_take_time ? LOOK_NS : 0;
}

uint32_t weir__sim_enter(void)
{
    const struct weir__here *self = weir__here();

    if (WEIR_ATOMIC_LOAD(&owner, RELAXED) != self) {
        weir__lock(&kernel_lock);
        WEIR_ATOMIC_STORE(&owner, self, RELAXED);
    }
    return depth++;
}

void weir__sim_leave(const uint32_t *was)
{
    bool wakes = *was == 0 && owner != WEIR_ATOMIC_LOAD(&driver, RELAXED);

    depth = *was;
    if (depth)
        return;
    WEIR_ATOMIC_STORE(&owner, NULL, RELAXED);
    weir__unlock(&kernel_lock);
    if (wakes)
        weir__sim_wake();
}

/* ---- begin and end ---- */

uint64_t weir__sim_new_seed(void)
{
    uint64_t seed = 0;

    while (seed == 0 && weir__sys_real.random(&seed, sizeof seed) == 0)
        seed >>= 1; /* shorter to type, and never negative */
    return seed ? seed : weir__sys_real.now_ns();
}

int weir__sim_begin(uint64_t seed)
{
    uint32_t off = 0;
    int rc;

    if (!WEIR_ATOMIC_CAS(&on, &off, 1, SEQ_CST))
        return WEIR_EBUSY;
    memset(&kernel, 0, sizeof kernel);
    WEIR_ATOMIC_STORE(&kernel.seed, seed ? seed : weir__sim_new_seed(), RELAXED);
    kernel.choices = weir__sim_scramble(kernel.seed);
    kernel.bytes = weir__sim_scramble(kernel.choices);
    WEIR_ATOMIC_STORE(&now, BEGIN_NS, RELEASE);
    WEIR_ATOMIC_STORE(&driver, NULL, RELAXED); /* until somebody drives */
    weir__list_init(&weir__sim_sockets);
    weir__list_init(&weir__sim_connections);
    weir__sim_datagrams_init();
    rc = weir__sim_hosts_init();
    if (rc == 0)
        rc = weir__sim_outside_init();
    if (rc < 0) {
        weir__sim_hosts_fini();
        WEIR_ATOMIC_STORE(&on, 0, SEQ_CST);
        return rc;
    }
    WEIR_ATOMIC_STORE(&weir__sys, &table, RELAXED);
    weir__network = &weir__sim_network;
    weir__network_on = true;
    return 0;
}

void weir__sim_end(void)
{
    weir__sim_disks_fini();
    weir__sim_sockets_fini();
    weir__sim_wire_fini();
    weir__sim_datagrams_fini();
    weir__sim_hosts_fini();
    weir__sim_outside_fini();
    weir__network_on = false;
    WEIR_ATOMIC_STORE(&weir__sys, &weir__sys_real, RELAXED);
    WEIR_ATOMIC_STORE(&on, 0, SEQ_CST);
}

int weir__sim_hold(void)
{
    const char *text = getenv("WEIR_SEED");
    int rc = 0;

    if (!weir__sim_on())
        rc = weir__sim_begin(text ? strtoull(text, NULL, 10) : 0);
    else if (!holders)
        return 0; /* a runtime's: it ends it */
    if (rc == 0)
        weir__sim_drive(true);
    holders += rc == 0;
    return rc;
}

void weir__sim_release(void)
{
    if (holders && --holders == 0)
        weir__sim_end();
}
