/* core/spin.c - see spin.h. */
#include "core/spin.h"

#include <string.h>

#include "sys/sys.h"

#define BACKOFF_MIN 16u
#define BACKOFF_MAX 65536u
#define GAP_NS      3500 /* between two looks; a look takes 30 ns in memory, 300 by a system call */

void weir__spin_init(struct weir__spin *spin, int64_t max_ns)
{
    memset(spin, 0, sizeof *spin);
    spin->max_ns = max_ns;
    spin->backoff = BACKOFF_MIN;
}

bool weir__spin_begin(struct weir__spin *spin, int64_t limit_ns)
{
    if (!spin->alone || spin->average_ns >= spin->max_ns)
        return false;
    if (spin->skip) {
        spin->skip--;
        return false;
    }
    spin->budget_ns = 4 * spin->average_ns + 5000;
    if (spin->budget_ns > spin->max_ns)
        spin->budget_ns = spin->max_ns;
    if (limit_ns >= 0 && limit_ns < spin->budget_ns)
        spin->budget_ns = limit_ns;
    spin->looks = 0;
    spin->late = false;
    return true;
}

bool weir__spin_again(struct weir__spin *spin)
{
    uint64_t now_ns = weir__now_ns();

    if (spin->looks++ == 0) {
        spin->count++;
        spin->began_ns = now_ns;
    } else {
        spin->late |= now_ns - spin->before_ns > GAP_NS;
    }
    spin->before_ns = now_ns;
    return (int64_t)(now_ns - spin->began_ns) < spin->budget_ns;
}

void weir__spin_end(struct weir__spin *spin, bool found)
{
    if (!spin->looks)
        return;
    if (found) /* a gap before the last look */
        spin->late |= weir__now_ns() - spin->before_ns > GAP_NS;
    if (found && !spin->late) {
        spin->backoff = BACKOFF_MIN;
        spin->failures = 0;
        return;
    }
    if (spin->failures++ == 0) /* once may be an interrupt */
        return;
    spin->skip = spin->backoff;
    if (spin->backoff < BACKOFF_MAX)
        spin->backoff *= 2;
}
