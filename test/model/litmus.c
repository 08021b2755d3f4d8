/* test/model/litmus.c - the checker itself: what it allows, and that its reduction leaves out no
 * outcome.
 */
#include "check/check.h"

#include <stdlib.h>
#include <string.h>

enum {
    OUTCOMES_MAX = 4096
};

static uint32_t x, y, word;
static uint64_t seen[MODEL_THREADS_MAX];
static uint64_t outcomes[OUTCOMES_MAX];
static uint32_t outcome_count;

static void begin(void)
{
    x = y = word = 0;
    memset(seen, 0, sizeof seen);
}

static void note(uint32_t value)
{
    uint64_t *mine = &seen[model_thread()];

    *mine = *mine * 8 + value + 1;
}

static void add_outcome(uint64_t outcome)
{
    uint32_t i;

    for (i = 0; i < outcome_count; i++) {
        if (outcomes[i] == outcome)
            return;
    }
    assert_true(outcome_count < OUTCOMES_MAX);
    outcomes[outcome_count++] = outcome;
}

/* The digits of an outcome: what the threads noted, 1 more than the value. */
static void add_seen(void)
{
    add_outcome(seen[0] << 48 | seen[1] << 32 | seen[2] << 16 | x << 8 | y);
}

static bool happened(uint64_t first, uint64_t second, uint64_t third)
{
    uint32_t i;

    for (i = 0; i < outcome_count; i++) {
        if (outcomes[i] >> 16 == (first << 32 | second << 16 | third))
            return true;
    }
    return false;
}

static void explore(void (*first)(void), void (*second)(void), void (*third)(void))
{
    struct model model = {.name = "litmus", .begin = begin, .threads = {first, second, third}};

    outcome_count = 0;
    (void)model_explore(&model, false, add_seen);
}

static void store_x_load_y(void)
{
    WEIR_ATOMIC_STORE(&x, 1, RELEASE);
    note(WEIR_ATOMIC_LOAD(&y, ACQUIRE));
}

static void store_y_load_x(void)
{
    WEIR_ATOMIC_STORE(&y, 1, RELEASE);
    note(WEIR_ATOMIC_LOAD(&x, ACQUIRE));
}

static void ordered_x_y(void)
{
    WEIR_ATOMIC_STORE(&x, 1, SEQ_CST);
    note(WEIR_ATOMIC_LOAD(&y, SEQ_CST));
}

static void ordered_y_x(void)
{
    WEIR_ATOMIC_STORE(&y, 1, SEQ_CST);
    note(WEIR_ATOMIC_LOAD(&x, SEQ_CST));
}

TEST(stores_are_buffered_unless_they_are_sequentially_consistent)
{
    explore(store_x_load_y, store_y_load_x, NULL);
    assert_true(happened(1, 1, 0));
    assert_true(happened(2, 2, 0));
    explore(ordered_x_y, ordered_y_x, NULL);
    assert_false(happened(1, 1, 0));
    assert_true(happened(1, 2, 0) && happened(2, 1, 0) && happened(2, 2, 0));
    explore(ordered_x_y, store_y_load_x, NULL);
    assert_true(happened(1, 1, 0));
}

static void send(void)
{
    WEIR_ATOMIC_STORE(&x, 1, RELAXED);
    WEIR_ATOMIC_STORE(&y, 1, RELEASE);
}

static void send_loosely(void)
{
    WEIR_ATOMIC_STORE(&x, 1, RELAXED);
    WEIR_ATOMIC_STORE(&y, 1, RELAXED);
}

static void take(void)
{
    note(WEIR_ATOMIC_LOAD(&y, ACQUIRE));
    note(WEIR_ATOMIC_LOAD(&x, RELAXED));
}

static void carry_on(void)
{
    uint32_t one = 1;

    (void)WEIR_ATOMIC_CAS(&y, &one, 2, RELAXED);
}

static void take_carried(void)
{
    uint32_t value = WEIR_ATOMIC_LOAD(&y, ACQUIRE);

    note(value);
    note(WEIR_ATOMIC_LOAD(&x, RELAXED));
}

