/* test/os/tty.c - terminals: modes and how they end, size, colours. The terminals are
 * pseudo-terminals whose lower end plays the program's. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

none_on_sim("there are no terminals")

    static int upper = -1,
               lower = -1;

static void open_terminal(void)
{
    upper = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(upper >= 0 && unlockpt(upper) == 0);
    lower = open(ptsname(upper), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(lower >= 0);
}

static void close_terminal(void)
{
    close(upper);
    close(lower);
}

static bool is_canonical(void)
{
    struct termios mode;

    return tcgetattr(lower, &mode) == 0 && (mode.c_lflag & ICANON) && (mode.c_lflag & ECHO);
}

/* A signal listener of weir makes descriptors that stay: before tests count them. */
static int wait_once(void *arg)
{
    weir_signals signals;

    (void)arg;
    return weir_signals_open(&signals, (int[]){SIGWINCH}, 1) < 0 ? 1 : weir_signals_close(signals);
}

static void __attribute__((constructor)) make_descriptors(void)
{
    (void)weir_run(wait_once, NULL, NULL);
}

static weir_stream open_lower(void)
{
    weir_stream stream = {0};

    CHECK(weir_pipe_adopt(&stream, dup(lower)) == 0);
    return stream;
}

static int change_modes(void *arg)
{
    weir_stream stream = open_lower();
    char bytes[8];

    (void)arg;
    CHECK(weir_tty_is(stream) == 1);
    CHECK(weir_tty_mode(stream, WEIR_TTY_NORMAL) == 0);
    CHECK(weir_tty_mode(stream, WEIR_TTY_CBREAK) == 0);
    CHECK(!is_canonical());
    CHECK(write(upper, "k", 1) == 1); /* no line is needed */
    CHECK(weir_read(stream, bytes, sizeof bytes) == 1 && bytes[0] == 'k');
    CHECK(weir_tty_mode(stream, WEIR_TTY_RAW) == 0);
    CHECK(write(upper, "\r\003", 2) == 2); /* no signal, no other line end */
    CHECK(weir_read_exactly(stream, bytes, 2) == 0 && bytes[0] == '\r' && bytes[1] == 3);
    CHECK(weir_write_all(stream, "\n", 1) == 0);
    CHECK(read(upper, bytes, sizeof bytes) == 1 && bytes[0] == '\n');
    CHECK(weir_tty_mode(stream, WEIR_TTY_NORMAL) == 0);
    CHECK(is_canonical());
    CHECK(weir_tty_mode(stream, 3) == WEIR_EINVAL);
    weir_close(stream);
    CHECK(weir_tty_mode(stream, WEIR_TTY_RAW) == WEIR_EBADHANDLE);
    return 0;
}

TEST(modes_are_set_and_taken_back)
{
    open_terminal();
    assert_int_equal(run_with(change_modes, NULL, 1), 0);
    close_terminal();
}

static int leave_raw(void *arg)
{
    weir_stream stream = open_lower();

    CHECK(weir_tty_mode(stream, WEIR_TTY_RAW) == 0);
    CHECK(!is_canonical());
    if (*(bool *)arg)
        weir_close(stream);
    return 0;
}

TEST(the_end_of_a_runtime_restores_its_terminals)
{
    bool closes[] = {true, false};

    open_terminal();
    assert_int_equal(run_with(leave_raw, &closes[0], 1), 0);
    assert_true(is_canonical());
    assert_int_equal(run_with(leave_raw, &closes[1], 2), 0);
    assert_true(is_canonical());
    close_terminal();
}

enum end {
    BY_EXIT,
    BY_TERM,
    BY_KEY, /* of the terminal: the kernel sends the signal */
    BY_ALARM,
    BY_ABORT,
    BY_SEGV,
    BY_FAULT
};

static void *volatile no_place = (void *)16;

