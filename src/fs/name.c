/* fs/name.c - what is done to names; see <weir/dir.h>. */
#include <stdio.h>
#include <string.h>

#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"
#include "sys/sys.h"

/* A call that makes a name in a directory. */
static int await_to(weir_dir to_dir, struct weir__call *call)
{
    struct weir__place to;
    int rc = weir__place_enter(&to, to_dir);

    if (rc < 0)
        return rc;
    call->to_fd = to.fd;
    rc = weir__file_await(call);
    weir__place_leave(&to);
    return rc;
}

/* The same from one directory to another. */
static int await_between(weir_dir from_dir, weir_dir to_dir, struct weir__call *call)
{
    struct weir__place from;
    int rc = weir__place_enter(&from, from_dir);

    if (rc < 0)
        return rc;
    call->fd = from.fd;
    rc = await_to(to_dir, call);
    weir__place_leave(&from);
    return rc;
}

/* ---- names ---- */

int weir_dir_rename(weir_dir from_dir, const char *from, weir_dir to_dir, const char *to,
                    enum weir_dir_rename how)
{
    WEIR__CALL;
    static const uint32_t flags[] = {
        [WEIR_DIR_NO_REPLACE] = RENAME_NOREPLACE,
        [WEIR_DIR_EXCHANGE] = RENAME_EXCHANGE,
    };
    struct weir__call call;

    if ((unsigned)how > WEIR_DIR_EXCHANGE)
        return WEIR_EINVAL;
    weir__file_op_rename(&call, -1, from, -1, to, flags[how]);
    return await_between(from_dir, to_dir, &call);
}

int weir_dir_link(weir_dir from_dir, const char *from, weir_dir to_dir, const char *to)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_link(&call, -1, from, -1, to, 0);
    return await_between(from_dir, to_dir, &call);
}

int weir_dir_symlink(weir_dir dir, const char *path, const char *target)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_symlink(&call, target, -1, path);
    return weir__file_await_at(dir, &call);
}

int weir_dir_make(weir_dir dir, const char *path, uint32_t mode)
{
    WEIR__CALL;
    struct weir__call call;

    if (mode > 07777)
        return WEIR_EINVAL;
    weir__file_op_mkdir(&call, -1, path, mode ? mode : 0777);
    return weir__file_await_at(dir, &call);
}

int weir_dir_unlink(weir_dir dir, const char *path)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_unlink(&call, -1, path, 0);
    return weir__file_await_at(dir, &call);
}

int weir_dir_remove(weir_dir dir, const char *path)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_unlink(&call, -1, path, AT_REMOVEDIR);
    return weir__file_await_at(dir, &call);
}

int weir_file_give_name(weir_file handle, weir_dir dir, const char *path)
{
    WEIR__CALL;
    char name[32];
    struct weir__call call;
    int error = 0, rc;
    struct weir__file *file = weir__file_enter(handle, &error);

    if (!file)
        return error;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file->fd); /* the empty path is root's alone */
    weir__file_op_link(&call, AT_FDCWD, name, -1, path, AT_SYMLINK_FOLLOW);
    if (weir__volume_has(file->fd)) /* but not on a simulated disk */
        weir__file_op_link(&call, file->fd, "", -1, path, AT_EMPTY_PATH);
    rc = await_to(dir, &call);
    weir__file_leave(file);
    return rc;
}

/* ---- where links and paths lead ---- */

static int run_read_link(struct weir__call *call)
{
    return weir__sys_readlinkat(call->fd, call->path, call->data, call->len);
}

/* The absolute path of an open file, if it still has it. */
static int path_of(int fd, char *out, size_t cap)
{
    struct stat here, there;
    char name[32];
    int len, rc;

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    len = weir__sys_readlink(name, out, cap);
    if (len < 0 || (size_t)len == cap)
        return len;
    if (out[0] != '/')
        return WEIR_ENOENT;
    out[len] = '\0';
    rc = weir__sys_fstat(fd, &here);
    if (rc == 0)
        rc = weir__sys_fstatat(AT_FDCWD, out, &there, AT_SYMLINK_NOFOLLOW);
    if (rc < 0)
        return rc;
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino ? len : WEIR_ENOENT;
}

