/* backend/sim/volume.h - simulated disks: what their parts share.
 *
 * Each host has a volume: a tree of inodes, of which there are two views. One is what programs see
 * now, in memory; the other is what is on the disk, and all that a crash leaves. They differ in
 * three places. A page of a file has its bytes twice. A file has its size twice. An entry of a
 * directory says whether it is there now and whether it is on the disk; what has been done to names
 * since, in the order in which it was done, is a list of namings. A sync makes the views equal in
 * one place; a write in the background, by chance, in another; a crash decides by chance what was
 * on its way, and then the disk is all there is.
 *
 * An inode lives as long as an entry names it, in either view, or it is open. All of it is guarded
 * by the kernel's lock (core/sim.h).
 */
#ifndef WEIR_BACKEND_SIM_VOLUME_H
#define WEIR_BACKEND_SIM_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "core/sim.h"
#include "sys/volume.h"

#define SIM_PAGE       4096
#define SIM_SECTOR     512
#define SIM_NAME_MAX   255
#define SIM_FILE_MAX   (UINT64_C(1) << 32) /* bytes */
#define SIM_LINKS_MAX  40                  /* symbolic ones on the way of a path */
#define SIM_VOLUMES    WEIR_SIM_HOSTS_MAX
#define SIM_LATER_1_IN 8 /* writes, and namings, that the disk follows in its own time */

struct sim_page {
    bool dirty;    /* a sync would write it */
    bool has_room; /* is part of the file now; false: was cut off, and the disk has it still */
    unsigned char now[SIM_PAGE];
    unsigned char disk[SIM_PAGE];
};

struct sim_inode {
    struct weir__list link; /* of all of its volume */
    struct sim_volume *volume;
    uint64_t number;
    uint32_t mode; /* with the type */
    uint32_t user, group;
    uint32_t refs;  /* entries, and who has it open */
    uint32_t links; /* entries that are there now */
    uint32_t opens;
    uint32_t room;       /* pages that have room */
    uint32_t error_turn; /* of failed writes; who has seen less is told at the next sync */
    bool counted;        /* its room is taken from the volume's */
    uint64_t size, disk_size;
    int64_t modified_ns, changed_ns, accessed_ns, born_ns;
    struct sim_page **pages;
    size_t pages_cap;
    char *target;              /* of a symbolic link */
    struct weir__list entries; /* of a directory, by cookie */
    struct sim_inode *parent;  /* of a directory that has a name now */
};

struct sim_entry {
    struct weir__list link;
    struct sim_inode *dir, *inode;
    uint64_t cookie; /* where it is when the directory is read: by chance */
    bool now, on_disk;
    uint32_t namings; /* that speak of it */
    char name[];
};

/* One thing that was done to names, at one moment: in one directory or in two. */
struct sim_naming {
    struct weir__list link;
    bool moves_directory; /* such keep their order, so that the tree stays one */
    bool chosen;
    struct {
        struct sim_entry *gone, *come; /* of the same name; either may be NULL */
    } parts[2];
};

struct sim_volume {
    uint32_t host;
    uint64_t numbers;
    uint64_t room; /* pages in use */
    struct sim_inode *root;
    struct weir__list inodes;
    struct weir__list namings; /* that are not on the disk, in order */
    struct weir_sim_disk_options options;
};

/* Whether something of so many thousandths happens; draws nothing if there are none. */
static inline bool weir__sim_happens(uint32_t permille)
{
    return permille && weir__sim_below(1000) < permille;
}

/* ---- inodes and their pages: inode.c ---- */

/* A new one, which belongs to nobody yet; NULL: no memory. */
struct sim_inode *weir__sim_inode_make(struct sim_volume *volume, uint32_t mode);
static inline struct sim_inode *weir__sim_inode_take(struct sim_inode *inode)
{
    inode->refs++;
    return inode;
}
void weir__sim_inode_drop(struct sim_inode *inode);
/* A name or an open file has come or gone: its room may be the volume's again. */
void weir__sim_inode_count(struct sim_inode *inode);
int64_t weir__sim_wall_ns(void);

size_t weir__sim_inode_read(const struct sim_inode *inode, void *out, size_t len, uint64_t offset);
/* Writes up to `len` bytes: how many, or WEIR_ENOSPC, WEIR_ENOMEM, -EFBIG if there are none. */
int64_t weir__sim_inode_write(struct sim_inode *inode, const void *bytes, size_t len,
                              uint64_t offset);
/* Gives a range room; 0, or WEIR_ENOSPC, WEIR_ENOMEM, -EFBIG. */
int weir__sim_inode_allocate(struct sim_inode *inode, uint64_t offset, uint64_t len);
void weir__sim_inode_zero(struct sim_inode *inode, uint64_t offset, uint64_t len);
void weir__sim_inode_cut(struct sim_inode *inode, uint64_t size);
/* Where the next bytes with room (or without) are, from the offset on: at most the size. */
uint64_t weir__sim_inode_next(const struct sim_inode *inode, uint64_t offset, bool has_room);
/* The disk gets what there is now. With `fails`, parts of it, and the rest is taken for clean. */
void weir__sim_inode_sync(struct sim_inode *inode, bool fails);
/* The same for each dirty page of a range, by chance; the size stays. */
void weir__sim_inode_sync_some(struct sim_inode *inode, uint64_t offset, uint64_t len);
/* What is clean leaves the memory. */
void weir__sim_inode_forget(struct sim_inode *inode);
/* After a crash: what of the pages and the size was on its way has come, by chance, or is lost. */
void weir__sim_inode_crash(struct sim_inode *inode);

