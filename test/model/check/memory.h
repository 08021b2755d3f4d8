/* test/model/check/memory.h - what the checker knows of memory in one run.
 *
 * A location is an address that was accessed atomically. It has its messages, in modification
 * order: what was stored, and what an acquiring load of it learns. A thread has a view (per
 * location the oldest message that it may still read) and a clock (of happens-before, for races of
 * plain accesses). Thread WORLD is who begins and ends a run.
 */
#ifndef WEIR_TEST_MODEL_MEMORY_H
#define WEIR_TEST_MODEL_MEMORY_H

#include "check.h"

enum {
    WORLD = MODEL_THREADS_MAX,
    ACTORS = MODEL_THREADS_MAX + 1,
    LOCATIONS_MAX = 192,
    MESSAGES_MAX = 4096,
    STEPS_MAX = 3000,
    AGAIN_MAX = 2 /* an actor reads the same message again when there is a newer one */
};

struct clock {
    uint32_t at[ACTORS];
};

struct view {
    uint16_t oldest[LOCATIONS_MAX]; /* indices of messages of a location */
    uint8_t again[LOCATIONS_MAX];   /* how often that one was read when there was a newer one */
};

struct message {
    uint64_t value;
    uint32_t next; /* of the location, 0: none */
    int actor;
    uint32_t step;      /* that stored it */
    bool ordered;       /* sequentially consistent */
    struct clock runs;  /* the steps that come before the store, for the search */
    struct clock clock; /* what an acquire learns: */
    struct view view;
};

struct location {
    const volatile void *at;
    uint32_t size;
    uint32_t first, last; /* messages */
    uint16_t count;
    uint16_t floor;        /* all have seen this one */
    uint16_t last_ordered; /* index of the newest sequentially consistent store */
    bool dirty;            /* written plainly since */
};

extern struct location model_locations[LOCATIONS_MAX];
extern struct message model_messages[MESSAGES_MAX];
extern struct view model_views[ACTORS];
extern struct clock model_clocks[ACTORS];
extern uint32_t model_location_count;

/* Whether a run is under way; outside of one nothing is noted. */
extern bool model_exploring;

void model_memory_reset(void);
/* No thread has a loop or a worker. */
void model_current_reset(void);
/* The location at an address; made if it is new. Takes in what was written plainly. */
uint32_t model_location(const volatile void *at, uint32_t size, int actor);
struct message *model_message(uint32_t location, uint16_t index);
/* The oldest message that an actor may read. */
uint16_t model_oldest(uint32_t location, int actor, enum weir__model_order order);
void model_read(uint32_t location, uint16_t index, int actor, enum weir__model_order order);
/* Appends a message; `from`: the one that a read-modify-write read, or NULL. */
struct message *model_store(uint32_t location, uint64_t value, int actor,
                            enum weir__model_order order, const struct message *from);
uint64_t model_value(const volatile void *at, uint32_t size);

/* All that one has seen the other has seen, too: a thread's beginning and end. */
void model_learn(int actor, int from);
void model_clock_join(struct clock *to, const struct clock *from);
/* Notes an access, and breaks the run if it races. */
void model_touch(const volatile void *at, size_t size, bool writes, bool atomic, int actor);
/* Who runs: a thread or WORLD. */
int model_actor(void);

#endif
