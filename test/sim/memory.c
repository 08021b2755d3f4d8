/* What a simulation does when there is no memory. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <weir.h>

#include "support/check.h"

#define HOSTS 150

static int left; /* allocations that succeed; negative: all do */

static void *reallocate(void *memory, size_t size, void *user)
{
    (void)user;
    if (left == 0)
        return NULL;
    left -= left > 0;
    return realloc(memory, size);
}

static void *allocate(size_t size, void *user)
{
    return reallocate(NULL, size, user);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

/* Once, before the first allocation of the process. */
static void set_allocator(void)
{
    static const struct weir_allocator allocator = {allocate, reallocate, release, NULL};
    static bool is_set;

    left = -1;
    if (!is_set)
        assert_int_equal(weir_set_allocator(&allocator), 0);
    is_set = true;
}

static int stay(void *arg)
{
    (void)arg;
    return weir_sleep(WEIR_SECONDS(1000));
}

static int be_on_host_0(void *arg)
{
    (void)arg;
    CHECK(weir_sim_host_current().number == 0);
    return weir_yield();
}

static void spawn_here(void)
{
    weir_scope scope;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, be_on_host_0, NULL) == 0);
    CHECK(weir_scope_join(&scope) == 0);
}

/* The record of a host and of its life take one allocation each, its task none, until there are no
 * more. */
static int start_many(void *arg)
{
    int i, refused = 0;

    for (i = 0; i < HOSTS; i++) {
        weir_sim_host host = {12345};
        char name[32];
        int rc;

        snprintf(name, sizeof name, "host-%d", i);
        left = i < 2 ? i : 2;
        rc = weir_sim_host_start(name, stay, NULL, &host);
        left = -1;
        CHECK(rc == 0 || rc == WEIR_ENOMEM);
        CHECK(rc == 0 ? host.number != 12345 : host.number == 12345);
        if (rc < 0)
            spawn_here();
        refused += rc < 0;
    }
    *(int *)arg = refused;
    return 0;
}

TEST(host_that_cannot_be_started_is_not_given)
{
    struct weir_sim_options options = {.seed = 1, .workers = 1};
    int refused = 0;

    set_allocator();
    assert_int_equal(weir_sim_run(start_many, &refused, &options), 0);
    assert_checks();
    assert_true(refused > 2);
}

/* ---- disks ---- */

static bool exists(const char *path)
{
    struct weir_stat about;

    return weir_dir_stat(weir_cwd(), path, 0, &about) == 0;
}

/* Every call either does all of it or nothing. */
static int run_out(void *arg)
{
    weir_dir cwd = weir_cwd();
    int *spent = arg, i, n, rc = WEIR_ENOMEM;
    weir_file file;

    for (n = 0; rc == WEIR_ENOMEM; n++) {
        left = n;
        rc = weir_dir_make(cwd, "d", 0);
        left = -1;
        CHECK(rc == 0 ? exists("d") : !exists("d"));
    }
    for (i = 0, rc = WEIR_ENOMEM; rc == WEIR_ENOMEM; i++) {
        left = i;
        rc = weir_file_open(&file, cwd, "d/f", WEIR_FILE_READ_WRITE | WEIR_FILE_CREATE, 0);
        left = -1;
    }
    *spent = n + i;
    for (i = 0, rc = WEIR_ENOMEM; rc == WEIR_ENOMEM; i++) {
        left = i;
        rc = (int)weir_file_write_at(file, "bytes", 5, 4096);
        left = -1;
    }
    CHECK(rc == 5);
    for (i = 0, rc = WEIR_ENOMEM; rc == WEIR_ENOMEM; i++) {
        left = i;
        rc = weir_dir_rename(cwd, "d/f", cwd, "g", WEIR_DIR_REPLACE);
        left = -1;
        CHECK(exists("g") != exists("d/f"));
    }
    left = 0; /* none of these needs any */
    CHECK(weir_sim_disk_crash(weir_sim_host_current()) == 0);
    left = -1;
    weir_file_close(file);
    return rc;
}

TEST(calls_without_memory_do_nothing)
{
    struct weir_sim_options options = {.workers = 1, .disks = WEIR_ON};
    int spent = 0;

    set_allocator();
    for (options.seed = 1; options.seed <= 20; options.seed++) {
        assert_int_equal(weir_sim_run(run_out, &spent, &options), 0);
        assert_checks();
        assert_true(spent > 4);
    }
}

/* ---- connections ---- */

static int close_without_memory(void *arg)
{
    weir_listener listener;
    weir_stream dialled, accepted;
    char byte;

    (void)arg;
    CHECK(weir_listen(&listener, "tcp://127.0.0.1:7", NULL) == 0);
    CHECK(weir_dial(&dialled, "tcp://127.0.0.1:7") == 0);
    CHECK(weir_accept(listener, &accepted) == 0);
    CHECK(weir_write_all(dialled, "x", 1) == 0);
    left = 0;
    weir_close(dialled);
    left = -1;
    CHECK(weir_read(accepted, &byte, 1) == 1 && byte == 'x');
    CHECK(weir_read(accepted, &byte, 1) == 0);
    weir_close(accepted);
    weir_listener_close(listener);
    return 0;
}

TEST(close_without_memory_is_told_to_the_peer)
{
    struct weir_sim_options options = {.workers = 1};

    set_allocator();
    for (options.seed = 1; options.seed <= 20; options.seed++) {
        assert_int_equal(weir_sim_run(close_without_memory, NULL, &options), 0);
        assert_checks();
    }
}
