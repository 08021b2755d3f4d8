/* fs/watch_inotify.c - a watcher that hears of events from the kernel; see watch.h and inotify(7).
 *
 * Each directory is a node in a tree, named by its parent and its name, so that a rename is one
 * step. A node that is to be watched stands in the list `scans`; a job of the pool opens it below
 * the root without following links, watches what it has opened, and reads what is in it. What
 * comes while it reads is in the kernel's queue as well: names that were told by reading are kept
 * until that queue has been read as far as it was then, so that nothing is told twice.
 *
 * So what was opened may be ahead of the queue: a rename that is heard of later may be older, and
 * what had the name then is not what was opened. Therefore a node has the position in the queue
 * from which on what is heard of its name is of itself; and a directory that cannot be found keeps
 * its node until its new name, or its end, is heard of. (test/os/fs_watch_random.c)
 *
 * Records are taken from the buffer one after the other. One that begins a rename waits there until
 * its other half has been read, or the time for that is over.
 *
 * The root is not kept open: the kernel tells of its removal when nobody has it open any more.
 */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <weir/stream.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "base/container.h"
#include "core/handle.h"
#include "fs/file.h"
#include "fs/watch.h"
#include "stream/pipe.h"
#include "stream/stream.h"
#include "sys/current.h"
#include "sys/disk.h"
#include "sys/sys.h"
#include "task/task.h"

