/* task/sched.c - see sched.h. */
#include "task/sched.h"

#include <string.h>

#include "base/container.h"
#include "base/hostile.h"
#include "base/probe.h"
#include "sys/lock.h"
#include "task/drive.h"
#include "task/runtime.h"
#include "task/strand.h"
#include "task/task.h"
#include "task/worker.h"

#define NEWEST_RUNS_MAX 3  /* of the newest task in a row, while others wait */
#define NORMAL_AFTER    8  /* runs of the high class */
#define LOW_AFTER       64 /* runs of the classes above */
#define BATCH_MIN       8
#define BATCH_MAX       61
#define BATCH_NS        200000  /* a batch should not take longer */
#define TURN_NS         5000000 /* nor one of what was there at its beginning */
#define RUN_FIRST_NS    20000   /* before anything was measured */
#define WORTH_NS        20000 /* waiting work for which a sleeper is woken: about what that costs */
#define SPILLED_LEAST   32    /* taken in a turn */
#define SPILLED_MOST    (WEIR__RUNQ_SLOTS / 2)
#define SEARCH_PASSES   3 /* at least */
#ifndef WEIR__SEARCH_RELAX
#define WEIR__SEARCH_RELAX 100 /* looks at nothing between two passes: a microsecond or two */
#endif

#define SEARCHING_ONE (1ull << 32)

static uint32_t searching(uint64_t idle)
{
    return (uint32_t)(idle >> 32);
}

static uint32_t sleeping(uint64_t idle)
{
    return (uint32_t)idle;
}

void weir__run_init(struct weir__run *run, uint32_t index)
{
    int class;

    memset(run, 0, sizeof *run);
    run->random = index * 2654435761u | 1;
    run->batch_max = BATCH_MAX;
    run->run_ns = RUN_FIRST_NS;
    for (class = 0; class < CLASSES; class ++)
        weir__queue_init(&run->pinned[class]);
}

void weir__sched_note_batch(struct weir__worker *worker, uint32_t count, int64_t took_ns)
{
    struct weir__run *run = &worker->run;
    int64_t batch;

    if (worker->virtual_clock || worker->drive)
        return;
    run->run_ns += (took_ns / count - run->run_ns) / 8;
    batch = BATCH_NS / (run->run_ns + 1);
    run->batch_max = batch < BATCH_MIN   ? BATCH_MIN
                     : batch > BATCH_MAX ? BATCH_MAX
                                         : (uint32_t)batch;
}

static inline uint32_t waiting(const struct weir__run *run)
{
    return weir__runq_len(&run->ready[CLASS_HIGH]) + weir__runq_len(&run->ready[CLASS_NORMAL])
           + weir__runq_len(&run->ready[CLASS_LOW]);
}

uint32_t weir__sched_batch(const struct weir__worker *worker)
{
    const struct weir__run *run = &worker->run;
    uint32_t there = waiting(run) + run->pinned_count, most;

    if (worker->drive)
        return weir__drive_batch();
    if (weir__chance(2))
        return 1;
    if (there <= run->batch_max)
        return run->batch_max;
    most = (uint32_t)(TURN_NS / (run->run_ns + 1));
    return there < most ? there : most > run->batch_max ? most : run->batch_max;
}

/* ---- the spill ---- */

static void spill_one(struct weir__sched *sched, struct weir__task *task)
{
    weir__queue_push(&sched->spill[task->class], &task->ready);
    WEIR_ATOMIC_STORE(&sched->spill_count, sched->spill_count + 1, RELAXED);
}

/* The older half of a queue that is full, and one more. */
static void spill(struct weir__worker *worker, struct weir__task *task)
{
    struct weir__sched *sched = weir__runtime_sched(worker->runtime);
    struct weir__task *half[WEIR__RUNQ_SLOTS / 2];
    uint32_t i, count = weir__runq_spill(&worker->run.ready[task->class], half);

    WEIR_ATOMIC_COUNT(&worker->counts.overflows, 1);
    weir__lock(&sched->spill_lock);
    for (i = 0; i < count; i++)
        spill_one(sched, half[i]);
    spill_one(sched, task);
    weir__unlock(&sched->spill_lock);
}

