/* sys/fatal.c - the fatal hook, and assertions that report through it. */
#include "sys/fatal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/fatal.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/line.h"

static void write_line(const char *line)
{
    ssize_t ignored = write(STDERR_FILENO, line, strlen(line));

    ignored = write(STDERR_FILENO, "\n", 1);
    (void)ignored;
}

static weir_fatal *hook = write_line;

void weir_set_fatal(weir_fatal *chosen)
{
    WEIR_ATOMIC_STORE(&hook, chosen ? chosen : write_line, SEQ_CST);
}

void weir__fatal(const char *line)
{
    WEIR_ATOMIC_LOAD(&hook, SEQ_CST)(line);
    abort();
}

void weir__assert_failed(const char *text, const char *file, int number)
{
    struct weir__line line;

    weir__line_init(&line);
    weir__line_add(&line, "weir: ");
    weir__line_add(&line, file);
    weir__line_add(&line, ":");
    weir__line_add_number(&line, (uint64_t)number);
    weir__line_add(&line, ": broken invariant: ");
    weir__line_add(&line, text);
    weir__fatal(line.text);
}
