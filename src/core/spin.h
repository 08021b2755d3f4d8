/* core/spin.h - whether and how long a loop looks for work before it sleeps.
 *
 * Sleeping costs tens of microseconds where the core goes idle, so a loop whose waits are short
 * looks at the backend's memory for a while first. It does so only while one descriptor does all
 * the work (`alone`) and the average wait is shorter than the longest spin; after two
 * spins that found nothing it is not tried again for 16 waits, then for twice as many after each
 * further failure.
 *
 * What the first look finds was there without a spin, and teaches nothing. A clock that jumps
 * between two looks says that somebody else ran on this core meanwhile, perhaps the very peer that
 * the spin waits for, which sleeping would have let run at once: such a find counts as vain.
 *
 * Belongs to one loop; not thread safe.
 */
#ifndef WEIR_CORE_SPIN_H
#define WEIR_CORE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

struct weir_fd;

struct weir__spin {
    int64_t max_ns; /* 0: never */
    int64_t average_ns;
    uint32_t skip;     /* waits still to pass without a spin */
    uint32_t backoff;  /* skips after the next failure */
    uint32_t failures; /* in a row */
    bool alone;        /* one descriptor does all the work: plain calls beat the ring, too */
    uint16_t alone_run;
    const struct weir_fd *last_fd; /* only compared */
    uint64_t count;                /* spins tried */
    /* the spin under way */
    uint64_t began_ns;
    uint64_t before_ns;
    int64_t budget_ns;
    uint32_t looks;
    bool late;
};

void weir__spin_init(struct weir__spin *spin, int64_t max_ns);

/* An operation on `fd` has completed. */
static inline void weir__spin_note_fd(struct weir__spin *spin, const struct weir_fd *fd)
{
    const uint16_t alone_after = 32; /* completions in a row */

    if (fd != spin->last_fd) {
        spin->last_fd = fd;
        spin->alone_run = 0;
        spin->alone = false;
    } else if (spin->alone_run < alone_after) {
        spin->alone_run++;
    } else {
        spin->alone = true;
    }
}

/* A wait has ended that could sleep. */
static inline void weir__spin_note_wait(struct weir__spin *spin, int64_t waited_ns)
{
    spin->average_ns += (waited_ns - spin->average_ns) / 8;
}

/* Before a wait of at most limit_ns (-1: for ever): true if the backend shall look first. Then it
 * looks until it finds something or weir__spin_again says no, and calls weir__spin_end. */
bool weir__spin_begin(struct weir__spin *spin, int64_t limit_ns);
/* After a look that found nothing. */
bool weir__spin_again(struct weir__spin *spin);
void weir__spin_end(struct weir__spin *spin, bool found);

#endif
