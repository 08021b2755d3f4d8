/* core/handle.h - the table behind every public handle.
 *
 * One table a process, in chunks that never move. An id is kind, slot and generation; a slot's word
 * holds its generation, the number of callers inside and whether it is closed, so that resolving
 * and pinning is one compare-and-swap. Reader and writer bits are the two slots of a stream: a
 * second reader is refused, and its bit is its pin.
 *
 * Life: make -> (enter, leave)* -> close (any thread, any number of times) -> the last one to leave
 * releases the object and calls free. After close every enter fails. Id 0 is never valid.
 * Generations do not wrap: a slot whose generations are used up is retired.
 *
 * An object that is guarded by a lock of its own, and whose memory remains one of its kind (see
 * core/pool.h), needs no pins: peek -> the object's lock -> open. It is closed by free alone, under
 * that lock. What such a call costs of the table is two loads.
 */
#ifndef WEIR_CORE_HANDLE_H
#define WEIR_CORE_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

enum weir__handle_kind {
    WEIR__KIND_NONE,
    WEIR__KIND_STREAM,
    WEIR__KIND_LISTENER,
    WEIR__KIND_CHAN,
    WEIR__KIND_ONESHOT,
    WEIR__KIND_BROADCAST,
    WEIR__KIND_WATCH,
    WEIR__KIND_TASK,
    WEIR__KIND_TOKEN,
    WEIR__KIND_STRAND,
    WEIR__KIND_SOCKET,
    WEIR__KIND_FILE,
    WEIR__KIND_DIR,
    WEIR__KIND_PROCESS,
    WEIR__KIND_SIGNALS,
    WEIR__KIND_NETIF_WATCH,
    WEIR__KIND_FS_WATCH
};
#define WEIR__HANDLE_KINDS 32u /* at most */

#define WEIR__HANDLE_CLOSED 0x80000000u
#define WEIR__HANDLE_WRITER 0x40000000u
#define WEIR__HANDLE_READER 0x20000000u
#define WEIR__HANDLE_REFS   0x1fffffffu

/* Makes a handle for an object. WEIR_ENOMEM, WEIR_ELIMIT. Any thread. */
int weir__handle_make(enum weir__handle_kind kind, void *object, uint64_t *id);

/* Pins the object: `bits` is READER, WRITER or both, or 0 for a plain reference. The object, or
 * NULL with *error WEIR_EBADHANDLE or WEIR_EBUSY. Any thread. */
void *weir__handle_enter(uint64_t id, enum weir__handle_kind kind, uint32_t bits, int *error);

/* Unpins. True for the one who is the last after the close. */
bool weir__handle_leave(uint64_t id, uint32_t bits);

/* Whether the handle has been closed; for one who is inside. */
bool weir__handle_closed(uint64_t id);

/* Closes. 1: this call closed it; then *in_use says which bits and references were inside (0: the
 * caller is the last) and *object is the object. 0: it was closed before, or never was. */
int weir__handle_close(uint64_t id, enum weir__handle_kind kind, uint32_t *in_use, void **object);

/* The same, unless others are inside: by one who has entered without bits. True if this call
 * closed it. */
bool weir__handle_close_alone(uint64_t id);

/* Lets the slot be used again, by the last one. */
void weir__handle_free(uint64_t id);

/* The object that the handle names, not pinned, or NULL. Any thread. */
void *weir__handle_peek(uint64_t id, enum weir__handle_kind kind);
/* Whether the handle is open. Under the lock of an object that peek has given, true means that the
 * object is the handle's as long as the lock is held. Any thread. */
bool weir__handle_open(uint64_t id);

/* The same as free and make at once, for an object that is used again: the next id of the same
 * slot, or 0 if the slot's generations are used up. The caller holds the object's lock. */
uint64_t weir__handle_renew(uint64_t id);

/* Handles that are not free: of one kind, and all. */
uint64_t weir__handle_live_of(uint32_t kind);
uint64_t weir__handle_live(void);

#endif
