/* fs/file.c - opening, closing, reading and writing; see <weir/file.h>.
 *
 * A task asks the kernel first for what it can do from memory (RESOLVE_CACHED, RWF_NOWAIT): what is
 * in memory costs no more than by a plain call, and no turn of the loop. What the kernel would have
 * to wait for is made an operation. A kernel that cannot say is not asked.
 */
#include "fs/file.h"

#include "core/handle.h"
#include "core/loop.h"
#include "core/pool.h"
#include "sys/current.h"
#include "sys/disk.h"
#include "task/runtime.h"
#include "task/worker.h"

#define PARTS_MAX 1024

static struct weir__pool files = WEIR__POOL(struct weir__file);

/* ---- life ---- */

int weir__file_make(int fd, bool directory, uint32_t flags, uint64_t *id)
{
    struct weir__file *file = weir__pool_take(&files);
    int rc;

    if (!file)
        return WEIR_ENOMEM;
    *file = (struct weir__file){
        .fd = fd, .direct = flags & WEIR_FILE_DIRECT, .no_wait = flags & WEIR_FILE_NO_WAIT};
    rc = weir__handle_make(directory ? WEIR__KIND_DIR : WEIR__KIND_FILE, file, &file->id);
    if (rc < 0) {
        weir__pool_give(&files, file);
        return rc;
    }
    *id = file->id;
    return 0;
}

static void release(struct weir__file *file)
{
    if (!file->told)
        weir__sys_close(file->fd);
    weir__handle_free(file->id);
    weir__pool_give(&files, file);
}

struct weir__file *weir__file_enter(weir_file handle, int *error)
{
    return weir__handle_enter(handle.id, WEIR__KIND_FILE, 0, error);
}

void weir__file_leave(struct weir__file *file)
{
    if (weir__handle_leave(file->id, 0))
        release(file);
}

int weir__place_enter(struct weir__place *place, weir_dir dir)
{
    int error = 0;

    *place = (struct weir__place){NULL, AT_FDCWD};
    if (dir.id == weir_cwd().id) {
        place->fd = weir__volume_cwd();
        return 0;
    }
    place->dir = weir__handle_enter(dir.id, WEIR__KIND_DIR, 0, &error);
    if (!place->dir)
        return error;
    place->fd = place->dir->fd;
    return 0;
}

void weir__place_leave(struct weir__place *place)
{
    if (place->dir)
        weir__file_leave(place->dir);
}

static void close_handle(uint64_t id, enum weir__handle_kind kind)
{
    uint32_t in_use;
    void *object;

    if (weir__handle_close(id, kind, &in_use, &object) == 1 && in_use == 0)
        release(object);
}

void weir_file_close(weir_file handle)
{
    WEIR__CALL;

    close_handle(handle.id, WEIR__KIND_FILE);
}

void weir_dir_close(weir_dir handle)
{
    WEIR__CALL;

    close_handle(handle.id, WEIR__KIND_DIR);
}

/* ---- making calls ---- */

int weir__file_begin(void)
{
    struct weir__task *task = weir__task_current();
    int rc = task ? weir__leaf() : WEIR_ENOSYS;

    return rc == 0 ? WEIR_EAGAIN : rc;
}

/* The ring gives a stat to a thread: 1.4 us with 64 of them on their way, 2.1 with 16, 5.3 alone.
 * To find out whether it is in memory, and then to make a plain call, takes 2.3. */
#define BATCH_MIN 12

bool weir__file_batches(void)
{
    const struct weir__task *task = weir__task_current();
    const struct weir__worker *worker = task ? task->worker : NULL;

    return worker && worker->loop->backend == &weir__backend_uring
           && worker->loop->pending[WEIR_OP_CALL] + weir__sched_queued(&worker->run) >= BATCH_MIN;
}

int weir__file_await(struct weir__call *call)
{
    struct weir__task *task = weir__task_current();
    struct weir__runtime *held;
    int rc;

    if (!task)
        return call->run(call);
    held = weir__runtime_advance(task->runtime)->on ? task->runtime : NULL;
    if (held)
        weir__advance_hold(held);
    weir__op_call(&task->op, call);
    rc = weir__task_await(task, &task->op);
    if (held)
        weir__advance_release(held);
    return rc;
}

int weir__file_await_on(weir_file handle, struct weir__call *call)
{
    int error = 0, rc;
    struct weir__file *file = weir__file_enter(handle, &error);

    if (!file)
        return error;
    call->fd = file->fd;
    rc = weir__file_await(call);
    weir__file_leave(file);
    return rc;
}

int weir__file_await_at(weir_dir dir, struct weir__call *call)
{
    struct weir__place place;
    int rc = weir__place_enter(&place, dir);

    if (rc < 0)
        return rc;
    call->fd = place.fd;
    rc = weir__file_await(call);
    weir__place_leave(&place);
    return rc;
}

