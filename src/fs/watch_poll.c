/* fs/watch_poll.c - a watcher that looks by itself; see watch.h. */
#include "fs/watch.h"

int weir__watch_poll(struct weir__watch *watch)
{
    (void)watch;
    return WEIR_ENOTSUP;
}
