/* test/os/file_lock.c - locks on files between open files. */
#include "test.h"

#include <pthread.h>
#include <signal.h>

#include "support/check.h"
#include "support/folder.h"
#include "support/run.h"

struct locks {
    struct folder folder;
    weir_file a, b;
    bool whole;
    int got; /* atomic */
};

static int lock_b(struct locks *locks)
{
    return locks->whole ? weir_file_lock_whole(locks->b, WEIR_FILE_EXCLUSIVE_LOCK)
                        : weir_file_lock(locks->b, WEIR_FILE_EXCLUSIVE_LOCK, 0, 10);
}

static int lock_as_second(void *arg)
{
    struct locks *locks = arg;

    CHECK(lock_b(locks) == 0);
    SAY(locks->got, 1);
    return 0;
}

static int try_locks(void *arg)
{
    struct locks *locks = arg;
    weir_file a = locks->a, b = locks->b;
    weir_block block;
    weir_scope scope;

    CHECK(weir_file_lock(a, WEIR_FILE_EXCLUSIVE_LOCK, 0, 10) == 0);
    CHECK(weir_file_try_lock(b, WEIR_FILE_SHARED, 5, 1) == WEIR_EAGAIN);
    CHECK(weir_file_try_lock(b, WEIR_FILE_SHARED, 10, 0) == 0);
    CHECK(weir_file_try_lock(a, WEIR_FILE_SHARED, 0, 0) == 0); /* shared now, and everywhere */
    CHECK(weir_file_try_lock(b, WEIR_FILE_EXCLUSIVE_LOCK, 0, 10) == WEIR_EAGAIN);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(5)) == 0);
    CHECK(lock_b(locks) == (locks->whole ? 0 : WEIR_EDEADLINE));
    (void)weir_block_end(&block);
    if (locks->whole) {
        CHECK(weir_file_try_lock_whole(a, WEIR_FILE_SHARED) == WEIR_EAGAIN);
        CHECK(weir_file_unlock_whole(b) == 0);
        CHECK(weir_file_try_lock_whole(a, WEIR_FILE_SHARED) == 0);
    }
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, lock_as_second, locks) == 0);
    CHECK(weir_yield() == 0);
    CHECK(!SEE(locks->got));
    CHECK(locks->whole ? weir_file_unlock_whole(a) == 0 : weir_file_unlock(a, 0, 0) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(SEE(locks->got));
    CHECK(weir_file_unlock(b, 0, 0) == 0 && weir_file_unlock_whole(b) == 0);
    CHECK(weir_file_lock(a, (enum weir_file_lock)0, 0, 0) == WEIR_EINVAL);
    CHECK(weir_file_lock(a, (enum weir_file_lock)3, 0, 0) == WEIR_EINVAL);
    CHECK(weir_file_lock(a, WEIR_FILE_SHARED, UINT64_MAX, 0) == WEIR_EINVAL);
    return 0;
}

static void with_locks(bool whole)
{
    struct locks locks = {.whole = whole};

    folder_make(&locks.folder);
    folder_put(&locks.folder, "lock", "");
    assert_int_equal(weir_file_open(&locks.a, locks.folder.dir, "lock", WEIR_FILE_READ_WRITE, 0),
                     0);
    assert_int_equal(weir_file_open(&locks.b, locks.folder.dir, "lock", WEIR_FILE_READ_WRITE, 0),
                     0);
    assert_int_equal(run_with(try_locks, &locks, 1), 0);
    weir_file_close(locks.a);
    assert_int_equal(weir_file_lock(locks.b, WEIR_FILE_EXCLUSIVE_LOCK, 0, 0), 0);
    weir_file_close(locks.b);
    assert_int_equal(weir_file_unlock(locks.b, 0, 0), WEIR_EBADHANDLE);
    folder_clean(&locks.folder);
}

TEST(ranges_are_locked)
{
    with_locks(false);
}

TEST(whole_files_are_locked)
{
    with_locks(true);
}

/* ---- a thread that is interrupted ---- */

static int interruptions; /* atomic */

static void interrupted(int number)
{
    (void)number;
    ADD(interruptions, 1);
}

static void *lock_as_thread(void *arg)
{
    struct locks *locks = arg;

    CHECK(lock_b(locks) == 0);
    SAY(locks->got, 1);
    return NULL;
}

TEST(a_signal_does_not_end_the_wait_of_a_thread)
{
    struct sigaction action = {.sa_handler = interrupted}, before;
    struct locks locks = {.got = 0};
    pthread_t thread;
    int i;

    folder_make(&locks.folder);
    folder_put(&locks.folder, "lock", "");
    assert_int_equal(weir_file_open(&locks.a, locks.folder.dir, "lock", WEIR_FILE_READ_WRITE, 0),
                     0);
    assert_int_equal(weir_file_open(&locks.b, locks.folder.dir, "lock", WEIR_FILE_READ_WRITE, 0),
                     0);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(weir_file_lock(locks.a, WEIR_FILE_EXCLUSIVE_LOCK, 0, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, lock_as_thread, &locks), 0);
    for (i = 0; i < 2000 && SEE(interruptions) < 20; i++) { /* a sanitizer keeps them for later */
        assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
        sched_yield();
    }
    assert_int_equal(SEE(locks.got), 0);
    assert_int_equal(weir_file_unlock(locks.a, 0, 0), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    weir_file_close(locks.a);
    weir_file_close(locks.b);
    folder_clean(&locks.folder);
    assert_checks();
}
