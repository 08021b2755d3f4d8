/* test/test_main.c - the main function of every test program.
 *
 *     PROGRAM [--list] [NAME]
 *     PROGRAM --seeds FIRST COUNT [NAME]
 *
 * Runs the tests whose name contains NAME (all without it) as one cmocka group; --list prints their
 * names. --seeds runs them on the simulator under so many seeds, each in a process of its own, and
 * stops at the first that fails, with its output and the command that replays it.
 *
 * Each test ends with a quiescence check: as many open descriptors, handles and loops as
 * before. All of them are released before the call that releases them returns, so the check looks
 * once.
 *
 * A thread of the harness watches the time: a test that takes longer than 30 s (WEIR_TEST_TIMEOUT
 * seconds) is named and the program aborts. A thread and not alarm(2), since a runtime blocks
 * signals on the threads it runs on. watch_lock guards the watch_ variables.
 *
 * cmocka turns a crash into a failed test and goes on; here a crash ends the program, with the
 * sanitizer's report if there is one, and tools/run-tests counts what did not run.
 */
#include "test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/handle.h"
#include "core/loop.h"
#include "support/hostile.h"

static struct test_case *tests;
static struct test_case **tests_end = &tests;

static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t watch_changed;
static pthread_t watch_thread;
static bool watch_ended;
static const char *watch_name;
static struct timespec watch_until;

void test_register(struct test_case *test)
{
    *tests_end = test;
    tests_end = &test->next;
}

void test_skip(const char *reason, const char *file, int line)
{
    print_message("skip reason: %s\n", reason[0] != '\0' ? reason : "none given");
    _skip(file, line);
    abort(); /* _skip does not return, but does not say so */
}

const char *test_under(void)
{
    const char *name = getenv("WEIR_TEST_UNDER");

    return name != NULL ? name : "";
}

int test_simulated(void)
{
    const char *name = getenv("WEIR_BACKEND");

    return name != NULL && strcmp(name, "sim") == 0;
}

static unsigned timeout_seconds(void)
{
    const char *text = getenv("WEIR_TEST_TIMEOUT");
    int seconds = text != NULL ? atoi(text) : 0;

    return seconds > 0 ? (unsigned)seconds : 30;
}

static void watch_start(const char *name)
{
    pthread_mutex_lock(&watch_lock);
    watch_name = name;
    clock_gettime(CLOCK_MONOTONIC, &watch_until);
    watch_until.tv_sec += timeout_seconds();
    pthread_cond_signal(&watch_changed);
    pthread_mutex_unlock(&watch_lock);
}

static void watch_stop(void)
{
    pthread_mutex_lock(&watch_lock);
    watch_name = NULL;
    pthread_mutex_unlock(&watch_lock);
}

static bool watch_passed(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > watch_until.tv_sec
           || (now.tv_sec == watch_until.tv_sec && now.tv_nsec >= watch_until.tv_nsec);
}

static void *watch(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&watch_lock);
    while (!watch_ended) {
        if (watch_name == NULL) {
            pthread_cond_wait(&watch_changed, &watch_lock);
        } else if (watch_passed()) {
            fprintf(stderr, "[  FAILED  ] %s: not finished after %u s\n", watch_name,
                    timeout_seconds());
            abort();
        } else {
            struct timespec until = watch_until;

            pthread_cond_timedwait(&watch_changed, &watch_lock, &until);
        }
    }
    pthread_mutex_unlock(&watch_lock);
    return NULL;
}

/* The watching thread takes no signal: those are for the code under test. */
static int watch_init(void)
{
    pthread_condattr_t attributes;
    sigset_t all, old;
    int rc;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch_changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&watch_thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

static void watch_fini(void)
{
    pthread_mutex_lock(&watch_lock);
    watch_ended = true;
    pthread_cond_signal(&watch_changed);
    pthread_mutex_unlock(&watch_lock);
    pthread_join(watch_thread, NULL);
}

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
static struct sigaction crash_actions[sizeof crash_signals / sizeof crash_signals[0]];

static void crash_actions_save(void)
{
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i], NULL, &crash_actions[i]);
}

static void crash_actions_restore(void)
{
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i], &crash_actions[i], NULL);
}

static int descriptors_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    if (folder == NULL)
        return -1;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

struct held {
    int descriptors, handles, loops;
};

static struct held held_now(void)
{
    struct held held = {.descriptors = descriptors_open(), .handles = (int)weir__handle_live()};

    for (uint16_t i = 0; i < UINT16_MAX; i++)
        held.loops += weir__loop_by_index(i) != NULL;
    return held;
}

