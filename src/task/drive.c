/* task/drive.c - see drive.h. */
#include "task/drive.h"

#include <string.h>
#include <weir/runtime.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "base/container.h"
#include "base/line.h"
#include "base/list.h"
#include "core/offload.h"
#include "core/replay.h"
#include "core/sim.h"
#include "sys/current.h"
#include "sys/fatal.h"
#include "sys/log.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/worker.h"

#define BATCH_MOST      16
#define STEP_MOST_NS    2000 /* what a step takes, most often nothing */
#define PAUSE_ONE_IN    64   /* steps that take as long as the next */
#define PAUSE_MOST_NS   200000
#define STEAL_ONE_IN    4  /* steps of a worker that has no work of its own */
#define LOOK_EVERY      64 /* steps between two looks at real descriptors */
#define JOB_LEAST_NS    10000
#define JOB_MOST_NS     5000000
#define AFTERMATH_STEPS 1000000 /* of a run that was ended */

const struct weir__drive_limits *weir__drive_wish;

/* ---- lives ---- */

static uint32_t whose(void)
{
    const struct weir__task *task = weir__task_current();

    return task ? task->life : 0;
}

uint32_t weir__drive_birth(struct weir__drive *drive, const struct weir__scope *scope)
{
    const struct weir__task *task = weir__task_current();
    uint32_t life = task ? task->life : scope->life;

    if (drive->born_elsewhere)
        life = drive->birth_life;
    drive->born_elsewhere = false;
    if (weir__sim_life_over(life))
        drive->swept = false;
    return life;
}

void weir__drive_expect(struct weir__drive *drive, uint32_t life)
{
    drive->born_elsewhere = true;
    drive->birth_life = life;
}

void weir__drive_sweep(struct weir__drive *drive)
{
    drive->swept = false;
}

static void set_current(struct weir__worker *worker)
{
    weir__current_set_worker(worker);
    weir__current_set_loop(worker ? worker->loop : NULL);
}

static void cancel_if_over(void *object, void *arg)
{
    struct weir__task *task = object;

    (void)arg;
    if (task->id && weir__sim_life_over(task->life))
        weir__task_cancel(task);
}

static void sweep(struct weir__drive *drive)
{
    uint32_t i;

    drive->swept = true;
    for (i = 1; i <= weir__runtime_workers(drive->runtime); i++) {
        struct weir__worker *worker = weir__runtime_worker(drive->runtime, i);

        set_current(worker);
        weir__slab_each(&worker->tasks, cancel_if_over, NULL);
    }
    set_current(NULL);
}

struct head_count {
    uint32_t life, count;
};

static void count_one(void *object, void *arg)
{
    const struct weir__task *task = object;
    struct head_count *heads = arg;

    heads->count += task->id && task->life == heads->life;
}

uint32_t weir__drive_count(const struct weir__drive *drive, uint32_t life)
{
    struct head_count heads = {life, 0};
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(drive->runtime); i++)
        weir__slab_each(&weir__runtime_worker(drive->runtime, i)->tasks, count_one, &heads);
    return heads.count;
}

/* ---- jobs of the blocking pool ---- */

struct job_event {
    struct weir__sim_event event;
    struct weir__list link; /* of all that have not come */
    uint32_t group;
};

static struct weir__list jobs; /* under the kernel's lock: any thread hires */

static uint32_t end_job(struct job_event *job)
{
    WEIR__SIM_CALL;
    uint32_t group = job->group;

    weir__sim_unschedule(&job->event);
    weir__list_remove(&job->link);
    weir__free(job);
    return group;
}

static void run_job(struct weir__sim_event *event)
{
    uint32_t group = end_job(WEIR_CONTAINER_OF(event, struct job_event, event));

    weir__offload_run_one(group, weir__sim_below(BATCH_MOST));
}

/* Those of jobs that were withdrawn. */
static void end_jobs(void)
{
    while (!weir__list_empty(&jobs))
        (void)end_job(WEIR_CONTAINER_OF(jobs.next, struct job_event, link));
}

