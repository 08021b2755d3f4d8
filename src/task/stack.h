/* task/stack.h - stacks: slots in slabs, reused last-in first-out.
 *
 * A pool belongs to one worker: all its functions are called by that worker's thread, and a stack
 * goes back to the pool it came from (stack->pool), so a task that ended elsewhere sends it home. A
 * slab is 64 slots mapped at once. A slot's lowest 16 KiB are its guard, the rest is committed by
 * touch. The top is coloured: 64 B x (slot number mod 16) below the slot's end, so that thousands
 * of suspended tasks do not share the same cache sets.
 *
 * A slot that touched more than 16 KiB gives the rest back when it is returned. How much was
 * touched is asked of the kernel (mincore), which costs more than a spawn; so a slot that was
 * found shallow is asked again only after 1, 2, 4, ... 256 more uses, and one that was found deep
 * at each use. What this misses stays until weir__stack_pool_trim is called, which no worker does
 * yet.
 *
 * States of a slot: closed (never used, not in core dumps), taken, free (on the pool's list).
 */
#ifndef WEIR_TASK_STACK_H
#define WEIR_TASK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__slab_source;
struct weir__stack_slab;
struct weir__stack_slot;

enum {
    WEIR__STACK_SLOT_DEFAULT = 64 * 1024, /* bytes, with its guard */
    WEIR__STACK_GUARD = 16 * 1024,
    WEIR__STACK_KEEP = 16 * 1024,      /* bytes that a free slot may keep committed */
    WEIR__STACK_MAX = 8 * 1024 * 1024, /* the most that weir__stack_take can be asked for */
    WEIR__STACK_SLAB_SLOTS = 64,
    WEIR__STACK_LARGE_CACHED = 4, /* free large stacks that a pool keeps */
};

struct weir__stack_pool {
    struct weir__stack_slot *free;  /* last in, first out */
    struct weir__stack_slab *slabs; /* the first may have closed slots */
    struct weir__stack_slab *large; /* free large stacks, newest first */
    size_t slot_size;
    uint32_t large_count;
    uint32_t large_colour;                  /* of the next one that is mapped */
    uint32_t taken;                         /* stacks out of the pool, of both kinds */
    const struct weir__slab_source *source; /* whose node the stacks are to be on, or NULL */
    size_t high_water;                      /* most bytes of a slot that were found touched */
};

/* What a task holds of its stack. Usable are [low, high). */
struct weir__stack {
    char *low;
    char *high; /* 16-byte aligned, coloured */
    struct weir__stack_slot *slot;
    struct weir__stack_pool *pool;
};

static inline bool weir__stack_has(const struct weir__stack *stack, const void *at)
{
    return (const char *)at >= stack->low && (const char *)at < stack->high;
}

/* `slot_size` counts the guard; 0 is the default; else a multiple of the page size, at least 32
 * KiB. Maps nothing yet. WEIR_EINVAL. */
int weir__stack_pool_init(struct weir__stack_pool *pool, size_t slot_size);
/* Unmaps everything. All stacks are back. Accepts zeroed memory. */
void weir__stack_pool_fini(struct weir__stack_pool *pool);
/* Gives back all cached large stacks, what the 64 most recent free slots hold beyond
 * WEIR__STACK_KEEP, and all that the other free slots hold. About a microsecond a slot that was
 * used since the last trim: for idle moments. */
void weir__stack_pool_trim(struct weir__stack_pool *pool);

/* Gives *out at least `size_wanted` usable bytes (0: the default slot, 48 KiB less its colour).
 * More than a slot holds is mapped alone. Errors, *out untouched: WEIR_ENOMEM (address space,
 * overcommit), WEIR_ELIMIT (more than WEIR__STACK_MAX, or the process is at its limit of
 * mappings). */
int weir__stack_take(struct weir__stack_pool *pool, size_t size_wanted, struct weir__stack *out);
/* Takes the stack back, and zeroes the struct. Cannot fail. Not from the stack itself. */
void weir__stack_give(struct weir__stack_pool *pool, struct weir__stack *stack);

/* Bytes below the top that have been touched since the stack was last given back, in whole pages,
 * or -errno. A system call: for dumps and diagnosis. */
long weir__stack_touched(const struct weir__stack *stack);

/* What lies at an address: for the handler of a fault. */
struct weir__stack_info {
    char *guard; /* lowest address: [guard, low) is the guard, [low, high) the stack */
    char *low;
    char *high;
    uint32_t slot;
    bool in_guard;
};

/* True, and fills *out, if the address lies in a slot of any pool. Async-signal-safe, any thread;
 * the slot may be gone when it returns unless the caller runs on it. */
bool weir__stack_find(const void *address, struct weir__stack_info *out);

#endif
