/* task/dump.c - the tasks of a runtime, piece by piece; see dump.h. */
#include "task/dump.h"

#include <string.h>

#include "base/alloc.h"
#include "base/container.h"
#include "sys/current.h"
#include "task/inspect.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/state.h"
#include "task/worker.h"

#define PIECE_TASKS   64
#define PIECE_SLOTS   1024   /* looked at in a piece, free ones too */
#define PIECE_NS      200000 /* after which a piece ends; a task's trace takes 2 to 20 us */
#define ANSWER_NS     WEIR_MILLISECONDS(50) /* one look of the asker; then it looks again */
#define STILL_MAX     10                    /* looks in a row at a worker that does not move */
#define LOOKS_MAX     200
#define TRACE_NS      WEIR_MILLISECONDS(20) /* nor a thread that is not let run */
#define TASK_TRACE_NS WEIR_MILLISECONDS(2)  /* the same, when a worker is blocked meanwhile */

/* What was found of a task. */
struct found {
    struct weir_dump_task told;
    struct weir__task *task; /* waits on another loop, in the wait `word`; NULL: is done with */
    uint64_t word;
    bool runs;
    char name[WEIR_DUMP_NAME];
    void *frames[WEIR_DUMP_FRAMES];
};

struct piece {
    struct weir__slab_cursor cursor;
    uint64_t until_ns;
    bool more; /* to walk */
    uint32_t count;
    struct found found[PIECE_TASKS];
};

enum ask_word {
    ASK_ASKED,
    ASK_TAKEN,
    ASK_ABANDONED
};

enum ask_for {
    ASK_WALK, /* the next of the worker's own tasks */
    ASK_VISIT /* those of the piece that wait on its loop */
};

struct ask {
    weir_post post;
    uint32_t word; /* enum ask_word */
    enum ask_for what;
    struct weir__worker *worker; /* that is asked */
    struct weir__waiter *waiter; /* of the asker */
    struct piece *piece;
};

struct dump {
    struct weir__runtime *runtime;
    struct weir__task *asker; /* NULL: a thread */
    struct piece *piece;
    struct ask *ask; /* NULL: to be made */
    weir_dump_fn *fn;
    void *arg;
    int count;
    uint64_t silent[WEIR_WORKERS_MAX / 64]; /* a bit a worker: it has not answered once */
    uint64_t untold[WEIR_WORKERS_MAX / 64]; /* likewise: it has tasks that were not told */
};

/* ---- on the thread of the worker that is asked ---- */

static const char *name_of_op(const weir_op *op)
{
    switch ((enum weir_op_kind)op->kind) {
    case WEIR_OP_NOP:
        break;
    case WEIR_OP_TIMER:
        return "sleep";
    case WEIR_OP_ACCEPT:
        return "accept";
    case WEIR_OP_CONNECT:
        return "connect";
    case WEIR_OP_RECV:
    case WEIR_OP_RECV_LENT:
        return "read";
    case WEIR_OP_SEND:
    case WEIR_OP_SENDMSG:
        return "write";
    case WEIR_OP_POLL:
        return "poll";
    case WEIR_OP_SENDFILE:
        return "sendfile";
    case WEIR_OP_CALL:
        return "file";
    }
    return "operation";
}

static int64_t until(uint64_t deadline_ns, uint64_t now_ns)
{
    return deadline_ns == UINT64_MAX ? WEIR_FOREVER : (int64_t)(deadline_ns - now_ns);
}

static void let_go(struct weir__task *task, bool paused)
{
    if (paused && !weir__task_state_let_go(&task->state))
        weir__sched_ready(task, false);
}

/* Of a task that the calling thread holds, which it lets go. A packed stack is put back for it. */
static void look_at_held(struct weir__worker *here, struct weir__task *task, struct found *found,
                         bool paused)
{
    uint64_t packed_ns = weir__cold_open(here, task);

    found->told.deadline_ns = until(task->deadline_ns, here->loop->now_ns);
    found->told.frame_count =
        (uint32_t)weir__inspect_stack(here, task, found->frames, WEIR_DUMP_FRAMES);
    if (packed_ns)
        weir__cold_close(here, task, packed_ns);
    else
        let_go(task, paused);
}

static void look_at_paused(struct weir__worker *here, struct weir__task *task, struct found *found)
{
    const char *what = WEIR_ATOMIC_LOAD(&task->waits_for, RELAXED);

    found->told.waits_for = what ? what : "wake";
    if (!weir__task_state_inspect(&task->state))
        return; /* it moves on, or somebody else has it */
    look_at_held(here, task, found, true);
}

