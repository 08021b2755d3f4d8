/* bench/weir/file_micro.c - what files cost; one line of JSON.
 *
 *     weir_file_micro FOLDER
 *
 * The folder has the file `big` and the 10,000 small files small/0, small/1, ... (bench/run makes
 * it). cached, direct: reads of 4 KiB at random places of the big file from the page cache, and
 * past it, with 1 or 64 tasks. stat: of each small file. small: each is opened, read and closed;
 * both with 64 tasks. One worker.
 *
 * The figures are nanoseconds of processor time of the whole process (threads of the kernel for it
 * counted) for one operation, the best of three repetitions.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir.h>

enum {
    PIECE = 4096,
    SMALL = 10000,
    CACHED_READS = 200000,
    DIRECT_READS = 8000,
    REPEATS = 3
};

struct work {
    weir_dir dir;
    weir_file file;
    uint64_t pieces;
    int tasks;
    int count; /* of each task */
};

struct share {
    const struct work *work;
    int number;
};

static double processor_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "weir_file_micro: %s failed\n", what);
    exit(1);
}

static int read_some(void *arg)
{
    const struct share *share = arg;
    uint64_t random = 88172645463325252u + (uint64_t)share->number * 7919;
    struct weir_file_buffer buffer;
    int i;

    must(weir_file_buffer_take(&buffer, PIECE) == 0, "a buffer");
    for (i = 0; i < share->work->count; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        must(weir_file_read_at(share->work->file, buffer.bytes, PIECE,
                               random % share->work->pieces * PIECE)
                 == PIECE,
             "a read");
    }
    weir_file_buffer_give(&buffer);
    return 0;
}

static int stat_some(void *arg)
{
    const struct share *share = arg;
    struct weir_stat about;
    char path[32];
    int i;

    for (i = share->number; i < SMALL; i += share->work->tasks) {
        snprintf(path, sizeof path, "small/%d", i);
        must(weir_dir_stat(share->work->dir, path, 0, &about) == 0, "a stat");
    }
    return 0;
}

static int open_some(void *arg)
{
    const struct share *share = arg;
    char path[32], bytes[PIECE];
    weir_file file;
    int i;

    for (i = share->number; i < SMALL; i += share->work->tasks) {
        snprintf(path, sizeof path, "small/%d", i);
        must(weir_file_open(&file, share->work->dir, path, 0, 0) == 0, "an open");
        must(weir_file_read_at(file, bytes, sizeof bytes, 0) > 0, "a read");
        weir_file_close(file);
    }
    return 0;
}

/* Processor time of one of `count` operations that so many tasks do. */
static double measure(struct work *work, weir_task_fn *fn, int tasks, int count)
{
    static struct share shares[64];
    double best = 0;
    int repeat, i;

    work->tasks = tasks;
    work->count = count / tasks;
    for (repeat = 0; repeat < REPEATS; repeat++) {
        double begun = processor_ns(), each;
        weir_scope scope;

        must(weir_scope_open(&scope) == 0, "a scope");
        for (i = 0; i < tasks; i++) {
            shares[i] = (struct share){work, i};
            must(weir_spawn(&scope, fn, &shares[i]) == 0, "a spawn");
        }
        must(weir_scope_join(&scope) == 0, "a join");
        each = (processor_ns() - begun) / count;
        if (repeat == 0 || each < best)
            best = each;
    }
    return best;
}

static void open_big(struct work *work, uint32_t flags)
{
    struct weir_stat about;

    must(weir_file_open(&work->file, work->dir, "big", flags, 0) == 0, "the open of big");
    must(weir_file_stat(work->file, &about) == 0, "the stat of big");
    work->pieces = about.size / PIECE;
}

static int run(void *arg)
{
    struct work work = {.tasks = 0};

    must(weir_dir_open(&work.dir, weir_cwd(), arg, 0) == 0, "the open of the folder");
    open_big(&work, 0);
    printf("{\"cached_1_ns\": %.1f", measure(&work, read_some, 1, CACHED_READS));
    printf(", \"cached_64_ns\": %.1f", measure(&work, read_some, 64, CACHED_READS));
    weir_file_close(work.file);
    open_big(&work, WEIR_FILE_DIRECT);
    printf(", \"direct_1_ns\": %.1f", measure(&work, read_some, 1, DIRECT_READS));
    printf(", \"direct_64_ns\": %.1f", measure(&work, read_some, 64, DIRECT_READS * 4));
    weir_file_close(work.file);
    printf(", \"stat_ns\": %.1f", measure(&work, stat_some, 64, SMALL));
    printf(", \"small_ns\": %.1f}\n", measure(&work, open_some, 64, SMALL));
    weir_dir_close(work.dir);
    return 0;
}

int main(int argc, char **argv)
{
    struct weir_runtime_options options = {.workers = 1};

    must(argc == 2, "the folder's name");
    return weir_run(run, argv[1], &options) < 0;
}
