/* core/pool.h - objects of one kind for the whole process.
 *
 * The memory of an object is never anything else: who holds a pointer that is out of date may still
 * take the lock that the object begins with, and finds out under it (core/handle.h). So the lock
 * keeps its value while the object is free, and whoever takes an object leaves it alone. Any
 * thread.
 */
#ifndef WEIR_CORE_POOL_H
#define WEIR_CORE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/slab.h"

struct weir__pool {
    uint32_t lock;
    size_t object_size;
    struct weir__slab slab; /* of the process: not released */
};

#define WEIR__POOL(type)                                                                           \
    {                                                                                              \
        0, sizeof(type),                                                                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* NULL when out of memory. A new object is zeroed, another one is as it was given, but for its last
 * word. */
void *weir__pool_take(struct weir__pool *pool);
void weir__pool_give(struct weir__pool *pool, void *object);

#endif