/* ---- directories: entry.c ---- */

struct sim_entry *weir__sim_entry_find(const struct sim_inode *dir, const char *name, size_t len);
/* The entries that are there now, from one behind the cookie on; NULL: none. */
struct sim_entry *weir__sim_entry_after(const struct sim_inode *dir, uint64_t cookie);
bool weir__sim_entry_any(const struct sim_inode *dir);
/* Does to names what a naming says: an entry goes, one comes. Up to two of them are one naming.
 * `name` is the name of what comes; the inode is NULL if nothing does. 0 or WEIR_ENOMEM. */
struct sim_change {
    struct sim_inode *dir;
    const char *name;
    size_t name_len;
    struct sim_entry *gone;
    struct sim_inode *inode;
};
int weir__sim_names_change(struct sim_volume *volume, const struct sim_change *changes, int count,
                           bool moves_directory);
/* The disk gets what was done in a directory, and what that builds on. */
void weir__sim_names_sync(struct sim_volume *volume, const struct sim_inode *dir);
/* After a crash: some of what was done to names has come, by chance. */
void weir__sim_names_crash(struct sim_volume *volume);
/* What has not come never will. */
void weir__sim_names_fini(struct sim_volume *volume);
/* For the end of a directory. */
void weir__sim_names_forget(struct sim_volume *volume, const struct sim_inode *dir);
void weir__sim_entries_free(struct sim_inode *dir);

/* ---- paths: path.c ---- */

struct sim_found {
    struct sim_inode *dir;   /* where its last name stands; NULL: the path ends at a directory */
    struct sim_entry *entry; /* NULL: there is none of that name */
    struct sim_inode *inode; /* NULL likewise */
    const char *name;        /* in the path, or in a link's text */
    size_t name_len;
    bool is_directory; /* says the path, by a '/' at its end */
};

/* Whether a symbolic link at the end of a path is followed. */
enum sim_follow {
    FOLLOW_NEVER,
    FOLLOW_SLASH, /* only if there is a '/' behind it */
    FOLLOW_ALWAYS
};

/* Follows a path from a directory: 0, also if only the last name is missing, or -errno. `resolve`
 * are WEIR__RESOLVE_* bits. */
int weir__sim_path(struct sim_inode *from, const char *path, enum sim_follow follow,
                   uint64_t resolve, struct sim_found *found);
/* 0 if there is what the path says: WEIR_ENOENT, or WEIR_ENOTDIR. */
int weir__sim_found_check(const struct sim_found *found);

/* ---- volumes: volume.c ---- */

/* The host's volume, made if it is not there; NULL: no memory. */
struct sim_volume *weir__sim_volume_of(uint32_t host);
bool weir__sim_volumes_on(void);

/* ---- open files, and the calls on them: file.c ---- */

#define SIM_UMASK 022u

struct sim_file {
    struct sim_inode *inode;
    uint32_t refs; /* descriptors */
    uint32_t error_seen;
    int flags; /* of open(2) */
    bool dead;
    uint64_t offset; /* of a directory: the cookie of the last entry that was read */
};

extern const struct weir__volume weir__sim_volume_table;
/* The open file of a descriptor, or NULL and *rc. */
struct sim_file *weir__sim_file(int fd, int *rc);
/* Where paths begin: a directory, by its descriptor or as the working one; NULL and *rc. */
struct sim_inode *weir__sim_file_place(int dir, int *rc);
/* Names an inode: 0, WEIR_ENOENT (the directory was removed) or WEIR_ENOMEM. */
int weir__sim_name_add(const struct sim_found *found, struct sim_inode *inode);
/* A new inode with a name, held for the caller; NULL and *rc. */
struct sim_inode *weir__sim_name_create(const struct sim_found *found, uint32_t mode, int *rc);
/* The open files of a volume are good for nothing any more. */
void weir__sim_files_kill(const struct sim_volume *volume);
void weir__sim_files_fini(void);

/* ---- calls on names, for the table: tree.c ---- */

int weir__sim_tree_statx(int dir, const char *path, int flags, struct statx *out);
int weir__sim_tree_statfs(int fd, struct statfs *out);
int weir__sim_tree_set_mode(int dir, const char *path, unsigned mode);
int weir__sim_tree_set_owner(int dir, const char *path, uint32_t user, uint32_t group, int flags);
int weir__sim_tree_set_times(int dir, const char *path, const struct timespec times[2], int flags);
int weir__sim_tree_entries(int fd, void *out, size_t cap);
int weir__sim_tree_make(int dir, const char *path, unsigned mode);
int weir__sim_tree_symlink(const char *target, int dir, const char *path);
int weir__sim_tree_read_link(int dir, const char *path, char *out, size_t cap);
int weir__sim_tree_link(int from_dir, const char *from, int to_dir, const char *to, int flags);
int weir__sim_tree_unlink(int dir, const char *path, int flags);
int weir__sim_tree_rename(int from_dir, const char *from_path, int to_dir, const char *to_path,
                          unsigned flags);

#endif
