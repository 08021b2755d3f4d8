/* test/os/file_stop.c - calls on files that are cancelled, or meet their deadline.
 *
 * A call that is stopped before it began says why and has done nothing; one that is stopped while
 * it is under way has either its result or the reason, and the memory that it was lent is free.
 */
#include "test.h"

#include <sys/uio.h>

#include "support/check.h"
#include "support/folder.h"
#include "support/run.h"

struct place {
    struct folder folder;
    weir_file file;
    int done, stopped; /* atomic */
};

typedef int call_fn(struct place *place, int number);

static int call_open(struct place *place, int number)
{
    weir_file file;
    char name[16];
    int rc;

    snprintf(name, sizeof name, "o%d", number % 4);
    rc = weir_file_open(&file, place->folder.dir, name, WEIR_FILE_WRITE | WEIR_FILE_CREATE, 0);
    if (rc == 0)
        weir_file_close(file);
    return rc;
}

static int call_write(struct place *place, int number)
{
    char bytes[600];

    memset(bytes, number, sizeof bytes);
    return (int)weir_file_write_at(place->file, bytes, sizeof bytes, (uint64_t)number % 8 * 600);
}

static int call_readv(struct place *place, int number)
{
    char a[64], b[64];
    struct iovec parts[2] = {{a, sizeof a}, {b, sizeof b}};

    return (int)weir_file_readv_at(place->file, parts, 2, (uint64_t)number % 8);
}

static int call_sync(struct place *place, int number)
{
    return number % 2 ? weir_file_data_sync(place->file)
                      : weir_file_sync_range(place->file, 0, 0, false);
}

static int call_names(struct place *place, int number)
{
    char name[16];
    int rc;

    snprintf(name, sizeof name, "n%d", number);
    rc = weir_dir_make(place->folder.dir, name, 0700);
    return rc == 0 || rc == WEIR_EEXIST ? weir_dir_remove(place->folder.dir, name) : rc;
}

static int call_stat(struct place *place, int number)
{
    struct weir_stat about;

    return weir_dir_stat(place->folder.dir, number % 2 ? "data" : ".", 0, &about);
}

static int call_read_dir(struct place *place, int number)
{
    struct weir_dir_batch batch = {0};
    uint64_t memory[64];

    (void)number;
    return weir_dir_read(place->folder.dir, &batch, memory, sizeof memory);
}

static int call_replace(struct place *place, int number)
{
    struct weir_file_replace_options options = {.sync = WEIR_OFF};
    char name[16];

    snprintf(name, sizeof name, "r%d", number % 4);
    return weir_file_replace(place->folder.dir, name, "new", 3, &options);
}

static int call_size(struct place *place, int number)
{
    return number % 2 ? weir_file_truncate(place->file, 6000)
                      : weir_file_allocate(place->file, WEIR_FILE_ALLOCATE, 0, 6000);
}

static call_fn *const calls[] = {call_open, call_write, call_readv,    call_sync,   call_names,
                                 call_stat, call_size,  call_read_dir, call_replace};

enum {
    CALLS = sizeof calls / sizeof *calls
};

static void place_make(struct place *place)
{
    *place = (struct place){.done = 0};
    folder_make(&place->folder);
    folder_put(&place->folder, "data", "some bytes that are there already");
    assert_int_equal(
        weir_file_open(&place->file, place->folder.dir, "data", WEIR_FILE_READ_WRITE, 0), 0);
}

static void place_clean(struct place *place)
{
    weir_file_close(place->file);
    folder_clean(&place->folder);
}

/* ---- before it begins ---- */

static int call_too_late(void *arg)
{
    weir_block block;
    int i;

    CHECK(weir_deadline_begin(&block, 0) == 0);
    while (weir_yield() == 0) /* until the loop's clock has seen it */
        ;
    for (i = 0; i < CALLS; i++)
        CHECK(calls[i](arg, i) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    return 0;
}

TEST(a_call_after_its_deadline_does_nothing)
{
    struct place place;

    place_make(&place);
    assert_int_equal(run_with(call_too_late, &place, 1), 0);
    assert_int_equal(faccessat(weir_dir_descriptor(place.folder.dir), "o0", F_OK, 0), -1);
    place_clean(&place);
}

/* ---- under way ---- */

struct caller {
    struct place *place;
    int number;
};

static int call_until_stopped(void *arg)
{
    const struct caller *caller = arg;
    int i, rc;

    for (i = caller->number;; i++) {
        rc = calls[i % CALLS](caller->place, i);
        if (rc == WEIR_ECANCELED)
            break;
        CHECK(rc >= 0 || rc == WEIR_ENOENT);
        ADD(caller->place->done, 1);
    }
    ADD(caller->place->stopped, 1);
    return 0;
}

enum {
    CALLERS = 24,
    ROUNDS = 5
};

static int stop_many(void *arg)
{
    struct place *place = arg;
    struct caller callers[CALLERS];
    weir_scope scope;
    int i, round;

    for (round = 1; round <= ROUNDS; round++) {
        int before = SEE(place->done);

        CHECK(weir_scope_open(&scope) == 0);
        for (i = 0; i < CALLERS; i++) {
            callers[i] = (struct caller){place, i * 7 + round};
            CHECK(weir_spawn(&scope, call_until_stopped, &callers[i]) == 0);
        }
        while (SEE(place->done) < before + 30 * round)
            CHECK(weir_sleep(100000) == 0);
        weir_scope_cancel(&scope);
        CHECK(weir_scope_join(&scope) == 0);
        CHECK(SEE(place->stopped) == CALLERS * round);
    }
    return 0;
}

TEST(calls_under_way_are_cancelled)
{
    struct place place;

    place_make(&place);
    assert_int_equal(run_with(stop_many, &place, 1), 0);
    place.stopped = 0;
    assert_int_equal(run_with(stop_many, &place, 3), 0);
    place_clean(&place);
}

/* ---- by a close ---- */

static int read_until_closed(void *arg)
{
    struct place *place = arg;
    char bytes[16];
    ptrdiff_t n;

    do {
        n = weir_file_read_at(place->file, bytes, sizeof bytes, 0);
        if (n >= 0)
            n = weir_file_write_at(place->file, bytes, sizeof bytes, 100);
        ADD(place->done, 1);
    } while (n == 16);
    CHECK(n == WEIR_EBADHANDLE);
    return 0;
}

static int close_under_way(void *arg)
{
    struct place *place = arg;
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 8; i++)
        CHECK(weir_spawn(&scope, read_until_closed, place) == 0);
    while (SEE(place->done) < 100)
        CHECK(weir_sleep(100000) == 0);
    weir_file_close(place->file);
    return weir_scope_join(&scope);
}

TEST(a_file_is_closed_while_it_is_used)
{
    struct place place;

    place_make(&place);
    assert_int_equal(run_with(close_under_way, &place, 3), 0);
    place_clean(&place);
}
