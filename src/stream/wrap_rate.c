/* stream/wrap_rate.c - so many bytes in a time: a rule of wrap.h.
 *
 * A bucket is one moment, at which it will be full again if nothing passes. What passes puts that
 * moment off by the time that it takes; there is room as long as the moment is not further away
 * than the time of a whole burst. A lent buffer may put it off by more: a debt, which is waited
 * for. A transfer waits for a part of a burst, so that it does not go byte by byte.
 */
#include "base/options.h"
#include "stream/pause.h"
#include "stream/wrap.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "task/grant.h"

#define SECOND     1000000000u
#define RATE_MAX   (1ull << 40)
#define BURST_MAX  (1u << 30)
#define BURST_PART 8u

/* The time of `n` bytes, n <= BURST_MAX and a little more: no product overflows. */
static uint64_t time_of(const struct weir__wrap_bucket *bucket, uint64_t n)
{
    return n * SECOND / bucket->per_second;
}

/* How many bytes may pass at `now_ns`. */
static uint64_t room(const struct weir__wrap_bucket *bucket, uint64_t now_ns)
{
    uint64_t ahead_ns = bucket->full_ns > now_ns ? bucket->full_ns - now_ns : 0;

    if (ahead_ns == 0)
        return bucket->burst;
    if (ahead_ns >= time_of(bucket, bucket->burst))
        return 0;
    /* below the time of a burst, so the product is below 2^60 */
    return bucket->burst - ahead_ns * bucket->per_second / SECOND - 1;
}

/* The moment at which `n` bytes may pass. */
static uint64_t moment_of(const struct weir__wrap_bucket *bucket, uint64_t n)
{
    uint64_t rest_ns = time_of(bucket, bucket->burst - n);

    return bucket->full_ns > rest_ns ? bucket->full_ns - rest_ns : 0;
}

static int before_rate(struct weir__wrap *wrap, enum weir__wrap_way way, size_t *len)
{
    struct weir__wrap_bucket *bucket = &wrap->buckets[way];
    uint64_t wanted = 1 + (bucket->burst - 1) / BURST_PART;
    int rc = 0;

    if (!bucket->per_second)
        return 1;
    if (len && wanted > *len)
        wanted = *len;
    while (rc == 0) {
        uint64_t now_ns = weir__now_ns(), free, until_ns;

        weir__lock(&wrap->lock);
        if (wrap->stopped) {
            weir__unlock(&wrap->lock);
            return WEIR_ECLOSED;
        }
        until_ns = moment_of(bucket, wanted);
        free = room(bucket, now_ns);
        if (free >= wanted || until_ns <= now_ns) {
            free = free > wanted ? free : wanted;
            if (len && *len > free)
                *len = (size_t)free;
            weir__unlock(&wrap->lock);
            return 1;
        }
        rc = weir__pause_in(&wrap->lock, &bucket->queue, until_ns, "rate");
    }
    return rc;
}

static ptrdiff_t after_rate(struct weir__wrap *wrap, enum weir__wrap_way way, const void *bytes,
                            ptrdiff_t result)
{
    struct weir__wrap_bucket *bucket = &wrap->buckets[way];

    (void)bytes;
    if (result > 0 && bucket->per_second) {
        uint64_t now_ns = weir__now_ns();

        if (bucket->full_ns < now_ns)
            bucket->full_ns = now_ns;
        bucket->full_ns += time_of(bucket, (uint64_t)result);
    }
    return result;
}

static void stop_rate(struct weir__wrap *wrap)
{
    struct weir__wakes wakes;
    int way;

    wakes.count = 0;
    weir__lock(&wrap->lock);
    wrap->stopped = true;
    for (way = 0; way < 2; way++) {
        struct weir__waiter *waiter = weir__claim_first(&wrap->buckets[way].queue);

        if (waiter)
            weir__wakes_grant(&wakes, waiter, 0);
    }
    weir__wakes_release(&wakes, &wrap->lock);
}

static const struct weir__wrap_rules rate_rules = {
    .before = before_rate, .after = after_rate, .stop = stop_rate};

static void fill_bucket(struct weir__wrap_bucket *bucket, uint64_t per_second, size_t burst)
{
    bucket->per_second = per_second;
    bucket->burst = burst ? burst : per_second / 10 + 1;
    if (bucket->burst > BURST_MAX)
        bucket->burst = BURST_MAX;
}

int weir_wrap_rate_n(weir_stream *out, weir_stream inner,
                     const struct weir_wrap_rate_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_wrap_rate_options o = {0};
    struct weir__wrap wrap = {.rules = &rate_rules, .inner = inner};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc == 0
        && (o.read_per_second > RATE_MAX || o.write_per_second > RATE_MAX || o.burst > BURST_MAX))
        rc = WEIR_EOPTION;
    if (rc < 0)
        return weir__wrap_refuse(inner, (weir_stream){0}, rc);
    fill_bucket(&wrap.buckets[WRAP_READ], o.read_per_second, o.burst);
    fill_bucket(&wrap.buckets[WRAP_WRITE], o.write_per_second, o.burst);
    return weir__wrap_make(out, &wrap);
}
