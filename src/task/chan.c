/* task/chan.c - channels; see <weir/chan.h>.
 *
 * Values stand in a ring, in the order in which they were sent. Under the channel's lock, between
 * sections: who waits to receive waits because there is no value, and who waits to send because
 * there is no room, which is taken by values and permits. So a value goes from a sender straight to
 * the first receiver, and room goes to the first sender, whoever else comes. What one section
 * frees may be more than it can wake; it then goes on after it has woken (pump), and newcomers,
 * who see the queue, stand behind.
 *
 * A channel without a capacity has no ring: who comes second finds the first and copies from or to
 * it. One without a bound has a ring that grows and shrinks.
 */
#include "task/chan.h"

#include "base/alloc.h"
#include "base/options.h"
#include "core/pool.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/task.h"

#define CAPACITY_MAX (1u << 24)
#define UNBOUNDED    UINT32_MAX
#define ROOM_MIN     32u /* of an unbounded channel's ring */

enum waits_for { /* waiter.count of senders; of receivers it is how many values they take */
    TO_SEND,
    TO_RESERVE
};
#define ONE_VALUE 0u

struct chan {
    uint32_t lock;
    uint32_t value_size;
    uint32_t capacity;
    uint32_t room; /* of the ring */
    uint32_t head;
    uint32_t count;
    uint32_t reserved; /* permits */
    uint32_t sender_count;
    int32_t reason; /* of the close; 0: open */
    bool counted;
    uint64_t id;
    unsigned char *ring;
    struct weir__waitq senders;
    struct weir__waitq receivers;
    void *spare; /* the pool's while the channel is free */
};

static struct weir__pool chans = WEIR__POOL(struct chan);

static struct chan *enter(weir_chan handle)
{
    return weir__named_lock(handle.id, WEIR__KIND_CHAN);
}

/* ---- the ring ---- */

static unsigned char *slot(const struct chan *chan, uint32_t index)
{
    uint64_t at = (uint64_t)chan->head + index;

    return chan->ring + (size_t)(at < chan->room ? at : at - chan->room) * chan->value_size;
}

/* Gives the ring of an unbounded channel another size. 0 or WEIR_ENOMEM. */
static int resize(struct chan *chan, uint32_t room)
{
    unsigned char *ring = weir__alloc((size_t)room * chan->value_size);
    uint32_t before_wrap = chan->room - chan->head, size = chan->value_size;

    if (!ring)
        return WEIR_ENOMEM;
    if (before_wrap > chan->count)
        before_wrap = chan->count;
    if (chan->count) {
        __builtin_memcpy(ring, slot(chan, 0), (size_t)before_wrap * size);
        __builtin_memcpy(ring + (size_t)before_wrap * size, chan->ring,
                         (size_t)(chan->count - before_wrap) * size);
    }
    weir__free(chan->ring);
    chan->ring = ring;
    chan->room = room;
    chan->head = 0;
    return 0;
}

static int make_place(struct chan *chan)
{
    if (chan->count < chan->room)
        return 0;
    if (chan->room > UINT32_MAX / 4)
        return WEIR_ENOMEM;
    return resize(chan, chan->room ? 2 * chan->room : ROOM_MIN);
}

static void pop(struct chan *chan, void *out)
{
    weir__value_copy(out, slot(chan, 0), chan->value_size);
    chan->head = chan->head + 1 == chan->room ? 0 : chan->head + 1;
    chan->count--;
    if (chan->capacity == UNBOUNDED && chan->room > ROOM_MIN && chan->count < chan->room / 8)
        (void)resize(chan, chan->room / 4);
}

/* ---- one section under the lock ---- */

static bool has_room(const struct chan *chan)
{
    return chan->count + chan->reserved < chan->capacity;
}

/* No value comes any more. */
static bool drained(const struct chan *chan)
{
    return chan->reason && !chan->count && !chan->reserved;
}

/* Gives a value to the first receiver: false if none waits. */
static bool hand_over(struct chan *chan, const void *value, struct weir__wakes *wakes)
{
    struct weir__waiter *receiver = weir__claim_first(&chan->receivers);

    if (!receiver)
        return false;
    weir__value_copy(receiver->data, value, chan->value_size);
    weir__wakes_add(wakes, weir__waiter_grant(receiver, receiver->count == ONE_VALUE ? 0 : 1));
    return true;
}

