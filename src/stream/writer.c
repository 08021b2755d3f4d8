/* stream/writer.c - small writes are gathered; see <weir/writer.h>.
 *
 * The buffer holds weir__len bytes from weir__off on. A flush writes them and counts each part as
 * it goes, so that one that was stopped can be repeated.
 */
#include <string.h>
#include <sys/uio.h>
#include <weir/writer.h>

#include "base/alloc.h"
#include "sys/current.h"

#define SIZE_LIMIT (1u << 30)
#define PARTS      3 /* head, frame, tail */

int weir_writer_init(weir_writer *writer, weir_stream stream, size_t size)
{
    if (size > SIZE_LIMIT)
        return WEIR_EINVAL;
    *writer =
        (weir_writer){.weir__stream = stream, .weir__size = size ? size : WEIR_WRITER_SIZE_DEFAULT};
    return 0;
}

static void drop_buffer(weir_writer *writer)
{
    weir__free(writer->weir__bytes);
    writer->weir__bytes = NULL;
    writer->weir__off = writer->weir__len = 0;
}

void weir_writer_fini(weir_writer *writer)
{
    WEIR__CALL;

    drop_buffer(writer);
}

size_t weir_writer_held(const weir_writer *writer)
{
    return writer->weir__len;
}

static int flush(weir_writer *writer)
{
    if (writer->weir__broken)
        return WEIR_EBROKEN;
    while (writer->weir__len) {
        ptrdiff_t n = weir_write(writer->weir__stream, writer->weir__bytes + writer->weir__off,
                                 writer->weir__len);

        if (n < 0)
            return (int)n;
        writer->weir__off += (size_t)n;
        writer->weir__len -= (size_t)n;
    }
    writer->weir__off = 0;
    return 0;
}

int weir_writer_flush(weir_writer *writer)
{
    WEIR__CALL;
    int rc = flush(writer);

    if (rc == 0)
        drop_buffer(writer);
    return rc;
}

static size_t sum_of(const struct iovec parts[PARTS])
{
    return parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
}

/* Takes `n` bytes off the front. */
static void advance(struct iovec parts[PARTS], size_t n)
{
    int i;

    for (i = 0; i < PARTS; i++) {
        size_t take = parts[i].iov_len < n ? parts[i].iov_len : n;

        if (take)
            parts[i].iov_base = (char *)parts[i].iov_base + take;
        parts[i].iov_len -= take;
        n -= take;
    }
}

static int put(weir_writer *writer, const struct iovec parts[PARTS])
{
    size_t at = writer->weir__off + writer->weir__len;
    int i;

    if (!writer->weir__bytes)
        writer->weir__bytes = weir__alloc(writer->weir__size);
    if (!writer->weir__bytes)
        return WEIR_ENOMEM;
    for (i = 0; i < PARTS; i++) {
        if (parts[i].iov_len)
            memcpy(writer->weir__bytes + at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    writer->weir__len += sum_of(parts);
    return 0;
}

/* Past the buffer, which is empty. */
static int write_through(weir_writer *writer, struct iovec parts[PARTS])
{
    size_t left = sum_of(parts), all = left;

    while (left) {
        struct iovec now[PARTS];
        ptrdiff_t n;
        size_t i, room = INT32_MAX;

        for (i = 0; i < PARTS; i++) { /* no more at once than a call takes */
            now[i] = parts[i];
            now[i].iov_len = parts[i].iov_len < room ? parts[i].iov_len : room;
            room -= now[i].iov_len;
        }
        n = weir_writev(writer->weir__stream, now, PARTS);
        if (n < 0) {
            writer->weir__broken = left < all;
            return (int)n;
        }
        advance(parts, (size_t)n);
        left -= (size_t)n;
    }
    return 0;
}

static int write_parts(weir_writer *writer, struct iovec parts[PARTS])
{
    size_t len = sum_of(parts);

    if (writer->weir__broken)
        return WEIR_EBROKEN;
    if (len == 0)
        return 0;
    if (len > writer->weir__size - writer->weir__off - writer->weir__len) {
        int rc = flush(writer);

        if (rc < 0)
            return rc;
    }
    return len > writer->weir__size ? write_through(writer, parts) : put(writer, parts);
}

int weir_writer_write(weir_writer *writer, const void *bytes, size_t len)
{
    WEIR__CALL;
    struct iovec parts[PARTS] = {{NULL, 0}, {(void *)(uintptr_t)bytes, len}, {NULL, 0}};

    return write_parts(writer, parts);
}

/* What the codec puts round a frame. */
static int wrap(const weir_codec *codec, const void *bytes, size_t len,
                struct weir_frame_ends *ends)
{
    int rc;

    if (!codec->wrap)
        return WEIR_ENOTSUP;
    weir__current_leave();
    rc = codec->wrap(codec, bytes, len, ends);
    weir__current_enter();
    if (rc == 0
        && (ends->skip > len || ends->head_len > sizeof ends->head
            || ends->tail_len > sizeof ends->tail))
        rc = WEIR_EINVAL;
    return rc < 0 ? rc : 0;
}

int weir_frame_write(weir_writer *writer, const weir_codec *codec, const void *bytes, size_t len)
{
    WEIR__CALL;
    struct weir_frame_ends ends = {0};
    struct iovec parts[PARTS];
    int rc = wrap(codec, bytes, len, &ends);

    if (rc < 0)
        return rc;
    parts[0] = (struct iovec){ends.head, ends.head_len};
    parts[1] = (struct iovec){(char *)(uintptr_t)bytes + ends.skip, len - ends.skip};
    parts[2] = (struct iovec){ends.tail, ends.tail_len};
    return write_parts(writer, parts);
}
