/* backend/sim/file.c - simulated descriptors of files, and the calls on them; see volume.h.
 *
 * An open file is good for nothing when its disk has crashed: WEIR_EIO. The working directory of
 * each life of a host has a number of its own, which is not opened.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <weir/error.h>

#include "backend/sim/volume.h"
#include "base/alloc.h"
#include "sys/call.h"

#define CWD_FIRST  (WEIR__VOLUME_FIRST + (1 << 28)) /* and the life */
#define FILES_MAX  (1 << 20)
#define FILES_STEP 64
#define TMPFILE    (O_TMPFILE & ~O_DIRECTORY)

static struct sim_file **table; /* by descriptor; NULL: free */
static int table_size;
static struct sim_file gone; /* was not closed before its simulation ended; only compared */

/* ---- descriptors ---- */

static int grow(void)
{
    struct sim_file **grown;

    if (table_size == FILES_MAX)
        return WEIR_EMFILE;
    grown = weir__realloc(table, (size_t)(table_size + FILES_STEP) * sizeof(*table));
    if (!grown)
        return WEIR_ENOMEM;
    memset(grown + table_size, 0, FILES_STEP * sizeof(*table));
    table = grown;
    table_size += FILES_STEP;
    return 0;
}

/* The lowest free number, as the kernel gives it. */
static int give_number(struct sim_file *file)
{
    int at = 0, rc;

    while (at < table_size && table[at])
        at++;
    rc = at == table_size ? grow() : 0;
    if (rc < 0)
        return rc;
    table[at] = file;
    file->refs++;
    return WEIR__VOLUME_FIRST + at;
}

static struct sim_file **slot_of(int fd)
{
    int at = fd - WEIR__VOLUME_FIRST;

    return at >= 0 && at < table_size && table[at] ? &table[at] : NULL;
}

/* What a call is about, or NULL and *rc. */
struct sim_file *weir__sim_file(int fd, int *rc)
{
    struct sim_file **slot = slot_of(fd);

    *rc = !slot || *slot == &gone ? WEIR_EBADF : (*slot)->dead ? WEIR_EIO : 0;
    return *rc ? NULL : *slot;
}

/* The same for reads and writes, which O_PATH is not open for. */
static struct sim_file *file_for(int fd, bool writes, int *rc)
{
    struct sim_file *file = weir__sim_file(fd, rc);
    int mode;

    if (!file)
        return NULL;
    mode = file->flags & O_ACCMODE;
    if ((file->flags & O_PATH) || mode == (writes ? O_RDONLY : O_WRONLY))
        *rc = WEIR_EBADF;
    else if (S_ISDIR(file->inode->mode))
        *rc = writes ? WEIR_EBADF : WEIR_EISDIR;
    return *rc ? NULL : file;
}

/* Where paths begin: a directory, by its descriptor or as the working one. */
struct sim_inode *weir__sim_file_place(int dir, int *rc)
{
    uint32_t life = (uint32_t)(dir - CWD_FIRST);
    const struct sim_file *file;
    struct sim_volume *volume;

    if (dir < CWD_FIRST) {
        file = weir__sim_file(dir, rc);
        return file ? file->inode : NULL;
    }
    *rc = !weir__sim_volumes_on() ? WEIR_EBADF : weir__sim_life_over(life) ? WEIR_EIO : 0;
    volume = *rc ? NULL : weir__sim_volume_of(weir__sim_life_host(life));
    if (!volume && *rc == 0)
        *rc = WEIR_ENOMEM;
    return volume ? volume->root : NULL;
}

static int sim_cwd(void)
{
    WEIR__SIM_CALL;
    uint32_t life = weir__sim_volumes_on() ? weir__sim_whose() : 0;

    return weir__sim_volumes_on() ? CWD_FIRST + (int)life : WEIR_ENOTSUP;
}

static int sim_dup(int fd)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = weir__sim_file(fd, &rc);

    return file ? give_number(file) : rc;
}

static void close_file(struct sim_file *file)
{
    file->inode->opens--;
    weir__sim_inode_count(file->inode);
    weir__sim_inode_drop(file->inode);
    weir__free(file);
}

static int sim_close(int fd)
{
    WEIR__SIM_CALL;
    struct sim_file **slot = slot_of(fd), *file;

    if (!slot)
        return WEIR_EBADF;
    file = *slot;
    *slot = NULL;
    if (file != &gone && --file->refs == 0)
        close_file(file);
    return 0;
}

