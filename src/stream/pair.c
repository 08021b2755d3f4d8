/* stream/pair.c - two streams in memory: what is written to one is read from the other.
 *
 * A pair has two lanes, one for each direction: a ring of bytes, made when the first byte comes,
 * and queues of those who wait for bytes or room. Everything is guarded by the pair's one lock. It
 * lives until both ends are released.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "stream/stream.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/worker.h"

#define CAPACITY_DEFAULT 65536u
#define CAPACITY_MAX     (1u << 30)

struct lane {
    unsigned char *bytes; /* a ring of the pair's capacity, or NULL */
    size_t head, count;
    bool ended;  /* nothing more is written */
    bool closed; /* nothing more is read */
    struct weir__waitq readers, writers;
};

struct pair_end {
    struct pair *pair;
    struct lane *in, *out;
};

struct pair {
    uint32_t lock;
    uint32_t count; /* ends that are not released */
    size_t capacity;
    struct lane lanes[2];
    struct pair_end ends[2];
};

/* Copies out of the ring, or into it. */
static void take(struct pair *pair, struct lane *lane, unsigned char *out, size_t n)
{
    size_t first = pair->capacity - lane->head;

    if (first > n)
        first = n;
    memcpy(out, lane->bytes + lane->head, first);
    memcpy(out + first, lane->bytes, n - first);
    lane->head = (lane->head + n) % pair->capacity;
    lane->count -= n;
}

static void put(struct pair *pair, struct lane *lane, const unsigned char *from, size_t n)
{
    size_t at = (lane->head + lane->count) % pair->capacity, first = pair->capacity - at;

    if (first > n)
        first = n;
    memcpy(lane->bytes + at, from, first);
    memcpy(lane->bytes, from + first, n - first);
    lane->count += n;
}

static void wake_first(struct weir__waitq *queue, struct weir__wakes *wakes)
{
    struct weir__waiter *waiter = weir__claim_first(queue);

    if (waiter)
        weir__wakes_grant(wakes, waiter, 0);
}

/* Releases the lock and waits in a queue: 0 when it is time to look again, or an error. */
static int wait_in(struct pair *pair, struct weir__waitq *queue, const char *what)
{
    struct weir__waiter *waiter = weir__waiter_begin(NULL, what);

    weir__waitq_push(queue, waiter);
    weir__unlock(&pair->lock);
    return weir__waiter_wait(waiter, queue, &pair->lock);
}

/* Whether a reader need not wait. */
static bool readable(const struct lane *lane)
{
    return lane->count || lane->ended || lane->closed;
}

static ptrdiff_t pair_read_now(struct weir__stream *stream, void *out, size_t len)
{
    struct pair_end *end = stream->object;
    struct pair *pair = end->pair;
    struct lane *lane = end->in;
    struct weir__wakes wakes;
    size_t n;

    wakes.count = 0;
    weir__lock(&pair->lock);
    if (!readable(lane)) {
        weir__unlock(&pair->lock);
        return WEIR_EAGAIN;
    }
    n = lane->count < len ? lane->count : len;
    if (n) {
        take(pair, lane, out, n);
        wake_first(&lane->writers, &wakes);
    }
    weir__wakes_release(&wakes, &pair->lock);
    return (ptrdiff_t)n;
}

/* Waits, unless there is something to read: 0 when it is time to look again, or an error. */
static int wait_for_bytes(struct pair_end *end)
{
    weir__lock(&end->pair->lock);
    if (!readable(end->in))
        return wait_in(end->pair, &end->in->readers, "read");
    weir__unlock(&end->pair->lock);
    return 0;
}

static ptrdiff_t pair_read(struct weir__stream *stream, struct weir__task *task, void *out,
                           size_t len)
{
    int rc = weir__leaf_of(task);

    while (rc == 0) {
        ptrdiff_t n = pair_read_now(stream, out, len);

        if (n != WEIR_EAGAIN)
            return n;
        rc = wait_for_bytes(stream->object);
    }
    return rc;
}

static int pair_await_bytes(struct weir__stream *stream, struct weir__task *task)
{
    struct pair_end *end = stream->object;
    int rc = weir__leaf_of(task);

    while (rc == 0) {
        weir__lock(&end->pair->lock);
        if (readable(end->in)) {
            weir__unlock(&end->pair->lock);
            return 0;
        }
        rc = wait_in(end->pair, &end->in->readers, "read");
    }
    return rc;
}

/* Under the lock: how many bytes may be written now, or an error; 0: the writer waits. */
static ptrdiff_t room(struct pair *pair, struct lane *lane)
{
    if (lane->ended || lane->closed)
        return WEIR_EPIPE;
    if (!lane->bytes)
        lane->bytes = weir__alloc(pair->capacity);
    return lane->bytes ? (ptrdiff_t)(pair->capacity - lane->count) : WEIR_ENOMEM;
}

