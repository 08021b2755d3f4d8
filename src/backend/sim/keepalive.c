/* backend/sim/keepalive.c - whether the peer of an idle connection is still there; see sim.h.
 *
 * An end with SO_KEEPALIVE asks after each idle time, whether or not something was said meanwhile.
 * Without an answer it asks again at shorter distances, and fails after so many. A host that has
 * crashed and is up again answers with a reset.
 */
#include <netinet/tcp.h>

#include "backend/sim/sim.h"
#include "base/container.h"
#include "sys/sys.h"

#define SECOND_NS        1000000000ull
#define IDLE_DEFAULT     7200 /* seconds; these are Linux's */
#define INTERVAL_DEFAULT 75
#define COUNT_DEFAULT    9

static uint64_t later(const struct sim_end *end, int name, int otherwise)
{
    int seconds = weir__sim_option(end->socket, IPPROTO_TCP, name, otherwise);

    return weir__now_ns() + (uint64_t)seconds * SECOND_NS;
}

static void ask(struct weir__sim_event *event)
{
    struct sim_end *end = WEIR_CONTAINER_OF(event, struct sim_end, keepalive);
    int most = weir__sim_option(end->socket, IPPROTO_TCP, TCP_KEEPCNT, COUNT_DEFAULT);
    uint32_t life;

    if (weir__sim_wire_reaches(end, &life)) {
        end->unanswered = 0;
        if (weir__sim_life_over(weir__sim_peer(end)->life))
            weir__sim_wire_fail(end, WEIR_ECONNRESET);
        else
            weir__sim_schedule(event, later(end, TCP_KEEPIDLE, IDLE_DEFAULT));
    } else if (++end->unanswered > most) {
        weir__sim_wire_fail(end, WEIR_ETIMEDOUT);
    } else {
        weir__sim_schedule(event, later(end, TCP_KEEPINTVL, INTERVAL_DEFAULT));
    }
}

void weir__sim_keepalive(struct sim_end *end)
{
    weir__sim_unschedule(&end->keepalive);
    end->unanswered = 0;
    end->keepalive.fire = ask;
    if (end->is_open && !end->was_reset
        && weir__sim_option(end->socket, SOL_SOCKET, SO_KEEPALIVE, 0))
        weir__sim_schedule(&end->keepalive, later(end, TCP_KEEPIDLE, IDLE_DEFAULT));
}
