/* test/os/runtime.c - runtimes: options, hooks, beside a program's threads, workers that are
 * lent. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

#include "support/check.h"

#define AT_LEAST_MS(began, ms) (weir_now_ns() - (began) >= WEIR_MILLISECONDS(ms))

/* ---- options ---- */

TEST(library_and_header_are_of_one_version)
{
    char text[40];
    uint32_t version = weir_version();

    assert_int_equal(version, WEIR_VERSION);
    snprintf(text, sizeof text, "%u.%u.%u", version >> 16, version >> 8 & 255, version & 255);
    assert_string_equal(text, WEIR_VERSION_TEXT);
}

TEST(options_are_read_from_text)
{
    struct weir_runtime_options o = {.slice_ns = 5};
    const char *where = NULL;

    assert_int_equal(weir_runtime_options_parse(
                         &o, "workers=4,pin=cores,backend=epoll,spin=100us,stack=128k", &where),
                     0);
    assert_int_equal(o.workers, 4);
    assert_int_equal(o.pin, WEIR_PIN_CORES);
    assert_int_equal(o.backend, WEIR_BACKEND_EPOLL);
    assert_int_equal(o.spin_ns, WEIR_MICROSECONDS(100));
    assert_int_equal(o.stack_size, 128 * 1024);
    assert_int_equal(o.slice_ns, 5);
}

TEST(wrong_options_are_named_and_change_nothing)
{
    static const char *const texts[] = {
        "workers=x", "workers=-1",          "pin=some",   "pines=1",           "spin=1", "stack=1q",
        "workers",   "workers=1,,pin=none", "lend=maybe", "workers=4294967296"};
    size_t i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct weir_runtime_options o = {0}, zero = {0};
        const char *where = NULL;
        char text[64];

        (void)strcpy(text, "spin=1ms,");
        (void)strcat(text, texts[i]);
        assert_int_equal(weir_runtime_options_parse(&o, text, &where), WEIR_EOPTION);
        assert_memory_equal(&o, &zero, sizeof o);
        assert_true(where >= text && where <= text + strlen(text));
    }
}

static int count_workers(void *arg)
{
    *(uint32_t *)arg = weir_worker_count();
    return 0;
}

TEST(environment_decides_what_is_left_open)
{
    struct weir_runtime_options options = {0};
    uint32_t count = 0;

    assert_int_equal(setenv("WEIR_WORKERS", "3", 1), 0);
    assert_int_equal(weir_run(count_workers, &count, &options), 0);
    assert_int_equal(count, 3);
    options.workers = 2;
    assert_int_equal(weir_run(count_workers, &count, &options), 0);
    assert_int_equal(count, 2);
    assert_int_equal(setenv("WEIR_WORKERS", "many", 1), 0);
    assert_int_equal(weir_run(count_workers, &count, NULL), WEIR_EOPTION);
    assert_int_equal(unsetenv("WEIR_WORKERS"), 0);
}

static int see_handler(void *arg)
{
    struct sigaction action;

    CHECK(sigaction(SIGSEGV, NULL, &action) == 0);
    *(bool *)arg =
        action.sa_flags & SA_SIGINFO ? action.sa_sigaction != NULL : action.sa_handler != SIG_DFL;
    return 0;
}

static bool handles_overflows(const char *text)
{
    struct weir_runtime_options options = {0};
    struct sigaction none = {.sa_handler = SIG_DFL}, before;
    bool seen = false;

    assert_int_equal(weir_runtime_options_parse(&options, text, NULL), 0);
    assert_int_equal(sigaction(SIGSEGV, &none, &before), 0); /* a sanitizer has its own */
    assert_int_equal(weir_run(see_handler, &seen, &options), 0);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_checks();
    return seen;
}

TEST(the_report_of_overflows_is_an_option_in_text)
{
    not_on_sim("a crash is told in any case");
    assert_true(handles_overflows("workers=1"));
    assert_true(handles_overflows("workers=1,no_overflow_report=off"));
    assert_false(handles_overflows("workers=1,no_overflow_report=on"));
    assert_int_equal(setenv("WEIR_NO_OVERFLOW_REPORT", "on", 1), 0);
    assert_false(handles_overflows("workers=1"));
    assert_int_equal(unsetenv("WEIR_NO_OVERFLOW_REPORT"), 0);
}

