/* task/deadlock.c - see deadlock.h. */
#include "task/deadlock.h"

#include <weir/sync.h>

#include "base/alloc.h"
#include "base/container.h"
#include "base/line.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/log.h"
#include "task/scope.h"
#include "task/select.h"
#include "task/task.h"

#define NAME_MAX_SHOWN 32
#define LINES_MAX      32 /* of one report */

uint32_t weir__deadlock_watched;
uint32_t weir__deadlock_was_watched;

/* One that reads an object. */
struct reader {
    struct weir__list link;
    const void *object;
    uintptr_t self;
};

static uint32_t lock; /* guards what follows, and what is listed */
static struct weir__list waiting = {&waiting, &waiting};
static struct weir__list reading = {&reading, &reading}; /* the latest first */
static uint32_t found_count;                             /* numbers the reports */

uintptr_t weir__holder(const struct weir__task *task)
{
    return task ? (uintptr_t)task : (uintptr_t)weir__here() | WEIR__HOLDER_THREAD;
}

/* ---- readers ---- */

static struct reader *reader_at(struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct reader, link);
}

/* Forgets the readers of an object (NULL: of all) that are `self` (0: all); the latest alone, if
 * `one`. Under the lock. Whether there were any. */
static bool forget_readers(const void *object, uintptr_t self, bool one)
{
    struct weir__list *link, *next;
    bool any = false;

    for (link = reading.next; link != &reading && !(any && one); link = next) {
        struct reader *reader = reader_at(link);

        next = link->next;
        if ((object && reader->object != object) || (self && reader->self != self))
            continue;
        weir__list_remove(link);
        weir__free(reader);
        any = true;
    }
    return any;
}

void weir__deadlock_reads(const void *object, uintptr_t self)
{
    struct reader *reader = weir__alloc(sizeof *reader);

    if (!reader)
        return;
    reader->object = object;
    reader->self = self;
    weir__lock(&lock);
    weir__list_push_front(&reading, &reader->link);
    weir__unlock(&lock);
}

/* If another one has begun to read than ends it, nothing is known of the others any more. */
void weir__deadlock_reads_no_more(const void *object, uintptr_t self)
{
    weir__lock(&lock);
    if (!forget_readers(object, self, true))
        (void)forget_readers(object, 0, false);
    weir__unlock(&lock);
}

static bool reads(const void *object, uintptr_t self)
{
    struct weir__list *link;

    for (link = reading.next; link != &reading; link = link->next) {
        if (reader_at(link)->object == object && reader_at(link)->self == self)
            return true;
    }
    return false;
}

void weir_deadlock_watch(bool on)
{
    if (on)
        WEIR_ATOMIC_STORE(&weir__deadlock_was_watched, 1, RELAXED);
    WEIR_ATOMIC_STORE(&weir__deadlock_watched, on, RELEASE); /* partner: watching */
    weir__lock(&lock);
    (void)forget_readers(NULL, 0, false); /* those of an earlier time */
    weir__unlock(&lock);
}

/* ---- who waits for whom ---- */

static struct weir__blocked *blocked_at(struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct weir__blocked, link);
}

static struct weir__want want_of(const struct weir__blocked *who, uint32_t at)
{
    struct weir__want want = who->one;

    if (who->want)
        who->want(who->from, at, &want);
    return want;
}

static bool granted(const struct weir__blocked *who)
{
    if (who->select)
        return !weir__select_open(who->select);
    return who->waiter && WEIR_ATOMIC_LOAD(&who->waiter->state, ACQUIRE) == WAITER_GRANTED;
}

static uintptr_t holder_of(const struct weir__want *want)
{
    return WEIR_ATOMIC_LOAD(want->holder, ACQUIRE) & ~WEIR__HOLDER_FLAG;
}

/* Who has been given a lock may not have been granted yet. */
static bool holds(const struct weir__want *want, const struct weir__blocked *who,
                  const struct weir__blocked *whom)
{
    return whom != who && holder_of(want) == whom->self;
}

static bool waits_to_write(const struct weir__blocked *whom, const void *object)
{
    return !whom->want && whom->one.kind == WANT_WRITE && whom->one.object == object;
}

/* Whether it waits, with this want, for another one, or for itself. */
static bool waits_for(const struct weir__blocked *who, const struct weir__want *want,
                      const struct weir__blocked *whom)
{
    switch (want->kind) {
    case WANT_NOTHING:
    case WANT_ANYTHING:
        return false;
    case WANT_MUTEX:
    case WANT_ONCE:
        return holds(want, who, whom);
    case WANT_READ: /* who only waits for readers waits for a writer that is before it */
        return holds(want, who, whom) || (!holder_of(want) && waits_to_write(whom, want->object));
    case WANT_WRITE:
        return holds(want, who, whom) || (!holder_of(want) && reads(want->object, whom->self));
    case WANT_SCOPE:
        return whom->scope == want->object;
    case WANT_TASK:
        return (uintptr_t)want->object == whom->self;
    }
    return false;
}

