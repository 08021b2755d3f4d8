/* test/model/check/sys.c - the surroundings of a model: parking, threads' own variables, and what
 * the harness asks.
 */
#include "memory.h"

#include "core/handle.h"
#include "core/loop.h"
#include "sys/current.h"
#include "sys/sys.h"

uint64_t model_now_ns = 1;

static uint64_t now_ns(void)
{
    return model_now_ns;
}

static int park(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    (void)timeout_ns;
    return model_park(word, expected);
}

static const struct weir__sys table = {
    .now_ns = now_ns, .wall_ns = now_ns, .park = park, .unpark = model_unpark};
const struct weir__sys *weir__sys = &table;

/* ---- sys/current.h, for the threads of a model ---- */

static struct weir__here heres[MODEL_THREADS_MAX + 1];

void (*weir__current_take_back)(struct weir__here *here);

struct weir__here *weir__here(void)
{
    return &heres[model_thread() + 1];
}

static struct weir__here *enter(void)
{
    struct weir__here *here = weir__here();

    here->inside = 1;
    if (here->lent)
        weir__current_take_back(here);
    return here;
}

struct weir_loop *weir__current_loop(void)
{
    return enter()->loop;
}

void weir__current_set_loop(struct weir_loop *loop)
{
    enter()->loop = loop;
}

struct weir__worker *weir__current_worker(void)
{
    return enter()->worker;
}

void weir__current_set_worker(struct weir__worker *worker)
{
    enter()->worker = worker;
}

uint32_t weir__current_call(void)
{
    uint32_t was = weir__here()->inside;

    (void)enter();
    return was;
}

void weir__current_return(const uint32_t *was)
{
    weir__here()->inside = *was;
}

void weir__current_enter(void)
{
    (void)enter();
}

void weir__current_leave(void)
{
    weir__here()->inside = 0;
}

void model_current_reset(void)
{
    for (int i = 0; i <= MODEL_THREADS_MAX; i++)
        heres[i] = (struct weir__here){0};
}

/* ---- for test_main.c ---- */

/* Runs that are left off leave objects behind. */
uint64_t weir__handle_live(void)
{
    return 0;
}

__attribute__((weak)) struct weir_loop *weir__loop_by_index(uint16_t index)
{
    (void)index;
    return NULL;
}
