/* stream/pair.c - two streams in memory: what is written to one is read from the other.
 *
 * A pair has two lanes, one for each direction: a ring of bytes, made when the first byte comes,
 * and queues of those who wait for bytes or room. Everything is guarded by the pair's one lock. It
 * lives until both ends are released.
 *
 * With a latency what is in the ring is due in parts: marks say how many bytes are due at which
 * moment. When there is no mark left the last one takes more bytes, which are late then.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "stream/pause.h"
#include "stream/stream.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/worker.h"

#define CAPACITY_DEFAULT 65536u
#define CAPACITY_MAX     (1u << 30)
#define MARKS            64u

struct mark {
    size_t count;
    uint64_t due_ns;
};

struct lane {
    unsigned char *bytes; /* a ring of the pair's capacity, or NULL */
    size_t head, count;
    size_t due; /* of `count`: a read may have them now */
    struct weir_lane_options options;
    struct mark *marks; /* a ring of MARKS, or NULL: there is no latency */
    uint32_t marks_head, marks_tail;
    uint64_t put;      /* bytes since the beginning */
    uint64_t chance;   /* the state of its random numbers */
    uint64_t ended_ns; /* when the end is to be read */
    bool ended;        /* nothing more is written */
    bool closed;       /* nothing more is read */
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
    lane->due -= n;
}

/* Under the lock: notes that `n` bytes more are in the ring. */
static void mark(struct lane *lane, size_t n)
{
    uint64_t due_ns;

    if (!lane->marks) {
        lane->due += n;
        return;
    }
    due_ns = weir__time_later(weir__now_ns(), lane->options.latency_ns);
    if (lane->marks_tail - lane->marks_head < MARKS)
        lane->marks[lane->marks_tail++ % MARKS].count = 0;
    lane->marks[(lane->marks_tail - 1) % MARKS].count += n;
    lane->marks[(lane->marks_tail - 1) % MARKS].due_ns = due_ns;
}

/* Under the lock: lets the bytes be read whose moment has come. The next moment, or that of the
 * end, or WEIR__PAUSE_ANY. */
static uint64_t pass_marks(struct lane *lane)
{
    uint64_t now_ns;

    if (!lane->marks)
        return WEIR__PAUSE_ANY;
    now_ns = weir__now_ns();
    for (; lane->marks_head != lane->marks_tail; lane->marks_head++) {
        const struct mark *first = &lane->marks[lane->marks_head % MARKS];

        if (first->due_ns > now_ns)
            return first->due_ns;
        lane->due += first->count;
    }
    return lane->ended && lane->ended_ns > now_ns ? lane->ended_ns : WEIR__PAUSE_ANY;
}

static bool has_failed(const struct lane *lane)
{
    return lane->options.fail_code && lane->put >= lane->options.fail_after;
}

/* How much of `n` bytes a read gets. */
static size_t cut(struct lane *lane, size_t n)
{
    size_t most = lane->options.chunk_max;

    if (!most)
        return n;
    lane->chance = lane->chance * 6364136223846793005u + 1442695040888963407u; /* Knuth's LCG */
    most = 1 + (size_t)((lane->chance >> 33) % most);
    return n < most ? n : most;
}

static void put(struct pair *pair, struct lane *lane, const unsigned char *from, size_t n)
{
    size_t at = (lane->head + lane->count) % pair->capacity, first = pair->capacity - at;

    if (first > n)
        first = n;
    memcpy(lane->bytes + at, from, first);
    memcpy(lane->bytes, from + first, n - first);
    lane->count += n;
    lane->put += n;
    mark(lane, n);
}

static void wake_first(struct weir__waitq *queue, struct weir__wakes *wakes)
{
    struct weir__waiter *waiter = weir__claim_first(queue);

    if (waiter)
        weir__wakes_grant(wakes, waiter, 0);
}

/* Whether a reader need not wait for anything. Else the moment until which it has to. */
static bool readable(struct lane *lane, uint64_t *until_ns)
{
    *until_ns = pass_marks(lane);
    if (lane->due || lane->closed)
        return true;
    return *until_ns == WEIR__PAUSE_ANY && !lane->count && (lane->ended || has_failed(lane));
}

/* Under the lock, of what is readable. */
static ptrdiff_t take_some(struct pair *pair, struct lane *lane, void *out, size_t len)
{
    size_t n = lane->due < len ? lane->due : len;

    if (n == 0)
        return has_failed(lane) ? lane->options.fail_code : 0;
    n = cut(lane, n);
    take(pair, lane, out, n);
    return (ptrdiff_t)n;
}

static ptrdiff_t pair_read_now(struct weir__stream *stream, void *out, size_t len)
{
    struct pair_end *end = stream->object;
    struct pair *pair = end->pair;
    struct lane *lane = end->in;
    struct weir__wakes wakes;
    uint64_t until_ns;
    ptrdiff_t n;

    wakes.count = 0;
    weir__lock(&pair->lock);
    if (!readable(lane, &until_ns)) {
        weir__unlock(&pair->lock);
        return WEIR_EAGAIN;
    }
    n = take_some(pair, lane, out, len);
    if (n > 0)
        wake_first(&lane->writers, &wakes);
    weir__wakes_release(&wakes, &pair->lock);
    return n;
}

