/* test/os/file.c - files: opening, reading, writing, closing; by tasks and by threads. */
#include "test.h"

#include <pthread.h>
#include <sys/uio.h>

#include "fs/file.h"
#include "support/check.h"
#include "support/folder.h"
#include "support/run.h"
#include "sys/call.h"

/* Whether the kernel says what it has in memory. */
static bool says(void)
{
    int fd = weir__sys_openat2(AT_FDCWD, ".", O_RDONLY, 0, WEIR__RESOLVE_CACHED);

    if (fd >= 0)
        weir__sys_close(fd);
    return fd >= 0;
}

static int use(void *arg)
{
    const struct folder *folder = arg;
    struct weir_stat about = {0};
    weir_file file;
    char bytes[32];

    CHECK(weir_file_open(&file, folder->dir, "here", 0, 0) == 0);
    CHECK(weir_file_stat(file, &about) == 0);
    CHECK(about.size == 12 && about.kind == WEIR_FILE_REGULAR && about.links == 1);
    CHECK(weir_file_read_at(file, bytes, sizeof bytes, 0) == 12);
    CHECK(memcmp(bytes, "twelve bytes", 12) == 0);
    CHECK(weir_file_read_at(file, bytes, 3, 7) == 3 && memcmp(bytes, "byt", 3) == 0);
    CHECK(weir_file_read_at(file, bytes, 3, 12) == 0);
    CHECK(weir_file_read_at(file, bytes, 0, 0) == WEIR_EINVAL);
    CHECK(weir_file_read_at(file, bytes, 1, UINT64_MAX) == WEIR_EINVAL);
    CHECK(weir_file_write_at(file, bytes, 1, 0) == WEIR_EBADF);
    CHECK(weir_file_read_exactly(file, bytes, 12, 0) == 0);
    CHECK(weir_file_read_exactly(file, bytes, 13, 0) == WEIR_EEOF);
    weir_file_close(file);
    CHECK(weir_file_read_at(file, bytes, 1, 0) == WEIR_EBADHANDLE);
    weir_file_close(file);
    return 0;
}