static int end_raw(void *arg)
{
    weir_stream stream = open_lower();

    if (weir_tty_mode(stream, WEIR_TTY_RAW) < 0 || is_canonical())
        _exit(3);
    switch (*(enum end *)arg) {
    case BY_EXIT:
        exit(0);
    case BY_TERM:
        kill(getpid(), SIGTERM);
        for (;;)
            pause();
    case BY_KEY:
        if (weir_tty_mode(stream, WEIR_TTY_CBREAK) < 0 || write(upper, "\003", 1) != 1)
            _exit(3);
        pause();
        _exit(4); /* a handler has come back */
    case BY_ALARM:
        ualarm(1000, 0);
        pause();
        _exit(4); /* a handler has come back */
    case BY_ABORT:
        abort();
    case BY_SEGV:
        raise(SIGSEGV);
        break;
    case BY_FAULT:
        *(volatile int *)no_place = 1;
    }
    _exit(4);
}

/* In a process of its own: which may have one thread only, since it is forked. */
static int end_of(enum end how)
{
    int status = -1, pid = fork();

    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        if (how == BY_KEY && (setsid() < 0 || ioctl(lower, TIOCSCTTY, 0) < 0))
            _exit(6);
        (void)weir_run(end_raw, &how, &(struct weir_runtime_options){.workers = 1});
        _exit(5);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

TEST(every_kind_of_exit_restores_the_terminal)
{
#if defined(__SANITIZE_THREAD__)
    skip("ThreadSanitizer has no threads after a fork");
#endif
    open_terminal();
    assert_true(
        WIFEXITED(end_of(BY_EXIT))); /* with a code of the leak checker's, if there is one */
    assert_true(is_canonical());
    assert_int_equal(WTERMSIG(end_of(BY_TERM)), SIGTERM);
    assert_true(is_canonical());
    assert_int_equal(WTERMSIG(end_of(BY_ALARM)), SIGALRM);
    assert_true(is_canonical());
    assert_int_equal(WTERMSIG(end_of(BY_ABORT)), SIGABRT);
    assert_true(is_canonical());
#if !defined(__SANITIZE_ADDRESS__)
    assert_int_equal(WTERMSIG(end_of(BY_SEGV)), SIGSEGV);
    assert_true(is_canonical());
    assert_int_equal(WTERMSIG(end_of(BY_FAULT)), SIGSEGV);
    assert_true(is_canonical());
#endif
    close_terminal();
}

TEST(a_key_that_interrupts_ends_the_program_and_restores_the_terminal)
{
#if defined(__SANITIZE_THREAD__)
    skip("ThreadSanitizer has no threads after a fork");
#endif
    open_terminal();
    assert_int_equal(WTERMSIG(end_of(BY_KEY)), SIGINT);
    assert_true(is_canonical());
    close_terminal();
}

/* The upper ends of all terminals are one device. */
static int change_two(void *arg)
{
    weir_stream ends[2] = {{0}, {0}}, below = open_lower();
    int other = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    (void)arg;
    CHECK(other >= 0 && unlockpt(other) == 0);
    CHECK(weir_pipe_adopt(&ends[0], dup(upper)) == 0 && weir_pipe_adopt(&ends[1], other) == 0);
    CHECK(weir_tty_mode(ends[0], WEIR_TTY_RAW) == 0 && !is_canonical());
    CHECK(weir_tty_mode(ends[1], WEIR_TTY_RAW) == 0);
    CHECK(weir_tty_mode(ends[1], WEIR_TTY_NORMAL) == 0);
    CHECK(!is_canonical());
    CHECK(weir_tty_mode(below, WEIR_TTY_NORMAL) == 0); /* both ends have one mode */
    CHECK(is_canonical());
    weir_close(below);
    weir_close(ends[0]);
    weir_close(ends[1]);
    return 0;
}

TEST(each_terminal_has_a_mode_of_its_own)
{
    open_terminal();
    assert_int_equal(run_with(change_two, NULL, 1), 0);
    close_terminal();
}

static int know_size(void *arg)
{
    weir_stream stream = open_lower(), pair[2];
    struct weir_tty_window size = {0};

    (void)arg;
    CHECK(weir_tty_resize(stream, (struct weir_tty_window){12, 34}) == 0);
    CHECK(weir_tty_size(stream, &size) == 0);
    CHECK(size.rows == 12 && size.columns == 34);
    weir_close(stream);
    CHECK(weir_tty_size(stream, &size) == WEIR_EBADHANDLE);
    CHECK(weir_stream_pair(pair) == 0);
    CHECK(weir_tty_size(pair[0], &size) == WEIR_ENOTTY);
    CHECK(weir_tty_mode(pair[0], WEIR_TTY_RAW) == WEIR_ENOTTY);
    CHECK(weir_tty_is(pair[0]) == 0);
    weir_close(pair[0]);
    weir_close(pair[1]);
    CHECK(weir_pipe(&pair[0], &pair[1]) == 0);
    CHECK(weir_tty_size(pair[0], &size) == WEIR_ENOTTY);
    CHECK(weir_tty_mode(pair[0], WEIR_TTY_RAW) == WEIR_ENOTTY);
    CHECK(weir_tty_is(pair[0]) == 0);
    weir_close(pair[0]);
    weir_close(pair[1]);
    return 0;
}

TEST(the_size_of_a_window_is_asked_and_set)
{
    open_terminal();
    assert_int_equal(run_with(know_size, NULL, 1), 0);
    close_terminal();
}

static int resize(void *arg)
{
    (void)arg;
    CHECK(ioctl(upper, TIOCSWINSZ, &(struct winsize){.ws_row = 50, .ws_col = 60}) == 0);
    CHECK(kill(getpid(), SIGWINCH) == 0); /* it is not our controlling terminal */
    return 0;
}

static int await_resize(void *arg)
{
    weir_stream stream = open_lower();
    struct weir_tty_window size;
    weir_scope scope;

    (void)arg;
    CHECK(weir_tty_size(stream, &size) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, resize, NULL) == 0);
    CHECK(weir_tty_await_resize(stream, &size) == 0);
    CHECK(size.rows == 50 && size.columns == 60);
    CHECK(weir_scope_join(&scope) == 0);
    weir_close(stream);
    return 0;
}

