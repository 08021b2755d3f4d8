/* backend/sim/tree.c - calls on names of simulated disks, and facts of files; see volume.h. */
#include <dirent.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <weir/error.h>

#include "backend/sim/volume.h"
#include "base/alloc.h"
#include "sys/call.h"

#define MAGIC  0x77656972
#define DEVICE 0xfe
#define BLOCKS (UINT64_C(1) << 28) /* of a disk without a limit */

/* ---- facts ---- */

/* What a path names; "" with AT_EMPTY_PATH, or NULL: the descriptor itself. */
static struct sim_inode *find(int dir, const char *path, int flags, int *rc)
{
    struct sim_inode *from = weir__sim_file_place(dir, rc);
    struct sim_found found;

    if (!from || !path || (!path[0] && (flags & AT_EMPTY_PATH)))
        return from;
    *rc = weir__sim_path(from, path, flags & AT_SYMLINK_NOFOLLOW ? FOLLOW_SLASH : FOLLOW_ALWAYS, 0,
                         &found);
    if (*rc == 0)
        *rc = weir__sim_found_check(&found);
    return *rc ? NULL : found.inode;
}

static struct statx_timestamp stamp(int64_t ns)
{
    return (struct statx_timestamp){.tv_sec = ns / 1000000000,
                                    .tv_nsec = (uint32_t)(ns % 1000000000)};
}

int weir__sim_tree_statx(int dir, const char *path, int flags, struct statx *out)
{
    WEIR__SIM_CALL;
    int rc;
    const struct sim_inode *inode = find(dir, path, flags, &rc);

    if (!inode)
        return rc;
    memset(out, 0, sizeof *out);
    out->stx_mask = STATX_BASIC_STATS | STATX_BTIME;
    out->stx_blksize = SIM_PAGE;
    out->stx_nlink = inode->links + S_ISDIR(inode->mode);
    out->stx_uid = inode->user;
    out->stx_gid = inode->group;
    out->stx_mode = (uint16_t)inode->mode;
    out->stx_ino = inode->number;
    out->stx_size = inode->target ? strlen(inode->target) : inode->size;
    out->stx_blocks = (uint64_t)inode->room * (SIM_PAGE / 512);
    out->stx_atime = stamp(inode->accessed_ns);
    out->stx_btime = stamp(inode->born_ns);
    out->stx_ctime = stamp(inode->changed_ns);
    out->stx_mtime = stamp(inode->modified_ns);
    out->stx_dev_major = DEVICE;
    out->stx_dev_minor = inode->volume->host;
    return 0;
}

int weir__sim_tree_statfs(int fd, struct statfs *out)
{
    WEIR__SIM_CALL;
    int rc;
    const struct sim_inode *inode = find(fd, NULL, 0, &rc);
    uint64_t blocks, used;

    if (!inode)
        return rc;
    blocks = inode->volume->options.capacity / SIM_PAGE;
    used = inode->volume->room;
    if (!blocks)
        blocks = BLOCKS;
    memset(out, 0, sizeof *out);
    out->f_type = MAGIC;
    out->f_bsize = out->f_frsize = SIM_PAGE;
    out->f_blocks = blocks;
    out->f_bfree = out->f_bavail = used < blocks ? blocks - used : 0;
    out->f_namelen = SIM_NAME_MAX;
    return 0;
}

int weir__sim_tree_set_mode(int dir, const char *path, unsigned mode)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_inode *inode = find(dir, path, 0, &rc);

    if (!inode)
        return rc;
    inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
    inode->changed_ns = weir__sim_wall_ns();
    return 0;
}

int weir__sim_tree_set_owner(int dir, const char *path, uint32_t user, uint32_t group, int flags)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_inode *inode = find(dir, path, flags, &rc);

    if (!inode)
        return rc;
    if (user != UINT32_MAX)
        inode->user = user;
    if (group != UINT32_MAX)
        inode->group = group;
    inode->changed_ns = weir__sim_wall_ns();
    return 0;
}

static void set_time(int64_t *ns, const struct timespec *to)
{
    if (to->tv_nsec == UTIME_NOW)
        *ns = weir__sim_wall_ns();
    else if (to->tv_nsec != UTIME_OMIT)
        *ns = (int64_t)to->tv_sec * 1000000000 + to->tv_nsec;
}

int weir__sim_tree_set_times(int dir, const char *path, const struct timespec times[2], int flags)
{
    WEIR__SIM_CALL;
    int rc;
    struct sim_inode *inode = find(dir, path, flags, &rc);

    if (!inode)
        return rc;
    set_time(&inode->accessed_ns, &times[0]);
    set_time(&inode->modified_ns, &times[1]);
    inode->changed_ns = weir__sim_wall_ns();
    return 0;
}

