/* test/os/serial.c - serial ports: settings, queues, breaks and lines. The port is the lower end of
 * a pseudo-terminal, which has any rate, one format, and no lines; what else a port does is played
 * by the hook of sys/serial.h. */
#include "test.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"
#include "sys/serial.h"

none_on_sim("there are no terminals") none_emulated("terminals have no rate of their own")

    static int upper = -1;
static char name[64];

static void open_terminal(void)
{
    upper = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(upper >= 0 && unlockpt(upper) == 0);
    assert_int_equal(ptsname_r(upper, name, sizeof name), 0);
}

static weir_stream open_port(const struct weir_serial_options *options)
{
    weir_stream port = {0};

    CHECK(weir_serial_open(&port, name, options) == 0);
    return port;
}

/* The mode that the terminal has, asked through its upper end. */
static struct termios2 mode_now(void)
{
    struct termios2 mode;

    memset(&mode, 0, sizeof mode);
    CHECK(ioctl(upper, TCGETS2, &mode) == 0);
    return mode;
}

static void run_terminal(weir_task_fn *fn)
{
    open_terminal();
    assert_int_equal(run_with(fn, NULL, 1), 0);
    close(upper);
}

/* ---- bytes ---- */

static int pass_bytes(void *arg)
{
    static const char odd[] = "\x11\x13\x03\x04\x1a\r\n\0\xff\x7f";
    weir_stream port = open_port(NULL);
    char in[sizeof odd];

    (void)arg;
    CHECK(write(upper, odd, sizeof odd) == (ssize_t)sizeof odd);
    CHECK(weir_read_exactly(port, in, sizeof in) == 0 && memcmp(in, odd, sizeof odd) == 0);
    CHECK(weir_write_all(port, odd, sizeof odd) == 0);
    memset(in, 0, sizeof in);
    CHECK(read(upper, in, sizeof in) == (ssize_t)sizeof in && memcmp(in, odd, sizeof odd) == 0);
    CHECK(weir_serial_drain(port) == 0);
    weir_close(port);
    return 0;
}

TEST(bytes_pass_as_they_are_in_both_directions)
{
    run_terminal(pass_bytes);
}

