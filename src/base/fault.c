/* base/fault.c - see fault.h. Empty in builds without faults. */
#include "base/fault.h"

#ifdef WEIR_FAULTS
#include "base/atomic.h"

static uint64_t counts[WEIR__FAULT_KINDS];
static uint64_t armed[WEIR__FAULT_KINDS];

void weir__fault_arm(enum weir__fault_kind kind, uint64_t n)
{
    WEIR_ATOMIC_STORE(&counts[kind], 0, SEQ_CST);
    WEIR_ATOMIC_STORE(&armed[kind], n, SEQ_CST);
}

uint64_t weir__fault_count(enum weir__fault_kind kind)
{
    return WEIR_ATOMIC_LOAD(&counts[kind], SEQ_CST);
}

bool weir__fault_hit(enum weir__fault_kind kind)
{
    return WEIR_ATOMIC_ADD(&counts[kind], 1, SEQ_CST) + 1
           == WEIR_ATOMIC_LOAD(&armed[kind], SEQ_CST);
}
#endif