TEST(a_file_is_opened_and_read_by_tasks_and_by_threads)
{
    struct folder folder;

    folder_make(&folder);
    folder_put(&folder, "here", "twelve bytes");
    assert_int_equal(use(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(use, &folder, 2), 0);
    folder_clean(&folder);
}

static int write_and_read(void *arg)
{
    const struct folder *folder = arg;
    const uint32_t flags = WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_EXCLUSIVE;
    struct iovec parts[2] = {{(char[]){"some "}, 5}, {(char[]){"words"}, 5}};
    struct weir_stat about;
    char a[4], b[6];
    weir_file file, again;

    CHECK(weir_file_open(&file, folder->dir, "new", flags, 0640) == 0);
    CHECK(weir_file_open(&again, folder->dir, "new", flags, 0640) == WEIR_EEXIST);
    CHECK(weir_file_writev_at(file, parts, 2, 0) == 10);
    CHECK(weir_file_write_at(file, "!", 1, 10) == 1);
    parts[0] = (struct iovec){a, 4};
    parts[1] = (struct iovec){b, 6};
    CHECK(weir_file_readv_at(file, parts, 2, 1) == 10);
    CHECK(memcmp(a, "ome ", 4) == 0 && memcmp(b, "words!", 6) == 0);
    CHECK(weir_file_readv_at(file, parts, 0, 1) == WEIR_EINVAL);
    CHECK(weir_file_readv_at(file, parts, 1025, 1) == WEIR_EINVAL);
    CHECK(weir_file_stat(file, &about) == 0 && about.size == 11);
    CHECK(weir_dir_stat(folder->dir, "new", 0, &about) == 0 && about.size == 11);
    CHECK((about.mode & ~022u) == 0640);
    CHECK(weir_file_close_wait(file) == 0);
    CHECK(weir_file_close_wait(file) == 0);
    CHECK(weir_dir_stat(folder->dir, "nothing", 0, &about) == WEIR_ENOENT);
    CHECK(weir_dir_stat(folder->dir, "new/below", 0, &about) == WEIR_ENOTDIR);
    CHECK(weir_dir_stat(folder->dir, "", 0, &about) == 0 && about.kind == WEIR_FILE_DIRECTORY);
    CHECK(unlinkat(weir_dir_descriptor(folder->dir), "new", 0) == 0);
    return 0;
}

TEST(what_is_written_is_read)
{
    struct folder folder;

    folder_make(&folder);
    assert_int_equal(write_and_read(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(write_and_read, &folder, 2), 0);
    folder_clean(&folder);
}

static int use_own_offset(void *arg)
{
    const struct folder *folder = arg;
    char bytes[8];
    weir_file file;

    CHECK(weir_file_open(&file, folder->dir, "at",
                         WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_TRUNCATE, 0)
          == 0);
    CHECK(weir_file_write(file, "abc", 3) == 3 && weir_file_write(file, "def", 3) == 3);
    CHECK(weir_file_seek(file, -4, WEIR_FILE_FROM_END) == 2);
    CHECK(weir_file_read(file, bytes, 2) == 2 && memcmp(bytes, "cd", 2) == 0);
    CHECK(weir_file_read(file, bytes, 8) == 2 && memcmp(bytes, "ef", 2) == 0);
    CHECK(weir_file_read(file, bytes, 8) == 0);
    CHECK(weir_file_seek(file, -1, WEIR_FILE_FROM_START) == WEIR_EINVAL);
    weir_file_close(file);
    CHECK(weir_file_open(&file, folder->dir, "at", WEIR_FILE_WRITE | WEIR_FILE_APPEND, 0) == 0);
    CHECK(weir_file_write_at(file, "g", 1, 0) == 1); /* at the end all the same */
    CHECK(weir_file_seek(file, 0, WEIR_FILE_FROM_END) == 7);
    weir_file_close(file);
    return 0;
}

TEST(a_file_has_an_offset_of_its_own)
{
    struct folder folder;

    folder_make(&folder);
    assert_int_equal(use_own_offset(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(use_own_offset, &folder, 1), 0);
    folder_clean(&folder);
}

/* ---- where paths lead ---- */

static int try_escapes(void *arg)
{
    const struct folder *folder = arg;
    weir_file file = {7};
    char path[4400];
    size_t i;

    CHECK(weir_file_open(&file, folder->dir, "here", WEIR_FILE_BENEATH, 0) == 0);
    weir_file_close(file);
    CHECK(weir_file_open(&file, folder->dir, "in/../here", WEIR_FILE_BENEATH, 0) == 0);
    weir_file_close(file);
    CHECK(weir_file_open(&file, folder->dir, "link", WEIR_FILE_BENEATH, 0) == 0);
    weir_file_close(file);
    CHECK(weir_file_open(&file, folder->dir, "absolute", WEIR_FILE_BENEATH, 0) == 0);
    weir_file_close(file);
    file.id = 7;
    CHECK(weir_file_open(&file, folder->dir, "/etc/passwd", WEIR_FILE_BENEATH, 0) == WEIR_EACCES);
    CHECK(weir_file_open(&file, folder->dir, "../../etc/passwd", WEIR_FILE_BENEATH, 0)
          == WEIR_EACCES);
    CHECK(weir_file_open(&file, folder->dir, "../nothing", WEIR_FILE_BENEATH, 0) == WEIR_EACCES);
    CHECK(weir_file_open(&file, folder->dir, "out", WEIR_FILE_BENEATH, 0) == WEIR_EACCES);
    CHECK(weir_file_open(&file, folder->dir, "out/made",
                         WEIR_FILE_BENEATH | WEIR_FILE_CREATE | WEIR_FILE_WRITE, 0)
          == WEIR_EACCES);
    CHECK(weir_file_open(&file, folder->dir, "link", WEIR_FILE_NO_LINKS, 0) == WEIR_ELOOP);
    CHECK(weir_file_open(&file, folder->dir, "link", WEIR_FILE_NO_FOLLOW, 0) == WEIR_ELOOP);
    CHECK(weir_file_open(&file, folder->dir, "here/below", 0, 0) == WEIR_ENOTDIR);
    CHECK(weir_file_open(&file, folder->dir, "round", 0, 0) == WEIR_ELOOP);
    CHECK(weir_file_open(&file, folder->dir, "", 0, 0) == WEIR_ENOENT);
    CHECK(weir_file_open(&file, folder->dir, "in", WEIR_FILE_WRITE, 0) == WEIR_EISDIR);
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    for (i = 200; i < sizeof path; i += 200)
        path[i] = '/';
    CHECK(weir_file_open(&file, folder->dir, path, 0, 0) == WEIR_ENAMETOOLONG);
    path[300] = '\0';
    path[200] = 'a';
    CHECK(weir_file_open(&file, folder->dir, path, 0, 0) == WEIR_ENAMETOOLONG);
    CHECK(weir_file_open(&file, folder->dir, "here", 0x80000000u, 0) == WEIR_EINVAL);
    CHECK(weir_file_open(&file, folder->dir, "here", WEIR_FILE_WRITE | WEIR_FILE_READ_WRITE, 0)
          == WEIR_EINVAL);
    CHECK(weir_file_open(&file, folder->dir, "here", WEIR_FILE_TRUNCATE, 0) == WEIR_EINVAL);
    CHECK(weir_file_open(&file, (weir_dir){0}, "here", 0, 0) == WEIR_EBADHANDLE);
    CHECK(weir_file_open(&file, (weir_dir){file.id}, "here", 0, 0) == WEIR_EBADHANDLE);
    CHECK(file.id == 7);
    CHECK(weir_file_open(&file, folder->dir, "/here", WEIR_FILE_IN_ROOT, 0) == 0);
    weir_file_close(file);
    return 0;
}

TEST(a_path_leads_no_further_than_it_may)
{
    struct folder folder;
    char path[128], target[128];

    not_emulated("openat2 is not there");
    folder_make(&folder);
    folder_put(&folder, "here", "twelve bytes");
    snprintf(path, sizeof path, "%s/in", folder.path);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/link", folder.path);
    assert_int_equal(symlink("in/../here", path), 0);
    snprintf(path, sizeof path, "%s/out", folder.path);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/round", folder.path);
    assert_int_equal(symlink("round", path), 0);
    snprintf(path, sizeof path, "%s/absolute", folder.path);
    snprintf(target, sizeof target, "%s/here", folder.path);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(try_escapes(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(try_escapes, &folder, 1), 0);
    folder_clean(&folder);
}

/* What is left where there is no openat2. */
TEST(a_path_is_walked_without_the_kernels_help)
{
    const uint64_t beneath = WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_NO_MAGICLINKS;
    struct weir__open_how read = {.flags = O_RDONLY, .resolve = beneath};
    struct weir__open_how make = {.flags = O_RDWR | O_CREAT, .mode = 0600, .resolve = beneath};
    struct weir__open_how root = {.flags = O_RDONLY, .resolve = WEIR__RESOLVE_IN_ROOT};
    struct weir__open_how strict = {.flags = O_RDONLY, .resolve = WEIR__RESOLVE_NO_SYMLINKS};
    struct weir__open_how one = {.flags = O_RDONLY, .resolve = WEIR__RESOLVE_NO_XDEV};
    struct weir__open_how plain = {.flags = O_RDONLY};
    const struct {
        const char *path;
        struct weir__open_how *how;
        int wanted;
    } rows[] = {
        {"in/here", &read, 0},
        {"in/../in/here", &read, 0},
        {"link", &read, 0},
        {"out", &read, WEIR_EACCES},
        {"../", &read, WEIR_EACCES},
        {"none", &read, WEIR_ENOENT},
        {"in/made", &make, 0},
        {"in//./made", &make, 0},
        {"link", &make, WEIR_ELOOP},
        {"out/made", &make, WEIR_ENOTDIR},
        {"in/../made", &make, WEIR_EACCES},
        {"/tmp/made", &make, WEIR_EACCES},
        {"none/made", &make, WEIR_ENOENT},
        {"", &make, WEIR_ENOENT},
        {"/in/here", &root, 0},
        {"in/here", &strict, 0},
        {"link", &strict, WEIR_ELOOP},
        {"in/here", &one, 0},
        {"out", &plain, 0},
    };
    struct folder folder;
    char path[96];
    size_t i;

    folder_make(&folder);
    assert_int_equal(weir_dir_make(folder.dir, "in", 0), 0);
    folder_put(&folder, "in/here", "here");
    snprintf(path, sizeof path, "%s/link", folder.path);
    assert_int_equal(symlink("in/here", path), 0);
    snprintf(path, sizeof path, "%s/out", folder.path);
    assert_int_equal(symlink("..", path), 0);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = weir__file_resolve(weir_dir_descriptor(folder.dir), rows[i].path, rows[i].how);

        if (fd >= 0)
            close(fd);
        if ((fd < 0 ? fd : 0) != rows[i].wanted)
            fail_msg("row %d: %d", (int)i, fd);
    }
    one.resolve |= WEIR__RESOLVE_NO_XDEV;
    assert_int_equal(weir__file_resolve(AT_FDCWD, "/proc/self/status", &one), WEIR_EACCES);
    i = (size_t)weir__file_resolve(AT_FDCWD, ".", &one);
    assert_int_equal(close((int)i), 0);
    folder_clean(&folder);
}

/* ---- who waits ---- */

static int open_and_read(void *arg)
{
    const struct folder *folder = arg;
    uint64_t before = folder_jobs();
    weir_file file;
    char byte;

    CHECK(weir_file_open(&file, folder->dir, "here", 0, 0) == 0);
    CHECK(weir_file_read_at(file, &byte, 1, 0) == 1);
    weir_file_close(file);
    return (int)(folder_jobs() - before);
}

TEST(what_is_in_memory_needs_no_job)
{
    struct folder folder;

    not_emulated("openat2 is not there");
    folder_make(&folder); /* its name and its bytes are in memory now */
    folder_put(&folder, "here", "twelve bytes");
    assert_int_equal(run_with(open_and_read, &folder, 1), 0);
    folder_clean(&folder);
}

static int open_unknown(void *arg)
{
    const struct folder *folder = arg;
    uint64_t before = folder_jobs();
    weir_file file;

    CHECK(weir_file_open(&file, folder->dir, "a name that nobody has asked for", 0, 0)
          == WEIR_ENOENT);
    return (int)(folder_jobs() - before);
}

TEST(what_is_not_in_memory_is_the_rings_or_the_pools)
{
    const char *backend = getenv("WEIR_BACKEND");
    struct folder folder;
    int count;

    folder_make(&folder);
    count = run_with(open_unknown, &folder, 1);
    if (says() && backend)
        assert_int_equal(count, strcmp(backend, "uring") != 0);
    folder_clean(&folder);
}

static int open_cancelled(void *arg)
{
    const struct folder *folder = arg;
    struct weir_stat about = {0};
    weir_file file = {7};
    char byte;

    CHECK(weir_file_open(&file, folder->dir, "here", 0, 0) == 0);
    while (weir_yield() == 0) /* until it is cancelled */
        ;
    CHECK(weir_file_read_at(file, &byte, 1, 0) == WEIR_ECANCELED);
    CHECK(weir_file_write_at(file, &byte, 1, 0) == WEIR_ECANCELED);
    CHECK(weir_file_close_wait(file) == 0);
    file.id = 7;
    CHECK(weir_file_open(&file, folder->dir, "here", 0, 0) == WEIR_ECANCELED);
    CHECK(weir_file_open(&file, folder->dir, "not here", 0, 0) == WEIR_ECANCELED);
    CHECK(weir_dir_stat(folder->dir, "here", 0, &about) == WEIR_ECANCELED);
    CHECK(file.id == 7 && about.kind == 0);
    return 0;
}

static int cancel(void *arg)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, open_cancelled, arg) == 0);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

TEST(a_cancelled_task_opens_nothing)
{
    struct folder folder;

    not_emulated("openat2 is not there");
    folder_make(&folder);
    folder_put(&folder, "here", "twelve bytes");
    assert_int_equal(run_with(cancel, &folder, 1), 0);
    folder_clean(&folder);
}

/* A read of a FIFO waits for ever: a deadline ends it where the ring waits. */
static int read_fifo(void *arg)
{
    const struct folder *folder = arg;
    weir_block block;
    weir_file file;
    char byte;

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(20)) == 0);
    CHECK(weir_file_open(&file, folder->dir, "fifo", 0, 0) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block) == 1);
    CHECK(weir_file_open(&file, folder->dir, "fifo", WEIR_FILE_READ_WRITE, 0) == 0);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(20)) == 0);
    CHECK(weir_file_read(file, &byte, 1) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block) == 1);
    CHECK(weir_file_write(file, "x", 1) == 1);
    CHECK(weir_file_read(file, &byte, 1) == 1 && byte == 'x');
    weir_file_close(file);
    return 0;
}

