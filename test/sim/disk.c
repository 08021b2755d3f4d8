/* Simulated disks: the calls on files and directories, faults, and what a crash leaves. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"

#define SEEDS 200
#define RW    (WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE)
#define PAGE  4096

static int on_disk(weir_task_fn *fn, void *arg, uint64_t seed)
{
    struct weir_sim_options options = {.seed = seed, .disks = WEIR_ON};

    return weir_sim_run(fn, arg, &options);
}

static void under_seeds(weir_task_fn *fn, void *arg)
{
    uint64_t seed;

    for (seed = 1; seed <= SEEDS; seed++) {
        assert_int_equal(on_disk(fn, arg, seed), 0);
        assert_checks();
    }
}

static void crash(void)
{
    CHECK(weir_sim_disk_crash(weir_sim_host_current()) == 0);
}

static void sync_root(void)
{
    weir_dir root;

    CHECK(weir_dir_open(&root, weir_cwd(), "/", 0) == 0);
    CHECK(weir_dir_sync(root) == 0);
    weir_dir_close(root);
}

/* Makes a file with `len` bytes, each `byte`. */
static void put(const char *path, char byte, size_t len, bool sync)
{
    char *bytes = malloc(len + 1);
    weir_file file;

    memset(bytes, byte, len);
    CHECK(weir_file_open(&file, weir_cwd(), path, RW, 0) == 0);
    CHECK(weir_file_write_all(file, bytes, len, 0) == 0);
    CHECK(!sync || weir_file_sync(file) == 0);
    weir_file_close(file);
    free(bytes);
}

/* The whole file, to be freed by weir_release: its length, or an error. */
static ptrdiff_t get(const char *path, char **out)
{
    return weir_file_read_whole(weir_cwd(), path, 1 << 20, (void **)out);
}

static bool exists(const char *path)
{
    struct weir_stat about;

    return weir_dir_stat(weir_cwd(), path, WEIR_FILE_NO_FOLLOW, &about) == 0;
}

static uint64_t size_of(const char *path)
{
    struct weir_stat about;

    CHECK(weir_dir_stat(weir_cwd(), path, 0, &about) == 0);
    return about.size;
}

/* ---- the calls ---- */

static int use_bytes(void *arg)
{
    struct iovec parts[2] = {{(char[]){"some "}, 5}, {(char[]){"words"}, 5}};
    char bytes[32], page[PAGE] = {0};
    weir_file file, again;

    (void)arg;
    CHECK(weir_file_open(&file, weir_cwd(), "a", 0, 0) == WEIR_ENOENT);
    CHECK(weir_file_open(&file, weir_cwd(), "a", RW | WEIR_FILE_EXCLUSIVE, 0640) == 0);
    CHECK(weir_file_open(&again, weir_cwd(), "a", RW | WEIR_FILE_EXCLUSIVE, 0) == WEIR_EEXIST);
    CHECK(weir_file_descriptor(file) >= 1 << 29);
    CHECK(weir_file_writev_at(file, parts, 2, 0) == 10);
    parts[0] = (struct iovec){bytes, 4};
    parts[1] = (struct iovec){bytes + 4, 9};
    CHECK(weir_file_readv_at(file, parts, 2, 1) == 9 && memcmp(bytes, "ome words", 9) == 0);
    CHECK(weir_file_read_at(file, bytes, 5, 10) == 0);
    CHECK(weir_file_write(file, "S", 1) == 1);
    CHECK(weir_file_read(file, bytes, 4) == 4 && memcmp(bytes, "ome ", 4) == 0);
    CHECK(weir_file_seek(file, 0, WEIR_FILE_FROM_HERE) == 5);
    CHECK(weir_file_seek(file, -2, WEIR_FILE_FROM_END) == 8);
    CHECK(weir_file_seek(file, -20, WEIR_FILE_FROM_END) == WEIR_EINVAL);

    CHECK(weir_file_open(&again, weir_cwd(), "a", WEIR_FILE_WRITE | WEIR_FILE_APPEND, 0) == 0);
    CHECK(weir_file_write_at(again, "!!", 2, 0) == 2 && size_of("a") == 12);
    CHECK(weir_file_read_at(again, bytes, 1, 0) == WEIR_EBADF);
    weir_file_close(again);

    CHECK(weir_file_truncate(file, 4) == 0 && weir_file_truncate(file, 8) == 0);
    CHECK(weir_file_read_at(file, bytes, 32, 0) == 8 && memcmp(bytes, "Some\0\0\0\0", 8) == 0);
    CHECK(weir_file_write_at(file, "x", 1, 10 * PAGE) == 1);
    CHECK(weir_file_seek(file, 0, WEIR_FILE_NEXT_HOLE) == PAGE);
    CHECK(weir_file_seek(file, PAGE, WEIR_FILE_NEXT_DATA) == 10 * PAGE);
    CHECK(weir_file_allocate(file, WEIR_FILE_ALLOCATE_KEEP_SIZE, 0, 20 * PAGE) == 0);
    CHECK(weir_file_allocate(file, WEIR_FILE_PUNCH, 0, PAGE) == 0);
    CHECK(weir_file_read_at(file, bytes, 4, 0) == 4 && memcmp(bytes, page, 4) == 0);
    CHECK(size_of("a") == 10 * PAGE + 1);
    CHECK(weir_file_sync_range(file, 0, 0, true) == 0 && weir_file_data_sync(file) == 0);
    CHECK(weir_file_advise(file, WEIR_FILE_DONT_NEED, 0, 0) == 0);
    CHECK(weir_file_read_at(file, bytes, 2, 10 * PAGE) == 1 && bytes[0] == 'x');
    CHECK(weir_file_write_at(file, "x", 1, UINT64_C(1) << 40) == WEIR_EFBIG);
    CHECK(weir_file_close_wait(file) == 0);
    return 0;
}