static int read_late(void *arg)
{
    weir_stream port = open_port(NULL);
    weir_block block;
    char byte;

    (void)arg;
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(5)) == 0);
    CHECK(weir_read(port, &byte, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(write(upper, "b", 1) == 1);
    CHECK(weir_read(port, &byte, 1) == 1 && byte == 'b');
    weir_close(port);
    return 0;
}

TEST(a_read_has_deadlines)
{
    run_terminal(read_late);
}

static int read_to_the_end(void *arg)
{
    weir_stream port = open_port(NULL);
    char byte;

    (void)arg;
    close(upper);
    CHECK(weir_read(port, &byte, 1) == 0);
    CHECK(weir_write(port, "x", 1) == WEIR_EIO);
    weir_close(port);
    open_terminal();
    return 0;
}

TEST(a_port_that_is_gone_is_the_end)
{
    run_terminal(read_to_the_end);
}

/* ---- settings ---- */

static int set_any_rate(void *arg)
{
    struct weir_serial_options options = {.settings = {.rate = 31250, .rate_in = 1234567}};
    struct weir_serial_settings settings = {0};
    weir_stream port = open_port(&options);

    (void)arg;
    CHECK(weir_serial_get(port, &settings) == 0);
    CHECK(settings.rate == 31250 && settings.rate_in == 1234567);
    settings = (struct weir_serial_settings){.rate = 250000};
    CHECK(weir_serial_set(port, &settings, WEIR_SERIAL_NOW) == 0);
    CHECK(weir_serial_get(port, &settings) == 0);
    CHECK(settings.rate == 250000 && settings.rate_in == 250000);
    CHECK(mode_now().c_ospeed == 250000 && (mode_now().c_cflag & CBAUD) == BOTHER);
    settings = (struct weir_serial_settings){.rate = WEIR_SERIAL_RATE_MAX + 1u};
    CHECK(weir_serial_set(port, &settings, WEIR_SERIAL_NOW) == WEIR_EINVAL);
    weir_close(port);
    return 0;
}

TEST(any_rate_can_be_had)
{
    run_terminal(set_any_rate);
}

static int read_defaults(void *arg)
{
    struct weir_serial_settings settings = {0};
    weir_stream port = open_port(NULL);

    (void)arg;
    CHECK(weir_serial_get(port, &settings) == 0);
    CHECK(settings.rate == 9600 && settings.rate_in == 9600 && settings.data_bits == 8);
    CHECK(settings.stop_bits == 1 && settings.parity == WEIR_PARITY_NONE);
    CHECK(settings.flow == WEIR_FLOW_NONE && settings.errors == WEIR_SERIAL_KEEP);
    CHECK(settings.modem == WEIR_OFF && settings.hang_up == WEIR_ON);
    CHECK(!(mode_now().c_lflag & (ICANON | ECHO | ISIG)) && !(mode_now().c_oflag & OPOST));
    weir_close(port);
    return 0;
}

TEST(defaults_are_9600_8n1)
{
    run_terminal(read_defaults);
}

static int set_the_rest(void *arg)
{
    struct weir_serial_settings settings = {
        .stop_bits = 2, .flow = WEIR_FLOW_HARDWARE, .errors = WEIR_SERIAL_MARK, .modem = WEIR_ON};
    weir_stream port = open_port(NULL);

    (void)arg;
    CHECK(weir_serial_set(port, &settings, WEIR_SERIAL_DRAINED) == 0);
    CHECK(weir_serial_get(port, &settings) == 0);
    CHECK(settings.rate == 9600 && settings.stop_bits == 2 && settings.modem == WEIR_ON);
    CHECK(settings.flow == WEIR_FLOW_HARDWARE && settings.errors == WEIR_SERIAL_MARK);
    CHECK(mode_now().c_cflag & CRTSCTS && mode_now().c_cflag & CSTOPB);
    settings = (struct weir_serial_settings){.flow = WEIR_FLOW_SOFTWARE,
                                             .errors = WEIR_SERIAL_DROP,
                                             .stop_bits = 1,
                                             .modem = WEIR_OFF,
                                             .hang_up = WEIR_OFF};
    CHECK(weir_serial_set(port, &settings, WEIR_SERIAL_FLUSHED) == 0);
    CHECK(weir_serial_get(port, &settings) == 0);
    CHECK(settings.flow == WEIR_FLOW_SOFTWARE && settings.errors == WEIR_SERIAL_DROP);
    CHECK(settings.stop_bits == 1 && settings.modem == WEIR_OFF && settings.hang_up == WEIR_OFF);
    CHECK(mode_now().c_iflag & IXON && !(mode_now().c_cflag & CRTSCTS));
    weir_close(port);
    return 0;
}

TEST(settings_change_while_it_is_open_and_are_read_back)
{
    run_terminal(set_the_rest);
}

/* A pseudo-terminal takes a change of format and goes on with 8N1. */
static int refuse_format(void *arg)
{
    struct weir_serial_settings wanted[] = {
        {.rate = 300, .parity = WEIR_PARITY_EVEN}, {.data_bits = 7}, {.data_bits = 5}};
    struct weir_serial_options options = {.settings = wanted[0]};
    struct weir_serial_settings settings;
    weir_stream port = open_port(NULL), other = {7};
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof wanted / sizeof *wanted; i++)
        CHECK(weir_serial_set(port, &wanted[i], WEIR_SERIAL_NOW) == WEIR_ENOTSUP);
    CHECK(weir_serial_get(port, &settings) == 0);
    CHECK(settings.rate == 9600 && settings.data_bits == 8);
    CHECK(weir_serial_open(&other, name, &options) == WEIR_ENOTSUP && other.id == 7);
    CHECK(mode_now().c_ospeed == 9600);
    weir_close(port);
    return 0;
}

TEST(a_format_that_the_port_cannot_have_is_refused)
{
    run_terminal(refuse_format);
}