/* Where there is room: to a receiver or into the ring. 0 or WEIR_ENOMEM. */
static int place(struct chan *chan, const void *value, struct weir__wakes *wakes)
{
    int rc = 0;

    if (hand_over(chan, value, wakes))
        return 0;
    if (chan->capacity == UNBOUNDED)
        rc = make_place(chan);
    if (rc == 0)
        weir__value_copy(slot(chan, chan->count++), value, chan->value_size);
    return rc;
}

/* `out` NULL: the caller fills it in itself. */
static void give_permit(struct chan *chan, weir_permit *out)
{
    chan->reserved++;
    if (out)
        out->weir__chan.id = chan->id;
}

/* Lets senders go on that wait, as far as there is room: true if there is more to do. */
static bool pump(struct chan *chan, struct weir__wakes *wakes)
{
    while (has_room(chan)) {
        struct weir__waiter *sender;

        if (wakes->count + 2 > WEIR__WAKES_MAX)
            return weir__waitq_first(&chan->senders) != NULL;
        sender = weir__claim_first(&chan->senders);
        if (!sender)
            break;
        if (sender->count == TO_RESERVE)
            give_permit(chan, sender->data);
        else
            (void)place(chan, sender->data, wakes); /* bounded: nobody waits for memory */
        weir__wakes_add(wakes, weir__waiter_grant(sender, 0));
    }
    return false;
}

/* Ends a section: does what has become possible, unlocks and wakes. The channel may be destroyed
 * while it is unlocked, and be another one; what is done to that is right, too. */
static void leave(struct chan *chan, struct weir__wakes *wakes)
{
    while (!weir__waitq_empty(&chan->senders) && pump(chan, wakes)) {
        weir__unlock(&chan->lock);
        weir__wakes_send(wakes);
        weir__lock(&chan->lock);
    }
    weir__unlock(&chan->lock);
    weir__wakes_send(wakes);
}

static void take_all(struct chan *chan, struct weir__crowd *crowd)
{
    weir__crowd_take(crowd, &chan->senders);
    weir__crowd_take(crowd, &chan->receivers);
}

/* Ends a section in which the last permit went or the channel was closed. */
static void leave_and_end(struct chan *chan, struct weir__wakes *wakes)
{
    struct weir__crowd crowd = {0};

    if (!chan->reason) {
        leave(chan, wakes);
        return;
    }
    weir__crowd_take(&crowd, &chan->senders);
    if (drained(chan))
        weir__crowd_take(&crowd, &chan->receivers);
    weir__crowd_grant(&crowd, &chan->lock, NULL, NULL, chan->reason);
    weir__wakes_send(wakes);
}

/* 0, WEIR_EAGAIN if it has to wait, or an error. */
static int send_now(struct chan *chan, const void *value, struct weir__wakes *wakes)
{
    if (chan->reason)
        return chan->reason;
    if (chan->capacity == 0)
        return hand_over(chan, value, wakes) ? 0 : WEIR_EAGAIN;
    if (!has_room(chan) || weir__waitq_first(&chan->senders))
        return WEIR_EAGAIN;
    return place(chan, value, wakes);
}

static bool take_from_sender(struct chan *chan, void *out, struct weir__wakes *wakes)
{
    struct weir__waiter *sender = weir__claim_first(&chan->senders);

    if (!sender)
        return false;
    weir__value_copy(out, sender->data, chan->value_size);
    weir__wakes_add(wakes, weir__waiter_grant(sender, 0));
    return true;
}

static int recv_now(struct chan *chan, void *out, struct weir__wakes *wakes)
{
    if (chan->count) {
        pop(chan, out);
        return 0;
    }
    if (chan->capacity == 0 && take_from_sender(chan, out, wakes))
        return 0;
    return drained(chan) ? chan->reason : WEIR_EAGAIN;
}

/* ---- sending and receiving ---- */

static int try_send(weir_chan handle, const void *value)
{
    struct chan *chan = enter(handle);
    struct weir__wakes wakes;
    int rc;

    if (!chan)
        return WEIR_EBADHANDLE;
    wakes.count = 0;
    rc = send_now(chan, value, &wakes);
    weir__unlock(&chan->lock);
    weir__wakes_send(&wakes);
    return rc;
}

static int try_recv(weir_chan handle, void *out)
{
    struct chan *chan = enter(handle);
    struct weir__wakes wakes;
    int rc;

    if (!chan)
        return WEIR_EBADHANDLE;
    wakes.count = 0;
    rc = recv_now(chan, out, &wakes);
    leave(chan, &wakes);
    return rc;
}

