/* test/unit/sys_log.c - lines go to the hook, or to stderr. */
#include "test.h"

#include <string.h>
#include <unistd.h>

#include "base/line.h"
#include "sys/log.h"

static char heard[64];
static enum weir_log_level heard_level;
static int heard_count;

static void hear(enum weir_log_level level, const char *line)
{
    heard_level = level;
    heard_count++;
    strncpy(heard, line, sizeof heard - 1);
}

TEST(hook_gets_what_its_level_lets_through)
{
    weir_set_log(hear, WEIR_LOG_DEFAULT);
    weir__log(WEIR_LOG_ERROR, "weir: a line");
    assert_string_equal(heard, "weir: a line");
    assert_int_equal(heard_level, WEIR_LOG_ERROR);
    weir__log(WEIR_LOG_WARNING, "w");
    assert_int_equal(heard_count, 2);
    weir__log(WEIR_LOG_INFO, "i");
    assert_int_equal(heard_count, 2);
    weir_set_log(hear, WEIR_LOG_DEBUG);
    weir__log(WEIR_LOG_DEBUG, "d");
    assert_int_equal(heard_count, 3);
    weir_set_log(NULL, WEIR_LOG_DEFAULT);
}

/* What the default hook writes for `line` when its level is `level`; its length. */
static ssize_t written(enum weir_log_level level, const char *line, char *text, size_t room)
{
    int fds[2], before = dup(STDERR_FILENO);
    ssize_t len;

    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    weir__log(level, line);
    dup2(before, STDERR_FILENO);
    close(before);
    close(fds[1]);
    len = read(fds[0], text, room);
    close(fds[0]);
    return len;
}

TEST(default_writes_a_line_to_stderr)
{
    char text[2 * WEIR__LINE_BYTES], longer[2 * WEIR__LINE_BYTES];

    assert_int_equal(written(WEIR_LOG_WARNING, "weir: hello", text, sizeof text), 12);
    assert_memory_equal(text, "weir: hello\n", 12);
    assert_int_equal(written(WEIR_LOG_INFO, "weir: hello", text, sizeof text), 0);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(written(WEIR_LOG_ERROR, longer, text, sizeof text), WEIR__LINE_BYTES - 1);
    assert_int_equal(text[WEIR__LINE_BYTES - 2], '\n');
}