static int use_names(void *arg)
{
    struct weir_stat about;
    weir_dir dir, cwd = weir_cwd();
    weir_file file;
    char text[32];

    (void)arg;
    CHECK(weir_dir_make(cwd, "d", 0) == 0 && weir_dir_make(cwd, "/d/e", 0) == 0);
    CHECK(weir_dir_make(cwd, "d", 0) == WEIR_EEXIST && weir_dir_make(cwd, "x/y", 0) == WEIR_ENOENT);
    put("d/one", '1', 3, false);
    put("two", '2', 3, false);
    CHECK(weir_dir_make(cwd, "two/x", 0) == WEIR_ENOTDIR);
    CHECK(weir_dir_rename(cwd, "two", cwd, "d/one", WEIR_DIR_NO_REPLACE) == WEIR_EEXIST);
    CHECK(weir_dir_rename(cwd, "two", cwd, "d/one", WEIR_DIR_EXCHANGE) == 0);
    CHECK(weir_dir_rename(cwd, "two", cwd, "none/x", WEIR_DIR_REPLACE) == WEIR_ENOENT);
    CHECK(exists("two") && !exists("none"));
    CHECK(weir_dir_rename(cwd, "d", cwd, "d/e/f", WEIR_DIR_REPLACE) == WEIR_EINVAL);
    CHECK(weir_dir_rename(cwd, "two", cwd, "d", WEIR_DIR_REPLACE) == WEIR_EISDIR);
    CHECK(weir_dir_rename(cwd, "two", cwd, "d/one", WEIR_DIR_REPLACE) == 0);
    CHECK(!exists("two") && size_of("d/one") == 3);
    CHECK(weir_dir_link(cwd, "d/one", cwd, "three") == 0);
    CHECK(weir_dir_stat(cwd, "three", 0, &about) == 0 && about.links == 2);
    CHECK(weir_dir_link(cwd, "d", cwd, "four") == WEIR_EPERM);
    CHECK(weir_dir_unlink(cwd, "d/one") == 0 && weir_dir_unlink(cwd, "d/one") == WEIR_ENOENT);
    CHECK(weir_dir_unlink(cwd, "d") == WEIR_EISDIR
          && weir_dir_remove(cwd, "three") == WEIR_ENOTDIR);
    CHECK(weir_dir_remove(cwd, "d") == WEIR_ENOTEMPTY && weir_dir_remove(cwd, "d/e") == 0);

    CHECK(weir_dir_symlink(cwd, "d/link", "../three") == 0);
    CHECK(weir_dir_read_link(cwd, "d/link", text, sizeof text) == 8);
    CHECK(size_of("d/link") == 3);
    CHECK(weir_dir_open(&dir, cwd, "d", 0) == 0);
    CHECK(weir_file_open(&file, dir, "link", WEIR_FILE_NO_FOLLOW, 0) == WEIR_ELOOP);
    CHECK(weir_file_open(&file, dir, "link", WEIR_FILE_BENEATH, 0) == WEIR_EACCES);
    CHECK(weir_file_open(&file, dir, "../three", WEIR_FILE_BENEATH, 0) == WEIR_EACCES);
    CHECK(weir_file_open(&file, dir, "link", 0, 0) == 0);
    weir_file_close(file);
    weir_dir_symlink(cwd, "loop", "loop");
    CHECK(weir_file_open(&file, cwd, "loop", 0, 0) == WEIR_ELOOP);
    CHECK(weir_file_open(&file, cwd, ".", WEIR_FILE_READ_WRITE | WEIR_FILE_NAMELESS, 0) == 0);
    CHECK(weir_file_write_all(file, "nameless", 8, 0) == 0);
    CHECK(weir_file_give_name(file, dir, "named") == 0 && size_of("d/named") == 8);
    weir_file_close(file);
    weir_dir_close(dir);
    CHECK(weir_dir_stat(cwd, "", 0, &about) == 0 && about.kind == WEIR_FILE_DIRECTORY);
    return 0;
}

