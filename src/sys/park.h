/* sys/park.h - parking a thread on a 32-bit word (futex). Reached through weir__sys. Any thread.
 *
 * The word is the caller's protocol; these two only sleep and wake. A parker sleeps while the word
 * has the expected value, and the kernel compares under its lock: a waker that changes the word
 * first and then unparks loses no wake. Unpark touches only the address, not the memory: the word
 * may be gone already.
 */
#ifndef WEIR_SYS_PARK_H
#define WEIR_SYS_PARK_H

#include <stdint.h>

/* Sleeps while *word == expected, at most timeout_ns (negative: for ever). 0 after a wake or when
 * the value was another, WEIR_ETIMEDOUT after the time. May return 0 early: look again. */
int weir__park(uint32_t *word, uint32_t expected, int64_t timeout_ns);
/* Wakes at most `count` threads that are parked on the word. */
void weir__unpark(uint32_t *word, uint32_t count);

#endif
