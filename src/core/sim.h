/* core/sim.h - the simulated kernel, as the loops and the driver of tasks know it.
 *
 * One a process, on from weir__sim_begin to weir__sim_end. While it is on, the clocks and the
 * random bytes of weir__sys and the socket calls of weir__network are the simulator's, and the file
 * calls of weir__volume if disks are simulated. All of it
 * belongs to the one thread that drives the loops, but for the clocks, the random bytes, the wake
 * of a loop and calls on sockets, which any thread may make.
 *
 * Every choice is drawn from one generator and mixed into the trace, so two runs of a seed that do
 * the same have the same trace. What happens later is an event, in the order of time and, within a
 * moment, of chance.
 *
 * A host has a life from each start to its crash. Tasks and sockets belong to a life; those of no
 * host to life 0.
 */
#ifndef WEIR_CORE_SIM_H
#define WEIR_CORE_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/sim.h>

#include "base/heap.h"

struct sockaddr;

/* 0, WEIR_EBUSY (it is on) or WEIR_ENOMEM. Seed 0 is replaced by one of the system's. */
int weir__sim_begin(uint64_t seed);
/* After the last loop; sockets that are left are dropped. */
void weir__sim_end(void);
bool weir__sim_on(void);
/* For loops without a runtime: the first begins, with the environment's seed, the last ends. */
int weir__sim_hold(void);
void weir__sim_release(void);

uint64_t weir__sim_seed(void);
/* One of the system's; not 0. */
uint64_t weir__sim_new_seed(void);
/* A hash of a number. */
uint64_t weir__sim_scramble(uint64_t x);
/* The next choice: 64 random bits, or a number below `n` (n > 0). */
uint64_t weir__sim_draw(void);
uint32_t weir__sim_below(uint32_t n);
/* low..high */
int64_t weir__sim_between(int64_t low, int64_t high);
/* Mixes what was done into the trace. */
void weir__sim_note(uint64_t what);
uint64_t weir__sim_trace(void);

/* ---- time ---- */

/* Something that happens later; embedded in what it is about. */
struct weir__sim_event {
    struct weir__heap_node node;
    uint64_t at_ns;
    uint64_t order;  /* within a moment */
    bool is_outside; /* not under the kernel's lock */
    void (*fire)(struct weir__sim_event *event);
};

static inline bool weir__sim_scheduled(const struct weir__sim_event *event)
{
    return weir__heap_linked(&event->node);
}

/* Schedules it, or moves it. */
void weir__sim_schedule(struct weir__sim_event *event, uint64_t at_ns);
void weir__sim_unschedule(struct weir__sim_event *event);
/* The moment of the next event; UINT64_MAX: there is none. */
uint64_t weir__sim_next_ns(void);
/* Moves the clocks; back they do not go. Fires nothing. */
void weir__sim_move(uint64_t to_ns);
/* Fires what is due. */
void weir__sim_fire(void);

/* Waits in real time for real descriptors that operations wait for, and, if it may sleep, for a
 * wake: whether any of them has come. */
bool weir__sim_look(bool sleep);
/* Whether operations wait for real descriptors. */
bool weir__sim_waits_outside(void);
/* Ends a look that sleeps. Any thread. */
void weir__sim_wake(void);

/* ---- threads ---- */

/* The calling thread drives from now on. Does each look at the clock take a little time? */
void weir__sim_drive(bool looks_take_time);
/* The kernel's lock: other threads may close, shut down or ask sockets too. A thread may take it
 * several times; nothing of the program's is called while it is held. WEIR__SIM_CALL is the first
 * declaration of what takes it. */
#define WEIR__SIM_CALL                                                                             \
    __attribute__((cleanup(weir__sim_leave), unused)) uint32_t weir__sim_was = weir__sim_enter()
uint32_t weir__sim_enter(void);
void weir__sim_leave(const uint32_t *was);

/* ---- hosts ---- */

#define WEIR__SIM_NAME_MAX 32

/* Which life the calling code belongs to; set by the task layer. */
extern uint32_t (*weir__sim_whose)(void);

/* Adds a host that is down: its number, WEIR_EEXIST (its name), WEIR_ENAME, WEIR_ENOMEM. */
int weir__sim_host_add(const char *name);
uint32_t weir__sim_host_count(void);
/* Starts a life of the host: its number. It was down. */
uint32_t weir__sim_host_up(uint32_t host);
/* Ends it: its sockets are gone, and nobody is told. */
void weir__sim_host_down(uint32_t host);
/* The present life, 0 if it is down (host 0 has life 0). */
uint32_t weir__sim_host_life(uint32_t host);
/* The present one, or the last. */
uint32_t weir__sim_host_last(uint32_t host);
uint32_t weir__sim_life_host(uint32_t life);
bool weir__sim_life_over(uint32_t life);
const char *weir__sim_host_name(uint32_t host);
/* In network order. */
uint32_t weir__sim_host_address(uint32_t host);

/* Of both directions between two hosts. WEIR__SIM_ALL: of every pair that is not set itself. */
#define WEIR__SIM_ALL UINT32_MAX
int weir__sim_link_set(uint32_t a, uint32_t b, const struct weir_sim_link_options *options);
int weir__sim_link_cut(uint32_t a, uint32_t b, bool cut);
/* Resets every connection between two hosts. */
void weir__sim_link_reset(uint32_t a, uint32_t b);

/* ---- disks ---- */

/* Of a host: 0 or WEIR_ENOMEM. WEIR__SIM_ALL: files are simulated from now on, on disks like this
 * where nothing else is set. */
int weir__sim_disk_set(uint32_t host, const struct weir_sim_disk_options *options);
bool weir__sim_disk_on(void);
/* What the host's disk has not got yet is lost, or not, and its open files are good for nothing. */
void weir__sim_disk_crash(uint32_t host);
/* How long a call of the calling task's takes; false: as any job. */
bool weir__sim_disk_takes(int64_t *min_ns, int64_t *max_ns);

#endif
