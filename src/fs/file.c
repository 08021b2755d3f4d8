/* fs/file.c - see <weir/file.h>.
 *
 * The kernel resolves names with RESOLVE_BENEATH. Where it refuses (no openat2, a filter, an
 * absolute link, which may still point inside) the file is first pinned by an O_PATH descriptor,
 * which opens nothing, and /proc tells where it lies; only what lies in the folder is opened then,
 * by the pinned descriptor, so that no rename in between matters.
 *
 * A task asks the kernel first for what it can do from memory (RESOLVE_CACHED, RWF_NOWAIT), and
 * sends to the pool only what it says it would have to wait for; so what is in memory costs no more
 * than by a plain call. A kernel that cannot say is asked plainly, as by a thread.
 */
#include <stdio.h>
#include <string.h>
#include <weir/blocking.h>
#include <weir/file.h>

#include "base/atomic.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/task.h"

enum {
    TRIES_MAX = 8,
    LINK_NAME_MAX = 32,
    PLACE_MAX = 1536, /* of the folder's and a file's own path: longer ones are refused */
};

/* O_NONBLOCK: the open of a FIFO does not wait. */
#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

int weir_file_folder(const char *path)
{
    return weir__sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
}

static void link_name(int fd, char out[LINK_NAME_MAX])
{
    snprintf(out, LINK_NAME_MAX, "/proc/self/fd/%d", fd);
}

/* Where the descriptor's file lies now: the length, or an error. */
static int place_of(int fd, char out[PLACE_MAX])
{
    char name[LINK_NAME_MAX];
    int len;

    link_name(fd, name);
    len = weir__sys_readlink(name, out, PLACE_MAX);
    return len == PLACE_MAX ? WEIR_EACCES : len;
}

/* 0 if what is pinned lies in the folder. */
static int check_below(int folder, int pinned)
{
    char root[PLACE_MAX], place[PLACE_MAX];
    int root_len = place_of(folder, root);
    int len = place_of(pinned, place);

    if (root_len < 0 || len < 0)
        return WEIR_EACCES;
    if (root_len == 1) /* "/" has everything below it */
        return 0;
    if (len < root_len || memcmp(root, place, (size_t)root_len) != 0)
        return WEIR_EACCES;
    return len == root_len || place[root_len] == '/' ? 0 : WEIR_EACCES;
}

static int open_pinned(int folder, const char *path)
{
    char name[LINK_NAME_MAX];
    int rc, pinned = weir__sys_openat(folder, path, O_PATH, 0);

    if (pinned < 0)
        return pinned;
    rc = check_below(folder, pinned);
    if (rc == 0) {
        link_name(pinned, name);
        rc = weir__sys_openat(AT_FDCWD, name, READ_FLAGS, 0);
    }
    weir__sys_close(pinned);
    return rc;
}

static int open_below(int folder, const char *path)
{
    int rc, tries = 0;

    do {
        rc = weir__sys_openat2(folder, path, READ_FLAGS, 0,
                               WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_NO_MAGICLINKS);
    } while (rc == WEIR_EAGAIN && ++tries < TRIES_MAX); /* a rename raced */
    if (rc == -EXDEV) { /* whether it exists outside is nobody's business */
        rc = open_pinned(folder, path);
        return rc == WEIR_ENOENT || rc == WEIR_ENOTDIR ? WEIR_EACCES : rc;
    }
    if (rc == WEIR_ENOSYS || rc == WEIR_EPERM || rc == WEIR_EAGAIN)
        return open_pinned(folder, path);
    return rc;
}

static uint32_t kind_of(mode_t mode)
{
    return S_ISREG(mode) ? WEIR_FILE_REGULAR : S_ISDIR(mode) ? WEIR_FILE_FOLDER : WEIR_FILE_OTHER;
}

/* The descriptor with its facts, or an error. */
static int describe(int fd, struct weir_file_facts *facts)
{
    struct stat about;
    int rc;

    if (fd < 0)
        return fd == -ENXIO ? WEIR_EACCES : fd; /* a socket, or a device without a driver */
    rc = weir__sys_fstat(fd, &about);
    if (rc < 0) {
        weir__sys_close(fd);
        return rc;
    }
    *facts = (struct weir_file_facts){
        .size = (uint64_t)about.st_size,
        .modified_ns = about.st_mtim.tv_sec * INT64_C(1000000000) + about.st_mtim.tv_nsec,
        .inode = about.st_ino,
        .device = about.st_dev,
        .kind = kind_of(about.st_mode),
    };
    return fd;
}

