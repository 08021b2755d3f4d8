/* task/runq.c - see runq.h. */
#include "task/runq.h"

#include <stddef.h>

_Static_assert((WEIR__RUNQ_SLOTS & (WEIR__RUNQ_SLOTS - 1)) == 0, "indices wrap");

static struct weir__task *slot(struct weir__runq *queue, uint32_t index)
{
    return WEIR_ATOMIC_LOAD(&queue->slots[index % WEIR__RUNQ_SLOTS], RELAXED);
}

uint32_t weir__runq_spill(struct weir__runq *queue, struct weir__task **out)
{
    uint32_t count = WEIR__RUNQ_SLOTS / 2, i;
    uint64_t head = WEIR_ATOMIC_LOAD(&queue->head, ACQUIRE);
    uint32_t real = weir__runq_real(head);

    if (weir__runq_stolen(head) != real)
        return 0;
    /* thieves may have been here since it was full */
    if (WEIR_ATOMIC_LOAD(&queue->tail, RELAXED) - real < count)
        return 0;
    if (!WEIR_ATOMIC_CAS(&queue->head, &head, weir__runq_head(real + count, real + count), ACQ_REL))
        return 0;
    for (i = 0; i < count; i++)
        out[i] = slot(queue, real + i);
    return count;
}

/* Claims the older half for a thief: how many, from *first on; 0 if there is nothing or another
 * thief is at work. */
static uint32_t claim(struct weir__runq *victim, uint32_t *first)
{
    uint64_t head = WEIR_ATOMIC_LOAD(&victim->head, ACQUIRE);
    uint32_t count;

    do {
        uint32_t real = weir__runq_real(head);
        uint32_t len = WEIR_ATOMIC_LOAD(&victim->tail, ACQUIRE) - real;

        if (weir__runq_stolen(head) != real || len == 0)
            return 0;
        count = len - len / 2;
        *first = real;
        /* the thieves' index stays, so that the owner does not write over what is being copied */
    } while (
        !WEIR_ATOMIC_CAS(&victim->head, &head, weir__runq_head(*first, *first + count), ACQ_REL));
    return count;
}

static void release(struct weir__runq *victim)
{
    uint64_t head = WEIR_ATOMIC_LOAD(&victim->head, ACQUIRE);
    uint32_t real;

    do {
        real = weir__runq_real(head);
    } while (!WEIR_ATOMIC_CAS(&victim->head, &head, weir__runq_head(real, real), ACQ_REL));
}

struct weir__task *weir__runq_steal(struct weir__runq *victim, struct weir__runq *mine)
{
    uint32_t tail = WEIR_ATOMIC_LOAD(&mine->tail, RELAXED), first = 0, i, count;
    struct weir__task *last;

    /* What is claimed is at most half of the slots: it must find room. A thief of one's own may
     * still be copying. */
    if (tail - weir__runq_stolen(WEIR_ATOMIC_LOAD(&mine->head, ACQUIRE)) > WEIR__RUNQ_SLOTS / 2)
        return NULL;
    count = claim(victim, &first);
    if (count == 0)
        return NULL;
    for (i = 0; i + 1 < count; i++)
        WEIR_ATOMIC_STORE(&mine->slots[(tail + i) % WEIR__RUNQ_SLOTS], slot(victim, first + i),
                          RELAXED);
    last = slot(victim, first + count - 1);
    release(victim);
    if (count > 1)
        WEIR_ATOMIC_STORE(&mine->tail, tail + count - 1, RELEASE);
    return last;
}