static int refuse_values(void *arg)
{
    static const struct weir_serial_settings wrong[] = {
        {.data_bits = 9}, {.data_bits = 4}, {.stop_bits = 3}, {.parity = 6},          {.flow = 4},
        {.errors = 4},    {.modem = 3},     {.hang_up = 3},   {.rate_in = UINT32_MAX}};
    struct weir_serial_options options = {0};
    struct termios2 before = mode_now(), after;
    weir_stream port = {7};
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        options.settings = wrong[i];
        CHECK(weir_serial_open(&port, name, &options) == WEIR_EINVAL);
    }
    options = (struct weir_serial_options){.exclusive = 3};
    CHECK(weir_serial_open(&port, name, &options) == WEIR_EINVAL);
    options = (struct weir_serial_options){.restore = 3};
    CHECK(weir_serial_open(&port, name, &options) == WEIR_EINVAL && port.id == 7);
    after = mode_now();
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    port = open_port(NULL);
    CHECK(weir_serial_set(port, &wrong[0], WEIR_SERIAL_NOW) == WEIR_EINVAL);
    CHECK(weir_serial_set(port, &(struct weir_serial_settings){0}, 3) == WEIR_EINVAL);
    CHECK(weir_serial_flush(port, 0) == WEIR_EINVAL && weir_serial_flush(port, 4) == WEIR_EINVAL);
    CHECK(weir_serial_break(port, -1) == WEIR_EINVAL);
    CHECK(weir_serial_break(port, WEIR_SERIAL_BREAK_MAX + 1) == WEIR_EINVAL);
    CHECK(weir_serial_set_lines(port, WEIR_LINE_CTS, 0) == WEIR_EINVAL);
    CHECK(weir_serial_set_lines(port, WEIR_LINE_DTR, WEIR_LINE_DTR) == WEIR_EINVAL);
    CHECK(weir_serial_await_lines(port, 0, &(uint32_t){0}) == WEIR_EINVAL);
    CHECK(weir_serial_await_lines(port, 64, &(uint32_t){0}) == WEIR_EINVAL);
    weir_close(port);
    return 0;
}

TEST(values_that_there_are_not_are_refused)
{
    run_terminal(refuse_values);
}

/* ---- what is no port ---- */

static int refuse_others(void *arg)
{
    char path[5000];
    weir_stream port = {7}, pair[2];
    struct weir_serial_settings settings;
    int pipes[2];
    size_t i;

    (void)arg;
    CHECK(weir_serial_open(&port, "/dev/null", NULL) == WEIR_ENOTTY);
    CHECK(weir_serial_open(&port, "/", NULL) == WEIR_ENOTTY);
    CHECK(weir_serial_open(&port, "/no/such/port", NULL) == WEIR_ENOENT);
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    CHECK(weir_serial_open(&port, path, NULL) == WEIR_ENAMETOOLONG);
    CHECK(weir_serial_adopt(&port, -1, NULL) == WEIR_EBADF);
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    CHECK(weir_serial_adopt(&port, pipes[0], NULL) == WEIR_ENOTTY && port.id == 7);
    for (i = 0; i < 2; i++) /* they are still the caller's */
        CHECK(close(pipes[i]) == 0);
    CHECK(weir_stream_pair(pair) == 0);
    CHECK(weir_serial_get(pair[0], &settings) == WEIR_ENOTTY);
    CHECK(weir_serial_drain(pair[0]) == WEIR_ENOTTY);
    weir_close(pair[0]);
    weir_close(pair[1]);
    CHECK(weir_pipe(&pair[0], &pair[1]) == 0);
    CHECK(weir_serial_get(pair[0], &settings) == WEIR_ENOTTY);
    CHECK(weir_serial_set(pair[0], &(struct weir_serial_settings){0}, WEIR_SERIAL_NOW)
          == WEIR_ENOTTY);
    CHECK(weir_serial_drain(pair[0]) == WEIR_ENOTTY);
    CHECK(weir_serial_flush(pair[0], WEIR_SERIAL_BOTH) == WEIR_ENOTTY);
    CHECK(weir_serial_queued(pair[0], NULL, NULL) == WEIR_ENOTTY);
    CHECK(weir_serial_break(pair[0], 1) == WEIR_ENOTTY);
    CHECK(weir_serial_lines(pair[0], &(uint32_t){0}) == WEIR_ENOTTY);
    CHECK(weir_serial_count(pair[0], &(struct weir_serial_counts){0}) == WEIR_ENOTTY);
    weir_close(pair[0]);
    weir_close(pair[1]);
    CHECK(weir_serial_get(pair[0], &settings) == WEIR_EBADHANDLE);
    CHECK(weir_serial_drain(pair[0]) == WEIR_EBADHANDLE);
    return 0;
}

