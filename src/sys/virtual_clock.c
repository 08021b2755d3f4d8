/* sys/virtual_clock.c - see virtual_clock.h. */
#include "sys/virtual_clock.h"

#include <weir/error.h>

#include "base/atomic.h"
#include "sys/clock.h"
#include "sys/sys.h"

static uint32_t on;
static uint64_t now; /* partner: weir__virtual_clock_set */
static uint64_t wall_ahead;
static struct weir__sys table;

static uint64_t now_ns(void)
{
    return WEIR_ATOMIC_LOAD(&now, ACQUIRE);
}

static uint64_t wall_ns(void)
{
    return WEIR_ATOMIC_LOAD(&now, ACQUIRE) + wall_ahead;
}

int weir__virtual_clock_begin(void)
{
    uint32_t off = 0;

    if (!WEIR_ATOMIC_CAS(&on, &off, 1, SEQ_CST))
        return WEIR_EBUSY;
    WEIR_ATOMIC_STORE(&now, weir__clock_monotonic_ns(), RELEASE);
    wall_ahead = weir__clock_realtime_ns() - now; /* wraps where the calendar is behind */
    table = weir__sys_real;
    table.now_ns = now_ns;
    table.wall_ns = wall_ns;
    weir__sys = &table;
    return 0;
}

void weir__virtual_clock_end(void)
{
    weir__sys = &weir__sys_real;
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
