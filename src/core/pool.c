/* core/pool.c - see pool.h. */
#include "core/pool.h"

#include "sys/lock.h"

void *weir__pool_take(struct weir__pool *pool)
{
    void *object;

    weir__lock(&pool->lock);
    if (!pool->slab.object_size)
        weir__slab_init(&pool->slab, pool->object_size);
    object = weir__slab_take(&pool->slab);
    weir__unlock(&pool->lock);
    return object;
}

void weir__pool_give(struct weir__pool *pool, void *object)
{
    weir__lock(&pool->lock);
    weir__slab_give(&pool->slab, object);
    weir__unlock(&pool->lock);
}
