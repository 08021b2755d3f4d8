/* proto/http1/filecache.h - small files in memory, each with the head of its answer.
 *
 * A cache belongs to one worker. It is used between two suspensions of a task only: an entry that
 * was found is gone for the finder when it suspends. Bounded in entries and bytes; the one that was
 * used least recently goes first. Entries are named by the path as it was sent. Whether an entry is
 * still true is the caller's question: it notes when it last looked.
 */
#ifndef WEIR_PROTO_HTTP1_FILECACHE_H
#define WEIR_PROTO_HTTP1_FILECACHE_H

#include <stddef.h>
#include <stdint.h>
#include <weir/file.h>

#include "base/list.h"
#include "base/slice.h"
#include "proto/http1/date.h"
#include "proto/http1/etag.h"

/* What an answer says of a file. */
struct weir__http1_about {
    struct weir_stat facts;
    struct weir__slice type; /* static */
    int64_t modified_s;
    uint8_t etag_len;
    char etag[WEIR__HTTP1_ETAG_MAX];
    char modified[WEIR__HTTP1_DATE_LEN];
};

struct weir__http1_entry {
    struct weir__list lru;
    struct weir__http1_entry *next; /* of the bucket */
    uint32_t hash;
    uint32_t path_len;
    uint32_t head_len;
    uint32_t body_len;
    uint32_t date_off;  /* of the 29 bytes of the date in the head */
    int64_t checked_ns; /* wall clock */
    struct weir__http1_about about;
    char bytes[]; /* head, body, path */
};

struct weir__http1_filecache {
    struct weir__http1_entry **buckets; /* made by the first entry */
    uint32_t mask;
    uint32_t count;
    uint32_t count_max;
    uint64_t bytes;
    uint64_t bytes_max;
    struct weir__list lru; /* most recent first */
};

void weir__http1_filecache_init(struct weir__http1_filecache *cache, uint32_t count_max,
                                uint64_t bytes_max);
void weir__http1_filecache_fini(struct weir__http1_filecache *cache);

/* Finds what is kept under a path: NULL if nothing. */
struct weir__http1_entry *weir__http1_filecache_find(struct weir__http1_filecache *cache,
                                                     struct weir__slice path);

/* Makes an entry with room for its parts, of which the path is filled; NULL if there is no memory.
 * It belongs to the caller until it is kept or released. */
struct weir__http1_entry *weir__http1_filecache_make(struct weir__slice path,
                                                     struct weir__slice head, uint32_t body_len);
void weir__http1_filecache_release(struct weir__http1_entry *entry);

/* Keeps an entry, in place of one with the same path, and lets others go until the bounds hold.
 * False, and the entry stays the caller's, if it is over the bounds alone or memory is out. */
bool weir__http1_filecache_keep(struct weir__http1_filecache *cache,
                                struct weir__http1_entry *entry);
void weir__http1_filecache_drop(struct weir__http1_filecache *cache,
                                struct weir__http1_entry *entry);

#endif
