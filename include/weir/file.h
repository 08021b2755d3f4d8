/* weir/file.h - files.
 *
 * A file is named by a value. A closed or foreign value gives WEIR_EBADHANDLE from every call and
 * never touches another file. Files belong to the process, not to a runtime: tasks of any worker
 * and threads may use one, several at once.
 *
 * Calls that suspend return when the kernel has let go of the memory that they borrow, also after a
 * cancel (WEIR_ECANCELED) or a deadline (WEIR_EDEADLINE): what the disk has begun is waited for,
 * and its result returned. In a task what is in memory is answered at once; what has to wait is the
 * kernel's (io_uring), or that of a thread of the pool, class FILES (<weir/blocking.h>), whose full
 * queue is WEIR_ELIMIT. Threads that are not tasks may make all calls, and wait themselves. A file
 * that is closed stays open until the calls under way have ended, with their own results.
 *
 * Every call takes a path with the directory where it begins: one of <weir/dir.h>, or weir_cwd().
 * Descriptors are close-on-exec. Besides what is said below, calls fail with what the system says.
 */
#ifndef WEIR_FILE_H
#define WEIR_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;

typedef struct weir_file {
    uint64_t id;
} weir_file;

/* An open directory, where paths begin; <weir/dir.h>. */
typedef struct weir_dir {
    uint64_t id;
} weir_dir;

/* The working directory of the process. Paths that begin with '/' begin at the root then. */
static inline weir_dir weir_cwd(void)
{
    weir_dir cwd;

    cwd.id = UINT64_MAX;
    return cwd;
}

/* ---- opening ---- */

enum weir_file_flag {
    WEIR_FILE_READ = 0, /* the default: reading alone */
    WEIR_FILE_WRITE = 0x1,
    WEIR_FILE_READ_WRITE = 0x2,
    WEIR_FILE_APPEND = 0x4,     /* every write goes to the end */
    WEIR_FILE_CREATE = 0x8,     /* makes it, if it is not there */
    WEIR_FILE_EXCLUSIVE = 0x10, /* with CREATE: WEIR_EEXIST if it is there */
    WEIR_FILE_TRUNCATE = 0x20,
    WEIR_FILE_DIRECT = 0x40,     /* past the page cache: see the buffers below */
    WEIR_FILE_SYNC = 0x80,       /* writes wait for the disk */
    WEIR_FILE_DATA_SYNC = 0x100, /* the same for the data alone */
    WEIR_FILE_NAMELESS = 0x200,  /* a new file without a name, in the directory that the path names;
                                   weir_file_give_name gives it one */
    WEIR_FILE_NO_FOLLOW = 0x400, /* WEIR_ELOOP if the last part is a symbolic link */
    WEIR_FILE_NO_WAIT = 0x800,   /* never waits for the other end of a FIFO, or a lease (EAGAIN) */

    /* how the path is resolved; WEIR_EACCES if it leads where it may not. openat2(2) */
    WEIR_FILE_BENEATH = 0x10000,     /* never leaves the directory, whether by "..", links or '/' */
    WEIR_FILE_IN_ROOT = 0x20000,     /* the directory is the root for it */
    WEIR_FILE_NO_LINKS = 0x40000,    /* WEIR_ELOOP at any symbolic link */
    WEIR_FILE_NO_CROSSING = 0x80000, /* stays on one file system */
};

/* Opens a file: 0, and gives *out, to be closed with weir_file_close. `flags` are of enum
 * weir_file_flag, of WRITE and READ_WRITE at most one; `mode` are the permissions of a file that is
 * made (0: 0666), less the process's umask. Borrows `path`. May suspend. The open of a FIFO that
 * waits for its reader cannot be interrupted on epoll: see NO_WAIT. Errors: WEIR_EINVAL (flags),
 * WEIR_ENOENT, WEIR_EEXIST, WEIR_EACCES, WEIR_ELOOP, WEIR_ENOTDIR, WEIR_EISDIR, WEIR_ENAMETOOLONG,
 * WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM, ... open(2) */
