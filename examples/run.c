/* run.c - runs commands of the shell, some at a time.
 *
 *   cc -o run run.c $(pkg-config --cflags --libs weir)
 *   ./run 2 'sleep 1; echo one' 'echo two' 'exit 3' 'sleep 60'
 *
 * The first argument is how many run at once. Each one's output, of both kinds, appears as a whole
 * when it has ended, with a line that says how. One that takes longer than five seconds is stopped
 * with everything that it has started. The program's own code is how many have failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>

struct work {
    char **commands;
    int count;
    int next; /* which nobody has taken yet; guarded by the mutex, as the next */
    int failed;
    weir_mutex mutex;
    weir_stream output;
};

/* What is to be run next, or NULL. */
static const char *take(struct work *work)
{
    const char *command = NULL;

    if (weir_mutex_lock(&work->mutex) < 0)
        return NULL;
    if (work->next < work->count)
        command = work->commands[work->next++];
    weir_mutex_unlock(&work->mutex);
    return command;
}

static int describe(char *line, size_t size, const char *command, int rc,
                    const struct weir_exit *end)
{
    if (rc == WEIR_EDEADLINE)
        return snprintf(line, size, "-- %.100s: stopped\n", command);
    if (rc < 0)
        return snprintf(line, size, "-- %.100s: %s\n", command, weir_strerror(rc));
    if (end->signal)
        return snprintf(line, size, "-- %.100s: signal %d\n", command, end->signal);
    return snprintf(line, size, "-- %.100s: %d\n", command, end->code);
}

/* Both parts together, whoever else writes. */
static int print(struct work *work, const char *command, int rc,
                 const struct weir_command_result *result)
{
    char line[160];
    int len = describe(line, sizeof line, command, rc, &result->exit);

    rc = weir_mutex_lock(&work->mutex);
    if (rc < 0)
        return rc;
    if (result->output_len)
        rc = weir_write_all(work->output, result->output, result->output_len);
    if (rc == 0)
        rc = weir_write_all(work->output, line, (size_t)len);
    work->failed += result->exit.code != 0;
    weir_mutex_unlock(&work->mutex);
    return rc;
}

static int run_some(void *arg)
{
    struct work *work = arg;
    struct weir_command_options options = {.joined = WEIR_ON};
    const char *command;
    int rc = 0;

    while (rc == 0 && (command = take(work))) {
        const char *const arguments[] = {"sh", "-c", command, NULL};
        struct weir_process_options process = {.arguments = arguments};
        struct weir_command_result result;
        weir_block block;
        int ended;

        rc = weir_deadline_begin(&block, WEIR_SECONDS(5));
        if (rc < 0)
            break;
        ended = weir_command(&process, &options, &result);
        weir_block_end(&block);
        rc = print(work, command, ended, &result);
        weir_command_free(&result);
    }
    return rc;
}

static int run_all(void *arg)
{
    char **arguments = arg;
    struct work work = {.commands = arguments + 2};
    int i, rc, at_once = atoi(arguments[1]);
    weir_scope scope;

    while (work.commands[work.count])
        work.count++;
    rc = weir_standard(&work.output, 1);
    if (rc < 0)
        return rc;
    rc = weir_scope_open(&scope);
    if (rc == 0) {
        for (i = 0; i < at_once && rc == 0; i++)
            rc = weir_spawn(&scope, run_some, &work);
        i = weir_scope_join(&scope);
        rc = rc < 0 ? rc : i;
    }
    weir_close(work.output);
    return rc < 0 ? rc : work.failed;
}

int main(int argc, char **argv)
{
    int rc;

    if (argc < 3 || atoi(argv[1]) < 1) {
        fprintf(stderr, "usage: run AT-ONCE COMMAND...\n");
        return 2;
    }
    rc = weir_run(run_all, argv, NULL);
    if (rc < 0)
        fprintf(stderr, "run: %s\n", weir_strerror(rc));
    return rc < 0 ? 127 : rc;
}
