/* task/drive.h - one thread that steps all workers of a simulated runtime, as a seed decides.
 *
 * The driver picks one of the workers that have anything to do, has it take one step, and lets a
 * little time pass. A worker without work may be picked too while there is work to steal. When no
 * worker has anything to do, time moves to the next timer or event of the simulator (core/sim.h).
 * If there is none, the driver sleeps until another thread or a real descriptor has something,
 * unless it is strict: then that is a deadlock. Jobs of the blocking pool are run by the driver, at
 * a moment of chance, between two steps.
 *
 * All of it belongs to the driving thread.
 */
#ifndef WEIR_TASK_DRIVE_H
#define WEIR_TASK_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

struct weir__runtime;
struct weir__scope;
struct weir__worker;

/* What a run of the simulator may come to; of weir_sim_run. */
struct weir__drive_limits {
    bool strict;       /* a deadlock is a failure */
    bool quiet;        /* which nobody is told of */
    uint64_t until_ns; /* UINT64_MAX: none */
    uint64_t steps_max;
};

struct weir__drive {
    struct weir__runtime *runtime;
    struct weir__drive_limits limits;
    bool free_steps; /* steps take no time */
    bool swept;      /* no task of a life that is over has been born since the last sweep */
    bool born_elsewhere;
    uint32_t birth_life; /* of the next task, if born_elsewhere */
    uint64_t steps;
    uint64_t steps_left;
    int failure; /* why the run was ended, or 0 */
};

/* For the next runtime on sim; NULL: none. */
extern const struct weir__drive_limits *weir__drive_wish;

/* Between these two the simulator is on. 0, or an error as of weir__sim_begin. */
int weir__drive_init(struct weir__drive *drive, struct weir__runtime *runtime, uint64_t seed,
                     bool free_steps);
void weir__drive_fini(struct weir__drive *drive);

/* Steps the workers until the runtime has ended: the part of their threads. */
void weir__drive_run(struct weir__drive *drive);

/* The life that a task which starts now belongs to: its spawner's. */
uint32_t weir__drive_birth(struct weir__drive *drive, const struct weir__scope *scope);
/* The next task that is started, or cannot be, belongs to that life. */
void weir__drive_expect(struct weir__drive *drive, uint32_t life);
/* Tasks of lives that are over are cancelled before the next step. */
void weir__drive_sweep(struct weir__drive *drive);
/* How many tasks of a life there are. */
uint32_t weir__drive_count(const struct weir__drive *drive, uint32_t life);
/* Not zero. */
uint32_t weir__drive_random(void);
/* How many tasks the worker may run in this step. */
uint32_t weir__drive_batch(void);

#endif
