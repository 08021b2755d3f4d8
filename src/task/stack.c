/* task/stack.c - see stack.h.
 *
 * A slab's slots are opened in batches of eight, in order: guards are made and the batch is let
 * into core dumps. A large stack is a slab of one slot. Where guards are marks, a slab is one or
 * two mappings to the kernel; where they need mprotect, two a slot.
 */
#include "task/stack.h"

#include <string.h>
#include <weir/error.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/slab.h"
#include "sys/page.h"
#include "task/region.h"

#if !defined(NVALGRIND) && defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

enum {
    BATCH = 8,
    COLOURS = 16,
    COLOUR_STEP = 64,
    COLOUR_MOST = (COLOURS - 1) * COLOUR_STEP,
    LOOK_EVERY_MAX = 256, /* uses of a shallow slot between two looks */
    HOT = 64,             /* free slots that a trim leaves committed */
};

struct weir__stack_slot {
    struct weir__stack_slot *next;
    struct weir__stack_slab *slab;
    char *end; /* not coloured */
    uint32_t index;
    uint32_t valgrind_id;
    uint8_t colour;
    uint16_t uses_left; /* until the next look */
    uint16_t look_every;
    bool cold; /* free, and nothing of it is committed */
};

struct weir__stack_slab {
    struct weir__stack_slab *next;
    char *base;
    size_t size;
    size_t slot_size;
    struct weir__region *region;
    uint32_t slot_count;
    uint32_t opened;
    struct weir__stack_slot slots[];
};

static char *slot_low(const struct weir__stack_slot *slot)
{
    return slot->end - slot->slab->slot_size + WEIR__STACK_GUARD;
}

/* ---- slabs ---- */

static void tell_valgrind(struct weir__stack_slot *slot)
{
#if defined(VALGRIND_STACK_REGISTER)
    slot->valgrind_id = (uint32_t)VALGRIND_STACK_REGISTER(slot_low(slot), slot->end);
#else
    (void)slot;
#endif
}

static void untell_valgrind(struct weir__stack_slot *slot)
{
#if defined(VALGRIND_STACK_DEREGISTER)
    VALGRIND_STACK_DEREGISTER(slot->valgrind_id);
#else
    (void)slot;
#endif
}

static void slab_destroy(struct weir__stack_slab *slab)
{
    uint32_t i;

    for (i = 0; i < slab->opened; i++)
        untell_valgrind(&slab->slots[i]);
    weir__region_remove(slab->region);
    if (slab->base)
        weir__page_unmap(slab->base, slab->size);
    weir__free(slab);
}

static int slab_create(const struct weir__stack_pool *pool, size_t slot_size, uint32_t slot_count,
                       struct weir__stack_slab **out)
{
    size_t size = slot_size * slot_count;
    struct weir__stack_slab *slab =
        weir__calloc(1, sizeof *slab + slot_count * sizeof slab->slots[0]);
    void *base;
    int rc;

    if (!slab)
        return WEIR_ENOMEM;
    rc = weir__page_map_stack(size, &base);
    if (rc < 0)
        goto fail;
    if (pool->source)
        (void)weir__page_prefer(base, size, pool->source->node);
    slab->base = base;
    slab->size = size;
    slab->slot_size = slot_size;
    slab->slot_count = slot_count;
    rc = weir__region_add(base, size, slot_size, &slab->region);
    if (rc < 0)
        goto fail;
    weir__page_dump(base, size, false);
    *out = slab;
    return 0;
fail:
    slab_destroy(slab);
    return rc;
}

static int slot_open(struct weir__stack_slab *slab, uint32_t colour)
{
    struct weir__stack_slot *slot = &slab->slots[slab->opened];
    int rc = weir__page_guard(slab->base + slab->opened * slab->slot_size, WEIR__STACK_GUARD);

    if (rc < 0)
        return rc == WEIR_ENOMEM ? WEIR_ELIMIT : rc;
    slot->slab = slab;
    slot->index = slab->opened;
    slot->end = slab->base + (slab->opened + 1) * slab->slot_size;
    slot->colour = (uint8_t)(colour % COLOURS);
    slot->look_every = 1;
    slot->cold = true;
    tell_valgrind(slot);
    slab->opened++;
    return 0;
}

