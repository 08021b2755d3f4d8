/* fs/tree_op.c - see tree_op.h. */
#include "fs/tree_op.h"

#include <string.h>

#include "base/alloc.h"
#include "fs/file_op.h"
#include "sys/disk.h"

#define BATCH_BYTES   8192
#define LEVELS_FIRST  8
#define PATH_FIRST    256
#define DIRECTORY     (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
#define ANOTHER_PLACE WEIR_ENOENT /* a directory that was moved away while the walk was in it */

static struct weir__tree_level *top(const struct weir__tree *tree)
{
    return &tree->levels[tree->depth - 1];
}

/* ---- memory ---- */

static int make_room(struct weir__tree *tree, uint32_t path_len)
{
    uint32_t cap = tree->path_cap ? tree->path_cap : PATH_FIRST;
    char *path;

    while (cap <= path_len)
        cap *= 2;
    if (cap == tree->path_cap)
        return 0;
    path = weir__realloc(tree->path, cap);
    if (!path)
        return WEIR_ENOMEM;
    tree->path = path;
    tree->path_cap = cap;
    return 0;
}

static int make_level(struct weir__tree *tree)
{
    uint32_t cap = tree->cap ? 2 * tree->cap : LEVELS_FIRST;
    struct weir__tree_level *levels;

    if (tree->depth < tree->cap)
        return 0;
    levels = weir__realloc(tree->levels, cap * sizeof *levels);
    if (!levels)
        return WEIR_ENOMEM;
    tree->levels = levels;
    tree->cap = cap;
    return 0;
}

static char *take_batch(struct weir__tree *tree)
{
    char *batch = tree->spare;

    tree->spare = NULL;
    return batch ? batch : weir__alloc(BATCH_BYTES);
}

static void give_batch(struct weir__tree *tree, char *batch)
{
    if (!tree->spare)
        tree->spare = batch;
    else
        weir__free(batch);
}

/* ---- levels ---- */

static void give_up(struct weir__tree *tree, struct weir__tree_level *level)
{
    if (level->fd >= 0)
        weir__sys_close(level->fd);
    give_batch(tree, level->batch);
    level->fd = -1;
    level->batch = NULL;
    level->at = level->len = 0;
}

/* Adds the open directory as the innermost level; it takes the descriptor when it succeeds. */
static int push(struct weir__tree *tree, int fd, uint64_t serial)
{
    struct weir__tree_level *level;
    struct stat about;
    int rc = weir__sys_fstat(fd, &about);

    if (rc == 0)
        rc = make_level(tree);
    if (rc < 0)
        return rc;
    if (tree->depth - tree->open_from == WEIR__TREE_OPEN_MAX)
        give_up(tree, &tree->levels[tree->open_from++]);
    level = &tree->levels[tree->depth];
    *level = (struct weir__tree_level){
        .fd = fd,
        .batch = take_batch(tree),
        .path_len = tree->path_len,
        .device = about.st_dev,
        .inode = about.st_ino,
        .serial = serial,
    };
    if (!level->batch)
        return WEIR_ENOMEM;
    tree->depth++;
    return 0;
}

/* The directory of a level that has given its own up, by this path: a descriptor, or an error. */
static int find_again(const struct weir__tree_level *level, int from, const char *path)
{
    int rc, fd;
    struct stat about;

    if (strcmp(path, "..") == 0)
        fd = weir__sys_openat(from, path, DIRECTORY, 0);
    else
        fd = weir__sys_openat2(from, path, DIRECTORY, 0,
                               WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_NO_SYMLINKS);
    if (fd < 0)
        return fd;
    rc = weir__sys_fstat(fd, &about);
    if (rc == 0 && about.st_dev == level->device && about.st_ino == level->inode)
        return fd;
    weir__sys_close(fd);
    return rc < 0 ? rc : ANOTHER_PLACE;
}

