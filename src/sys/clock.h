/* sys/clock.h - the kernel's clocks. Reached through weir__sys, except by sys itself. Any thread.
 *
 * Neither can fail on a system that weir supports. About 20 ns a call where the vDSO serves it:
 * once a turn and once a slice, not once an operation.
 */
#ifndef WEIR_SYS_CLOCK_H
#define WEIR_SYS_CLOCK_H

#include <stdint.h>

uint64_t weir__clock_monotonic_ns(void);
uint64_t weir__clock_realtime_ns(void);

#endif