WEIR_PUBLIC int weir_file_open(weir_file *out, weir_dir dir, const char *path, uint32_t flags,
                               uint32_t mode);

/* Makes a file of a descriptor, which it takes when it succeeds. Does not suspend. WEIR_EBADF,
 * WEIR_ENOMEM, WEIR_ELIMIT. */
WEIR_PUBLIC int weir_file_adopt(weir_file *out, int descriptor);

/* Closes a file. If no call is under way its descriptor is closed when this returns, else when the
 * last one has ended. Does nothing to one that is closed. Does not suspend, cannot fail; what a
 * file system says only when a file is closed is for weir_file_close_wait. */
WEIR_PUBLIC void weir_file_close(weir_file file);

/* The same, and returns what the file system says: 0, or WEIR_EIO, WEIR_ENOSPC, WEIR_EDQUOT; the
 * file is closed in any case. WEIR_EBUSY: other calls are under way, the last of which closes it,
 * and nobody learns more. May suspend, and does so also in a cancelled task. */
WEIR_PUBLIC int weir_file_close_wait(weir_file file);

/* The descriptor, for calls that weir does not have; it stays the file's. WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_file_descriptor(weir_file file);

/* ---- reading and writing ---- */

/* Reads at most `len` bytes (1..INT32_MAX) from `offset` (0..INT64_MAX bytes): their count, or 0 at
 * the end and behind it. Fewer may come, for example what is in memory. Borrows `out`. May suspend.
 * WEIR_EINVAL (len, offset; with DIRECT: alignment), WEIR_EISDIR, WEIR_EBADF (not open for it),
 * WEIR_ESPIPE, WEIR_EIO. pread(2) */
WEIR_PUBLIC ptrdiff_t weir_file_read_at(weir_file file, void *out, size_t len, uint64_t offset);

/* Writes at most `len` bytes at `offset`; with APPEND at the end, whatever `offset` is: the count.
 * Borrows `bytes`. May suspend. As above, and WEIR_ENOSPC, WEIR_EFBIG, WEIR_EDQUOT. pwrite(2) */
WEIR_PUBLIC ptrdiff_t weir_file_write_at(weir_file file, const void *bytes, size_t len,
                                         uint64_t offset);

/* The same into and from `count` buffers (1..1024), which hold INT32_MAX bytes at most and are not
 * changed. */
WEIR_PUBLIC ptrdiff_t weir_file_readv_at(weir_file file, const struct iovec *parts, size_t count,
                                         uint64_t offset);
WEIR_PUBLIC ptrdiff_t weir_file_writev_at(weir_file file, const struct iovec *parts, size_t count,
                                          uint64_t offset);

/* Read and write at the file's own offset, which moves on. One caller at a time makes sense. */
WEIR_PUBLIC ptrdiff_t weir_file_read(weir_file file, void *out, size_t len);
WEIR_PUBLIC ptrdiff_t weir_file_write(weir_file file, const void *bytes, size_t len);

enum weir_file_whence {
    WEIR_FILE_FROM_START = 0,
    WEIR_FILE_FROM_HERE = 1,
    WEIR_FILE_FROM_END = 2,
    WEIR_FILE_NEXT_DATA = 3, /* from `offset` on */
    WEIR_FILE_NEXT_HOLE = 4,
};

/* Moves the file's own offset: where it is then, in bytes. May wait for the disk (DATA, HOLE).
 * WEIR_EINVAL, WEIR_ESPIPE, WEIR_ENXIO. lseek(2) */
WEIR_PUBLIC int64_t weir_file_seek(weir_file file, int64_t offset, enum weir_file_whence whence);

/* Reads exactly `len` bytes (any) from `offset`: 0, or an error; WEIR_EEOF if the file ends before.
 * Writes all of them. Borrow. May suspend. */
WEIR_PUBLIC int weir_file_read_exactly(weir_file file, void *out, size_t len, uint64_t offset);
WEIR_PUBLIC int weir_file_write_all(weir_file file, const void *bytes, size_t len, uint64_t offset);