TEST(what_is_no_terminal_is_refused_and_left_alone)
{
    run_terminal(refuse_others);
}

static int ask_terminal(void *arg)
{
    weir_stream port = open_port(NULL);
    uint32_t lines = 99;

    (void)arg;
    CHECK(weir_serial_lines(port, &lines) == WEIR_ENOTSUP && lines == 99);
    CHECK(weir_serial_set_lines(port, WEIR_LINE_DTR, WEIR_LINE_RTS) == WEIR_ENOTSUP);
    CHECK(weir_serial_await_lines(port, WEIR_LINE_CTS, &lines) == WEIR_ENOTSUP);
    CHECK(weir_serial_break(port, 1) == 0); /* and does nothing */
    CHECK(weir_serial_count(port, &(struct weir_serial_counts){0}) == WEIR_ENOTSUP);
    weir_close(port);
    return 0;
}

TEST(a_pseudo_terminal_has_no_lines_and_says_so)
{
    run_terminal(ask_terminal);
}

TEST(without_a_task_there_is_none)
{
    weir_stream port;

    assert_int_equal(weir_serial_open(&port, "/dev/null", NULL), WEIR_ENOTASK);
    assert_int_equal(weir_serial_drain((weir_stream){1}), WEIR_ENOTASK);
    assert_int_equal(weir_serial_break((weir_stream){1}, 1), WEIR_ENOTASK);
    assert_int_equal(weir_serial_await_lines((weir_stream){1}, 1, &(uint32_t){0}), WEIR_ENOTASK);
}

/* ---- queues ---- */

static int flush_input(void *arg)
{
    weir_stream port = open_port(NULL);
    uint32_t in = 0, out = 99;
    char byte;

    (void)arg;
    CHECK(write(upper, "old", 3) == 3);
    while (in != 3)
        CHECK(weir_serial_queued(port, &in, &out) == 0);
    CHECK(out == 0);
    CHECK(weir_serial_flush(port, WEIR_SERIAL_INPUT) == 0);
    CHECK(weir_serial_queued(port, &in, NULL) == 0 && in == 0);
    CHECK(write(upper, "n", 1) == 1);
    CHECK(weir_read(port, &byte, 1) == 1 && byte == 'n');
    weir_close(port);
    return 0;
}

TEST(what_was_received_can_be_dropped)
{
    run_terminal(flush_input);
}

static int open_after_bytes(void *arg)
{
    weir_stream port;
    char byte = 0;

    (void)arg;
    CHECK(write(upper, "old", 3) == 3);
    port = open_port(NULL);
    CHECK(write(upper, "n", 1) == 1);
    CHECK(weir_read(port, &byte, 1) == 1 && byte == 'n');
    weir_close(port);
    return 0;
}

TEST(what_came_before_it_was_opened_is_dropped)
{
    run_terminal(open_after_bytes);
}

/* ---- ends ---- */

static int open_twice(void *arg)
{
    struct weir_serial_options options = {.settings = {.rate = 19200}, .restore = WEIR_ON};
    struct termios2 before = mode_now(), after;
    weir_stream port;

    (void)arg;
    port = open_port(&options);
    CHECK(mode_now().c_ospeed == 19200);
    weir_close(port);
    CHECK(weir_yield() == 0);
    after = mode_now();
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    options.restore = WEIR_OFF;
    port = open_port(&options);
    weir_close(port);
    CHECK(weir_yield() == 0);
    CHECK(mode_now().c_ospeed == 19200);
    return 0;
}

