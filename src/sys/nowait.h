/* sys/nowait.h - reading and writing what is no socket: without waiting, whatever mode the
 * descriptor is in, and without SIGPIPE.
 *
 * O_NONBLOCK belongs to the open file, which others may share (a shell and its children share one
 * terminal), so it is not touched: RWF_NOWAIT is of one call. Any thread.
 */
#ifndef WEIR_SYS_NOWAIT_H
#define WEIR_SYS_NOWAIT_H

#include <stdbool.h>
#include <stddef.h>

/* As read(2). With `nowait` -EAGAIN instead of waiting; -EOPNOTSUPP or -ENOSYS where the file or
 * the kernel cannot say (pipes can since Linux 6.4). */
int weir__sys_read_now(int fd, void *base, size_t len, bool nowait);
/* As write(2), likewise. A broken pipe is -EPIPE and no signal. */
int weir__sys_write_now(int fd, const void *base, size_t len, bool nowait);

/* Moves what is there from `from` to `to`, of which one is a pipe, and a socket is non-blocking:
 * the count, 0 at the end of `from`. */
int weir__sys_splice_now(int from, int to, size_t len);

#endif
