/* task/cold.c - see cold.h. */
#include "task/cold.h"

#include <string.h>
#include <sys/uio.h>

#include "base/alloc.h"
#include "base/container.h"
#include "base/probe.h"
#include "sys/page.h"
#include "task/state.h"
#include "task/worker.h"

#if !defined(NVALGRIND) && defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif

#define WALK_MOST  512      /* tasks looked at in a turn */
#define WALK_EVERY 1000000  /* ns between the parts of a walk */
#define REST_MIN   10000000 /* ns between two walks */
#define REST_MAX   5000000000
#define SHIFT_MAX  6
#define AFTER_MAX  (INT64_MAX >> SHIFT_MAX)

#if defined(WEIR_CONTEXT_UCONTEXT)
#define CONTEXT_TELLS false /* where the stack ends is known to the system alone */
#else
#define CONTEXT_TELLS true
#endif

void weir__cold_init(struct weir__cold *cold, int64_t after_ns)
{
    memset(cold, 0, sizeof *cold);
    cold->after_ns = !CONTEXT_TELLS ? -1 : after_ns < AFTER_MAX ? after_ns : AFTER_MAX;
}

void weir__cold_fini(struct weir__cold *cold)
{
    weir__free(cold->scratch);
    cold->scratch = NULL;
}

/* All of a stack, in whole pages. */
static size_t stack_bytes(const struct weir__stack *stack)
{
    return weir__page_round((size_t)(stack->high - stack->low));
}

/* ---- which ---- */

/* How long it must wait now. */
static int64_t wanted_ns(const struct weir__cold *cold, const struct weir__task *task)
{
    return cold->after_ns << WEIR_ATOMIC_LOAD(&task->cold_shift, RELAXED);
}

/* The moment may be one of another loop's clock, and ahead of this one's. */
static int64_t passed_ns(uint64_t since_ns, uint64_t now_ns)
{
    return (int64_t)(now_ns - since_ns);
}

static bool old_enough(const struct weir__cold *cold, const struct weir__task *task,
                       uint64_t now_ns)
{
    return passed_ns(WEIR_ATOMIC_LOAD(&task->since_ns, RELAXED), now_ns) >= wanted_ns(cold, task);
}

/* Of a task in hand. */
static bool may_be_packed(const struct weir__task *task)
{
    return task->packable && task->rests && !task->image && weir__list_empty(&task->scopes)
           && (size_t)(task->stack.high - (char *)task->context.sp) <= WEIR__COLD_LIVE_MAX;
}

/* The loop in which the task waits for an operation, or 0. */
static uint16_t waits_in(const struct weir__task *task)
{
    return WEIR_ATOMIC_LOAD(&task->state, ACQUIRE) == TASK_WAITING
               ? weir__wait_word_loop(WEIR_ATOMIC_LOAD(&task->wait, ACQUIRE))
               : 0;
}

/* ---- packing ---- */

/* The image of a task in hand, or NULL: no memory, or not worth it. */
static struct weir__cold_image *make_image(struct weir__cold *cold, struct weir__task *task,
                                           uint64_t now_ns)
{
    size_t words = (size_t)(task->stack.high - (char *)task->context.sp) / sizeof(uint64_t), size;
    struct weir__cold_image *image;

    if (!cold->scratch)
        cold->scratch = weir__alloc(weir__image_room(WEIR__COLD_LIVE_MAX / sizeof(uint64_t)));
    if (!cold->scratch)
        return NULL;
#if defined(VALGRIND_MAKE_MEM_DEFINED)
    (void)VALGRIND_MAKE_MEM_DEFINED(task->context.sp, words * sizeof(uint64_t));
#endif
    size = weir__image_encode(task->context.sp, words, cold->scratch);
    image = weir__alloc(sizeof *image + size);
    if (!image)
        return NULL;
    image->words = (uint32_t)words;
    image->size = (uint32_t)size;
    image->packed_ns = now_ns;
    memcpy(image->bytes, cold->scratch, size);
    return image;
}

/* Gives the pages of the batch back. */
static bool discard(struct weir__cold *cold)
{
    struct iovec ranges[WEIR__COLD_BATCH];
    uint32_t i;

    for (i = 0; i < cold->count; i++) {
        ranges[i].iov_base = cold->batch[i]->stack.low;
        ranges[i].iov_len = stack_bytes(&cold->batch[i]->stack);
    }
    return weir__page_discard_many(ranges, cold->count) == 0;
}

