/* fs/watch.c - the life of a watcher and the calls on it; see <weir/fs_watch.h>. */
#include "fs/watch.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "core/handle.h"
#include "fs/file.h"
#include "sys/current.h"
#include "sys/disk.h"
#include "task/task.h"
#include "task/waitq.h"

#define NAMES_MAX      (1u << 20)
#define EVENTS_MAX     16384u
#define EVENTS_MIN     16u
#define RENAME_WAIT_NS 10000000
#define INTERVAL_NS    1000000000

/* ---- life ---- */

static void release(struct weir__watch *watch)
{
    if (watch->source)
        watch->source->fini(watch);
    weir__watch_queue_fini(&watch->queue);
    if (watch->id)
        weir__handle_free(watch->id);
    weir__free(watch->root);
    weir__free(watch);
}

static int read_options(struct weir_fs_watch_options *o, const struct weir_fs_watch_options *theirs,
                        size_t size)
{
    int rc = weir__options_copy(o, sizeof *o, theirs, size);

    if (rc < 0)
        return rc;
    if (o->recursive > WEIR_OFF || o->attributes > WEIR_OFF || o->poll > WEIR_OFF
        || o->rename_wait_ns < 0 || o->coalesce_ns < 0 || o->interval_ns < 0
        || (o->events_max && o->events_max < EVENTS_MIN))
        return WEIR_EOPTION;
    o->names_max = o->names_max ? o->names_max : NAMES_MAX;
    o->events_max = o->events_max ? o->events_max : EVENTS_MAX;
    o->rename_wait_ns = o->rename_wait_ns ? o->rename_wait_ns : RENAME_WAIT_NS;
    o->interval_ns = o->interval_ns ? o->interval_ns : INTERVAL_NS;
    return 0;
}

/* ---- where the root is: in a job of the pool ---- */

struct search {
    struct weir__watch *watch;
    int dir;
    const char *path;
};

/* What an open descriptor is called. */
static int path_of(int fd, char **out)
{
    char link[32], *path = weir__alloc(PATH_MAX);
    int len;

    if (!path)
        return WEIR_ENOMEM;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = weir__sys_readlink(link, path, PATH_MAX);
    if (len == PATH_MAX)
        len = WEIR_ENAMETOOLONG;
    if (len < 0) {
        weir__free(path);
        return len;
    }
    path[len] = '\0';
    *out = path;
    return 0;
}

/* A file is a name in its directory. */
static int split(struct weir__watch *watch)
{
    char *slash = strrchr(watch->root, '/');

    if (!slash || watch->options.recursive == WEIR_ON)
        return WEIR_ENOTDIR;
    if (strlen(slash + 1) >= sizeof watch->name)
        return WEIR_ENAMETOOLONG;
    memcpy(watch->name, slash + 1, strlen(slash + 1) + 1);
    slash[slash == watch->root] = '\0'; /* "/" stays */
    return 0;
}

static int locate(struct weir__watch *watch, int fd)
{
    struct stat about;
    int rc = weir__sys_fstat(fd, &about);

    if (rc == 0)
        rc = path_of(fd, &watch->root);
    if (rc == 0 && !S_ISDIR(about.st_mode)) {
        rc = split(watch);
        if (rc == 0)
            rc = weir__sys_fstatat(AT_FDCWD, watch->root, &about, AT_SYMLINK_NOFOLLOW);
    }
    if (rc < 0)
        return rc;
    watch->device = about.st_dev;
    watch->inode = about.st_ino;
    return 0;
}

static int search(struct weir__call *call)
{
    const struct search *search = call->data;
    int rc, fd = weir__sys_openat(search->dir, search->path, O_PATH, 0);

    if (fd < 0)
        return fd;
    rc = locate(search->watch, fd);
    weir__sys_close(fd);
    return rc;
}

