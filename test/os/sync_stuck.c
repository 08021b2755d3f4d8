/* test/os/sync_stuck.c - reports of deadlocks through readers, joins and selects; and who is not
 * stuck. Each ring is broken by a cancel after its report. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <weir.h>

#include "support/run.h"

enum {
    LINES = 8
};

static char lines[LINES][256];
static int line_count;

static void keep_line(enum weir_log_level level, const char *line)
{
    int at = ADD(line_count, 1) - 1;

    CHECK_INSIDE(level == WEIR_LOG_ERROR);
    if (at < LINES)
        strncpy(lines[at], line, sizeof lines[at] - 1);
}

struct shared {
    weir_mutex first, second, third;
    weir_rwlock rwlock;
    weir_semaphore permits;
    weir_scope *scope;
    weir_task task;
    bool by_permit;
    int held, waits;
};

/* Runs `fn` on 1 to 3 workers while deadlocks are watched for. */
static void watched(weir_task_fn *fn, int expected, void (*expect)(const struct shared *shared))
{
    uint32_t workers;

    for (workers = 1; workers <= 3; workers++) {
        struct shared shared = {.held = 0};

        memset(lines, 0, sizeof lines);
        line_count = 0;
        weir_set_log(keep_line, WEIR_LOG_ERROR);
        weir_deadlock_watch(true);
        assert_int_equal(run_with(fn, &shared, workers), 0);
        weir_deadlock_watch(false);
        weir_set_log(NULL, WEIR_LOG_DEFAULT);
        assert_checks();
        assert_int_equal(line_count, expected);
        if (expect)
            expect(&shared);
    }
}

/* That some line says that one waits for an object, and what the other has to do with it. */
static void expect_line(const char *who, const char *waits, const void *object,
                        const char *relation)
{
    char text[120], begin[40];
    int i;

    snprintf(begin, sizeof begin, ": %s ", who);
    snprintf(text, sizeof text, " %s %p, %s ", waits, object, relation);
    for (i = 0; i < LINES; i++) {
        if (strstr(lines[i], begin) && strstr(lines[i], text))
            return;
    }
    fail_msg("no line has%s...%s; the first is %s", begin, text, lines[0]);
}

/* Waits for a lock until the ring is broken: by a cancel, or by the end of one that was. */
static void lock_until_broken(weir_mutex *mutex)
{
    int rc = weir_mutex_lock(mutex);

    CHECK(rc == 0 || rc == WEIR_ECANCELED);
    if (rc == 0)
        weir_mutex_unlock(mutex);
}

static void read_until_broken(weir_rwlock *rwlock)
{
    int rc = weir_rwlock_read(rwlock);

    CHECK(rc == 0 || rc == WEIR_ECANCELED);
    if (rc == 0)
        weir_rwlock_read_unlock(rwlock);
}

static void write_until_broken(weir_rwlock *rwlock)
{
    int rc = weir_rwlock_write(rwlock);

    CHECK(rc == 0 || rc == WEIR_ECANCELED);
    if (rc == 0)
        weir_rwlock_write_unlock(rwlock);
}

static void spawn(weir_scope *scope, const char *name, weir_task_fn *fn, void *arg)
{
    CHECK(weir_spawn_with(scope, fn, arg, &(struct weir_spawn_options){.name = name}) == 0);
}

/* Lets two tasks run until so many lines were reported, then ends them. */
static int two(void *arg, weir_task_fn *left, weir_task_fn *right, int expected)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    spawn(&scope, "left", left, arg);
    spawn(&scope, "right", right, arg);
    YIELD_UNTIL(SEE(line_count) >= expected);
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    return 0;
}

/* ---- readers ---- */

static int read_then_lock(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2);
    lock_until_broken(&shared->first);
    weir_rwlock_read_unlock(&shared->rwlock);
    return 0;
}

static int lock_then_write(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2);
    write_until_broken(&shared->rwlock);
    weir_mutex_unlock(&shared->first);
    return 0;
}

static int reader_and_writer(void *arg)
{
    return two(arg, read_then_lock, lock_then_write, 2);
}

