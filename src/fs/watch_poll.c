/* fs/watch_poll.c - a watcher that looks by itself, in intervals; see watch.h.
 *
 * What was found is kept under its path. A look is a walk through the tree (tree_op.h) in jobs of
 * the pool; what it has not found is gone then, but for what is below a directory that could not be
 * read. A look pauses while the queue is full.
 */
#include <stddef.h>
#include <string.h>
#include <weir/sync.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "fs/file.h"
#include "fs/tree_op.h"
#include "fs/watch.h"
#include "sys/disk.h"
#include "sys/sys.h"
#include "task/task.h"

#define STEPS_MAX     256 /* of a job */
#define JOB_NS        2000000
#define PATH_MAX_POLL 8192

struct known {
    uint32_t seen;   /* the last look that has found it */
    uint32_t failed; /* the last look that could not read it */
    struct weir_stat about;
};

enum look_step {
    LOOK_WAITS,
    LOOK_WALKS,
    LOOK_SWEEPS
};

struct poller {
    weir_notify stop;
    enum look_step step;
    uint64_t next_ns;
    uint32_t look;
    bool silent;      /* the first look */
    bool beyond_told; /* of names beyond the limit */
    int error;        /* what has ended the last look, or 0 */
    int told;         /* that was told, until a look ends well */
    struct weir__tree tree;
    struct weir__names names; /* of struct known, by path */
};

static struct poller *poller_of(struct weir__watch *watch)
{
    return watch->object;
}

/* ---- comparing ---- */

static void tell(struct weir__watch *watch, const char *path, struct weir_fs_event event)
{
    if (poller_of(watch)->silent && event.kind != WEIR_FS_ERROR)
        return;
    if (event.kind == WEIR_FS_ATTRIBUTES && watch->options.attributes == WEIR_OFF)
        return;
    event.path = path;
    event.count = 1;
    weir__watch_put(&watch->queue, &event, true);
}

static bool same_kind(const struct weir_stat *a, const struct weir_stat *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind != WEIR_FILE_DIRECTORY || (a->inode == b->inode && a->device == b->device);
}

/* What has happened to a name that is no directory, or 0. Some file systems give other inode
 * numbers every time, so these alone mean nothing. */
static uint32_t difference(const struct weir_stat *was, const struct weir_stat *is, bool *replaced)
{
    bool written = was->modified_ns != is->modified_ns || was->size != is->size;
    bool changed = written || was->changed_ns != is->changed_ns;

    *replaced = changed && (was->inode != is->inode || was->device != is->device);
    if (*replaced)
        return WEIR_FS_CREATED;
    return written ? WEIR_FS_MODIFIED : changed ? WEIR_FS_ATTRIBUTES : 0;
}

static void compare(struct weir__watch *watch, const char *path, const struct weir_stat *was,
                    const struct weir_stat *is)
{
    struct weir_fs_event event = {.is_dir = is->kind == WEIR_FILE_DIRECTORY};

    if (!same_kind(was, is)) {
        if (was->kind)
            tell(watch, path,
                 (struct weir_fs_event){.kind = WEIR_FS_REMOVED,
                                        .is_dir = was->kind == WEIR_FILE_DIRECTORY});
        event.kind = WEIR_FS_CREATED;
    } else if (!event.is_dir) {
        event.kind = difference(was, is, &event.replaced);
    } else if (was->mode != is->mode || was->user != is->user || was->group != is->group) {
        event.kind = WEIR_FS_ATTRIBUTES; /* its times change with what is in it */
    }
    if (event.kind)
        tell(watch, path, event);
}

/* ---- what is known ---- */

/* NULL: there is no room, which is told. */
static struct known *find_or_make(struct weir__watch *watch, const char *path, size_t len)
{
    struct poller *poller = poller_of(watch);
    struct known *known = weir__names_get(&poller->names, 0, path, len);

    if (known)
        return known;
    if (poller->names.count >= watch->options.names_max) {
        if (!poller->beyond_told)
            tell(watch, path, (struct weir_fs_event){.kind = WEIR_FS_ERROR, .error = WEIR_ELIMIT});
        poller->beyond_told = true;
        return NULL;
    }
    known = weir__calloc(1, sizeof *known);
    if (known && weir__names_put(&poller->names, 0, path, len, known) == 0)
        return known;
    weir__free(known);
    weir__watch_lose(&watch->queue);
    return NULL;
}

static void found(struct weir__watch *watch, struct known *known, const char *path,
                  const struct weir_stat *about)
{
    known->seen = poller_of(watch)->look;
    compare(watch, path, &known->about, about);
    known->about = *about;
}