/* To where no thief looks: pinned tasks, and all of a worker that is alone. */
static void push_own(struct weir__run *run, struct weir__task *task)
{
    weir__queue_push(&run->pinned[task->class], &task->ready);
    WEIR_ATOMIC_COUNT(&run->pinned_count, 1);
}

static void push(struct weir__worker *worker, struct weir__task *task)
{
    if (worker->alone)
        push_own(&worker->run, task);
    else if (!weir__runq_push(&worker->run.ready[task->class], task))
        spill(worker, task);
}

/* Takes a share of what has been spilled into the worker's own queues. */
static void take_spilled(struct weir__worker *worker)
{
    struct weir__sched *sched = weir__runtime_sched(worker->runtime);
    struct weir__task *taken[SPILLED_MOST];
    uint32_t i, count = 0, class = 0;

    weir__lock(&sched->spill_lock);
    while (class < CLASSES && count < SPILLED_MOST
           && (count < SPILLED_LEAST || waiting(&worker->run) + count < SPILLED_MOST)) {
        struct weir__queue_node *node = weir__queue_pop(&sched->spill[class]);

        if (node)
            taken[count++] = WEIR_CONTAINER_OF(node, struct weir__task, ready);
        else
            class ++;
    }
    WEIR_ATOMIC_STORE(&sched->spill_count, sched->spill_count - count, RELAXED);
    weir__unlock(&sched->spill_lock);
    for (i = 0; i < count; i++)
        push(worker, taken[i]);
}

/* ---- the remote stack ---- */

static struct weir__queue_node **link_of(struct weir__queue_node *node)
{
    return &node->next;
}

/* Whether the stack was empty. Once pushed, the task may run and end. */
static bool push_remote(struct weir__run *run, struct weir__task *task)
{
    struct weir__queue_node *head = WEIR_ATOMIC_LOAD(&run->remote, RELAXED);

    do {
        *link_of(&task->ready) = head;
    } while (!WEIR_ATOMIC_CAS(&run->remote, &head, &task->ready, SEQ_CST));
    return !head;
}

/* Moves what other threads have pushed to `from` into the worker's own queues, oldest first. */
static bool take_remote(struct weir__worker *worker, struct weir__run *from)
{
    struct weir__queue_node *node, *turned = NULL;

    if (!WEIR_ATOMIC_LOAD(&from->remote, SEQ_CST))
        return false;
    node = WEIR_ATOMIC_EXCHANGE(&from->remote, NULL, SEQ_CST);
    while (node) {
        struct weir__queue_node *next = node->next;

        node->next = turned;
        turned = node;
        node = next;
    }
    while (turned) {
        struct weir__queue_node *next = turned->next;

        push(worker, WEIR_CONTAINER_OF(turned, struct weir__task, ready));
        turned = next;
    }
    return true;
}

/* ---- waking a worker ---- */

static struct weir__worker *pick_sleeper(struct weir__runtime *runtime)
{
    struct weir__sched *sched = weir__runtime_sched(runtime);
    uint32_t word;

    for (word = 0; word < WEIR__SLEEPER_WORDS; word++) {
        uint64_t bits = WEIR_ATOMIC_LOAD(&sched->sleepers[word], SEQ_CST);

        while (bits) {
            uint64_t bit = bits & -bits;

            if (WEIR_ATOMIC_AND(&sched->sleepers[word], ~bit, SEQ_CST) & bit)
                return weir__runtime_worker(runtime,
                                            word * 64 + (uint32_t)__builtin_ctzll(bit) + 1);
            bits &= ~bit;
        }
    }
    return NULL;
}

/* Wakes one sleeper, which searches then, unless somebody searches already. */
static void wake_one(struct weir__runtime *runtime)
{
    struct weir__sched *sched = weir__runtime_sched(runtime);
    /* a read-modify-write: orders the push before it against the sleeper's announcement */
    uint64_t idle = WEIR_ATOMIC_ADD(&sched->idle, 0, SEQ_CST);
    struct weir__worker *worker;

    do {
        if (searching(idle) || !sleeping(idle))
            return;
    } while (!WEIR_ATOMIC_CAS(&sched->idle, &idle, idle + SEARCHING_ONE - 1, SEQ_CST));
    worker = pick_sleeper(runtime);
    if (worker)
        weir__loop_rouse(worker->loop);
    else /* all of them have woken by themselves meanwhile */
        (void)WEIR_ATOMIC_SUB(&sched->idle, SEARCHING_ONE - 1, SEQ_CST);
}

