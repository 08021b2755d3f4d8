/* test/model/check/check.h - a model checker for the library's atomic protocols.
 *
 *     static const struct model model = {
 *         .name = "inbox", .begin = begin, .threads = {sender, sender, owner}, .end = end};
 *     TEST(nothing_is_lost) { model_holds(&model); }
 *     TEST(a_lost_message_is_found)
 *     {
 *         model_fails(&model, &(struct model_mutation){"weir__inbox_push", "&inbox->head"});
 *     }
 *
 * A model is a file of test/model that includes the sources under test, which are compiled with
 * WEIR__MODEL, so that each atomic access (base/atomic.h), each park and unpark is a step of the
 * checker. The checker runs the threads as coroutines on one thread, again and again, until every
 * order of steps has been seen that differs in more than the order of independent ones, and every
 * value that a load may return. `begin` makes the world anew each time; `end` looks at what has
 * become of it, when all threads have ended. Threads keep what they found out for themselves, and
 * `end` compares it: what they tell each other without the library is a race.
 *
 * Reported, with the steps that lead there: a failed MODEL_CHECK or WEIR_ASSERT; threads that wait
 * for ever; a run that does not end; a plain access that races with another one (the compiler tells
 * the checker of each, as it does for ThreadSanitizer).
 *
 * The memory: modification orders are the order in which stores are run; a load may return any
 * store that is not older than what happens before it, or than what the thread has seen. Acquire
 * and release pass on what has been seen; a read-modify-write reads the newest store, and carries
 * on the release of what it read. A sequentially consistent load returns nothing older than the
 * last sequentially consistent store before it. Not modelled: a store that gets a place in the
 * modification order before one that was run earlier (2+2W), loads that return stores that come
 * later (load buffering), fences, the order of a sequentially consistent load after another one,
 * a CAS that fails for nothing. A park looks at the newest value, as the kernel does.
 */
#ifndef WEIR_TEST_MODEL_CHECK_H
#define WEIR_TEST_MODEL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test.h"

#include "base/atomic.h"

#define MODEL_THREADS_MAX 4

struct model {
    const char *name;
    void (*begin)(void);
    void (*threads[MODEL_THREADS_MAX])(void);
    void (*end)(void);
    uint32_t early_parks; /* parks of a run that may return for nothing */
    uint64_t runs_max; /* 0: all; else the search ends there, and more are made by `make model` */
};

/* A wrong library: the accesses of this place (NULL: any) are relaxed, or, with `blind`, do nothing
 * and read `value`, or what is in `variable`. */
struct model_mutation {
    const char *function;
    const char *pointer;
    bool blind;
    uint64_t value;
    const uint64_t *variable;
    int kind; /* enum weir__model_kind + 1; 0: any */
};

/* Fails the test if any run of the model breaks anything. WEIR_MODEL_MORE in the environment is how
 * many times as many runs a bounded search makes. */
void model_holds(const struct model *model);
/* Fails the test unless one does, with the mutation (NULL: the model itself is wrong). */
void model_fails(const struct model *model, const struct model_mutation *mutation);
/* Runs all and calls `each` after `end` of every run: for tests of the checker. `whole` leaves the
 * reduction out. How many runs there were. */
uint64_t model_explore(const struct model *model, bool whole, void (*each)(void));

/* By the threads of a model: which one calls, 0..; -1 in begin and end. */
int model_thread(void);
/* What the clocks say; set before the threads begin. */
extern uint64_t model_now_ns;
/* As weir__park and weir__unpark. */
int model_park(uint32_t *word, uint32_t expected);
void model_unpark(uint32_t *word, uint32_t count);

_Noreturn void model_broken(const char *text, const char *file, int line);
#define MODEL_CHECK(condition)                                                                     \
    ((condition) ? (void)0 : model_broken(#condition, __FILE__, __LINE__))

/* For variables of the test's own that several threads touch in the same step as nothing else. */
#define MODEL_UNSEEN __attribute__((no_sanitize("thread"), noinline))

#endif
