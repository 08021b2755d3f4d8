/* task/region.c - see region.h. Chunks of entries, linked newest first; a search is linear, which a
 * fault can afford, and an addition skips full chunks. */
#include "task/region.h"

#include <weir/error.h>

#include "base/atomic.h"
#include "sys/page.h"

enum {
    CHUNK_BYTES = 16 * 1024
};

struct chunk {
    struct chunk *next; /* never changes once it is linked */
    uint64_t used;
    struct weir__region entries[(CHUNK_BYTES - 16) / sizeof(struct weir__region)];
};

enum {
    CHUNK_ENTRIES = sizeof((struct chunk *)0)->entries / sizeof(struct weir__region)
};

static struct chunk *chunks; /* partner: itself, push only */

static struct weir__region *claim(struct chunk *chunk)
{
    size_t i;

    if (WEIR_ATOMIC_LOAD(&chunk->used, RELAXED) >= CHUNK_ENTRIES)
        return NULL;
    for (i = 0; i < CHUNK_ENTRIES; i++) {
        uintptr_t expected = 0;

        /* Partner: the release in weir__region_remove. */
        if (WEIR_ATOMIC_CAS(&chunk->entries[i].base, &expected, 1, ACQUIRE)) {
            WEIR_ATOMIC_ADD(&chunk->used, 1, RELAXED);
            return &chunk->entries[i];
        }
    }
    return NULL;
}

static struct weir__region *claim_any(void)
{
    struct chunk *chunk;
    struct weir__region *region = NULL;

    for (chunk = WEIR_ATOMIC_LOAD(&chunks, ACQUIRE); chunk && !region; chunk = chunk->next)
        region = claim(chunk);
    return region;
}

static int add_chunk(void)
{
    struct chunk *chunk;
    void *memory;
    int rc = weir__page_map(CHUNK_BYTES, &memory);

    if (rc < 0)
        return rc;
    chunk = memory;
    chunk->next = WEIR_ATOMIC_LOAD(&chunks, ACQUIRE);
    while (!WEIR_ATOMIC_CAS(&chunks, &chunk->next, chunk, ACQ_REL))
        ;
    return 0;
}

int weir__region_add(void *base, size_t size, size_t slot_size, struct weir__region **out)
{
    struct weir__region *region;

    while (!(region = claim_any())) {
        int rc = add_chunk();

        if (rc < 0)
            return rc;
    }
    WEIR_ATOMIC_STORE(&region->size, size, RELAXED);
    WEIR_ATOMIC_STORE(&region->slot_size, slot_size, RELAXED);
    WEIR_ATOMIC_STORE(&region->base, (uintptr_t)base, RELEASE); /* partner: weir__region_find */
    *out = region;
    return 0;
}

void weir__region_remove(struct weir__region *region)
{
    struct chunk *chunk = WEIR_ATOMIC_LOAD(&chunks, ACQUIRE);

    if (!region)
        return;
    while (region < chunk->entries || region >= chunk->entries + CHUNK_ENTRIES)
        chunk = chunk->next;
    WEIR_ATOMIC_STORE(&region->base, 0, RELEASE);
    WEIR_ATOMIC_SUB(&chunk->used, 1, RELAXED);
}

bool weir__region_find(const void *address, struct weir__region *out)
{
    struct chunk *chunk;
    size_t i;

    for (chunk = WEIR_ATOMIC_LOAD(&chunks, ACQUIRE); chunk; chunk = chunk->next) {
        for (i = 0; i < CHUNK_ENTRIES; i++) {
            struct weir__region *region = &chunk->entries[i];
            uintptr_t base = WEIR_ATOMIC_LOAD(&region->base, ACQUIRE);
            size_t size = WEIR_ATOMIC_LOAD(&region->size, RELAXED);

            if (base > 1 && (uintptr_t)address >= base && (uintptr_t)address - base < size) {
                out->base = base;
                out->size = size;
                out->slot_size = WEIR_ATOMIC_LOAD(&region->slot_size, RELAXED);
                return true;
            }
        }
    }
    return false;
}
