/* test/cross/core.c - the tests built here have no core: there are no handles and no loops. */
#include <stddef.h>

#include "core/handle.h"
#include "core/loop.h"

uint64_t weir__handle_live(void)
{
    return 0;
}

struct weir_loop *weir__loop_by_index(uint16_t index)
{
    (void)index;
    return NULL;
}