static int use_wholes(void *arg)
{
    char memory[512] __attribute__((aligned(8)));
    struct weir_dir_batch batch = {0};
    struct weir_dir_entry entry;
    weir_file from, to;
    weir_dir dir, cwd = weir_cwd();
    uint64_t removed = 0;
    uint32_t i, seen = 0;
    char name[32], *bytes;

    (void)arg;
    CHECK(weir_dir_make(cwd, "tree", 0) == 0 && weir_dir_make(cwd, "tree/in", 0) == 0);
    for (i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "tree/in/%u", i);
        CHECK(weir_file_replace(cwd, name, "12345", 5, NULL) == 0);
        CHECK(weir_file_replace(cwd, name, "123456", 6, NULL) == 0);
    }
    CHECK(get("tree/in/59", &bytes) == 6 && strcmp(bytes, "123456") == 0);
    weir_release(bytes);
    CHECK(weir_dir_open(&dir, cwd, "tree/in", 0) == 0);
    while (weir_dir_read(dir, &batch, memory, sizeof memory) == 1) {
        while (weir_dir_next(&batch, &entry)) {
            CHECK(entry.kind == WEIR_FILE_REGULAR && (uint32_t)atoi(entry.name) < 60);
            seen++;
        }
    }
    CHECK(seen == 60);
    weir_dir_close(dir);
    CHECK(weir_file_open(&from, cwd, "tree/in/7", 0, 0) == 0);
    CHECK(weir_file_open(&to, cwd, "copy", RW, 0) == 0);
    CHECK(weir_file_copy(from, to, NULL) == 6 && size_of("copy") == 6);
    weir_file_close(from);
    weir_file_close(to);
    CHECK(weir_dir_remove_tree(cwd, "tree", &removed) == 0 && removed == 62);
    CHECK(!exists("tree"));
    return 0;
}

static int use_the_others(void *arg)
{
    struct weir_statfs before, about;
    char text[64];
    weir_file file;

    (void)arg;
    CHECK(weir_file_open(&file, weir_cwd(), "file", RW, 0) == 0);
    CHECK(weir_file_statfs(file, &before) == 0);
    put("file", 'x', 10 * PAGE, false);
    CHECK(weir_file_statfs(file, &about) == 0 && before.free - about.free == 10 * PAGE);
    CHECK(weir_file_set_mode(file, 0600) == 0 && weir_file_set_owner(file, 5, 6) == 0);
    CHECK(weir_file_set_times(file, 1, WEIR_TIME_NOW) == 0);
    CHECK(weir_file_get_xattr(file, "user.x", text, 8) == WEIR_ENOTSUP);
    CHECK(weir_file_set_xattr(file, "user.x", "1", 1, 0) == WEIR_ENOTSUP);
    CHECK(weir_file_lock(file, WEIR_FILE_SHARED, 0, 0) == WEIR_ENOTSUP);
    CHECK(weir_file_try_lock_whole(file, WEIR_FILE_EXCLUSIVE_LOCK) == WEIR_ENOTSUP);
    CHECK(weir_dir_real_path(weir_cwd(), "file", text, sizeof text) == WEIR_ENOTSUP);
    weir_file_close(file);
    CHECK(weir_sim_disk(weir_sim_host_current(),
                        &(struct weir_sim_disk_options){.short_permille = 1001})
          == WEIR_EOPTION);
    CHECK(weir_sim_disk((weir_sim_host){200}, NULL) == WEIR_EINVAL);
    CHECK(weir_sim_disk_crash((weir_sim_host){200}) == WEIR_EINVAL);
    return 0;
}

