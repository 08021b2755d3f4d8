/* fs/resolve.c - paths that may not lead everywhere.
 *
 * The kernel resolves them (openat2). Where it refuses (no such call, a filter, an absolute link,
 * which may still point inside) two ways are left. For a read below a directory the file is first
 * pinned by an O_PATH descriptor, which opens nothing, and /proc tells where it lies; only what
 * lies in the directory is opened then, by the pinned descriptor, so that no rename in between
 * matters. For everything else the path is walked, one name after the other: then ".." and symbolic
 * links are refused altogether.
 */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "fs/file.h"
#include "sys/disk.h"

enum {
    TRIES_MAX = 8,
    LINK_NAME_MAX = 32,
    PLACE_MAX = 1536,    /* of the directory's and a file's own path: longer ones are refused */
    LOOK_MIN_NS = 50000, /* between two looks for the writer of a FIFO */
    LOOK_MAX_NS = 20000000
};

#define RESOLVE_FLAGS                                                                              \
    (WEIR_FILE_BENEATH | WEIR_FILE_IN_ROOT | WEIR_FILE_NO_LINKS | WEIR_FILE_NO_CROSSING)

int weir__file_flags(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        int as;
    } table[] = {
        {WEIR_FILE_WRITE, O_WRONLY},       {WEIR_FILE_READ_WRITE, O_RDWR},
        {WEIR_FILE_APPEND, O_APPEND},      {WEIR_FILE_CREATE, O_CREAT},
        {WEIR_FILE_EXCLUSIVE, O_EXCL},     {WEIR_FILE_TRUNCATE, O_TRUNC},
        {WEIR_FILE_DIRECT, O_DIRECT},      {WEIR_FILE_SYNC, O_SYNC},
        {WEIR_FILE_DATA_SYNC, O_DSYNC},    {WEIR_FILE_NAMELESS, O_TMPFILE},
        {WEIR_FILE_NO_FOLLOW, O_NOFOLLOW}, {WEIR_FILE_NO_WAIT, O_NONBLOCK},
    };
    const uint32_t both = WEIR_FILE_WRITE | WEIR_FILE_READ_WRITE;
    uint32_t left = flags & ~(uint32_t)RESOLVE_FLAGS;
    int as = O_NOCTTY;
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        if (flags & table[i].flag)
            as |= table[i].as;
        left &= ~table[i].flag;
    }
    if (left || (flags & both) == both
        || (flags & (WEIR_FILE_BENEATH | WEIR_FILE_IN_ROOT))
               == (WEIR_FILE_BENEATH | WEIR_FILE_IN_ROOT))
        return WEIR_EINVAL;
    if ((flags & (WEIR_FILE_TRUNCATE | WEIR_FILE_NAMELESS | WEIR_FILE_APPEND)) && !(flags & both))
        return WEIR_EINVAL;
    if ((flags & WEIR_FILE_EXCLUSIVE) && !(flags & (WEIR_FILE_CREATE | WEIR_FILE_NAMELESS)))
        return WEIR_EINVAL;
    return as;
}

static uint64_t resolve_bits(uint32_t flags)
{
    uint64_t bits = 0;

    if (flags & WEIR_FILE_BENEATH)
        bits |= WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_NO_MAGICLINKS;
    if (flags & WEIR_FILE_IN_ROOT)
        bits |= WEIR__RESOLVE_IN_ROOT | WEIR__RESOLVE_NO_MAGICLINKS;
    if (flags & WEIR_FILE_NO_LINKS)
        bits |= WEIR__RESOLVE_NO_SYMLINKS;
    if (flags & WEIR_FILE_NO_CROSSING)
        bits |= WEIR__RESOLVE_NO_XDEV;
    return bits;
}

/* ---- by a pinned file ---- */

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

/* 0 if what is pinned lies in the directory. */
static int check_below(int dir, int pinned)
{
    char root[PLACE_MAX], place[PLACE_MAX];
    int root_len = place_of(dir, root);
    int len = place_of(pinned, place);

    if (root_len < 0 || len < 0)
        return WEIR_EACCES;
    if (root_len == 1) /* "/" has everything below it */
        return 0;
    if (len < root_len || memcmp(root, place, (size_t)root_len) != 0)
        return WEIR_EACCES;
    return len == root_len || place[root_len] == '/' ? 0 : WEIR_EACCES;
}

static int open_pinned(int dir, const char *path, int flags)
{
    char name[LINK_NAME_MAX];
    int rc, pinned = weir__sys_openat(dir, path, O_PATH | (flags & O_NOFOLLOW), 0);

    if (pinned < 0)
        return pinned;
    rc = check_below(dir, pinned);
    if (rc == 0) {
        link_name(pinned, name);
        rc = weir__sys_openat(AT_FDCWD, name, flags & ~O_NOFOLLOW, 0);
    }
    weir__sys_close(pinned);
    return rc;
}