TEST(a_change_of_the_window_is_told)
{
    open_terminal();
    assert_int_equal(run_with(await_resize, NULL, 1), 0);
    close_terminal();
}

static int colours_with(const char *term, const char *depth, const char *none, const char *force)
{
    weir_stream stream = open_lower();
    int rc;

    setenv("TERM", term, 1);
    setenv("COLORTERM", depth, 1);
    setenv("NO_COLOR", none, 1);
    setenv("CLICOLOR_FORCE", force, 1);
    rc = weir_tty_colours(stream);
    weir_close(stream);
    return rc;
}

static int know_colours(void *arg)
{
    weir_stream pipe[2];

    (void)arg;
    CHECK(colours_with("xterm-256color", "", "", "") == WEIR_TTY_COLOURS_256);
    CHECK(colours_with("xterm", "", "", "") == WEIR_TTY_COLOURS_16);
    CHECK(colours_with("xterm", "truecolor", "", "") == WEIR_TTY_COLOURS_TRUE);
    CHECK(colours_with("dumb", "", "", "") == WEIR_TTY_COLOURS_NONE);
    CHECK(colours_with("dumb", "", "", "1") == WEIR_TTY_COLOURS_16);
    CHECK(colours_with("xterm", "truecolor", "1", "") == WEIR_TTY_COLOURS_NONE);
    CHECK(weir_pipe(&pipe[0], &pipe[1]) == 0);
    CHECK(colours_with("xterm", "", "", "") == WEIR_TTY_COLOURS_16);
    CHECK(weir_tty_colours(pipe[1]) == WEIR_TTY_COLOURS_NONE);
    setenv("CLICOLOR_FORCE", "1", 1);
    CHECK(weir_tty_colours(pipe[1]) == WEIR_TTY_COLOURS_16);
    weir_close(pipe[0]);
    weir_close(pipe[1]);
    CHECK(weir_tty_colours(pipe[1]) == WEIR_EBADHANDLE);
    return 0;
}

TEST(colours_are_as_the_terminal_and_the_environment_say)
{
    open_terminal();
    assert_int_equal(run_with(know_colours, NULL, 1), 0);
    close_terminal();
}

static bool nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static int read_terminal(void *arg)
{
    weir_stream stream = open_lower();
    char bytes[8];

    (void)arg;
    CHECK(write(upper, "line\n", 5) == 5);
    CHECK(weir_read(stream, bytes, sizeof bytes) == 5);
    CHECK(!nonblocking(lower));
    weir_close(stream);
    return 0;
}

TEST(a_terminal_that_was_inherited_stays_in_blocking_mode)
{
    open_terminal();
    assert_int_equal(run_with(read_terminal, NULL, 1), 0);
    close_terminal();
}
