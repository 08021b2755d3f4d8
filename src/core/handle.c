/* core/handle.c - see handle.h.
 *
 * Free slots are a stack through the slots' objects; its head carries a counter beside the slot
 * number, so that a slot that was popped and pushed meanwhile is noticed.
 */
#include "core/handle.h"

#include <stddef.h>
#include <weir/error.h>

#include "base/alloc.h"
#include "base/atomic.h"

#define CHUNK_SLOTS 1024u
#define CHUNKS_MAX  16384u
#define SLOT_BITS   24
#define NO_SLOT     0xffffffu

struct entry {
    uint64_t word;    /* generation << 32 | flags and references */
    uintptr_t object; /* or the next free slot */
};

static struct entry *chunks[CHUNKS_MAX]; /* set once each, never released */
static uint32_t chunk_count;
static uint64_t free_head = NO_SLOT; /* counter << 32 | slot */
static uint64_t live[WEIR__HANDLE_KINDS];

static struct entry *entry_at(uint32_t slot)
{
    struct entry *chunk = slot / CHUNK_SLOTS < CHUNKS_MAX
                              ? WEIR_ATOMIC_LOAD(&chunks[slot / CHUNK_SLOTS], ACQUIRE)
                              : NULL;

    return chunk ? &chunk[slot % CHUNK_SLOTS] : NULL;
}

static uint32_t slot_of(uint64_t id)
{
    return (uint32_t)(id >> 32) & NO_SLOT;
}

static uint32_t kind_of(uint64_t id)
{
    return (uint32_t)(id >> 56);
}

static bool of_kind(uint64_t id, enum weir__handle_kind kind)
{
    return kind_of(id) == (uint32_t)kind;
}

static void push_free(uint32_t slot)
{
    struct entry *entry = entry_at(slot);
    uint64_t head = WEIR_ATOMIC_LOAD(&free_head, RELAXED), next;

    do {
        WEIR_ATOMIC_STORE(&entry->object, (uintptr_t)(head & NO_SLOT), RELEASE);
        next = ((head >> 32) + 1) << 32 | slot;
    } while (!WEIR_ATOMIC_CAS(&free_head, &head, next, SEQ_CST));
}

static uint32_t pop_free(void)
{
    uint64_t head = WEIR_ATOMIC_LOAD(&free_head, ACQUIRE), next;

    do {
        uint32_t slot = (uint32_t)head & NO_SLOT;

        if (slot == NO_SLOT)
            return NO_SLOT;
        next = ((head >> 32) + 1) << 32 | WEIR_ATOMIC_LOAD(&entry_at(slot)->object, RELAXED);
    } while (!WEIR_ATOMIC_CAS(&free_head, &head, next, SEQ_CST));
    return (uint32_t)head & NO_SLOT;
}

static int grow(void)
{
    uint32_t at = WEIR_ATOMIC_ADD(&chunk_count, 1, SEQ_CST), i;
    struct entry *chunk;

    if (at >= CHUNKS_MAX - 1) {
        (void)WEIR_ATOMIC_SUB(&chunk_count, 1, SEQ_CST);
        return WEIR_ELIMIT;
    }
    chunk = weir__calloc(CHUNK_SLOTS, sizeof *chunk);
    if (!chunk) {
        (void)WEIR_ATOMIC_SUB(&chunk_count, 1, SEQ_CST);
        return WEIR_ENOMEM;
    }
    for (i = 0; i < CHUNK_SLOTS; i++)
        chunk[i].word = (uint64_t)1 << 32 | WEIR__HANDLE_CLOSED;
    for (;;) {
        struct entry *none = NULL;

        if (WEIR_ATOMIC_CAS(&chunks[at], &none, chunk, SEQ_CST))
            break;
        at = (at + 1) % (CHUNKS_MAX - 1);
    }
    for (i = CHUNK_SLOTS; i > 0; i--)
        push_free(at * CHUNK_SLOTS + i - 1);
    return 0;
}

int weir__handle_make(enum weir__handle_kind kind, void *object, uint64_t *id)
{
    uint32_t slot;
    struct entry *entry;
    uint64_t generation;

    while ((slot = pop_free()) == NO_SLOT) {
        int rc = grow();

        if (rc < 0)
            return rc;
    }
    entry = entry_at(slot);
    generation = WEIR_ATOMIC_LOAD(&entry->word, RELAXED) >> 32;
    WEIR_ATOMIC_STORE(&entry->object, (uintptr_t)object, RELEASE); /* partner: peek */
    WEIR_ATOMIC_STORE(&entry->word, generation << 32, SEQ_CST);
    (void)WEIR_ATOMIC_ADD(&live[kind], 1, RELAXED);
    *id = (uint64_t)kind << 56 | (uint64_t)slot << 32 | generation;
    return 0;
}

static struct entry *resolve(uint64_t id, enum weir__handle_kind kind)
{
    return of_kind(id, kind) ? entry_at(slot_of(id)) : NULL;
}

