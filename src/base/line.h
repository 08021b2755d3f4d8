/* base/line.h - a line of text for a message, built piece by piece.
 *
 * Of fixed size, on the builder's stack: what does not fit is cut off. Uses no function of the C
 * library, so it may be built in a signal handler and on a task's stack. Always terminated.
 */
#ifndef WEIR_BASE_LINE_H
#define WEIR_BASE_LINE_H

#include <stddef.h>
#include <stdint.h>

#define WEIR__LINE_BYTES 256

struct weir__line {
    size_t len;
    char text[WEIR__LINE_BYTES]; /* one byte of it is for the terminator */
};

/* Every line begins so; zeroed memory is an empty line too. */
static inline void weir__line_init(struct weir__line *line)
{
    line->len = 0;
    line->text[0] = 0;
}

/* Adds at most `most` bytes of a text. */
static inline void weir__line_add_cut(struct weir__line *line, const char *text, size_t most)
{
    while (*text && most-- && line->len < WEIR__LINE_BYTES - 1)
        line->text[line->len++] = *text++;
    line->text[line->len] = 0;
}

static inline void weir__line_add(struct weir__line *line, const char *text)
{
    weir__line_add_cut(line, text, WEIR__LINE_BYTES);
}

static inline void weir__line_add_digits(struct weir__line *line, uint64_t number, unsigned base)
{
    char digits[21];
    size_t at = sizeof digits - 1;

    digits[at] = 0;
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    weir__line_add(line, digits + at);
}

static inline void weir__line_add_number(struct weir__line *line, uint64_t number)
{
    weir__line_add_digits(line, number, 10);
}

static inline void weir__line_add_address(struct weir__line *line, const void *address)
{
    weir__line_add(line, "0x");
    weir__line_add_digits(line, (uintptr_t)address, 16);
}

#endif