/* ---- by a walk ---- */

static int same_device(int a, int b)
{
    struct stat at_a, at_b;
    int rc = weir__sys_fstatat(a, "", &at_a, AT_EMPTY_PATH); /* it may be AT_FDCWD */

    if (rc == 0)
        rc = weir__sys_fstat(b, &at_b);
    return rc < 0 ? rc : at_a.st_dev == at_b.st_dev ? 0 : WEIR_EACCES;
}

/* The next name of a path, copied: its length, 0 at the end, or an error. */
static int next_name(const char **path, char out[NAME_MAX + 1])
{
    size_t len;

    while (**path == '/')
        (*path)++;
    len = strcspn(*path, "/");
    if (len > NAME_MAX)
        return WEIR_ENAMETOOLONG;
    memcpy(out, *path, len);
    out[len] = '\0';
    *path += len;
    return strcmp(out, "..") == 0 ? WEIR_EACCES : (int)len;
}

static int step(int at, const char *name, int flags, const struct weir__open_how *how, int dir)
{
    int rc, next = weir__sys_openat(at, name, flags | O_NOFOLLOW, (unsigned)how->mode);

    if (next < 0 || !(how->resolve & WEIR__RESOLVE_NO_XDEV))
        return next;
    rc = same_device(dir, next);
    if (rc == 0)
        return next;
    weir__sys_close(next);
    return rc;
}

static int open_walking(int dir, const char *path, const struct weir__open_how *how)
{
    char name[NAME_MAX + 1];
    int at = dir, next = WEIR_ENOENT, len;

    if (path[0] == '/' && !(how->resolve & WEIR__RESOLVE_IN_ROOT))
        return WEIR_EACCES;
    while ((len = next_name(&path, name)) > 0) {
        bool last = path[strspn(path, "/")] == '\0';

        next = step(at, name, last ? (int)how->flags : O_PATH | O_DIRECTORY, how, dir);
        if (at != dir)
            weir__sys_close(at);
        if (next < 0 || last)
            return next;
        at = next;
    }
    if (at != dir)
        weir__sys_close(at);
    return len < 0 ? len : next;
}

int weir__file_resolve(int dir, const char *path, const struct weir__open_how *how)
{
    const uint64_t restricts = WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_IN_ROOT
                               | WEIR__RESOLVE_NO_SYMLINKS | WEIR__RESOLVE_NO_XDEV;
    const uint64_t below = WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_NO_MAGICLINKS;
    const uint64_t makes = O_CREAT | O_TRUNC | O_TMPFILE;

    if (!(how->resolve & restricts))
        return weir__sys_openat(dir, path, (int)how->flags, (unsigned)how->mode);
    if ((how->resolve & ~(uint64_t)WEIR__RESOLVE_CACHED) == below
        && !(how->flags & (makes & ~(uint64_t)O_DIRECTORY)))
        return open_pinned(dir, path, (int)how->flags);
    return open_walking(dir, path, how);
}

/* ---- opening ---- */

struct opening {
    int dir;
    const char *path;
    struct weir__open_how how;
};

static int resolve(struct weir__call *call)
{
    const struct opening *opening = call->data;

    return weir__file_resolve(opening->dir, opening->path, &opening->how);
}

static int await_resolve(struct opening *opening)
{
    struct weir__call call;

    weir__file_op_other(&call, resolve);
    call.data = opening;
    return weir__file_await(&call);
}

static uint32_t cached_unknown; /* to this kernel, or refused; partner: open_from_memory */

/* Whether such an error was the file's own: the kernel has said something about the directory. */
static bool knows_cached(int dir)
{
    int fd = weir__sys_openat2(dir, ".", O_PATH, 0, WEIR__RESOLVE_CACHED);

    if (fd >= 0)
        weir__sys_close(fd);
    return fd >= 0 || fd == WEIR_EAGAIN;
}

/* WEIR_EAGAIN: not without waiting. */
static int open_from_memory(const struct opening *opening)
{
    int rc;

    if (WEIR_ATOMIC_LOAD(&cached_unknown, RELAXED)
        || (opening->how.flags & (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))))
        return WEIR_EAGAIN;
    /* a name that is in memory may be that of a FIFO, whose open waits all the same */
    rc =
        weir__sys_openat2(opening->dir, opening->path, (int)opening->how.flags | O_NONBLOCK,
                          (unsigned)opening->how.mode, opening->how.resolve | WEIR__RESOLVE_CACHED);
    if ((rc == WEIR_ENOSYS || rc == WEIR_EPERM || rc == WEIR_EINVAL)
        && !knows_cached(opening->dir)) {
        WEIR_ATOMIC_STORE(&cached_unknown, 1, RELAXED);
        return WEIR_EAGAIN;
    }
    return rc;
}

