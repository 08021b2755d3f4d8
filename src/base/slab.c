/* base/slab.c - see slab.h. The free link is the last word of an object, so that the first words,
 * where objects keep their identity, survive until the object is taken again. */
#include "base/slab.h"

#include <string.h>

#include "base/alloc.h"

#define CHUNK_SIZE 65536u
#define CHUNK_HEAD 16u

void weir__slab_init(struct weir__slab *slab, size_t object_size)
{
    memset(slab, 0, sizeof *slab);
    slab->object_size = (object_size + 7) & ~(size_t)7;
}

static void **link_of(const struct weir__slab *slab, void *object)
{
    return (void **)(void *)((char *)object + slab->object_size - sizeof(void *));
}

static size_t objects_in_chunk(const struct weir__slab *slab)
{
    return (CHUNK_SIZE - CHUNK_HEAD) / slab->object_size;
}

static int grow(struct weir__slab *slab)
{
    const struct weir__slab_source *source = slab->source;
    char *chunk = source ? source->take(source, CHUNK_SIZE) : weir__calloc(1, CHUNK_SIZE);
    size_t at;

    if (!chunk)
        return -1;
    *(void **)(void *)chunk = slab->chunks;
    slab->chunks = chunk;
    at = objects_in_chunk(slab);
    while (at--) {
        void *object = chunk + CHUNK_HEAD + at * slab->object_size;

        *link_of(slab, object) = slab->free_list;
        slab->free_list = object;
    }
    return 0;
}

void *weir__slab_take(struct weir__slab *slab)
{
    void *object;

    if (!slab->free_list && grow(slab) < 0)
        return NULL;
    object = slab->free_list;
    slab->free_list = *link_of(slab, object);
    *link_of(slab, object) = NULL;
    slab->live++;
    return object;
}

void weir__slab_give(struct weir__slab *slab, void *object)
{
    *link_of(slab, object) = slab->free_list;
    slab->free_list = object;
    slab->live--;
}

void weir__slab_each(const struct weir__slab *slab, void (*visit)(void *object, void *arg),
                     void *arg)
{
    char *chunk;
    size_t at;

    for (chunk = slab->chunks; chunk; chunk = *(void **)(void *)chunk) {
        for (at = 0; at < objects_in_chunk(slab); at++)
            visit(chunk + CHUNK_HEAD + at * slab->object_size, arg);
    }
}

bool weir__slab_walk(const struct weir__slab *slab, struct weir__slab_cursor *cursor, size_t most,
                     void (*visit)(void *object, void *arg), void *arg)
{
    if (!cursor->chunk)
        cursor->chunk = slab->chunks;
    while (cursor->chunk && most) {
        for (; cursor->at < objects_in_chunk(slab) && most; cursor->at++, most--)
            visit((char *)cursor->chunk + CHUNK_HEAD + cursor->at * slab->object_size, arg);
        if (cursor->at == objects_in_chunk(slab)) {
            cursor->chunk = *(void **)cursor->chunk;
            cursor->at = 0;
        }
    }
    return cursor->chunk;
}

void weir__slab_fini(struct weir__slab *slab)
{
    void *chunk = slab->chunks;

    while (chunk) {
        void *next = *(void **)chunk;

        if (slab->source)
            slab->source->give(chunk, CHUNK_SIZE);
        else
            weir__free(chunk);
        chunk = next;
    }
    memset(slab, 0, sizeof *slab);
}
