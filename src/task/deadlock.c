/* task/deadlock.c - see deadlock.h. */
#include "task/deadlock.h"

#include <weir/sync.h>

#include "base/container.h"
#include "base/line.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/log.h"
#include "task/task.h"

#define NAME_MAX_SHOWN 32

uint32_t weir__deadlock_watched;
uint32_t weir__deadlock_was_watched;

static uint32_t lock; /* guards what follows, and what is listed */
static struct weir__list waiting = {&waiting, &waiting};
static uint32_t waiting_count;
static uint32_t found_count; /* numbers the reports */

void weir_deadlock_watch(bool on)
{
    if (on)
        WEIR_ATOMIC_STORE(&weir__deadlock_was_watched, 1, RELAXED);
    WEIR_ATOMIC_STORE(&weir__deadlock_watched, on, RELEASE); /* partner: watching */
}

uintptr_t weir__holder(const struct weir__task *task)
{
    return task ? (uintptr_t)task : (uintptr_t)weir__here() | WEIR__HOLDER_THREAD;
}

static struct weir__blocked *find(uintptr_t holder)
{
    struct weir__list *link;

    for (link = waiting.next; link != &waiting; link = link->next) {
        struct weir__blocked *blocked = WEIR_CONTAINER_OF(link, struct weir__blocked, link);

        if (blocked->self == holder)
            return blocked;
    }
    return NULL;
}

/* The one for whom this one waits, if it waits too. */
static struct weir__blocked *next(const struct weir__blocked *blocked)
{
    uintptr_t holder = WEIR_ATOMIC_LOAD(blocked->holder, ACQUIRE) & ~WEIR__HOLDER_FLAG;

    return holder == blocked->self ? NULL : find(holder);
}

/* How many are in the ring that the last one listed has closed; 0: none. */
static uint32_t ring_length(const struct weir__blocked *last)
{
    const struct weir__blocked *at = next(last);
    uint32_t length = 1;

    while (at && at != last && length < waiting_count) {
        at = next(at);
        length++;
    }
    return at == last ? length : 0;
}

static void add_who(struct weir__line *line, const struct weir__blocked *who)
{
    weir__line_add_cut(line, who->name, NAME_MAX_SHOWN);
    weir__line_add(line, " ");
    if (who->id)
        weir__line_add_number(line, who->id);
    else
        weir__line_add_address(line, (const void *)(who->self & ~WEIR__HOLDER_THREAD));
}

/* One line: whom this one waits for. The next one's holder, or 0 if the ring is open again. */
static uintptr_t describe(struct weir__line *line, uint32_t number, uintptr_t self)
{
    const struct weir__blocked *who = find(self);
    const struct weir__blocked *whom = who ? next(who) : NULL;

    if (!whom)
        return 0;
    weir__line_init(line);
    weir__line_add(line, "deadlock ");
    weir__line_add_number(line, number);
    weir__line_add(line, ": ");
    add_who(line, who);
    weir__line_add(line, " waits for ");
    weir__line_add(line, who->kind);
    weir__line_add(line, " ");
    weir__line_add_address(line, who->object);
    weir__line_add(line, ", held by ");
    add_who(line, whom);
    return whom->self;
}

/* A line for each of the ring. No lock is held while the hook runs, so the ring is looked at again
 * for each: it may have been broken by a cancel. */
static void report(uint32_t number, uintptr_t first, uint32_t length)
{
    uintptr_t at = first;

    while (length-- && at) {
        struct weir__line line;

        weir__lock(&lock);
        at = describe(&line, number, at);
        weir__unlock(&lock);
        if (at)
            weir__log(WEIR_LOG_ERROR, line.text);
    }
}

void weir__deadlock_enter(struct weir__blocked *blocked, const char *kind, const void *object,
                          const uintptr_t *holder, const struct weir__task *task)
{
    uint32_t length, number;

    blocked->listed = weir__deadlock_watching();
    if (!blocked->listed)
        return;
    blocked->kind = kind;
    blocked->object = object;
    blocked->holder = holder;
    blocked->self = weir__holder(task);
    blocked->name = task ? task->name : "thread";
    blocked->id = task ? task->id : 0;
    weir__lock(&lock);
    weir__list_push_back(&waiting, &blocked->link);
    waiting_count++;
    length = ring_length(blocked);
    number = length ? ++found_count : 0;
    weir__unlock(&lock);
    report(number, blocked->self, length);
}

void weir__deadlock_leave(struct weir__blocked *blocked)
{
    if (!blocked->listed)
        return;
    weir__lock(&lock);
    weir__list_remove(&blocked->link);
    waiting_count--;
    weir__unlock(&lock);
}
