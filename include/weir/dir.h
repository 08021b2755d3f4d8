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

/* Memory for entries, the caller's. */
#define WEIR_DIR_BATCH_BYTES 4096
struct weir_dir_batch {
    uint32_t weir__at;
    uint32_t weir__len;
    union {
        uint64_t align;
        char bytes[WEIR_DIR_BATCH_BYTES];
    } weir__room;
};

/* Reads the next entries, as many as fit: their bytes, or 0 at the end; weir_dir_next then gives
 * one after the other, and false after the last. "." and ".." are left out. What is made or removed
 * meanwhile may be told or not. Borrows `batch`. One reader at a time. May suspend; next does not.
 * WEIR_ENOENT: the directory was removed. getdents(2) */
WEIR_PUBLIC int weir_dir_read(weir_dir dir, struct weir_dir_batch *batch);
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

/* Renames, at one moment for all who look. WEIR_EXDEV: not on one file system. WEIR_EINVAL (also: the
 * file system cannot). renameat2(2) */
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

#ifdef __cplusplus
}
#endif
#endif
