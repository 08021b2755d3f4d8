/* stream/wrap.c - streams round streams: what passes, and five things that are done about it. See
 * wrap.h and <weir/wrap.h>; the rate is in wrap_rate.c.
 */
#include "stream/wrap.h"

#include "base/alloc.h"
#include "base/options.h"
#include "sys/current.h"
#include "task/task.h"
#include "task/worker.h"

/* ---- passing on ---- */

static int before(struct weir__wrap *wrap, enum weir__wrap_way way, size_t *len)
{
    return wrap->rules->before ? wrap->rules->before(wrap, way, len) : 1;
}

static ptrdiff_t after(struct weir__wrap *wrap, enum weir__wrap_way way, const void *bytes,
                       ptrdiff_t result)
{
    return wrap->rules->after ? wrap->rules->after(wrap, way, bytes, result) : result;
}

/* At the end of what is read: whether something else comes. */
static bool goes_on(struct weir__wrap *wrap)
{
    if (wrap->source.id == wrap->inner.id || wrap->source.id != wrap->other.id)
        return false;
    weir_close(wrap->other);
    wrap->source = wrap->inner;
    return true;
}

static ptrdiff_t wrap_read(struct weir__stream *stream, struct weir__task *task, void *out,
                           size_t len)
{
    struct weir__wrap *wrap = stream->object;
    ptrdiff_t n = before(wrap, WRAP_READ, &len);

    (void)task;
    if (n <= 0)
        return n;
    do
        n = weir_read(wrap->source, out, len);
    while (n == 0 && goes_on(wrap));
    return after(wrap, WRAP_READ, out, n);
}

static int wrap_read_lent(struct weir__stream *stream, struct weir__task *task, weir_lent *out)
{
    struct weir__wrap *wrap = stream->object;
    ptrdiff_t n = before(wrap, WRAP_READ, NULL);
    weir_lent lent = {0};

    (void)task;
    if (n <= 0)
        return (int)n;
    do
        n = weir_read_lent(wrap->source, &lent);
    while (n == 0 && goes_on(wrap));
    n = after(wrap, WRAP_READ, lent.bytes, n);
    if (n > 0) {
        lent.len = (uint32_t)n;
        *out = lent;
    } else {
        weir_give_back(&lent);
    }
    return (int)n;
}

static ptrdiff_t wrap_write(struct weir__stream *stream, struct weir__task *task, const void *bytes,
                            size_t len)
{
    struct weir__wrap *wrap = stream->object;
    ptrdiff_t n = before(wrap, WRAP_WRITE, &len);

    (void)task;
    if (n <= 0)
        return n;
    n = weir_write(wrap->inner, bytes, len);
    return after(wrap, WRAP_WRITE, bytes, n);
}

static int wrap_shutdown(struct weir__stream *stream)
{
    return weir_shutdown(((struct weir__wrap *)stream->object)->inner);
}

static void wrap_stop(struct weir__stream *stream)
{
    struct weir__wrap *wrap = stream->object;

    weir_close(wrap->inner);
    if (wrap->other.id)
        weir_close(wrap->other);
    if (wrap->rules->stop)
        wrap->rules->stop(wrap);
}

static void wrap_release(struct weir__stream *stream)
{
    wrap_stop(stream); /* a close that ended no call has not done so yet */
    weir__free(stream->object);
}

static const struct weir__stream_kind wrap_kind = {
    .read = wrap_read,
    .read_lent = wrap_read_lent,
    .write = wrap_write,
    .shutdown = wrap_shutdown,
    .stop = wrap_stop,
    .release = wrap_release,
};

/* ---- being made ---- */

int weir__wrap_refuse(weir_stream inner, weir_stream other, int error)
{
    weir_close(inner);
    if (other.id)
        weir_close(other);
    return error;
}

static int check_open(weir_stream stream)
{
    int error;
    struct weir__stream *object = weir__stream_enter(stream, 0, &error);

    if (!object)
        return error;
    weir__stream_leave(object, 0);
    return 0;
}

static int make(weir_stream *out, struct weir__wrap *object)
{
    struct weir__worker *worker = weir__current_worker();
    struct weir__stream *stream;
    int rc = worker ? check_open(object->inner) : WEIR_ENOTASK;

    if (rc == 0 && object->other.id)
        rc = check_open(object->other);
    if (rc == 0)
        rc = weir__stream_make_other(worker, &wrap_kind, object, &stream);
    if (rc == 0)
        out->id = stream->id;
    return rc;
}

int weir__wrap_make(weir_stream *out, const struct weir__wrap *wrap)
{
    struct weir__wrap *object = weir__alloc(sizeof *object);
    int rc = WEIR_ENOMEM;

    if (object) {
        *object = *wrap;
        if (!object->source.id)
            object->source = object->inner;
        rc = make(out, object);
    }
    if (rc == 0)
        return 0;
    weir__free(object);
    return weir__wrap_refuse(wrap->inner, wrap->other, rc);
}

/* ---- take ---- */

static int before_take(struct weir__wrap *wrap, enum weir__wrap_way way, size_t *len)
{
    if (way == WRAP_WRITE)
        return 1;
    if (len && wrap->left < *len)
        *len = (size_t)wrap->left;
    return wrap->left > 0;
}