TEST(settings_come_back_at_the_end_by_option)
{
    run_terminal(open_twice);
}

static int leave_open(void *arg)
{
    struct weir_serial_options options = {.settings = {.rate = 19200}, .restore = WEIR_ON};

    (void)arg;
    (void)open_port(&options);
    return 0;
}

TEST(settings_come_back_when_the_runtime_ends)
{
    struct termios2 before, after;

    open_terminal();
    before = mode_now();
    assert_int_equal(run_with(leave_open, NULL, 2), 0);
    after = mode_now();
    assert_memory_equal(&before, &after, sizeof before);
    close(upper);
}

static int claim_port(void *arg)
{
    struct weir_serial_options options = {.exclusive = WEIR_ON};
    weir_stream port = open_port(&options), other = {7};
    int fd, exclusive = 0;

    (void)arg;
    CHECK(weir_serial_open(&other, name, &options) == WEIR_EBUSY && other.id == 7);
    weir_close(port);
    CHECK(weir_yield() == 0);
    fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(ioctl(fd, TIOCGEXCL, &exclusive) == 0 && !exclusive);
    CHECK(weir_serial_adopt(&other, dup(fd), &options) == 0);
    CHECK(ioctl(fd, TIOCGEXCL, &exclusive) == 0 && exclusive);
    weir_close(other);
    CHECK(weir_yield() == 0);
    CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
    other.id = 7;
    CHECK(weir_serial_open(&other, name, &options) == WEIR_EBUSY && other.id == 7);
    close(fd);
    port = open_port(&options);
    weir_close(port);
    return 0;
}

TEST(an_exclusive_port_is_nobody_elses)
{
    run_terminal(claim_port);
}

static int adopt_port(void *arg)
{
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    weir_stream port = {0};
    char byte;

    (void)arg;
    CHECK(weir_serial_adopt(&port, fd, NULL) == 0);
    CHECK(fcntl(fd, F_GETFD) < 0); /* it was taken */
    CHECK(write(upper, "a", 1) == 1);
    CHECK(weir_read(port, &byte, 1) == 1 && byte == 'a');
    weir_close(port);
    return 0;
}

TEST(a_descriptor_is_adopted)
{
    run_terminal(adopt_port);
}

static int see_terminal(void *arg)
{
    (void)arg;
    weir_close(open_port(NULL));
    return open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0;
}

