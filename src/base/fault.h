/* base/fault.h - making the n-th allocation or system call fail, in builds for tests.
 *
 * Without WEIR_FAULTS everything here is a constant and costs nothing. With it each site asks
 * weir__fault_hit; the one armed answers true once. Any thread.
 */
#ifndef WEIR_BASE_FAULT_H
#define WEIR_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum weir__fault_kind {
    WEIR__FAULT_ALLOC,
    WEIR__FAULT_CALL,
    WEIR__FAULT_KINDS
};

#ifdef WEIR_FAULTS
/* Makes the n-th site of a kind fail, counted from now, from 1; 0 disarms. Starts the count anew.
 * */
void weir__fault_arm(enum weir__fault_kind kind, uint64_t n);
/* Sites passed since weir__fault_arm. */
uint64_t weir__fault_count(enum weir__fault_kind kind);
bool weir__fault_hit(enum weir__fault_kind kind);
#else
static inline bool weir__fault_hit(enum weir__fault_kind kind)
{
    (void)kind;
    return false;
}
#endif

#endif
