/* task/oneshot.h - a worker's free oneshots, so that most are made without a lock.
 *
 * Only its own worker touches a cache.
 */
#ifndef WEIR_TASK_ONESHOT_H
#define WEIR_TASK_ONESHOT_H

#include <stdint.h>

struct weir__oneshot;

#define WEIR__ONESHOTS_CACHED 2048u

struct weir__oneshot_cache {
    struct weir__oneshot *first;
    uint32_t count;
};

/* Gives what is in it to the process. Accepts zeroed memory. */
void weir__oneshot_cache_fini(struct weir__oneshot_cache *cache);

#endif
