/* weir/pipe.h - streams that are no sockets: pipes, FIFOs, terminals, devices and files.
 *
 * They are read, written and closed as all streams are (<weir/stream.h>), and wait through the
 * loop. A descriptor that was inherited is never made non-blocking: that mode belongs to the open
 * file, which a parent's shell may share. What asks for a socket (an address, an option,
 * weir_send_file) returns WEIR_ENOTSUP. Writing to a pipe that nobody reads is
 * WEIR_EPIPE, and no signal.
 *
 * How they are read and written without waiting, by type of descriptor: pipes of weir's own are in
 * non-blocking mode; other pipes and FIFOs, and devices, by calls with RWF_NOWAIT, or, where the
 * kernel has none for pipes (before Linux 6.4), through a descriptor that is opened anew;
 * terminals through one that is opened anew; files and disks by a thread of the pool (class FILES
 * of <weir/blocking.h>) whenever they would wait for the disk. What is left is asked by poll(2)
 * before each plain call: it can make the worker wait if another process is quicker in between.
 */
#ifndef WEIR_PIPE_H
#define WEIR_PIPE_H

#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a pipe: what is written to *writer is read from *reader. Gives both, each to be closed. By
 * a task; does not suspend. WEIR_ENOTASK, WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT.
 * pipe2(2) */
WEIR_PUBLIC int weir_pipe(weir_stream *reader, weir_stream *writer);

/* Makes a stream of a descriptor of a pipe, a FIFO, a terminal, a device or a file, which is used
 * from where it stands. Takes the descriptor on success, makes it close-on-exec and leaves its mode
 * alone. By a task; does not suspend. WEIR_EBADF, WEIR_EISDIR, WEIR_ENOTSUP (a socket, or something
 * that has no bytes), WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_pipe_adopt(weir_stream *out, int descriptor);

enum weir_fifo_mode {
    WEIR_FIFO_READ = 1,
    WEIR_FIFO_WRITE = 2, /* -ENXIO if nobody has it open for reading */
};

/* Opens a FIFO, or another file that is no folder. One that is opened for reading waits in its
 * first read for somebody who writes. Gives *out; borrows `path`. By a task; does not suspend.
 * WEIR_EINVAL (the mode), WEIR_ENOENT, WEIR_EACCES, WEIR_ENAMETOOLONG, WEIR_ELOOP, WEIR_ENOTDIR,
 * and errors as of weir_pipe_adopt. fifo(7) */
WEIR_PUBLIC int weir_fifo_open(weir_stream *out, const char *path, enum weir_fifo_mode mode);

/* Makes a stream of standard input (0), output (1) or error (2). The descriptor itself stays open
 * and as it is, also when the stream is closed. By a task; does not suspend. WEIR_EINVAL (another
 * number), and errors as of weir_pipe_adopt; WEIR_EBADF if it is closed. */
WEIR_PUBLIC int weir_standard(weir_stream *out, int number);

#ifdef __cplusplus
}
#endif
#endif