void weir__sim_files_kill(const struct sim_volume *volume)
{
    int i;

    for (i = 0; i < table_size; i++) {
        if (table[i] && table[i] != &gone && table[i]->inode->volume == volume)
            table[i]->dead = true;
    }
}

/* A number that somebody has still is nobody else's until it is closed. */
void weir__sim_files_fini(void)
{
    bool any = false;
    int i;

    for (i = 0; i < table_size; i++) {
        struct sim_file *file = table[i];

        any |= file != NULL;
        if (!file || file == &gone)
            continue;
        table[i] = &gone;
        if (--file->refs == 0)
            close_file(file);
    }
    if (any)
        return;
    weir__free(table);
    table = NULL;
    table_size = 0;
}

/* ---- opening ---- */

static int open_inode(struct sim_inode *inode, int flags)
{
    struct sim_file *file = weir__calloc(1, sizeof *file);
    int fd;

    if (!file)
        return WEIR_ENOMEM;
    file->flags = flags;
    file->error_seen = inode->error_turn;
    fd = give_number(file);
    if (fd < 0) {
        weir__free(file);
        return fd;
    }
    file->inode = weir__sim_inode_take(inode);
    inode->opens++;
    weir__sim_inode_count(inode);
    return fd;
}

int weir__sim_name_add(const struct sim_found *found, struct sim_inode *inode)
{
    struct sim_change change = {found->dir, found->name, found->name_len, NULL, inode};

    if (found->dir->links == 0 && found->dir != found->dir->volume->root)
        return WEIR_ENOENT; /* a removed directory */
    return weir__sim_names_change(inode->volume, &change, 1, false);
}

/* A new inode with a name, held for the caller; NULL and *rc. */
struct sim_inode *weir__sim_name_create(const struct sim_found *found, uint32_t mode, int *rc)
{
    struct sim_volume *volume = found->dir->volume;
    struct sim_inode *inode = weir__sim_inode_make(volume, mode);

    *rc = WEIR_ENOMEM;
    if (!inode)
        return NULL;
    (void)weir__sim_inode_take(inode);
    *rc = weir__sim_name_add(found, inode);
    if (*rc == 0)
        return inode;
    weir__sim_inode_drop(inode);
    return NULL;
}

static int open_new(const struct sim_found *found, int flags, unsigned mode)
{
    struct sim_inode *inode;
    int rc;

    inode = weir__sim_name_create(found, S_IFREG | (mode & 07777 & ~SIM_UMASK), &rc);
    if (!inode)
        return rc;
    rc = open_inode(inode, flags);
    weir__sim_inode_drop(inode);
    return rc;
}

static int open_nameless(struct sim_inode *dir, int flags, unsigned mode)
{
    struct sim_inode *inode =
        weir__sim_inode_make(dir->volume, S_IFREG | (mode & 07777 & ~SIM_UMASK));
    int rc;

    if (!inode)
        return WEIR_ENOMEM;
    (void)weir__sim_inode_take(inode);
    rc = open_inode(inode, flags);
    weir__sim_inode_drop(inode);
    return rc;
}

static int open_there(const struct sim_found *found, int flags, unsigned mode)
{
    struct sim_inode *inode = found->inode;
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    int fd;

    if (S_ISLNK(inode->mode) && !(flags & O_PATH))
        return WEIR_ELOOP;
    if ((flags & O_DIRECTORY) && !S_ISDIR(inode->mode))
        return WEIR_ENOTDIR;
    if ((flags & TMPFILE) == TMPFILE)
        return open_nameless(inode, flags, mode);
    if (S_ISDIR(inode->mode) && (writes || (flags & O_CREAT)))
        return WEIR_EISDIR;
    fd = open_inode(inode, flags);
    if (fd >= 0 && (flags & O_TRUNC) && writes)
        weir__sim_inode_cut(inode, 0);
    return fd;
}

static int sim_open(int dir, const char *path, int flags, unsigned mode, uint64_t resolve)
{
    WEIR__SIM_CALL;
    bool makes_new = (flags & O_CREAT) && (flags & O_EXCL);
    enum sim_follow follow = flags & O_NOFOLLOW || makes_new ? FOLLOW_SLASH : FOLLOW_ALWAYS;
    size_t len = strlen(path);
    struct sim_found found;
    int rc;
    struct sim_inode *from = weir__sim_file_place(dir, &rc);

    if (!from)
        return rc;
    if ((flags & O_CREAT) && len && path[len - 1] == '/')
        follow = FOLLOW_NEVER; /* it is refused, whatever it leads to */
    if ((resolve & WEIR__RESOLVE_CACHED) && weir__sim_below(2))
        return WEIR_EAGAIN;
    rc = weir__sim_path(from, path, follow, resolve, &found);
    if (rc < 0)
        return rc;
    if ((flags & O_CREAT) && found.is_directory)
        return WEIR_EISDIR;
    if (found.inode && makes_new)
        return WEIR_EEXIST;
    if (!found.inode && (flags & O_CREAT))
        return open_new(&found, flags, mode);
    rc = weir__sim_found_check(&found);
    return rc < 0 ? rc : open_there(&found, flags, mode);
}

