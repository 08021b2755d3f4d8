/* net/sockfile.c - see sockfile.h. */
#include "net/sockfile.h"

#include <stdbool.h>
#include <string.h>
#include <weir/error.h>

#include "sys/call.h"

static bool is_socket_file(const char *path)
{
    struct stat about;

    return weir__sys_fstatat(AT_FDCWD, path, &about, AT_SYMLINK_NOFOLLOW) == 0
           && S_ISSOCK(about.st_mode);
}

void weir__sockfile_unlink_stale(const struct sockaddr_un *address, socklen_t len, int type)
{
    int fd;

    if (!address->sun_path[0] || !is_socket_file(address->sun_path))
        return;
    /* non-blocking: a listener with a full backlog answers EAGAIN, and lives */
    fd = weir__sys_socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (weir__sys_connect(fd, (const struct sockaddr *)address, len) == WEIR_ECONNREFUSED)
        (void)weir__sys_unlinkat(AT_FDCWD, address->sun_path, 0);
    weir__sys_close(fd);
}

int weir__sockfile_own(struct weir__sockfile *file, const struct sockaddr_un *address,
                       uint32_t mode)
{
    const char *path = address->sun_path;
    struct stat about;
    int rc;

    if (!path[0])
        return 0;
    rc = weir__sys_fstatat(AT_FDCWD, path, &about, AT_SYMLINK_NOFOLLOW);
    if (rc < 0)
        return rc;
    memcpy(file->path, path, sizeof file->path - 1);
    file->device = about.st_dev;
    file->inode = about.st_ino;
    return mode ? weir__sys_chmod(path, mode) : 0;
}

void weir__sockfile_unlink(const struct weir__sockfile *file)
{
    struct stat about;

    if (file->path[0] && weir__sys_fstatat(AT_FDCWD, file->path, &about, AT_SYMLINK_NOFOLLOW) == 0
        && about.st_dev == file->device && about.st_ino == file->inode)
        (void)weir__sys_unlinkat(AT_FDCWD, file->path, 0);
}