/* A part of the pages may be gone: the images are the stacks. */
static void keep_warm(struct weir__cold *cold)
{
    uint32_t i;

    for (i = 0; i < cold->count; i++) {
        struct weir__cold_image *image = cold->images[i];

        weir__image_decode(image->bytes, cold->batch[i]->context.sp, image->words);
        weir__free(image);
        cold->images[i] = NULL;
    }
}

static void let_go(struct weir__task *task)
{
    if (WEIR_ATOMIC_LOAD(&task->state, RELAXED) != TASK_WAITING
        && !weir__task_state_let_go(&task->state))
        weir__sched_ready(task, true);
}

static void finish_batch(struct weir__worker *worker)
{
    struct weir__cold *cold = &worker->cold;
    uint32_t i;

    if (!discard(cold)) {
        cold->off = true;
        keep_warm(cold);
    }
    for (i = 0; i < cold->count; i++) {
        struct weir__task *task = cold->batch[i];

        task->image = cold->images[i];
        if (task->image) {
            WEIR_ATOMIC_COUNT(&worker->counts.packs, 1);
            WEIR_ATOMIC_COUNT(&worker->counts.packed_bytes, task->image->size);
            WEIR_PROBE3(pack, task->id, worker->index, task->image->size);
        }
        let_go(task); /* from here on it may run, and end */
    }
    cold->count = 0;
}

/* Takes a task in hand into the batch, if it may be packed; else it goes. */
static void add(struct weir__worker *worker, struct weir__task *task, uint64_t packed_ns)
{
    struct weir__cold *cold = &worker->cold;
    struct weir__cold_image *image = may_be_packed(task) ? make_image(cold, task, packed_ns) : NULL;

    if (!image) {
        let_go(task);
        return;
    }
    cold->batch[cold->count] = task;
    cold->images[cold->count++] = image;
    if (cold->count == WEIR__COLD_BATCH)
        finish_batch(worker);
}

/* Takes a task in hand. */
static void consider(struct weir__worker *worker, struct weir__task *task)
{
    if (waits_in(task) == worker->loop->index || weir__task_state_inspect(&task->state))
        add(worker, task, worker->loop->now_ns);
}

/* ---- tasks that wait in another loop ---- */

/* Shown to that loop's worker. What it finds changed it leaves alone; the memory of a task stays
 * readable. */
struct weir__cold_hop {
    weir_post post;
    uint16_t loop;
    uint32_t count;
    struct weir__task *tasks[WEIR__COLD_BATCH];
};

static void deliver_hop(weir_post *post, weir_loop *loop)
{
    struct weir__cold_hop *hop = WEIR_CONTAINER_OF(post, struct weir__cold_hop, post);
    struct weir__worker *worker = loop->worker;
    uint32_t i;

    for (i = 0; i < hop->count; i++) {
        if (waits_in(hop->tasks[i]) == loop->index
            && old_enough(&worker->cold, hop->tasks[i], loop->now_ns))
            consider(worker, hop->tasks[i]);
    }
    if (worker->cold.count)
        finish_batch(worker);
    weir__free(hop);
}

static void send_hop(struct weir__cold *cold)
{
    struct weir__cold_hop *hop = cold->hop;

    cold->hop = NULL;
    if (hop)
        weir__loop_post(weir__loop_by_index(hop->loop), &hop->post);
}

static void show(struct weir__cold *cold, struct weir__task *task, uint16_t loop)
{
    struct weir__cold_hop *hop = cold->hop;

    if (hop && (hop->loop != loop || hop->count == WEIR__COLD_BATCH)) {
        send_hop(cold);
        hop = NULL;
    }
    if (!hop) {
        hop = cold->hop = weir__calloc(1, sizeof *hop);
        if (!hop)
            return; /* the next walk comes by again */
        hop->post.deliver = deliver_hop;
        hop->loop = loop;
    }
    hop->tasks[hop->count++] = task;
}

/* ---- walking ---- */

static void visit(void *object, void *arg)
{
    struct weir__task *task = object;
    struct weir__worker *worker = arg;
    uint16_t loop;

    if (!task->id || !task->packable || !old_enough(&worker->cold, task, worker->loop->now_ns))
        return;
    loop = waits_in(task);
    if (loop && loop != worker->loop->index)
        show(&worker->cold, task, loop);
    else
        consider(worker, task);
}

