/* test/os/user.c - users and groups by name and by number. */
#include "test.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "os/user.h"
#include "support/run.h"

static int find_users(void *arg)
{
    struct weir_user user = {0}, again = {0};
    struct passwd *wanted = getpwuid(0);

    (void)arg;
    CHECK(wanted != NULL);
    CHECK(weir_user_by_number(0, &user) == 0);
    CHECK(strcmp(user.name, wanted->pw_name) == 0 && user.number == 0);
    CHECK(strcmp(user.home, wanted->pw_dir) == 0 && strcmp(user.shell, wanted->pw_shell) == 0);
    CHECK(strcmp(user.about, wanted->pw_gecos) == 0 && user.group == wanted->pw_gid);
    CHECK(weir_user_by_name(user.name, &again) == 0 && again.number == 0);
    weir_user_free(&user);
    CHECK(user.memory == NULL);
    weir_user_free(&user);
    weir_user_free(&again);
    CHECK(weir_user_own() == geteuid() && weir_group_own() == getegid());
    return 0;
}

TEST(users_are_found_by_name_and_by_number)
{
    assert_int_equal(run_with(find_users, NULL, 1), 0);
}

static int find_groups(void *arg)
{
    struct weir_group group = {0}, again = {0};
    struct group *wanted = getgrgid(0);
    size_t i;

    (void)arg;
    CHECK(wanted != NULL);
    CHECK(weir_group_by_number(0, &group) == 0);
    CHECK(strcmp(group.name, wanted->gr_name) == 0 && group.number == 0);
    for (i = 0; wanted->gr_mem[i]; i++)
        CHECK(strcmp(group.members[i], wanted->gr_mem[i]) == 0);
    CHECK(group.members[i] == NULL);
    CHECK(weir_group_by_name(group.name, &again) == 0 && again.number == 0);
    weir_group_free(&group);
    weir_group_free(&again);
    return 0;
}

TEST(groups_are_found_by_name_and_by_number)
{
    assert_int_equal(run_with(find_groups, NULL, 1), 0);
}

static int find_none(void *arg)
{
    struct weir_user user = {.number = 7};
    struct weir_group group = {.number = 7};

    (void)arg;
    CHECK(weir_user_by_name("no-such-user-here", &user) == WEIR_ENOENT);
    CHECK(weir_user_by_number(3999999999u, &user) == WEIR_ENOENT);
    CHECK(weir_user_by_name("", &user) == WEIR_EINVAL);
    CHECK(weir_user_by_name(NULL, &user) == WEIR_EINVAL);
    CHECK(user.number == 7 && !user.memory);
    CHECK(weir_group_by_name("no-such-group-here", &group) == WEIR_ENOENT);
    CHECK(weir_group_by_number(3999999999u, &group) == WEIR_ENOENT);
    CHECK(weir_group_by_name("", &group) == WEIR_EINVAL);
    CHECK(weir_group_by_name(NULL, &group) == WEIR_EINVAL);
    CHECK(group.number == 7 && !group.memory);
    return 0;
}

TEST(whom_there_is_not_is_told_and_nothing_given)
{
    assert_int_equal(run_with(find_none, NULL, 1), 0);
}

static int find_too_much(void *arg)
{
    struct weir_user user = {.number = 7};

    (void)arg;
    CHECK(weir_user_by_number(0, &user) == WEIR_ELIMIT && user.number == 7);
    return 0;
}

TEST(the_room_for_an_entry_grows_to_a_limit)
{
    size_t before = weir__user_room;

    weir__user_room = 1;
    assert_int_equal(run_with(find_users, NULL, 1), 0);
    assert_int_equal(run_with(find_groups, NULL, 1), 0);
    weir__user_room = 2u << 20;
    assert_int_equal(run_with(find_too_much, NULL, 1), 0);
    weir__user_room = before;
}

TEST(only_tasks_look_up)
{
    struct weir_user user;

    assert_int_equal(weir_user_by_number(0, &user), WEIR_ENOTASK);
}

/* ---- stopped ---- */

static int stay_busy(void *arg)
{
    int *state = arg;

    SAY(*state, 1);
    while (SEE(*state) != 2)
        sched_yield();
    return 0;
}

static int keep_busy(void *arg)
{
    return weir_blocking_in(WEIR_BLOCKING_NAMES, stay_busy, arg);
}

static int meet_deadline(void *arg)
{
    struct weir_blocking_options one = {.threads_max = 1}, many = {.threads_max = 32};
    struct weir_user user = {.number = 7};
    weir_scope scope;
    weir_block block;
    int state = 0;

    (void)arg;
    CHECK(weir_blocking_limit(WEIR_BLOCKING_NAMES, &one) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, keep_busy, &state) == 0);
    YIELD_UNTIL(SEE(state) == 1);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(5)) == 0);
    CHECK(weir_user_by_number(0, &user) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(user.number == 7);
    SAY(state, 2);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_user_by_number(0, &user) == 0);
    weir_user_free(&user);
    CHECK(weir_blocking_limit(WEIR_BLOCKING_NAMES, &many) == 0);
    return 0;
}

TEST(a_look_up_has_deadlines)
{
    not_on_sim("its pool has no threads");
    assert_int_equal(run_with(meet_deadline, NULL, 2), 0);
}
