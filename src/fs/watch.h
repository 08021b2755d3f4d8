/* fs/watch.h - the object behind a weir_fs_watch, and its queue of events.
 *
 * A source (watch_inotify.c, watch_poll.c) puts events into the queue, from which the calls take
 * them (watch.c). The one task that is in a call has all of it, and the jobs of the pool that it
 * waits for; the handle's reader bit sees to that. Others do nothing but `stop`.
 *
 * Memory: events that wait are at most `max`; a source pauses at half of it. What finds no memory
 * is lost, and that is told by an event that needs none.
 */
#ifndef WEIR_FS_WATCH_PRIVATE_H
#define WEIR_FS_WATCH_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/fs_watch.h>
#include <weir/time.h>

#include "base/list.h"
#include "fs/names.h"

struct weir__watch_queue {
    struct weir__list waiting;
    struct weir__list given; /* until the next call */
    struct weir__names held; /* by path: those that others may become one with */
    uint32_t count;          /* waiting */
    uint32_t max;
    int64_t window_ns;
    bool lost;    /* RESCAN is to be told, after what waits */
    uint8_t gone; /* enum weir__watch_gone */
    bool gone_moved;
};

enum weir__watch_gone {
    GONE_NOT,
    GONE_TELL, /* after all the others */
    GONE_TOLD
};

struct weir__watch;

struct weir__watch_source {
    /* Brings events into the queue: waits until there are some, or until the moment, UINT64_MAX for
     * never. 0, or why not. */
    int (*fetch)(struct weir__watch *watch, uint64_t until_ns);
    /* Ends the wait of a fetch, now or to come, in a watcher whose handle is closed. Any thread. */
    void (*stop)(struct weir__watch *watch);
    /* Releases what it has; accepts what was made half. */
    void (*fini)(struct weir__watch *watch);
};

struct weir__watch {
    uint64_t id;
    const struct weir__watch_source *source;
    void *object; /* the source's */
    struct weir__watch_queue queue;
    struct weir_fs_watch_options options; /* with their defaults */
    char *root;                           /* the absolute path of the directory */
    uint64_t device, inode;               /* of the root */
    char name[256];                       /* of the one file in it, or "" */
};

/* Begin to watch: 0, or an error, with nothing left. They suspend. */
int weir__watch_inotify(struct weir__watch *watch);
int weir__watch_poll(struct weir__watch *watch);

/* Opens the root, if it is still the same: a descriptor, or WEIR_ENOENT. */
int weir__watch_open_root(const struct weir__watch *watch);

/* Ends a block that was opened to limit a wait: the wait's result, 0 if the limit has ended it, or
 * why the task was stopped. */
ptrdiff_t weir__watch_wait_over(weir_block *block, ptrdiff_t result);

/* ---- the queue; watch_queue.c ---- */

void weir__watch_queue_init(struct weir__watch_queue *queue,
                            const struct weir_fs_watch_options *options);
void weir__watch_queue_fini(struct weir__watch_queue *queue);

/* Puts an event behind the others, or makes it one with another. The path, and the old one, are
 * copied. `certain`: a name that is created was not there before. */
void weir__watch_put(struct weir__watch_queue *queue, const struct weir_fs_event *event,
                     bool certain);
/* Tells that something was lost; and that it is over. */
void weir__watch_lose(struct weir__watch_queue *queue);
void weir__watch_go(struct weir__watch_queue *queue, bool moved);

/* Whether the source is to pause. */
bool weir__watch_queue_full(const struct weir__watch_queue *queue);
/* Whether something is to be told now; and when the first is, UINT64_MAX: none waits. */
bool weir__watch_queue_ready(const struct weir__watch_queue *queue);
uint64_t weir__watch_queue_due(const struct weir__watch_queue *queue);
/* Takes what is to be told now, and releases what was taken before: how many. The size of an event
 * is the caller's. */
int weir__watch_take(struct weir__watch_queue *queue, struct weir_fs_event *events, size_t max,
                     size_t size);

#endif