static int open_again(struct weir__tree *tree, struct weir__tree_level *level, int below)
{
    int fd = below >= 0 ? find_again(level, below, "..") : ANOTHER_PLACE;
    char after;

    if (fd < 0 && level->path_len == 0)
        fd = weir__sys_dup(tree->root);
    if (fd < 0 && level->path_len) {
        after = tree->path[level->path_len];
        tree->path[level->path_len] = '\0';
        fd = find_again(level, tree->root, tree->path);
        tree->path[level->path_len] = after;
    }
    if (fd >= 0 && weir__sys_lseek(fd, level->off, SEEK_SET) < 0) {
        weir__sys_close(fd);
        fd = WEIR_EIO;
    }
    return fd;
}

/* Takes the innermost level away, and sees to it that the one before can go on: 0, or why not. */
static int pop(struct weir__tree *tree)
{
    struct weir__tree_level *level = top(tree), *before;
    int rc = 0;

    tree->path_len = level->path_len;
    tree->depth--;
    if (tree->depth > 0 && tree->open_from == tree->depth) {
        before = top(tree);
        tree->open_from--;
        before->fd = open_again(tree, before, level->fd);
        before->batch = level->batch;
        level->batch = NULL;
        rc = before->fd < 0 ? before->fd : 0;
        before->ended |= rc < 0;
    }
    if (level->fd >= 0)
        weir__sys_close(level->fd);
    if (level->batch)
        give_batch(tree, level->batch);
    return rc;
}

/* ---- life ---- */

int weir__tree_begin(struct weir__tree *tree, int fd)
{
    int own, rc = make_room(tree, 0);

    tree->root = fd;
    if (rc < 0)
        return rc;
    tree->path[0] = '\0';
    own = weir__sys_dup(fd); /* has the offset of the other, which nobody uses */
    if (own < 0)
        return own;
    rc = push(tree, own, 0);
    if (rc < 0)
        weir__sys_close(own);
    return rc;
}

void weir__tree_end(struct weir__tree *tree)
{
    while (tree->depth)
        give_up(tree, &tree->levels[--tree->depth]);
    weir__free(tree->spare);
    weir__free(tree->levels);
    weir__free(tree->path);
    if (tree->root >= 0)
        weir__sys_close(tree->root);
}

/* ---- entries ---- */

