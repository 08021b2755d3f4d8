/* core/call.h - a system call as an operation: what may wait for a disk.
 *
 * A call says which system call it is and with what, and has a function that makes it and blocks.
 * An operation of kind WEIR_OP_CALL has one. A backend that knows the call has the kernel do it;
 * for all others a thread of the pool, class FILES, runs the function, and the loop that submitted
 * the operation completes it. If the pool has no thread to give, the loop's thread waits itself.
 *
 * Memory: the call, and everything it points to, is the submitter's from submit to completion.
 * Cancel: a job that has not begun is taken back; one that runs is waited for.
 */
#ifndef WEIR_CORE_CALL_H
#define WEIR_CORE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/inbox.h"
#include "core/offload.h"

struct weir_loop;
struct weir_op;

/* Which call, and what of a weir__call it takes; `fd`, `flags` besides. */
enum weir__call_code {
    WEIR__CALL_OTHER,      /* whatever `run` does: never the kernel's own */
    WEIR__CALL_READ,       /* data, len, offset */
    WEIR__CALL_WRITE,      /* data, len, offset */
    WEIR__CALL_READV,      /* data: struct iovec, len of them, offset */
    WEIR__CALL_WRITEV,     /* data: struct iovec, len of them, offset */
    WEIR__CALL_SYNC,       /* flags: 1 for the data alone */
    WEIR__CALL_SYNC_RANGE, /* offset, len, flags */
    WEIR__CALL_ALLOCATE,   /* offset, len; flags: the mode of fallocate */
    WEIR__CALL_TRUNCATE,   /* len */
    WEIR__CALL_ADVISE,     /* offset, len; flags: the advice */
    WEIR__CALL_MADVISE,    /* data, len; flags: the advice */
    WEIR__CALL_OPEN,       /* path; data: struct weir__open_how */
    WEIR__CALL_CLOSE,      /* fd */
    WEIR__CALL_STATX,      /* path; data: struct statx; mode: the mask */
    WEIR__CALL_RENAME,     /* path, to_fd, to */
    WEIR__CALL_UNLINK,     /* path */
    WEIR__CALL_MKDIR,      /* path, mode */
    WEIR__CALL_SYMLINK,    /* path: the target; to */
    WEIR__CALL_LINK,       /* path, to_fd, to */
    WEIR__CALL_GETXATTR,   /* fd; path: the name; data, len */
    WEIR__CALL_SETXATTR,   /* fd; path: the name; data, len */
    WEIR__CALL_CODES
};

/* What openat2 takes. */
struct weir__open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};

struct weir__call {
    uint8_t code;  /* enum weir__call_code */
    bool may_hang; /* what it waits for is no disk */
    int fd;        /* or the directory of `path` */
    int to_fd;
    uint32_t flags;
    uint32_t mode;
    const char *path;
    const char *to;
    void *data;
    uint64_t len;
    uint64_t offset;
    uint64_t to_offset;
    int (*run)(struct weir__call *call); /* makes the call: its result; blocks */

    /* while a thread of the pool has it */
    bool with_pool;
    struct weir__job job;
    struct weir__inbox_node post;
    struct weir_loop *loop;
    struct weir_op *op;
    int result;
};

/* Fills an operation. */
void weir__op_call(struct weir_op *op, struct weir__call *call);

/* For backends: has the pool do the call of a submitted operation. On the loop's thread. */
void weir__call_offload(struct weir_loop *loop, struct weir_op *op);
/* Asks the pool to let go of it; false if the pool does not have it. On the loop's thread. */
bool weir__call_withdraw(struct weir_loop *loop, struct weir_op *op);

/* For the end of a loop: waits until no thread of the pool is still waking it. */
void weir__call_fini(struct weir_loop *loop);

#endif