/* Waits in a queue of the locked channel, which is unlocked. */
static int wait_in(struct chan *chan, struct weir__waitq *queue, void *data, uint32_t count)
{
    const char *what = queue == &chan->senders ? "channel send" : "channel receive";
    struct weir__waiter own, *waiter = weir__waiter_begin(&own, what);

    waiter->data = data;
    waiter->count = count;
    weir__waitq_push(queue, waiter);
    weir__unlock(&chan->lock);
    return weir__waiter_wait(waiter, queue, &chan->lock);
}

static int send_or_wait(weir_chan handle, const void *value)
{
    struct chan *chan = enter(handle);
    struct weir__wakes wakes;
    int rc;

    if (!chan)
        return WEIR_EBADHANDLE;
    wakes.count = 0;
    rc = send_now(chan, value, &wakes);
    if (rc == WEIR_EAGAIN)
        return wait_in(chan, &chan->senders, (void *)(uintptr_t)value, TO_SEND);
    weir__unlock(&chan->lock);
    weir__wakes_send(&wakes);
    return rc;
}

static int recv_or_wait(weir_chan handle, void *out, uint32_t count)
{
    struct chan *chan = enter(handle);
    struct weir__wakes wakes;
    int rc;

    if (!chan)
        return WEIR_EBADHANDLE;
    wakes.count = 0;
    rc = recv_now(chan, out, &wakes);
    if (rc == WEIR_EAGAIN)
        return wait_in(chan, &chan->receivers, out, count);
    leave(chan, &wakes);
    return rc;
}

int weir_chan_send(weir_chan handle, const void *value)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = send_or_wait(handle, value);
    return rc;
}

int weir_chan_try_send(weir_chan handle, const void *value)
{
    WEIR__CALL;

    return try_send(handle, value);
}

int weir_chan_recv(weir_chan handle, void *out)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = recv_or_wait(handle, out, ONE_VALUE);
    return rc;
}

int weir_chan_try_recv(weir_chan handle, void *out)
{
    WEIR__CALL;

    return try_recv(handle, out);
}

/* Takes what is there, behind the `taken` values in an array for `count`: how many are in it then;
 * if there are none an error. */
static int recv_array(weir_chan handle, unsigned char *array, uint32_t taken, uint32_t count)
{
    int rc = 0;

    while (taken < count && rc == 0) {
        struct chan *chan = enter(handle);
        struct weir__wakes wakes;
        uint32_t in_section = 0;

        if (!chan)
            return taken ? (int)taken : WEIR_EBADHANDLE;
        wakes.count = 0;
        while (rc == 0 && taken < count && in_section++ < WEIR__WAKES_MAX) {
            rc = recv_now(chan, array + (size_t)taken * chan->value_size, &wakes);
            taken += rc == 0;
        }
        leave(chan, &wakes);
    }
    return taken ? (int)taken : rc;
}

int weir_chan_recv_many(weir_chan handle, void *out, size_t count)
{
    WEIR__CALL;
    int rc;

    if (count == 0 || count > INT32_MAX)
        return WEIR_EINVAL;
    rc = weir__leaf();
    if (rc == 0)
        rc = recv_array(handle, out, 0, (uint32_t)count);
    if (rc == WEIR_EAGAIN) {
        rc = recv_or_wait(handle, out, (uint32_t)count);
        if (rc >= 0)
            rc = recv_array(handle, out, 1, (uint32_t)count);
    }
    return rc;
}

int weir_chan_count(weir_chan handle)
{
    WEIR__CALL;
    struct chan *chan = enter(handle);
    int rc = WEIR_EBADHANDLE;

    if (chan) {
        rc = (int)chan->count;
        weir__unlock(&chan->lock);
    }
    return rc;
}

int weir__chan_value_size(weir_chan handle)
{
    struct chan *chan = enter(handle);
    int rc = WEIR_EBADHANDLE;

    if (chan) {
        rc = (int)chan->value_size;
        weir__unlock(&chan->lock);
    }
    return rc;
}

/* ---- permits ---- */

/* As send_now. */
static int reserve_now(struct chan *chan, weir_permit *out)
{
    if (chan->capacity == 0 || chan->capacity == UNBOUNDED)
        return WEIR_ENOTSUP;
    if (chan->reason)
        return chan->reason;
    if (!has_room(chan) || weir__waitq_first(&chan->senders))
        return WEIR_EAGAIN;
    give_permit(chan, out);
    return 0;
}

static int reserve_or_wait(weir_chan handle)
{
    struct chan *chan = enter(handle);
    int rc;

    if (!chan)
        return WEIR_EBADHANDLE;
    rc = reserve_now(chan, NULL);
    if (rc == WEIR_EAGAIN)
        return wait_in(chan, &chan->senders, NULL, TO_RESERVE);
    weir__unlock(&chan->lock);
    return rc;
}

