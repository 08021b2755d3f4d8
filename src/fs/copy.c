/* fs/copy.c - copying from file to file; see <weir/file.h>.
 *
 * Three ways, the next where the one before is not to be had: shared blocks, a copy by the kernel
 * (which a network's file system may leave to its server), reads and writes.
 */
#include <weir/options.h>

#include "base/options.h"
#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"

#define PIECE        (16u << 20) /* of a copy by the kernel */
#define PIECE_BUFFER (256u << 10)

struct copying {
    int from;
    int to;
    uint64_t copied;
    struct weir_file_copy_options options;
};

/* How much the next piece has. */
static size_t next_len(const struct copying *c, size_t piece)
{
    uint64_t left = c->options.len ? c->options.len - c->copied : piece;

    return left < piece ? (size_t)left : piece;
}

static void note(struct copying *c, int n)
{
    c->copied += (uint64_t)n;
    if (!c->options.progress)
        return;
    weir__current_leave();
    c->options.progress(c->copied, c->options.arg);
    weir__current_enter();
}

/* ---- shared blocks ---- */

static int run_share(struct weir__call *call)
{
    return weir__sys_ficlone(call->fd, call->to_fd);
}

static int share(struct copying *c)
{
    const struct weir_file_copy_options *o = &c->options;
    struct weir__call call;
    struct stat about;
    int rc;

    if (o->from_offset || o->to_offset || o->len)
        return WEIR_ENOTSUP;
    weir__file_op_other(&call, run_share);
    call.fd = c->to;
    call.to_fd = c->from;
    rc = weir__file_await(&call);
    if (rc < 0)
        return rc;
    rc = weir__sys_fstat(c->from, &about);
    if (rc < 0)
        return rc;
    c->copied = (uint64_t)about.st_size;
    note(c, 0);
    return 0;
}

/* ---- by the kernel ---- */

static int run_range(struct weir__call *call)
{
    off_t from = (off_t)call->offset, to = (off_t)call->to_offset;

    return weir__sys_copy_file_range(call->fd, &from, call->to_fd, &to, call->len);
}

static int copy_by_kernel(struct copying *c)
{
    int n;

    do {
        struct weir__call call;
        size_t len = next_len(c, PIECE);

        if (len == 0)
            return 0;
        weir__file_op_other(&call, run_range);
        call.fd = c->from;
        call.to_fd = c->to;
        call.offset = c->options.from_offset + c->copied;
        call.to_offset = c->options.to_offset + c->copied;
        call.len = len;
        n = weir__file_await(&call);
        if (n > 0)
            note(c, n);
    } while (n > 0);
    /* files of /proc and the like seem to be empty for this call */
    return n == 0 && c->copied == 0 ? WEIR_ENOTSUP : n;
}

/* ---- by reads and writes ---- */

static int write_piece(struct copying *c, const char *bytes, int len)
{
    int done = 0;

    while (done < len) {
        struct weir__call call;
        int n;

        weir__file_op_write(&call, c->to, bytes + done, (size_t)(len - done),
                            c->options.to_offset + c->copied);
        n = weir__file_await(&call);
        if (n <= 0)
            return n < 0 ? n : WEIR_EIO;
        done += n;
        note(c, n);
    }
    return 0;
}

static int copy_by_bytes(struct copying *c)
{
    struct weir_file_buffer buffer;
    int n = 1, rc = weir_file_buffer_take(&buffer, PIECE_BUFFER);

    if (rc < 0)
        return rc;
    while (rc == 0 && n > 0) {
        struct weir__call call;
        size_t len = next_len(c, PIECE_BUFFER);

        if (len == 0)
            break;
        weir__file_op_read(&call, c->from, buffer.bytes, len, c->options.from_offset + c->copied);
        n = weir__file_await(&call);
        if (n > 0)
            rc = write_piece(c, buffer.bytes, n);
    }
    weir_file_buffer_give(&buffer);
    return rc < 0 ? rc : n < 0 ? n : 0;
}

/* ---- the ways in turn ---- */

/* Whether another way may do what this one cannot. */
static bool another_way(int rc)
{
    return rc == WEIR_ENOTSUP || rc == WEIR_EXDEV || rc == WEIR_EINVAL || rc == WEIR_ENOSYS
           || rc == WEIR_EPERM || rc == WEIR_ENOTTY || rc == -ETXTBSY;
}

static int copy(struct copying *c)
{
    int rc = WEIR_ENOTSUP;

    if (c->options.share != WEIR_OFF)
        rc = share(c);
    if (c->options.share == WEIR_ON)
        return another_way(rc) ? WEIR_ENOTSUP : rc;
    if (another_way(rc))
        rc = copy_by_kernel(c);
    if (another_way(rc))
        rc = copy_by_bytes(c);
    return rc;
}

/* Of a copy within one file: notes how much there is, since a copy to its end would go on for ever.
 * 1, 0 if there is nothing, or WEIR_EINVAL if what is read is written, too. */
static int bound_within(struct copying *c)
{
    struct weir_file_copy_options *o = &c->options;
    struct stat from, to;
    uint64_t left, apart;
    int rc = weir__sys_fstat(c->from, &from);

    if (rc == 0)
        rc = weir__sys_fstat(c->to, &to);
    if (rc < 0)
        return rc;
    if (!S_ISREG(from.st_mode) || from.st_dev != to.st_dev || from.st_ino != to.st_ino)
        return 1;
    left = (uint64_t)from.st_size > o->from_offset ? (uint64_t)from.st_size - o->from_offset : 0;
    if (o->len == 0 || o->len > left)
        o->len = left;
    apart = o->to_offset > o->from_offset ? o->to_offset - o->from_offset
                                          : o->from_offset - o->to_offset;
    return o->len > apart ? WEIR_EINVAL : o->len > 0;
}

int64_t weir_file_copy_n(weir_file from, weir_file to, const struct weir_file_copy_options *options,
                         size_t options_size)
{
    WEIR__CALL;
    struct copying c = {0};
    struct weir__file *source, *target;
    int error = 0, rc = weir__options_copy(&c.options, sizeof c.options, options, options_size);

    if (rc < 0)
        return rc;
    if (c.options.share > WEIR_OFF)
        return WEIR_EOPTION;
    if (c.options.from_offset > INT64_MAX || c.options.to_offset > INT64_MAX
        || c.options.len > INT64_MAX)
        return WEIR_EINVAL;
    source = weir__file_enter(from, &error);
    if (!source)
        return error;
    target = weir__file_enter(to, &error);
    if (target) {
        c.from = source->fd;
        c.to = target->fd;
        error = bound_within(&c);
        if (error > 0)
            error = copy(&c);
        weir__file_leave(target);
    }
    weir__file_leave(source);
    return error < 0 ? error : (int64_t)c.copied;
}