int weir__file_await_surely(struct weir__call *call)
{
    weir_block block;
    int rc;

    if (!weir__task_current())
        return call->run(call);
    if (weir_shield_begin(&block, WEIR_FOREVER) < 0)
        return call->run(call);
    rc = weir__file_await(call);
    if (rc == WEIR_ELIMIT) /* the pool is full */
        rc = call->run(call);
    (void)weir_block_end(&block);
    return rc;
}

/* ---- opening and closing ---- */

int weir_file_open(weir_file *out, weir_dir dir, const char *path, uint32_t flags, uint32_t mode)
{
    WEIR__CALL;
    struct weir__place place;
    int rc, fd = weir__place_enter(&place, dir);

    if (fd < 0)
        return fd;
    fd = weir__file_open(place.fd, path, flags, 0, mode);
    weir__place_leave(&place);
    if (fd < 0)
        return fd;
    rc = weir__file_make(fd, false, flags, &out->id);
    if (rc < 0)
        weir__sys_close(fd);
    return rc;
}

int weir_dir_open(weir_dir *out, weir_dir dir, const char *path, uint32_t flags)
{
    WEIR__CALL;
    const uint32_t known = WEIR_FILE_NO_FOLLOW | WEIR_FILE_BENEATH | WEIR_FILE_IN_ROOT
                           | WEIR_FILE_NO_LINKS | WEIR_FILE_NO_CROSSING;
    struct weir__place place;
    int rc, fd = flags & ~known ? WEIR_EINVAL : weir__place_enter(&place, dir);

    if (fd < 0)
        return fd;
    fd = weir__file_open(place.fd, path, flags, O_DIRECTORY, 0);
    weir__place_leave(&place);
    if (fd < 0)
        return fd;
    rc = weir__file_make(fd, true, 0, &out->id);
    if (rc < 0)
        weir__sys_close(fd);
    return rc;
}

int weir_file_adopt(weir_file *out, int descriptor)
{
    WEIR__CALL;
    int rc = weir__sys_set_cloexec(descriptor, true);

    return rc < 0 ? rc : weir__file_make(descriptor, false, WEIR_FILE_NO_WAIT, &out->id);
}

int weir_file_close_wait(weir_file handle)
{
    WEIR__CALL;
    struct weir__file *file;
    struct weir__call call;
    uint32_t in_use;
    void *object;
    int rc;

    if (weir__handle_close(handle.id, WEIR__KIND_FILE, &in_use, &object) != 1)
        return 0;
    if (in_use)
        return WEIR_EBUSY;
    file = object;
    weir__file_op_close(&call, file->fd);
    rc = weir__file_await_surely(&call);
    file->told = true;
    release(file);
    return rc == WEIR_EINTR ? 0 : rc;
}

static int descriptor_of(uint64_t id, enum weir__handle_kind kind)
{
    int fd, error = 0;
    struct weir__file *file = weir__handle_enter(id, kind, 0, &error);

    if (!file)
        return error;
    fd = file->fd;
    weir__file_leave(file);
    return fd;
}

int weir_file_descriptor(weir_file file)
{
    WEIR__CALL;

    return descriptor_of(file.id, WEIR__KIND_FILE);
}

int weir_dir_descriptor(weir_dir dir)
{
    WEIR__CALL;

    return descriptor_of(dir.id, WEIR__KIND_DIR);
}

/* ---- reading and writing ---- */

/* Whether a read or write may wait for something that is no disk. */
static bool may_hang(struct weir__file *file)
{
    uint32_t nature = WEIR_ATOMIC_LOAD(&file->nature, RELAXED);
    struct stat about;

    if (nature == FILE_UNKNOWN) {
        bool on_disk =
            weir__sys_fstat(file->fd, &about) == 0
            && (S_ISREG(about.st_mode) || S_ISBLK(about.st_mode) || S_ISDIR(about.st_mode));

        nature = on_disk ? FILE_ON_DISK : FILE_MAY_HANG;
        WEIR_ATOMIC_STORE(&file->nature, nature, RELAXED);
        if (!on_disk && !file->no_wait) /* it may have been opened so, see resolve.c */
            (void)weir__sys_set_nonblock(file->fd, false);
    }
    return nature == FILE_MAY_HANG;
}

/* From memory: WEIR_EAGAIN if it has to wait, or nobody knows. */
static int read_from_memory(struct weir__file *file, const struct iovec *parts, int count,
                            uint64_t offset)
{
    int rc;

    if (file->direct)
        return WEIR_EAGAIN;
    rc = weir__sys_preadv2(file->fd, parts, count, (off_t)offset, RWF_NOWAIT);
    return rc == WEIR_ENOTSUP || rc == WEIR_ENOSYS ? WEIR_EAGAIN : rc;
}

static int run_again(struct weir__call *call)
{
    return weir__file_run(call->data);
}

/* The ring does not wait for a file that was opened with O_NONBLOCK, if the file system cannot say
 * what is in memory. */
