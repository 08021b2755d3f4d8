/* os/clock.c - the clock of the calendar, see <weir/time.h>. */
#include <weir/time.h>

#include "sys/sys.h"

int64_t weir_wall_ns(void)
{
    return (int64_t)weir__wall_ns();
}
