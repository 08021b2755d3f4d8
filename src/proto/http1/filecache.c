/* proto/http1/filecache.c - small files in memory. The contract is in filecache.h. */
#include "proto/http1/filecache.h"

#include <string.h>
#include <weir/memory.h>

#include "base/container.h"

static uint32_t hash_of(struct weir__slice path)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < path.len; i++)
        hash = (hash ^ (unsigned char)path.at[i]) * 16777619u;
    return hash;
}

static const char *path_of(const struct weir__http1_entry *entry)
{
    return entry->bytes + entry->head_len + entry->body_len;
}

static uint64_t size_of(const struct weir__http1_entry *entry)
{
    return sizeof *entry + entry->head_len + entry->body_len + entry->path_len;
}

void weir__http1_filecache_init(struct weir__http1_filecache *cache, uint32_t count_max,
                                uint64_t bytes_max)
{
    *cache = (struct weir__http1_filecache){.count_max = count_max, .bytes_max = bytes_max};
    weir__list_init(&cache->lru);
}

void weir__http1_filecache_fini(struct weir__http1_filecache *cache)
{
    while (!weir__list_empty(&cache->lru))
        weir__http1_filecache_drop(
            cache, WEIR_CONTAINER_OF(cache->lru.next, struct weir__http1_entry, lru));
    weir_release(cache->buckets);
    cache->buckets = NULL;
}

struct weir__http1_entry *weir__http1_filecache_find(struct weir__http1_filecache *cache,
                                                     struct weir__slice path)
{
    uint32_t hash = hash_of(path);
    struct weir__http1_entry *entry = cache->buckets ? cache->buckets[hash & cache->mask] : NULL;

    while (entry
           && (entry->hash != hash || entry->path_len != path.len
               || memcmp(path_of(entry), path.at, path.len) != 0))
        entry = entry->next;
    if (entry && cache->lru.next != &entry->lru) {
        weir__list_remove(&entry->lru);
        weir__list_push_front(&cache->lru, &entry->lru);
    }
    return entry;
}

struct weir__http1_entry *weir__http1_filecache_make(struct weir__slice path,
                                                     struct weir__slice head, uint32_t body_len)
{
    struct weir__http1_entry *entry = weir_allocate(sizeof *entry + head.len + body_len + path.len);

    if (!entry)
        return NULL;
    *entry = (struct weir__http1_entry){
        .hash = hash_of(path),
        .path_len = (uint32_t)path.len,
        .head_len = (uint32_t)head.len,
        .body_len = body_len,
    };
    memcpy(entry->bytes, head.at, head.len);
    memcpy(entry->bytes + head.len + body_len, path.at, path.len);
    return entry;
}

void weir__http1_filecache_release(struct weir__http1_entry *entry)
{
    weir_release(entry);
}

static bool make_buckets(struct weir__http1_filecache *cache)
{
    uint32_t count = 16;

    while (count < cache->count_max && count < 1u << 20)
        count *= 2;
    cache->buckets = weir_allocate(count * sizeof *cache->buckets);
    if (!cache->buckets)
        return false;
    memset(cache->buckets, 0, count * sizeof *cache->buckets);
    cache->mask = count - 1;
    return true;
}

bool weir__http1_filecache_keep(struct weir__http1_filecache *cache,
                                struct weir__http1_entry *entry)
{
    struct weir__slice path = weir__slice_of(path_of(entry), entry->path_len);
    struct weir__http1_entry *old;
    struct weir__http1_entry **bucket;

    if (size_of(entry) > cache->bytes_max || cache->count_max == 0
        || (!cache->buckets && !make_buckets(cache)))
        return false;
    old = weir__http1_filecache_find(cache, path);
    if (old)
        weir__http1_filecache_drop(cache, old);
    while (cache->count >= cache->count_max || cache->bytes + size_of(entry) > cache->bytes_max)
        weir__http1_filecache_drop(
            cache, WEIR_CONTAINER_OF(cache->lru.prev, struct weir__http1_entry, lru));
    bucket = &cache->buckets[entry->hash & cache->mask];
    entry->next = *bucket;
    *bucket = entry;
    weir__list_push_front(&cache->lru, &entry->lru);
    cache->count++;
    cache->bytes += size_of(entry);
    return true;
}

void weir__http1_filecache_drop(struct weir__http1_filecache *cache,
                                struct weir__http1_entry *entry)
{
    struct weir__http1_entry **at = &cache->buckets[entry->hash & cache->mask];

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    weir__list_remove(&entry->lru);
    cache->count--;
    cache->bytes -= size_of(entry);
    weir__http1_filecache_release(entry);
}