struct each {
    int count, wrong, set, struct_only;
    bool hooks; /* they are given, and a name */
    bool one_ms;
};

static void note_option(const struct weir_runtime_option *option, void *arg)
{
    struct each *each = arg;

    assert_non_null(option->value);
    assert_non_null(option->meaning);
    each->count++;
    each->wrong += option->wrong == WEIR_ON;
    each->set += option->from_environment == WEIR_ON;
    if (strcmp(option->key, "slice") == 0)
        assert_string_equal(option->value, each->one_ms ? "1ms" : "3ms");
    assert_string_not_equal(option->value, "default");
    if (strcmp(option->key, "stack") == 0)
        assert_string_equal(option->value, "65536");
    if (strcmp(option->key, "buffers") == 0)
        assert_true(strtoul(option->value, NULL, 10) >= 64);
    if (strcmp(option->key, "hooks") == 0)
        assert_string_equal(option->value, each->hooks ? "set" : "none");
    if (strcmp(option->key, "name") == 0)
        assert_string_equal(option->value, each->hooks ? "mine" : "none");
    each->struct_only += !option->variable;
    if (strcmp(option->key, "pin") == 0 && option->wrong == WEIR_ON)
        assert_string_equal(option->value, "nowhere");
}

TEST(options_without_a_variable_are_told_too)
{
    static const struct weir_runtime_hooks hooks;
    struct weir_runtime_options options = {.hooks = &hooks, .name = "mine"};
    struct weir_runtime_options parsed = {0};
    struct each each = {.one_ms = true};

    assert_int_equal(weir_runtime_options_each(NULL, note_option, &each), 0);
    assert_int_equal(each.struct_only, 2);
    each = (struct each){.hooks = true};
    options.slice_ns = WEIR_MILLISECONDS(3);
    assert_int_equal(weir_runtime_options_each(&options, note_option, &each), 0);
    assert_int_equal(each.struct_only, 2);
    assert_int_equal(weir_runtime_options_parse(&parsed, "name=mine", NULL), WEIR_EOPTION);
}

TEST(options_are_told_with_their_values)
{
    struct weir_runtime_options options = {.slice_ns = WEIR_MILLISECONDS(3)};
    struct each each = {0};

    assert_int_equal(setenv("WEIR_SLICE", "7ms", 1), 0); /* the struct says otherwise */
    assert_int_equal(setenv("WEIR_SPIN", "off", 1), 0);
    assert_int_equal(weir_runtime_options_each(&options, note_option, &each), 0);
    assert_true(each.count >= 10);
    assert_int_equal(each.wrong, 0);
    assert_int_equal(setenv("WEIR_PIN", "nowhere", 1), 0);
    assert_int_equal(weir_runtime_options_each(&options, note_option, &each), WEIR_EOPTION);
    assert_int_equal(each.wrong, 1);
    assert_int_equal(unsetenv("WEIR_PIN"), 0);
    assert_int_equal(unsetenv("WEIR_SPIN"), 0);
    assert_int_equal(unsetenv("WEIR_SLICE"), 0);
}

/* ---- hooks ---- */

struct hooked {
    int starts, stops, parks, unparks, spawns, begins, pauses, ends;
};

static void up(int *count)
{
    (void)__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
}

static void on_start(uint32_t worker, void *arg)
{
    CHECK_INSIDE(worker >= 1);
    up(&((struct hooked *)arg)->starts);
}

static void on_stop(uint32_t worker, void *arg)
{
    CHECK_INSIDE(worker >= 1);
    up(&((struct hooked *)arg)->stops);
}

static void on_park(uint32_t worker, void *arg)
{
    CHECK_INSIDE(worker >= 1);
    up(&((struct hooked *)arg)->parks);
}

static void on_unpark(uint32_t worker, void *arg)
{
    CHECK_INSIDE(worker >= 1);
    up(&((struct hooked *)arg)->unparks);
}

static void on_spawn(uint64_t id, const char *name, void **user, void *arg)
{
    CHECK_INSIDE(id != 0 && name && !*user);
    *user = arg;
    up(&((struct hooked *)arg)->spawns);
}

