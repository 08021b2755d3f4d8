/* test/model/runq.c - a worker's queue of tasks: the owner against thieves. */
#include "check/check.h"

#include <string.h>

#include "task/runq.h"

enum {
    TASKS = 6
};

static struct weir__runq queue, thieves[2];
static struct got {
    uintptr_t list[TASKS + 2];
    int count;
} got[3];

static void keep(struct weir__task *task)
{
    struct got *mine = &got[model_thread() < 0 ? 0 : model_thread()];

    if (task)
        mine->list[mine->count++] = (uintptr_t)task;
}

static void begin(void)
{
    memset(&queue, 0, sizeof queue);
    memset(thieves, 0, sizeof thieves);
    memset(got, 0, sizeof got);
}

static struct weir__task *task(uintptr_t number)
{
    return (struct weir__task *)number;
}

static void push_or_spill(uintptr_t number)
{
    struct weir__task *half[WEIR__RUNQ_SLOTS / 2];
    uint32_t i, count;

    if (weir__runq_push(&queue, task(number)))
        return;
    count = weir__runq_spill(&queue, half);
    for (i = 0; i < count; i++)
        keep(half[i]);
    keep(task(number));
}

static void push_and_pop(void)
{
    push_or_spill(1);
    push_or_spill(2);
    keep(weir__runq_pop(&queue));
    push_or_spill(3);
    keep(weir__runq_pop(&queue));
}

/* The queue is full at first. */
static void begin_full(void)
{
    uintptr_t number;

    begin();
    for (number = 1; number <= WEIR__RUNQ_SLOTS; number++)
        MODEL_CHECK(weir__runq_push(&queue, task(number)));
}

static void spill_and_push(void)
{
    push_or_spill(5);
    push_or_spill(6);
}

static void steal(void)
{
    struct weir__runq *mine = &thieves[model_thread() - 1];

    keep(weir__runq_steal(&queue, mine));
    keep(weir__runq_pop(mine));
}

/* Each task that was pushed is somewhere, once. */
static void check_pushed(uintptr_t pushed)
{
    int seen[TASKS + 1] = {0}, i;
    struct weir__task *left;
    uintptr_t number;
    int t;

    while ((left = weir__runq_pop(&queue)))
        seen[(uintptr_t)left]++;
    for (t = 0; t < 2; t++) {
        while ((left = weir__runq_pop(&thieves[t])))
            seen[(uintptr_t)left]++;
    }
    for (t = 0; t < 3; t++) {
        for (i = 0; i < got[t].count; i++)
            seen[got[t].list[i]]++;
    }
    for (number = 1; number <= pushed; number++)
        MODEL_CHECK(seen[number] == 1);
}

static void end_of_three(void)
{
    check_pushed(3);
}

static void end_of_six(void)
{
    check_pushed(6);
}

static const struct model one_thief = {.name = "runq, one thief",
                                       .begin = begin,
                                       .threads = {push_and_pop, steal},
                                       .end = end_of_three};
static const struct model two_thieves = {.name = "runq, two thieves",
                                         .begin = begin,
                                         .threads = {push_and_pop, steal, steal},
                                         .end = end_of_three};

static const struct model full = {.name = "runq, full",
                                  .begin = begin_full,
                                  .threads = {spill_and_push, steal},
                                  .end = end_of_six};

static const struct model full_for_two = {.name = "runq, full, two thieves",
                                          .begin = begin_full,
                                          .threads = {spill_and_push, steal, steal},
                                          .end = end_of_six};

TEST(a_full_queue_is_spilled_or_stolen_from)
{
    model_holds(&full);
    model_holds(&full_for_two);
}

TEST(a_task_is_popped_or_stolen_once)
{
    model_holds(&one_thief);
}

TEST(two_thieves_do_not_get_the_same_task)
{
    model_holds(&two_thieves);
}

TEST(a_queue_whose_tail_releases_nothing_gives_what_was_not_written)
{
    model_fails(&one_thief,
                &(struct model_mutation){.function = "weir__runq_push", .pointer = "&queue->tail"});
}

TEST(an_owner_that_does_not_look_at_the_thieves_index_writes_over_what_is_copied)
{
    model_fails(&full, &(struct model_mutation){.function = "weir__runq_push",
                                                .pointer = "&queue->head",
                                                .blind = true,
                                                .value = 4ull << 32 | 4});
}
