/* pipeline.c - stages joined by channels: a generator, a map on several tasks, a select over
 * results and time.
 *
 *   cc -o pipeline pipeline.c $(pkg-config --cflags --libs weir)
 *   ./pipeline 1000000
 *
 * Which number below a million has the longest way to 1, if even ones are halved and odd ones are
 * tripled and incremented? A generator cuts the numbers into pieces, which one task sends into a
 * channel; a map computes four of them at a time; and the main task gathers what is found, and
 * tells every second how far it is. The channels hold few pieces, so a fast stage waits for a slow
 * one. When the pieces end the map has closed the results.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>

enum {
    PIECE = 10000,
    COMPUTING = 4
};

struct piece {
    uint64_t from, to;
};

struct found {
    uint64_t number, steps, tried;
};

struct pipeline {
    uint64_t limit;
    weir_chan pieces, results;
};

static int cut(weir_generator *generator, void *arg)
{
    const struct pipeline *pipeline = arg;
    struct piece piece = {1, 1};
    int rc = 0;

    while (rc == 0 && piece.to < pipeline->limit) {
        piece.from = piece.to;
        piece.to += PIECE;
        if (piece.to > pipeline->limit)
            piece.to = pipeline->limit;
        rc = weir_generator_yield(generator, &piece);
    }
    return rc;
}

static int feed(void *arg)
{
    struct pipeline *pipeline = arg;
    struct piece piece;
    weir_generator pieces;
    int failed, rc = weir_generator_open(&pieces, sizeof piece, cut, pipeline);

    if (rc < 0)
        return rc;
    while ((rc = weir_generator_next(&pieces, &piece)) == 1) {
        rc = weir_chan_send(pipeline->pieces, &piece);
        if (rc < 0)
            break;
    }
    failed = weir_generator_close(&pieces);
    rc = rc < 0 ? rc : failed;
    weir_chan_close(pipeline->pieces, rc < 0 ? rc : WEIR_EEOF);
    return rc;
}

static uint64_t steps_of(uint64_t number)
{
    uint64_t steps = 0;

    for (; number != 1; steps++)
        number = number % 2 ? 3 * number + 1 : number / 2;
    return steps;
}

static int longest(const void *value, void *result, void *arg)
{
    const struct piece *piece = value;
    struct found *found = result;

    (void)arg;
    *found = (struct found){.tried = piece->to - piece->from};
    for (uint64_t number = piece->from; number < piece->to; number++) {
        uint64_t steps = steps_of(number);

        if (steps > found->steps || !found->number) {
            found->number = number;
            found->steps = steps;
        }
    }
    return 0;
}

static int compute(void *arg)
{
    struct pipeline *pipeline = arg;
    struct weir_map_options options = {.concurrency = COMPUTING};

    return weir_map(pipeline->pieces, pipeline->results, longest, NULL, &options);
}

/* Gathers until the results are closed. */
static int gather(const struct pipeline *pipeline, struct found *best)
{
    struct found found;
    weir_case cases[2];
    int which;

    weir_case_recv(&cases[0], pipeline->results, &found);
    weir_case_after(&cases[1], WEIR_SECONDS(1));
    while ((which = weir_select(cases, 2)) >= 0) {
        if (which == 1) {
            fprintf(stderr, "%" PRIu64 " of %" PRIu64 "\n", best->tried, pipeline->limit - 1);
            weir_case_after(&cases[1], WEIR_SECONDS(1));
        } else if (cases[0].result < 0) {
            return cases[0].result == WEIR_EEOF ? 0 : (int)cases[0].result;
        } else {
            found.tried += best->tried;
            if (found.steps < best->steps) {
                found.number = best->number;
                found.steps = best->steps;
            }
            *best = found;
        }
    }
    return which;
}

static int run(struct pipeline *pipeline, struct found *best)
{
    weir_scope scope;
    int rc = weir_scope_open(&scope), failed;

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, feed, pipeline);
    if (rc == 0)
        rc = weir_spawn(&scope, compute, pipeline);
    if (rc == 0)
        rc = gather(pipeline, best);
    if (rc < 0)
        weir_scope_cancel(&scope);
    failed = weir_scope_join(&scope);
    return rc < 0 ? rc : failed;
}

static int app(void *arg)
{
    struct pipeline pipeline = {.limit = *(uint64_t *)arg};
    struct found best = {0};
    int rc = weir_chan_create(&pipeline.pieces, sizeof(struct piece), COMPUTING);

    if (rc == 0)
        rc = weir_chan_create(&pipeline.results, sizeof(struct found), COMPUTING);
    if (rc == 0)
        rc = run(&pipeline, &best);
    weir_chan_destroy(pipeline.pieces);
    weir_chan_destroy(pipeline.results);
    if (rc == 0)
        printf("%" PRIu64 " takes %" PRIu64 " steps, of %" PRIu64 " tried\n", best.number,
               best.steps, best.tried);
    return rc;
}

int main(int argc, char **argv)
{
    uint64_t limit = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    int rc = weir_run(app, &limit, NULL);

    if (rc < 0)
        fprintf(stderr, "pipeline: %s\n", weir_strerror(rc));
    return rc < 0;
}
