/* backend/pick.c - which backends to try for a wish. The one file that knows the platform's set. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/loop.h"

static const struct weir__backend *const automatic[] = {&weir__backend_uring, &weir__backend_epoll,
                                                        NULL};
static const struct weir__backend *const uring[] = {&weir__backend_uring, NULL};
static const struct weir__backend *const epoll[] = {&weir__backend_epoll, NULL};
static const struct weir__backend *const sim[] = {&weir__backend_sim, NULL};

const struct weir__backend *const *weir__backend_choices(uint32_t wanted)
{
    const char *name = getenv("WEIR_BACKEND");

    if (wanted == WEIR_BACKEND_AUTO && name) {
        if (strcmp(name, "uring") == 0)
            wanted = WEIR_BACKEND_URING;
        else if (strcmp(name, "epoll") == 0)
            wanted = WEIR_BACKEND_EPOLL;
        else if (strcmp(name, "sim") == 0)
            wanted = WEIR_BACKEND_SIM;
        else if (strcmp(name, "auto") != 0)
            return NULL;
    }
    switch (wanted) {
    case WEIR_BACKEND_AUTO:
        return automatic;
    case WEIR_BACKEND_URING:
        return uring;
    case WEIR_BACKEND_EPOLL:
        return epoll;
    case WEIR_BACKEND_SIM:
        return sim;
    }
    return NULL;
}
