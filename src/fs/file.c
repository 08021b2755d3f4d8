/* fs/file.c - see <weir/file.h>.
 *
 * The kernel resolves names with RESOLVE_BENEATH. Where it refuses (no openat2, a filter, an
 * absolute link, which may still point inside) the file is first pinned by an O_PATH descriptor,
 * which opens nothing, and /proc tells where it lies; only what lies in the folder is opened then,
 * by the pinned descriptor, so that no rename in between matters.
 */
#include <stdio.h>
#include <string.h>
#include <weir/file.h>

#include "sys/call.h"

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

int weir_file_open_below(int folder, const char *path, struct weir_file_facts *facts)
{
    struct stat about;
    int rc, fd = path[0] == '/' ? WEIR_EACCES : open_below(folder, path[0] ? path : ".");

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

ptrdiff_t weir_file_read_at(int file, void *out, size_t len, uint64_t offset)
{
    if (len == 0 || len > INT32_MAX || offset > INT64_MAX)
        return WEIR_EINVAL;
    return weir__sys_pread(file, out, len, (off_t)offset);
}

void weir_file_close(int file)
{
    if (file >= 0)
        weir__sys_close(file);
}
