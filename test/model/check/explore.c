/* test/model/check/explore.c - the search for all runs of a model; see check.h.
 *
 * A step is one atomic access, park, unpark or wait for a change, with what the thread then does
 * for itself. Each thread stands before its next step; the search chooses a thread, and for a load
 * what it returns. It is depth first: a run is begun anew, follows the choices of the one before up
 * to the last that has an alternative, and takes that.
 *
 * Which alternatives: dynamic partial-order reduction (Flanagan and Godefroid, 2005) with sleep
 * sets. Two steps depend on each other if they are on the same address and a store is among them.
 * But a load that comes after a store returns, as one of its choices, what it would have returned
 * before; so only for a load that came first the other order is tried, and then it must return
 * something newer (`fresh`). Sequentially consistent loads are not treated so: their order with all
 * stores matters. `runs` is the clock of that order: which steps come before another one whatever
 * the schedule. test/model/litmus.c compares with a search without any of this.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#include "base/assert.h"
#include "task/context.h"

enum {
    STACK_SIZE = 256 * 1024,
    RUNS_MAX = 20 * 1000 * 1000,
    CHOICES_MAX = 64,
    WATCHED_MAX = 4096,
    SHOWN_MAX = 160
};

enum kind {
    STEP_ACCESS,
    STEP_PARK,
    STEP_UNPARK,
    STEP_CHANGE, /* waits until the location has another value than the thread last saw there */
    STEP_WOKEN   /* is parked; enabled when it has been woken */
};

struct step {
    enum kind kind;
    struct weir__model_site *site;
    enum weir__model_order order;
    const volatile void *at;
    uint32_t size;
    uint64_t value;
    uint64_t expected; /* of a compare-and-swap */
    uint32_t count;    /* of an unpark */
    uint64_t result;
    bool swapped;
};

struct thread {
    struct weir__context context;
    bool ended, woken, early;
    struct step step;
    const volatile void *last_at; /* of its last access */
    uint32_t last_size;
    uint16_t last_seen;
    struct clock runs;
    struct clock woken_by;
    uint16_t fresh;
};

/* One place in the tree of choices. */
struct node {
    uint8_t thread;
    uint8_t enabled, wanted, done, asleep; /* sets of threads */
    uint16_t choice, choices;
};

/* What has been run: for races with what follows. */
struct event {
    int thread;
    struct step step;
    uint32_t location;
    bool stored, ordered;
    struct clock runs;
    uint16_t index; /* read or stored */
};

static struct thread threads[MODEL_THREADS_MAX];
static unsigned char stacks[MODEL_THREADS_MAX][STACK_SIZE] __attribute__((aligned(64)));
static struct weir__context searching;
static int running = -1;
static const struct model *model;
static const struct model_mutation *mutation;
static uint32_t exploration; /* numbers them, for the sites */
static bool whole_search;
static struct node nodes[STEPS_MAX];
static uint32_t known; /* nodes that stand from the run before */
static struct event events[STEPS_MAX];
static uint32_t depth;
static uint8_t asleep;
static uint32_t early_parks;
bool model_exploring;
static jmp_buf outside;
static char broken[256];

/* ---- for the threads of a model ---- */

int model_thread(void)
{
    return running;
}

int model_actor(void)
{
    return running < 0 ? WORLD : running;
}

void model_broken(const char *text, const char *file, int line)
{
    const char *name = strrchr(file, '/');

    snprintf(broken, sizeof broken, "%s:%d: %s", name ? name + 1 : file, line, text);
    if (running >= 0) {
        struct thread *thread = &threads[running];

        weir__context_switch_final(&thread->context, &searching);
    }
    longjmp(outside, 1);
}

_Noreturn void weir__assert_failed(const char *text, const char *file, int line)
{
    model_broken(text, file, line);
}

static void mutate(struct weir__model_site *site)
{
    if (site->run == exploration)
        return;
    site->run = exploration;
    site->mutated = mutation
                    && (!mutation->function || strcmp(site->function, mutation->function) == 0)
                    && (!mutation->pointer || strcmp(site->pointer, mutation->pointer) == 0)
                    && (!mutation->kind || mutation->kind == (int)site->kind + 1);
}

static uint64_t truncated(uint64_t value, uint32_t size)
{
    return size == 8 ? value : value & ((1ull << 8 * size) - 1);
}

