/* test/cross/cmocka.c - runs a group of tests and prints what cmocka would; see cmocka.h. */
#include "cmocka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

enum outcome {
    OUTCOME_OK = 0,
    OUTCOME_FAILED = 1,
    OUTCOME_SKIPPED = 2,
};

static jmp_buf leave;

void print_message(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

void print_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

void cross_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;

    printf("%s:%d: error: ", file, line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    longjmp(leave, OUTCOME_FAILED);
}

void cross_compare(int want_equal, uintmax_t a, uintmax_t b, const char *file, int line)
{
    if ((a == b) != (want_equal != 0))
        cross_fail(file, line, "%#jx %s %#jx", a, want_equal ? "!=" : "==", b);
}

void cross_range(int want_in, uintmax_t value, uintmax_t low, uintmax_t high, const char *file,
                 int line)
{
    if ((value >= low && value <= high) != (want_in != 0))
        cross_fail(file, line, "%#jx is %s %#jx to %#jx", value, want_in ? "outside" : "in", low,
                   high);
}

void _skip(const char *file, int line)
{
    (void)file;
    (void)line;
    longjmp(leave, OUTCOME_SKIPPED);
}

static enum outcome run_one(const struct CMUnitTest *test, void *state)
{
    int how = setjmp(leave);

    if (how == OUTCOME_OK)
        test->test_func(&state);
    return (enum outcome)how;
}

int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
                            int (*setup)(void **), int (*teardown)(void **))
{
    static const char *const words[] = {"       OK", "  FAILED ", "  SKIPPED"};
    int failed = 0;

    (void)setup;
    (void)teardown;
    printf("[==========] %s: Running %zu test(s).\n", group, count);
    for (size_t i = 0; i < count; i++) {
        void *state = tests[i].initial_state;
        enum outcome outcome;

        printf("[ RUN      ] %s\n", tests[i].name);
        outcome = run_one(&tests[i], state);
        if (tests[i].teardown_func != NULL)
            tests[i].teardown_func(&state);
        printf("[%s ] %s\n", words[outcome], tests[i].name);
        failed += outcome == OUTCOME_FAILED;
    }
    return failed;
}
