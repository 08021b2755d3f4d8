/* test/os/select_pipe.c - pipes, FIFOs, terminals and files in a select. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <weir.h>

#include "stream/pipe.h"
#include "support/hostile.h"
#include "support/run.h"

none_on_sim("there are no pipes")

    static const struct weir_select_options no_wait = {.no_wait = WEIR_ON};

static int read_or_wait(void *arg)
{
    weir_stream from, to;
    weir_case cases[2];
    char in[8];

    (void)arg;
    CHECK(weir_pipe(&from, &to) == 0);
    weir_case_read(&cases[0], from, in, sizeof in);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_select_with(cases, 1, &no_wait) == WEIR_EAGAIN);
    CHECK(weir_write(to, "hello", 5) == 5);
    weir_case_after(&cases[1], WEIR_SECONDS(20));
    CHECK(weir_select(cases, 2) == 0 && cases[0].result == 5 && memcmp(in, "hello", 5) == 0);
    weir_case_read(&cases[1], from, in, sizeof in);
    CHECK(weir_select_with(cases, 2, &no_wait) == 1 || cases[1].result == WEIR_EBUSY);
    weir_case_write(&cases[1], from, "x", 1);
    CHECK(weir_select(&cases[1], 1) == 0 && cases[1].result == WEIR_EBADF);
    weir_case_read(&cases[1], to, in, 1);
    CHECK(weir_select(&cases[1], 1) == 0 && cases[1].result == WEIR_EBADF);
    weir_close(to);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 0); /* the end */
    weir_close(from);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EBADHANDLE);
    return 0;
}

TEST(a_read_of_a_pipe_is_a_case)
{
    hostile_calm();
    assert_int_equal(run_with(read_or_wait, NULL, 1), 0);
    assert_int_equal(run_with(read_or_wait, NULL, 2), 0);
}

static int send_later(void *arg)
{
    int i;

    for (i = 0; i < 3; i++)
        CHECK(weir_yield() == 0);
    CHECK(weir_write_all(*(weir_stream *)arg, "late", 4) == 0);
    return 0;
}

static int wait_for_bytes(void *arg)
{
    weir_stream from, to;
    weir_case cases[2];
    weir_scope scope;
    char in[8];
    int i;

    (void)arg;
    CHECK(weir_pipe(&from, &to) == 0);
    weir_case_read(&cases[0], from, in, sizeof in);
    weir_case_after(&cases[1], WEIR_SECONDS(20));
    for (i = 0; i < 50; i++) {
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, send_later, &to) == 0);
        CHECK(weir_select(cases, 2) == 0 && cases[0].result == 4);
        CHECK(weir_scope_join(&scope) == 0);
    }
    weir_close(from);
    weir_close(to);
    return 0;
}

TEST(bytes_that_come_later_end_a_select)
{
    hostile_calm();
    assert_int_equal(run_with(wait_for_bytes, NULL, 1), 0);
    assert_int_equal(run_with(wait_for_bytes, NULL, 2), 0);
}

static int write_or_wait(void *arg)
{
    static char much[1 << 20];
    weir_stream from, to;
    weir_case cases[2];
    char in[4096];
    ptrdiff_t n;

    (void)arg;
    CHECK(weir_pipe(&from, &to) == 0);
    weir_case_write(&cases[0], to, much, sizeof much);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 0 && cases[0].result > 0);
    while (weir_select(cases, 2) == 0) /* until it is full */
        CHECK(cases[0].result > 0);
    do { /* room for a page has to come */
        n = weir_read(from, in, sizeof in);
        CHECK(n > 0);
    } while (n > 0 && weir_select_with(cases, 1, &no_wait) == WEIR_EAGAIN);
    CHECK(cases[0].result > 0);
    CHECK(weir_shutdown(to) == 0);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EPIPE);
    weir_close(to);
    CHECK(weir_pipe(&from, &to) == 0);
    weir_close(from);
    weir_case_write(&cases[0], to, "x", 1);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == WEIR_EPIPE);
    weir_close(to);
    return 0;
}

TEST(a_write_to_a_pipe_is_a_case)
{
    hostile_calm();
    assert_int_equal(run_with(write_or_wait, NULL, 1), 0);
}

/* ---- ends ---- */

enum ending {
    CLOSES,
    SHUTS_DOWN
};

struct meeting {
    weir_stream stream;
    enum ending ending;
};

static int end_later(void *arg)
{
    const struct meeting *meeting = arg;
    int i;

    for (i = 0; i < 3; i++)
        CHECK(weir_yield() == 0);
    return meeting->ending == CLOSES ? weir_close(meeting->stream) : weir_shutdown(meeting->stream);
}

/* With several workers the end may come before the select. */
static void end_under(struct meeting *meeting, weir_case *c, int wanted)
{
    weir_scope scope;
    int rc;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, end_later, meeting) == 0);
    rc = weir_select(c, 1);
    CHECK(rc == 0);
    CHECK(c->result == wanted || (meeting->ending == CLOSES && c->result == WEIR_EBADHANDLE));
    CHECK(weir_scope_join(&scope) == 0);
}

static void fill(weir_stream to)
{
    static char much[1 << 20];
    weir_case c;

    weir_case_write(&c, to, much, sizeof much);
    while (weir_select_with(&c, 1, &no_wait) == 0)
        CHECK(c.result > 0);
}