/* What a read-modify-write stores. */
static uint64_t changed(const struct step *step, uint64_t seen)
{
    uint64_t value = step->value;

    switch (step->site->kind) {
    case WEIR__MODEL_ADD:
        value = seen + step->value;
        break;
    case WEIR__MODEL_SUB:
        value = seen - step->value;
        break;
    case WEIR__MODEL_OR:
        value = seen | step->value;
        break;
    case WEIR__MODEL_AND:
        value = seen & step->value;
        break;
    case WEIR__MODEL_LOAD:
    case WEIR__MODEL_STORE:
    case WEIR__MODEL_EXCHANGE:
    case WEIR__MODEL_CAS:
        break;
    }
    return truncated(value, step->size);
}

static void apply(struct step *step, int actor, uint16_t choice, struct event *event);

/* Hands the step to the search, which runs it and comes back; in begin and end it is run here. */
static void take_step(struct step *step)
{
    if (!model_exploring)
        longjmp(outside, 1);
    if (running < 0) {
        struct event event;

        apply(step, WORLD, 0, &event);
        model_clocks[WORLD].at[WORLD]++;
        return;
    }
    threads[running].step = *step;
    weir__context_switch(&threads[running].context, &searching);
    *step = threads[running].step;
}

static struct step access_step(struct weir__model_site *site, const volatile void *at,
                               uint32_t size, uint64_t value)
{
    return (struct step){.kind = STEP_ACCESS,
                         .site = site,
                         .order = site->order,
                         .at = at,
                         .size = size,
                         .value = truncated(value, size)};
}

static uint64_t blind_value(void)
{
    return mutation->variable ? *mutation->variable : mutation->value;
}

static bool blinded(struct weir__model_site *site)
{
    mutate(site);
    return site->mutated && mutation->blind;
}

uint64_t weir__model_access(struct weir__model_site *site, const volatile void *at, uint32_t size,
                            uint64_t value)
{
    struct step step = access_step(site, at, size, value);

    if (!model_exploring) {
        uint64_t seen = model_value(at, size);

        if (site->kind != WEIR__MODEL_LOAD) {
            value = changed(&step, seen);
            memcpy((void *)(uintptr_t)at, &value, size);
        }
        return seen;
    }
    if (blinded(site))
        return blind_value();
    if (site->mutated)
        step.order = WEIR__MODEL_RELAXED;
    take_step(&step);
    return step.result;
}

bool weir__model_cas(struct weir__model_site *site, const volatile void *at, void *expected,
                     uint32_t size, uint64_t desired)
{
    struct step step = access_step(site, at, size, desired);

    step.expected = model_value(expected, size);
    if (!model_exploring) {
        step.swapped = model_value(at, size) == step.expected;
        if (step.swapped)
            memcpy((void *)(uintptr_t)at, &desired, size);
        return step.swapped;
    }
    if (blinded(site))
        return blind_value();
    if (site->mutated)
        step.order = WEIR__MODEL_RELAXED;
    take_step(&step);
    if (!step.swapped)
        memcpy(expected, &step.result, size);
    return step.swapped;
}

void weir__model_relax(void)
{
    struct step step = {.kind = STEP_CHANGE};

    if (running < 0)
        return;
    step.at = threads[running].last_at;
    step.size = threads[running].last_size;
    take_step(&step);
}

int model_park(uint32_t *word, uint32_t expected)
{
    struct step step = {.kind = STEP_PARK, .at = word, .size = 4, .value = expected};

    if (running < 0)
        model_broken("nothing parks before or after the threads", __FILE__, __LINE__);
    take_step(&step);
    if (step.swapped) { /* parked */
        step.kind = STEP_WOKEN;
        take_step(&step);
    }
    return 0;
}

void model_unpark(uint32_t *word, uint32_t count)
{
    struct step step = {.kind = STEP_UNPARK, .at = word, .size = 4, .count = count};

    take_step(&step);
}

/* ---- running a step ---- */

static bool may_store(const struct step *step)
{
    return step->kind == STEP_ACCESS && step->site->kind != WEIR__MODEL_LOAD;
}

/* The messages that the step may read: how many, in `out`, the newest first. */
static uint16_t readable(const struct step *step, int actor, uint16_t *out)
{
    uint32_t number = model_location(step->at, step->size, actor);
    uint16_t last = model_locations[number].count - 1, oldest, count = 0;
    uint16_t at = last;
    bool load = step->site->kind == WEIR__MODEL_LOAD;

    if (step->site->kind != WEIR__MODEL_LOAD && step->site->kind != WEIR__MODEL_CAS) {
        out[0] = last;
        return 1;
    }
    oldest = model_oldest(number, actor, step->order);
    if (actor != WORLD && oldest < threads[actor].fresh)
        oldest = threads[actor].fresh;
    for (;; at--) {
        if (load || at == last || model_message(number, at)->value != step->expected)
            out[count++] = at;
        if (at == oldest || at == 0 || count == CHOICES_MAX)
            return count;
    }
}