static void on_begin(uint64_t id, const char *name, void **user, void *arg)
{
    CHECK_INSIDE(id != 0 && name && *user == arg);
    up(&((struct hooked *)arg)->begins);
}

static void on_pause(uint64_t id, const char *name, void **user, void *arg)
{
    CHECK_INSIDE(id != 0 && name && *user == arg);
    up(&((struct hooked *)arg)->pauses);
}

static void on_end(uint64_t id, const char *name, void **user, void *arg)
{
    CHECK_INSIDE(id != 0 && name && *user == arg);
    up(&((struct hooked *)arg)->ends);
}

static int sleep_once(void *arg)
{
    CHECK(*weir_task_user() == arg);
    return weir_sleep(1000);
}

static int start_ten(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 10; i++)
        CHECK(weir_spawn(&scope, sleep_once, arg) == 0);
    return weir_scope_join(&scope);
}

TEST(hooks_see_workers_and_tasks)
{
    struct hooked seen = {0};
    struct weir_runtime_hooks hooks = {.arg = &seen,
                                       .worker_start = on_start,
                                       .worker_stop = on_stop,
                                       .worker_park = on_park,
                                       .worker_unpark = on_unpark,
                                       .task_spawn = on_spawn,
                                       .task_begin = on_begin,
                                       .task_pause = on_pause,
                                       .task_end = on_end};
    struct weir_runtime_options options = {.workers = 2, .hooks = &hooks, .spin_ns = -1};

    assert_int_equal(weir_run(start_ten, &seen, &options), 0);
    assert_checks();
    assert_int_equal(seen.starts, 2);
    assert_int_equal(seen.stops, 2);
    assert_true(seen.parks >= 1);
    assert_int_equal(seen.parks, seen.unparks);
    assert_int_equal(seen.spawns, 11);
    assert_int_equal(seen.ends, 11);
    assert_true(seen.begins >= 21);
    assert_int_equal(seen.begins, seen.pauses);
}

/* ---- beside a program's threads ---- */

static int add_one(void *arg)
{
    (void)__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
    return 7;
}

static void *block_on_often(void *arg)
{
    void **both = arg;
    int i;

    for (i = 0; i < 200; i++)
        CHECK(weir_runtime_block_on(both[0], add_one, both[1]) == 7);
    return NULL;
}

TEST(threads_block_on_tasks_of_several_runtimes)
{
    struct weir_runtime_options options = {.workers = 2};
    weir_runtime *runtimes[2];
    pthread_t threads[4];
    void *args[2][2];
    int count = 0, i;

    not_on_sim("there is one simulation a process");
    for (i = 0; i < 2; i++) {
        assert_int_equal(weir_runtime_create(&runtimes[i], &options), 0);
        args[i][0] = runtimes[i];
        args[i][1] = &count;
    }
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, block_on_often, args[i % 2]), 0);
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(weir_runtime_destroy(runtimes[i]), 0);
    assert_checks();
    assert_int_equal(count, 800);
}

static int wait_for_ever(void *arg)
{
    up(arg);
    return weir_sleep(WEIR_SECONDS(3600));
}

static int block_on_inside(void *arg)
{
    CHECK(weir_runtime_current() == arg);
    CHECK(weir_runtime_block_on(arg, add_one, NULL) == WEIR_EBUSY);
    CHECK(weir_runtime_shutdown(arg, 0, NULL, NULL) == WEIR_EBUSY);
    CHECK(weir_runtime_destroy(arg) == WEIR_EBUSY);
    return 3;
}

TEST(tasks_of_a_runtime_end_with_it)
{
    struct weir_runtime_options options = {.workers = 2};
    weir_runtime *runtime;
    int begun = 0, i;

    assert_null(weir_runtime_current());
    assert_int_equal(weir_runtime_create(&runtime, &options), 0);
    assert_int_equal(weir_runtime_block_on(runtime, block_on_inside, runtime), 3);
    for (i = 0; i < 20; i++)
        assert_int_equal(weir_runtime_spawn(runtime, wait_for_ever, &begun), 0);
    assert_int_equal(weir_runtime_shutdown(runtime, WEIR_FOREVER, NULL, NULL), 0);
    assert_int_equal(weir_runtime_spawn(runtime, wait_for_ever, &begun), WEIR_ESHUTDOWN);
    assert_int_equal(weir_runtime_block_on(runtime, wait_for_ever, &begun), WEIR_ESHUTDOWN);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
}

