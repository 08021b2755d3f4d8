/* sys/virtual_clock.h - clocks that move only when they are told to, in place of the kernel's.
 *
 * For tests. While it is on, weir__sys has these clocks; all else of the table is the system's, so
 * that threads still park and wake in real time. Both clocks begin at the kernel's present moment
 * and move together. Begun before the first loop and ended after the last, as the table asks.
 */
#ifndef WEIR_SYS_VIRTUAL_CLOCK_H
#define WEIR_SYS_VIRTUAL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* 0, or WEIR_EBUSY: it is on already. Any thread. */
int weir__virtual_clock_begin(void);
void weir__virtual_clock_end(void);
bool weir__virtual_clock_on(void);
/* Moves the clocks to a moment of the monotonic one; back they do not go. Any thread, but one at a
 * time. */
void weir__virtual_clock_set(uint64_t now_ns);

#endif