void *weir__handle_enter(uint64_t id, enum weir__handle_kind kind, uint32_t bits, int *error)
{
    struct entry *entry = resolve(id, kind);
    uint64_t word, next;

    *error = WEIR_EBADHANDLE;
    if (!entry)
        return NULL;
    word = WEIR_ATOMIC_LOAD(&entry->word, ACQUIRE);
    do {
        if ((uint32_t)(word >> 32) != (uint32_t)id || (word & WEIR__HANDLE_CLOSED))
            return NULL;
        if (word & bits) {
            *error = WEIR_EBUSY;
            return NULL;
        }
        next = bits ? word | bits : word + 1;
    } while (!WEIR_ATOMIC_CAS(&entry->word, &word, next, SEQ_CST));
    return (void *)WEIR_ATOMIC_LOAD(&entry->object, RELAXED);
}

bool weir__handle_leave(uint64_t id, uint32_t bits)
{
    struct entry *entry = entry_at(slot_of(id));
    uint32_t left =
        (uint32_t)(bits ? WEIR_ATOMIC_AND(&entry->word, ~(uint64_t)bits, SEQ_CST) & ~bits
                        : WEIR_ATOMIC_SUB(&entry->word, 1, SEQ_CST) - 1);

    return left == WEIR__HANDLE_CLOSED;
}

bool weir__handle_closed(uint64_t id)
{
    return WEIR_ATOMIC_LOAD(&entry_at(slot_of(id))->word, SEQ_CST) & WEIR__HANDLE_CLOSED;
}

int weir__handle_close(uint64_t id, enum weir__handle_kind kind, uint32_t *in_use, void **object)
{
    struct entry *entry = resolve(id, kind);
    uint64_t word;

    if (!entry)
        return 0;
    word = WEIR_ATOMIC_LOAD(&entry->word, ACQUIRE);
    do {
        if ((uint32_t)(word >> 32) != (uint32_t)id || (word & WEIR__HANDLE_CLOSED))
            return 0;
    } while (!WEIR_ATOMIC_CAS(&entry->word, &word, word | WEIR__HANDLE_CLOSED, SEQ_CST));
    *in_use = (uint32_t)word;
    *object = (void *)WEIR_ATOMIC_LOAD(&entry->object, RELAXED);
    return 1;
}

bool weir__handle_close_alone(uint64_t id)
{
    uint64_t alone = (id & UINT32_MAX) << 32 | 1;

    return WEIR_ATOMIC_CAS(&entry_at(slot_of(id))->word, &alone, alone | WEIR__HANDLE_CLOSED,
                           SEQ_CST);
}

void weir__handle_free(uint64_t id)
{
    struct entry *entry = entry_at(slot_of(id));
    uint64_t generation = (id & UINT32_MAX) + 1;

    (void)WEIR_ATOMIC_SUB(&live[kind_of(id)], 1, RELAXED);
    if (generation > UINT32_MAX)
        return;
    WEIR_ATOMIC_STORE(&entry->word, generation << 32 | WEIR__HANDLE_CLOSED, SEQ_CST);
    push_free(slot_of(id));
}

uint64_t weir__handle_renew(uint64_t id)
{
    uint64_t generation = (id & UINT32_MAX) + 1;

    if (generation > UINT32_MAX) {
        weir__handle_free(id);
        return 0;
    }
    /* partner: open, which is called under the lock that the caller holds */
    WEIR_ATOMIC_STORE(&entry_at(slot_of(id))->word, generation << 32, RELEASE);
    return id + 1;
}

static bool names(uint64_t id, uint64_t word)
{
    return (uint32_t)(word >> 32) == (uint32_t)id && !(word & WEIR__HANDLE_CLOSED);
}

void *weir__handle_peek(uint64_t id, enum weir__handle_kind kind)
{
    struct entry *entry = resolve(id, kind);
    uintptr_t object;

    if (!entry)
        return NULL;
    /* the word last: who has read what came after a free, a link or another object, sees it */
    object = WEIR_ATOMIC_LOAD(&entry->object, ACQUIRE); /* partners: push_free, make */
    return names(id, WEIR_ATOMIC_LOAD(&entry->word, ACQUIRE)) ? (void *)object : NULL;
}

bool weir__handle_open(uint64_t id)
{
    const struct entry *entry = entry_at(slot_of(id));

    return entry && names(id, WEIR_ATOMIC_LOAD(&entry->word, ACQUIRE));
}

uint64_t weir__handle_live_of(uint32_t kind)
{
    return WEIR_ATOMIC_LOAD(&live[kind], SEQ_CST);
}

uint64_t weir__handle_live(void)
{
    uint64_t sum = 0;
    uint32_t kind;

    for (kind = 0; kind < WEIR__HANDLE_KINDS; kind++)
        sum += weir__handle_live_of(kind);
    return sum;
}
