/* fs/file.h - the object behind a weir_file and a weir_dir, and how its calls are made.
 *
 * An object has a descriptor for its life. It is entered for a call and left after it; the last one
 * to leave a closed object closes the descriptor. The memory comes from a pool of the process.
 */
#ifndef WEIR_FS_FILE_H
#define WEIR_FS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/dir.h>
#include <weir/file.h>

#include "fs/file_op.h"

struct weir__file {
    uint64_t id;
    int fd;
    uint32_t nature; /* enum weir__file_nature; whoever asks first writes it */
    bool direct;
    bool no_wait; /* O_NONBLOCK was asked for */
    bool told;    /* the close reports; by weir_file_close_wait alone */
    void *link;   /* the pool's, while the object is free */
};

enum weir__file_nature {
    FILE_UNKNOWN,
    FILE_ON_DISK,
    FILE_MAY_HANG /* a FIFO, a terminal: reads and writes may wait for ever */
};

/* Makes an object of a descriptor, opened with these flags of enum weir_file_flag; it is the
 * caller's still after an error. */
int weir__file_make(int fd, bool directory, uint32_t flags, uint64_t *id);

struct weir__file *weir__file_enter(weir_file handle, int *error);
void weir__file_leave(struct weir__file *file);

/* Where a path begins. `dir` is NULL for the working directory. */
struct weir__place {
    struct weir__file *dir;
    int fd;
};
/* 0, or WEIR_EBADHANDLE. */
int weir__place_enter(struct weir__place *place, weir_dir dir);
void weir__place_leave(struct weir__place *place);

/* Makes a call: a task suspends, a thread waits. The result, or why the task was stopped. */
int weir__file_await(struct weir__call *call);
/* The same on a file, and below a directory: `fd` is filled in. */
int weir__file_await_on(weir_file handle, struct weir__call *call);
int weir__file_await_at(weir_dir dir, struct weir__call *call);
/* The same for what ends something: it is made in any case, and is not stopped. */
int weir__file_await_surely(struct weir__call *call);

/* What a call that may be answered from memory begins with: WEIR_EAGAIN for a task, which then
 * tries that first, WEIR_ENOSYS for a thread, or why the task may not wait. */
int weir__file_begin(void);

/* Whether a call of the task's goes to the ring together with others. */
bool weir__file_batches(void);

/* Opens a path by flags of enum weir_file_flag: a descriptor, or an error. `extra` are flags of
 * open(2). */
int weir__file_open(int dir, const char *path, uint32_t flags, uint32_t extra, uint32_t mode);
/* The flags of open(2), or WEIR_EINVAL. In resolve.c. */
int weir__file_flags(uint32_t flags);
/* Opens a path where there is no openat2, or what it refuses may be allowed still; blocks. */
int weir__file_resolve(int dir, const char *path, const struct weir__open_how *how);

/* What is known of a path; `flags` are AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. In facts.c. */
int weir__file_statx(int dir, const char *path, int flags, struct statx *about);

/* Fills six places of a name with letters and digits. 0, or an error. In name.c. */
int weir__name_fill(char places[6]);

#endif