int weir__watch_open_root(const struct weir__watch *watch)
{
    struct stat about;
    int rc, fd = weir__sys_openat(AT_FDCWD, watch->root, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

    if (fd < 0)
        return fd == WEIR_ENOTDIR || fd == WEIR_ELOOP ? WEIR_ENOENT : fd;
    rc = weir__sys_fstat(fd, &about);
    if (rc == 0 && (about.st_dev != watch->device || about.st_ino != watch->inode))
        rc = WEIR_ENOENT;
    if (rc < 0)
        weir__sys_close(fd);
    return rc < 0 ? rc : fd;
}

/* ---- opening and closing ---- */

static int begin(struct weir__watch *watch, weir_dir dir, const char *path)
{
    struct search wanted = {watch, -1, path};
    struct weir__place place;
    struct weir__call call;
    int rc = weir__place_enter(&place, dir);

    if (rc < 0)
        return rc;
    wanted.dir = place.fd;
    weir__file_op_other(&call, search);
    call.data = &wanted;
    rc = weir__file_await(&call);
    weir__place_leave(&place);
    if (rc < 0)
        return rc;
    return watch->options.poll == WEIR_ON ? weir__watch_poll(watch) : weir__watch_inotify(watch);
}

int weir_fs_watch_open_n(weir_fs_watch *out, weir_dir dir, const char *path,
                         const struct weir_fs_watch_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_fs_watch_options o = {0};
    struct weir__watch *watch;
    int rc = read_options(&o, options, options_size);

    if (rc < 0)
        return rc;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    watch = weir__calloc(1, sizeof *watch);
    if (!watch)
        return WEIR_ENOMEM;
    watch->options = o;
    weir__watch_queue_init(&watch->queue, &o);
    rc = begin(watch, dir, path);
    if (rc == 0)
        rc = weir__handle_make(WEIR__KIND_FS_WATCH, watch, &watch->id);
    if (rc < 0)
        release(watch);
    else
        out->id = watch->id;
    return rc;
}

static void leave(struct weir__watch *watch, uint32_t bits)
{
    if (weir__handle_leave(watch->id, bits))
        release(watch);
}

void weir_fs_watch_close(weir_fs_watch handle)
{
    WEIR__CALL;
    uint32_t in_use;
    void *object;
    int error;
    struct weir__watch *watch = weir__handle_enter(handle.id, WEIR__KIND_FS_WATCH, 0, &error);

    if (!watch)
        return;
    if (weir__handle_close(handle.id, WEIR__KIND_FS_WATCH, &in_use, &object) == 1)
        watch->source->stop(watch);
    leave(watch, 0);
}

/* ---- events ---- */

ptrdiff_t weir__watch_wait_over(weir_block *block, ptrdiff_t result)
{
    int rc = 0;

    if (weir_block_end(block) && result == WEIR_EDEADLINE)
        return 0;
    if (result == WEIR_ECANCELED) /* or a deadline of the caller's */
        rc = weir__task_check(weir__task_current());
    return rc < 0 ? rc : result;
}

static int next(struct weir__watch *watch, struct weir_fs_event *events, size_t max, size_t size)
{
    int rc = 0;

    do {
        int count = weir__watch_take(&watch->queue, events, max, size);

        if (count > 0 || watch->queue.gone == GONE_TOLD)
            return count;
        rc = watch->source->fetch(watch, weir__watch_queue_due(&watch->queue));
    } while (rc == 0 && !weir__handle_closed(watch->id));
    return weir__handle_closed(watch->id) ? WEIR_ECLOSED : rc;
}

int weir_fs_watch_next_some_n(weir_fs_watch handle, struct weir_fs_event *events, size_t max,
                              size_t event_size)
{
    WEIR__CALL;
    struct weir__watch *watch;
    int error, rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (max == 0)
        return WEIR_EINVAL;
    rc = weir__leaf();
    if (rc < 0)
        return rc;
    watch = weir__handle_enter(handle.id, WEIR__KIND_FS_WATCH, WEIR__HANDLE_READER, &error);
    if (!watch)
        return error;
    rc = next(watch, events, max, event_size);
    leave(watch, WEIR__HANDLE_READER);
    return rc;
}

int weir_fs_watch_next_n(weir_fs_watch handle, struct weir_fs_event *event, size_t event_size)
{
    WEIR__CALL;

    return weir_fs_watch_next_some_n(handle, event, 1, event_size);
}

const char *weir_fs_event_name(uint32_t kind)
{
    static const char *const names[] = {"unknown", "created", "modified", "written", "attributes",
                                        "removed", "renamed", "rescan",   "error",   "gone"};

    return names[kind < sizeof names / sizeof *names ? kind : 0];
}
