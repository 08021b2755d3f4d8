/* stream/copy.c - from one stream to another; see <weir/copy.h>.
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
#include "stream/stream.h"
#include "sys/current.h"
#include "task/task.h"
#include "task/worker.h"

/* ---- one way ---- */

/* Reads `len` bytes at most, so that no more is taken than what is wanted. */
static int read_at_most(weir_stream from, uint64_t len, weir_lent *out)
{
    struct weir__task *task = weir__task_current();
    weir_lent lent;
    int n;

    if (len >= WEIR__BUFFER_SIZE || !task)
        return weir_read_lent(from, out);
    n = weir__buffers_make_copy(&task->worker->loop->buffers, (uint32_t)len, &lent);
    if (n < 0)
        return n;
    n = (int)weir_read(from, lent.bytes, lent.len);
    if (n > 0) {
        lent.len = (uint32_t)n;
        *out = lent;
    } else {
        weir__buffers_return(&lent);
    }
    return n;
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

static int copy(weir_stream from, weir_stream to, uint64_t *moved,
                const struct weir_copy_options *o)
{
    uint64_t left = o->limit ? o->limit : UINT64_MAX;
    weir_lent lent;

    while (left) {
        int rc, n = read_at_most(from, left, &lent);

        if (n <= 0)
            return n;
        rc = weir_write_all(to, lent.bytes, lent.len);
        weir_give_back(&lent);
        if (rc < 0)
            return rc;
        *moved += (uint64_t)n;
        left -= (uint64_t)n;
        rc = tell_progress(o, *moved);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int weir_copy_n(weir_stream from, weir_stream to, uint64_t *moved,
                const struct weir_copy_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_copy_options o = {0};
    uint64_t sum = 0;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    rc = copy(from, to, &sum, &o);
    if (moved)
        *moved = sum;
    return rc;
}

/* ---- both ways ---- */

struct both {
    int64_t idle_limit_ns;
    uint64_t moved_ns; /* when something last moved; by both */
};

struct way {
    struct both *both;
    weir_stream from, to;
    uint64_t moved;
};

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

static int read_part(struct way *way, weir_lent *out)
{
    weir_block block;
    ptrdiff_t n;

    if (way->both->idle_limit_ns == WEIR_FOREVER)
        return weir_read_lent(way->from, out);
    do {
        n = begin(way->both, &block);
        if (n < 0)
            return (int)n;
        n = weir_read_lent(way->from, out);
    } while (again(way->both, &block, &n));
    return (int)n;
}

static ptrdiff_t write_part(struct way *way, const unsigned char *bytes, size_t len)
{
    weir_block block;
    ptrdiff_t n;

    if (way->both->idle_limit_ns == WEIR_FOREVER)
        return weir_write(way->to, bytes, len);
    do {
        n = begin(way->both, &block);
        if (n < 0)
            return n;
        n = weir_write(way->to, bytes, len);
    } while (again(way->both, &block, &n));
    return n;
}

static int write_whole(struct way *way, const weir_lent *lent)
{
    size_t at = 0;

    while (at < lent->len) {
        ptrdiff_t n = write_part(way, lent->bytes + at, lent->len - at);

        if (n < 0)
            return (int)n;
        at += (size_t)n;
        way->moved += (uint64_t)n;
    }
    return 0;
}

static int run_way(void *arg)
{
    WEIR__CALL;
    struct way *way = arg;
    weir_lent lent;
    int n, rc;

    while ((n = read_part(way, &lent)) > 0) {
        rc = write_whole(way, &lent);
        weir_give_back(&lent);
        if (rc < 0)
            return rc;
    }
    if (n < 0)
        return n;
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
    struct way ways[2] = {{&both, a, b, 0}, {&both, b, a, 0}};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (o.idle_limit_ns < 0)
        return WEIR_EOPTION;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    both.idle_limit_ns = o.idle_limit_ns ? o.idle_limit_ns : WEIR_FOREVER;
    rc = run_both(ways);
    if (copied)
        *copied = (struct weir_copied){ways[0].moved, ways[1].moved};
    return rc;
}
