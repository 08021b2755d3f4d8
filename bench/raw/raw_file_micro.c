/* bench/raw/raw_file_micro.c - what files cost by io_uring alone.
 *
 * The rows are those of bench/weir/file_micro.c.
 *
 *     raw_file_micro FOLDER
 *
 * One ring (single issuer, deferred task running), one system call a turn that submits everything
 * and waits. Every operation goes through the ring, as in a program that knows nothing else.
 * `plain` rows beside them are the same by plain system calls, one after the other. What fails ends
 * the program with a line on stderr.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

enum {
    ENTRIES = 256,
    PIECE = 4096,
    SMALL = 10000,
    CACHED_READS = 200000,
    DIRECT_READS = 8000,
    REPEATS = 3
};

enum stage {
    STAGE_OPEN,
    STAGE_READ,
    STAGE_CLOSE
};

/* What one of those in flight does. */
struct slot {
    int number;
    int left;
    uint64_t random;
    int fd;
    enum stage stage;
    char *buffer;
    char path[32];
    struct statx about;
};

static struct slot slots[64];
static int ring, folder, big;
static uint64_t pieces;
static unsigned *sq_tail, *cq_head, *cq_tail, sq_mask, cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "raw_file_micro: %s failed\n", what);
    exit(1);
}

static double processor_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void make_ring(void)
{
    struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    unsigned *array, i;
    size_t size;
    char *at;

    ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
    must(ring >= 0, "io_uring_setup");
    size = p.cq_off.cqes + p.cq_entries * sizeof *cqes;
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    sqes = mmap(NULL, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
                IORING_OFF_SQES);
    must(at != MAP_FAILED && (void *)sqes != MAP_FAILED, "mmap");
    sq_tail = (unsigned *)(void *)(at + p.sq_off.tail);
    sq_mask = *(unsigned *)(void *)(at + p.sq_off.ring_mask);
    array = (unsigned *)(void *)(at + p.sq_off.array);
    for (i = 0; i < p.sq_entries; i++)
        array[i] = i;
    cq_head = (unsigned *)(void *)(at + p.cq_off.head);
    cq_tail = (unsigned *)(void *)(at + p.cq_off.tail);
    cq_mask = *(unsigned *)(void *)(at + p.cq_off.ring_mask);
    cqes = (struct io_uring_cqe *)(void *)(at + p.cq_off.cqes);
}

static struct io_uring_sqe *prepare(struct slot *slot, int opcode, int fd, const void *address,
                                    unsigned len, uint64_t offset)
{
    struct io_uring_sqe *sqe = &sqes[*sq_tail & sq_mask];

    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = (uint8_t)opcode;
    sqe->fd = fd;
    sqe->addr = (uint64_t)(uintptr_t)address;
    sqe->len = len;
    sqe->off = offset;
    sqe->user_data = (uint64_t)(uintptr_t)slot;
    __atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
    return sqe;
}

/* Each begins the next operation of a slot, or takes note of the result of the last. They return
 * false when the slot has done its share. */

static int next_read(struct slot *slot, int result)
{
    if (slot->stage == STAGE_READ)
        must(result == PIECE, "a read");
    slot->stage = STAGE_READ;
    if (slot->left-- == 0)
        return 0;
    slot->random ^= slot->random << 13;
    slot->random ^= slot->random >> 7;
    slot->random ^= slot->random << 17;
    prepare(slot, IORING_OP_READ, big, slot->buffer, PIECE, slot->random % pieces * PIECE);
    return 1;
}

static int next_stat(struct slot *slot, int result)
{
    must(result == 0, "a stat");
    if (slot->left-- == 0)
        return 0;
    snprintf(slot->path, sizeof slot->path, "small/%d", slot->number);
    slot->number += 64;
    prepare(slot, IORING_OP_STATX, folder, slot->path, STATX_BASIC_STATS,
            (uint64_t)(uintptr_t)&slot->about);
    return 1;
}

static int next_small(struct slot *slot, int result)
{
    must(result >= 0, "a small file");
    switch (slot->stage) {
    case STAGE_OPEN:
        if (slot->left-- == 0)
            return 0;
        snprintf(slot->path, sizeof slot->path, "small/%d", slot->number);
        slot->number += 64;
        prepare(slot, IORING_OP_OPENAT, folder, slot->path, 0, 0)->open_flags =
            O_RDONLY | O_CLOEXEC;
        slot->stage = STAGE_READ;
        return 1;
    case STAGE_READ:
        slot->fd = result;
        prepare(slot, IORING_OP_READ, result, slot->buffer, PIECE, 0);
        slot->stage = STAGE_CLOSE;
        return 1;
    case STAGE_CLOSE:
        prepare(slot, IORING_OP_CLOSE, slot->fd, NULL, 0, 0);
        slot->stage = STAGE_OPEN;
        return 1;
    }
    return 0;
}

