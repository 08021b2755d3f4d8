/* weir/fs_watch.h - watching files and directories for changes.
 *
 * A watcher tells what happens to the names in one directory, in everything below it, or to one
 * file. It hears of it from the kernel (inotify), or looks by itself in intervals, for file systems
 * that tell nothing (those of networks, of other machines and containers, /proc).
 *
 * What is told is a hint to look, in the order in which it happened. Names that come and go are
 * told exactly; writes to one file are told at least once after the last of them. Where something
 * was lost the watcher says so (WEIR_FS_RESCAN), and goes on.
 *
 * A watcher belongs to the runtime of the task that opens it, as a stream does. Any of its tasks
 * may use it, one at a time.
 */
#ifndef WEIR_FS_WATCH_H
#define WEIR_FS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/file.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_fs_watch {
    uint64_t id;
} weir_fs_watch;

enum weir_fs_event_kind {
    WEIR_FS_CREATED = 1,  /* the name has come: made, linked, or moved here from outside */
    WEIR_FS_MODIFIED = 2, /* what the file contains has changed */
    WEIR_FS_WRITTEN = 3,  /* who had the file open for writing has closed it; never when polling */
    WEIR_FS_ATTRIBUTES = 4, /* permissions, owner, times, links, extended attributes */
    WEIR_FS_REMOVED = 5,    /* the name is gone: removed, or moved away */
    WEIR_FS_RENAMED = 6,    /* `old_path` is `path` now; never when polling */
    WEIR_FS_RESCAN = 7,     /* events were lost: anything may have changed; look at everything */
    WEIR_FS_ERROR = 8,      /* the directory `path` cannot be watched, nor anything below it */
    WEIR_FS_GONE = 9,       /* what was watched is removed, moved or unmounted: the last event */
};

/* Paths are the watcher's, until the next call on it, and begin where it watches; "" is what is
 * watched itself: of one file all are so. */
struct weir_fs_event {
    const char *path;
    const char *old_path; /* RENAMED: what it was; else NULL */
    uint32_t kind;        /* enum weir_fs_event_kind */
    int32_t error;        /* ERROR: why; else 0 */
    uint32_t count;       /* how many were made one; at least 1 */
    bool is_dir;
    bool moved;    /* CREATED: came from outside by a rename; REMOVED, GONE: lives on elsewhere */
    bool replaced; /* CREATED: another file may have had the name until then */
};

/* Zero means default everywhere. */
struct weir_fs_watch_options {
    uint8_t recursive;      /* WEIR_ON: everything below the directory as well. Symbolic links are
                                told and not followed */
    uint8_t attributes;     /* WEIR_OFF: ATTRIBUTES is not told */
    uint8_t poll;           /* WEIR_ON: looks at everything in intervals, and asks no kernel */
    uint32_t names_max;     /* of directories that are watched, or of names that polling keeps;
                                default: 1048576. Of what is beyond: ERROR, WEIR_ELIMIT */
    uint32_t events_max;    /* that are kept to be told, at least 16; default: 16384 */
    int64_t rename_wait_ns; /* how long the second half of a rename may come after the first;
                                default: 10 ms. Then the name counts as moved away */
    int64_t coalesce_ns;    /* events wait so long for others that they become one with; default:
                                none do */
    int64_t interval_ns;    /* between two looks when polling; default: 1 s */
};

/* Begins to watch the directory, or the one file, that a path leads to; links are followed, once.
 * Gives *out, to be closed with weir_fs_watch_close. What happens from the return on is told; what
 * is there already is not. A file is watched by its name: it may be replaced, removed and made anew
 * (as most editors save), and is told of as long as its directory exists. Options are borrowed for
 * the call and may be NULL. Tasks only; suspends. WEIR_ENOENT, WEIR_EACCES, WEIR_ENOTDIR (recursive
 * of no directory), WEIR_ENAMETOOLONG, WEIR_ELOOP, WEIR_ENOSPC (the user's watches are used up:
 * fs.inotify.max_user_watches), WEIR_EMFILE (descriptors, or fs.inotify.max_user_instances),
 * WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ENOTSUP (events of the kernel, on the simulator),
 * WEIR_EOPTION, WEIR_EBADHANDLE, WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE.
 *
 * inotify(7) says what the kernel does not tell: changes by other machines of a network's file
 * system, through a memory map, by calls on /proc and /sys; of several names of one file, those in
 * directories that are not watched. */
WEIR_PUBLIC int weir_fs_watch_open_n(weir_fs_watch *out, weir_dir dir, const char *path,
                                     const struct weir_fs_watch_options *options,
                                     size_t options_size);
static inline int weir_fs_watch_open(weir_fs_watch *out, weir_dir dir, const char *path,
                                     const struct weir_fs_watch_options *options)
{
    return weir_fs_watch_open_n(out, dir, path, options, sizeof *options);
}

/* Waits for the next event: 1 and fills *event, or 0 after WEIR_FS_GONE was told. A call that was
 * stopped has lost nothing. Suspends. WEIR_EBADHANDLE, WEIR_EBUSY (another task is in such a call),
 * WEIR_ECLOSED (closed meanwhile), WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM,
 * WEIR_ELIMIT (jobs of the pool: nothing is lost).
 *
 * With `recursive` a directory that comes is watched too, and what is in it already is told as
 * CREATED; one that is moved is watched under its new name, and not any more when it is moved away.
 * A directory that is renamed while it is read for the first time may be told as REMOVED and
 * CREATED instead, with everything that is in it.
 * With `coalesce_ns` an event waits so long, and what comes for the same path meanwhile becomes one
 * with it: equal events; MODIFIED, WRITTEN and ATTRIBUTES, the last of which is told, but never
 * ATTRIBUTES instead of another one; any of these after a CREATED, which is told; any of these
 * before a REMOVED, which is told. A file that is created and removed is not told at all, one that
 * is removed and created is told as CREATED with `replaced`, and one that is created and then
 * renamed is told as CREATED under its new name, with `replaced`. REMOVED and RENAMED of a
 * directory stay alone, and nothing becomes one across them. Events wait for less when half of
 * `events_max` are waiting. */
WEIR_PUBLIC int weir_fs_watch_next_n(weir_fs_watch watch, struct weir_fs_event *event,
                                     size_t event_size);
static inline int weir_fs_watch_next(weir_fs_watch watch, struct weir_fs_event *event)
{
    return weir_fs_watch_next_n(watch, event, sizeof *event);
}

/* The same for as many as there are, 1 to `max` (1..): how many. */
WEIR_PUBLIC int weir_fs_watch_next_some_n(weir_fs_watch watch, struct weir_fs_event *events,
                                          size_t max, size_t event_size);
static inline int weir_fs_watch_next_some(weir_fs_watch watch, struct weir_fs_event *events,
                                          size_t max)
{
    return weir_fs_watch_next_some_n(watch, events, max, sizeof *events);
}

/* Ends the watcher. Does not suspend, cannot fail, may be repeated. Any thread. */
WEIR_PUBLIC void weir_fs_watch_close(weir_fs_watch watch);

/* "created", "modified", ...; "unknown" for none of them. Static text. Any thread. */
WEIR_PUBLIC const char *weir_fs_event_name(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif
