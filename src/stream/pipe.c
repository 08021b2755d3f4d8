/* stream/pipe.c - streams over descriptors that are no sockets. See <weir/pipe.h>.
 *
 * A call is tried first, in a way that does not wait (enum pipe_way), and if it would wait the task
 * waits for readiness by an operation of its own. The stream's `fd` has the descriptor.
 *
 * A close, which may come on any thread, ends the waits of the reader and the writer by a message
 * to the loop of each. Who waits says first on which loop, and looks then whether the stream is
 * closed; who closes has closed the handle first, and looks then. So one of both sees the other.
 * The slots are the pipe's own and not the stream's, and a message holds the pipe: it never meets
 * another stream.
 */
#include "stream/pipe.h"

#include <stdio.h>
#include <weir/blocking.h>
#include <weir/pipe.h>

#include "base/alloc.h"
#include "base/container.h"
#include "core/handle.h"
#include "core/sim.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/nowait.h"
#include "sys/terminal.h"
#include "task/case.h"
#include "task/worker.h"

#define LOOK_PIECE     4096 /* PIPE_BUF: what a pipe takes whole if it takes anything */
#define LOOK_PIECE_TTY 256  /* a terminal says that it is writable when so much fits */

enum pipe_way {
    WAY_PLAIN,  /* the descriptor is non-blocking */
    WAY_NOWAIT, /* each call says so */
    WAY_LOOK,   /* poll is asked before each call */
    WAY_FILE    /* as NOWAIT; what would wait is for the pool */
};

/* Where the kernel says that there is room and there is not enough, the task comes again later and
 * later: an event descriptor has room as long as it can count one more. */
#define VAIN_MAX   3
#define NAP_NS     INT64_C(1000000)
#define NAP_SHIFTS 4

struct pipe_end {
    struct weir__wait_slot slot;
    uint32_t loop;   /* index of the loop where its task waits, or waited; partner: end_wait */
    uint32_t posted; /* the message is on its way */
    int32_t reason;
    weir_post post;
    struct pipe *pipe;
    struct weir__case *watched; /* of a select that waits, on the thread of its loop */
};

struct pipe {
    uint32_t refs; /* the stream, and messages on their way */
    uint32_t way;  /* enum pipe_way; changed by who reads or writes, from NOWAIT to LOOK */
    bool reads, writes;
    bool terminal;
    bool master; /* the upper end of a pseudo-terminal */
    bool fifo, appends;
    bool fresh;
    uint32_t ended; /* nothing more is written; partner: pipe_shutdown */
    void (*at_end)(void *arg, int fd);
    void *at_end_arg;
    struct pipe_end reader, writer;
};

static void drop(struct pipe *pipe)
{
    if (WEIR_ATOMIC_SUB(&pipe->refs, 1, ACQ_REL) == 1)
        weir__free(pipe);
}

/* ---- one call that does not wait ---- */

static uint32_t way_of(const struct pipe *pipe)
{
    return WEIR_ATOMIC_LOAD(&pipe->way, RELAXED);
}

/* A call with RWF_NOWAIT has failed: true if it is to be made in another way. */
static bool look_instead(struct pipe *pipe, int rc)
{
    if (way_of(pipe) != WAY_NOWAIT || (rc != WEIR_ENOTSUP && rc != WEIR_ENOSYS))
        return false;
    WEIR_ATOMIC_STORE(&pipe->way, WAY_LOOK, RELAXED);
    return true;
}

static bool ready(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};

    return weir__sys_poll(&poll_fd, 1, 0) != 0;
}

static int read_now(struct pipe *pipe, int fd, void *out, size_t len)
{
    int rc;

    do {
        if (way_of(pipe) == WAY_LOOK && !ready(fd, POLLIN))
            return WEIR_EAGAIN;
        rc = weir__sys_read_now(fd, out, len,
                                way_of(pipe) == WAY_NOWAIT || way_of(pipe) == WAY_FILE);
    } while (look_instead(pipe, rc));
    /* the last one has closed the lower end: nothing more comes */
    return rc == WEIR_EIO && pipe->master ? 0 : rc;
}

static int write_now(struct pipe *pipe, int fd, const void *bytes, size_t len)
{
    size_t piece = pipe->terminal ? LOOK_PIECE_TTY : LOOK_PIECE;
    int rc;

    do {
        if (way_of(pipe) == WAY_LOOK && !ready(fd, POLLOUT))
            return WEIR_EAGAIN;
        rc = weir__sys_write_now(fd, bytes, way_of(pipe) == WAY_LOOK && len > piece ? piece : len,
                                 way_of(pipe) == WAY_NOWAIT || way_of(pipe) == WAY_FILE);
    } while (look_instead(pipe, rc));
    return rc;
}