static int use_all(void *arg)
{
    use_bytes(arg);
    use_names(arg);
    use_wholes(arg);
    return use_the_others(arg);
}

TEST(calls_on_files_and_directories_do_on_a_simulated_disk_what_they_do_elsewhere)
{
    uint64_t seed;

    for (seed = 1; seed <= 20; seed++) {
        assert_int_equal(on_disk(use_all, NULL, seed), 0);
        assert_checks();
    }
    assert_int_equal(access("d", F_OK), -1);
    assert_int_equal(access("copy", F_OK), -1);
}

static int be_real(void *arg)
{
    (void)arg;
    CHECK(weir_sim_disk(weir_sim_host_current(), NULL) == WEIR_ENOTSUP);
    CHECK(weir_sim_disk_crash(weir_sim_host_current()) == WEIR_ENOTSUP);
    return exists("/dev/null") ? 0 : WEIR_EIO;
}

TEST(disks_are_real_where_nothing_is_said)
{
    struct weir_sim_options options = {.seed = 1};

    assert_int_equal(on_disk(use_all, NULL, 1), 0);
    assert_int_equal(weir_sim_run(be_real, NULL, &options), 0);
    assert_checks();
    options.disks = 3;
    assert_int_equal(weir_sim_run(be_real, NULL, &options), WEIR_EOPTION);
    options = (struct weir_sim_options){.disk = {.latency_min_ns = 2, .latency_max_ns = 1}};
    assert_int_equal(weir_sim_run(be_real, NULL, &options), WEIR_EOPTION);
}

/* ---- crashes: bytes ---- */

static int keep_what_is_synced(void *arg)
{
    char *bytes;
    weir_file file;
    size_t i;

    (void)arg;
    put("a", 'a', 3 * PAGE + 10, true);
    CHECK(weir_file_open(&file, weir_cwd(), "b", RW | WEIR_FILE_DATA_SYNC, 0) == 0);
    CHECK(weir_file_write_all(file, "synced by its flag", 18, 0) == 0);
    sync_root();
    crash();
    CHECK(weir_file_write_at(file, "x", 1, 0) == WEIR_EIO);
    CHECK(weir_file_sync(file) == WEIR_EIO);
    weir_file_close(file);
    CHECK(get("a", &bytes) == 3 * PAGE + 10);
    for (i = 0; i < 3 * PAGE + 10; i++)
        CHECK(bytes[i] == 'a');
    weir_release(bytes);
    CHECK(get("b", &bytes) == 18 && strcmp(bytes, "synced by its flag") == 0);
    weir_release(bytes);
    return 0;
}

TEST(what_is_synced_survives_a_crash)
{
    under_seeds(keep_what_is_synced, NULL);
}

struct fates {
    int kept, lost, torn, mixed, cut, holes;
};

static void count_page(struct fates *fates, const char *page, int *news)
{
    int i, count = 0;

    for (i = 0; i < PAGE; i += 512) {
        char first = page[i];
        int at;

        CHECK(first == 'o' || first == 'n');
        for (at = 0; at < 512; at++)
            CHECK(page[i + at] == first); /* a sector is never torn */
        count += first == 'n';
    }
    fates->kept += count == PAGE / 512;
    fates->lost += count == 0;
    fates->torn += count > 0 && count < PAGE / 512;
    *news += count == PAGE / 512;
}

static int overwrite(void *arg)
{
    struct fates *fates = arg;
    int i, news = 0;
    char *bytes;

    put("a", 'o', 4 * PAGE, true);
    sync_root();
    put("a", 'n', 4 * PAGE, false);
    crash();
    CHECK(get("a", &bytes) == 4 * PAGE);
    for (i = 0; i < 4; i++)
        count_page(fates, bytes + (size_t)i * PAGE, &news);
    fates->mixed += news > 0 && news < 4;
    weir_release(bytes);
    return 0;
}

