/* workshop.c - tasks that share: a limit, something that is made once, and an end that is awaited.
 *
 *   cc -o workshop workshop.c $(pkg-config --cflags --libs weir)
 *   ./workshop 10
 *
 * So many visitors (10) come to a workshop that has three benches. The first of them turns the
 * light on, which takes a while, and the others wait for it. When all have finished the keeper is
 * told how many were inside at most: "10 visitors, at most 3 at once, light turned on 1 time".
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>

struct workshop {
    weir_semaphore benches;
    weir_once light;
    weir_latch finished;
    weir_mutex mutex; /* guards the numbers */
    int inside, most, switched;
};

static int turn_light_on(void *arg)
{
    struct workshop *workshop = arg;

    workshop->switched++;
    return weir_sleep(WEIR_MILLISECONDS(20));
}

static int step(struct workshop *workshop, int by)
{
    int rc = weir_mutex_lock(&workshop->mutex);

    if (rc < 0)
        return rc;
    workshop->inside += by;
    if (workshop->inside > workshop->most)
        workshop->most = workshop->inside;
    weir_mutex_unlock(&workshop->mutex);
    return 0;
}

static int work(struct workshop *workshop)
{
    int rc = step(workshop, 1);

    if (rc == 0)
        rc = weir_sleep(WEIR_MILLISECONDS(10));
    if (rc == 0)
        rc = step(workshop, -1);
    return rc;
}

static int use_a_bench(struct workshop *workshop)
{
    int rc = weir_semaphore_acquire(&workshop->benches);

    if (rc < 0)
        return rc;
    rc = work(workshop);
    weir_semaphore_release(&workshop->benches);
    return rc;
}

static int visit(void *arg)
{
    struct workshop *workshop = arg;
    int rc = weir_once_run(&workshop->light, turn_light_on, workshop);

    if (rc == 0)
        rc = use_a_bench(workshop);
    weir_latch_count_down(&workshop->finished, 1); /* whatever happened */
    return rc;
}

static int keep(void *arg)
{
    int visitors = *(int *)arg;
    struct workshop workshop = {.benches = WEIR_SEMAPHORE_INIT(3),
                                .finished = WEIR_LATCH_INIT(visitors)};
    weir_scope scope;
    int i, rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    for (i = 0; i < visitors && rc == 0; i++)
        rc = weir_spawn(&scope, visit, &workshop);
    if (rc == 0)
        rc = weir_latch_wait(&workshop.finished);
    if (rc < 0)
        weir_scope_cancel(&scope);
    else
        printf("%d visitors, at most %d at once, light turned on %d time\n", visitors,
               workshop.most, workshop.switched);
    i = weir_scope_join(&scope);
    return rc < 0 ? rc : i;
}

int main(int argc, char **argv)
{
    int visitors = argc > 1 ? atoi(argv[1]) : 10;
    int rc = weir_run(keep, &visitors, NULL);

    if (rc < 0)
        fprintf(stderr, "workshop: %s\n", weir_strerror(rc));
    return rc < 0;
}
