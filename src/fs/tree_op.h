/* fs/tree_op.h - a walk through a tree of directories, by calls that block.
 *
 * A stack of levels, one for each directory between the first and the present one. The innermost
 * TREE_OPEN_MAX levels have a descriptor and a batch of entries; the others have given theirs up,
 * and get them back, if the directory is still the same one, when the walk returns to them. Paths
 * are only text for who asks: everything is opened from the directory that holds it, without
 * following a link.
 *
 * One thread at a time uses a tree; which one may change.
 */
#ifndef WEIR_FS_TREE_OP_H
#define WEIR_FS_TREE_OP_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/file.h>

#define WEIR__TREE_OPEN_MAX  16
#define WEIR__TREE_DEPTH_MAX 4096

struct weir__tree_level {
    int fd;      /* -1: given up */
    char *batch; /* NULL: given up */
    uint32_t at; /* in the batch */
    uint32_t len;
    uint32_t path_len; /* of the directory */
    bool ended;
    int64_t off; /* where the entry at `at` begins, in the directory */
    uint64_t device;
    uint64_t inode;
    uint64_t serial; /* of the directory's entry */
};

struct weir__tree {
    int root; /* kept open, besides its level */
    uint32_t depth;
    uint32_t cap;
    uint32_t open_from; /* the outermost level that has not given up its own */
    struct weir__tree_level *levels;
    char *spare; /* a batch */
    char *path;
    uint32_t path_len;
    uint32_t path_cap;
    uint64_t serial;
    bool descends; /* into the entry that was told last */
    /* set by who begins */
    uint32_t path_max;
    uint32_t depth_max;
    bool one_file_system;
    bool after;
    bool stats;
};

/* The path is the tree's. */
struct weir__tree_entry {
    uint64_t serial;
    uint32_t depth;
    uint32_t kind;
    int error;
    bool after;
    bool has_stat;
    struct weir_stat stat;
};

/* Begins with an open directory, which it takes, also when it fails. */
int weir__tree_begin(struct weir__tree *tree, int fd);
/* The next entry: 1, 0 at the end, or WEIR_ENOMEM, after which nothing more can be asked. */
int weir__tree_next(struct weir__tree *tree, struct weir__tree_entry *entry);
/* Where the entry told last lies: a descriptor, or -1; and its name. */
int weir__tree_parent(const struct weir__tree *tree);
const char *weir__tree_name(const struct weir__tree *tree);
/* Leaves out what is below an entry. */
void weir__tree_skip(struct weir__tree *tree, uint64_t serial);
void weir__tree_end(struct weir__tree *tree);

#endif