/* ---- size and disk ---- */

/* Makes the file `size` bytes long (0..INT64_MAX): cuts it, or adds a hole. May suspend.
 * ftruncate(2) */
WEIR_PUBLIC int weir_file_truncate(weir_file file, uint64_t size);

enum weir_file_allocate {
    WEIR_FILE_ALLOCATE = 0,           /* room on the disk; the file grows to it */
    WEIR_FILE_ALLOCATE_KEEP_SIZE = 1, /* the same, and the size stays */
    WEIR_FILE_PUNCH = 2,              /* makes a hole */
    WEIR_FILE_ZERO = 3,               /* zeroes a range */
};

/* Does this to `len` (1..) bytes from `offset`. May suspend. WEIR_ENOTSUP, WEIR_ENOSPC.
 * fallocate(2) */
WEIR_PUBLIC int weir_file_allocate(weir_file file, enum weir_file_allocate how, uint64_t offset,
                                   uint64_t len);

/* Waits until everything that was written is on the disk; data_sync leaves out what is not needed
 * to read it again. A file that was made needs a sync of its directory, too (weir_dir_sync). After
 * an error what is on the disk is unknown: do not try again, write anew. May suspend. fsync(2) */
WEIR_PUBLIC int weir_file_sync(weir_file file);
WEIR_PUBLIC int weir_file_data_sync(weir_file file);

/* Begins to write `len` bytes from `offset` (0: to the end) to the disk, and waits for them if
 * `wait`; nothing that says where they lie is written. For pacing, not for safety. May suspend.
 * sync_file_range(2) */
WEIR_PUBLIC int weir_file_sync_range(weir_file file, uint64_t offset, uint64_t len, bool wait);

enum weir_file_advice {
    WEIR_FILE_NORMAL = 0,
    WEIR_FILE_RANDOM = 1,
    WEIR_FILE_SEQUENTIAL = 2,
    WEIR_FILE_WILL_NEED = 3, /* begins to read it */
    WEIR_FILE_DONT_NEED = 4, /* of a file: what is on the disk leaves the memory */
};

/* Says how `len` bytes from `offset` (0: to the end) will be used. May suspend. posix_fadvise(2) */
WEIR_PUBLIC int weir_file_advise(weir_file file, enum weir_file_advice advice, uint64_t offset,
                                 uint64_t len);
/* The same for memory that is mapped from a file; `at` is at the begin of a page. May suspend.
 * madvise(2) */
WEIR_PUBLIC int weir_file_advise_memory(void *at, size_t len, enum weir_file_advice advice);

/* ---- facts ---- */

enum weir_file_kind {
    WEIR_FILE_REGULAR = 1,
    WEIR_FILE_DIRECTORY = 2,
    WEIR_FILE_LINK = 3,  /* symbolic */
    WEIR_FILE_OTHER = 4, /* a device, a FIFO, a socket */
};

/* Times are nanoseconds since 1970; one beyond the range is at its end. */
struct weir_stat {
    uint64_t size;      /* bytes */
    uint64_t allocated; /* bytes on the disk */
    uint64_t inode;
    uint64_t device; /* where it lies */
    int64_t modified_ns;
    int64_t changed_ns;
    int64_t accessed_ns;
    int64_t born_ns; /* INT64_MIN: not known */
    uint32_t kind;   /* enum weir_file_kind */
    uint32_t mode;   /* permissions, 07777 */
    uint32_t links;
    uint32_t user;
    uint32_t group;
    uint32_t block_size;          /* the best for transfers */
    uint32_t direct_memory_align; /* of DIRECT; 0: not known, or not possible */
    uint32_t direct_offset_align; /* likewise, of offsets and lengths */
    uint64_t mount;               /* 0: not known */
};

/* What is known of the file. Fills *out, which is the caller's. May suspend. statx(2) */
WEIR_PUBLIC int weir_file_stat_n(weir_file file, struct weir_stat *out, size_t out_size);
static inline int weir_file_stat(weir_file file, struct weir_stat *out)
{
    return weir_file_stat_n(file, out, sizeof *out);
}