TEST(a_port_becomes_nobodys_controlling_terminal)
{
    int status = -1, pid;

#if defined(__SANITIZE_THREAD__)
    skip("ThreadSanitizer has no threads after a fork");
#endif
    open_terminal();
    pid = fork();
    if (pid == 0) {
        setsid();
        _exit(weir_run(see_terminal, NULL, &(struct weir_runtime_options){.workers = 1}));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(upper);
}

/* ---- a port with everything ---- */

static struct {
    int lines;
    int queued; /* bytes; each look takes one */
    bool stuck; /* none is taken */
    bool breaks;
    int drains, breaks_begun, looks, flushed;
} play;

static int play_ioctl(int fd, unsigned long request, void *arg)
{
    int rc = 0;

    switch (request) {
    case TIOCMGET:
        *(int *)arg = SEE(play.lines);
        ADD(play.looks, 1);
        break;
    case TIOCMBIS:
        SAY(play.lines, play.lines | *(int *)arg);
        break;
    case TIOCMBIC:
        SAY(play.lines, play.lines & ~*(int *)arg);
        break;
    case TIOCOUTQ:
        *(int *)arg = play.queued;
        play.queued -= play.queued > 0 && !play.stuck;
        ADD(play.looks, 1);
        break;
    case TIOCSBRK:
        play.breaks_begun++;
        SAY(play.breaks, true);
        break;
    case TIOCCBRK:
        SAY(play.breaks, false);
        break;
    case TCSBRK:
        ADD(play.drains, 1);
        break;
    case TCFLSH:
        play.flushed++;
        break;
    default:
        rc = ioctl(fd, request, arg);
    }
    return rc < 0 ? -errno : rc;
}

static void run_play(weir_task_fn *fn)
{
    memset(&play, 0, sizeof play);
    weir__serial_ioctl = play_ioctl;
    run_terminal(fn);
    weir__serial_ioctl = NULL;
}

static int change_line(void *arg)
{
    int seen = SEE(play.looks);

    (void)arg;
    YIELD_UNTIL(SEE(play.looks) > seen);
    SAY(play.lines, TIOCM_CTS | TIOCM_DTR);
    return 0;
}

static int use_lines(void *arg)
{
    weir_stream port = open_port(NULL);
    uint32_t lines = 99;
    weir_scope scope;

    (void)arg;
    CHECK(weir_serial_lines(port, &lines) == 0 && lines == 0);
    CHECK(weir_serial_set_lines(port, WEIR_LINE_DTR | WEIR_LINE_RTS, 0) == 0);
    CHECK(play.lines == (TIOCM_DTR | TIOCM_RTS));
    CHECK(weir_serial_set_lines(port, 0, WEIR_LINE_RTS) == 0);
    CHECK(weir_serial_lines(port, &lines) == 0 && lines == WEIR_LINE_DTR);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, change_line, NULL) == 0);
    CHECK(weir_serial_await_lines(port, WEIR_LINE_CTS, &lines) == 0);
    CHECK(lines == (WEIR_LINE_DTR | WEIR_LINE_CTS));
    CHECK(weir_scope_join(&scope) == 0);
    weir_close(port);
    CHECK(weir_serial_await_lines(port, WEIR_LINE_CTS, &lines) == WEIR_EBADHANDLE);
    return 0;
}

TEST(lines_are_set_read_and_waited_for)
{
    run_play(use_lines);
}

static int drain_port(void *arg)
{
    weir_stream port = open_port(NULL);
    weir_block block;

    (void)arg;
    play.queued = 3;
    CHECK(weir_serial_drain(port) == 0);
    CHECK(play.queued == 0 && play.drains == 1);
    play.queued = 1;
    play.stuck = true;
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(20)) == 0);
    CHECK(weir_serial_drain(port) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(play.drains == 1);
    play.flushed = 0;
    weir_close(port);
    CHECK(weir_yield() == 0);
    CHECK(play.flushed == 1); /* close(2) does not wait */
    return 0;
}

TEST(a_drain_waits_and_can_be_stopped)
{
    run_play(drain_port);
}

static int close_port(void *arg)
{
    int seen = SEE(play.looks);

    YIELD_UNTIL(SEE(play.looks) > seen);
    return weir_close(*(weir_stream *)arg);
}

static int close_meanwhile(void *arg)
{
    weir_stream port = open_port(NULL);
    weir_scope scope;

    (void)arg;
    play.queued = 1;
    play.stuck = true;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, close_port, &port) == 0);
    CHECK(weir_serial_drain(port) == WEIR_EBADHANDLE);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_close_ends_a_drain)
{
    run_play(close_meanwhile);
}

static int break_twice(void *arg)
{
    weir_stream port = open_port(NULL);
    weir_block block;
    uint64_t began = weir_now_ns();

    (void)arg;
    CHECK(weir_serial_break(port, WEIR_MILLISECONDS(3)) == 0);
    CHECK(weir_now_ns() - began >= (uint64_t)WEIR_MILLISECONDS(3));
    CHECK(play.breaks_begun == 1 && !SEE(play.breaks));
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(5)) == 0);
    CHECK(weir_serial_break(port, WEIR_SERIAL_BREAK_MAX) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(play.breaks_begun == 2 && !SEE(play.breaks));
    weir_close(port);
    return 0;
}

TEST(a_break_ends_whatever_happens)
{
    run_play(break_twice);
}
