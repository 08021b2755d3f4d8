/* core/wheel.c - see wheel.h.
 *
 * A timer's tick is its deadline rounded up. `tick` is the last tick looked at; a timer for tick t
 * > `tick` stands in the level of the highest 6-bit digit in which t and `tick` differ, in the slot
 * of that digit. When `tick` steps, the slots whose digit it reaches are emptied from the top:
 * their timers move down or are due. Bitmaps let a step skip to the next occupied slot.
 */
#include "core/wheel.h"

#include <string.h>

#include "base/atomic.h"
#include "base/container.h"

#define BITS      6
#define MASK      (WEIR__WHEEL_SLOTS - 1)
#define SPAN_BITS (BITS * WEIR__WHEEL_LEVELS)

void weir__wheel_init(struct weir__wheel *wheel, uint64_t now_ns)
{
    int level, slot;

    memset(wheel, 0, sizeof *wheel);
    wheel->tick = wheel->now_tick = now_ns / WEIR__WHEEL_TICK_NS;
    weir__list_init(&wheel->due);
    weir__list_init(&wheel->late);
    for (level = 0; level < WEIR__WHEEL_LEVELS; level++) {
        for (slot = 0; slot < WEIR__WHEEL_SLOTS; slot++)
            weir__list_init(&wheel->slots[level][slot]);
    }
}

static uint64_t tick_of(uint64_t deadline_ns)
{
    return deadline_ns / WEIR__WHEEL_TICK_NS + (deadline_ns % WEIR__WHEEL_TICK_NS != 0);
}

/* The timer's tick is later than the wheel's. */
static void place(struct weir__wheel *wheel, struct weir__timer *timer)
{
    uint64_t tick = tick_of(timer->deadline_ns);
    uint64_t last = wheel->tick | ((1ull << SPAN_BITS) - 1);
    int level, slot;

    if (tick > last) /* beyond the present turn of the top level: looked at again at its end */
        tick = last;
    level = (63 - __builtin_clzll((tick ^ wheel->tick) | 1)) / BITS;
    slot = (int)(tick >> (level * BITS)) & MASK;
    wheel->occupied[level] |= 1ull << slot;
    weir__list_push_back(&wheel->slots[level][slot], &timer->link);
}

void weir__wheel_start(struct weir__wheel *wheel, struct weir__timer *timer, uint64_t deadline_ns)
{
    if (weir__timer_armed(timer))
        weir__list_remove(&timer->link);
    else
        WEIR_ATOMIC_COUNT(&wheel->count, 1);
    timer->deadline_ns = deadline_ns;
    if (tick_of(deadline_ns) > wheel->now_tick)
        place(wheel, timer);
    else
        weir__list_push_back(&wheel->late, &timer->link);
}

bool weir__wheel_stop(struct weir__wheel *wheel, struct weir__timer *timer)
{
    if (!weir__timer_armed(timer))
        return false;
    weir__list_remove(&timer->link);
    WEIR_ATOMIC_COUNT(&wheel->count, -1);
    return true;
}

/* The next tick at which a slot of some level is to be emptied; UINT64_MAX if none is occupied. */
static uint64_t next_tick(const struct weir__wheel *wheel)
{
    int level;

    for (level = 0; level < WEIR__WHEEL_LEVELS; level++) {
        int shift = level * BITS;
        unsigned digit = (unsigned)(wheel->tick >> shift) & MASK;
        uint64_t later = digit == MASK ? 0 : wheel->occupied[level] & (~0ull << (digit + 1));

        if (later) {
            uint64_t slot = (uint64_t)__builtin_ctzll(later);

            return ((wheel->tick >> (shift + BITS)) << (shift + BITS)) | slot << shift;
        }
    }
    return UINT64_MAX;
}

/* Empties the slots that the new tick reaches, from the highest level that changed. */
static void step(struct weir__wheel *wheel, uint64_t tick)
{
    int level = (63 - __builtin_clzll((tick ^ wheel->tick) | 1)) / BITS;

    if (level >= WEIR__WHEEL_LEVELS) /* into the next turn of the top level */
        level = WEIR__WHEEL_LEVELS - 1;
    wheel->tick = tick;
    for (; level >= 0; level--) {
        int slot = (int)(tick >> (level * BITS)) & MASK;
        struct weir__list moved, *link;

        if (!(wheel->occupied[level] & 1ull << slot))
            continue;
        wheel->occupied[level] &= ~(1ull << slot);
        weir__list_init(&moved);
        weir__list_splice(&moved, &wheel->slots[level][slot]);
        while ((link = weir__list_pop_front(&moved))) {
            struct weir__timer *timer = WEIR_CONTAINER_OF(link, struct weir__timer, link);

            if (tick_of(timer->deadline_ns) <= tick)
                weir__list_push_back(&wheel->due, link);
            else
                place(wheel, timer);
        }
    }
}

struct weir__timer *weir__wheel_expire(struct weir__wheel *wheel, uint64_t now_ns)
{
    uint64_t now = now_ns / WEIR__WHEEL_TICK_NS;
    struct weir__list *link;

    if (now > wheel->now_tick) {
        wheel->now_tick = now;
        weir__list_splice(&wheel->due, &wheel->late);
    }
    while (weir__list_empty(&wheel->due)) {
        uint64_t next = wheel->count ? next_tick(wheel) : UINT64_MAX;

        if (next > now) {
            if (now > wheel->tick)
                step(wheel, now);
            break;
        }
        step(wheel, next);
    }
    link = weir__list_pop_front(&wheel->due);
    if (!link)
        return NULL;
    WEIR_ATOMIC_COUNT(&wheel->count, -1);
    return WEIR_CONTAINER_OF(link, struct weir__timer, link);
}

uint64_t weir__wheel_next(const struct weir__wheel *wheel)
{
    uint64_t next;

    if (!weir__list_empty(&wheel->due))
        return 0;
    if (!wheel->count)
        return UINT64_MAX;
    next = next_tick(wheel);
    if (!weir__list_empty(&wheel->late) && next > wheel->now_tick + 1)
        next = wheel->now_tick + 1;
    return next == UINT64_MAX ? next : next * WEIR__WHEEL_TICK_NS;
}
