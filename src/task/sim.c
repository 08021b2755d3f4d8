/* task/sim.c - simulated runs, hosts and links for programs; see <weir/sim.h>.
 *
 * A host's record lives as long as its run. The main function of a host is a task of the root.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <weir/options.h>
#include <weir/sim.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "base/line.h"
#include "base/options.h"
#include "core/replay.h"
#include "core/sim.h"
#include "sys/current.h"
#include "task/drive.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/worker.h"

#define LIMIT_DEFAULT_NS WEIR_SECONDS(3600)
#define STEPS_DEFAULT    10000000
#define WORKERS_MOST     4
#define LOOK_NS          WEIR_MILLISECONDS(1)
#define LATENCY_MOST_NS  WEIR_SECONDS(3600)
#define ADDRESS_TEXT_MAX 16

struct host {
    weir_task_fn *fn;
    void *arg;
};

struct run {
    weir_task_fn *fn;
    void *arg;
    const struct weir_sim_options *options;
};

static const struct run *current;             /* one a process, as the simulation */
static struct host hosts[WEIR_SIM_HOSTS_MAX]; /* of that run */

static struct weir__drive *drive_of(const struct weir__task *task)
{
    return task ? weir__runtime_drive(task->runtime) : NULL;
}

/* ---- hosts ---- */

static int host_main(void *arg)
{
    const struct host *host = arg;

    (void)host->fn(host->arg);
    return 0;
}

static int start_host(struct weir__task *task, uint32_t number)
{
    struct weir__drive *drive = drive_of(task);
    struct weir_spawn_options options = {.name = weir__sim_host_name(number)};
    uint32_t life = weir__sim_host_up(number);
    int rc;

    if (life == UINT32_MAX)
        return WEIR_ENOMEM;
    weir__drive_expect(drive, life);
    rc = weir__task_start(task->worker, weir__runtime_root(task->runtime), host_main,
                          &hosts[number], &options);
    if (rc < 0)
        weir__sim_host_down(number);
    return rc;
}

static bool is_name(const char *name)
{
    size_t i, len = strnlen(name, WEIR__SIM_NAME_MAX);

    for (i = 0; i < len; i++) {
        char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
              || c == '-'))
            return false;
    }
    return len > 0 && len < WEIR__SIM_NAME_MAX;
}

int weir_sim_host_start(const char *name, weir_task_fn *fn, void *arg, weir_sim_host *host)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int number, rc;

    if (!drive_of(task) || !current)
        return WEIR_ENOTSUP;
    if (!is_name(name))
        return WEIR_EINVAL;
    number = weir__sim_host_add(name);
    if (number < 0)
        return number;
    hosts[number] = (struct host){fn, arg};
    rc = start_host(task, (uint32_t)number);
    if (rc == 0)
        host->number = (uint32_t)number;
    return rc;
}

/* The driver, or an error: for calls about a host that was started. */
static int check_host(const struct weir__task *task, weir_sim_host host)
{
    if (!drive_of(task) || !current)
        return WEIR_ENOTSUP;
    return host.number == 0 || host.number >= weir__sim_host_count() ? WEIR_EINVAL : 0;
}

int weir_sim_host_crash(weir_sim_host host)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc = check_host(task, host);

    if (rc < 0)
        return rc;
    if (!weir__sim_host_life(host.number))
        return WEIR_EBUSY;
    weir__sim_host_down(host.number);
    weir__drive_sweep(drive_of(task));
    return 0;
}

/* Waits until the tasks of the host's last life have ended. */
static int await_end(struct weir__task *task, uint32_t number)
{
    int rc = 0;

    while (rc == 0 && weir__drive_count(drive_of(task), weir__sim_host_last(number)))
        rc = weir_sleep(LOOK_NS);
    return rc;
}

int weir_sim_host_restart(weir_sim_host host)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    int rc = check_host(task, host);

    if (rc < 0)
        return rc;
    if (weir__sim_host_life(host.number))
        return WEIR_EBUSY;
    rc = await_end(task, host.number);
    if (rc < 0)
        return rc;
    if (weir__sim_host_life(host.number)) /* somebody else was faster */
        return WEIR_EBUSY;
    return start_host(task, host.number);
}

