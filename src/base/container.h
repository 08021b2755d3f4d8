/* base/container.h - from a member to the struct round it. */
#ifndef WEIR_BASE_CONTAINER_H
#define WEIR_BASE_CONTAINER_H

#include <stddef.h>

/* The struct of `type` whose `member` is at `pointer`. The pointer must be one. */
#define WEIR_CONTAINER_OF(pointer, type, member)                                                   \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
