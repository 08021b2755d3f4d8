/* test/os/system.c - facts of the machine and the process, the title, random bytes, the
 * environment. */
#include "test.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

static int given_argc;
static char **given_argv;

static void __attribute__((constructor)) take_arguments(int argc, char **argv)
{
    given_argc = argc;
    given_argv = argv;
}

/* ---- facts ---- */

static int count_workers(void *arg)
{
    *(uint32_t *)arg = weir_worker_count();
    return 0;
}

TEST(processors_are_those_that_a_runtime_takes)
{
    struct weir_processors facts = {0};
    uint32_t workers = 0;

    not_on_sim("it has workers of its own");
    assert_int_equal(weir_system_processors(&facts), 0);
    assert_in_range(facts.usable, 1, facts.mask);
    assert_in_range(facts.mask, 1, facts.configured);
    assert_in_range(facts.online, 1, facts.configured);
    assert_true(facts.quota_milli > 0);
    assert_int_equal(weir_run(count_workers, &workers, NULL), 0);
    assert_int_equal(workers, facts.usable);
}

TEST(memory_is_within_what_there_is)
{
    struct weir_memory_facts facts = {0};
    int64_t first = 0;

    assert_int_equal(weir_system_memory(&facts), 0);
    assert_int_equal(facts.total, (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
    assert_in_range(facts.available, 1, facts.total);
    assert_in_range(facts.usable, 1, facts.total);
    assert_true(facts.left >= 0 && facts.left <= facts.available);
    assert_true(facts.limit > 0 && facts.high >= 0 && facts.used >= -1);
    assert_in_range(facts.resident, 1, facts.total);
    assert_int_equal(weir_system_memory_n((void *)&first, sizeof first), 0);
    assert_int_equal(first, facts.total); /* no more is written than the caller knows */
}

TEST(load_uptime_and_usage_are_there)
{
    struct timespec boot;
    struct weir_usage usage;
    double load[3] = {-1, -1, -1};
    int64_t up = weir_system_uptime_ns();

    assert_int_equal(weir_system_load(load), 0);
    assert_true(load[0] >= 0 && load[1] >= 0 && load[2] >= 0);
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
    assert_true(up > 0 && up <= (int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec);
    assert_int_equal(weir_system_usage(&usage), 0);
    assert_true(usage.user_ns + usage.system_ns > 0 && usage.resident_max > 0);
}

TEST(names_are_those_of_uname)
{
    struct weir_names names;
    struct utsname wanted;
    char host[65], little[2] = "x";

    assert_int_equal(uname(&wanted), 0);
    assert_int_equal(weir_system_names(&names), 0);
    assert_string_equal(names.system, wanted.sysname);
    assert_string_equal(names.release, wanted.release);
    assert_string_equal(names.machine, wanted.machine);
    assert_string_equal(names.host, wanted.nodename);
    assert_int_equal(weir_system_host(host, sizeof host), strlen(wanted.nodename));
    assert_string_equal(host, wanted.nodename);
    assert_int_equal(weir_system_host(little, 1), WEIR_ENOBUFS);
    assert_int_equal(weir_system_host(little, 0), WEIR_ENOBUFS);
    assert_string_equal(little, "x");
}

/* ---- the program ---- */

TEST(the_executable_is_this_one)
{
    char path[PATH_MAX], wanted[PATH_MAX], little[4] = "abc";
    int removed = 7;

    assert_non_null(realpath("/proc/self/exe", wanted));
    assert_int_equal(weir_system_executable(path, sizeof path, &removed), strlen(wanted));
    assert_string_equal(path, wanted);
    assert_int_equal(removed, 0);
    removed = 7;
    assert_int_equal(weir_system_executable(little, sizeof little, &removed), WEIR_ENOBUFS);
    assert_string_equal(little, "abc");
    assert_int_equal(removed, 7);
    assert_int_equal(weir_system_executable(path, strlen(wanted), NULL), WEIR_ENOBUFS);
    assert_int_equal(weir_system_executable(path, strlen(wanted) + 1, NULL), strlen(wanted));
}

/* What a copy of this program says of itself, when it has removed itself or not: see below. */
static void __attribute__((constructor)) play_copy(void)
{
    const char *me = getenv("WEIR_TEST_COPY");
    bool removes = getenv("WEIR_TEST_REMOVES");
    char path[PATH_MAX];
    int removed = 7;

    if (!me)
        return;
    if (removes)
        unlink(me);
    if (weir_system_executable(path, sizeof path, &removed) < 0)
        _exit(3);
    _exit(strcmp(path, me) != 0 ? 4 : removed != removes ? 5 : 0);
}

static int run_copy(const char *path, bool removes)
{
    char command[2 * PATH_MAX];
    int status;

    snprintf(command, sizeof command, "cp /proc/%d/exe '%s'", (int)getpid(), path);
    if (system(command) != 0)
        return 99;
    snprintf(command, sizeof command, "%s WEIR_TEST_COPY='%s' '%s'",
             removes ? "WEIR_TEST_REMOVES=1" : "", path, path);
    status = system(command);
    unlink(path);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST(a_program_that_was_removed_has_the_path_that_it_had)
{
    char folder[] = "/tmp/weir-exe-XXXXXX", path[PATH_MAX];

    not_emulated("a program that starts itself");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/copy", folder);
    assert_int_equal(run_copy(path, true), 0);
    snprintf(path, sizeof path, "%s/copy (deleted)", folder);
    assert_int_equal(run_copy(path, true), 0);
    assert_int_equal(run_copy(path, false), 0);
    rmdir(folder);
}

/* ---- the title ---- */

static ssize_t read_whole(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, cap - 1);

    close(fd);
    out[n < 0 ? 0 : n] = 0;
    return n;
}

static int check_title(void)
{
    char text[8192], name[64], long_title[5000], title[5000];
    char **kept = weir_system_keep_arguments(given_argc, given_argv);
    const char *home = getenv("HOME");

    if (!kept || kept == given_argv || strcmp(kept[0], given_argv[0]) != 0 || kept[given_argc])
        return 10;
    if (weir_system_keep_arguments(given_argc, kept) != kept)
        return 11;
    if (weir_system_title(title, sizeof title) != WEIR_ENODATA)
        return 12;
    if (weir_system_set_title("weir: a title") != 0)
        return 13;
    if (read_whole("/proc/self/cmdline", text, sizeof text) < 0
        || strcmp(text, "weir: a title") != 0)
        return 14;
    if (read_whole("/proc/self/comm", name, sizeof name) < 0
        || strcmp(name, "weir: a title\n") != 0)
        return 15;
    if (weir_system_title(title, sizeof title) != 13 || strcmp(title, "weir: a title") != 0)
        return 16;
    if (weir_system_title(title, 13) != WEIR_ENOBUFS)
        return 17;
    memset(long_title, 't', sizeof long_title - 1);
    long_title[sizeof long_title - 1] = 0;
    if (weir_system_set_title(long_title) != 0 || weir_system_title(title, sizeof title) < 20)
        return 18;
    if (read_whole("/proc/self/cmdline", text, sizeof text) < 0 || strcmp(text, title) != 0)
        return 19;
    if (!home || strcmp(home, getenv("HOME")) != 0 || !strchr(kept[0], '/'))
        return 20;
    if (setenv("WEIR_AFTER", "it", 1) != 0 || strcmp(getenv("WEIR_AFTER"), "it") != 0)
        return 21;
    return weir_system_set_title("") == 0 && weir_system_title(title, sizeof title) == 0 ? 0 : 22;
}

/* In a process of its own, whose title is nobody else's. */
TEST(the_title_is_what_the_systems_tools_show)
{
    char title[8];
    int status = -1, pid;

    not_emulated("the title is the emulator's");
    assert_int_equal(weir_system_set_title("x"), WEIR_ENOTSUP);
    assert_int_equal(weir_system_title(title, sizeof title), WEIR_ENOTSUP);
    setenv("HOME", "/somewhere/that/stays", 0);
    pid = fork();
    if (pid == 0)
        _exit(check_title());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- random bytes ---- */

static bool is_spread(const unsigned char *bytes, size_t len)
{
    size_t counts[256] = {0}, i;

    for (i = 0; i < len; i++)
        counts[bytes[i]]++;
    for (i = 0; i < 256; i++) {
        if (counts[i] < len / 512 || counts[i] > len / 128)
            return false;
    }
    return true;
}

static int draw(void *arg)
{
    size_t len = 3 * 1000 * 1000 + 1;
    unsigned char *bytes = weir_allocate(len), edge[3] = {7, 7, 7};

    (void)arg;
    CHECK(bytes != NULL);
    memset(bytes, 0, len);
    CHECK(weir_random(bytes, len) == 0);
    CHECK(is_spread(bytes, len / 2) && is_spread(bytes + len / 2, len / 2));
    CHECK(weir_random(edge, 0) == 0 && edge[0] == 7);
    do {
        CHECK(weir_random(edge, 1) == 0);
    } while (edge[0] == 7);
    CHECK(edge[1] == 7 && edge[2] == 7);
    weir_release(bytes);
    return 0;
}

TEST(random_bytes_come_whole_for_any_length)
{
    assert_int_equal(run_with(draw, NULL, 1), 0);
}

TEST(a_thread_has_random_bytes_too)
{
    unsigned char a[32] = {0}, b[32] = {0};

    not_on_sim("nobody runs it");
    assert_int_equal(weir_random(a, sizeof a), 0);
    assert_int_equal(weir_random(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

/* ---- the environment ---- */

TEST(variables_are_set_read_and_taken_away)
{
    char value[8] = "before";

    assert_int_equal(weir_environment_unset("WEIR_TEST"), 0);
    assert_int_equal(weir_environment_get("WEIR_TEST", value, sizeof value), WEIR_ENOENT);
    assert_int_equal(weir_environment_set("WEIR_TEST", "1234567"), 0);
    assert_string_equal(getenv("WEIR_TEST"), "1234567");
    assert_int_equal(weir_environment_get("WEIR_TEST", NULL, 0), WEIR_ENOBUFS);
    assert_int_equal(weir_environment_get("WEIR_TEST", value, 7), WEIR_ENOBUFS);
    assert_string_equal(value, "before");
    assert_int_equal(weir_environment_get("WEIR_TEST", value, sizeof value), 7);
    assert_string_equal(value, "1234567");
    assert_int_equal(weir_environment_set("WEIR_TEST", ""), 0);
    assert_int_equal(weir_environment_get("WEIR_TEST", value, sizeof value), 0);
    assert_int_equal(weir_environment_unset("WEIR_TEST"), 0);
    assert_int_equal(weir_environment_unset("WEIR_TEST"), 0);
    assert_null(getenv("WEIR_TEST"));
}

TEST(names_that_are_none_are_refused)
{
    char value[8];

    assert_int_equal(weir_environment_set("", "x"), WEIR_EINVAL);
    assert_int_equal(weir_environment_set("A=B", "x"), WEIR_EINVAL);
    assert_int_equal(weir_environment_unset("A=B"), WEIR_EINVAL);
    assert_int_equal(weir_environment_get("", value, sizeof value), WEIR_EINVAL);
}

static int change_variables(void *arg)
{
    char name[32], value[64];
    int i;

    snprintf(name, sizeof name, "WEIR_TEST_%d", ADD(*(int *)arg, 1));
    for (i = 0; i < 500; i++) {
        char **list = NULL;

        CHECK(weir_environment_set(name, i % 2 ? "odd" : "even, and longer") == 0);
        CHECK(weir_environment_get(name, value, sizeof value) > 0);
        CHECK(strcmp(value, i % 2 ? "odd" : "even, and longer") == 0);
        CHECK(weir_environment_list(&list) > 0 && list[0] != NULL);
        weir_environment_free(list);
        CHECK(weir_yield() == 0);
    }
    CHECK(weir_environment_unset(name) == 0);
    return 0;
}

static int change_all(void *arg)
{
    return run_many(change_variables, arg, 4);
}

TEST(many_may_change_variables_at_once)
{
    int numbers = 0;

    assert_int_equal(run_with(change_all, &numbers, 3), 0);
}

static int start_meanwhile(void *arg)
{
    const char *const arguments[] = {"sh", "-c", "test \"$WEIR_TEST_FIXED\" = fixed", NULL};
    struct weir_process_options options = {.arguments = arguments};
    struct weir_command_result result;
    int i;

    (void)arg;
    for (i = 0; i < 10; i++) {
        CHECK(weir_command(&options, NULL, &result) == 0);
        CHECK(result.exit.known && result.exit.code == 0);
        weir_command_free(&result);
    }
    return 0;
}

static int start_and_change(void *arg)
{
    weir_scope scope;

    CHECK(weir_environment_set("WEIR_TEST_FIXED", "fixed") == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, change_variables, arg) == 0);
    CHECK(weir_spawn(&scope, start_meanwhile, NULL) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_environment_unset("WEIR_TEST_FIXED") == 0);
    return 0;
}

TEST(a_process_gets_the_environment_of_one_moment)
{
    int numbers = 100;

    not_emulated("a child does not share its parent's memory");
    not_on_sim("there are no processes");
    assert_int_equal(run_with(start_and_change, &numbers, 2), 0);
}

TEST(a_list_is_of_one_moment)
{
    char **list = NULL;
    bool found = false;
    int i, count;

    assert_int_equal(weir_environment_set("WEIR_TEST", "a=b"), 0);
    count = weir_environment_list(&list);
    assert_int_equal(weir_environment_unset("WEIR_TEST"), 0);
    for (i = 0; list[i]; i++)
        found |= strcmp(list[i], "WEIR_TEST=a=b") == 0;
    assert_int_equal(i, count);
    assert_true(found);
    weir_environment_free(list);
}