static int run_real_path(struct weir__call *call)
{
    int rc, fd;

    if (weir__volume_has(call->fd))
        return WEIR_ENOTSUP;
    fd = weir__sys_openat(call->fd, call->path, O_PATH, 0);
    if (fd < 0)
        return fd;
    rc = path_of(fd, call->data, call->len);
    weir__sys_close(fd);
    return rc;
}

static int await_text(weir_dir dir, const char *path, char *out, size_t cap,
                      int (*run)(struct weir__call *call))
{
    struct weir__call call;
    int len;

    if (cap == 0)
        return WEIR_EINVAL;
    weir__file_op_other(&call, run);
    call.path = path;
    call.data = out;
    call.len = cap < INT32_MAX ? cap : INT32_MAX;
    len = weir__file_await_at(dir, &call);
    if (len < 0)
        return len;
    if ((size_t)len == cap)
        return WEIR_ENAMETOOLONG;
    out[len] = '\0';
    return len;
}

int weir_dir_read_link(weir_dir dir, const char *path, char *out, size_t cap)
{
    WEIR__CALL;

    return await_text(dir, path, out, cap, run_read_link);
}

int weir_dir_real_path(weir_dir dir, const char *path, char *out, size_t cap)
{
    WEIR__CALL;

    return await_text(dir, path, out, cap, run_real_path);
}

/* ---- new names ---- */

#define TRIES_MAX 62
#define X_COUNT   6u

/* The six places of a pattern, or NULL. */
static char *places_of(char *path)
{
    size_t len = strlen(path);

    if (len < X_COUNT || strcmp(path + len - X_COUNT, "XXXXXX") != 0)
        return NULL;
    return path + len - X_COUNT;
}

int weir__name_fill(char places[X_COUNT])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char bytes[X_COUNT];
    int rc = weir__random_bytes(bytes, sizeof bytes);
    unsigned i;

    for (i = 0; rc >= 0 && i < X_COUNT; i++)
        places[i] = letters[bytes[i] % (sizeof letters - 1)];
    return rc < 0 ? rc : 0;
}

static int make_directory(weir_dir dir, const char *path, weir_file *out, uint32_t flags)
{
    (void)out;
    (void)flags;
    return weir_dir_make(dir, path, 0700);
}

static int make_file(weir_dir dir, const char *path, weir_file *out, uint32_t flags)
{
    return weir_file_open(out, dir, path,
                          flags | WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_EXCLUSIVE,
                          0600);
}

static int make_new(weir_dir dir, char *path, weir_file *out, uint32_t flags,
                    int (*make)(weir_dir dir, const char *path, weir_file *out, uint32_t flags))
{
    char *places = places_of(path);
    int rc = WEIR_EINVAL, tries = 0;

    if (!places)
        return rc;
    do {
        rc = weir__name_fill(places);
        if (rc == 0)
            rc = make(dir, path, out, flags);
    } while (rc == WEIR_EEXIST && ++tries < TRIES_MAX);
    if (rc < 0)
        memcpy(places, "XXXXXX", X_COUNT);
    return rc;
}

int weir_dir_make_temporary(weir_dir dir, char *path)
{
    WEIR__CALL;

    return make_new(dir, path, NULL, 0, make_directory);
}

int weir_file_make_temporary(weir_file *out, weir_dir dir, char *path, uint32_t flags)
{
    WEIR__CALL;
    const uint32_t ways = WEIR_FILE_WRITE | WEIR_FILE_NAMELESS | WEIR_FILE_TRUNCATE;

    return flags & ways ? WEIR_EINVAL : make_new(dir, path, out, flags, make_file);
}
