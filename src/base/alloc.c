/* base/alloc.c - see alloc.h. The allocator is fixed by the first allocation. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <weir/memory.h>

#include "base/atomic.h"
#include "base/fault.h"

static void *default_allocate(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void *default_reallocate(void *memory, size_t size, void *user)
{
    (void)user;
    return realloc(memory, size);
}

static void default_release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static struct weir_allocator allocator = {default_allocate, default_reallocate, default_release,
                                          NULL};
static uint32_t used; /* partner: weir_set_allocator */

int weir_set_allocator(const struct weir_allocator *chosen)
{
    if (!chosen || !chosen->allocate || !chosen->reallocate || !chosen->release)
        return WEIR_EINVAL;
    if (WEIR_ATOMIC_LOAD(&used, SEQ_CST))
        return WEIR_EBUSY;
    allocator = *chosen;
    return 0;
}

static void note_use(void)
{
    if (!WEIR_ATOMIC_LOAD(&used, RELAXED))
        WEIR_ATOMIC_STORE(&used, 1, SEQ_CST);
}

void *weir__alloc(size_t size)
{
    note_use();
    return weir__fault_hit(WEIR__FAULT_ALLOC) ? NULL : allocator.allocate(size, allocator.user);
}

void *weir__calloc(size_t count, size_t size)
{
    void *memory;

    if (size && count > SIZE_MAX / size)
        return NULL;
    memory = weir__alloc(count * size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void *weir__realloc(void *memory, size_t size)
{
    note_use();
    return weir__fault_hit(WEIR__FAULT_ALLOC) ? NULL
                                              : allocator.reallocate(memory, size, allocator.user);
}

void weir__free(void *memory)
{
    if (memory)
        allocator.release(memory, allocator.user);
}

void *weir_allocate(size_t size)
{
    return weir__alloc(size);
}

void weir_release(void *memory)
{
    weir__free(memory);
}
