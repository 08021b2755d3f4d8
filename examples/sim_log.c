/* sim_log.c - a write-ahead log on a disk that tears what was not synced.
 *
 *     sim_log [SEEDS [FIRST]]
 *
 * A node appends records to a log, one to four at a time, and acknowledges them when they are on
 * the disk. It crashes again and again. When it starts it reads the log up to the first record that
 * is not whole, and cuts off the rest. No record that was acknowledged may ever be missing, and
 * none may hold anything but what was written. Now and then a sync fails: then the node does not
 * try again, since the kernel takes for clean what it could not write, but stops.
 *
 * Try it: leave out one of the lines that are marked below, and a seed finds what is lost.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

#define CRASHES  4
#define RECORDS  4   /* most at a time */
#define DATA_MAX 600 /* more than a sector of a disk, so that one record can be torn */
#define LOG_MAX  (1u << 24)

struct record {
    uint32_t sum; /* of all that follows */
    uint32_t len;
    uint64_t number;
    uint64_t life; /* of the node that wrote it */
    unsigned char data[DATA_MAX];
};
#define HEAD_LEN offsetof(struct record, data)

struct log {
    weir_file file;
    uint64_t end; /* of the last whole record */
    uint64_t last;
    uint64_t life;
};

/* What outlives the crashes. */
struct world {
    uint64_t acknowledged; /* records 1..acknowledged */
    uint64_t lives;
    const char *wrong;
};

/* ---- records ---- */

static uint32_t sum_of(const struct record *record)
{
    const unsigned char *at = (const unsigned char *)&record->len;
    size_t i, len = HEAD_LEN - sizeof record->sum + record->len;
    uint32_t sum = 2166136261u;

    for (i = 0; i < len; i++)
        sum = (sum ^ at[i]) * 16777619u;
    return sum;
}

/* Length and data follow from the number, so that they can be checked. */
static size_t make_record(struct record *record, uint64_t number, uint64_t life)
{
    record->number = number;
    record->life = life;
    record->len = (uint32_t)(number * 7919 % DATA_MAX);
    memset(record->data, (int)(number % 251) + 1, record->len);
    record->sum = sum_of(record);
    return HEAD_LEN + record->len;
}

/* A whole record at the begin of the bytes: its length, or 0. */
static size_t read_record(struct record *record, const char *bytes, size_t len)
{
    if (len < HEAD_LEN)
        return 0;
    memcpy(record, bytes, HEAD_LEN);
    if (record->len > DATA_MAX || len - HEAD_LEN < record->len)
        return 0;
    memcpy(record->data, bytes + HEAD_LEN, record->len);
    return record->sum == sum_of(record) ? HEAD_LEN + record->len : 0;
}

/* ---- the log ---- */

static int scan(struct log *log, struct world *world)
{
    struct record record, expected;
    char *bytes = NULL;
    ptrdiff_t len = weir_file_read_whole(weir_cwd(), "log", LOG_MAX, (void **)&bytes);
    size_t n;

    if (len < 0)
        return (int)len;
    while ((n = read_record(&record, bytes + log->end, (size_t)len - log->end)) > 0) {
        if (record.number != log->last + 1 || record.life < log->life
            || make_record(&expected, record.number, record.life) != n
            || memcmp(&record, &expected, n) != 0)
            world->wrong = "a record is another one";
        log->life = record.life;
        log->end += n;
        log->last++;
    }
    weir_release(bytes);
    return 0;
}

static int sync_directory(void)
{
    weir_dir dir;
    int rc = weir_dir_open(&dir, weir_cwd(), "/", 0);

    if (rc == 0) {
        rc = weir_dir_sync(dir);
        weir_dir_close(dir);
    }
    return rc;
}

static int open_log(struct log *log, struct world *world)
{
    int rc = weir_file_open(&log->file, weir_cwd(), "log", WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE,
                            0600);

    if (rc < 0)
        return rc;
    rc = sync_directory(); /* <- or the file has no name */
    if (rc == 0)
        rc = scan(log, world);
    if (rc == 0)
        rc = weir_file_truncate(log->file, log->end); /* <- or old records follow the new ones */
    if (rc == 0)
        rc = weir_file_sync(log->file);
    if (rc < 0)
        weir_file_close(log->file);
    return rc;
}

/* Appends some records. */
static int append(struct log *log, uint32_t count)
{
    struct record record;
    int rc = 0;

    while (rc == 0 && count--) {
        size_t len = make_record(&record, log->last + 1, log->life);

        rc = weir_file_write_all(log->file, &record, len, log->end);
        log->end += len;
        log->last++;
    }
    if (rc == 0)
        rc = weir_file_data_sync(log->file); /* <- or what is acknowledged is in memory alone */
    return rc;
}

/* ---- the node ---- */

static int node(void *arg)
{
    struct world *world = arg;
    struct log log = {0};
    int rc = open_log(&log, world);

    if (rc < 0)
        return rc;
    if (log.last < world->acknowledged)
        world->wrong = "a record is lost";
    log.life = ++world->lives;
    while (rc == 0 && !world->wrong) {
        rc = append(&log, 1 + weir_sim_below(RECORDS));
        if (rc == 0)
            world->acknowledged = log.last;
    }
    weir_file_close(log.file);
    return rc;
}

static int run(void *arg)
{
    struct world *world = arg;
    weir_sim_host host;
    int i, rc;

    *world = (struct world){0};
    rc = weir_sim_host_start("node", node, world, &host);
    for (i = 0; rc == 0 && i < CRASHES; i++) {
        rc = weir_sleep((int64_t)weir_sim_below(60) * 1000000);
        if (rc == 0)
            rc = weir_sim_host_crash(host);
        if (rc == 0)
            rc = weir_sim_host_restart(host);
    }
    if (rc == 0)
        rc = weir_sleep(WEIR_MILLISECONDS(60));
    if (world->wrong)
        fprintf(stderr, "%s\n", world->wrong);
    return world->wrong ? WEIR_EIO : rc;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct weir_sim_options options = {
        .disks = WEIR_ON,
        .disk = {.short_permille = 100,
                 .sync_error_permille = 10,
                 .latency_min_ns = 10000,
                 .latency_max_ns = 2000000},
    };
    struct world world; /* outlives a run, as hosts' memory has to */
    int rc = weir_sim_seeds(run, &world, first, count, &options);

    if (rc < 0)
        return 1;
    printf("ok\n");
    return 0;
}