static void expect_reader_and_writer(const struct shared *shared)
{
    expect_line("left", "waits for mutex", &shared->first, "held by right");
    expect_line("right", "waits for rwlock", &shared->rwlock, "read by left");
}

TEST(a_reader_holds_up_a_writer)
{
    watched(reader_and_writer, 2, expect_reader_and_writer);
}

static int read_twice(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    SAY(shared->held, 1);
    YIELD_UNTIL(weir_rwlock_try_read(&shared->rwlock) == WEIR_EBUSY
                || (weir_rwlock_read_unlock(&shared->rwlock), false));
    read_until_broken(&shared->rwlock);
    weir_rwlock_read_unlock(&shared->rwlock);
    return 0;
}

static int write_after(void *arg)
{
    struct shared *shared = arg;

    YIELD_UNTIL(SEE(shared->held) == 1);
    write_until_broken(&shared->rwlock);
    return 0;
}

static int reader_behind_writer(void *arg)
{
    return two(arg, read_twice, write_after, 2);
}

static void expect_reader_behind_writer(const struct shared *shared)
{
    expect_line("left", "waits for rwlock", &shared->rwlock, "after right");
    expect_line("right", "waits for rwlock", &shared->rwlock, "read by left");
}

TEST(a_reader_that_reads_again_waits_for_the_writer_that_waits_for_it)
{
    watched(reader_behind_writer, 2, expect_reader_behind_writer);
}

static int read_and_write(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_rwlock_try_read(&shared->rwlock) == 0);
    write_until_broken(&shared->rwlock);
    weir_rwlock_read_unlock(&shared->rwlock);
    return 0;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int reader_that_writes(void *arg)
{
    return two(arg, read_and_write, nothing, 1);
}

static void expect_itself(const struct shared *shared)
{
    expect_line("left", "waits for rwlock", &shared->rwlock, "read by left");
}

TEST(a_reader_that_writes_waits_for_itself)
{
    watched(reader_that_writes, 1, expect_itself);
}

/* Reads, and hands that on: another one ends it. */
static int read_for_another(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    SAY(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2); /* `first` is locked */
    CHECK(weir_mutex_lock(&shared->first) == 0);
    weir_mutex_unlock(&shared->first);
    return 0;
}

static int end_of_another(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    YIELD_UNTIL(SEE(shared->held) == 1);
    weir_rwlock_read_unlock(&shared->rwlock);
    CHECK(weir_rwlock_read(&shared->rwlock) == 0);
    weir_rwlock_read_unlock(&shared->rwlock);
    SAY(shared->held, 2);
    CHECK(weir_rwlock_write(&shared->rwlock) == 0);
    weir_rwlock_write_unlock(&shared->rwlock);
    weir_mutex_unlock(&shared->first);
    return 0;
}

static int handed_on(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    spawn(&scope, "left", read_for_another, arg);
    spawn(&scope, "right", end_of_another, arg);
    return weir_scope_join(&scope);
}

TEST(a_reader_whose_lock_another_one_has_released_is_forgotten)
{
    watched(handed_on, 0, NULL);
}

/* ---- joins ---- */

static int lock_first(void *arg)
{
    struct shared *shared = arg;

    lock_until_broken(&shared->first);
    return 0;
}

static int lock_and_join(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    shared->scope = &scope;
    spawn(&scope, "child", lock_first, arg);
    (void)weir_scope_join(&scope);
    weir_mutex_unlock(&shared->first);
    return 0;
}

static int join_of_a_locker(void *arg)
{
    return two(arg, lock_and_join, nothing, 2);
}

static void expect_join(const struct shared *shared)
{
    expect_line("left", "waits for scope", shared->scope, "which has child");
    expect_line("child", "waits for mutex", &shared->first, "held by left");
}

TEST(a_join_waits_for_a_task_that_waits_for_the_joiner)
{
    watched(join_of_a_locker, 2, expect_join);
}

static int lock_and_join_task(void *arg)
{
    struct shared *shared = arg;
    int rc;

    CHECK(weir_mutex_lock(&shared->second) == 0);
    SAY(shared->held, 1);
    YIELD_UNTIL(SEE(shared->waits) == 1);
    rc = weir_task_join(shared->task, NULL);
    CHECK(rc == 0 || rc == WEIR_ECANCELED);
    weir_mutex_unlock(&shared->second);
    return 0;
}