/* By the kernel, in whatever way is left. */
static int open_slowly(struct opening *opening)
{
    struct weir__call call;
    int rc, tries = 0;

    do {
        weir__file_op_open(&call, opening->dir, opening->path, &opening->how);
        call.may_hang = true; /* a FIFO waits for its other end */
        rc = weir__file_await(&call);
    } while (rc == WEIR_EAGAIN && opening->how.resolve && ++tries < TRIES_MAX); /* a rename raced */
    return rc;
}

/* Whether what was opened without waiting should have been waited for. Regular files and
 * directories do not mind O_NONBLOCK, and keep it. */
static bool should_wait(const struct opening *opening, int fd)
{
    return !(opening->how.flags & (O_NONBLOCK | O_DIRECTORY))
           && weir__sys_lseek(fd, 0, SEEK_CUR) == WEIR_ESPIPE;
}

/* Whether somebody writes to a FIFO that was opened for reading, or has: 1, 0, or an error. Tee
 * leaves what it finds where it is. */
static int has_writer(int fd, const int spare[2])
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int rc = weir__sys_poll(&poll_fd, 1, 0);

    if (rc == 0)
        rc = weir__sys_tee_now(fd, spare[1], 1);
    return rc == WEIR_EAGAIN ? 1 : rc < 0 ? rc : rc > 0;
}

static int await_writer(int fd)
{
    int64_t wait_ns = LOOK_MIN_NS;
    int spare[2], rc = weir__sys_pipe2(spare, 0);

    if (rc < 0)
        return rc;
    while ((rc = has_writer(fd, spare)) == 0) {
        rc = weir_sleep(wait_ns);
        if (rc < 0)
            break;
        wait_ns = wait_ns < LOOK_MAX_NS / 2 ? 2 * wait_ns : LOOK_MAX_NS;
    }
    weir__sys_close(spare[0]);
    weir__sys_close(spare[1]);
    return rc < 0 ? rc : 0;
}

/* Waits for what was opened without waiting, and gives it or another descriptor. Who writes to a
 * FIFO has its other end then. For the writer of one that is read the task looks again and again: a
 * second open would miss one that has come, written and gone before it. */
static int open_waiting(struct opening *opening, int first)
{
    struct stat about;
    int rc = weir__sys_fstat(first, &about);

    if (rc == 0 && !S_ISFIFO(about.st_mode)) {
        rc = open_slowly(opening);
        weir__sys_close(first);
        return rc;
    }
    if (rc == 0 && (opening->how.flags & O_ACCMODE) == O_RDONLY)
        rc = await_writer(first);
    if (rc == 0)
        rc = weir__sys_set_nonblock(first, false);
    if (rc < 0)
        weir__sys_close(first);
    return rc < 0 ? rc : first;
}

int weir__file_open(int dir, const char *path, uint32_t flags, uint32_t extra, uint32_t mode)
{
    struct opening opening = {.dir = dir, .path = path};
    int rc, as = weir__file_flags(flags);
    bool makes = flags & (WEIR_FILE_CREATE | WEIR_FILE_NAMELESS);

    if (as < 0 || mode > 07777)
        return WEIR_EINVAL;
    opening.how.flags = (uint32_t)as | extra | O_CLOEXEC;
    opening.how.mode = makes ? (mode ? mode : 0666) : 0;
    opening.how.resolve = resolve_bits(flags);
    rc = weir__file_begin();
    if (rc == WEIR_EAGAIN)
        rc = open_from_memory(&opening);
    else if (rc == WEIR_ENOSYS)
        rc = WEIR_EAGAIN;
    if (rc == WEIR_EAGAIN || rc == WEIR_ENXIO)
        rc = open_slowly(&opening);
    else if (rc >= 0 && should_wait(&opening, rc))
        rc = open_waiting(&opening, rc);
    if (rc == WEIR_EXDEV && (flags & RESOLVE_FLAGS)) {
        if ((flags & WEIR_FILE_BENEATH) && !makes)
            rc = await_resolve(&opening);
        /* whether it exists outside is nobody's business */
        return rc == WEIR_EXDEV || rc == WEIR_ENOENT || rc == WEIR_ENOTDIR ? WEIR_EACCES : rc;
    }
    return rc == WEIR_ENOSYS || (rc == WEIR_EPERM && !makes) ? await_resolve(&opening) : rc;
}
