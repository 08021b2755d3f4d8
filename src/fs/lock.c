/* fs/lock.c - locks on files; see <weir/file.h>.
 *
 * A task that has to wait looks again after a while that doubles: the kernel's own wait would hold
 * a thread of the pool, and could not be ended.
 */
#include <weir/time.h>

#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"
#include "task/task.h"

#define WAIT_MIN_NS 250000
#define WAIT_MAX_NS 50000000

struct locking {
    bool whole;
    int type; /* F_RDLCK, ... or LOCK_SH, ... */
    uint64_t offset;
    uint64_t len;
};

static int once(int fd, const struct locking *locking, bool waits)
{
    struct flock lock = {
        .l_type = (short)locking->type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)locking->offset,
        .l_len = (off_t)locking->len,
    };
    int rc;

    if (locking->whole)
        rc = weir__sys_flock(fd, locking->type | (waits ? 0 : LOCK_NB));
    else
        rc = weir__sys_ofd_lock(fd, waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
    return rc == WEIR_EACCES ? WEIR_EAGAIN : rc;
}

static int wait_as_thread(int fd, const struct locking *locking)
{
    int rc;

    do
        rc = once(fd, locking, true);
    while (rc == WEIR_EINTR);
    return rc;
}

static int wait_as_task(int fd, const struct locking *locking)
{
    int64_t wait_ns = WAIT_MIN_NS;
    int rc = weir__leaf();

    if (rc < 0)
        return rc;
    while ((rc = once(fd, locking, false)) == WEIR_EAGAIN) {
        rc = weir_sleep(wait_ns);
        if (rc < 0)
            return rc;
        wait_ns = wait_ns < WAIT_MAX_NS / 2 ? 2 * wait_ns : WAIT_MAX_NS;
    }
    return rc;
}

static int lock_file(weir_file handle, const struct locking *locking, bool waits)
{
    int error = 0, rc;
    struct weir__file *file = weir__file_enter(handle, &error);

    if (!file)
        return error;
    if (!waits)
        rc = once(file->fd, locking, false);
    else
        rc = weir__task_current() ? wait_as_task(file->fd, locking)
                                  : wait_as_thread(file->fd, locking);
    weir__file_leave(file);
    return rc;
}

static int lock_range(weir_file file, int kind, uint64_t offset, uint64_t len, bool waits)
{
    static const int types[] = {
        F_UNLCK,
        [WEIR_FILE_SHARED] = F_RDLCK,
        [WEIR_FILE_EXCLUSIVE_LOCK] = F_WRLCK,
    };
    struct locking locking = {.offset = offset, .len = len};

    if (kind < 0 || kind > WEIR_FILE_EXCLUSIVE_LOCK || offset > INT64_MAX
        || len > INT64_MAX - offset)
        return WEIR_EINVAL;
    locking.type = types[kind];
    return lock_file(file, &locking, waits);
}

static int lock_whole(weir_file file, int kind, bool waits)
{
    static const int types[] = {
        LOCK_UN,
        [WEIR_FILE_SHARED] = LOCK_SH,
        [WEIR_FILE_EXCLUSIVE_LOCK] = LOCK_EX,
    };
    struct locking locking = {.whole = true};

    if (kind < 0 || kind > WEIR_FILE_EXCLUSIVE_LOCK)
        return WEIR_EINVAL;
    locking.type = types[kind];
    return lock_file(file, &locking, waits);
}

int weir_file_lock(weir_file file, enum weir_file_lock kind, uint64_t offset, uint64_t len)
{
    WEIR__CALL;

    return kind ? lock_range(file, (int)kind, offset, len, true) : WEIR_EINVAL;
}

int weir_file_try_lock(weir_file file, enum weir_file_lock kind, uint64_t offset, uint64_t len)
{
    WEIR__CALL;

    return kind ? lock_range(file, (int)kind, offset, len, false) : WEIR_EINVAL;
}

int weir_file_unlock(weir_file file, uint64_t offset, uint64_t len)
{
    WEIR__CALL;

    return lock_range(file, 0, offset, len, false);
}

int weir_file_lock_whole(weir_file file, enum weir_file_lock kind)
{
    WEIR__CALL;

    return kind ? lock_whole(file, (int)kind, true) : WEIR_EINVAL;
}

int weir_file_try_lock_whole(weir_file file, enum weir_file_lock kind)
{
    WEIR__CALL;

    return kind ? lock_whole(file, (int)kind, false) : WEIR_EINVAL;
}

int weir_file_unlock_whole(weir_file file)
{
    WEIR__CALL;

    return lock_whole(file, 0, false);
}
