/* core/linger.c - see linger.h. */
#include "core/linger.h"

#include <string.h>

#include "sys/sys.h"

#define BACKOFF_MIN 64u
#define BACKOFF_MAX 65536u
#define GAP_NS      3500 /* between two looks; a look takes 50 ns */
#define LOOK_NS     20   /* and this at least */

void weir__linger_init(struct weir__linger *linger, bool never)
{
    memset(linger, 0, sizeof *linger);
    linger->never = never;
    linger->backoff = BACKOFF_MIN;
}

static bool is_near(const struct weir__linger *linger)
{
    return linger->average_ns < WEIR__LINGER_NEAR_NS;
}

/* Whether this look is one of a trial. */
static bool tries(struct weir__linger *linger)
{
    if (linger->trial == 0 && linger->skip > 0) {
        linger->skip--;
        return false;
    }
    if (linger->trial == 0)
        linger->trial = WEIR__LINGER_TRIAL;
    return true;
}

bool weir__linger_begin(struct weir__linger *linger, bool elsewhere)
{
    if (linger->never)
        return false;
    linger->from_ns = linger->before_ns = weir__now_ns();
    linger->began_ns = 0;
    linger->late = false;
    linger->budget_ns = is_near(linger) ? 2 * WEIR__LINGER_NEAR_NS : WEIR__LINGER_TRIAL_NS;
    linger->looks = (uint32_t)(linger->budget_ns / LOOK_NS);
    return elsewhere && (is_near(linger) || tries(linger));
}

static void end_trial(struct weir__linger *linger)
{
    linger->trial = 0;
    if (is_near(linger)) {
        linger->backoff = BACKOFF_MIN;
        return;
    }
    linger->skip = linger->backoff;
    if (linger->backoff < BACKOFF_MAX)
        linger->backoff *= 2;
}

bool weir__linger_again(struct weir__linger *linger)
{
    uint64_t now_ns = weir__now_ns();

    if (linger->began_ns == 0)
        linger->began_ns = now_ns;
    linger->late |= now_ns - linger->before_ns > GAP_NS;
    linger->before_ns = now_ns;
    if (linger->looks-- && (int64_t)(now_ns - linger->began_ns) < linger->budget_ns)
        return true;
    if (linger->trial) /* nobody came */
        end_trial(linger);
    return false;
}

void weir__linger_end(struct weir__linger *linger, uint64_t now_ns)
{
    int64_t waited_ns = (int64_t)(now_ns - linger->from_ns);

    if (linger->from_ns == 0)
        return;
    linger->from_ns = 0;
    if (linger->began_ns && now_ns - linger->before_ns > GAP_NS)
        linger->late = true; /* a gap before the last look */
    if (linger->late || waited_ns > WEIR__LINGER_LONG_NS)
        waited_ns = WEIR__LINGER_LONG_NS;
    linger->average_ns += (waited_ns - linger->average_ns) / 8;
    if (linger->trial && --linger->trial == 0)
        end_trial(linger);
}
