/* test/unit/core_inbox.c - messages keep the order of their sender, and none is lost. */
#include "test.h"

#include <pthread.h>

#include "base/container.h"
#include "core/inbox.h"

#define SENDERS  4
#define MESSAGES 20000

struct message {
    struct weir__inbox_node node;
    int sender, number;
};

static struct weir__inbox inbox;
static struct message messages[SENDERS][MESSAGES];

static void *send_all(void *arg)
{
    int sender = (int)(intptr_t)arg, i;

    for (i = 0; i < MESSAGES; i++) {
        messages[sender][i].sender = sender;
        messages[sender][i].number = i;
        weir__inbox_push(&inbox, &messages[sender][i].node);
    }
    return NULL;
}

TEST(take_gives_the_oldest_first)
{
    struct weir__inbox_node *taken;

    weir__inbox_init(&inbox);
    assert_true(weir__inbox_empty(&inbox));
    assert_null(weir__inbox_take_all(&inbox));
    weir__inbox_push(&inbox, &messages[0][0].node);
    weir__inbox_push(&inbox, &messages[0][1].node);
    assert_false(weir__inbox_empty(&inbox));
    taken = weir__inbox_take_all(&inbox);
    assert_ptr_equal(taken, &messages[0][0].node);
    assert_ptr_equal(taken->weir__next, &messages[0][1].node);
    assert_null(taken->weir__next->weir__next);
    assert_true(weir__inbox_empty(&inbox));
}

TEST(every_message_of_every_thread_comes_in_order)
{
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0}, count = 0;
    intptr_t i;

    weir__inbox_init(&inbox);
    for (i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, (void *)i), 0);
    while (count < SENDERS * MESSAGES) {
        struct weir__inbox_node *node = weir__inbox_take_all(&inbox);

        while (node) {
            struct message *message = WEIR_CONTAINER_OF(node, struct message, node);

            node = node->weir__next;
            assert_int_equal(message->number, next[message->sender]++);
            count++;
        }
    }
    for (i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(weir__inbox_empty(&inbox));
}
