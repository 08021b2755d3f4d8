/* weir/dir.h - directories, and what is done to names.
 *
 * A directory is named by a value, as files are (<weir/file.h>, whose rules hold here too), and is
 * where paths begin. Every call with a path borrows it and may suspend. Symbolic links on the way
 * are followed; the last part of a path is not, where it says so. Who has names from outside opens
 * the directory that holds them with WEIR_FILE_BENEATH first, and uses single names below it.
 */
#ifndef WEIR_DIR_H
#define WEIR_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/file.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens a directory: 0, and gives *out, to be closed with weir_dir_close. `flags`: 0,
 * WEIR_FILE_NO_FOLLOW, and how the path is resolved. WEIR_ENOTDIR and as weir_file_open. */
WEIR_PUBLIC int weir_dir_open(weir_dir *out, weir_dir dir, const char *path, uint32_t flags);
/* As weir_file_close and weir_file_descriptor. */
WEIR_PUBLIC void weir_dir_close(weir_dir dir);
WEIR_PUBLIC int weir_dir_descriptor(weir_dir dir);
/* As weir_file_sync: what was made, named and removed in it is on the disk. */
WEIR_PUBLIC int weir_dir_sync(weir_dir dir);

/* ---- reading ---- */

/* An entry of a batch. `name` stands in the batch. */
struct weir_dir_entry {
    const char *name;
    uint64_t inode;
    uint32_t name_len;
    uint32_t kind; /* enum weir_file_kind; 0: the file system does not say */
};

/* Entries that were read; zeroed at first. */
struct weir_dir_batch {
    const char *weir__at;
    const char *weir__end;
};

/* Reads the next entries, as many as fit into `size` bytes (512.., WEIR_EINVAL) of `memory`, which
 * is borrowed until the next read: 1, or 0 at the end. weir_dir_next then gives one after the
 * other, and false after the last; "." and ".." are left out, so a batch may have none. What is
 * made or removed meanwhile may be told or not. One reader at a time. May suspend; next does not.
 * WEIR_ENOENT: the directory was removed. getdents(2) */
WEIR_PUBLIC int weir_dir_read(weir_dir dir, struct weir_dir_batch *batch, void *memory,
                              size_t size);
WEIR_PUBLIC bool weir_dir_next(struct weir_dir_batch *batch, struct weir_dir_entry *entry);
/* Begins anew. Does not suspend. */
WEIR_PUBLIC int weir_dir_rewind(weir_dir dir);

/* ---- names ---- */

/* What is known of a name; WEIR_FILE_NO_FOLLOW in `flags`: of the link itself. An empty path is the
 * directory. Fills *out, the caller's. statx(2) */
WEIR_PUBLIC int weir_dir_stat_n(weir_dir dir, const char *path, uint32_t flags,
                                struct weir_stat *out, size_t out_size);
static inline int weir_dir_stat(weir_dir dir, const char *path, uint32_t flags,
                                struct weir_stat *out)
{
    return weir_dir_stat_n(dir, path, flags, out, sizeof *out);
}

enum weir_dir_rename {
    WEIR_DIR_REPLACE = 0,    /* what has the new name goes */
    WEIR_DIR_NO_REPLACE = 1, /* WEIR_EEXIST if something has it */
    WEIR_DIR_EXCHANGE = 2,   /* both stay, with each other's name */
};

/* Renames, at one moment for all who look. WEIR_EXDEV: not on one file system. WEIR_EINVAL (also:
 * the file system cannot). renameat2(2) */
WEIR_PUBLIC int weir_dir_rename(weir_dir from_dir, const char *from, weir_dir to_dir,
                                const char *to, enum weir_dir_rename how);

/* A further name for a file; not followed. link(2) */
WEIR_PUBLIC int weir_dir_link(weir_dir from_dir, const char *from, weir_dir to_dir, const char *to);
/* A symbolic link with the text `target`. symlink(2) */
WEIR_PUBLIC int weir_dir_symlink(weir_dir dir, const char *path, const char *target);
/* Its text, with a zero behind, into `cap` bytes: the length; WEIR_ENAMETOOLONG if it does not fit.
 * readlink(2) */
WEIR_PUBLIC int weir_dir_read_link(weir_dir dir, const char *path, char *out, size_t cap);
/* The absolute path of what a path leads to, without links; likewise. It is true at one moment. */
WEIR_PUBLIC int weir_dir_real_path(weir_dir dir, const char *path, char *out, size_t cap);

