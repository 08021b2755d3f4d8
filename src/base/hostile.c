/* base/hostile.c - see hostile.h. */
#include "base/hostile.h"

#ifdef WEIR__HOSTILE

#include <stdlib.h>

#include "base/atomic.h"

#define STEP 0x9e3779b97f4a7c15ull /* splitmix64: public domain arithmetic */

uint32_t weir__hostile_calm;
static uint64_t state;

/* Relaxed: chances order nothing, or ThreadSanitizer would see less. */
static uint64_t next(void)
{
    uint64_t x = WEIR_ATOMIC_ADD(&state, STEP, RELAXED) + STEP;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static void __attribute__((constructor)) seed(void)
{
    const char *text = getenv("WEIR_HOSTILE_SEED");

    state = text ? strtoull(text, NULL, 10) : 1;
}

uint32_t weir__hostile_pick(uint32_t count)
{
    return (uint32_t)(next() % count);
}

bool weir__chance(uint32_t in)
{
    return weir__hostile_pick(in) == 0;
}

bool weir__chance_io(uint32_t in)
{
    return !WEIR_ATOMIC_LOAD(&weir__hostile_calm, RELAXED) && weir__chance(in);
}

#endif
