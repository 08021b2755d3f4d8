/* cli/main.c - the weir command: finds the subcommand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
    void (*help)(void);
};

static const struct command commands[] = {
    {"serve", "serve the files of a folder over HTTP", cli_serve, cli_serve_help},
    {"echo", "send back what comes in, over TCP or UNIX sockets", cli_echo, cli_echo_help},
    {"resolve", "the addresses of a host, or the records of a name", cli_resolve, cli_resolve_help},
    {"doctor", "what this machine allows, and what to change", cli_doctor, cli_doctor_help},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static const struct command *find(const char *name)
{
    size_t i;

    for (i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void print_usage(FILE *to)
{
    size_t i;

    fputs("usage: weir COMMAND [OPTION...]\n\n", to);
    for (i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n'weir help COMMAND' tells more; 'weir --version' prints the version.\n", to);
}

static int help(int argc, char **argv)
{
    const struct command *command;

    if (argc == 0) {
        print_usage(stdout);
        return CLI_OK;
    }
    command = find(argv[0]);
    if (!command)
        return cli_fail(CLI_USAGE, "%s: no such command; see 'weir help'", argv[0]);
    command->help();
    return CLI_OK;
}

/* What could not be written is a failure, of a full disk for example. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return code ? code : cli_fail(CLI_FAILED, "cannot write the output: %s", strerror(errno));
}

static int run(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("weir " WEIR_VERSION_TEXT);
        return CLI_OK;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0
        || strcmp(argv[1], "-h") == 0)
        return help(argc - 2, argv + 2);
    command = find(argv[1]);
    if (!command)
        return cli_fail(CLI_USAGE, "%s: no such command; see 'weir help'", argv[1]);
    if (argc > 2 && strcmp(argv[2], "--help") == 0)
        return help(1, argv + 1);
    return command->run(argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    return finish(run(argc, argv));
}
