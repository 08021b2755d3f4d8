/* task/left.c - see left.h. */
#include "task/left.h"

#include <string.h>

#include "base/container.h"
#include "base/line.h"
#include "core/offload.h"
#include "sys/lock.h"
#include "sys/trace.h"
#include "task/task.h"

void weir__left_add(struct weir__left_list *list, struct weir__left *node,
                    const struct weir__task *task, uint32_t group, weir_task_fn *fn)
{
    node->fn = fn;
    node->group = group;
    node->task_id = task->id;
    memset(node->task_name, 0, sizeof node->task_name);
    memcpy(node->task_name, task->name, strnlen(task->name, sizeof node->task_name - 1));
    weir__lock(&list->lock);
    if (!list->nodes.next)
        weir__list_init(&list->nodes);
    node->serial = ++list->serial;
    weir__list_push_back(&list->nodes, &node->link);
    (void)WEIR_ATOMIC_ADD(&list->count, 1, RELAXED); /* ordered by the end of the task */
    weir__unlock(&list->lock);
}

void weir__left_remove(struct weir__left_list *list, struct weir__left *node)
{
    weir__lock(&list->lock);
    weir__list_remove(&node->link);
    weir__unlock(&list->lock);
    if (WEIR_ATOMIC_SUB(&list->count, 1, SEQ_CST) == 1)
        weir__sys_table()->unpark(&list->count, UINT32_MAX);
}

uint32_t weir__left_count(const struct weir__left_list *list)
{
    return WEIR_ATOMIC_LOAD(&list->count, SEQ_CST);
}

int weir__left_wait(struct weir__left_list *list, uint32_t seen, int64_t timeout_ns)
{
    return weir__sys_table()->park(&list->count, seen, timeout_ns);
}

/* The next one after the number, as it was. */
static bool next(struct weir__left_list *list, uint64_t after, struct weir__left *out)
{
    struct weir__list *link;
    bool found = false;

    weir__lock(&list->lock);
    for (link = list->nodes.next; !found && link && link != &list->nodes; link = link->next) {
        const struct weir__left *node = WEIR_CONTAINER_OF(link, struct weir__left, link);

        found = node->serial > after;
        if (found)
            *out = *node;
    }
    weir__unlock(&list->lock);
    return found;
}

/* "name" of a function that begins there, else as in a dump. */
static void add_function(struct weir__line *line, weir_task_fn *fn)
{
    static const char at_its_begin[] = "+0x0";
    const size_t cut = sizeof at_its_begin - 1;

    weir__trace_describe(line, (void *)(uintptr_t)fn);
    if (line->len > cut && strcmp(line->text + line->len - cut, at_its_begin) == 0) {
        line->len -= cut;
        line->text[line->len] = 0;
    }
}

int weir__left_tell(struct weir__left_list *list, weir_remaining_fn *tell, void *arg)
{
    struct weir__left left = {0};
    int count = 0;

    while (next(list, left.serial, &left)) {
        struct weir_remaining what = {.id = left.task_id, .state = "running"};
        struct weir__line line;

        weir__line_init(&line);
        add_function(&line, left.fn);
        weir__line_add(&line, " (a blocking job of ");
        weir__line_add(&line, weir__offload_name(left.group));
        weir__line_add(&line, " that was left by ");
        weir__line_add(&line, left.task_name);
        weir__line_add(&line, ")");
        what.name = line.text;
        if (tell)
            tell(&what, arg);
        count++;
    }
    return count;
}