/* ---- files: by the pool ---- */

struct job {
    int fd;
    void *out;
    const void *bytes;
    size_t len;
    bool begun;
};

static int do_job(void *arg)
{
    struct job *job = arg;

    job->begun = true;
    return job->out ? weir__sys_read_now(job->fd, job->out, job->len, false)
                    : weir__sys_write_now(job->fd, job->bytes, job->len, false);
}

/* A pool that has no thread to give is done without. */
static int by_the_pool(struct job *job)
{
    int rc = weir_blocking_in(WEIR_BLOCKING_FILES, do_job, job);

    return !job->begun && (rc == WEIR_EAGAIN || rc == WEIR_ENOMEM) ? do_job(job) : rc;
}

static bool for_the_pool(const struct pipe *pipe, int rc)
{
    return way_of(pipe) == WAY_FILE
           && (rc == WEIR_EAGAIN || rc == WEIR_ENOTSUP || rc == WEIR_ENOSYS);
}

/* ---- waiting ---- */

static void deliver_stop(weir_post *post, weir_loop *loop)
{
    struct pipe_end *end = WEIR_CONTAINER_OF(post, struct pipe_end, post);

    WEIR_ATOMIC_STORE(&end->posted, 0, SEQ_CST); /* partner: end_wait */
    if (end->watched && end->watched->polls)
        weir_loop_cancel(loop, &end->watched->op);
    else
        weir__wait_end(&end->slot, loop, end->reason);
    drop(end->pipe);
}

/* Ends the wait that is under way, now that it is written somewhere why none begins any more. */
static void end_wait(struct pipe_end *end, int reason)
{
    uint32_t index = WEIR_ATOMIC_LOAD(&end->loop, SEQ_CST);

    if (!index || WEIR_ATOMIC_EXCHANGE(&end->posted, 1, SEQ_CST))
        return;
    end->reason = reason;
    (void)WEIR_ATOMIC_ADD(&end->pipe->refs, 1, RELAXED);
    end->post.deliver = deliver_stop;
    weir__loop_post(weir__loop_by_index((uint16_t)index), &end->post);
}

static bool stopped(const struct weir__stream *stream, const struct pipe_end *end)
{
    return weir__handle_closed(stream->id)
           || (end == &end->pipe->writer && WEIR_ATOMIC_LOAD(&end->pipe->ended, SEQ_CST));
}

/* Waits for readiness: 0, or an error. WEIR_EPERM: the file cannot be waited for. */
static int await(struct weir__stream *stream, struct weir__task *task, struct pipe_end *end,
                 uint32_t events)
{
    int rc;

    WEIR_ATOMIC_STORE(&end->loop, task->worker->loop->index, SEQ_CST);
    if (stopped(stream, end))
        return WEIR_EPIPE;
    weir_op_poll(&task->op, &stream->fd, events);
    rc = weir__task_await_at_rest(task, &task->op, &end->slot, NULL);
    return rc < 0 ? rc : 0;
}

/* ---- the kind ---- */

static ptrdiff_t pipe_read(struct weir__stream *stream, struct weir__task *task, void *out,
                           size_t len)
{
    struct pipe *pipe = stream->object;
    struct job job = {stream->fd.number, out, NULL, len, false};
    int n, rc = weir__leaf_of(task);

    if (rc == 0 && !pipe->reads)
        return WEIR_EBADF;
    while (rc == 0) {
        if (pipe->fresh)
            rc = await(stream, task, &pipe->reader, POLLIN);
        pipe->fresh = false;
        if (rc < 0)
            break;
        n = read_now(pipe, stream->fd.number, out, len);
        if (for_the_pool(pipe, n))
            return by_the_pool(&job);
        if (n != WEIR_EAGAIN)
            return n;
        rc = await(stream, task, &pipe->reader, POLLIN);
    }
    return rc;
}

static int pipe_await_bytes(struct weir__stream *stream, struct weir__task *task)
{
    struct pipe *pipe = stream->object;
    int rc = weir__leaf_of(task);

    if (rc == 0 && !pipe->reads)
        return WEIR_EBADF;
    if (rc < 0 || way_of(pipe) == WAY_FILE)
        return rc;
    rc = await(stream, task, &pipe->reader, POLLIN);
    return rc == WEIR_EPERM ? 0 : rc;
}