static ptrdiff_t after_take(struct weir__wrap *wrap, enum weir__wrap_way way, const void *bytes,
                            ptrdiff_t result)
{
    (void)bytes;
    if (way == WRAP_WRITE || result <= 0)
        return result;
    if ((uint64_t)result > wrap->left)
        result = (ptrdiff_t)wrap->left;
    wrap->left -= (uint64_t)result;
    return result;
}

static const struct weir__wrap_rules take_rules = {.before = before_take, .after = after_take};

int weir_wrap_take(weir_stream *out, weir_stream inner, uint64_t len)
{
    WEIR__CALL;

    return weir__wrap_make(out,
                           &(struct weir__wrap){.rules = &take_rules, .inner = inner, .left = len});
}

/* ---- chain ---- */

static const struct weir__wrap_rules chain_rules = {0};

int weir_wrap_chain(weir_stream *out, weir_stream first, weir_stream second)
{
    WEIR__CALL;

    if (!first.id || first.id == second.id)
        return weir__wrap_refuse(second, first, WEIR_EBADHANDLE);
    return weir__wrap_make(
        out, &(struct weir__wrap){
                 .rules = &chain_rules, .inner = second, .other = first, .source = first});
}

/* ---- tee ---- */

static int before_tee(struct weir__wrap *wrap, enum weir__wrap_way way, size_t *len)
{
    (void)len;
    return way == WRAP_READ && wrap->failed ? wrap->failed : 1;
}

static ptrdiff_t after_tee(struct weir__wrap *wrap, enum weir__wrap_way way, const void *bytes,
                           ptrdiff_t result)
{
    int rc = 0;

    if (way == WRAP_WRITE)
        return result;
    if (result > 0)
        rc = weir_write_all(wrap->other, bytes, (size_t)result);
    if (result == 0)
        (void)weir_shutdown(wrap->other);
    wrap->failed = rc;
    return rc < 0 ? rc : result;
}

static const struct weir__wrap_rules tee_rules = {.before = before_tee, .after = after_tee};

int weir_wrap_tee(weir_stream *out, weir_stream inner, weir_stream copy)
{
    WEIR__CALL;

    if (!copy.id || copy.id == inner.id)
        return weir__wrap_refuse(inner, copy, WEIR_EBADHANDLE);
    return weir__wrap_make(
        out,
        &(struct weir__wrap){.rules = &tee_rules, .inner = inner, .other = copy, .source = inner});
}

/* ---- count ---- */

static ptrdiff_t after_count(struct weir__wrap *wrap, enum weir__wrap_way way, const void *bytes,
                             ptrdiff_t result)
{
    (void)bytes;
    if (result > 0) {
        weir__current_leave();
        wrap->count.fn(wrap->count.arg, way == WRAP_WRITE, (size_t)result);
        weir__current_enter();
    }
    return result;
}

static const struct weir__wrap_rules count_rules = {.after = after_count};

int weir_wrap_count(weir_stream *out, weir_stream inner, weir_wrap_count_fn *fn, void *arg)
{
    WEIR__CALL;

    if (!fn)
        return weir__wrap_refuse(inner, (weir_stream){0}, WEIR_EINVAL);
    return weir__wrap_make(
        out, &(struct weir__wrap){.rules = &count_rules, .inner = inner, .count = {fn, arg}});
}

/* ---- timeout ---- */

static int before_timeout(struct weir__wrap *wrap, enum weir__wrap_way way, size_t *len)
{
    int rc = weir_deadline_begin(&wrap->timeout.blocks[way], wrap->timeout.limit_ns[way]);

    (void)len;
    return rc < 0 ? rc : 1;
}

/* Inside of the block an outer deadline is a cancel; outside of it it is what it is. */
static int outer_reason(int code)
{
    struct weir__task *task = weir__task_current();
    int reason = weir__task_refusal(task);

    return reason < 0 ? weir__task_stopped(task, reason) : code;
}

static ptrdiff_t after_timeout(struct weir__wrap *wrap, enum weir__wrap_way way, const void *bytes,
                               ptrdiff_t result)
{
    bool fired = weir_block_end(&wrap->timeout.blocks[way]);

    (void)bytes;
    if (result == WEIR_EDEADLINE && fired)
        return WEIR_ETIMEDOUT;
    return result == WEIR_ECANCELED ? outer_reason((int)result) : result;
}

static const struct weir__wrap_rules timeout_rules = {.before = before_timeout,
                                                      .after = after_timeout};

int weir_wrap_timeout_n(weir_stream *out, weir_stream inner,
                        const struct weir_wrap_timeout_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_wrap_timeout_options o = {0};
    struct weir__wrap wrap = {.rules = &timeout_rules, .inner = inner};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc == 0 && (o.read_ns < 0 || o.write_ns < 0))
        rc = WEIR_EOPTION;
    if (rc < 0)
        return weir__wrap_refuse(inner, (weir_stream){0}, rc);
    wrap.timeout.limit_ns[WRAP_READ] = o.read_ns ? o.read_ns : WEIR_FOREVER;
    wrap.timeout.limit_ns[WRAP_WRITE] = o.write_ns ? o.write_ns : WEIR_FOREVER;
    return weir__wrap_make(out, &wrap);
}
