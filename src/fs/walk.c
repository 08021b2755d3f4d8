/* fs/walk.c - walks through trees, and their removal; see <weir/dir.h>.
 *
 * The tree is gone through by calls that block (tree_op.h), in jobs of the pool that are short
 * enough for a cancel to be honoured between two. A job fetches entries ahead: a record each, with
 * the path behind it.
 */
#include <stddef.h>
#include <string.h>
#include <weir/options.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "base/options.h"
#include "fs/file.h"
#include "fs/tree_op.h"
#include "sys/current.h"
#include "sys/disk.h"
#include "sys/sys.h"

#define RECORDS_BYTES 16384
#define PATH_MAX_WALK 8192 /* of an entry that is told */
#define PATH_MAX_TREE (1u << 20)
#define STEPS_MAX     256 /* of a job */
#define JOB_NS        2000000

struct record {
    struct weir__tree_entry entry;
    uint32_t size; /* with the path */
    uint32_t path_len;
    char path[];
};

struct weir_walk {
    struct weir__tree tree;
    struct weir__tree_entry held; /* found no room */
    bool holds;
    int ended;           /* 1: not yet */
    uint64_t skipped;    /* the serial of a directory whose entries are left out, or 0 */
    uint32_t skip_depth; /* its depth */
    struct weir__tree_entry last;
    uint32_t at; /* the records */
    uint32_t len;
    union {
        uint64_t align;
        char bytes[RECORDS_BYTES];
    } records;
};

_Static_assert(PATH_MAX_WALK + 256 + sizeof(struct record) < RECORDS_BYTES, "an entry has room");

/* ---- fetching ahead ---- */

/* Writes an entry behind the others: false if there is no room. */
static bool note(struct weir_walk *walk, const struct weir__tree_entry *entry)
{
    const struct weir__tree *tree = &walk->tree;
    size_t size = (sizeof(struct record) + tree->path_len + 1 + 7) & ~(size_t)7;
    struct record *record = (void *)(walk->records.bytes + walk->len);

    if (size > RECORDS_BYTES - walk->len)
        return false;
    record->entry = *entry;
    record->size = (uint32_t)size;
    record->path_len = tree->path_len;
    memcpy(record->path, tree->path, tree->path_len);
    record->path[tree->path_len] = '\0';
    walk->len += (uint32_t)size;
    return true;
}

static int fetch(struct weir__call *call)
{
    struct weir_walk *walk = call->data;
    uint64_t begun_ns = weir__now_ns();
    int steps = STEPS_MAX;

    walk->at = walk->len = 0;
    if (walk->holds)
        walk->holds = !note(walk, &walk->held);
    while (steps-- && weir__now_ns() - begun_ns < JOB_NS) {
        int rc = weir__tree_next(&walk->tree, &walk->held);

        if (rc != 1) {
            walk->ended = rc;
            break;
        }
        if (!note(walk, &walk->held)) {
            walk->holds = true;
            break;
        }
    }
    return 0;
}

/* ---- the walk ---- */

int weir_walk_open_n(weir_walk **out, weir_dir dir, const char *path,
                     const struct weir_walk_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_walk_options o = {0};
    struct weir__place place;
    struct weir_walk *walk;
    int fd, rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    if (o.one_file_system > WEIR_OFF || o.after > WEIR_OFF || o.stat > WEIR_OFF)
        return WEIR_EOPTION;
    rc = weir__place_enter(&place, dir);
    if (rc < 0)
        return rc;
    fd = weir__file_open(place.fd, path, 0, O_DIRECTORY, 0);
    weir__place_leave(&place);
    if (fd < 0)
        return fd;
    walk = weir__alloc(sizeof *walk);
    if (!walk) {
        weir__sys_close(fd);
        return WEIR_ENOMEM;
    }
    memset(walk, 0, offsetof(struct weir_walk, records));
    walk->ended = 1;
    walk->tree.path_max = PATH_MAX_WALK;
    walk->tree.depth_max = o.depth_max ? o.depth_max : UINT32_MAX;
    walk->tree.one_file_system = o.one_file_system == WEIR_ON;
    walk->tree.after = o.after == WEIR_ON;
    walk->tree.stats = o.stat == WEIR_ON;
    rc = weir__tree_begin(&walk->tree, fd);
    if (rc < 0) {
        weir_walk_close(walk);
        return rc;
    }
    *out = walk;
    return 0;
}

/* Whether an entry is below the directory that is left out. */
static bool left_out(struct weir_walk *walk, const struct weir__tree_entry *entry)
{
    if (!walk->skipped)
        return false;
    if (entry->depth > walk->skip_depth || entry->serial == walk->skipped)
        return true;
    walk->skipped = 0;
    return false;
}

static void tell(struct weir_walk *walk, struct record *record, struct weir_walk_entry *out)
{
    const char *slash = strrchr(record->path, '/');

    walk->last = record->entry;
    *out = (struct weir_walk_entry){
        .path = record->path,
        .name = slash ? slash + 1 : record->path,
        .stat = record->entry.has_stat ? &record->entry.stat : NULL,
        .depth = record->entry.depth,
        .kind = record->entry.kind,
        .error = record->entry.error,
        .after = record->entry.after,
    };
}

