/* task/cold.h - packing tasks that wait for long.
 *
 * A task that was spawned as packable, and has waited for a while with nothing of its stack in
 * other hands, is packed: the live bytes of its stack become an image (task/image.h), its pages are
 * given back, and both are as before when it runs again, at the same addresses. So an idle task
 * costs its struct and some hundred bytes.
 *
 * A wait says that it is one at rest (task/wait.h): it leaves nothing of the stack to others. One
 * that does not say so is never packed. The worker where the task was started walks its tasks a
 * part at a time. It takes a pausing one in hand (task/state.h); one that waits for an operation it
 * shows to the worker in whose loop that is, which has it in hand. A wake that comes meanwhile is
 * kept until the end of the batch, some tens of microseconds.
 *
 * A task that was unpacked soon after it was packed waits twice as long for the next time, up to
 * 64 times; one that has slept for as long as it had to wait starts anew.
 */
#ifndef WEIR_TASK_COLD_H
#define WEIR_TASK_COLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slab.h"
#include "core/loop.h"
#include "task/image.h"
#include "task/task.h"

#define WEIR__COLD_LIVE_MAX 8192 /* bytes of a stack that an image is made of */
#define WEIR__COLD_BATCH    16   /* tasks in hand at once */

struct weir__worker;
struct weir__cold_hop;

struct weir__cold_image {
    uint32_t words;
    uint32_t size;
    uint64_t packed_ns;
    unsigned char bytes[];
};

/* A worker's share. */
struct weir__cold {
    struct weir__loop_timer timer;
    int64_t after_ns;  /* a wait that is longer is packed; negative: none is */
    uint32_t packable; /* tasks of this worker that may be packed */
    bool off;          /* the memory is locked */
    uint32_t count;    /* of the batch in hand */
    unsigned char *scratch;
    struct weir__slab_cursor cursor;
    struct weir__cold_hop *hop; /* being filled */
    struct weir__task *batch[WEIR__COLD_BATCH];
    struct weir__cold_image *images[WEIR__COLD_BATCH];
};

void weir__cold_init(struct weir__cold *cold, int64_t after_ns);
void weir__cold_fini(struct weir__cold *cold);

/* A packable task starts on the worker, or is released there. By its thread. */
void weir__cold_add(struct weir__worker *worker);
void weir__cold_remove(struct weir__worker *worker);

/* Puts the stack back. By who has the task in hand: the worker that runs it next, an inspector. */
void weir__cold_unpack(struct weir__worker *worker, struct weir__task *task);

/* For a look at the stack of a task in hand. Opens it: puts the stack back if it is packed, and
 * gives the moment when it was packed, else 0. Closes it: packs it again and lets it go, by the
 * next flush at the latest. By the same thread, within one piece of work. */
uint64_t weir__cold_open(struct weir__worker *worker, struct weir__task *task);
void weir__cold_close(struct weir__worker *worker, struct weir__task *task, uint64_t packed_ns);
void weir__cold_flush(struct weir__worker *worker);

/* Packs a task that has just begun to pause, if it may be, at once: of the hostile build. */
void weir__cold_pack_now(struct weir__worker *worker, struct weir__task *task);

#endif
