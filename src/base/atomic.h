/* base/atomic.h - the one door to atomic operations.
 *
 * Plain variables are made atomic by how they are used, so that the kernel's rings and public
 * structs need no qualifier. There are no stand-alone fences: ThreadSanitizer does not understand
 * them, and store-then-look protocols use sequentially consistent read-modify-writes instead. Each
 * use names its partner. ORDER is RELAXED, ACQUIRE, RELEASE, ACQ_REL or SEQ_CST.
 *
 * With WEIR__MODEL each access is a call of the model checker (test/model/check).
 */
#ifndef WEIR_BASE_ATOMIC_H
#define WEIR_BASE_ATOMIC_H

#ifdef WEIR__MODEL
#include "base/atomic_model.h"
#else
#define WEIR_ATOMIC_LOAD(pointer, order) __atomic_load_n((pointer), __ATOMIC_##order)
#define WEIR_ATOMIC_STORE(pointer, value, order)                                                   \
    __atomic_store_n((pointer), (value), __ATOMIC_##order)
#define WEIR_ATOMIC_EXCHANGE(pointer, value, order)                                                \
    __atomic_exchange_n((pointer), (value), __ATOMIC_##order)
#define WEIR_ATOMIC_ADD(pointer, value, order)                                                     \
    __atomic_fetch_add((pointer), (value), __ATOMIC_##order)
#define WEIR_ATOMIC_SUB(pointer, value, order)                                                     \
    __atomic_fetch_sub((pointer), (value), __ATOMIC_##order)
#define WEIR_ATOMIC_OR(pointer, value, order)                                                      \
    __atomic_fetch_or((pointer), (value), __ATOMIC_##order)
#define WEIR_ATOMIC_AND(pointer, value, order)                                                     \
    __atomic_fetch_and((pointer), (value), __ATOMIC_##order)
/* True if *pointer was *expected and is now `desired`; else *expected is what it was. Strong. A
 * failure reads with the part of the order that reads. */
#define WEIR_ATOMIC_CAS(pointer, expected, desired, order)                                         \
    __atomic_compare_exchange_n((pointer), (expected), (desired), 0, __ATOMIC_##order,             \
                                WEIR__CAS_FAILURE_##order)
#define WEIR__CAS_FAILURE_RELAXED __ATOMIC_RELAXED
#define WEIR__CAS_FAILURE_ACQUIRE __ATOMIC_ACQUIRE
#define WEIR__CAS_FAILURE_RELEASE __ATOMIC_RELAXED
#define WEIR__CAS_FAILURE_ACQ_REL __ATOMIC_ACQUIRE
#define WEIR__CAS_FAILURE_SEQ_CST __ATOMIC_SEQ_CST
#endif

/* Adds to a counter that one thread writes and others read. */
#define WEIR_ATOMIC_COUNT(at, n) WEIR_ATOMIC_STORE(at, *(at) + (n), RELAXED)

#endif
