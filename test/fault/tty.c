/* test/fault/tty.c - terminals, and programs that run on one, while the n-th allocation or system
 * call fails: a terminal has its own mode again in any case. */
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <weir.h>

#include "support/faults.h"

static int upper = -1, lower = -1;

static bool is_canonical(void)
{
    struct termios mode;

    return tcgetattr(lower, &mode) == 0 && (mode.c_lflag & ICANON);
}

static int change(weir_stream stream)
{
    struct weir_tty_window size = {0, 0};
    int rc = weir_tty_mode(stream, WEIR_TTY_RAW);

    if (rc < 0)
        return is_canonical() ? rc : 1;
    rc = weir_tty_mode(stream, WEIR_TTY_CBREAK);
    if (rc == 0)
        rc = weir_tty_resize(stream, (struct weir_tty_window){12, 34});
    if (rc == 0)
        rc = weir_tty_size(stream, &size);
    if (rc == 0 && (size.rows != 12 || size.columns != 34))
        rc = 1;
    if (rc == 0)
        rc = weir_tty_mode(stream, WEIR_TTY_NORMAL);
    return rc == 0 && !is_canonical() ? 1 : rc;
}

static int use_terminal(void *arg)
{
    weir_stream stream = {7};
    int fd = dup(lower), rc = weir_pipe_adopt(&stream, fd);

    (void)arg;
    if (rc < 0) {
        close(fd);
        return stream.id == 7 ? rc : 1;
    }
    rc = change(stream);
    weir_close(stream);
    return rc;
}

static int run_terminal(void)
{
    int rc;

    upper = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(upper >= 0 && unlockpt(upper) == 0);
    lower = open(ptsname(upper), O_RDWR | O_NOCTTY | O_CLOEXEC);
    rc = weir_run(use_terminal, NULL, &(struct weir_runtime_options){.workers = 1, .spin_ns = -1});
    rc = is_canonical() ? rc : 1; /* the runtime has ended */
    close(upper);
    close(lower);
    return rc;
}

TEST(every_allocation_of_a_terminal_may_fail)
{
    fail_each(run_terminal, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_terminal_may_fail)
{
    fail_each(run_terminal, WEIR__FAULT_CALL);
}

/* ---- a program on a terminal of its own ---- */

static int hear(weir_stream terminal)
{
    char bytes[16] = {0};
    size_t len = 0;
    ptrdiff_t n;

    do {
        n = weir_read(terminal, bytes + len, sizeof bytes - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && len < sizeof bytes);
    if (n == 0 && len < 7)
        return WEIR_EEOF; /* a read that fails with EIO is the end of an upper end */
    return n < 0 ? (int)n : memcmp(bytes, "hello\r\n", 7) == 0 ? 0 : 1;
}

static int use_program(void *arg)
{
    weir_stream terminal = {7};
    weir_process process = {7};
    struct weir_process_options options = {
        .arguments = (const char *const[]){"/bin/echo", "hello", NULL},
        .output = {.kind = WEIR_STDIO_TERMINAL},
        .terminal = &terminal,
        .process = &process,
    };
    int waited, rc = weir_process_start(&options);

    (void)arg;
    if (rc < 0)
        return terminal.id == 7 && process.id == 7 ? rc : 1;
    rc = hear(terminal);
    weir_close(terminal);
    waited = weir_process_wait(process, NULL);
    weir_process_close(process);
    return rc ? rc : waited;
}

static int run_program(void)
{
    int rc =
        weir_run(use_program, NULL, &(struct weir_runtime_options){.workers = 1, .spin_ns = -1});
    siginfo_t info;

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        sched_yield(); /* whatever failed, no child is left */
    return rc;
}

TEST(every_allocation_of_a_program_on_a_terminal_may_fail)
{
    fail_each(run_program, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_program_on_a_terminal_may_fail)
{
    fail_each(run_program, WEIR__FAULT_CALL);
}