static uint16_t choices_of(const struct step *step, int actor)
{
    uint16_t list[CHOICES_MAX];

    if (step->kind == STEP_PARK)
        return early_parks < model->early_parks && model_value(step->at, 4) == step->value ? 2 : 1;
    return step->kind == STEP_ACCESS ? readable(step, actor, list) : 1;
}

static void apply_access(struct step *step, int actor, uint16_t choice, struct event *event)
{
    uint16_t list[CHOICES_MAX];
    uint32_t number = event->location;
    uint16_t last = model_locations[number].count - 1;
    struct message *from;
    enum weir__model_order order = step->order;

    (void)readable(step, actor, list);
    event->index = list[choice];
    from = model_message(number, list[choice]);
    step->result = from->value;
    step->swapped = step->site->kind == WEIR__MODEL_CAS && list[choice] == last
                    && from->value == step->expected;
    event->stored = may_store(step) && (step->site->kind != WEIR__MODEL_CAS || step->swapped);
    if (step->site->kind == WEIR__MODEL_CAS && !step->swapped && order == WEIR__MODEL_ACQ_REL)
        order = WEIR__MODEL_ACQUIRE;
    model_touch(step->at, step->size, event->stored, true, actor);
    if (step->site->kind != WEIR__MODEL_STORE)
        model_read(number, list[choice], actor, order);
    if (event->stored) {
        struct message *message = model_store(number, changed(step, from->value), actor, order,
                                              step->site->kind == WEIR__MODEL_STORE ? NULL : from);

        message->step = depth;
        event->index = model_locations[number].count - 1;
    }
}

static void apply_unpark(struct step *step, struct event *event)
{
    uint32_t i, count = step->count;

    /* in the order in which they parked: the list of events has it */
    for (i = 0; i < depth && count; i++) {
        struct thread *thread = &threads[events[i].thread];

        if (events[i].step.kind == STEP_PARK && events[i].step.swapped
            && events[i].step.at == step->at && thread->step.kind == STEP_WOKEN && !thread->woken
            && thread->step.at == step->at && !thread->ended && thread->step.count == i) {
            thread->woken = true;
            thread->woken_by = event->runs;
            count--;
        }
    }
}

static void apply(struct step *step, int actor, uint16_t choice, struct event *event)
{
    memset(event, 0, sizeof *event);
    event->thread = actor;
    event->ordered = step->order == WEIR__MODEL_SEQ_CST;
    if (actor != WORLD)
        event->runs = threads[actor].runs;
    if (step->kind != STEP_WOKEN)
        event->location = model_location(step->at, step->size, actor);
    if (step->kind == STEP_ACCESS) {
        apply_access(step, actor, choice, event);
    } else if (step->kind == STEP_PARK) {
        step->swapped = model_value(step->at, 4) == step->value && choice == 0;
        early_parks += choice;
        model_read(event->location, model_locations[event->location].count - 1, actor,
                   WEIR__MODEL_RELAXED);
        step->count = depth;
    } else if (step->kind == STEP_WOKEN) {
        threads[actor].woken = false;
    }
    event->step = *step;
}

/* ---- which steps depend on each other ---- */

static bool is_enabled(const struct thread *thread)
{
    const struct step *step = &thread->step;

    if (thread->ended)
        return false;
    if (step->kind == STEP_WOKEN)
        return thread->woken;
    if (step->kind == STEP_CHANGE)
        return model_locations[model_location(step->at, step->size, 0)].count - 1
               != thread->last_seen;
    return true;
}

/* Whether a step that was run must be tried behind the thread's next one, too. */
static bool conflicts(const struct event *before, const struct step *next)
{
    bool stores = may_store(next), ordered = next->order == WEIR__MODEL_SEQ_CST;

    if (before->step.at != next->at || before->step.kind == STEP_WOKEN || next->kind == STEP_WOKEN)
        return false;
    if (before->step.kind == STEP_UNPARK)
        return next->kind == STEP_PARK || next->kind == STEP_UNPARK;
    if (before->step.kind == STEP_PARK)
        return stores || next->kind == STEP_PARK || next->kind == STEP_UNPARK;
    if (before->step.kind == STEP_CHANGE)
        return stores;
    if (before->stored)
        return stores || next->kind == STEP_PARK || next->kind == STEP_CHANGE
               || (next->kind == STEP_ACCESS && ordered);
    return stores; /* a load */
}

