/* base/slice.h - a view of bytes that somebody else owns.
 *
 * A slice borrows: it says where bytes stand and how many, and lives no longer than the memory it
 * points into. It need not end in NUL. An empty slice may have a NULL pointer. Any thread.
 */
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct weir__slice {
    const char *at;
    size_t len;
};

/* The slice of `len` bytes at `at`. */
static inline struct weir__slice weir__slice_of(const char *at, size_t len)
{
    return (struct weir__slice){at, len};
}

/* The slice of a C string, without its NUL. */
static inline struct weir__slice weir__slice_text(const char *text)
{
    return (struct weir__slice){text, strlen(text)};
}

/* Whether two slices have the same bytes. */
static inline bool weir__slice_equal(struct weir__slice a, struct weir__slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Whether the slice has the bytes of `text`. */
static inline bool weir__slice_is(struct weir__slice slice, const char *text)
{
    return weir__slice_equal(slice, weir__slice_text(text));
}

/* One letter of ASCII in lower case; other bytes as they are. */
static inline char weir__slice_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Whether the slice has the bytes of `lower`, which is in lower case, without regard to the case
 * of ASCII letters. */
static inline bool weir__slice_is_nocase(struct weir__slice slice, const char *lower)
{
    size_t len = strlen(lower);

    if (slice.len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (weir__slice_lower(slice.at[i]) != lower[i])
            return false;
    return true;
}

/* The slice without the spaces and tabs at its two ends. */
static inline struct weir__slice weir__slice_trim(struct weir__slice slice)
{
    while (slice.len > 0 && (slice.at[0] == ' ' || slice.at[0] == '\t')) {
        slice.at++;
        slice.len--;
    }
    while (slice.len > 0 && (slice.at[slice.len - 1] == ' ' || slice.at[slice.len - 1] == '\t'))
        slice.len--;
    return slice;
}

#endif