/* It is there, but cannot be looked at or into. */
static void not_found_out(struct weir__watch *watch, struct known *known, const char *path,
                          int error)
{
    const struct poller *poller = poller_of(watch);

    if (known->failed + 1 != poller->look && known->failed != poller->look)
        tell(watch, path,
             (struct weir_fs_event){.kind = WEIR_FS_ERROR,
                                    .error = error,
                                    .is_dir = known->about.kind == WEIR_FILE_DIRECTORY});
    known->seen = known->failed = poller->look;
}

static void take_entry(struct weir__watch *watch, const struct weir__tree_entry *entry)
{
    struct poller *poller = poller_of(watch);
    const char *path = poller->tree.path;
    struct known *known;

    if (entry->error == WEIR_ENOENT) /* it has just gone */
        return;
    known = find_or_make(watch, path, poller->tree.path_len);
    if (!known) {
        weir__tree_skip(&poller->tree, entry->serial);
        return;
    }
    if (entry->has_stat)
        found(watch, known, path, &entry->stat);
    if (entry->error)
        not_found_out(watch, known, path, entry->error);
}

/* ---- looking: in a job of the pool ---- */

/* The root, open to be read: a descriptor, or an error. */
static int open_root(const struct weir__watch *watch)
{
    int fd, root = weir__watch_open_root(watch);

    if (root < 0)
        return root;
    fd = weir__sys_openat(root, ".", O_RDONLY | O_DIRECTORY, 0);
    weir__sys_close(root);
    return fd;
}

static int look_at_file(struct weir__watch *watch, int root)
{
    struct poller *poller = poller_of(watch);
    struct weir_stat about;
    struct statx raw;
    struct known *known;
    int rc = weir__sys_statx(root, watch->name, AT_SYMLINK_NOFOLLOW, WEIR__STATX_MASK, &raw);

    weir__sys_close(root);
    poller->step = LOOK_SWEEPS;
    if (rc == WEIR_ENOENT)
        return 0;
    known = find_or_make(watch, "", 0);
    if (known && rc == 0) {
        weir__stat_convert(&raw, &about);
        found(watch, known, "", &about);
    } else if (known) {
        not_found_out(watch, known, "", rc);
    }
    return 0;
}

static int begin_look(struct weir__watch *watch)
{
    struct poller *poller = poller_of(watch);
    int rc, fd = watch->name[0] ? weir__watch_open_root(watch) : open_root(watch);

    if (fd < 0)
        return fd;
    poller->look++;
    if (watch->name[0])
        return look_at_file(watch, fd);
    poller->tree = (struct weir__tree){
        .path_max = PATH_MAX_POLL,
        .depth_max = watch->options.recursive == WEIR_ON ? UINT32_MAX : 1,
        .stats = true,
    };
    rc = weir__tree_begin(&poller->tree, fd);
    if (rc < 0)
        weir__tree_end(&poller->tree);
    else
        poller->step = LOOK_WALKS;
    return rc;
}

/* One entry of a walk: 0, or an error that has ended it. */
static int walk_on(struct weir__watch *watch)
{
    struct poller *poller = poller_of(watch);
    struct weir__tree_entry entry;
    int rc = weir__tree_next(&poller->tree, &entry);

    if (rc == 1) {
        take_entry(watch, &entry);
        return 0;
    }
    weir__tree_end(&poller->tree);
    poller->step = rc < 0 ? LOOK_WAITS : LOOK_SWEEPS;
    return rc;
}

/* Whether a directory above could not be read. */
static bool is_hidden(const struct poller *poller, const char *path)
{
    const char *slash = path + strlen(path);

    while (slash > path) {
        const struct known *above;

        do
            slash--;
        while (slash > path && *slash != '/');
        above = weir__names_get(&poller->names, 0, path, (size_t)(slash - path));
        if (above && above->failed == poller->look)
            return true;
    }
    return false;
}

static int sweep_one(void *value, const char *path, void *arg)
{
    struct weir__watch *watch = arg;
    struct poller *poller = poller_of(watch);
    struct known *known = value;

    if (known->seen == poller->look || is_hidden(poller, path))
        return 1;
    if (weir__watch_queue_full(&watch->queue)) {
        poller->step = LOOK_SWEEPS;
        return 1;
    }
    if (known->about.kind)
        tell(watch, path,
             (struct weir_fs_event){.kind = WEIR_FS_REMOVED,
                                    .is_dir = known->about.kind == WEIR_FILE_DIRECTORY});
    weir__free(known);
    return 0;
}