TEST(a_deadline_ends_the_read_of_a_fifo)
{
    const char *backend = getenv("WEIR_BACKEND");
    struct folder folder;
    char path[96];

    if (!backend || strcmp(backend, "uring") != 0)
        skip("a thread of the pool cannot be interrupted");
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/fifo", folder.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(run_with(read_fifo, &folder, 1), 0);
    folder_clean(&folder);
}

/* ---- a FIFO whose writer does not stay ---- */

enum {
    VISITS = 200
};

static void *visit(void *arg)
{
    int fd = open(arg, O_WRONLY | O_CLOEXEC); /* waits for the reader */

    assert_true(fd >= 0 && write(fd, "hello", 5) == 5);
    close(fd);
    return NULL;
}

static int read_visits(void *arg)
{
    const struct folder *folder = arg;
    char path[96], bytes[8];
    pthread_t writer;
    weir_file file;
    int i;

    snprintf(path, sizeof path, "%s/fifo", folder->path);
    for (i = 0; i < VISITS; i++) {
        CHECK(pthread_create(&writer, NULL, visit, path) == 0);
        CHECK(weir_file_open(&file, folder->dir, "fifo", 0, 0) == 0);
        CHECK(weir_file_read(file, bytes, sizeof bytes) == 5);
        CHECK(weir_file_read(file, bytes, sizeof bytes) == 0);
        weir_file_close(file);
        CHECK(pthread_join(writer, NULL) == 0);
    }
    return 0;
}

