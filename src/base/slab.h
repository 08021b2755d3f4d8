/* base/slab.h - objects of one size, taken and given in O(1).
 *
 * Chunks never move and are not released before fini, so the memory of an object stays readable
 * after it was given back: handles with generations rely on it. Reuse is last-in first-out. An
 * object is zeroed only when its chunk is new. Not thread safe.
 */
#ifndef WEIR_BASE_SLAB_H
#define WEIR_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where chunks come from, if not from the heap. */
struct weir__slab_source {
    void *(*take)(const struct weir__slab_source *source, size_t size); /* zeroed; or NULL */
    void (*give)(void *chunk, size_t size);
    int node; /* the source's */
};

struct weir__slab {
    const struct weir__slab_source *source; /* NULL: the heap; set before the first object */
    size_t object_size;
    void *free_list; /* linked through the last pointer of each object */
    void *chunks;    /* linked through the first pointer of each chunk */
    uint64_t live;
};

/* Objects of `object_size` bytes (a multiple of 8 is made of it), aligned to 8. */
void weir__slab_init(struct weir__slab *slab, size_t object_size);
/* NULL when out of memory. */
void *weir__slab_take(struct weir__slab *slab);
void weir__slab_give(struct weir__slab *slab, void *object);
/* Visits every object, those that are free too: the visitor tells them apart. It may give some, and
 * takes none. */
void weir__slab_each(const struct weir__slab *slab, void (*visit)(void *object, void *arg),
                     void *arg);
/* A walk in parts: `cursor`, zeroed before the first, says where it stands. Visits at most `most`
 * objects; false after the last one, and the cursor is zeroed. Objects of chunks that are made
 * meanwhile may be left out. */
struct weir__slab_cursor {
    void *chunk;
    size_t at;
};
bool weir__slab_walk(const struct weir__slab *slab, struct weir__slab_cursor *cursor, size_t most,
                     void (*visit)(void *object, void *arg), void *arg);
/* Releases all chunks, whether or not objects are out. */
void weir__slab_fini(struct weir__slab *slab);

#endif