TEST(what_is_not_synced_is_kept_or_lost_or_torn)
{
    struct fates fates = {0};

    under_seeds(overwrite, &fates);
    assert_true(fates.kept > 20 && fates.lost > 20 && fates.torn > 20 && fates.mixed > 20);
}

static int append(void *arg)
{
    struct fates *fates = arg;
    char news[1024], *bytes;
    ptrdiff_t i, len;
    weir_file file;
    bool hole = false;

    memset(news, 'n', sizeof news);
    put("a", 'o', 100, true);
    sync_root();
    CHECK(weir_file_open(&file, weir_cwd(), "a", WEIR_FILE_WRITE | WEIR_FILE_APPEND, 0) == 0);
    for (i = 0; i < 2 * PAGE; i += 1024)
        CHECK(weir_file_write_all(file, news, sizeof news, 0) == 0);
    weir_file_close(file);
    crash();
    len = get("a", &bytes);
    CHECK(len >= 100 && len <= 100 + 2 * PAGE);
    for (i = 0; i < len; i++) {
        CHECK(bytes[i] == (i < 100 ? 'o' : 'n') || (i >= 100 && bytes[i] == 0));
        hole |= bytes[i] == 0;
    }
    weir_release(bytes);
    fates->kept += len == 100 + 2 * PAGE;
    fates->lost += len == 100;
    fates->cut += len > 100 && len < 100 + 2 * PAGE;
    fates->holes += hole;
    return 0;
}

TEST(an_append_that_is_not_synced_is_there_in_part_or_as_zeros)
{
    struct fates fates = {0};

    under_seeds(append, &fates);
    assert_true(fates.kept > 10 && fates.lost > 10 && fates.cut > 10 && fates.holes > 10);
}

/* ---- crashes: names ---- */

struct names {
    int made, kept, moved, empty, out_of_order;
};

static int make_names(void *arg)
{
    struct names *names = arg;
    int i, there = 0;
    char name[16];
    bool before = true;

    CHECK(weir_dir_make(weir_cwd(), "synced", 0) == 0);
    put("old", 'x', 1, true);
    sync_root();
    CHECK(weir_dir_unlink(weir_cwd(), "old") == 0);
    for (i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%d", i);
        put(name, 'x', 1, true); /* which does not sync the name */
    }
    crash();
    CHECK(exists("synced"));
    for (i = 0; i < 6; i++) {
        bool now;

        snprintf(name, sizeof name, "%d", i);
        now = exists(name);
        CHECK(!now || size_of(name) == 1);
        names->out_of_order += now && !before;
        before = now;
        there += now;
    }
    names->made += there == 6;
    names->kept += there == 0;
    names->moved += !exists("old");
    return 0;
}

TEST(names_that_are_not_synced_are_kept_or_lost)
{
    struct names names = {0};

    under_seeds(make_names, &names);
    assert_true(names.made > 5 && names.kept > 5 && names.out_of_order > 5);
    assert_true(names.moved > 5 && names.moved < SEEDS - 5);
}

/* What everybody does: a new file beside the old one, which gets its name. */
static int move_over(void *arg)
{
    struct names *names = arg;
    ptrdiff_t len;
    char *bytes;

    put("a", 'o', 10, true);
    sync_root();
    put("b", 'n', 20, false); /* not synced: the mistake */
    CHECK(weir_dir_rename(weir_cwd(), "b", weir_cwd(), "a", WEIR_DIR_REPLACE) == 0);
    crash();
    len = get("a", &bytes); /* one of them is there */
    CHECK(len >= 0);
    names->kept += len == 10 && bytes[0] == 'o';
    names->moved += len == 20 && bytes[0] == 'n';
    names->empty += len == 0 || bytes[0] == 0;
    CHECK(len < 1 || bytes[0] != 'n' || !exists("b"));
    weir_release(bytes);
    return 0;
}

TEST(rename_is_atomic_and_says_nothing_about_bytes)
{
    struct names names = {0};

    under_seeds(move_over, &names);
    assert_true(names.kept > 20 && names.moved > 20 && names.empty > 10);
}

