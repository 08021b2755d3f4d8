/* fs/file_op.h - the calls on files and directories: filling them, making them.
 *
 * Each function fills a weir__call (core/call.h), which is given to an operation by weir__op_call
 * or made at once by weir__file_run. Nothing is copied: paths, buffers and results are borrowed
 * until completion. Results are those of the man pages, with negative codes.
 */
#ifndef WEIR_FS_FILE_OP_H
#define WEIR_FS_FILE_OP_H

#include <weir/file.h>

#include "core/call.h"

struct iovec;
struct statx;

#define WEIR__OFFSET_OWN UINT64_MAX /* the descriptor's own offset, which moves on */

/* Makes a call of any code but WEIR__CALL_OTHER; blocks. Any thread. */
int weir__file_run(struct weir__call *call);

void weir__file_op_read(struct weir__call *call, int fd, void *out, size_t len, uint64_t offset);
void weir__file_op_write(struct weir__call *call, int fd, const void *bytes, size_t len,
                         uint64_t offset);
void weir__file_op_readv(struct weir__call *call, int fd, const struct iovec *parts, size_t count,
                         uint64_t offset);
void weir__file_op_writev(struct weir__call *call, int fd, const struct iovec *parts, size_t count,
                          uint64_t offset);
void weir__file_op_sync(struct weir__call *call, int fd, bool data_alone);
void weir__file_op_sync_range(struct weir__call *call, int fd, uint64_t offset, uint64_t len,
                              uint32_t flags);
void weir__file_op_allocate(struct weir__call *call, int fd, uint32_t mode, uint64_t offset,
                            uint64_t len);
void weir__file_op_truncate(struct weir__call *call, int fd, uint64_t len);
void weir__file_op_advise(struct weir__call *call, int fd, uint64_t offset, uint64_t len,
                          uint32_t advice);
void weir__file_op_madvise(struct weir__call *call, void *at, size_t len, uint32_t advice);
/* WEIR_ENOSYS or WEIR_EPERM where there is no openat2. Always close-on-exec. */
void weir__file_op_open(struct weir__call *call, int dir, const char *path,
                        struct weir__open_how *how);
void weir__file_op_close(struct weir__call *call, int fd);
void weir__file_op_statx(struct weir__call *call, int dir, const char *path, uint32_t flags,
                         uint32_t mask, struct statx *out);
void weir__file_op_rename(struct weir__call *call, int from_dir, const char *from, int to_dir,
                          const char *to, uint32_t flags);
void weir__file_op_unlink(struct weir__call *call, int dir, const char *path, uint32_t flags);
void weir__file_op_mkdir(struct weir__call *call, int dir, const char *path, uint32_t mode);
void weir__file_op_symlink(struct weir__call *call, const char *target, int dir, const char *path);
void weir__file_op_link(struct weir__call *call, int from_dir, const char *from, int to_dir,
                        const char *to, uint32_t flags);
void weir__file_op_getxattr(struct weir__call *call, int fd, const char *name, void *out,
                            size_t cap);
void weir__file_op_setxattr(struct weir__call *call, int fd, const char *name, const void *value,
                            size_t len, uint32_t flags);
/* ---- what is known of them ---- */

/* What weir_stat is made of. STATX_MNT_ID and STATX_DIOALIGN are of Linux 5.8 and 6.1. */
#define WEIR__STATX_MASK 0x3fffu
void weir__stat_convert(const struct statx *from, struct weir_stat *out);
/* The enum weir_file_kind of a file's mode, and of a directory entry's type (0: it has none). */
uint32_t weir__kind_of_mode(uint32_t mode);
uint32_t weir__kind_of_type(unsigned char type);

/* What only a thread can do: run(call) with the fields that it wants. */
void weir__file_op_other(struct weir__call *call, int (*run)(struct weir__call *call));

#endif