struct stubborn {
    int begun, released;
};

static int ignore_cancel(void *arg)
{
    struct stubborn *stubborn = arg;
    weir_block block;

    CHECK(weir_shield_begin(&block, WEIR_FOREVER) == 0);
    __atomic_store_n(&stubborn->begun, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&stubborn->released, __ATOMIC_SEQ_CST))
        (void)weir_sleep(WEIR_MILLISECONDS(1));
    weir_block_end(&block);
    return 0;
}

struct told {
    int count;
    char name[32];
};

static void tell(const struct weir_remaining *what, void *arg)
{
    struct told *told = arg;

    told->count++;
    (void)strncpy(told->name, what->name, sizeof told->name - 1);
}

TEST(shutdown_names_what_it_still_waits_for)
{
    struct weir_runtime_options options = {.workers = 2};
    struct weir_spawn_options spawn = {.name = "stubborn"};
    struct stubborn stubborn = {0};
    struct told told = {0};
    weir_runtime *runtime;

    assert_int_equal(weir_runtime_create(&runtime, &options), 0);
    assert_int_equal(weir_runtime_spawn_n(runtime, ignore_cancel, &stubborn, &spawn, sizeof spawn),
                     0);
    while (!__atomic_load_n(&stubborn.begun, __ATOMIC_SEQ_CST))
        ;
    assert_int_equal(weir_runtime_shutdown(runtime, WEIR_MILLISECONDS(2), tell, &told), 1);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.name, "stubborn");
    __atomic_store_n(&stubborn.released, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(weir_runtime_destroy(runtime), 0);
    assert_checks();
}

/* ---- workers that are lent ---- */

struct lending {
    int ticks;   /* of a task that waits on the same worker */
    int reports; /* lines of the log */
    int stop;
};

static int tick(void *arg)
{
    struct lending *lending = arg;

    while (!__atomic_load_n(&lending->stop, __ATOMIC_SEQ_CST)) {
        CHECK(weir_sleep(WEIR_MICROSECONDS(100)) == 0);
        up(&lending->ticks);
    }
    return 0;
}

/* Does not come back before the other has ticked: without a loan, never. */
static int compute(void *arg)
{
    struct lending *lending = arg;
    int before = __atomic_load_n(&lending->ticks, __ATOMIC_SEQ_CST);

    while (__atomic_load_n(&lending->ticks, __ATOMIC_SEQ_CST) < before + 5)
        ;
    return 0;
}

static int compute_in_place(void *arg)
{
    return weir_block_in_place(compute, arg);
}

static int compute_often(void *arg, weir_task_fn *fn)
{
    struct lending *lending = arg;
    struct weir_spawn_options here = {.worker = 1};
    weir_scope scope, computing;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, tick, lending, &here) == 0);
    for (i = 0; i < 20; i++) {
        CHECK(weir_scope_open(&computing) == 0);
        CHECK(weir_spawn_with(&computing, fn, lending, &here) == 0);
        CHECK(weir_scope_join(&computing) == 0);
    }
    __atomic_store_n(&lending->stop, 1, __ATOMIC_SEQ_CST);
    return weir_scope_join(&scope);
}

static int compute_by_itself(void *arg)
{
    return compute_often(arg, compute);
}

static int compute_by_request(void *arg)
{
    return compute_often(arg, compute_in_place);
}

TEST(worker_of_a_computing_task_is_lent)
{
    struct weir_runtime_options options = {.workers = 2};
    struct lending lending = {0};

    not_on_sim("no worker is lent");
    assert_int_equal(weir_run(compute_by_itself, &lending, &options), 0);
    assert_checks();
    memset(&lending, 0, sizeof lending);
    options.slice_ns = WEIR_SECONDS(1); /* nobody notices: it is asked for */
    assert_int_equal(weir_run(compute_by_request, &lending, &options), 0);
    assert_checks();
}

