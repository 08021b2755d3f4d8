/* fs/names.h - a table of what is known by a number and a name in it.
 *
 * The number is a directory's, 0 for whole paths, or the key itself, with an empty name. Names are
 * copied. The hash is keyed, since names come from outside. One thread at a time.
 */
#ifndef WEIR_FS_NAMES_H
#define WEIR_FS_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct weir__names_entry;

/* Zeroed memory is an empty table. */
struct weir__names {
    struct weir__names_entry **buckets;
    uint32_t cap; /* a power of two, or 0 */
    uint32_t count;
    uint64_t key;
};

/* What is kept under the name, or NULL. */
void *weir__names_get(const struct weir__names *names, uint64_t number, const char *name,
                      size_t len);
/* Keeps `value`, in place of what was there. WEIR_ENOMEM, with nothing done. */
int weir__names_put(struct weir__names *names, uint64_t number, const char *name, size_t len,
                    void *value);
/* Takes out: what it was, or NULL. */
void *weir__names_remove(struct weir__names *names, uint64_t number, const char *name, size_t len);
/* Visits all, in no order. The visitor returns whether the entry stays; it may not put or remove.
 * `name` has a zero behind it. */
void weir__names_sift(struct weir__names *names,
                      int (*stays)(void *value, const char *name, void *arg), void *arg);
/* Takes everything out, and gives the memory back. */
void weir__names_clear(struct weir__names *names);

#endif