/* ---- directories ---- */

static unsigned char type_of(const struct sim_inode *inode)
{
    return S_ISDIR(inode->mode) ? DT_DIR : S_ISLNK(inode->mode) ? DT_LNK : DT_REG;
}

int weir__sim_tree_entries(int fd, void *out, size_t cap)
{
    WEIR__SIM_CALL;
    const struct sim_entry *entry;
    struct dirent64 head = {0};
    size_t len = 0;
    int rc;
    struct sim_file *file = weir__sim_file(fd, &rc);

    if (!file || !S_ISDIR(file->inode->mode))
        return file ? WEIR_ENOTDIR : rc;
    while ((entry = weir__sim_entry_after(file->inode, file->offset))) {
        size_t size = offsetof(struct dirent64, d_name) + strlen(entry->name) + 1;
        unsigned char *at = (unsigned char *)out + len;

        size = (size + 7) & ~(size_t)7;
        if (len + size > cap)
            return len ? (int)len : WEIR_EINVAL;
        head.d_ino = entry->inode->number;
        head.d_off = (off_t)entry->cookie;
        head.d_reclen = (unsigned short)size;
        head.d_type = type_of(entry->inode);
        memset(at, 0, size);
        memcpy(at, &head, offsetof(struct dirent64, d_name));
        strcpy((char *)at + offsetof(struct dirent64, d_name), entry->name);
        file->offset = entry->cookie;
        len += size;
    }
    return (int)len;
}

/* A name that is to be made: 0, or -errno. */
static int find_new(int dir, const char *path, struct sim_found *found)
{
    int rc;
    struct sim_inode *from = weir__sim_file_place(dir, &rc);

    if (!from)
        return rc;
    rc = weir__sim_path(from, path, FOLLOW_NEVER, 0, found);
    return rc == 0 && found->inode ? WEIR_EEXIST : rc;
}

int weir__sim_tree_make(int dir, const char *path, unsigned mode)
{
    WEIR__SIM_CALL;
    struct sim_found found;
    struct sim_inode *inode;
    int rc = find_new(dir, path, &found);

    if (rc < 0)
        return rc;
    inode = weir__sim_name_create(&found, S_IFDIR | (mode & 07777 & ~SIM_UMASK), &rc);
    if (inode)
        weir__sim_inode_drop(inode);
    return rc;
}

int weir__sim_tree_symlink(const char *target, int dir, const char *path)
{
    WEIR__SIM_CALL;
    size_t size = strlen(target) + 1;
    struct sim_found found;
    struct sim_inode *inode;
    char *own;
    int rc = find_new(dir, path, &found);

    if (rc < 0 || found.is_directory || size == 1)
        return rc < 0 ? rc : WEIR_ENOENT;
    own = weir__alloc(size);
    if (!own)
        return WEIR_ENOMEM;
    memcpy(own, target, size);
    inode = weir__sim_name_create(&found, S_IFLNK | 0777, &rc);
    if (!inode) {
        weir__free(own);
        return rc;
    }
    inode->target = own;
    weir__sim_inode_drop(inode);
    return 0;
}

int weir__sim_tree_read_link(int dir, const char *path, char *out, size_t cap)
{
    WEIR__SIM_CALL;
    int rc;
    const struct sim_inode *inode = find(dir, path, AT_SYMLINK_NOFOLLOW, &rc);
    size_t len;

    if (!inode || !inode->target)
        return inode ? WEIR_EINVAL : rc;
    len = strlen(inode->target);
    len = len < cap ? len : cap;
    memcpy(out, inode->target, len);
    return (int)len;
}

int weir__sim_tree_link(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    WEIR__SIM_CALL;
    struct sim_found found;
    struct sim_inode *inode;
    int rc;

    if (!weir__volume_has(to_dir))
        return WEIR_EXDEV;
    inode = find(from_dir, from, flags & AT_SYMLINK_FOLLOW ? 0 : flags | AT_SYMLINK_NOFOLLOW, &rc);
    if (!inode)
        return rc;
    rc = find_new(to_dir, to, &found);
    if (rc == 0 && found.is_directory)
        rc = WEIR_ENOENT;
    if (rc == 0 && found.dir->volume != inode->volume)
        rc = WEIR_EXDEV;
    if (rc == 0 && S_ISDIR(inode->mode))
        rc = WEIR_EPERM;
    return rc < 0 ? rc : weir__sim_name_add(&found, inode);
}

/* What is at a path, or where it would be. */
static int find_name(int dir, const char *path, struct sim_found *found)
{
    int rc;
    struct sim_inode *from = weir__sim_file_place(dir, &rc);

    return from ? weir__sim_path(from, path, FOLLOW_NEVER, 0, found) : rc;
}