#define BUFFER_BYTES 16384
#define RECORD_MAX   ((uint32_t)sizeof(struct inotify_event) + NAME_MAX + 1)
#define STEPS_MAX    64 /* of a job */
#define JOB_NS       2000000
#define HEAL_NS      100000000 /* after memory was out */
#define EVENTS                                                                                     \
    (IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO              \
     | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

struct node {
    uint64_t number;        /* names its children in `names`; 0 is none */
    int wd;                 /* -1: is not watched */
    uint32_t generation;    /* of the last walk that has found it */
    uint64_t known_at;      /* position from which on records are of what was opened */
    uint64_t listed_at;     /* position until which records in it say what was read in it */
    bool tells;             /* what is in it when it is read is told */
    bool doubtful;          /* another one may have come to its name when it was opened */
    struct node *parent;    /* NULL: the root */
    struct weir__list link; /* of the parent's children */
    struct weir__list children;
    struct weir__list scan;
    size_t len;
    char *name;
};

struct inotify {
    weir_stream stream; /* where tasks wait */
    int fd;             /* the same file, for all else */
    struct node *root;
    struct weir__names nodes; /* by wd */
    struct weir__names names; /* of directories, in their parents */
    uint32_t count;           /* of nodes */
    uint64_t last_number;
    uint32_t generation;
    int root_error;   /* why the root is not watched */
    uint64_t heal_ns; /* when to walk through everything again; UINT64_MAX: not */
    bool healing;

    struct weir__list scans;
    struct node *scanned; /* the one that is being read */
    int scan_root, scan_fd;

    struct weir__names told; /* by reading, in their directories */
    uint64_t told_until;     /* position at which they are forgotten */
    uint64_t known_at;       /* the latest of all nodes */
    uint64_t position;       /* bytes of records that were taken */

    char path[PATH_MAX + NAME_MAX + 2], old_path[PATH_MAX + NAME_MAX + 2];
    uint64_t hold_until_ns; /* the record at `at` waits for its other half; 0: does not */
    bool hold_read;         /* and was not there at a look since */
    uint64_t read_ns;
    uint32_t at, len;
    union {
        uint64_t align;
        char bytes[BUFFER_BYTES];
    } buffer, batch;
};

static struct inotify *inotify_of(struct weir__watch *watch)
{
    return watch->object;
}

/* ---- nodes ---- */

static struct node *child_of(const struct inotify *in, const struct node *parent, const char *name)
{
    return weir__names_get(&in->names, parent->number, name, strlen(name));
}

static struct node *node_of(const struct inotify *in, int wd)
{
    return weir__names_get(&in->nodes, (uint64_t)(uint32_t)wd, "", 0);
}

/* The kernel's watch belongs to another node from now on, or to none. */
static void unwatch(struct inotify *in, struct node *node)
{
    if (node->wd >= 0)
        (void)weir__names_remove(&in->nodes, (uint64_t)(uint32_t)node->wd, "", 0);
    node->wd = -1;
}

static void unlink_node(struct inotify *in, struct node *node)
{
    if (node->parent)
        (void)weir__names_remove(&in->names, node->parent->number, node->name, node->len);
    weir__list_remove(&node->link);
}

static void end_reading(struct inotify *in)
{
    if (in->scan_fd >= 0)
        weir__sys_close(in->scan_fd);
    in->scan_fd = -1;
    in->scanned = NULL;
}

static void drop_leaf(struct inotify *in, struct node *node)
{
    int wd = node->wd;

    unwatch(in, node);
    if (wd >= 0 && in->fd >= 0)
        (void)weir__sys_inotify_rm_watch(in->fd, wd); /* it may be gone already */
    if (in->scanned == node)
        end_reading(in);
    unlink_node(in, node);
    weir__list_remove(&node->scan);
    in->count--;
    weir__free(node->name);
    weir__free(node);
}

/* With everything below it. */
static void drop_node(struct inotify *in, struct node *node)
{
    struct node *at = node, *up;

    do {
        while (!weir__list_empty(&at->children))
            at = WEIR_CONTAINER_OF(at->children.next, struct node, link);
        up = at == node ? NULL : at->parent;
        drop_leaf(in, at);
        at = up;
    } while (up);
}

/* Gives a node its place: 0, or WEIR_ENOMEM with nothing done. */
static int place_node(struct inotify *in, struct node *node, struct node *parent, const char *name)
{
    size_t len = strlen(name);
    char *copy = weir__alloc(len + 1);

    if (!copy)
        return WEIR_ENOMEM;
    memcpy(copy, name, len + 1);
    if (parent && weir__names_put(&in->names, parent->number, name, len, node) < 0) {
        weir__free(copy);
        return WEIR_ENOMEM;
    }
    if (node->name)
        unlink_node(in, node);
    weir__free(node->name);
    node->name = copy;
    node->len = len;
    node->parent = parent;
    if (parent)
        weir__list_push_back(&parent->children, &node->link);
    return 0;
}

static struct node *make_node(struct inotify *in, struct node *parent, const char *name)
{
    struct node *node = weir__calloc(1, sizeof *node);

    if (!node)
        return NULL;
    node->number = ++in->last_number;
    node->wd = -1;
    weir__list_init(&node->children);
    if (place_node(in, node, parent, name) < 0) {
        weir__free(node);
        return NULL;
    }
    in->count++;
    return node;
}

/* A node is below itself, and none below NULL. */
static bool is_below(const struct node *node, const struct node *above)
{
    while (node && node != above)
        node = node->parent;
    return node && above;
}

/* Writes the path of a name in a directory, which may be "": false if it is too long. */
static bool write_path(char out[PATH_MAX + NAME_MAX + 2], const struct node *node, const char *name)
{
    size_t len = strlen(name), at = len;
    const struct node *up;

    for (up = node; up->parent; up = up->parent)
        at += up->len + (at > 0);
    if (at > PATH_MAX)
        return false;
    out[at] = '\0';
    at -= len;
    memcpy(out + at, name, len);
    for (up = node; up->parent; up = up->parent) {
        if (out[at])
            out[--at] = '/';
        at -= up->len;
        memcpy(out + at, up->name, up->len);
    }
    return true;
}

/* ---- telling ---- */

/* Something was lost: that is told when everything was walked through again. */
static void lose(struct weir__watch *watch, uint64_t heal_ns)
{
    struct inotify *in = inotify_of(watch);

    in->heal_ns = heal_ns < in->heal_ns ? heal_ns : in->heal_ns;
}

static void tell(struct weir__watch *watch, const struct node *node, const char *name,
                 struct weir_fs_event event)
{
    struct inotify *in = inotify_of(watch);
    bool certain = !in->scanned; /* what is read may have been told before */

    if (!write_path(in->path, node, name)) {
        weir__watch_lose(&watch->queue);
        return;
    }
    event.path = watch->name[0] ? "" : in->path;
    event.count = 1;
    weir__watch_put(&watch->queue, &event, certain);
}

static void tell_error(struct weir__watch *watch, const struct node *node, int error)
{
    tell(watch, node, "",
         (struct weir_fs_event){.kind = WEIR_FS_ERROR, .error = error, .is_dir = true});
}

/* ---- reading directories: in a job of the pool ---- */

static void want_scan(struct inotify *in, struct node *node, bool tells)
{
    node->tells = tells;
    if (!weir__list_linked(&node->scan))
        weir__list_push_back(&in->scans, &node->scan);
}

/* A directory that is to be watched: its node is made if there is none. */
static void add_directory(struct weir__watch *watch, struct node *parent, const char *name,
                          bool tells)
{
    struct inotify *in = inotify_of(watch);
    struct node *node = child_of(in, parent, name);

    if (!node && in->count >= watch->options.names_max) {
        tell(watch, parent, name,
             (struct weir_fs_event){.kind = WEIR_FS_ERROR, .error = WEIR_ELIMIT, .is_dir = true});
        return;
    }
    if (!node)
        node = make_node(in, parent, name);
    if (!node) {
        lose(watch, weir__now_ns() + HEAL_NS);
        return;
    }
    node->generation = in->generation;
    want_scan(in, node, tells);
}

static int open_directory(struct weir__watch *watch, const char *path)
{
    struct inotify *in = inotify_of(watch);
    int fd;

    if (in->scan_root < 0)
        in->scan_root = weir__watch_open_root(watch);
    if (in->scan_root < 0)
        return in->scan_root;
    path = *path ? path : ".";
    fd = weir__sys_openat2(in->scan_root, path, DIRECTORY, 0,
                           WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_NO_SYMLINKS);
    if (fd == WEIR_ENOSYS || fd == WEIR_EPERM)
        fd = weir__sys_openat(in->scan_root, path, DIRECTORY, 0);
    return fd;
}

/* Where what happens from now on will stand. If that is not known it is nowhere. */
static uint64_t position_now(const struct inotify *in)
{
    int unread = weir__sys_unread(in->fd);

    return unread < 0 ? UINT64_MAX : in->position + (in->len - in->at) + (uint64_t)unread;
}

/* Another directory has the node's name: nothing of what was below is there. */
static void forget(struct inotify *in, struct node *node)
{
    int wd = node->wd;

    if (wd < 0)
        return;
    unwatch(in, node);
    (void)weir__sys_inotify_rm_watch(in->fd, wd);
    while (!weir__list_empty(&node->children))
        drop_node(in, WEIR_CONTAINER_OF(node->children.next, struct node, link));
}

/* Watches an open directory for a node. The kernel may know it already, by another name. */
static int watch_opened(struct weir__watch *watch, struct node *node, int fd)
{
    struct inotify *in = inotify_of(watch);
    uint32_t mask = EVENTS | (watch->options.attributes == WEIR_OFF ? 0 : IN_ATTRIB);
    char link[32];
    struct node *before;
    int wd;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    wd = weir__sys_inotify_add_watch(in->fd, link, mask);
    if (wd < 0)
        return wd;
    before = node_of(in, wd);
    node->known_at = position_now(in);
    in->known_at = node->known_at > in->known_at ? node->known_at : in->known_at;
    if (before == node)
        return 0;
    if (before) { /* that it was renamed is not heard of yet */
        unwatch(in, before);
        before->known_at = node->listed_at = node->known_at;
    }
    forget(in, node);
    if (weir__names_put(&in->nodes, (uint64_t)(uint32_t)wd, "", 0, node) < 0) {
        (void)weir__sys_inotify_rm_watch(in->fd, wd);
        return WEIR_ENOMEM;
    }
    node->wd = wd;
    return 0;
}

static void failed_to_watch(struct weir__watch *watch, struct node *node, int error)
{
    struct inotify *in = inotify_of(watch);

    if (!node->parent) {
        in->root_error = error;
        if (error == WEIR_ENOENT)
            weir__watch_go(&watch->queue, true);
        else
            tell_error(watch, node, error);
        return;
    }
    if (error == WEIR_ENOENT || error == WEIR_ENOTDIR || error == WEIR_ELOOP || error == WEIR_EXDEV)
        return; /* it is gone, or has another name, and that will be heard of */
    if (error == WEIR_ENOMEM)
        lose(watch, weir__now_ns() + HEAL_NS);
    else
        tell_error(watch, node, error);
    drop_node(in, node);
}

/* The next directory of the list: watched, and open if it is to be read. */
static int begin_scan(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);
    struct node *node = WEIR_CONTAINER_OF(weir__list_pop_front(&in->scans), struct node, scan);
    int rc, fd = WEIR_ENAMETOOLONG;

    if (write_path(in->path, node, ""))
        fd = open_directory(watch, in->path);
    rc = fd < 0 ? fd : watch_opened(watch, node, fd);
    if (rc < 0 || watch->options.recursive != WEIR_ON) {
        if (fd >= 0)
            weir__sys_close(fd);
        if (rc < 0)
            failed_to_watch(watch, node, rc);
        return rc;
    }
    in->scanned = node;
    in->scan_fd = fd;
    return 0;
}

