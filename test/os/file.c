/* test/os/file.c - files below a folder: from memory at once, else by the pool. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"
#include "sys/call.h"

struct folder {
    char path[64];
    char file[96];
    int fd;
};

static void make(struct folder *folder)
{
    FILE *file;

    strcpy(folder->path, "/tmp/weir-file-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof folder->file, "%s/here", folder->path);
    file = fopen(folder->file, "w");
    assert_non_null(file);
    assert_int_equal(fwrite("twelve bytes", 1, 12, file), 12);
    assert_int_equal(fclose(file), 0);
    folder->fd = weir_file_folder(folder->path);
    assert_true(folder->fd >= 0);
}

static void clean(struct folder *folder)
{
    weir_file_close(folder->fd);
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(rmdir(folder->path), 0);
}

static uint64_t jobs(void)
{
    struct weir_blocking_counts counts;

    CHECK(weir_blocking_count(WEIR_BLOCKING_FILES, &counts) == 0);
    return counts.done;
}

/* Whether the kernel says what it has in memory. */
static int says(int folder)
{
    int fd = weir__sys_openat2(folder, ".", O_RDONLY, 0, WEIR__RESOLVE_CACHED);

    if (fd >= 0)
        weir__sys_close(fd);
    return fd >= 0;
}

static int use(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_facts facts = {0};
    char bytes[32];
    int fd = weir_file_open_below(folder->fd, "here", &facts);

    CHECK(fd >= 0);
    CHECK(facts.size == 12 && facts.kind == WEIR_FILE_REGULAR);
    CHECK(weir_file_read_at(fd, bytes, sizeof bytes, 0) == 12);
    CHECK(memcmp(bytes, "twelve bytes", 12) == 0);
    CHECK(weir_file_read_at(fd, bytes, 3, 7) == 3 && memcmp(bytes, "byt", 3) == 0);
    CHECK(weir_file_read_at(fd, bytes, 3, 12) == 0);
    CHECK(weir_file_read_at(fd, bytes, 0, 0) == WEIR_EINVAL);
    CHECK(weir_file_read_at(-1, bytes, 1, 0) == WEIR_EBADF);
    weir_file_close(fd);
    fd = weir_file_open_below(folder->fd, "", &facts);
    CHECK(fd >= 0 && facts.kind == WEIR_FILE_FOLDER);
    weir_file_close(fd);
    CHECK(weir_file_open_below(folder->fd, "/etc/passwd", &facts) == WEIR_EACCES);
    CHECK(weir_file_open_below(folder->fd, "../../etc", &facts) == WEIR_EACCES);
    CHECK(weir_file_open_below(folder->fd, "here/below", &facts) == WEIR_ENOTDIR);
    return 0;
}

TEST(a_file_is_opened_and_read_by_tasks_and_by_threads)
{
    struct weir_runtime_options options = {.workers = 2};
    struct folder folder;

    make(&folder);
    assert_int_equal(use(&folder), 0);
    assert_checks();
    assert_int_equal(weir_run(use, &folder, &options), 0);
    assert_checks();
    clean(&folder);
}

static int open_and_read(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_facts facts;
    uint64_t before = jobs();
    char byte;
    int fd = weir_file_open_below(folder->fd, "here", &facts);

    CHECK(fd >= 0);
    CHECK(weir_file_read_at(fd, &byte, 1, 0) == 1);
    weir_file_close(fd);
    return (int)(jobs() - before);
}

TEST(what_is_in_memory_needs_no_job)
{
    struct folder folder;

    make(&folder); /* its name and its bytes are in memory now */
    assert_int_equal(weir_run(open_and_read, &folder, NULL), 0);
    assert_checks();
    clean(&folder);
}

static int open_unknown(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_facts facts;
    uint64_t before = jobs();

    CHECK(weir_file_open_below(folder->fd, "a name that nobody has asked for", &facts)
          == WEIR_ENOENT);
    return (int)(jobs() - before);
}

TEST(what_is_not_in_memory_is_a_job_of_the_pool)
{
    struct folder folder;
    int count;

    make(&folder);
    count = weir_run(open_unknown, &folder, NULL);
    if (says(folder.fd))
        assert_int_equal(count, 1);
    assert_checks();
    clean(&folder);
}

static int open_cancelled(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_facts facts = {0};

    while (weir_yield() == 0) /* until it is cancelled */
        ;
    CHECK(weir_file_open_below(folder->fd, "here", &facts) == WEIR_ECANCELED);
    CHECK(weir_file_open_below(folder->fd, "not here", &facts) == WEIR_ECANCELED);
    CHECK(facts.kind == 0);
    return 0;
}

static int cancel(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, open_cancelled, arg) == 0);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(a_cancelled_task_opens_nothing)
{
    struct folder folder;

    make(&folder);
    assert_int_equal(weir_run(cancel, &folder, NULL), 0);
    assert_checks();
    clean(&folder);
}
