/* test/os/pipe.c - pipes, FIFOs, devices and files as streams. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir.h>

#include "stream/pipe.h"
#include "support/run.h"

none_on_sim("there are no pipes")

#define MUCH (1u << 20)

    static unsigned char *much;

static void fill_much(void)
{
    size_t i;

    if (!much)
        much = malloc(MUCH);
    for (i = 0; i < MUCH; i++)
        much[i] = (unsigned char)(i * 31 >> 3);
}

struct ends {
    weir_stream reader, writer;
    int result;
};

static int write_much(void *arg)
{
    struct ends *ends = arg;

    ends->result = weir_write_all(ends->writer, much, MUCH);
    weir_close(ends->writer);
    return 0;
}

static void read_much(weir_stream reader)
{
    static unsigned char bytes[16384];
    size_t at = 0;
    ptrdiff_t n;

    while ((n = weir_read(reader, bytes, sizeof bytes)) > 0) {
        CHECK(at + (size_t)n <= MUCH && memcmp(bytes, much + at, (size_t)n) == 0);
        at += (size_t)n;
    }
    CHECK(n == 0);
    CHECK(at == MUCH);
}

static void carry_much(struct ends *ends)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_much, ends) == 0);
    read_much(ends->reader);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(ends->result == 0);
    weir_close(ends->reader);
}

static int carry(void *arg)
{
    struct ends ends = {0};

    (void)arg;
    CHECK(weir_pipe(&ends.reader, &ends.writer) == 0);
    carry_much(&ends);
    return 0;
}

TEST(bytes_go_through_a_pipe_in_order)
{
    fill_much();
    assert_int_equal(run_with(carry, NULL, 1), 0);
    assert_int_equal(run_with(carry, NULL, 2), 0);
}

static bool nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* The copies show the mode of the open files, which are shared. */
static int adopt_blocking(void *arg)
{
    struct ends ends = {0};
    int fds[2], copies[2], i;

    (void)arg;
    CHECK(pipe(fds) == 0);
    for (i = 0; i < 2; i++)
        copies[i] = dup(fds[i]);
    CHECK(weir_pipe_adopt(&ends.reader, fds[0]) == 0);
    CHECK(weir_pipe_adopt(&ends.writer, fds[1]) == 0);
    close(copies[1]); /* else the end never comes */
    carry_much(&ends);
    CHECK(!nonblocking(copies[0]));
    close(copies[0]);
    return 0;
}

TEST(a_pipe_that_was_inherited_stays_in_blocking_mode)
{
    fill_much();
    assert_int_equal(run_with(adopt_blocking, NULL, 2), 0);
}

TEST(a_kernel_that_cannot_say_is_served_in_other_ways)
{
    uint32_t ways[] = {PIPE_SYSTEM_REOPENS, PIPE_SYSTEM_LOOKS};
    int i;

    fill_much();
    for (i = 0; i < 2; i++) {
        SAY(weir__pipe_system, ways[i]);
        assert_int_equal(run_with(adopt_blocking, NULL, 1), 0);
        assert_int_equal(run_with(adopt_blocking, NULL, 2), 0);
    }
    SAY(weir__pipe_system, PIPE_SYSTEM_UNKNOWN);
}

static int read_one(void *arg)
{
    struct ends *ends = arg;
    char byte;

    ends->result = (int)weir_read(ends->reader, &byte, 1);
    return 0;
}

static int write_one(void *arg)
{
    struct ends *ends = arg;

    while ((ends->result = (int)weir_write(ends->writer, "x", 1)) == WEIR_EBUSY)
        CHECK(weir_yield() == 0);
    return 0;
}

/* What a write says that may not wait. */
static int write_at_once(weir_stream writer, size_t len)
{
    weir_block block;
    int rc;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    rc = (int)weir_write(writer, much, len);
    (void)weir_block_end(&block);
    return rc;
}