static int open_stopped(void *arg)
{
    const struct folder *folder = arg;
    weir_block block;
    weir_file file = {7};

    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(20)) == 0);
    CHECK(weir_file_open(&file, folder->dir, "fifo", 0, 0) == WEIR_EDEADLINE && file.id == 7);
    CHECK(weir_block_end(&block) == 1);
    return 0;
}

TEST(a_deadline_ends_the_open_of_a_fifo_to_read)
{
    struct folder folder;
    char path[96];

    not_on_sim("an open that waits would hold the driving thread");
    if (!says())
        skip("the kernel does not say what it has in memory");
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/fifo", folder.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(run_with(open_stopped, &folder, 1), 0);
    folder_clean(&folder);
}

TEST(a_writer_of_a_fifo_who_has_gone_was_there)
{
    struct folder folder;
    char path[96];

    not_on_sim("an open that waits would hold the driving thread");
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/fifo", folder.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(run_with(read_visits, &folder, 1), 0);
    folder_clean(&folder);
}

/* The other ends of a FIFO, each of which waits for the other. */
static int write_fifo(void *arg)
{
    const struct folder *folder = arg;
    weir_file file;

    CHECK(weir_file_open(&file, folder->dir, "fifo", WEIR_FILE_WRITE, 0) == 0);
    CHECK(weir_file_write(file, "hello", 5) == 5);
    weir_file_close(file);
    return 0;
}