/* ---- default slots ---- */

/* Opens the next slots of the pool's newest slab, or of a new one, and puts them on the free list
 * so that the first is taken first. An error only if not one could be opened. */
static int open_batch(struct weir__stack_pool *pool)
{
    struct weir__stack_slab *slab = pool->slabs;
    uint32_t first, i;
    int rc = 0;

    if (!slab || slab->opened == slab->slot_count) {
        rc = slab_create(pool, pool->slot_size, WEIR__STACK_SLAB_SLOTS, &slab);
        if (rc < 0)
            return rc;
        slab->next = pool->slabs;
        pool->slabs = slab;
    }
    first = slab->opened;
    while (rc == 0 && slab->opened < first + BATCH)
        rc = slot_open(slab, slab->opened);
    if (slab->opened == first)
        return rc;
    weir__page_dump(slab->base + first * slab->slot_size, (slab->opened - first) * slab->slot_size,
                    true);
    for (i = slab->opened; i > first; i--) {
        slab->slots[i - 1].next = pool->free;
        pool->free = &slab->slots[i - 1];
    }
    return 0;
}

static size_t slot_touched(const struct weir__stack_slot *slot)
{
    char *low = slot_low(slot);
    long untouched = weir__page_untouched(low, (size_t)(slot->end - low));

    return untouched < 0 ? 0 : (size_t)(slot->end - low) - (size_t)untouched * weir__page_size();
}

/* Asks how deep the slot was used and gives back what is beyond WEIR__STACK_KEEP. */
static __attribute__((noinline)) void look(struct weir__stack_pool *pool,
                                           struct weir__stack_slot *slot)
{
    char *low = slot_low(slot);
    size_t touched = slot_touched(slot);

    if (touched > pool->high_water)
        pool->high_water = touched;
    if (touched > WEIR__STACK_KEEP
        && weir__page_discard(low, (size_t)(slot->end - low) - WEIR__STACK_KEEP) == 0) {
        slot->look_every = 1;
        slot->uses_left = 0;
        return;
    }
    /* Shallow, or locked memory that cannot be given back: ask less often. */
    slot->uses_left = slot->look_every - 1;
    if (slot->look_every < LOOK_EVERY_MAX)
        slot->look_every *= 2;
}

/* ---- large stacks ---- */

static int large_take(struct weir__stack_pool *pool, size_t wanted, struct weir__stack_slot **out)
{
    size_t size = weir__page_round(wanted + COLOUR_MOST + WEIR__STACK_GUARD);
    struct weir__stack_slab **at, *slab;
    int rc;

    for (at = &pool->large; (slab = *at) != NULL; at = &slab->next) {
        if (slab->size >= size && slab->size / 2 <= size) {
            *at = slab->next;
            pool->large_count--;
            *out = &slab->slots[0];
            return 0;
        }
    }
    rc = slab_create(pool, size, 1, &slab);
    if (rc < 0)
        return rc;
    rc = slot_open(slab, pool->large_colour++);
    if (rc < 0) {
        slab_destroy(slab);
        return rc;
    }
    weir__page_dump(slab->base, slab->size, true);
    *out = &slab->slots[0];
    return 0;
}

static void large_give(struct weir__stack_pool *pool, struct weir__stack_slot *slot)
{
    struct weir__stack_slab *slab = slot->slab;

    look(pool, slot);
    if (pool->large_count == WEIR__STACK_LARGE_CACHED) {
        slab_destroy(slab);
        return;
    }
    slab->next = pool->large;
    pool->large = slab;
    pool->large_count++;
}

