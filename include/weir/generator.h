/* weir/generator.h - a task that gives its consumer one value after another.
 *
 * For walks over things that are easier to write as a loop than as a cursor: the entries of a tree,
 * the lines of a stream, the pages of an answer. The producer is a task in a scope of the
 * generator's own, so it has a stack, may wait for anything, and ends with the generator. Each
 * value is copied straight from the producer to the consumer: the producer waits until it is asked
 * for, and is at most one value ahead.
 */
#ifndef WEIR_GENERATOR_H
#define WEIR_GENERATOR_H

#include <stddef.h>
#include <stdint.h>

#include <weir/chan.h>
#include <weir/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The caller's memory, from weir_generator_open until weir_generator_close has returned. It may not
 * move. */
typedef struct weir_generator weir_generator;

/* The producer: gives values with weir_generator_yield, and returns at the end. A negative result
 * is a failure, which the consumer gets after the last value. */
typedef int weir_generator_fn(weir_generator *generator, void *arg);

struct weir_generator {
    weir_scope weir__scope;
    weir_chan weir__chan;
    weir_generator_fn *weir__fn;
    void *weir__arg;
    int32_t weir__result;
    uint32_t weir__ended;
};

/* Starts the producer, for values of 1..WEIR_VALUE_MAX bytes; ended by weir_generator_close, by the
 * same task. `arg` is borrowed until then. The deadline and the cancellation of the caller are the
 * producer's, too. Does not suspend. Errors, with nothing started: WEIR_ENOTASK, WEIR_EINVAL,
 * WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ECANCELED. */
WEIR_PUBLIC int weir_generator_open(weir_generator *generator, size_t value_size,
                                    weir_generator_fn *fn, void *arg);

/* Gets the next value: 1. 0 if the producer has ended, and every time after that; its failure, if
 * it has failed. Suspends until there is something. *out is untouched unless 1 is returned. By one
 * task at a time. WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM: the caller was stopped, and no value
 * is lost; WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_generator_next(weir_generator *generator, void *out);

/* Gives a value to the consumer, which copies it. Suspends until it is taken. 0; WEIR_ECANCELED: no
 * more is wanted, or the caller was stopped; WEIR_EDEADLINE, WEIR_ENOMEM. By the producer, or a
 * task that it has started. */
WEIR_PUBLIC int weir_generator_yield(weir_generator *generator, const void *value);

/* Ends the generator: cancels the producer if it has not ended, and waits until it has. Suspends,
 * whatever happens. 0, or the failure of the producer; that it was cancelled is none. WEIR_ENOTASK.
 * By the task that opened it: everything else is a fatal error. */
WEIR_PUBLIC int weir_generator_close(weir_generator *generator);

#ifdef __cplusplus
}
#endif
#endif
