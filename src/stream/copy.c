/* stream/copy.c - from one stream to another; see <weir/copy.h>.
 *
 * A way begins with lent buffers. When they come full it goes on through a conduit (conduit.h), if
 * both streams can, and it comes back when parts are small.
 *
 * Two ways at once are two tasks in a scope. They share the moment at which something last moved:
 * each call has that moment and the idle limit as its deadline, and one that is stopped by it looks
 * whether the other way has moved something meanwhile.
 */
#include <weir/copy.h>
#include <weir/scope.h>

#include "base/atomic.h"
#include "base/options.h"
#include "core/buffers.h"
#include "stream/conduit.h"
#include "stream/stream.h"
#include "sys/current.h"
#include "task/task.h"
#include "task/worker.h"

/* Measured, see docs/moving.md: a part of 24 KiB costs the same by a splice and by buffers. A count
 * goes up with each part that speaks for the other way and down with each that does not. Who comes
 * back has to be convinced for twice as long the next time. */
#define LARGE          (24u * 1024)
#define FULL_MANY      8 /* full buffers, before it splices */
#define FULL_MANY_MOST 1024
#define SMALL_MANY     8 /* spliced parts that are not large, before it does not */

enum way_by {
    BY_BUFFERS, /* and looks whether a conduit would be better */
    BY_CONDUIT,
    BY_BUFFERS_ALONE
};

struct both {
    int64_t idle_limit_ns;
    uint64_t moved_ns; /* when something last moved; by both */
};

struct way {
    struct both *both; /* NULL: there is no idle limit */
    weir_stream from, to;
    uint64_t left;
    uint64_t moved;
    uint64_t spliced; /* of these */
    enum way_by by;
    bool by_choice; /* of the options: it stays with the conduit */
    uint32_t doubts, full_many;
    struct weir__conduit conduit;
};

/* What one call of a way is about. */
struct part {
    weir_lent lent;
    size_t at;
};

typedef ptrdiff_t part_fn(struct way *way, struct part *part);

static int way_init(struct way *way, uint8_t splice)
{
    if (splice > WEIR_OFF)
        return WEIR_EOPTION;
    if (splice == WEIR_OFF || !weir__conduit_fits(way->from, way->to))
        way->by = BY_BUFFERS_ALONE;
    else
        way->by = splice == WEIR_ON ? BY_CONDUIT : BY_BUFFERS;
    way->by_choice = splice == WEIR_ON;
    way->full_many = FULL_MANY;
    return 0;
}

/* ---- calls within the idle limit ---- */

/* Opens a block for one call. */
static int begin(struct both *both, weir_block *block)
{
    uint64_t end_ns =
        weir__time_later(WEIR_ATOMIC_LOAD(&both->moved_ns, RELAXED), both->idle_limit_ns);
    uint64_t now_ns = weir__now_ns();

    return weir_deadline_begin(block, end_ns > now_ns ? (int64_t)(end_ns - now_ns) : 0);
}

/* Whether to make the call again that had `result`, which becomes WEIR_EIDLE if it was idle. */
static bool again(struct both *both, weir_block *block, ptrdiff_t *result)
{
    bool fired = weir_block_end(block);

    if (*result > 0)
        WEIR_ATOMIC_STORE(&both->moved_ns, weir__now_ns(), RELAXED); /* partner: begin */
    if (*result != WEIR_EDEADLINE || !fired)
        return false;
    if (weir__time_later(WEIR_ATOMIC_LOAD(&both->moved_ns, RELAXED), both->idle_limit_ns)
        > weir__now_ns())
        return true;
    *result = WEIR_EIDLE;
    return false;
}

static ptrdiff_t call(struct way *way, part_fn *fn, struct part *part)
{
    weir_block block;
    ptrdiff_t n;

    if (!way->both)
        return fn(way, part);
    do {
        n = begin(way->both, &block);
        if (n < 0)
            return n;
        n = fn(way, part);
    } while (again(way->both, &block, &n));
    return n;
}

