/* test/unit/core_inbox.c - messages from many threads to one. */
#include "core/inbox.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/container.h"
#include "test.h"

enum {
    SENDERS = 4,
    MESSAGES = 20000
};

struct message {
    struct weir__inbox_node node;
    int sender;
    int number;
};

struct sender {
    struct weir__inbox *inbox;
    struct message *messages;
    int number;
};

TEST(messages_of_one_thread_keep_their_order)
{
    struct weir__inbox_node nodes[3], *node;
    struct weir__inbox inbox;

    weir__inbox_init(&inbox);
    assert_true(weir__inbox_empty(&inbox));
    assert_null(weir__inbox_take_all(&inbox));
    for (int i = 0; i < 3; i++)
        weir__inbox_push(&inbox, &nodes[i]);
    assert_false(weir__inbox_empty(&inbox));
    node = weir__inbox_take_all(&inbox);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(node, &nodes[i]);
        node = node->weir__next;
    }
    assert_null(node);
    assert_true(weir__inbox_empty(&inbox));
}

static void *send_all(void *arg)
{
    struct sender *sender = arg;

    for (int i = 0; i < MESSAGES; i++) {
        struct message *message = &sender->messages[i];

        message->sender = sender->number;
        message->number = i;
        weir__inbox_push(sender->inbox, &message->node);
    }
    return NULL;
}

/* How many came out of turn. */
static int receive(struct weir__inbox *inbox, int *next, int *count)
{
    struct weir__inbox_node *node = weir__inbox_take_all(inbox);
    int wrong = 0;

    while (node) {
        struct message *message = WEIR_CONTAINER_OF(node, struct message, node);

        node = node->weir__next;
        wrong += message->number != next[message->sender]++;
        ++*count;
    }
    return wrong;
}

TEST(nothing_is_lost_between_threads)
{
    struct weir__inbox inbox;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0}, count = 0, wrong = 0;

    weir__inbox_init(&inbox);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&inbox, calloc(MESSAGES, sizeof(struct message)), i};
        assert_non_null(senders[i].messages);
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    while (count < SENDERS * MESSAGES)
        wrong += receive(&inbox, next, &count);
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        free(senders[i].messages);
    }
    assert_int_equal(wrong, 0);
    assert_true(weir__inbox_empty(&inbox));
}