static bool is_directory(const struct inotify *in, const struct dirent64 *entry)
{
    struct stat about;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return weir__sys_fstatat(in->scan_fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0
           && S_ISDIR(about.st_mode);
}

static void take_entry(struct weir__watch *watch, const struct dirent64 *entry)
{
    struct inotify *in = inotify_of(watch);
    const char *name = entry->d_name;
    bool is_dir;

    if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
        return;
    is_dir = is_directory(in, entry);
    if (in->scanned->tells
        && !weir__names_get(&in->told, in->scanned->number, name, strlen(name))) {
        tell(watch, in->scanned, name,
             (struct weir_fs_event){.kind = WEIR_FS_CREATED, .is_dir = is_dir});
        (void)weir__names_put(&in->told, in->scanned->number, name, strlen(name), in);
    }
    if (is_dir)
        add_directory(watch, in->scanned, name, in->scanned->tells);
}

static void read_scanned(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);
    int at, n = weir__sys_getdents(in->scan_fd, in->batch.bytes, BUFFER_BYTES);

    for (at = 0; at < n;) {
        const struct dirent64 *entry = (const void *)(in->batch.bytes + at);

        at += entry->d_reclen;
        take_entry(watch, entry);
    }
    if (n > 0)
        return;
    if (n < 0 && n != WEIR_ENOENT)
        tell_error(watch, in->scanned, n);
    end_reading(in);
}