/* ---- through buffers ---- */

/* No more is taken than what is wanted. */
static ptrdiff_t read_part(struct way *way, struct part *part)
{
    struct weir__task *task = weir__task_current();
    weir_lent lent;
    ptrdiff_t n;

    if (way->left >= WEIR__BUFFER_SIZE || !task)
        return weir_read_lent(way->from, &part->lent);
    n = weir__buffers_make_copy(&task->worker->loop->buffers, (uint32_t)way->left, &lent);
    if (n < 0)
        return n;
    n = weir_read(way->from, lent.bytes, lent.len);
    if (n > 0) {
        lent.len = (uint32_t)n;
        part->lent = lent;
    } else {
        weir__buffers_return(&lent);
    }
    return n;
}

static ptrdiff_t write_part(struct way *way, struct part *part)
{
    return weir_write(way->to, part->lent.bytes + part->at, part->lent.len - part->at);
}

static int write_whole(struct way *way, struct part *part)
{
    ptrdiff_t n = 0;

    while (n >= 0 && part->at < part->lent.len) {
        n = call(way, write_part, part);
        part->at += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        part->at += weir__stream_write_last(way->to, part->lent.bytes + part->at,
                                            part->lent.len - part->at);
    return n < 0 ? (int)n : 0;
}

/* Whether it is time for the other way. */
static bool doubts(struct way *way, bool more, uint32_t many)
{
    if (more)
        way->doubts++;
    else if (way->doubts)
        way->doubts--;
    if (way->doubts < many)
        return false;
    way->doubts = 0;
    return true;
}

static void note_buffer(struct way *way, size_t len)
{
    if (way->by == BY_BUFFERS && doubts(way, len >= WEIR__BUFFER_SIZE, way->full_many))
        way->by = BY_CONDUIT;
}

static ptrdiff_t move_buffer(struct way *way)
{
    struct part part = {.at = 0};
    ptrdiff_t n = call(way, read_part, &part);
    int rc;

    if (n <= 0)
        return n;
    rc = write_whole(way, &part);
    weir_give_back(&part.lent);
    way->moved += part.at;
    note_buffer(way, (size_t)n);
    return rc < 0 ? rc : n;
}

/* ---- through a conduit ---- */

static ptrdiff_t fill_part(struct way *way, struct part *part)
{
    (void)part;
    return weir__conduit_fill(&way->conduit, way->from,
                              way->left < SIZE_MAX ? (size_t)way->left : SIZE_MAX);
}

static ptrdiff_t drain_part(struct way *way, struct part *part)
{
    (void)part;
    return weir__conduit_drain(&way->conduit, way->to);
}

static int drain_whole(struct way *way)
{
    size_t filled = way->conduit.held;
    ptrdiff_t n = 1;

    while (n > 0 && way->conduit.held)
        n = call(way, drain_part, NULL);
    filled -= way->conduit.held;
    if (n < 0)
        filled += weir__conduit_end(&way->conduit, way->to);
    way->moved += filled;
    way->spliced += filled;
    return n < 0 ? (int)n : 0;
}

static void note_spliced(struct way *way, size_t len)
{
    if (way->by_choice || !doubts(way, len < LARGE, SMALL_MANY))
        return;
    way->by = BY_BUFFERS;
    way->full_many = way->full_many < FULL_MANY_MOST ? 2 * way->full_many : way->full_many;
}

/* As move_buffer; WEIR_EAGAIN and WEIR_ENOTSUP as weir__conduit_fill. */
static ptrdiff_t move_spliced(struct way *way)
{
    ptrdiff_t n = call(way, fill_part, NULL);
    int rc;

    if (n == WEIR_ENOTSUP)
        way->by = BY_BUFFERS_ALONE;
    if (n <= 0)
        return n;
    note_spliced(way, (size_t)n);
    rc = drain_whole(way);
    return rc < 0 ? rc : n;
}

/* ---- one way ---- */

/* Moves one part: the count, 0 at the end, or an error. */
static ptrdiff_t move_part(struct way *way)
{
    ptrdiff_t n = way->by == BY_CONDUIT ? move_spliced(way) : WEIR_EAGAIN;

    return n == WEIR_EAGAIN || n == WEIR_ENOTSUP ? move_buffer(way) : n;
}

static int tell_progress(const struct weir_copy_options *o, uint64_t moved)
{
    int rc;

    if (!o->progress)
        return 0;
    weir__current_leave();
    rc = o->progress(o->arg, moved);
    weir__current_enter();
    return rc < 0 ? rc : 0;
}

static int copy(struct way *way, const struct weir_copy_options *o)
{
    int rc = 0;

    while (rc == 0 && way->left) {
        ptrdiff_t n = move_part(way);

        if (n <= 0)
            return (int)n;
        way->left -= (uint64_t)n;
        rc = tell_progress(o, way->moved);
    }
    return rc;
}

/* As copy, and gives up what the way holds. */
static int run_copy(struct way *way, const struct weir_copy_options *o)
{
    int rc = copy(way, o);

    if (way->conduit.open)
        (void)weir__conduit_end(&way->conduit, way->to);
    return rc;
}

int weir_copy_n(weir_stream from, weir_stream to, uint64_t *moved,
                const struct weir_copy_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_copy_options o = {0};
    struct way way = {.from = from, .to = to};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc == 0)
        rc = way_init(&way, o.splice);
    if (rc < 0)
        return rc;
    way.left = o.limit ? o.limit : UINT64_MAX;
    rc = weir__task_current() ? run_copy(&way, &o) : WEIR_ENOTASK;
    if (moved)
        *moved = way.moved;
    return rc;
}