static int hire(uint32_t group)
{
    WEIR__SIM_CALL;
    int64_t least_ns = JOB_LEAST_NS, most_ns = JOB_MOST_NS;
    struct job_event *job = weir__calloc(1, sizeof *job);

    if (!job)
        return WEIR_ENOMEM;
    if (group == WEIR_BLOCKING_FILES)
        (void)weir__sim_disk_takes(&least_ns, &most_ns);
    job->group = group;
    job->event.fire = run_job;
    job->event.is_outside = true;
    weir__list_push_back(&jobs, &job->link);
    weir__sim_schedule(&job->event,
                       weir__now_ns() + (uint64_t)weir__sim_between(least_ns, most_ns));
    return 0;
}

/* ---- choosing ---- */

uint32_t weir__drive_batch(void)
{
    return 1 + weir__sim_below(BATCH_MOST);
}

uint32_t weir__drive_random(void)
{
    return (uint32_t)weir__sim_draw() | 1;
}

static bool has_something(const struct weir__worker *worker, uint64_t now_ns)
{
    const weir_loop *loop = worker->loop;

    return weir__sched_has_work(worker) || weir__loop_pending(loop) || weir__loop_called(loop)
           || loop->unfinished || weir__wheel_next(&loop->wheel) <= now_ns;
}

/* One of the workers that have anything to do, or one that may steal from them; NULL: none. */
static struct weir__worker *choose(struct weir__drive *drive)
{
    WEIR__SIM_CALL; /* other threads may bring operations back */
    uint32_t busy[WEIR_WORKERS_MAX], count = 0, i;
    uint32_t workers = weir__runtime_workers(drive->runtime);
    uint64_t now_ns = weir__now_ns();

    for (i = 1; i <= workers; i++) {
        if (has_something(weir__runtime_worker(drive->runtime, i), now_ns))
            busy[count++] = i;
    }
    if (count == 0)
        return NULL;
    if (workers > count && weir__sim_below(STEAL_ONE_IN) == 0)
        i = 1 + weir__sim_below(workers);
    else
        i = busy[count > 1 ? weir__sim_below(count) : 0];
    weir__sim_note(i);
    return weir__runtime_worker(drive->runtime, i);
}

/* ---- time ---- */

static void pass_time(const struct weir__drive *drive)
{
    WEIR__SIM_CALL; /* once for the choices in it */

    if (!drive->free_steps)
        weir__sim_move(
            weir__now_ns()
            + weir__sim_below(weir__sim_below(PAUSE_ONE_IN) ? STEP_MOST_NS : PAUSE_MOST_NS));
}

static uint64_t next_moment(struct weir__drive *drive)
{
    uint64_t next_ns = weir__sim_next_ns();
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(drive->runtime); i++) {
        uint64_t due_ns = weir__wheel_next(&weir__runtime_worker(drive->runtime, i)->loop->wheel);

        if (due_ns < next_ns)
            next_ns = due_ns;
    }
    return next_ns;
}

/* ---- the end of a run that has failed ---- */

static void tell_task(void *object, void *arg)
{
    const struct weir__task *task = object;
    struct weir__line line;

    (void)arg;
    if (!task->id)
        return;
    weir__line_init(&line);
    weir__line_add(&line, "task ");
    weir__line_add_cut(&line, task->name, 64);
    weir__line_add(&line, " on host ");
    weir__line_add(&line, weir__sim_host_name(weir__sim_life_host(task->life)));
    weir__line_add(&line, " has not ended");
    weir__log(WEIR_LOG_ERROR, line.text);
}

static void tell_tasks(struct weir__drive *drive)
{
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(drive->runtime); i++)
        weir__slab_each(&weir__runtime_worker(drive->runtime, i)->tasks, tell_task, NULL);
}

/* Names the tasks and cancels them; a second time nothing helps. */
static void give_up(struct weir__drive *drive, int failure)
{
    if (!drive->limits.quiet || drive->failure)
        tell_tasks(drive);
    if (drive->failure)
        weir__fatal("weir: the tasks of a simulation do not end after they were cancelled");
    drive->failure = failure;
    drive->steps_left = AFTERMATH_STEPS;
    drive->limits.until_ns = UINT64_MAX;
    weir__scope_cancel(weir__runtime_root(drive->runtime));
}

