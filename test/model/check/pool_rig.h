/* test/model/check/pool_rig.h - objects with handles for models: new ones for each run.
 *
 * Defines what core/pool.h declares, so one file a program includes it. A run that is left off may
 * leave its objects locked.
 */
#ifndef WEIR_TEST_MODEL_POOL_RIG_H
#define WEIR_TEST_MODEL_POOL_RIG_H

#include <string.h>

#include "check/check.h"
#include "core/pool.h"

static struct {
    uint64_t words[128];
} pool_objects[4];
static uint32_t pool_taken;

/* In `begin`, before any is made. */
static void pool_begin(void)
{
    memset(pool_objects, 0, sizeof pool_objects);
    pool_taken = 0;
}

void *weir__pool_take(struct weir__pool *pool)
{
    MODEL_CHECK(pool->object_size <= sizeof pool_objects[0] && pool_taken < 4);
    return &pool_objects[pool_taken++];
}

void weir__pool_give(struct weir__pool *pool, void *object)
{
    (void)pool;
    (void)object;
}

#endif