static int nap(uint32_t naps)
{
    return weir_sleep(NAP_NS << (naps < NAP_SHIFTS ? naps : NAP_SHIFTS));
}

static ptrdiff_t pipe_write(struct weir__stream *stream, struct weir__task *task, const void *bytes,
                            size_t len)
{
    struct pipe *pipe = stream->object;
    struct job job = {stream->fd.number, NULL, bytes, len, false};
    uint32_t vain = 0;
    int n, rc = weir__leaf_of(task);

    if (rc == 0 && !pipe->writes)
        return WEIR_EBADF;
    while (rc == 0) {
        if (WEIR_ATOMIC_LOAD(&pipe->ended, SEQ_CST))
            return WEIR_EPIPE;
        n = write_now(pipe, stream->fd.number, bytes, len);
        if (for_the_pool(pipe, n))
            return by_the_pool(&job);
        if (n == WEIR_EBADF) /* a shutdown meanwhile, if it was open at all */
            return WEIR_ATOMIC_LOAD(&pipe->ended, SEQ_CST) ? WEIR_EPIPE : n;
        if (n != WEIR_EAGAIN)
            return n;
        rc = await(stream, task, &pipe->writer, POLLOUT);
        if (rc == 0 && ++vain >= VAIN_MAX)
            rc = nap(vain - VAIN_MAX);
    }
    /* what has taken the descriptor's place cannot be waited for */
    return rc == WEIR_EPERM && WEIR_ATOMIC_LOAD(&pipe->ended, SEQ_CST) ? WEIR_EPIPE : rc;
}

/* ---- in a select ---- */

static ptrdiff_t pipe_read_now(struct weir__stream *stream, void *out, size_t len)
{
    struct pipe *pipe = stream->object;
    int n, fd = stream->fd.number;

    if (weir__handle_closed(stream->id))
        return WEIR_ECLOSED;
    if (!pipe->reads)
        return WEIR_EBADF;
    if (pipe->fresh && !ready(fd, POLLIN))
        return WEIR_EAGAIN;
    pipe->fresh = false;
    n = read_now(pipe, fd, out, len);
    return for_the_pool(pipe, n) ? weir__sys_read_now(fd, out, len, false) : n;
}

static ptrdiff_t pipe_write_now(struct weir__stream *stream, const void *bytes, size_t len)
{
    struct pipe *pipe = stream->object;
    int n, fd = stream->fd.number;

    if (weir__handle_closed(stream->id))
        return WEIR_ECLOSED;
    if (!pipe->writes)
        return WEIR_EBADF;
    if (WEIR_ATOMIC_LOAD(&pipe->ended, SEQ_CST))
        return WEIR_EPIPE;
    n = write_now(pipe, fd, bytes, len);
    if (n == WEIR_EBADF && WEIR_ATOMIC_LOAD(&pipe->ended, SEQ_CST))
        return WEIR_EPIPE;
    return for_the_pool(pipe, n) ? weir__sys_write_now(fd, bytes, len, false) : n;
}

/* As a wait of a call: first it says where it waits, then it looks whether there is an end. */
static bool pipe_watch(struct weir__stream *stream, struct weir__case *c, bool writes)
{
    struct pipe *pipe = stream->object;
    struct pipe_end *end = writes ? &pipe->writer : &pipe->reader;

    end->watched = c;
    if (!c)
        return false;
    WEIR_ATOMIC_STORE(&end->loop, c->waiter.task->worker->loop->index, SEQ_CST);
    if (!stopped(stream, end))
        return true;
    end->watched = NULL;
    return false;
}

/* Another file takes the descriptor's place, so that the reader sees the end although somebody may
 * be using the number. */
static int pipe_shutdown(struct weir__stream *stream)
{
    struct pipe *pipe = stream->object;
    int rc, null;

    if (pipe->reads || !pipe->writes)
        return WEIR_ENOTSUP;
    if (WEIR_ATOMIC_LOAD(&pipe->ended, SEQ_CST))
        return 0;
    null = weir__sys_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    if (null < 0)
        return null;
    WEIR_ATOMIC_STORE(&pipe->ended, 1, SEQ_CST);
    end_wait(&pipe->writer, WEIR_EPIPE);
    rc = weir__sys_dup_over(null, stream->fd.number);
    weir__sys_close(null);
    return rc < 0 ? rc : 0;
}