static int meet(void *arg)
{
    const struct folder *folder = arg;
    weir_scope scope;
    weir_file file;
    char bytes[8];

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_fifo, arg) == 0);
    CHECK(weir_file_open(&file, folder->dir, "fifo", 0, 0) == 0);
    CHECK(weir_file_read(file, bytes, sizeof bytes) == 5);
    CHECK(weir_scope_join(&scope) == 0);
    weir_file_close(file);
    return 0;
}

TEST(both_ends_of_a_fifo_meet)
{
    struct folder folder;
    char path[96];

    not_on_sim("an open that waits would hold the driving thread");
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/fifo", folder.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(run_with(meet, &folder, 1), 0);
    assert_int_equal(run_with(meet, &folder, 2), 0);
    folder_clean(&folder);
}

/* ---- numbers at their ends ---- */

static int far_times(void *arg)
{
    const struct folder *folder = arg;
    struct timespec far[2] = {{.tv_sec = 1000000000000}, {.tv_sec = 1000000000000}};
    struct weir_stat about;
    weir_file file;
    char byte;

    CHECK(weir_file_open(&file, folder->dir, "here", 0, 0) == 0);
    CHECK(weir_file_set_times(file, INT64_MIN + 1, INT64_MIN + 1) == 0);
    CHECK(weir_file_stat(file, &about) == 0 && about.modified_ns < 0 && about.accessed_ns < 0);
    CHECK(futimens(weir_file_descriptor(file), far) == 0);
    CHECK(weir_file_stat(file, &about) == 0 && about.modified_ns > 0);
    if (strncmp(folder->path, "/dev/shm", 8) == 0) /* which keeps any time */
        CHECK(about.modified_ns == INT64_MAX - 1);
    weir_file_close(file);
    CHECK(weir_file_read_exactly(file, &byte, 0, 0) == WEIR_EBADHANDLE);
    CHECK(weir_file_write_all(file, &byte, 0, 0) == WEIR_EBADHANDLE);
    return 0;
}

