/* test/support/hostile.h - for tests that count reads or writes, in a build with WEIR_HOSTILE.
 *
 * After hostile_calm() the kernel's own sizes and order of completions are left alone until the
 * test ends (base/hostile.h).
 */
#ifndef WEIR_TEST_SUPPORT_HOSTILE_H
#define WEIR_TEST_SUPPORT_HOSTILE_H

#include "base/hostile.h"

static inline void hostile_calm(void)
{
#ifdef WEIR__HOSTILE
    __atomic_store_n(&weir__hostile_calm, 1, __ATOMIC_RELAXED);
#endif
}

static inline void hostile_again(void)
{
#ifdef WEIR__HOSTILE
    __atomic_store_n(&weir__hostile_calm, 0, __ATOMIC_RELAXED);
#endif
}

#endif