static int replace(void *arg)
{
    char *bytes;
    ptrdiff_t len;

    CHECK(weir_file_replace(weir_cwd(), "a", "old", 3, NULL) == 0);
    CHECK(weir_file_replace(weir_cwd(), "a", "newer", 5, NULL) == 0);
    if (arg)
        crash();
    len = get("a", &bytes);
    CHECK(len == 5 && strcmp(bytes, "newer") == 0);
    weir_release(bytes);
    return 0;
}

TEST(replacing_a_file_survives_a_crash)
{
    under_seeds(replace, &(int){1});
}

static int sync_across(void *arg)
{
    weir_dir d;

    CHECK(weir_dir_make(weir_cwd(), "d", 0) == 0 && weir_dir_make(weir_cwd(), "e", 0) == 0);
    put("d/a", 'x', 1, true);
    sync_root();
    CHECK(weir_dir_open(&d, weir_cwd(), "d", 0) == 0 && weir_dir_sync(d) == 0);
    CHECK(weir_dir_rename(d, "a", weir_cwd(), "e/b", WEIR_DIR_REPLACE) == 0);
    CHECK(*(int *)arg == 0 || weir_dir_sync(d) == 0); /* of one, with a part in the other */
    crash();
    CHECK(exists("d/a") != exists("e/b"));
    CHECK(*(int *)arg == 0 || exists("e/b"));
    CHECK(weir_dir_sync(d) == WEIR_EIO);
    weir_dir_close(d);
    return 0;
}

TEST(a_file_that_moves_between_directories_is_in_one_of_them)
{
    under_seeds(sync_across, &(int){0});
    under_seeds(sync_across, &(int){1});
}

static int move_directories(void *arg)
{
    weir_dir cwd = weir_cwd();
    int *lost = arg;

    CHECK(weir_dir_make(cwd, "b", 0) == 0 && weir_dir_make(cwd, "b/c", 0) == 0);
    put("b/c/file", 'x', 1, true);
    sync_root();
    CHECK(weir_dir_rename(cwd, "b/c", cwd, "c", WEIR_DIR_REPLACE) == 0);
    CHECK(weir_dir_rename(cwd, "b", cwd, "c/b", WEIR_DIR_REPLACE) == 0);
    crash();
    CHECK(exists("b") || exists("c/b")); /* not each in the other */
    *lost += !exists("b/c/file") && !exists("c/file");
    return 0;
}

TEST(directories_that_move_stay_one_tree)
{
    int lost = 0;

    under_seeds(move_directories, &lost);
    assert_true(lost > 5); /* nobody has synced the name of the file */
}

/* ---- faults ---- */

static int fail_to_sync(void *arg)
{
    weir_sim_host here = weir_sim_host_current();
    struct weir_sim_disk_options bad = {.sync_error_permille = 1000};
    int *gone = arg;
    weir_file file, other;
    char *bytes;

    put("a", 'o', PAGE, true);
    sync_root();
    CHECK(weir_file_open(&file, weir_cwd(), "a", RW, 0) == 0);
    CHECK(weir_file_open(&other, weir_cwd(), "a", RW, 0) == 0);
    CHECK(weir_sim_disk(here, &bad) == 0);
    CHECK(weir_file_write_all(file, "new", 3, 0) == 0);
    CHECK(weir_file_sync(file) == WEIR_EIO);
    CHECK(weir_sim_disk(here, NULL) == 0);
    CHECK(weir_file_sync(file) == 0);         /* the page is taken for clean */
    CHECK(weir_file_sync(other) == WEIR_EIO); /* who has not been told yet is */
    CHECK(weir_file_sync(other) == 0);
    crash();
    weir_file_close(file);
    weir_file_close(other);
    CHECK(get("a", &bytes) == PAGE);
    CHECK(bytes[0] == 'o' || bytes[0] == 'n');
    *gone += bytes[0] == 'o';
    weir_release(bytes);
    return 0;
}

TEST(what_a_failed_sync_has_not_written_is_never_written)
{
    int gone = 0;

    under_seeds(fail_to_sync, &gone);
    assert_true(gone > 20 && gone < SEEDS - 20);
}