/* Whether it comes before what the thread does next. */
static bool precedes(const struct event *before, const struct event *now)
{
    const struct step *step = &now->step;
    bool stored = now->stored;

    if (before->step.at != step->at || before->step.kind == STEP_WOKEN || step->kind == STEP_WOKEN)
        return false;
    if (before->step.kind == STEP_UNPARK)
        return step->kind == STEP_PARK || step->kind == STEP_UNPARK;
    if (before->step.kind == STEP_PARK || before->step.kind == STEP_CHANGE)
        return stored
               || (before->step.kind == STEP_PARK
                   && (step->kind == STEP_PARK || step->kind == STEP_UNPARK));
    if (before->stored)
        return stored || step->kind == STEP_PARK || step->kind == STEP_CHANGE
               || before->index <= now->index /* what is read comes after its store */
               || now->ordered;
    return stored && before->ordered;
}

/* Whether one event comes before another one, whatever the schedule. */
static bool before(uint32_t first, const struct event *second)
{
    return second->runs.at[events[first].thread] > first;
}

/* Whether the order of an event and a step matters, whatever the step reads then: a
 * compare-and-swap that has failed may store next time. */
static bool depends(const struct event *first, const struct step *step)
{
    if (first->step.kind == STEP_ACCESS && !first->stored && !may_store(&first->step))
        return conflicts(first, step) && first->ordered;
    return conflicts(first, step);
}

/* The threads that may begin what was run after an event and does not come after it: of those one
 * must be tried in its place. The last is the event that is in a race with it. */
static uint8_t beginners(uint32_t at)
{
    uint8_t found = 0, seen = 0;
    uint32_t i, k;

    for (i = at + 1; i <= depth; i++) {
        bool begins = true;

        if (i < depth && before(at, &events[i]))
            continue;
        for (k = at + 1; k < i && begins; k++)
            begins =
                before(at, &events[k])
                || !(before(k, &events[i]) || (i == depth && depends(&events[k], &events[i].step)));
        if (begins && !(seen & 1u << events[i].thread))
            found |= 1u << events[i].thread;
        seen |= 1u << events[i].thread;
    }
    return found;
}

static void want(uint32_t at)
{
    struct node *node = &nodes[at];
    uint8_t found = beginners(at) & node->enabled;

    if (found & (node->wanted | node->asleep))
        return;
    node->wanted |= found ? found & -found : node->enabled;
}

/* After a step: before which others it should be tried. `was`: what came before its thread. */
static void look_for_races(const struct event *now, const struct clock *was)
{
    uint32_t i;

    for (i = depth; i-- > 0;) {
        const struct event *event = &events[i];

        if (event->thread != now->thread && was->at[event->thread] <= i
            && conflicts(event, &now->step))
            want(i);
    }
}

/* After it: what it comes after. */
static void order_after(struct event *now)
{
    struct thread *thread = &threads[now->thread];
    uint32_t i;

    if (now->step.kind == STEP_WOKEN)
        model_clock_join(&thread->runs, &thread->woken_by);
    for (i = 0; i < depth; i++) {
        if (events[i].thread != now->thread && precedes(&events[i], now))
            model_clock_join(&thread->runs, &events[i].runs);
    }
    thread->runs.at[now->thread] = depth + 1;
    now->runs = thread->runs;
}

/* A thread that sleeps need not be run: what would come of it has been seen. Until something is
 * run on which its step depends. */
static void wake_sleepers(const struct event *event)
{
    int i;

    for (i = 0; i < MODEL_THREADS_MAX; i++) {
        const struct step *step = &threads[i].step;
        bool wakes;

        if (!(asleep & 1u << i) || i == event->thread)
            continue;
        wakes = conflicts(event, step)
                || (event->stored && step->at == event->step.at && step->kind == STEP_ACCESS);
        if (event->step.kind == STEP_ACCESS && !event->stored && may_store(step) && !event->ordered)
            wakes = false; /* the load may return the same behind the store */
        if (!wakes)
            continue;
        asleep &= (uint8_t) ~(1u << i);
        if (event->stored && step->kind == STEP_ACCESS && step->order != WEIR__MODEL_SEQ_CST
            && (step->site->kind == WEIR__MODEL_LOAD || step->site->kind == WEIR__MODEL_CAS))
            threads[i].fresh = event->index;
    }
    asleep &= (uint8_t) ~(1u << event->thread);
}