static int lock_second(void *arg)
{
    struct shared *shared = arg;

    YIELD_UNTIL(SEE(shared->held) == 1);
    lock_until_broken(&shared->second);
    return 0;
}

static int join_of_one(void *arg)
{
    struct shared *shared = arg;
    struct weir_spawn_options right = {.name = "right", .task = &shared->task};
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    spawn(&scope, "left", lock_and_join_task, arg);
    CHECK(weir_spawn_with(&scope, lock_second, arg, &right) == 0);
    SAY(shared->waits, 1);
    YIELD_UNTIL(SEE(line_count) >= 2);
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    return 0;
}

static void expect_join_of_one(const struct shared *shared)
{
    int at = strstr(lines[0], ": left ") ? 0 : 1;

    assert_non_null(strstr(lines[at], " waits for task "));
    assert_non_null(strstr(lines[at], ", which is right "));
    expect_line("right", "waits for mutex", &shared->second, "held by left");
}

TEST(a_task_is_joined_that_waits_for_the_joiner)
{
    watched(join_of_one, 2, expect_join_of_one);
}

/* The first that ends has the others cancelled: the one that waits for the joiner is not stuck. */
static int end_later(void *arg)
{
    struct shared *shared = arg;

    YIELD_UNTIL(SEE(shared->waits) == 1);
    return 0;
}

static int lose(void *arg)
{
    struct shared *shared = arg;

    SAY(shared->waits, 1);
    CHECK(weir_mutex_lock(&shared->first) == WEIR_ECANCELED);
    return WEIR_ECANCELED;
}

static int race(void *arg)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_FIRST_DONE};
    struct shared *shared = arg;
    weir_scope scope;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    CHECK(weir_scope_open_with(&scope, &options) == 0);
    spawn(&scope, "loser", lose, arg);
    spawn(&scope, "winner", end_later, arg);
    CHECK(weir_scope_join(&scope) == 0);
    weir_mutex_unlock(&shared->first);
    return 0;
}

TEST(a_race_that_another_task_can_end_is_not_reported)
{
    watched(race, 0, NULL);
}

/* ---- selects ---- */

static int hold_and_select(void *arg)
{
    struct shared *shared = arg;
    weir_case cases[3];
    int at;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 3);
    weir_case_lock(&cases[0], &shared->second);
    weir_case_lock(&cases[1], &shared->third);
    weir_case_none(&cases[2]);
    at = weir_select(cases, 3);
    CHECK(at == 0 || at == 1 || at == WEIR_ECANCELED);
    if (at >= 0)
        weir_mutex_unlock(at == 0 ? &shared->second : &shared->third);
    weir_mutex_unlock(&shared->first);
    return 0;
}

static int hold_second(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_lock(&shared->second) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 3);
    lock_until_broken(&shared->first);
    weir_mutex_unlock(&shared->second);
    return 0;
}

static int hold_third(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_lock(&shared->third) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 3);
    lock_until_broken(&shared->first);
    weir_mutex_unlock(&shared->third);
    return 0;
}

static int select_of_stuck(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    spawn(&scope, "left", hold_and_select, arg);
    spawn(&scope, "right", hold_second, arg);
    spawn(&scope, "third", hold_third, arg);
    YIELD_UNTIL(SEE(line_count) >= 4);
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope);
    return 0;
}

static void expect_select(const struct shared *shared)
{
    expect_line("left", "selects mutex", &shared->second, "held by right");
    expect_line("left", "selects mutex", &shared->third, "held by third");
    expect_line("right", "waits for mutex", &shared->first, "held by left");
    expect_line("third", "waits for mutex", &shared->first, "held by left");
}

TEST(a_select_is_stuck_if_all_of_its_cases_are)
{
    watched(select_of_stuck, 4, expect_select);
}

/* One case is in the ring; the other one is a lock that is released, or a token. */
static int select_one_of_two(void *arg)
{
    struct shared *shared = arg;
    weir_case cases[2];

    CHECK(weir_mutex_lock(&shared->first) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2);
    weir_case_lock(&cases[0], &shared->second);
    if (!shared->by_permit)
        weir_case_lock(&cases[1], &shared->third);
    else
        weir_case_acquire(&cases[1], &shared->permits, 1);
    CHECK(weir_select(cases, 2) == 1);
    if (!shared->by_permit)
        weir_mutex_unlock(&shared->third);
    weir_mutex_unlock(&shared->first);
    return 0;
}