/* A pipe that another program has made may append, which splice refuses. */
static bool fifo_splices(const struct weir__stream *stream, bool writes)
{
    const struct pipe *pipe = stream->object;

    return writes ? pipe->writes && !pipe->appends : pipe->reads;
}

static int fifo_await(struct weir__stream *stream, struct weir__task *task, bool writes)
{
    struct pipe *pipe = stream->object;

    return writes ? await(stream, task, &pipe->writer, POLLOUT)
                  : await(stream, task, &pipe->reader, POLLIN);
}

static void pipe_stop(struct weir__stream *stream)
{
    struct pipe *pipe = stream->object;

    end_wait(&pipe->reader, WEIR_ECLOSED);
    end_wait(&pipe->writer, WEIR_ECLOSED);
}

static void pipe_release(struct weir__stream *stream)
{
    struct pipe *pipe = stream->object;

    if (pipe->at_end)
        pipe->at_end(pipe->at_end_arg, stream->fd.number);
    weir_loop_close(weir__loop_by_index(stream->home), &stream->fd);
    drop(pipe);
}

static const struct weir__stream_kind pipe_kind = {
    .read = pipe_read,
    .await_bytes = pipe_await_bytes,
    .write = pipe_write,
    .read_now = pipe_read_now,
    .write_now = pipe_write_now,
    .watch = pipe_watch,
    .shutdown = pipe_shutdown,
    .stop = pipe_stop,
    .release = pipe_release,
};

static const struct weir__stream_kind fifo_kind = {
    .read = pipe_read,
    .await_bytes = pipe_await_bytes,
    .write = pipe_write,
    .read_now = pipe_read_now,
    .write_now = pipe_write_now,
    .watch = pipe_watch,
    .splices = fifo_splices,
    .await = fifo_await,
    .shutdown = pipe_shutdown,
    .stop = pipe_stop,
    .release = pipe_release,
};

void weir__pipe_at_end(struct weir__stream *stream, void (*end)(void *arg, int fd), void *arg)
{
    struct pipe *pipe = stream->object;

    pipe->at_end = end;
    pipe->at_end_arg = arg;
}

/* ---- making ---- */

uint32_t weir__pipe_system; /* enum weir__pipe_system */

static uint32_t know_system(void)
{
    uint32_t known = WEIR_ATOMIC_LOAD(&weir__pipe_system, RELAXED);
    int fds[2];
    char byte;

    if (known || weir__sys_pipe2(fds, O_NONBLOCK) < 0)
        return known;
    known = weir__sys_read_now(fds[0], &byte, 1, true) == WEIR_EAGAIN ? PIPE_SYSTEM_NOWAIT
                                                                      : PIPE_SYSTEM_REOPENS;
    WEIR_ATOMIC_STORE(&weir__pipe_system, known, RELAXED);
    weir__sys_close(fds[0]);
    weir__sys_close(fds[1]);
    return known;
}

/* The same file by an open file of our own, in non-blocking mode. */
static int open_anew(int fd, int access)
{
    char name[32];

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return weir__sys_openat(AT_FDCWD, name, access | O_NONBLOCK | O_NOCTTY, 0);
}

/* Decides how the descriptor is used, and which: *fd is another one then, and the caller's. */
static int choose_way(struct pipe *pipe, int *fd, mode_t mode, int access, uint32_t flags)
{
    bool fifo = S_ISFIFO(mode);
    int rc;

    if (S_ISREG(mode) || S_ISBLK(mode)) {
        pipe->way = WAY_FILE;
        return 0;
    }
    if (!fifo && !S_ISCHR(mode) && !(flags & WEIR__PIPE_COUNTS))
        return S_ISDIR(mode) ? WEIR_EISDIR : WEIR_ENOTSUP;
    pipe->terminal = S_ISCHR(mode) && weir__terminal_is(*fd);
    pipe->master = pipe->terminal && weir__terminal_is_master(*fd);
    if (flags & WEIR__PIPE_OWN) {
        pipe->way = WAY_PLAIN;
        return weir__sys_set_nonblock(*fd, true);
    }
    pipe->way = WAY_NOWAIT;
    if (pipe->master || (!pipe->terminal && !fifo) || (fifo && know_system() == PIPE_SYSTEM_NOWAIT))
        return 0;
    rc = fifo && know_system() == PIPE_SYSTEM_LOOKS ? WEIR_ENOTSUP : open_anew(*fd, access);
    pipe->way = rc < 0 ? WAY_LOOK : WAY_PLAIN;
    if (rc >= 0)
        *fd = rc;
    return 0;
}

