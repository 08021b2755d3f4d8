/* test/fault/base_fault.c - the n-th allocation fails, once, and base and core stay whole. */
#include "base/fault.h"

#include <weir/error.h>

#include "base/alloc.h"
#include "base/slab.h"
#include "core/handle.h"
#include "test.h"

TEST(the_armed_allocation_fails_once)
{
    void *kept;

    weir__fault_arm(WEIR__FAULT_ALLOC, 2);
    kept = weir__alloc(8);
    assert_non_null(kept);
    assert_null(weir__realloc(kept, 16));
    assert_int_equal(weir__fault_count(WEIR__FAULT_ALLOC), 2);
    kept = weir__realloc(kept, 16);
    assert_non_null(kept);
    weir__free(kept);
    weir__fault_arm(WEIR__FAULT_ALLOC, 0);
}

TEST(a_slab_without_memory_gives_none_and_recovers)
{
    struct weir__slab slab;

    weir__slab_init(&slab, 64);
    weir__fault_arm(WEIR__FAULT_ALLOC, 1);
    assert_null(weir__slab_take(&slab));
    assert_int_equal(slab.live, 0);
    assert_non_null(weir__slab_take(&slab));
    assert_int_equal(slab.live, 1);
    weir__fault_arm(WEIR__FAULT_ALLOC, 0);
    weir__slab_fini(&slab);
}

TEST(a_table_of_handles_without_memory_says_so_and_recovers)
{
    uint64_t id = 7, before = weir__handle_live();
    uint32_t in_use;
    void *object;

    weir__fault_arm(WEIR__FAULT_ALLOC, 1);
    assert_int_equal(weir__handle_make(WEIR__KIND_STREAM, &id, &id), WEIR_ENOMEM);
    assert_int_equal(id, 7);
    assert_int_equal(weir__handle_live(), before);
    weir__fault_arm(WEIR__FAULT_ALLOC, 0);
    assert_int_equal(weir__handle_make(WEIR__KIND_STREAM, &id, &id), 0);
    assert_int_equal(weir__handle_close(id, WEIR__KIND_STREAM, &in_use, &object), 1);
    weir__handle_free(id);
    assert_int_equal(weir__handle_live(), before);
}
