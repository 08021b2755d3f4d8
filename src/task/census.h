/* task/census.h - who is there: every task of a runtime. See <weir/runtime.h>, shutdown. */
#ifndef WEIR_TASK_CENSUS_H
#define WEIR_TASK_CENSUS_H

#include <stdint.h>
#include <weir/runtime.h>

#define WEIR__CENSUS_MAX 256 /* tasks of a worker that are told of; the others are counted */

struct weir__census_entry {
    uint64_t id;
    const char *state;
    char name[48];
};

/* Tells of the runtime's tasks: how many. By a thread that is none of its workers. */
int weir__runtime_tell(struct weir__runtime *runtime, weir_remaining_fn *tell, void *arg);

#endif
