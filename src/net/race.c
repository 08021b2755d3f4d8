/* net/race.c - dialling a host by name: attempts that overlap (RFC 8305); see <weir/net.h>.
 *
 * The addresses take turns between the families. An attempt begins when the one before it has
 * failed, or has not succeeded within a delay; the first that succeeds wins, and ends the others.
 * They are tasks of a scope, which the caller joins before it returns, so what they share is on its
 * stack. A winner is who puts its stream in the empty place; a second one closes its own.
 */
#include <string.h>
#include <weir/net.h>
#include <weir/resolve.h>
#include <weir/scope.h>
#include <weir/sync.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/options.h"
#include "net/dial.h"
#include "net/order.h"
#include "sys/current.h"
#include "task/task.h"

#define ATTEMPTS_MAX  16
#define DELAY_DEFAULT WEIR_MILLISECONDS(250)
#define DELAY_MIN     WEIR_MILLISECONDS(10) /* RFC 8305, section 5 */

struct race {
    weir_notify changed;
    uint64_t winner; /* a stream's id, or 0; partners: attempt, weir_dial_host_n */
    uint32_t failed; /* attempts; partners: attempt, decided */
};

struct attempt {
    struct race *race;
    const weir_address *address;
    int rc;
};

static int attempt(void *arg)
{
    struct attempt *a = arg;
    struct race *race = a->race;
    weir_stream stream;
    uint64_t none = 0;

    a->rc =
        weir__dial_address(&stream, (const struct sockaddr *)a->address->storage, a->address->len);
    if (a->rc < 0)
        (void)WEIR_ATOMIC_ADD(&race->failed, 1, ACQ_REL);
    else if (!WEIR_ATOMIC_CAS(&race->winner, &none, stream.id, ACQ_REL))
        weir_close(stream);
    weir_notify_one(&race->changed);
    return a->rc;
}

/* Whether nobody has to be waited for: there is a winner, or all that run have failed. */
static bool decided(const struct race *race, uint32_t running)
{
    return WEIR_ATOMIC_LOAD(&race->winner, ACQUIRE) != 0
           || WEIR_ATOMIC_LOAD(&race->failed, ACQUIRE) == running;
}

/* Waits until it is decided, or for the delay: 0, or why the caller was stopped. */
static int wait_for(struct race *race, uint32_t running, int64_t delay_ns)
{
    weir_block block;
    int rc = weir_deadline_begin(&block, delay_ns);

    while (rc == 0 && !decided(race, running))
        rc = weir_notify_wait(&race->changed);
    (void)weir_block_end(&block);
    return rc == 0 ? 0 : weir_check(); /* 0: it was the delay */
}

static int run(struct race *race, struct attempt *attempts, uint32_t count, int64_t delay_ns)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_FIRST_SUCCESS};
    weir_scope scope;
    uint32_t i;
    int rc = weir_scope_open_with(&scope, &options);

    if (rc < 0)
        return rc;
    for (i = 0; i < count && rc == 0 && !WEIR_ATOMIC_LOAD(&race->winner, ACQUIRE); i++) {
        rc = weir_spawn(&scope, attempt, &attempts[i]);
        if (rc == 0)
            rc = wait_for(race, i + 1, i + 1 < count ? delay_ns : WEIR_FOREVER);
    }
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    return rc;
}

/* How much an error tells of the host: one that has answered, then one that should have. */
static int rank(int error)
{
    switch (error) {
    case WEIR_ECONNREFUSED:
    case WEIR_ECONNRESET:
        return 5;
    case WEIR_ETIMEDOUT:
        return 4;
    case WEIR_EHOSTUNREACH:
        return 3;
    case WEIR_ENETUNREACH:
    case WEIR_EADDRNOTAVAIL:
        return 1;
    case 0:
    case WEIR_ECANCELED:
        return 0;
    default:
        return 2;
    }
}

static int most_telling(const struct attempt *attempts, uint32_t count)
{
    int error = 0;
    uint32_t i;

    for (i = 0; i < count; i++) {
        if (rank(attempts[i].rc) > rank(error))
            error = attempts[i].rc;
    }
    return error;
}

static int race_to(weir_stream *out, const weir_address *list, uint32_t count, int64_t delay_ns)
{
    struct attempt attempts[ATTEMPTS_MAX];
    struct race race;
    uint32_t i;
    int rc;

    memset(&race, 0, sizeof race);
    for (i = 0; i < count; i++)
        attempts[i] = (struct attempt){.race = &race, .address = &list[i]};
    rc = run(&race, attempts, count, delay_ns);
    if (race.winner) {
        out->id = race.winner;
        return 0;
    }
    if (rc == 0)
        rc = most_telling(attempts, count);
    if (rc == 0)
        rc = weir_check();
    return rc < 0 ? rc : WEIR_ECANCELED; /* of the scope's deadline, which is the caller's */
}

static int check(const struct weir_dial_options *o)
{
    return (o->ip == WEIR_IP_ANY || o->ip == WEIR_IP_V4 || o->ip == WEIR_IP_V6)
                   && o->attempt_delay_ns >= 0
               ? 0
               : WEIR_EOPTION;
}

int weir_dial_host_n(weir_stream *out, const char *host, uint16_t port,
                     const struct weir_dial_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_dial_options o = {0};
    struct weir_resolve_options how;
    weir_address *list;
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc == 0)
        rc = check(&o);
    if (rc < 0)
        return rc;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    how = (struct weir_resolve_options){.ip = o.ip, .system = o.system};
    if (!o.attempt_delay_ns)
        o.attempt_delay_ns = DELAY_DEFAULT;
    else if (o.attempt_delay_ns < DELAY_MIN)
        o.attempt_delay_ns = DELAY_MIN;
    list = weir__calloc(ATTEMPTS_MAX, sizeof *list);
    if (!list)
        return WEIR_ENOMEM;
    rc = weir_resolve(list, ATTEMPTS_MAX, host, port, &how);
    if (rc == 1) {
        rc = weir__dial_address(out, (const struct sockaddr *)list->storage, list->len);
    } else if (rc > 1) {
        weir__address_interleave(list, (size_t)rc);
        rc = race_to(out, list, (uint32_t)rc, o.attempt_delay_ns);
    }
    weir__free(list);
    return rc;
}
