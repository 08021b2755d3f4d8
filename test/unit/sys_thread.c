/* test/unit/sys_thread.c - threads and their signals, parking, clocks and random bytes. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <weir/error.h>

#include "base/atomic.h"
#include "sys/sys.h"

struct seen {
    sigset_t mask;
    char name[16];
    int number;
    bool done;
};

static void look(void *arg)
{
    struct seen *seen = arg;

    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    seen->number = weir__thread_number();
    seen->done = true;
}

TEST(thread_runs_with_its_name_and_signals_blocked)
{
    struct weir__thread thread = {0};
    struct seen seen = {0};
    sigset_t before, after;
    int i;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(weir__sys->thread_start(&thread, look, &seen, "weir-a-long-name-here"), 0);
    weir__sys->thread_join(&thread);
    assert_true(seen.done);
    assert_string_equal(seen.name, "weir-a-long-nam");
    assert_int_not_equal(seen.number, weir__thread_number());
    assert_true(sigismember(&seen.mask, SIGTERM));
    assert_true(sigismember(&seen.mask, SIGPIPE));
    assert_true(sigismember(&seen.mask, SIGUSR1));
    assert_false(sigismember(&seen.mask, SIGSEGV));
    assert_false(sigismember(&seen.mask, SIGBUS));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (i = 1; i < 32; i++)
        assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

TEST(own_stack_is_known)
{
    void *low = NULL;
    size_t size = 0;
    char local;

    assert_int_equal(weir__thread_stack(&low, &size), 0);
    assert_true((char *)__builtin_frame_address(0) > (char *)low);
    assert_true((char *)__builtin_frame_address(0) < (char *)low + size);
    (void)local;
}

struct parked {
    uint32_t word;
    uint32_t answered;
};

static void park_until_set(void *arg)
{
    struct parked *parked = arg;

    while (WEIR_ATOMIC_LOAD(&parked->word, ACQUIRE) == 0)
        weir__sys->park(&parked->word, 0, -1);
    WEIR_ATOMIC_STORE(&parked->answered, 1, RELEASE);
    weir__sys->unpark(&parked->answered, 1);
}

TEST(unpark_ends_a_park)
{
    struct weir__thread thread = {0};
    struct parked parked;
    int i;

    for (i = 0; i < 100; i++) {
        memset(&parked, 0, sizeof parked);
        assert_int_equal(weir__thread_start(&thread, park_until_set, &parked, "parker"), 0);
        WEIR_ATOMIC_STORE(&parked.word, 1, RELEASE);
        weir__sys->unpark(&parked.word, 1);
        while (WEIR_ATOMIC_LOAD(&parked.answered, ACQUIRE) == 0)
            weir__sys->park(&parked.answered, 0, -1);
        weir__thread_join(&thread);
    }
}

TEST(park_on_another_value_returns_at_once)
{
    uint32_t word = 3;

    assert_int_equal(weir__sys->park(&word, 4, -1), 0);
}

TEST(park_ends_at_its_time_and_not_before)
{
    uint32_t word = 0;
    uint64_t began = weir__now_ns();

    assert_int_equal(weir__sys->park(&word, 0, 3000000), WEIR_ETIMEDOUT);
    assert_true(weir__now_ns() - began >= 3000000);
}

TEST(clocks_go_on)
{
    uint64_t a = weir__now_ns(), b = weir__now_ns();

    assert_true(b >= a);
    assert_true(weir__wall_ns() > 1600000000ull * 1000000000ull);
}

TEST(random_bytes_fill_all_that_is_asked)
{
    unsigned char bytes[1000] = {0};
    int i, zeros = 0;

    assert_int_equal(weir__sys->random(bytes, sizeof bytes), 0);
    for (i = 0; i < 1000; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 30);
    assert_int_equal(weir__sys->random(bytes, 0), 0);
}
