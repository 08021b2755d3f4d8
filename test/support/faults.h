/* test/support/faults.h - an exchange in which the n-th allocation or call fails, for every n.
 *
 * `run` makes the exchange once and cleans up after it: 0, a negative code when it has failed
 * cleanly, or a positive one when what came was wrong.
 */
#ifndef WEIR_TEST_SUPPORT_FAULTS_H
#define WEIR_TEST_SUPPORT_FAULTS_H

#include "test.h"

#include <stdint.h>

#include "base/fault.h"
#include "core/handle.h"

static inline void fail_each(int (*run)(void), enum weir__fault_kind kind)
{
    uint64_t n, count;

    assert_int_equal(run(), 0); /* what is made once a process is there */
    weir__fault_arm(kind, 0);
    assert_int_equal(run(), 0);
    count = weir__fault_count(kind);
    assert_true(count > 3);
    for (n = 1; n <= count + 3; n++) {
        uint64_t live = weir__handle_live();
        int rc;

        weir__fault_arm(kind, n);
        rc = run();
        weir__fault_arm(kind, 0);
        if (rc > 0)
            fail_msg("fault %d: wrong bytes", (int)n);
        if (weir__handle_live() != live)
            fail_msg("fault %d: a handle is left", (int)n);
    }
    assert_int_equal(run(), 0);
}

#endif