/* The file system of a file. Sizes are bytes. */
struct weir_statfs {
    uint64_t size;
    uint64_t free;      /* for the superuser */
    uint64_t available; /* for others */
    uint64_t files;
    uint64_t files_free;
    uint64_t magic; /* which one: statfs(2) has the numbers */
    uint32_t block_size;
    uint32_t name_max; /* bytes */
};

/* Fills *out, which is the caller's. May suspend. statfs(2) */
WEIR_PUBLIC int weir_file_statfs_n(weir_file file, struct weir_statfs *out, size_t out_size);
static inline int weir_file_statfs(weir_file file, struct weir_statfs *out)
{
    return weir_file_statfs_n(file, out, sizeof *out);
}

/* Change permissions (0..07777); owner and group (UINT32_MAX: as it is); times. May suspend. */
WEIR_PUBLIC int weir_file_set_mode(weir_file file, uint32_t mode);
WEIR_PUBLIC int weir_file_set_owner(weir_file file, uint32_t user, uint32_t group);
#define WEIR_TIME_NOW  INT64_MAX
#define WEIR_TIME_KEEP INT64_MIN
WEIR_PUBLIC int weir_file_set_times(weir_file file, int64_t accessed_ns, int64_t modified_ns);

/* Extended attributes. Get: the length of the value, of which `cap` bytes fit (WEIR_ERANGE if it is
 * longer; cap 0 asks for the length alone). List: names, each with a zero behind, likewise. Set:
 * `how` is 0, WEIR_XATTR_CREATE (WEIR_EEXIST) or WEIR_XATTR_REPLACE (WEIR_ENODATA). Borrow. May
 * suspend. WEIR_ENODATA, WEIR_ENOTSUP. xattr(7) */
#define WEIR_XATTR_CREATE  1
#define WEIR_XATTR_REPLACE 2
WEIR_PUBLIC ptrdiff_t weir_file_get_xattr(weir_file file, const char *name, void *out, size_t cap);
WEIR_PUBLIC ptrdiff_t weir_file_list_xattr(weir_file file, char *out, size_t cap);
WEIR_PUBLIC int weir_file_set_xattr(weir_file file, const char *name, const void *value, size_t len,
                                    uint32_t how);
WEIR_PUBLIC int weir_file_remove_xattr(weir_file file, const char *name);

/* Gives a NAMELESS file a name: WEIR_EEXIST if it is taken. May suspend. */
WEIR_PUBLIC int weir_file_give_name(weir_file file, weir_dir dir, const char *path);

/* ---- locks ---- */

enum weir_file_lock {
    WEIR_FILE_SHARED = 1,
    WEIR_FILE_EXCLUSIVE_LOCK = 2,
};

/* Locks `len` bytes from `offset` (0: to the end, however it grows) for the open file: against
 * other open files of any process, not against who uses the same one. Tasks look again and again
 * until they have it, after at most 50 ms; so they may be cancelled, and nobody is first. try:
 * WEIR_EAGAIN if another has it. A second lock of a range takes the place of the first. Gone when
 * the file is closed. WEIR_EBADF (not open for it), WEIR_ENOLCK. Lock suspends; the others do not,
 * but on a network's file system may wait. fcntl(2), open file description locks */
WEIR_PUBLIC int weir_file_lock(weir_file file, enum weir_file_lock kind, uint64_t offset,
                               uint64_t len);
WEIR_PUBLIC int weir_file_try_lock(weir_file file, enum weir_file_lock kind, uint64_t offset,
                                   uint64_t len);
WEIR_PUBLIC int weir_file_unlock(weir_file file, uint64_t offset, uint64_t len);

/* The same for the whole file, by the other kind of locks, which knows nothing of the first.
 * flock(2) */
WEIR_PUBLIC int weir_file_lock_whole(weir_file file, enum weir_file_lock kind);
WEIR_PUBLIC int weir_file_try_lock_whole(weir_file file, enum weir_file_lock kind);
WEIR_PUBLIC int weir_file_unlock_whole(weir_file file);