/* ---- one run ---- */

static void thread_entry(void *arg)
{
    struct thread *thread = arg;

    model->threads[thread - threads]();
    thread->ended = true;
    weir__context_switch_final(&thread->context, &searching);
}

/* Runs a thread up to its next step. False if it broke something. */
static bool go_on(int number)
{
    running = number;
    weir__context_switch(&searching, &threads[number].context);
    running = -1;
    return !broken[0];
}

static uint8_t enabled_threads(void)
{
    uint8_t enabled = 0;
    int i;

    for (i = 0; i < MODEL_THREADS_MAX; i++) {
        if (is_enabled(&threads[i]))
            enabled |= 1u << i;
    }
    return enabled;
}

/* The next thread of a run; -1 if there is none. Prefers the one that ran last. */
static int choose(void)
{
    struct node *node = &nodes[depth];
    uint8_t enabled = enabled_threads(), open;
    int last = depth ? events[depth - 1].thread : 0;

    if (depth < known)
        return node->thread;
    memset(node, 0, sizeof *node);
    node->enabled = enabled;
    node->asleep = asleep;
    open = enabled & (uint8_t)~asleep;
    if (!open)
        return -1;
    node->thread = (uint8_t)(open & 1u << last ? last : __builtin_ctz(open));
    node->wanted = whole_search ? enabled : 1u << node->thread;
    known = depth + 1;
    return node->thread;
}

static bool step_once(int number)
{
    struct node *node = &nodes[depth];
    struct thread *thread = &threads[number];
    struct event *event = &events[depth];
    struct clock was;

    if (!whole_search)
        asleep |= node->done;
    if (node->choices == 0)
        node->choices = choices_of(&thread->step, number);
    apply(&thread->step, number, node->choice, event);
    was = thread->runs;
    order_after(event);
    if (!whole_search)
        look_for_races(event, &was);
    if (event->step.kind == STEP_UNPARK)
        apply_unpark(&event->step, event);
    wake_sleepers(event);
    thread->fresh = 0;
    if (event->step.kind == STEP_ACCESS) {
        thread->last_at = event->step.at;
        thread->last_size = event->step.size;
        thread->last_seen = event->index;
    }
    model_clocks[number].at[number]++;
    depth++;
    return go_on(number);
}

static void start_threads(void)
{
    int i;

    memset(threads, 0, sizeof threads);
    for (i = 0; i < MODEL_THREADS_MAX; i++) {
        model_learn(i, WORLD);
        threads[i].ended = !model->threads[i];
        if (!threads[i].ended)
            weir__context_make(&threads[i].context, stacks[i], STACK_SIZE, thread_entry,
                               &threads[i]);
    }
    for (i = 0; i < MODEL_THREADS_MAX && !broken[0]; i++) {
        if (!threads[i].ended)
            (void)go_on(i);
    }
}

static void finish_threads(void)
{
    bool all = true;
    int i;

    for (i = 0; i < MODEL_THREADS_MAX; i++) {
        all &= threads[i].ended;
        model_learn(WORLD, i);
    }
    model_clocks[WORLD].at[WORLD]++;
    if (!all && !enabled_threads())
        snprintf(broken, sizeof broken, "threads wait for ever");
}

/* True if the run came to its end. */
static bool run_once(void)
{
    int number = -1, i;

    broken[0] = '\0';
    depth = 0;
    asleep = 0;
    early_parks = 0;
    running = -1;
    model_memory_reset();
    model_current_reset();
    memset(threads, 0, sizeof threads);
    if (setjmp(outside) == 0) {
        if (model->begin)
            model->begin();
        model_exploring = true;
        start_threads();
        while (!broken[0] && (number = choose()) >= 0 && step_once(number)) {
            if (depth == STEPS_MAX - 1)
                snprintf(broken, sizeof broken, "the run does not end");
        }
        if (!broken[0])
            finish_threads();
        for (i = 0; i < MODEL_THREADS_MAX; i++) {
            if (!threads[i].ended)
                break;
        }
        if (!broken[0] && i == MODEL_THREADS_MAX && model->end)
            model->end();
    } else {
        i = 0;
    }
    model_exploring = false;
    return i == MODEL_THREADS_MAX;
}