TEST(a_release_is_seen_by_who_acquires)
{
    explore(send, take, NULL);
    assert_false(happened(0, 8 * 2 + 1, 0));
    assert_true(happened(0, 8 * 1 + 1, 0) && happened(0, 8 * 1 + 2, 0)
                && happened(0, 8 * 2 + 2, 0));
    explore(send_loosely, take, NULL);
    assert_true(happened(0, 8 * 2 + 1, 0));
    explore(send, carry_on, take_carried);
    assert_true(happened(0, 0, 8 * 3 + 2));
    assert_false(happened(0, 0, 8 * 3 + 1)); /* the release goes on through the exchange */
}

static void load_x_twice(void)
{
    note(WEIR_ATOMIC_LOAD(&x, RELAXED));
    note(WEIR_ATOMIC_LOAD(&x, RELAXED));
}

static void store_x_twice(void)
{
    WEIR_ATOMIC_STORE(&x, 1, RELAXED);
    WEIR_ATOMIC_STORE(&x, 2, RELAXED);
}

TEST(nobody_sees_a_location_go_back)
{
    explore(store_x_twice, load_x_twice, NULL);
    assert_int_equal(outcome_count, 6);
    assert_false(happened(0, 8 * 3 + 2, 0) || happened(0, 8 * 2 + 1, 0));
}

static void park_until_one(void)
{
    while (WEIR_ATOMIC_LOAD(&word, ACQUIRE) == 0)
        (void)model_park(&word, 0);
}

static void set_and_unpark(void)
{
    WEIR_ATOMIC_STORE(&word, 1, RELEASE);
    model_unpark(&word, 1);
}

static void unpark_and_set(void)
{
    model_unpark(&word, 1);
    WEIR_ATOMIC_STORE(&word, 1, RELEASE);
}

static void spin_until_one(void)
{
    while (WEIR_ATOMIC_LOAD(&word, ACQUIRE) == 0)
        weir__model_relax();
}

static void never(void)
{
    WEIR_ATOMIC_STORE(&word, 0, RELEASE);
}

TEST(a_wake_that_is_lost_is_found)
{
    struct model right = {.name = "park",
                          .begin = begin,
                          .threads = {park_until_one, set_and_unpark, park_until_one}};
    struct model wrong = {
        .name = "park", .begin = begin, .threads = {park_until_one, unpark_and_set}};
    struct model spins = {
        .name = "spin", .begin = begin, .threads = {spin_until_one, set_and_unpark}};
    struct model for_ever = {.name = "spin", .begin = begin, .threads = {spin_until_one, never}};

    model_fails(&right, NULL); /* one is woken, of two */
    right.threads[2] = NULL;
    model_holds(&right);
    right.early_parks = 2;
    model_holds(&right);
    model_fails(&wrong, NULL);
    model_holds(&spins);
    model_fails(&for_ever, NULL);
}

static uint32_t plain;

static void write_plain(void)
{
    plain++;
    WEIR_ATOMIC_STORE(&word, 1, RELEASE);
}

static void read_plain(void)
{
    if (WEIR_ATOMIC_LOAD(&word, ACQUIRE))
        plain++;
}

static void read_plain_loosely(void)
{
    if (WEIR_ATOMIC_LOAD(&word, RELAXED))
        plain++;
}

TEST(a_race_is_found)
{
    struct model right = {
        .name = "handing over", .begin = begin, .threads = {write_plain, read_plain}};
    struct model wrong = {
        .name = "handing over", .begin = begin, .threads = {write_plain, read_plain_loosely}};
    struct model_mutation relaxed = {.function = "write_plain", .pointer = "&word"};

    model_holds(&right);
    model_fails(&wrong, NULL);
    model_fails(&right, &relaxed);
}

/* ---- programs by chance ---- */

enum {
    PROGRAM_STEPS = 3
};

static struct program {
    int kind[PROGRAM_STEPS], order[PROGRAM_STEPS];
    uint32_t *at[PROGRAM_STEPS];
    uint32_t value[PROGRAM_STEPS];
} programs[3];
static int program_steps;

