/* task/runq.h - a worker's queue of runnable tasks: fixed size, first in first out, stealable.
 *
 * The owner pushes at the tail and pops at the head; a thief takes the older half at once. `head`
 * holds two indices in one word: the real head, and the head as thieves see it, which stays behind
 * while a thief copies what it has claimed. So one thief at a time, and a slot is not written again
 * before it was copied. Indices are 32-bit and wrap.
 *
 * push, pop and spill are the owner's; steal is any other worker's. Partners: head by
 * compare-and-swap of both sides; tail is released by the owner and acquired by thieves.
 */
#ifndef WEIR_TASK_RUNQ_H
#define WEIR_TASK_RUNQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

#ifdef WEIR__HOSTILE
#define WEIR__RUNQ_SLOTS 4u
#endif
#ifndef WEIR__RUNQ_SLOTS
#define WEIR__RUNQ_SLOTS 256u /* a power of two; tiny in the model and in the hostile build */
#endif

struct weir__task;

struct weir__runq {
    uint64_t head; /* real head in the low half, the thieves' in the high half */
    uint32_t tail;
    struct weir__task *slots[WEIR__RUNQ_SLOTS];
};

static inline uint32_t weir__runq_real(uint64_t head)
{
    return (uint32_t)head;
}

static inline uint32_t weir__runq_stolen(uint64_t head)
{
    return (uint32_t)(head >> 32);
}

static inline uint64_t weir__runq_head(uint32_t stolen, uint32_t real)
{
    return (uint64_t)stolen << 32 | real;
}

/* Tasks in the queue; exact for the owner while nobody steals, else a moment ago. Any thread. */
static inline uint32_t weir__runq_len(const struct weir__runq *queue)
{
    uint32_t real = weir__runq_real(WEIR_ATOMIC_LOAD(&queue->head, ACQUIRE));

    return WEIR_ATOMIC_LOAD(&queue->tail, ACQUIRE) - real;
}

/* False if the queue is full. */
static inline bool weir__runq_push(struct weir__runq *queue, struct weir__task *task)
{
    uint32_t tail = WEIR_ATOMIC_LOAD(&queue->tail, RELAXED);
    uint64_t head = WEIR_ATOMIC_LOAD(&queue->head, ACQUIRE);

    if (tail - weir__runq_stolen(head) >= WEIR__RUNQ_SLOTS)
        return false;
    WEIR_ATOMIC_STORE(&queue->slots[tail % WEIR__RUNQ_SLOTS], task, RELAXED);
    WEIR_ATOMIC_STORE(&queue->tail, tail + 1, RELEASE);
    return true;
}

/* The oldest task, or NULL. */
static inline struct weir__task *weir__runq_pop(struct weir__runq *queue)
{
    uint64_t head = WEIR_ATOMIC_LOAD(&queue->head, ACQUIRE), next;
    uint32_t real;

    do {
        real = weir__runq_real(head);
        if (real == WEIR_ATOMIC_LOAD(&queue->tail, RELAXED))
            return NULL;
        /* a thief at work keeps its own index; else both move */
        next = weir__runq_head(weir__runq_stolen(head) == real ? real + 1 : weir__runq_stolen(head),
                               real + 1);
    } while (!WEIR_ATOMIC_CAS(&queue->head, &head, next, ACQ_REL));
    return WEIR_ATOMIC_LOAD(&queue->slots[real % WEIR__RUNQ_SLOTS], RELAXED);
}

/* The oldest task, or one behind it; NULL if there are not so many. By the owner; a thief may have
 * it by now, so it may be anywhere, and only its memory is sure to be there. */
static inline const struct weir__task *weir__runq_peek(const struct weir__runq *queue,
                                                       uint32_t ahead)
{
    uint32_t at = weir__runq_real(WEIR_ATOMIC_LOAD(&queue->head, RELAXED)) + ahead;

    if ((int32_t)(WEIR_ATOMIC_LOAD(&queue->tail, RELAXED) - at) <= 0)
        return NULL;
    return WEIR_ATOMIC_LOAD(&queue->slots[at % WEIR__RUNQ_SLOTS], RELAXED);
}

/* Takes the older half out of a queue that was full, into `out` (room for half the slots): how
 * many; 0 if a thief is at work, or was meanwhile. */
uint32_t weir__runq_spill(struct weir__runq *queue, struct weir__task **out);

/* Moves the older half of another worker's queue into one's own, which is empty: the newest of it,
 * which is not put there, or NULL. */
struct weir__task *weir__runq_steal(struct weir__runq *victim, struct weir__runq *mine);

#endif
