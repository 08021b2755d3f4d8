/* task/oneshot.c - one value from one to one; see <weir/chan.h> and oneshot.h.
 *
 * The oneshot is its receiver's: whoever hands the value or the failure over releases it, the
 * receiver or, where that waits already, the sender. A free oneshot that a worker keeps has its
 * slot of the handle table still, with an id that nobody has been given yet: making one is taking
 * it.
 */
#include <weir/chan.h>

#include "core/pool.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/worker.h"

struct weir__oneshot {
    uint32_t lock;
    uint32_t value_size;
    int32_t reason; /* of a failure */
    bool sent;      /* value or reason */
    uint64_t id;    /* 0: none yet */
    struct weir__waitq receiver;
    uint64_t value[WEIR_ONESHOT_VALUE_MAX / sizeof(uint64_t)];
    struct weir__oneshot *next; /* in a cache; the pool's while the oneshot is there */
};

static struct weir__pool oneshots = WEIR__POOL(struct weir__oneshot);

static struct weir__oneshot *enter(weir_oneshot handle)
{
    return weir__named_lock(handle.id, WEIR__KIND_ONESHOT);
}

/* A free oneshot, or NULL when out of memory. */
static struct weir__oneshot *take_free(void)
{
    struct weir__worker *worker = weir__current_worker();
    struct weir__oneshot *oneshot = worker ? worker->oneshots.first : NULL;

    if (!oneshot)
        return weir__pool_take(&oneshots);
    worker->oneshots.first = oneshot->next;
    worker->oneshots.count--;
    return oneshot;
}

/* Only those that a worker keeps have a slot of the table. */
static void give_pool(struct weir__oneshot *oneshot)
{
    if (oneshot->id)
        weir__handle_free(oneshot->id);
    oneshot->id = 0;
    weir__pool_give(&oneshots, oneshot);
}

static void give_free(struct weir__oneshot *oneshot)
{
    struct weir__worker *worker = weir__current_worker();

    if (!worker || worker->oneshots.count == WEIR__ONESHOTS_CACHED) {
        give_pool(oneshot);
        return;
    }
    oneshot->next = worker->oneshots.first;
    worker->oneshots.first = oneshot;
    worker->oneshots.count++;
}

void weir__oneshot_cache_fini(struct weir__oneshot_cache *cache)
{
    while (cache->first) {
        struct weir__oneshot *oneshot = cache->first;

        cache->first = oneshot->next;
        give_pool(oneshot);
    }
    cache->count = 0;
}

static int make(weir_oneshot *out, uint32_t value_size)
{
    struct weir__oneshot *oneshot = take_free();
    int rc = 0;

    if (!oneshot)
        return WEIR_ENOMEM;
    oneshot->value_size = value_size; /* nobody has the id: who comes late looks no further */
    oneshot->reason = 0;
    oneshot->sent = false;
    if (!oneshot->id)
        rc = weir__handle_make(WEIR__KIND_ONESHOT, oneshot, &oneshot->id);
    if (rc < 0)
        give_free(oneshot);
    else
        out->id = oneshot->id;
    return rc;
}

int weir_oneshot_create(weir_oneshot *out, size_t value_size)
{
    WEIR__CALL;

    if (value_size == 0 || value_size > WEIR_ONESHOT_VALUE_MAX)
        return WEIR_EINVAL;
    return make(out, (uint32_t)value_size);
}

/* Ends the locked oneshot: unlocks it, to be used again. */
static void release(struct weir__oneshot *oneshot)
{
    oneshot->id = weir__handle_renew(oneshot->id);
    weir__unlock(&oneshot->lock);
    give_free(oneshot);
}

/* ---- sending ---- */

/* `value` NULL: a failure. */
static int deliver_locked(struct weir__oneshot *oneshot, const void *value, int reason)
{
    struct weir__waiter *receiver;
    struct weir__wakee wakee;

    if (oneshot->sent) {
        weir__unlock(&oneshot->lock);
        return WEIR_EBUSY;
    }
    receiver = weir__claim_first(&oneshot->receiver);
    if (receiver) {
        if (value)
            weir__value_copy(receiver->data, value, oneshot->value_size);
        wakee = weir__waiter_grant(receiver, reason);
        release(oneshot);
        weir__wake(wakee);
        return 0;
    }
    if (value)
        weir__value_copy(oneshot->value, value, oneshot->value_size);
    oneshot->reason = reason;
    oneshot->sent = true;
    weir__unlock(&oneshot->lock);
    return 0;
}