static void check_quiescent(const struct held *before)
{
    struct held after = held_now();

    if (after.descriptors != before->descriptors || after.handles != before->handles
        || after.loops != before->loops)
        fail_msg("not quiescent: descriptors %d, were %d; handles %d, were %d; loops %d, were %d",
                 after.descriptors, before->descriptors, after.handles, before->handles,
                 after.loops, before->loops);
}

const char *test_reason_on_sim, *test_reason_emulated;

static void run(void **state)
{
    const struct test_case *test = *state;
    struct held before = held_now();

    if (test_reason_on_sim && test_simulated())
        test_skip(test_reason_on_sim, test->file, 0);
    if (test_reason_emulated && test_under()[0] == 'q')
        test_skip(test_reason_emulated, test->file, 0);

    hostile_again();
    crash_actions_restore();
    watch_start(test->name);
    test->run();
    check_quiescent(&before);
}

/* Runs also after a test that has failed. */
static int after(void **state)
{
    (void)state;
    watch_stop();
    return 0;
}

static struct CMUnitTest *choose(const char *part, size_t *count)
{
    struct CMUnitTest *chosen;
    size_t all = 0;

    for (struct test_case *test = tests; test != NULL; test = test->next)
        all++;
    chosen = calloc(all + 1, sizeof *chosen);
    *count = 0;
    for (struct test_case *test = tests; test != NULL && chosen != NULL; test = test->next)
        if (part == NULL || strstr(test->name, part) != NULL)
            chosen[(*count)++] = (struct CMUnitTest){test->name, run, NULL, after, test};
    return chosen;
}

/* The group is named by the file, as in test/unit/base_list.c. */
static const char *group_name(void)
{
    const char *file = tests->file;
    const char *part = strstr(file, "test/");

    return part != NULL ? part : file;
}

static int run_all(const struct CMUnitTest *chosen, size_t count)
{
    int failed;

    if (watch_init() != 0)
        return 2;
    failed = _cmocka_run_group_tests(group_name(), chosen, count, NULL, NULL);
    watch_fini();
    return failed > 125 ? 125 : failed;
}

/* ---- many seeds ---- */

static void copy_output(int file)
{
    char bytes[4096];
    ssize_t n;

    lseek(file, 0, SEEK_SET);
    while ((n = read(file, bytes, sizeof bytes)) > 0)
        fwrite(bytes, 1, (size_t)n, stdout);
}

/* In a child: what it says goes to the file. Whether it has passed. */
static bool run_seed(const char *seed, int file, const struct CMUnitTest *chosen, size_t count)
{
    int status;
    pid_t child;

    (void)!ftruncate(file, 0);
    lseek(file, 0, SEEK_SET);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        setenv("WEIR_BACKEND", "sim", 1);
        setenv("WEIR_SEED", seed, 1);
        dup2(file, STDOUT_FILENO);
        dup2(file, STDERR_FILENO);
        _exit(run_all(chosen, count));
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static int run_seeds(char **argv, const struct CMUnitTest *chosen, size_t count)
{
    unsigned long long first = strtoull(argv[2], NULL, 10), left = strtoull(argv[3], NULL, 10);
    int file = memfd_create("output", MFD_CLOEXEC);
    bool passed = file >= 0;
    char seed[24] = "";

    for (; passed && left; left--) {
        snprintf(seed, sizeof seed, "%llu", first++);
        passed = run_seed(seed, file, chosen, count);
    }
    if (!passed) {
        copy_output(file);
        printf("replay: WEIR_BACKEND=sim WEIR_SEED=%s %s%s%s\n", seed, argv[0], argv[4] ? " " : "",
               argv[4] ? argv[4] : "");
    }
    close(file);
    return !passed;
}

int main(int argc, char **argv)
{
    bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
    bool seeds = argc > 3 && strcmp(argv[1], "--seeds") == 0;
    int names = 1 + list + 3 * seeds;
    const char *part = argc > names ? argv[names] : NULL;
    size_t count;
    struct CMUnitTest *chosen = choose(part, &count);
    int failed = 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    crash_actions_save();
    if (chosen == NULL || count == 0) {
        fprintf(stderr, "%s: no test to run\n", argv[0]);
    } else if (list) {
        for (size_t i = 0; i < count; i++)
            puts(chosen[i].name);
        failed = 0;
    } else {
        failed = seeds ? run_seeds(argv, chosen, count) : run_all(chosen, count);
    }
    free(chosen);
    return failed;
}