TEST(times_beyond_the_range_are_at_its_end)
{
    struct folder folder;

    folder_make_quick(&folder);
    folder_put(&folder, "here", "twelve bytes");
    assert_int_equal(run_with(far_times, &folder, 1), 0);
    folder_clean(&folder);
}

#define FAR (UINT64_C(5) << 30)

/* Nothing is cut to 32 bits on its way. The file has holes. */
static int use_far(void *arg)
{
    const struct folder *folder = arg;
    struct weir_file_copy_options part = {.from_offset = FAR, .to_offset = FAR + 7, .len = 4};
    struct iovec parts[2];
    struct weir_stat about;
    char bytes[8] = {0};
    weir_file file, to;

    CHECK(weir_file_open(&file, folder->dir, "far", WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE, 0)
          == 0);
    CHECK(weir_file_open(&to, folder->dir, "to", WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE, 0) == 0);
    CHECK(weir_file_write_at(file, "12345678", 8, FAR) == 8);
    CHECK(weir_file_stat(file, &about) == 0 && about.size == FAR + 8 && about.allocated < FAR);
    parts[0] = (struct iovec){bytes, 3};
    parts[1] = (struct iovec){bytes + 3, 5};
    CHECK(weir_file_readv_at(file, parts, 2, FAR) == 8 && memcmp(bytes, "12345678", 8) == 0);
    CHECK(weir_file_read_at(file, bytes, 1, FAR - ((uint64_t)1 << 32)) == 1 && bytes[0] == 0);
    CHECK(weir_file_seek(file, 0, WEIR_FILE_FROM_END) == (int64_t)FAR + 8);
    CHECK(weir_file_write(file, "9", 1) == 1);
    CHECK(weir_file_copy(file, to, &part) == 4);
    CHECK(weir_file_read_exactly(to, bytes, 4, FAR + 7) == 0 && memcmp(bytes, "1234", 4) == 0);
    CHECK(weir_file_sync_range(file, 0, FAR + 1, true) == 0);
    CHECK(weir_file_advise(file, WEIR_FILE_SEQUENTIAL, 0, FAR) == 0);
    CHECK(weir_file_try_lock(file, WEIR_FILE_EXCLUSIVE_LOCK, FAR, FAR) == 0);
    CHECK(weir_file_truncate(file, 2 * FAR) == 0);
    CHECK(weir_file_stat(file, &about) == 0 && about.size == 2 * FAR);
    CHECK(weir_file_read_exactly(file, bytes, 8, 2 * FAR - 4) == WEIR_EEOF);
    weir_file_close(file);
    weir_file_close(to);
    CHECK(weir_dir_unlink(folder->dir, "far") == 0 && weir_dir_unlink(folder->dir, "to") == 0);
    return 0;
}

TEST(offsets_and_lengths_have_64_bits)
{
    struct folder folder;

    folder_make(&folder);
    assert_int_equal(use_far(&folder), 0);
    assert_checks();
    assert_int_equal(run_with(use_far, &folder, 1), 0);
    folder_clean(&folder);
}
