/* The simulated disk against the kernel: the same calls, in an order of the seed, do the same. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weir.h>

#include "support/check.h"

#define SEEDS 100
#define CALLS 150
#define LEN   20000 /* bytes of a file, at most twice */
#define FOUND 32    /* names in a directory */

/* The directories: one below the root, so that ".." leads to the same. */
static weir_dir place;
static int real;

static const char *pick_name(void)
{
    static const char *const names[] = {"a",     "b",   "c",      "d",    "d/a",    "d/b", "d/e",
                                        "d/e/a", "e",   "e/b",    "link", "link/a", ".",   "d/.",
                                        "d/..",  "a/b", "none/x", "d/",   "a/",     "d//a"};

    return names[weir_sim_below(sizeof names / sizeof *names)];
}

static int result(long rc)
{
    return rc < 0 ? -errno : (int)rc;
}

/* Both did the same; where both failed, for the same reason. */
static void agree(const char *what, const char *a, const char *b, long here, long there)
{
    if (here != there) {
        fprintf(stderr, "%s %s %s: %ld here, %ld there\n", what, a, b, here, there);
        CHECK(here == there);
    }
}

static void fill(char *bytes, size_t len)
{
    memset(bytes, 'a' + (int)weir_sim_below(26), len);
}

/* ---- files ---- */

static void change_files(weir_file file, int fd)
{
    static char bytes[LEN];
    uint64_t offset = weir_sim_below(LEN);
    size_t len = 1 + weir_sim_below(LEN - 1);

    switch (weir_sim_below(6)) {
    case 0:
        agree("truncate", "", "", weir_file_truncate(file, offset),
              result(ftruncate(fd, (off_t)offset)));
        break;
    case 1:
        agree("punch", "", "", weir_file_allocate(file, WEIR_FILE_PUNCH, offset, len),
              result(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                               (off_t)len)));
        break;
    case 2:
        agree("allocate", "", "", weir_file_allocate(file, WEIR_FILE_ALLOCATE, offset, len),
              result(fallocate(fd, 0, (off_t)offset, (off_t)len)));
        break;
    case 3:
        fill(bytes, len);
        agree("write", "", "", weir_file_write(file, bytes, len), result(write(fd, bytes, len)));
        break;
    default:
        fill(bytes, len);
        agree("pwrite", "", "", weir_file_write_at(file, bytes, len, offset),
              result(pwrite(fd, bytes, len, (off_t)offset)));
    }
}

static void compare_bytes(weir_file file, int fd)
{
    static char here[2 * LEN], there[2 * LEN];
    ptrdiff_t n = weir_file_read_at(file, here, sizeof here, 0);

    agree("read", "", "", n, result(pread(fd, there, sizeof there, 0)));
    CHECK(n <= 0 || memcmp(here, there, (size_t)n) == 0);
}

static void use_file(void)
{
    static const struct {
        uint32_t here;
        int there;
    } ways[] = {
        {0, O_RDONLY},
        {WEIR_FILE_WRITE, O_WRONLY},
        {WEIR_FILE_READ_WRITE, O_RDWR},
        {WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE, O_RDWR | O_CREAT},
        {WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_EXCLUSIVE, O_RDWR | O_CREAT | O_EXCL},
        {WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE | WEIR_FILE_TRUNCATE, O_RDWR | O_CREAT | O_TRUNC},
        {WEIR_FILE_READ_WRITE | WEIR_FILE_APPEND, O_RDWR | O_APPEND},
        {WEIR_FILE_READ_WRITE | WEIR_FILE_NO_FOLLOW, O_RDWR | O_NOFOLLOW},
    };
    uint32_t way = weir_sim_below(sizeof ways / sizeof *ways);
    const char *name = pick_name();
    weir_file file;
    int rc = weir_file_open(&file, place, name, ways[way].here, 0644);
    int fd = openat(real, name, ways[way].there | O_CLOEXEC, 0644);

    agree("open", name, "", rc, fd < 0 ? -errno : 0);
    if (rc == 0 && fd >= 0) {
        change_files(file, fd);
        compare_bytes(file, fd);
    }
    if (rc == 0)
        weir_file_close(file);
    if (fd >= 0)
        close(fd);
}

/* ---- names ---- */

static void change_names(void)
{
    static const unsigned flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    const char *a = pick_name(), *b = pick_name();
    uint32_t how = weir_sim_below(3);

    switch (weir_sim_below(6)) {
    case 0:
        agree("mkdir", a, "", weir_dir_make(place, a, 0755), result(mkdirat(real, a, 0755)));
        break;
    case 1:
        agree("unlink", a, "", weir_dir_unlink(place, a), result(unlinkat(real, a, 0)));
        break;
    case 2:
        agree("rmdir", a, "", weir_dir_remove(place, a), result(unlinkat(real, a, AT_REMOVEDIR)));
        break;
    case 3:
        agree("link", a, b, weir_dir_link(place, a, place, b), result(linkat(real, a, real, b, 0)));
        break;
    case 4:
        /* what names nothing cannot be made through a link, and none leads out of here */
        if (a[strlen(a) - 1] == '/' || strstr(a, ".."))
            a = "b";
        agree("symlink", a, b, weir_dir_symlink(place, b, a), result(symlinkat(a, real, b)));
        break;
    default:
        agree("rename", a, b, weir_dir_rename(place, a, place, b, (enum weir_dir_rename)how),
              result(syscall(SYS_renameat2, real, a, real, b, flags[how])));
    }
}