static int fill_up(void *arg)
{
    weir_sim_host here = weir_sim_host_current();
    struct weir_sim_disk_options small = {.capacity = 10 * PAGE};
    char bytes[3 * PAGE] = {0};
    weir_file file;
    ptrdiff_t n, sum = 0;

    (void)arg;
    CHECK(weir_sim_disk(here, &small) == 0);
    CHECK(weir_file_open(&file, weir_cwd(), "a", RW, 0) == 0);
    while ((n = weir_file_write(file, bytes, sizeof bytes)) > 0)
        sum += n;
    CHECK(n == WEIR_ENOSPC && sum == 10 * PAGE && size_of("a") == 10 * PAGE);
    CHECK(weir_file_write_at(file, bytes, sizeof bytes, 0) == sizeof bytes); /* has its room */
    CHECK(weir_file_allocate(file, WEIR_FILE_ALLOCATE, 10 * PAGE, PAGE) == WEIR_ENOSPC);
    CHECK(weir_file_truncate(file, 9 * PAGE) == 0);
    put("b", 'b', PAGE, false);
    CHECK(weir_dir_unlink(weir_cwd(), "a") == 0);
    CHECK(weir_file_write_at(file, bytes, 1, 9 * PAGE) == WEIR_ENOSPC); /* it is open still */
    weir_file_close(file);
    put("c", 'c', 9 * PAGE, true);
    crash();
    CHECK(weir_sim_disk(here, NULL) == 0);
    return 0;
}

TEST(full_disk_says_so)
{
    uint64_t seed;

    for (seed = 1; seed <= 20; seed++) {
        assert_int_equal(on_disk(fill_up, NULL, seed), 0);
        assert_checks();
    }
}

static int go_wrong(void *arg)
{
    weir_sim_host here = weir_sim_host_current();
    struct weir_sim_disk_options bad = {.short_permille = 500, .read_error_permille = 200};
    int i, errors = 0, parts = 0;
    char bytes[100];
    weir_file file;

    put("a", 'a', 100, true);
    memset(bytes, 'a', sizeof bytes);
    CHECK(weir_sim_disk(here, &bad) == 0);
    CHECK(weir_file_open(&file, weir_cwd(), "a", WEIR_FILE_READ_WRITE, 0) == 0);
    for (i = 0; i < 100; i++) {
        ptrdiff_t n = weir_file_read_at(file, bytes, 100, 0);

        CHECK(n == WEIR_EIO || (n > 0 && n <= 100));
        errors += n == WEIR_EIO;
        parts += n > 0 && n < 100;
        n = weir_file_write_at(file, bytes, 100, 0);
        CHECK(n > 0 && n <= 100);
    }
    CHECK(errors > 3 && parts > 20);
    bad = (struct weir_sim_disk_options){.write_error_permille = 1000};
    CHECK(weir_sim_disk(here, &bad) == 0);
    CHECK(weir_file_write_at(file, "b", 1, 0) == WEIR_EIO);
    CHECK(weir_file_read_at(file, bytes, 1, 0) == 1 && bytes[0] == 'a');
    weir_file_close(file);
    (void)arg;
    return 0;
}

TEST(reads_and_writes_are_short_and_fail)
{
    uint64_t seed;

    for (seed = 1; seed <= 20; seed++) {
        assert_int_equal(on_disk(go_wrong, NULL, seed), 0);
        assert_checks();
    }
}

static int take_long(void *arg)
{
    struct weir_sim_disk_options slow = {.latency_min_ns = WEIR_SECONDS(1),
                                         .latency_max_ns = WEIR_SECONDS(2)};
    uint64_t began_ns;

    (void)arg;
    CHECK(weir_sim_disk(weir_sim_host_current(), &slow) == 0);
    began_ns = weir_now_ns();
    CHECK(weir_dir_make(weir_cwd(), "d", 0) == 0);
    CHECK(weir_now_ns() - began_ns >= (uint64_t)WEIR_SECONDS(1));
    CHECK(weir_now_ns() - began_ns < (uint64_t)WEIR_SECONDS(3));
    return 0;
}

TEST(calls_take_the_time_that_was_asked_for)
{
    assert_int_equal(on_disk(take_long, NULL, 3), 0);
    assert_checks();
}

/* ---- hosts ---- */

struct life {
    int lives;
    bool ready;
};