/* ---- in memory, or on the pool ---- */

struct opening {
    int folder;
    const char *path;
    struct weir_file_facts *facts;
    bool begun;
};

static int open_on_pool(void *arg)
{
    struct opening *opening = arg;

    opening->begun = true;
    return describe(open_below(opening->folder, opening->path), opening->facts);
}

static uint32_t cached_unknown; /* to this kernel, or refused; partner: open_from_memory */

/* Whether such an error was the file's own: the kernel has said something about the folder. */
static bool knows_cached(int folder)
{
    int fd = weir__sys_openat2(folder, ".", O_PATH, 0, WEIR__RESOLVE_CACHED);

    if (fd >= 0)
        weir__sys_close(fd);
    return fd >= 0 || fd == WEIR_EAGAIN;
}

/* WEIR_EAGAIN: not without waiting. WEIR_ENOSYS: the kernel does not say. */
static int open_from_memory(int folder, const char *path)
{
    int rc;

    if (WEIR_ATOMIC_LOAD(&cached_unknown, RELAXED))
        return WEIR_ENOSYS;
    rc = weir__sys_openat2(folder, path, READ_FLAGS, 0,
                           WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_NO_MAGICLINKS
                               | WEIR__RESOLVE_CACHED);
    if ((rc == WEIR_ENOSYS || rc == WEIR_EPERM || rc == WEIR_EINVAL) && !knows_cached(folder)) {
        WEIR_ATOMIC_STORE(&cached_unknown, 1, RELAXED);
        return WEIR_ENOSYS;
    }
    return rc == -EXDEV ? WEIR_EAGAIN : rc;
}

/* What a call that may suspend begins with: WEIR_EAGAIN for a task, WEIR_ENOSYS for a thread, which
 * waits itself; or why the task may not wait. */
static int begin(void)
{
    struct weir__task *task = weir__task_current();
    int rc = task ? weir__leaf() : WEIR_ENOSYS;

    return rc == 0 ? WEIR_EAGAIN : rc;
}

/* A pool that has no thread to give is done without. */
static bool pool_refused(int rc, bool begun)
{
    return !begun && (rc == WEIR_EAGAIN || rc == WEIR_ENOMEM);
}

int weir_file_open_below(int folder, const char *path, struct weir_file_facts *facts)
{
    WEIR__CALL;
    struct opening opening = {folder, path[0] ? path : ".", facts, false};
    int rc = begin();

    if (path[0] == '/')
        return WEIR_EACCES;
    if (rc == WEIR_EAGAIN)
        rc = open_from_memory(folder, opening.path);
    if (rc == WEIR_EAGAIN) {
        rc = weir_blocking_in(WEIR_BLOCKING_FILES, open_on_pool, &opening);
        return pool_refused(rc, opening.begun) ? open_on_pool(&opening) : rc;
    }
    return rc == WEIR_ENOSYS ? open_on_pool(&opening) : describe(rc, facts);
}

struct reading {
    int file;
    void *out;
    size_t len;
    off_t offset;
    bool begun;
};

static int read_on_pool(void *arg)
{
    struct reading *reading = arg;

    reading->begun = true;
    return weir__sys_pread(reading->file, reading->out, reading->len, reading->offset);
}

ptrdiff_t weir_file_read_at(int file, void *out, size_t len, uint64_t offset)
{
    WEIR__CALL;
    struct reading reading = {file, out, len, (off_t)offset, false};
    int rc;

    if (len == 0 || len > INT32_MAX || offset > INT64_MAX)
        return WEIR_EINVAL;
    rc = begin();
    if (rc == WEIR_EAGAIN)
        rc = weir__sys_pread_nowait(file, out, len, (off_t)offset);
    if (rc == WEIR_EAGAIN) {
        rc = weir_blocking_in(WEIR_BLOCKING_FILES, read_on_pool, &reading);
        return pool_refused(rc, reading.begun) ? read_on_pool(&reading) : rc;
    }
    return rc == WEIR_ENOTSUP || rc == WEIR_ENOSYS ? read_on_pool(&reading) : rc;
}

void weir_file_close(int file)
{
    if (file >= 0)
        weir__sys_close(file);
}