/* ---- sleeping ---- */

/* Nothing will happen by itself: until another thread or a real descriptor has something. */
static void sleep_outside(struct weir__drive *drive)
{
    uint32_t i, count = weir__runtime_workers(drive->runtime);
    bool awake = false;

    for (i = 1; i <= count; i++)
        awake |= !weir__loop_fall_asleep(weir__runtime_worker(drive->runtime, i)->loop);
    if (!awake && drive->limits.strict && !weir__sim_waits_outside())
        give_up(drive, WEIR_EDEADLK);
    else if (!awake)
        (void)weir__sim_look(true);
    for (i = 1; i <= count; i++)
        weir__loop_awake(weir__runtime_worker(drive->runtime, i)->loop);
}

static void idle(struct weir__drive *drive)
{
    uint64_t next_ns;

    if (weir__sim_look(false))
        return;
    next_ns = next_moment(drive);
    if (next_ns == UINT64_MAX) {
        sleep_outside(drive);
    } else if (next_ns > drive->limits.until_ns) {
        give_up(drive, WEIR_ETIMEDOUT);
    } else {
        weir__sim_move(next_ns);
    }
}

/* ---- driving ---- */

static void turn(struct weir__drive *drive)
{
    struct weir__worker *worker;

    if (!drive->swept)
        sweep(drive);
    weir__sim_fire();
    worker = choose(drive);
    if (!worker) {
        idle(drive);
        return;
    }
    set_current(worker);
    weir__runtime_step(worker);
    set_current(NULL);
    pass_time(drive);
    if (++drive->steps % LOOK_EVERY == 0)
        (void)weir__sim_look(false);
    if (--drive->steps_left == 0)
        give_up(drive, WEIR_ELIMIT);
}

static bool any_has_rest(const struct weir__drive *drive)
{
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(drive->runtime); i++) {
        if (weir__runtime_has_rest(weir__runtime_worker(drive->runtime, i)))
            return true;
    }
    return false;
}

static void for_each(struct weir__drive *drive, void (*visit)(struct weir__worker *worker))
{
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(drive->runtime); i++) {
        struct weir__worker *worker = weir__runtime_worker(drive->runtime, i);

        set_current(worker);
        visit(worker);
        set_current(NULL);
    }
}

static void end_streams(struct weir__worker *worker)
{
    if (worker->end_streams)
        worker->end_streams(worker);
    if (worker->end_sockets)
        worker->end_sockets(worker);
    if (worker->end_processes)
        worker->end_processes(worker);
}

static void last_poll(struct weir__worker *worker)
{
    weir__loop_poll(worker->loop, 0);
}

void weir__drive_run(struct weir__drive *drive)
{
    weir__sim_drive(!drive->free_steps);
    for_each(drive, weir__runtime_begin_thread);
    while (!weir__runtime_stopping(drive->runtime))
        turn(drive);
    for_each(drive, end_streams);
    while (any_has_rest(drive))
        turn(drive);
    for_each(drive, last_poll);
    for_each(drive, weir__runtime_end_thread);
}

/* ---- begin and end ---- */

int weir__drive_init(struct weir__drive *drive, struct weir__runtime *runtime, uint64_t seed,
                     bool free_steps)
{
    int rc = weir__sim_begin(seed);

    if (rc < 0)
        return rc;
    drive->runtime = runtime;
    drive->free_steps = free_steps;
    drive->swept = true;
    drive->limits.until_ns = UINT64_MAX;
    if (weir__drive_wish)
        drive->limits = *weir__drive_wish;
    drive->steps_left = drive->limits.steps_max ? drive->limits.steps_max : UINT64_MAX;
    if (drive->limits.until_ns != UINT64_MAX)
        drive->limits.until_ns += weir__now_ns();
    weir__sim_whose = whose;
    weir__list_init(&jobs);
    weir__offload_hire = hire;
    weir__replay_watch();
    return 0;
}

void weir__drive_fini(struct weir__drive *drive)
{
    (void)drive;
    weir__replay_unwatch();
    weir__offload_hire = NULL;
    end_jobs();
    weir__sim_end();
}