/* ---- reading and writing ---- */

static bool fits_direct(const struct sim_file *file, const struct iovec *parts, int count,
                        uint64_t offset)
{
    int i;

    if (!(file->flags & O_DIRECT))
        return true;
    for (i = 0; i < count; i++) {
        if ((uintptr_t)parts[i].iov_base % SIM_SECTOR || parts[i].iov_len % SIM_SECTOR)
            return false;
    }
    return offset % SIM_SECTOR == 0;
}

/* How many of the bytes a call moves, by chance. */
static size_t share_of(const struct sim_volume *volume, const struct iovec *parts, int count)
{
    size_t sum = 0;
    int i;

    for (i = 0; i < count; i++)
        sum += parts[i].iov_len;
    if (sum > 1 && weir__sim_happens(volume->options.short_permille))
        sum = 1 + weir__sim_below((uint32_t)sum - 1);
    return sum;
}

static int sim_read(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    WEIR__SIM_CALL;
    int i, rc;
    struct sim_file *file = file_for(fd, false, &rc);
    uint64_t at = !file || offset >= 0 ? (uint64_t)offset : file->offset;
    size_t left, done = 0;

    if (!file)
        return rc;
    if ((flags & RWF_NOWAIT) && weir__sim_below(2))
        return WEIR_EAGAIN;
    if (!fits_direct(file, parts, count, at))
        return WEIR_EINVAL;
    if (weir__sim_happens(file->inode->volume->options.read_error_permille))
        return WEIR_EIO;
    left = share_of(file->inode->volume, parts, count);
    for (i = 0; i < count && left; i++) {
        size_t len = parts[i].iov_len < left ? parts[i].iov_len : left;
        size_t n = weir__sim_inode_read(file->inode, parts[i].iov_base, len, at + done);

        done += n;
        left = n < len ? 0 : left - n;
    }
    if (offset < 0)
        file->offset = at + done;
    weir__sim_note(done);
    return (int)done;
}

static int write_parts(struct sim_inode *inode, const struct iovec *parts, int count, uint64_t at)
{
    size_t left = share_of(inode->volume, parts, count), done = 0;
    int64_t n = 0;
    int i;

    for (i = 0; i < count && left; i++) {
        size_t len = parts[i].iov_len < left ? parts[i].iov_len : left;

        n = weir__sim_inode_write(inode, parts[i].iov_base, len, at + done);
        if (n < 0)
            break;
        done += (size_t)n;
        left = (size_t)n < len ? 0 : left - (size_t)n;
    }
    return done || n >= 0 ? (int)done : (int)n;
}

/* 0, or why what was written may not be on the disk: of this call, or of one in the background. */
static int sync_file(struct sim_file *file)
{
    struct sim_inode *inode = file->inode;

    weir__sim_inode_sync(inode, weir__sim_happens(inode->volume->options.sync_error_permille));
    if (file->error_seen == inode->error_turn)
        return 0;
    file->error_seen = inode->error_turn;
    return WEIR_EIO;
}

/* The disk follows in its own time. */
static void follow(struct sim_inode *inode)
{
    if (weir__sim_below(SIM_LATER_1_IN))
        return;
    if (weir__sim_happens(inode->volume->options.sync_error_permille))
        weir__sim_inode_sync(inode, true);
    else
        weir__sim_inode_sync_some(inode, 0, SIM_FILE_MAX);
    if (weir__sim_below(2))
        inode->disk_size = inode->size;
}

static int sim_write(int fd, const struct iovec *parts, int count, off_t offset)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = file_for(fd, true, &rc);
    struct sim_inode *inode = file ? file->inode : NULL;
    uint64_t at;

    if (!file)
        return rc;
    at = file->flags & O_APPEND ? inode->size : offset < 0 ? file->offset : (uint64_t)offset;
    if (!fits_direct(file, parts, count, at))
        return WEIR_EINVAL;
    if (weir__sim_happens(inode->volume->options.write_error_permille))
        return WEIR_EIO;
    rc = write_parts(inode, parts, count, at);
    weir__sim_note((uint64_t)rc);
    if (rc < 0)
        return rc;
    if (offset < 0)
        file->offset = at + (uint64_t)rc;
    inode->modified_ns = inode->changed_ns = weir__sim_wall_ns();
    if (file->flags & O_DSYNC)
        return sync_file(file) < 0 ? WEIR_EIO : rc;
    follow(inode);
    return rc;
}

