/* test/fault/handover.c - a hand-over in which the n-th allocation or system call fails.
 *
 * Either side may fail; the connection is then the sender's, whole, or nobody's.
 */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/faults.h"

static int use(weir_stream stream)
{
    char in[7] = {0};
    int rc = weir_read_exactly(stream, in, 6);

    return rc < 0 ? rc : strcmp(in, "twofou") != 0;
}

static int go(weir_stream carrier[2], weir_stream ends[2])
{
    struct weir_handover_options with = {
        .unread = "two", .unread_len = 3, .note = "n", .note_len = 1};
    static struct weir_handed handed;
    char in[3];
    int rc = weir_write_all(ends[0], "onefour", 7);

    if (rc == 0)
        rc = weir_read_exactly(ends[1], in, 3);
    if (rc < 0)
        return rc;
    rc = weir_handover_send(carrier[0], ends[1], &with);
    if (rc < 0) {
        int second = weir_read_exactly(ends[1], in, 3);

        return second == 0 && memcmp(in, "fou", 3) != 0 ? 1 : rc;
    }
    rc = weir_handover_receive(carrier[1], &handed);
    if (rc < 0)
        return rc;
    rc = use(handed.stream);
    (void)weir_close(handed.stream);
    return rc;
}

static int exchange(void *arg)
{
    weir_stream carrier[2] = {{0}, {0}}, ends[2] = {{0}, {0}};
    weir_block block;
    int i, rc = weir_deadline_begin(&block, WEIR_MILLISECONDS(300));

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_unix_pair(carrier);
    if (rc == 0)
        rc = weir_unix_pair(ends);
    if (rc == 0)
        rc = go(carrier, ends);
    for (i = 0; i < 2; i++) {
        (void)weir_close(carrier[i]);
        (void)weir_close(ends[i]);
    }
    (void)weir_block_end(&block);
    return rc;
}

static int run(void)
{
    return weir_run(exchange, NULL, NULL);
}

TEST(calls_of_a_hand_over_may_fail)
{
    fail_each(run, WEIR__FAULT_CALL);
}

TEST(allocations_of_a_hand_over_may_fail)
{
    fail_each(run, WEIR__FAULT_ALLOC);
}