static bool scans(const struct inotify *in)
{
    return in->scan_fd >= 0 || !weir__list_empty(&in->scans);
}

static int scan_some(struct weir__call *call)
{
    struct weir__watch *watch = call->data;
    struct inotify *in = inotify_of(watch);
    uint64_t begun_ns = weir__now_ns();
    int steps = STEPS_MAX;

    while (scans(in) && steps-- && watch->queue.gone == GONE_NOT
           && !weir__watch_queue_full(&watch->queue) && weir__now_ns() - begun_ns < JOB_NS) {
        if (in->scan_fd < 0)
            (void)begin_scan(watch);
        else
            read_scanned(watch);
    }
    return 0;
}

/* ---- walking ---- */

struct doomed {
    uint32_t generation;
    struct weir__list list;
};

static int note_doomed(void *value, const char *name, void *arg)
{
    struct doomed *doomed = arg;
    struct node *node = value;

    (void)name;
    if (node->generation != doomed->generation && node->parent->generation == doomed->generation)
        weir__list_push_back(&doomed->list, &node->scan);
    return 1;
}

/* Drops what a walk through everything has not found; of a directory it has not, nothing below
 * either. */
static void sweep(struct inotify *in)
{
    struct doomed doomed = {.generation = in->generation};
    struct weir__list *link;

    in->healing = false;
    weir__list_init(&doomed.list);
    weir__names_sift(&in->names, note_doomed, &doomed);
    while ((link = weir__list_pop_front(&doomed.list)))
        drop_node(in, WEIR_CONTAINER_OF(link, struct node, scan));
}

