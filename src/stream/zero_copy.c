/* stream/zero_copy.c - see zero_copy.h, and weir_stream_zero_copy in <weir/net.h>. */
#include "stream/zero_copy.h"

#include <string.h>
#include <weir/net.h>

#include "base/alloc.h"
#include "core/handle.h"
#include "core/loop.h"
#include "stream/stream.h"
#include "sys/current.h"

#define COPIED_MANY 8 /* in a row, before no more are tried */

void weir__zero_copy_ask(const struct weir__zero_copy *zero_copy, weir_op *op)
{
    if (zero_copy && zero_copy->from_len && op->u.buffer.len >= zero_copy->from_len)
        op->weir__zero_copy = WEIR__ZERO_COPY_WANTED;
}

static void give_up(struct weir__zero_copy *zero_copy)
{
    WEIR_ATOMIC_STORE(&zero_copy->from_len, 0, RELAXED); /* partner: weir_stream_zero_copy_counts */
}

void weir__zero_copy_note(struct weir__zero_copy *zero_copy, const weir_op *op)
{
    uint32_t bits = op->weir__zero_copy;

    if (!(bits & WEIR__ZERO_COPY_WANTED) || op->result <= 0)
        return;
    if (!(bits & WEIR__ZERO_COPY_SENT)) {
        WEIR_ATOMIC_COUNT(&zero_copy->refused, 1);
        give_up(zero_copy);
    } else if (bits & WEIR__ZERO_COPY_COPIED) {
        WEIR_ATOMIC_COUNT(&zero_copy->copied, 1);
        if (++zero_copy->copied_in_a_row >= COPIED_MANY)
            give_up(zero_copy);
    } else {
        WEIR_ATOMIC_COUNT(&zero_copy->sent, 1);
        zero_copy->copied_in_a_row = 0;
    }
}

static int set(struct weir__stream *stream, size_t from_len)
{
    struct weir__zero_copy *zero_copy = stream->zero_copy;

    if (!zero_copy && !from_len)
        return 0;
    if (!zero_copy) {
        zero_copy = weir__calloc(1, sizeof *zero_copy);
        if (!zero_copy)
            return WEIR_ENOMEM;
        WEIR_ATOMIC_STORE(&stream->zero_copy, zero_copy, RELEASE);
    }
    zero_copy->copied_in_a_row = 0;
    WEIR_ATOMIC_STORE(&zero_copy->from_len, from_len, RELAXED);
    return 0;
}

int weir_stream_zero_copy(weir_stream handle, size_t from_len)
{
    WEIR__CALL;
    int rc;
    struct weir__stream *stream = weir__stream_enter_socket(handle, WEIR__HANDLE_WRITER, &rc);

    if (!stream)
        return rc;
    rc = set(stream, from_len);
    weir__stream_leave(stream, WEIR__HANDLE_WRITER);
    return rc;
}

int weir_stream_zero_copy_counts_n(weir_stream handle, struct weir_zero_copy_counts *out,
                                   size_t out_size)
{
    WEIR__CALL;
    struct weir_zero_copy_counts counts = {0};
    int rc;
    struct weir__stream *stream = weir__stream_enter_socket(handle, 0, &rc);
    struct weir__zero_copy *zero_copy;

    if (!stream)
        return rc;
    zero_copy = WEIR_ATOMIC_LOAD(&stream->zero_copy, ACQUIRE);
    if (zero_copy) {
        counts.from_len = WEIR_ATOMIC_LOAD(&zero_copy->from_len, RELAXED);
        counts.sent = WEIR_ATOMIC_LOAD(&zero_copy->sent, RELAXED);
        counts.copied = WEIR_ATOMIC_LOAD(&zero_copy->copied, RELAXED);
        counts.refused = WEIR_ATOMIC_LOAD(&zero_copy->refused, RELAXED);
    }
    weir__stream_leave(stream, 0);
    memcpy(out, &counts, out_size < sizeof counts ? out_size : sizeof counts);
    return 0;
}
