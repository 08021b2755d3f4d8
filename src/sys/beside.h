/* sys/beside.h - the system calls of libraries beside libweir, which cannot reach its own.
 *
 * All are static inline, return what the call returns or a negative code, and are close-on-exec.
 * None has a fault. Any thread.
 */
#ifndef WEIR_SYS_BESIDE_H
#define WEIR_SYS_BESIDE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weir/error.h>

/* ---- a set of descriptors that is one descriptor, readable while one of them is ready ---- */

static inline int weir__beside_set_create(void)
{
    int set = epoll_create1(EPOLL_CLOEXEC);

    return set < 0 ? -errno : set;
}

/* Watches a descriptor, level-triggered; not at all with neither. A closed one leaves by itself. */
static inline int weir__beside_set_watch(int set, int fd, bool read, bool write)
{
    struct epoll_event event = {.events = (read ? EPOLLIN : 0u) | (write ? EPOLLOUT : 0u),
                                .data.fd = fd};
    int rc;

    if (!read && !write)
        return epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
    rc = epoll_ctl(set, EPOLL_CTL_MOD, fd, &event);
    if (rc < 0 && errno == ENOENT)
        rc = epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    return rc < 0 ? -errno : 0;
}

/* One that is ready. */
struct weir__beside_ready {
    int fd;
    bool read, write; /* both after an error */
};

enum {
    WEIR__BESIDE_READY_MAX = 32
};

/* Those that are ready, without waiting: how many, at most WEIR__BESIDE_READY_MAX. */
static inline int weir__beside_set_take(int set, struct weir__beside_ready *out)
{
    struct epoll_event events[WEIR__BESIDE_READY_MAX];
    int i, count = epoll_wait(set, events, WEIR__BESIDE_READY_MAX, 0);

    for (i = 0; i < count; i++) {
        bool broken = events[i].events & (EPOLLERR | EPOLLHUP);

        out[i] = (struct weir__beside_ready){.fd = events[i].data.fd,
                                             .read = broken || events[i].events & EPOLLIN,
                                             .write = broken || events[i].events & EPOLLOUT};
    }
    return count < 0 ? -errno : count;
}

static inline void weir__beside_close(int fd)
{
    (void)close(fd);
}

/* ---- small files ---- */

/* What changes when a file does; zero: there is none. */
struct weir__beside_stamp {
    int64_t changed_s, changed_ns, size;
    uint64_t number;
};

static inline struct weir__beside_stamp weir__beside_stamp(const char *path)
{
    struct weir__beside_stamp stamp = {0, 0, 0, 0};
    struct stat facts;

    if (stat(path, &facts) == 0)
        stamp = (struct weir__beside_stamp){facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec,
                                            facts.st_size, facts.st_ino};
    return stamp;
}

static inline bool weir__beside_same(const struct weir__beside_stamp *a,
                                     const struct weir__beside_stamp *b)
{
    return a->changed_s == b->changed_s && a->changed_ns == b->changed_ns && a->size == b->size
           && a->number == b->number;
}

/* Reads at most `cap` bytes of a file: how many. */
static inline ptrdiff_t weir__beside_read(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t len = 0;
    ssize_t n = 1;

    if (fd < 0)
        return -errno;
    while (len < cap && n > 0) {
        n = read(fd, out + len, cap - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            len += (size_t)n;
    }
    (void)close(fd);
    return n < 0 ? WEIR_EIO : (ptrdiff_t)len;
}

/* ---- a number that nobody outside knows ---- */

static inline uint64_t weir__beside_random(void)
{
    uint64_t number = 0;

    while (syscall(SYS_getrandom, &number, sizeof number, 0) < 0 && errno == EINTR)
        ;
    return number;
}

#endif