/* Whether it waits for an operation of the calling thread's loop. */
static bool waits_here(const struct weir__worker *here, uint64_t word)
{
    return word && !(word & WEIR__WAIT_PAUSE) && weir__wait_word_loop(word) == here->loop->index;
}

static void look_at_waiting(struct weir__worker *here, struct weir__task *task, struct found *found)
{
    uint64_t word = WEIR_ATOMIC_LOAD(&task->wait, ACQUIRE);

    found->told.waits_for = "operation";
    if (waits_here(here, word)) {
        found->told.waits_for = name_of_op(task->waiting);
        look_at_held(here, task, found, false);
    } else if (word && !(word & WEIR__WAIT_PAUSE)) {
        found->task = task;
        found->word = word;
    }
}

static void look(struct weir__worker *here, struct weir__task *task, struct found *found)
{
    struct weir_dump_task *told = &found->told;
    uint64_t now_ns = here->loop->now_ns;
    uint64_t since_ns = WEIR_ATOMIC_LOAD(&task->since_ns, RELAXED);

    found->task = NULL;
    found->runs = false;
    memset(told, 0, sizeof *told);
    told->id = task->id;
    strncpy(found->name, task->name, sizeof found->name - 1);
    found->name[sizeof found->name - 1] = 0;
    told->name = found->name;
    told->frames = found->frames;
    told->waits_for = "";
    told->age_ns = (int64_t)(now_ns - task->born_ns);
    told->deadline_ns = until(task->scope->deadline_ns, now_ns);
    told->worker = WEIR_ATOMIC_LOAD(&task->worker, RELAXED)->index;
    switch ((enum weir__task_state)WEIR_ATOMIC_LOAD(&task->state, ACQUIRE)) {
    case TASK_RUNNABLE:
        told->state = "runnable";
        return;
    case TASK_RUNNING:
    case TASK_RUNNING_WOKEN:
        told->state = "running";
        found->runs = true;
        return;
    case TASK_ENDED:
        told->state = "ending";
        return;
    case TASK_PAUSED:
    case TASK_INSPECTED:
    case TASK_INSPECTED_WOKEN:
        look_at_paused(here, task, found);
        break;
    case TASK_WAITING:
        look_at_waiting(here, task, found);
        break;
    }
    told->state = "waiting";
    told->waited_ns = now_ns > since_ns ? (int64_t)(now_ns - since_ns) : 0; /* another's clock */
}

static void walk_one(void *object, void *arg)
{
    struct ask *ask = arg;
    struct weir__task *task = object;

    if (task->id)
        look(ask->worker, task, &ask->piece->found[ask->piece->count++]);
}

static void walk(struct ask *ask)
{
    struct piece *piece = ask->piece;
    uint32_t slots = PIECE_SLOTS, before;

    do {
        before = piece->count;
        piece->more = weir__slab_walk(&ask->worker->tasks, &piece->cursor, 1, walk_one, ask);
    } while (piece->more && --slots && piece->count < PIECE_TASKS
             && (piece->count == before || weir__now_ns() < piece->until_ns));
}

/* A task that was seen by its home worker to wait on this loop. If it is still the same wait it is
 * there, and stays. */
static void visit_one(struct weir__worker *here, struct found *found)
{
    struct weir__task *task = found->task;

    found->task = NULL;
    if (WEIR_ATOMIC_LOAD(&task->wait, ACQUIRE) != found->word
        || WEIR_ATOMIC_LOAD(&task->state, ACQUIRE) != TASK_WAITING)
        return;
    found->told.waits_for = name_of_op(task->waiting);
    look_at_held(here, task, found, false);
}

static void visit(struct weir__worker *here, struct piece *piece)
{
    uint32_t i;

    for (i = 0; i < piece->count; i++) {
        if (!piece->found[i].task || !waits_here(here, piece->found[i].word))
            continue;
        visit_one(here, &piece->found[i]);
        if (weir__now_ns() >= piece->until_ns)
            break; /* the asker comes again for the others */
    }
}

static void deliver(weir_post *post, weir_loop *loop)
{
    struct ask *ask = WEIR_CONTAINER_OF(post, struct ask, post);
    uint32_t asked = ASK_ASKED;

    (void)loop;
    if (!WEIR_ATOMIC_CAS(&ask->word, &asked, ASK_TAKEN, SEQ_CST)) {
        weir__free(ask);
        return;
    }
    ask->piece->until_ns = weir__now_ns() + PIECE_NS;
    if (ask->what == ASK_WALK)
        walk(ask);
    else
        visit(ask->worker, ask->piece);
    weir__cold_flush(ask->worker);
    weir__wake(weir__waiter_grant(ask->waiter, 0)); /* the asker may be gone */
}

