/* sys/virtual_clock.c - see virtual_clock.h. */
#include "sys/virtual_clock.h"

#include <weir/error.h>

#include "base/atomic.h"
#include "sys/clock.h"
#include "sys/park.h"
#include "sys/random.h"
#include "sys/sys.h"

static uint32_t on;
static uint64_t now; /* partner: weir__virtual_clock_set */
static uint64_t wall_ahead;

static uint64_t now_ns(void)
{
    return WEIR_ATOMIC_LOAD(&now, ACQUIRE);
}

static uint64_t wall_ns(void)
{
    return WEIR_ATOMIC_LOAD(&now, ACQUIRE) + wall_ahead;
}

static const struct weir__sys table = {
    .now_ns = now_ns,
    .wall_ns = wall_ns,
    .random = weir__random_fill,
    .thread_start = weir__thread_start,
    .thread_join = weir__thread_join,
    .thread_signal = weir__thread_signal,
    .park = weir__park,
    .unpark = weir__unpark,
};

int weir__virtual_clock_begin(void)
{
    uint32_t off = 0;

    if (!WEIR_ATOMIC_CAS(&on, &off, 1, SEQ_CST))
        return WEIR_EBUSY;
    WEIR_ATOMIC_STORE(&now, weir__clock_monotonic_ns(), RELEASE);
    wall_ahead = weir__clock_realtime_ns() - now; /* wraps where the calendar is behind */
    WEIR_ATOMIC_STORE(&weir__sys, &table, RELAXED);
    return 0;
}

void weir__virtual_clock_end(void)
{
    WEIR_ATOMIC_STORE(&weir__sys, &weir__sys_real, RELAXED);
    WEIR_ATOMIC_STORE(&on, 0, SEQ_CST);
}

bool weir__virtual_clock_on(void)
{
    return WEIR_ATOMIC_LOAD(&on, SEQ_CST);
}

void weir__virtual_clock_set(uint64_t moment_ns)
{
    if (moment_ns > now)
        WEIR_ATOMIC_STORE(&now, moment_ns, RELEASE);
}
