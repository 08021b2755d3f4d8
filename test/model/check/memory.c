/* test/model/check/memory.c - see memory.h. */
#include "memory.h"

#include <stdio.h>
#include <string.h>

struct location model_locations[LOCATIONS_MAX];
struct message model_messages[MESSAGES_MAX];
struct view model_views[ACTORS];
struct clock model_clocks[ACTORS];
uint32_t model_location_count;
static uint32_t message_count;
static uint32_t run;

/* ---- finding by address ---- */

enum {
    PLACES = 1 << 13
};

/* Eight bytes of memory: when each actor last touched which of them. */
struct place {
    uint32_t run;
    int location;
    uintptr_t word;
    struct {
        uint32_t when;
        uint8_t bytes;
    } touched[4][ACTORS]; /* plain read, plain write, atomic read, atomic write */
};
static struct place places[PLACES];

static struct place *place_of(uintptr_t word)
{
    size_t i = (word * 0x9e3779b97f4a7c15ull >> 40) % PLACES, tries;

    for (tries = 0; tries < PLACES; tries++, i = (i + 1) % PLACES) {
        if (places[i].run == run && places[i].word == word)
            return &places[i];
        if (places[i].run != run) {
            memset(&places[i], 0, sizeof places[i]);
            places[i].run = run;
            places[i].word = word;
            places[i].location = -1;
            return &places[i];
        }
    }
    model_broken("the checker has room for the memory that is touched", __FILE__, __LINE__);
}

void model_memory_reset(void)
{
    int actor;

    run++;
    model_location_count = 0;
    message_count = 1;
    memset(model_views, 0, sizeof model_views);
    memset(model_clocks, 0, sizeof model_clocks);
    for (actor = 0; actor < ACTORS; actor++)
        model_clocks[actor].at[actor] = 1;
}

/* ---- races ---- */

static void race(uintptr_t word, int other, bool writes)
{
    static char text[200];

    snprintf(text, sizeof text, "a %s of %p races with an access of thread %d",
             writes ? "write" : "read", (void *)word, other);
    model_broken(text, __FILE__, __LINE__);
}

static void touch_place(uintptr_t word, uint8_t bytes, bool writes, bool atomic, int actor)
{
    struct place *place = place_of(word);
    int kind = 2 * atomic + writes, i, other;

    for (i = 0; i < 4; i++) {
        if ((!writes && !(i & 1)) || (atomic && i >= 2))
            continue;
        for (other = 0; other < ACTORS; other++) {
            if (other != actor && (place->touched[i][other].bytes & bytes)
                && place->touched[i][other].when > model_clocks[actor].at[other])
                race(word, other, writes);
        }
    }
    if (place->touched[kind][actor].when != model_clocks[actor].at[actor])
        place->touched[kind][actor].bytes = 0;
    place->touched[kind][actor].when = model_clocks[actor].at[actor];
    place->touched[kind][actor].bytes |= bytes;
    if (writes && !atomic && place->location >= 0)
        model_locations[place->location].dirty = true;
}

void model_touch(const volatile void *at, size_t size, bool writes, bool atomic, int actor)
{
    uintptr_t from = (uintptr_t)at, to = from + size, word;

    if (!model_exploring)
        return;
    for (word = from & ~(uintptr_t)7; word < to; word += 8) {
        uint32_t low = from > word ? (uint32_t)(from - word) : 0;
        uint32_t high = to < word + 8 ? (uint32_t)(to - word) : 8;

        touch_place(word, (uint8_t)((1u << high) - (1u << low)), writes, atomic, actor);
    }
}

/* ---- locations ---- */

void model_clock_join(struct clock *to, const struct clock *from)
{
    int i;

    for (i = 0; i < ACTORS; i++) {
        if (to->at[i] < from->at[i])
            to->at[i] = from->at[i];
    }
}

static void view_join(struct view *to, const struct view *from)
{
    uint32_t i;

    for (i = 0; i < model_location_count; i++) {
        if (to->oldest[i] < from->oldest[i]) {
            to->oldest[i] = from->oldest[i];
            to->again[i] = 0;
        }
    }
}

void model_learn(int actor, int from)
{
    model_clock_join(&model_clocks[actor], &model_clocks[from]);
    view_join(&model_views[actor], &model_views[from]);
}

uint64_t model_value(const volatile void *at, uint32_t size)
{
    uint64_t value = 0;

    memcpy(&value, (const void *)(uintptr_t)at, size);
    return value;
}