/* ---- looking ---- */

static void compare_facts(void)
{
    const char *name = pick_name();
    uint32_t follows = weir_sim_below(2);
    struct weir_stat here;
    struct stat there;
    int rc = weir_dir_stat(place, name, follows ? 0 : WEIR_FILE_NO_FOLLOW, &here);

    agree("stat", name, "", rc,
          result(fstatat(real, name, &there, follows ? 0 : AT_SYMLINK_NOFOLLOW)));
    if (rc < 0)
        return;
    agree("kind", name, "", here.kind == WEIR_FILE_DIRECTORY, S_ISDIR(there.st_mode));
    if (S_ISDIR(there.st_mode))
        return;
    agree("size", name, "", (long)here.size, there.st_size);
    agree("links", name, "", (long)here.links, (long)there.st_nlink);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int list_here(const char *name, char found[FOUND][16])
{
    char memory[512] __attribute__((aligned(8)));
    struct weir_dir_batch batch = {0};
    struct weir_dir_entry entry;
    weir_dir dir;
    int rc, count = 0;

    rc = weir_dir_open(&dir, place, name, 0);
    if (rc < 0)
        return rc;
    while (weir_dir_read(dir, &batch, memory, sizeof memory) == 1) {
        while (weir_dir_next(&batch, &entry) && count < FOUND)
            snprintf(found[count++], 16, "%s", entry.name);
    }
    weir_dir_close(dir);
    qsort(found, (size_t)count, 16, by_name);
    return count;
}

static int list_there(const char *name, char found[FOUND][16])
{
    int count = 0, fd = openat(real, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;
    DIR *dir;

    if (fd < 0)
        return -errno;
    dir = fdopendir(fd);
    while ((entry = readdir(dir)) && count < FOUND) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            snprintf(found[count++], 16, "%.15s", entry->d_name);
    }
    closedir(dir);
    qsort(found, (size_t)count, 16, by_name);
    return count;
}

static void compare_entries(const char *name)
{
    char here[FOUND][16] = {0}, there[FOUND][16] = {0};

    agree("list", name, "", list_here(name, here), list_there(name, there));
    CHECK(memcmp(here, there, sizeof here) == 0);
}

static int do_the_same(void *arg)
{
    int i;

    (void)arg;
    CHECK(weir_dir_make(weir_cwd(), "here", 0) == 0);
    CHECK(weir_dir_open(&place, weir_cwd(), "here", 0) == 0);
    for (i = 0; i < CALLS; i++) {
        switch (weir_sim_below(4)) {
        case 0:
            use_file();
            break;
        case 1:
            compare_facts();
            break;
        default:
            change_names();
        }
        if (i % 10 == 0)
            compare_entries(pick_name());
    }
    compare_entries(".");
    weir_dir_close(place);
    return 0;
}

/* A crash, and then everything is removed: the walk finds a tree, and all room comes back. */
static int crash_and_clean(void *arg)
{
    struct weir_statfs about;
    weir_file file;
    weir_dir root;

    do_the_same(arg);
    CHECK(weir_dir_open(&root, weir_cwd(), "/", 0) == 0);
    CHECK(weir_sim_below(2) || weir_dir_sync(root) == 0);
    CHECK(weir_sim_disk_crash(weir_sim_host_current()) == 0);
    weir_dir_close(root);
    (void)weir_dir_remove_tree(weir_cwd(), "here", NULL);
    CHECK(weir_dir_stat(weir_cwd(), "here", 0, &(struct weir_stat){0}) == WEIR_ENOENT);
    CHECK(weir_file_open(&file, weir_cwd(), "last", WEIR_FILE_WRITE | WEIR_FILE_CREATE, 0) == 0);
    CHECK(weir_file_statfs(file, &about) == 0 && about.free == about.size);
    weir_file_close(file);
    return 0;
}

static void clean(const char *path)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

static void run(weir_task_fn *fn)
{
    struct weir_sim_options options = {.disks = WEIR_ON};

    for (options.seed = 1; options.seed <= SEEDS; options.seed++) {
        char path[] = "/tmp/weir-disk-XXXXXX", below[64];

        assert_non_null(mkdtemp(path));
        snprintf(below, sizeof below, "%s/here", path);
        assert_int_equal(mkdir(below, 0755), 0);
        real = open(below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(weir_sim_run(fn, NULL, &options), 0);
        close(real);
        clean(path);
        assert_checks();
    }
}

TEST(simulated_disk_does_what_the_kernel_does)
{
    run(do_the_same);
}

TEST(tree_is_whole_after_a_crash)
{
    run(crash_and_clean);
}