int weir_chan_reserve(weir_chan handle, weir_permit *out)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = reserve_or_wait(handle);
    if (rc == 0)
        out->weir__chan = handle;
    return rc;
}

/* `value` NULL: nothing is sent. */
static int use_permit(weir_permit *permit, const void *value)
{
    struct chan *chan = enter(permit->weir__chan);
    struct weir__wakes wakes;

    permit->weir__chan.id = 0;
    if (!chan)
        return WEIR_EBADHANDLE;
    wakes.count = 0;
    chan->reserved--;
    if (value)
        (void)place(chan, value, &wakes);
    leave_and_end(chan, &wakes);
    return 0;
}

int weir_permit_commit(weir_permit *permit, const void *value)
{
    WEIR__CALL;

    return use_permit(permit, value);
}

int weir_permit_release(weir_permit *permit)
{
    return weir_permit_commit(permit, NULL);
}

/* ---- life ---- */

static void init(struct chan *chan, uint32_t value_size, const struct weir_chan_options *o,
                 unsigned char *ring)
{
    weir__lock(&chan->lock); /* who holds an old handle may look */
    chan->value_size = value_size;
    chan->capacity = o->unbounded == WEIR_ON ? UNBOUNDED : o->capacity;
    chan->room = o->capacity;
    chan->ring = ring;
    chan->head = chan->count = chan->reserved = 0;
    chan->sender_count = 1;
    chan->counted = o->counted == WEIR_ON;
    chan->reason = 0;
    weir__unlock(&chan->lock);
}

static int make(weir_chan *out, uint32_t value_size, const struct weir_chan_options *o)
{
    unsigned char *ring = NULL;
    struct chan *chan = weir__pool_take(&chans);
    int rc = WEIR_ENOMEM;

    if (!chan)
        return rc;
    if (o->capacity) {
        ring = weir__alloc((size_t)o->capacity * value_size);
        if (!ring)
            goto fail;
    }
    init(chan, value_size, o, ring);
    rc = weir__handle_make(WEIR__KIND_CHAN, chan, &chan->id);
    if (rc == 0) {
        out->id = chan->id;
        return 0;
    }
    weir__free(ring);
fail:
    weir__pool_give(&chans, chan);
    return rc;
}

int weir_chan_create_n(weir_chan *out, size_t value_size, const struct weir_chan_options *options,
                       size_t options_size)
{
    WEIR__CALL;
    struct weir_chan_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (value_size == 0 || value_size > WEIR_VALUE_MAX)
        return WEIR_EINVAL;
    if (o.capacity > CAPACITY_MAX || o.unbounded > WEIR_OFF || o.counted > WEIR_OFF
        || (o.unbounded == WEIR_ON && o.capacity))
        return WEIR_EOPTION;
    return make(out, (uint32_t)value_size, &o);
}

static void close_locked(struct chan *chan, int reason)
{
    struct weir__wakes wakes;

    wakes.count = 0;
    if (!chan->reason)
        chan->reason = reason;
    leave_and_end(chan, &wakes);
}

int weir_chan_close(weir_chan handle, int reason)
{
    WEIR__CALL;
    struct chan *chan;

    if (reason > 0)
        return WEIR_EINVAL;
    chan = enter(handle);
    if (chan)
        close_locked(chan, reason ? reason : WEIR_ECLOSED);
    return chan ? 0 : WEIR_EBADHANDLE;
}

void weir_chan_destroy(weir_chan handle)
{
    WEIR__CALL;
    struct chan *chan = enter(handle);
    struct weir__crowd crowd = {0};

    if (chan) {
        take_all(chan, &crowd);
        weir__handle_free(handle.id);
        weir__free(chan->ring);
        chan->ring = NULL;
        chan->room = chan->capacity = chan->count = chan->reserved = 0;
        weir__crowd_grant(&crowd, &chan->lock, NULL, NULL, WEIR_ECLOSED);
        weir__pool_give(&chans, chan);
    }
}

static int count_sender(struct chan *chan)
{
    int rc = chan->reason;

    if (!chan->counted)
        rc = WEIR_EINVAL;
    else if (chan->sender_count == UINT32_MAX)
        rc = WEIR_ELIMIT;
    else if (rc == 0)
        chan->sender_count++;
    weir__unlock(&chan->lock);
    return rc;
}

int weir_chan_add_sender(weir_chan handle)
{
    WEIR__CALL;
    struct chan *chan = enter(handle);

    return chan ? count_sender(chan) : WEIR_EBADHANDLE;
}

