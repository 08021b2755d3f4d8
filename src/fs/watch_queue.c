/* fs/watch_queue.c - events that wait to be told, and which of them become one; see watch.h and
 * weir_fs_watch_next in <weir/fs_watch.h>.
 *
 * They are told in the order in which they were put, each at its moment, and the moments are in the
 * same order. An event that others may become one with is in the table `held`, the latest for its
 * path.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/container.h"
#include "fs/watch.h"
#include "sys/sys.h"

struct waiting {
    struct weir__list link;
    uint64_t due_ns;
    struct weir_fs_event event;
    size_t len; /* of the path */
    bool held;
    bool certain; /* CREATED: was not there before */
    char text[];  /* the path, and the old one */
};

void weir__watch_queue_init(struct weir__watch_queue *queue,
                            const struct weir_fs_watch_options *options)
{
    *queue =
        (struct weir__watch_queue){.max = options->events_max, .window_ns = options->coalesce_ns};
    weir__list_init(&queue->waiting);
    weir__list_init(&queue->given);
}

static void release_all(struct weir__list *list)
{
    struct weir__list *link;

    while ((link = weir__list_pop_front(list)))
        weir__free(WEIR_CONTAINER_OF(link, struct waiting, link));
}

void weir__watch_queue_fini(struct weir__watch_queue *queue)
{
    release_all(&queue->waiting);
    release_all(&queue->given);
    weir__names_clear(&queue->held);
}

static struct waiting *first_of(const struct weir__watch_queue *queue)
{
    return WEIR_CONTAINER_OF(queue->waiting.next, struct waiting, link);
}

/* ---- becoming one ---- */

static void let_go(struct weir__watch_queue *queue, struct waiting *waiting)
{
    if (!waiting->held)
        return;
    waiting->held = false;
    (void)weir__names_remove(&queue->held, 0, waiting->text, waiting->len);
}

static void drop(struct weir__watch_queue *queue, struct waiting *waiting)
{
    let_go(queue, waiting);
    weir__list_remove(&waiting->link);
    queue->count--;
    weir__free(waiting);
}

static int leave_out(void *value, const char *name, void *arg)
{
    (void)name;
    (void)arg;
    ((struct waiting *)value)->held = false;
    return 0;
}

static bool changes(uint32_t kind)
{
    return kind == WEIR_FS_MODIFIED || kind == WEIR_FS_WRITTEN || kind == WEIR_FS_ATTRIBUTES;
}

/* What an event and a later one on the same path become: a kind, 0 for nothing at all, or -1: they
 * stay two. */
static int merged(const struct waiting *before, const struct weir_fs_event *then)
{
    const struct weir_fs_event *first = &before->event;

    if (first->is_dir != then->is_dir)
        return -1;
    if (first->kind == then->kind)
        return (int)then->kind;
    if (first->kind == WEIR_FS_CREATED && changes(then->kind))
        return WEIR_FS_CREATED;
    if (first->kind == WEIR_FS_CREATED && then->kind == WEIR_FS_REMOVED && !then->is_dir)
        return before->certain && !first->replaced ? 0 : WEIR_FS_REMOVED;
    if (first->kind == WEIR_FS_REMOVED && then->kind == WEIR_FS_CREATED && !then->is_dir)
        return WEIR_FS_CREATED;
    if (changes(first->kind) && then->kind == WEIR_FS_REMOVED)
        return WEIR_FS_REMOVED;
    if (changes(first->kind) && changes(then->kind))
        return (int)(then->kind == WEIR_FS_ATTRIBUTES ? first->kind : then->kind);
    return -1;
}

static void become(struct weir__watch_queue *queue, struct waiting *waiting,
                   const struct weir_fs_event *then, int kind)
{
    struct weir_fs_event *event = &waiting->event;

    if (kind == 0) {
        drop(queue, waiting);
        return;
    }
    event->replaced |= then->replaced || event->kind == WEIR_FS_REMOVED;
    if (kind == WEIR_FS_REMOVED || event->kind == WEIR_FS_REMOVED)
        event->moved = false; /* said of something else */
    event->moved |= then->moved;
    event->kind = (uint32_t)kind;
    event->count += then->count;
    if (kind == WEIR_FS_REMOVED)
        event->replaced = false;
}

static struct waiting *held_under(const struct weir__watch_queue *queue, const char *path)
{
    return path ? weir__names_get(&queue->held, 0, path, strlen(path)) : NULL;
}

/* ---- putting ---- */

/* Behind `before`, a link of those that wait. NULL: it is lost. */
static struct waiting *insert(struct weir__watch_queue *queue, const struct weir_fs_event *event,
                              struct weir__list *before, uint64_t due_ns)
{
    size_t len = strlen(event->path), old_len = event->old_path ? strlen(event->old_path) : 0;
    struct waiting *waiting =
        queue->count < queue->max ? weir__alloc(sizeof *waiting + len + old_len + 2) : NULL;

    if (!waiting) {
        weir__watch_lose(queue);
        return NULL;
    }
    *waiting = (struct waiting){.due_ns = due_ns, .event = *event, .len = len};
    memcpy(waiting->text, event->path, len + 1);
    waiting->event.path = waiting->text;
    if (event->old_path) {
        waiting->event.old_path = waiting->text + len + 1;
        memcpy(waiting->text + len + 1, event->old_path, old_len + 1);
    }
    weir__list_insert(before, &waiting->link);
    queue->count++;
    return waiting;
}

