/* cli/options.c - reading the options of a subcommand. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int cli_fail(int code, const char *format, ...)
{
    va_list list;

    fputs("weir: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    return code;
}

static void *field(void *settings, const struct cli_option *option)
{
    return (char *)settings + option->offset;
}

int cli_take_switch(void *settings, const struct cli_option *option, const char *value)
{
    (void)value;
    *(bool *)field(settings, option) = true;
    return 0;
}

int cli_take_text(void *settings, const struct cli_option *option, const char *value)
{
    *(const char **)field(settings, option) = value;
    return 0;
}

int cli_take_count(void *settings, const struct cli_option *option, const char *value)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || n == 0 || n > UINT32_MAX)
        return cli_fail(CLI_USAGE, "--%s %s: give a whole number from 1", option->name, value);
    *(uint64_t *)field(settings, option) = n;
    return 0;
}

int cli_take_duration(void *settings, const struct cli_option *option, const char *value)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"s", 1e9}, {"", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
    int64_t *out = field(settings, option);
    char *end;
    double n = strtod(value, &end);
    size_t i;

    if (strcmp(value, "none") == 0) {
        *out = WEIR_FOREVER;
        return 0;
    }
    for (i = 0; i < sizeof units / sizeof *units && end != value; i++) {
        if (strcmp(end, units[i].unit) == 0 && n > 0 && n * units[i].ns < 1e18) {
            *out = (int64_t)(n * units[i].ns);
            return 0;
        }
    }
    return cli_fail(CLI_USAGE, "--%s %s: give a time such as 500ms, 30s, 5m or none", option->name,
                    value);
}

int cli_take_backend(void *settings, const struct cli_option *option, const char *value)
{
    static const char *const names[] = {"auto", "uring", "epoll"};
    uint32_t i;

    for (i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            *(uint32_t *)field(settings, option) = i;
            return 0;
        }
    }
    return cli_fail(CLI_USAGE, "--%s %s: give uring, epoll or auto", option->name, value);
}

int cli_take_address(void *settings, const struct cli_option *option, const char *value)
{
    struct cli_addresses *addresses = field(settings, option);

    if (addresses->count == CLI_LISTENERS_MAX)
        return cli_fail(CLI_USAGE, "--%s %s: at most %d addresses", option->name, value,
                        CLI_LISTENERS_MAX);
    addresses->text[addresses->count++] = value;
    return 0;
}

static const struct cli_option *find(const struct cli_option *options, const char *name, size_t len)
{
    for (; options->name; options++) {
        if (strlen(options->name) == len && memcmp(options->name, name, len) == 0)
            return options;
    }
    return NULL;
}

static int take_option(const char *command, const struct cli_option *options, void *settings,
                       char **argv, int argc, int *at)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *option = find(options, name, len);
    const char *value = equals ? equals + 1 : NULL;

    if (!option)
        return cli_fail(CLI_USAGE, "%s: unknown option; see 'weir help %s'", argv[*at], command);
    if (!option->value && value)
        return cli_fail(CLI_USAGE, "--%s takes no value", option->name);
    if (option->value && !value) {
        if (*at + 1 >= argc)
            return cli_fail(CLI_USAGE, "--%s needs a value: %s", option->name, option->value);
        value = argv[++*at];
    }
    return option->take(settings, option, value);
}

int cli_parse(const char *command, int argc, char **argv, const struct cli_option *options,
              void *settings, const char **argument)
{
    bool seen = false, literal = false;
    int i, rc;

    for (i = 0; i < argc; i++) {
        if (!literal && strcmp(argv[i], "--") == 0) {
            literal = true;
        } else if (!literal && strncmp(argv[i], "--", 2) == 0) {
            rc = take_option(command, options, settings, argv, argc, &i);
            if (rc)
                return rc;
        } else if (!literal && argv[i][0] == '-' && argv[i][1]) {
            return cli_fail(CLI_USAGE, "%s: unknown option; see 'weir help %s'", argv[i], command);
        } else if (!argument || seen) {
            return cli_fail(CLI_USAGE, "%s: one argument too many; see 'weir help %s'", argv[i],
                            command);
        } else {
            *argument = argv[i];
            seen = true;
        }
    }
    return 0;
}

void cli_print_options(const struct cli_option *options)
{
    for (; options->name; options++) {
        char head[64];

        snprintf(head, sizeof head, "--%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        printf("  %-26s %s\n", head, options->help);
    }
}
