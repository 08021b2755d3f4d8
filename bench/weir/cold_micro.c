/* bench/weir/cold_micro.c - what tasks cost that wait for long, and what it costs to wake them; one
 * line of JSON.
 *
 * So many packable tasks wait at a semaphore each. Memory is that of the process for each task:
 * user: private memory that was written to; tables: the kernel's page tables (VmPTE). Warm: before
 * they are packed; packed: afterwards. wake: from the release of a semaphore until the task that
 * waited there runs, in a random order, so that its memory is not in the processor's caches; added:
 * the difference of the two 99th percentiles. Arguments: the workers, the tasks.
 */
#include "micro.h"

#include <weir/runtime.h>
#include <weir/scope.h>
#include <weir/sync.h>

enum {
    TASKS = 20000,
    PACK_AFTER_MS = 200,
    QUIET_LOOKS = 10, /* so often the memory must be the same until all is packed */
    WAKES = 5000
};

struct sleeper {
    weir_semaphore bed;
    struct camp *camp;
};

struct camp {
    uint32_t count;
    struct sleeper *sleepers;
    weir_notify woken;
    uint64_t woken_ns;
    weir_scope scope;
};

struct memory {
    double user, tables;
};

/* ---- memory ---- */

static double field_of(const char *path, const char *name)
{
    FILE *file = fopen(path, "r");
    char line[256];
    double bytes = 0;

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            bytes = 1024 * atof(line + strlen(name));
    }
    if (file)
        fclose(file);
    return bytes;
}

static struct memory memory_now(void)
{
    return (struct memory){
        .user = field_of("/proc/self/smaps_rollup", "Private_Dirty:"),
        .tables = field_of("/proc/self/status", "VmPTE:"),
    };
}

static void keep_memory(const char *user, const char *tables, const struct memory *before,
                        uint32_t count)
{
    struct memory now = memory_now();

    keep(user, (now.user - before->user) / count);
    keep(tables, (now.tables - before->tables) / count);
}

/* Until nothing is given back any more. */
static void wait_until_packed(void)
{
    double least = memory_now().user;
    int quiet = 0;

    check(weir_sleep(WEIR_MILLISECONDS(2 * PACK_AFTER_MS)));
    while (quiet < QUIET_LOOKS) {
        double now = memory_now().user;

        quiet = now < least ? 0 : quiet + 1;
        least = now < least ? now : least;
        check(weir_sleep(WEIR_MILLISECONDS(100)));
    }
}

/* ---- tasks ---- */

static int sleep_in_camp(void *arg)
{
    struct sleeper *sleeper = arg;

    while (weir_semaphore_acquire(&sleeper->bed) == 0) {
        sleeper->camp->woken_ns = weir_now_ns();
        weir_notify_one(&sleeper->camp->woken);
    }
    return 0;
}

static void start(struct camp *camp)
{
    struct weir_spawn_options options = {.packable = WEIR_ON};

    check(weir_scope_open(&camp->scope));
    for (uint32_t i = 0; i < camp->count; i++) {
        camp->sleepers[i] = (struct sleeper){WEIR_SEMAPHORE_INIT(0), camp};
        check(weir_spawn_with(&camp->scope, sleep_in_camp, &camp->sleepers[i], &options));
        if (i % 100 == 0)
            check(weir_yield());
    }
    check(weir_sleep(WEIR_MILLISECONDS(20)));
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The figures of so many wakes; no task is woken twice. */
static double keep_wakes(struct camp *camp, uint32_t first, const char *p50, const char *p99)
{
    static uint64_t took_ns[WAKES];

    for (uint32_t i = 0; i < WAKES; i++) {
        /* a number without a common factor, so that each has its turn once */
        uint64_t at = (uint64_t)(first + i) * 7919 % camp->count;
        uint64_t begun_ns = weir_now_ns();

        check(weir_semaphore_release(&camp->sleepers[at].bed));
        check(weir_notify_wait(&camp->woken));
        took_ns[i] = camp->woken_ns - begun_ns;
    }
    qsort(took_ns, WAKES, sizeof took_ns[0], by_size);
    keep(p50, (double)took_ns[WAKES / 2] / 1e3);
    keep(p99, (double)took_ns[WAKES / 100 * 99] / 1e3);
    return (double)took_ns[WAKES / 100 * 99] / 1e3;
}

static int measure(void *arg)
{
    struct camp *camp = arg;
    struct memory before;
    double warm, packed;

    camp->sleepers = calloc(camp->count, sizeof *camp->sleepers);
    check(camp->sleepers ? 0 : WEIR_ENOMEM);
    memset(camp->sleepers, 1, camp->count * sizeof *camp->sleepers); /* not counted */
    before = memory_now();
    start(camp);
    keep_memory("user_warm_bytes", "tables_warm_bytes", &before, camp->count);
    warm = keep_wakes(camp, 0, "wake_warm_p50_us", "wake_warm_p99_us");
    wait_until_packed();
    keep_memory("user_packed_bytes", "tables_packed_bytes", &before, camp->count);
    packed = keep_wakes(camp, WAKES, "wake_packed_p50_us", "wake_packed_p99_us");
    keep("wake_added_p99_us", packed - warm);
    weir_scope_cancel(&camp->scope);
    check(weir_scope_join(&camp->scope));
    free(camp->sleepers);
    return 0;
}

int main(int argc, char **argv)
{
    struct weir_runtime_options options = {.workers = argument(argc, argv, 1, 1),
                                           .pack_after_ns = WEIR_MILLISECONDS(PACK_AFTER_MS)};
    struct camp camp = {.count = argument(argc, argv, 2, TASKS)};

    check(weir_run(measure, &camp, &options));
    print_figures();
    return 0;
}