static int uncount_sender(struct chan *chan)
{
    int rc = chan->counted && chan->sender_count ? 0 : WEIR_EINVAL;

    if (rc == 0 && --chan->sender_count == 0)
        close_locked(chan, WEIR_ECLOSED);
    else
        weir__unlock(&chan->lock);
    return rc;
}

int weir_chan_drop_sender(weir_chan handle)
{
    WEIR__CALL;
    struct chan *chan = enter(handle);

    return chan ? uncount_sender(chan) : WEIR_EBADHANDLE;
}

/* ---- cases of a select ---- */

static bool attempt_send(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    c->result = try_send((weir_chan){c->id}, c->data);
    return c->result != WEIR_EAGAIN;
}

static bool attempt_recv(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    c->result = try_recv((weir_chan){c->id}, c->data);
    return c->result != WEIR_EAGAIN;
}

static bool may_send(struct chan *chan, const struct weir__select *select)
{
    if (chan->capacity == 0)
        return chan->reason || weir__waitq_has_others(&chan->receivers, select);
    return chan->reason || (has_room(chan) && !weir__waitq_first(&chan->senders));
}

static bool may_recv(struct chan *chan, const struct weir__select *select)
{
    return chan->count || drained(chan)
           || (chan->capacity == 0 && weir__waitq_has_others(&chan->senders, select));
}

/* The select is committed: the operation on the locked channel, which is unlocked. Only one without
 * a capacity may fail: the other side was a select, too, and was granted elsewhere. */
static enum weir__case_step commit(struct weir__case *c, struct chan *chan, bool sends)
{
    struct weir__wakes wakes;

    wakes.count = 0;
    c->result = sends ? send_now(chan, c->data, &wakes) : recv_now(chan, c->data, &wakes);
    leave(chan, &wakes);
    return c->result == WEIR_EAGAIN ? CASE_AGAIN : CASE_DONE;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select, bool sends)
{
    struct chan *chan = enter((weir_chan){c->id});

    if (!chan)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (sends ? may_send(chan, select) : may_recv(chan, select)) {
        if (weir__case_claim(c, select))
            return commit(c, chan, sends);
        weir__unlock(&chan->lock);
        return CASE_LOST;
    }
    c->waiter.count = sends ? (uint32_t)TO_SEND : ONE_VALUE;
    weir__case_queue(c, select, sends ? &chan->senders : &chan->receivers, &chan->lock);
    weir__unlock(&chan->lock);
    return CASE_WAITS;
}

static enum weir__case_step enlist_send(struct weir__case *c, struct weir__select *select)
{
    return enlist(c, select, true);
}

static enum weir__case_step enlist_recv(struct weir__case *c, struct weir__select *select)
{
    return enlist(c, select, false);
}

static const struct weir__case_calls send_calls = {.attempt = attempt_send, .enlist = enlist_send};
static const struct weir__case_calls recv_calls = {.attempt = attempt_recv, .enlist = enlist_recv};

static bool attempt_reserve(struct weir__case *c, struct weir__task *task)
{
    struct chan *chan = enter((weir_chan){c->id});

    (void)task;
    c->result = WEIR_EBADHANDLE;
    if (chan) {
        c->result = reserve_now(chan, c->data);
        weir__unlock(&chan->lock);
    }
    return c->result != WEIR_EAGAIN;
}

static enum weir__case_step enlist_reserve(struct weir__case *c, struct weir__select *select)
{
    struct chan *chan = enter((weir_chan){c->id});
    enum weir__case_step step = CASE_WAITS;

    if (!chan)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (!may_send(chan, select)) {
        c->waiter.count = TO_RESERVE;
        weir__case_queue(c, select, &chan->senders, &chan->lock);
    } else if (weir__case_claim(c, select)) {
        c->result = reserve_now(chan, c->data);
        step = CASE_DONE;
    } else {
        step = CASE_LOST;
    }
    weir__unlock(&chan->lock);
    return step;
}

static const struct weir__case_calls reserve_calls = {.attempt = attempt_reserve,
                                                      .enlist = enlist_reserve};

void weir_case_reserve(weir_case *out, weir_chan chan, weir_permit *permit)
{
    weir__case_fill(out, &reserve_calls, chan.id, permit, 0);
}

void weir_case_send(weir_case *out, weir_chan chan, const void *value)
{
    weir__case_fill(out, &send_calls, chan.id, (void *)(uintptr_t)value, 0);
}

void weir_case_recv(weir_case *out, weir_chan chan, void *value)
{
    weir__case_fill(out, &recv_calls, chan.id, value, 0);
}
