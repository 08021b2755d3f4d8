/* sys/fatal.c - the fatal hook, and assertions that report through it. */
#include "sys/fatal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/fatal.h>

#include "base/assert.h"
#include "base/atomic.h"

#define LINE_MAX_BYTES 256

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

static char *append(char *at, char *end, const char *text)
{
    while (*text && at < end)
        *at++ = *text++;
    *at = 0;
    return at;
}

void weir__assert_failed(const char *text, const char *file, int line)
{
    char message[LINE_MAX_BYTES], digits[12];
    char *at = message, *end = message + sizeof message - 1;
    int i = sizeof digits - 1;

    digits[i] = 0;
    do {
        digits[--i] = (char)('0' + line % 10);
        line /= 10;
    } while (line && i);
    at = append(at, end, "weir: ");
    at = append(at, end, file);
    at = append(at, end, ":");
    at = append(at, end, digits + i);
    at = append(at, end, ": broken invariant: ");
    append(at, end, text);
    weir__fatal(message);
}
