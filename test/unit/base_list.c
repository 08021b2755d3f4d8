/* test/unit/base_list.c - the doubly linked list. */
#include "base/list.h"

#include "base/container.h"
#include "test.h"

struct item {
    int value;
    struct weir__list link;
};

static int value_of(const struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct item, link)->value;
}

TEST(pops_from_the_front_in_order_of_pushes_to_the_back)
{
    struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
    struct weir__list head;

    weir__list_init(&head);
    assert_true(weir__list_empty(&head));
    assert_null(weir__list_pop_front(&head));
    for (int i = 0; i < 3; i++)
        weir__list_push_back(&head, &items[i].link);
    for (int i = 0; i < 3; i++)
        assert_int_equal(value_of(weir__list_pop_front(&head)), i);
    assert_true(weir__list_empty(&head));
}

TEST(push_front_goes_before_all_others)
{
    struct item items[2] = {{.value = 0}, {.value = 1}};
    struct weir__list head;

    weir__list_init(&head);
    weir__list_push_front(&head, &items[0].link);
    weir__list_push_front(&head, &items[1].link);
    assert_int_equal(value_of(weir__list_pop_front(&head)), 1);
    assert_int_equal(value_of(weir__list_pop_front(&head)), 0);
}

TEST(removes_from_the_middle_and_twice_does_nothing)
{
    struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
    struct weir__list head;

    weir__list_init(&head);
    for (int i = 0; i < 3; i++)
        weir__list_push_back(&head, &items[i].link);
    assert_true(weir__list_linked(&items[1].link));
    weir__list_remove(&items[1].link);
    assert_false(weir__list_linked(&items[1].link));
    weir__list_remove(&items[1].link);
    assert_int_equal(value_of(weir__list_pop_front(&head)), 0);
    assert_int_equal(value_of(weir__list_pop_front(&head)), 2);
    assert_true(weir__list_empty(&head));
}

TEST(splice_appends_and_empties_its_source)
{
    struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
    struct weir__list head, source;

    weir__list_init(&head);
    weir__list_init(&source);
    weir__list_splice(&head, &source);
    assert_true(weir__list_empty(&head));
    weir__list_push_back(&head, &items[0].link);
    weir__list_push_back(&head, &items[1].link);
    weir__list_push_back(&source, &items[2].link);
    weir__list_push_back(&source, &items[3].link);
    weir__list_splice(&head, &source);
    assert_true(weir__list_empty(&source));
    for (int i = 0; i < 4; i++)
        assert_int_equal(value_of(weir__list_pop_front(&head)), i);
    assert_true(weir__list_empty(&head));
}
