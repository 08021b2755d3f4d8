/* test/unit/base_queue.c - the singly linked queue. */
#include "base/queue.h"

#include "test.h"

TEST(first_in_is_first_out)
{
    struct weir__queue_node nodes[3];
    struct weir__queue queue;

    weir__queue_init(&queue);
    assert_true(weir__queue_empty(&queue));
    assert_null(weir__queue_pop(&queue));
    for (int i = 0; i < 3; i++)
        weir__queue_push(&queue, &nodes[i]);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(weir__queue_pop(&queue), &nodes[i]);
    assert_true(weir__queue_empty(&queue));
}

TEST(a_queue_that_ran_empty_takes_again)
{
    struct weir__queue_node nodes[2];
    struct weir__queue queue;

    weir__queue_init(&queue);
    for (int round = 0; round < 3; round++) {
        weir__queue_push(&queue, &nodes[0]);
        assert_ptr_equal(weir__queue_pop(&queue), &nodes[0]);
        assert_null(weir__queue_pop(&queue));
    }
    weir__queue_push(&queue, &nodes[0]);
    weir__queue_push(&queue, &nodes[1]);
    assert_ptr_equal(weir__queue_pop(&queue), &nodes[0]);
    weir__queue_push(&queue, &nodes[0]);
    assert_ptr_equal(weir__queue_pop(&queue), &nodes[1]);
    assert_ptr_equal(weir__queue_pop(&queue), &nodes[0]);
    assert_null(weir__queue_pop(&queue));
}