int weir_walk_next(weir_walk *walk, struct weir_walk_entry *entry)
{
    WEIR__CALL;

    for (;;) {
        struct weir__call call;
        struct record *record;
        int rc;

        while (walk->at < walk->len) {
            record = (void *)(walk->records.bytes + walk->at);
            walk->at += record->size;
            if (left_out(walk, &record->entry))
                continue;
            tell(walk, record, entry);
            return 1;
        }
        if (walk->ended != 1 && !walk->holds)
            return walk->ended;
        weir__file_op_other(&call, fetch);
        call.data = walk;
        rc = weir__file_await(&call);
        if (rc < 0)
            return rc;
    }
}

void weir_walk_skip(weir_walk *walk)
{
    WEIR__CALL;

    if (walk->last.kind != WEIR_FILE_DIRECTORY || walk->last.after || !walk->last.serial)
        return;
    walk->skipped = walk->last.serial;
    walk->skip_depth = walk->last.depth;
    if (!walk->holds) /* else its path is needed still */
        weir__tree_skip(&walk->tree, walk->last.serial);
}

void weir_walk_close(weir_walk *walk)
{
    WEIR__CALL;

    if (!walk)
        return;
    weir__tree_end(&walk->tree);
    weir__free(walk);
}

/* ---- removing ---- */

#define REFILLS_MAX 3 /* of a directory that others fill while it is emptied */

struct removal {
    struct weir__tree tree;
    uint64_t removed;
    int error; /* the first */
    bool more;
};

static void note_error(struct removal *removal, int rc)
{
    if (rc < 0 && rc != WEIR_ENOENT && removal->error == 0)
        removal->error = rc;
}

static void remove_one(struct removal *removal, const struct weir__tree_entry *entry)
{
    int parent = weir__tree_parent(&removal->tree);
    const char *name = weir__tree_name(&removal->tree);
    bool directory = entry->kind == WEIR_FILE_DIRECTORY;
    int rc;

    if (directory && !entry->after && !entry->error)
        return;
    if (parent < 0) {
        note_error(removal, WEIR_EIO);
        return;
    }
    rc = weir__sys_unlinkat(parent, name, directory ? AT_REMOVEDIR : 0);
    if (rc == WEIR_ENOTDIR && directory) /* it was replaced */
        rc = weir__sys_unlinkat(parent, name, 0);
    if (rc == 0)
        removal->removed++;
    else
        note_error(removal, entry->error ? entry->error : rc);
}

static int remove_some(struct weir__call *call)
{
    struct removal *removal = call->data;
    uint64_t begun_ns = weir__now_ns();
    struct weir__tree_entry entry;
    int rc = 1, steps = STEPS_MAX;

    while (rc == 1 && steps-- && weir__now_ns() - begun_ns < JOB_NS) {
        rc = weir__tree_next(&removal->tree, &entry);
        if (rc == 1)
            remove_one(removal, &entry);
    }
    removal->more = rc == 1;
    return rc < 0 ? rc : 0;
}

/* Empties an open directory, which it takes. */
static int empty(struct removal *removal, int fd)
{
    int rc;

    removal->tree =
        (struct weir__tree){.path_max = PATH_MAX_TREE, .depth_max = UINT32_MAX, .after = true};
    rc = weir__tree_begin(&removal->tree, fd);
    removal->more = true;
    while (rc == 0 && removal->more) {
        struct weir__call call;

        weir__file_op_other(&call, remove_some);
        call.data = removal;
        rc = weir__file_await(&call);
    }
    weir__tree_end(&removal->tree);
    return rc < 0 ? rc : removal->error;
}

static int unlink_at(int dir, const char *path, uint32_t flags)
{
    struct weir__call call;

    weir__file_op_unlink(&call, dir, path, flags);
    return weir__file_await(&call);
}

/* `slashed`: only if it is a directory. */
static int remove_tree(struct removal *removal, int dir, const char *path, bool slashed)
{
    int fd, rc, tries = 0;

    do {
        fd = weir__file_open(dir, path, WEIR_FILE_NO_FOLLOW, O_DIRECTORY | O_NONBLOCK, 0);
        if (fd == WEIR_ENOTDIR || fd == WEIR_ELOOP)
            rc = slashed ? WEIR_ENOTDIR : unlink_at(dir, path, 0);
        else
            rc = fd < 0 ? fd : empty(removal, fd);
        if (rc == 0 && fd >= 0)
            rc = unlink_at(dir, path, AT_REMOVEDIR);
    } while (rc == WEIR_ENOTEMPTY && removal->error == 0 && ++tries < REFILLS_MAX);
    removal->removed += rc == 0;
    return rc;
}

/* Whether a path ends in "." or "..", which have no name to remove. */
static bool ends_in_dots(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A slash behind a name would have the kernel follow a link. */
static int remove_unslashed(struct removal *removal, int dir, const char *path)
{
    size_t len = strlen(path), own_len = len;
    char *own;
    int rc;

    while (own_len > 1 && path[own_len - 1] == '/')
        own_len--;
    own = weir__alloc(own_len + 1);
    if (!own)
        return WEIR_ENOMEM;
    memcpy(own, path, own_len);
    own[own_len] = '\0';
    rc = ends_in_dots(own) ? WEIR_EINVAL : remove_tree(removal, dir, own, own_len < len);
    weir__free(own);
    return rc;
}

int weir_dir_remove_tree(weir_dir dir, const char *path, uint64_t *removed)
{
    WEIR__CALL;
    struct removal removal = {.error = 0};
    struct weir__place place;
    int rc = weir__place_enter(&place, dir);

    if (rc < 0)
        return rc;
    rc = remove_unslashed(&removal, place.fd, path);
    weir__place_leave(&place);
    if (removed)
        *removed = removal.removed;
    return rc;
}