static int wait_for_selector(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_mutex_lock(&shared->second) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2);
    SAY(shared->waits, 1);
    CHECK(weir_mutex_lock(&shared->first) == 0);
    weir_mutex_unlock(&shared->first);
    weir_mutex_unlock(&shared->second);
    return 0;
}

static int select_of_free(void *arg, bool by_permit)
{
    struct shared *shared = arg;
    weir_scope scope;
    int i;

    shared->by_permit = by_permit;
    CHECK(weir_mutex_lock(&shared->third) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    spawn(&scope, "left", select_one_of_two, arg);
    spawn(&scope, "right", wait_for_selector, arg);
    YIELD_UNTIL(SEE(shared->waits) == 1);
    for (i = 0; i < 20; i++)
        CHECK(weir_yield() == 0);
    weir_mutex_unlock(&shared->third);
    if (by_permit)
        CHECK(weir_semaphore_release(&shared->permits) == 0);
    return weir_scope_join(&scope);
}

static int select_of_a_free_lock(void *arg)
{
    return select_of_free(arg, false);
}

static int select_of_a_permit(void *arg)
{
    return select_of_free(arg, true);
}

TEST(a_select_is_not_stuck_while_one_of_its_cases_is_not)
{
    watched(select_of_a_free_lock, 0, NULL);
    watched(select_of_a_permit, 0, NULL);
}

static int select_join(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;
    weir_case cases[2];
    int at;

    CHECK(weir_mutex_lock(&shared->first) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    shared->scope = &scope;
    CHECK(weir_spawn_with(&scope, lock_first, arg,
                          &(struct weir_spawn_options){.name = "child", .task = &shared->task})
          == 0);
    weir_case_join(&cases[0], &scope);
    weir_case_task(&cases[1], shared->task, NULL);
    at = weir_select(cases, 2);
    CHECK(at == 0 || at == 1 || at == WEIR_ECANCELED);
    weir_mutex_unlock(&shared->first);
    if (at != 0)
        (void)weir_scope_join(&scope);
    return 0;
}

static int select_of_a_join(void *arg)
{
    return two(arg, select_join, nothing, 3);
}

static void expect_select_of_a_join(const struct shared *shared)
{
    expect_line("left", "selects scope", shared->scope, "which has child");
    expect_line("child", "waits for mutex", &shared->first, "held by left");
}

TEST(a_select_that_joins_is_stuck_with_what_it_joins)
{
    watched(select_of_a_join, 3, expect_select_of_a_join);
}

/* ---- what anybody may give ---- */

static void *give_later(void *arg)
{
    struct shared *shared = arg;

    SPIN_UNTIL(SEE(shared->waits) == 2);
    CHECK(weir_semaphore_release(&shared->permits) == 0);
    return NULL;
}

/* Both have a permit, and each waits for one more. */
static int take_two(void *arg)
{
    struct shared *shared = arg;

    CHECK(weir_semaphore_acquire(&shared->permits) == 0);
    ADD(shared->held, 1);
    YIELD_UNTIL(SEE(shared->held) == 2);
    ADD(shared->waits, 1);
    CHECK(weir_semaphore_acquire(&shared->permits) == 0);
    CHECK(weir_semaphore_release_n(&shared->permits, 2) == 0);
    return 0;
}

static int permits_run_out(void *arg)
{
    struct shared *shared = arg;
    weir_scope scope;
    pthread_t thread;

    CHECK(weir_semaphore_release_n(&shared->permits, 2) == 0);
    CHECK(pthread_create(&thread, NULL, give_later, shared) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    spawn(&scope, "left", take_two, arg);
    spawn(&scope, "right", take_two, arg);
    CHECK(weir_scope_join(&scope) == 0);
    return pthread_join(thread, NULL);
}

TEST(who_waits_for_permits_is_not_reported)
{
    watched(permits_run_out, 0, NULL);
}
