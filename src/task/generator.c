/* task/generator.c - a task that gives values; see <weir/generator.h>.
 *
 * A channel without a capacity, and a scope for the one task that sends to it. How the producer has
 * ended is written before it closes the channel, and read after that was seen.
 */
#include <weir/generator.h>

#include "base/atomic.h"
#include "sys/current.h"
#include "task/task.h"

static int produce(void *arg)
{
    weir_generator *generator = arg;
    int rc = generator->weir__fn(generator, generator->weir__arg);

    generator->weir__result = rc < 0 ? rc : 0;
    WEIR_ATOMIC_STORE(&generator->weir__ended, 1, RELEASE); /* partner: ended */
    (void)weir_chan_close(generator->weir__chan, WEIR_EEOF);
    return generator->weir__result;
}

static bool ended(const weir_generator *generator)
{
    return WEIR_ATOMIC_LOAD(&generator->weir__ended, ACQUIRE);
}

int weir_generator_open(weir_generator *generator, size_t value_size, weir_generator_fn *fn,
                        void *arg)
{
    struct weir_spawn_options options = {.name = "generator"};
    int rc = weir_scope_open(&generator->weir__scope);

    if (rc < 0)
        return rc;
    generator->weir__chan.id = 0;
    generator->weir__fn = fn;
    generator->weir__arg = arg;
    generator->weir__result = 0;
    generator->weir__ended = 0;
    rc = weir_chan_create(&generator->weir__chan, value_size, 0);
    if (rc == 0)
        rc = weir_spawn_with(&generator->weir__scope, produce, generator, &options);
    if (rc == 0)
        return 0;
    weir_chan_destroy(generator->weir__chan);
    (void)weir_scope_join(&generator->weir__scope);
    return rc;
}

int weir_generator_next(weir_generator *generator, void *out)
{
    int rc = weir_chan_recv(generator->weir__chan, out);

    if (rc == 0)
        return 1;
    return rc == WEIR_EEOF && ended(generator) ? generator->weir__result : rc;
}

int weir_generator_yield(weir_generator *generator, const void *value)
{
    return weir_chan_send(generator->weir__chan, value);
}

int weir_generator_close(weir_generator *generator)
{
    WEIR__CALL;
    int rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    weir_scope_cancel(&generator->weir__scope);
    rc = weir_scope_join(&generator->weir__scope);
    weir_chan_destroy(generator->weir__chan);
    generator->weir__chan.id = 0;
    return rc == WEIR_ECANCELED ? 0 : rc;
}
