/* bench/peers/uv_micro.c - what libuv's timers and its pool cost: the rows of bench/weir/micro.c
 * that it has. The best of five repetitions.
 *
 * timer: started and stopped again. blocking: uv_queue_work with a job that does nothing, one after
 * another; blocking_batch: 16 at once, the time for all.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum {
    TIMERS = 1000,
    TIMER_ROUNDS = 200,
    JOBS = 2000,
    JOB_BATCH = 16,
    REPEATS = 5
};

static uv_timer_t timers[TIMERS];

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
}

static double timer_ns(uv_loop_t *loop)
{
    uint64_t begun = uv_hrtime();

    for (int round = 0; round < TIMER_ROUNDS; round++) {
        for (int i = 0; i < TIMERS; i++)
            uv_timer_start(&timers[i], on_timer, 60000, 0);
        for (int i = 0; i < TIMERS; i++)
            uv_timer_stop(&timers[i]);
        uv_run(loop, UV_RUN_NOWAIT);
    }
    return (double)(uv_hrtime() - begun) / (TIMERS * TIMER_ROUNDS);
}

static void work(uv_work_t *job)
{
    (void)job;
}

static void on_done(uv_work_t *job, int status)
{
    int *left = job->data;

    (void)status;
    --*left;
}

/* Jobs in batches: the time of a batch. */
static double batch_ns(uv_loop_t *loop, int size)
{
    static uv_work_t jobs[JOB_BATCH];
    uint64_t begun = uv_hrtime();

    for (int done = 0; done < JOBS / size; done++) {
        int left = size;

        for (int i = 0; i < size; i++) {
            jobs[i].data = &left;
            if (uv_queue_work(loop, &jobs[i], work, on_done))
                exit(1);
        }
        while (left > 0)
            uv_run(loop, UV_RUN_ONCE);
    }
    return (double)(uv_hrtime() - begun) / (JOBS / size);
}

static void keep(double *best, double ns)
{
    if (*best == 0 || ns < *best)
        *best = ns;
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    double timer = 0, one = 0, batch = 0;

    for (int i = 0; i < TIMERS; i++)
        uv_timer_init(loop, &timers[i]);
    for (int i = 0; i < REPEATS; i++) {
        keep(&timer, timer_ns(loop));
        keep(&one, batch_ns(loop, 1));
        keep(&batch, batch_ns(loop, JOB_BATCH));
    }
    printf("{\"timer_ns\":%.4g,\"blocking_ns\":%.4g,\"blocking_batch_ns\":%.4g}\n", timer, one,
           batch);
    return 0;
}
