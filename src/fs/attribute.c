/* fs/attribute.c - permissions, owner, times and extended attributes; see <weir/file.h>. */
#include <string.h>

#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"

#define NS_A_SECOND INT64_C(1000000000)

/* ---- permissions and owner ---- */

static int run_chmod(struct weir__call *call)
{
    return call->path ? weir__sys_fchmodat(call->fd, call->path, call->mode)
                      : weir__sys_fchmod(call->fd, call->mode);
}

static int fill_mode(struct weir__call *call, const char *path, uint32_t mode)
{
    weir__file_op_other(call, run_chmod);
    call->path = path;
    call->mode = mode;
    return mode > 07777 ? WEIR_EINVAL : 0;
}

int weir_file_set_mode(weir_file file, uint32_t mode)
{
    WEIR__CALL;
    struct weir__call call;
    int rc = fill_mode(&call, NULL, mode);

    return rc < 0 ? rc : weir__file_await_on(file, &call);
}

int weir_dir_set_mode(weir_dir dir, const char *path, uint32_t mode)
{
    WEIR__CALL;
    struct weir__call call;
    int rc = fill_mode(&call, path, mode);

    return rc < 0 ? rc : weir__file_await_at(dir, &call);
}

static int run_chown(struct weir__call *call)
{
    return weir__sys_fchownat(call->fd, call->path, (uid_t)call->offset, (gid_t)call->to_offset,
                              (int)call->flags);
}

static void fill_owner(struct weir__call *call, const char *path, uint32_t user, uint32_t group,
                       int flags)
{
    weir__file_op_other(call, run_chown);
    call->path = path;
    call->offset = user;
    call->to_offset = group;
    call->flags = (uint32_t)flags;
}

int weir_file_set_owner(weir_file file, uint32_t user, uint32_t group)
{
    WEIR__CALL;
    struct weir__call call;

    fill_owner(&call, "", user, group, AT_EMPTY_PATH);
    return weir__file_await_on(file, &call);
}

int weir_dir_set_owner(weir_dir dir, const char *path, uint32_t user, uint32_t group,
                       uint32_t flags)
{
    WEIR__CALL;
    struct weir__call call;

    if (flags & ~(uint32_t)WEIR_FILE_NO_FOLLOW)
        return WEIR_EINVAL;
    fill_owner(&call, path, user, group, flags ? AT_SYMLINK_NOFOLLOW : 0);
    return weir__file_await_at(dir, &call);
}

/* ---- times ---- */

static struct timespec time_of(int64_t ns)
{
    int64_t seconds = ns / NS_A_SECOND, rest = ns % NS_A_SECOND;

    if (ns == WEIR_TIME_NOW)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    if (ns == WEIR_TIME_KEEP)
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    if (rest < 0) {
        rest += NS_A_SECOND;
        seconds--;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

static int run_times(struct weir__call *call)
{
    return weir__sys_utimensat(call->fd, call->path, call->data, (int)call->flags);
}

static void fill_times(struct weir__call *call, const char *path, struct timespec times[2],
                       int flags)
{
    weir__file_op_other(call, run_times);
    call->path = path;
    call->data = times;
    call->flags = (uint32_t)flags;
}

int weir_file_set_times(weir_file file, int64_t accessed_ns, int64_t modified_ns)
{
    WEIR__CALL;
    struct timespec times[2] = {time_of(accessed_ns), time_of(modified_ns)};
    struct weir__call call;

    fill_times(&call, NULL, times, 0);
    return weir__file_await_on(file, &call);
}

int weir_dir_set_times(weir_dir dir, const char *path, int64_t accessed_ns, int64_t modified_ns,
                       uint32_t flags)
{
    WEIR__CALL;
    struct timespec times[2] = {time_of(accessed_ns), time_of(modified_ns)};
    struct weir__call call;

    if (flags & ~(uint32_t)WEIR_FILE_NO_FOLLOW)
        return WEIR_EINVAL;
    fill_times(&call, path, times, flags ? AT_SYMLINK_NOFOLLOW : 0);
    return weir__file_await_at(dir, &call);
}

/* ---- extended attributes ---- */

#define XATTR_MAX 65536 /* the kernel's */

ptrdiff_t weir_file_get_xattr(weir_file file, const char *name, void *out, size_t cap)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_getxattr(&call, -1, name, out, cap < XATTR_MAX ? cap : XATTR_MAX);
    return weir__file_await_on(file, &call);
}

int weir_file_set_xattr(weir_file file, const char *name, const void *value, size_t len,
                        uint32_t how)
{
    WEIR__CALL;
    struct weir__call call;

    if (len > XATTR_MAX || how > WEIR_XATTR_REPLACE)
        return WEIR_EINVAL;
    weir__file_op_setxattr(&call, -1, name, value, len, how);
    return weir__file_await_on(file, &call);
}

static int run_list(struct weir__call *call)
{
    return weir__sys_flistxattr(call->fd, call->data, call->len);
}

ptrdiff_t weir_file_list_xattr(weir_file file, char *out, size_t cap)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_other(&call, run_list);
    call.data = out;
    call.len = cap < XATTR_MAX ? cap : XATTR_MAX;
    return weir__file_await_on(file, &call);
}

static int run_remove(struct weir__call *call)
{
    return weir__sys_fremovexattr(call->fd, call->path);
}

int weir_file_remove_xattr(weir_file file, const char *name)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_other(&call, run_remove);
    call.path = name;
    return weir__file_await_on(file, &call);
}