/* Makes a directory with permissions `mode` (0: 0777), less the umask. mkdir(2) */
WEIR_PUBLIC int weir_dir_make(weir_dir dir, const char *path, uint32_t mode);
/* Remove a name that is no directory; an empty directory. Not followed. unlink(2) */
WEIR_PUBLIC int weir_dir_unlink(weir_dir dir, const char *path);
WEIR_PUBLIC int weir_dir_remove(weir_dir dir, const char *path);

/* Make a directory (0700), or a file (0600, open for reading and writing), with a new name: the
 * last six characters of `path` are XXXXXX, and are replaced. WEIR_EINVAL, WEIR_EEXIST (62 tries).
 * mkdtemp(3) */
WEIR_PUBLIC int weir_dir_make_temporary(weir_dir dir, char *path);
WEIR_PUBLIC int weir_file_make_temporary(weir_file *out, weir_dir dir, char *path, uint32_t flags);

/* As those of files. Owner and times with WEIR_FILE_NO_FOLLOW are the link's own. */
WEIR_PUBLIC int weir_dir_set_mode(weir_dir dir, const char *path, uint32_t mode);
WEIR_PUBLIC int weir_dir_set_owner(weir_dir dir, const char *path, uint32_t user, uint32_t group,
                                   uint32_t flags);
WEIR_PUBLIC int weir_dir_set_times(weir_dir dir, const char *path, int64_t accessed_ns,
                                   int64_t modified_ns, uint32_t flags);

/* ---- trees ---- */

/* A walk through a directory and everything below it, entry by entry. Symbolic links are told and
 * not followed; what is moved meanwhile leads nowhere else. Memory is bounded: the 16 innermost
 * directories are open, others are opened again. One task or thread at a time uses a walk. */
typedef struct weir_walk weir_walk;

struct weir_walk_options {
    uint32_t depth_max;      /* 1: the directory's own entries alone; default: 4096 */
    uint8_t one_file_system; /* WEIR_ON: does not look into directories of other ones */
    uint8_t after;           /* WEIR_ON: tells a directory again after all that is in it */
    uint8_t stat;            /* WEIR_ON: with what is known of each entry */
};

/* `path`, `name` and `stat` are the walk's, until the next call. */
struct weir_walk_entry {
    const char *path;             /* from the directory where the walk began */
    const char *name;             /* its last part */
    const struct weir_stat *stat; /* NULL: not asked for, or not to be had */
    uint32_t depth;               /* 1: an entry of the first directory */
    uint32_t kind;                /* enum weir_file_kind; 0: not known */
    int error;  /* why it could not be looked at or into, or 0; the walk goes on */
    bool after; /* the second time */
};

/* Begins a walk: gives *out, to be closed with weir_walk_close. Options are borrowed for the call
 * and may be NULL. May suspend. As weir_dir_open, and WEIR_EOPTION. */
WEIR_PUBLIC int weir_walk_open_n(weir_walk **out, weir_dir dir, const char *path,
                                 const struct weir_walk_options *options, size_t options_size);
static inline int weir_walk_open(weir_walk **out, weir_dir dir, const char *path,
                                 const struct weir_walk_options *options)
{
    return weir_walk_open_n(out, dir, path, options, sizeof *options);
}

/* The next entry: 1 and fills *entry, 0 at the end, or an error that ends the walk (WEIR_ENOMEM),
 * or the call alone (WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ELIMIT). Entries are fetched ahead, many
 * at a time, by a thread of the pool. May suspend. */
WEIR_PUBLIC int weir_walk_next(weir_walk *walk, struct weir_walk_entry *entry);
/* Leaves out what is in the directory that was told last. Does not suspend. */
WEIR_PUBLIC void weir_walk_skip(weir_walk *walk);
/* Ends a walk; NULL is none. Does not suspend, cannot fail. */
WEIR_PUBLIC void weir_walk_close(weir_walk *walk);

/* Removes a name and, if it is a directory, everything below it, without ever following a link;
 * *removed, unless NULL, is how many names are gone, also after an error. Goes on after an error,
 * and returns the first. May suspend; may be stopped in between. WEIR_ENOENT, WEIR_EACCES,
 * WEIR_EPERM, WEIR_ENOTEMPTY (others fill it meanwhile), WEIR_ENOTDIR (there is a slash behind what
 * is none), WEIR_EINVAL ("." and ".."), ... */
WEIR_PUBLIC int weir_dir_remove_tree(weir_dir dir, const char *path, uint64_t *removed);

#ifdef __cplusplus
}
#endif
#endif
