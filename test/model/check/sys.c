/* test/model/check/sys.c - the surroundings of a model: parking, and what the harness asks. */
#include "check.h"

#include "core/handle.h"
#include "core/loop.h"
#include "sys/sys.h"

static uint64_t now_ns(void)
{
    return 1;
}

static int park(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    (void)timeout_ns;
    return model_park(word, expected);
}

static const struct weir__sys table = {
    .now_ns = now_ns, .wall_ns = now_ns, .park = park, .unpark = model_unpark};
const struct weir__sys *weir__sys = &table;

/* For test_main.c: a model that has the real ones overrides these. */
__attribute__((weak)) uint64_t weir__handle_live(void)
{
    return 0;
}

__attribute__((weak)) struct weir_loop *weir__loop_by_index(uint16_t index)
{
    (void)index;
    return NULL;
}
