/* backend/sim/replay.c - see core/replay.h. */
#include "core/replay.h"

#include <signal.h>
#include <string.h>

#include "base/line.h"
#include "core/sim.h"
#include "sys/call.h"

static const int fatal_signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#define SIGNALS (sizeof fatal_signals / sizeof *fatal_signals)

static struct sigaction before[SIGNALS];
static bool replaced[SIGNALS];

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c && strchr("_-./=:,+@%", c));
}

/* An argument as a shell takes it: in quotes, unless it is plain. */
static const char *add_argument(struct weir__line *line, const char *at, const char *end)
{
    const char *from = at;
    bool plain = true;

    for (; at < end && *at; at++)
        plain &= is_plain(*at);
    weir__line_add(line, plain && at != from ? " " : " '");
    weir__line_add_cut(line, from, (size_t)(at - from));
    if (!plain || at == from)
        weir__line_add(line, "'");
    return at + 1;
}

static void add_command(struct weir__line *line)
{
    char text[WEIR__LINE_BYTES];
    const char *at = text, *end;
    int rc, fd = weir__sys_openat(AT_FDCWD, "/proc/self/cmdline", O_RDONLY, 0);

    if (fd < 0)
        return;
    rc = weir__sys_read(fd, text, sizeof text - 1);
    weir__sys_close(fd);
    text[rc > 0 ? rc : 0] = 0;
    end = text + (rc > 0 ? rc : 0);
    while (at < end)
        at = add_argument(line, at, end);
}

void weir__replay_tell(const char *why)
{
    struct weir__line line;

    weir__line_init(&line);
    weir__line_add(&line, "weir: seed ");
    weir__line_add_number(&line, weir__sim_seed());
    weir__line_add(&line, ": ");
    weir__line_add(&line, why);
    weir__line_add(&line, "; replay: WEIR_SEED=");
    weir__line_add_number(&line, weir__sim_seed());
    add_command(&line);
    line.text[line.len < WEIR__LINE_BYTES - 1 ? line.len : WEIR__LINE_BYTES - 2] = '\n';
    (void)weir__sys_write(STDERR_FILENO, line.text,
                          line.len < WEIR__LINE_BYTES - 1 ? line.len + 1 : WEIR__LINE_BYTES - 1);
}

/* The signal's own action follows: the instruction is made again, or abort goes on. */
static void tell_crash(int number)
{
    size_t i;

    for (i = 0; i < SIGNALS; i++) {
        if (fatal_signals[i] == number)
            weir__sys_sigaction_restore(number, &before[i]);
    }
    weir__replay_tell("the process crashes");
}

/* A program or a sanitizer that handles a signal itself keeps it. */
void weir__replay_watch(void)
{
    struct sigaction action = {.sa_handler = tell_crash, .sa_flags = SA_ONSTACK};
    size_t i;

    for (i = 0; i < SIGNALS; i++) {
        replaced[i] = weir__sys_sigaction(fatal_signals[i], NULL, &before[i]) == 0
                      && before[i].sa_handler == SIG_DFL
                      && weir__sys_sigaction(fatal_signals[i], &action, NULL) == 0;
    }
}

void weir__replay_unwatch(void)
{
    size_t i;

    for (i = 0; i < SIGNALS; i++) {
        if (replaced[i])
            weir__sys_sigaction_restore(fatal_signals[i], &before[i]);
    }
}
