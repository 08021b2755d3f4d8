/* test/model/inbox.c - messages to a loop, and how it falls asleep and is woken. */
#include "check/rig.h"

#include "base/container.h"

struct letter {
    weir_post post;
    int payload;
    int number;
};

static struct letter letters[4];
static int arrived[4], arrived_count;
static uint32_t work; /* what a rouse tells of */

static void begin(void)
{
    int i;

    rig_begin();
    for (i = 0; i < 4; i++)
        letters[i] = (struct letter){.number = i};
    arrived_count = 0;
    work = 0;
}

static void deliver(weir_post *post, weir_loop *loop)
{
    struct letter *letter = WEIR_CONTAINER_OF(post, struct letter, post);

    (void)loop;
    MODEL_CHECK(letter->payload == 100 + letter->number);
    arrived[arrived_count++] = letter->number;
}

static void post(int number)
{
    letters[number].payload = 100 + number;
    letters[number].post.deliver = deliver;
    weir_loop_post(&rigs[0].loop, &letters[number].post);
}

static void post_two(void)
{
    post(0);
    post(1);
}

static void post_first(void)
{
    post(0);
}

static void post_second(void)
{
    post(1);
}

static void poll_until(int count)
{
    rig_enter();
    while (arrived_count < count)
        (void)weir__loop_poll(&rigs[0].loop, -1);
}

static void poll_until_two(void)
{
    poll_until(2);
}

static void check_order(void)
{
    int i, first = -1, second = -1;

    for (i = 0; i < arrived_count; i++) {
        if (arrived[i] == 0)
            first = i;
        if (arrived[i] == 1)
            second = i;
    }
    MODEL_CHECK(first < second);
}

static const struct model two = {.name = "inbox, one sender",
                                 .begin = begin,
                                 .threads = {poll_until_two, post_two},
                                 .end = check_order};
static const struct model many = {.name = "inbox, two senders",
                                  .begin = begin,
                                  .threads = {poll_until_two, post_first, post_second}};

TEST(messages_arrive_once_and_in_order)
{
    model_holds(&two);
    model_holds(&many);
}

TEST(a_push_that_releases_nothing_is_a_race)
{
    model_fails(&two, &(struct model_mutation){.function = "weir__inbox_push"});
}

TEST(a_loop_that_does_not_look_again_sleeps_for_ever)
{
    model_fails(
        &two, &(struct model_mutation){.function = "weir__inbox_empty", .blind = true, .value = 0});
}

TEST(a_sleep_that_is_announced_loosely_is_missed)
{
    model_fails(&two, &(struct model_mutation){.function = "weir__loop_fall_asleep",
                                               .pointer = "&loop->sleeping"});
    model_fails(&two, &(struct model_mutation){.function = "weir__loop_wake",
                                               .pointer = "&loop->sleeping",
                                               .kind = WEIR__MODEL_LOAD + 1});
}

/* ---- work that the loop itself does not know ---- */

static void take_work(void)
{
    rig_enter();
    while (WEIR_ATOMIC_LOAD(&work, SEQ_CST) != 2)
        (void)weir__loop_poll(&rigs[0].loop, -1);
}

static void give_work(void)
{
    (void)WEIR_ATOMIC_ADD(&work, 1, SEQ_CST);
    weir__loop_rouse(&rigs[0].loop);
}

static const struct model rouses = {
    .name = "inbox, rouse", .begin = begin, .threads = {take_work, give_work, give_work}};

TEST(a_rouse_ends_this_sleep_or_the_next)
{
    model_holds(&rouses);
}

TEST(a_rouse_that_is_not_looked_for_is_lost)
{
    model_fails(&rouses, &(struct model_mutation){.function = "weir__loop_fall_asleep",
                                                  .pointer = "&loop->roused",
                                                  .blind = true,
                                                  .value = 0});
}
