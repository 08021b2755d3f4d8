/* sys/sys.c - see sys.h. */
#include "sys/sys.h"

#include "sys/clock.h"
#include "sys/park.h"
#include "sys/random.h"

const struct weir__sys weir__sys_real = {
    .now_ns = weir__clock_monotonic_ns,
    .wall_ns = weir__clock_realtime_ns,
    .random = weir__random_fill,
    .thread_start = weir__thread_start,
    .thread_join = weir__thread_join,
    .thread_signal = weir__thread_signal,
    .park = weir__park,
    .unpark = weir__unpark,
};

const struct weir__sys *weir__sys = &weir__sys_real;