/* ---- who is stuck ---- */

/* The first that is stuck and for whom it waits with this want; *count says how many there are. */
static struct weir__blocked *obstacle(const struct weir__blocked *who,
                                      const struct weir__want *want, uint64_t *count)
{
    struct weir__blocked *first = NULL;
    struct weir__list *link;

    *count = 0;
    for (link = waiting.next; link != &waiting; link = link->next) {
        struct weir__blocked *whom = blocked_at(link);

        if (whom->stuck && waits_for(who, want, whom)) {
            first = first ? first : whom;
            ++*count;
        }
    }
    return first;
}

/* Of a scope in which one task may end the others all must be stuck. */
static bool is_hopeless(const struct weir__blocked *who, const struct weir__want *want)
{
    const struct weir__scope *scope = want->object;
    uint64_t count;

    if (want->kind == WANT_NOTHING)
        return true;
    if (!obstacle(who, want, &count))
        return false;
    return want->kind != WANT_SCOPE || scope->policy == WEIR_SCOPE_ALL
           || scope->policy == WEIR_SCOPE_FIRST_ERROR
           || count >= WEIR_ATOMIC_LOAD(&scope->count, RELAXED);
}

/* A cancel is on its way to it. */
static bool is_ending(const struct weir__blocked *who)
{
    return who->scope && !who->shielded && weir__scope_cancelled(who->scope);
}

static bool is_stuck(const struct weir__blocked *who)
{
    uint32_t at;

    if (is_ending(who))
        return false;
    for (at = 0; at < who->count; at++) {
        struct weir__want want = want_of(who, at);

        if (!is_hopeless(who, &want))
            return false;
    }
    return true;
}

/* Takes all whom one of those that are inside waits for inside: true if there were more. */
static bool spread(void)
{
    struct weir__list *from, *to;
    bool more = false;
    uint32_t at;

    for (from = waiting.next; from != &waiting; from = from->next) {
        const struct weir__blocked *who = blocked_at(from);

        for (at = 0; who->inside && at < who->count; at++) {
            struct weir__want want = want_of(who, at);

            for (to = waiting.next; to != &waiting; to = to->next) {
                struct weir__blocked *whom = blocked_at(to);

                if (!whom->inside && !granted(whom) && waits_for(who, &want, whom))
                    whom->inside = more = true;
            }
        }
    }
    return more;
}

/* Looks who of those that the last one waits for, in the end, is stuck. */
static void find_stuck(struct weir__blocked *last)
{
    struct weir__list *link;
    bool changed;

    for (link = waiting.next; link != &waiting; link = link->next)
        blocked_at(link)->inside = false;
    last->inside = true;
    while (spread())
        ;
    for (link = waiting.next; link != &waiting; link = link->next)
        blocked_at(link)->stuck = blocked_at(link)->inside;
    do {
        changed = false;
        for (link = waiting.next; link != &waiting; link = link->next) {
            struct weir__blocked *who = blocked_at(link);

            if (who->stuck && !is_stuck(who)) {
                who->stuck = false;
                changed = true;
            }
        }
    } while (changed);
}

/* Leaves those inside who wait for the last one, in the end: the ring. Whether it is one. */
static bool find_ring(struct weir__blocked *last)
{
    struct weir__list *from, *to;
    bool more, ring = false;
    uint32_t at;

    for (from = waiting.next; from != &waiting; from = from->next)
        blocked_at(from)->inside = false;
    last->inside = last->stuck;
    do {
        more = false;
        for (from = waiting.next; from != &waiting; from = from->next) {
            struct weir__blocked *who = blocked_at(from);

            for (at = 0; who->stuck && at < who->count; at++) {
                struct weir__want want = want_of(who, at);

                for (to = waiting.next; to != &waiting; to = to->next) {
                    if (!blocked_at(to)->inside || !waits_for(who, &want, blocked_at(to)))
                        continue;
                    ring |= blocked_at(to) == last;
                    more |= !who->inside;
                    who->inside = true;
                }
            }
        }
    } while (more);
    return ring;
}

/* Under the lock. */
static bool closes_ring(struct weir__blocked *last)
{
    uint64_t count;

    if (!last->want && last->one.kind <= WANT_WRITE) { /* mostly whom it waits for does not wait */
        struct weir__list *link;

        for (link = waiting.next; link != &waiting; link = link->next)
            blocked_at(link)->stuck = true;
        if (!obstacle(last, &last->one, &count))
            return false;
    }
    find_stuck(last);
    return find_ring(last);
}

/* ---- the report ---- */

static void add_who(struct weir__line *line, const struct weir__blocked *who)
{
    weir__line_add_cut(line, who->name, NAME_MAX_SHOWN);
    weir__line_add(line, " ");
    if (who->id)
        weir__line_add_number(line, who->id);
    else
        weir__line_add_address(line, (const void *)(who->self & ~WEIR__HOLDER_THREAD));
}