static int answer(void *arg)
{
    return *(int *)arg;
}

TEST(block_in_place_is_a_call)
{
    int nine = 9;

    assert_int_equal(weir_block_in_place(answer, &nine), 9);
    assert_int_equal(weir_run(answer, &nine, NULL), 9);
}

/* Two tasks of one worker are never on it at once, lent or not. */
struct owned {
    int inside; /* plain: a data race if two are */
    struct lending lending;
};

static int use_library_often(void *arg)
{
    struct owned *owned = arg;
    volatile int sum = 0;
    int i, k;

    for (i = 0; i < 300; i++) {
        for (k = 0; k < 2000; k++)
            sum = sum + k;
        CHECK(weir_worker_index() >= 1);
        if (i % 10 == 0)
            CHECK(weir_yield() == 0);
        up(&owned->inside);
    }
    return 0;
}

static int use_library_by_many(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 20; i++)
        CHECK(weir_spawn(&scope, use_library_often, arg) == 0);
    return weir_scope_join(&scope);
}

TEST(lent_workers_come_back_at_any_call)
{
    struct weir_runtime_options options = {.workers = 3, .slice_ns = WEIR_MICROSECONDS(100)};
    struct owned owned = {0};

    assert_int_equal(weir_run(use_library_by_many, &owned, &options), 0);
    assert_checks();
    assert_int_equal(owned.inside, 20 * 300);
}

enum {
    INDICES = 4
};

static int use_what_is_the_workers(void *arg)
{
    volatile int *busy = arg;
    volatile unsigned sum = 0;
    unsigned k;
    int i;

    for (i = 0; i < 5; i++) {
        uint32_t index;

        CHECK(weir_pin() == 0);
        index = weir_worker_index();
        CHECK(busy[index] == 0); /* plain: a data race if two are here */
        busy[index] = 1;
        for (k = 0; k < 8000000; k++)
            sum = sum + k;
        busy[index] = 0;
        CHECK(weir_unpin() == 0);
        CHECK(weir_yield() == 0);
    }
    return 0;
}

static int use_by_many(void *arg)
{
    weir_scope scope;
    int i;

    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 4; i++)
        CHECK(weir_spawn(&scope, use_what_is_the_workers, arg) == 0);
    return weir_scope_join(&scope);
}

TEST(pinned_tasks_have_the_worker_for_themselves)
{
    struct weir_runtime_options options = {.workers = 2, .slice_ns = WEIR_MICROSECONDS(100)};
    int busy[INDICES] = {0};

    assert_int_equal(weir_run(use_by_many, busy, &options), 0);
    assert_checks();
}

/* ---- reports ---- */

static int report_lines;
static char report_first[256];

static void note_report(enum weir_log_level level, const char *line)
{
    CHECK_INSIDE(level == WEIR_LOG_WARNING);
    if (__atomic_add_fetch(&report_lines, 1, __ATOMIC_SEQ_CST) == 1)
        (void)strncpy(report_first, line, sizeof report_first - 1);
}

static int compute_until_reported(void *arg)
{
    (void)arg;
    while (__atomic_load_n(&report_lines, __ATOMIC_SEQ_CST) < 2)
        ;
    return 0;
}

static int start_slow(void *arg)
{
    struct weir_spawn_options slow = {.name = "slow"};
    weir_scope scope;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn_with(&scope, compute_until_reported, NULL, &slow) == 0);
    return weir_scope_join(&scope);
}

TEST(run_without_end_is_reported_with_its_stack)
{
    struct weir_runtime_options options = {.report_ns = WEIR_MILLISECONDS(5)};
    uint32_t workers;

    not_on_sim("there is no monitor");
    weir_set_log(note_report, WEIR_LOG_DEFAULT);
    for (workers = 1; workers <= 2; workers++) {
        options.workers = workers;
        report_lines = 0;
        memset(report_first, 0, sizeof report_first);
        assert_int_equal(weir_run(start_slow, NULL, &options), 0);
        assert_checks();
        assert_non_null(strstr(report_first, "(slow) has run for "));
    }
    weir_set_log(NULL, WEIR_LOG_DEFAULT);
}