static void large_drop(struct weir__stack_pool *pool)
{
    struct weir__stack_slab *slab;

    while ((slab = pool->large) != NULL) {
        pool->large = slab->next;
        slab_destroy(slab);
    }
    pool->large_count = 0;
}

/* ---- the pool ---- */

int weir__stack_pool_init(struct weir__stack_pool *pool, size_t slot_size)
{
    if (!slot_size)
        slot_size = WEIR__STACK_SLOT_DEFAULT;
    if (slot_size % weir__page_size() || slot_size < 2 * WEIR__STACK_GUARD
        || slot_size > WEIR__STACK_MAX)
        return WEIR_EINVAL;
    memset(pool, 0, sizeof *pool);
    pool->slot_size = slot_size;
    return 0;
}

void weir__stack_pool_fini(struct weir__stack_pool *pool)
{
    struct weir__stack_slab *slab;

    large_drop(pool);
    while ((slab = pool->slabs) != NULL) {
        pool->slabs = slab->next;
        slab_destroy(slab);
    }
    memset(pool, 0, sizeof *pool);
}

void weir__stack_pool_trim(struct weir__stack_pool *pool)
{
    struct weir__stack_slot *slot;
    uint32_t rank = 0;

    large_drop(pool);
    for (slot = pool->free; slot; slot = slot->next) {
        char *low = slot_low(slot);

        if (slot->cold)
            continue;
        if (rank++ < HOT)
            look(pool, slot);
        else
            slot->cold = weir__page_discard(low, (size_t)(slot->end - low)) == 0;
    }
}

static int take_slot(struct weir__stack_pool *pool, struct weir__stack_slot **out)
{
    struct weir__stack_slot *slot = pool->free;

    if (__builtin_expect(!slot, 0)) {
        int rc = open_batch(pool);

        if (rc < 0)
            return rc;
        slot = pool->free;
    }
    pool->free = slot->next;
    *out = slot;
    return 0;
}

int weir__stack_take(struct weir__stack_pool *pool, size_t size_wanted, struct weir__stack *out)
{
    struct weir__stack_slot *slot;
    int rc;

    if (size_wanted > WEIR__STACK_MAX)
        return WEIR_ELIMIT;
    if (size_wanted <= pool->slot_size - WEIR__STACK_GUARD - COLOUR_MOST)
        rc = take_slot(pool, &slot);
    else
        rc = large_take(pool, size_wanted, &slot);
    if (rc < 0)
        return rc;
    slot->cold = false;
    out->low = slot_low(slot);
    out->high = slot->end - (size_t)slot->colour * COLOUR_STEP;
    out->slot = slot;
    out->pool = pool;
    WEIR_ATOMIC_COUNT(&pool->taken, 1);
    return 0;
}

void weir__stack_give(struct weir__stack_pool *pool, struct weir__stack *stack)
{
    struct weir__stack_slot *slot = stack->slot;

    memset(stack, 0, sizeof *stack);
    WEIR_ATOMIC_COUNT(&pool->taken, -1);
    if (slot->slab->slot_count == 1) {
        large_give(pool, slot);
        return;
    }
    if (slot->uses_left)
        slot->uses_left--;
    else
        look(pool, slot);
    slot->next = pool->free;
    pool->free = slot;
}

long weir__stack_touched(const struct weir__stack *stack)
{
    size_t size = (size_t)(stack->slot->end - stack->low);
    long untouched = weir__page_untouched(stack->low, size);

    return untouched < 0 ? untouched : (long)(size - (size_t)untouched * weir__page_size());
}

bool weir__stack_find(const void *address, struct weir__stack_info *out)
{
    struct weir__region region;

    if (!weir__region_find(address, &region))
        return false;
    out->slot = (uint32_t)(((uintptr_t)address - region.base) / region.slot_size);
    out->guard = (char *)region.base + out->slot * region.slot_size;
    out->low = out->guard + WEIR__STACK_GUARD;
    out->high = out->guard + region.slot_size;
    out->in_guard = (const char *)address < out->low;
    return true;
}
