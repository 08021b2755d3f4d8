/* os/random.c - random bytes; see <weir/system.h>.
 *
 * The kernel is asked without waiting. Only early at boot it says that it would have to wait: then
 * one byte is fetched by who may wait for it, and all is asked anew.
 */
#include <weir/blocking.h>
#include <weir/system.h>

#include "base/alloc.h"
#include "core/sim.h"
#include "sys/current.h"
#include "sys/random.h"
#include "sys/sys.h"
#include "task/task.h"
#include "task/wait.h"

#define PIECE 16384 /* bytes, about 40 us */

static int fetch_one(void *arg)
{
    return weir__random_bytes(arg, 1);
}

/* Waits until the generator is seeded. The thread that waits may be left. */
static int await_seed(const struct weir__task *task)
{
    char byte, *own;

    if (!task)
        return weir__random_bytes(&byte, 1);
    own = weir__alloc(1);
    return own ? weir_blocking_owned(WEIR_BLOCKING_FILES, fetch_one, own, weir__free, NULL)
               : WEIR_ENOMEM;
}

static int fill(struct weir__task *task, unsigned char *at, size_t len)
{
    int rc = 0;

    while (len > 0 && rc >= 0) {
        rc = weir__random_try(at, len < PIECE ? len : PIECE);
        if (rc == WEIR_EAGAIN) {
            rc = await_seed(task);
        } else if (rc > 0) {
            at += rc;
            len -= (size_t)rc;
            if (task && len > 0)
                (void)weir__task_spend(task);
        }
    }
    return rc < 0 ? rc : 0;
}

int weir_random(void *out, size_t len)
{
    WEIR__CALL;

    return weir__sim_on() ? weir__random_bytes(out, len) : fill(weir__task_current(), out, len);
}
