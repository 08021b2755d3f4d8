/* cli/cli.h - what the subcommands share: options, messages, exit codes.
 *
 * A message is one line on stderr, "weir: ...", that names the thing and says what to do. Exit
 * codes: 0 success, 1 it did not work, 2 it was asked for wrongly.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir.h>

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2
};

#define CLI_LISTENERS_MAX 16

/* Prints "weir: " and the text to stderr, and returns `code`. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One option of a subcommand: its name without dashes, and what takes its value. */
struct cli_option {
    const char *name;
    const char *value; /* what the value is called; NULL: a switch */
    const char *help;
    /* 0, or CLI_USAGE after a message. */
    int (*take)(void *settings, const struct cli_option *option, const char *value);
    size_t offset; /* of the field in the settings */
};

int cli_take_switch(void *settings, const struct cli_option *option, const char *value);
int cli_take_text(void *settings, const struct cli_option *option, const char *value);
int cli_take_count(void *settings, const struct cli_option *option, const char *value);
int cli_take_duration(void *settings, const struct cli_option *option, const char *value);
int cli_take_backend(void *settings, const struct cli_option *option, const char *value);
int cli_take_address(void *settings, const struct cli_option *option, const char *value);

/* Addresses to listen on, in the settings of a subcommand. */
struct cli_addresses {
    const char *text[CLI_LISTENERS_MAX];
    size_t count;
};

/* Reads options and at most one argument (*argument stays as it is without one). The options end
 * with a nameless one. 0, or CLI_USAGE after a message. */
int cli_parse(const char *command, int argc, char **argv, const struct cli_option *options,
              void *settings, const char **argument);

/* Listens, or says why not: "port 80 needs root", "in use", ... */
int cli_listen(weir_listener *out, const char *address);

/* In the main task: waits until SIGINT or SIGTERM ends the server. At each SIGQUIT the tasks are
 * dumped to stderr. */
void cli_wait_for_end(void);

/* Raises the limit of descriptors and runs `app` as the main task: CLI_OK, or a code after a
 * message that names what is wrong. `workers` and `backend` are as in the options, zero for the
 * default. */
int cli_run(const char *command, weir_task_fn *app, void *settings, uint64_t workers,
            uint32_t backend);

void cli_print_options(const struct cli_option *options);

int cli_echo(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_resolve(int argc, char **argv);
void cli_echo_help(void);
void cli_serve_help(void);
void cli_doctor_help(void);
void cli_resolve_help(void);

#endif
