/* test/fault/process.c - starting a process and talking to it, while the n-th allocation or system
 * call fails. */
#include "test.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <weir.h>

#include "support/faults.h"

/* Whatever failed, no child is left. */
static void await_no_children(void)
{
    siginfo_t info;

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        sched_yield();
}

static int talk(weir_stream to, weir_stream from)
{
    char bytes[5];
    int rc = weir_write_all(to, "hello", 5);

    if (rc == 0)
        rc = weir_read_exactly(from, bytes, 5);
    return rc == 0 && memcmp(bytes, "hello", 5) != 0 ? 1 : rc;
}

static int use_process(void *arg)
{
    weir_process process = {7};
    weir_stream to, from;
    struct weir_process_options options = {
        .arguments = (const char *const[]){"/bin/cat", NULL},
        .input = {.kind = WEIR_STDIO_PIPE, .pipe = &to},
        .output = {.kind = WEIR_STDIO_PIPE, .pipe = &from},
        .kill_on_close = WEIR_ON,
        .process = &process,
    };
    struct weir_exit end;
    int waited, rc = weir_process_start(&options);

    (void)arg;
    if (rc < 0)
        return process.id == 7 ? rc : 1;
    rc = talk(to, from);
    weir_close(to);
    weir_close(from);
    waited = weir_process_wait(process, &end);
    if (waited == 0 && rc == 0 && end.known && end.code != 0)
        rc = 1;
    weir_process_close(process);
    return rc < 0 ? rc : waited < 0 ? waited : rc;
}

static int use_command(void *arg)
{
    struct weir_process_options process = {.arguments = (const char *const[]){"/bin/cat", NULL}};
    struct weir_command_options options = {.input = "hello", .input_len = 5};
    struct weir_command_result result;
    int rc;

    (void)arg;
    memset(&result, 0x5a, sizeof result); /* it is given in any case */
    rc = weir_command(&process, &options, &result);
    if (rc == 0 && (result.output_len > 5 || result.exit.code != 0))
        rc = 1;
    weir_command_free(&result);
    return rc;
}

static int use_pipe(void *arg)
{
    weir_stream to, from;
    int rc = weir_pipe(&from, &to);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = talk(to, from);
    weir_close(to);
    weir_close(from);
    return rc;
}

static int use_select(void *arg)
{
    weir_stream to, from;
    weir_case cases[2];
    char bytes[5];
    int rc = weir_pipe(&from, &to);

    (void)arg;
    if (rc < 0)
        return rc;
    weir_case_read(&cases[0], from, bytes, sizeof bytes);
    weir_case_after(&cases[1], 1);
    rc = weir_select(cases, 2);
    if (rc >= 0)
        rc = weir_write_all(to, "hello", 5);
    if (rc >= 0)
        rc = weir_select(cases, 1);
    if (rc >= 0)
        rc = cases[0].result < 0 ? (int)cases[0].result : cases[0].result == 5 ? 0 : 1;
    weir_close(to);
    weir_close(from);
    return rc;
}

/* It lives for longer than the watch takes to look again where waiting has failed. */
static int use_swept(void *arg)
{
    weir_process process;
    weir_stream to;
    struct weir_process_options options = {
        .arguments = (const char *const[]){"/bin/cat", NULL},
        .input = {.kind = WEIR_STDIO_PIPE, .pipe = &to},
        .new_group = WEIR_ON,
        .sweep = WEIR_ON,
        .process = &process,
    };
    struct weir_exit end;
    int rc = weir_process_start(&options);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_sleep(WEIR_MILLISECONDS(50));
    weir_close(to);
    if (rc == 0)
        rc = weir_process_wait(process, &end);
    if (rc == 0 && end.known && end.code != 0)
        rc = 1;
    weir_process_close(process);
    return rc;
}

static int run_task(weir_task_fn *fn)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};
    int rc = weir_run(fn, NULL, &options);

    await_no_children();
    return rc;
}

static int run_process(void)
{
    return run_task(use_process);
}

static int run_swept(void)
{
    return run_task(use_swept);
}

static int run_command(void)
{
    return run_task(use_command);
}

static int run_pipe(void)
{
    return run_task(use_pipe);
}

static int run_select(void)
{
    return run_task(use_select);
}

TEST(every_allocation_of_a_process_may_fail)
{
    fail_each(run_process, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_process_may_fail)
{
    fail_each(run_process, WEIR__FAULT_CALL);
}

TEST(a_watch_that_fails_does_not_sweep_what_lives)
{
    fail_each(run_swept, WEIR__FAULT_CALL);
}

TEST(every_allocation_of_a_command_may_fail)
{
    fail_each(run_command, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_command_may_fail)
{
    fail_each(run_command, WEIR__FAULT_CALL);
}

TEST(every_allocation_of_a_pipe_may_fail)
{
    fail_each(run_pipe, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_pipe_may_fail)
{
    fail_each(run_pipe, WEIR__FAULT_CALL);
}

TEST(every_allocation_of_a_select_over_a_pipe_may_fail)
{
    fail_each(run_select, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_select_over_a_pipe_may_fail)
{
    fail_each(run_select, WEIR__FAULT_CALL);
}
