/* task/broadcast.c - each value to each receiver; see <weir/chan.h>.
 *
 * Values are numbered from 1 and stand in a ring that keeps the last ones; a receiver's place is
 * the number of the next value, in its own memory. Who waits waits for the value that is sent next,
 * and is given it by the sender, so it misses none however late it runs.
 */
#include <weir/chan.h>

#include "base/alloc.h"
#include "core/pool.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/task.h"

#define CAPACITY_MAX (1u << 24)

struct broadcast {
    uint32_t lock;
    uint32_t value_size;
    uint32_t capacity;
    int32_t reason; /* of the close; 0: open */
    uint64_t id;
    uint64_t next; /* number of the next value */
    uint32_t at;   /* its place in the ring */
    unsigned char *ring;
    struct weir__waitq receivers; /* data: the listening */
    void *spare;                  /* the pool's while the broadcast is free */
};

static struct weir__pool broadcasts = WEIR__POOL(struct broadcast);

static struct broadcast *enter(weir_broadcast handle)
{
    return weir__named_lock(handle.id, WEIR__KIND_BROADCAST);
}

/* ---- life ---- */

static int make(weir_broadcast *out, uint32_t value_size, uint32_t capacity)
{
    struct broadcast *broadcast = weir__pool_take(&broadcasts);
    unsigned char *ring = weir__alloc((size_t)capacity * value_size);
    int rc = WEIR_ENOMEM;

    if (!broadcast || !ring)
        goto fail;
    weir__lock(&broadcast->lock); /* who holds an old handle may look */
    broadcast->value_size = value_size;
    broadcast->capacity = capacity;
    broadcast->reason = 0;
    broadcast->next = 1;
    broadcast->at = 0;
    broadcast->ring = ring;
    weir__unlock(&broadcast->lock);
    rc = weir__handle_make(WEIR__KIND_BROADCAST, broadcast, &out->id);
    if (rc == 0)
        return 0;
fail:
    weir__free(ring);
    if (broadcast)
        weir__pool_give(&broadcasts, broadcast);
    return rc;
}

int weir_broadcast_create(weir_broadcast *out, size_t value_size, uint32_t capacity)
{
    WEIR__CALL;

    if (value_size == 0 || value_size > WEIR_VALUE_MAX || capacity == 0 || capacity > CAPACITY_MAX)
        return WEIR_EINVAL;
    return make(out, (uint32_t)value_size, capacity);
}

static void end_waits(struct broadcast *broadcast, int reason)
{
    struct weir__crowd crowd = {0};

    weir__crowd_take(&crowd, &broadcast->receivers);
    weir__crowd_grant(&crowd, &broadcast->lock, NULL, NULL, reason);
}

int weir_broadcast_close(weir_broadcast handle, int reason)
{
    WEIR__CALL;
    struct broadcast *broadcast;

    if (reason > 0)
        return WEIR_EINVAL;
    broadcast = enter(handle);
    if (broadcast) {
        if (!broadcast->reason)
            broadcast->reason = reason ? reason : WEIR_ECLOSED;
        end_waits(broadcast, broadcast->reason);
    }
    return broadcast ? 0 : WEIR_EBADHANDLE;
}

void weir_broadcast_destroy(weir_broadcast handle)
{
    WEIR__CALL;
    struct broadcast *broadcast = enter(handle);

    if (broadcast) {
        weir__handle_free(handle.id);
        weir__free(broadcast->ring);
        broadcast->ring = NULL;
        end_waits(broadcast, WEIR_ECLOSED);
        weir__pool_give(&broadcasts, broadcast);
    }
}

/* ---- sending ---- */

static void give(struct weir__waiter *waiter, const void *from)
{
    weir_listening *listening = waiter->data;

    weir__value_copy(listening->weir__out, from, waiter->count);
    listening->weir__next++;
}

static int send_locked(struct broadcast *broadcast, const void *value)
{
    struct weir__crowd crowd = {0};
    int rc = broadcast->reason;

    if (rc < 0) {
        weir__unlock(&broadcast->lock);
        return rc;
    }
    weir__value_copy(broadcast->ring + (size_t)broadcast->at * broadcast->value_size, value,
                     broadcast->value_size);
    broadcast->at = broadcast->at + 1 == broadcast->capacity ? 0 : broadcast->at + 1;
    broadcast->next++;
    weir__crowd_take(&crowd, &broadcast->receivers);
    weir__crowd_grant(&crowd, &broadcast->lock, give, value, 0);
    return 0;
}