static void end_scans(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);

    if (in->scan_root >= 0)
        weir__sys_close(in->scan_root);
    in->scan_root = -1;
    if (in->healing) {
        sweep(in);
        weir__watch_lose(&watch->queue);
    }
    in->told_until = in->told.count ? position_now(in) : 0;
    if (in->told_until <= in->position || in->told_until == UINT64_MAX)
        weir__names_clear(&in->told);
}

/* Reads directories until all are, or events are to be told. */
static int scan(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);
    int rc = 0;

    while (rc == 0 && scans(in) && !weir__watch_queue_ready(&watch->queue)) {
        struct weir__call call;

        weir__file_op_other(&call, scan_some);
        call.data = watch;
        rc = weir__file_await(&call);
    }
    if (rc == 0 && !scans(in))
        end_scans(watch);
    return rc;
}

static void heal(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);

    in->heal_ns = UINT64_MAX;
    in->generation++;
    in->root->generation = in->generation;
    in->healing = true;
    want_scan(in, in->root, false);
}

/* ---- records ---- */

static const struct inotify_event *record_at(const struct inotify *in, uint32_t at)
{
    return (const void *)(in->buffer.bytes + at);
}

static uint32_t size_of(const struct inotify_event *record)
{
    return (uint32_t)sizeof *record + record->len;
}

/* The other half of a rename, in what was read; NULL: not yet. */
static struct inotify_event *other_half(struct inotify *in, const struct inotify_event *first)
{
    uint32_t at;

    for (at = in->at; at < in->len; at += size_of(record_at(in, at))) {
        struct inotify_event *record = (void *)(in->buffer.bytes + at);

        if ((record->mask & IN_MOVED_TO) && record->cookie == first->cookie)
            return record;
    }
    return NULL;
}

/* The node that is next, of those that are this one or below it, or NULL. */
static struct node *next_below(const struct node *top, struct node *at)
{
    if (!weir__list_empty(&at->children))
        return WEIR_CONTAINER_OF(at->children.next, struct node, link);
    while (at != top && at->link.next == &at->parent->children)
        at = at->parent;
    return at == top ? NULL : WEIR_CONTAINER_OF(at->link.next, struct node, link);
}

/* Whether something was opened, in this directory or below it, after what is heard of now: then it
 * may be another one, which has come to the name since. */
static bool is_ahead(const struct inotify *in, struct node *node)
{
    struct node *at = in->position < in->known_at ? node : NULL;

    while (at && at->known_at <= in->position)
        at = next_below(node, at);
    return at;
}

static void came(struct weir__watch *watch, struct node *node, const struct inotify_event *record)
{
    struct inotify *in = inotify_of(watch);
    bool is_dir = record->mask & IN_ISDIR, moved = record->mask & IN_MOVED_TO;
    struct node *old;

    if (weir__names_remove(&in->told, node->number, record->name, strlen(record->name)) && !moved)
        return;
    tell(watch, node, record->name,
         (struct weir_fs_event){
             .kind = WEIR_FS_CREATED, .is_dir = is_dir, .moved = moved, .replaced = moved});
    if (watch->options.recursive != WEIR_ON)
        return;
    old = child_of(in, node, record->name);
    if (old && is_dir && is_ahead(in, old))
        old->doubtful = true;
    else if (old)
        drop_node(in, old);
    if (is_dir)
        add_directory(watch, node, record->name, true);
}

static void went(struct weir__watch *watch, struct node *node, const struct inotify_event *record)
{
    struct inotify *in = inotify_of(watch);
    struct node *old = child_of(in, node, record->name);

    (void)weir__names_remove(&in->told, node->number, record->name, strlen(record->name));
    if (old)
        drop_node(in, old);
    tell(watch, node, record->name,
         (struct weir_fs_event){.kind = WEIR_FS_REMOVED,
                                .is_dir = record->mask & IN_ISDIR,
                                .moved = record->mask & IN_MOVED_FROM});
}

