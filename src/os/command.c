/* os/command.c - running a command to its end: weir_command of <weir/process.h>.
 *
 * One task feeds it and one reads each output, in a scope of the call; the caller waits for its
 * end. */
#include <signal.h>
#include <string.h>
#include <weir/process.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/options.h"
#include "sys/current.h"

#define OUTPUT_DEFAULT (1u << 20)
#define OUTPUT_FIRST   4096u
#define GRACE_DEFAULT  WEIR_SECONDS(5)
#define DRAIN_DEFAULT  WEIR_SECONDS(1)

struct kept {
    struct command *command;
    weir_stream from;
    weir_task task;
    unsigned char *bytes;
    size_t len, room;
};

struct command {
    struct weir_process_options process;
    struct weir_command_options options;
    weir_process handle;
    weir_stream input;
    weir_task feeder;
    struct kept output, error;
    struct weir_exit exit;
    bool cut;
    int failure; /* of a reader; atomically, the first one */
};

static void fail(struct command *command, int code)
{
    int none = 0;

    (void)WEIR_ATOMIC_CAS(&command->failure, &none, code, SEQ_CST);
    (void)weir_process_kill_tree(command->handle, SIGKILL);
}

static int feed(void *arg)
{
    struct command *command = arg;

    (void)weir_write_all(command->input, command->options.input, command->options.input_len);
    weir_close(command->input);
    return 0;
}

/* Makes room for `len` bytes and a terminator. */
static int grow(struct kept *kept, size_t len)
{
    size_t room = kept->room ? kept->room : OUTPUT_FIRST;
    unsigned char *bytes;

    while (room <= len)
        room *= 2;
    if (room == kept->room)
        return 0;
    bytes = weir__realloc(kept->bytes, room);
    if (!bytes)
        return WEIR_ENOMEM;
    kept->bytes = bytes;
    kept->room = room;
    return 0;
}

static int keep(struct kept *kept, const weir_lent *lent)
{
    struct command *command = kept->command;
    size_t room = command->options.output_max - kept->len;
    size_t len = lent->len < room ? lent->len : room;
    int rc = len ? grow(kept, kept->len + len) : 0;

    if (rc < 0)
        return rc;
    if (len) {
        memcpy(kept->bytes + kept->len, lent->bytes, len);
        kept->len += len;
        kept->bytes[kept->len] = '\0';
    }
    if (len == lent->len)
        return 0;
    WEIR_ATOMIC_STORE(&command->cut, true, RELAXED);
    return command->options.stop_at_limit == WEIR_ON ? WEIR_ELIMIT : 0;
}

static int read_all(void *arg)
{
    struct kept *kept = arg;
    weir_lent lent;
    int rc;

    while ((rc = weir_read_lent(kept->from, &lent)) > 0) {
        rc = keep(kept, &lent);
        weir_give_back(&lent);
        if (rc < 0)
            break;
    }
    if (rc < 0 && rc != WEIR_ECANCELED)
        fail(kept->command, rc);
    return 0;
}

/* The caller is stopped: the command is, whatever the caller has no time for. */
static void stop(struct command *command)
{
    int signal = command->process.stop_signal ? command->process.stop_signal : SIGTERM;
    weir_block block;

    if (weir_shield_begin(&block, WEIR_FOREVER) < 0)
        return;
    (void)weir_process_stop(command->handle, signal, command->process.grace_ns, &command->exit);
    (void)weir_block_end(&block);
}

static void drain(struct command *command)
{
    weir_block block;

    if (weir_deadline_begin(&block, command->options.drain_ns) == 0) {
        (void)weir_task_join(command->output.task, NULL);
        (void)weir_task_join(command->error.task, NULL);
        (void)weir_block_end(&block);
    }
    (void)weir_task_abort(command->output.task);
    (void)weir_task_abort(command->error.task);
    (void)weir_task_abort(command->feeder);
}