static int deliver(weir_oneshot handle, const void *value, int reason)
{
    WEIR__CALL;
    struct weir__oneshot *oneshot = enter(handle);
    int rc = WEIR_EBADHANDLE;

    if (oneshot)
        rc = deliver_locked(oneshot, value, reason);
    return rc;
}

int weir_oneshot_send(weir_oneshot handle, const void *value)
{
    return deliver(handle, value, 0);
}

int weir_oneshot_fail(weir_oneshot handle, int reason)
{
    return reason < 0 ? deliver(handle, NULL, reason) : WEIR_EINVAL;
}

/* ---- receiving ---- */

/* Of the locked oneshot, which is released if there is something, else stays locked. */
static int recv_now(struct weir__oneshot *oneshot, void *out)
{
    int rc = oneshot->reason;

    if (!oneshot->sent)
        return WEIR_EAGAIN;
    if (rc == 0)
        weir__value_copy(out, oneshot->value, oneshot->value_size);
    release(oneshot);
    return rc;
}

static int recv_or_wait(weir_oneshot handle, void *out)
{
    struct weir__oneshot *oneshot = enter(handle);
    struct weir__waiter own, *waiter;

    if (!oneshot)
        return WEIR_EBADHANDLE;
    if (oneshot->sent)
        return recv_now(oneshot, out);
    if (weir__waitq_first(&oneshot->receiver)) {
        weir__unlock(&oneshot->lock);
        return WEIR_EBUSY;
    }
    waiter = weir__waiter_begin(&own, "oneshot");
    waiter->data = out;
    weir__waitq_push(&oneshot->receiver, waiter);
    weir__unlock(&oneshot->lock);
    return weir__waiter_wait(waiter, &oneshot->receiver, &oneshot->lock);
}

int weir_oneshot_recv(weir_oneshot handle, void *out)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = recv_or_wait(handle, out);
    return rc;
}

static int try_recv(weir_oneshot handle, void *out)
{
    struct weir__oneshot *oneshot = enter(handle);
    int rc;

    if (!oneshot)
        return WEIR_EBADHANDLE;
    if (oneshot->sent)
        return recv_now(oneshot, out);
    rc = weir__waitq_first(&oneshot->receiver) ? WEIR_EBUSY : WEIR_EAGAIN;
    weir__unlock(&oneshot->lock);
    return rc;
}

int weir_oneshot_try_recv(weir_oneshot handle, void *out)
{
    WEIR__CALL;

    return try_recv(handle, out);
}

void weir_oneshot_close(weir_oneshot handle)
{
    WEIR__CALL;
    struct weir__oneshot *oneshot = enter(handle);
    struct weir__waiter *receiver;
    struct weir__wakee wakee = {0};

    if (oneshot) {
        receiver = weir__claim_first(&oneshot->receiver);
        if (receiver)
            wakee = weir__waiter_grant(receiver, WEIR_ECLOSED);
        release(oneshot);
        weir__wake(wakee);
    }
}

/* ---- a case of a select ---- */

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    c->result = try_recv((weir_oneshot){c->id}, c->data);
    return c->result != WEIR_EAGAIN;
}

static enum weir__case_step commit(struct weir__case *c, struct weir__oneshot *oneshot,
                                   struct weir__select *select)
{
    if (!weir__case_claim(c, select)) {
        weir__unlock(&oneshot->lock);
        return CASE_LOST;
    }
    c->result = WEIR_EBUSY;
    if (oneshot->sent)
        c->result = recv_now(oneshot, c->data);
    else
        weir__unlock(&oneshot->lock);
    return CASE_DONE;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    struct weir__oneshot *oneshot = enter((weir_oneshot){c->id});

    if (!oneshot)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (oneshot->sent || weir__waitq_first(&oneshot->receiver))
        return commit(c, oneshot, select);
    weir__case_queue(c, select, &oneshot->receiver, &oneshot->lock);
    weir__unlock(&oneshot->lock);
    return CASE_WAITS;
}

static const struct weir__case_calls calls = {.attempt = attempt, .enlist = enlist};

void weir_case_oneshot(weir_case *out, weir_oneshot oneshot, void *value)
{
    weir__case_fill(out, &calls, oneshot.id, value, 0);
}
