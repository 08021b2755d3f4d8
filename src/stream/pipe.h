/* stream/pipe.h - making streams of descriptors that are no sockets. */
#ifndef WEIR_STREAM_PIPE_H
#define WEIR_STREAM_PIPE_H

#include <stdint.h>

struct weir__worker;
struct weir__stream;

enum weir__pipe_flag {
    WEIR__PIPE_OWN = 1,    /* the open file is nobody else's: it may be made non-blocking */
    WEIR__PIPE_FRESH = 2,  /* a FIFO for reading that nobody may have written to yet */
    WEIR__PIPE_COUNTS = 4, /* an event descriptor, or one like it */
};

/* What is known of the system, or not yet asked; a test sets it to try the ways of others. */
enum weir__pipe_system {
    PIPE_SYSTEM_UNKNOWN,
    PIPE_SYSTEM_NOWAIT,  /* pipes can be read by RWF_NOWAIT */
    PIPE_SYSTEM_REOPENS, /* they cannot, but be opened anew */
    PIPE_SYSTEM_LOOKS    /* neither */
};
extern uint32_t weir__pipe_system;

/* Makes a stream of a descriptor of a pipe, a FIFO, a terminal, a device or a file, and takes it on
 * success. On a worker. WEIR_ENOTSUP for what is none of these. */
int weir__pipe_adopt(struct weir__worker *worker, int fd, uint32_t flags,
                     struct weir__stream **out);

/* Has `end` called once when nobody uses the stream any more and before its descriptor is closed;
 * it may not block. On the worker that has just made it, before anybody else has it. */
void weir__pipe_at_end(struct weir__stream *stream, void (*end)(void *arg, int fd), void *arg);

#endif