static int spawn_all(struct command *command, weir_scope *scope)
{
    int rc = 0;

    if (command->options.input_len)
        rc = weir_spawn_task(scope, &command->feeder, feed, command);
    if (rc == 0)
        rc = weir_spawn_task(scope, &command->output.task, read_all, &command->output);
    if (rc == 0 && command->error.from.id)
        rc = weir_spawn_task(scope, &command->error.task, read_all, &command->error);
    return rc;
}

static int talk(struct command *command)
{
    struct weir_scope_options options = {.policy = WEIR_SCOPE_ALL};
    weir_scope scope;
    int rc = weir_scope_open_with(&scope, &options);

    if (rc < 0)
        return rc;
    rc = spawn_all(command, &scope);
    if (rc == 0)
        rc = weir_process_wait(command->handle, &command->exit);
    if (rc < 0)
        stop(command);
    drain(command);
    (void)weir_scope_join(&scope);
    return rc < 0 ? rc : command->failure;
}

static void set_up(struct command *command)
{
    struct weir_process_options *process = &command->process;

    process->input = (struct weir_stdio){.kind = WEIR_STDIO_NULL};
    if (command->options.input_len)
        process->input = (struct weir_stdio){.kind = WEIR_STDIO_PIPE, .pipe = &command->input};
    process->output = (struct weir_stdio){.kind = WEIR_STDIO_PIPE, .pipe = &command->output.from};
    process->error = (struct weir_stdio){.kind = WEIR_STDIO_PIPE, .pipe = &command->error.from};
    if (command->options.joined == WEIR_ON)
        process->error = (struct weir_stdio){.kind = WEIR_STDIO_SAME, .descriptor = 1};
    process->process = &command->handle;
    process->scope = NULL;
    if (process->new_session != WEIR_ON)
        process->new_group = WEIR_ON;
    if (!process->grace_ns)
        process->grace_ns = GRACE_DEFAULT;
    if (!command->options.output_max)
        command->options.output_max = OUTPUT_DEFAULT;
    if (!command->options.drain_ns)
        command->options.drain_ns = DRAIN_DEFAULT;
    command->output.command = command->error.command = command;
}

static int run(struct command *command)
{
    int rc = weir_process_start(&command->process);

    if (rc < 0)
        return rc;
    rc = talk(command);
    if (rc < 0 && command->exit.known == 0)
        (void)weir_process_kill_tree(command->handle, SIGKILL);
    weir_close(command->input);
    weir_close(command->output.from);
    weir_close(command->error.from);
    weir_process_close(command->handle);
    return rc;
}

int weir_command_n(const struct weir_process_options *process, size_t process_size,
                   const struct weir_command_options *options, size_t options_size,
                   struct weir_command_result *out, size_t out_size)
{
    WEIR__CALL;
    struct weir_command_result result = {0};
    struct command *command = weir__calloc(1, sizeof *command);
    int rc;

    if (!command) {
        weir__options_give(out, out_size, &result, sizeof result);
        return WEIR_ENOMEM;
    }
    rc = weir__options_copy(&command->process, sizeof command->process, process, process_size);
    if (rc == 0)
        rc = weir__options_copy(&command->options, sizeof command->options, options, options_size);
    if (rc == 0
        && (command->options.drain_ns < 0 || command->options.stop_at_limit > WEIR_OFF
            || command->options.joined > WEIR_OFF || command->process.grace_ns < 0))
        rc = WEIR_EOPTION;
    if (rc < 0) {
        weir__free(command);
        return rc;
    }
    set_up(command);
    rc = run(command);
    result = (struct weir_command_result){
        .exit = command->exit,
        .output = command->output.bytes,
        .output_len = command->output.len,
        .error = command->error.bytes,
        .error_len = command->error.len,
        .cut = command->cut,
    };
    weir__options_give(out, out_size, &result, sizeof result);
    weir__free(command);
    return rc;
}

void weir_command_free(struct weir_command_result *result)
{
    WEIR__CALL;

    weir__free(result->output);
    weir__free(result->error);
    memset(result, 0, sizeof *result);
}