/* The pipe is full: who writes waits, and another one finds that out. */
static int close_writer(void *arg)
{
    struct ends ends = {0};
    weir_scope scope;

    (void)arg;
    CHECK(weir_pipe(&ends.reader, &ends.writer) == 0);
    while (write_at_once(ends.writer, 65536) > 0) {
    }
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_one, &ends) == 0);
    while (write_at_once(ends.writer, 1) != WEIR_EBUSY)
        CHECK(weir_yield() == 0);
    weir_close(ends.writer);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(ends.result == WEIR_ECLOSED);
    weir_close(ends.reader);
    return 0;
}

TEST(a_close_ends_a_write_under_way)
{
    int i;

    fill_much();
    for (i = 0; i < 20; i++) {
        assert_int_equal(run_with(close_writer, NULL, 1), 0);
        assert_int_equal(run_with(close_writer, NULL, 2), 0);
    }
}

static int close_reader(void *arg)
{
    struct ends ends = {0};
    weir_scope scope;
    int i;

    (void)arg;
    CHECK(weir_pipe(&ends.reader, &ends.writer) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, read_one, &ends) == 0);
    for (i = 0; i < 3; i++)
        CHECK(weir_yield() == 0);
    weir_close(ends.reader);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(ends.result == WEIR_ECLOSED || ends.result == WEIR_EBADHANDLE);
    weir_close(ends.writer);
    return 0;
}

TEST(a_close_ends_a_read_wherever_it_is)
{
    int i;

    for (i = 0; i < 50; i++)
        assert_int_equal(run_with(close_reader, NULL, 2), 0);
    assert_int_equal(run_with(close_reader, NULL, 1), 0);
}

static int end_ways(void *arg)
{
    struct ends ends = {0};
    weir_lent lent = {0};
    char bytes[8];
    weir_block block;

    (void)arg;
    CHECK(weir_pipe(&ends.reader, &ends.writer) == 0);
    CHECK(weir_write(ends.reader, "x", 1) == WEIR_EBADF);
    CHECK(weir_read(ends.writer, bytes, 1) == WEIR_EBADF);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_read(ends.reader, bytes, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_write_all(ends.writer, "abcde", 5) == 0);
    CHECK(weir_read_lent(ends.reader, &lent) == 5);
    CHECK(lent.len == 5 && memcmp(lent.bytes, "abcde", 5) == 0);
    weir_give_back(&lent);
    CHECK(weir_shutdown(ends.reader) == WEIR_ENOTSUP);
    CHECK(weir_shutdown(ends.writer) == 0);
    CHECK(weir_shutdown(ends.writer) == 0);
    CHECK(weir_write(ends.writer, "x", 1) == WEIR_EPIPE);
    CHECK(weir_read(ends.reader, bytes, 1) == 0);
    weir_close(ends.reader);
    weir_close(ends.writer);
    CHECK(weir_read(ends.reader, bytes, 1) == WEIR_EBADHANDLE);
    CHECK(weir_pipe(&ends.reader, &ends.writer) == 0);
    weir_close(ends.reader);
    CHECK(weir_write(ends.writer, "x", 1) == WEIR_EPIPE); /* and no signal */
    weir_close(ends.writer);
    return 0;
}

TEST(a_pipe_ends_by_shutdown_close_and_deadline)
{
    assert_int_equal(run_with(end_ways, NULL, 1), 0);
}

/* ---- files, devices, FIFOs ---- */

static char folder[] = "/tmp/weir-pipe-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int write_file(void *arg)
{
    struct ends ends = {0};

    (void)arg;
    CHECK(weir_pipe_adopt(&ends.writer, open(in_folder("file"), O_RDWR | O_CREAT | O_TRUNC, 0600))
          == 0);
    CHECK(weir_write_all(ends.writer, much, MUCH) == 0);
    weir_close(ends.writer);
    CHECK(weir_pipe_adopt(&ends.reader, open(in_folder("file"), O_RDONLY)) == 0);
    read_much(ends.reader);
    weir_close(ends.reader);
    return 0;
}