weir_sim_host weir_sim_host_current(void)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    weir_sim_host host = {drive_of(task) ? weir__sim_life_host(task->life) : 0};

    return host;
}

int weir_sim_host_address(weir_sim_host host, char *out, size_t cap)
{
    WEIR__CALL;
    struct in_addr address;

    if (!drive_of(weir__task_current()))
        return WEIR_ENOTSUP;
    if (host.number >= weir__sim_host_count())
        return WEIR_EINVAL;
    if (cap < ADDRESS_TEXT_MAX)
        return WEIR_ENOBUFS;
    address.s_addr = weir__sim_host_address(host.number);
    inet_ntop(AF_INET, &address, out, (socklen_t)cap);
    return (int)strlen(out);
}

/* ---- links ---- */

static int check_pair(weir_sim_host a, weir_sim_host b)
{
    if (!drive_of(weir__task_current()))
        return WEIR_ENOTSUP;
    return a.number >= weir__sim_host_count() || b.number >= weir__sim_host_count() ? WEIR_EINVAL
                                                                                    : 0;
}

static bool make_sense(const struct weir_sim_link_options *o)
{
    return o->latency_min_ns >= 0 && o->latency_max_ns >= o->latency_min_ns
           && o->latency_max_ns <= LATENCY_MOST_NS && o->loss_permille <= 1000
           && o->duplicate_permille <= 1000 && o->reorder_permille <= 1000;
}

int weir_sim_link_n(weir_sim_host a, weir_sim_host b, const struct weir_sim_link_options *options,
                    size_t options_size)
{
    WEIR__CALL;
    struct weir_sim_link_options o = {0};
    int rc = check_pair(a, b);

    if (rc == 0)
        rc = weir__options_copy(&o, sizeof o, options, options_size);
    if (rc < 0)
        return rc;
    return make_sense(&o) ? weir__sim_link_set(a.number, b.number, &o) : WEIR_EOPTION;
}

int weir_sim_partition(weir_sim_host a, weir_sim_host b)
{
    WEIR__CALL;
    int rc = check_pair(a, b);

    return rc < 0 ? rc : weir__sim_link_cut(a.number, b.number, true);
}

int weir_sim_heal(weir_sim_host a, weir_sim_host b)
{
    WEIR__CALL;
    int rc = check_pair(a, b);

    return rc < 0 ? rc : weir__sim_link_cut(a.number, b.number, false);
}

int weir_sim_reset(weir_sim_host a, weir_sim_host b)
{
    WEIR__CALL;
    int rc = check_pair(a, b);

    if (rc == 0)
        weir__sim_link_reset(a.number, b.number);
    return rc;
}

/* ---- disks ---- */

static bool is_disk(const struct weir_sim_disk_options *o)
{
    return o->latency_min_ns >= 0 && o->latency_max_ns >= o->latency_min_ns
           && o->latency_max_ns <= LATENCY_MOST_NS && o->short_permille <= 1000
           && o->read_error_permille <= 1000 && o->write_error_permille <= 1000
           && o->sync_error_permille <= 1000;
}

static int check_disk(weir_sim_host host)
{
    if (!drive_of(weir__task_current()) || !weir__sim_disk_on())
        return WEIR_ENOTSUP;
    return host.number >= weir__sim_host_count() ? WEIR_EINVAL : 0;
}

int weir_sim_disk_n(weir_sim_host host, const struct weir_sim_disk_options *options,
                    size_t options_size)
{
    WEIR__CALL;
    struct weir_sim_disk_options o = {0};
    int rc = check_disk(host);

    if (rc == 0)
        rc = weir__options_copy(&o, sizeof o, options, options_size);
    if (rc < 0)
        return rc;
    return is_disk(&o) ? weir__sim_disk_set(host.number, &o) : WEIR_EOPTION;
}

int weir_sim_disk_crash(weir_sim_host host)
{
    WEIR__CALL;
    int rc = check_disk(host);

    if (rc == 0)
        weir__sim_disk_crash(host.number);
    return rc;
}