/* A site of its own for each order, as in real code. */
#define EACH_ORDER(operation)                                                                      \
    switch (order) {                                                                               \
    case 0:                                                                                        \
        return operation(RELAXED);                                                                 \
    case 1:                                                                                        \
        return operation(ACQ_REL);                                                                 \
    default:                                                                                       \
        return operation(SEQ_CST);                                                                 \
    }

static uint32_t do_load(uint32_t *at, int order)
{
#define OPERATION(order) WEIR_ATOMIC_LOAD(at, order)
    EACH_ORDER(OPERATION)
#undef OPERATION
}

static uint32_t do_store(uint32_t *at, uint32_t value, int order)
{
#define OPERATION(order) (WEIR_ATOMIC_STORE(at, value, order), 7u)
    EACH_ORDER(OPERATION)
#undef OPERATION
}

static uint32_t do_add(uint32_t *at, int order)
{
#define OPERATION(order) WEIR_ATOMIC_ADD(at, 1, order)
    EACH_ORDER(OPERATION)
#undef OPERATION
}

static uint32_t do_cas(uint32_t *at, uint32_t value, int order)
{
    uint32_t expected = 0;
#define OPERATION(order) (WEIR_ATOMIC_CAS(at, &expected, value, order), expected)
    EACH_ORDER(OPERATION)
#undef OPERATION
}

static void run_program(void)
{
    const struct program *program = &programs[model_thread()];
    int i;

    for (i = 0; i < program_steps; i++) {
        uint32_t *at = program->at[i];
        int order = program->order[i];

        switch (program->kind[i]) {
        case 0:
        case 1:
            note(do_load(at, order));
            break;
        case 2:
        case 3:
            (void)do_store(at, program->value[i], order);
            break;
        case 4:
            note(do_add(at, order));
            break;
        default:
            note(do_cas(at, program->value[i], order));
        }
    }
}

static void make_programs(void)
{
    int t, i;

    for (t = 0; t < 3; t++) {
        for (i = 0; i < PROGRAM_STEPS; i++) {
            programs[t].kind[i] = rand() % 6;
            programs[t].order[i] = rand() % 3;
            programs[t].at[i] = rand() % 2 ? &x : &y;
            programs[t].value[i] = 1 + (uint32_t)rand() % 2;
        }
    }
}

static void compare(int threads, uint64_t *runs, uint64_t *whole_runs)
{
    struct model model = {.name = "by chance", .begin = begin};
    uint32_t found;
    int t;

    for (t = 0; t < threads; t++)
        model.threads[t] = run_program;
    outcome_count = 0;
    *runs += model_explore(&model, false, add_seen);
    found = outcome_count;
    *whole_runs += model_explore(&model, true, add_seen); /* adds to the same set */
    if (found != outcome_count) {
        for (t = 0; t < threads; t++) {
            for (int i = 0; i < program_steps; i++)
                print_message("thread %d: kind %d order %d %s value %u\n", t, programs[t].kind[i],
                              programs[t].order[i], programs[t].at[i] == &x ? "x" : "y",
                              programs[t].value[i]);
        }
        for (uint32_t i = found; i < outcome_count; i++)
            print_message("lost: %llx\n", (unsigned long long)outcomes[i]);
    }
    assert_int_equal(found, outcome_count);
}

TEST(the_reduction_loses_no_outcome)
{
    uint64_t runs = 0, whole_runs = 0;
    const char *more = getenv("WEIR_MODEL_MORE");
    int i, times = more ? atoi(more) : 1;

    srand((unsigned)times);
    for (i = 0; i < 300 * times; i++) {
        make_programs();
        program_steps = 3;
        compare(2, &runs, &whole_runs);
        program_steps = 2;
        compare(3, &runs, &whole_runs);
    }
    for (i = 0; i < 40 * times; i++) {
        make_programs();
        program_steps = 3;
        compare(3, &runs, &whole_runs);
    }
    print_message("%llu runs, %llu without the reduction\n", (unsigned long long)runs,
                  (unsigned long long)whole_runs);
}