int weir_broadcast_send(weir_broadcast handle, const void *value)
{
    WEIR__CALL;
    struct broadcast *broadcast = enter(handle);
    int rc = WEIR_EBADHANDLE;

    if (broadcast)
        rc = send_locked(broadcast, value);
    return rc;
}

/* ---- receiving ---- */

int weir_broadcast_listen(weir_broadcast handle, weir_listening *out)
{
    WEIR__CALL;
    struct broadcast *broadcast = enter(handle);

    if (broadcast) {
        out->weir__broadcast = handle;
        out->weir__next = broadcast->next;
        weir__unlock(&broadcast->lock);
    }
    return broadcast ? 0 : WEIR_EBADHANDLE;
}

/* Passes over what is not kept any more: how many values that were. */
static int pass_over(const struct broadcast *broadcast, weir_listening *listening)
{
    uint64_t kept =
        broadcast->next - 1 < broadcast->capacity ? broadcast->next - 1 : broadcast->capacity;
    uint64_t oldest = broadcast->next - kept, missed;

    if (listening->weir__next >= oldest)
        return 0;
    missed = oldest - listening->weir__next;
    listening->weir__next = oldest;
    return missed < INT32_MAX ? (int)missed : INT32_MAX;
}

static int recv_now(const struct broadcast *broadcast, weir_listening *listening, void *out)
{
    uint32_t back, at;
    int missed;

    if (listening->weir__next == broadcast->next)
        return broadcast->reason ? broadcast->reason : WEIR_EAGAIN;
    missed = pass_over(broadcast, listening);
    back = (uint32_t)(broadcast->next - listening->weir__next);
    at = broadcast->at >= back ? broadcast->at - back : broadcast->at + broadcast->capacity - back;
    weir__value_copy(out, broadcast->ring + (size_t)at * broadcast->value_size,
                     broadcast->value_size);
    listening->weir__next++;
    return missed;
}

static int try_recv(weir_listening *listening, void *out)
{
    struct broadcast *broadcast = enter(listening->weir__broadcast);
    int rc;

    if (!broadcast)
        return WEIR_EBADHANDLE;
    rc = recv_now(broadcast, listening, out);
    weir__unlock(&broadcast->lock);
    return rc;
}

int weir_broadcast_try_recv(weir_listening *listening, void *out)
{
    WEIR__CALL;

    return try_recv(listening, out);
}

static int recv_or_wait(weir_listening *listening, void *out)
{
    struct broadcast *broadcast = enter(listening->weir__broadcast);
    struct weir__waiter own, *waiter;
    int rc;

    if (!broadcast)
        return WEIR_EBADHANDLE;
    rc = recv_now(broadcast, listening, out);
    if (rc != WEIR_EAGAIN) {
        weir__unlock(&broadcast->lock);
        return rc;
    }
    listening->weir__out = out;
    waiter = weir__waiter_begin(&own, "broadcast");
    waiter->data = listening;
    waiter->count = broadcast->value_size;
    weir__waitq_push(&broadcast->receivers, waiter);
    weir__unlock(&broadcast->lock);
    return weir__waiter_wait_also(waiter, &broadcast->receivers, &broadcast->lock, out);
}

int weir_broadcast_recv(weir_listening *listening, void *out)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = recv_or_wait(listening, out);
    return rc;
}

/* ---- a case of a select: `object` is the listening ---- */

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    c->result = try_recv(c->object, c->data);
    return c->result != WEIR_EAGAIN;
}

static enum weir__case_step commit(struct weir__case *c, struct broadcast *broadcast,
                                   struct weir__select *select)
{
    bool won = weir__case_claim(c, select);

    if (won)
        c->result = recv_now(broadcast, c->object, c->data);
    weir__unlock(&broadcast->lock);
    return won ? CASE_DONE : CASE_LOST;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    weir_listening *listening = c->object;
    struct broadcast *broadcast = enter(listening->weir__broadcast);

    if (!broadcast)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (listening->weir__next != broadcast->next || broadcast->reason)
        return commit(c, broadcast, select);
    listening->weir__out = c->data;
    weir__case_queue(c, select, &broadcast->receivers, &broadcast->lock);
    c->waiter.data = listening;
    c->waiter.count = broadcast->value_size;
    weir__unlock(&broadcast->lock);
    return CASE_WAITS;
}

static const struct weir__case_calls calls = {.attempt = attempt, .enlist = enlist};

void weir_case_broadcast(weir_case *out, weir_listening *listening, void *value)
{
    weir__case_fill(out, &calls, 0, value, 0);
    weir__case_of(out)->object = listening;
}