/* ---- on the thread of the asker ---- */

static bool granted(const struct weir__waiter *waiter)
{
    return WEIR_ATOMIC_LOAD(&waiter->state, ACQUIRE) == WAITER_GRANTED;
}

/* Waits for a while: 0 or an error, WEIR_ETIMEDOUT after the time. */
static int await_for(struct weir__task *task, struct weir__waiter *waiter, int64_t limit_ns)
{
    uint64_t until_ns = weir__now_ns() + (uint64_t)limit_ns;
    int rc = 0;

    while (!granted(waiter) && rc == 0)
        rc = task ? weir__task_pause_until(task, until_ns)
                  : weir__sys_table()->park(&waiter->state, WAITER_QUEUED, limit_ns);
    return rc;
}

/* Whether the runtime has ended, and waits for who dumps it at a signal. */
static bool stops(struct weir__runtime *runtime)
{
    return WEIR_ATOMIC_LOAD(&weir__runtime_dumper(runtime)->stopping, SEQ_CST);
}

/* The same for as long as the worker that is asked moves. Looks are counted, and not the time: a
 * machine that stands still for a while is no worker that does. */
static int await(struct weir__task *task, struct weir__waiter *waiter, struct weir__worker *worker)
{
    uint32_t runs = WEIR_ATOMIC_LOAD(&worker->run.runs, RELAXED), still = 0, looks;
    int rc = WEIR_ETIMEDOUT;

    for (looks = 0; rc == WEIR_ETIMEDOUT && still < STILL_MAX && looks < LOOKS_MAX; looks++) {
        uint32_t now;

        if (stops(worker->runtime))
            break;

        rc = await_for(task, waiter, ANSWER_NS);
        now = WEIR_ATOMIC_LOAD(&worker->run.runs, RELAXED);
        still = now == runs ? still + 1 : 0;
        runs = now;
    }
    return rc;
}

static void await_grant(struct weir__task *task, struct weir__waiter *waiter)
{
    while (!granted(waiter)) {
        if (task)
            weir__task_suspend(task);
        else
            (void)weir__sys_table()->park(&waiter->state, WAITER_QUEUED, -1);
    }
}

/* 0, WEIR_ETIMEDOUT, or why the asking task was stopped. The piece is the asker's again. */
static int ask_worker(struct dump *dump, struct weir__worker *worker, enum ask_for what)
{
    struct weir__waiter own, *waiter;
    struct ask *ask = dump->ask;
    uint32_t asked = ASK_ASKED;
    int rc;

    if (!ask)
        dump->ask = ask = weir__calloc(1, sizeof *ask);
    if (!ask)
        return WEIR_ENOMEM;
    waiter = weir__waiter_begin(&own, "dump");
    ask->post.deliver = deliver;
    ask->word = ASK_ASKED;
    ask->what = what;
    ask->worker = worker;
    ask->waiter = waiter;
    ask->piece = dump->piece;
    weir__loop_post(worker->loop, &ask->post);
    rc = await(dump->asker, waiter, worker);
    if (!granted(waiter) && WEIR_ATOMIC_CAS(&ask->word, &asked, ASK_ABANDONED, SEQ_CST)) {
        dump->ask = NULL;
        return rc == WEIR_ETIMEDOUT ? rc : weir__task_stopped(dump->asker, rc);
    }
    await_grant(dump->asker, waiter);
    return 0;
}

static bool is_marked(const uint64_t *bits, const struct weir__worker *worker)
{
    return bits[(worker->index - 1) / 64] >> (worker->index - 1) % 64 & 1;
}

static void mark(uint64_t *bits, const struct weir__worker *worker)
{
    bits[(worker->index - 1) / 64] |= 1ull << (worker->index - 1) % 64;
}

/* The same, once for a worker that does not answer. */
static int ask_unless_silent(struct dump *dump, struct weir__worker *worker, enum ask_for what)
{
    int rc = WEIR_ETIMEDOUT;

    if (!is_marked(dump->silent, worker))
        rc = ask_worker(dump, worker, what);
    if (rc == WEIR_ETIMEDOUT)
        mark(dump->silent, worker);
    return rc;
}