/* Goes back to the last choice with an alternative. False if there is none left. */
static bool backtrack(void)
{
    while (known > 0) {
        struct node *node = &nodes[known - 1];
        uint8_t open;

        if (++node->choice < node->choices)
            return true;
        node->done |= 1u << node->thread;
        open = node->wanted & (uint8_t) ~(node->done | node->asleep);
        if (open) {
            node->thread = (uint8_t)__builtin_ctz(open);
            node->choice = node->choices = 0;
            return true;
        }
        known--;
    }
    return false;
}

/* ---- the report ---- */

static const char *const kind_names[] = {"load", "store", "exchange", "add",
                                         "sub",  "or",    "and",      "compare-and-swap"};
static const char *const order_names[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};

static void print_event(uint32_t number)
{
    const struct event *event = &events[number];
    const struct step *step = &event->step;

    switch (step->kind) {
    case STEP_ACCESS:
        print_message("%4u %d %-28s %s %s (%s)", number, event->thread, step->site->function,
                      kind_names[step->site->kind], step->site->pointer, order_names[step->order]);
        if (step->site->kind != WEIR__MODEL_STORE)
            print_message(" was %#llx", (unsigned long long)step->result);
        if (step->site->kind == WEIR__MODEL_CAS)
            print_message(step->swapped ? " as expected" : " not %#llx",
                          (unsigned long long)step->expected);
        if (event->stored)
            print_message(", is %#llx", (unsigned long long)changed(step, step->result));
        print_message("\n");
        break;
    case STEP_PARK:
        print_message("%4u %d parks on %p if it is %#llx: %s\n", number, event->thread,
                      (void *)(uintptr_t)step->at, (unsigned long long)step->value,
                      step->swapped ? "sleeps" : "does not");
        break;
    case STEP_UNPARK:
        print_message("%4u %d unparks %u on %p\n", number, event->thread, step->count,
                      (void *)(uintptr_t)step->at);
        break;
    case STEP_CHANGE:
        print_message("%4u %d sees a change\n", number, event->thread);
        break;
    case STEP_WOKEN:
        print_message("%4u %d is awake\n", number, event->thread);
        break;
    }
}

static void report(uint64_t runs)
{
    uint32_t i = depth > SHOWN_MAX ? depth - SHOWN_MAX : 0;
    int thread;

    print_message("model %s, run %llu: %s\n", model->name, (unsigned long long)runs, broken);
    for (; i < depth; i++)
        print_event(i);
    for (thread = 0; thread < MODEL_THREADS_MAX; thread++) {
        if (model->threads[thread])
            print_message("     %d %s\n", thread, threads[thread].ended ? "has ended" : "is there");
    }
}

/* ---- the search ---- */

static uint64_t runs_allowed(void)
{
    const char *more = getenv("WEIR_MODEL_MORE");

    return model->runs_max ? model->runs_max * (more ? (uint64_t)atoi(more) : 1) : RUNS_MAX;
}

/* How many runs there were; with broken[0] set if the last one broke something. */
static uint64_t search(const struct model *which, const struct model_mutation *wrong, bool whole,
                       void (*each)(void))
{
    uint64_t runs = 0;

    model = which;
    mutation = wrong;
    whole_search = whole;
    exploration++;
    known = 0;
    do {
        bool ended = run_once();

        runs++;
        if (broken[0])
            return runs;
        if (ended && each)
            each();
        if (runs == runs_allowed()) {
            if (model->runs_max)
                print_message("model %s: not all runs\n", model->name);
            else
                snprintf(broken, sizeof broken, "more runs than the checker makes");
            break;
        }
    } while (backtrack());
    return runs;
}

void model_holds(const struct model *which)
{
    uint64_t runs = search(which, NULL, false, NULL);

    if (broken[0]) {
        report(runs);
        fail_msg("%s", broken);
    }
    print_message("model %s: %llu runs\n", which->name, (unsigned long long)runs);
}

void model_fails(const struct model *which, const struct model_mutation *wrong)
{
    uint64_t runs = search(which, wrong, false, NULL);

    if (!broken[0])
        fail_msg("model %s: nothing found in %llu runs", which->name, (unsigned long long)runs);
    if (getenv("WEIR_MODEL_SHOW"))
        report(runs);
    else
        print_message("model %s: found in run %llu: %s\n", which->name, (unsigned long long)runs,
                      broken);
}

uint64_t model_explore(const struct model *which, bool whole, void (*each)(void))
{
    uint64_t runs = search(which, NULL, whole, each);

    if (broken[0]) {
        report(runs);
        fail_msg("%s", broken);
    }
    return runs;
}
