/* test/test.h - how a test is written.
 *
 *     #include "test.h"
 *
 *     TEST(read_returns_zero_after_peer_shutdown)
 *     {
 *         assert_int_equal(...);
 *     }
 *
 * A test registers itself by existing; test_main.c runs all tests of its program, in the order of
 * the file, and checks after each that no descriptor, handle or loop was gained.
 * The assertions are cmocka's. They leave the test by longjmp, so call them on the main thread; a
 * task or another thread hands its results to the test. A program is run once, with WEIR_BACKEND
 * set for those in test/os and test/fault. Registration has no lock: it is done before main.
 */
#ifndef WEIR_TEST_TEST_H
#define WEIR_TEST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct test_case {
    const char *name;
    const char *file;
    void (*run)(void);
    struct test_case *next;
};

/* Adds a test to the list. `test` stands for as long as the program; only TEST calls this. */
void test_register(struct test_case *test);

/* Ends the running test as skipped and says why. Borrows `reason`. Does not return. */
void test_skip(const char *reason, const char *file, int line) __attribute__((noreturn));

/* The program that the test runs under: "qemu-aarch64", "valgrind", or "" for none. For tests that
 * ask for what an emulator does not have (guard pages, limits on address space). */
const char *test_under(void);

/* Skips the test on the simulator, which cannot have what it is about. `reason` is a literal. */
#define not_on_sim(reason)                                                                         \
    do {                                                                                           \
        if (test_simulated())                                                                      \
            test_skip("on sim: " reason, __FILE__, __LINE__);                                      \
    } while (0)
int test_simulated(void);
/* The same where a processor is emulated for user programs alone, and only the usual calls of the
 * system are handed on. */
#define not_emulated(reason)                                                                       \
    do {                                                                                           \
        if (test_under()[0] == 'q')                                                                \
            test_skip("under qemu: " reason, __FILE__, __LINE__);                                  \
    } while (0)
/* The same for every test of the program; once in its file. */
#define none_emulated(reason)                                                                      \
    static void __attribute__((constructor)) test_none_emulated(void)                              \
    {                                                                                              \
        test_reason_emulated = "under qemu: " reason;                                              \
    }
extern const char *test_reason_emulated;
#define none_on_sim(reason)                                                                        \
    static void __attribute__((constructor)) test_none_on_sim(void)                                \
    {                                                                                              \
        test_reason_on_sim = "on sim: " reason;                                                    \
    }
extern const char *test_reason_on_sim;

#define TEST(name_)                                                                                \
    static void test_body_##name_(void);                                                           \
    static void __attribute__((constructor)) test_register_##name_(void)                           \
    {                                                                                              \
        static struct test_case test = {#name_, __FILE__, test_body_##name_, NULL};                \
        test_register(&test);                                                                      \
    }                                                                                              \
    static void test_body_##name_(void)

/* skip("no io_uring here"): the rest of the test cannot run on this machine. */
#undef skip
#define skip(...) test_skip("" __VA_ARGS__, __FILE__, __LINE__)

#endif