static void hold(struct weir__watch_queue *queue, struct waiting *waiting)
{
    struct waiting *before = held_under(queue, waiting->text);

    if (before)
        before->held = false;
    waiting->held = weir__names_put(&queue->held, 0, waiting->text, waiting->len, waiting) == 0;
    if (before && !waiting->held)
        (void)weir__names_remove(&queue->held, 0, waiting->text, waiting->len);
}

static void put_held(struct weir__watch_queue *queue, const struct weir_fs_event *event,
                     bool certain)
{
    struct waiting *before = held_under(queue, event->path), *waiting;
    int kind = before ? merged(before, event) : -1;

    if (kind >= 0) {
        become(queue, before, event, kind);
        return;
    }
    waiting =
        insert(queue, event, queue->waiting.prev, weir__now_ns() + (uint64_t)queue->window_ns);
    if (!waiting)
        return;
    waiting->certain = certain;
    hold(queue, waiting);
}

/* A file that was created and is renamed was created under its new name. */
static bool put_renamed(struct weir__watch_queue *queue, const struct weir_fs_event *event)
{
    struct waiting *made = held_under(queue, event->old_path);
    struct weir_fs_event created;

    if (!made || made->event.kind != WEIR_FS_CREATED || event->is_dir || made->event.replaced
        || !made->certain)
        return false;
    created = made->event;
    created.path = event->path;
    created.replaced = true;
    created.count += event->count;
    put_held(queue, &created, false);
    drop(queue, made);
    return true;
}

/* No event becomes one with another one across this one. */
static void part(struct weir__watch_queue *queue, const struct weir_fs_event *event)
{
    struct waiting *held;

    if (event->is_dir) {
        weir__names_sift(&queue->held, leave_out, NULL);
        return;
    }
    held = held_under(queue, event->path);
    if (held)
        let_go(queue, held);
    held = held_under(queue, event->old_path);
    if (held)
        let_go(queue, held);
}

void weir__watch_put(struct weir__watch_queue *queue, const struct weir_fs_event *event,
                     bool certain)
{
    bool parts = event->kind == WEIR_FS_ERROR || event->kind == WEIR_FS_RENAMED
                 || (event->kind == WEIR_FS_REMOVED && event->is_dir);

    if (queue->lost) /* until it is told there is no use for more */
        return;
    if (queue->window_ns && !parts) {
        put_held(queue, event, certain);
        return;
    }
    if (queue->window_ns && event->kind == WEIR_FS_RENAMED && put_renamed(queue, event))
        return;
    (void)insert(queue, event, queue->waiting.prev,
                 queue->window_ns ? weir__now_ns() + (uint64_t)queue->window_ns : 0);
    part(queue, event);
}

void weir__watch_lose(struct weir__watch_queue *queue)
{
    queue->lost = true;
}

void weir__watch_go(struct weir__watch_queue *queue, bool moved)
{
    if (queue->gone != GONE_NOT)
        return;
    queue->gone = GONE_TELL;
    queue->gone_moved = moved;
}

/* ---- taking ---- */

bool weir__watch_queue_full(const struct weir__watch_queue *queue)
{
    return queue->count >= queue->max / 2;
}

uint64_t weir__watch_queue_due(const struct weir__watch_queue *queue)
{
    if (weir__list_empty(&queue->waiting))
        return queue->lost || queue->gone == GONE_TELL ? 0 : UINT64_MAX;
    if (queue->lost || queue->gone != GONE_NOT || weir__watch_queue_full(queue))
        return 0;
    return first_of(queue)->due_ns;
}

bool weir__watch_queue_ready(const struct weir__watch_queue *queue)
{
    uint64_t due_ns = weir__watch_queue_due(queue);

    return due_ns == 0 || (due_ns != UINT64_MAX && due_ns <= weir__now_ns());
}

/* What needs no memory: true if there is something of the kind. */
static bool take_told(struct weir__watch_queue *queue, struct weir_fs_event *out)
{
    *out = (struct weir_fs_event){.path = "", .count = 1};
    if (queue->lost) {
        queue->lost = false;
        out->kind = WEIR_FS_RESCAN;
        out->is_dir = true;
        return true;
    }
    if (queue->gone != GONE_TELL)
        return false;
    queue->gone = GONE_TOLD;
    out->kind = WEIR_FS_GONE;
    out->is_dir = true;
    out->moved = queue->gone_moved;
    return true;
}

static bool take_one(struct weir__watch_queue *queue, struct weir_fs_event *out)
{
    struct waiting *first;

    if (!weir__watch_queue_ready(queue))
        return false;
    if (weir__list_empty(&queue->waiting))
        return take_told(queue, out);
    first = first_of(queue);
    let_go(queue, first);
    weir__list_remove(&first->link);
    weir__list_push_back(&queue->given, &first->link);
    queue->count--;
    *out = first->event;
    return true;
}

int weir__watch_take(struct weir__watch_queue *queue, struct weir_fs_event *events, size_t max,
                     size_t size)
{
    struct weir_fs_event event;
    char *at = (char *)events;
    int count = 0;

    release_all(&queue->given);
    while ((size_t)count < max && count < INT32_MAX && take_one(queue, &event)) {
        memcpy(at, &event, size < sizeof event ? size : sizeof event);
        at += size;
        count++;
    }
    return count;
}
