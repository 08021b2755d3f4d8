/* fs/names.c - see names.h. Chains in buckets; there are as many buckets as entries, or more. */
#include "fs/names.h"

#include <string.h>
#include <weir/error.h>

#include "base/alloc.h"
#include "sys/sys.h"

#define BUCKETS_FIRST 16u

struct weir__names_entry {
    struct weir__names_entry *next;
    uint64_t number;
    uint64_t hash;
    void *value;
    size_t len;
    char name[];
};

/* ---- hashing ---- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_of(const struct weir__names *names, uint64_t number, const char *name,
                        size_t len)
{
    uint64_t hash = mix(names->key, number), word;

    for (; len >= sizeof word; len -= sizeof word, name += sizeof word) {
        memcpy(&word, name, sizeof word);
        hash = mix(hash, word);
    }
    word = len;
    while (len)
        word = word << 8 | (unsigned char)name[--len];
    return mix(mix(hash, word), names->key);
}

static struct weir__names_entry **find(const struct weir__names *names, uint64_t hash,
                                       uint64_t number, const char *name, size_t len)
{
    struct weir__names_entry **at = &names->buckets[hash & (names->cap - 1)];

    while (*at
           && ((*at)->hash != hash || (*at)->number != number || (*at)->len != len
               || memcmp((*at)->name, name, len) != 0))
        at = &(*at)->next;
    return at;
}

/* ---- room ---- */

static int grow(struct weir__names *names)
{
    uint32_t cap = names->cap ? 2 * names->cap : BUCKETS_FIRST, i;
    struct weir__names_entry **buckets = weir__calloc(cap, sizeof(struct weir__names_entry *));

    if (!buckets)
        return WEIR_ENOMEM;
    if (!names->cap)
        (void)weir__random_bytes(&names->key, sizeof names->key);
    for (i = 0; i < names->cap; i++) {
        struct weir__names_entry *entry, *next;

        for (entry = names->buckets[i]; entry; entry = next) {
            next = entry->next;
            entry->next = buckets[entry->hash & (cap - 1)];
            buckets[entry->hash & (cap - 1)] = entry;
        }
    }
    weir__free(names->buckets);
    names->buckets = buckets;
    names->cap = cap;
    return 0;
}

/* ---- the table ---- */

void *weir__names_get(const struct weir__names *names, uint64_t number, const char *name,
                      size_t len)
{
    const struct weir__names_entry *entry =
        names->cap ? *find(names, hash_of(names, number, name, len), number, name, len) : NULL;

    return entry ? entry->value : NULL;
}

int weir__names_put(struct weir__names *names, uint64_t number, const char *name, size_t len,
                    void *value)
{
    struct weir__names_entry **at, *entry;
    uint64_t hash;

    if (names->count == names->cap && grow(names) < 0)
        return WEIR_ENOMEM;
    hash = hash_of(names, number, name, len);
    at = find(names, hash, number, name, len);
    if (*at) {
        (*at)->value = value;
        return 0;
    }
    entry = weir__alloc(sizeof *entry + len + 1);
    if (!entry)
        return WEIR_ENOMEM;
    *entry = (struct weir__names_entry){NULL, number, hash, value, len};
    memcpy(entry->name, name, len);
    entry->name[len] = '\0';
    *at = entry;
    names->count++;
    return 0;
}

void *weir__names_remove(struct weir__names *names, uint64_t number, const char *name, size_t len)
{
    struct weir__names_entry **at, *entry;
    void *value;

    if (!names->cap)
        return NULL;
    at = find(names, hash_of(names, number, name, len), number, name, len);
    entry = *at;
    if (!entry)
        return NULL;
    value = entry->value;
    *at = entry->next;
    names->count--;
    weir__free(entry);
    return value;
}

void weir__names_sift(struct weir__names *names,
                      int (*stays)(void *value, const char *name, void *arg), void *arg)
{
    uint32_t i;

    for (i = 0; i < names->cap; i++) {
        struct weir__names_entry **at = &names->buckets[i], *entry;

        while ((entry = *at)) {
            if (stays(entry->value, entry->name, arg)) {
                at = &entry->next;
                continue;
            }
            *at = entry->next;
            names->count--;
            weir__free(entry);
        }
    }
}

static int none_stays(void *value, const char *name, void *arg)
{
    (void)value;
    (void)name;
    (void)arg;
    return 0;
}

void weir__names_clear(struct weir__names *names)
{
    weir__names_sift(names, none_stays, NULL);
    weir__free(names->buckets);
    *names = (struct weir__names){.cap = 0};
}