/* ---- renamed directories ---- */

/* A directory has another place. What could not be found below it is looked for again. */
static void move_node(struct weir__watch *watch, struct node *node, struct node *parent,
                      const char *name)
{
    struct inotify *in = inotify_of(watch);
    struct node *at = node, *old = child_of(in, parent, name);
    bool impossible = old == node || is_below(node, old) || is_below(parent, node);

    if (old && !impossible)
        drop_node(in, old);
    if (impossible || place_node(in, node, parent, name) < 0) {
        lose(watch, weir__now_ns()); /* what is known of the tree is out of date */
        drop_node(in, node);
        return;
    }
    for (; at; at = next_below(node, at)) {
        if (at->wd < 0)
            want_scan(in, at, true);
    }
}

/* A directory was renamed, and what is known of it was read later: as if it had come from
 * outside. */
static void renamed_before(struct weir__watch *watch, struct node *from, const char *old_name,
                           struct node *to, const char *name)
{
    struct inotify *in = inotify_of(watch);
    struct node *moved = child_of(in, from, old_name), *there;

    if (moved && is_below(to, moved)) {
        lose(watch, weir__now_ns());
        return;
    }
    if (moved)
        drop_node(in, moved);
    tell(watch, from, old_name,
         (struct weir_fs_event){.kind = WEIR_FS_REMOVED, .is_dir = true, .moved = true});
    there = child_of(in, to, name);
    if (there) {
        drop_node(in, there);
        tell(watch, to, name, (struct weir_fs_event){.kind = WEIR_FS_REMOVED, .is_dir = true});
    }
    tell(watch, to, name,
         (struct weir_fs_event){.kind = WEIR_FS_CREATED, .is_dir = true, .moved = true});
    add_directory(watch, to, name, true);
}

static void renamed(struct weir__watch *watch, struct node *from, const struct inotify_event *first,
                    struct node *to, const struct inotify_event *then)
{
    struct inotify *in = inotify_of(watch);
    bool enters = (first->mask & IN_ISDIR) && watch->options.recursive == WEIR_ON;
    struct node *moved = child_of(in, from, first->name);

    (void)weir__names_remove(&in->told, from->number, first->name, strlen(first->name));
    (void)weir__names_remove(&in->told, to->number, then->name, strlen(then->name));
    if (enters && (is_ahead(in, moved) || is_ahead(in, child_of(in, to, then->name)))) {
        renamed_before(watch, from, first->name, to, then->name);
        return;
    }
    if (!write_path(in->old_path, from, first->name))
        weir__watch_lose(&watch->queue);
    tell(watch, to, then->name,
         (struct weir_fs_event){
             .kind = WEIR_FS_RENAMED, .is_dir = first->mask & IN_ISDIR, .old_path = in->old_path});
    if (enters && moved)
        move_node(watch, moved, to, then->name);
    else if (enters)
        add_directory(watch, to, then->name, true);
}

/* Of one file: what does not have its name is not told. */
static bool is_other(const struct weir__watch *watch, const struct inotify_event *record)
{
    return watch->name[0] && (!record->len || strcmp(record->name, watch->name) != 0);
}

static void take_named(struct weir__watch *watch, struct node *node,
                       const struct inotify_event *record)
{
    bool is_dir = record->mask & IN_ISDIR;
    const char *name = record->len ? record->name : "";

    if (is_other(watch, record) || (!record->len && node->parent))
        return; /* the parent tells it of a directory */
    if (record->mask & (IN_CREATE | IN_MOVED_TO))
        came(watch, node, record);
    else if (record->mask & (IN_DELETE | IN_MOVED_FROM))
        went(watch, node, record);
    else if (record->mask & IN_MODIFY)
        tell(watch, node, name, (struct weir_fs_event){.kind = WEIR_FS_MODIFIED});
    else if (record->mask & IN_CLOSE_WRITE)
        tell(watch, node, name, (struct weir_fs_event){.kind = WEIR_FS_WRITTEN});
    else if (record->mask & IN_ATTRIB)
        tell(watch, node, name,
             (struct weir_fs_event){.kind = WEIR_FS_ATTRIBUTES, .is_dir = is_dir});
}