static int64_t sim_seek(int fd, off_t offset, int whence)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = weir__sim_file(fd, &rc);
    int64_t from = 0;

    if (!file)
        return rc;
    if (whence == SEEK_DATA || whence == SEEK_HOLE) {
        if (offset < 0 || (uint64_t)offset >= file->inode->size)
            return WEIR_ENXIO;
        from = (int64_t)weir__sim_inode_next(file->inode, (uint64_t)offset, whence == SEEK_DATA);
        if (whence == SEEK_DATA && (uint64_t)from == file->inode->size)
            return WEIR_ENXIO;
        file->offset = (uint64_t)from;
        return from;
    }
    if (whence == SEEK_CUR)
        from = (int64_t)file->offset;
    else if (whence == SEEK_END)
        from = (int64_t)file->inode->size;
    if (from > INT64_MAX - (offset > 0 ? offset : 0) || from + offset < 0)
        return WEIR_EINVAL;
    file->offset = (uint64_t)(from + offset);
    return from + offset;
}

/* ---- size and disk ---- */

static int sim_sync(int fd)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = weir__sim_file(fd, &rc);

    if (!file || (file->flags & O_PATH))
        return file ? WEIR_EBADF : rc;
    if (!S_ISDIR(file->inode->mode)) {
        rc = sync_file(file);
    } else {
        rc = weir__sim_happens(file->inode->volume->options.sync_error_permille) ? WEIR_EIO : 0;
        if (rc == 0)
            weir__sim_names_sync(file->inode->volume, file->inode);
    }
    weir__sim_note((uint64_t)rc);
    return rc;
}

static int sim_sync_range(int fd, off_t offset, off_t len)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = weir__sim_file(fd, &rc);

    if (!file)
        return rc;
    weir__sim_inode_sync_some(file->inode, (uint64_t)offset, len ? (uint64_t)len : SIM_FILE_MAX);
    return 0;
}

static int sim_allocate(int fd, int mode, off_t offset, off_t len)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = file_for(fd, true, &rc);
    uint64_t from = (uint64_t)offset, end = from + (uint64_t)len;

    if (!file)
        return rc;
    if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        weir__sim_inode_zero(file->inode, from, (uint64_t)len);
    if (!(mode & FALLOC_FL_PUNCH_HOLE))
        rc = weir__sim_inode_allocate(file->inode, from, (uint64_t)len);
    if (rc == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && end > file->inode->size)
        file->inode->size = end;
    return rc;
}

static int sim_truncate(int fd, off_t len)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = file_for(fd, true, &rc);

    if (!file)
        return rc == WEIR_EBADF && slot_of(fd) ? WEIR_EINVAL : rc;
    if ((uint64_t)len > SIM_FILE_MAX)
        return -EFBIG;
    weir__sim_inode_cut(file->inode, (uint64_t)len);
    file->inode->modified_ns = file->inode->changed_ns = weir__sim_wall_ns();
    follow(file->inode);
    return 0;
}

static int sim_advise(int fd, int advice)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_file *file = weir__sim_file(fd, &rc);

    if (file && advice == POSIX_FADV_DONTNEED)
        weir__sim_inode_forget(file->inode);
    return rc;
}

const struct weir__volume weir__sim_volume_table = {
    .cwd = sim_cwd,
    .open = sim_open,
    .dup = sim_dup,
    .close = sim_close,
    .read = sim_read,
    .write = sim_write,
    .seek = sim_seek,
    .sync = sim_sync,
    .sync_range = sim_sync_range,
    .allocate = sim_allocate,
    .truncate = sim_truncate,
    .advise = sim_advise,
    .statx = weir__sim_tree_statx,
    .statfs = weir__sim_tree_statfs,
    .entries = weir__sim_tree_entries,
    .rename = weir__sim_tree_rename,
    .link = weir__sim_tree_link,
    .unlink = weir__sim_tree_unlink,
    .make = weir__sim_tree_make,
    .symlink = weir__sim_tree_symlink,
    .read_link = weir__sim_tree_read_link,
    .set_mode = weir__sim_tree_set_mode,
    .set_owner = weir__sim_tree_set_owner,
    .set_times = weir__sim_tree_set_times,
};
