/* fs/whole.c - whole files: read, and replaced at one moment. See <weir/file.h>. */
#include <string.h>
#include <weir/memory.h>
#include <weir/options.h>

#include "base/options.h"
#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"

#define GROWTH_MIN 4096

/* ---- reading ---- */

/* More memory for what has come, with room for a zero; NULL leaves the old. */
static char *grow(const char *bytes, size_t len, size_t cap)
{
    char *more = weir_allocate(cap + 1);

    if (more && len)
        memcpy(more, bytes, len);
    return more;
}

struct reading {
    char *bytes;
    size_t len;
    size_t cap;
    size_t max;
};

/* Room for at least one byte: 0, or an error. One byte over the maximum shows what is too big. */
static int make_room(struct reading *r)
{
    size_t cap = r->cap ? 2 * r->cap : GROWTH_MIN;
    char *more;

    if (r->len < r->cap)
        return 0;
    if (cap > r->max + 1)
        cap = r->max + 1;
    more = grow(r->bytes, r->len, cap);
    if (!more)
        return WEIR_ENOMEM;
    weir_release(r->bytes);
    r->bytes = more;
    r->cap = cap;
    return 0;
}

static int read_to_end(weir_file file, struct reading *r)
{
    ptrdiff_t n;
    int rc;

    do {
        size_t room;

        rc = make_room(r);
        if (rc < 0)
            return rc;
        room = r->cap - r->len;
        n = weir_file_read(file, r->bytes + r->len, room < INT32_MAX ? room : INT32_MAX);
        if (n < 0)
            return (int)n;
        r->len += (size_t)n;
        if (r->len > r->max)
            return WEIR_EFBIG;
    } while (n > 0);
    return 0;
}

ptrdiff_t weir_file_read_whole(weir_dir dir, const char *path, size_t max, void **out)
{
    WEIR__CALL;
    struct reading r = {.max = max < PTRDIFF_MAX - 1 ? max : PTRDIFF_MAX - 2};
    struct weir_stat about;
    weir_file file;
    int rc = weir_file_open(&file, dir, path, 0, 0);

    if (rc < 0)
        return rc;
    rc = weir_file_stat(file, &about);
    if (rc == 0 && about.kind == WEIR_FILE_REGULAR && about.size > max)
        rc = WEIR_EFBIG;
    if (rc == 0) {
        /* the size is a hint alone; one byte more finds the end without growing */
        if (about.size && about.size <= r.max) {
            r.cap = (size_t)about.size + 1;
            r.bytes = weir_allocate(r.cap + 1);
            rc = r.bytes ? 0 : WEIR_ENOMEM;
        }
        if (rc == 0)
            rc = read_to_end(file, &r);
    }
    weir_file_close(file);
    if (rc < 0) {
        weir_release(r.bytes);
        return rc;
    }
    r.bytes[r.len] = '\0';
    *out = r.bytes;
    return (ptrdiff_t)r.len;
}

/* ---- replacing ---- */

#define TEMPORARY ".weir-XXXXXX"
#define TRIES_MAX 16

/* The new file, in the directory of the old one, whose descriptor `dir` is. */
struct replacing {
    int dir;
    int fd;
    const char *name; /* the last part of the path */
    char temporary[sizeof TEMPORARY];
    const struct weir_file_replace_options *options;
};

/* Opens the directory of the path's last part: 0, or an error. */
static int open_parent(struct replacing *r, int base, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) + 1 : 0;
    char *parent;

    r->name = path + len;
    if (!*r->name || strlen(r->name) > NAME_MAX)
        return *r->name ? WEIR_ENAMETOOLONG : WEIR_EISDIR;
    parent = weir_allocate(len + 2);
    if (!parent)
        return WEIR_ENOMEM;
    memcpy(parent, path, len);
    memcpy(parent + len, ".", 2);
    r->dir = weir__file_open(base, parent, 0, O_DIRECTORY, 0);
    weir_release(parent);
    return r->dir < 0 ? r->dir : 0;
}

static int create(struct replacing *r)
{
    uint32_t mode = r->options->mode;
    struct statx old;
    int tries = 0;

    if (!mode && weir__file_statx(r->dir, r->name, AT_SYMLINK_NOFOLLOW, &old) == 0
        && S_ISREG(old.stx_mode))
        mode = old.stx_mode & 0777;
    do {
        memcpy(r->temporary, TEMPORARY, sizeof TEMPORARY);
        r->fd = weir__name_fill(r->temporary + sizeof TEMPORARY - 7);
        if (r->fd == 0)
            r->fd =
                weir__file_open(r->dir, r->temporary,
                                WEIR_FILE_WRITE | WEIR_FILE_CREATE | WEIR_FILE_EXCLUSIVE, 0, mode);
    } while (r->fd == WEIR_EEXIST && ++tries < TRIES_MAX);
    if (r->fd >= 0 && mode)
        (void)weir__sys_fchmod(r->fd, mode); /* past the umask; in memory */
    return r->fd < 0 ? r->fd : 0;
}

static int write_bytes(const struct replacing *r, const char *bytes, size_t len)
{
    struct weir__call call;
    uint64_t offset = 0;

    while (len) {
        size_t piece = len < INT32_MAX ? len : INT32_MAX;
        int n;

        weir__file_op_write(&call, r->fd, bytes, piece, offset);
        n = weir__file_await(&call);
        if (n <= 0)
            return n < 0 ? n : WEIR_EIO;
        bytes += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int sync_fd(int fd)
{
    struct weir__call call;

    weir__file_op_sync(&call, fd, false);
    return weir__file_await(&call);
}

static int give_name(const struct replacing *r)
{
    struct weir__call call;

    weir__file_op_rename(&call, r->dir, r->temporary, r->dir, r->name,
                         r->options->once == WEIR_ON ? RENAME_NOREPLACE : 0);
    return weir__file_await(&call);
}

static void drop_temporary(const struct replacing *r)
{
    struct weir__call call;

    weir__file_op_unlink(&call, r->dir, r->temporary, 0);
    (void)weir__file_await_surely(&call);
}

static int replace(struct replacing *r, const void *bytes, size_t len)
{
    bool syncs = r->options->sync != WEIR_OFF;
    int rc = create(r);

    if (rc < 0)
        return rc;
    rc = write_bytes(r, bytes, len);
    if (rc == 0 && syncs)
        rc = sync_fd(r->fd);
    weir__sys_close(r->fd);
    if (rc == 0)
        rc = give_name(r);
    if (rc < 0)
        drop_temporary(r);
    else if (syncs)
        rc = sync_fd(r->dir);
    return rc;
}

int weir_file_replace_n(weir_dir dir, const char *path, const void *bytes, size_t len,
                        const struct weir_file_replace_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_file_replace_options o = {0};
    struct replacing r = {.options = &o};
    struct weir__place place;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (o.mode > 07777 || o.sync > WEIR_OFF || o.once > WEIR_OFF)
        return WEIR_EOPTION;
    rc = weir__place_enter(&place, dir);
    if (rc < 0)
        return rc;
    rc = open_parent(&r, place.fd, path);
    if (rc == 0) {
        rc = replace(&r, bytes, len);
        weir__sys_close(r.dir);
    }
    weir__place_leave(&place);
    return rc;
}