/* What happens to a watched directory itself. */
static void take_own(struct weir__watch *watch, struct node *node, uint32_t mask)
{
    struct inotify *in = inotify_of(watch);

    if (node == in->root) {
        weir__watch_go(&watch->queue, mask & IN_MOVE_SELF);
        return;
    }
    if (mask & IN_UNMOUNT)
        tell(watch, node, "", (struct weir_fs_event){.kind = WEIR_FS_REMOVED, .is_dir = true});
    if (!(mask & IN_IGNORED))
        return;
    if (!node->doubtful) {
        drop_node(in, node);
        return;
    }
    node->doubtful = false;
    unwatch(in, node);
    want_scan(in, node, true);
}

/* The directory whose names a record is of; NULL: none, or what was read of it says as much. */
static struct node *heard_of(const struct inotify *in, int wd)
{
    struct node *node = node_of(in, wd);

    return node && in->position >= node->listed_at ? node : NULL;
}

static void take_record(struct weir__watch *watch, const struct inotify_event *record)
{
    struct inotify *in = inotify_of(watch);
    struct node *node = heard_of(in, record->wd);

    if (record->mask & IN_Q_OVERFLOW)
        lose(watch, weir__now_ns());
    else if (!node)
        return; /* not watched any more */
    else if (record->mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF))
        take_own(watch, node, record->mask);
    else
        take_named(watch, node, record);
}

static void skip_record(struct inotify *in, const struct inotify_event *record)
{
    uint32_t size = size_of(record);

    in->at += size;
    in->position += size;
    in->hold_until_ns = 0;
    in->hold_read = false;
    if (in->told.count && in->position >= in->told_until)
        weir__names_clear(&in->told);
}

/* Whether a record has to wait for its other half. */
static bool holds(struct weir__watch *watch, const struct inotify_event *record)
{
    struct inotify *in = inotify_of(watch);

    if (!(record->mask & IN_MOVED_FROM) || watch->name[0] || other_half(in, record))
        return false;
    if (!in->hold_until_ns)
        in->hold_until_ns = in->read_ns + (uint64_t)watch->options.rename_wait_ns;
    return (!in->hold_read || weir__now_ns() < in->hold_until_ns)
           && in->len - in->at + RECORD_MAX <= BUFFER_BYTES;
}

/* Takes records until one has to wait, or a directory is to be read. */
static void take_records(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);

    while (in->at < in->len && !scans(in) && watch->queue.gone == GONE_NOT
           && !weir__watch_queue_full(&watch->queue)) {
        const struct inotify_event *record = record_at(in, in->at);
        struct node *from = heard_of(in, record->wd), *to;
        struct inotify_event *then;

        if (holds(watch, record))
            return;
        then = (record->mask & IN_MOVED_FROM) && !watch->name[0] ? other_half(in, record) : NULL;
        to = then ? heard_of(in, then->wd) : NULL;
        if (from && to) {
            renamed(watch, from, record, to, then);
            then->mask = 0;
        } else {
            take_record(watch, record);
        }
        skip_record(in, record);
    }
}

/* ---- waiting ---- */

static int take_bytes(struct inotify *in, ptrdiff_t n)
{
    if (n < 0)
        return (int)n;
    in->read_ns = weir__now_ns();
    in->len += (uint32_t)n;
    return 0;
}

