/* base/hostile.h - what a build with WEIR_HOSTILE does to itself.
 *
 * Such a build (WEIR__HOSTILE) has tiny queues, and at chosen places takes a way that is permitted
 * and rare: moves a task, steals from others before it looks at its own queue, wakes for nothing,
 * reads one byte, holds completions back. Each such place asks weir__chance; in other builds that
 * is a constant, and nothing is left of it. WEIR_HOSTILE_SEED in the environment changes the
 * choices; threads make them together, so that a seed does not repeat a run. A test that needs the
 * kernel's own way for a while says so by weir__hostile_calm. Any thread.
 */
#ifndef WEIR_BASE_HOSTILE_H
#define WEIR_BASE_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef WEIR__HOSTILE

/* 0..count - 1. */
uint32_t weir__hostile_pick(uint32_t count);
/* True once in `in` times, in the long run. */
bool weir__chance(uint32_t in);
/* While it is set reads, writes and completions come as the kernel gives them. */
extern uint32_t weir__hostile_calm;
/* As weir__chance, unless calm. */
bool weir__chance_io(uint32_t in);

#else

static inline bool weir__chance(uint32_t in)
{
    (void)in;
    return false;
}

static inline bool weir__chance_io(uint32_t in)
{
    (void)in;
    return false;
}

static inline uint32_t weir__hostile_pick(uint32_t count)
{
    (void)count;
    return 0;
}

#endif

#endif