static void sweep(struct weir__watch *watch)
{
    struct poller *poller = poller_of(watch);

    poller->step = LOOK_WAITS;
    weir__names_sift(&poller->names, sweep_one, watch);
    if (poller->names.count < watch->options.names_max)
        poller->beyond_told = false;
}

static int look_on(struct weir__watch *watch)
{
    switch (poller_of(watch)->step) {
    case LOOK_WAITS:
        return begin_look(watch);
    case LOOK_WALKS:
        return walk_on(watch);
    case LOOK_SWEEPS:
        sweep(watch);
        return 0;
    }
    return 0;
}

/* A part of a look. */
static int look_some(struct weir__call *call)
{
    struct weir__watch *watch = call->data;
    struct poller *poller = poller_of(watch);
    uint64_t begun_ns = weir__now_ns();
    int rc, steps = STEPS_MAX;

    do {
        rc = look_on(watch);
    } while (rc == 0 && poller->step != LOOK_WAITS && --steps
             && !weir__watch_queue_full(&watch->queue) && weir__now_ns() - begun_ns < JOB_NS);
    poller->error = rc;
    return 0;
}

/* ---- waiting ---- */

/* A look, or a part of it that has something to tell: 0, or why the task was stopped. */
static int look(struct weir__watch *watch)
{
    struct poller *poller = poller_of(watch);
    struct weir__call call;
    int rc;

    do {
        weir__file_op_other(&call, look_some);
        call.data = watch;
        rc = weir__file_await(&call);
    } while (rc == 0 && poller->step != LOOK_WAITS && !weir__watch_queue_ready(&watch->queue));
    return rc;
}

static void end_look(struct weir__watch *watch)
{
    struct poller *poller = poller_of(watch);

    poller->silent = false;
    poller->next_ns = weir__now_ns() + (uint64_t)watch->options.interval_ns;
    if (poller->error == WEIR_ENOENT)
        weir__watch_go(&watch->queue, false);
    else if (poller->error == WEIR_ENOMEM)
        weir__watch_lose(&watch->queue);
    else if (poller->error && poller->error != poller->told)
        tell(watch, "",
             (struct weir_fs_event){
                 .kind = WEIR_FS_ERROR, .error = poller->error, .is_dir = !watch->name[0]});
    poller->told = poller->error;
}

static int wait_until(struct poller *poller, uint64_t until_ns)
{
    uint64_t now_ns = weir__now_ns();
    weir_block block;
    int rc;

    if (until_ns <= now_ns)
        return 0;
    rc = weir_deadline_begin(&block, (int64_t)(until_ns - now_ns));
    if (rc < 0)
        return rc;
    return (int)weir__watch_wait_over(&block, weir_notify_wait(&poller->stop));
}

static int fetch(struct weir__watch *watch, uint64_t until_ns)
{
    struct poller *poller = poller_of(watch);
    int rc = 0;

    if (poller->step == LOOK_WAITS && weir__now_ns() < poller->next_ns)
        return wait_until(poller, until_ns < poller->next_ns ? until_ns : poller->next_ns);
    rc = look(watch);
    if (rc == 0 && poller->step == LOOK_WAITS)
        end_look(watch);
    return rc;
}

/* ---- life ---- */

static void stop(struct weir__watch *watch)
{
    weir_notify_one(&poller_of(watch)->stop);
}

static int release(void *value, const char *path, void *arg)
{
    (void)path;
    (void)arg;
    weir__free(value);
    return 0;
}

static void fini(struct weir__watch *watch)
{
    struct poller *poller = poller_of(watch);

    if (poller->step == LOOK_WALKS)
        weir__tree_end(&poller->tree);
    weir__names_sift(&poller->names, release, NULL);
    weir__names_clear(&poller->names);
    weir__free(poller);
}

static const struct weir__watch_source source = {.fetch = fetch, .stop = stop, .fini = fini};

int weir__watch_poll(struct weir__watch *watch)
{
    struct poller *poller = weir__calloc(1, sizeof *poller);
    int rc;

    if (!poller)
        return WEIR_ENOMEM;
    watch->object = poller;
    watch->source = &source;
    poller->silent = true;
    do {
        rc = look(watch);
    } while (rc == 0 && poller->step != LOOK_WAITS && !weir__watch_queue_full(&watch->queue));
    if (rc == 0 && poller->error)
        return poller->error;
    if (rc == 0 && poller->step == LOOK_WAITS)
        end_look(watch);
    return rc;
}
