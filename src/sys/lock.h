/* sys/lock.h - a lock for a few instructions, by parking.
 *
 * For the rare paths that no queue without locks serves. Never held across a suspension, a user's
 * callback or a system call that may block. Word: 0 free, 1 held, 2 held and perhaps waited for.
 * Any thread.
 */
#ifndef WEIR_SYS_LOCK_H
#define WEIR_SYS_LOCK_H

#include <stdint.h>

#include "base/atomic.h"
#include "sys/sys.h"

#ifndef WEIR__LOCK_SPINS
#define WEIR__LOCK_SPINS 100 /* none in the model: there it would be waiting */
#endif

static inline void weir__lock(uint32_t *lock)
{
    uint32_t seen = 0;
    int spins = WEIR__LOCK_SPINS;

    while (!WEIR_ATOMIC_CAS(lock, &seen, 1, ACQUIRE)) {
        if (spins-- > 0) {
            weir__sys_cpu_relax();
        } else if (seen == 2 || WEIR_ATOMIC_EXCHANGE(lock, 2, ACQUIRE) != 0) {
            (void)weir__sys_table()->park(lock, 2, -1);
            /* whoever was parked takes it as waited for, since others may be parked still */
            if (WEIR_ATOMIC_EXCHANGE(lock, 2, ACQUIRE) == 0)
                return;
        } else {
            return;
        }
        seen = 0;
    }
}

static inline void weir__unlock(uint32_t *lock)
{
    if (WEIR_ATOMIC_EXCHANGE(lock, 0, RELEASE) == 2)
        weir__sys_table()->unpark(lock, 1);
}

#endif
