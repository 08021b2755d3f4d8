/* fs/dir.c - reading and syncing directories; see <weir/dir.h>. Their life is file.c's. */
#include <string.h>

#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"

#define MEMORY_MIN 512 /* a name of 255 bytes fits */

/* A call on an open directory, which the working directory is not. */
static int await_in(weir_dir dir, struct weir__call *call)
{
    return dir.id == weir_cwd().id ? WEIR_EBADHANDLE : weir__file_await_at(dir, call);
}

int weir_dir_sync(weir_dir dir)
{
    WEIR__CALL;
    struct weir__call call;

    weir__file_op_sync(&call, -1, false);
    return await_in(dir, &call);
}

static int run_read(struct weir__call *call)
{
    return weir__sys_getdents(call->fd, call->data, call->len);
}

int weir_dir_read(weir_dir dir, struct weir_dir_batch *batch, void *memory, size_t size)
{
    WEIR__CALL;
    struct weir__call call;
    int len;

    if (size < MEMORY_MIN || size > INT32_MAX || (uintptr_t)memory % 8)
        return WEIR_EINVAL;
    weir__file_op_other(&call, run_read);
    call.data = memory;
    call.len = size;
    len = await_in(dir, &call);
    if (len < 0)
        return len;
    batch->weir__at = memory;
    batch->weir__end = batch->weir__at + len;
    return len > 0;
}

bool weir_dir_next(struct weir_dir_batch *batch, struct weir_dir_entry *entry)
{
    while (batch->weir__at != batch->weir__end) {
        const struct dirent64 *raw = (const void *)batch->weir__at;
        const char *name = raw->d_name;

        batch->weir__at += raw->d_reclen;
        if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
            continue;
        *entry = (struct weir_dir_entry){
            .name = name,
            .inode = raw->d_ino,
            .name_len = (uint32_t)strlen(name),
            .kind = weir__kind_of_type(raw->d_type),
        };
        return true;
    }
    return false;
}

int weir_dir_rewind(weir_dir dir)
{
    WEIR__CALL;
    struct weir__place place;
    int64_t rc = dir.id == weir_cwd().id ? WEIR_EBADHANDLE : weir__place_enter(&place, dir);

    if (rc < 0)
        return (int)rc;
    rc = weir__sys_lseek(place.fd, 0, SEEK_SET);
    weir__place_leave(&place);
    return rc < 0 ? (int)rc : 0;
}
