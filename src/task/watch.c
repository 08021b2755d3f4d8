/* task/watch.c - the latest value; see <weir/chan.h>.
 *
 * Who waits is given the value that ends the wait, with its version, by the one who sets it.
 */
#include <weir/chan.h>

#include "base/alloc.h"
#include "core/pool.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/task.h"

struct watch {
    uint32_t lock;
    uint32_t value_size;
    int32_t reason; /* of the close; 0: open */
    uint64_t id;
    uint64_t version;
    unsigned char *value;
    struct weir__waitq waiters; /* data: where the value goes, and where its version */
    void *spare;                /* the pool's while the watch is free */
};

/* What a setter gives to all of them. */
struct news {
    const void *value;
    uint64_t version;
};

static struct weir__pool watches = WEIR__POOL(struct watch);

static struct watch *enter(weir_watch handle)
{
    return weir__named_lock(handle.id, WEIR__KIND_WATCH);
}

/* ---- life ---- */

static int make(weir_watch *out, uint32_t value_size, const void *value)
{
    struct watch *watch = weir__pool_take(&watches);
    unsigned char *memory = weir__alloc(value_size);
    int rc = WEIR_ENOMEM;

    if (!watch || !memory)
        goto fail;
    weir__value_copy(memory, value, value_size);
    weir__lock(&watch->lock); /* who holds an old handle may look */
    watch->value_size = value_size;
    watch->reason = 0;
    watch->version = 1;
    watch->value = memory;
    weir__unlock(&watch->lock);
    rc = weir__handle_make(WEIR__KIND_WATCH, watch, &out->id);
    if (rc == 0)
        return 0;
fail:
    weir__free(memory);
    if (watch)
        weir__pool_give(&watches, watch);
    return rc;
}

int weir_watch_create(weir_watch *out, size_t value_size, const void *value)
{
    WEIR__CALL;

    if (value_size == 0 || value_size > WEIR_VALUE_MAX)
        return WEIR_EINVAL;
    return make(out, (uint32_t)value_size, value);
}

static void end_waits(struct watch *watch, int reason)
{
    struct weir__crowd crowd = {0};

    weir__crowd_take(&crowd, &watch->waiters);
    weir__crowd_grant(&crowd, &watch->lock, NULL, NULL, reason);
}

int weir_watch_close(weir_watch handle, int reason)
{
    WEIR__CALL;
    struct watch *watch;

    if (reason > 0)
        return WEIR_EINVAL;
    watch = enter(handle);
    if (watch) {
        if (!watch->reason)
            watch->reason = reason ? reason : WEIR_ECLOSED;
        end_waits(watch, watch->reason);
    }
    return watch ? 0 : WEIR_EBADHANDLE;
}

void weir_watch_destroy(weir_watch handle)
{
    WEIR__CALL;
    struct watch *watch = enter(handle);

    if (watch) {
        weir__handle_free(handle.id);
        weir__free(watch->value);
        watch->value = NULL;
        end_waits(watch, WEIR_ECLOSED);
        weir__pool_give(&watches, watch);
    }
}

/* ---- setting ---- */

static void give(struct weir__waiter *waiter, const void *from)
{
    void *const *where = waiter->data;
    const struct news *news = from;

    weir__value_copy(where[0], news->value, waiter->count);
    *(uint64_t *)where[1] = news->version;
}

static int set_locked(struct watch *watch, const void *value)
{
    struct weir__crowd crowd = {0};
    struct news news = {value, watch->version + 1};
    int rc = watch->reason;

    if (rc < 0) {
        weir__unlock(&watch->lock);
        return rc;
    }
    weir__value_copy(watch->value, value, watch->value_size);
    watch->version = news.version;
    weir__crowd_take(&crowd, &watch->waiters);
    weir__crowd_grant(&crowd, &watch->lock, give, &news, 0);
    return 0;
}

int weir_watch_set(weir_watch handle, const void *value)
{
    WEIR__CALL;
    struct watch *watch = enter(handle);
    int rc = WEIR_EBADHANDLE;

    if (watch)
        rc = set_locked(watch, value);
    return rc;
}

/* ---- getting ---- */

int weir_watch_get(weir_watch handle, void *out, uint64_t *version)
{
    WEIR__CALL;
    struct watch *watch = enter(handle);

    if (watch) {
        weir__value_copy(out, watch->value, watch->value_size);
        if (version)
            *version = watch->version;
        weir__unlock(&watch->lock);
    }
    return watch ? 0 : WEIR_EBADHANDLE;
}

static int changed_now(const struct watch *watch, void *out, uint64_t *version)
{
    if (watch->version == *version)
        return watch->reason ? watch->reason : WEIR_EAGAIN;
    weir__value_copy(out, watch->value, watch->value_size);
    *version = watch->version;
    return 0;
}

static int changed_or_wait(weir_watch handle, void *out, uint64_t *version)
{
    struct watch *watch = enter(handle);
    void *where[2] = {out, version};
    struct weir__waiter own, *waiter;
    int rc;

    if (!watch)
        return WEIR_EBADHANDLE;
    rc = changed_now(watch, out, version);
    if (rc != WEIR_EAGAIN) {
        weir__unlock(&watch->lock);
        return rc;
    }
    waiter = weir__waiter_begin(&own, "watch");
    waiter->data = where;
    waiter->count = watch->value_size;
    weir__waitq_push(&watch->waiters, waiter);
    weir__unlock(&watch->lock);
    return weir__waiter_wait(waiter, &watch->waiters, &watch->lock);
}

int weir_watch_changed(weir_watch handle, void *out, uint64_t *version)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = changed_or_wait(handle, out, version);
    return rc;
}

/* ---- a case of a select ---- */

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    struct watch *watch = enter((weir_watch){c->id});

    (void)task;
    c->result = WEIR_EBADHANDLE;
    if (watch) {
        c->result = changed_now(watch, c->where[0], c->where[1]);
        weir__unlock(&watch->lock);
    }
    return c->result != WEIR_EAGAIN;
}

static enum weir__case_step commit(struct weir__case *c, struct watch *watch,
                                   struct weir__select *select)
{
    bool won = weir__case_claim(c, select);

    if (won)
        c->result = changed_now(watch, c->where[0], c->where[1]);
    weir__unlock(&watch->lock);
    return won ? CASE_DONE : CASE_LOST;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    struct watch *watch = enter((weir_watch){c->id});

    if (!watch)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (watch->version != *(uint64_t *)c->where[1] || watch->reason)
        return commit(c, watch, select);
    weir__case_queue(c, select, &watch->waiters, &watch->lock);
    c->waiter.data = c->where;
    c->waiter.count = watch->value_size;
    weir__unlock(&watch->lock);
    return CASE_WAITS;
}

static const struct weir__case_calls calls = {.attempt = attempt, .enlist = enlist};

void weir_case_watch(weir_case *out, weir_watch watch, void *value, uint64_t *version)
{
    weir__case_fill(out, &calls, watch.id, value, 0);
    weir__case_of(out)->where[0] = value;
    weir__case_of(out)->where[1] = version;
}