uint32_t weir__sched_queued(const struct weir__run *run)
{
    return waiting(run) + WEIR_ATOMIC_LOAD(&run->pinned_count, RELAXED)
           + (WEIR_ATOMIC_LOAD(&run->newest, RELAXED) != NULL);
}

static bool worth_waking(const struct weir__run *run)
{
    return waiting(run) * WEIR_ATOMIC_LOAD(&run->run_ns, RELAXED) >= WORTH_NS;
}

/* ---- becoming runnable ---- */

/* Puts a task, or none, into the slot: what was there. Without thieves a store will do. */
static inline struct weir__task *swap_newest(struct weir__worker *worker, struct weir__task *task)
{
    struct weir__run *run = &worker->run;
    struct weir__task *before = WEIR_ATOMIC_LOAD(&run->newest, RELAXED);

    if (!worker->alone)
        return before || task ? WEIR_ATOMIC_EXCHANGE(&run->newest, task, ACQ_REL) : NULL;
    WEIR_ATOMIC_STORE(&run->newest, task, RELAXED);
    return before;
}

static void ready_here(struct weir__worker *worker, struct weir__task *task, bool yields)
{
    struct weir__run *run = &worker->run;

    if (task->pins) {
        push_own(run, task);
        return;
    }
    if (!yields && task->class == CLASS_NORMAL) {
        task = swap_newest(worker, task); /* partner: steal_newest */
        if (!task)
            return;
    }
    push(worker, task);
    if (!run->notified && !worker->alone && worth_waking(run)) {
        run->notified = true;
        wake_one(worker->runtime);
    }
}

static void deliver_ready(weir_post *post, weir_loop *loop)
{
    ready_here(loop->worker, WEIR_CONTAINER_OF(post, struct weir__task, post), false);
}

/* Whether the task's wait for its run is to be timed. Of what other threads make runnable some is
 * not counted, when several do at once. */
static bool sampled(struct weir__worker *here, struct weir__worker *last)
{
    uint32_t count;

    if (here)
        return ++here->run.readies % WEIR__SAMPLE_EVERY == 0;
    count = WEIR_ATOMIC_LOAD(&last->run.remote_readies, RELAXED);
    WEIR_ATOMIC_STORE(&last->run.remote_readies, count + 1, RELAXED);
    return count % WEIR__SAMPLE_EVERY == 0;
}

/* In a hostile build most movable tasks go to some other worker whenever they become runnable. */
static bool sent_away(struct weir__task *task)
{
    struct weir__worker *to;

    if (task->pins || task->worker->alone || !weir__chance(2))
        return false;
    to = weir__runtime_worker(task->runtime,
                              1 + weir__hostile_pick(weir__runtime_workers(task->runtime)));
    push_remote(&to->run, task);
    weir__loop_rouse(to->loop);
    return true;
}

static inline void place(struct weir__task *task, bool yields)
{
    struct weir__worker *here = weir__current_worker(), *last = task->worker;

    if (sampled(here, last))
        task->ready_ns = weir__now_ns();
    if (sent_away(task))
        return;
    if (here && here->runtime == task->runtime && (!task->pins || last == here)) {
        ready_here(here, task, yields);
        return;
    }
    if (task->pins) {
        task->post.deliver = deliver_ready;
        weir_loop_post(last->loop, &task->post);
    } else if (push_remote(&last->run, task)) {
        weir__loop_rouse(last->loop);
    } else { /* whoever found the stack empty rouses */
        weir__loop_wake(last->loop);
    }
}

void weir__sched_place(struct weir__task *task, bool yields)
{
    place(task, yields);
}

void weir__sched_ready(struct weir__task *task, bool yields)
{
    if (!task->strand || weir__strand_admit(task))
        place(task, yields);
}

/* ---- the next task ---- */

