/* cli/run.c - runs a server of the command. */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli.h"

void cli_wait_for_end(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGQUIT};

    while (weir_signal_wait(signals, 3) == SIGQUIT)
        (void)weir_dump_write(NULL, STDERR_FILENO);
}

/* As many descriptors as the hard limit lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void note_wrong(const struct weir_runtime_option *option, void *arg)
{
    int *code = arg;

    if (option->wrong == WEIR_ON)
        *code = cli_fail(CLI_USAGE,
                         "%s is '%s' in the environment: unset it, or see 'weir doctor "
                         "--options'",
                         option->variable, option->value);
}

int cli_run(const char *command, weir_task_fn *app, void *settings, uint64_t workers,
            uint32_t backend)
{
    struct weir_runtime_options runtime = {.workers = (uint32_t)workers, .backend = backend};
    int code = CLI_OK, rc;

    if (workers > WEIR_WORKERS_MAX)
        return cli_fail(CLI_USAGE, "--workers: at most %d", WEIR_WORKERS_MAX);
    (void)weir_runtime_options_each(&runtime, note_wrong, &code);
    if (code)
        return code;
    raise_descriptor_limit();
    rc = weir_run(app, settings, &runtime);
    if (rc < 0)
        return cli_fail(CLI_FAILED, "%s ended: %s; see 'weir doctor'", command, weir_strerror(rc));
    return CLI_OK;
}