static void describe(const struct weir__tree *tree, struct weir__tree_entry *entry,
                     const char *name, unsigned char type)
{
    struct statx about;
    int rc;

    entry->kind = weir__kind_of_type(type);
    if (entry->kind && !tree->stats)
        return;
    rc = weir__sys_statx(top(tree)->fd, name, AT_SYMLINK_NOFOLLOW, WEIR__STATX_MASK, &about);
    if (rc < 0) {
        entry->error = rc;
        return;
    }
    entry->kind = weir__kind_of_mode(about.stx_mode);
    entry->has_stat = tree->stats;
    weir__stat_convert(&about, &entry->stat);
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Appends a name to the path of the innermost level. */
static int append(struct weir__tree *tree, const char *name)
{
    uint32_t at = top(tree)->path_len, len = (uint32_t)strlen(name);
    int rc = make_room(tree, at + len + 1);

    if (rc < 0)
        return rc;
    if (at)
        tree->path[at++] = '/';
    memcpy(tree->path + at, name, len + 1);
    tree->path_len = at + len;
    return 0;
}

/* The entry that is next in the batch: 1, 0 if it is none to be told, or an error. */
static int take_entry(struct weir__tree *tree, struct weir__tree_entry *entry)
{
    struct weir__tree_level *level = top(tree);
    const struct dirent64 *raw = (const void *)(level->batch + level->at);
    int rc;

    level->at += raw->d_reclen;
    level->off = raw->d_off;
    if (is_dots(raw->d_name))
        return 0;
    rc = append(tree, raw->d_name);
    if (rc < 0)
        return rc;
    *entry = (struct weir__tree_entry){.serial = ++tree->serial, .depth = tree->depth};
    describe(tree, entry, raw->d_name, raw->d_type);
    if (entry->kind != WEIR_FILE_DIRECTORY || tree->depth >= tree->depth_max)
        return 1;
    if (tree->path_len > tree->path_max)
        entry->error = WEIR_ENAMETOOLONG;
    else if (tree->depth >= WEIR__TREE_DEPTH_MAX)
        entry->error = WEIR_ELIMIT;
    else
        tree->descends = true;
    return 1;
}

/* Tells of the directory of the innermost level that something went wrong. */
static int tell_error(const struct weir__tree *tree, struct weir__tree_entry *entry, int error,
                      uint64_t serial, uint32_t depth)
{
    (void)tree;
    *entry = (struct weir__tree_entry){
        .serial = serial, .depth = depth, .kind = WEIR_FILE_DIRECTORY, .error = error};
    return 1;
}

static bool crosses(const struct weir__tree *tree, int fd)
{
    struct stat about;

    return tree->one_file_system
           && (weir__sys_fstat(fd, &about) < 0 || about.st_dev != tree->levels[0].device);
}

/* Looks into the directory that was told last: 0, 1 if that is to be told as an error, or
 * WEIR_ENOMEM. */
static int descend(struct weir__tree *tree, struct weir__tree_entry *entry)
{
    uint64_t serial = tree->serial;
    int rc, fd = weir__sys_openat(top(tree)->fd, weir__tree_name(tree), DIRECTORY, 0);

    tree->descends = false;
    if (fd < 0)
        return tell_error(tree, entry, fd, serial, tree->depth);
    if (crosses(tree, fd)) {
        weir__sys_close(fd);
        return 0;
    }
    rc = push(tree, fd, serial);
    if (rc == 0)
        return 0;
    weir__sys_close(fd);
    return rc == WEIR_ENOMEM ? rc : tell_error(tree, entry, rc, serial, tree->depth);
}

/* The directory is read: tells it again, if that is wanted. */
static int leave(struct weir__tree *tree, struct weir__tree_entry *entry)
{
    uint64_t serial = top(tree)->serial;
    int rc = pop(tree);

    if (tree->depth == 0)
        return 0;
    if (rc < 0)
        tree->path_len = top(tree)->path_len; /* it is the one above that is lost */
    tree->path[tree->path_len] = '\0';
    if (rc < 0)
        return tell_error(tree, entry, rc, top(tree)->serial, tree->depth - 1);
    if (!tree->after)
        return 0;
    *entry = (struct weir__tree_entry){
        .serial = serial, .depth = tree->depth, .kind = WEIR_FILE_DIRECTORY, .after = true};
    return 1;
}

static int refill(struct weir__tree *tree, struct weir__tree_entry *entry)
{
    struct weir__tree_level *level = top(tree);
    int n = weir__sys_getdents(level->fd, level->batch, BATCH_BYTES);

    level->at = 0;
    level->len = n > 0 ? (uint32_t)n : 0;
    level->ended = n <= 0;
    tree->path_len = level->path_len;
    if (n >= 0 || n == WEIR_ENOENT) /* it was removed */
        return 0;
    tree->path[tree->path_len] = '\0';
    return tell_error(tree, entry, n, level->serial, tree->depth - 1);
}

int weir__tree_next(struct weir__tree *tree, struct weir__tree_entry *entry)
{
    int rc = tree->descends ? descend(tree, entry) : 0;

    while (rc == 0 && tree->depth > 0) {
        const struct weir__tree_level *level = top(tree);

        if (level->at < level->len)
            rc = take_entry(tree, entry);
        else if (level->ended)
            rc = leave(tree, entry);
        else
            rc = refill(tree, entry);
    }
    return rc;
}

int weir__tree_parent(const struct weir__tree *tree)
{
    return tree->depth ? top(tree)->fd : -1;
}

const char *weir__tree_name(const struct weir__tree *tree)
{
    const char *slash = strrchr(tree->path, '/');

    return slash ? slash + 1 : tree->path;
}

void weir__tree_skip(struct weir__tree *tree, uint64_t serial)
{
    uint32_t i;

    if (tree->descends && tree->serial == serial)
        tree->descends = false;
    for (i = 1; i < tree->depth && tree->levels[i].serial != serial; i++)
        ;
    if (i >= tree->depth)
        return;
    tree->descends = false;
    while (tree->depth > i)
        (void)pop(tree);
}