/* Whether the worker's own queues have anything for the calling thread. */
static bool has_own(const struct weir__run *run)
{
    return WEIR_ATOMIC_LOAD(&run->newest, RELAXED) || (run->pinned_count && !run->lent)
           || waiting(run);
}

bool weir__sched_has_work(const struct weir__worker *worker)
{
    return WEIR_ATOMIC_LOAD(&worker->run.remote, SEQ_CST) || has_own(&worker->run)
           || WEIR_ATOMIC_LOAD(&worker->sched->spill_count, RELAXED);
}

static struct weir__task *pop_pinned(struct weir__run *run, int class)
{
    struct weir__queue_node *node = run->lent ? NULL : weir__queue_pop(&run->pinned[class]);

    if (!node)
        return NULL;
    WEIR_ATOMIC_COUNT(&run->pinned_count, -1);
    return WEIR_CONTAINER_OF(node, struct weir__task, ready);
}

/* The pinned and the movable ones of a class take turns. */
static struct weir__task *pop_queued(struct weir__run *run, int class)
{
    struct weir__task *task;

    if (!run->pinned_count)
        return weir__runq_pop(&run->ready[class]);
    task = run->tick & 1 ? pop_pinned(run, class) : NULL;
    if (!task)
        task = weir__runq_pop(&run->ready[class]);
    return task ? task : pop_pinned(run, class);
}

static struct weir__task *pop_normal(struct weir__worker *worker)
{
    struct weir__run *run = &worker->run;
    struct weir__task *task = NULL;

    if (run->newest_runs < NEWEST_RUNS_MAX)
        task = swap_newest(worker, NULL);
    if (task) {
        run->newest_runs++;
        return task;
    }
    run->newest_runs = 0;
    task = pop_queued(run, CLASS_NORMAL);
    return task ? task : swap_newest(worker, NULL);
}

static struct weir__task *pop_class(struct weir__worker *worker, int class)
{
    struct weir__run *run = &worker->run;
    struct weir__task *task = class == CLASS_NORMAL ? pop_normal(worker) : pop_queued(run, class);
    int lower;

    if (!task)
        return NULL;
    run->since[class] = 0;
    for (lower = class + 1; lower < CLASSES; lower++)
        run->since[lower]++;
    return task;
}

static bool class_empty(const struct weir__run *run, int class)
{
    return weir__queue_empty(&run->pinned[class]) && !weir__runq_len(&run->ready[class]);
}

struct weir__task *weir__sched_next(struct weir__worker *worker)
{
    struct weir__run *run = &worker->run;
    struct weir__task *task = NULL;
    int class;

    run->tick++;
    if (class_empty(run, CLASS_HIGH) && class_empty(run, CLASS_LOW)) /* as it is mostly */
        return pop_normal(worker);
    if (run->since[CLASS_LOW] >= LOW_AFTER)
        task = pop_class(worker, CLASS_LOW);
    if (!task && run->since[CLASS_NORMAL] >= NORMAL_AFTER)
        task = pop_class(worker, CLASS_NORMAL);
    for (class = 0; !task && class < CLASSES; class ++)
        task = pop_class(worker, class);
    return task;
}

static const struct weir__task *task_of(const struct weir__queue_node *node)
{
    return node ? WEIR_CONTAINER_OF(node, const struct weir__task, ready) : NULL;
}

/* `next` is in the caches by now, if it was `second` before. Nothing is fetched from no address:
 * that takes as long as a page that is not there. */
static void fetch(const struct weir__task *next, const struct weir__task *second)
{
    if (next)
        __builtin_prefetch(WEIR_ATOMIC_LOAD(&next->context.sp, RELAXED), 1);
    if (second) { /* its state, its link, its stack pointer */
        __builtin_prefetch(second, 1);
        __builtin_prefetch((const char *)second + 64, 1);
    }
}

void weir__sched_fetch(const struct weir__worker *worker)
{
    const struct weir__queue_node *node = worker->run.pinned[CLASS_NORMAL].head;
    const struct weir__runq *queue = &worker->run.ready[CLASS_NORMAL];

    if (worker->alone)
        fetch(task_of(node), node ? task_of(node->next) : NULL);
    else
        fetch(weir__runq_peek(queue, 0), weir__runq_peek(queue, 1));
}