static int end_meanwhile(void *arg)
{
    weir_stream from, to;
    struct meeting meeting;
    weir_case c;
    char in[8];
    int i;

    (void)arg;
    for (i = 0; i < 30; i++) {
        CHECK(weir_pipe(&from, &to) == 0);
        meeting = (struct meeting){from, CLOSES};
        weir_case_read(&c, from, in, sizeof in);
        end_under(&meeting, &c, WEIR_ECLOSED);
        weir_close(to);
        CHECK(weir_pipe(&from, &to) == 0);
        fill(to);
        meeting = (struct meeting){to, i % 2 ? CLOSES : SHUTS_DOWN};
        weir_case_write(&c, to, "x", 1);
        end_under(&meeting, &c, i % 2 ? WEIR_ECLOSED : WEIR_EPIPE);
        weir_close(from);
        weir_close(to);
    }
    return 0;
}

TEST(a_close_and_a_shutdown_end_a_select)
{
    hostile_calm();
    assert_int_equal(run_with(end_meanwhile, NULL, 1), 0);
    assert_int_equal(run_with(end_meanwhile, NULL, 3), 0);
}

static int cancel_select(void *arg)
{
    weir_case c;
    weir_block block;
    char in[4];
    weir_stream from, to;

    (void)arg;
    CHECK(weir_pipe(&from, &to) == 0);
    weir_case_read(&c, from, in, sizeof in);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(2)) == 0);
    CHECK(weir_select(&c, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_write(to, "left", 4) == 4); /* nothing of the select is left */
    CHECK(weir_read(from, in, sizeof in) == 4 && memcmp(in, "left", 4) == 0);
    weir_close(from);
    weir_close(to);
    return 0;
}

TEST(a_select_over_a_pipe_has_deadlines)
{
    hostile_calm();
    assert_int_equal(run_with(cancel_select, NULL, 1), 0);
}

/* ---- others ---- */

static int read_fifo(void *arg)
{
    char folder[] = "/tmp/weir-select-XXXXXX", path[64], in[4];
    weir_stream from, to;
    weir_case cases[2];

    (void)arg;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/fifo", folder);
    CHECK(mkfifo(path, 0600) == 0);
    CHECK(weir_fifo_open(&from, path, WEIR_FIFO_READ) == 0);
    weir_case_read(&cases[0], from, in, sizeof in);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1); /* it waits for somebody who writes */
    CHECK(weir_fifo_open(&to, path, WEIR_FIFO_WRITE) == 0);
    CHECK(weir_write(to, "fifo", 4) == 4);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 4);
    weir_close(to);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 0);
    weir_close(from);
    unlink(path);
    rmdir(folder);
    return 0;
}

TEST(a_fifo_that_nobody_writes_to_yet_is_waited_for)
{
    hostile_calm();
    assert_int_equal(run_with(read_fifo, NULL, 1), 0);
}

static int read_file(void *arg)
{
    char path[] = "/tmp/weir-select-XXXXXX", in[8];
    int fd = mkstemp(path);
    weir_stream file;
    weir_case c;

    (void)arg;
    CHECK(fd >= 0 && write(fd, "text", 4) == 4 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(weir_pipe_adopt(&file, fd) == 0);
    weir_case_read(&c, file, in, sizeof in);
    CHECK(weir_select(&c, 1) == 0 && c.result == 4 && memcmp(in, "text", 4) == 0);
    CHECK(weir_select(&c, 1) == 0 && c.result == 0);
    weir_case_write(&c, file, "more", 4);
    CHECK(weir_select(&c, 1) == 0 && c.result == 4);
    weir_close(file);
    unlink(path);
    return 0;
}

TEST(a_file_is_always_ready)
{
    hostile_calm();
    assert_int_equal(run_with(read_file, NULL, 1), 0);
}

static int read_terminal(void *arg)
{
    int upper = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    weir_stream keyboard;
    weir_case cases[2];
    char in[8];

    (void)arg;
    CHECK(upper >= 0 && unlockpt(upper) == 0);
    CHECK(weir_serial_open(&keyboard, ptsname(upper), NULL) == 0);
    weir_case_read(&cases[0], keyboard, in, sizeof in);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(write(upper, "key", 3) == 3);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result > 0 && in[0] == 'k');
    weir_close(keyboard);
    close(upper);
    return 0;
}

TEST(a_serial_port_is_a_case)
{
    not_emulated("terminals have no rate of their own");
    hostile_calm();
    assert_int_equal(run_with(read_terminal, NULL, 1), 0);
}

/* A pipe of somebody else's, in each way in which it can be read. */
static int read_foreign(void *arg)
{
    weir_stream from;
    weir_case cases[2];
    int fds[2];
    char in[8];

    (void)arg;
    CHECK(pipe2(fds, O_CLOEXEC) == 0);
    CHECK(weir_pipe_adopt(&from, fds[0]) == 0);
    weir_case_read(&cases[0], from, in, sizeof in);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(write(fds[1], "in", 2) == 2);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 2);
    close(fds[1]);
    CHECK(weir_select(cases, 1) == 0 && cases[0].result == 0);
    weir_close(from);
    return 0;
}

TEST(a_pipe_of_others_is_a_case_in_each_way)
{
    uint32_t way;

    hostile_calm();
    for (way = PIPE_SYSTEM_UNKNOWN; way <= PIPE_SYSTEM_LOOKS; way++) {
        weir__pipe_system = way;
        assert_int_equal(run_with(read_foreign, NULL, 1), 0);
    }
    weir__pipe_system = PIPE_SYSTEM_UNKNOWN;
}