static struct message *append(struct location *location, uint64_t value, int actor)
{
    struct message *message = &model_messages[message_count];

    if (message_count == MESSAGES_MAX)
        model_broken("the run ends", __FILE__, __LINE__);
    message->value = value;
    message->next = 0;
    message->actor = actor;
    message->ordered = false;
    message->step = 0;
    memset(&message->runs, 0, sizeof message->runs);
    memset(&message->clock, 0, sizeof message->clock);
    memset(&message->view, 0, sizeof message->view);
    if (location->count)
        model_messages[location->last].next = message_count;
    else
        location->first = message_count;
    location->last = message_count++;
    location->count++;
    return message;
}

struct message *model_message(uint32_t location, uint16_t index)
{
    uint32_t at = model_locations[location].first;

    if (index + 1 == model_locations[location].count)
        at = model_locations[location].last;
    else
        while (index--)
            at = model_messages[at].next;
    return &model_messages[at];
}

/* Two locations may share eight bytes: flags side by side. */
static int find(const volatile void *at, const struct place *place)
{
    uint32_t i;

    if (place->location < 0)
        return -1;
    if (model_locations[place->location].at == at)
        return place->location;
    for (i = 0; i < model_location_count; i++) {
        if (model_locations[i].at == at)
            return (int)i;
    }
    return -1;
}

uint32_t model_location(const volatile void *at, uint32_t size, int actor)
{
    struct place *place = place_of((uintptr_t)at & ~(uintptr_t)7);
    int found = find(at, place);
    uint32_t number = found < 0 ? model_location_count : (uint32_t)found;
    struct location *location = &model_locations[number];
    uint64_t value = model_value(at, size);
    struct message *message;

    (void)actor;
    if (found < 0) {
        if (model_location_count == LOCATIONS_MAX)
            model_broken("the checker has room for the locations", __FILE__, __LINE__);
        model_location_count++;
        memset(location, 0, sizeof *location);
        location->at = at;
        location->size = size;
        place->location = (int)number;
        append(location, value, WORLD);
    } else if (location->dirty || model_messages[location->last].value != value) {
        /* Whoever comes here comes after the plain write, or it is a race: nobody sees older
         * ones. */
        struct clock runs = model_messages[location->last].runs;

        message = append(location, value, WORLD);
        message->runs = runs;
        location->floor = location->count - 1;
        location->dirty = false;
    }
    return number;
}

uint16_t model_oldest(uint32_t location, int actor, enum weir__model_order order)
{
    const struct location *at = &model_locations[location];
    uint16_t oldest = model_views[actor].oldest[location];

    if (model_views[actor].again[location] > AGAIN_MAX && oldest < at->count - 1)
        oldest++;
    if (oldest < at->floor)
        oldest = at->floor;
    if (order == WEIR__MODEL_SEQ_CST && oldest < at->last_ordered)
        oldest = at->last_ordered;
    return oldest;
}

static bool acquires(enum weir__model_order order)
{
    return order == WEIR__MODEL_ACQUIRE || order >= WEIR__MODEL_ACQ_REL;
}

static bool releases(enum weir__model_order order)
{
    return order >= WEIR__MODEL_RELEASE;
}

void model_read(uint32_t location, uint16_t index, int actor, enum weir__model_order order)
{
    const struct message *message = model_message(location, index);

    if (model_views[actor].oldest[location] < index) {
        model_views[actor].oldest[location] = index;
        model_views[actor].again[location] = 0;
    }
    if (index < model_locations[location].count - 1)
        model_views[actor].again[location]++;
    if (acquires(order)) {
        view_join(&model_views[actor], &message->view);
        model_clock_join(&model_clocks[actor], &message->clock);
    }
}

struct message *model_store(uint32_t location, uint64_t value, int actor,
                            enum weir__model_order order, const struct message *from)
{
    struct location *at = &model_locations[location];
    struct message *message = append(at, value, actor);

    model_views[actor].oldest[location] = at->count - 1;
    model_views[actor].again[location] = 0;
    if (releases(order)) {
        message->view = model_views[actor];
        message->clock = model_clocks[actor];
    }
    if (from) {
        view_join(&message->view, &from->view);
        model_clock_join(&message->clock, &from->clock);
    }
    if (order == WEIR__MODEL_SEQ_CST) {
        at->last_ordered = at->count - 1;
        message->ordered = true;
    }
    memcpy((void *)(uintptr_t)at->at, &value, at->size);
    return message;
}