void weir__sched_gather(struct weir__worker *worker)
{
    worker->run.notified = false;
    (void)take_remote(worker, &worker->run);
    if (WEIR_ATOMIC_LOAD(&worker->sched->spill_count, RELAXED))
        take_spilled(worker);
}

/* ---- stealing ---- */

static uint32_t next_random(struct weir__run *run)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 17;
    run->random ^= run->random << 5;
    return run->random;
}

static struct weir__task *steal_from(struct weir__worker *worker, struct weir__run *victim)
{
    struct weir__task *task;
    int class;

    for (class = 0; class < CLASSES; class ++) {
        task = weir__runq_steal(&victim->ready[class], &worker->run.ready[class]);
        if (task)
            return task;
    }
    return take_remote(worker, victim) ? weir__sched_next(worker) : NULL;
}

/* What a thief has seen of the others in its first pass. */
struct look {
    bool any;       /* a slot was taken */
    uint64_t at_ns; /* after the last of them was looked at */
    uint32_t runs[WEIR_WORKERS_MAX];
    const struct weir__task *newest[WEIR_WORKERS_MAX];
};

static void look_at(struct look *look, uint32_t at, const struct weir__run *victim)
{
    look->runs[at] = WEIR_ATOMIC_LOAD(&victim->runs, RELAXED);
    look->newest[at] = WEIR_ATOMIC_LOAD(&victim->newest, RELAXED);
    look->any |= look->newest[at] != NULL;
}

/* The newest task of a worker that had it at the look, and has not run anything since. One that was
 * run and is back in the slot may be taken for that in the moment of the steal, or where the count
 * of runs is seen late: it is stolen young, which costs its move and nothing else. */
static struct weir__task *steal_newest(struct weir__run *victim, const struct look *look,
                                       uint32_t at)
{
    struct weir__task *task = WEIR_ATOMIC_LOAD(&victim->newest, ACQUIRE);
    bool stayed =
        task == look->newest[at] && WEIR_ATOMIC_LOAD(&victim->runs, RELAXED) == look->runs[at];

    if (!task || (!stayed && !weir__chance(2)))
        return NULL;
    return WEIR_ATOMIC_CAS(&victim->newest, &task, NULL, ACQ_REL) ? task : NULL;
}

/* Whether what was in a slot at the look, if anything was, is old enough. */
static bool is_old(const struct weir__worker *worker, const struct look *look)
{
    uint64_t age_ns = worker->sched->newest_age_ns;

    return !look->any || !age_ns || weir__now_ns() - look->at_ns >= age_ns;
}

/* Whether another worker has anything to give; looks, and touches nothing. */
static bool somebody_has_work(const struct weir__worker *worker)
{
    struct weir__runtime *runtime = worker->runtime;
    uint32_t i, count = weir__runtime_workers(runtime);

    if (WEIR_ATOMIC_LOAD(&weir__runtime_sched(runtime)->spill_count, RELAXED))
        return true;
    for (i = 1; i <= count; i++) {
        const struct weir__run *run = &weir__runtime_worker(runtime, i)->run;

        if (i != worker->index
            && (waiting(run) || WEIR_ATOMIC_LOAD(&run->newest, RELAXED)
                || WEIR_ATOMIC_LOAD(&run->remote, RELAXED)))
            return true;
    }
    return false;
}

/* Whether as many search as shall. */
static bool enough_search(const struct weir__worker *worker, uint32_t count)
{
    return 2 * count >= weir__runtime_workers(worker->runtime);
}

static bool begin_search(struct weir__worker *worker)
{
    struct weir__sched *sched = weir__runtime_sched(worker->runtime);

    if (worker->run.searching)
        return true;
    if (enough_search(worker, searching(WEIR_ATOMIC_LOAD(&sched->idle, RELAXED))))
        return false;
    (void)WEIR_ATOMIC_ADD(&sched->idle, SEARCHING_ONE, SEQ_CST);
    worker->run.searching = true;
    return true;
}