/* Why what is at a path that ends with no name cannot be removed. */
static int check_nameless(const char *path, bool is_directory)
{
    size_t len = strlen(path);

    while (len && path[len - 1] == '/')
        len--;
    if (!is_directory)
        return WEIR_EISDIR;
    if (!len)
        return WEIR_EBUSY;
    return len > 1 && path[len - 2] == '.' ? -ENOTEMPTY : WEIR_EINVAL;
}

int weir__sim_tree_unlink(int dir, const char *path, int flags)
{
    WEIR__SIM_CALL;
    bool is_directory = flags & AT_REMOVEDIR;
    struct sim_change change = {0};
    struct sim_found found;
    int rc = find_name(dir, path, &found);

    if (rc == 0 && !found.entry && found.inode)
        return check_nameless(path, is_directory);
    if (rc == 0)
        rc = weir__sim_found_check(&found);
    if (rc < 0)
        return rc;
    if (!S_ISDIR(found.inode->mode) != !is_directory)
        return is_directory ? WEIR_ENOTDIR : WEIR_EISDIR;
    if (is_directory && weir__sim_entry_any(found.inode))
        return -ENOTEMPTY;
    change.dir = found.dir;
    change.gone = found.entry;
    return weir__sim_names_change(found.inode->volume, &change, 1, false);
}

/* Whether a directory is another one, or lies in it. */
static bool lies_in(const struct sim_inode *dir, const struct sim_inode *outer)
{
    for (; dir; dir = dir->parent) {
        if (dir == outer)
            return true;
    }
    return false;
}

/* Whether what has the name may go for what comes. */
static int check_target(const struct sim_inode *from, const struct sim_inode *to)
{
    if (S_ISDIR(from->mode) && !S_ISDIR(to->mode))
        return WEIR_ENOTDIR;
    if (!S_ISDIR(from->mode) && S_ISDIR(to->mode))
        return WEIR_EISDIR;
    return S_ISDIR(to->mode) && weir__sim_entry_any(to) ? -ENOTEMPTY : 0;
}

static int check_rename(const struct sim_found *from, const struct sim_found *to, unsigned flags)
{
    bool exchanges = flags & RENAME_EXCHANGE;

    if (from->inode && !from->entry)
        return WEIR_EBUSY;
    if (to->inode && !to->entry)
        return flags & RENAME_NOREPLACE ? WEIR_EEXIST : WEIR_EBUSY;
    if (!from->inode)
        return WEIR_ENOENT;
    if (to->dir->volume != from->dir->volume)
        return WEIR_EXDEV;
    if (to->inode && (flags & RENAME_NOREPLACE))
        return WEIR_EEXIST;
    if (!to->inode && exchanges)
        return WEIR_ENOENT;
    if (!S_ISDIR(from->inode->mode) && (from->is_directory || (!exchanges && to->is_directory)))
        return WEIR_ENOTDIR;
    if (exchanges && to->is_directory && !S_ISDIR(to->inode->mode))
        return WEIR_ENOTDIR;
    if (lies_in(to->dir, from->inode))
        return WEIR_EINVAL;
    if (to->inode && lies_in(from->dir, to->inode))
        return exchanges ? WEIR_EINVAL : -ENOTEMPTY;
    if (to->inode == from->inode)
        return 0;
    if (to->dir->links == 0 && to->dir != to->dir->volume->root)
        return WEIR_ENOENT;
    return to->inode && !exchanges ? check_target(from->inode, to->inode) : 0;
}

int weir__sim_tree_rename(int from_dir, const char *from_path, int to_dir, const char *to_path,
                          unsigned flags)
{
    WEIR__SIM_CALL;
    struct sim_change changes[2] = {{0}};
    struct sim_found from, to;
    bool moves;
    int rc;

    if (!weir__volume_has(to_dir))
        return WEIR_EXDEV;
    rc = find_name(from_dir, from_path, &from);
    if (rc == 0)
        rc = find_name(to_dir, to_path, &to);
    if (rc == 0)
        rc = check_rename(&from, &to, flags);
    if (rc < 0 || from.inode == to.inode)
        return rc;
    changes[0] = (struct sim_change){from.dir, from.name, from.name_len, from.entry, NULL};
    changes[1] = (struct sim_change){to.dir, to.name, to.name_len, to.entry, from.inode};
    if (flags & RENAME_EXCHANGE)
        changes[0].inode = to.inode;
    moves = S_ISDIR(from.inode->mode) || ((flags & RENAME_EXCHANGE) && S_ISDIR(to.inode->mode));
    return weir__sim_names_change(from.inode->volume, changes, 2, moves);
}