static void turn_until_done(int (*next)(struct slot *slot, int result), int working)
{
    unsigned sent = *sq_tail - (unsigned)working;

    while (working > 0) {
        unsigned prepared = *sq_tail - sent, head = *cq_head;
        long rc = syscall(SYS_io_uring_enter, ring, prepared, 1, IORING_ENTER_GETEVENTS, NULL, 0);

        must(rc >= 0, "io_uring_enter");
        sent += (unsigned)rc;
        while (head != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE)) {
            const struct io_uring_cqe *cqe = &cqes[head & cq_mask];

            working -= !next((struct slot *)(uintptr_t)cqe->user_data, cqe->res);
            head++;
        }
        __atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
    }
}

static double measure(int (*next)(struct slot *slot, int result), int in_flight, int count)
{
    double best = 0;
    int repeat, i;

    for (repeat = 0; repeat < REPEATS; repeat++) {
        double begun = processor_ns(), each;
        int working = 0;

        for (i = 0; i < in_flight; i++) {
            slots[i].number = i;
            slots[i].left = next == next_read ? count / in_flight : (count - i + 63) / 64;
            slots[i].random = 88172645463325252u + (uint64_t)i * 7919;
            slots[i].stage = STAGE_OPEN;
            working += next(&slots[i], 0);
        }
        turn_until_done(next, working);
        each = (processor_ns() - begun) / count;
        if (repeat == 0 || each < best)
            best = each;
    }
    return best;
}

/* ---- by plain calls ---- */

static void read_plainly(int count)
{
    struct slot *slot = &slots[0];
    int i;

    slot->random = 88172645463325252u;
    for (i = 0; i < count; i++) {
        slot->random ^= slot->random << 13;
        slot->random ^= slot->random >> 7;
        slot->random ^= slot->random << 17;
        must(pread(big, slot->buffer, PIECE, (off_t)(slot->random % pieces * PIECE)) == PIECE,
             "a read");
    }
}

static void stat_plainly(int count)
{
    int i;

    for (i = 0; i < count; i++) {
        snprintf(slots[0].path, sizeof slots[0].path, "small/%d", i);
        must(statx(folder, slots[0].path, 0, STATX_BASIC_STATS, &slots[0].about) == 0, "a stat");
    }
}

static void open_plainly(int count)
{
    int i, fd;

    for (i = 0; i < count; i++) {
        snprintf(slots[0].path, sizeof slots[0].path, "small/%d", i);
        fd = openat(folder, slots[0].path, O_RDONLY | O_CLOEXEC);
        must(fd >= 0 && pread(fd, slots[0].buffer, PIECE, 0) > 0 && close(fd) == 0, "a small file");
    }
}

static double measure_plain(void (*run)(int count), int count)
{
    double best = 0;
    int repeat;

    for (repeat = 0; repeat < REPEATS; repeat++) {
        double begun = processor_ns(), each;

        run(count);
        each = (processor_ns() - begun) / count;
        if (repeat == 0 || each < best)
            best = each;
    }
    return best;
}

static void open_big(int flags)
{
    struct stat about;

    big = openat(folder, "big", O_RDONLY | O_CLOEXEC | flags);
    must(big >= 0 && fstat(big, &about) == 0, "the open of big");
    pieces = (uint64_t)about.st_size / PIECE;
}

int main(int argc, char **argv)
{
    int i;

    must(argc == 2, "the folder's name");
    folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(folder >= 0, "the open of the folder");
    for (i = 0; i < 64; i++)
        must((slots[i].buffer = aligned_alloc(PIECE, PIECE)) != NULL, "memory");
    make_ring();
    open_big(0);
    printf("{\"cached_1_ns\": %.1f", measure(next_read, 1, CACHED_READS));
    printf(", \"cached_64_ns\": %.1f", measure(next_read, 64, CACHED_READS));
    printf(", \"plain_cached_ns\": %.1f", measure_plain(read_plainly, CACHED_READS));
    close(big);
    open_big(O_DIRECT);
    printf(", \"direct_1_ns\": %.1f", measure(next_read, 1, DIRECT_READS));
    printf(", \"direct_64_ns\": %.1f", measure(next_read, 64, DIRECT_READS * 4));
    close(big);
    printf(", \"stat_ns\": %.1f", measure(next_stat, 64, SMALL));
    printf(", \"plain_stat_ns\": %.1f", measure_plain(stat_plainly, SMALL));
    printf(", \"small_ns\": %.1f", measure(next_small, 64, SMALL));
    printf(", \"plain_small_ns\": %.1f}\n", measure_plain(open_plainly, SMALL));
    return 0;
}