/* Reads behind what is there; waits until a moment. 0, also if it has passed, or why not. */
static int read_more(struct inotify *in, uint64_t until_ns)
{
    uint64_t now_ns = weir__now_ns();
    uint32_t room;
    weir_block block;
    ptrdiff_t n;
    int rc;

    memmove(in->buffer.bytes, in->buffer.bytes + in->at, in->len - in->at);
    in->len -= in->at;
    in->at = 0;
    room = BUFFER_BYTES - in->len;
    n = weir__sys_read(in->fd, in->buffer.bytes + in->len, room);
    in->hold_read = in->hold_until_ns != 0;
    if (n != WEIR_EAGAIN || until_ns <= now_ns)
        return n == WEIR_EAGAIN ? 0 : take_bytes(in, n);
    if (until_ns == UINT64_MAX)
        return take_bytes(in, weir_read(in->stream, in->buffer.bytes + in->len, room));
    rc = weir_deadline_begin(&block, (int64_t)(until_ns - now_ns));
    if (rc < 0)
        return rc;
    n = weir_read(in->stream, in->buffer.bytes + in->len, room);
    return take_bytes(in, weir__watch_wait_over(&block, n));
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static int fetch(struct weir__watch *watch, uint64_t until_ns)
{
    struct inotify *in = inotify_of(watch);
    int rc;

    if (weir__now_ns() >= in->heal_ns)
        heal(watch);
    if (scans(in)) {
        rc = scan(watch);
        if (rc < 0 || scans(in))
            return rc;
    }
    take_records(watch);
    if (scans(in) || weir__watch_queue_ready(&watch->queue))
        return 0;
    until_ns = earlier(earlier(until_ns, weir__watch_queue_due(&watch->queue)), in->heal_ns);
    if (in->hold_until_ns)
        until_ns = earlier(until_ns, in->hold_until_ns);
    return read_more(in, until_ns);
}

/* ---- life ---- */

static void stop(struct weir__watch *watch)
{
    (void)weir_close(inotify_of(watch)->stream);
}

static void fini(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);

    if (!in)
        return;
    (void)weir_close(in->stream);
    end_reading(in);
    if (in->scan_root >= 0)
        weir__sys_close(in->scan_root);
    if (in->fd >= 0)
        weir__sys_close(in->fd);
    in->fd = -1; /* the kernel forgets all watches at once */
    if (in->root)
        drop_node(in, in->root);
    weir__names_clear(&in->nodes);
    weir__names_clear(&in->names);
    weir__names_clear(&in->told);
    weir__free(in);
    watch->object = NULL;
}

static const struct weir__watch_source source = {.fetch = fetch, .stop = stop, .fini = fini};

/* The descriptor, twice: of a stream's own nobody knows the number. */
static int open_queue(struct inotify *in)
{
    struct weir__stream *stream;
    int rc, fd = weir__sys_inotify_init();

    if (fd < 0)
        return fd;
    in->fd = weir__sys_dup(fd);
    rc = in->fd < 0 ? in->fd
                    : weir__pipe_adopt(weir__current_worker(), fd,
                                       WEIR__PIPE_OWN | WEIR__PIPE_COUNTS, &stream);
    if (rc < 0)
        weir__sys_close(fd);
    else
        in->stream.id = stream->id;
    return rc;
}

/* Walks through everything that is there. */
static int begin(struct weir__watch *watch)
{
    struct inotify *in = inotify_of(watch);
    int rc = 0;

    heal(watch);
    in->healing = false;
    while (rc == 0 && scans(in) && watch->queue.gone == GONE_NOT
           && !weir__watch_queue_full(&watch->queue)) {
        struct weir__call call;

        weir__file_op_other(&call, scan_some);
        call.data = watch;
        rc = weir__file_await(&call);
    }
    if (rc == 0 && !scans(in))
        end_scans(watch);
    return rc < 0 ? rc : in->root_error;
}

int weir__watch_inotify(struct weir__watch *watch)
{
    struct inotify *in = weir__calloc(1, sizeof *in);
    int rc;

    if (!in)
        return WEIR_ENOMEM;
    watch->object = in;
    watch->source = &source;
    in->fd = in->scan_fd = in->scan_root = -1;
    weir__list_init(&in->scans);
    rc = open_queue(in);
    if (rc < 0)
        return rc;
    in->root = make_node(in, NULL, "");
    return in->root ? begin(watch) : WEIR_ENOMEM;
}
