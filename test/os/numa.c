/* test/os/numa.c - stacks and slabs of a bound worker are asked for on its NUMA node; on a machine
 * with one, that is all that can be seen. */
#include "test.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"
#include "sys/affinity.h"
#include "sys/page.h"
#include "task/runtime.h"
#include "task/task.h"
#include "task/worker.h"

struct place {
    int node; /* where the page is */
    int mode; /* the policy of the memory */
    uint64_t nodes;
};

/* Touches the page. */
static struct place place_of(void *address)
{
    struct place place = {-1, -1, 0};

    __atomic_fetch_add((char *)address, 0, __ATOMIC_SEQ_CST);
    CHECK(syscall(SYS_get_mempolicy, &place.mode, &place.nodes, 64ul, address, MPOL_F_ADDR) == 0);
    CHECK(syscall(SYS_get_mempolicy, &place.node, NULL, 0ul, address,
                  (unsigned long)(MPOL_F_ADDR | MPOL_F_NODE))
          == 0);
    return place;
}

static bool kernel_has_policies(void)
{
    void *page;
    int mode, rc;

    assert_int_equal(weir__page_map(weir__page_size(), &page), 0);
    rc = weir__page_prefer(page, weir__page_size(), 0);
    if (rc == 0)
        rc = (int)syscall(SYS_get_mempolicy, &mode, NULL, 0ul, page, MPOL_F_ADDR);
    weir__page_unmap(page, weir__page_size());
    return rc == 0;
}

TEST(pages_prefer_a_node)
{
    struct place place;
    void *pages;

    if (!kernel_has_policies())
        skip("no memory policies here");
    assert_int_equal(weir__page_map(2 * weir__page_size(), &pages), 0);
    place = place_of(pages);
    assert_int_equal(place.mode, MPOL_DEFAULT);
    assert_int_equal(weir__page_prefer(pages, weir__page_size(), 0), 0);
    place = place_of(pages);
    assert_int_equal(place.mode, MPOL_PREFERRED);
    assert_int_equal(place.nodes, 1);
    assert_int_equal(place.node, 0);
    place = place_of((char *)pages + weir__page_size());
    assert_int_equal(place.mode, MPOL_DEFAULT);
    assert_int_equal(weir__page_prefer(pages, weir__page_size(), -1), WEIR_EINVAL);
    assert_int_equal(weir__page_prefer(pages, weir__page_size(), 64), WEIR_EINVAL);
    weir__page_unmap(pages, 2 * weir__page_size());
    assert_checks();
}

TEST(nodes_of_workers_are_known)
{
    uint32_t i;

    if (weir__affinity_node(0, true) < 0)
        skip("no nodes here");
    for (i = 0; i < 4; i++) {
        assert_true(weir__affinity_node(i, true) >= 0 && weir__affinity_node(i, true) < 64);
        assert_true(weir__affinity_node(i, false) >= 0 && weir__affinity_node(i, false) < 64);
    }
}

/* ---- of workers ---- */

static void check_place(void *address, int node)
{
    struct place place = place_of(address);

    CHECK(place.mode == (node < 0 ? MPOL_DEFAULT : MPOL_PREFERRED));
    CHECK(node < 0 || place.nodes == 1ull << node);
}

static int look(void *arg)
{
    struct weir__task *task = weir__task_current();
    int node = weir__runtime_node(task->runtime, task->home->index);

    weir__current_leave();
    CHECK((node >= 0) == *(bool *)arg);
    check_place(__builtin_frame_address(0), node);
    check_place(task->stack.low, node);
    check_place(task, node);
    return 0;
}

static int look_everywhere(void *arg)
{
    struct weir_spawn_options options = {.worker = 0};
    weir_scope scope;
    uint32_t i;

    CHECK(look(arg) == 0); /* its stack was touched by the thread that made the runtime */
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 6; i++) {
        options.worker = 1 + i % 2;
        options.stack_size = i < 4 ? 0 : 1 << 20; /* mapped alone */
        CHECK(weir_spawn_with(&scope, look, arg, &options) == 0);
    }
    return weir_scope_join(&scope);
}

static void run_with(uint8_t pin)
{
    struct weir_runtime_options options = {.workers = 2, .pin = pin};
    bool bound = pin != WEIR_PIN_NONE;
    cpu_set_t before;

    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(weir_run(look_everywhere, &bound, &options), 0);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_checks();
}

TEST(stacks_and_slabs_of_a_bound_worker_are_on_its_node)
{
    if (!kernel_has_policies() || weir__affinity_node(0, true) < 0)
        skip("no memory policies or nodes here");
    run_with(WEIR_PIN_NONE);
    run_with(WEIR_PIN_CORES);
    run_with(WEIR_PIN_NODES);
}
