/* sys/volume.h - a table of file calls that the simulator puts in place of the kernel's.
 *
 * Descriptors of simulated files begin at WEIR__VOLUME_FIRST, a number that neither a real one nor
 * a simulated socket has, so that a call on a real descriptor pays one comparison with a constant.
 * Paths reach the table by the directory where they begin: what stands for the working directory is
 * asked for once (weir__volume_cwd), and belongs to the host of who asks. NULL in a process without
 * simulated disks; once written it stays, since files may be closed after their simulation. Written
 * by who begins a simulation, while no loop runs. Every function returns -errno when it fails, and
 * none blocks. Any thread.
 */
#ifndef WEIR_SYS_VOLUME_H
#define WEIR_SYS_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define WEIR__VOLUME_FIRST (1 << 29)

struct iovec;
struct statfs;

/* `dir` is a descriptor, or what `cwd` gave. Flags are those of the man pages. */
struct weir__volume {
    int (*cwd)(void); /* -errno: files are real */
    int (*open)(int dir, const char *path, int flags, unsigned mode, uint64_t resolve);
    int (*dup)(int fd);
    int (*close)(int fd);
    int (*read)(int fd, const struct iovec *parts, int count, off_t offset, int flags);
    int (*write)(int fd, const struct iovec *parts, int count, off_t offset);
    int64_t (*seek)(int fd, off_t offset, int whence);
    int (*sync)(int fd);
    int (*sync_range)(int fd, off_t offset, off_t len);
    int (*allocate)(int fd, int mode, off_t offset, off_t len);
    int (*truncate)(int fd, off_t len);
    int (*advise)(int fd, int advice);
    int (*statx)(int dir, const char *path, int flags, struct statx *out);
    int (*statfs)(int fd, struct statfs *out);
    int (*entries)(int fd, void *out, size_t cap);
    int (*rename)(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
    int (*link)(int from_dir, const char *from, int to_dir, const char *to, int flags);
    int (*unlink)(int dir, const char *path, int flags);
    int (*make)(int dir, const char *path, unsigned mode);
    int (*symlink)(const char *target, int dir, const char *path);
    int (*read_link)(int dir, const char *path, char *out, size_t cap);
    /* path NULL: the descriptor. A number that is UINT32_MAX and a time with UTIME_OMIT stay. */
    int (*set_mode)(int dir, const char *path, unsigned mode);
    int (*set_owner)(int dir, const char *path, uint32_t user, uint32_t group, int flags);
    int (*set_times)(int dir, const char *path, const struct timespec times[2], int flags);
};

extern const struct weir__volume *weir__volume;

static inline bool weir__volume_has(int fd)
{
    return __builtin_expect(fd >= WEIR__VOLUME_FIRST, 0);
}

/* What is made of the calls above. */
int weir__volume_cwd(void); /* AT_FDCWD where files are real */
int weir__volume_pread(int fd, void *base, size_t len, off_t offset, int flags);
int weir__volume_pwrite(int fd, const void *base, size_t len, off_t offset);
int weir__volume_stat(int dir, const char *path, int flags, struct stat *out);

#endif