/* ---- both ways ---- */

static int run_way(void *arg)
{
    WEIR__CALL;
    static const struct weir_copy_options none;
    struct way *way = arg;
    int rc = run_copy(way, &none);

    if (rc < 0)
        return rc;
    rc = weir_shutdown(way->to);
    return rc == WEIR_ENOTCONN ? 0 : rc; /* the peer is gone, with all that was for it */
}

/* A task in a scope is cancelled by what is a deadline for its opener. */
static int reason_of(int rc)
{
    struct weir__task *task = weir__task_current();
    int reason = rc == WEIR_ECANCELED ? weir__task_refusal(task) : 0;

    return reason < 0 ? weir__task_stopped(task, reason) : rc;
}

static int run_both(struct way ways[2])
{
    struct weir_spawn_options spawned = {.name = "copy"};
    weir_scope scope;
    int i, failed, rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    for (i = 0; i < 2 && rc == 0; i++)
        rc = weir_spawn_with(&scope, run_way, &ways[i], &spawned);
    if (rc < 0)
        weir_scope_cancel(&scope);
    failed = weir_scope_join(&scope);
    return reason_of(rc < 0 ? rc : failed);
}

int weir_copy_both_n(weir_stream a, weir_stream b, struct weir_copied *copied,
                     const struct weir_copy_both_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_copy_both_options o = {0};
    struct both both = {.moved_ns = weir__now_ns()};
    struct way ways[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
    int i, rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc == 0 && o.idle_limit_ns < 0)
        rc = WEIR_EOPTION;
    for (i = 0; i < 2 && rc == 0; i++)
        rc = way_init(&ways[i], o.splice);
    if (rc < 0)
        return rc;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    both.idle_limit_ns = o.idle_limit_ns;
    for (i = 0; i < 2; i++) {
        ways[i].left = UINT64_MAX;
        ways[i].both = o.idle_limit_ns && o.idle_limit_ns != WEIR_FOREVER ? &both : NULL;
    }
    rc = run_both(ways);
    if (copied)
        *copied =
            (struct weir_copied){ways[0].moved, ways[1].moved, ways[0].spliced + ways[1].spliced};
    return rc;
}
