/* weir/file.h - files below a folder, by descriptor.
 *
 * For servers that hand out files: a name that came from outside is resolved so that it cannot
 * leave the folder, and what was opened is described. What is in memory is answered at once; what
 * has to wait for the disk is done by the pool, class FILES (<weir/blocking.h>), while the calling
 * task is suspended: so calls that say that they may suspend can also return WEIR_ECANCELED and
 * WEIR_EDEADLINE, and WEIR_ELIMIT when that class's queue is full. Threads that are not tasks wait
 * themselves. Descriptors are close-on-exec. Any thread.
 */
#ifndef WEIR_FILE_H
#define WEIR_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_file_kind {
    WEIR_FILE_REGULAR = 1,
    WEIR_FILE_FOLDER = 2,
    WEIR_FILE_OTHER = 3, /* a device, a FIFO, a socket */
};

/* What is known of an open file. Two that are equal in all fields are taken for the same
 * content. */
struct weir_file_facts {
    uint64_t size;       /* bytes */
    int64_t modified_ns; /* since 1970 */
    uint64_t inode;
    uint64_t device;
    uint32_t kind; /* enum weir_file_kind */
};

/* Opens a folder to resolve names in: a descriptor, for weir_file_close. Borrows `path` for the
 * call. Does not suspend, and may wait for the disk. Errors: WEIR_ENOENT, WEIR_ENOTDIR,
 * WEIR_EACCES, WEIR_ELOOP, WEIR_ENAMETOOLONG, WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM. open(2) */
WEIR_PUBLIC int weir_file_folder(const char *path);

/* Opens a file below a folder for reading: a descriptor, for weir_file_close, and its *facts.
 * `folder` is a descriptor of weir_file_folder and stays the caller's; an empty `path` is the
 * folder itself, one that begins with '/' is WEIR_EACCES. Symbolic links are followed as long as
 * they stay below the folder; what leaves it is WEIR_EACCES. Never waits for the other end of a
 * FIFO. Borrows `path` and `facts` until it returns. May suspend. Errors as above, WEIR_EBADF, and
 * those of every call that may suspend. openat2(2) where the kernel has it. */
WEIR_PUBLIC int weir_file_open_below(int folder, const char *path, struct weir_file_facts *facts);

/* Reads up to `len` bytes (1..INT32_MAX) from `offset` (0..INT64_MAX bytes): the count, which may
 * be less, or 0 at the end and behind it. Borrows `out` until it returns; the descriptor stays the
 * caller's, and its own offset is not used. Several may read one file at once. May suspend. Errors:
 * WEIR_EINVAL (len, offset), WEIR_EBADF, WEIR_EISDIR, WEIR_EIO, -ESPIPE (a FIFO or a socket), and
 * those of every call that may suspend. pread(2) */
WEIR_PUBLIC ptrdiff_t weir_file_read_at(int file, void *out, size_t len, uint64_t offset);

/* Closes a descriptor of these calls, which nobody uses any more; a negative one is nothing. Cannot
 * fail. Does not suspend. */
WEIR_PUBLIC void weir_file_close(int file);

#ifdef __cplusplus
}
#endif
#endif
