/* bench/peers/uv_file_micro.c - what files cost with libuv's pool.
 *
 * The rows are those of bench/weir/file_micro.c.
 *
 *     uv_file_micro FOLDER
 *
 * One loop, the pool's four threads, and so many requests at a time. Paths are absolute, since
 * libuv knows no directories to begin at.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

enum {
    PIECE = 4096,
    SMALL = 10000,
    CACHED_READS = 100000,
    DIRECT_READS = 8000,
    REPEATS = 3
};

struct slot {
    uv_fs_t request;
    uint64_t random;
    int number;
    int left;
    uv_file fd;
    uv_buf_t buffer;
    char path[512];
};

static struct slot slots[64];
static const char *folder;
static uv_file big;
static uint64_t pieces;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "uv_file_micro: %s failed\n", what);
    exit(1);
}

static double processor_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void next_path(struct slot *slot)
{
    snprintf(slot->path, sizeof slot->path, "%s/small/%d", folder, slot->number);
    slot->number += 64;
}

static void begin_read(struct slot *slot);

static void read_done(uv_fs_t *request)
{
    must(request->result == PIECE, "a read");
    uv_fs_req_cleanup(request);
    begin_read(request->data);
}

static void begin_read(struct slot *slot)
{
    if (slot->left-- == 0)
        return;
    slot->random ^= slot->random << 13;
    slot->random ^= slot->random >> 7;
    slot->random ^= slot->random << 17;
    uv_fs_read(uv_default_loop(), &slot->request, big, &slot->buffer, 1,
               (int64_t)(slot->random % pieces * PIECE), read_done);
}

static void begin_stat(struct slot *slot);

static void stat_done(uv_fs_t *request)
{
    must(request->result == 0, "a stat");
    uv_fs_req_cleanup(request);
    begin_stat(request->data);
}

static void begin_stat(struct slot *slot)
{
    if (slot->left-- == 0)
        return;
    next_path(slot);
    uv_fs_stat(uv_default_loop(), &slot->request, slot->path, stat_done);
}

static void begin_small(struct slot *slot);

static void small_closed(uv_fs_t *request)
{
    uv_fs_req_cleanup(request);
    begin_small(request->data);
}

static void small_read(uv_fs_t *request)
{
    struct slot *slot = request->data;

    must(request->result > 0, "a read");
    uv_fs_req_cleanup(request);
    uv_fs_close(uv_default_loop(), request, slot->fd, small_closed);
}

static void small_opened(uv_fs_t *request)
{
    struct slot *slot = request->data;

    slot->fd = (uv_file)request->result;
    must(slot->fd >= 0, "an open");
    uv_fs_req_cleanup(request);
    uv_fs_read(uv_default_loop(), request, slot->fd, &slot->buffer, 1, 0, small_read);
}

static void begin_small(struct slot *slot)
{
    if (slot->left-- == 0)
        return;
    next_path(slot);
    uv_fs_open(uv_default_loop(), &slot->request, slot->path, O_RDONLY, 0, small_opened);
}

static double measure(void (*begin)(struct slot *slot), int in_flight, int count)
{
    double best = 0;
    int repeat, i;

    for (repeat = 0; repeat < REPEATS; repeat++) {
        double begun = processor_ns(), each;

        for (i = 0; i < in_flight; i++) {
            slots[i].request.data = &slots[i];
            slots[i].random = 88172645463325252u + (uint64_t)i * 7919;
            slots[i].number = i;
            slots[i].left = begin == begin_read ? count / in_flight : (count - i + 63) / 64;
            begin(&slots[i]);
        }
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
        each = (processor_ns() - begun) / count;
        if (repeat == 0 || each < best)
            best = each;
    }
    return best;
}

static void open_big(int flags)
{
    uv_fs_t request;
    char path[512];

    snprintf(path, sizeof path, "%s/big", folder);
    big = uv_fs_open(NULL, &request, path, O_RDONLY | flags, 0, NULL);
    must(big >= 0 && uv_fs_fstat(NULL, &request, big, NULL) == 0, "the open of big");
    pieces = request.statbuf.st_size / PIECE;
}

static void close_big(void)
{
    uv_fs_t request;

    uv_fs_close(NULL, &request, big, NULL);
}

int main(int argc, char **argv)
{
    int i;

    must(argc == 2, "the folder's name");
    folder = argv[1];
    for (i = 0; i < 64; i++) {
        slots[i].buffer = uv_buf_init(aligned_alloc(PIECE, PIECE), PIECE);
        must(slots[i].buffer.base != NULL, "memory");
    }
    open_big(0);
    printf("{\"cached_1_ns\": %.1f", measure(begin_read, 1, CACHED_READS));
    printf(", \"cached_64_ns\": %.1f", measure(begin_read, 64, CACHED_READS));
    close_big();
    open_big(O_DIRECT);
    printf(", \"direct_1_ns\": %.1f", measure(begin_read, 1, DIRECT_READS));
    printf(", \"direct_64_ns\": %.1f", measure(begin_read, 64, DIRECT_READS * 4));
    close_big();
    printf(", \"stat_ns\": %.1f", measure(begin_stat, 64, SMALL));
    printf(", \"small_ns\": %.1f}\n", measure(begin_small, 64, SMALL));
    return 0;
}