static ptrdiff_t pair_write_now(struct weir__stream *stream, const void *bytes, size_t len)
{
    struct pair_end *end = stream->object;
    struct pair *pair = end->pair;
    struct lane *lane = end->out;
    struct weir__wakes wakes;
    ptrdiff_t n;

    wakes.count = 0;
    weir__lock(&pair->lock);
    n = room(pair, lane);
    if (n > 0) {
        n = (size_t)n < len ? n : (ptrdiff_t)len;
        put(pair, lane, bytes, (size_t)n);
        wake_first(&lane->readers, &wakes);
    }
    weir__wakes_release(&wakes, &pair->lock);
    return n ? n : WEIR_EAGAIN;
}

/* Waits, unless there is room: 0 when it is time to look again, or an error. */
static int wait_for_room(struct pair_end *end)
{
    weir__lock(&end->pair->lock);
    if (room(end->pair, end->out) == 0)
        return wait_in(end->pair, &end->out->writers, "write");
    weir__unlock(&end->pair->lock);
    return 0;
}

static ptrdiff_t pair_write(struct weir__stream *stream, struct weir__task *task, const void *bytes,
                            size_t len)
{
    int rc = weir__leaf_of(task);

    while (rc == 0) {
        ptrdiff_t n = pair_write_now(stream, bytes, len);

        if (n != WEIR_EAGAIN)
            return n;
        rc = wait_for_room(stream->object);
    }
    return rc;
}

static bool pair_enlist(struct weir__stream *stream, struct weir__case *c,
                        struct weir__select *select, bool writes)
{
    struct pair_end *end = stream->object;
    struct pair *pair = end->pair;
    bool waits;

    weir__lock(&pair->lock);
    waits = writes ? room(pair, end->out) == 0 : !readable(end->in);
    if (waits)
        weir__case_queue(c, select, writes ? &end->out->writers : &end->in->readers, &pair->lock);
    weir__unlock(&pair->lock);
    return waits;
}

/* One reader and one writer wait in a lane at most. */
static void wake_lane(struct lane *lane, struct weir__wakes *wakes)
{
    wake_first(&lane->readers, wakes);
    wake_first(&lane->writers, wakes);
}

static int pair_shutdown(struct weir__stream *stream)
{
    struct pair_end *end = stream->object;
    struct weir__wakes wakes;

    wakes.count = 0;
    weir__lock(&end->pair->lock);
    end->out->ended = true;
    wake_lane(end->out, &wakes);
    weir__wakes_release(&wakes, &end->pair->lock);
    return 0;
}

static void pair_stop(struct weir__stream *stream)
{
    struct pair_end *end = stream->object;
    struct weir__wakes wakes;

    wakes.count = 0;
    weir__lock(&end->pair->lock);
    end->out->ended = true;
    end->in->closed = true;
    wake_lane(end->out, &wakes);
    wake_lane(end->in, &wakes);
    weir__wakes_release(&wakes, &end->pair->lock);
}

static void pair_release(struct weir__stream *stream)
{
    struct pair *pair = ((struct pair_end *)stream->object)->pair;

    pair_stop(stream); /* a close that ended no call has not said so yet */
    if (WEIR_ATOMIC_SUB(&pair->count, 1, ACQ_REL) > 1)
        return;
    weir__free(pair->lanes[0].bytes);
    weir__free(pair->lanes[1].bytes);
    weir__free(pair);
}

static const struct weir__stream_kind pair_kind = {
    .read = pair_read,
    .await_bytes = pair_await_bytes,
    .write = pair_write,
    .read_now = pair_read_now,
    .write_now = pair_write_now,
    .enlist = pair_enlist,
    .shutdown = pair_shutdown,
    .stop = pair_stop,
    .release = pair_release,
};

static int make_ends(struct weir__worker *worker, struct pair *pair, weir_stream out[2])
{
    struct weir__stream *streams[2];
    int i, rc = 0;

    for (i = 0; i < 2; i++) {
        pair->ends[i].pair = pair;
        pair->ends[i].in = &pair->lanes[i];
        pair->ends[i].out = &pair->lanes[1 - i];
        rc = weir__stream_make_other(worker, &pair_kind, &pair->ends[i], &streams[i]);
        if (rc < 0)
            break;
        pair->count++;
    }
    if (rc < 0 && i == 1)
        weir_close((weir_stream){streams[0]->id}); /* which frees the pair */
    else if (rc < 0)
        weir__free(pair);
    for (i = 0; rc == 0 && i < 2; i++)
        out[i].id = streams[i]->id;
    return rc;
}

int weir_stream_pair_n(weir_stream out[2], const struct weir_pair_options *options,
                       size_t options_size)
{
    WEIR__CALL;
    struct weir_pair_options o = {0};
    struct weir__worker *worker = weir__current_worker();
    struct pair *pair;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (o.capacity > CAPACITY_MAX)
        return WEIR_EOPTION;
    if (!worker)
        return WEIR_ENOTASK;
    pair = weir__calloc(1, sizeof *pair);
    if (!pair)
        return WEIR_ENOMEM;
    pair->capacity = o.capacity ? o.capacity : CAPACITY_DEFAULT;
    return make_ends(worker, pair, out);
}