/* Whoever was the last to search lets the next one begin, if there is more. */
void weir__sched_found(struct weir__worker *worker)
{
    struct weir__sched *sched = weir__runtime_sched(worker->runtime);

    if (!worker->run.searching)
        return;
    worker->run.searching = false;
    if (searching(WEIR_ATOMIC_SUB(&sched->idle, SEARCHING_ONE, SEQ_CST)) == 1
        && worth_waking(&worker->run))
        wake_one(worker->runtime);
}

static struct weir__task *search_pass(struct weir__worker *worker, bool first, bool last,
                                      struct look *look)
{
    struct weir__runtime *runtime = worker->runtime;
    uint32_t count = weir__runtime_workers(runtime), at = next_random(&worker->run) % count, i;
    struct weir__task *task = NULL;

    for (i = 0; i < count && !task; i++, at = (at + 1) % count) {
        struct weir__run *victim = &weir__runtime_worker(runtime, at + 1)->run;

        if (at + 1 == worker->index)
            continue;
        if (first)
            look_at(look, at, victim);
        task = steal_from(worker, victim);
        if (!task && last)
            task = steal_newest(victim, look, at);
    }
    if (first && look->any && worker->sched->newest_age_ns)
        look->at_ns = weir__now_ns();
    return task;
}

/* The last pass comes when the tasks in the slots may be taken. */
static struct weir__task *search_all(struct weir__worker *worker)
{
    struct weir__task *task;
    struct look look;
    bool last = false;
    int pass, i;

    look.any = false;
    look.at_ns = 0;
    task = search_pass(worker, true, false, &look);
    for (pass = 1; !task && !last; pass++) {
        for (i = 0; i < WEIR__SEARCH_RELAX; i++)
            weir__sys_cpu_relax();
        last = pass >= SEARCH_PASSES - 1 && is_old(worker, &look);
        task = search_pass(worker, false, last, &look);
    }
    return task;
}

struct weir__task *weir__sched_search(struct weir__worker *worker)
{
    struct weir__task *task = NULL;

    if (worker->alone || !somebody_has_work(worker) || !begin_search(worker))
        return NULL;
    WEIR_ATOMIC_COUNT(&worker->counts.steals_tried, 1);
    weir__sched_gather(worker);
    task = weir__sched_next(worker);
    if (!task)
        task = search_all(worker);
    if (task) {
        WEIR_ATOMIC_COUNT(&worker->counts.steals_done, 1);
        WEIR_PROBE2(steal, task->id, worker->index);
        weir__sched_found(worker);
    }
    return task;
}

/* ---- sleeping ---- */

static uint64_t *sleeper_word(const struct weir__worker *worker, uint64_t *bit)
{
    uint32_t index = worker->index - 1;

    *bit = 1ull << index % 64;
    return &weir__runtime_sched(worker->runtime)->sleepers[index / 64];
}

/* Who made a task runnable before the announcement has woken nobody, unless somebody slept already:
 * so it is looked at everything once more, unless others search who will. */
bool weir__sched_sleep(struct weir__worker *worker)
{
    struct weir__sched *sched = worker->sched;
    uint64_t bit, *word = sleeper_word(worker, &bit), idle;
    bool searched = worker->run.searching;

    if (worker->alone)
        return !weir__sched_has_work(worker);
    worker->run.searching = false;
    (void)WEIR_ATOMIC_OR(word, bit, SEQ_CST);
    idle = WEIR_ATOMIC_ADD(&sched->idle, searched ? 1 - SEARCHING_ONE : 1, SEQ_CST);
    if (!weir__sched_has_work(worker)
        && !((searched || !enough_search(worker, searching(idle))) && somebody_has_work(worker)))
        return true;
    weir__sched_awake(worker);
    return false;
}

void weir__sched_awake(struct weir__worker *worker)
{
    struct weir__sched *sched = weir__runtime_sched(worker->runtime);
    uint64_t bit, *word = sleeper_word(worker, &bit);

    if (worker->alone)
        return;
    if (WEIR_ATOMIC_AND(word, ~bit, SEQ_CST) & bit)
        (void)WEIR_ATOMIC_SUB(&sched->idle, 1, SEQ_CST);
    else /* somebody has appointed this worker to search */
        worker->run.searching = true;
}
