/* test/fault/dump.c - dumps in which the n-th allocation or system call fails. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <weir.h>

#include "support/faults.h"

static void count(const struct weir_dump_task *task, void *arg)
{
    (void)task;
    ++*(int *)arg;
}

static int dump_twice(void *arg)
{
    int counted = 0, rc = weir_dump(NULL, count, &counted);

    if (rc < 0)
        return rc;
    if (rc != 1 || counted != 1)
        return 1;
    rc = weir_dump_write(NULL, *(const int *)arg);
    return rc < 0 ? rc : rc != 1;
}

static int run_dump(void)
{
    struct weir_runtime_options options = {.workers = 2, .dump_signal = SIGUSR1};

    int rc, null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    rc = weir_run(dump_twice, &null, &options);
    close(null);
    return rc;
}

TEST(a_dump_that_lacks_memory_fails_cleanly)
{
    fail_each(run_dump, WEIR__FAULT_ALLOC);
}

TEST(a_dump_whose_calls_fail_fails_cleanly)
{
    fail_each(run_dump, WEIR__FAULT_CALL);
}