/* Asks for the tasks of the piece that wait on other loops, until none is left. */
static int visit_others(struct dump *dump)
{
    struct piece *piece = dump->piece;
    uint32_t i;
    int rc = 0;

    for (i = 0; i < piece->count && (rc == 0 || rc == WEIR_ETIMEDOUT); i++) {
        struct found *found = &piece->found[i];

        while (found->task) {
            rc = ask_unless_silent(
                dump, weir__loop_by_index(weir__wait_word_loop(found->word))->worker, ASK_VISIT);
            if (rc < 0)
                found->task = NULL;
        }
    }
    return rc == WEIR_ETIMEDOUT ? 0 : rc;
}

static int64_t trace_limit(const struct dump *dump)
{
    return dump->asker ? TASK_TRACE_NS : TRACE_NS;
}

static void trace_running(struct dump *dump, struct found *found)
{
    struct weir__worker *worker = weir__runtime_worker(dump->runtime, found->told.worker);
    const struct weir__traced *traced = &worker->traced;

    if (!weir__traced_ask(worker, trace_limit(dump)) || traced->task_id != found->told.id)
        return;
    memcpy(found->frames, traced->frames, (size_t)traced->frame_count * sizeof *found->frames);
    found->told.frame_count = (uint32_t)traced->frame_count;
}

static void tell(struct dump *dump, const struct weir_dump_task *told)
{
    weir__current_leave();
    dump->fn(told, dump->arg);
    weir__current_enter();
}

static void tell_piece(struct dump *dump)
{
    uint32_t i;

    for (i = 0; i < dump->piece->count; i++) {
        struct found *found = &dump->piece->found[i];

        if (found->runs)
            trace_running(dump, found);
        tell(dump, &found->told);
        dump->count++;
    }
}

/* A worker that has not answered, and the one of its untold tasks that can be told. */
static void tell_silent(struct dump *dump, struct weir__worker *worker)
{
    const struct weir__traced *traced = &worker->traced;
    struct weir_dump_task told = {.waits_for = "",
                                  .deadline_ns = WEIR_FOREVER,
                                  .worker = worker->index,
                                  .frames = traced->frames};

    if (is_marked(dump->untold, worker) && weir__traced_ask(worker, trace_limit(dump))
        && weir__task_home_of(traced->task_id) == worker->index) {
        told.id = traced->task_id;
        told.name = traced->task_name;
        told.state = "running";
        told.frame_count = (uint32_t)traced->frame_count;
        tell(dump, &told);
        dump->count++;
        told.frame_count = 0;
    }
    told.id = 0;
    told.name = "(a worker that does not answer)";
    told.state = "silent";
    tell(dump, &told);
}

static int dump_worker(struct dump *dump, struct weir__worker *worker)
{
    struct piece *piece = dump->piece;
    int rc;

    memset(&piece->cursor, 0, sizeof piece->cursor);
    do {
        piece->count = 0;
        rc = ask_unless_silent(dump, worker, ASK_WALK);
        if (rc == WEIR_ETIMEDOUT) {
            mark(dump->untold, worker);
            return 0;
        }
        if (rc == 0)
            rc = visit_others(dump);
        if (rc == 0)
            tell_piece(dump);
    } while (rc == 0 && piece->more);
    return rc;
}

int weir__dump(struct weir__runtime *runtime, weir_dump_fn *fn, void *arg)
{
    struct weir__dumper *dumper = weir__runtime_dumper(runtime);
    struct dump dump = {.runtime = runtime, .asker = weir__task_current(), .fn = fn, .arg = arg};
    uint32_t i;
    int rc = 0;

    if (WEIR_ATOMIC_EXCHANGE(&dumper->busy, 1, ACQUIRE))
        return WEIR_EBUSY;
    dump.piece = weir__calloc(1, sizeof *dump.piece);
    if (!dump.piece)
        rc = WEIR_ENOMEM;
    for (i = 1; rc == 0 && i <= weir__runtime_workers(runtime); i++)
        rc = dump_worker(&dump, weir__runtime_worker(runtime, i));
    for (i = 1; rc == 0 && i <= weir__runtime_workers(runtime); i++)
        if (is_marked(dump.silent, weir__runtime_worker(runtime, i)))
            tell_silent(&dump, weir__runtime_worker(runtime, i));
    weir__free(dump.ask);
    weir__free(dump.piece);
    WEIR_ATOMIC_STORE(&dumper->busy, 0, RELEASE);
    return rc < 0 ? rc : dump.count;
}

int weir_dump(weir_runtime *runtime, weir_dump_fn *fn, void *arg)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();

    if (!runtime)
        runtime = weir__runtime_here();
    if (!runtime || (worker && !worker->current))
        return WEIR_ENOTASK;
    return weir__dump(runtime, fn, arg);
}