/* ---- buffers for DIRECT ---- */

/* Memory at the begin of a page, 4 KiB to 1 MiB, kept for the next when it is given back. */
struct weir_file_buffer {
    void *bytes;
    size_t size; /* a power of two */
};
#define WEIR_FILE_BUFFER_MAX        (1u << 20)
#define WEIR_FILE_BUFFERS_BYTES_MAX (64u << 20) /* out at a time, in the process */

/* Gives *out with at least `size` bytes (1..WEIR_FILE_BUFFER_MAX, WEIR_EINVAL), to be given back.
 * What stands in it is unspecified, and may be of another file. WEIR_ELIMIT
 * (WEIR_FILE_BUFFERS_BYTES_MAX), WEIR_ENOMEM. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_file_buffer_take(struct weir_file_buffer *out, size_t size);
/* Gives a buffer back and empties it; does nothing to an empty one. Cannot fail. Any thread. */
WEIR_PUBLIC void weir_file_buffer_give(struct weir_file_buffer *buffer);
/* Gives the memory of buffers that nobody has back to the system. Any thread. */
WEIR_PUBLIC void weir_file_buffer_trim(void);

/* ---- whole files ---- */

/* Reads a whole file: its bytes, and gives *out with a zero behind them, to be released with
 * weir_release (<weir/memory.h>). WEIR_EFBIG if there are more than `max`. Borrows `path`. May
 * suspend. */
WEIR_PUBLIC ptrdiff_t weir_file_read_whole(weir_dir dir, const char *path, size_t max, void **out);

struct weir_file_replace_options {
    uint32_t
        mode;     /* of the file; default: that of the one that it replaces, else 0666 less umask */
    uint8_t sync; /* WEIR_OFF: the bytes and the name may still be lost when the power goes */
    uint8_t once; /* WEIR_ON: WEIR_EEXIST if there is one */
};

/* Writes a whole file so that whoever opens the name finds the old bytes or the new ones, whatever
 * happens: into a new file beside it, which then gets its name. When it returns 0 both are on the
 * disk. A symbolic link of that name is replaced. After an error the old one is there, and no other
 * (a kill in between may leave a file .weir-XXXXXX); if it is that of the last sync, either is.
 * Options are borrowed and may be NULL. May suspend. As of write and rename. */
WEIR_PUBLIC int weir_file_replace_n(weir_dir dir, const char *path, const void *bytes, size_t len,
                                    const struct weir_file_replace_options *options,
                                    size_t options_size);
static inline int weir_file_replace(weir_dir dir, const char *path, const void *bytes, size_t len,
                                    const struct weir_file_replace_options *options)
{
    return weir_file_replace_n(dir, path, bytes, len, options, sizeof *options);
}

/* Zero means default. */
struct weir_file_copy_options {
    uint64_t from_offset, to_offset;
    uint64_t len;  /* bytes; default: to the end */
    uint8_t share; /* the blocks, where the file system can, and everything is copied: WEIR_OFF:
                      never, WEIR_ON: or WEIR_ENOTSUP */
    void (*progress)(uint64_t copied, void *arg); /* after each piece; may not suspend */
    void *arg;
};

/* Copies from one open file to another: the bytes copied, or an error; if it is stopped or fails
 * half-way, what was copied is there (the progress says how much). The kernel does it where it can,
 * in pieces of 16 MiB, between which it may be stopped. Options are borrowed and may be NULL. May
 * suspend. WEIR_EINVAL: within one file, and what is read and what is written overlap.
 * copy_file_range(2), ioctl_ficlone(2) */
WEIR_PUBLIC int64_t weir_file_copy_n(weir_file from, weir_file to,
                                     const struct weir_file_copy_options *options,
                                     size_t options_size);
static inline int64_t weir_file_copy(weir_file from, weir_file to,
                                     const struct weir_file_copy_options *options)
{
    return weir_file_copy_n(from, to, options, sizeof *options);
}

#ifdef __cplusplus
}
#endif
#endif