static int64_t rest_ns(const struct weir__cold *cold)
{
    int64_t half = cold->after_ns / 2;

    return half < REST_MIN ? REST_MIN : half > REST_MAX ? REST_MAX : half;
}

static void start_timer(struct weir__worker *worker, int64_t in_ns)
{
    weir__loop_timer_start(worker->loop, &worker->cold.timer,
                           worker->loop->now_ns + (uint64_t)in_ns);
}

static void walk(void *timer, weir_loop *loop)
{
    struct weir__worker *worker = loop->worker;
    struct weir__cold *cold = &worker->cold;
    bool more = weir__slab_walk(&worker->tasks, &cold->cursor, WALK_MOST, visit, worker);

    (void)timer;
    send_hop(cold);
    if (cold->count)
        finish_batch(worker);
    if (cold->packable && !cold->off)
        start_timer(worker, more ? WALK_EVERY : rest_ns(cold));
}

void weir__cold_add(struct weir__worker *worker)
{
    struct weir__cold *cold = &worker->cold;

    cold->packable++;
    if (cold->after_ns < 0 || cold->off || weir__timer_armed(&cold->timer.node))
        return;
    cold->timer.fire = walk;
    start_timer(worker, rest_ns(cold));
}

void weir__cold_remove(struct weir__worker *worker)
{
    struct weir__cold *cold = &worker->cold;

    if (--cold->packable == 0 && weir__timer_armed(&cold->timer.node))
        weir__loop_timer_stop(worker->loop, &cold->timer);
}

/* ---- unpacking ---- */

/* How long the task must wait the next time. */
static void learn(const struct weir__cold *cold, struct weir__task *task, uint64_t packed_ns,
                  uint64_t now_ns)
{
    if (passed_ns(packed_ns, now_ns) >= wanted_ns(cold, task))
        WEIR_ATOMIC_STORE(&task->cold_shift, 0, RELAXED);
    else if (task->cold_shift < SHIFT_MAX)
        WEIR_ATOMIC_STORE(&task->cold_shift, task->cold_shift + 1, RELAXED);
}

static void restore(struct weir__worker *worker, struct weir__task *task)
{
    struct weir__cold_image *image = task->image;

#if defined(WEIR__HOSTILE)
    (void)weir__page_unguard(task->stack.low, stack_bytes(&task->stack));
#endif
    weir__image_decode(image->bytes, task->context.sp, image->words);
    WEIR_ATOMIC_COUNT(&worker->counts.unpacks, 1);
    WEIR_PROBE3(unpack, task->id, worker->index, image->size);
    WEIR_ATOMIC_COUNT(&worker->counts.packed_bytes, -(uint64_t)image->size);
    task->image = NULL;
    weir__free(image);
}

void weir__cold_unpack(struct weir__worker *worker, struct weir__task *task)
{
    learn(&worker->cold, task, task->image->packed_ns, worker->loop->now_ns);
    restore(worker, task);
}

uint64_t weir__cold_open(struct weir__worker *worker, struct weir__task *task)
{
    uint64_t packed_ns = task->image ? task->image->packed_ns : 0;

    if (packed_ns)
        restore(worker, task);
    return packed_ns;
}

void weir__cold_close(struct weir__worker *worker, struct weir__task *task, uint64_t packed_ns)
{
    add(worker, task, packed_ns);
}

void weir__cold_flush(struct weir__worker *worker)
{
    if (worker->cold.count)
        finish_batch(worker);
}

/* A stray touch of the stack faults then. */
void weir__cold_pack_now(struct weir__worker *worker, struct weir__task *task)
{
    struct weir__cold_image *image;

    if (worker->cold.after_ns < 0 || !weir__page_guard_is_marker()
        || !weir__task_state_inspect(&task->state))
        return;
    image = may_be_packed(task) ? make_image(&worker->cold, task, worker->loop->now_ns) : NULL;
    if (image && weir__page_guard(task->stack.low, stack_bytes(&task->stack)) == 0) {
        task->image = image;
        WEIR_ATOMIC_COUNT(&worker->counts.packs, 1);
        WEIR_ATOMIC_COUNT(&worker->counts.packed_bytes, image->size);
    } else {
        weir__free(image);
    }
    let_go(task);
}
