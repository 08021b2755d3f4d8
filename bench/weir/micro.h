/* bench/weir/micro.h - what the programs that measure small costs share: figures by name, of each
 * the smallest that was seen, printed as one line of JSON.
 *
 * Included first: it asks for what else the C library has.
 */
#ifndef WEIR_BENCH_WEIR_MICRO_H
#define WEIR_BENCH_WEIR_MICRO_H

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/error.h>
#include <weir/time.h>

#define MICRO_FIGURES_MAX 64

static struct {
    const char *name; /* borrowed; ends with the unit */
    double value;
} micro_figures[MICRO_FIGURES_MAX];
static size_t micro_count;

/* Ends the program if a call has failed. */
static inline void check(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, weir_strerror(rc));
        exit(1);
    }
}

/* Nanoseconds for each of `count` repetitions of what has happened since `begun_ns`. */
static inline double each(uint64_t begun_ns, int count)
{
    return (double)(weir_now_ns() - begun_ns) / count;
}

/* Notes a figure, unless a smaller one of this name is there. */
static inline void keep(const char *name, double value)
{
    size_t i;

    for (i = 0; i < micro_count && strcmp(micro_figures[i].name, name) != 0; i++)
        ;
    if (i == MICRO_FIGURES_MAX)
        abort();
    if (i == micro_count)
        micro_figures[micro_count++].name = name;
    else if (value >= micro_figures[i].value)
        return;
    micro_figures[i].value = value;
}

static inline double kept(const char *name)
{
    size_t i;

    for (i = 0; i < micro_count && strcmp(micro_figures[i].name, name) != 0; i++)
        ;
    return i < micro_count ? micro_figures[i].value : 0;
}

static inline void print_figures(void)
{
    size_t i;

    for (i = 0; i < micro_count; i++)
        printf("%s\"%s\":%.4g", i ? "," : "{", micro_figures[i].name, micro_figures[i].value);
    puts("}");
}

/* The argument of this number, or what stands for it. */
static inline uint32_t argument(int argc, char **argv, int number, uint32_t otherwise)
{
    return argc > number ? (uint32_t)atoi(argv[number]) : otherwise;
}

/* Computes for about so many microseconds: the same work whatever else the processor does, and the
 * same as in the programs of the peers. */
static inline uint64_t compute(uint64_t microseconds)
{
    uint64_t x = microseconds | 1, i;

    for (i = 0; i < microseconds * 500; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    __asm__ volatile("" : : "r"(x));
    return x;
}

#endif