static int live(void *arg)
{
    struct life *life = arg;
    weir_file file;
    char byte = 0;

    life->lives++;
    if (life->lives == 1) {
        CHECK(!exists("mine"));
        put("mine", 'm', 1, true);
        sync_root();
    }
    CHECK(weir_file_open(&file, weir_cwd(), "mine", WEIR_FILE_READ_WRITE, 0) == 0);
    CHECK(weir_file_read_at(file, &byte, 1, 0) == 1 && byte == 'm');
    life->ready = true;
    CHECK(weir_sleep(WEIR_SECONDS(100)) == WEIR_ECANCELED);
    CHECK(weir_file_stat(file, &(struct weir_stat){0}) == WEIR_ECANCELED);
    weir_file_close(file);
    return 0;
}

static int crash_host(void *arg)
{
    struct life *life = arg;
    weir_sim_host host;

    CHECK(weir_sim_host_start("one", live, life, &host) == 0);
    while (!life->ready)
        CHECK(weir_sleep(WEIR_MILLISECONDS(10)) == 0);
    CHECK(!exists("mine")); /* each has its own disk */
    CHECK(weir_sim_host_crash(host) == 0);
    life->ready = false;
    CHECK(weir_sim_host_restart(host) == 0);
    while (!life->ready)
        CHECK(weir_sleep(WEIR_MILLISECONDS(10)) == 0);
    CHECK(life->lives == 2);
    return 0;
}

TEST(host_has_a_disk_of_its_own_which_outlives_its_crash)
{
    uint64_t seed;

    for (seed = 1; seed <= 50; seed++) {
        struct life life = {0};

        assert_int_equal(on_disk(crash_host, &life, seed), 0);
        assert_checks();
    }
}

/* A task of a life that is over, whose call is with the disk when the crash comes. */
static int write_on(void *arg)
{
    weir_block block;
    weir_file file;
    int rc, i;

    CHECK(weir_shield_begin(&block, WEIR_FOREVER) == 0);
    CHECK(weir_file_open(&file, weir_cwd(), "log", RW, 0) == 0);
    sync_root();
    for (i = 0, rc = 0; rc == 0; i++)
        rc = weir_file_write_all(file, "entry", 5, (uint64_t)i * 5);
    *(int *)arg += rc == WEIR_EIO;
    weir_file_close(file);
    CHECK(weir_file_open(&file, weir_cwd(), "log", RW, 0) == WEIR_EIO);
    weir_block_end(&block);
    return 0;
}

static int crash_writer(void *arg)
{
    weir_sim_host host;

    CHECK(weir_sim_host_start("one", write_on, arg, &host) == 0);
    CHECK(weir_sleep(WEIR_MILLISECONDS(50 + weir_sim_below(50))) == 0);
    return weir_sim_host_crash(host);
}

TEST(call_of_a_life_that_is_over_does_nothing)
{
    int failed = 0;

    under_seeds(crash_writer, &failed);
    assert_int_equal(failed, SEEDS);
}

/* ---- replay, ends ---- */

static int do_much(void *arg)
{
    (void)arg;
    use_all(NULL);
    put("x", 'x', 5 * PAGE, false);
    crash();
    return exists("x");
}

TEST(seed_decides_what_a_crash_leaves)
{
    uint64_t seed;

    for (seed = 1; seed <= 20; seed++) {
        int rc = on_disk(do_much, NULL, seed);
        uint64_t trace = weir_sim_trace();

        assert_true(rc >= 0);
        assert_int_equal(on_disk(do_much, NULL, seed), rc);
        assert_true(weir_sim_trace() == trace);
        assert_checks();
    }
}

static int leave_open(void *arg)
{
    CHECK(weir_file_open(arg, weir_cwd(), "a", RW, 0) == 0);
    return 0;
}

static int leave_other_alone(void *arg)
{
    weir_file *old = arg, file;
    char byte;

    CHECK(weir_file_open(&file, weir_cwd(), "a", RW, 0) == 0);
    CHECK(weir_file_write_all(file, "a", 1, 0) == 0);
    CHECK(weir_file_read_at(*old, &byte, 1, 0) == WEIR_EBADF);
    weir_file_close(*old);
    CHECK(weir_file_read_at(file, &byte, 1, 0) == 1);
    weir_file_close(file);
    return 0;
}

TEST(file_that_outlives_its_simulation_is_no_other_one)
{
    weir_file file;

    assert_int_equal(on_disk(leave_open, &file, 1), 0);
    assert_int_equal(on_disk(leave_other_alone, &file, 2), 0);
    assert_int_equal(on_disk(leave_open, &file, 3), 0);
    weir_file_close(file);
    assert_checks();
}