/* Words for a want: what it is, and what the other one has to do with it. */
struct words {
    const char *noun, *relation;
};

static struct words words_of(const struct weir__want *want)
{
    static const struct words words[] = {
        [WANT_MUTEX] = {"mutex ", ", held by "},   [WANT_ONCE] = {"once ", ", held by "},
        [WANT_READ] = {"rwlock ", ", held by "},   [WANT_WRITE] = {"rwlock ", ", held by "},
        [WANT_SCOPE] = {"scope ", ", which has "}, [WANT_TASK] = {"task ", ", which is "}};
    struct words chosen = words[want->kind];

    if (want->kind == WANT_READ && !holder_of(want))
        chosen.relation = ", after ";
    if (want->kind == WANT_WRITE && !holder_of(want))
        chosen.relation = ", read by ";
    return chosen;
}

/* Whom the report names: one of the ring, if it can. */
static const struct weir__blocked *whom_of(const struct weir__blocked *who,
                                           const struct weir__want *want)
{
    struct weir__list *link;
    uint64_t count;

    for (link = waiting.next; link != &waiting; link = link->next) {
        if (blocked_at(link)->inside && waits_for(who, want, blocked_at(link)))
            return blocked_at(link);
    }
    return obstacle(who, want, &count);
}

static void describe(struct weir__line *line, uint32_t number, const struct weir__blocked *who,
                     const struct weir__want *want)
{
    struct words words = words_of(want);

    weir__line_init(line);
    weir__line_add(line, "deadlock ");
    weir__line_add_number(line, number);
    weir__line_add(line, ": ");
    add_who(line, who);
    weir__line_add(line, who->want ? " selects " : " waits for ");
    weir__line_add(line, words.noun);
    weir__line_add_address(line, want->object);
    weir__line_add(line, words.relation);
    add_who(line, whom_of(who, want));
}

/* The line of this index, of all wants of the ring's members; false: there are not so many. */
static bool describe_nth(struct weir__line *line, uint32_t number, uint32_t nth)
{
    struct weir__list *link;
    uint32_t at;

    for (link = waiting.next; link != &waiting; link = link->next) {
        const struct weir__blocked *who = blocked_at(link);

        for (at = 0; who->inside && at < who->count; at++) {
            struct weir__want want = want_of(who, at);

            if (want.kind == WANT_NOTHING || nth-- > 0)
                continue;
            describe(line, number, who, &want);
            return true;
        }
    }
    return false;
}

/* A line for each of the ring. No lock is held while the hook runs, so the ring is looked at again
 * for each: it may have been broken by a cancel. */
static void report(struct weir__blocked *last, uint32_t number)
{
    struct weir__line line;
    bool more = true;
    uint32_t i;

    for (i = 0; i < LINES_MAX && more; i++) {
        weir__lock(&lock);
        more = closes_ring(last) && describe_nth(&line, number, i);
        weir__unlock(&lock);
        if (more)
            weir__log(WEIR_LOG_ERROR, line.text);
    }
}

/* ---- waiting ---- */

static void enter(struct weir__blocked *blocked, const struct weir__task *task)
{
    uint32_t number;

    blocked->self = weir__holder(task);
    blocked->name = task ? task->name : "thread";
    blocked->id = task ? task->id : 0;
    blocked->scope = task ? task->scope : NULL;
    blocked->shielded = task && task->shields > 0;
    weir__lock(&lock);
    weir__list_push_back(&waiting, &blocked->link);
    number = closes_ring(blocked) ? ++found_count : 0;
    weir__unlock(&lock);
    if (number)
        report(blocked, number);
}

void weir__deadlock_enter(struct weir__blocked *blocked, const struct weir__want *want,
                          const struct weir__waiter *waiter, const struct weir__task *task)
{
    blocked->listed = weir__deadlock_watching();
    if (!blocked->listed)
        return;
    blocked->waiter = waiter;
    blocked->select = NULL;
    blocked->one = *want;
    blocked->want = NULL;
    blocked->count = 1;
    enter(blocked, task);
}

void weir__deadlock_enter_any(struct weir__blocked *blocked, const struct weir__select *select,
                              void (*want)(const void *from, uint32_t at, struct weir__want *out),
                              const void *from, uint32_t count, const struct weir__task *task)
{
    struct weir__want one;
    uint32_t at;

    blocked->listed = weir__deadlock_watching();
    for (at = 0; blocked->listed && at < count; at++) {
        want(from, at, &one);
        blocked->listed = one.kind != WANT_ANYTHING;
    }
    if (!blocked->listed)
        return;
    blocked->waiter = NULL;
    blocked->select = select;
    blocked->want = want;
    blocked->from = from;
    blocked->count = count;
    enter(blocked, task);
}

void weir__deadlock_leave(struct weir__blocked *blocked)
{
    if (!blocked->listed)
        return;
    weir__lock(&lock);
    weir__list_remove(&blocked->link);
    weir__unlock(&lock);
}
