/* base/list.h - intrusive doubly linked list.
 *
 * A list is a ring through a head that is itself a link. A link that is in no list has next NULL,
 * so that "is it listed" needs no second field. Not thread safe.
 */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct weir__list {
    struct weir__list *next;
    struct weir__list *prev;
};

static inline void weir__list_init(struct weir__list *head)
{
    head->next = head->prev = head;
}

static inline bool weir__list_empty(const struct weir__list *head)
{
    return head->next == head;
}

static inline bool weir__list_linked(const struct weir__list *link)
{
    return link->next != NULL;
}

static inline void weir__list_insert(struct weir__list *before, struct weir__list *link)
{
    link->prev = before;
    link->next = before->next;
    before->next->prev = link;
    before->next = link;
}

static inline void weir__list_push_front(struct weir__list *head, struct weir__list *link)
{
    weir__list_insert(head, link);
}

static inline void weir__list_push_back(struct weir__list *head, struct weir__list *link)
{
    weir__list_insert(head->prev, link);
}

/* Takes the link out; does nothing to one that is in no list. */
static inline void weir__list_remove(struct weir__list *link)
{
    if (!link->next)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = NULL;
}

/* The first link, taken out; NULL when the list is empty. */
static inline struct weir__list *weir__list_pop_front(struct weir__list *head)
{
    struct weir__list *first = head->next;

    if (first == head)
        return NULL;
    weir__list_remove(first);
    return first;
}

/* Moves everything from `source` to the end of `head`. */
static inline void weir__list_splice(struct weir__list *head, struct weir__list *source)
{
    if (weir__list_empty(source))
        return;
    source->next->prev = head->prev;
    source->prev->next = head;
    head->prev->next = source->next;
    head->prev = source->prev;
    weir__list_init(source);
}

#endif