/* Waits, unless there is something to read: 0 when it is time to look again, or an error. */
static int wait_for_bytes(struct pair_end *end)
{
    uint64_t until_ns;

    weir__lock(&end->pair->lock);
    if (!readable(end->in, &until_ns))
        return weir__pause_in(&end->pair->lock, &end->in->readers, until_ns, "read");
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
    uint64_t until_ns;
    int rc = weir__leaf_of(task);

    while (rc == 0) {
        weir__lock(&end->pair->lock);
        if (readable(end->in, &until_ns)) {
            weir__unlock(&end->pair->lock);
            return 0;
        }
        rc = weir__pause_in(&end->pair->lock, &end->in->readers, until_ns, "read");
    }
    return rc;
}

/* Under the lock: how many bytes may be written now, or an error; 0: the writer waits. */
static ptrdiff_t room(struct pair *pair, struct lane *lane)
{
    size_t n = pair->capacity - lane->count;

    if (lane->ended || lane->closed)
        return WEIR_EPIPE;
    if (has_failed(lane))
        return lane->options.fail_code;
    if (!lane->bytes)
        lane->bytes = weir__alloc(pair->capacity);
    if (!lane->bytes)
        return WEIR_ENOMEM;
    if (lane->options.fail_code && lane->options.fail_after - lane->put < n)
        n = (size_t)(lane->options.fail_after - lane->put);
    return (ptrdiff_t)n;
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
        return weir__pause_in(&end->pair->lock, &end->out->writers, WEIR__PAUSE_ANY, "write");
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
    uint64_t until_ns;
    bool waits;

    weir__lock(&pair->lock);
    waits = writes ? room(pair, end->out) == 0 : !readable(end->in, &until_ns);
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

/* Nothing more is written. Under the lock. */
static void end_lane(struct lane *lane)
{
    if (!lane->ended && lane->marks)
        lane->ended_ns = weir__time_later(weir__now_ns(), lane->options.latency_ns);
    lane->ended = true;
}

static int pair_shutdown(struct weir__stream *stream)
{
    struct pair_end *end = stream->object;
    struct weir__wakes wakes;

    wakes.count = 0;
    weir__lock(&end->pair->lock);
    end_lane(end->out);
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
    end_lane(end->out);
    end->in->closed = true;
    wake_lane(end->out, &wakes);
    wake_lane(end->in, &wakes);
    weir__wakes_release(&wakes, &end->pair->lock);
}

static void free_pair(struct pair *pair)
{
    int i;

    for (i = 0; i < 2; i++) {
        weir__free(pair->lanes[i].bytes);
        weir__free(pair->lanes[i].marks);
    }
    weir__free(pair);
}

static void pair_release(struct weir__stream *stream)
{
    struct pair *pair = ((struct pair_end *)stream->object)->pair;

    pair_stop(stream); /* a close that ended no call has not said so yet */
    if (WEIR_ATOMIC_SUB(&pair->count, 1, ACQ_REL) > 1)
        return;
    free_pair(pair);
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

/* What is on its way comes without anybody who wakes: no select can wait for it. */
static const struct weir__stream_kind late_kind = {
    .read = pair_read,
    .await_bytes = pair_await_bytes,
    .write = pair_write,
    .shutdown = pair_shutdown,
    .stop = pair_stop,
    .release = pair_release,
};

static int make_ends(struct weir__worker *worker, struct pair *pair, weir_stream out[2])
{
    struct weir__stream *streams[2];
    bool late = pair->lanes[0].marks || pair->lanes[1].marks;
    int i, rc = 0;

    for (i = 0; i < 2; i++) {
        pair->ends[i].pair = pair;
        pair->ends[i].in = &pair->lanes[i];
        pair->ends[i].out = &pair->lanes[1 - i];
        rc = weir__stream_make_other(worker, late ? &late_kind : &pair_kind, &pair->ends[i],
                                     &streams[i]);
        if (rc < 0)
            break;
        pair->count++;
    }
    if (rc < 0 && i == 1)
        weir_close((weir_stream){streams[0]->id}); /* which frees the pair */
    else if (rc < 0)
        free_pair(pair);
    for (i = 0; rc == 0 && i < 2; i++)
        out[i].id = streams[i]->id;
    return rc;
}

static bool lane_options_right(const struct weir_lane_options *options)
{
    return options->latency_ns >= 0 && options->fail_code <= 0
           && (options->fail_code || !options->fail_after);
}

static struct pair *make_pair(const struct weir_pair_options *options)
{
    struct pair *pair = weir__calloc(1, sizeof *pair);
    int i;

    if (!pair)
        return NULL;
    pair->capacity = options->capacity ? options->capacity : CAPACITY_DEFAULT;
    for (i = 0; i < 2; i++) {
        struct lane *lane = &pair->lanes[i];

        lane->options = options->lanes[1 - i]; /* each end reads from the lane of its number */
        lane->chance = options->seed * 2 + (uint64_t)i;
        if (!lane->options.latency_ns)
            continue;
        lane->marks = weir__calloc(MARKS, sizeof *lane->marks);
        if (!lane->marks) {
            free_pair(pair);
            return NULL;
        }
    }
    return pair;
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
    if (o.capacity > CAPACITY_MAX || !lane_options_right(&o.lanes[0])
        || !lane_options_right(&o.lanes[1]))
        return WEIR_EOPTION;
    if (!worker)
        return WEIR_ENOTASK;
    pair = make_pair(&o);
    return pair ? make_ends(worker, pair, out) : WEIR_ENOMEM;
}