static int describe(struct pipe *pipe, int *fd, uint32_t flags)
{
    struct stat about;
    int mode, rc = weir__sys_fstat(*fd, &about);

    if (rc < 0)
        return rc;
    mode = weir__sys_get_mode(*fd);
    if (mode < 0)
        return mode;
    pipe->refs = 1;
    pipe->reads = (mode & O_ACCMODE) != O_WRONLY;
    pipe->writes = (mode & O_ACCMODE) != O_RDONLY;
    pipe->fifo = S_ISFIFO(about.st_mode);
    pipe->appends = mode & O_APPEND;
    pipe->fresh = flags & WEIR__PIPE_FRESH && S_ISFIFO(about.st_mode);
    pipe->reader.pipe = pipe->writer.pipe = pipe;
    return choose_way(pipe, fd, about.st_mode, mode & O_ACCMODE, flags);
}

int weir__pipe_adopt(struct weir__worker *worker, int fd, uint32_t flags, struct weir__stream **out)
{
    struct pipe *pipe;
    int rc, used = fd;

    if (weir__sim_on()) /* which knows no descriptors */
        return WEIR_ENOTSUP;
    pipe = weir__calloc(1, sizeof *pipe);
    if (!pipe)
        return WEIR_ENOMEM;
    rc = describe(pipe, &used, flags);
    if (rc == 0)
        rc = weir__sys_set_cloexec(used, true);
    if (rc == 0)
        rc = weir__stream_make_other(worker, pipe->fifo ? &fifo_kind : &pipe_kind, pipe, out);
    if (rc < 0) {
        if (used != fd)
            weir__sys_close(used);
        weir__free(pipe);
        return rc;
    }
    if (used != fd)
        weir__sys_close(fd);
    weir_fd_init(&(*out)->fd, used);
    return 0;
}

/* Makes a stream and takes the descriptor in any case. */
static int adopt_or_close(weir_stream *out, int fd, uint32_t flags)
{
    struct weir__stream *stream;
    int rc = weir__pipe_adopt(weir__current_worker(), fd, flags, &stream);

    if (rc == 0)
        out->id = stream->id;
    else
        weir__sys_close(fd);
    return rc;
}

int weir_pipe(weir_stream *reader, weir_stream *writer)
{
    WEIR__CALL;
    weir_stream first = {0}, second = {0};
    int rc, fds[2];

    if (!weir__current_worker())
        return WEIR_ENOTASK;
    rc = weir__sys_pipe2(fds, O_NONBLOCK);
    if (rc < 0)
        return rc;
    rc = adopt_or_close(&first, fds[0], WEIR__PIPE_OWN);
    if (rc < 0) {
        weir__sys_close(fds[1]);
        return rc;
    }
    rc = adopt_or_close(&second, fds[1], WEIR__PIPE_OWN);
    if (rc < 0) {
        weir_close(first);
        return rc;
    }
    *reader = first;
    *writer = second;
    return 0;
}

int weir_pipe_adopt(weir_stream *out, int descriptor)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();
    struct weir__stream *stream;
    int rc;

    if (!worker)
        return WEIR_ENOTASK;
    rc = weir__pipe_adopt(worker, descriptor, 0, &stream);
    if (rc == 0)
        out->id = stream->id;
    return rc;
}

int weir_fifo_open(weir_stream *out, const char *path, enum weir_fifo_mode mode)
{
    WEIR__CALL;
    int fd;

    if (mode != WEIR_FIFO_READ && mode != WEIR_FIFO_WRITE)
        return WEIR_EINVAL;
    if (!weir__current_worker())
        return WEIR_ENOTASK;
    fd = weir__sys_openat(
        AT_FDCWD, path, (mode == WEIR_FIFO_READ ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    return adopt_or_close(out, fd,
                          WEIR__PIPE_OWN | (mode == WEIR_FIFO_READ ? WEIR__PIPE_FRESH : 0));
}

int weir_standard(weir_stream *out, int number)
{
    WEIR__CALL;
    int fd;

    if (number < 0 || number > 2)
        return WEIR_EINVAL;
    if (!weir__current_worker())
        return WEIR_ENOTASK;
    fd = weir__sys_dup(number);
    return fd < 0 ? fd : adopt_or_close(out, fd, 0);
}
