/* base/atomic_model.h - the atomic operations of base/atomic.h as calls of a model checker.
 *
 * For builds of a few sources with WEIR__MODEL; the checker is in test/model/check. It is told of
 * each access with its place: the function, the pointer as it is written, and the order, which a
 * test may change to see that the checker notices. Values travel in 64 bits.
 */
#ifndef WEIR_BASE_ATOMIC_MODEL_H
#define WEIR_BASE_ATOMIC_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum weir__model_order {
    WEIR__MODEL_RELAXED,
    WEIR__MODEL_ACQUIRE,
    WEIR__MODEL_RELEASE,
    WEIR__MODEL_ACQ_REL,
    WEIR__MODEL_SEQ_CST
};

enum weir__model_kind {
    WEIR__MODEL_LOAD,
    WEIR__MODEL_STORE,
    WEIR__MODEL_EXCHANGE,
    WEIR__MODEL_ADD,
    WEIR__MODEL_SUB,
    WEIR__MODEL_OR,
    WEIR__MODEL_AND,
    WEIR__MODEL_CAS
};

/* One place in the sources. The last two fields are the checker's. */
struct weir__model_site {
    const char *function;
    const char *pointer;
    enum weir__model_kind kind;
    enum weir__model_order order;
    uint32_t run;
    bool mutated;
};

/* What the operation read. */
uint64_t weir__model_access(struct weir__model_site *site, const volatile void *at, uint32_t size,
                            uint64_t value);
bool weir__model_cas(struct weir__model_site *site, const volatile void *at, void *expected,
                     uint32_t size, uint64_t desired);
/* Waits until what the caller has looked at last is changed. */
void weir__model_relax(void);

#define WEIR__MODEL_SITE(kind_, at, order_)                                                        \
    static struct weir__model_site model_site = {                                                  \
        __func__, #at, WEIR__MODEL_##kind_, WEIR__MODEL_##order_, 0, false}
#define WEIR__MODEL_ACCESS(kind_, at, value, order_)                                               \
    __extension__({                                                                                \
        WEIR__MODEL_SITE(kind_, at, order_);                                                       \
        (__typeof__(*(at)))weir__model_access(&model_site, (at), sizeof *(at), (uint64_t)(value)); \
    })

#define WEIR_ATOMIC_LOAD(at, order)            WEIR__MODEL_ACCESS(LOAD, at, 0, order)
#define WEIR_ATOMIC_STORE(at, value, order)    (void)WEIR__MODEL_ACCESS(STORE, at, value, order)
#define WEIR_ATOMIC_EXCHANGE(at, value, order) WEIR__MODEL_ACCESS(EXCHANGE, at, value, order)
#define WEIR_ATOMIC_ADD(at, value, order)      WEIR__MODEL_ACCESS(ADD, at, value, order)
#define WEIR_ATOMIC_SUB(at, value, order)      WEIR__MODEL_ACCESS(SUB, at, value, order)
#define WEIR_ATOMIC_OR(at, value, order)       WEIR__MODEL_ACCESS(OR, at, value, order)
#define WEIR_ATOMIC_AND(at, value, order)      WEIR__MODEL_ACCESS(AND, at, value, order)
#define WEIR_ATOMIC_CAS(at, expected, desired, order)                                              \
    __extension__({                                                                                \
        WEIR__MODEL_SITE(CAS, at, order);                                                          \
        weir__model_cas(&model_site, (at), (expected), sizeof *(at), (uint64_t)(desired));         \
    })

#endif
