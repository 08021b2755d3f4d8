/* test/fault/system.c - facts, random bytes and look-ups, while the n-th allocation or system call
 * fails. */
#include "test.h"

#include <string.h>
#include <weir.h>

#include "support/faults.h"

static int ask_machine(void)
{
    struct weir_processors processors;
    struct weir_memory_facts memory;
    struct weir_names names;
    double load[3];
    char path[4096];
    int rc = weir_system_processors(&processors);

    if (rc < 0 || processors.usable < 1)
        return 1; /* that has always an answer */
    rc = weir_system_memory(&memory);
    if (rc == 0 && (memory.left < 0 || memory.usable <= 0))
        return 1;
    if (rc == 0)
        rc = weir_system_load(load);
    if (rc == 0)
        rc = weir_system_names(&names);
    if (rc == 0)
        rc = weir_system_executable(path, sizeof path, NULL);
    return rc < 0 ? rc : 0;
}

static int ask_names(void)
{
    struct weir_user user = {.number = 7};
    struct weir_group group;
    char **list;
    int rc = weir_user_by_number(0, &user);

    if (rc < 0)
        return user.number == 7 ? rc : 1;
    rc = strlen(user.name) > 0 ? 0 : 1;
    weir_user_free(&user);
    if (rc == 0)
        rc = weir_group_by_number(0, &group);
    if (rc < 0)
        return rc;
    weir_group_free(&group);
    rc = weir_environment_list(&list);
    if (rc >= 0)
        weir_environment_free(list);
    return rc < 0 ? rc : 0;
}

static int ask(void *arg)
{
    static const unsigned char none[32];
    unsigned char bytes[32] = {0};
    int rc = ask_machine();

    (void)arg;
    if (rc == 0)
        rc = ask_names();
    if (rc == 0)
        rc = weir_random(bytes, sizeof bytes);
    return rc == 0 && memcmp(bytes, none, sizeof bytes) == 0 ? 1 : rc;
}

static int run_ask(void)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};

    return weir_run(ask, NULL, &options);
}

TEST(every_allocation_of_a_question_may_fail)
{
    fail_each(run_ask, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_question_may_fail)
{
    fail_each(run_ask, WEIR__FAULT_CALL);
}