/* ---- choices ---- */

uint64_t weir_sim_seed(void)
{
    return weir__sim_seed();
}

uint64_t weir_sim_trace(void)
{
    return weir__sim_trace();
}

uint64_t weir_sim_random(void)
{
    WEIR__CALL;

    return drive_of(weir__task_current()) ? weir__sim_draw() : 0;
}

uint32_t weir_sim_below(uint32_t n)
{
    WEIR__CALL;

    return n && drive_of(weir__task_current()) ? weir__sim_below(n) : 0;
}

/* ---- runs ---- */

static int run_main(void *arg)
{
    struct run *run = arg;
    uint32_t i;
    int rc;

    (void)weir__sim_link_set(WEIR__SIM_ALL, 0, &run->options->link);
    if (run->options->disks == WEIR_ON)
        (void)weir__sim_disk_set(WEIR__SIM_ALL, &run->options->disk);
    rc = run->fn(run->arg);
    for (i = 1; i < weir__sim_host_count(); i++) {
        if (weir__sim_host_life(i))
            (void)weir_sim_host_crash((weir_sim_host){i});
    }
    return rc;
}

/* A seed from the environment: 0 if there is none. */
static uint64_t wanted_seed(void)
{
    const char *text = getenv("WEIR_SEED");

    return text ? strtoull(text, NULL, 10) : 0;
}

static int run_one(struct run *run, const struct weir_sim_options *o, uint64_t seed)
{
    struct weir_runtime_options options = {
        .backend = WEIR_BACKEND_SIM,
        .seed = seed ? seed : weir__sim_new_seed(),
        .workers = o->workers,
    };
    struct weir__drive_limits limits = {
        .strict = true,
        .quiet = o->quiet,
        .until_ns = o->limit_ns == WEIR_FOREVER ? UINT64_MAX
                    : o->limit_ns               ? (uint64_t)o->limit_ns
                                                : (uint64_t)LIMIT_DEFAULT_NS,
        .steps_max = o->steps_max ? o->steps_max : STEPS_DEFAULT,
    };
    int rc;

    if (!options.workers)
        options.workers = 1 + (uint32_t)(weir__sim_scramble(options.seed) % WORKERS_MOST);
    weir__drive_wish = &limits;
    current = run;
    rc = weir_run(run_main, run, &options);
    current = NULL;
    weir__drive_wish = NULL;
    if (rc < 0 && !o->quiet)
        weir__replay_tell(weir_error_name(rc));
    return rc;
}

static int check(struct weir_sim_options *o, const struct weir_sim_options *options,
                 size_t options_size)
{
    int rc = weir__options_copy(o, sizeof *o, options, options_size);

    if (rc < 0)
        return rc;
    if (o->workers > WEIR_WORKERS_MAX || o->limit_ns < 0 || !make_sense(&o->link)
        || o->disks > WEIR_OFF || !is_disk(&o->disk))
        return WEIR_EOPTION;
    return weir__current_worker() || weir__sim_on() ? WEIR_EBUSY : 0;
}

int weir_sim_run_n(weir_task_fn *fn, void *arg, const struct weir_sim_options *options,
                   size_t options_size)
{
    WEIR__CALL;
    struct weir_sim_options o = {0};
    struct run run = {.fn = fn, .arg = arg, .options = &o};
    int rc = check(&o, options, options_size);

    return rc < 0 ? rc : run_one(&run, &o, o.seed ? o.seed : wanted_seed());
}

int weir_sim_seeds_n(weir_task_fn *fn, void *arg, uint64_t first, uint64_t count,
                     const struct weir_sim_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_sim_options o = {0};
    struct run run = {.fn = fn, .arg = arg, .options = &o};
    uint64_t i, only = wanted_seed();
    int rc = check(&o, options, options_size);

    if (rc < 0)
        return rc;
    if (only)
        return run_one(&run, &o, only);
    for (i = 0; i < count && rc >= 0; i++)
        rc = run_one(&run, &o, first + i);
    return rc < 0 ? rc : 0;
}
