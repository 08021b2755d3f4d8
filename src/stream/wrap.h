/* stream/wrap.h - the object behind a stream round another one.
 *
 * All wrappers are of one kind, and pass bytes on in the same way. They differ in what they do
 * before and after a transfer. `sides[WRAP_READ]` belongs to the task that reads, the other one to
 * the task that writes; `inner` and `other` never change, so that a close may end them.
 */
#ifndef WEIR_STREAM_WRAP_H
#define WEIR_STREAM_WRAP_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/time.h>
#include <weir/wrap.h>

#include "stream/stream.h"
#include "task/waitq.h"

enum weir__wrap_way {
    WRAP_READ = 0,
    WRAP_WRITE = 1
};

struct weir__wrap;

struct weir__wrap_rules {
    /* Before a transfer of *len bytes at most, which it may lessen, or of a lent buffer (`len` is
     * NULL): 1; 0: the end, of a read; or an error. May suspend. NULL: nothing. */
    int (*before)(struct weir__wrap *wrap, enum weir__wrap_way way, size_t *len);
    /* After it: what the call returns, which of a lent buffer may be less. `bytes` are those that
     * were moved, if the result is positive. May suspend. NULL: nothing. */
    ptrdiff_t (*after)(struct weir__wrap *wrap, enum weir__wrap_way way, const void *bytes,
                       ptrdiff_t result);
    /* The stream is being closed. Any thread. NULL: nothing. */
    void (*stop)(struct weir__wrap *wrap);
};

/* Bytes in a time: see wrap_rate.c. */
struct weir__wrap_bucket {
    uint64_t per_second; /* 0: no limit */
    uint64_t burst;
    uint64_t full_ns;
    struct weir__waitq queue; /* under `lock` */
};

struct weir__wrap {
    const struct weir__wrap_rules *rules;
    weir_stream inner;  /* to which is written */
    weir_stream other;  /* a second one, or zero */
    weir_stream source; /* from which is read */
    uint32_t lock;
    bool stopped; /* under `lock` */
    union {
        uint64_t left; /* take: bytes until the end */
        int failed;    /* tee: what the copy has failed with; the reader's */
        struct {
            weir_wrap_count_fn *fn;
            void *arg;
        } count;
        struct weir__wrap_bucket buckets[2];
        struct {
            int64_t limit_ns[2];
            weir_block blocks[2];
        } timeout;
    };
};

/* Makes a stream of what is filled in, which is copied; or closes what is inside. */
int weir__wrap_make(weir_stream *out, const struct weir__wrap *wrap);
/* Closes what would have been taken, and returns the error. */
int weir__wrap_refuse(weir_stream inner, weir_stream other, int error);

#endif