static int transfer_by_pool(struct weir__call *refused)
{
    struct weir__call call;

    weir__file_op_other(&call, run_again);
    call.data = refused;
    return weir__file_await(&call);
}

static ptrdiff_t transfer(weir_file handle, enum weir__call_code code, const struct iovec *parts,
                          size_t count, uint64_t offset)
{
    bool reads = code == WEIR__CALL_READ || code == WEIR__CALL_READV;
    bool vectored = code == WEIR__CALL_READV || code == WEIR__CALL_WRITEV;
    struct weir__file *file;
    struct weir__call call;
    int error = 0, rc;

    file = weir__file_enter(handle, &error);
    if (!file)
        return error;
    rc = weir__file_begin();
    if (rc == WEIR_EAGAIN && reads)
        rc = read_from_memory(file, parts, (int)count, offset);
    if (rc == WEIR_EAGAIN || rc == WEIR_ENOSYS) {
        if (vectored)
            weir__file_op_readv(&call, file->fd, parts, count, offset);
        else
            weir__file_op_read(&call, file->fd, parts->iov_base, parts->iov_len, offset);
        call.code = (uint8_t)code;
        call.may_hang = may_hang(file);
        rc = weir__file_await(&call);
        if (rc == WEIR_EAGAIN && !call.may_hang)
            rc = transfer_by_pool(&call);
    }
    weir__file_leave(file);
    return rc;
}

static ptrdiff_t transfer_one(weir_file file, enum weir__call_code code, const void *bytes,
                              size_t len, uint64_t offset)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};

    return len == 0 || len > INT32_MAX ? WEIR_EINVAL : transfer(file, code, &part, 1, offset);
}

ptrdiff_t weir_file_read_at(weir_file file, void *out, size_t len, uint64_t offset)
{
    WEIR__CALL;

    return offset > INT64_MAX ? WEIR_EINVAL : transfer_one(file, WEIR__CALL_READ, out, len, offset);
}

ptrdiff_t weir_file_write_at(weir_file file, const void *bytes, size_t len, uint64_t offset)
{
    WEIR__CALL;

    return offset > INT64_MAX ? WEIR_EINVAL
                              : transfer_one(file, WEIR__CALL_WRITE, bytes, len, offset);
}

ptrdiff_t weir_file_read(weir_file file, void *out, size_t len)
{
    WEIR__CALL;

    return transfer_one(file, WEIR__CALL_READ, out, len, WEIR__OFFSET_OWN);
}

ptrdiff_t weir_file_write(weir_file file, const void *bytes, size_t len)
{
    WEIR__CALL;

    return transfer_one(file, WEIR__CALL_WRITE, bytes, len, WEIR__OFFSET_OWN);
}

static bool parts_valid(const struct iovec *parts, size_t count, uint64_t offset)
{
    size_t i, sum = 0;

    if (count == 0 || count > PARTS_MAX || offset > INT64_MAX)
        return false;
    for (i = 0; i < count; i++) {
        if (parts[i].iov_len > INT32_MAX - sum)
            return false;
        sum += parts[i].iov_len;
    }
    return sum > 0;
}

ptrdiff_t weir_file_readv_at(weir_file file, const struct iovec *parts, size_t count,
                             uint64_t offset)
{
    WEIR__CALL;

    return parts_valid(parts, count, offset)
               ? transfer(file, WEIR__CALL_READV, parts, count, offset)
               : WEIR_EINVAL;
}

ptrdiff_t weir_file_writev_at(weir_file file, const struct iovec *parts, size_t count,
                              uint64_t offset)
{
    WEIR__CALL;

    return parts_valid(parts, count, offset)
               ? transfer(file, WEIR__CALL_WRITEV, parts, count, offset)
               : WEIR_EINVAL;
}

#define PIECE (1u << 30) /* of a long transfer */

/* Everything: 0, or why not. */
static int transfer_all(weir_file file, enum weir__call_code code, const void *bytes, size_t len,
                        uint64_t offset)
{
    const char *at = bytes;

    if (offset > INT64_MAX || len > INT64_MAX - offset)
        return WEIR_EINVAL;
    if (len == 0) {
        int fd = descriptor_of(file.id, WEIR__KIND_FILE);

        return fd < 0 ? fd : 0;
    }
    while (len) {
        ptrdiff_t n = transfer_one(file, code, at, len < PIECE ? len : PIECE, offset);

        if (n <= 0)
            return n < 0 ? (int)n : code == WEIR__CALL_READ ? WEIR_EEOF : WEIR_EIO;
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int weir_file_read_exactly(weir_file file, void *out, size_t len, uint64_t offset)
{
    WEIR__CALL;

    return transfer_all(file, WEIR__CALL_READ, out, len, offset);
}

int weir_file_write_all(weir_file file, const void *bytes, size_t len, uint64_t offset)
{
    WEIR__CALL;

    return transfer_all(file, WEIR__CALL_WRITE, bytes, len, offset);
}