TEST(a_file_is_read_and_written_from_where_it_stands)
{
    fill_much();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(run_with(write_file, NULL, 1), 0);
    unlink(in_folder("file"));
    rmdir(folder);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static int use_devices(void *arg)
{
    weir_stream stream;
    char bytes[32];

    (void)arg;
    CHECK(weir_pipe_adopt(&stream, open("/dev/null", O_RDWR)) == 0);
    CHECK(weir_read(stream, bytes, sizeof bytes) == 0);
    CHECK(weir_write_all(stream, bytes, sizeof bytes) == 0);
    weir_close(stream);
    CHECK(weir_pipe_adopt(&stream, open("/dev/zero", O_RDONLY)) == 0);
    memset(bytes, 1, sizeof bytes);
    CHECK(weir_read_exactly(stream, bytes, sizeof bytes) == 0);
    CHECK(bytes[0] == 0 && bytes[31] == 0);
    weir_close(stream);
    CHECK(weir_fifo_open(&stream, "/dev/urandom", WEIR_FIFO_READ) == 0);
    CHECK(weir_read_exactly(stream, bytes, sizeof bytes) == 0);
    weir_close(stream);
    return 0;
}

TEST(devices_are_streams)
{
    assert_int_equal(run_with(use_devices, NULL, 1), 0);
}

static int read_fifo(void *arg)
{
    return weir_read_exactly(*(weir_stream *)arg, (char[6]){0}, 6);
}

static int use_fifo(void *arg)
{
    weir_stream reader, writer;
    weir_scope scope;
    char byte;

    (void)arg;
    CHECK(weir_fifo_open(&writer, in_folder("fifo"), WEIR_FIFO_WRITE) == -ENXIO);
    CHECK(weir_fifo_open(&reader, in_folder("fifo"), WEIR_FIFO_READ) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, read_fifo, &reader) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_fifo_open(&writer, in_folder("fifo"), WEIR_FIFO_WRITE) == 0);
    CHECK(weir_write_all(writer, "sixsix", 6) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_close(writer);
    CHECK(weir_read(reader, &byte, 1) == 0);
    weir_close(reader);
    return 0;
}

TEST(a_fifo_waits_for_its_writer)
{
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(run_with(use_fifo, NULL, 1), 0);
    unlink(in_folder("fifo"));
    rmdir(folder);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static int refuse(void *arg)
{
    weir_stream stream = {7};
    int fds[2];
    char path[8192];

    (void)arg;
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    CHECK(weir_pipe_adopt(&stream, -1) == WEIR_EBADF);
    CHECK(weir_pipe_adopt(&stream, 1000000) == WEIR_EBADF);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    CHECK(weir_pipe_adopt(&stream, fds[0]) == WEIR_ENOTSUP);
    close(fds[0]);
    close(fds[1]);
    fds[0] = open("/tmp", O_RDONLY | O_DIRECTORY);
    CHECK(weir_pipe_adopt(&stream, fds[0]) == WEIR_EISDIR);
    close(fds[0]);
    CHECK(weir_fifo_open(&stream, path, WEIR_FIFO_READ) == WEIR_ENAMETOOLONG);
    CHECK(weir_fifo_open(&stream, "/tmp/weir-none", WEIR_FIFO_READ) == WEIR_ENOENT);
    CHECK(weir_fifo_open(&stream, "/dev/null", 3) == WEIR_EINVAL);
    CHECK(weir_standard(&stream, 3) == WEIR_EINVAL);
    CHECK(weir_standard(&stream, -1) == WEIR_EINVAL);
    CHECK(stream.id == 7);
    return 0;
}

TEST(what_is_no_pipe_is_refused)
{
    weir_stream stream;

    assert_int_equal(weir_pipe(&stream, &stream), WEIR_ENOTASK);
    assert_int_equal(run_with(refuse, NULL, 1), 0);
}

static int use_standard(void *arg)
{
    weir_stream stream;
    struct stat before, after;

    (void)arg;
    CHECK(fstat(1, &before) == 0);
    CHECK(weir_standard(&stream, 1) == 0);
    CHECK(weir_write_all(stream, "", 0) == 0);
    weir_close(stream);
    CHECK(fstat(1, &after) == 0 && after.st_ino == before.st_ino);
    CHECK(!nonblocking(1));
    return 0;
}

TEST(standard_output_stays_open_and_blocking)
{
    assert_int_equal(run_with(use_standard, NULL, 1), 0);
}
